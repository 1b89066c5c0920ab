"""Reproducing a table: on short clips, against the runs themselves."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import simedge
from simedge.errors import ConfigError, InputError
from simedge.experiment import paper, paper_report
from simedge.experiment.paper import ITEMS, METRICS, Item, plan, reproduce
from simedge.experiment.run import run
from simedge.metrics.pooled import Estimate, digest

SHORT = ("horizon_s=20",)
KEYS = ["item", "policy", "metric", "published", "simulated", "low", "high", "verdict"]
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def made() -> paper.Reproduction:
    return reproduce("table-1.2", *SHORT, clips=2)


def row(made: paper.Reproduction, policy: str, metric: str, item: str | None = None) -> dict[str, object]:
    (found,) = [
        one
        for one in made.rows
        if (one["item"], one["policy"], one["metric"]) == (item or made.item.name, policy, metric)
    ]
    return found


# --- numbers -----------------------------------------------------------------------------------------------------


def test_values_are_those_of_the_runs_pooled(made: paper.Reproduction) -> None:
    runs = {
        policy: [run("campus", "workload=generated", *SHORT, f"policy={policy}", seed=seed) for seed in range(2)]
        for policy in ("camera_only", "distream")
    }
    pools = {}
    for policy, both in runs.items():
        latency_s = np.concatenate([one.rois["latency_s"].dropna().to_numpy() for one in both])
        done = [np.bincount(one.rois["done_s"].dropna().astype(int), minlength=20) for one in both]
        pools[policy] = latency_s, np.concatenate(done)
        for name, values, rel in (("latency_s", latency_s, 2e-3), ("throughput_ips", pools[policy][1], 1e-9)):
            assert row(made, policy, f"{name}_mean")["simulated"] == pytest.approx(values.mean())
            assert row(made, policy, f"{name}_p75")["simulated"] == pytest.approx(np.percentile(values, 75), rel=rel)
        assert row(made, policy, "slo_miss_ratio")["simulated"] == pytest.approx(np.mean(latency_s > 3))
    (base_s, base), (ours_s, ours) = pools.values()
    gains = {"throughput_gain_mean": ours.mean() / base.mean(), "latency_gain_mean": base_s.mean() / ours_s.mean()}
    for metric, gain in gains.items():
        assert row(made, "distream", metric)["simulated"] == pytest.approx(gain)
    offered = sum(len(one.rois) for one in runs["distream"]) / 40
    assert made.facts["offered_ips"] == pytest.approx(offered)


def test_every_policy_meets_the_same_arrivals() -> None:
    planned = plan(ITEMS["table-1.2"], 2, SHORT)
    assert [(one.seed, one.overrides[-1]) for one in planned[:2]] == [
        (0, "policy=camera_only"),
        (0, "policy=centralized"),
    ]
    assert {one.seed for one in planned} == {0, 1}
    sizes = {}
    for one in planned:
        found = run(one.scenario, *one.overrides, seed=one.seed).rois
        sizes.setdefault(one.seed, []).append((found["arrived_s"].to_numpy(), found["camera"].tolist()))
    assert [len(runs) for runs in sizes.values()] == [5, 5]
    for runs in sizes.values():
        assert all(np.array_equal(runs[0][0], times) and runs[0][1] == cameras for times, cameras in runs)
    assert not np.array_equal(sizes[0][0][0], sizes[1][0][0])


def test_a_band_has_the_value_of_its_cell(made: paper.Reproduction) -> None:
    cell, band = row(made, "centralized", "throughput_gain_p99"), row(made, "centralized", "throughput_gain_p99", "A2")
    assert [cell[key] for key in ("simulated", "low", "high")] == [band[key] for key in ("simulated", "low", "high")]
    assert (cell["published"], band["published"]) == (1.3, None)
    assert (band["band_low"], band["band_high"], band["table"]) == (1.3, 1.6, "table-1.2")
    assert band["verdict"] in {"met", "undecided", "missed"}


def test_the_best_baseline_is_the_least_late(made: paper.Reproduction) -> None:
    for metric in ("slo_miss_ratio", "latency_s_mean"):
        each = [row(made, policy, metric)["simulated"] for policy in ("camera_only", "centralized", "videoedge_l")]
        assert row(made, "best_baseline", metric)["simulated"] == min(each)


def test_gains_come_first_and_nothing_is_nan(made: paper.Reproduction) -> None:
    of = [one["metric"] for one in made.rows if (one["item"], one["policy"]) == ("table-1.2", "distream")]
    assert of == [metric for metric in METRICS if metric in of]
    assert of[:8] == list(METRICS[:8])
    assert not any(isinstance(value, float) and not math.isfinite(value) for one in made.rows for value in one.values())
    assert all(one["low"] <= one["simulated"] <= one["high"] for one in made.rows if one["metric"].endswith("ips_mean"))


MEANS = {
    "camera_only": 100.0, "centralized": 190.0, "videoedge_l": 210.0, "distream_l_artifact": 240.0,
    "distream_p_artifact": 250.0, "distream": 260.0,
}  # fmt: skip


def with_means(means: dict[str, float]) -> Estimate:
    whole = digest(run("campus", "workload=generated", "horizon_s=1"))
    clips = {
        policy: [paper.Digest(**{**vars(whole), "policy": policy, "units_ips": np.array([mean])})] * 2
        for policy, mean in means.items()
    }
    return paper.estimates(clips, 2)["all", "throughput_order_ratio_min"]


def test_the_order_of_the_averages_is_its_smallest_step() -> None:
    assert with_means(MEANS) == pytest.approx(Estimate(*[260 / 250] * 3))
    assert with_means({**MEANS, "distream_l_artifact": 200.0}) == pytest.approx(Estimate(*[200 / 210] * 3))
    assert with_means({**MEANS, "centralized": 100.0}).value == 1.0  # no order: the band leaves 1 out


def test_fast_is_compared_with_distream(made: paper.Reproduction) -> None:
    fast, plain = (row(made, policy, "latency_s_mean")["simulated"] for policy in ("distream_fast", "distream"))
    assert row(made, "distream_fast", "latency_ratio_to_distream", "A13")["simulated"] == pytest.approx(fast / plain)


def test_a_policy_that_is_not_there_is_not_simulated() -> None:
    item = Item("table-1.3", "some", "traffic", ("camera_only", "none_such", "distream"))
    found = reproduce(item, "horizon_s=5", clips=1)
    assert found.facts["missing"] == ["none_such"]
    assert row(found, "distream", "throughput_gain_p50")["verdict"] != "not simulated"
    assert row(found, "best_baseline", "slo_miss_ratio")["verdict"] == "not simulated"
    assert row(found, "centralized", "throughput_gain_mean", "A9")["verdict"] == "not simulated"
    with pytest.raises(InputError, match="no policy of mine is known"):
        reproduce(Item("mine", "", "campus", ("none_such",)), clips=1)


def test_one_clip_has_no_intervals() -> None:
    found = reproduce(Item("mine", "my own", "campus", ("camera_only", "centralized")), "horizon_s=3", clips=1)
    assert {one["low"] for one in found.rows} == {None}
    assert {one["verdict"] for one in found.rows} == {"unpublished"}
    assert "one clip gives no intervals" in paper_report.heading(found)
    assert paper_report.conclusion(found)[0].startswith("note:")


def test_the_frame_has_the_rows(made: paper.Reproduction) -> None:
    frame = made.frame
    assert len(frame) == len(made.rows)
    chosen = frame[(frame.item == "table-1.2") & (frame.policy == "videoedge_l") & (frame.metric == "latency_gain_p75")]
    assert chosen.published.tolist() == [1.6]


# --- the command line --------------------------------------------------------------------------------------------


def test_json(command: Command, made: paper.Reproduction) -> None:
    code, out, err = command("reproduce", "table-1.2", "--clips", "2", *SHORT, "--json")
    assert (code, err) == (0, "")
    said = json.loads(out, parse_constant=pytest.fail)
    assert said["rows"] == made.rows
    assert (said["item"], said["clips"], said["seeds"], said["overrides"]) == ("table-1.2", 2, [0, 1], list(SHORT))
    assert {"simedge", "numpy", "python", "simpy"} <= set(said["versions"])
    for one in said["rows"]:
        assert list(one)[: len(KEYS)] == KEYS
        assert one["table"] == "table-1.2"
        assert one["item"] == "table-1.2" or one["item"].startswith("A")
    keys = [(one["item"], one["policy"], one["metric"]) for one in said["rows"]]
    assert len(keys) == len(set(keys))


def test_the_same_bytes_whatever_the_process_and_the_hash_seed() -> None:
    words = ("-m", "simedge", "reproduce", "table-1.3", "--clips", "2", "horizon_s=4", "--json")
    said = [
        subprocess.run(
            [sys.executable, *words],
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(Path(simedge.__file__).parents[1])},
            capture_output=True,
            check=True,
            timeout=120,
        ).stdout
        for hash_seed in ("0", "7")
    ]
    assert said[0] == said[1]
    assert len(said[0]) > 1000


def test_tables_and_what_is_outside(command: Command, made: paper.Reproduction) -> None:
    code, out, err = command("reproduce", "table-1.2", *SHORT, "--clips=2")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "Table 1.2, gains over Camera-Only, campus surveillance"
    assert lines[1].startswith("scenario campus, 2 clips of 20 s (seeds 0-1), offered ")
    assert lines[3] == "overrides in force: horizon_s=20; published values are those without them"
    assert [line for line in lines if line.endswith(":")] == ["published:", "acceptance bands:", "simulated:"]
    assert "…" not in out
    for verdict, key in (("outside", "cell"), ("missed", "target"), ("undecided", "target")):
        found = [
            one for one in made.rows if one["verdict"] == verdict and (one["kind"] == "target") == (key == "target")
        ]
        assert len(found) == sum(line.startswith(f"{verdict}: ") for line in lines)
        assert all(any(one["policy"] in line and one["metric"] in line for line in lines) for one in found)
    published = [one for one in made.rows if one["kind"] not in {None, "target"}]
    counts = next(line for line in lines if line.startswith("published cells: "))
    assert sum(int(word) for word in counts.replace(",", "").split() if word.isdigit()) == len(published)


def test_out_saves_the_same_bytes_twice(command: Command, tmp_path: Path, made: paper.Reproduction) -> None:
    first, second = tmp_path / "a" / "b", tmp_path / "c"
    words = ("reproduce", "table-1.2", "--clips", "2", *SHORT, "--quiet", "--out")
    code, out, err = command(*words, str(first))
    assert (code, err) == (0, "")
    assert out.splitlines() == [str(first / f"table-1.2.{suffix}") for suffix in ("json", "csv", "png")]
    made.save(second)
    for path in first.iterdir():
        assert path.read_bytes() == (second / path.name).read_bytes()
    assert sorted(path.name for path in first.iterdir()) == ["table-1.2.csv", "table-1.2.json", "table-1.2.png"]
    rows = list(csv.DictReader(io.StringIO((first / "table-1.2.csv").read_text(encoding="utf-8"))))
    assert len(rows) == len(made.rows)
    for read, one in zip(rows, made.rows, strict=True):
        assert read == {key: "" if value is None else str(value) for key, value in one.items()}
    assert (first / "table-1.2.png").read_bytes().startswith(b"\x89PNG")


def test_overrides_reach_every_run(command: Command, made: paper.Reproduction) -> None:
    words = ("scenario=campus_two_hot", "network.uplink_bps=50Mbps")
    said = json.loads(command("reproduce", "table-1.2", "--clips", "1", "horizon_s=5", *words, "--json")[1])
    assert (said["scenario"], said["overrides"]) == ("campus_two_hot", ["horizon_s=5", *words])
    for policy in ("camera_only", "distream"):
        alone = run("campus_two_hot", "workload=generated", "horizon_s=5", words[1], f"policy={policy}").metrics
        (found,) = [
            one
            for one in said["rows"]
            if (one["item"], one["policy"], one["metric"]) == ("table-1.2", policy, "throughput_ips_mean")
        ]
        assert found["simulated"] == pytest.approx(alone["throughput_ips_mean"])


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("table-1.9",), "there is no table 'table-1.9'; did you mean"),
        (("x",), "there is no table 'x'; known: table-1.2, table-1.3, table-1.4"),
        ((), "the following arguments are required: TABLE"),
        (("table-1.2", "--clips", "0"), "clips: 0 clips cannot be simulated; give a whole number, 1 to 10,000"),
        (("table-1.2", "--clips", "-3"), "clips: -3 clips cannot be simulated"),
        (("table-1.2", "--clips", "99999999999999999999"), "clips cannot be simulated"),
        (("table-1.2", "--clips", "1.5"), "--clips: invalid int value: '1.5'"),
        (("table-1.2", "--clips", "many"), "--clips: invalid int value: 'many'"),
        (("table-1.2", "network.uplink_bsp=1"), "network.uplink_bsp: unknown key"),
        (("table-1.2", "horizon_s=-1"), "horizon_s"),
        (("table-1.2", "scenario=capmus"), "there is no scenario 'capmus'"),
        (("table-1.2", "seed=3"), "seed: is set by the table"),
        (("table-1.2", "policy=distream"), "policy: is set by the table"),
        (("table-1.2", "policy.beta=1"), "policy.beta: is set by the table"),
        (("table-1.2", "record=summary"), "record: is set by the table"),
        (("table-1.2", "workload=recorded"), "workload: is set by the table"),
        (("table-1.2", "workload.trace=campus_300s"), "workload.trace: is set by the table"),
        (("table-1.2", "network.uplink_bps=1Mbps,2Mbps"), "means several values"),
        (("table-1.2", "nonsense"), "nonsense"),
        (("table-1.2", "--config-dir", "{in}/none"), "is not a folder"),
        (("table-1.2", "--out", "{in}/file"), "is not a folder"),
        (("table-1.2", "--out", ""), "no place is named"),
        (("table-1.2", "--clip", "3"), "unknown option or argument '--clip'; did you mean '--clips'?"),
    ],
)
def test_bad_input_is_one_line(
    words: tuple[str, ...], says: str, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.chdir(tmp_path)
    code, out, err = command("reproduce", *(word.replace("{in}", str(tmp_path)) for word in words))
    assert (code, out) == (2, "")
    assert err.startswith("simedge: ")
    assert err.count("\n") == 1
    assert says in err
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("clips", [True, 1.0, "2", None, math.nan])
def test_python_takes_whole_clips_only(clips: object) -> None:
    with pytest.raises(InputError, match="clips"):
        simedge.reproduce("table-1.2", clips=clips)  # type: ignore[arg-type]


def test_python_says_which_key() -> None:
    with pytest.raises(ConfigError, match=r"seed: is set by the table"):
        simedge.reproduce("table-1.2", "seed=1", clips=np.int64(1))


def test_ctrl_c_writes_nothing(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digest, done = paper.digest, []

    def interrupted(results):
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append(results)
        return digest(results)

    monkeypatch.setattr(paper, "digest", interrupted)
    code, out, err = command("reproduce", "table-1.2", "--clips", "2", "horizon_s=1", "--out", str(tmp_path / "runs"))
    assert (code, out) == (130, "")
    assert err == "simedge: interrupted after 3 of 10 runs; nothing was written\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.filterwarnings("default")  # of dask's own
def test_other_processes_give_the_same_rows() -> None:
    item = Item("mine", "my own", "campus", ("camera_only", "centralized"))
    here, there = (reproduce(item, "horizon_s=1", clips=3, workers=workers) for workers in (0, 2))
    assert here.rows == there.rows and here.facts == there.facts


def test_a_run_that_cannot_be_spoils_the_table_in_one_line(command: Command) -> None:
    words = ("reproduce", "table-1.3", "--clips", "2", "horizon_s=1", "warmup_s=1")
    code, out, err = command(*words)
    assert (code, out) == (2, "") and err.count("\n") == 1 and "warmup_s" in err


def test_progress_counts_runs() -> None:
    said: list[tuple[int, int, str]] = []
    item = Item("mine", "my own", "campus", ("camera_only", "centralized"))
    reproduce(item, "horizon_s=1", clips=2, progress=lambda *one: said.append(one))
    assert said == [
        (0, 4, "camera_only, clip 0"),
        (1, 4, "centralized, clip 0"),
        (2, 4, "camera_only, clip 1"),
        (3, 4, "centralized, clip 1"),
        (4, 4, ""),
    ]
