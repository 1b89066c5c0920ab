"""Metrics of a part of a run, computed again from its curves: another warm-up, batches, and whether it settles."""

from __future__ import annotations

import math

import numpy as np

from simedge.errors import ConfigError
from simedge.metrics.curves import Curves
from simedge.metrics.inference import Truncation, batch_means, mser5
from simedge.metrics.schema import FloatArray

__all__ = ["SERIES", "UNSERVED_MAX", "batches_of", "check", "settled", "value", "warmup"]

SERIES: dict[str, tuple[str, str]] = {
    "throughput_ips_mean": ("done_units", "bin_s"),
    "latency_s_mean": ("latency_sum_s", "completed_units"),
    "slo_miss_ratio": ("late_units", "completed_units"),
    "served_ratio": ("completed_units", "arrived_units"),
}
"""The metrics that curves know bin by bin: what is divided by what."""

UNSERVED_MAX = 0.05
"""Share of arrivals still unserved at the horizon above which no steady state is seen (assumed).

In a steady state it is the mean latency over the length of the run (Little), so a run of twenty latencies passes. In
an overload it stays however long the run, and the latencies of those that were served say nothing of the others'."""


def check(metric: str) -> None:
    """Refuse a metric that curves do not know.

    Raises
    ------
    ConfigError
        One line that names those they do.
    """
    if metric not in SERIES:
        raise ConfigError(
            f"{metric} cannot be computed again for another warm-up or in batches",
            remedy=f"run with warmup_s=… set, or leave it out; possible: {', '.join(SERIES)}",
        )


def _series(curves: Curves, metric: str, begin: int) -> tuple[FloatArray, FloatArray]:
    upper, lower = (
        np.full(len(curves.done_units), curves.bin_s) if name == "bin_s" else getattr(curves, name)
        for name in SERIES[metric]
    )
    return upper[begin:], lower[begin:]


def value(curves: Curves, metric: str, begin: int) -> float:
    """Return a metric of the bins from `begin` on; NaN where undefined."""
    upper, lower = _series(curves, metric, begin)
    return float(upper.sum() / lower.sum()) if lower.sum() > 0 else math.nan


def batches_of(curves: Curves, metric: str, begin: int, batches: int) -> FloatArray:
    """Return a metric of consecutive batches of the bins from `begin` on, (batches,); NaN where undefined."""
    return batch_means(*_series(curves, metric, begin), batches)


def warmup(curves: Curves, metric: str, begin: int = 0) -> Truncation:
    """Find how many bins to cut by MSER-5 of a metric's own series.

    Parameters
    ----------
    curves : Curves
        The run.
    metric : str
        One of `SERIES`.
    begin : int
        First bin to look at.

    Returns
    -------
    Truncation
        In bins after `begin`. Bins in which the metric is undefined, as when nothing arrived, are passed over.
    """
    upper, lower = _series(curves, metric, begin)
    defined = np.flatnonzero(lower > 0)
    made = mser5(upper[defined] / lower[defined])
    return Truncation(int(defined[made.observations]) if made.observations else 0, made.found)


def settled(curves: Curves, metric: str, begin: int = 0) -> bool:
    """Whether a metric looks like that of a steady state from some bin in the first half on.

    It does not if MSER-5 finds no such bin. Nor does it, unless it is throughput, if more than `UNSERVED_MAX` of the
    units that arrived from `begin` on were never served: in an overload throughput settles at the capacity, and the
    latencies of the few that were served may well look steady while the queues grow.
    """
    found = warmup(curves, metric, begin).found
    if metric == "throughput_ips_mean":
        return found
    arrived, served = float(curves.arrived_units[begin:].sum()), float(curves.completed_units[begin:].sum())
    return found and arrived - served <= UNSERVED_MAX * arrived
