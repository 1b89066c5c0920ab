"""Metrics of a part of a run against runs with that warm-up, and steady states against made-up curves."""

import math

import numpy as np
import pytest

import simedge
from simedge.errors import ConfigError
from simedge.metrics import windows
from simedge.metrics.curves import Curves


def curves(arrived, completed, late=0.0, latency_s=0.1, done=None, bin_s=1.0) -> Curves:
    arrived = np.asarray(arrived, float)
    completed = np.broadcast_to(np.asarray(completed, float), arrived.shape)
    done = completed if done is None else np.asarray(done, float)
    return Curves(bin_s, arrived, completed, late * completed, latency_s * completed, done, np.empty(0))


@pytest.mark.parametrize("policy", ["camera_only", "distream"])
def test_a_cut_gives_what_a_run_with_that_warm_up_gives(policy):
    typed = (f"policy={policy}", "workload=generated", "horizon_s=12", "record=summary")
    whole = simedge.run("campus", *typed, seed=5)
    for warmup_s in (0, 4):
        metrics = simedge.run("campus", *typed, f"warmup_s={warmup_s}", seed=5).metrics
        for name in windows.SERIES:
            assert windows.value(whole.curves, name, warmup_s) == pytest.approx(metrics[name], rel=1e-12), name


def test_batches_by_hand():
    made = curves([9, 10, 20, 30, 0], [9, 10, 15, 30, 0], latency_s=np.array([9, 1, 2, 3, 0]))
    assert windows.batches_of(made, "served_ratio", 1, 2).tolist() == [25 / 30, 1.0]
    assert windows.batches_of(made, "latency_s_mean", 1, 2).tolist() == [40 / 25, 3.0]
    assert windows.batches_of(made, "throughput_ips_mean", 1, 2).tolist() == [12.5, 15.0]
    two = curves([4, 4], [4, 4], bin_s=2.0)
    assert windows.value(two, "throughput_ips_mean", 0) == 2.0


def test_what_is_divided_by_nothing_is_undefined():
    made = curves([5, 5], [0, 0])
    assert math.isnan(windows.value(made, "latency_s_mean", 0))
    assert windows.value(made, "served_ratio", 0) == 0.0
    assert math.isnan(windows.value(made, "throughput_ips_mean", 2))


def test_seconds_in_which_nothing_arrived_are_passed_over():
    """Ten slow seconds, then forty fast ones between which nothing arrives; of bins, the cut is at second 10."""
    arrived = np.r_[np.full(10, 6.0), np.tile([6.0, 0.0], 40)]
    latency_s = np.r_[np.full(10, 9.0), np.full(80, 1.0)]
    made = windows.warmup(curves(arrived, arrived, latency_s=latency_s), "latency_s_mean")
    assert (made.observations, made.found) == (10, True)
    gap = np.r_[np.full(10, 6.0), np.zeros(7), np.full(40, 6.0)]
    latency_s = np.r_[np.full(10, 9.0), np.full(47, 1.0)]
    assert windows.warmup(curves(gap, gap, latency_s=latency_s), "latency_s_mean").observations == 17


def test_an_overload_has_no_steady_state_however_steady_its_latencies_look():
    made = curves(np.full(300, 480.0), np.full(300, 200.0))
    assert windows.warmup(made, "latency_s_mean").found
    assert not windows.settled(made, "latency_s_mean")
    assert not windows.settled(made, "slo_miss_ratio")
    assert windows.settled(made, "throughput_ips_mean")  # the capacity
    assert windows.settled(curves(np.full(300, 480.0), np.full(300, 479.0)), "latency_s_mean")


def test_latencies_that_go_on_growing_have_no_steady_state():
    growing = curves(np.full(300, 480.0), np.full(300, 480.0), latency_s=np.arange(300.0))
    assert not windows.settled(growing, "latency_s_mean")
    assert windows.settled(growing, "throughput_ips_mean")


def test_nothing_is_known_of_a_run_in_which_nothing_arrived():
    made = windows.warmup(curves(np.zeros(50), np.zeros(50)), "latency_s_mean")
    assert (made.observations, made.found) == (0, False)


def test_the_campus_drowns_its_cameras_and_says_so():
    run = simedge.run("campus", "policy=camera_only", "workload=generated", "record=summary", "horizon_s=100", seed=0)
    assert not windows.settled(run.curves, "latency_s_mean")


@pytest.mark.parametrize("name", ["latency_s_p99", "imbalance_index_mean"])
def test_metrics_that_curves_do_not_know_are_refused(name):
    with pytest.raises(ConfigError, match=r"run with warmup_s=… set, or leave it out; possible: throughput_ips_mean"):
        windows.check(name)
