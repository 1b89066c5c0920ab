from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simedge.hardware.device import Device
from simedge.hardware.latency import LatencyTable
from simedge.kernel import Environment

SECONDS = st.floats(0.0, 2.0)
TABLES = st.lists(st.builds(LatencyTable, SECONDS, SECONDS, st.just(64)), min_size=1, max_size=6)


@given(st.data(), TABLES)
def test_a_batch_runs_stage_by_stage(data: st.DataObject, tables: list[LatencyTable]) -> None:
    """Reference: count the items of each classifier; every classifier that has any is launched once over them."""
    segment = st.lists(st.integers(0, len(tables) - 1), unique=True, max_size=len(tables))
    segments = data.draw(st.lists(segment, min_size=1, max_size=5))
    device = Device(Environment(), "camera_1", tables, segments)
    for _ in range(3):
        items = data.draw(st.lists(st.integers(0, len(segments) - 1), max_size=32))
        counts = [sum(k in segments[item] for item in items) for k in range(len(tables))]
        expected = sum(table.latency_s(count) for table, count in zip(tables, counts, strict=True) if count)
        assert device.service_s(items) == pytest.approx(expected, rel=1e-12, abs=1e-15)


def test_a_batch_by_hand() -> None:
    """A: 1 s + 0.1 s per item over 3 items; B: 2 s + 0.5 s per item over 2; C is not launched."""
    tables = [LatencyTable(1.0, 0.1, 8), LatencyTable(2.0, 0.5, 8), LatencyTable(100.0, 100.0, 8)]
    device = Device(Environment(), "gpu_1", tables, [[0], [0, 1], [2]])
    assert device.service_s([0, 1, 1]) == pytest.approx(1.3 + 3.0)


def test_execution_takes_service_time_and_counts_as_busy() -> None:
    env, ended = Environment(), []
    device = Device(env, "gpu_1", [LatencyTable(1.0, 0.5, 8)], [[0]])
    env.at(2.0, lambda: device.execute([0, 0], lambda: ended.append(env.now)))
    env.run(until=3.0)
    assert not device.idle
    assert device.busy_s() == pytest.approx(1.0)  # half of the two seconds
    with pytest.raises(RuntimeError, match="gpu_1 is busy until 4"):
        device.execute([0], lambda: None)
    env.run(until=10.0)
    assert ended == [4.0]
    assert device.idle
    assert device.busy_s() == pytest.approx(2.0)


def test_the_next_batch_may_start_in_the_callback_of_the_last() -> None:
    env, ended = Environment(), []
    device = Device(env, "gpu_1", [LatencyTable(0.0, 1.0, 8)], [[0]])

    def again() -> None:
        ended.append(env.now)
        if len(ended) < 3:
            device.execute([0] * (len(ended) + 1), again)

    device.execute([0], again)
    env.run()
    assert ended == [1.0, 3.0, 6.0]
    assert device.busy_s() == 6.0
