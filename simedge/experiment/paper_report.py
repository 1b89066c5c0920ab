"""What people and programs read of a reproduced table: rows of text, JSON, CSV, a figure."""

from __future__ import annotations

import csv
import io
import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simedge import files
from simedge.experiment.published import CELL_VERDICTS, TARGET_VERDICTS
from simedge.experiment.report import safe
from simedge.units import format_quantity

if TYPE_CHECKING:
    from simedge.experiment.paper import Reproduction

__all__ = ["as_csv", "as_json", "conclusion", "heading", "save", "tables"]

Rows = list[list[str]]

_CAVEAT = (
    "device speeds, arrivals and class mix were fitted with Tables 1.2-1.4 in view: agreement is selection as well as "
    "prediction (docs/hardware.md)"
)


def heading(made: Reproduction) -> list[str]:
    """Say what was simulated, and what of it is not the table's own."""
    facts = made.facts
    seeds = "seed 0" if made.clips == 1 else f"seeds 0-{made.clips - 1}"
    lines = [
        made.item.title,
        f"scenario {facts['scenario']}, {made.clips} clip{'s' * (made.clips > 1)} of {facts['span_s']:g} s ({seeds}), "
        f"offered {facts['offered_ips']:,.1f} units/s, fingerprint {facts['fingerprint']}",
    ]
    if made.clips == 1:
        lines.append("one clip gives no intervals")
    else:
        lines.append(f"in brackets: 95 % interval, {facts['resamples']:,} resamples of whole clips, paired for gains")
    if made.overrides:
        lines.append(f"overrides in force: {', '.join(made.overrides)}; published values are those without them")
    if facts["missing"]:
        lines.append(f"not simulated, unknown here: {', '.join(facts['missing'])}")
    return lines


def tables(made: Reproduction) -> list[tuple[str, Rows]]:
    """Titles and rows (the first: headers): published cells, acceptance bands, and everything else in short."""
    cells = [row for row in made.rows if row["kind"] not in {None, "target"}]
    bands = [row for row in made.rows if row["kind"] == "target"]
    published: Rows = [["policy", "metric", "published", "tolerance", "simulated", "interval", "verdict"]]
    last = None
    for row in cells:
        name = row["policy"] if row["policy"] != last else ""
        last = row["policy"]
        published.append([name, row["metric"], _shown(row, "published"), _tolerance(row), *_simulated(row)])
    accepted: Rows = [["band", "policy", "metric", "from - to", "simulated", "interval", "verdict"]]
    for row in bands:
        accepted.append([row["item"], row["policy"], row["metric"], _band(row), *_simulated(row)])
    found = [("published", published)] if cells else []
    found += [("acceptance bands", accepted)] if bands else []
    return [*found, ("simulated", _absolute(made))]


def conclusion(made: Reproduction) -> list[str]:
    """Count the verdicts, and name every cell that is outside and every band that is not met."""
    cells = [row for row in made.rows if row["kind"] not in {None, "target"}]
    bands = [row for row in made.rows if row["kind"] == "target"]
    lines = []
    if cells:
        lines.append(f"published cells: {_counts(cells, CELL_VERDICTS)}")
    if bands:
        lines.append(f"acceptance bands: {_counts(bands, TARGET_VERDICTS)}")
    for row in cells:
        if row["verdict"] == "outside":
            note = f"; {row['note']}" if row["note"] else ""
            lines.append(
                f"outside: {row['policy']} {row['metric']} {_shown(row, 'simulated')}, "
                f"published {_shown(row, 'published')}{note}"
            )
    for verdict in ("missed", "undecided"):
        for row in bands:
            if row["verdict"] == verdict:
                name = f"{row['item']} {row['policy']} {row['metric']}"
                lines.append(f"{verdict}: {name} {_shown(row, 'simulated')}, band {_band(row)}")
    return [*lines, f"note: {_CAVEAT}"]


def as_json(made: Reproduction) -> str:
    """Write one object: ``rows`` as :class:`~simedge.experiment.paper.Reproduction` has them, and what they are of."""
    said = {
        "item": made.item.name,
        "title": made.item.title,
        "clips": made.clips,
        "seeds": list(range(made.clips)),
        "overrides": list(made.overrides),
        **made.facts,
        "rows": made.rows,
    }
    return json.dumps(said, allow_nan=False)


def as_csv(made: Reproduction) -> str:
    """Write the rows as CSV; a field is empty where there is nothing."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(made.rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(made.rows)
    return stream.getvalue()


def save(made: Reproduction, folder: Path) -> list[Path]:
    """Write JSON, CSV and the figure; all is ready before the first of them is written.

    Raises
    ------
    OutputError
        If they cannot be written.
    """
    contents = {".json": f"{as_json(made)}\n".encode(), ".csv": as_csv(made).encode(), ".png": _figure(made)}
    written = []
    for suffix, content in contents.items():
        path = folder / f"{safe(made.item.name)}{suffix}"
        with files.atomic_file(path) as draft:
            draft.write_bytes(content)
        written.append(path)
    return written


def _figure(made: Reproduction) -> bytes:
    from simedge.metrics.plots_paper import published_beside_simulated

    stream = io.BytesIO()
    published_beside_simulated(made.rows, f"{made.item.title}; {made.clips} clips").savefig(stream, format="png")
    return stream.getvalue()


def _absolute(made: Reproduction) -> Rows:
    value = {(row["policy"], row["metric"]): row for row in made.rows if row["kind"] != "target"}
    columns = {
        **{f"units/s {s}": f"throughput_ips_{s}" for s in ("mean", "p50", "p75", "p99")},
        **{f"latency {s}": f"latency_s_{s}" for s in ("mean", "p50", "p75", "p99")},
        "late": "slo_miss_ratio",
        "served": "served_ratio",
        "bound/mean": "fraction_of_bound",
    }
    rows: Rows = [["policy", *columns]]
    for policy in made.facts["policies"]:
        rows.append([policy, *(_shown(value[policy, metric], "simulated") for metric in columns.values())])
    return rows


def _counts(rows: Iterable[Mapping[str, Any]], verdicts: Sequence[str]) -> str:
    count = Counter(str(row["verdict"]) for row in rows)
    return ", ".join(f"{count[verdict]} {verdict}" for verdict in verdicts if count[verdict])


def _simulated(row: Mapping[str, Any]) -> tuple[str, str, str]:
    interval = "" if row["low"] is None else f"[{_shown(row, 'low')}, {_shown(row, 'high')}]"
    return _shown(row, "simulated"), interval, str(row["verdict"])


def _band(row: Mapping[str, Any]) -> str:
    low, high = row["band_low"], row["band_high"]
    if high is None:
        return f"{'>' if row['strict'] else '≥'} {_shown(row, 'band_low')}"
    return f"≤ {_shown(row, 'band_high')}" if low is None else f"{_shown(row, 'band_low')} - {_shown(row, 'band_high')}"


def _tolerance(row: Mapping[str, Any]) -> str:
    if row["published"] is None:
        return ""
    return f"{100 * row['tolerance']:g} %" if row["tolerance_kind"] == "relative" else f"{row['tolerance']:g}"


def _shown(row: Mapping[str, Any], key: str) -> str:
    value, metric = row[key], str(row["metric"])
    if value is None or math.isnan(value):
        return "–"
    if "_gain_" in metric:
        return f"{value:.2f}×" if value < 10 else f"{value:.1f}×" if value < 1000 else f"{value:,.0f}×"
    if metric.startswith("throughput_ips"):
        return f"{value:,.1f}"
    if "latency_s" in metric:
        return format_quantity(value, "s")
    return f"{100 * value:.2f} %" if metric in {"slo_miss_ratio", "served_ratio"} else f"{value:.3f}"
