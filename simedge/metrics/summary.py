"""From a run to its metrics, at once or piece by piece. Names and units are listed in :mod:`simedge.metrics.schema`."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import numpy as np

from simedge.metrics.bound import PooledServer
from simedge.metrics.curves import CurveCounts, Curves
from simedge.metrics.energy import energy
from simedge.metrics.quantiles import Exact, Numbers, statistics
from simedge.metrics.schema import FAULT_COUNTS, PARTS, Categorical, Columns, FloatArray

__all__ = ["Totals", "completions", "per_second", "summarise", "tally"]

_PIECE_ROWS = 2**16
_ROUNDING_S = 1e-9  # a horizon that misses a whole second by less than this is whole


def per_second(times_s: FloatArray, warmup_s: float, horizon_s: float, weights: FloatArray | None = None) -> FloatArray:
    """Count events in consecutive 1-s bins over [warmup_s, horizon_s), idle bins included.

    Parameters
    ----------
    times_s : (n,) float array
        When each event happened, s; NaN for never.
    warmup_s, horizon_s : float
        Where the first bin begins and where the last may end, s.
    weights : (n,) float array, optional
        What each event counts; 1 by default.

    Returns
    -------
    (B,) float array
        Events per second in each whole bin. A partial last bin is dropped; when it is the only one, its count is
        divided by its length. Empty when the warm-up takes the whole horizon.

    Notes
    -----
    Table 1.2 and Fig. 1.10 of the dissertation report throughput over such bins.

    Examples
    --------
    >>> per_second(np.array([0.2, 0.9, 2.0, 3.1, np.nan]), 0.0, 3.5)
    array([2., 0., 1.])
    """
    span_s = horizon_s - warmup_s
    if span_s <= 0:
        return np.empty(0)
    bins = math.floor(span_s + _ROUNDING_S)
    width_s = 1.0 if bins else span_s
    bins = max(bins, 1)
    offset = (times_s - warmup_s) / width_s
    inside = (offset >= 0) & (offset < bins)  # False for NaN
    kept = None if weights is None else weights[inside]
    return np.bincount(offset[inside].astype(np.int64), weights=kept, minlength=bins) / width_s


def completions(rois: Columns, facts: Mapping[str, Any]) -> tuple[FloatArray, FloatArray]:
    """Units and classifier executions completed in each whole second, (B,) each; both the same if those are the units.

    Executions count when their ROI completes: counted one by one, a cheap first classifier would pass for progress.
    """
    path = _names(rois, "path")
    lengths = np.array([facts["path_lengths"][name] for name in path.names], dtype=np.float64)
    done_s, warmup_s, horizon_s = _numbers(rois, "done_s"), float(facts["warmup_s"]), float(facts["horizon_s"])
    classifiers_ips = per_second(done_s, warmup_s, horizon_s, lengths[path.codes])
    if facts.get("unit") == "classifier":
        return classifiers_ips, classifiers_ips
    return per_second(done_s, warmup_s, horizon_s), classifiers_ips


def summarise(columns: Mapping[str, Columns], facts: Mapping[str, Any]) -> dict[str, float]:
    """Compute every metric of a run.

    Parameters
    ----------
    columns : mapping of str to columns
        Tables ``rois`` and ``reports`` as the schema lists them, reports sorted by time.
    facts : mapping
        ``horizon_s``, ``warmup_s``, ``slo_s`` (s), ``bound_ips`` (units/s of all devices together, > 0),
        ``capacity_ips`` (entity of a report -> units/s, > 0), ``busy_s`` (device -> s), ``path_lengths`` (path ->
        classifiers), ``bytes`` (camera -> bytes), ``migrated_units`` and ``migration_calls``; of a run with faults
        ``faults`` (what they did -> units); where profiles tell power, what :func:`simedge.metrics.energy.energy`
        takes.

    Returns
    -------
    dict of str to float
        Metrics by name, in the order of the schema; NaN where undefined (such as a latency when none completed).

    Raises
    ------
    ValueError
        If an entity's capacity is not positive.

    Notes
    -----
    Units that arrived before the warm-up ended count in no metric of units or latencies; bins and reports before it
    are left out. A completion counts in its bin whenever the unit arrived, for it is work done in that second.
    Utilisation, migrations, bytes and energy are of the whole run. The imbalance index is that of Eqs. 1.1 and 1.3 over
    the cameras and the edge (as in Fig. 1.13), with workloads divided by capacity, so that 0 means equal drain times.
    Percentiles interpolate linearly.

    Examples
    --------
    Two units arrive at one camera; the first is done after 0.5 s, the second is still queued at the horizon of 1 s:

    >>> name, nan = Categorical(np.array([0, 0]), ("camera_1",)), np.nan
    >>> rois = {"camera": name, "path": Categorical(np.array([0, 0]), ("car",)), "arrived_s": np.array([0.2, 0.3])}
    >>> rois |= {part: np.array([0.1, nan]) for part in PARTS}
    >>> rois |= {"latency_s": np.array([0.5, nan]), "done_s": np.array([0.7, nan]), "lost_s": np.array([nan, nan])}
    >>> reports = {"time_s": np.array([1.0, 1.0]), "entity": Categorical(np.array([0, 1]), ("camera_1", "edge"))}
    >>> reports |= {"queue_units": np.array([1, 0]), "outbound_units": np.array([0, 0])}
    >>> reports |= {"backlog_units": np.array([1.0, 0.0])}
    >>> facts = {"horizon_s": 1.0, "warmup_s": 0.0, "slo_s": 0.4, "path_lengths": {"car": 4}, "bytes": {"camera_1": 9}}
    >>> facts |= {"capacity_ips": {"camera_1": 50.0, "edge": 350.0}, "busy_s": {"camera_1": 0.25, "gpu_1": 0.0}}
    >>> facts |= {"bound_ips": 5.0, "migrated_units": 0, "migration_calls": 0}
    >>> metrics = summarise({"rois": rois, "reports": reports}, facts)
    >>> [metrics[m] for m in ("served_ratio", "throughput_ips_mean", "classifier_ips_mean", "latency_s_p99")]
    [0.5, 1.0, 4.0, 0.5]
    >>> [metrics[m] for m in ("slo_miss_ratio", "imbalance_index_p50", "accumulated_units_max", "utilisation.cameras")]
    [1.0, 1.0, 1.0, 0.25]
    """
    return tally(columns, facts)[0]


def tally(columns: Mapping[str, Columns], facts: Mapping[str, Any]) -> tuple[dict[str, float], Curves]:
    """Compute every metric of a run and its curves; see :func:`summarise`."""
    totals = Totals(facts)
    rois = columns["rois"]
    path, done_s = _names(rois, "path"), _numbers(rois, "done_s")
    lengths = np.array([facts["path_lengths"][name] for name in path.names], dtype=np.float64)
    for begin in range(0, len(done_s), _PIECE_ROWS):  # so that there is no second copy of the columns
        piece = slice(begin, begin + _PIECE_ROWS)
        done = ~np.isnan(done_s[piece])
        totals.arrive(_numbers(rois, "arrived_s")[piece])
        completed = {name: _numbers(rois, name)[piece][done] for name in ("arrived_s", "done_s", "latency_s", *PARTS)}
        totals.complete(completed, lengths[path.codes[piece][done]])
        totals.lose(_numbers(rois, "arrived_s")[piece][~np.isnan(_numbers(rois, "lost_s")[piece])])
    totals.report(columns["reports"])
    return totals.metrics(_names(rois, "camera").names, facts), totals.curves()


class Totals:
    """What the metrics of a run follow from, gathered piece by piece.

    Parameters
    ----------
    facts : mapping
        ``horizon_s``, ``warmup_s``, ``slo_s``, ``bound_ips`` and ``capacity_ips``; see :func:`summarise`.
    numbers : callable
        Makes the collections of which quantiles are wanted. Counts, sums, means and maxima are exact in any case.
    """

    def __init__(self, facts: Mapping[str, Any], numbers: Callable[[], Numbers] = Exact) -> None:
        self._horizon_s, self._warmup_s, self._slo_s = (
            float(facts[name]) for name in ("horizon_s", "warmup_s", "slo_s")
        )
        self._capacity_ips: Mapping[str, float] = facts["capacity_ips"]
        if not all(value > 0 for value in self._capacity_ips.values()):
            raise ValueError(f"the capacity of every entity must be positive: {dict(self._capacity_ips)}")
        self._unit = facts.get("unit", "roi")
        self._server = PooledServer(float(facts["bound_ips"]))
        self._curves = CurveCounts(self._horizon_s, self._slo_s)
        self._arrived = self._late = self._lost = self._done = 0
        self._latency_s, self._bound_s, self._imbalance, self._waiting = (numbers() for _ in range(4))
        self._parts_s = dict.fromkeys(PARTS, 0.0)
        self._units_ips = self._bins(np.empty(0))
        self._classifiers_ips = self._bins(np.empty(0))

    def _bins(self, times_s: FloatArray, weights: FloatArray | None = None) -> FloatArray:
        return per_second(times_s, self._warmup_s, self._horizon_s, weights)

    def arrive(self, arrived_s: FloatArray) -> None:
        """Count the next arrivals, (n,), s, ascending."""
        counts = (arrived_s >= self._warmup_s) & (arrived_s < self._horizon_s)
        self._arrived += int(np.count_nonzero(counts))
        self._curves.arrive(arrived_s)
        self._bound_s.add(self._server.latencies_s(arrived_s)[counts])

    def complete(self, rois: Mapping[str, FloatArray], classifiers: FloatArray) -> None:
        """Count completed units.

        Parameters
        ----------
        rois : mapping of str to (n,) float array
            Columns ``arrived_s``, ``done_s``, ``latency_s`` and the parts of a latency, s, without NaN.
        classifiers : (n,) float array
            Classifiers that each ran.
        """
        arrived_s = rois["arrived_s"]
        self._done += len(arrived_s)
        counts = (arrived_s >= self._warmup_s) & (arrived_s < self._horizon_s)
        latency_s = rois["latency_s"][counts]
        self._latency_s.add(latency_s)
        self._late += int(np.count_nonzero(latency_s > self._slo_s))
        for part in PARTS:
            self._parts_s[part] += float(np.sum(rois[part][counts]))
        executions = self._bins(rois["done_s"], classifiers)
        self._classifiers_ips += executions
        by_roi = self._unit != "classifier"
        self._units_ips += self._bins(rois["done_s"]) if by_roi else executions
        work = np.ones(len(classifiers)) if by_roi else classifiers
        self._curves.complete(arrived_s, rois["latency_s"], rois["done_s"], work)

    def lose(self, arrived_s: FloatArray) -> None:
        """Count units that were lost, by their times of arrival, (n,), s."""
        self._lost += int(np.count_nonzero((arrived_s >= self._warmup_s) & (arrived_s < self._horizon_s)))

    def report(self, reports: Columns) -> None:
        """Count the next reports: table ``reports`` or a piece of it that ends with a whole report."""
        time_s = _numbers(reports, "time_s")
        kept = time_s >= self._warmup_s
        time_s = time_s[kept]
        if not len(time_s):
            return
        first = np.flatnonzero(np.r_[True, time_s[1:] > time_s[:-1]])
        entity = _names(reports, "entity")
        capacity_ips = np.array([self._capacity_ips[name] for name in entity.names], dtype=np.float64)
        drain_s = _numbers(reports, "backlog_units")[kept] / capacity_ips[entity.codes[kept]]
        waiting = (_numbers(reports, "queue_units") + _numbers(reports, "outbound_units"))[kept].astype(np.float64)
        entities = np.diff(np.r_[first, len(time_s)])
        largest, mean = np.maximum.reduceat(drain_s, first), np.add.reduceat(drain_s, first) / entities
        # A mean may be rounded to just above an equal maximum: an index is never negative.
        index = np.maximum(np.divide(largest, mean, out=np.ones_like(mean), where=mean > 0) - 1.0, 0.0)
        self._imbalance.add(index)
        self._waiting.add(np.add.reduceat(waiting, first))

    def curves(self) -> Curves:
        """Return the run over time, and the distribution of its latencies."""
        return self._curves.made(self._latency_s)

    def metrics(self, cameras: Sequence[str], facts: Mapping[str, Any]) -> dict[str, float]:
        """Every metric, in the order of the schema; `facts` as for :func:`summarise`."""
        arrived, completed = float(self._arrived), float(self._latency_s.count)
        units, classifiers = Exact(), Exact()
        units.add(self._units_ips)
        classifiers.add(self._classifiers_ips)
        latency = statistics("latency_s", self._latency_s, ("mean", "p50", "p75", "p99", "max"))
        mean_s = latency["latency_s_mean"]
        bound = statistics("bound_latency_s", self._bound_s, ("mean", "p50", "p75", "p99"))
        return {
            "arrived_units": arrived,
            "completed_units": completed,
            "in_system_units": arrived - completed - self._lost,
            "lost_units": float(self._lost),
            "served_ratio": completed / arrived if arrived else math.nan,
            **statistics("throughput_ips", units, ("mean", "p50", "p75", "p99")),
            **statistics("classifier_ips", classifiers, ("mean",)),
            **latency,
            **bound,
            "fraction_of_bound": bound["bound_latency_s_mean"] / mean_s if mean_s > 0 else math.nan,
            **{f"{part}_mean": total / completed if completed else math.nan for part, total in self._parts_s.items()},
            "slo_miss_ratio": self._late / completed if completed else math.nan,
            **statistics("imbalance_index", self._imbalance, ("mean", "p50", "p75", "p99")),
            **statistics("accumulated_units", self._waiting, ("mean", "p50", "p75", "p99", "max")),
            **{name: float(facts[name]) for name in ("migrated_units", "migration_calls")},
            **{f"{name}_units": float(facts.get("faults", {}).get(name, 0)) for name in FAULT_COUNTS},
            **_utilisation(cameras, facts),
            **_bytes(cameras, facts),
            **energy(facts, self._done),
        }


def _utilisation(cameras: Sequence[str], facts: Mapping[str, Any]) -> dict[str, float]:
    busy_s: Mapping[str, float] = facts["busy_s"]
    on_camera = [name for name in cameras if name in busy_s]
    at_edge = sorted((name for name in busy_s if name not in set(cameras)), key=_natural)
    share = {name: float(busy_s[name]) / float(facts["horizon_s"]) for name in (*on_camera, *at_edge)}
    return {
        **{f"utilisation.{name}": value for name, value in share.items()},
        "utilisation.cameras": _mean(np.array([share[name] for name in on_camera])),
        "utilisation.edge": _mean(np.array([share[name] for name in at_edge])),
    }


def _bytes(cameras: Sequence[str], facts: Mapping[str, Any]) -> dict[str, float]:
    carried = {name: float(facts["bytes"][name]) for name in cameras if name in facts["bytes"]}
    each = {f"uplink_bytes.{name}": value for name, value in carried.items()}
    return {"uplink_bytes": math.fsum(carried.values()), **each}


def _mean(values: np.ndarray[Any, Any]) -> float:
    return float(np.mean(values)) if len(values) else math.nan


def _natural(name: str) -> list[tuple[bool, int, str]]:
    return [(part.isdigit(), int(part) if part.isdigit() else 0, part) for part in re.split(r"(\d+)", name)]


def _numbers(columns: Columns, name: str) -> FloatArray:
    return cast(FloatArray, columns[name])


def _names(columns: Columns, name: str) -> Categorical:
    return cast(Categorical, columns[name])
