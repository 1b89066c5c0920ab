"""What people and programs read of a comparison: tables, sentences, JSON, CSV."""

from __future__ import annotations

import csv
import io
import json
import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

from simedge.experiment.comparison import Comparison
from simedge.experiment.treatments import shown
from simedge.metrics.schema import metric_of, show
from simedge.metrics.store import plain

__all__ = ["as_csv", "as_json", "heading", "sentences", "tables"]

Row = Mapping[str, Any]


def heading(made: Comparison) -> list[str]:
    """Say what is compared with what, and what the numbers in brackets are."""
    count = sum(row["metric"] == made.rows[0]["metric"] and row["verdict"] != "baseline" for row in made.rows)
    level = f"{100 * made.level:g} %"
    adjusted = f", p adjusted for {count} comparisons per metric (Holm)" if count > 1 else ""
    within = f", within equal {', '.join(made.keys)}" if made.keys else ""
    return [
        f"by {made.by}, compared with {made.baseline}{within}",
        f"in brackets: {level} intervals of single means and differences{adjusted}",
    ]


def tables(made: Comparison) -> list[tuple[str, list[list[str]]]]:
    """One table per metric: its title, and rows of text of which the first are headers."""
    return [(f"{name} [{metric_of(name).unit}]", _table(made, name)) for name in _metrics(made)]


def _metrics(made: Comparison) -> list[str]:
    return list(dict.fromkeys(row["metric"] for row in made.rows))


def _table(made: Comparison, metric: str) -> list[list[str]]:
    windowed = any(row["warmup_s"] for row in made.rows)
    cut = ["warm-up"] if windowed else []
    headers = [*made.keys, "treatment", "n", "mean", "interval", "difference", "interval", "relative", "p"]
    rows = [[*headers, *cut, "verdict", "pairing"]]
    for row in made.rows:
        if row["metric"] != metric:
            continue
        line = [*(shown(key, row[key]) for key in made.keys), row["treatment"], _count(row), show(metric, row["mean"])]
        line += [_ends(show(metric, row["low"]), show(metric, row["high"]))]
        line += [_difference(metric, row["difference"])] if row["verdict"] != "baseline" else [""]
        line += [_ends(*(_difference(metric, row[f"difference_{end}"]) for end in ("low", "high")))]
        line += [_percent(row["relative"]), _probability(row["p_holm"])]
        line += [shown("warmup_s", row["warmup_s"])] if cut else []
        rows.append([*line, row["verdict"], row["pairing"]])
    return rows


def _count(row: Row) -> str:
    same = row["n"] == row["baseline_n"]
    return f"{row['n']}" if same else f"{row['n']} and {row['baseline_n']}"


def _ends(low: str, high: str) -> str:
    """Write an interval, and a unit that both ends have only once."""
    if "–" in {low, high}:
        return ""
    (number, _, unit), same = low.partition(" "), high.partition(" ")[2]
    return f"[{number if unit == same else low}, {high}]"


def _difference(metric: str, value: float) -> str:
    """Write a difference with its sign; of shares in points, so that nobody takes it for a relative one."""
    if metric_of(metric).unit == "1" and not metric.startswith("imbalance") and not math.isnan(value):
        return f"{100 * value:+.3g} points"
    text = show(metric, value)
    return f"+{text}" if value > 0 else text


def _percent(share: float) -> str:
    if math.isnan(share):
        return ""
    return f"{100 * share:+,.0f} %" if abs(share) >= 10 else f"{round(100 * share, 6):+.3g} %"


def _probability(p: float) -> str:
    if math.isnan(p):
        return ""
    return "< 0.0001" if p < 1e-4 else f"{p:.4f}" if p < 0.1 else f"{p:.2f}"


def sentences(made: Comparison) -> list[str]:
    """Say each difference found in a line of words, and count the comparisons that found none."""
    lines = [_sentence(made, row) for row in made.rows if row["verdict"] in {"higher", "lower"}]
    others = Counter(row["verdict"] for row in made.rows)
    counted = [
        f"{verdict}: {others[verdict]}" for verdict in ("not significant", "equal", "undecided") if others[verdict]
    ]
    return [*lines, *([", ".join(counted)] if counted else [])]


def _sentence(made: Comparison, row: Row) -> str:
    keys = [f"{key} {shown(key, row[key])}: " for key in made.keys]
    metric, pairs = row["metric"], row["pairing"] != "unpaired"
    ends = _ends(*(_difference(metric, row[f"difference_{end}"]) for end in ("low", "high")))
    what = "batches" if made.batches else "runs"
    compared = f"{row['n']} pairs" if pairs else f"{row['n']} and {row['baseline_n']} {what}"
    said = f"{metric} {_difference(metric, row['difference'])} {ends}, {compared}, {row['verdict']}"
    return f"{''.join(keys)}{row['treatment']} - {made.baseline}: {said}"


def as_json(made: Comparison) -> str:
    """Write the rows as a list of objects; null where there is nothing."""
    return json.dumps(plain(made.rows), allow_nan=False)


def as_csv(made: Comparison) -> str:
    """Write the rows as CSV; a field is empty where there is nothing."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(made.rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(plain(made.rows))
    return stream.getvalue()
