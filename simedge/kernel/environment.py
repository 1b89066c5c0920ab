"""Simulated time: SimPy's Environment with alarms that are set again and again."""

from __future__ import annotations

import gc
import math
from collections.abc import Callable
from heapq import heappush
from typing import Any

import simpy
from simpy.events import NORMAL, Event

__all__ = ["Alarm", "Environment"]


class Environment(simpy.Environment):
    """Stock SimPy environment that also arms reusable events at absolute times.

    Generators, timeouts and resources of SimPy work as ever. Hot actors use an `Alarm` instead: one object for the
    whole run where `timeout` would make one per use.
    """

    def __init__(self, initial_time: float = 0.0) -> None:
        super().__init__(initial_time)
        self._reads = 0

    def alarm(self, act: Callable[[], None]) -> Alarm:
        """Make an alarm, not yet set, that calls `act` when it goes off."""
        return Alarm(self, act)

    def at(self, time_s: float, act: Callable[[], None]) -> Alarm:
        """Call `act` once, at an absolute time."""
        alarm = Alarm(self, act)
        alarm.set(time_s)
        return alarm

    def every(self, period_s: float, act: Callable[[], None]) -> Alarm:
        """Call `act` at period, 2 * period, …: multiples, so that rounding does not pile up."""
        ticks = 1

        def tick() -> None:
            nonlocal ticks
            ticks += 1
            alarm.set(ticks * period_s)
            act()

        alarm = Alarm(self, tick)
        alarm.set(period_s)
        return alarm

    def run(self, until: float | Event | None = None) -> Any:
        """Run as `simpy.Environment.run` does, with the cyclic garbage collector paused.

        A run appends to logs and makes no cycles; going through the logs again and again would cost a fifth of it.
        """
        collecting = gc.isenabled()
        gc.disable()
        try:
            return super().run(until)
        finally:
            if collecting:
                gc.enable()

    def events(self) -> int:
        """Count the events scheduled so far: the work that the kernel was given."""
        self._reads += 1  # reading a counter of itertools moves it on
        return next(self._eid) - (self._reads - 1)


class Alarm(Event):
    """One event that is armed, goes off, and is armed again.

    Parameters
    ----------
    env : Environment
        Its clock.
    act : callable
        Called without arguments when the alarm goes off.

    Notes
    -----
    SimPy cannot take an event off its heap. Setting an alarm again, or cancelling it, therefore leaves a stale entry
    behind. `due_s` is the alarm's epoch: an entry that surfaces at any other time than `due_s` is ignored.
    """

    def __init__(self, env: Environment, act: Callable[[], None]) -> None:
        super().__init__(env)
        self._ok = True
        self._value = None
        self._act = act
        self._forever = self.callbacks = [self._go_off]
        self._heap = env._queue
        self._ids = env._eid
        self.due_s = math.nan

    def set(self, time_s: float) -> None:
        """Go off at `time_s`, an absolute time not in the past; an earlier setting is forgotten.

        Raises
        ------
        ValueError
            If `time_s` lies in the past or is not a number.
        """
        if not time_s >= self.env._now:
            raise ValueError(f"an alarm for {time_s} s cannot be set at {self.env._now} s")
        self.due_s = time_s
        heappush(self._heap, (time_s, NORMAL, next(self._ids), self))

    def cancel(self) -> None:
        """Do not go off."""
        self.due_s = math.nan

    def _go_off(self, _: Event) -> None:
        self.callbacks = self._forever
        if self.env._now == self.due_s:
            self.due_s = math.nan
            self._act()
