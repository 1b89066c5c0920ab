"""Bandwidth drawn at random: stationary and random walks, daily cycles, alone or common to a fleet."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Literal

import numpy as np

from simedge.traces.schedule import FloatArray, Schedule

__all__ = ["Walk", "ar1", "deviation_of", "diurnal", "random_walk", "wifi", "with_outages"]

_STEPS_MAX = 10_000_000
_BOUNDS: dict[str, tuple[float, float]] = {
    "deviation": (0.0, 10.0),
    "correlation": (0.0, 1.0),
    "shared": (0.0, 1.0),
    "lowest": (1e-6, 1.0),
    "highest": (1.0, 1e6),
}


@dataclass(frozen=True)
class Walk:
    """How the rates of a fleet of links wander about what they are by name, together or each for itself.

    Attributes
    ----------
    kind : str
        ``ar1``: x is a stationary first-order autoregression of variance 1, and the rate is (1 + deviation · x) times
        the nominal one, within the limits. ``walk``: the logarithm of the factor is a random walk with normal steps of
        standard deviation `deviation`, reflected at the limits.
    deviation : float
        For ``ar1`` the standard deviation over the mean, for ``walk`` that of a step of the logarithm; in [0, 10]. See
        `deviation_of` for what is given as a mean absolute deviation.
    correlation : float
        For ``ar1``, from one step to the next, in [0, 1]; a correlation time τ is exp(-step_s/τ). A ``walk`` has none.
    step_s : float
        How long a rate holds, s, > 0.
    shared : float
        Share of the variance that is common to all links, in [0, 1]: 1 moves them all by one factor, 0 each alone.
        Under ``ar1`` it is the correlation of two links, apart from the limits; under ``walk`` that of their steps.
    lowest, highest : float
        Limits of the factor, 0 < lowest <= 1 <= highest. Under ``ar1`` a factor beyond them is set to the limit, which
        moves the mean by less than 1 % while both are 2 deviations or more from 1.

    Raises
    ------
    ValueError
        If a parameter is out of range; it is named.

    Notes
    -----
    Everything starts in its stationary law: x normal; the reflected walk uniform in the logarithm between the limits,
    whatever the steps. The mean factor of a ``walk`` is therefore (highest - lowest) / ln(highest / lowest), not 1:
    1.08 by default.

    The defaults are those of the sources' Monte Carlo of training over Wi-Fi: one factor for all links,
    correlation 0.9 a step, 10 % mean absolute deviation; that a step lasts 1 s is assumed, and so are the limits.

    Examples
    --------
    >>> from simedge.kernel.streams import Streams
    >>> drawn = Walk(step_s=1.0).schedules({"camera_1": 1e7, "camera_2": 2e7}, 60.0, Streams(0).of)
    >>> np.allclose(drawn["camera_2"].rates, 2 * drawn["camera_1"].rates)
    True
    """

    kind: Literal["ar1", "walk"] = "ar1"
    deviation: float = 0.1 * math.sqrt(math.pi / 2)
    correlation: float = 0.9
    step_s: float = 1.0
    shared: float = 1.0
    lowest: float = 0.5
    highest: float = 2.0

    def __post_init__(self) -> None:
        if self.kind not in ("ar1", "walk"):
            raise ValueError(f"kind: ar1 or walk, not {self.kind!r}")
        for field in fields(self):
            low, high = _BOUNDS.get(field.name, (-math.inf, math.inf))
            if field.name in _BOUNDS and not low <= getattr(self, field.name) <= high:
                raise ValueError(f"{field.name}: {getattr(self, field.name)!r} is not in [{low:g}, {high:g}]")
        if not 0.0 < self.step_s < math.inf:
            raise ValueError(f"step_s: {self.step_s!r} is not > 0")
        if self.kind == "walk" and self.lowest == self.highest:
            raise ValueError("lowest, highest: a walk needs room between its limits")

    def schedules(
        self, rates: Mapping[str, float], duration_s: float, rng: Callable[[str, str], np.random.Generator]
    ) -> dict[str, Schedule]:
        """Draw one schedule per link.

        Parameters
        ----------
        rates : mapping of str to float
            Nominal rate of each link by name, >= 0.
        duration_s : float
            How long to draw, s; the last rate holds from then on.
        rng : callable
            Gives the random stream of an entity and a purpose, such as ``Streams(seed).of``: what is common comes from
            that of ``("network", "bandwidth")``, a link's own from ``(name, "bandwidth")``. A link's draw does not
            depend on which others there are.

        Raises
        ------
        ValueError
            If the duration is not positive or makes more than ten million steps.
        """
        steps = _steps(duration_s, self.step_s)
        common = rng("network", "bandwidth").standard_normal(steps)
        drawn = {}
        for name, rate in rates.items():
            own = rng(name, "bandwidth").standard_normal(steps)
            noise = math.sqrt(self.shared) * common + math.sqrt(1.0 - self.shared) * own
            drawn[name] = _held(rate * self._factors(noise), self.step_s)
        return drawn

    def _factors(self, noise: FloatArray) -> FloatArray:
        if self.kind == "ar1":
            return np.clip(1.0 + self.deviation * _ar1(noise, self.correlation), self.lowest, self.highest)
        return _reflected(noise, self.deviation, self.lowest, self.highest)


def deviation_of(mean_absolute: float) -> float:
    """Turn the mean absolute deviation of a normal variable into its standard deviation: σ = E|x| √(π/2).

    Examples
    --------
    >>> round(deviation_of(0.10), 4)
    0.1253
    """
    return mean_absolute * math.sqrt(math.pi / 2)


def ar1(
    rng: np.random.Generator,
    duration_s: float,
    step_s: float,
    mean: float,
    deviation: float,
    correlation: float,
    lowest: float = 0.05,
) -> Schedule:
    """Draw a stationary first-order autoregression with normal noise.

    Parameters
    ----------
    rng : Generator
        Gives one normal variate per step.
    duration_s, step_s : float
        How long to draw, and how long a rate holds, s.
    mean, deviation, correlation
        Mean rate, standard deviation over it, and correlation from one step to the next.
    lowest : float
        Floor, over the mean, in (0, 1]: a link that walks is never down.

    Raises
    ------
    ValueError
        If a parameter is out of range; it is named.
    """
    walk = Walk("ar1", deviation, correlation, step_s, lowest=lowest, highest=_BOUNDS["highest"][1])
    return _held(mean * walk._factors(rng.standard_normal(_steps(duration_s, step_s))), step_s)


def random_walk(
    rng: np.random.Generator, duration_s: float, step_s: float, lowest: float, highest: float, deviation: float
) -> Schedule:
    """Draw a random walk of the logarithm of a rate, reflected at limits.

    Parameters
    ----------
    rng : Generator
        Gives one normal variate per step.
    duration_s, step_s : float
        How long to draw, and how long a rate holds, s.
    lowest, highest : float
        Limits of the rate, 0 < lowest < highest. The rate at any time is log-uniform between them.
    deviation : float
        Standard deviation of a step of the logarithm.

    Raises
    ------
    ValueError
        If a parameter is out of range.
    """
    if not 0.0 < lowest < highest < math.inf or not 0.0 <= deviation <= _BOUNDS["deviation"][1]:
        raise ValueError("a random walk has 0 < lowest < highest and a deviation in [0, 10]")
    noise = rng.standard_normal(_steps(duration_s, step_s))
    return _held(_reflected(noise, deviation, lowest, highest), step_s)


def diurnal(mean: float, amplitude: float, period_s: float, step_s: float, phase_s: float = 0.0) -> Schedule:
    """Return mean · (1 + amplitude · cos 2π(t - phase_s)/period_s) in steps, for ever.

    Parameters
    ----------
    mean, amplitude : float
        Mean rate, and how far it swings, over the mean, in [0, 1].
    period_s, step_s : float
        Length of a day, and of a step of which a day is a whole number, s. A step has the mean of the curve over it.
    phase_s : float
        Time of the highest rate, s.

    Raises
    ------
    ValueError
        If a parameter is out of range.
    """
    steps = _steps(period_s, step_s)
    if abs(steps * step_s - period_s) > 1e-9 * period_s or not 0.0 <= amplitude <= 1.0 or not mean >= 0.0:
        raise ValueError("a day is a whole number of steps, the mean >= 0, the amplitude in [0, 1]")
    turns = 2 * math.pi * (np.arange(steps + 1) / steps - phase_s / period_s)
    swing = np.diff(np.sin(turns)) * steps / (2 * math.pi)
    rates = np.maximum(mean * (1.0 + amplitude * swing), 0.0)
    return Schedule(np.arange(steps, dtype=np.float64) * (period_s / steps), rates, None, period_s)


def with_outages(
    rng: np.random.Generator, schedule: Schedule, duration_s: float, between_s: float, shortest_s: int, longest_s: int
) -> Schedule:
    """Return a schedule of whole seconds that is 0 now and then.

    Parameters
    ----------
    rng : Generator
        Gives the time up to each outage, exponential, and its length, uniform over whole seconds.
    schedule : Schedule
        Rates between outages; it changes at whole seconds only.
    duration_s : float
        Up to when outages are drawn, s; the result repeats after it.
    between_s : float
        Mean time from the end of an outage to the next, s; it is rounded up to whole seconds.
    shortest_s, longest_s : int
        Limits of an outage, s.

    Raises
    ------
    ValueError
        If the schedule has bursts or changes in between.
    """
    seconds = np.arange(_steps(duration_s, 1.0))
    if schedule.bursts is not None or (schedule.times_s % 1.0).any():
        raise ValueError("outages are cut into rates that change at whole seconds")
    rates = np.array([schedule.rate(float(second)) for second in seconds])
    now_s = 0
    while True:
        now_s += math.ceil(rng.exponential(between_s))
        if now_s >= len(seconds):
            return Schedule(seconds.astype(np.float64), rates, None, float(len(seconds)))
        length_s = int(rng.integers(shortest_s, longest_s, endpoint=True))
        rates[now_s : now_s + length_s] = 0.0
        now_s += length_s


def wifi(rng: np.random.Generator, duration_s: float = 300.0) -> Schedule:
    """Draw the capacity of a crowded Wi-Fi cell, bit/s, in steps of 1 s and whole kbit/s.

    Parameters
    ----------
    rng : Generator
        Where the walk and then the outages come from.
    duration_s : float
        Length in whole seconds, after which the schedule repeats.

    Notes
    -----
    Everything here is assumed. The cell gets 22 Mbit/s of a shared medium on average, as a stationary walk with a
    standard deviation of 35 % and a correlation of 0.9 from second to second, not below 15 %. Outages of 1, 2 or 3 s,
    such as roaming makes, begin a minute after the last on average.
    """
    walk = ar1(rng, duration_s, 1.0, mean=22e6, deviation=0.35, correlation=0.9, lowest=0.15)
    walk = Schedule(walk.times_s, np.round(walk.rates / 1e3) * 1e3)
    return with_outages(rng, walk, duration_s, between_s=60.0, shortest_s=1, longest_s=3)


def _ar1(noise: FloatArray, correlation: float) -> FloatArray:
    """Turn independent normals into a stationary autoregression of variance 1."""
    steps = noise * math.sqrt(1.0 - correlation**2)
    steps[0] = noise[0]
    return np.fromiter(itertools.accumulate(steps.tolist(), lambda x, step: correlation * x + step), float, len(steps))


def _reflected(noise: FloatArray, deviation: float, lowest: float, highest: float) -> FloatArray:
    """Turn independent normals into a log walk between limits; the first says where it begins."""
    room = math.log(highest / lowest)
    start = room * 0.5 * (1.0 + math.erf(float(noise[0]) / math.sqrt(2.0)))
    # A walk between mirrors is a free walk seen in a row of mirrored rooms: fold it back into the first.
    free = start + deviation * np.cumsum(np.append(0.0, noise[1:]))
    inside = np.abs((free + room) % (2 * room) - room)
    return np.clip(lowest * np.exp(inside), lowest, highest)


def _steps(duration_s: float, step_s: float) -> int:
    if not (0.0 < duration_s < math.inf and 0.0 < step_s < math.inf):
        raise ValueError("a duration and a step are > 0")
    steps = duration_s / step_s
    if steps > _STEPS_MAX:
        raise ValueError(f"{steps:g} steps are more than {_STEPS_MAX}; take longer ones")
    return max(1, math.ceil(steps - 1e-9))


def _held(rates: FloatArray, step_s: float) -> Schedule:
    return Schedule(np.arange(len(rates), dtype=np.float64) * step_s, rates)
