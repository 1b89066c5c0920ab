from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simedge.policies.video.controller import drain_time_s, latencies_s, partition_points, system_throughput_ips


def test_equal_drain_times_by_hand() -> None:
    """90 units at 10/s, 20 at 10/s, edge 40/s with 10 queued. tau = (10 + 90 + 20) / 60 = 2, at which both share."""
    work, capacity = np.array([90.0, 20.0]), np.array([10.0, 10.0])
    assert drain_time_s(work, capacity, 10.0, 40.0) == pytest.approx(2.0, abs=1e-12)
    points = partition_points(work, capacity, 10.0, 40.0, latency_max_s=10.0)
    assert points == pytest.approx([2 / 9, 1.0], abs=1e-12)
    cameras, edge = latencies_s(points, work, capacity, 10.0, 40.0)
    assert cameras == pytest.approx([2.1, 2.1], abs=1e-12)
    assert edge == pytest.approx((10 + 70 + 1) / 40, abs=1e-12)


def test_idle_cameras_keep_what_comes() -> None:
    assert partition_points(np.zeros(3), np.full(3, 5.0), 0.0, 50.0, 3.0).tolist() == [1.0] * 3


def test_an_edge_in_trouble_gets_nothing() -> None:
    """The cameras alone need 0.5 s, the edge 100 s: they keep all."""
    assert partition_points(np.array([5.0, 5.0]), np.full(2, 10.0), 1000.0, 10.0, 3.0).tolist() == [1.0, 1.0]


def test_a_camera_too_slow_for_the_objective_is_eased() -> None:
    """One pass takes the first camera 4 s, above the objective: phase 2 takes work from it where phase 1 would not."""
    work, capacity = np.array([2.0, 2.0]), np.array([0.25, 50.0])
    without = partition_points(work, capacity, 0.0, 10.0, latency_max_s=1e9)
    with_objective = partition_points(work, capacity, 0.0, 10.0, latency_max_s=4.0)
    assert with_objective[0] < without[0]
    assert with_objective[1] == without[1]


WORK = st.lists(st.floats(0.0, 1e4), min_size=1, max_size=12)


@given(WORK, st.data())
@settings(max_examples=200)
def test_the_root_solves_its_equation(work: list[float], data) -> None:
    w = np.array(work)
    c = np.array(data.draw(st.lists(st.floats(0.1, 100.0), min_size=len(work), max_size=len(work))))
    queued, edge = data.draw(st.floats(0.0, 1e4)), data.draw(st.floats(0.1, 500.0))
    tau = drain_time_s(w, c, queued, edge)
    assert queued + np.maximum(0.0, w - tau * c).sum() == pytest.approx(tau * edge, rel=1e-9, abs=1e-9)


@given(WORK, st.data())
@settings(max_examples=100)
def test_nobody_serves_more_than_the_controller_lets_the_system_serve(work: list[float], data) -> None:
    """Eq. 1.8a: no random choice of partition points has a higher throughput over the time that all is done in."""
    w = np.array(work)
    c = np.array(data.draw(st.lists(st.floats(1.0, 100.0), min_size=len(work), max_size=len(work))))
    queued, edge = data.draw(st.floats(0.0, 1e3)), data.draw(st.floats(10.0, 500.0))
    points = partition_points(w, c, queued, edge, latency_max_s=1e12)
    tau = max(drain_time_s(w, c, queued, edge), 1e-3)
    best = system_throughput_ips(points, w, c, queued, edge, tau)
    rng = np.random.Generator(np.random.PCG64(data.draw(st.integers(0, 1000))))
    for _ in range(20):
        other = rng.random(len(w)) ** rng.choice([0.2, 1.0, 5.0])
        assert system_throughput_ips(other, w, c, queued, edge, tau) <= best * (1 + 1e-9) + 1e-9


@given(WORK, st.data())
@settings(max_examples=60)
def test_the_objective_never_costs_throughput(work: list[float], data) -> None:
    w = np.array(work)
    c = np.array(data.draw(st.lists(st.floats(0.2, 100.0), min_size=len(work), max_size=len(work))))
    queued, edge = data.draw(st.floats(0.0, 1e4)), data.draw(st.floats(10.0, 500.0))
    free = partition_points(w, c, queued, edge, latency_max_s=1e12)
    held = partition_points(w, c, queued, edge, latency_max_s=3.0)
    assert ((held >= 0) & (held <= 1)).all()
    before, after = (system_throughput_ips(points, w, c, queued, edge) for points in (free, held))
    worst = [
        max(*latencies_s(points, w, c, queued, edge)[0], latencies_s(points, w, c, queued, edge)[1])
        for points in (free, held)
    ]
    assert worst[1] <= worst[0]
    if worst[0] > 3.0 and min(c) > 1.0:
        assert after >= before - 1e-6 * before - 1e-6
