"""Schedule: steps and bursts worked by hand, boundaries, refusals."""

from __future__ import annotations

import math

import numpy as np
import pytest

from simedge.traces.schedule import Schedule

INF = math.inf


def steps() -> Schedule:
    """8/s for 1 s, nothing for 2 s, 4/s for 1 s, and again."""
    return Schedule([0.0, 1.0, 3.0], [8.0, 0.0, 4.0], period_s=4.0)


def packets() -> Schedule:
    """Bursts of 3 at 0 s, 5 at 1 s and 2 at 1.5 s, every 2 s."""
    return Schedule([0.0, 1.0, 1.5], [0.0] * 3, [3.0, 5.0, 2.0], 2.0)


def values(schedule: Schedule, times_s: list[float]) -> list[float]:
    return [schedule.total(time_s) for time_s in times_s]


def test_steps_by_hand():
    schedule = steps()
    assert values(schedule, [0.0, 0.5, 1.0, 2.0, 3.5, 4.0, 4.25, 40.0]) == [0, 4, 8, 8, 10, 12, 14, 120]
    assert [schedule.rate(t) for t in (0.0, 0.999, 1.0, 3.0, 4.0, 5.0, 4e6 + 3.5)] == [8, 8, 0, 4, 8, 0, 4]
    assert [schedule.next_change_s(t) for t in (0.0, 1.0, 2.9, 3.0, 4.0, 7.5)] == [1, 3, 3, 4, 5, 8]
    # 8 has come at 1 s, a little more not before 3 s.
    assert [schedule.reach(a) for a in (-1.0, 0.0, 4.0, 8.0, 9.0, 12.0, 16.0, 121.0)] == [
        0, 0, 0.5, 1, 3.25, 4, 4.5, 40.125,
    ]  # fmt: skip
    assert math.nextafter(3.0, 0.0) < schedule.reach(math.nextafter(8.0, 9.0)) < 3.0 + 1e-12


def test_what_never_comes():
    held = Schedule([0.0, 1.0], [8.0, 0.0])
    assert (held.reach(8.0), held.reach(8.1), held.total(1e9), held.next_change_s(1.0)) == (1.0, INF, 8.0, INF)
    silent = Schedule([0.0], [0.0], period_s=3.0)
    assert (silent.reach(0.0), silent.reach(1e-9), silent.total(1e6)) == (0.0, INF, 0.0)
    assert steps().reach(INF) == Schedule.constant(1.0).reach(INF) == INF
    assert Schedule([0.0], [5e-324], period_s=1.0).reach(1e9) == INF


def test_bursts_by_hand():
    schedule = packets()
    before = [math.nextafter(t, 0.0) for t in (1.0, 1.5, 2.0)]
    assert values(schedule, before) == [3, 8, 10]
    assert values(schedule, [0.0, 1.0, 1.5, 2.0, 3.0, 3.5, 4.0]) == [3, 8, 10, 13, 18, 20, 23]
    assert [schedule.reach(a) for a in (3.0, 3.1, 8.0, 9.0, 10.0, 10.5, 13.0, 13.5, 23.0)] == [
        0, 1, 1, 1.5, 1.5, 2, 2, 3, 4,
    ]  # fmt: skip


def test_a_burst_at_the_very_end_is_skipped_the_first_time():
    # 4 at 1 s and 3 at 2 s, which is the period: nothing comes at 0 s.
    schedule = Schedule([0.0, 1.0], [0.0, 0.0], [3.0, 4.0], 2.0, skipped=3.0)
    assert values(schedule, [0.0, 0.9, 1.0, 1.9, 2.0, 3.0, 4.0]) == [0, 0, 4, 4, 7, 11, 14]
    assert [schedule.reach(a) for a in (1.0, 4.0, 4.5, 7.0, 8.0, 14.0)] == [1, 1, 2, 2, 3, 4]
    assert values(schedule.scaled(2.0), [0.0, 2.0]) == [0, 14]
    assert values(schedule.since(1.5), [0.0, 0.5, 1.5, 2.5]) == [0, 3, 7, 10]
    assert values(schedule.since(2.0), [0.0, 1.0, 2.0]) == [3, 7, 10]
    assert values(schedule.looped(1.5), [0.0, 1.0, 1.5, 2.5]) == [0, 4, 4, 8]
    assert values(schedule.looped(3.0), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]) == [0, 4, 7, 7, 11, 14]
    assert schedule.looped(2.0) is schedule.looped(6.0) is schedule.since(0.0) is schedule


@pytest.mark.parametrize("cycle", [1, 7, 12_345, 10**7, 10**11])
def test_no_burst_is_lost_to_the_rounding_of_late_times(cycle):
    # 10.007 - 10 is less than 0.007 in floats: what the remainder says must not decide.
    schedule = Schedule([0.0, 0.007, 0.1, 0.3], [0.0] * 4, [1.0, 1.0, 1.0, 1.0], 10.0)
    for position, time_s in enumerate([0.0, 0.007, 0.1, 0.3]):
        amount = 4.0 * cycle + position + 1
        found = schedule.reach(amount)
        assert found == cycle * 10.0 + time_s
        assert schedule.total(found) >= amount
        assert schedule.total(math.nextafter(found, 0.0)) < amount
        assert schedule.next_change_s(math.nextafter(found, 0.0)) == found


def test_walking_from_change_to_change_sees_each_once():
    schedule = Schedule([0.0, 0.1, 0.2, 0.3], [1.0, 2.0, 0.0, 3.0], period_s=0.7)
    now_s, seen = 0.0, []
    for _ in range(400):
        now_s = schedule.next_change_s(now_s)
        seen.append(schedule.rate(now_s))
    assert seen == [2.0, 0.0, 3.0, 1.0] * 100
    assert now_s == pytest.approx(70.0)


def test_a_whole_amount_of_repetitions_is_reached_whatever_the_rounding():
    # 3 x 0.1 is more than 0.3: the quotient says two repetitions, the amount asks for the third.
    schedule = Schedule([0.0, 0.5], [0.2, 0.0], period_s=1.0)
    for count in range(1, 200):
        for amount in (0.1 * count, math.nextafter(0.1 * count, INF), math.nextafter(0.1 * count, 0.0)):
            found = schedule.reach(amount)
            assert schedule.total(found) == pytest.approx(amount, rel=1e-12)
            assert found % 1.0 == pytest.approx(0.5) or found % 1.0 < 1e-9


def test_looping_more_than_a_period_repeats_the_period_first():
    schedule = steps().looped(6.0)  # 8 0 0 4 8 0, and again
    assert [schedule.rate(t + 0.5) for t in range(12)] == [8, 0, 0, 4, 8, 0] * 2
    assert schedule.total(6.0) == 20.0
    assert [steps().looped(2.0).rate(t + 0.5) for t in range(4)] == [8, 0, 8, 0]
    assert steps().looped(INF).total(10.0) == 8.0 + 7 * 4.0


def test_an_offset_that_rounding_puts_behind_a_change():
    schedule = Schedule([0.0, 0.3], [1.0, 2.0], period_s=10.0)
    moved = schedule.since(0.1 + 0.2)  # 0.30000000000000004
    assert moved.period_s == 10.0
    assert moved.total(10.0) == pytest.approx(schedule.total(10.0))
    assert moved.rate(0.0) == 2.0


def test_clipping_needs_rates():
    assert steps().clipped(1.0, 5.0).rates.tolist() == [5, 1, 4]
    with pytest.raises(ValueError, match="spread them first"):
        packets().clipped(1.0)


def test_spreading_by_hand():
    # Steps of 1 s: 5 end at 1 s; 2 at 1.5 s and 3 at 2 s end by 2 s; the 3 at 0 s are nobody's.
    spread = packets().spread(1.0)
    assert (spread.times_s.tolist(), spread.rates.tolist(), spread.bursts) == ([0], [5], None)
    assert values(spread, [1.0, 2.0, 3.0, 4.0]) == [5, 10, 15, 20]
    once = Schedule([0.0, 0.25, 1.6], [1.0, 0.0, 2.0], [9.0, 4.0, 6.0])
    np.testing.assert_allclose(once.spread(1.0).rates, [4.25, 6.8, 2.0])
    assert (without := steps()).spread(0.1) is without
    with pytest.raises(ValueError, match="no whole number of steps"):
        packets().spread(0.3)
    with pytest.raises(ValueError, match="a step is > 0"):
        packets().spread(0.0)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (([], []), "begin at 0"),
        (([1.0], [1.0]), "begin at 0"),
        (([0.0, 0.0], [1.0, 1.0]), "ascend"),
        (([0.0, math.nan], [1.0, 1.0]), "ascend"),
        (([0.0, INF], [1.0, 1.0]), "ascend"),
        (([0.0], [1.0, 2.0]), "as many"),
        (([0.0], [-1.0]), "finite and >= 0"),
        (([0.0], [math.nan]), "finite and >= 0"),
        (([0.0], [1.0], [INF]), "finite and >= 0"),
        (([0.0, 1.0], [1.0, 1.0], [1.0]), "as many"),
        (([0.0, 1.0], [1.0, 1.0], None, 1.0), "before the last change"),
        (([0.0], [1.0], None, math.nan), "before the last change"),
        (([[0.0]], [[1.0]]), "one-dimensional"),
        (([0.0], [1.0], [1.0], 2.0, 1.5), "cannot be skipped"),
        (([0.0], [1.0], None, 2.0, -1.0), "cannot be skipped"),
    ],
)
def test_a_schedule_cannot_be_built_wrong(given, said):
    with pytest.raises(ValueError, match=said):
        Schedule(*given)


@pytest.mark.parametrize("period_s", [0.0, -1.0, math.nan])
def test_a_period_is_positive(period_s):
    with pytest.raises(ValueError, match="a period is > 0"):
        steps().looped(period_s)


def test_columns_cannot_be_written():
    times = np.array([0.0, 1.0])
    schedule = Schedule(times, np.array([1.0, 2.0]))
    times[1] = 7.0
    assert schedule.times_s[1] == 1.0
    with pytest.raises(ValueError, match="read-only"):
        schedule.rates[0] = 3.0
