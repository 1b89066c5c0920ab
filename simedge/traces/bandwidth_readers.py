"""Readers of files that say how fast a link is over time; see :mod:`simedge.traces.bandwidth`."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from simedge.errors import TraceError
from simedge.traces.lines import TIME_MAX_S, check_readable, decimal, lines, short
from simedge.traces.schedule import Schedule

__all__ = [
    "COLUMNS",
    "PACKET_BITS",
    "PER_SECOND",
    "ROWS_MAX",
    "filled_lines",
    "read_cooked",
    "read_csv",
    "read_mahimahi",
    "read_per_second",
]

COLUMNS = ("time_s", "rate_bps", "burst_bits")
PER_SECOND = ("timeInSeconds", "BytesPerSecond")
PACKET_BITS = 12_000
ROWS_MAX = 10_000_000

_SIZE_MAX = 1e15
_PERIOD = re.compile(r"#\s*period_s\b\s*(.*)")


def read_csv(path: Path, rows_max: int = ROWS_MAX) -> Schedule:
    """Read our own format: steps, and optionally amounts that come at once.

    Parameters
    ----------
    path : Path
        The file: ``time_s,rate_bps`` or ``time_s,rate_bps,burst_bits``, the first time 0. The last rate holds for ever,
        unless a comment ``# period_s=…`` before the header says after which time everything repeats.
    rows_max : int
        Largest number of rows.

    Returns
    -------
    Schedule
        Rates in bit/s, bursts in bits.

    Raises
    ------
    TraceError
        If the file cannot be read or breaks a rule; the first bad line is named.
    """
    rows: list[list[float]] = []
    columns: tuple[str, ...] = ()
    period_s = math.inf
    for where, line in filled_lines(path):
        if not columns and line.startswith("#"):
            period_s = _period_s(line, where, period_s)
        elif not columns:
            columns = _columns(line, where)
        else:
            row = _values(line.split(","), columns, where)
            time_s = row[0]
            if not rows and time_s != 0.0:
                raise TraceError(f"time_s: {time_s!r} is not 0", where, "begin with the rate at time 0")
            if rows and time_s <= rows[-1][0]:
                raise TraceError(f"time_s: {time_s!r} does not come after {rows[-1][0]!r}", where, "sort the rows")
            if time_s >= TIME_MAX_S:
                raise TraceError(f"time_s: {time_s!r} is beyond {TIME_MAX_S:g} s", where, "count seconds from 0")
            at_end = time_s == period_s and len(columns) > 2 and row[1] == rows[0][1]
            if time_s >= period_s and not at_end:
                what = f"time_s: {time_s!r} lies behind the period of {period_s!r} s"
                raise TraceError(what, where, "only a burst may come at its very end, with the rate of time 0")
            for column, value in zip(columns[1:], row[1:], strict=True):
                _check_size(value, column, where)
            _check_room(len(rows), rows_max, where)
            rows.append(row)
    if not columns:
        raise TraceError("is empty", str(path), f"begin with the line {','.join(COLUMNS[:2])}")
    if not rows:
        raise TraceError("has no rows", str(path), "give at least the rate at time 0")
    table = np.array(rows)
    bursts, skipped = table[:, 2].copy() if len(columns) > 2 else None, 0.0
    if bursts is not None and table[-1, 0] == period_s:
        skipped, table, bursts = float(bursts[-1]), table[:-1], bursts[:-1]
        bursts[0] += skipped
    return Schedule(table[:, 0], table[:, 1], bursts, period_s, skipped)


def read_mahimahi(path: Path, rows_max: int = ROWS_MAX) -> Schedule:
    """Read a packet delivery trace: each line the millisecond of one opportunity to deliver 1500 bytes.

    Parameters
    ----------
    path : Path
        The file: whole milliseconds in ascending order; one that stands n times lets n packets through.
    rows_max : int
        Largest number of opportunities.

    Returns
    -------
    Schedule
        Bursts of 12 000 bits each, which repeat after the last millisecond.

    Raises
    ------
    TraceError
        If the file cannot be read or breaks a rule; the first bad line is named.

    Notes
    -----
    As in ``LinkQueue`` of mahimahi (Netravali et al., *Mahimahi: Accurate Record-and-Replay for HTTP*, USENIX ATC
    2015): repetition k begins k times the last timestamp late, and what stands at the last timestamp is the end of a
    repetition. A packet may there have 1504 bytes, four of which are the tunnel's own header.
    """
    packets: dict[int, int] = {}
    last_ms = count = 0
    for where, line in filled_lines(path, blank="mahimahi allows no blank line; remove it"):
        if not (line.isascii() and line.isdigit()):
            raise TraceError(f"{short(line)} is no whole millisecond", where, "write one number such as 15 per line")
        if len(line) > 15 or int(line) >= TIME_MAX_S * 1000:
            raise TraceError(f"{short(line)} ms is beyond {TIME_MAX_S:g} s", where, "count milliseconds from 0")
        now_ms = int(line)
        if now_ms < last_ms:
            raise TraceError(f"{now_ms} ms comes after {last_ms} ms", where, "sort the lines")
        _check_room(count, rows_max, where)
        packets[now_ms] = packets.get(now_ms, 0) + 1
        last_ms, count = now_ms, count + 1
    if not packets:
        raise TraceError("is empty", str(path), "write the millisecond of each delivery opportunity, one per line")
    if last_ms == 0:
        raise TraceError("lasts 0 ms", str(path), "the last line says after how many milliseconds all repeats")
    at_end = packets.pop(last_ms)
    bursts = {0: 0, **packets}
    bursts[0] += at_end
    times_s, packet_count = np.array(list(bursts)) / 1000, np.array(list(bursts.values()), dtype=np.float64)
    skipped = float(PACKET_BITS * at_end)
    return Schedule(times_s, np.zeros(len(times_s)), PACKET_BITS * packet_count, last_ms / 1000, skipped)


def read_cooked(path: Path, rows_max: int = ROWS_MAX) -> Schedule:
    """Read a trace in the layout of Pensieve's ``cooked_traces``: time in s and Mbit/s, apart by blanks.

    Parameters
    ----------
    path : Path
        The file. The value of a line holds from the time of the line before it up to its own. Time is counted from
        that of the first line, whose value is therefore not used.
    rows_max : int
        Largest number of rows.

    Returns
    -------
    Schedule
        Rates in bit/s, which repeat after the last time.

    Raises
    ------
    TraceError
        If the file cannot be read or breaks a rule; the first bad line is named.

    Notes
    -----
    So reads ``fixed_env.py`` of Pensieve (Mao et al., *Neural Adaptive Video Streaming with Pensieve*, SIGCOMM 2017)
    a trace that begins at 0. It loops back to time 0, not to the first line's, which makes no difference there.
    """
    rows: list[list[float]] = []
    for where, line in filled_lines(path):
        row = _values(line.split(), ("time", "Mbit/s"), where)
        if row[0] < 0.0:
            raise TraceError(f"time: {row[0]!r} is not >= 0", where, "count seconds from the beginning of the trace")
        if rows and row[0] <= rows[-1][0]:
            raise TraceError(f"time: {row[0]!r} does not come after {rows[-1][0]!r}", where, "sort the lines")
        if rows and row[0] - rows[0][0] >= TIME_MAX_S:
            raise TraceError(f"time: {row[0]!r} is beyond {TIME_MAX_S:g} s", where, "write times in seconds")
        _check_size(row[1] * 1e6, "Mbit/s", where)
        _check_room(len(rows), rows_max, where)
        rows.append(row)
    if len(rows) < 2:
        what = "has one line" if rows else "is empty"
        raise TraceError(what, str(path), "a value holds between two lines: write at least two")
    table = np.array(rows)
    times = table[:, 0] - table[0, 0]
    return Schedule(times[:-1], table[1:, 1] * 1e6, None, float(times[-1]))


def read_per_second(path: Path, rows_max: int = ROWS_MAX) -> Schedule:
    """Read a log of what was received in each second: ``timeInSeconds,BytesPerSecond``.

    Parameters
    ----------
    path : Path
        The file: one row for every second; 0 bytes are an outage. The header may be absent. Time is counted from the
        first second.
    rows_max : int
        Largest number of rows.

    Returns
    -------
    Schedule
        Rates in bit/s, which repeat after the last second.

    Raises
    ------
    TraceError
        If the file cannot be read or breaks a rule; the first bad line is named.
    """
    rates: list[float] = []
    last_s, begun = 0.0, False
    for where, line in filled_lines(path):
        fields = line.split(",")
        if not begun:
            begun = True
            if decimal(fields[0]) is None:
                if tuple(field.strip() for field in fields) != PER_SECOND:
                    raise TraceError(f"{short(line)} is no header", where, f"write {','.join(PER_SECOND)}")
                continue
        time_s, received = _values(fields, PER_SECOND, where)
        if time_s < 0 or not time_s.is_integer() or time_s >= 2**53:
            raise TraceError(f"timeInSeconds: {short(fields[0])} is no whole second >= 0", where, "count seconds")
        if rates and time_s != last_s + 1:
            remedy = "write a row for every second, with 0 for an outage"
            raise TraceError(f"timeInSeconds: {time_s:.0f} does not follow {last_s:.0f}", where, remedy)
        _check_size(received * 8, "BytesPerSecond", where)
        _check_room(len(rates), rows_max, where)
        rates.append(received * 8)
        last_s = time_s
    if not rates:
        raise TraceError("has no rows", str(path), f"write {','.join(PER_SECOND)} and a row for every second")
    return Schedule(np.arange(len(rates), dtype=np.float64), np.array(rates), None, float(len(rates)))


def filled_lines(path: Path, blank: str = "") -> Iterator[tuple[str, str]]:
    """Lines that are not blank, without blanks around them, and where they stand."""
    check_readable(path, "`simedge list bandwidth` names the bundled ones")
    for count, line in lines(path, "row", empty=True):
        where = f"{path}:{count}"
        if blank:
            if not line.strip():
                raise TraceError("is blank", where, blank)
            yield where, line
        elif line.strip():
            yield where, line.strip()


def _period_s(line: str, where: str, known_s: float) -> float:
    said = _PERIOD.match(line)
    if said is None:
        return known_s
    value = decimal(said[1].removeprefix("=")) if said[1].startswith("=") else None
    if value is None or not 0.0 < value < TIME_MAX_S:
        raise TraceError(f"{short(line)} gives no period", where, "write a time > 0, such as # period_s=300")
    if math.isfinite(known_s):
        raise TraceError("period_s stands twice", where, "remove one of them")
    return value


def _columns(line: str, where: str) -> tuple[str, ...]:
    found = tuple(field.strip() for field in line.split(","))
    if found not in (COLUMNS, COLUMNS[:2]):
        raise TraceError(f"{short(line)} is no header", where, f"write {','.join(COLUMNS[:2])}[,{COLUMNS[2]}]")
    return found


def _values(fields: Sequence[str], columns: Sequence[str], where: str) -> list[float]:
    if len(fields) != len(columns):
        raise TraceError(f"{len(fields)} values, not {len(columns)}", where, f"a row has {' and '.join(columns)}")
    values = []
    for column, field in zip(columns, fields, strict=True):
        value = decimal(field)
        if value is None:
            raise TraceError(f"{column}: {short(field)} is not a number", where, "write one such as 0.5")
        if not math.isfinite(value):
            raise TraceError(f"{column}: {short(field)} is not finite", where, "write a finite number")
        values.append(value)
    return values


def _check_size(value: float, column: str, where: str) -> None:
    if not 0.0 <= value < _SIZE_MAX:
        raise TraceError(f"{column}: not in [0, {_SIZE_MAX:g}) in bits", where, "0 is an outage")


def _check_room(count: int, rows_max: int, where: str) -> None:
    if count >= rows_max:
        raise TraceError(f"has more than {rows_max} rows", where, "cut the trace")
