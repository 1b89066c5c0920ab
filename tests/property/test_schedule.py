"""Schedule against exact integration in fractions, over schedules and times drawn at random."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from simedge.traces.schedule import Schedule

CLOSE_S = Fraction(1, 10**7)  # a query so near to a burst is not compared: floats of late times cannot tell
REL = 1e-9


@st.composite
def schedules(draw: st.DrawFn, bursts: bool | None = None, periodic: bool | None = None) -> Schedule:
    grid = draw(st.sampled_from([1.0, 0.1, 1e-3, 1 / 3, 1 / 1024]))
    gaps = draw(st.lists(st.integers(1, 40), min_size=0, max_size=7))
    times = [0.0, *(grid * ticks for ticks in np.cumsum(gaps).tolist())]
    count = len(times)
    rate = st.one_of(st.just(0.0), st.sampled_from([1.0, 3.0, 12_000.0]), st.floats(1e-3, 1e9))
    rates = draw(st.lists(rate, min_size=count, max_size=count))
    bursty = draw(st.booleans()) if bursts is None else bursts
    jump = st.one_of(st.just(0.0), st.sampled_from([12_000.0, 1.0]), st.floats(0.0, 1e6))
    jumps = draw(st.lists(jump, min_size=count, max_size=count)) if bursty else None
    if bursts and jumps is not None:
        jumps[0] = max(jumps[0], 1.0)
    repeats = draw(st.booleans()) if periodic is None else periodic
    period_s = times[-1] + grid * draw(st.integers(1, 40)) if repeats else math.inf
    skipped = jumps[0] * draw(st.sampled_from([0.0, 0.25, 1.0])) if jumps and repeats else 0.0
    return Schedule(times, rates, jumps, period_s, skipped)


def changes(schedule: Schedule, until_s: Fraction) -> list[tuple[Fraction, Fraction, Fraction]]:
    """Every (time, rate, burst) up to a time, written out repetition by repetition."""
    jumps = np.zeros(len(schedule.rates)) if schedule.bursts is None else schedule.bursts
    once = [tuple(map(Fraction, row)) for row in zip(schedule.times_s, schedule.rates, jumps, strict=True)]
    found, cycle = [], 0
    while True:
        base = cycle * Fraction(schedule.period_s) if cycle else Fraction(0)
        if base > until_s:
            return found
        for time, rate, jump in once:
            if base + time > until_s:
                return found
            found.append((base + time, rate, jump - (Fraction(schedule.skipped) if not found else 0)))
        if math.isinf(schedule.period_s):
            return found
        cycle += 1


def integral(schedule: Schedule, time_s: float) -> float:
    """C(t) as a sum over all steps so far."""
    until = Fraction(time_s)
    rows = changes(schedule, until)
    ends = [row[0] for row in rows[1:]] + [until]
    return float(sum(jump + rate * (end - time) for (time, rate, jump), end in zip(rows, ends, strict=True)))


def slack(schedule: Schedule) -> float:
    """Amount that rounding may lose while a burst is added and its skipped part taken away."""
    return 0.0 if schedule.bursts is None else 1e-14 * float(schedule.bursts.max())


def near_a_burst(schedule: Schedule, *times_s: float) -> bool:
    return schedule.bursts is not None and any(
        jump and abs(time - Fraction(asked)) < CLOSE_S
        for asked in times_s
        for time, _, jump in changes(schedule, Fraction(asked) + CLOSE_S)[1:]
    )


def a_time(draw: st.DrawFn, schedule: Schedule) -> float:
    span_s = 5.3 * schedule.period_s if math.isfinite(schedule.period_s) else 2.0 * schedule.times_s[-1] + 1.0
    return float(draw(st.floats(0.0, 1.0)) * span_s)


def close(one: float, other: float, scale: float = 0.0) -> bool:
    return abs(one - other) <= REL * max(abs(one), abs(other), scale, 1e-9)


@given(st.data())
@settings(max_examples=300)
def test_total_is_the_integral(data):
    schedule = data.draw(schedules())
    time_s = a_time(data.draw, schedule)
    assume(not near_a_burst(schedule, time_s))
    top = float(schedule.rates.max()) * time_s
    assert close(schedule.total(time_s), integral(schedule, time_s), top * 1e-3 + slack(schedule) / REL)


@given(st.data())
@settings(max_examples=300)
def test_reach_is_the_first_time_with_so_much(data):
    schedule = data.draw(schedules())
    asked_s = a_time(data.draw, schedule)
    amount = schedule.total(asked_s) * data.draw(st.one_of(st.floats(0.0, 1.0), st.just(1.0)))
    found_s = schedule.reach(amount)
    crept = float(schedule.rates.max()) * 8 * math.ulp(found_s) + slack(schedule)
    assert schedule.reach(amount * (1 - REL) - crept) <= asked_s * (1 + REL)
    assert schedule.total(found_s) >= amount * (1 - REL) - crept
    time_s = data.draw(st.floats(0.0, 1.2)) * found_s
    if abs(time_s - found_s) > 1e-6 * found_s:
        assume(not near_a_burst(schedule, time_s))
        assert (integral(schedule, time_s) < amount * (1 + REL)) == (time_s < found_s) or close(
            integral(schedule, time_s), amount, slack(schedule) / REL
        )


@given(st.data())
@settings(max_examples=200)
def test_a_burst_counts_from_its_very_float(data):
    schedule = data.draw(schedules(bursts=True))
    cycle = data.draw(st.integers(0, 10**6)) if math.isfinite(schedule.period_s) else 0
    position = data.draw(st.integers(0, len(schedule.times_s) - 1))
    time_s = (cycle * schedule.period_s if cycle else 0.0) + float(schedule.times_s[position])
    burst = float(schedule.bursts[position])
    assume(time_s > 0.0 and burst > 0.0)
    before_s = math.nextafter(time_s, 0.0)
    crept = (time_s - before_s) * float(schedule.rates.max()) * 2 + REL * schedule.total(time_s)
    assert abs(schedule.total(time_s) - schedule.total(before_s) - burst) <= crept
    assert schedule.next_change_s(before_s) == time_s
    assert schedule.rate(time_s) == schedule.rates[position]


@given(st.data())
@settings(max_examples=200)
def test_the_next_change_is_the_next_that_is_listed(data):
    schedule = data.draw(schedules())
    time_s = a_time(data.draw, schedule)
    span_s = (
        Fraction(2.0 * schedule.times_s[-1] + 1.0) if math.isinf(schedule.period_s) else Fraction(schedule.period_s)
    )
    later = [float(row[0]) for row in changes(schedule, Fraction(time_s) + span_s) if row[0] > time_s]
    found_s = schedule.next_change_s(time_s)
    assert found_s > time_s
    assert schedule.rate(time_s) == schedule.rate(time_s + (found_s - time_s) / 2 if found_s < math.inf else time_s + 1)
    if math.isinf(schedule.period_s) and not later:
        assert found_s == math.inf
    else:
        # A listed time within rounding of the query may lie on either side of it.
        assert any(abs(found_s - one) <= 4 * math.ulp(found_s) for one in later[:2])


@given(st.data())
@settings(max_examples=300)
def test_a_later_clock_sees_what_is_left(data):
    schedule = data.draw(schedules())
    offset_s, time_s = a_time(data.draw, schedule), a_time(data.draw, schedule)
    assume(not near_a_burst(schedule, offset_s, offset_s + time_s))
    moved = schedule.since(offset_s)
    assert moved.period_s == schedule.period_s
    scale = schedule.total(offset_s + time_s) + float(schedule.rates.max())
    expected = schedule.total(offset_s + time_s) - schedule.total(offset_s)
    if offset_s > 0.0:
        assert close(moved.total(time_s), expected, scale)
    else:
        assert moved.total(time_s) == schedule.total(time_s)


@given(st.data(), st.floats(0.0, 1e3))
def test_scaling_scales_every_total(data, factor):
    schedule = data.draw(schedules())
    time_s = a_time(data.draw, schedule)
    assert close(schedule.scaled(factor).total(time_s), factor * schedule.total(time_s))


@given(st.data())
def test_clipping_holds_the_rate_within_limits(data):
    schedule = data.draw(schedules(bursts=False))
    lowest, highest = sorted(data.draw(st.tuples(st.floats(0.0, 1e6), st.floats(0.0, 1e6))))
    clipped, time_s = schedule.clipped(lowest, highest), a_time(data.draw, schedule)
    assert clipped.rate(time_s) == min(max(schedule.rate(time_s), lowest), highest)


@given(st.data())
@settings(max_examples=200)
def test_a_loop_repeats_what_came_before(data):
    schedule = data.draw(schedules())
    period_s = a_time(data.draw, schedule) + 1e-3
    cycle, part = data.draw(st.integers(0, 4)), data.draw(st.floats(0.01, 0.99))
    inside_s = part * period_s
    whole = math.isfinite(schedule.period_s) and period_s % schedule.period_s == 0.0
    assume(not whole and not near_a_burst(schedule, period_s, inside_s))
    looped = schedule.looped(period_s)
    assume(not near_a_burst(looped, cycle * period_s + inside_s))
    once, start = schedule.total(period_s), schedule.total(0.0)
    expected = cycle * once + schedule.total(inside_s)
    assert close(looped.total(0.0), start)
    scale = once + float(schedule.rates.max()) * 1e-3 + slack(schedule) / REL
    assert close(looped.total(cycle * period_s + inside_s), expected, scale)


@given(st.data())
@settings(max_examples=200)
def test_spreading_keeps_the_amount_of_every_step(data):
    schedule = data.draw(schedules(bursts=True))
    if math.isfinite(schedule.period_s):
        step_s = schedule.period_s / data.draw(st.integers(1, 50))
    else:
        step_s = data.draw(st.floats(0.01, 10.0))
    spread = schedule.spread(step_s)
    assert spread.bursts is None
    for count in data.draw(st.lists(st.integers(0, 150), min_size=1, max_size=5)):
        time_s = count * step_s
        assume(not near_a_burst(schedule, time_s))
        scale = schedule.total(time_s)
        assert close(spread.total(time_s), schedule.total(time_s) - schedule.total(0.0), scale)


def test_the_reference_can_fail():
    schedule = Schedule([0.0, 1.0], [8.0, 0.0], [0.0, 5.0], 2.0)
    assert integral(schedule, 2.5) == pytest.approx(17.0)
    assert near_a_burst(schedule, 3.0) and not near_a_burst(schedule, 2.0)
