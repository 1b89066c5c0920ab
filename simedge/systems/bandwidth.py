"""Rates of links over time, as people configure them; the same for every system."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np

from simedge.errors import ConfigError
from simedge.kernel import Streams
from simedge.traces import bandwidth
from simedge.traces.schedule import Schedule
from simedge.traces.walks import Walk, diurnal

__all__ = ["Bandwidth", "Diurnal", "Step"]

_SOURCES = (*bandwidth.KINDS, "steps", "walk", "diurnal")
_PACKET_STEP_S = 1e-3
_RATE_MAX_BPS, _SCALE_MAX = 1e15, 1e9


@dataclass(frozen=True)
class Step:
    """A rate from a time on.

    Attributes
    ----------
    at_s : float
        When it begins, >= 0; the first at 0.
    rate_bps : float
        The rate, >= 0; 0 is an outage.
    """

    at_s: float
    rate_bps: float

    def __post_init__(self) -> None:
        if not 0.0 <= self.at_s < math.inf:
            raise ValueError(f"at_s: {self.at_s} is not a finite time >= 0")
        if not 0.0 <= self.rate_bps < math.inf:
            raise ValueError(f"rate_bps: {self.rate_bps} is not a finite rate >= 0")


@dataclass(frozen=True)
class Diurnal:
    """A rate that rises and falls like a cosine.

    Attributes
    ----------
    amplitude : float
        Largest deviation from the link's nominal rate, as a share of it, in [0, 1].
    period_s : float
        Length of a day, > 0.
    step_s : float
        How long a rate holds, > 0; a day is a whole number of steps.
    phase_s : float
        Time of the highest rate.
    """

    amplitude: float = 0.5
    period_s: float = 86_400.0
    step_s: float = 60.0
    phase_s: float = 0.0


@dataclass(frozen=True)
class Bandwidth:
    """The rate of a link over time: one source, and what is made of it.

    Attributes
    ----------
    csv, mahimahi, cooked, per_second : str or None
        A file of that kind, by path or by the name of a bundled one (traces/README.md, Bandwidth).
    steps : tuple of Step or None
        Rates written out.
    walk : Walk or None
        The nominal rate times a random factor, drawn from the seed.
    diurnal : Diurnal or None
        The nominal rate times a daily cycle.
    scale : float
        Everything times this, > 0.
    offset_s : float
        Where in it the run begins, >= 0.
    stagger_s : float
        How much later in it each link begins than the one before, >= 0: one trace for many links, not in step.
    lowest_bps, highest_bps : float
        Limits of the rate.
    repeat_s : float or None
        After how long it repeats; infinite for never; None: as the source has it.
    """

    csv: str | None = None
    mahimahi: str | None = None
    cooked: str | None = None
    per_second: str | None = None
    steps: tuple[Step, ...] | None = None
    walk: Walk | None = None
    diurnal: Diurnal | None = None
    scale: float = 1.0
    offset_s: float = 0.0
    stagger_s: float = 0.0
    lowest_bps: float = 0.0
    highest_bps: float = field(default=math.inf, metadata={"infinite": True})
    repeat_s: float | None = field(default=None, metadata={"infinite": True})

    def __post_init__(self) -> None:
        given = [name for name in _SOURCES if getattr(self, name) is not None]
        if len(given) != 1:
            name = given[1] if given else _SOURCES[0]
            what = f"beside {given[0]} one source too many" if given else "no source is given"
            raise ValueError(f"{name}: {what}; give one of {', '.join(_SOURCES)}")
        if not 0.0 < self.scale <= _SCALE_MAX:
            raise ValueError(f"scale: {self.scale} is not in (0, {_SCALE_MAX:g}]")
        for name in ("offset_s", "stagger_s", "lowest_bps"):
            if not 0.0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name}: {getattr(self, name)} is not a finite number >= 0")
        if not self.highest_bps > self.lowest_bps:
            raise ValueError(f"highest_bps: {self.highest_bps} is not above lowest_bps, {self.lowest_bps}")
        if self.repeat_s is not None and not self.repeat_s >= _PACKET_STEP_S:
            raise ValueError(f"repeat_s: {self.repeat_s} is less than a millisecond")
        times = [step.at_s for step in self.steps or ()]
        if self.steps is not None and (times[:1] != [0.0] or any(a >= b for a, b in pairwise(times))):
            raise ValueError("steps: give at least one, the first at 0, and each later than the one before")

    def file(self, config_dir: Path | None = None) -> tuple[str, str, Path] | None:
        """Kind, name and path of its file; None if it reads none.

        Raises
        ------
        TraceError
            If there is no such file.
        """
        for kind in bandwidth.KINDS:
            name = getattr(self, kind)
            if name is not None:
                return kind, name, bandwidth.find(name, config_dir)
        return None

    def schedules(
        self,
        links: Sequence[str],
        nominal_bps: float,
        duration_s: float,
        streams: Streams,
        where: str,
        config_dir: Path | None = None,
        limit_bps: float | None = None,
    ) -> dict[str, Schedule]:
        """Make the schedule of each link.

        Parameters
        ----------
        links : sequence of str
            Their names, which are also those of their random streams.
        nominal_bps : float
            Rate of each when it does not vary.
        duration_s : float
            How long to draw what is random.
        streams : Streams
            Of the run.
        where : str
            Key of this configuration, for error messages.
        limit_bps : float, optional
            The most that a rate from a file or from steps can be; one about the nominal rate has it in there.
        config_dir : Path, optional
            The user's own folder.

        Raises
        ------
        TraceError
            If its file is missing or malformed.
        ConfigError
            If its values do not make a schedule.
        """
        try:
            return dict(self._made(links, nominal_bps, duration_s, streams, config_dir, limit_bps))
        except ConfigError:
            raise
        except ValueError as problem:
            if type(problem) is not ValueError:
                raise
            raise ConfigError(str(problem), where=where, remedy="correct the schedule") from None

    def _made(
        self,
        links: Sequence[str],
        nominal_bps: float,
        duration_s: float,
        streams: Streams,
        config_dir: Path | None,
        limit_bps: float | None,
    ) -> Iterator[tuple[str, Schedule]]:
        relative = self.walk is not None or self.diurnal is not None
        highest_bps = self.highest_bps if relative or limit_bps is None else min(self.highest_bps, limit_bps)
        if self.walk is not None:
            drawn = self.walk.schedules(dict.fromkeys(links, nominal_bps), duration_s, streams.of)
        else:
            drawn = dict.fromkeys(links, self._source(nominal_bps, config_dir))
        for place, link in enumerate(links):
            schedule = drawn[link].scaled(self.scale)
            if float(schedule.rates.max()) >= _RATE_MAX_BPS:
                raise ValueError(f"a rate of {float(schedule.rates.max()):.3g} bit/s is beyond {_RATE_MAX_BPS:g}")
            if self.repeat_s is not None:
                schedule = schedule.looped(self.repeat_s)
            schedule = schedule.since(self.offset_s + place * self.stagger_s)
            if self.lowest_bps > 0.0 or highest_bps < math.inf:
                schedule = bandwidth.in_steps(schedule, _PACKET_STEP_S).clipped(self.lowest_bps, highest_bps)
            yield link, schedule

    def _source(self, nominal_bps: float, config_dir: Path | None) -> Schedule:
        found = self.file(config_dir)
        if found is not None:
            return bandwidth.read(found[2], found[0])
        if self.steps is not None:
            return Schedule(
                np.array([step.at_s for step in self.steps]), np.array([step.rate_bps for step in self.steps])
            )
        assert self.diurnal is not None
        day = self.diurnal
        return diurnal(nominal_bps, day.amplitude, day.period_s, day.step_s, day.phase_s)
