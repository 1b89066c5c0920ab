"""ROI arrivals: the one shape in which a workload enters a simulation (columns and units: ``traces/README.md``)."""

from __future__ import annotations

import csv
import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from simedge.errors import OutputError, TraceError, suggest
from simedge.files import atomic_file
from simedge.traces.reader import COLUMNS, ROWS_MAX, SUFFIXES, UNITS, VERSION, first_fault, name_fault, read_columns

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FloatArray", "IntArray", "RoiTrace"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.integer[Any]]


@dataclass(frozen=True, eq=False)
class RoiTrace:
    """Arrivals of regions of interest, one row each, sorted by time.

    Rows of one camera and one time are one frame; their order is the order in which the frame offers them.

    Attributes
    ----------
    arrived_s : (n,) float64 array
        Time of the frame, s from the beginning of the trace, >= 0, ascending.
    camera : (n,) int32 array
        Index into `cameras`.
    path : (n,) int16 array
        Index into `paths`: the way through the pipeline, named after the class of object.
    size_bytes : (n,) float64 array
        Payload when the ROI travels, bytes, >= 0; 0 costs only the call.
    cameras, paths : tuple of str
        Names; one that no row uses is allowed.

    Raises
    ------
    ValueError
        If the columns differ in length or break one of the rules above.

    Notes
    -----
    The arrays are read-only views.

    Examples
    --------
    >>> trace = RoiTrace([0.0, 0.5], [0, 1], [0, 0], [2500, 2500], ("camera_1", "camera_2"), ("car",))
    >>> len(trace), trace.duration_s
    (2, 1.0)
    """

    arrived_s: FloatArray
    camera: IntArray
    path: IntArray
    size_bytes: FloatArray
    cameras: tuple[str, ...]
    paths: tuple[str, ...]

    def __post_init__(self) -> None:
        rows = len(self.arrived_s)
        for field, names, dtype in (("camera", "cameras", np.int32), ("path", "paths", np.int16)):
            known = tuple(getattr(self, names))
            faults = [fault for fault in map(name_fault, known) if fault]
            if faults or len(set(known)) < len(known) or len(known) > np.iinfo(dtype).max:
                raise ValueError(f"{names}: {faults[0] if faults else 'a name stands twice, or there are too many'}")
            index = np.asarray(getattr(self, field))
            if index.size and (index.dtype.kind not in "iu" or int(index.min()) < 0 or int(index.max()) >= len(known)):
                raise ValueError(f"{field}: must hold indices of the {len(known)} names")
            object.__setattr__(self, names, known)
            object.__setattr__(self, field, _column(field, index, dtype, rows))
        for field in ("arrived_s", "size_bytes"):
            object.__setattr__(self, field, _column(field, np.asarray(getattr(self, field)), np.float64, rows))
        row = first_fault(self.arrived_s, self.size_bytes)
        if row is not None:
            raise ValueError(f"row {row + 1}: times are finite, >= 0 and sorted, sizes finite and >= 0")

    def __len__(self) -> int:
        """Return the number of ROIs."""
        return len(self.arrived_s)

    @property
    def duration_s(self) -> float:
        """Last arrival rounded up to whole seconds so that it lies inside: ``floor(last) + 1``, at least 1, s."""
        return math.floor(self.arrived_s[-1]) + 1.0 if len(self) else 1.0

    def digest(self) -> str:
        """BLAKE2b digest of what arrives when and where, 32 hexadecimal digits: equal digests are equal arrivals."""
        said = hashlib.blake2b(repr((tuple(self.cameras), tuple(self.paths))).encode(), digest_size=16)
        for column in (self.arrived_s, self.camera, self.path, self.size_bytes):
            said.update(np.ascontiguousarray(column).data)
        return said.hexdigest()

    def before(self, horizon_s: float) -> RoiTrace:
        """Return the part that arrives before a horizon, s."""
        count = int(np.searchsorted(self.arrived_s, horizon_s, side="left"))
        if count == len(self):
            return self
        kept = slice(count)
        return RoiTrace(
            self.arrived_s[kept], self.camera[kept], self.path[kept], self.size_bytes[kept], self.cameras, self.paths
        )

    def aligned(self, cameras: Sequence[str], paths: Sequence[str], where: str = "trace") -> RoiTrace:
        """Re-index the trace onto the names of a scenario, of which it may use a part.

        Parameters
        ----------
        cameras, paths : sequence of str
            The scenario's names, in its order; they become those of the result.
        where : str
            What an error message calls the trace.

        Raises
        ------
        TraceError
            If a row has a camera or path that the scenario does not know; the first such row is named.
        """
        moved: dict[str, IntArray] = {}
        faults: list[tuple[int, str, str, Sequence[str]]] = []
        for field, index, own, target in (
            ("camera", self.camera, self.cameras, cameras),
            ("path", self.path, self.paths, paths),
        ):
            position = {name: place for place, name in enumerate(target)}
            codes = np.array([position.get(name, -1) for name in own], dtype=np.int32)
            moved[field] = codes[index] if len(own) else np.zeros(0, np.int32)
            unknown = np.flatnonzero(moved[field] < 0)
            if len(unknown):
                faults.append((int(unknown[0]), field, own[index[unknown[0]]], target))
        if faults:
            row, field, name, target = min(faults, key=lambda fault: fault[0])
            raise TraceError(f"{field}: the scenario has no {name!r}", f"{where}: row {row + 1}", suggest(name, target))
        return RoiTrace(self.arrived_s, moved["camera"], moved["path"], self.size_bytes, tuple(cameras), tuple(paths))

    def to_dataframe(self) -> pd.DataFrame:
        """Return the four columns of a trace file, the names as pandas categories."""
        import pandas as pd

        return pd.DataFrame(
            {
                "arrived_s": self.arrived_s,
                "camera": pd.Categorical.from_codes(self.camera, pd.Index(self.cameras, dtype=str)),
                "path": pd.Categorical.from_codes(self.path, pd.Index(self.paths, dtype=str)),
                "size_bytes": self.size_bytes,
            }
        )

    def write(self, path: Path) -> None:
        """Write a ``.csv`` or ``.parquet`` file, whole or not at all; equal traces become equal bytes.

        Numbers are written exactly: reading the file again gives the same columns.

        Raises
        ------
        OutputError
            If the name ends otherwise, the trace is empty, or the place cannot be written to.
        """
        path = Path(path)
        if path.suffix not in SUFFIXES:
            raise OutputError("not a format of traces", str(path), f"end the name in {' or '.join(SUFFIXES)}")
        if not len(self):
            raise OutputError("the trace has no rows", str(path), "record or generate a longer one")
        with atomic_file(path) as draft:
            if path.suffix == ".csv":
                self._write_csv(draft)
            else:
                self._write_parquet(draft)

    def _write_csv(self, path: Path) -> None:
        cameras, paths = ([names[i] for i in index.tolist()] for names, index in self._named())
        with path.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(COLUMNS)
            writer.writerows(zip(self.arrived_s.tolist(), cameras, paths, self.size_bytes.tolist(), strict=True))

    def _write_parquet(self, path: Path) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        named = [pa.DictionaryArray.from_arrays(index.astype(np.int32), list(names)) for names, index in self._named()]
        arrays = [pa.array(self.arrived_s), *named, pa.array(self.size_bytes)]
        fields = [
            pa.field(name, array.type, nullable=False, metadata={"unit": UNITS[name]})
            for name, array in zip(COLUMNS, arrays, strict=True)
        ]
        about = {"simedge.table": "roi_trace", "simedge.schema_version": VERSION}
        table = pa.Table.from_arrays(arrays, schema=pa.schema(fields, metadata=about))
        pq.write_table(table, path, compression="zstd", use_dictionary=True, row_group_size=2**20)

    def _named(self) -> tuple[tuple[tuple[str, ...], IntArray], ...]:
        return (self.cameras, self.camera), (self.paths, self.path)

    @classmethod
    def read(
        cls,
        path: Path,
        *,
        cameras: Sequence[str] | None = None,
        paths: Sequence[str] | None = None,
        rows_max: int = ROWS_MAX,
    ) -> RoiTrace:
        """Read and check a ``.csv`` or ``.parquet`` file of arrivals.

        Parameters
        ----------
        path : Path
            The file. A CSV begins with a header; its columns may stand in any order.
        cameras, paths : sequence of str, optional
            Names that are allowed, which become those of the trace. By default those that occur, in natural order
            (``camera_2`` before ``camera_10``).
        rows_max : int
            Largest number of rows; a Parquet file is measured before it is read.

        Raises
        ------
        TraceError
            If the file cannot be read or breaks a rule of the format; the first bad row is named, by its line in a
            CSV and by its number from 1 in a Parquet file.
        """
        read = read_columns(Path(path), cameras, paths, rows_max)
        return cls(read.arrived_s, read.camera, read.path, read.size_bytes, read.cameras, read.paths)


def _column(field: str, values: npt.NDArray[Any], dtype: type[np.generic], rows: int) -> npt.NDArray[Any]:
    if values.shape != (rows,):
        raise ValueError(f"{field}: must be a column of {rows} rows")
    column = values.astype(dtype, copy=False).view()
    column.setflags(write=False)
    return column
