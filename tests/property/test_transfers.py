"""Messages that are stopped, resumed, cancelled and overtaken, in any interleaving."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simedge.hardware.link import ScheduledLink
from simedge.hardware.shared import SharedLink
from simedge.kernel import Environment
from simedge.traces.schedule import Schedule

ACTS = st.lists(
    st.tuples(
        st.floats(0.0, 30.0),
        st.sampled_from(["pause", "resume", "cancel", "send", "down", "lost down", "up"]),
        st.integers(0, 9),
    ),
    max_size=40,
)
SIZES = st.lists(
    st.tuples(st.floats(0.0, 10.0), st.one_of(st.floats(0.0, 1e9), st.integers(0, 100).map(float)), st.integers(-1, 2)),
    min_size=1,
    max_size=8,
)


def links(env: Environment, kind: str, rate: float) -> list[Any]:
    """Two senders: on links of their own, or on one medium."""
    if kind == "scheduled":
        return [
            ScheduledLink(env, "a", Schedule([0.0, 3.0], [rate, rate / 3], period_s=5.0), 0.3),
            ScheduledLink(env, "b", Schedule([0.0, 1.0], [0.0, 0.0], [0.0, rate], 2.0)),
        ]
    medium = SharedLink(env, "wifi", Schedule([0.0, 7.0, 9.0], [rate, 0.0, rate]), [1.0, 0.9])
    return [medium.station("a", call_s=0.3, cap=rate / 2), medium.station("b", weight=2.0)]


@given(st.sampled_from(["scheduled", "shared"]), st.floats(1.0, 1e9), SIZES, ACTS, st.sampled_from([0.0, 0.3]))
@settings(max_examples=200)
def test_bytes_before_and_after_are_the_size(kind: str, rate: float, sizes, acts, loss: float) -> None:
    """To the last bit, of every message at every instant; and what arrived, arrived once and whole."""
    env, arrived = Environment(), []
    senders = links(env, kind, rate)
    for number, sender in enumerate(senders):
        sender.lossy(loss, np.random.Generator(np.random.PCG64(number)), 0.5)
    transfers: list[Any] = []

    def send(number: int, size: float, priority: float) -> None:
        place = len(transfers)
        transfers.append(senders[number % 2].send(size, lambda: arrived.append(place), priority))

    def act(what: str, number: int) -> None:
        if what == "send":
            send(number, 1e3 * number, number % 3)
        elif what in {"down", "lost down", "up"}:
            senders[number % 2].set_up(what == "up", keep=what == "down")
        elif transfers:
            transfer = transfers[number % len(transfers)]
            sent = transfer.sent_bytes
            getattr(transfer, what)()
            if what == "pause" and transfer.state == "paused":
                assert transfer.sent_bytes == sent
        check()

    def check() -> None:
        for transfer in transfers:
            assert 0.0 <= transfer.sent_bytes <= transfer.size_bytes
            assert transfer.sent_bytes + transfer.left_bytes == transfer.size_bytes
        for sender in senders:
            moving = [t for t in transfers if t._sender is sender and t.state == "moving"]
            assert len(moving) <= 1
            waiting = [t for t in transfers if t._sender is sender and t.state == "waiting"]
            if waiting and not loss and sender.up:  # never idle with a message waiting, the highest priority first
                assert moving
                assert moving[0].priority >= max(t.priority for t in waiting)

    for number, (time, size, priority) in enumerate(sizes):
        env.at(time, lambda n=number, s=size, p=float(priority): send(n, s, p))
    for time, what, number in acts:
        env.at(time, lambda w=what, n=number: act(w, n))
    env.run(until=40.0)
    check()
    for sender in senders:
        sender.set_up(True)
    for transfer in transfers:
        transfer.resume()
    env.run(until=1e12)
    states = [transfer.state for transfer in transfers]
    assert sorted(arrived) == [place for place, state in enumerate(states) if state == "done"]
    assert set(states) <= {"done", "cancelled"}
    for sender in senders:
        mine = [t for t in transfers if t._sender is sender]
        done = math.fsum(t.size_bytes for t in mine if t.state == "done")
        assert sender.carried_bytes == pytest.approx(done + sender.wasted_bytes, rel=1e-12, abs=1e-9)
        assert sender.calls == sum(t.state == "done" for t in mine)
        assert sender.idle
        if not loss and sender.lost == 0 and "cancelled" not in states:
            assert sender.wasted_bytes == 0.0


@given(st.floats(1.0, 1e9), st.floats(1.0, 1e9), st.lists(st.floats(0.01, 3.0), min_size=1, max_size=8))
def test_a_pause_costs_its_length(rate: float, size: float, spans) -> None:
    """Stopped for so long, later by so much; the bytes of the parts are exactly the size."""
    env, arrived, parts = Environment(), [], []
    link = ScheduledLink(env, "a", Schedule.constant(rate))
    transfer = link.send(size, lambda: arrived.append(env.now))
    whole = 8.0 * size / rate
    lost, clock, before = 0.0, 0.0, 0.0
    for span in spans:
        clock += whole * min(span, 1.0) / 10
        env.run(until=clock)
        if transfer.state == "done":
            break
        transfer.pause()
        parts.append(transfer.sent_bytes - before)
        before = transfer.sent_bytes
        env.run(until=clock + span)
        clock += span
        lost += span
        transfer.resume()
    env.run()
    parts.append(transfer.sent_bytes - before)
    assert sum(parts) == size
    assert arrived == [pytest.approx(whole + lost, rel=1e-9)]


def test_the_more_urgent_goes_first_and_the_other_goes_on() -> None:
    """100 bytes at 8 bit/s from 0; 10 urgent ones from 20 s, 10 more of the first kind from 25 s."""
    env, said = Environment(), []
    link = ScheduledLink(env, "a", Schedule.constant(8.0))
    for time, size, priority, name in (
        (0.0, 100.0, 0.0, "long"),
        (20.0, 10.0, 1.0, "urgent"),
        (25.0, 10.0, 0.0, "next"),
    ):
        env.at(time, lambda s=size, p=priority, n=name: link.send(s, lambda: said.append((n, env.now)), p))
    env.run()
    assert said == [("urgent", 30.0), ("long", 110.0), ("next", 120.0)]


def test_a_lost_message_begins_again() -> None:
    """Lost at 10 s, retried at 12 s; the next went meanwhile. Lost again with a link that goes down at 30 s."""
    env, said = Environment(), []
    link = ScheduledLink(env, "a", Schedule.constant(8.0))

    class Chance:
        def random(self, count: int) -> np.ndarray:
            return np.array([0.0, *[0.9] * (count - 1)])

    link.lossy(0.5, Chance(), 2.0)
    for size, name in ((10.0, "first"), (15.0, "second")):
        link.send(size, lambda n=name: said.append((n, env.now)))
    env.at(30.0, lambda: link.set_up(False, keep=False))
    env.at(40.0, lambda: link.set_up(True))
    env.run()
    assert said == [("second", 25.0), ("first", 50.0)]
    assert (link.lost, link.calls, link.carried_bytes, link.wasted_bytes) == (2, 2, 40.0, 15.0)
