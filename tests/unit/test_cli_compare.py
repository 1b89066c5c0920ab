"""The verb ``compare``: tables, JSON and CSV of saved runs, and one line for whatever cannot be compared."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import simedge
from simedge import cli

SHORT = ("workload=generated", "record=summary", "horizon_s=5")
COLUMNS = {"treatment", "baseline", "metric", "unit", "n", "mean", "low", "high", "baseline_n", "baseline_mean"}
COLUMNS |= {"difference", "difference_low", "difference_high", "relative", "p", "p_holm", "verdict", "pairing"}
COLUMNS |= {"left_out", "warmup_s", "steady", "workload"}

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    def call(*words: object) -> tuple[int, str, str]:
        code = cli.main(["compare", *map(str, words)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten seeds of two policies."""
    folder = tmp_path_factory.mktemp("saved") / "runs"
    for policy in ("videoedge_l", "distream"):
        scenario = simedge.load("campus", *SHORT, f"policy={policy}")
        for seed in range(10):
            scenario.run(seed=seed).save(folder / f"{policy}-{seed}.json")
    return folder


@pytest.fixture(scope="module")
def grid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("saved") / "grid"
    for policy in ("camera_only", "videoedge_l"):
        for uplink in ("10Mbps", "50Mbps"):
            scenario = simedge.load("campus", *SHORT, f"policy={policy}", f"network.uplink_bps={uplink}")
            for seed in range(2):
                scenario.run(seed=seed).save(folder / f"{policy}-{uplink}-{seed}.json")
    return folder


def test_ten_seeds_give_a_difference_with_a_paired_interval(command: Command, runs: Path) -> None:
    code, out, err = command(runs, "--metric", "latency_s_p99", "--baseline", "videoedge_l")
    assert (code, err) == (0, "")
    assert "by policy, compared with videoedge_l" in out
    rows = [line.split() for line in out.splitlines() if line.startswith(("videoedge_l ", "distream "))]
    assert [(row[0], row[1]) for row in rows[:2]] == [("videoedge_l", "10"), ("distream", "10")]
    table = next(line for line in out.splitlines() if line.startswith("distream "))
    assert table.endswith("paired, equal arrivals") and table.count("[") == 2
    assert re.search(r"\b(higher|lower|not significant)\b", table)
    assert "…" not in out


def test_json_is_a_strict_list_of_rows(command: Command, runs: Path) -> None:
    code, out, err = command(runs, "--json", "--baseline", "videoedge_l", "--metric", "latency_s_p99,served_ratio")
    assert (code, err) == (0, "")
    said = json.loads(out, parse_constant=pytest.fail)
    assert len(said) == 4 and all(set(row) == COLUMNS for row in said)
    first, second = said[:2]
    assert (first["verdict"], first["difference"], first["steady"]) == ("baseline", None, None)
    assert (second["treatment"], second["n"], second["left_out"]) == ("distream", 10, 0)
    assert second["difference_low"] < second["difference"] < second["difference_high"]
    assert second["difference"] == pytest.approx(second["mean"] - second["baseline_mean"])


def test_metrics_may_be_repeated_or_listed(command: Command, runs: Path) -> None:
    said = [
        json.loads(command(runs, "--json", *words)[1])
        for words in (
            ("--metric", "served_ratio", "--metric", "latency_s_mean"),
            ("--metric", "served_ratio, latency_s_mean"),
        )
    ]
    assert said[0] == said[1]
    assert [row["metric"] for row in said[0]] == ["served_ratio"] * 2 + ["latency_s_mean"] * 2


def test_rows_go_to_a_csv_file_beside_the_tables(command: Command, runs: Path, tmp_path: Path) -> None:
    place = tmp_path / "new" / "rows.csv"
    place.parent.mkdir()
    code, out, _ = command(runs, "--csv", place, "--metric", "served_ratio")
    assert code == 0 and out.splitlines()[-1] == str(place)
    with place.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["treatment"] for row in rows] == ["distream", "videoedge_l"] and set(rows[0]) == COLUMNS
    assert rows[0]["difference"] == "" and float(rows[1]["difference"]) == float(rows[1]["mean"]) - float(
        rows[0]["mean"]
    )
    assert [path.name for path in place.parent.iterdir()] == ["rows.csv"]


def test_key_value_chooses_among_the_runs_and_by_says_what_is_compared(command: Command, grid: Path) -> None:
    words = (grid, "policy=videoedge_l", "--by", "network.uplink_bps", "--metric", "latency_s_mean")
    code, out, err = command(*words, "--baseline", "50Mbps")
    assert (code, err) == (0, "")
    assert [line.split("  ")[0] for line in out.splitlines() if re.match(r"\d+ Mbps  ", line)] == ["50 Mbps", "10 Mbps"]
    assert "camera_only" not in out
    code, out, _ = command(grid, "--metric", "served_ratio", "network.uplink_bps=10Mbps,50Mbps", "--json")
    assert code == 0  # key=value may stand after an option
    cells = [(row["network.uplink_bps"], row["treatment"]) for row in json.loads(out)]
    assert cells == [(bps, policy) for bps in (1e7, 5e7) for policy in ("camera_only", "videoedge_l")]


def test_several_places_are_one_set_of_runs(command: Command, runs: Path, tmp_path: Path) -> None:
    places = [tmp_path / "a", tmp_path / "b"]
    for place, policy in zip(places, ("distream", "videoedge_l"), strict=True):
        place.mkdir()
        for path in runs.glob(f"{policy}-*.json"):
            shutil.copy(path, place)
    assert command(*places, "--json")[1] == command(runs, "--json")[1]


@pytest.mark.parametrize(("said", "cut_s"), [("2s", 2.0), ("2000 ms", 2.0), ("1", 1.0), ("0.5s", 1.0)])
def test_a_warm_up_is_a_quantity(command: Command, runs: Path, said: str, cut_s: float) -> None:
    rows = json.loads(command(runs, "--warmup", said, "--json", "--metric", "served_ratio")[1])
    assert {row["warmup_s"] for row in rows} == {cut_s}


def test_a_run_too_short_for_mser5_is_not_taken_for_steady(command: Command, runs: Path) -> None:
    code, out, _ = command(runs, "--warmup", "mser5", "--metric", "throughput_ips_mean")
    assert code == 0
    assert "note: no steady state found in distream (throughput_ips_mean); videoedge_l (throughput_ips_mean)" in out


BAD = {
    "no place": ((), "nothing is named; give a folder of saved runs"),
    "only choices": (("policy=distream",), "there is nothing to compare; give several values"),
    "nowhere": (("{none}",), "{none}/manifest.json: no result of simedge can be read here"),
    "empty folder": (("{empty}",), "{empty}: there is no result of simedge in this folder"),
    "damaged": (("{damaged}",), "{damaged}/campus-distream-seed0-0123456789ab.json: is not a manifest"),
    "two results": (("{runs}", "{other}"), "is another run of distream, seed 0, than "),
    "unknown key": (("{runs}", "polcy=distream"), "polcy: no run has such a key; did you mean 'policy"),
    "unknown value": (("{runs}", "policy=distraem"), "policy: no run has the value 'distraem'; there are: distream, v"),
    "no key=value": (("{runs}", "=3"), "'=3' is not key=value"),
    "unknown by": (("{runs}", "--by", "network.uplnk"), "network.uplnk: no run has such a key; did you mean"),
    "unknown metric": (("{runs}", "--metric", "latency_p99"), "there is no metric 'latency_p99'; did you mean"),
    "no metric": (("{runs}", "--metric", ","), "metric: no metric is named"),
    "unknown baseline": (("{runs}", "--baseline", "camera_only"), "baseline: there is no treatment 'camera_only'"),
    "one policy": (("{runs}", "policy=distream"), "all runs have one policy, distream"),
    "level in percent": (("{runs}", "--level", "95"), "level: lies between 0 and 1, not at 95; write 0.95 for 95 %"),
    "level is no number": (("{runs}", "--level", "high"), "argument --level: invalid float value: 'high'"),
    "warm-up": (("{runs}", "--warmup", "soon"), "--warmup: 'soon' is not a quantity in s"),
    "warm-up below zero": (("{runs}", "--warmup=-3s"), "warmup: -3.0 is no time"),
    "warm-up in bytes": (("{runs}", "--warmup", "3MB"), "--warmup: '3MB' is not a quantity in s"),
    "warm-up of the whole": (("{runs}", "--warmup", "5s"), "after a warm-up of 5 s there are 0 bins of 1 s left"),
    "one batch": (("{runs}", "--batches", "1"), "batches: 1 is no number of batches"),
    "more batches than bins": (("{runs}", "--batches", "6"), "there are 5 bins of 1 s left; set a shorter warm-up, or"),
    "half a batch": (("{runs}", "--batches", "2.5"), "argument --batches: invalid int value: '2.5'"),
    "batches of a percentile": (("{runs}", "--batches", "2", "--metric", "latency_s_p99"), "latency_s_p99 cannot be"),
    "csv of another kind": (("{runs}", "--csv", "{out}/rows.txt"), "{out}/rows.txt: the kind of file is not known"),
    "csv without a name": (("{runs}", "--csv", ""), "no place is named; give a file"),
    "csv is a folder": (("{runs}", "--csv", "{folder}"), "{folder}: is a folder"),
    "csv below a file": (("{runs}", "--csv", "{file}/rows.csv"), "{file}/rows.csv: cannot be written"),
    "unknown option": (("{runs}", "--metrik", "served_ratio"), "unknown option or argument '--metrik'; did you mean"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_compared_is_one_line(command: Command, runs: Path, tmp_path: Path, name: str) -> None:
    words, says = BAD[name]
    places = {key: tmp_path / key for key in ("none", "empty", "damaged", "other", "out", "file")}
    places |= {"runs": runs, "folder": tmp_path / "folder.csv"}
    for key in ("empty", "damaged", "other", "out", "folder"):
        places[key].mkdir()
    places["file"].write_text("x")
    (places["damaged"] / "campus-distream-seed0-0123456789ab.json").write_text("{")
    if name == "two results":
        simedge.run("campus", *SHORT, "policy=distream", seed=0).save(places["other"] / "0.json")
        text = (places["other"] / "0.json").read_text()
        (places["other"] / "0.json").write_text(re.sub(r'"run_hash": "\w+"', '"run_hash": "other"', text))
    code, out, err = command(*(word.format(**places) for word in words))
    assert (code, out) == (2, ""), err
    assert err.startswith("simedge: ") and err.count("\n") == 1, err
    assert name != "two results" or all(str(places[key]) in err for key in ("runs", "other"))
    assert says.format(**places) in err
    assert list(places["out"].iterdir()) == [] and list(places["folder"].iterdir()) == []


def test_nothing_is_read_before_the_csv_is_known_to_be_writable(command: Command, tmp_path: Path) -> None:
    code, _, err = command(tmp_path / "none", "--csv", tmp_path / "rows.txt")
    assert code == 2 and "rows.txt" in err
