"""Queues of the system against recursions, exactly on any trace, and links against closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simedge.hardware.link import FifoLink
from simedge.hardware.profile import read_device
from simedge.kernel import Environment
from simedge.policies.video.baselines import CameraOnly, Centralized

EXACT = {"rel": 0.0, "abs": 1e-12}
PATHS = ("car", "person", "other")
FRAMES = st.lists(
    st.tuples(st.integers(0, 2000), st.lists(st.sampled_from(PATHS), min_size=1, max_size=6)),
    min_size=1,
    max_size=25,
    unique_by=lambda frame: frame[0],
)
HORIZON_S = 60.0
FREE = {"call_s": 0.0, "call_units": 1}
"""With empty messages, a network that takes no time."""


def rows_of(frames, camera: int = 0):
    """Frames on a grid of 1/1024 s, on which no service time ends."""
    return [(time / 1024, camera, path, 0.0) for time, paths in sorted(frames, key=lambda f: f[0]) for path in paths]


def service_s(small_scenario, device: str, path: str) -> float:
    profile = read_device(device)
    costs = small_scenario.campus.pipeline()
    return sum(costs.costs[v] * (profile.fixed_s + profile.per_item_s) for v in costs.paths[path])


def column(log, size: int) -> np.ndarray:
    times = np.full(size, math.nan)
    for time, rows in log.entries:
        for row in rows:
            assert math.isnan(times[row])
            times[row] = time
    return times


@given(FRAMES, st.sampled_from(["jetson_tx1", "jetson_tx2"]))
def test_a_camera_with_batches_of_one_is_the_lindley_recursion(small_scenario, frames, device: str) -> None:
    rows = rows_of(frames)
    run = small_scenario(
        rows, cameras=(device,), policy=CameraOnly(), camera_batch=1, queues={"admission": "fifo"}, horizon_s=HORIZON_S
    )
    (camera,) = run.system.flow.cameras
    starts, ends = column(camera.taken, len(rows)), column(camera.executed, len(rows))
    free = 0.0
    for row, (arrived, _, path, _) in enumerate(rows):
        start = max(arrived, free)
        free = start + service_s(small_scenario, device, path)
        assert starts[row] == pytest.approx(start, **EXACT)
        assert ends[row] == pytest.approx(free, **EXACT)
    assert run.rois["latency_s"] == pytest.approx(ends - [row[0] for row in rows], **EXACT)


@given(FRAMES, st.integers(2, 8))
def test_a_camera_is_a_batch_server(small_scenario, stage_by_stage, frames, batch: int) -> None:
    rows = rows_of(frames)
    run = small_scenario(
        rows, policy=CameraOnly(), camera_batch=batch, queues={"admission": "fifo"}, horizon_s=HORIZON_S
    )
    pipeline, profile = small_scenario.campus.pipeline(), read_device("jetson_tx1")
    index = {name: k for k, name in enumerate(pipeline.classifiers)}
    costs = list(pipeline.costs.values())
    needs = [[index[v] for v in pipeline.paths[path]] for _, _, path, _ in rows]
    (camera,) = run.system.flow.cameras
    starts, ends = column(camera.taken, len(rows)), column(camera.executed, len(rows))
    free, head = 0.0, 0
    while head < len(rows):
        start = max(free, rows[head][0])
        here = [row for row in range(head, len(rows)) if rows[row][0] <= start][:batch]
        free = start + stage_by_stage(costs, profile.fixed_s, profile.per_item_s, [needs[row] for row in here])
        for row in here:
            assert (starts[row], ends[row]) == (pytest.approx(start, **EXACT), pytest.approx(free, **EXACT))
        head += len(here)


@given(st.lists(FRAMES, min_size=1, max_size=3), st.integers(1, 4))
@settings(max_examples=25)
def test_gpus_are_the_kiefer_wolfowitz_recursion(small_scenario, frames, gpus: int) -> None:
    """The workload vector of c servers, shortest first, serves calls in the order in which they reach the edge."""
    rows = sorted((row for camera, own in enumerate(frames) for row in rows_of(own, camera)), key=lambda row: row[0])
    run = small_scenario(
        rows,
        cameras=("jetson_tx1",) * len(frames),
        policy=Centralized(),
        edge="jetson_tx1",  # slow, so that GPUs queue
        edge_batch=1,
        gpus=gpus,
        network=FREE,
        queues={"edge_units": 10_000},
        horizon_s=HORIZON_S,
    )
    edge, size = run.system.flow.edge, len(rows)
    order = [row for _, batch in edge.delivered.entries for row in batch]
    assert sorted(order) == list(range(size))
    delivered, starts = column(edge.delivered, size), column(edge.started, size)
    assert delivered.tolist() == [row[0] for row in rows]
    free = [0.0] * gpus
    for row in order:
        start = max(rows[row][0], free[0])
        done = start + service_s(small_scenario, "jetson_tx1", rows[row][2])
        free = sorted([*free[1:], done])
        assert starts[row] == pytest.approx(start, **EXACT)
        assert run.rois["done_s"][row] == pytest.approx(done, **EXACT)


@given(FRAMES, st.integers(2, 8))
@settings(max_examples=20)
def test_a_gpu_is_a_batch_server(small_scenario, stage_by_stage, frames, batch: int) -> None:
    rows = rows_of(frames)
    run = small_scenario(
        rows,
        policy=Centralized(),
        edge="jetson_tx1",
        edge_batch=batch,
        network={"call_s": 0.0, "call_units": 100},  # a frame arrives whole
        queues={"edge_units": 10_000, "camera_units": 1000, "outbound_units": 1000},
        camera_batch=64,
        horizon_s=HORIZON_S,
    )
    pipeline, profile = small_scenario.campus.pipeline(), read_device("jetson_tx1")
    index = {name: k for k, name in enumerate(pipeline.classifiers)}
    costs = list(pipeline.costs.values())
    needs = [[index[v] for v in pipeline.paths[path]] for _, _, path, _ in rows]
    starts, ends = column(run.system.flow.edge.started, len(rows)), run.rois["done_s"]
    free, head = 0.0, 0
    while head < len(rows):
        start = max(free, rows[head][0])
        here = [row for row in range(head, len(rows)) if rows[row][0] <= start][:batch]
        free = start + stage_by_stage(costs, profile.fixed_s, profile.per_item_s, [needs[row] for row in here])
        for row in here:
            assert (starts[row], ends[row]) == (pytest.approx(start, **EXACT), pytest.approx(free, **EXACT))
        head += len(here)


@given(
    st.floats(1e4, 1e8),
    st.floats(0.0, 0.1),
    st.lists(st.tuples(st.integers(0, 1000), st.floats(0.0, 1e5)), min_size=1, max_size=25),
)
def test_an_uplink_is_the_lindley_recursion(small_scenario, rate: float, call: float, calls) -> None:
    rows = sorted(((time / 1024, 0, "person", size) for time, size in calls), key=lambda row: row[0])
    run = small_scenario(
        rows,
        policy=Centralized(),
        network={"call_s": call, "uplink_bps": rate, "call_units": 1},
        queues={"admission": "fifo", "outbound_units": 1000},
        horizon_s=3000.0,
        report_period_s=10.0,
    )
    arrivals = column(run.system.flow.edge.delivered, len(rows))
    free = 0.0
    for row, (arrived, _, _, size) in enumerate(rows):
        free = max(arrived, free) + call + 8.0 * size / rate
        assert arrivals[row] == pytest.approx(free, rel=1e-12, abs=1e-12)


def sojourns(rng: np.random.Generator, load: float, sizes: np.ndarray) -> np.ndarray:
    """Sojourn times of messages with mean 1 s of transmission, sent in a Poisson stream over a `FifoLink`."""
    env = Environment()
    link = FifoLink(env, "camera_1->switch", 8.0)  # a byte per second
    sent = np.cumsum(rng.exponential(1 / load, len(sizes))).tolist()
    arrived = [math.nan] * len(sizes)
    size = sizes.tolist()
    turn = 0

    def send() -> None:
        nonlocal turn
        number = turn
        turn += 1
        if turn < len(sent):
            alarm.set(sent[turn])
        link.send(size[number], lambda: arrived.__setitem__(number, env.now))

    alarm = env.at(sent[0], send)
    env.run()
    return np.array(arrived) - np.array(sent)


REPLICATIONS, MESSAGES, WARM_UP = 24, 4000, 800


def z_score(values: list[float], expected: float) -> float:
    """Of independent replications."""
    return float((np.mean(values) - expected) / (np.std(values, ddof=1) / math.sqrt(len(values))))


@pytest.mark.parametrize("load", [0.3, 0.7])
def test_exponential_messages_are_m_m_1(load: float) -> None:
    """Mean sojourn 1 / (mu - lambda); it is exponential, so exp(-(mu - lambda) t) exceed any t: 1 % at its p99."""
    means, tails = [], []
    for seed in range(REPLICATIONS):
        rng = np.random.Generator(np.random.PCG64([seed, 1]))
        times = sojourns(rng, load, rng.exponential(1.0, MESSAGES))[WARM_UP:]
        means.append(times.mean())
        tails.append((times > math.log(100) / (1 - load)).mean())
    assert abs(z_score(means, 1 / (1 - load))) <= 4
    assert abs(z_score(tails, 0.01)) <= 4
    assert np.std(means, ddof=1) / math.sqrt(REPLICATIONS) < 0.05 / (1 - load)  # sharp enough to fail


@pytest.mark.parametrize("load", [0.3, 0.8])
def test_equal_messages_are_m_d_1(load: float) -> None:
    """Pollaczek-Khinchine: mean wait rho / (2 (1 - rho)) services."""
    means = []
    for seed in range(REPLICATIONS):
        rng = np.random.Generator(np.random.PCG64([seed, 2]))
        means.append(sojourns(rng, load, np.ones(MESSAGES))[WARM_UP:].mean())
    expected = 1 + load / (2 * (1 - load))
    assert abs(z_score(means, expected)) <= 4
    assert np.std(means, ddof=1) / math.sqrt(REPLICATIONS) < 0.05 * expected
