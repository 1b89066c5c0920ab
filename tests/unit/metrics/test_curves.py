"""Curves against counts made by hand and against the tables they sum up."""

import json

import numpy as np
import pytest

import simedge
from simedge.errors import InputError, OutputError
from simedge.metrics.curves import RANKS, CurveCounts, Curves
from simedge.metrics.quantiles import Exact
from simedge.metrics.results import Results


@pytest.fixture(scope="module")
def runs():
    typed = ("workload=generated", "horizon_s=7.5", "warmup_s=2")
    return {record: simedge.run("campus", *typed, f"record={record}", seed=3) for record in ("items", "summary")}


def test_bins_hold_what_happened_in_them():
    counts = CurveCounts(2.5, slo_s=1.0)
    counts.arrive(np.array([0.0, 0.9, 1.5, 2.4]))
    counts.complete(np.array([0.0, 0.9]), np.array([1.5, 0.5]), np.array([1.5, 1.4]), np.array([3.0, 4.0]))
    made = counts.made(Exact())
    assert made.bin_s == 1.0 and made.begin_s.tolist() == [0.0, 1.0]
    assert made.arrived_units.tolist() == [2.0, 1.0]  # 2.4 s is in the partial last bin
    assert made.completed_units.tolist() == [2.0, 0.0] and made.late_units.tolist() == [1.0, 0.0]
    assert made.latency_sum_s.tolist() == [2.0, 0.0] and made.done_units.tolist() == [0.0, 7.0]
    assert made.latency_quantiles_s.size == 0


@pytest.mark.parametrize(
    ("horizon_s", "bin_s", "bins"), [(0.4, 0.4, 1), (1, 1, 1), (10_000, 1, 10_000), (25_000, 3, 8333)]
)
def test_there_are_never_more_than_ten_thousand_bins(horizon_s, bin_s, bins):
    made = CurveCounts(horizon_s, 1.0).made(Exact())
    assert (made.bin_s, len(made.done_units)) == (bin_s, bins)


@pytest.mark.parametrize("record", ["items", "summary"])
def test_curves_agree_with_the_table_of_rois(runs, record):
    rois, curves = runs["items"].rois, runs[record].curves
    done = rois.dropna(subset="latency_s")
    within = done[done.arrived_s < 7]
    by_second = within.groupby(within.arrived_s.astype(int))
    assert curves.arrived_units.tolist() == np.bincount(rois.arrived_s[rois.arrived_s < 7].astype(int)).tolist()
    assert curves.completed_units.tolist() == by_second.size().reindex(range(7), fill_value=0).tolist()
    assert curves.latency_sum_s == pytest.approx(by_second.latency_s.sum().reindex(range(7), fill_value=0).to_numpy())
    assert curves.done_units.tolist() == np.bincount(done.done_s[done.done_s < 7].astype(int), minlength=7).tolist()
    wanted = np.percentile(done.latency_s[done.arrived_s >= 2], RANKS)
    assert curves.latency_quantiles_s == pytest.approx(wanted, rel=1e-12)


def test_curves_survive_being_saved(runs, tmp_path):
    for name, run in (("a.json", runs["summary"]), ("b", runs["summary"]), ("c", runs["items"])):
        loaded = Results.load(run.save(tmp_path / name))
        assert loaded.curves.plain() == run.curves.plain()
        assert loaded.metrics == pytest.approx(run.metrics, nan_ok=True, rel=0)
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b" / "manifest.json").read_bytes()


def test_a_file_that_is_no_result_is_left_alone(runs, tmp_path):
    place = tmp_path / "mine.json"
    for text in ("[1, 2]", "{}", "not JSON", ""):
        place.write_text(text)
        with pytest.raises(OutputError, match="no result of simedge"):
            runs["summary"].save(place)
        assert place.read_text() == text
    assert [path.name for path in tmp_path.iterdir()] == ["mine.json"]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda curves: curves.pop("late_units"),
        lambda curves: curves["late_units"].pop(),
        lambda curves: curves.update(late_units="many"),
        lambda curves: curves.update(bin_s=0),
        lambda curves: curves["latency_sum_s"].__setitem__(0, None),
        lambda curves: curves["latency_quantiles_s"].pop(),
    ],
)
def test_damaged_curves_are_refused_in_one_line(runs, tmp_path, spoil):
    said = json.loads(runs["summary"].save(tmp_path / "a.json").read_text())
    spoil(said["curves"])
    (tmp_path / "a.json").write_text(json.dumps(said))
    with pytest.raises(InputError, match="curves"):
        Results.load(tmp_path / "a.json")


def test_lists_read_back_are_curves(runs):
    said = runs["summary"].curves.plain()
    assert Curves.read(json.loads(json.dumps(said))).plain() == said
