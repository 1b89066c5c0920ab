"""Every table, column and metric that a run leaves behind: the only list of them.

One row per thing, one column per fact. Units are SI; ``1`` is a pure number and an empty unit a name or a row id.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from simedge.errors import ConfigError, suggest
from simedge.units import format_quantity

__all__ = [
    "FAULT_COUNTS",
    "HEADLINES",
    "METRICS",
    "PARTS",
    "SCHEMA_VERSION",
    "TABLES",
    "Categorical",
    "Column",
    "Columns",
    "FloatArray",
    "Metric",
    "conform",
    "metric_of",
    "show",
]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.integer[Any]]

SCHEMA_VERSION = 4
"""Raised whenever a column or its meaning changes; a reader refuses what it does not know."""


class Column(NamedTuple):
    """A column of a table: its dtype, the unit of its numbers, and what it says in one line."""

    name: str
    dtype: Literal["float64", "int64", "int32", "category"]
    unit: Literal["s", "units", "bytes", "1", ""]
    about: str


class Metric(NamedTuple):
    """A number that sums up a run. A name that ends in ``.<…>`` stands for one metric per such thing."""

    name: str
    unit: Literal["s", "units", "calls", "units/s", "classifiers/s", "bytes", "J", "1"]
    about: str


class Categorical(NamedTuple):
    """A column of names: codes (n,) into `names`, -1 for none. `names` lists every possible name, used or not."""

    codes: IntArray
    names: tuple[str, ...]


Columns = Mapping[str, np.ndarray[Any, Any] | Categorical]
"""The raw columns of one table by name, all of one length."""

PARTS: dict[str, str] = {
    "queue_s": "waiting in camera queues, after a migration the other camera's too; waiting frames included",
    "camera_s": "executing on the camera, until its batch ends",
    "network_s": "waiting for an uplink and on it, on the way to the edge and in every migration",
    "edge_queue_s": "waiting in the edge queue",
    "edge_s": "executing at the edge, until its batch ends",
}
"""The parts of a latency, in the order in which a unit goes through them; they sum to ``latency_s``.

Migrations are an exception to the order: their time is in ``network_s``, which like all parts is known only once those
before it are. A unit that is on its way to another camera has no known part."""

FAULT_COUNTS: dict[str, str] = {
    "missed": "of frames that came after the warm-up and while their camera was down; they are among the lost ones",
    "retried": "whose batch or message began again after a fault, each as often as it did",
    "delayed": "that a fault held up and that went on, each as often",
    "handed_over": "that other cameras got from one that had crashed",
}
"""What faults do to units beside losing them: all but the missed ones counted in a whole run."""

TABLES: dict[str, tuple[Column, ...]] = {
    # One row per ROI of the trace, in trace order.
    "rois": (
        Column("roi", "int64", "", "row of the ROI in the trace"),
        Column("camera", "category", "", "camera that saw it"),
        Column("path", "category", "", "path through the pipeline, named after the class of object"),
        Column("arrived_s", "float64", "s", "time of its frame"),
        Column("size_bytes", "float64", "bytes", "payload when it travels"),
        Column("cut", "int32", "1", "vertices executed on the camera; -1 while not decided"),
        Column("processed_by", "category", "", "camera whose engine took it; not `camera` when it migrated"),
        Column("migrations", "int32", "1", "how often it went over to another camera"),
        *(Column(part, "float64", "s", f"time {about}; NaN while in the system") for part, about in PARTS.items()),
        Column("latency_s", "float64", "s", "from its frame to its completion; NaN while in the system"),
        Column("done_s", "float64", "s", "time of its completion; NaN while in the system, or lost"),
        Column("lost_s", "float64", "s", "time at which a fault lost it for good; NaN if none did"),
    ),
    # One row per report of the monitor and entity: the cameras in order, then "edge"; rows sorted by time.
    "reports": (
        Column("time_s", "float64", "s", "time of the report"),
        Column("entity", "category", "", "a camera, or 'edge'"),
        Column("queue_units", "int32", "units", "units queued: camera queue with waiting frames, or edge queue"),
        Column("outbound_units", "int32", "units", "units waiting for the camera's uplink; 0 for the edge"),
        Column("arrived_units", "int32", "units", "units that came in since the last report"),
        Column("processed_units", "int32", "units", "units that left the engine since the last report"),
        Column("backlog_units", "float64", "units", "queued work in whole-unit equivalents of its remaining cost"),
    ),
}


def _metrics() -> dict[str, Metric]:
    listed: list[Metric] = []

    def add(name: str, unit: Any, about: str, *statistics: str) -> None:
        words = {"mean": "mean", "max": "largest", "p50": "median", "p75": "75th percentile", "p99": "99th percentile"}
        if not statistics:
            listed.append(Metric(name, unit, about))
        listed.extend(Metric(f"{name}_{s}", unit, f"{words[s]} of {about}") for s in statistics)

    add("arrived_units", "units", "units that arrived after the warm-up and before the horizon")
    add("completed_units", "units", "units of these that were completed")
    add(
        "in_system_units",
        "units",
        "units of these in the system at the horizon, neither completed nor lost",
    )
    add("lost_units", "units", "units of these that a fault lost for good, those that a camera missed included")
    add("served_ratio", "1", "completed share of the arrived units")
    add("throughput_ips", "units/s", "units completed per 1-s bin, idle bins included", "mean", "p50", "p75", "p99")
    add("classifier_ips", "classifiers/s", "classifier executions of completed units per 1-s bin", "mean")
    add("latency_s", "s", "completion minus frame time, completed units only", "mean", "p50", "p75", "p99", "max")
    bound = "latency of the arrived units at a pooled FIFO server with the capacity of all devices"
    add("bound_latency_s", "s", bound, "mean", "p50", "p75", "p99")
    add(
        "fraction_of_bound",
        "1",
        "bound_latency_s_mean over latency_s_mean; below 1 while all is served",
    )
    for name, about in PARTS.items():
        add(name, "s", f"time a completed unit spent {about}", "mean")
    add("slo_miss_ratio", "1", "share of completed units later than slo_s")
    add("imbalance_index", "1", "max/mean - 1 of the drain times of cameras and edge", "mean", "p50", "p75", "p99")
    add("accumulated_units", "units", "units in all queues, per report", "mean", "p50", "p75", "p99", "max")
    add("migrated_units", "units", "units that went over to another camera, each as often as it did")
    add("migration_calls", "calls", "calls in which they travelled")
    for name, about in FAULT_COUNTS.items():
        add(f"{name}_units", "units", f"units {about}")
    add("utilisation.<entity>", "1", "busy share of the horizon, of one camera or GPU")
    add("utilisation.cameras", "1", "mean utilisation of the cameras")
    add("utilisation.edge", "1", "mean utilisation of the GPUs")
    add("uplink_bytes", "bytes", "bytes carried by all camera uplinks, migrations included")
    add("uplink_bytes.<camera>", "bytes", "bytes carried by one camera's uplink")
    add("energy_j.<entity>", "J", "energy of one camera or GPU over the whole run, if its profile tells power")
    add("energy_j.network", "J", "energy of the bits that the camera uplinks carried, if their profile tells it")
    add("energy_j", "J", "energy of all devices, and of the uplinks if their profile tells it")
    add("energy_j_per_unit", "J", "energy_j over the units completed in the whole run")
    return {metric.name: metric for metric in listed}


METRICS: dict[str, Metric] = _metrics()
"""Every scalar metric by name, or by the pattern ``utilisation.<entity>`` or ``uplink_bytes.<camera>``.

Those of energy are left out of a run none of whose profiles tells power."""

HEADLINES: tuple[str, ...] = (
    "throughput_ips_mean",
    "throughput_ips_p50",
    "throughput_ips_p99",
    "latency_s_mean",
    "latency_s_p50",
    "latency_s_p99",
    "slo_miss_ratio",
    "served_ratio",
    "imbalance_index_mean",
    "accumulated_units_mean",
    "utilisation.cameras",
    "utilisation.edge",
)
"""The metrics that a short table shows."""


def metric_of(name: str) -> Metric:
    """Look up the unit and meaning of a metric, patterns resolved.

    Raises
    ------
    ConfigError
        If there is no such metric; close matches are named.

    Examples
    --------
    >>> metric_of("latency_s_p99").unit, metric_of("utilisation.gpu_1").name
    ('s', 'utilisation.<entity>')
    """
    if name in METRICS:
        return METRICS[name]
    family, dot, member = name.partition(".")
    for pattern, metric in METRICS.items():
        if dot and member and pattern.startswith(f"{family}.<"):
            return metric
    raise ConfigError(f"there is no metric {name!r}", remedy=suggest(name, METRICS))


def show(name: str, value: float) -> str:
    """Write a metric's value for people, with its unit.

    Examples
    --------
    >>> show("latency_s_p99", 0.0421), show("slo_miss_ratio", 0.0071), show("completed_units", 146713.0)
    ('42.1 ms', '0.71 %', '146,713 units')
    >>> show("throughput_ips_mean", 489.04), show("imbalance_index_mean", 1.25), show("latency_s_max", float("nan"))
    ('489.0 units/s', '1.25', '–')
    """
    unit = metric_of(name).unit
    if math.isnan(value):
        return "–"
    if unit in {"s", "bytes", "J"}:
        return format_quantity(value, unit)
    if unit == "1":
        return f"{value:.3g}" if name.startswith("imbalance") else f"{100 * value:.3g} %"
    return f"{value:,.0f} {unit}" if unit in {"units", "calls"} else f"{value:,.1f} {unit}"


def conform(table: str, columns: Columns) -> dict[str, np.ndarray[Any, Any] | Categorical]:
    """Check the columns of a table against the schema, in schema order and dtype.

    Raises
    ------
    ValueError
        If a column is missing, unknown, of another length, or of another kind than listed.
    """
    listed = [column.name for column in TABLES[table]]
    if sorted(columns) != sorted(listed):
        wrong = sorted(set(columns) ^ set(listed))
        raise ValueError(f"table {table!r} lacks or should not have {', '.join(wrong)}")
    checked: dict[str, np.ndarray[Any, Any] | Categorical] = {}
    for column in TABLES[table]:
        values = columns[column.name]
        if isinstance(values, Categorical) != (column.dtype == "category"):
            raise ValueError(f"column {table}.{column.name} must be {column.dtype}")
        if isinstance(values, Categorical):
            codes = np.asarray(values.codes)
            if len(codes) and (int(codes.min()) < -1 or int(codes.max()) >= len(values.names)):
                raise ValueError(f"column {table}.{column.name} has codes without a name")
            checked[column.name] = Categorical(codes, tuple(values.names))
        else:
            checked[column.name] = np.asarray(values).astype(column.dtype, casting="same_kind", copy=False)
    lengths = {len(values.codes if isinstance(values, Categorical) else values) for values in checked.values()}
    if len(lengths) > 1:
        raise ValueError(f"the columns of table {table!r} have different lengths: {sorted(lengths)}")
    return checked
