"""Reading trace files that nobody has to trust: fast when they are right, precise about the first row that is not."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from simedge.errors import TraceError, suggest
from simedge.traces.lines import TIME_MAX_S, check_readable, decimal, lines, short, split

__all__ = [
    "COLUMNS",
    "ROWS_MAX",
    "SUFFIXES",
    "UNITS",
    "VERSION",
    "first_fault",
    "name_fault",
    "natural",
    "read_columns",
]

COLUMNS = ("arrived_s", "camera", "path", "size_bytes")
UNITS = {"arrived_s": "s", "camera": "", "path": "", "size_bytes": "bytes"}
VERSION = "1"
SUFFIXES = (".csv", ".parquet")
ROWS_MAX = 50_000_000

_NAME_LENGTH_MAX = 200
_BYTES_PER_CELL_MAX = 64
_NAMES_MAX = 2**15 - 1

_Fault = tuple[str, str]


class _Read(NamedTuple):
    arrived_s: npt.NDArray[np.float64]
    size_bytes: npt.NDArray[np.float64]
    camera: npt.NDArray[np.int32]
    path: npt.NDArray[np.int32]
    cameras: tuple[str, ...]
    paths: tuple[str, ...]


def natural(name: str) -> tuple[list[str | int], str]:
    """Sort key that puts ``camera_2`` before ``camera_10``.

    Examples
    --------
    >>> sorted(["camera_10", "camera_2", "gate"], key=natural)
    ['camera_2', 'camera_10', 'gate']
    """
    parts = re.split(r"([0-9]+)", name)
    return [int(part) if place % 2 else part for place, part in enumerate(parts)], name


def name_fault(name: str) -> str:
    """Say what is wrong with the name of a camera or a path, or return an empty text."""
    if not name.strip():
        return "a name is empty"
    if len(name) > _NAME_LENGTH_MAX:
        return f"a name has more than {_NAME_LENGTH_MAX} characters"
    if not name.isprintable() or name != name.strip():
        return f"the name {name!r} has blanks around it or unprintable characters"
    return ""


def first_fault(
    arrived_s: npt.NDArray[np.float64], size_bytes: npt.NDArray[np.float64], named: npt.NDArray[np.bool_] | None = None
) -> int | None:
    """Find the first row, from 0, whose time, order, size or names (``named``: allowed or not) break the format."""
    good = np.isfinite(size_bytes) & (size_bytes >= 0) & (arrived_s >= 0) & (arrived_s < TIME_MAX_S)
    good[1:] &= arrived_s[1:] >= arrived_s[:-1]
    if named is not None:
        good &= named
    return None if good.all() else int(np.argmin(good))


def read_columns(path: Path, cameras: Sequence[str] | None, paths: Sequence[str] | None, rows_max: int) -> _Read:
    """Read the columns of a trace file; parameters and errors are those of ``RoiTrace.read``."""
    if path.suffix not in SUFFIXES:
        raise TraceError("not a trace file by its name", str(path), f"a trace ends in {' or '.join(SUFFIXES)}")
    check_readable(path, "`simedge list traces` names the bundled ones")
    load = _load_csv if path.suffix == ".csv" else _load_parquet
    return load(path, cameras, paths, rows_max)


def _load_csv(path: Path, cameras: Sequence[str] | None, paths: Sequence[str] | None, rows_max: int) -> _Read:
    import pyarrow as pa

    try:
        table = _parse_csv(path, rows_max)
        read, row = _checked(table, cameras, paths)
    except (pa.ArrowException, OSError, ValueError, MemoryError) as problem:
        if isinstance(problem, TraceError):
            raise
        _scan_csv(path, cameras, paths)
        raise TraceError(f"not a readable CSV file: {_said(problem)}", str(path), "write it again") from None
    if row is not None or not len(read.arrived_s):
        _scan_csv(path, cameras, paths)
        raise TraceError("breaks the format of a trace", str(path), "see traces/README.md")  # pragma: no cover
    return read


def _parse_csv(path: Path, rows_max: int) -> Any:
    import pyarrow as pa
    import pyarrow.csv as pc

    name = pa.dictionary(pa.int32(), pa.string())
    convert = pc.ConvertOptions(
        column_types=dict(zip(COLUMNS, (pa.float64(), name, name, pa.float64()), strict=True)),
        null_values=[],
        strings_can_be_null=False,
    )
    batches, rows = [], 0
    options = pc.ReadOptions(use_threads=False)
    with pa.OSFile(str(path)) as source, pc.open_csv(source, read_options=options, convert_options=convert) as reader:
        if sorted(reader.schema.names) != sorted(COLUMNS):
            raise ValueError("other columns")
        for batch in reader:
            batches.append(batch)
            rows += batch.num_rows
            if rows > rows_max:
                raise _too_long(path, rows_max)
    return pa.Table.from_batches(batches, reader.schema).unify_dictionaries()


def _load_parquet(path: Path, cameras: Sequence[str] | None, paths: Sequence[str] | None, rows_max: int) -> _Read:
    import pyarrow as pa
    import pyarrow.parquet as pq

    where = str(path)
    try:
        with pa.OSFile(where) as source:
            file = pq.ParquetFile(source)
            schema, about = file.schema_arrow, file.metadata
            _check_columns(schema.names, where)
            _check_types(schema, where)
            version = (schema.metadata or {}).get(b"simedge.schema_version", VERSION.encode())
            if version != VERSION.encode():
                raise TraceError(f"has schema version {version!r}", where, f"this simedge reads version {VERSION}")
            if about.num_rows > rows_max:
                raise _too_long(path, rows_max)
            size = sum(about.row_group(group).total_byte_size for group in range(about.num_row_groups))
            if size > 2**20 + about.num_rows * len(COLUMNS) * _BYTES_PER_CELL_MAX:
                raise TraceError(f"{size} bytes in {about.num_rows} rows are no trace", where, "use short names")
            # As dictionaries a long name that fills a column takes its space only once.
            file = pq.ParquetFile(source, metadata=about, read_dictionary=["camera", "path"])
            table = file.read(columns=list(COLUMNS), use_threads=False)
        for column in COLUMNS:
            _check_nulls(table[column], column, where)
        read, row = _checked(table, cameras, paths)
    except (pa.ArrowException, OSError, ValueError, LookupError, ArithmeticError, MemoryError) as problem:
        if isinstance(problem, TraceError):
            raise
        raise TraceError(f"not a readable Parquet file: {_said(problem)}", where, "write it again") from None
    if row is not None:
        previous = float(read.arrived_s[row - 1]) if row else 0.0
        values = {
            "arrived_s": float(read.arrived_s[row]),
            "camera": _text(table["camera"][row]),
            "path": _text(table["path"][row]),
            "size_bytes": float(read.size_bytes[row]),
        }
        fault = _row_fault(values, previous, cameras, paths) or ("breaks the format of a trace", "see traces/README.md")
        raise TraceError(fault[0], f"{where}: row {row + 1}", fault[1])
    if not len(read.arrived_s):
        raise TraceError("has no rows", where, "a trace has at least one arrival")
    return read


def _checked(table: Any, cameras: Sequence[str] | None, paths: Sequence[str] | None) -> tuple[_Read, int | None]:
    """Columns of an Arrow table, and its first bad row from 0 or None."""
    import pyarrow as pa

    arrived, size = (table[name].cast(pa.float64()).to_numpy() for name in ("arrived_s", "size_bytes"))
    camera, cameras_used = _indexed(table["camera"], cameras)
    path, paths_used = _indexed(table["path"], paths)
    row = first_fault(arrived, size, (camera >= 0) & (path >= 0))
    return _Read(arrived, size, camera, path, cameras_used, paths_used), row


def _indexed(column: Any, allowed: Sequence[str] | None) -> tuple[npt.NDArray[np.int32], tuple[str, ...]]:
    """Index of each name of a column: into `allowed`, or else into the names that occur; -1 for a bad name."""
    import pyarrow as pa

    if not len(column):
        return np.zeros(0, np.int32), tuple(allowed or ())
    whole = column.combine_chunks()
    whole = whole.chunk(0) if isinstance(whole, pa.ChunkedArray) else whole
    if not pa.types.is_dictionary(whole.type):
        whole = whole.dictionary_encode()
    codes = whole.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    stored = whole.dictionary.cast(pa.string()).to_pylist()
    used = [stored[code] or "" for code in np.flatnonzero(np.bincount(codes, minlength=len(stored)))]
    names = tuple(sorted({n for n in used if not name_fault(n)}, key=natural)) if allowed is None else tuple(allowed)
    if len(names) > _NAMES_MAX:
        raise ValueError(f"more than {_NAMES_MAX} different names in a column")
    position = {name: place for place, name in enumerate(names)}
    lookup = np.array([position.get(name or "", -1) for name in stored], dtype=np.int32)
    return lookup[codes], names


def _scan_csv(path: Path, cameras: Sequence[str] | None, paths: Sequence[str] | None) -> None:
    """Go through a CSV line by line and raise on the first that is wrong; return if there is none."""
    order: list[str] = []
    previous, rows = 0.0, 0
    for number, text in lines(path, "arrival"):
        where = f"{path}:{number}"
        fields = split(text, where)
        if not order:
            _check_columns(fields, where)
            order = fields
            continue
        if len(fields) != len(order):
            raise TraceError(f"{len(fields)} values, not {len(order)}", where, f"a row has {','.join(order)}")
        row: dict[str, str] = dict(zip(order, fields, strict=True))
        values: dict[str, Any] = dict(row)
        for column in ("arrived_s", "size_bytes"):
            values[column] = decimal(row[column])
            if values[column] is None:
                raise TraceError(
                    f"{column}: {short(row[column])} is not a number", where, "write one in SI, such as 0.5"
                )
        fault = _row_fault(values, previous, cameras, paths)
        if fault:
            raise TraceError(fault[0], where, fault[1])
        previous, rows = values["arrived_s"], rows + 1
    if not order:
        raise TraceError("is empty", str(path), f"a trace begins with the line {','.join(COLUMNS)}")
    if not rows:
        raise TraceError("has no rows", str(path), "a trace has at least one arrival")


def _row_fault(
    values: dict[str, Any], previous_s: float, cameras: Sequence[str] | None, paths: Sequence[str] | None
) -> _Fault | None:
    arrived_s, size_bytes = values["arrived_s"], values["size_bytes"]
    if not math.isfinite(arrived_s) or arrived_s < 0:
        return f"arrived_s: {arrived_s!r} is not a finite time >= 0", "count seconds from the beginning of the trace"
    if arrived_s >= TIME_MAX_S:
        return f"arrived_s: {arrived_s!r} is beyond {TIME_MAX_S:g} s", "count seconds from the beginning of the trace"
    if arrived_s < previous_s:
        return f"arrived_s: {arrived_s!r} comes after {previous_s!r}", "sort the rows by arrived_s"
    for column, known in (("camera", cameras), ("path", paths)):
        name = values[column]
        fault = name_fault(name)
        if fault:
            return f"{column}: {fault}", f"name the {column}"
        if known is not None and name not in known:
            return f"{column}: the scenario has no {name!r}", suggest(name, known)
    if not math.isfinite(size_bytes) or size_bytes < 0:
        return f"size_bytes: {size_bytes!r} is not a finite size >= 0", "0 costs only the call"
    return None


def _check_columns(names: Sequence[str], where: str) -> None:
    expected = f"a trace has the columns {','.join(COLUMNS)}"
    twice = [name for name in names if list(names).count(name) > 1]
    for name in names:
        if name not in COLUMNS:
            raise TraceError(f"column {short(name)} is unknown", where, f"{suggest(name, COLUMNS)} ({expected})")
    if twice:
        raise TraceError(f"column {twice[0]!r} stands twice", where, expected)
    missing = [name for name in COLUMNS if name not in names]
    if missing:
        raise TraceError(f"lacks the column {missing[0]!r}", where, expected)


def _check_types(schema: Any, where: str) -> None:
    import pyarrow as pa

    for column in COLUMNS:
        kind = schema.field(column).type
        kind = kind.value_type if pa.types.is_dictionary(kind) else kind
        if UNITS[column]:
            right = pa.types.is_floating(kind) or pa.types.is_integer(kind)
        else:
            right = pa.types.is_string(kind) or pa.types.is_large_string(kind)
        if not right:
            raise TraceError(
                f"column {column!r} is of type {kind}", where, f"write {'numbers' if UNITS[column] else 'text'}"
            )


def _check_nulls(column: Any, name: str, where: str) -> None:
    if column.null_count:
        row = int(np.argmax(column.is_null().to_numpy(zero_copy_only=False)))
        raise TraceError(f"{name}: has no value", f"{where}: row {row + 1}", "give every row all four values")


def _text(scalar: Any) -> str:
    return str(scalar.as_py() or "")


def _said(problem: BaseException) -> str:
    text = "".join(letter if letter.isprintable() else " " for letter in str(problem))
    return text if len(text) <= 200 else f"{text[:200]}…"


def _too_long(path: Path, rows_max: int) -> TraceError:
    return TraceError(f"has more than {rows_max} rows", str(path), "cut the trace")
