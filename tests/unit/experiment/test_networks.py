"""Networks and faults as people configure them: what they change, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import simedge
from simedge.metrics.store import run_hash

SHORT = ("horizon_s=20", "policy=centralized")


def done_s(*overrides: str) -> np.ndarray:
    return simedge.run("campus", *SHORT, *overrides).columns["rois"]["done_s"]


def test_wifi_is_worse_than_ethernet_and_a_crowded_cell_worse_still() -> None:
    """Every station is shaped to Ethernet's 10 Mbit/s: sharing, contention, outages and call cost can only delay."""
    ethernet, wifi, crowded = (
        simedge.run("campus", f"network={network}").metrics for network in ("fast_ethernet", "wifi", "wifi_trace")
    )
    for name in ("latency_s_mean", "latency_s_p99", "network_s_mean"):
        assert ethernet[name] < wifi[name] < crowded[name]
    assert crowded["network_s_mean"] > 2 * ethernet["network_s_mean"]
    assert crowded["completed_units"] < ethernet["completed_units"]


def test_a_cell_with_room_for_all_is_ethernet() -> None:
    plain = done_s()
    roomy = done_s("network=wifi", "network.medium_bps=1e12")
    assert np.array_equal(np.isnan(plain), np.isnan(roomy))
    assert roomy == pytest.approx(plain, rel=1e-9, nan_ok=True)


@pytest.mark.parametrize("network", ["fast_ethernet", "wifi"])
def test_a_schedule_that_never_changes_changes_nothing(network: str) -> None:
    medium = ("network.medium_bps=1e12",) if network == "wifi" else ()
    constant = done_s(f"network={network}", *medium, "network.schedule.steps=[{at_s: 0, rate_bps: 10 Mbps}]")
    assert constant == pytest.approx(done_s(), rel=1e-9, nan_ok=True)


def test_an_outage_of_all_links_lets_nothing_through() -> None:
    """Down from 5 s to 10 s: of what is delivered nothing is in between, and everything was before or comes later."""
    steps = "[{at_s: 0, rate_bps: 10 Mbps}, {at_s: 5 s, rate_bps: 0}, {at_s: 10 s, rate_bps: 10 Mbps}]"
    rois = simedge.run("campus", *SHORT, f"network.schedule.steps={steps}").columns["rois"]
    delivered = rois["arrived_s"] + rois["queue_s"] + rois["camera_s"] + rois["network_s"]
    assert not ((delivered > 5.0 + 1e-9) & (delivered < 10.0)).any()
    assert (delivered < 5.0).any()
    assert (delivered > 10.0).any()


def test_one_camera_that_differs() -> None:
    """Only the units of camera_2 take longer on their way, those of the others are as they were."""
    slow = simedge.run("campus", *SHORT, "network.cameras.camera_2.uplink_bps=3 Mbps").columns["rois"]
    plain = simedge.run("campus", *SHORT).columns["rois"]
    other = plain["camera"].codes != 1
    sent = ~np.isnan(plain["network_s"]) & ~np.isnan(slow["network_s"])
    assert slow["network_s"][sent & other].min() == plain["network_s"][sent & other].min()
    for rois, rate_bps in ((slow, 3e6), (plain, 10e6)):  # the shortest is a call of so many units, and nothing else
        units = (rois["network_s"][sent & ~other].min() - 1.74e-3) * rate_bps / (8 * 2500)
        assert units == pytest.approx(round(units), abs=1e-6)
        assert 1 <= round(units) <= 20


def test_a_camera_of_more_weight_gets_more_of_the_cell() -> None:
    """Two cameras fill a cell of 4 Mbit/s; the one of weight 3 carries three times the bytes of the other."""
    given = (
        "campus",
        *SHORT,
        "network=wifi",
        "network.uplink_bps=null",
        "network.medium_bps=4 Mbps",
        "network.call_s=0",
    )
    equal = simedge.run(*given).facts["bytes"]
    assert equal["camera_1"] == pytest.approx(equal["camera_2"], rel=0.02)
    heavy = simedge.run(*given, "network.cameras.camera_1.weight=3").facts["bytes"]
    assert heavy["camera_1"] == pytest.approx(3 * heavy["camera_2"], rel=0.1)


@pytest.mark.parametrize("network", ["fast_ethernet", "wifi"])
def test_a_rate_beside_a_trace_is_its_limit(network: str) -> None:
    """A trace of 24 Mbit/s on average that may give no more than 1: what 1 Mbit/s with its outages gives."""
    from simedge.traces import bandwidth

    trace = bandwidth.read(bandwidth.find("wifi_300s"))
    steps = [
        f"{{at_s: {t}, rate_bps: {min(r, 1e6)}}}" for t, r in zip(trace.times_s[:21], trace.rates[:21], strict=True)
    ]
    limited = done_s(f"network={network}", "network.schedule.csv=wifi_300s", "network.uplink_bps=1 Mbps")
    written = done_s(f"network={network}", f"network.schedule.steps=[{', '.join(steps)}]", "network.uplink_bps=2 Mbps")
    assert limited == pytest.approx(written, rel=1e-9, nan_ok=True)
    medium = ("network=wifi_trace", "network.medium_bps=1 Mbps")
    assert simedge.run("campus", *SHORT, *medium).metrics["uplink_bytes"] <= 20 * 1e6 / 8


def test_networks_and_faults_are_compared_by_name(command, tmp_path: Path) -> None:
    words = ("seed=range(0,3)", "horizon_s=5", "policy=centralized", "--json", "--out", str(tmp_path / "runs"))
    code, out, err = command("compare", "network=fast_ethernet,wifi_trace", *words)
    assert (code, err) == (0, "")
    assert "wifi_trace" in out
    code, out, err = command("compare", "faults=none,straggler,flaky", *words)
    assert (code, err) == (0, "")
    assert "straggler" in out


def test_a_rule_in_front_changes_nobody_elses_faults() -> None:
    rules = [
        "{kind: crash, entity: camera_*, mtbf_s: 20, mttr_s: 3}",
        "{kind: crash, entity: gpu_*, mtbf_s: 9, mttr_s: 1}",
    ]
    missed = [
        simedge.run("campus", "policy=camera_only", "horizon_s=60", f"faults.random=[{', '.join(said)}]").metrics[
            "missed_units"
        ]
        for said in (rules[:1], rules, rules[::-1])
    ]
    assert missed[0] == missed[1] == missed[2] > 0


@pytest.mark.parametrize("warmup_s", [0, 15, 25])
def test_missed_units_are_among_the_lost_ones_whatever_the_warm_up(warmup_s: int) -> None:
    fault = "faults.script=[{kind: crash, entity: camera_1, at_s: 10, duration_s: 10}]"
    rois = simedge.run("campus", "horizon_s=40", f"warmup_s={warmup_s}", fault)
    arrived, lost = rois.columns["rois"]["arrived_s"], rois.columns["rois"]["lost_s"]
    counted = arrived >= warmup_s
    assert rois.metrics["missed_units"] == np.count_nonzero(counted & (arrived == lost))
    assert rois.metrics["missed_units"] <= rois.metrics["lost_units"] == np.count_nonzero(counted & ~np.isnan(lost))


def test_a_scenario_in_place_of_a_name_is_told_what_to_do() -> None:
    with pytest.raises(
        simedge.errors.ConfigError, match=r"scenario: Scenario is neither a name nor a path; call its own run"
    ):
        simedge.run(simedge.load("campus"))


def test_one_trace_for_all_links_out_of_step() -> None:
    scenario = simedge.load("campus", *SHORT, "network.schedule.csv=wifi_300s", "network.schedule.stagger_s=30")
    spec = scenario.check().network.schedule
    from simedge.kernel import Streams

    made = spec.schedules(["a", "b", "c"], 1e7, 20.0, Streams(0), "network.schedule")
    assert made["b"].rate(0.0) == made["a"].rate(30.0)
    assert made["c"].rate(5.0) == made["a"].rate(65.0)


def test_random_links_are_the_same_for_every_policy_and_differ_between_seeds() -> None:
    from simedge.kernel import Streams

    spec = simedge.load("campus", "network.schedule.walk.shared=0").check().network.schedule
    first, again, other = (
        spec.schedules(["camera_1", "camera_2"], 1e7, 60.0, Streams(seed), "")["camera_2"].rates for seed in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert abs(first.mean() / 1e7 - 1) < 0.3


FILES = {  # a file, and what is changed in it
    "csv": ("time_s,rate_bps\n0,8e6\n2,2e6\n", ",2e6", ",3e6"),
    "mahimahi": ("\n".join(str(ms) for ms in range(2, 1001, 2)) + "\n", "\n500\n", "\n500\n500\n500\n"),
    "cooked": ("0.0 5\n1.0 4\n2.5 8\n", " 8", " 7"),
    "per_second": ("timeInSeconds,BytesPerSecond\n0,1000000\n1,0\n2,500000\n", ",0\n", ",100000\n"),
}


@pytest.mark.parametrize("kind", sorted(FILES))
def test_a_file_beside_the_scenario_is_found_and_counts_among_the_inputs(kind: str, tmp_path: Path) -> None:
    """A change of one value in the file changes the result, and the name under which it is kept."""
    link, scenario = tmp_path / f"link.{kind}", tmp_path / "mine.yaml"
    text, old, new = FILES[kind]
    link.write_text(text)
    scenario.write_text(f"defaults: [campus, _self_]\nhorizon_s: 5\nnetwork: {{schedule: {{{kind}: link.{kind}}}}}\n")
    runs = [simedge.run(scenario, "policy=centralized")]
    link.write_text(text.replace(old, new))
    runs.append(simedge.run(scenario, "policy=centralized"))
    typed = simedge.run("campus", "horizon_s=5", "policy=centralized", f"network.schedule.{kind}={link}")
    assert typed.fingerprint == runs[1].fingerprint != runs[0].fingerprint
    assert len({run_hash(run.config, run.facts, run.versions) for run in runs}) == 2


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("network=wifli", "did you mean 'wifi'"),
        ("network.schedule.mahimahi=nowhere.down", "nowhere.down"),
        ("network.schedule.mahimahi=/dev/zero", "/dev/zero: is no regular file"),
        ("network.schedule.csv=/", "/: is a folder"),
        ("network.schedule={}", "network.schedule.csv: no source is given"),
        ("network.schedule={csv: wifi_300s, mahimahi: x}", "network.schedule.mahimahi: beside csv one source too many"),
        ("network.schedule.csvv=wifi_300s", "did you mean 'network.schedule.csv'"),
        ("network.schedule=wifi_300s", "network.schedule: needs keys of its own"),
        (
            "network.schedule.steps=[{at_s: 1, rate_bps: 5}]",
            "network.schedule.steps: give at least one, the first at 0",
        ),
        ("network.schedule.steps=[{at_s: 0, rate_bps: -5}]", "network.schedule.steps.0.rate_bps: -5.0 is not"),
        ("network.schedule.steps=[]", "network.schedule.steps: give at least one"),
        (
            "network.schedule.steps=[{at_s: 0, rate_bps: 1e20}]",
            "network.schedule: a rate of 1e+20 bit/s is beyond 1e+15",
        ),
        ("network.schedule={csv: wifi_300s, scale: 1e200}", "network.schedule.scale: 1e+200 is not in (0, 1e+09]"),
        ("network.schedule={csv: wifi_300s, repeat_s: 1e-300}", "network.schedule.repeat_s: 1e-300 is less"),
        ("network.schedule.mahimahi=lte.down", "lte.down: no such file"),
        ("network.schedule.steps=[{at_s: 0}]", "network.schedule.steps.0.rate_bps: is missing"),
        ("network.schedule.steps=[{at_s: 0, rate_bps: 5 MB}]", "'5 MB' is not a quantity in bps"),
        ("network.schedule.walk.deviation=-1", "network.schedule.walk.deviation"),
        ("network.schedule.walk.kind=random", "'random' is not a choice"),
        ("network.schedule.diurnal.amplitude=2", "network.schedule"),
        ("network.schedule={csv: wifi_300s, scale: 0}", "network.schedule.scale: 0.0 is not in (0, 1e+09]"),
        ("network.schedule={csv: wifi_300s, offset_s: -1}", "network.schedule.offset_s"),
        ("network.schedule={csv: wifi_300s, highest_bps: 0}", "network.schedule.highest_bps"),
        ("network.schedule={csv: wifi_300s, repeat_s: 0}", "network.schedule.repeat_s"),
        ("network.medium_bps=5 Mbps", "network.medium_bps: fast_ethernet shares no medium"),
        ("network.medium_schedule.csv=wifi_300s", "network.medium_schedule: fast_ethernet shares no medium"),
        ("network.cameras.camera_7.uplink_bps=1 Mbps", "network.cameras: the cluster has no 'camera_7'"),
        ("network.cameras.camera_1.uplink_bps=0", "network.cameras.camera_1.uplink_bps"),
        ("network.cameras.camera_1.profile=wifii", "wifi"),
        ("network.cameras.camera_1.weight=0", "network.cameras.camera_1.weight: 0.0"),
        ("network.cameras=[1]", "network.cameras: needs names and values"),
        ("faults=camera_crush", "did you mean 'camera_crash'"),
        ("faults.script=[{kind: crash}]", "faults.script.0.entity: is missing"),
        ("faults.script=[{kind: crash, entity: camera_9, at_s: 1}]", "faults.script.0.entity: 'camera_9' names nobody"),
        ("faults.script=[{kind: link_down, entity: gpu_1, at_s: 1}]", "names nobody who can have a link_down"),
        ("faults.script=[{kind: crsh, entity: camera_1, at_s: 1}]", "'crsh' is not a choice"),
        ("faults.script=[{kind: crash, entity: camera_1, at_s: -1}]", "faults.script.0.at_s"),
        ("faults.script=[{kind: crash, entity: camera_1, at_s: 1, duration_s: 0}]", "faults.script.0.duration_s"),
        ("faults.script=[{kind: slow, entity: camera_1, at_s: 1, factor: 0}]", "faults.script.0.factor"),
        ("faults.random=[{kind: crash, entity: camera_1, mtbf_s: 0, mttr_s: 1}]", "faults.random.0.mtbf_s"),
        ("faults.random=[{kind: crash, entity: camera_1, mtbf_s: 1e-9, mttr_s: 1e-9}]", "more than 1000000 faults"),
        ("faults.loss_probability=1", "faults.loss_probability: 1.0 is not in [0, 1)"),
        ("faults.retry_s=-1", "faults.retry_s"),
        ("faults.detection_s=0", "faults.detection_s"),
        ("faults.camera_queue=gone", "'gone' is not a choice"),
        ("faults.trace=nowhere", "nowhere"),
        ("faults=5", "faults"),
    ],
)
def test_what_cannot_be_used_is_one_line(command, override: str, said: str) -> None:
    code, out, err = command("run", "horizon_s=5", override)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert said in err


FAULTS = "time_s,kind,entity,duration_s,factor\n1.5,crash,camera_1,2,\n3,slow,gpu_1,,3\n"


def test_faults_from_a_trace_are_those_of_a_script(tmp_path: Path) -> None:
    trace = tmp_path / "faults.csv"
    trace.write_text(FAULTS)
    script = (
        "[{kind: crash, entity: camera_1, at_s: 1.5, duration_s: 2}, {kind: slow, entity: gpu_1, at_s: 3, factor: 3}]"
    )
    traced = simedge.run("campus", *SHORT, f"faults.trace={trace}")
    scripted = simedge.run("campus", *SHORT, f"faults.script={script}")
    assert traced.fingerprint == scripted.fingerprint
    assert traced.facts["faults"] == scripted.facts["faults"]
    assert str(trace) in traced.facts["inputs"] or "faults.csv" in " ".join(traced.facts["inputs"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("time_s,kind\n", ":1: lacks the column 'entity'"),
        ("time_s,kind,entity,length\n", ":1: column 'length' is unknown"),
        ("time_s,kind,entity,kind\n", ":1: column 'kind' stands twice"),
        ("time_s,kind,entity\n1,crash\n", ":2: 2 values, not 3"),
        ("time_s,kind,entity\n1,crush,camera_1\n", ":2: kind: 'crush' is no kind of fault"),
        ("time_s,kind,entity\nsoon,crash,camera_1\n", ":2: time_s: 'soon' is not a number"),
        ("time_s,kind,entity\n,crash,camera_1\n", ":2: time_s: has no value"),
        ("time_s,kind,entity\n-1,crash,camera_1\n", ":2: time_s: -1.0"),
        ("time_s,kind,entity\nnan,crash,camera_1\n", ":2: time_s: nan"),
        ("time_s,kind,entity,duration_s\n1,crash,camera_1,0\n", ":2: duration_s: 0.0"),
        ("time_s,kind,entity,factor\n1,slow,camera_1,-2\n", ":2: factor: -2.0"),
        ("time_s,kind,entity\n1,crash,camera_1\n1,crash,camera_9\n", ":3: 'camera_9' names nobody"),
        ("time_s,kind,entity\n1,crash,cam\0\n", ":2: has a NUL byte"),
    ],
)
def test_a_bad_line_of_a_trace_of_faults_is_named(command, tmp_path: Path, text: str, said: str) -> None:
    trace = tmp_path / "faults.csv"
    trace.write_text(text)
    code, out, err = command("run", "horizon_s=5", f"faults.trace={trace}")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert said in err


def test_the_summary_tells_what_was_lost(command) -> None:
    code, out, _ = command("run", "scenario=campus", "faults=camera_crash")
    assert code == 0
    assert "faults: camera_1 down for 60 s\n" in out
    assert "units lost (9." in out
    assert "never seen by their camera" in out


def test_a_sweep_over_files_shows_their_names_and_not_what_they_say(command, tmp_path: Path) -> None:
    words = ("network=fast_ethernet,wifi", "faults=none,straggler", "horizon_s=2", "--out", str(tmp_path / "runs"))
    code, out, _ = command("sweep", *words)
    header = next(line for line in out.splitlines() if line.startswith("policy"))
    assert code == 0
    assert header.split()[:4] == ["policy", "network", "faults", "n"]
    code, out, _ = command("sweep", "network=wifi", "network.uplink_bps=5Mbps,10Mbps", *words[2:])
    header = next(line for line in out.splitlines() if line.startswith("policy"))
    assert header.split()[:3] == ["policy", "network.uplink_bps", "n"]
