"""What figures over time, distributions and batch means need of a run, small enough to be kept of every run."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from simedge.metrics.quantiles import Numbers
from simedge.metrics.schema import FloatArray

__all__ = ["RANKS", "CurveCounts", "Curves"]

RANKS: tuple[float, ...] = (*(step / 2 for step in range(199)), *(99 + step / 10 for step in range(10)), 99.95, 100.0)
"""Percentiles at which a distribution of latencies is kept: every half, every tenth from 99 on, and the ends."""

_BINS_MAX = 10_000
_ROUNDING_S = 1e-9  # a horizon that misses a whole bin by less than this holds it


@dataclass(frozen=True, eq=False)
class Curves:
    """A run over time, from 0 and whatever the warm-up, and the distribution of its latencies.

    Attributes
    ----------
    bin_s : float
        Length of a bin, s: 1 unless the run is longer than 10 000 s or shorter than 1 s. A partial last bin is dropped.
    arrived_units, completed_units, late_units, latency_sum_s : (B,) float array
        Of the units that arrived in each bin: how many; how many of these were completed, and of these later than the
        objective; the sum of their latencies, s.
    done_units : (B,) float array
        Work completed in each bin, whenever it arrived, in the unit in which throughput is counted.
    latency_quantiles_s : (R,) or (0,) float array
        Percentiles `RANKS` of the latencies of the units that arrived after the warm-up, s; empty when none completed.
    """

    bin_s: float
    arrived_units: FloatArray
    completed_units: FloatArray
    late_units: FloatArray
    latency_sum_s: FloatArray
    done_units: FloatArray
    latency_quantiles_s: FloatArray

    @property
    def begin_s(self) -> FloatArray:
        """Where each bin begins, (B,), s."""
        return np.arange(len(self.done_units), dtype=np.float64) * self.bin_s

    def plain(self) -> dict[str, Any]:
        """Return the curves as numbers and lists."""
        return {spec.name: np.asarray(getattr(self, spec.name)).tolist() for spec in fields(self)}

    @classmethod
    def read(cls, said: Mapping[str, Any]) -> Curves:
        """Make curves of what :meth:`plain` gave.

        Raises
        ------
        ValueError
            If something is missing, no finite number, or of another length than the rest.
        """
        made = {spec.name: np.asarray(said.get(spec.name), np.float64) for spec in fields(cls)}
        bins = {made[name].shape for name in (*_BY_ARRIVAL, "done_units")}
        quantiles = made["latency_quantiles_s"].shape
        if len(bins) != 1 or len(next(iter(bins))) != 1 or quantiles not in {(0,), (len(RANKS),)}:
            raise ValueError("its curves differ in length")
        if made["bin_s"].shape or not all(np.isfinite(values).all() for values in made.values()) or made["bin_s"] <= 0:
            raise ValueError("its curves hold something that is no number")
        return cls(bin_s=float(made.pop("bin_s")), **made)


_BY_ARRIVAL = ("arrived_units", "completed_units", "late_units", "latency_sum_s")


class CurveCounts:
    """Gathers curves piece by piece.

    Parameters
    ----------
    horizon_s, slo_s : float
        Length of the run and latency objective, s.
    """

    def __init__(self, horizon_s: float, slo_s: float) -> None:
        self._slo_s = slo_s
        self._bin_s = horizon_s if horizon_s < 1 else float(max(1, math.ceil(horizon_s / _BINS_MAX)))
        self._bins = max(1, math.floor((horizon_s + _ROUNDING_S) / self._bin_s))
        self._counts = {name: np.zeros(self._bins) for name in (*_BY_ARRIVAL, "done_units")}

    def arrive(self, arrived_s: FloatArray) -> None:
        """Count arrivals, (n,), s."""
        self._add("arrived_units", arrived_s)

    def complete(self, arrived_s: FloatArray, latency_s: FloatArray, done_s: FloatArray, work: FloatArray) -> None:
        """Count completed units: when they arrived, their latencies, when they were done, and what each counts."""
        self._add("completed_units", arrived_s)
        self._add("late_units", arrived_s[latency_s > self._slo_s])
        self._add("latency_sum_s", arrived_s, latency_s)
        self._add("done_units", done_s, work)

    def made(self, latency_s: Numbers) -> Curves:
        """Return the curves; `latency_s` are the latencies that count after the warm-up."""
        ranks: Sequence[float] = RANKS if latency_s.count else ()
        quantiles = np.array(latency_s.percentiles(ranks) if ranks else [], dtype=np.float64)
        return Curves(bin_s=self._bin_s, **self._counts, latency_quantiles_s=quantiles)

    def _add(self, name: str, times_s: FloatArray, weights: FloatArray | None = None) -> None:
        place = times_s / self._bin_s
        inside = place < self._bins
        kept = weights if weights is None else weights[inside]
        self._counts[name] += np.bincount(place[inside].astype(np.int64), weights=kept, minlength=self._bins)
