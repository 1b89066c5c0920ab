from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simedge.kernel import Environment


def test_an_alarm_goes_off_once_at_its_time() -> None:
    env, heard = Environment(), []
    env.at(2.5, lambda: heard.append(env.now))
    env.run()
    assert heard == [2.5]


def test_setting_again_forgets_the_earlier_setting() -> None:
    env, heard = Environment(), []
    alarm = env.alarm(lambda: heard.append(env.now))
    alarm.set(1.0)
    alarm.set(3.0)  # later than before
    env.run()
    alarm.set(9.0)
    alarm.set(4.0)  # earlier than before
    env.run()
    assert heard == [3.0, 4.0]
    assert env.now == 9.0  # the stale entry surfaced, silently


def test_a_cancelled_alarm_is_silent_and_can_be_set_again() -> None:
    env, heard = Environment(), []
    alarm = env.alarm(lambda: heard.append(env.now))
    alarm.set(1.0)
    alarm.cancel()
    assert math.isnan(alarm.due_s)
    env.run()
    assert heard == []
    alarm.set(2.0)
    env.run()
    assert heard == [2.0]


def test_stale_entries_at_the_same_time_do_not_double_the_alarm() -> None:
    env, heard = Environment(), []
    alarm = env.alarm(lambda: heard.append(env.now))
    for _ in range(3):
        alarm.set(1.0)
        alarm.cancel()
    alarm.set(1.0)
    alarm.set(1.0)
    env.run()
    assert heard == [1.0]


def test_an_alarm_set_again_for_now_while_it_goes_off_rings_once_more() -> None:
    env, heard = Environment(), []

    def act() -> None:
        heard.append(env.now)
        if len(heard) < 4:
            alarm.set(env.now)

    alarm = env.alarm(act)
    alarm.set(1.0)
    alarm.set(1.0)  # leaves a stale entry that must stand for at most one ring
    env.run()
    assert heard == [1.0] * 4


@given(
    st.lists(
        st.tuples(st.integers(0, 4), st.sampled_from(["set", "cancel"]), st.integers(0, 5)), min_size=1, max_size=40
    )
)
def test_alarms_do_what_a_sorted_list_of_settings_does(steps: list[tuple[int, str, int]]) -> None:
    """Steps (wait, verb, delay) on a grid of whole seconds, against a model that holds just one due time."""
    env, heard = Environment(), []
    alarm = env.alarm(lambda: heard.append(env.now))
    now, due, expected = 0.0, math.inf, []
    for wait, verb, delay in steps:
        if wait:
            env.run(until=now + wait)  # runs what lies before, not at, that time
            if due < now + wait:
                expected.append(due)
                due = math.inf
        now += wait
        if verb == "set":
            alarm.set(now + delay)
            due = now + delay
        else:
            alarm.cancel()
            due = math.inf
    env.run(until=now + 100)
    if due < math.inf:
        expected.append(due)
    assert heard == expected


@pytest.mark.parametrize("time_s", [0.999, -1.0, math.nan, -math.inf])
def test_the_past_is_refused(time_s: float) -> None:
    env = Environment()
    env.run(until=1.0)
    with pytest.raises(ValueError, match="cannot be set at 1"):
        env.at(time_s, lambda: None)


def test_every_ticks_at_exact_multiples() -> None:
    env, ticks = Environment(), []
    env.every(0.05, lambda: ticks.append(env.now))
    env.run(until=500.01)
    assert ticks == [k * 0.05 for k in range(1, 10_001)]  # adding 0.05 up would be 1e-9 off by then
    assert sum([0.05] * 10_000) != 10_000 * 0.05


def test_every_can_be_cancelled_from_within() -> None:
    env, ticks = Environment(), []

    def act() -> None:
        ticks.append(env.now)
        if len(ticks) == 3:
            ticker.cancel()

    ticker = env.every(0.5, act)
    env.run(until=10.0)
    assert ticks == [0.5, 1.0, 1.5]


def test_alarms_and_generators_share_one_clock() -> None:
    env, heard = Environment(), []
    alarm = env.alarm(lambda: heard.append(("alarm", env.now)))

    def process():
        alarm.set(1.5)
        yield env.timeout(1.0)
        heard.append(("process", env.now))
        alarm.set(3.0)
        yield env.timeout(1.0)
        heard.append(("process", env.now))
        yield env.timeout(1.0)
        heard.append(("process", env.now))

    env.process(process())
    env.run()
    # At 3.0 the alarm comes first: it was set before the last timeout was made.
    assert heard == [("process", 1.0), ("process", 2.0), ("alarm", 3.0), ("process", 3.0)]


def test_equal_times_keep_the_order_of_setting() -> None:
    env, heard = Environment(), []
    for name in "abcde":
        env.at(1.0, lambda name=name: heard.append(name))
    env.run()
    assert heard == list("abcde")


def test_events_counts_what_was_scheduled_and_reading_does_not_count() -> None:
    env = Environment()
    assert [env.events(), env.events()] == [0, 0]
    alarm = env.alarm(lambda: None)
    assert env.events() == 0
    alarm.set(1.0)
    alarm.set(2.0)
    env.timeout(3.0)
    assert [env.events(), env.events(), env.events()] == [3, 3, 3]
    env.run()
    assert env.events() == 3
    alarm.set(4.0)
    assert env.events() == 4


def test_an_error_in_an_act_is_not_swallowed() -> None:
    env = Environment()
    env.at(1.0, lambda: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        env.run()
