"""Fleets of client devices: how fast each computes and talks, and when it is there (``traces/README.md``, fleets)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from simedge.errors import OutputError, TraceError
from simedge.files import atomic_file
from simedge.traces.lines import check_readable
from simedge.traces.reader import ROWS_MAX, name_fault

__all__ = ["Availability", "Capacities"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_VERSION = "1"
_BYTES_PER_ROW_MAX = 2**10
_BYTES_PER_INTERVAL_MAX = 16


class _Table(ABC):
    """What both kinds of table share: a Parquet file with a name, a version, units and no surprises."""

    table: ClassVar[str]
    units: ClassVar[dict[str, str]]
    clients: tuple[str, ...]

    def __len__(self) -> int:
        """Return the number of clients."""
        return len(self.clients)

    @abstractmethod
    def _arrays(self) -> dict[str, Any]:
        """Arrow arrays of the columns, by name."""

    def write(self, path: Path) -> None:
        """Write a ``.parquet`` file, whole or not at all; equal tables become equal bytes.

        Raises
        ------
        OutputError
            If the name ends otherwise or the place cannot be written to.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        if path.suffix != ".parquet":
            raise OutputError("not a format of fleets", str(path), "end the name in .parquet")
        arrays = self._arrays()
        fields = [
            pa.field(name, array.type, nullable=bool(array.null_count), metadata={"unit": self.units[name]})
            for name, array in arrays.items()
        ]
        about = {"simedge.table": self.table, "simedge.schema_version": _VERSION}
        made = pa.Table.from_arrays(list(arrays.values()), schema=pa.schema(fields, metadata=about))
        with atomic_file(path) as draft:
            pq.write_table(made, draft, compression="zstd", row_group_size=2**20)

    @classmethod
    def _columns(cls, path: Path) -> Any:
        """Arrow table of a file that is one of this kind, without looking at values."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        check_readable(path)
        where = str(path)
        try:
            with pa.OSFile(where) as source:
                file = pq.ParquetFile(source)
                about = file.schema_arrow.metadata or {}
                said = about.get(b"simedge.table", b"").decode(errors="replace")
                if said != cls.table:
                    raise TraceError(f"is no table of kind {cls.table}", where, "make one with `simedge trace import`")
                if about.get(b"simedge.schema_version") != _VERSION.encode():
                    raise TraceError("has another schema version", where, f"this simedge reads version {_VERSION}")
                if file.schema_arrow.names != list(cls.units):
                    raise TraceError("has other columns", where, f"it has {', '.join(cls.units)}")
                for field in file.schema_arrow:
                    if not _right_type(field.name, field.type):
                        raise TraceError(f"column {field.name!r} is of type {field.type}", where, "write it again")
                rows = file.metadata.num_rows
                groups = range(file.metadata.num_row_groups)
                size = sum(file.metadata.row_group(group).total_byte_size for group in groups)
                if rows > ROWS_MAX or size > 2**20 + rows * _BYTES_PER_ROW_MAX + ROWS_MAX * _BYTES_PER_INTERVAL_MAX:
                    raise TraceError(f"{rows} rows of {size} bytes are no fleet", where, "import a part of it")
                return file.read(use_threads=False)
        except (pa.ArrowException, OSError, ValueError, LookupError, MemoryError) as problem:
            if isinstance(problem, TraceError):
                raise
            raise TraceError("not a readable Parquet file", where, "write it again") from None

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read and check a file that `write` wrote.

        Raises
        ------
        TraceError
            If it cannot be read or breaks a rule of the format; the first bad client is named.
        """
        import pyarrow as pa

        columns = cls._columns(path)
        try:
            return cls._of(columns)
        except (pa.ArrowException, ValueError, TypeError, OverflowError) as problem:
            raise TraceError(str(problem), str(path), "see traces/README.md") from None

    @classmethod
    @abstractmethod
    def _of(cls, columns: Any) -> Self:
        """Make a table of an Arrow table's columns."""


@dataclass(frozen=True, eq=False)
class Capacities(_Table):
    """How fast each client computes and talks.

    Attributes
    ----------
    clients : tuple of str
        Names, each once.
    forward_s_per_sample : (n,) float64 array
        Seconds of a forward pass over one sample, > 0; NaN where the source does not say. Training takes about three
        times as long (FedScale's factor).
    down_bps, up_bps : (n,) float64 array
        Mean bandwidth to and from the client, bit/s, > 0.
    down_sd_bps, up_sd_bps : (n,) float64 array
        Standard deviation of it, bit/s, >= 0; 0 where the source has one number.

    Raises
    ------
    ValueError
        If a rule above is broken; the first bad client is named.
    """

    table: ClassVar[str] = "fleet_capacity"
    units: ClassVar[dict[str, str]] = {
        "client": "",
        "forward_s_per_sample": "s",
        "down_bps": "bit/s",
        "up_bps": "bit/s",
        "down_sd_bps": "bit/s",
        "up_sd_bps": "bit/s",
    }

    clients: tuple[str, ...]
    forward_s_per_sample: FloatArray
    down_bps: FloatArray
    up_bps: FloatArray
    down_sd_bps: FloatArray
    up_sd_bps: FloatArray

    def __post_init__(self) -> None:
        _check_names(self.clients)
        for name in list(self.units)[1:]:
            column = _column(name, getattr(self, name), len(self.clients))
            good = (column >= 0) & np.isfinite(column) if "_sd_" in name else (column > 0) & np.isfinite(column)
            if name == "forward_s_per_sample":
                good |= np.isnan(column)
            _check(good, self.clients, f"{name} is not a finite number {'>=' if '_sd_' in name else '>'} 0")
            object.__setattr__(self, name, column)

    def _arrays(self) -> dict[str, Any]:
        import pyarrow as pa

        speeds = {name: pa.array(getattr(self, name)) for name in list(self.units)[1:]}
        speeds["forward_s_per_sample"] = pa.array(self.forward_s_per_sample, from_pandas=True)
        return {"client": pa.array(self.clients, pa.string()), **speeds}

    @classmethod
    def _of(cls, columns: Any) -> Self:
        names, *speeds = (columns[name] for name in cls.units)
        return cls(tuple(names.to_pylist()), *(_floats(one) for one in speeds))


@dataclass(frozen=True, eq=False)
class Availability(_Table):
    """When each client is there.

    The recording of a client covers ``start_s`` to ``start_s + period_s`` and then repeats. In it the client is there
    from ``active_s[k]`` until just before ``inactive_s[k]``.

    Attributes
    ----------
    clients : tuple of str
        Names, each once.
    models : tuple of str
        What device each is; empty where the source does not say.
    start_s : (n,) float64 array
        Beginning of the recording, s since the origin of the table, >= 0.
    period_s : (n,) float64 array
        Length of the recording, s, > 0.
    first : (n + 1,) int64 array
        Client i has the intervals ``first[i]`` to ``first[i + 1] - 1``; it may have none.
    active_s, inactive_s : (m,) float64 array
        Beginning and end of each interval, s since the origin of the table. Intervals of a client have a length, lie in
        its recording, ascend, and do not touch.

    Raises
    ------
    ValueError
        If a rule above is broken; the first bad client is named.
    """

    table: ClassVar[str] = "fleet_availability"
    units: ClassVar[dict[str, str]] = {
        "client": "",
        "model": "",
        "start_s": "s",
        "period_s": "s",
        "active_s": "s",
        "inactive_s": "s",
    }

    clients: tuple[str, ...]
    models: tuple[str, ...]
    start_s: FloatArray
    period_s: FloatArray
    first: IntArray
    active_s: FloatArray
    inactive_s: FloatArray

    def __post_init__(self) -> None:
        rows = len(self.clients)
        _check_names(self.clients)
        if len(self.models) != rows:
            raise ValueError(f"model: must be a column of {rows} rows")
        for client, model in zip(self.clients, self.models, strict=True):
            if model and name_fault(model):
                raise ValueError(f"client {client}: model: {name_fault(model)}")
        start_s, period_s = _column("start_s", self.start_s, rows), _column("period_s", self.period_s, rows)
        first = np.asarray(self.first, np.int64)
        many = len(np.atleast_1d(self.active_s))
        active_s, inactive_s = _column("active_s", self.active_s, many), _column("inactive_s", self.inactive_s, many)
        if first.shape != (rows + 1,) or first[0] != 0 or first[-1] != many or (np.diff(first) < 0).any():
            raise ValueError(f"first: must ascend from 0 to {many}")
        _check((start_s >= 0) & np.isfinite(start_s), self.clients, "start_s is not a finite time >= 0")
        _check((period_s > 0) & np.isfinite(period_s), self.clients, "period_s is not a finite time > 0")
        owner = np.repeat(np.arange(rows), np.diff(first))
        good = active_s < inactive_s
        good &= (active_s >= start_s[owner]) & (inactive_s <= start_s[owner] + period_s[owner])
        good[1:] &= (active_s[1:] > inactive_s[:-1]) | (owner[1:] != owner[:-1])
        if not good.all():
            client = self.clients[owner[int(np.argmin(good))]]
            raise ValueError(f"client {client}: intervals do not ascend inside the recording")
        kept = {"start_s": start_s, "period_s": period_s, "active_s": active_s, "inactive_s": inactive_s}
        for name, column in {**kept, "first": first.view()}.items():
            column.setflags(write=False)
            object.__setattr__(self, name, column)

    def share(self) -> FloatArray:
        """Part of its recording during which each client is there, 0 to 1."""
        length_s = np.concatenate([[0.0], np.cumsum(self.inactive_s - self.active_s)])
        share: FloatArray = (length_s[self.first[1:]] - length_s[self.first[:-1]]) / self.period_s
        return share

    def _arrays(self) -> dict[str, Any]:
        import pyarrow as pa

        offsets = pa.array(self.first, pa.int32())
        return {
            "client": pa.array(self.clients, pa.string()),
            "model": pa.array(self.models, pa.string()),
            "start_s": pa.array(self.start_s),
            "period_s": pa.array(self.period_s),
            "active_s": pa.ListArray.from_arrays(offsets, pa.array(self.active_s)),
            "inactive_s": pa.ListArray.from_arrays(offsets, pa.array(self.inactive_s)),
        }

    @classmethod
    def _of(cls, columns: Any) -> Self:
        clients, models = (tuple(columns[name].to_pylist()) for name in ("client", "model"))
        start_s, period_s = (_floats(columns[name]) for name in ("start_s", "period_s"))
        counts, flat = [], []
        for name in ("active_s", "inactive_s"):
            lists = columns[name].combine_chunks()
            lengths = lists.value_lengths()
            if lists.null_count or lengths.null_count:
                raise ValueError(f"{name}: has no value")
            counts.append(lengths.to_numpy(zero_copy_only=False))
            flat.append(_floats(lists.flatten()))
        if (counts[0] != counts[1]).any():
            client = clients[int(np.argmax(counts[0] != counts[1]))]
            raise ValueError(f"client {client}: not as many beginnings as ends")
        first = np.concatenate([[0], np.cumsum(counts[0], dtype=np.int64)])
        return cls(clients, models, start_s, period_s, first, *flat)


def _right_type(name: str, kind: Any) -> bool:
    import pyarrow as pa

    if name in {"client", "model"}:
        return bool(pa.types.is_string(kind))
    if name in {"active_s", "inactive_s"}:
        return bool(pa.types.is_list(kind) and pa.types.is_float64(kind.value_type))
    return bool(pa.types.is_float64(kind))


def _floats(column: Any) -> FloatArray:
    import pyarrow as pa

    values: FloatArray = column.cast(pa.float64()).to_numpy(zero_copy_only=False).astype(np.float64)
    return values


def _column(name: str, values: Any, rows: int) -> FloatArray:
    column = np.array(values, np.float64)
    if column.shape != (rows,):
        raise ValueError(f"{name}: must be a column of {rows} rows")
    column.setflags(write=False)
    return column


def _check(good: npt.NDArray[np.bool_], clients: tuple[str, ...], what: str) -> None:
    if not good.all():
        raise ValueError(f"client {clients[int(np.argmin(good))]}: {what}")


def _check_names(clients: tuple[str, ...]) -> None:
    if not clients:
        raise ValueError("has no client")
    for client in clients:
        if not isinstance(client, str) or name_fault(client):
            raise ValueError(f"client: {name_fault(client) if isinstance(client, str) else 'has no value'}")
    if len(set(clients)) < len(clients):
        raise ValueError("client: a name stands twice")
