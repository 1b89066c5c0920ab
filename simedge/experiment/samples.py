"""What is compared of each run: a metric of the whole, of what another warm-up leaves, or of batches."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from simedge.errors import ConfigError, InputError
from simedge.experiment.gather import SavedRun
from simedge.metrics import windows
from simedge.metrics.curves import Curves
from simedge.metrics.schema import FloatArray

__all__ = ["MSER5", "Match", "Sample", "Window", "match", "samples"]

MSER5 = "mser5"
"""The warm-up that is found by :func:`~simedge.metrics.inference.mser5`."""

_ROUNDING = 1e-9  # of a bin


@dataclass(frozen=True)
class Window:
    """Which part of a run counts.

    Attributes
    ----------
    warmup : float, str or None
        Seconds to cut from the beginning, ``mser5``, or None for the run's own warm-up.
    batches : int or None
        Into how many batches the rest is cut; None for none.

    Raises
    ------
    ConfigError
        If the one is no time, or the other no number of at least 2.
    """

    warmup: float | str | None = None
    batches: int | None = None

    def __post_init__(self) -> None:
        cut, count = self.warmup, self.batches
        if cut not in (None, MSER5):
            number = isinstance(cut, int | float) and not isinstance(cut, bool)
            if not number or not 0 <= float(cut or 0) < math.inf:
                raise ConfigError(f"{cut!r} is no time", "warmup", f"give seconds, at least 0, or {MSER5}")
        if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 2):
            raise ConfigError(f"{count!r} is no number of batches", "batches", "give a whole number, at least 2")

    @property
    def whole(self) -> bool:
        """Whether runs count as they were summarised."""
        return self.warmup is None and self.batches is None


@dataclass(frozen=True, eq=False)
class Sample:
    """A metric of the runs of one treatment in one cell.

    Attributes
    ----------
    values : mapping of int to (B,) float array
        By seed: one value, or one per batch; NaN where undefined.
    warmup_s : float
        What was cut from the beginning of each run, s.
    steady : bool or None
        Whether all of the runs have a steady state; None if none was looked for.
    arrivals : mapping of int to str or None
        Digest of the arrivals by seed.
    workload : str
        *generated* or *recorded*.
    """

    values: Mapping[int, FloatArray]
    warmup_s: float
    steady: bool | None
    arrivals: Mapping[int, str | None]
    workload: str


@dataclass(frozen=True, eq=False)
class Match:
    """Two samples brought together for a comparison.

    Attributes
    ----------
    own, base : tuple of (B,) float arrays
        Values of either side, one array per run; of seeds that are pooled one for all of them.
    seeds : tuple of int
        The shared seeds; none if the sides share none, and are not paired.
    unmatched : int
        Values of runs that have no partner of their seed.
    pairing : str
        *unpaired*; *paired, equal arrivals*; *paired by seed, arrivals differ*; or *paired by seed* when it is not
        known which arrivals the runs met.
    """

    own: tuple[FloatArray, ...]
    base: tuple[FloatArray, ...]
    seeds: tuple[int, ...]
    unmatched: int
    pairing: str


def match(own: Sample, base: Sample, *, pooled: bool = False) -> Match:
    """Pair two samples by seed; without a shared seed, take all of either.

    Parameters
    ----------
    own, base : Sample
        The sides.
    pooled : bool
        Average over seeds that met the same arrivals, as those of a recorded trace do: batches of them repeat one
        another and must not count as if they were independent.
    """
    seeds = sorted(own.values.keys() & base.values.keys())
    keys = {seed: (own.arrivals[seed], base.arrivals[seed]) for seed in seeds}
    if seeds:
        made = _series(own, keys, pooled), _series(base, keys, pooled)
    else:
        made = _series(own, own.arrivals, pooled), _series(base, base.arrivals, pooled)
    unmatched = sum(
        len(side.values[seed]) for side in (own, base) for seed in side.values if seeds and seed not in keys
    )
    return Match(*made, tuple(seeds), unmatched, _pairing(list(keys.values())))


def _series(side: Sample, arrivals: Mapping[int, Any], pooled: bool) -> tuple[FloatArray, ...]:
    groups: dict[Any, list[FloatArray]] = {}
    for seed, said in sorted(arrivals.items()):
        known = pooled and said is not None and said != (None, None)
        groups.setdefault(said if known else seed, []).append(side.values[seed])
    return tuple(np.mean(group, axis=0) for group in groups.values())


def _pairing(digests: Sequence[tuple[str | None, str | None]]) -> str:
    if not digests:
        return "unpaired"
    if any(one is None or other is None for one, other in digests):
        return "paired by seed"
    return (
        "paired, equal arrivals" if all(one == other for one, other in digests) else "paired by seed, arrivals differ"
    )


def samples(cell: Mapping[str, Mapping[int, SavedRun]], metric: str, window: Window) -> dict[str, Sample]:
    """Take a metric of every run of a cell.

    Parameters
    ----------
    cell : mapping of str to mapping of int to SavedRun
        Runs by treatment and seed.
    metric : str
        Name of the schema; unless the window is the whole run, one of :data:`simedge.metrics.windows.SERIES`.
    window : Window
        Which part of each run. ``mser5`` cuts from all of them the most that is to be cut from any, so that pairs
        stay pairs.

    Raises
    ------
    InputError
        If a run keeps no curves, or nothing is left of one.
    """
    if window.whole:
        return {label: _summarised(list(runs.values()), metric) for label, runs in cell.items()}
    common_s = None
    if window.warmup == MSER5:
        every = [_curves(run) for runs in cell.values() for run in runs.values()]
        common_s = max(windows.warmup(curves, metric).observations * curves.bin_s for curves in every)
    elif window.warmup is not None:
        common_s = float(window.warmup)
    return {label: _windowed(list(runs.values()), metric, window, common_s) for label, runs in cell.items()}


def _summarised(runs: Sequence[SavedRun], metric: str) -> Sample:
    values = {run.seed: np.array([run.metrics.get(metric, math.nan)]) for run in runs}
    return Sample(values, float(runs[0].facts["warmup_s"]), None, _arrivals(runs), _workload(runs))


def _windowed(runs: Sequence[SavedRun], metric: str, window: Window, common_s: float | None) -> Sample:
    values: dict[int, FloatArray] = {}
    steady: list[bool] = []
    warmup_s = 0.0
    for run in runs:
        curves = _curves(run)
        begin = _begin(run, curves, float(run.facts["warmup_s"]) if common_s is None else common_s, window.batches or 1)
        warmup_s = begin * curves.bin_s
        if window.warmup == MSER5:
            steady.append(windows.settled(curves, metric))
        if window.batches is None:
            values[run.seed] = np.array([windows.value(curves, metric, begin)])
        else:
            steady.append(windows.settled(curves, metric, begin))
            values[run.seed] = windows.batches_of(curves, metric, begin, window.batches)
    return Sample(values, warmup_s, all(steady) if steady else None, _arrivals(runs), _workload(runs))


def _begin(run: SavedRun, curves: Curves, warmup_s: float, wanted: int) -> int:
    """First bin that counts, such that there are as many as wanted."""
    begin = math.ceil(warmup_s / curves.bin_s - _ROUNDING)
    left = len(curves.done_units) - begin
    if left < wanted:
        raise InputError(
            f"after a warm-up of {warmup_s:g} s there are {max(left, 0)} bins of {curves.bin_s:g} s left",
            where=str(run.path),
            remedy="set a shorter warm-up" if wanted == 1 else "set a shorter warm-up, or fewer batches",
        )
    return begin


def _arrivals(runs: Sequence[SavedRun]) -> dict[int, str | None]:
    return {run.seed: run.facts.get("arrivals") for run in runs}


def _workload(runs: Sequence[SavedRun]) -> str:
    return str(runs[0].facts.get("workload", "unknown"))


def _curves(run: SavedRun) -> Curves:
    if run.curves is None:
        remedy = "run it again, or compare without another warm-up and batches"
        raise InputError("keeps no curves", where=str(run.path), remedy=remedy)
    return run.curves
