"""Statistics over many clips: what is kept of each run, how clips are pooled, and intervals over clips.

Of a run only counts are kept, so hundreds of runs fit into memory and resampling clips is a matrix product.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt

from simedge.metrics.schema import FloatArray
from simedge.metrics.summary import completions

if TYPE_CHECKING:
    from simedge.metrics.results import Results

__all__ = [
    "LATENCY_RATIO",
    "STATISTICS",
    "Digest",
    "Estimate",
    "digest",
    "divided",
    "estimate",
    "latency_counts",
    "latency_values",
    "percentiles",
    "pool",
    "resampled",
]

STATISTICS: dict[str, float] = {"p50": 50.0, "p75": 75.0, "p99": 99.0}
"""Percentiles beside the mean, by name."""

LATENCY_RATIO = 1.002
"""Ratio of neighbouring edges of the latency bins: a percentile is exact to half of that, 0.1 %."""

_LEAST_S, _MOST_S = 1e-4, 1e6
_BINS = math.ceil(math.log(_MOST_S / _LEAST_S) / math.log(LATENCY_RATIO))
_SEED = 1_312_024_402  # any fixed number: intervals must repeat
_CHUNK = 256

_Counts = npt.NDArray[np.integer[Any]]


@dataclass(frozen=True, eq=False)
class Digest:
    """What the pooled statistics need of one run.

    Attributes
    ----------
    policy, seed, fingerprint
        Whose run it was.
    span_s : float
        Time over which throughput was counted, s.
    arrived, completed, late : float
        Units that arrived after the warm-up; of these completed; of these later than the objective.
    latency_sum_s : float
        Sum of the latencies of the completed units, s.
    latency_counts : (K,) int array
        Their latencies counted in the bins of :func:`latency_values`.
    units_ips : (B,) float array
        Units completed in each whole second.
    bound_s : float
        Metric ``bound_latency_s_mean``, s; NaN where a run has none.
    """

    policy: str
    seed: int
    fingerprint: str
    span_s: float
    arrived: float
    completed: float
    late: float
    latency_sum_s: float
    latency_counts: _Counts
    units_ips: FloatArray
    bound_s: float


class Estimate(NamedTuple):
    """A pooled value and its 95 % interval over clips; NaN where undefined, the interval of one clip included."""

    value: float
    low: float
    high: float


def digest(results: Results) -> Digest:
    """Keep of a run what pooled statistics need, some 50 kB; nothing refers to the run's tables."""
    rois, facts, metrics = results.columns["rois"], results.facts, results.metrics
    warmup_s, horizon_s = float(facts["warmup_s"]), float(facts["horizon_s"])
    arrived_s, done_s, latency_s = (cast(FloatArray, rois[name]) for name in ("arrived_s", "done_s", "latency_s"))
    counted = latency_s[(arrived_s >= warmup_s) & (arrived_s < horizon_s) & ~np.isnan(done_s)]
    return Digest(
        policy=results.policy,
        seed=results.seed,
        fingerprint=results.fingerprint,
        span_s=horizon_s - warmup_s,
        arrived=metrics["arrived_units"],
        completed=float(len(counted)),
        late=float(np.count_nonzero(counted > float(facts["slo_s"]))),
        latency_sum_s=float(counted.sum()),
        latency_counts=latency_counts(counted),
        units_ips=completions(rois, facts)[0],
        bound_s=metrics.get("bound_latency_s_mean", math.nan),
    )


def latency_counts(latency_s: FloatArray) -> _Counts:
    """Count latencies (n,), s, in logarithmic bins, the same for all runs: (K,), one bin for all below 0.1 ms."""
    with np.errstate(divide="ignore"):
        place = np.log(latency_s / _LEAST_S) / math.log(LATENCY_RATIO)
    bins = np.clip(np.floor(place) + 1, 0, _BINS).astype(np.int64)
    return np.bincount(bins, minlength=_BINS + 1).astype(np.uint32)


def latency_values() -> FloatArray:
    """Latency that stands for each bin of :func:`latency_counts`, s: (K,), the geometric middle; 0 for the first."""
    return np.append(0.0, _LEAST_S * LATENCY_RATIO ** (np.arange(_BINS) + 0.5))


def percentiles(values: FloatArray, counts: _Counts, weights: FloatArray, ranks: Sequence[float]) -> FloatArray:
    """Percentiles of pooled samples that are given as counts, for many weightings of the samples at once.

    Parameters
    ----------
    values : (K,) float array
        What is counted, increasing.
    counts : (C, K) int array
        How often each value stands in each of C samples.
    weights : (R, C) float array
        How often each sample enters the pool, whole numbers; a row for each pool.
    ranks : sequence of float
        Q percentiles to find, in [0, 100].

    Returns
    -------
    (Q, R) float array
        As ``numpy.percentile`` of the written-out pool, linear between order statistics; NaN of an empty pool.

    Examples
    --------
    >>> counts = np.array([[1, 1, 0], [0, 0, 2]])
    >>> percentiles(np.array([1.0, 2.0, 4.0]), counts, np.array([[1.0, 1.0], [2.0, 0.0]]), [50.0]).tolist()
    [[3.0, 1.5]]
    """
    found = np.full((len(ranks), len(weights)), np.nan)
    used = counts.any(axis=0)
    kept, times = values[used], counts[:, used].astype(np.float64)
    for begin in range(0, len(weights) if len(kept) else 0, _CHUNK):
        # Whole numbers below 2**53: exact in whatever order they are added.
        for row, upto in enumerate(np.cumsum(weights[begin : begin + _CHUNK] @ times, axis=1), begin):
            if upto[-1]:
                place = (upto[-1] - 1) * np.asarray(ranks) / 100
                low, high = (kept[np.searchsorted(upto, edge(place), side="right")] for edge in (np.floor, np.ceil))
                found[:, row] = low + (high - low) * (place - np.floor(place))
    return found


def resampled(clips: int, resamples: int) -> FloatArray:
    """Weights of clips: in the first row each clip once, then `resamples` draws of as many clips with replacement.

    Returns
    -------
    (1 + resamples, clips) float array
        The same for the same arguments. Used for several policies, it pairs them: each draw holds the same clips.
    """
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(_SEED)))
    drawn = rng.multinomial(clips, np.full(clips, 1 / clips), size=resamples)
    return np.vstack([np.ones((1, clips)), drawn])


def pool(clips: Sequence[Digest], weights: FloatArray) -> dict[str, FloatArray]:
    """Pool the clips of one policy.

    Parameters
    ----------
    clips : sequence of Digest
        One run per clip.
    weights : (R, C) float array
        See :func:`resampled`.

    Returns
    -------
    dict of str to (R,) float array
        ``throughput_ips_*`` over all whole seconds, ``latency_s_*`` over all completed units, ``slo_miss_ratio``,
        ``served_ratio``, ``bound_latency_s_mean`` (clips weighted by the units that arrived) and ``fraction_of_bound``;
        NaN where undefined. Means are exact, percentiles of latencies to 0.1 %.
    """
    seconds = np.unique(np.concatenate([clip.units_ips for clip in clips]))
    per_clip = np.zeros((len(clips), len(seconds)), np.int64)
    for row, clip in enumerate(clips):
        np.add.at(per_clip[row], np.searchsorted(seconds, clip.units_ips), 1)
    arrived, completed, late, latency_s, bound_s = (
        np.array([getattr(clip, name) for clip in clips])
        for name in ("arrived", "completed", "late", "latency_sum_s", "bound_s")
    )
    units, bins = per_clip @ seconds, per_clip.sum(axis=1)

    def ratio(upper: FloatArray, lower: FloatArray) -> FloatArray:
        # Not a matrix product: its order of addition may depend on the machine's threads.
        return divided((weights * upper).sum(axis=1), (weights * lower).sum(axis=1))

    ranks = list(STATISTICS.values())
    counted = np.stack([clip.latency_counts for clip in clips])
    ips = dict(zip(STATISTICS, percentiles(seconds, per_clip, weights, ranks), strict=True))
    latency = dict(zip(STATISTICS, percentiles(latency_values(), counted, weights, ranks), strict=True))
    made = {"throughput_ips_mean": ratio(units, bins), **{f"throughput_ips_{name}": ips[name] for name in ips}}
    made |= {"latency_s_mean": ratio(latency_s, completed), **{f"latency_s_{name}": latency[name] for name in latency}}
    made |= {"slo_miss_ratio": ratio(late, completed), "served_ratio": ratio(completed, arrived)}
    made["bound_latency_s_mean"] = ratio(np.where(arrived > 0, arrived * bound_s, 0.0), arrived)
    made["fraction_of_bound"] = divided(made["bound_latency_s_mean"], made["latency_s_mean"])
    return made


def divided(upper: FloatArray, lower: FloatArray) -> FloatArray:
    """Quotients, NaN where the lower one is not positive."""
    return np.asarray(np.divide(upper, lower, out=np.full(np.shape(upper), np.nan), where=lower > 0))


def estimate(draws: FloatArray, clips: int) -> Estimate:
    """Point value and 95 % percentile interval of a statistic over the weights of :func:`resampled`.

    Parameters
    ----------
    draws : (1 + R,) float array
        The statistic of the clips as they are, then of each resample; resamples in which it is undefined are left out.
    clips : int
        Number of clips; one clip gives no interval.
    """
    value, others = float(draws[0]), draws[1:][~np.isnan(draws[1:])]
    if clips < 2 or not len(others) or math.isnan(value):
        return Estimate(value, math.nan, math.nan)
    low, high = np.percentile(others, [2.5, 97.5]).tolist()
    return Estimate(value, low, high)
