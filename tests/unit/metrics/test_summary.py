from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simedge.metrics.schema import PARTS, Categorical
from simedge.metrics.summary import per_second, summarise

# Worked by hand from the six ROIs and four reports of conftest.py; percentiles interpolate linearly.
BY_HAND = {
    "arrived_units": 6,
    "completed_units": 5,
    "in_system_units": 1,
    "lost_units": 0,
    "served_ratio": 5 / 6,
    # done at 0.5 | 1.75 | 2.0 2.25 | 3.5 -> bins 1 1 2 1
    "throughput_ips_mean": 1.25,
    "throughput_ips_p50": 1.0,
    "throughput_ips_p75": 1.25,
    "throughput_ips_p99": 1.97,
    "classifier_ips_mean": (4 + 3 + (4 + 3) + 4) / 4,
    # sorted 0.5 0.75 1.0 1.5 1.75
    "latency_s_mean": 1.1,
    "latency_s_p50": 1.0,
    "latency_s_p75": 1.5,
    "latency_s_p99": 1.74,
    "latency_s_max": 1.75,
    # at 2 units/s the arrivals 0 0 1 1.5 2 3 are done at 0.5 1 1.5 2 2.5 3.5
    "bound_latency_s_mean": 3.5 / 6,
    "bound_latency_s_p50": 0.5,
    "bound_latency_s_p75": 0.5,
    "bound_latency_s_p99": 0.975,
    "fraction_of_bound": 3.5 / 6 / 1.1,
    "queue_s_mean": 0.25,
    "camera_s_mean": 0.4,
    "network_s_mean": 0.15,
    "edge_queue_s_mean": 0.1,
    "edge_s_mean": 0.2,
    "slo_miss_ratio": 0.4,  # 1.5 and 1.75; 1.0 is just in time
    # drain times (1 0 0) (2 2 1) (0 0 0) (1 1 1) -> 2, 0.2, 0, 0
    "imbalance_index_mean": 0.55,
    "imbalance_index_p50": 0.1,
    "imbalance_index_p75": 0.65,
    "imbalance_index_p99": 1.946,
    # 2, 12 + 1, 0, 8 + 3
    "accumulated_units_mean": 6.5,
    "accumulated_units_p50": 6.5,
    "accumulated_units_p75": 11.5,
    "accumulated_units_p99": 12.94,
    "accumulated_units_max": 13,
    "migrated_units": 2,
    "migration_calls": 1,
    "missed_units": 0,
    "retried_units": 0,
    "delayed_units": 0,
    "handed_over_units": 0,
    "utilisation.camera_1": 0.4375,
    "utilisation.camera_2": 0.1875,
    "utilisation.gpu_1": 0.25,
    "utilisation.cameras": 0.3125,
    "utilisation.edge": 0.25,
    "uplink_bytes": 7500,
    "uplink_bytes.camera_1": 5000,
    "uplink_bytes.camera_2": 2500,
}


def test_six_rois_by_hand(make_run):
    assert make_run().metrics == pytest.approx(BY_HAND, rel=1e-12)


def test_the_warm_up_cuts_units_by_arrival_and_bins_and_reports_by_time(make_run):
    metrics = make_run(warmup_s=1.5).metrics
    # Kept are the units that arrived at 1.5, 2 and 3; bins [1.5, 2.5) and [2.5, 3.5); reports at 2, 3 and 4.
    wanted = {
        "arrived_units": 3,
        "completed_units": 2,
        "latency_s_mean": 1.125,
        "slo_miss_ratio": 0.5,
        "throughput_ips_mean": 1.5,  # 1.75, 2.0 and 2.25, of whichever arrival
        "classifier_ips_mean": 5.0,
        "imbalance_index_mean": 0.2 / 3,
        "accumulated_units_mean": 8,
        "utilisation.camera_1": 0.4375,
    }
    assert {name: metrics[name] for name in wanted} == pytest.approx(wanted, rel=1e-12)


def test_a_report_and_an_arrival_at_the_end_of_the_warm_up_count(make_run):
    metrics = make_run(warmup_s=2.0).metrics
    assert metrics["arrived_units"] == 2
    assert metrics["accumulated_units_max"] == 13


def test_the_objective_is_missed_only_by_later_units(make_run):
    assert make_run(slo_s=1.75).metrics["slo_miss_ratio"] == 0
    assert make_run(slo_s=np.nextafter(1.75, 0)).metrics["slo_miss_ratio"] == 0.2


def test_rows_after_the_horizon_did_not_arrive(make_run):
    metrics = make_run(rois={"arrived_s": np.array([0, 0, 1, 1.5, 2, 4.0])}).metrics
    assert (metrics["arrived_units"], metrics["in_system_units"], metrics["served_ratio"]) == (5, 0, 1)


@pytest.mark.parametrize(
    ("warmup_s", "horizon_s", "counts"),
    [
        (0.0, 3.0, [2, 0, 1]),  # the event at 3.0 lies outside
        (0.0, 3.9, [2, 0, 1]),  # the partial bin is dropped
        (0.0, 4.0, [2, 0, 1, 1]),
        (0.0, 5.0, [2, 0, 1, 1, 0]),  # idle bins count
        (0.5, 2.5, [1, 1]),  # bins begin where the warm-up ends
        (0.0, 0.5, [2.0]),  # the only bin is partial: one event in half a second
        (2.0, 2.0, []),
        (0.3, 10.3, [1, 1, 0, 0, 0, 0, 0, 0, 0, 0]),  # 10.3 - 0.3 is a hair below 10 in floats or above
    ],
)
def test_bins(warmup_s, horizon_s, counts):
    times_s = np.array([0.25, 0.9, 2.0, 3.0, np.nan])
    if warmup_s == 0.3:
        times_s = np.array([0.29, 0.31, 2.0])
    assert per_second(times_s, warmup_s, horizon_s).tolist() == counts


def test_weighted_bins():
    assert per_second(np.array([0.1, 0.2, 1.5]), 0, 2, np.array([4.0, 3.0, 2.0])).tolist() == [7, 2]


BOUND = {name for name in BY_HAND if name.startswith("bound")}
UNDEFINED_WITHOUT_COMPLETIONS = {
    name for name in BY_HAND if name.endswith("_s_mean") or name.startswith(("latency", "slo", "fraction"))
} - BOUND


def test_none_completed(make_run):
    lost = {name: np.full(6, np.nan) for name in (*PARTS, "latency_s", "done_s")}
    metrics = make_run(rois=lost).metrics
    assert (metrics["arrived_units"], metrics["completed_units"], metrics["served_ratio"]) == (6, 0, 0)
    assert metrics["throughput_ips_mean"] == metrics["throughput_ips_p99"] == metrics["classifier_ips_mean"] == 0
    assert {name for name, value in metrics.items() if math.isnan(value)} == UNDEFINED_WITHOUT_COMPLETIONS


def test_no_arrivals_and_no_reports(make_run):
    metrics = make_run(rows=0).metrics
    assert metrics["arrived_units"] == metrics["completed_units"] == metrics["throughput_ips_mean"] == 0
    undefined = {n for n in metrics if n.startswith(("imbalance", "accumulated"))} | {"served_ratio"} | BOUND
    assert {name for name, value in metrics.items() if math.isnan(value)} == undefined | UNDEFINED_WITHOUT_COMPLETIONS
    assert list(metrics) == list(BY_HAND)


def test_a_warm_up_as_long_as_the_run_leaves_nothing(make_run):
    metrics = make_run(warmup_s=4.0).metrics
    assert metrics["arrived_units"] == 0
    assert math.isnan(metrics["throughput_ips_mean"])
    assert math.isnan(metrics["latency_s_p99"])


def test_a_system_without_gpus_or_links_has_no_such_utilisation(make_run):
    metrics = make_run(busy_s={"camera_1": 1.0, "camera_2": 3.0}, bytes={}).metrics
    assert metrics["utilisation.cameras"] == 0.5
    assert math.isnan(metrics["utilisation.edge"])
    assert metrics["uplink_bytes"] == 0


def test_gpus_are_listed_in_natural_order_whatever_the_order_of_the_facts(make_run):
    busy_s = {"gpu_10": 1.0, "gpu_2": 2.0, "camera_2": 1.0, "camera_1": 1.0}
    names = [n for n in make_run(busy_s=busy_s).metrics if n.startswith("utilisation")]
    wanted = ["camera_1", "camera_2", "gpu_2", "gpu_10", "cameras", "edge"]
    assert names == [f"utilisation.{name}" for name in wanted]


def test_a_capacity_must_be_positive(make_run):
    with pytest.raises(ValueError, match="capacity"):
        _ = make_run(capacity_ips={"camera_1": 0.0, "camera_2": 1.0, "edge": 1.0}).metrics


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(0, 60), entities=st.integers(2, 6), ticks=st.integers(1, 8))
def test_random_runs_against_plain_loops(seed, n, entities, ticks):
    rng = np.random.default_rng(seed)
    names = (*(f"camera_{i + 1}" for i in range(entities - 1)), "edge")
    arrived_s = np.sort(rng.uniform(0, 5, n))
    parts = {part: rng.exponential(0.3, n) for part in PARTS}
    latency_s = sum(parts.values(), np.zeros(n))
    lost = arrived_s + latency_s >= 5
    rois = {
        "camera": Categorical(rng.integers(0, entities - 1, n), names[:-1]),
        "path": Categorical(rng.integers(0, 2, n), ("a", "b")),
        "arrived_s": arrived_s,
        "latency_s": np.where(lost, np.nan, latency_s),
        "done_s": np.where(lost, np.nan, arrived_s + latency_s),
        "lost_s": np.where(lost & (rng.random(n) < 0.5), 4.5, np.nan),
        **{part: np.where(lost, np.nan, values) for part, values in parts.items()},
    }
    queue = rng.integers(0, 4, (ticks, entities)) * rng.integers(0, 2, (ticks, 1))
    reports = {
        "time_s": np.repeat(np.arange(1.0, ticks + 1), entities),
        "entity": Categorical(np.tile(np.arange(entities), ticks), names),
        "queue_units": queue.ravel(),
        "outbound_units": np.zeros(ticks * entities, np.int32),
        "backlog_units": queue.ravel().astype(float),
    }
    capacity_ips = {name: float(rng.uniform(1, 9)) for name in names}
    facts = {"horizon_s": 5.0, "warmup_s": 0.0, "slo_s": 1.0, "path_lengths": {"a": 1, "b": 3}, "bytes": {}}
    facts |= {"bound_ips": 3.0, "migrated_units": 0, "migration_calls": 0}
    metrics = summarise({"rois": rois, "reports": reports}, {**facts, "capacity_ips": capacity_ips, "busy_s": {}})

    indices = []
    for row in queue.tolist():
        drain_s = [units / capacity_ips[name] for units, name in zip(row, names, strict=True)]
        mean = math.fsum(drain_s) / entities
        indices.append(max(drain_s) / mean - 1 if mean else 0.0)
    assert metrics["imbalance_index_mean"] == pytest.approx(sum(indices) / ticks, abs=1e-9)
    assert metrics["accumulated_units_max"] == max(sum(row) for row in queue.tolist())
    assert metrics["lost_units"] == np.count_nonzero(~np.isnan(rois["lost_s"]))
    assert metrics["arrived_units"] == n
    assert metrics["completed_units"] + metrics["in_system_units"] + metrics["lost_units"] == n
    assert metrics["throughput_ips_mean"] * 5 == pytest.approx(metrics["completed_units"], abs=1e-9)
    if metrics["completed_units"]:
        assert sum(metrics[f"{part}_mean"] for part in PARTS) == pytest.approx(metrics["latency_s_mean"], rel=1e-9)
        late = [x for x in rois["latency_s"].tolist() if x > 1.0]
        assert metrics["slo_miss_ratio"] * metrics["completed_units"] == pytest.approx(len(late), abs=1e-9)
