"""What people and programs read of a sweep: a row for each combination of values, and its rows as JSON or a file."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simedge import files
from simedge.experiment.gather import columns, named
from simedge.experiment.treatments import shown
from simedge.metrics.inference import interval
from simedge.metrics.schema import show

if TYPE_CHECKING:
    import pandas as pd

    from simedge.experiment.gather import SavedRun
    from simedge.experiment.sweep import Sweep

__all__ = ["as_json", "cells", "heading", "write_table"]

_SHOWN = {
    "throughput_ips_mean": "units/s mean",
    "latency_s_mean": "latency mean",
    "latency_s_p99": "latency p99",
    "slo_miss_ratio": "late",
    "served_ratio": "served",
}


def heading(made: Sweep) -> list[str]:
    """Say what was simulated, how often, and what the intervals mean."""
    runs = list(made.runs.values())
    if not runs:
        return ["no run ended well"]
    seeds = {run.seed for run in runs}
    horizons = sorted({float(run.facts["horizon_s"]) for run in runs})
    spans = " to ".join(dict.fromkeys(f"{horizons[at]:g}" for at in (0, -1)))
    names = ", ".join(sorted({run.scenario for run in runs}))
    kinds = " and ".join(sorted({str(run.facts.get("workload")) for run in runs}))
    there = f", {made.resumed} of them were there" if made.resumed else ""
    lines = [f"{names}, {kinds} workload, {spans} s simulated: {len(runs)} runs{there}"]
    if len(seeds) > 1:
        only = "" if "recorded" not in kinds else "; of recorded arrivals they show the policy's own chance only"
        lines.append(f"means over seeds, with 95 % intervals (Student's t){only}")
    return lines


def cells(runs: Sequence[SavedRun], typed: Mapping[str, Sequence[Any]] | None = None) -> list[list[str]]:
    """Rows of a table, the first: headers; one for each combination of values, seeds taken together.

    Parameters
    ----------
    runs : sequence of SavedRun
        The runs.
    typed : mapping of str to sequence, optional
        Columns that the runs do not know themselves, by key: a value for each run.
    """
    runs = named(runs, typed or {})
    varying = [key for key in columns(runs) if key not in (typed or {})]
    many = {name: len({getattr(run, name) for run in runs}) > 1 for name in ("scenario", "policy")}
    fixed = [name for name in ("scenario", "policy") if many[name] or name == "policy"]
    grouped: dict[tuple[str, ...], list[SavedRun]] = {}
    for at, run in enumerate(runs):
        said = [str(getattr(run, name)) for name in fixed]
        said += [str(values[at]) for values in (typed or {}).values()]
        said += [shown(key, run.config[key]) if key in run.config else "–" for key in varying]
        grouped.setdefault(tuple(said), []).append(run)
    rows = [[*fixed, *(typed or {}), *varying, "n", *_SHOWN.values()]]
    for said_of, group in grouped.items():
        numbers = [_estimate(name, [run.metrics.get(name, math.nan) for run in group]) for name in _SHOWN]
        rows.append([*said_of, str(len(group)), *numbers])
    return rows


def _estimate(metric: str, values: Sequence[float]) -> str:
    """Write a mean with half of its interval; the unit once, or not at all where the header says it."""
    made = interval(values)
    mean, half = (_bare(metric, value) for value in (made.mean, (made.high - made.low) / 2))
    if half == "–":
        return mean
    number, _, unit = mean.partition(" ")
    return f"{number} ± {half}" if unit and half.endswith(f" {unit}") else f"{mean} ± {half}"


def _bare(metric: str, value: float) -> str:
    return show(metric, value).removesuffix(" units/s")


def as_json(made: Sweep) -> str:
    """Write the rows as a list of objects; what is undefined is null."""
    rows = made.frame.to_dict(orient="records")
    return json.dumps([{str(key): _plain(item) for key, item in row.items()} for row in rows], allow_nan=False)


def _plain(item: Any) -> Any:
    item = item.item() if hasattr(item, "item") else item
    if isinstance(item, float) and not math.isfinite(item):
        return None if math.isnan(item) else str(item)
    return item


def write_table(frame: pd.DataFrame, path: Path) -> Path:
    """Write one row per run into a file that ends in ``.csv`` or ``.parquet``.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    with files.atomic_file(path) as draft:
        if path.suffix == ".parquet":
            frame.to_parquet(draft, index=False)
        else:
            frame.to_csv(draft, index=False, lineterminator="\n")
    return path
