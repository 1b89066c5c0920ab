"""What is said of a simulated value beside a published one, worked by hand; and the files of published values."""

from __future__ import annotations

import csv
import math
from collections import Counter

import pytest

from simedge.experiment import catalog, published
from simedge.experiment.paper import ITEMS, METRICS, POOLED
from simedge.experiment.published import Cell, Target, cell_verdict, target_verdict
from simedge.metrics.pooled import Estimate

NAN = math.nan


def cell(value: float = 2.0, tolerance: float = 0.125, how: str = "relative", kind: str = "published") -> Cell:
    return Cell("t", "p", "m", value, tolerance, how, kind, "here")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("simulated", "says"),
    [
        ((2.0, 1.9, 2.1), "reproduced"),
        ((2.25, 2.24, 2.26), "reproduced"),  # exactly at the tolerance of 0.25
        ((1.75, 1.7, 1.8), "reproduced"),
        ((2.26, 2.25, 2.27), "near"),
        ((2.5, 2.45, 2.55), "near"),  # exactly at twice the tolerance
        ((1.5, 1.4, 1.6), "near"),
        ((2.51, 2.5, 2.6), "outside"),
        ((1.4, 1.3, 1.5), "outside"),
        ((3.0, 2.0, 4.0), "reproduced"),  # far off, but the published value is an end of the interval
        ((3.0, 2.01, 4.0), "outside"),
        ((2.25, NAN, NAN), "reproduced"),  # one clip
        ((2.51, NAN, NAN), "outside"),
        ((NAN, NAN, NAN), "not simulated"),
    ],
)
def test_a_published_cell(simulated: tuple[float, float, float], says: str) -> None:
    assert cell_verdict(cell(), Estimate(*simulated)) == says


@pytest.mark.parametrize(
    ("value", "says"), [(0.0, "reproduced"), (0.0675, "reproduced"), (0.125, "near"), (0.128, "outside")]
)
def test_an_absolute_tolerance_counts_in_the_unit_of_the_value(value: float, says: str) -> None:
    assert cell_verdict(cell(0.0075, 0.06, "absolute"), Estimate(value, value, value)) == says


def test_a_relative_tolerance_grows_with_the_magnitude() -> None:
    assert (cell(-4.0, 0.25).margin, cell(0.5, 0.25).margin, cell(8.0, 0.25, "absolute").margin) == (1.0, 0.125, 0.25)


def test_cells_that_cannot_be_judged() -> None:
    far, nothing = Estimate(9.0, 8.0, 10.0), Estimate(NAN, NAN, NAN)
    assert cell_verdict(cell(kind="fitted"), far) == "fitted"
    assert cell_verdict(cell(kind="fitted"), Estimate(2.0, 2.0, 2.0)) == "fitted"
    assert cell_verdict(cell(kind="fitted"), nothing) == "not simulated"
    assert cell_verdict(cell(NAN, kind="unpublished"), far) == "unpublished"
    assert cell_verdict(cell(NAN, kind="unpublished"), nothing) == "unpublished"
    assert cell_verdict(None, far) == "unpublished"
    assert cell_verdict(cell(kind="derived"), far) == "outside"


def band(low: float, high: float, strict: bool = False) -> Target:
    return Target("A0", "t", "p", "m", low, high, strict, "here")


@pytest.mark.parametrize(
    ("target", "simulated", "says"),
    [
        (band(1, 2), (1.5, 0.0, 9.0), "met"),  # a wide interval does not matter
        (band(1, 2), (1.0, 0.9, 1.1), "met"),
        (band(1, 2), (2.0, 1.9, 2.1), "met"),
        (band(1, 2), (2.1, 2.0, 2.2), "undecided"),  # touches
        (band(1, 2), (0.9, 0.8, 1.2), "undecided"),
        (band(1, 2), (2.5, 0.5, 3.0), "undecided"),  # spans it
        (band(1, 2), (2.1, 2.05, 2.2), "missed"),
        (band(1, 2), (0.9, 0.8, 0.95), "missed"),
        (band(1, 2), (2.1, NAN, NAN), "missed"),
        (band(1, 2), (NAN, NAN, NAN), "not simulated"),
        (band(0.5, math.inf), (7.0, 6.0, 8.0), "met"),
        (band(-math.inf, 0.5), (0.6, 0.4, 0.7), "undecided"),
        (band(-math.inf, 0.5), (0.6, 0.55, 0.7), "missed"),
        (band(1, math.inf, strict=True), (1.0, 1.0, 1.0), "missed"),
        (band(1, math.inf, strict=True), (1.0, 0.9, 1.1), "undecided"),
        (band(1, math.inf, strict=True), (1.01, 0.9, 1.1), "met"),
    ],
)
def test_an_acceptance_band(target: Target, simulated: tuple[float, float, float], says: str) -> None:
    assert target_verdict(target, Estimate(*simulated)) == says


# --- the files ---------------------------------------------------------------------------------------------------


def rows(name: str) -> list[dict[str, str]]:
    with (published.folder() / name).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def names(item: str) -> set[str]:
    return {*ITEMS[item].policies, *POOLED}


@pytest.mark.parametrize("name", ["published.csv", "targets.csv"])
def test_rows_name_what_exists_and_where_they_come_from(name: str) -> None:
    for row in rows(name):
        assert None not in row, row  # no cell too many
        assert None not in row.values(), row
        assert row["item"] in ITEMS
        assert row["policy"] in names(row["item"]), row
        assert row["metric"] in METRICS, row
        assert row["source"].strip(), row


def test_policies_are_known() -> None:
    for item in ITEMS.values():
        assert set(item.policies) <= set(catalog.names("policy"))


def test_no_cell_and_no_band_stands_twice() -> None:
    keys = [(row["item"], row["policy"], row["metric"]) for row in rows("published.csv")]
    keys += [(f"{row['id']} {row['item']}", row["policy"], row["metric"]) for row in rows("targets.csv")]
    assert [key for key, count in Counter(keys).items() if count > 1] == []


def test_values_fit_their_kinds() -> None:
    for item in ITEMS:
        for one in published.cells(item):
            assert one.kind in {"published", "derived", "fitted", "unpublished"}
            assert math.isnan(one.published) == (one.kind == "unpublished"), one
            assert one.kind != "unpublished" or one.note, one
            assert one.kind != "fitted" or one.note, one  # what was set by it
            tolerance = 0.06 if one.metric == "slo_miss_ratio" else 0.1 if one.metric.startswith("throughput") else 0.25
            tolerance = 0.35 if one.metric.startswith("latency") and one.metric.endswith("p99") else tolerance
            assert one.tolerance == tolerance, one
            assert one.tolerance_kind == ("absolute" if one.metric == "slo_miss_ratio" else "relative")


def test_bands_are_bands_and_all_are_there() -> None:
    found = [one for item in ITEMS for one in published.targets(item)]
    assert {one.id for one in found} == {"A1", "A2", "A3", "A4", "A5", "A6", "A7", "A8", "A9", "A13"}
    assert all(one.low < one.high for one in found)
    assert [one.policy for one in found if one.strict] == ["all"]


TABLES = {
    # avg, med, 75th, 99th of throughput, then of latency, read off the tables once more
    ("table-1.2", "videoedge_l"): "2.1 2.2 1.9 1.5 1.5 2.4 1.6 1.4",
    ("table-1.2", "centralized"): "1.9 2.0 1.7 1.3 1.4 2.2 1.5 1.2",
    ("table-1.3", "distream"): "1.6 1.6 1.9 2.0 184 604.3 446.8 52.6",
    ("table-1.3", "videoedge_l"): "1.2 1.2 1.2 1.2 1.5 1.8 1.5 1.2",
    ("table-1.3", "centralized"): "1.1 1.1 1.1 1.1 1.2 1.4 1.2 1.1",
    ("table-1.4", "distream_l"): "2.4 2.5 2.3 2.2 5.9 8.2 5.5 5.2",
    ("table-1.4", "distream_p"): "2.5 2.5 2.3 2.1 6.3 9.2 6.6 5.1",
    ("table-1.4", "distream_l_artifact"): "2.4 2.5 2.3 2.2 5.9 8.2 5.5 5.2",
    ("table-1.4", "distream_p_artifact"): "2.5 2.5 2.3 2.1 6.3 9.2 6.6 5.1",
}


@pytest.mark.parametrize("key", TABLES)
def test_the_tables_are_copied_right(key: tuple[str, str]) -> None:
    found = {one.metric: one.published for one in published.cells(key[0]) if one.policy == key[1]}
    wanted = [f"{family}_gain_{s}" for family in ("throughput", "latency") for s in ("mean", "p50", "p75", "p99")]
    assert [found[metric] for metric in wanted] == [float(word) for word in TABLES[key].split()]


def test_derived_values_follow_from_published_ones() -> None:
    for item, base_s in (("table-1.2", 43.93), ("table-1.3", 49.68), ("table-1.4", 43.93)):
        value = {(one.policy, one.metric): one for one in published.cells(item)}
        for (policy, metric), one in value.items():
            if one.kind == "derived":
                family = "latency" if metric == "latency_s_mean" else "throughput"
                gain = value[policy, f"{family}_gain_mean"].published
                follows = base_s / gain if family == "latency" else 489.1 / 2.9 * gain
                assert one.published == pytest.approx(follows, rel=2e-3), one
