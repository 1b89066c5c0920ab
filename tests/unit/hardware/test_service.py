"""How long batches take: curves looked up by count, and the spread around the mean."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simedge.experiment.run import load
from simedge.hardware.device import Device
from simedge.hardware.latency import Latency, LatencyCurve, LatencyTable
from simedge.hardware.service import service
from simedge.kernel import Environment, Streams
from simedge.systems.video.system import VideoSystem

SECONDS = st.floats(0.0, 2.0)
LINES = st.builds(LatencyTable, SECONDS, SECONDS, st.just(32))
CURVES = st.lists(SECONDS, min_size=32, max_size=32).map(lambda values: LatencyCurve((0.0, *sorted(values))))
TABLES = st.lists(LINES | CURVES, min_size=1, max_size=5)


@given(st.data(), TABLES)
def test_curves_and_lines_side_by_side(data: st.DataObject, tables: list[Latency]) -> None:
    """Reference: count the items of each classifier; every classifier that has any is launched once over them."""
    segment = st.lists(st.integers(0, len(tables) - 1), unique=True, max_size=len(tables))
    segments = data.draw(st.lists(segment, min_size=1, max_size=5))
    seconds = service(tables, segments)
    for _ in range(3):
        items = data.draw(st.lists(st.integers(0, len(segments) - 1), max_size=32))
        counts = [sum(k in segments[item] for item in items) for k in range(len(tables))]
        expected = sum(table.latency_s(count) for table, count in zip(tables, counts, strict=True) if count)
        assert seconds(items) == pytest.approx(expected, rel=1e-12, abs=1e-15)


def test_a_curve_that_is_a_line_takes_as_long_as_the_line() -> None:
    line = LatencyTable(0.5, 0.25, 8)
    curve = LatencyCurve((0.0, *(line.latency_s(n) for n in range(1, 9))))
    segments = [[0], [0, 1], []]
    for items in ([0], [0, 1, 1], [2], [1] * 8, []):
        assert service([curve, curve], segments)(items) == service([line, line], segments)(items)


def test_a_batch_by_hand() -> None:
    """Flat up to 2 items, then steep: three items of A take 1.8 s, two of B 2.5 s."""
    tables: list[Latency] = [LatencyCurve((0.0, 1.0, 1.0, 1.8)), LatencyTable(1.5, 0.5, 3)]
    assert service(tables, [[0], [0, 1]])([1, 0, 1]) == pytest.approx(1.8 + 2.5)


SPREAD, BATCHES = 0.3, 40_000


def drawn(name: str, count: int, seed: int = 1) -> np.ndarray:
    device = Device(Environment(), name, [LatencyTable(0.0, 1.0, 8)], [[0]], SPREAD, Streams(seed).of(name, "service"))
    return np.array([device.service_s([0]) for _ in range(count)])


def test_mean_and_spread_of_service_times() -> None:
    """Lognormal with mean 1 and deviation 0.3: the standard errors follow from its second and fourth moments."""
    factors = drawn("camera_1", BATCHES)
    assert factors.mean() == pytest.approx(1.0, abs=4 * SPREAD / math.sqrt(BATCHES))
    q = 1 + SPREAD**2
    excess = q**4 + 2 * q**3 + 3 * q**2 - 6  # excess kurtosis of a lognormal
    error = SPREAD / 2 * math.sqrt((excess + 2) / BATCHES)
    assert factors.std() == pytest.approx(SPREAD, abs=4 * error)
    logs = np.log(factors)
    assert logs.mean() == pytest.approx(-math.log(q) / 2, abs=4 * math.sqrt(math.log(q) / BATCHES))
    skew = ((logs - logs.mean()) ** 3).mean() / logs.std() ** 3
    assert abs(skew) < 4 * math.sqrt(6 / BATCHES)


def test_draws_depend_on_device_and_seed_only() -> None:
    assert (drawn("camera_1", 3000) == drawn("camera_1", 3000)).all()
    assert not (drawn("camera_1", 10) == drawn("camera_2", 10)).any()
    assert not (drawn("camera_1", 10) == drawn("camera_1", 10, seed=2)).any()


def test_the_nth_batch_has_the_nth_factor_whatever_is_in_it() -> None:
    tables = [LatencyTable(0.1, 1.0, 8)]
    means = service(tables, [[0]])
    first = service(tables, [[0]], SPREAD, Streams(3).of("gpu_1", "service"))
    second = service(tables, [[0]], SPREAD, Streams(3).of("gpu_1", "service"))
    sizes = np.arange(2000) % 8 + 1
    factors = [first([0] * n) / means([0] * n) for n in sizes]
    others = [second([0] * n) / means([0] * n) for n in sizes[::-1]]
    assert factors == pytest.approx(others, rel=1e-12)


def test_without_spread_nothing_is_drawn() -> None:
    """The function that tells the mean is the one in use, and no stream is asked for."""
    seconds = service([LatencyTable(0.0, 1.0, 8)], [[0]])
    assert [seconds([0, 0]) for _ in range(3)] == [2.0, 2.0, 2.0]
    with pytest.raises(ValueError, match="needs a stream"):
        service([LatencyTable(0.0, 1.0, 8)], [[0]], 0.1)


UNSURE = """\
inference:
  batch_max: {value: 64, unit: items, kind: assumed, source: a test}
  fixed: {value: 0.3, unit: ms, kind: assumed, source: a test}
  per_item: {value: 1, unit: ms, kind: assumed, source: a test}
  spread: {value: 20, unit: "%", kind: assumed, source: a test}
"""


def test_policies_meet_the_same_factors(tmp_path: Path) -> None:
    """In a run every camera and GPU draws from its own stream, of the seed or `cut_seed`, under any policy.

    Four items that each need "kind" (cost 3) on the camera and what follows for a car at the edge (6.45, 13.5, 4.05).
    """
    (tmp_path / "unsure.yaml").write_text(UNSURE)
    mine = ("horizon_s=3", "cluster.cameras=[unsure,unsure,unsure,unsure]", "cluster.edge=unsure")
    cost = {**{f"camera_{i}": 3.0 for i in (1, 2, 3, 4)}, "gpu_1": 24.0}

    def factors(*more: str) -> dict[str, list[float]]:
        flow = VideoSystem(load("motivation", *mine, *more, config_dir=tmp_path).check(), tmp_path).flow
        batch = [flow.codes.first[flow.pipeline.names.index("car")] + 1] * 4
        devices = [*(camera.device for camera in flow.cameras), *flow.edge.devices]
        return {d.name: [d.service_s(batch) / cost[d.name] / 4.3e-3 for _ in range(50)] for d in devices}

    found = factors("policy=camera_only")
    assert found.keys() == cost.keys()
    for name, values in found.items():
        variance = math.log1p(0.2**2)
        normal = Streams(0).of(name, "service").standard_normal(50)
        assert values == pytest.approx(np.exp(math.sqrt(variance) * normal - variance / 2), rel=1e-9)
    assert factors("policy=distream") == found
    assert factors("policy=distream", "cut_seed=0", "seed=5") == found
    assert factors("policy=distream", "cut_seed=5") != found
