"""From the tables of a run to its metrics; numpy only. Names and units are listed in :mod:`simedge.metrics.schema`."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np

from simedge.metrics.bound import PooledServer
from simedge.metrics.schema import PARTS, Categorical, Columns, FloatArray

__all__ = ["completions", "per_second", "summarise"]

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
        classifiers), ``bytes`` (camera -> bytes), ``migrated_units`` and ``migration_calls``.

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
    Utilisation, migrations and bytes are of the whole run. The imbalance index is that of Eqs. 1.1 and 1.3 over the
    cameras and the edge (as in Fig. 1.13), with workloads divided by capacity, so that 0 means equal drain times.
    Percentiles interpolate linearly.

    Examples
    --------
    Two units arrive at one camera; the first is done after 0.5 s, the second is still queued at the horizon of 1 s:

    >>> name, nan = Categorical(np.array([0, 0]), ("camera_1",)), np.nan
    >>> rois = {"camera": name, "path": Categorical(np.array([0, 0]), ("car",)), "arrived_s": np.array([0.2, 0.3])}
    >>> rois |= {part: np.array([0.1, nan]) for part in PARTS}
    >>> rois |= {"latency_s": np.array([0.5, nan]), "done_s": np.array([0.7, nan])}
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
    cameras = _names(columns["rois"], "camera").names
    return {
        **_units(columns["rois"], facts),
        **_queues(columns["reports"], facts),
        **{name: float(facts[name]) for name in ("migrated_units", "migration_calls")},
        **_utilisation(cameras, facts),
        **_bytes(cameras, facts),
    }


def _units(rois: Columns, facts: Mapping[str, Any]) -> dict[str, float]:
    warmup_s, horizon_s = float(facts["warmup_s"]), float(facts["horizon_s"])
    arrived_s, done_s = _numbers(rois, "arrived_s"), _numbers(rois, "done_s")
    arrived = (arrived_s >= warmup_s) & (arrived_s < horizon_s)
    completed = arrived & ~np.isnan(done_s)
    latency_s = _numbers(rois, "latency_s")[completed]
    arrived_units, completed_units = float(np.count_nonzero(arrived)), float(len(latency_s))

    units_ips, classifiers_ips = completions(rois, facts)
    bound = _statistics(
        "bound_latency_s",
        PooledServer(float(facts["bound_ips"])).latencies_s(arrived_s)[arrived],
        ("mean", "p50", "p75", "p99"),
    )
    latencies = _statistics("latency_s", latency_s, ("mean", "p50", "p75", "p99", "max"))
    return {
        "arrived_units": arrived_units,
        "completed_units": completed_units,
        "in_system_units": arrived_units - completed_units,
        "served_ratio": completed_units / arrived_units if arrived_units else math.nan,
        **_statistics("throughput_ips", units_ips, ("mean", "p50", "p75", "p99")),
        **_statistics("classifier_ips", classifiers_ips, ("mean",)),
        **latencies,
        **bound,
        "fraction_of_bound": bound["bound_latency_s_mean"] / latencies["latency_s_mean"],
        **{f"{part}_mean": _mean(_numbers(rois, part)[completed]) for part in PARTS},
        "slo_miss_ratio": _mean(latency_s > float(facts["slo_s"])),
    }


def _queues(reports: Columns, facts: Mapping[str, Any]) -> dict[str, float]:
    kept = _numbers(reports, "time_s") >= float(facts["warmup_s"])
    time_s = _numbers(reports, "time_s")[kept]
    first = np.flatnonzero(np.r_[True, time_s[1:] > time_s[:-1]]) if len(time_s) else np.empty(0, np.int64)

    entity = _names(reports, "entity")
    capacity_ips = np.array([facts["capacity_ips"][name] for name in entity.names], dtype=np.float64)
    if not np.all(capacity_ips > 0):
        raise ValueError(f"the capacity of every entity must be positive: {dict(facts['capacity_ips'])}")
    drain_s = _numbers(reports, "backlog_units")[kept] / capacity_ips[entity.codes[kept]]
    waiting = (_numbers(reports, "queue_units") + _numbers(reports, "outbound_units"))[kept].astype(np.float64)
    if len(first):
        waiting = np.add.reduceat(waiting, first)
        entities = np.diff(np.r_[first, len(time_s)])
        largest, mean = np.maximum.reduceat(drain_s, first), np.add.reduceat(drain_s, first) / entities
        # A mean may be rounded to just above an equal maximum: an index is never negative.
        imbalance = np.maximum(np.divide(largest, mean, out=np.ones_like(mean), where=mean > 0) - 1.0, 0.0)
    else:
        imbalance = np.empty(0)
    return {
        **_statistics("imbalance_index", imbalance, ("mean", "p50", "p75", "p99")),
        **_statistics("accumulated_units", waiting, ("mean", "p50", "p75", "p99", "max")),
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


def _statistics(name: str, values: FloatArray, wanted: Sequence[str]) -> dict[str, float]:
    ranks = {statistic: float(statistic[1:]) for statistic in wanted if statistic not in {"mean", "max"}}
    found = dict.fromkeys(wanted, math.nan)
    if len(values):
        found |= dict(zip(ranks, np.percentile(values, list(ranks.values())).tolist(), strict=True)) if ranks else {}
        found |= {s: float(f(values)) for s, f in (("mean", np.mean), ("max", np.max)) if s in wanted}
    return {f"{name}_{statistic}": found[statistic] for statistic in wanted}


def _mean(values: np.ndarray[Any, Any]) -> float:
    return float(np.mean(values)) if len(values) else math.nan


def _natural(name: str) -> list[tuple[bool, int, str]]:
    return [(part.isdigit(), int(part) if part.isdigit() else 0, part) for part in re.split(r"(\d+)", name)]


def _numbers(columns: Columns, name: str) -> FloatArray:
    return cast(FloatArray, columns[name])


def _names(columns: Columns, name: str) -> Categorical:
    return cast(Categorical, columns[name])
