"""The edge's GPUs under Poisson arrivals, against closed forms."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest

from simedge.hardware.device import Device
from simedge.hardware.latency import LatencyTable
from simedge.kernel import BoundedQueue, Environment
from simedge.metrics.recorder import BatchLog
from simedge.systems.video.edge import Edge

REPLICATIONS = 24


def waits(sent: np.ndarray, tables: list[LatencyTable], segments: list[int], gpus: int, batch: int) -> np.ndarray:
    """Seconds that each row waits for a GPU; row k needs classifier ``segments[k]``."""
    env, done = Environment(), BatchLog()
    runs = [[k] for k in range(len(tables))]
    devices = [Device(env, f"gpu_{k}", tables, runs) for k in range(gpus)]
    table, codes = SimpleNamespace(code=segments), SimpleNamespace(remaining=[1.0] * len(tables))
    edge = Edge(env, table, codes, BoundedQueue(10**6), devices, batch, done)
    times, turn = sent.tolist(), 0

    def arrive() -> None:
        nonlocal turn
        row, turn = turn, turn + 1
        if turn < len(times):
            alarm.set(times[turn])
        edge.receive([row])

    alarm = env.at(times[0], arrive)
    env.run()
    started_s, rows = edge.started.flat()
    assert sorted(done.flat()[1].tolist()) == list(range(len(times)))
    found = np.empty(len(times))
    found[rows] = started_s
    return found - sent


def z_score(values: list[float], expected: float) -> float:
    return float((np.mean(values) - expected) / (np.std(values, ddof=1) / math.sqrt(len(values))))


@pytest.mark.parametrize(("gpus", "load"), [(2, 0.7), (4, 0.8)])
def test_gpus_are_m_m_c(gpus: int, load: float) -> None:
    """Erlang C: a row waits with probability C(c, a), then 1 / (c mu - lambda) in the mean."""
    offered = gpus * load
    blocked = offered**gpus / math.factorial(gpus) / (1 - load)
    wait = blocked / (sum(offered**k / math.factorial(k) for k in range(gpus)) + blocked)
    means, waiting = [], []
    for seed in range(REPLICATIONS):
        rng = np.random.Generator(np.random.PCG64([seed, gpus]))
        count = 1200
        tables = [LatencyTable(0.0, service, 1) for service in rng.exponential(1.0, count).tolist()]
        found = waits(np.cumsum(rng.exponential(1 / offered, count)), tables, list(range(count)), gpus, 1)[200:]
        means.append(found.mean())
        waiting.append((found > 0).mean())
    assert abs(z_score(means, wait / (gpus - offered))) <= 4
    assert abs(z_score(waiting, wait)) <= 4
    assert np.std(waiting, ddof=1) / math.sqrt(REPLICATIONS) < 0.05 * wait  # sharp enough to fail


@pytest.mark.parametrize(("batch", "load"), [(4, 0.6), (8, 0.8)])
def test_a_gpu_that_serves_batches(batch: int, load: float) -> None:
    """Batches of k take a + b k; the numbers left behind at the ends of services are a Markov chain.

    Its stationary law gives the mean queue over time, and Little's law the mean wait. Truncated where less than 1e-12
    is left.
    """
    fixed, each = 1.0, 0.25
    rate = load * batch / (fixed + each * batch)
    states = 400
    service = [fixed + each * min(max(x, 1), batch) for x in range(states)]
    left = [max(x - batch, 0) for x in range(states)]
    chain = np.zeros((states, states))
    for x in range(states):
        mean, chance = rate * service[x], math.exp(-rate * service[x])
        for arrived in range(states - left[x]):
            chain[x, left[x] + arrived] = chance
            chance *= mean / (arrived + 1)
    chain[:, -1] += 1 - chain.sum(axis=1)
    system = np.vstack([chain.T - np.eye(states), np.ones(states)])
    law = np.linalg.lstsq(system, np.append(np.zeros(states), 1.0), rcond=None)[0]
    assert law[-1] < 1e-12
    spans = np.array(service) + np.where(np.arange(states) == 0, 1 / rate, 0.0)
    areas = np.array(left) * np.array(service) + rate * np.array(service) ** 2 / 2
    wait = float(law @ areas / (law @ spans)) / rate
    means = []
    for seed in range(REPLICATIONS):
        rng = np.random.Generator(np.random.PCG64([seed, batch, 7]))
        count = 4000
        sent = np.cumsum(rng.exponential(1 / rate, count))
        means.append(waits(sent, [LatencyTable(fixed, each, batch)], [0] * count, 1, batch)[500:].mean())
    assert abs(z_score(means, wait)) <= 4
    assert np.std(means, ddof=1) / math.sqrt(REPLICATIONS) < 0.05 * wait
