"""What changes over time by itself: the bandwidth of a link, the speed of a device, whether someone is there."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Schedule"]

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Schedule:
    """A rate that changes in steps, and amounts that come at once.

    Attributes
    ----------
    times_s : (n,) float array
        When the rate changes, s, strictly ascending from 0.
    rates : (n,) float array
        Rate from each of these times to the next, in amounts per second, >= 0: bit/s for a bandwidth. 0 is an outage.
    bursts : (n,) float array
        Amount that comes at once at each of these times, >= 0: the delivery opportunities of a packet trace. None by
        default.
    period_s : float
        Length after which everything repeats, > the last time; infinite if the last rate holds for ever.
    skipped : float
        Part of the burst at time 0 that comes from the second repetition on: what a trace brings at the very end of
        its period is written as a burst at 0 that is skipped the first time.

    Raises
    ------
    ValueError
        If a rule above is broken.

    Notes
    -----
    All that a link asks is C(t), the amount that has come by time t (`total`), and its inverse (`reach`). A burst at
    t counts in C(t). The two are exact up to rounding: there is no time step. In repetition k the change listed at
    time s happens at the float ``k * period_s + s``, for every method alike: what `reach` and `next_change_s` return is
    never just before the burst or the rate that they mean.

    Examples
    --------
    Eight units a second, nothing for a second, and so on:

    >>> schedule = Schedule([0.0, 1.0], [8.0, 0.0], period_s=2.0)
    >>> schedule.total(2.5), schedule.reach(8.0), schedule.reach(10.0)
    (12.0, 1.0, 2.25)
    """

    times_s: FloatArray
    rates: FloatArray
    bursts: FloatArray | None = None
    period_s: float = math.inf
    skipped: float = 0.0
    _times: list[float] = field(init=False, repr=False)
    _rates: list[float] = field(init=False, repr=False)
    _before: list[float] = field(init=False, repr=False)
    _at: list[float] = field(init=False, repr=False)
    _amount: float = field(init=False, repr=False)

    def __post_init__(self) -> None:
        times, rates = _column(self.times_s), _column(self.rates)
        bursts = None if self.bursts is None else _column(self.bursts)
        if len(times) == 0 or times[0] != 0.0 or not (np.diff(times) > 0).all() or not np.isfinite(times).all():
            raise ValueError("times begin at 0 and ascend")
        for values in (rates, bursts):
            if values is not None and (values.shape != times.shape or not ((values >= 0) & np.isfinite(values)).all()):
                raise ValueError("as many rates and bursts as times, each finite and >= 0")
        if not self.period_s > times[-1]:
            raise ValueError(f"a period of {self.period_s} s ends before the last change at {times[-1]} s")
        jumps = np.zeros(len(times)) if bursts is None else bursts
        if not 0.0 <= self.skipped <= jumps[0]:
            raise ValueError(f"{self.skipped} of a first burst of {jumps[0]} cannot be skipped")
        last_s = float(self.period_s - times[-1])
        steps = rates * np.append(np.diff(times), last_s if math.isfinite(last_s) else 0.0)
        before = [0.0, *accumulate((jumps + steps).tolist())]  # C just before each time, and at the period's end
        at = (np.array(before[:-1]) + jumps).tolist()
        amount = before[-1]
        if math.isinf(last_s):
            before[-1] = math.inf
        found: dict[str, Any] = {
            "times_s": times,
            "rates": rates,
            "bursts": bursts if bursts is not None and bursts.any() else None,
            "period_s": float(self.period_s),
            "_times": times.tolist(),
            "_rates": rates.tolist(),
            "skipped": float(self.skipped),
            "_before": before,
            "_at": at,
            "_amount": amount,
        }
        for name, value in found.items():
            object.__setattr__(self, name, value)

    @classmethod
    def constant(cls, rate: float) -> Schedule:
        """Return one rate for ever."""
        return cls(np.zeros(1), np.array([rate]))

    def rate(self, time_s: float) -> float:
        """Rate in force at a time >= 0."""
        return self._rates[self._place(time_s)[1]]

    def next_change_s(self, time_s: float) -> float:
        """Time of the next listed change after a time >= 0; infinite if nothing changes any more."""
        cycle, position, _ = self._place(time_s)
        return self._start_s(cycle, position + 1)

    def total(self, time_s: float) -> float:
        """C(t): the amount that has come in [0, t]."""
        cycle, position, elapsed_s = self._place(time_s)
        inside = min(self._at[position] + self._rates[position] * elapsed_s, self._before[position + 1])
        return cycle * self._amount + inside - self.skipped

    def reach(self, amount: float) -> float:
        """First time at which so much has come, s; infinite if it never does."""
        if amount <= 0.0:
            return 0.0
        cycle, left = 0, amount + self.skipped
        if math.isfinite(self.period_s):
            repetitions = left / self._amount if self._amount > 0.0 else math.inf
            if math.isinf(repetitions):
                return math.inf
            cycle = max(0, math.ceil(repetitions) - 1)
            left -= cycle * self._amount
            if left > self._amount:  # the quotient was rounded down to a whole number
                cycle, left = cycle + 1, left - self._amount
        position = max(0, bisect_left(self._before, left) - 1)  # the last step that begins with less than that
        start_s = (cycle * self.period_s if cycle else 0.0) + self._times[position]
        missing, rate = left - self._at[position], self._rates[position]
        if missing <= 0.0:
            return start_s
        end_s = self._start_s(cycle, position + 1)
        return min(start_s + missing / rate, end_s) if rate > 0.0 else end_s

    def _start_s(self, cycle: int, position: int) -> float:
        """When a change happens in a repetition; the one behind the last is the first of the next."""
        if position == len(self._times):
            cycle, position = cycle + 1, 0
        return (cycle * self.period_s if cycle else 0.0) + self._times[position]

    def _place(self, time_s: float) -> tuple[int, int, float]:
        """Tell which repetition and which step of it a time falls into, and how long that step has lasted, s."""
        if time_s < self.period_s:
            position = bisect_right(self._times, time_s) - 1
            return 0, position, time_s - self._times[position]
        cycle, inside_s = divmod(time_s, self.period_s)
        cycle, position = int(cycle), bisect_right(self._times, inside_s) - 1
        while self._start_s(cycle, position + 1) <= time_s:  # what is left of a late time is rounded
            cycle, position = (cycle, position + 1) if position + 1 < len(self._times) else (cycle + 1, 0)
        while self._start_s(cycle, position) > time_s:
            cycle, position = (cycle, position - 1) if position else (cycle - 1, len(self._times) - 1)
        return cycle, position, time_s - self._start_s(cycle, position)

    def scaled(self, factor: float) -> Schedule:
        """Return `factor` times as much at every time."""
        bursts = None if self.bursts is None else self.bursts * factor
        return Schedule(self.times_s, self.rates * factor, bursts, self.period_s, self.skipped * factor)

    def clipped(self, lowest: float = 0.0, highest: float = math.inf) -> Schedule:
        """Return the rates inside limits.

        Raises
        ------
        ValueError
            If the schedule has bursts: an amount at an instant has no rate (see `spread`).
        """
        if self.bursts is not None:
            raise ValueError("bursts have no rate to clip; spread them first")
        return Schedule(self.times_s, np.clip(self.rates, lowest, highest), None, self.period_s)

    def looped(self, period_s: float) -> Schedule:
        """Repeat what comes before a time; infinite to hold for ever the last rate that is listed.

        A multiple of the schedule's own period changes nothing.

        Raises
        ------
        ValueError
            If the time is not positive.
        """
        if not period_s > 0.0:
            raise ValueError(f"a period is > 0, not {period_s}")
        if period_s % self.period_s == 0.0:
            return self
        copies = 1
        if self.period_s < period_s < math.inf:
            copies = math.ceil(period_s / self.period_s)
        starts_s = np.repeat(np.arange(copies) * (self.period_s if copies > 1 else 0.0), len(self.times_s))
        times = starts_s + np.tile(self.times_s, copies)
        kept = slice(int(np.searchsorted(times, period_s, side="left")))
        bursts = np.tile(self._jumps(), copies)
        bursts[0] -= self.skipped
        return _merged(times[kept], np.tile(self.rates, copies)[kept], bursts[kept], period_s)

    def since(self, offset_s: float) -> Schedule:
        """Return the schedule of a clock that shows 0 when this one shows `offset_s`, >= 0.

        A burst at that very instant comes at 0 of the new clock.
        """
        cycle, first, elapsed_s = self._place(offset_s)
        if cycle == first == 0 and elapsed_s == 0.0:
            return self
        times, rates, bursts = self.times_s - (self.times_s[first] + elapsed_s), self.rates, self._jumps()
        if math.isfinite(self.period_s):
            wrapped = slice(first + (elapsed_s > 0.0))
            behind_s = np.minimum(times[wrapped] + self.period_s, math.nextafter(self.period_s, 0.0))
            times = np.concatenate([times[first:], behind_s])
            rates = np.concatenate([rates[first:], rates[wrapped]])
            bursts = np.concatenate([bursts[first:], bursts[wrapped]])
        else:
            times, rates, bursts = times[first:], rates[first:], bursts[first:]
        if elapsed_s > 0.0:  # the step began in the past, and its burst came then
            bursts[0] = 0.0
        times[0] = 0.0
        return _merged(times, rates, bursts, self.period_s)

    def _jumps(self) -> FloatArray:
        return np.zeros(len(self.times_s)) if self.bursts is None else self.bursts.copy()

    def spread(self, step_s: float) -> Schedule:
        """Return a schedule without bursts that brings as much between any two multiples of a step.

        Each burst comes evenly over the step that it ends; the one of the very first instant is left out, for nothing
        came before it.

        Raises
        ------
        ValueError
            If the step is not positive, or the schedule repeats after something else than a whole number of steps.
        """
        if not 0.0 < step_s < math.inf:
            raise ValueError(f"a step is > 0, not {step_s}")
        if self.bursts is None:
            return self
        repeats = math.isfinite(self.period_s)
        end_s = self.period_s if repeats else float(self.times_s[-1])
        steps = round(end_s / step_s) if repeats else math.ceil(end_s / step_s)
        if repeats and (steps == 0 or abs(steps * step_s - end_s) > 1e-9 * end_s):
            raise ValueError(f"a period of {self.period_s} s is no whole number of steps of {step_s} s")
        edges: FloatArray = np.arange(steps + 1, dtype=np.float64) * step_s
        if repeats:
            edges[-1] = self.period_s
        totals = np.array([self.total(edge) for edge in edges.tolist()])
        rates: FloatArray = np.maximum(np.diff(totals) / step_s, 0.0)
        if not repeats:
            rates, steps = np.append(rates, self.rates[-1]), steps + 1
        kept = np.flatnonzero(np.diff(rates, prepend=-1.0) != 0.0)
        return Schedule(edges[:steps][kept], rates[kept], None, self.period_s)


def _merged(times: FloatArray, rates: FloatArray, bursts: FloatArray, period_s: float) -> Schedule:
    """Make a schedule of ascending times of which rounding may have made neighbours equal."""
    firsts = np.flatnonzero(np.diff(times, prepend=-1.0) > 0.0)
    lasts = np.append(firsts[1:], len(times)) - 1
    return Schedule(times[firsts], rates[lasts], np.add.reduceat(bursts, firsts), period_s)


def _column(values: Sequence[float] | FloatArray) -> FloatArray:
    column = np.array(values, np.float64)
    if column.ndim != 1:
        raise ValueError("times, rates and bursts are one-dimensional")
    column.setflags(write=False)
    return column
