"""The pooled server against a loop and a closed form, and its capacity against every batch there can be."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import simedge
from simedge.hardware.device import Device
from simedge.hardware.latency import LatencyTable
from simedge.kernel import Environment
from simedge.metrics.bound import PooledServer
from simedge.policies.video.pipeline import Pipeline
from simedge.systems.video.capacity import effective_ips
from simedge.systems.video.system import VideoSystem

PIPELINE = Pipeline(
    {"A": 1.0, "B": 2.0, "C": 3.0, "unused": 1.0}, {"x": ("A",), "y": ("A", "B"), "z": ("A", "B", "C"), "w": ("C",)}
)


@pytest.mark.parametrize("batch", [1, 2, 3, 5])
def test_the_mean_time_of_a_batch_is_that_of_all_batches(batch: int) -> None:
    mix = {"x": 1.0, "y": 0.0, "z": 2.5, "w": 0.5}
    tables = [LatencyTable(0.5, 0.1, 8), LatencyTable(0.25, 0.2, 8), LatencyTable(1.0, 0.05, 8), LatencyTable(9, 9, 8)]
    index = {name: k for k, name in enumerate(PIPELINE.classifiers)}
    device = Device(Environment(), "gpu", tables, [[index[v] for v in way] for way in PIPELINE.paths.values()])
    odds = [mix[path] / 4.0 for path in PIPELINE.names]
    mean_s = math.fsum(
        math.prod(odds[path] for path in drawn) * device.service_s(drawn)
        for drawn in itertools.product(range(4), repeat=batch)
    )
    assert effective_ips(PIPELINE, mix, tables, batch) == pytest.approx(batch / mean_s, rel=1e-12)


def test_the_campus_cluster_can_do_648_units_a_second() -> None:
    """Six cameras with batches of 8 and a GPU with batches of 32; the prototype of the model said the same."""
    flow = VideoSystem(simedge.load("campus").check()).flow
    assert flow.bound_ips == pytest.approx(648, abs=1)
    assert flow.bound_ips > flow.domains[0].setting.capacity_ips.sum()


@given(
    st.lists(st.integers(0, 400), max_size=60),
    st.sampled_from([0.5, 10.0, 97.0]),
    st.lists(st.integers(0, 60), max_size=4),
)
def test_the_pooled_server_is_lindleys_loop_in_whatever_pieces(times, rate_ips: float, cuts) -> None:
    arrived_s = np.sort(np.array(times, np.float64)) / 16
    server = PooledServer(rate_ips)
    found = [server.latencies_s(piece) for piece in np.split(arrived_s, sorted(cuts))]
    free_s, wanted = 0.0, []
    for time_s in arrived_s.tolist():
        free_s = max(free_s, time_s) + 1 / rate_ips
        wanted.append(free_s - time_s)
    assert np.concatenate(found) == pytest.approx(wanted, abs=1e-9)
    assert np.array_equal(np.concatenate(found), PooledServer(rate_ips).latencies_s(arrived_s))  # to the last bit


def test_poisson_arrivals_wait_as_in_m_d_1() -> None:
    """Pollaczek and Khinchine: the mean wait is rho / (2 (1 - rho)) services. Batch means, |z| <= 4."""
    rho, rng = 0.7, np.random.default_rng(11)
    arrived_s = np.cumsum(rng.exponential(1 / rho, 400_000))
    waits = PooledServer(1.0).latencies_s(arrived_s)[20_000:] - 1.0
    means = waits.reshape(20, -1).mean(axis=1)
    wanted = rho / (2 * (1 - rho))
    assert abs(means.mean() - wanted) <= 4 * means.std(ddof=1) / math.sqrt(20)
    assert means.std(ddof=1) / math.sqrt(20) < 0.05 * wanted


@pytest.mark.parametrize("rate_ips", [0.0, -1.0, math.inf, math.nan])
def test_a_server_has_a_rate(rate_ips: float) -> None:
    with pytest.raises(ValueError, match="rate_ips"):
        PooledServer(rate_ips)
