from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simedge.hardware.link import FifoLink
from simedge.hardware.profile import read_link
from simedge.kernel import Environment


@pytest.mark.parametrize(("rois", "latency_ms"), [(1, 2.1), (10, 5.4), (20, 9.1)])
def test_call_latency_over_batch_size(rois: int, latency_ms: float) -> None:
    """Table 1.6's row for 460 B per ROI: 1.74 ms for the call, 0.368 ms for each ROI."""
    env, arrived = Environment(), []
    profile = read_link("fast_ethernet")
    link = FifoLink(env, "camera_1->switch", profile.rate_bps, profile.call_s)
    link.send(rois * 460.0, lambda: arrived.append(env.now))
    env.run()
    assert arrived == [pytest.approx(1.74e-3 + rois * 0.368e-3, rel=1e-12)]
    assert arrived[0] * 1e3 == pytest.approx(latency_ms, abs=0.05)


@given(
    st.floats(1e3, 1e9),
    st.floats(0.0, 1.0),
    st.lists(st.tuples(st.floats(0.0, 5.0), st.floats(0.0, 1e6)), min_size=1, max_size=30),
)
def test_messages_leave_in_order_one_after_another(
    rate: float, call: float, messages: list[tuple[float, float]]
) -> None:
    env, arrived = Environment(), []
    link = FifoLink(env, "a->b", rate, call)
    messages.sort(key=lambda message: message[0])
    for number, (time, size) in enumerate(messages):
        env.at(time, lambda n=number, s=size: link.send(s, lambda: arrived.append((n, env.now))))
    env.run()
    free, work = 0.0, 0.0
    for number, (time, size) in enumerate(messages):
        seconds = call + 8.0 * size / rate
        free = max(free, time) + seconds
        work += seconds
        assert arrived[number] == (number, pytest.approx(free, rel=1e-12))
    assert link.idle
    assert link.busy_s() == pytest.approx(work, rel=1e-12)
    assert link.calls == len(messages)
    assert link.carried_bytes == pytest.approx(sum(size for _, size in messages), rel=1e-12)


def test_counters_in_the_middle_of_a_message() -> None:
    env = Environment()
    link = FifoLink(env, "a->b", 8.0, 1.0)  # a byte per second
    assert math.isnan(link.measured_bps)
    link.send(0.0, lambda: None)  # costs the call only, and measures no rate
    link.send(3.0, lambda: None)
    env.run(until=1.5)
    assert (link.calls, link.carried_bytes, link.idle) == (1, 0.0, False)
    assert math.isnan(link.measured_bps)
    assert link.busy_s() == pytest.approx(1.5)
    env.run(until=20.0)
    assert (link.calls, link.carried_bytes, link.idle) == (2, 3.0, True)
    assert link.measured_bps == 8.0
    assert link.busy_s() == pytest.approx(5.0)


def test_a_message_sent_on_arrival_queues_behind_those_that_wait() -> None:
    env, arrived = Environment(), []
    link = FifoLink(env, "a->b", 8.0)
    link.send(
        1.0, lambda: (arrived.append(("first", env.now)), link.send(1.0, lambda: arrived.append(("third", env.now))))
    )
    link.send(1.0, lambda: arrived.append(("second", env.now)))
    env.run()
    assert arrived == [("first", 1.0), ("second", 2.0), ("third", 3.0)]


@pytest.mark.parametrize(
    ("rate", "call"), [(0, 0), (-1, 0), (math.inf, 0), (math.nan, 0), (1, -1), (1, math.inf), (1, math.nan)]
)
def test_rates_and_call_costs_out_of_range_are_refused(rate: float, call: float) -> None:
    with pytest.raises(ValueError, match="a->b: a link needs"):
        FifoLink(Environment(), "a->b", rate, call)
