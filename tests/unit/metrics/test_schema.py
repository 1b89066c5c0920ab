from __future__ import annotations

import math

import numpy as np
import pytest

from simedge.errors import ConfigError
from simedge.metrics.schema import HEADLINES, METRICS, PARTS, TABLES, Categorical, conform, metric_of, show
from simedge.units import unit_of


def test_a_column_has_the_unit_that_its_name_promises():
    for columns in TABLES.values():
        for column in columns:
            assert (unit_of(column.name) or column.unit) == column.unit, column
            assert column.name.endswith("_units") == (column.unit == "units"), column
            assert column.about, column


def test_metrics_have_the_units_that_their_names_promise():
    promised = {"_s_": "s", "_ips_": "/s", "_units": "units", "_ratio": "1", "bytes": "bytes"}
    for name, metric in METRICS.items():
        assert metric.about
        for mark, unit in promised.items():
            if mark in name:
                assert metric.unit.endswith(unit), name


def test_a_run_gives_every_listed_metric_and_no_other(make_run):
    given = make_run(power_w=dict.fromkeys(("camera_1", "camera_2", "gpu_1"), (1.0, 2.0)), energy_per_bit=1e-9).metrics
    assert {metric_of(name).name for name in given} == set(METRICS)
    plain = {name: value for name, value in given.items() if not name.startswith("energy_j")}
    assert make_run().metrics == pytest.approx(plain, rel=0, abs=0, nan_ok=True)
    assert set(HEADLINES) <= set(plain)


@pytest.mark.parametrize("name", ["latency_p99", "utilisation.", "throughput_ips_mean.camera_1", "nothing.edge", ""])
def test_an_unknown_metric_is_refused_in_one_line(name):
    with pytest.raises(ConfigError, match="there is no metric") as caught:
        metric_of(name)
    assert "\n" not in str(caught.value)


def test_the_mistyped_metric_is_suggested():
    with pytest.raises(ConfigError, match="latency_s_p99"):
        metric_of("latency_p99")


def test_patterns_and_plain_names_do_not_mix():
    assert metric_of("utilisation.edge").name == "utilisation.edge"
    assert metric_of("utilisation.camera_3").name == "utilisation.<entity>"
    assert metric_of("uplink_bytes").name == "uplink_bytes"


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("served_ratio", 0.98765, "98.8 %"),
        ("slo_miss_ratio", 0.0, "0 %"),
        ("accumulated_units_max", 12345.0, "12,345 units"),
        ("uplink_bytes.camera_1", 2.5e6, "2.5 MB"),
        ("latency_s_mean", math.nan, "–"),
    ],
)
def test_values_for_people(name, value, text):
    assert show(name, value) == text


def _reports():
    n = 2
    columns = {c.name: np.zeros(n, c.dtype) for c in TABLES["reports"] if c.dtype != "category"}
    return columns | {"entity": Categorical(np.array([0, 1]), ("camera_1", "edge"))}


def test_conform_orders_and_casts():
    given = dict(reversed(_reports().items())) | {"queue_units": np.array([1, 2], np.int64)}
    made = conform("reports", given)
    assert list(made) == [column.name for column in TABLES["reports"]]
    assert made["queue_units"].dtype == np.int32


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"extra": np.zeros(2)}, "extra"),
        ({"time_s": np.zeros(3)}, "different lengths"),
        ({"entity": np.zeros(2)}, "must be category"),
        ({"time_s": Categorical(np.zeros(2, int), ("a",))}, "must be float64"),
        ({"entity": Categorical(np.array([0, 2]), ("a", "b"))}, "without a name"),
        ({"entity": Categorical(np.array([0, -2]), ("a", "b"))}, "without a name"),
    ],
)
def test_columns_that_do_not_conform_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        conform("reports", _reports() | change)


def test_a_missing_column_is_named():
    columns = _reports()
    del columns["backlog_units"]
    with pytest.raises(ValueError, match="backlog_units"):
        conform("reports", columns)


def test_floats_are_not_silently_cut_to_integers():
    with pytest.raises(TypeError, match="Cannot cast"):
        conform("reports", _reports() | {"queue_units": np.array([0.5, 1.0])})


def test_the_parts_are_columns_in_the_order_of_travel():
    names = [column.name for column in TABLES["rois"]]
    first = names.index("queue_s")
    assert names[first : first + 6] == [*PARTS, "latency_s"]
