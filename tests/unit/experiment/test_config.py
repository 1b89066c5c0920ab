"""Composition of scenarios, and the building of dataclasses from what was composed."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

import simedge
from simedge.errors import ConfigError
from simedge.experiment import catalog, config
from simedge.experiment.build import build, keys_of, plain
from simedge.policies.video.baselines import CameraOnly, VideoEdgeL
from simedge.policies.video.interface import VideoPolicy


@dataclass(frozen=True)
class Radio:
    rate_bps: float
    delay_s: float = 0.001
    frame_bytes: int = 1500
    timeout_s: float = field(default=math.inf, metadata={"infinite": True})

    def __post_init__(self) -> None:
        if self.rate_bps <= 0:
            raise ValueError(f"rate_bps: {self.rate_bps} is not > 0")


@dataclass(frozen=True)
class Box:
    radio: Radio
    name: str = "box"
    mode: Literal["fast", "slow"] = "fast"
    on: bool = True
    count: int = 1
    share: float | None = None
    pair: tuple[str, float] = ("a", 1.0)
    waits_s: tuple[float, ...] = ()
    weights: Mapping[str, float] = field(default_factory=dict)
    policy: VideoPolicy = field(default_factory=CameraOnly, metadata={"catalog": "policy"})

    def __post_init__(self) -> None:
        if self.count > 9:
            raise ValueError("radio.frame_bytes: too many boxes for such frames")


def box(**given: Any) -> Box:
    return build(Box, {"radio": {"rate_bps": 1e6}, **given})


def test_units_are_read_by_suffix_also_inside_sequences() -> None:
    made = box(radio={"rate_bps": "10 Mbps", "delay_s": "2ms", "frame_bytes": "2 kB"}, waits_s=["1 min", 2, "3 ms"])
    assert made.radio == Radio(1e7, 0.002, 2000)
    assert made.waits_s == (60.0, 2.0, 0.003)


def test_types_are_exact_but_whole_numbers_may_be_written_as_floats() -> None:
    made = box(count=3.0, share=1, weights={"a": 2}, pair=["x", 4])
    assert (made.count, made.share, made.weights, made.pair) == (3, 1.0, {"a": 2.0}, ("x", 4.0))
    assert [type(value) for value in (made.count, made.share, made.pair[1])] == [int, float, float]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"radio": {"rate_bps": "10 MB"}}, "radio.rate_bps: '10 MB' is not a quantity in bps"),
        ({"radio": {"rate_bps": "fast"}}, "radio.rate_bps: 'fast' is not a quantity in bps"),
        ({"radio": {"rate_bps": True}}, "radio.rate_bps: true is not a number"),
        ({"radio": {"rate_bps": math.nan}}, "radio.rate_bps: nan is not a value"),
        ({"radio": {"rate_bps": math.inf}}, "radio.rate_bps: inf is not finite"),
        ({"radio": {"rate_bps": "inf"}}, "radio.rate_bps: 'inf' is not finite"),
        ({"radio": {"rate_bps": 10**400}}, "radio.rate_bps: a number of that size cannot be used"),
        ({"radio": {"rate_bps": -1}}, "radio.rate_bps: -1.0 is not > 0"),
        ({"radio": {"rate_bps": 1, "frame_bytes": "1.5 B"}}, "radio.frame_bytes: '1.5 B' is not a whole number"),
        ({"radio": {"rate_bps": 1, "timeout_s": math.nan}}, "radio.timeout_s: nan is not a value"),
        ({"radio": {"rate_bps": 1, "delay": 1}}, "radio.delay: unknown key; did you mean 'radio.delay_s'?"),
        ({"radio": {}}, "radio.rate_bps: is missing"),
        ({"radio": 3}, "radio: needs keys of its own, not 3"),
        ({"rate_bps": 3}, "rate_bps: unknown key; did you mean 'radio.rate_bps'?"),
        ({"zzz": 3}, "zzz: unknown key; known: count, mode, name"),
        ({3: 3}, "3: unknown key"),
        ({"name": 3}, "name: 3 is not text"),
        ({"name": None}, "name: null is not text"),
        ({"mode": "fats"}, "mode: 'fats' is not a choice; did you mean 'fast'?"),
        ({"mode": True}, "mode: true is not a choice"),
        ({"on": 1}, "on: 1 is neither true nor false"),
        ({"count": True}, "count: true is not a whole number"),
        ({"count": 1.5}, "count: 1.5 is not a whole number"),
        ({"count": "3"}, "count: '3' is not a whole number"),
        ({"count": 10}, "radio.frame_bytes: too many boxes for such frames"),
        ({"share": "half"}, "share: 'half' is not a number"),
        ({"pair": ["a"]}, "pair: needs 2 values, not 1"),
        ({"pair": "ab"}, "pair: needs a list, not 'ab'"),
        ({"waits_s": ["1 s", "2 Mbps"]}, "waits_s.1: '2 Mbps' is not a quantity in s"),
        ({"weights": {"a": "x"}}, "weights.a: 'x' is not a number"),
        ({"weights": {1: 1.0}}, "weights: 1 is not text"),
        ({"weights": [1.0]}, "weights: needs names and values, not [1.0]"),
        ({"policy": "camera_onyl"}, "policy: there is no policy 'camera_onyl'; did you mean 'camera_only'?"),
        ({"policy": {"beta": 1}}, "policy: needs the name of a policy"),
        ({"policy": {"name": ["camera_only"]}}, "policy: needs the name of a policy"),
        (
            {"policy": {"name": "videoedge_l", "partition_pont": 0.5}},
            "policy.partition_pont: unknown key; did you mean 'policy.partition_point'?",
        ),
        ({"policy": {"name": "videoedge_l", "partition_point": 2}}, "policy.partition_point: 2.0 is not in [0, 1]"),
    ],
)
def test_what_cannot_be_used_is_named_with_its_full_key(given: dict[Any, Any], message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        build(Box, {"radio": {"rate_bps": 1e6}, **given})
    assert str(refused.value).startswith(message)
    assert "\n" not in str(refused.value)


def test_infinity_only_where_the_field_allows_it() -> None:
    assert box(radio={"rate_bps": 1, "timeout_s": "inf"}).radio.timeout_s == math.inf


def test_a_component_is_chosen_by_name_or_given_as_an_object() -> None:
    assert box(policy="camera_only").policy == CameraOnly()
    assert box(policy={"name": "videoedge_l", "partition_point": 0.25}).policy == VideoEdgeL(0.25)
    own = VideoEdgeL(0.5)
    assert box(policy=own).policy is own
    with pytest.raises(ConfigError, match=r"policy: <object object at .* is no policy; give it decide, due, start, or"):
        box(policy=object())
    with pytest.raises(ConfigError, match="policy: VideoEdgeL is a class, not a policy; make one"):
        box(policy=VideoEdgeL)


def test_plain_is_the_inverse_of_build() -> None:
    given = {"radio": {"rate_bps": "1 Gbps"}, "waits_s": ["1 ms"], "policy": "videoedge_l", "weights": {"b": 1, "a": 2}}
    made = build(Box, given)
    said = plain(made, given)
    assert said["policy"] == {"name": "videoedge_l", "partition_point": None}
    assert said["radio"]["rate_bps"] == 1e9
    assert build(Box, said) == made
    assert plain(made)["policy"]["name"] == "videoedge_l"  # found in the catalog when nobody says how it was chosen


def test_keys_of_names_nested_keys() -> None:
    assert {"radio", "radio.rate_bps", "policy"} <= set(keys_of(Box))


@pytest.mark.parametrize("name", catalog.names("policy"))
def test_every_policy_needs_nothing_but_its_name(name: str) -> None:
    assert isinstance(box(policy=name).policy, VideoPolicy)


# --- overrides ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        ("3", 3),
        ("-2.5e3", -2500.0),
        ("true", True),
        ("null", None),
        ("[1, 2.5, x]", [1, 2.5, "x"]),
        ("{a: 1, b: [2]}", {"a": 1, "b": [2]}),
        ("50 Mbps", "50 Mbps"),
        ("50Mbps", "50Mbps"),
        ("'50 Mbps'", "50 Mbps"),
        ('"a,b.csv"', "a,b.csv"),
        ("C:\\data\\(new)\\x.csv", "C:\\data\\(new)\\x.csv"),
        ("~/a=b & c;d#é'.csv", "~/a=b & c;d#é'.csv"),
        ("file(1).csv", "file(1).csv"),
        ("shuffle([1,2])", "shuffle([1,2])"),
        ("[1, 2", "[1, 2"),
        ("-5 %", "-5 %"),
    ],
)
def test_values_are_read_or_taken_as_typed(typed: str, value: object) -> None:
    override = config.parse(f"a.b={typed}")
    assert (override.key, override.value, override.sweep) == ("a.b", value, False)
    assert type(override.value) is type(value)


@pytest.mark.parametrize("typed", ["1,2", "a,b", "range(0,3)", "choice(a,b)", "glob(*)"])
def test_several_values_are_refused_and_the_way_out_is_named(typed: str) -> None:
    with pytest.raises(ConfigError, match="policy=a,b,c"):
        config.compose("campus", [f"slo_s={typed}"])


def test_an_existing_file_with_a_comma_needs_no_quotes(tmp_path: Path) -> None:
    path = tmp_path / "a,b.csv"
    path.touch()
    assert config.parse(f"workload.trace={path}").value == str(path)


def test_policies_expand_in_order_and_once() -> None:
    assert config.policies(["seed=1", "policy=b,a,b"]) == [["seed=1", "policy=b"], ["seed=1", "policy=a"]]
    assert config.policies(["seed=1"]) == [["seed=1"]]
    assert config.policies(["policy=choice(a,b)"]) == [["policy=a"], ["policy=b"]]
    with pytest.raises(ConfigError, match="policy"):
        config.policies(["policy=range(0,3)"])


# --- composition -------------------------------------------------------------------------------------------------

MINE = "# A scenario of my own\ndefaults: [campus, _self_]\nname: mine\n"


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", list(catalog.scenarios()))
def test_every_shipped_scenario_builds(name: str) -> None:
    scenario = simedge.load(name)
    assert scenario.check().name == name == scenario.resolved()["name"]
    assert catalog.about_file(catalog.scenarios()[name])


def test_values_and_choices_of_the_command_line() -> None:
    made = config.compose("campus", ["policy=centralized", "network.uplink_bps=50 Mbps", "+seed=3", "++slo_s=2 s"])
    assert made["policy"] == {"name": "centralized"}
    assert (made["network"]["uplink_bps"], made["seed"], made["slo_s"]) == ("50 Mbps", 3, "2 s")
    assert made["network"]["uplink"] == "fast_ethernet"
    assert "defaults" not in made


def test_later_overrides_win_and_mappings_merge() -> None:
    made = config.compose(
        "campus", ["seed=1", "seed=2", "workload.mix={car: 0.5}", "policy=centralized", "policy=camera_only"]
    )
    assert made["seed"] == 2
    assert made["workload"]["mix"] == {"car": 0.5, "person": 0.7, "other": 0.15}
    assert made["policy"]["name"] == "camera_only"


def test_a_mapping_with_a_name_replaces_the_component() -> None:
    made = config.compose("campus", ["policy={name: centralized}"])
    assert made["policy"] == {"name": "centralized"}


def test_the_choice_of_a_component_comes_before_its_fields() -> None:
    made = config.compose("campus", ["thing.part.size=3", "thing.part=round"])
    assert made["thing"] == {"part": {"name": "round", "size": 3}}


def test_scenarios_are_named_overridden_or_given_by_path(tmp_path: Path) -> None:
    path = write(tmp_path, "my, scenario (1).yaml", f"{MINE}seed: 7\n")
    assert config.compose(path)["seed"] == 7
    assert config.compose(str(path))["name"] == "mine"
    assert config.compose("campus", [f"scenario={path}"])["seed"] == 7
    assert config.compose("campus", ["scenario=traffic"])["name"] == "traffic"
    assert config.compose("my, scenario (1)", config_dir=tmp_path)["seed"] == 7


@pytest.mark.parametrize("name", ["a=b", "a:b", "a@b", "ü", "a.b", "a b"])
def test_any_file_name_will_do(tmp_path: Path, name: str) -> None:
    assert config.compose(write(tmp_path, f"{name}.yaml", "system: video\nseed: 3\n")) == {
        "system": "video",
        "seed": 3,
        "name": name,
    }


def test_what_is_in_the_users_folder_comes_first(tmp_path: Path) -> None:
    write(tmp_path, "scenarios/deep/mine.yaml", f"{MINE}policy: {{partition_point: null}}\n")
    write(tmp_path, "scenarios/network/fast_ethernet.yaml", "uplink: fast_ethernet\nuplink_bps: 1 Mbps\n")
    write(tmp_path, "scenarios/network/slow.yaml", "uplink: fast_ethernet\nuplink_bps: 9 kbps\n")
    write(tmp_path, "scenarios/policy/tuned.yaml", "name: videoedge_l\npartition_point: 0.25\n")
    assert sorted(set(catalog.scenarios(tmp_path)) - set(catalog.scenarios())) == ["mine"]
    assert config.compose("mine", config_dir=tmp_path)["network"]["uplink_bps"] == "1 Mbps"
    made = config.compose("campus", ["network=slow", "policy=tuned"], config_dir=tmp_path)
    assert made["network"]["uplink_bps"] == "9 kbps"
    assert made["policy"] == {"name": "videoedge_l", "partition_point": 0.25}
    with pytest.raises(ConfigError, match="there is no network 'sloww'; did you mean 'slow'"):
        config.compose("campus", ["network=sloww"], config_dir=tmp_path)
    assert "uplink_bps" not in config.compose("campus")["network"]  # nothing of the user's stays behind


def test_paths_in_a_file_are_relative_to_the_file(tmp_path: Path) -> None:
    write(tmp_path, "clips/a.csv", "")
    path = write(tmp_path, "mine.yaml", f"{MINE}workload: {{trace: clips/a.csv}}\n")
    assert config.compose(path)["workload"]["trace"] == str(tmp_path / "clips" / "a.csv")


MALICIOUS = [
    ("network:\n  _target_: os.system\n", ":5: '_target_' is not allowed"),
    ("network: {_partial_: true}\n", ":4: '_partial_' is not allowed"),
    ("network: [{_args_: [1]}]\n", ":4: '_args_' is not allowed"),
    ("network: {_convert_: all}\n", ":4: '_convert_' is not allowed"),
    ("hydra: {searchpath: [pkg://x]}\n", ":4: 'hydra' is not allowed"),
    ("name2: ${oc.env:HOME}\n", ":4: interpolations"),
    ("a: {b: [x, '${now:%Y}']}\n", ":4: interpolations"),
    ("'${x}': 3\n", ":4: interpolations"),
    ("a: &a [1]\nb: *a\n", ":5: YAML aliases"),
    ("a: !!python/object/apply:os.system [true]\n", ":4: not valid YAML"),
    ("seed: 1\nseed: 2\n", ":5: key 'seed' stands twice"),
]


@pytest.mark.parametrize(("text", "message"), MALICIOUS)
def test_files_get_plain_values_only(tmp_path: Path, text: str, message: str) -> None:
    path = write(tmp_path, "mine.yaml", MINE + text)
    with pytest.raises(ConfigError) as refused:
        config.compose(path)
    assert str(refused.value).startswith(f"{path}{message}")


@pytest.mark.parametrize(("text", "message"), MALICIOUS[:4])
def test_files_that_are_drawn_on_are_checked_too(tmp_path: Path, text: str, message: str) -> None:
    write(tmp_path, "cluster/bad.yaml", "\n\n\n" + text)
    with pytest.raises(ConfigError, match=re.escape(message.split(": ")[1])):
        config.compose("campus", ["cluster=bad"], config_dir=tmp_path)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("defaults: [campus, override hydra/launcher: x]\n", "'override hydra/launcher' is not allowed"),
        ("defaults: [campus, '/network@hydra': fast_ethernet]\n", "'/network@hydra' is not allowed"),
        ("defaults: [campus@hydra]\n", "'campus@hydra' is not allowed"),
        ("# @package hydra\nseed: 1\n", "the package 'hydra' is not allowed"),
        (
            "defaults: [campus, override /policy: camera_onyl, _self_]\n",
            ":1: there is no 'policy/camera_onyl' to draw on",
        ),
        ("defaults: [campsu]\n", ":1: there is no 'campsu' to draw on; did you mean 'campus'"),
        ("defaults: [mine]\n", "its defaults list leads back to itself"),
        ("defaults: 3\n", "cannot be composed: Invalid defaults list"),
        ("defaults: [../../../etc/x]\n", "mine.yaml"),
        ("- 1\n", "holds no keys and values"),
        ("seed: ???\n", "cannot be composed: Missing mandatory value: seed"),
    ],
)
def test_defaults_lists_that_cannot_be_followed(tmp_path: Path, header: str, message: str) -> None:
    path = write(tmp_path, "mine.yaml", header)
    with pytest.raises(ConfigError) as refused:
        config.compose(path)
    assert message in str(refused.value)
    assert str(refused.value).startswith(str(path))
    assert "\n" not in str(refused.value)


OWN = "defaults: [campus, _self_]\nname: mine\n"


@pytest.mark.parametrize(
    ("body", "typed", "policy"),
    [
        ("policy: {name: centralized}", [], {"name": "centralized"}),
        ("policy: centralized", [], {"name": "centralized"}),
        ("policy: {name: centralized}", ["policy=camera_only"], {"name": "camera_only"}),
        ("policy: centralized", ["policy=camera_only"], {"name": "camera_only"}),
        ("policy: {name: videoedge_l, partition_point: 0.3}", ["policy=centralized"], {"name": "centralized"}),
        # The file tunes the policy that is typed: it is the file's own variant that is wanted.
        (
            "policy: {name: videoedge_l, partition_point: 0.3}",
            ["policy=videoedge_l"],
            {"name": "videoedge_l", "partition_point": 0.3},
        ),
        ("policy: {partition_point: 0.3}", ["policy=centralized"], {"name": "centralized"}),
        ("policy: {partition_point: 0.3}", ["policy=videoedge_l"], {"name": "videoedge_l", "partition_point": 0.3}),
        (
            "policy: {partition_point: 0.3}",
            ["policy.partition_point=0.4", "policy=videoedge_l"],
            {"name": "videoedge_l", "partition_point": 0.4},
        ),
        ("policy: {partition_point: 0.3}", ["policy=tuned"], {"name": "videoedge_l", "partition_point": 0.25}),
        ("policy: {partition_pont: 0.3}", ["policy=centralized"], {"name": "centralized", "partition_pont": 0.3}),
        ("policy: null", ["policy=centralized"], {"name": "centralized"}),
    ],
)
def test_a_policy_that_is_typed_comes_before_the_files(
    tmp_path: Path, body: str, typed: list[str], policy: dict[str, Any]
) -> None:
    write(tmp_path, "policy/tuned.yaml", "name: videoedge_l\npartition_point: 0.25\n")
    path = write(tmp_path, "mine.yaml", f"{OWN}{body}\n")
    assert config.compose(path, typed, tmp_path)["policy"] == policy


def test_policies_of_files_that_draw_on_one_another(tmp_path: Path) -> None:
    write(tmp_path, "parent.yaml", "defaults: [campus, _self_]\nname: parent\npolicy: {name: centralized}\n")
    child = "defaults: [parent, _self_]\nname: child\n"
    path = write(tmp_path, "child.yaml", f"{child}policy: {{name: videoedge_l, partition_point: 0.3}}\n")
    assert config.compose(path)["policy"] == {"name": "videoedge_l", "partition_point": 0.3}
    assert config.compose(path, ["policy=centralized"])["policy"] == {"name": "centralized"}
    assert config.compose(write(tmp_path, "child.yaml", child))["policy"] == {"name": "centralized"}
    runs = config.policies(["policy=camera_only,centralized"])
    assert [config.compose(path, one)["policy"]["name"] for one in runs] == ["camera_only", "centralized"]


def test_a_choice_that_is_typed_comes_before_the_files_own_keys(tmp_path: Path) -> None:
    write(tmp_path, "network/slow.yaml", "defaults: [fast_ethernet, _self_]\nuplink_bps: 9 kbps\n")
    write(tmp_path, "pipeline/short.yaml", "costs: {a: 1, b: 2}\nedges: [[a, b]]\nleaves: {car: b}\n")
    write(tmp_path, "workload/busy.yaml", "kind: generated\nmix: {car: 1}\ntracks: {rate_ips: 900}\n")
    write(tmp_path, "network/everywhere.yaml", "# @package _global_\nslo_s: 9 s\nnetwork: {uplink_bps: 8 kbps}\n")
    body = (
        "slo_s: 1 s\ncluster: {groups: 2}\nworkload: {kind: generated, trace: x.csv}\n"
        "network: {uplink_bps: 1 Mbps, call_s: 0}\n"
    )
    path = write(tmp_path, "mine.yaml", OWN + body)
    typed = ["workload=recorded", "network=slow", "pipeline=short", "cluster=traffic"]
    made = config.compose(path, typed, tmp_path)
    assert (made["workload"]["kind"], made["workload"]["trace"]) == ("recorded", "x.csv")
    assert (made["network"]["uplink_bps"], made["network"]["call_s"]) == ("9 kbps", 0)
    assert made["pipeline"] == {"costs": {"a": 1, "b": 2}, "edges": [["a", "b"]], "leaves": {"car": "b"}}
    assert (made["cluster"]["cameras"][2], made["cluster"]["groups"]) == ("jetson_tx2", 2)
    made = config.compose(path, ["workload=busy"], tmp_path)
    assert made["workload"]["mix"] == {"car": 1}  # shares are one table; parameters are many keys
    assert (made["workload"]["tracks"]["rate_ips"], made["workload"]["tracks"]["dwell_s"]) == (900, "4.5 s")
    made = config.compose(path, ["network=everywhere", "network.uplink_bps=7 kbps"], tmp_path)
    assert (made["slo_s"], made["network"]["uplink_bps"]) == ("9 s", "7 kbps")
    assert set(made) == {*config.compose("campus")}


def test_a_file_that_draws_on_nothing_takes_typed_choices(tmp_path: Path) -> None:
    path = write(tmp_path, "mine.yaml", "system: video\nname: mine\npolicy: camera_only\n")
    made = config.compose(path, ["policy=centralized", "cluster=campus", "workload=generated"])
    assert made["policy"] == {"name": "centralized"}
    assert (len(made["cluster"]["cameras"]), made["workload"]) == (6, {"kind": "generated"})


@pytest.mark.parametrize("content", ["", "partition_point: 0.25\n"])
def test_a_policy_of_ones_own_needs_a_name(tmp_path: Path, content: str) -> None:
    write(tmp_path, "policy/tuned.yaml", content)
    with pytest.raises(ConfigError, match="policy: needs the name of a policy"):
        simedge.load("campus", "policy=tuned", config_dir=tmp_path).check()


def test_a_wrong_value_in_a_file_is_located_and_one_typed_is_not(tmp_path: Path) -> None:
    path = write(tmp_path, "mine.yaml", f"{MINE}slo_s: 3 Mbps\n")
    with pytest.raises(ConfigError, match=r"mine\.yaml:4: slo_s: '3 Mbps' is not a quantity"):
        simedge.load(path).check()
    with pytest.raises(ConfigError, match=r"^slo_s: '4 Mbps' is not a quantity"):
        simedge.load(path, "slo_s=4 Mbps").check()


def test_hydra_is_left_as_it_was_found(tmp_path: Path) -> None:
    from hydra import compose, initialize_config_dir
    from hydra.core.config_store import ConfigStore
    from hydra.core.global_hydra import GlobalHydra
    from hydra.version import VersionBase

    write(tmp_path, "theirs.yaml", "x: 1\n")
    GlobalHydra.instance().clear()
    config.compose("campus")
    assert not GlobalHydra.instance().is_initialized()
    groups = set(ConfigStore.instance().repo)
    with initialize_config_dir(str(tmp_path), version_base="1.2"):
        theirs, base = GlobalHydra.instance().hydra, VersionBase.instance().version_base
        with pytest.raises(ConfigError):
            config.compose("nowhere")
        config.compose("campus", ["policy=centralized"])
        assert GlobalHydra.instance().hydra is theirs
        assert VersionBase.instance().version_base == base
        assert compose("theirs") == {"x": 1}
    assert set(ConfigStore.instance().repo) == groups


# --- what a notebook holds ---------------------------------------------------------------------------------------


def test_a_scenario_is_read_and_edited_by_key_or_attribute() -> None:
    scenario = simedge.load("campus", "workload=generated")
    assert scenario.network.uplink == scenario["network.uplink"] == "fast_ethernet"
    scenario.network.uplink_bps = "20 Mbps"
    scenario["policy"] = "centralized"
    scenario["seed"] = 5
    resolved = scenario.resolved()
    assert resolved["network"]["uplink_bps"] == 2e7
    assert resolved["policy"] == {"name": "centralized"}
    assert (scenario.policy_name, resolved["seed"]) == ("centralized", 5)
    assert "uplink_bps: 20 Mbps" in repr(scenario)
    assert {"network", "run", "seed"} <= set(dir(scenario))
    with pytest.raises(AttributeError, match="did you mean 'network'"):
        _ = scenario.netwrok
    with pytest.raises(KeyError, match=r"network\.rate: unknown key"):
        _ = scenario["network.rate"]
    scenario.seed = -1
    with pytest.raises(ConfigError, match="seed"):
        scenario.check()


def test_run_takes_a_seed_and_gives_resolved_configuration() -> None:
    seen: list[tuple[float, float]] = []
    first = simedge.run(
        "campus", "workload=generated", "horizon_s=3", seed=2, progress=lambda now, end: seen.append((now, end))
    )
    again = simedge.run("campus", "workload=generated", "horizon_s=3 s", "seed=2")
    assert (first.scenario, first.policy, first.seed) == ("campus", "videoedge_l", 2)
    assert first.fingerprint == again.fingerprint
    assert first.config == again.config
    assert config.config_hash(first.config) == config.config_hash(again.config)
    assert first.config["horizon_s"] == 3.0
    assert seen == sorted(seen)
    assert {end for _, end in seen} == {3.0}
    assert first.cpu_s is not None
    other = simedge.run("campus", "workload=generated", "horizon_s=3", seed=3)
    assert other.fingerprint != first.fingerprint
    assert config.config_hash(other.config) != config.config_hash(first.config)


def test_policies_meet_on_the_same_arrivals() -> None:
    from simedge.experiment.run import run_policies

    runs = run_policies(["policy=camera_only,centralized", "workload=generated", "horizon_s=3"])
    assert [run.policy for run in runs] == ["camera_only", "centralized"]
    columns = [run.columns["rois"] for run in runs]
    for name in ("arrived_s", "size_bytes"):
        assert columns[0][name].tolist() == columns[1][name].tolist()
    assert runs[0].fingerprint != runs[1].fingerprint


class Own:
    """A policy that is no dataclass."""

    def start(self, setting: Any, rng: Any) -> None:
        """Nothing to learn."""

    def due(self, now_s: float) -> bool:
        return False

    def decide(self, observation: Any) -> Any:
        raise NotImplementedError


def test_a_policy_object_of_ones_own_runs_and_has_a_name() -> None:
    hashes = []
    for policy in (Own(), Own()):
        scenario = simedge.load("campus", "workload=generated", "horizon_s=1")
        scenario.policy = policy
        result = scenario.run()
        assert result.policy == f"{Own.__module__}:Own"
        assert result.metrics["arrived_units"] > 0
        hashes.append(config.config_hash(result.config))
    assert hashes[0] == hashes[1]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ((3,), "scenario: 3 is neither a name nor a path; known: artifact, campus"),
        ((None,), "scenario: None is neither"),
        ((["campus"],), "scenario: ['campus'] is neither"),
        (("campus", 5), "5 is not key=value; give each as a text of its own"),
        (("campus", None), "null is not key=value"),
        (("campus", b"seed=3"), "b'seed=3' is not key=value"),
        (("campus", ["seed=3"]), "['seed=3'] is not key=value; give each as a text of its own"),
        (("campus", {"seed": 3}), "{'seed': 3} is not key=value"),
    ],
)
def test_arguments_of_the_wrong_type_are_one_line(given: tuple[Any, ...], says: str) -> None:
    with pytest.raises(ConfigError) as refused:
        simedge.run(*given)
    assert str(refused.value).startswith(says)


def test_options_of_the_wrong_type_are_one_line() -> None:
    for options, says in [({"config_dir": 3}, "3: is not a folder"), ({"progress": 3}, "progress: 3 cannot be called")]:
        with pytest.raises(ConfigError, match=says):
            simedge.run("campus", "workload=generated", "horizon_s=1", **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", [True, 1.5, "x", -1, None])
def test_seeds_of_run_are_checked(seed: Any) -> None:
    if seed is None:
        assert simedge.load("campus").check().seed == 0
        return
    with pytest.raises(ConfigError, match="seed"):
        simedge.run("campus", "workload=generated", "horizon_s=1", seed=seed)
