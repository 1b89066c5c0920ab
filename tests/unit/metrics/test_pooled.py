"""Pooling clips and intervals over them, against written-out samples and closed forms."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest

from simedge.metrics import pooled
from simedge.metrics.pooled import Digest, Estimate
from simedge.metrics.results import Results

ONCE = np.ones((1, 1))


def clip(latency_s: np.ndarray, units_ips: np.ndarray, arrived: float | None = None, bound_s: float = 0.5) -> Digest:
    return Digest(
        "p", 0, "", float(len(units_ips)), float(len(latency_s) if arrived is None else arrived), float(len(latency_s)),
        float(np.count_nonzero(latency_s > 3)), float(latency_s.sum()), pooled.latency_counts(latency_s), units_ips,
        bound_s,
    )  # fmt: skip


def clips(number: int, seed: int = 1) -> tuple[list[np.ndarray], list[np.ndarray]]:
    rng = np.random.default_rng(seed)
    latencies = [rng.lognormal(mean=k % 3, size=50 + 20 * k) for k in range(number)]
    seconds = [rng.poisson(20 + 5 * k, 30).astype(float) for k in range(number)]
    return latencies, seconds


def test_a_run_pooled_alone_gives_its_metrics(make_run: Callable[..., Results]) -> None:
    run = make_run()
    found = {name: float(values[0]) for name, values in pooled.pool([pooled.digest(run)], ONCE).items()}
    assert {"throughput_ips_p75", "latency_s_mean", "slo_miss_ratio", "served_ratio"} < set(found)
    for name, value in found.items():
        rel = 2e-3 if name.startswith("latency_s_p") else 1e-12
        assert value == pytest.approx(run.metrics[name], rel=rel, nan_ok=True), name


def test_the_warm_up_is_left_out(make_run: Callable[..., Results]) -> None:
    run = make_run(warmup_s=1.5)
    found = pooled.pool([pooled.digest(run)], ONCE)
    for name in ("latency_s_mean", "throughput_ips_mean", "served_ratio", "slo_miss_ratio", "bound_latency_s_mean"):
        assert found[name][0] == pytest.approx(run.metrics[name], rel=1e-12), name


def test_latencies_keep_a_thousandth() -> None:
    values = pooled.latency_values()
    assert np.all(np.diff(values) > 0)
    latency_s = np.geomspace(1.01e-4, 9.9e5, 20_011)
    for one in (latency_s[:5], latency_s[-5:], latency_s[::997]):
        for true in one:
            (at,) = np.flatnonzero(pooled.latency_counts(np.array([true])))
            assert values[at] == pytest.approx(true, rel=1.001e-3)


@pytest.mark.parametrize("latency_s", [0.0, 9e-5, 1e-4, 1e6, 1e9])
def test_no_latency_is_lost_at_the_ends(latency_s: float) -> None:
    assert pooled.latency_counts(np.array([latency_s, 1.0])).sum() == 2


@pytest.mark.parametrize("size", [1, 2, 7, 100])
def test_percentiles_are_numpys(size: int) -> None:
    rng = np.random.default_rng(size)
    samples = rng.integers(0, 9, (3, size))
    counts = np.stack([np.bincount(sample, minlength=10) for sample in samples])
    weights = np.array([[1.0, 1, 1], [0, 3, 0], [2, 0, 1]])
    ranks = [0.0, 2.5, 50.0, 75.0, 99.0, 100.0]
    found = pooled.percentiles(np.arange(10.0), counts, weights, ranks)
    for row, weight in enumerate(weights.astype(int)):
        pool = np.concatenate([np.tile(sample, times) for sample, times in zip(samples, weight, strict=True)])
        assert found[:, row] == pytest.approx(np.percentile(pool, ranks), rel=1e-12)


def test_percentiles_of_nothing_are_undefined() -> None:
    assert np.isnan(pooled.percentiles(np.arange(3.0), np.zeros((2, 3), int), np.ones((4, 2)), [50.0])).all()
    some = pooled.percentiles(np.arange(3.0), np.array([[0, 0, 0], [0, 1, 0]]), np.array([[2.0, 0], [0, 2]]), [50.0])
    assert np.isnan(some[0, 0])
    assert some[0, 1] == 1


def test_many_weightings_are_done_in_parts_without_a_seam() -> None:
    latencies, _ = clips(5)
    counts = np.stack([pooled.latency_counts(one) for one in latencies])
    weights = pooled.resampled(5, 700)
    together = pooled.percentiles(pooled.latency_values(), counts, weights, [50.0, 99.0])
    each = [pooled.percentiles(pooled.latency_values(), counts, row[None], [50.0, 99.0])[:, 0] for row in weights]
    assert np.array_equal(together, np.stack(each, axis=1))


def test_a_pool_is_its_clips_written_out() -> None:
    latencies, seconds = clips(4)
    arrived, bounds_s = [90.0, 80.0, 120.0, 110.0], [0.1, 0.2, 0.4, 0.8]
    made = [clip(*one) for one in zip(latencies, seconds, arrived, bounds_s, strict=True)]
    weights = np.array([[1.0, 1, 1, 1], [0, 2, 1, 1], [4, 0, 0, 0]])
    found = pooled.pool(made, weights)
    for row, weight in enumerate(weights.astype(int)):
        chosen = np.repeat(np.arange(4), weight)
        latency_s, ips = (np.concatenate([lists[k] for k in chosen]) for lists in (latencies, seconds))
        here = {name: values[row] for name, values in found.items()}
        assert here["latency_s_mean"] == pytest.approx(latency_s.mean())
        assert here["throughput_ips_mean"] == pytest.approx(ips.mean())
        for rank in (50, 75, 99):
            assert here[f"throughput_ips_p{rank}"] == pytest.approx(np.percentile(ips, rank), rel=1e-12)
            assert here[f"latency_s_p{rank}"] == pytest.approx(np.percentile(latency_s, rank), rel=2e-3)
        assert here["slo_miss_ratio"] == pytest.approx(np.mean(latency_s > 3))
        offered = sum(arrived[k] for k in chosen)
        assert here["served_ratio"] == pytest.approx(len(latency_s) / offered)
        bound_s = sum(arrived[k] * bounds_s[k] for k in chosen) / offered
        assert here["bound_latency_s_mean"] == pytest.approx(bound_s)
        assert here["fraction_of_bound"] == pytest.approx(bound_s / latency_s.mean())


def test_a_clip_without_arrivals_leaves_the_bound_as_it_is() -> None:
    made = [clip(np.array([1.0, 2.0]), np.array([1.0, 1.0])), clip(np.empty(0), np.zeros(2), bound_s=math.nan)]
    found = pooled.pool(made, np.array([[1.0, 1.0], [0.0, 2.0]]))
    assert found["bound_latency_s_mean"][0] == 0.5
    assert found["throughput_ips_mean"].tolist() == [0.5, 0.0]
    for name in ("latency_s_mean", "latency_s_p50", "slo_miss_ratio", "served_ratio", "fraction_of_bound"):
        assert np.isnan(found[name][1]), name


def test_resamples_repeat_and_begin_with_the_clips_themselves() -> None:
    weights = pooled.resampled(7, 1000)
    assert np.array_equal(weights, pooled.resampled(7, 1000))
    assert (weights[0] == 1).all()
    assert (weights.sum(axis=1) == 7).all()
    # each weight is binomial(7, 1/7): mean 1, variance 6/7
    assert weights[1:].mean() == pytest.approx(1)
    assert weights[1:].var() == pytest.approx(6 / 7, rel=0.05)


def test_the_interval_is_that_of_all_resamples() -> None:
    """Four clips have 256 equally likely resamples, few enough to write out."""
    latencies, seconds = clips(4)
    made = [clip(*one) for one in zip(latencies, seconds, strict=True)]
    found = pooled.estimate(pooled.pool(made, pooled.resampled(4, 20_000))["latency_s_mean"], 4)
    every = [np.concatenate([latencies[k] for k in chosen]).mean() for chosen in itertools.product(range(4), repeat=4)]
    assert found.value == pytest.approx(np.concatenate(latencies).mean())
    assert [found.low, found.high] == pytest.approx(np.percentile(every, [2.5, 97.5]), rel=0.02)


def test_the_interval_of_a_mean_has_the_width_of_its_standard_error() -> None:
    rng = np.random.default_rng(3)
    means = rng.normal(100, 10, 200)
    made = [clip(np.array([1.0]), np.array([mean])) for mean in means]
    found = pooled.estimate(pooled.pool(made, pooled.resampled(200, 4000))["throughput_ips_mean"], 200)
    assert found.high - found.low == pytest.approx(2 * 1.96 * means.std() / math.sqrt(200), rel=0.06)


def test_a_common_factor_cancels_in_a_paired_ratio() -> None:
    latencies, seconds = clips(6)
    weights = pooled.resampled(6, 500)
    one = pooled.pool([clip(*each) for each in zip(latencies, seconds, strict=True)], weights)
    twice = pooled.pool([clip(a, 2 * b) for a, b in zip(latencies, seconds, strict=True)], weights)
    for statistic in ("mean", "p50", "p99"):
        name = f"throughput_ips_{statistic}"
        assert pooled.estimate(pooled.divided(twice[name], one[name]), 6) == pytest.approx(Estimate(2, 2, 2))


def test_one_clip_has_no_interval_and_undefined_resamples_are_left_out() -> None:
    alone = pooled.estimate(np.array([2.0, 2.0, 2.0]), 1)
    assert alone.value == 2
    assert math.isnan(alone.low)
    assert math.isnan(alone.high)
    assert pooled.estimate(np.array([2.0, np.nan, 1.0, 3.0]), 2) == pytest.approx((2.0, 1.05, 2.95))
    assert all(map(math.isnan, pooled.estimate(np.array([np.nan, 1.0, 3.0]), 2)))


def test_quotients_of_nothing_are_undefined() -> None:
    found = pooled.divided(np.array([1.0, 1.0, 1.0, np.nan]), np.array([2.0, 0.0, np.nan, 1.0]))
    assert found[0] == 0.5
    assert np.isnan(found[1:]).all()
