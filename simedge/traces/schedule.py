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

    Raises
    ------
    ValueError
        If a rule above is broken.

    Notes
    -----
    All that a link asks is C(t), the amount that has come by time t (`total`), and its inverse (`reach`). A burst at
    t counts in C(t). The two are exact up to rounding: there is no time step.

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
        steps = rates[:-1] * np.diff(times)
        before = [0.0, *accumulate((jumps[:-1] + steps).tolist())]  # C just before each time, its own burst left out
        last_s = float(self.period_s - times[-1]) if math.isfinite(self.period_s) else 0.0
        found: dict[str, Any] = {
            "times_s": times,
            "rates": rates,
            "bursts": bursts if bursts is not None and bursts.any() else None,
            "period_s": float(self.period_s),
            "_times": times.tolist(),
            "_rates": rates.tolist(),
            "_before": before,
            "_at": (np.array(before) + jumps).tolist(),
            "_amount": before[-1] + float(jumps[-1]) + float(rates[-1]) * last_s,
        }
        for name, value in found.items():
            object.__setattr__(self, name, value)

    @classmethod
    def constant(cls, rate: float) -> Schedule:
        """Return one rate for ever."""
        return cls(np.zeros(1), np.array([rate]))

    def rate(self, time_s: float) -> float:
        """Rate in force at a time >= 0."""
        return self._rates[bisect_right(self._times, self._folded(time_s)[1]) - 1]

    def next_change_s(self, time_s: float) -> float:
        """Time of the next change after a time >= 0; infinite if nothing changes any more."""
        cycle, inside = self._folded(time_s)
        position = bisect_right(self._times, inside)
        base = cycle * self.period_s if cycle else 0.0
        found = base + (self._times[position] if position < len(self._times) else self.period_s)
        if found <= time_s:  # rounding of a late cycle
            found = self.next_change_s(math.nextafter(time_s, math.inf))
        return found

    def total(self, time_s: float) -> float:
        """C(t): the amount that has come in [0, t]."""
        cycle, inside = self._folded(time_s)
        position = bisect_right(self._times, inside) - 1
        return cycle * self._amount + self._at[position] + self._rates[position] * (inside - self._times[position])

    def reach(self, amount: float) -> float:
        """First time at which so much has come, s; infinite if it never does."""
        cycle = 0
        if math.isfinite(self.period_s):
            if self._amount <= 0.0:
                return 0.0 if amount <= 0.0 else math.inf
            cycle = max(0, math.ceil(amount / self._amount) - 1)
        left = amount - cycle * self._amount
        if math.isfinite(self.period_s) and left > self._amount:  # the quotient was rounded down
            cycle, left = cycle + 1, amount - (cycle + 1) * self._amount
        position = max(0, bisect_left(self._before, left) - 1)  # the last step that begins with less than that
        base = cycle * self.period_s if cycle else 0.0
        if left <= self._at[position]:
            return base + self._times[position]
        rate = self._rates[position]
        return base + self._times[position] + (left - self._at[position]) / rate if rate > 0.0 else math.inf

    def _folded(self, time_s: float) -> tuple[int, float]:
        """Tell which repetition a time falls into, and where in it."""
        if time_s < self.period_s:
            return 0, time_s
        cycle, inside = divmod(time_s, self.period_s)
        return int(cycle), inside

    def scaled(self, factor: float) -> Schedule:
        """Return `factor` times as much at every time."""
        bursts = None if self.bursts is None else self.bursts * factor
        return Schedule(self.times_s, self.rates * factor, bursts, self.period_s)

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
        """Repeat what comes before a time; infinite to hold the last rate for ever.

        Raises
        ------
        ValueError
            If the time is not positive.
        """
        kept = slice(int(np.searchsorted(self.times_s, period_s, side="left")))
        return Schedule(
            self.times_s[kept], self.rates[kept], None if self.bursts is None else self.bursts[kept], period_s
        )

    def since(self, offset_s: float) -> Schedule:
        """Return the schedule of a clock that shows 0 when this one shows `offset_s`, >= 0."""
        inside = self._folded(offset_s)[1]
        first = bisect_right(self._times, inside) - 1
        times, rates = self.times_s - inside, self.rates
        bursts = np.zeros(len(times)) if self.bursts is None else self.bursts
        if math.isfinite(self.period_s):
            wrapped = slice(first + (times[first] < 0.0))
            times = np.concatenate([times[first:], times[wrapped] + self.period_s])
            rates = np.concatenate([rates[first:], rates[wrapped]])
            bursts = np.concatenate([bursts[first:], bursts[wrapped]])
        else:
            times, rates, bursts = times[first:].copy(), rates[first:], bursts[first:].copy()
        if times[0] < 0.0:  # it began in the past, and its burst came then
            times[0], bursts[0] = 0.0, 0.0
        return Schedule(times, rates, bursts, self.period_s)

    def spread(self, step_s: float) -> Schedule:
        """Return a schedule without bursts that has brought as much at every multiple of a step.

        Each burst comes evenly over the step that it ends; one at time 0 is left out, for nothing came before it.

        Raises
        ------
        ValueError
            If the schedule repeats after something else than a whole number of steps.
        """
        if self.bursts is None:
            return self
        end_s = self.period_s if math.isfinite(self.period_s) else float(self.times_s[-1])
        steps = round(end_s / step_s)
        if math.isfinite(self.period_s) and abs(steps * step_s - end_s) > 1e-9 * end_s:
            raise ValueError(f"a period of {self.period_s} s is no whole number of steps of {step_s} s")
        edges = np.arange(steps + 1, dtype=np.float64) * step_s
        totals = np.array([self.total(edge) for edge in edges[:-1].tolist()])
        amount = self._amount if math.isfinite(self.period_s) else self.total(float(edges[-1]))
        rates = np.diff(np.append(totals, amount)) / step_s
        if not math.isfinite(self.period_s):
            rates, steps = np.append(rates, self.rates[-1]), steps + 1
        kept = np.flatnonzero(np.diff(rates, prepend=-1.0) != 0.0)
        return Schedule(edges[:steps][kept], rates[kept], None, self.period_s)


def _column(values: Sequence[float] | FloatArray) -> FloatArray:
    column = np.array(values, np.float64)
    if column.ndim != 1:
        raise ValueError("times, rates and bursts are one-dimensional")
    column.setflags(write=False)
    return column
