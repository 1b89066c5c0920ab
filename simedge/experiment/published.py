"""Published values and acceptance bands, and what is said of a simulated value beside them.

The numbers stand in ``scenarios/paper/``: ``published.csv`` and ``targets.csv``.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from simedge import files
from simedge.errors import InputError
from simedge.metrics.pooled import Estimate

__all__ = [
    "CELL_VERDICTS",
    "TARGET_VERDICTS",
    "Cell",
    "Target",
    "cell_row",
    "cell_verdict",
    "cells",
    "target_row",
    "target_verdict",
    "targets",
]

CELL_VERDICTS = ("reproduced", "near", "outside", "fitted", "unpublished", "not simulated")
"""What can be said of a published cell, see :func:`cell_verdict`."""

TARGET_VERDICTS = ("met", "undecided", "missed", "not simulated")
"""What can be said of an acceptance band, see :func:`target_verdict`."""


@dataclass(frozen=True)
class Cell:
    """A cell of a published table.

    Attributes
    ----------
    item, policy, metric : str
        Which cell.
    published : float
        Its value, SI; NaN when the source has none.
    tolerance, tolerance_kind
        How far a reproduced value may be off: a share of the published one, or a difference.
    kind : str
        ``published`` (printed), ``derived`` (from printed ones), ``fitted`` (a parameter was set by it) or
        ``unpublished``.
    source, note : str
        Where it stands, and what one should know of it.
    """

    item: str
    policy: str
    metric: str
    published: float
    tolerance: float
    tolerance_kind: Literal["relative", "absolute"]
    kind: Literal["published", "derived", "fitted", "unpublished"]
    source: str
    note: str = ""

    @property
    def margin(self) -> float:
        """Tolerated difference, in the unit of the value."""
        return self.tolerance * (abs(self.published) if self.tolerance_kind == "relative" else 1.0)


@dataclass(frozen=True)
class Target:
    """A band in which a simulated value is accepted; `strict` leaves out its ends, an open side is infinite."""

    id: str
    item: str
    policy: str
    metric: str
    low: float
    high: float
    strict: bool
    source: str


def cell_verdict(cell: Cell | None, simulated: Estimate) -> str:
    """Say how a simulated value stands to a published one.

    Returns
    -------
    str
        *unpublished* without a published number; else *not simulated* without a simulated one; else *fitted* when the
        cell was used to calibrate; else *reproduced* when the published value lies in the simulated interval or the
        simulated value within the tolerance, *near* within twice the tolerance, and *outside*.

    Examples
    --------
    >>> cell = Cell("table-1.2", "videoedge_l", "throughput_gain_p50", 2.2, 0.1, "relative", "published", "Table 1.2")
    >>> [cell_verdict(cell, Estimate(v, v - 0.1, v + 0.1)) for v in (2.4, 2.6, 2.7)]
    ['reproduced', 'near', 'outside']
    """
    if cell is None or math.isnan(cell.published):
        return "unpublished"
    if math.isnan(simulated.value):
        return "not simulated"
    if cell.kind == "fitted":
        return "fitted"
    off = abs(simulated.value - cell.published)
    margin = cell.margin * (1 + 1e-9)  # 0.7 % + 6 % is within 6 % of 0.7 %, however it is rounded
    if simulated.low <= cell.published <= simulated.high or off <= margin:
        return "reproduced"
    return "near" if off <= 2 * margin else "outside"


def target_verdict(target: Target, simulated: Estimate) -> str:
    """Say how a simulated value stands to a band.

    Returns
    -------
    str
        *not simulated* without a value, *met* when it lies in the band, *undecided* when only its interval touches
        the band, *missed*.

    Examples
    --------
    >>> band = Target("A5", "table-1.2", "distream", "latency_s_mean", -math.inf, 0.55, False, "assumed")
    >>> [target_verdict(band, Estimate(v, v - 0.1, v + 0.1)) for v in (0.55, 0.6, 0.7)]
    ['met', 'undecided', 'missed']
    """
    if math.isnan(simulated.value):
        return "not simulated"

    def inside(low: float, high: float) -> bool:
        if target.strict:
            return low < target.high and high > target.low
        return low <= target.high and high >= target.low

    if inside(simulated.value, simulated.value):
        return "met"
    return "undecided" if inside(simulated.low, simulated.high) else "missed"


def cells(item: str) -> list[Cell]:
    """Read the cells of a published table, in the order of the file."""
    return [
        Cell(
            row["item"],
            row["policy"],
            row["metric"],
            _number(row["published"], math.nan),
            float(row["tolerance"]),
            cast(Literal["relative", "absolute"], row["tolerance_kind"]),
            cast(Literal["published", "derived", "fitted", "unpublished"], row["kind"]),
            row["source"],
            row["note"],
        )
        for row in _rows("published.csv")
        if row["item"] == item
    ]


def targets(item: str) -> list[Target]:
    """Read the acceptance bands that belong to a published table, in the order of the file."""
    return [
        Target(
            row["id"],
            row["item"],
            row["policy"],
            row["metric"],
            _number(row["low"], -math.inf),
            _number(row["high"], math.inf),
            row["strict"] == "yes",
            row["source"],
        )
        for row in _rows("targets.csv")
        if row["item"] == item
    ]


def folder() -> Path:
    """Where the published numbers stand.

    Raises
    ------
    InputError
        If this installation lacks them.
    """
    found = files.bundled("scenarios") / "paper"
    if not found.is_dir():
        raise InputError("this installation lacks its folder 'scenarios/paper'", remedy="install simedge again")
    return found


def _rows(name: str) -> Iterator[dict[str, str]]:
    with (folder() / name).open(encoding="utf-8", newline="") as stream:
        yield from csv.DictReader(stream)


def _number(said: str, otherwise: float) -> float:
    return float(said) if said else otherwise


_NOTHING = Estimate(math.nan, math.nan, math.nan)


def cell_row(
    table: str, cell: Cell | None, policy: str, metric: str, found: Mapping[tuple[str, str], Estimate]
) -> dict[str, Any]:
    """Put a cell of a table, published or not, beside what was simulated; None where there is nothing."""
    simulated = found.get((policy, metric), _NOTHING)
    beside = (cell.tolerance, cell.tolerance_kind, cell.kind, cell.source, cell.note) if cell else (None,) * 5
    return _row(
        (table, policy, metric, table),
        cell.published if cell else math.nan,
        simulated,
        cell_verdict(cell, simulated),
        (math.nan, math.nan, None),
        beside,
    )


def target_row(target: Target, found: Mapping[tuple[str, str], Estimate]) -> dict[str, Any]:
    """Put an acceptance band beside what was simulated; None where there is nothing."""
    simulated = found.get((target.policy, target.metric), _NOTHING)
    return _row(
        (target.id, target.policy, target.metric, target.item),
        math.nan,
        simulated,
        target_verdict(target, simulated),
        (target.low, target.high, target.strict),
        (None, None, "target", target.source, None),
    )


def _row(
    names: tuple[str, str, str, str],
    published: float,
    simulated: Estimate,
    verdict: str,
    band: tuple[float, float, bool | None],
    beside: tuple[Any, ...],
) -> dict[str, Any]:
    item, policy, metric, table = names
    tolerance, tolerance_kind, kind, source, note = beside

    def finite(value: float) -> float | None:
        return value if math.isfinite(value) else None

    return {
        "item": item,
        "policy": policy,
        "metric": metric,
        "published": finite(published),
        "simulated": finite(simulated.value),
        "low": finite(simulated.low),
        "high": finite(simulated.high),
        "verdict": verdict,
        "table": table,
        "band_low": finite(band[0]),
        "band_high": finite(band[1]),
        "strict": band[2],
        "tolerance": tolerance,
        "tolerance_kind": tolerance_kind,
        "kind": kind,
        "source": source,
        "note": note or None,
    }
