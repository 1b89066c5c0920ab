"""Files that say how fast a link is over time, read into a Schedule in bit/s (formats: ``traces/README.md``)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np

from simedge import files
from simedge.errors import OutputError, TraceError
from simedge.traces.bandwidth_readers import (
    COLUMNS,
    PER_SECOND,
    filled_lines,
    read_cooked,
    read_csv,
    read_mahimahi,
    read_per_second,
)
from simedge.traces.lines import decimal, short
from simedge.traces.schedule import Schedule

__all__ = [
    "FOLDER",
    "KINDS",
    "describe",
    "find",
    "guess",
    "in_steps",
    "read",
    "read_cooked",
    "read_csv",
    "read_mahimahi",
    "read_per_second",
    "write",
]

FOLDER = "traces/bandwidth"

_STEPS_MAX = 1_000_000

KINDS: Mapping[str, tuple[Callable[[Path], Schedule], tuple[str, ...]]] = MappingProxyType(
    {
        "csv": (read_csv, (".csv",)),
        "mahimahi": (read_mahimahi, ()),
        "cooked": (read_cooked, ()),
        "per_second": (read_per_second, ()),
    }
)
"""Reader of each kind of file, and how its names end; () is anyhow."""


def guess(path: Path) -> str:
    """Tell the kind of a bandwidth file by its first line; the kinds cannot be taken for one another there.

    Raises
    ------
    TraceError
        If the file cannot be read or its first line is that of no kind.
    """
    for where, line in filled_lines(path):
        if line.startswith("#"):
            continue
        fields = [field.strip() for field in line.split(",")]
        if fields[0] in (COLUMNS[0], PER_SECOND[0]):
            return "csv" if fields[0] == COLUMNS[0] else "per_second"
        if line.isascii() and line.isdigit():
            return "mahimahi"
        if [decimal(field) is None for field in line.split()] == [False, False]:
            return "cooked"
        remedy = f"say it: --kind {' or '.join(KINDS)}"
        raise TraceError(f"{short(line)} does not tell the kind of file", where, remedy)
    raise TraceError("is empty", str(path), "see traces/README.md for the formats")


def read(path: Path, kind: str | None = None) -> Schedule:
    """Read a bandwidth file of a kind of `KINDS`; without one its first line tells.

    Raises
    ------
    TraceError
        If the file cannot be read or breaks a rule of its format; the first bad line is named.
    """
    return KINDS[guess(path) if kind is None else kind][0](path)


def find(name: str, config_dir: Path | None = None) -> Path:
    """Path of a bandwidth file given by its path, or by the name of one in a folder ``traces/bandwidth``.

    Raises
    ------
    TraceError
        If there is none.
    """
    try:
        if Path(name).is_file():
            return Path(name)
        if Path(name).exists():
            what = "is a folder" if Path(name).is_dir() else "is no regular file"
            raise TraceError(what, where=name, remedy="give the path of a file")
    except (OSError, ValueError) as problem:  # too long a name, or one with a NUL
        if isinstance(problem, TraceError):
            raise
    suffix = Path(name).suffix
    if suffix and suffix not in KINDS["csv"][1]:  # only csv files are found without their ending
        own = [folder / name for folder in (config_dir / FOLDER, config_dir)] if config_dir is not None else []
        for path in own:
            if path.is_file():
                return path
        raise TraceError(
            "no such file", where=name, remedy="give its path; `simedge list bandwidth` names the bundled ones"
        )
    return files.find(name, FOLDER, KINDS["csv"][1], error=TraceError, config_dir=config_dir)


def write(schedule: Schedule, path: Path, about: Sequence[str] = ()) -> None:
    """Write a schedule in bit/s as `read_csv` reads it, whole or not at all; numbers are exact.

    Parameters
    ----------
    schedule : Schedule
        Rates in bit/s, bursts in bits.
    path : Path
        Where to; ends in ``.csv``.
    about : sequence of str
        Comments, one a line, before the header.

    Raises
    ------
    OutputError
        If the name ends otherwise or the place cannot be written to.
    """
    if path.suffix != ".csv":
        raise OutputError("not a format of bandwidth files", str(path), "end the name in .csv")
    bursts = schedule.bursts
    columns = [schedule.times_s.tolist(), schedule.rates.tolist()]
    lines = [f"# {' '.join(line.split())}" for line in about]
    if math.isfinite(schedule.period_s):
        lines.append(f"# period_s={schedule.period_s!r}")
    if bursts is not None:
        columns.append([float(bursts[0]) - schedule.skipped, *bursts[1:].tolist()])
    lines.append(",".join(COLUMNS[: len(columns)]))
    lines += [",".join(map(repr, row)) for row in zip(*columns, strict=True)]
    if schedule.skipped:
        lines.append(",".join(map(repr, (schedule.period_s, columns[1][0], schedule.skipped))))
    with files.atomic_file(path) as draft:
        draft.write_text("\n".join(lines) + "\n", encoding="utf-8")


def in_steps(schedule: Schedule, step_s: float) -> Schedule:
    """Spread bursts over steps of about `step_s` of which the period is a whole number; without bursts change nothing.

    Raises
    ------
    ValueError
        If there would be more than a million steps.
    """
    if schedule.bursts is None:
        return schedule
    repeats = math.isfinite(schedule.period_s)
    steps = (schedule.period_s if repeats else float(schedule.times_s[-1])) / step_s
    if steps > _STEPS_MAX:
        raise ValueError(f"{steps:.3g} steps of {step_s:g} s are more than {_STEPS_MAX}")
    if repeats:
        step_s = schedule.period_s / max(1, round(schedule.period_s / step_s))
    return schedule.spread(step_s)


def describe(schedule: Schedule) -> dict[str, float]:
    """Describe the rates of a schedule without bursts.

    Returns
    -------
    dict of str to float
        ``duration_s``: its period, or the time of the last change. ``changes``: how often the rate changes in it.
        ``mean_bps``, ``lowest_bps``, ``highest_bps``, ``outage_share``: over that time, weighted by it; of a rate that
        never changes, that rate.
    """
    ends_s = np.append(schedule.times_s[1:], schedule.period_s)
    held = len(schedule.rates) == 1 and math.isinf(schedule.period_s)
    last = None if held or math.isfinite(schedule.period_s) else -1
    rates = schedule.rates[:last]
    spans_s = np.ones(1) if held else (ends_s - schedule.times_s)[:last]
    changes = np.diff(schedule.rates).astype(bool).sum()
    return {
        "duration_s": 0.0 if held else float(spans_s.sum()),
        "changes": float(changes),
        "mean_bps": float(rates @ spans_s / spans_s.sum()),
        "lowest_bps": float(rates.min()),
        "highest_bps": float(rates.max()),
        "outage_share": float(spans_s[rates == 0.0].sum() / spans_s.sum()),
    }
