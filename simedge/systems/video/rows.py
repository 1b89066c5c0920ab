"""The ROIs of a run as columns, and the vocabulary in which their work is coded."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, MutableSequence, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from simedge.kernel import Streams
from simedge.policies.video.pipeline import Pipeline
from simedge.traces.trace import RoiTrace

__all__ = ["Codes", "Frames", "IntArray", "RoiTable"]

IntArray = npt.NDArray[np.int64]
Frames = tuple[list[float], list[list[int]]]
"""Times and rows of frames."""


class Codes:
    """Numbers for every way to cut every path: code = first code of the path + vertices executed on the camera.

    Parameters
    ----------
    pipeline : Pipeline
        The paths.
    mix : mapping of str to float
        Share of each path, which defines the mean cost of a unit.

    Attributes
    ----------
    first : list of int
        First code of each path: nothing on the camera.
    camera, edge : list of list of int
        Classifiers that the camera and the edge execute under each code.
    all_edge, all_camera : list of bool
        Whether the camera, or the edge, has nothing to do under each code.
    remaining : list of float
        Cost left for the edge under each code, in mean units.
    """

    def __init__(self, pipeline: Pipeline, mix: Mapping[str, float]) -> None:
        index = {name: k for k, name in enumerate(pipeline.classifiers)}
        mean_cost = pipeline.mean_cost(mix)
        self.first: list[int] = []
        self.camera: list[list[int]] = []
        self.edge: list[list[int]] = []
        for name in pipeline.names:
            vertices = [index[v] for v in pipeline.paths[name]]
            self.first.append(len(self.camera))
            self.camera += [vertices[:cut] for cut in range(len(vertices) + 1)]
            self.edge += [vertices[cut:] for cut in range(len(vertices) + 1)]
        costs = list(pipeline.costs.values())
        self.remaining = [sum(costs[k] for k in rest) / mean_cost for rest in self.edge]
        self.all_edge = [not part for part in self.camera]
        self.all_camera = [not rest for rest in self.edge]


class RoiTable:
    """The ROIs that cameras and edge know now, a row each: handlers read columns by row.

    Frames are loaded in windows of the trace. Of a run that records every ROI a row is a row of the trace; else rows of
    ROIs that are done serve again.

    Parameters
    ----------
    trace : RoiTrace
        Arrivals, indexed by the scenario's cameras and paths; those at or after the horizon are left out.
    horizon_s : float
        Length of the run.
    streams : Streams
        Of each camera the stream ``cut`` gives its ROIs their draws `u`: drawn with the ROI, so that neither policy nor
        migration changes them.
    window : int
        ROIs of the trace to load at a time, at least.
    reuse : bool
        Whether rows serve again.

    Attributes
    ----------
    trace : RoiTrace
        What remains of the arrivals.
    path : sequence of int
        Path index of each row.
    u : sequence of float
        The row's draw for the cut, uniform in [0, 1).
    code : sequence of int
        How the row was cut (`Codes`), -1 before it was.
    size_bytes : sequence of float, or float
        Payload of each row, or the one payload that all have.
    capacity : int
        Number of rows.
    loaded : int
        ROIs of the trace loaded so far.

    Notes
    -----
    Columns are arrays of machine numbers where rows serve again, else lists: reading a list is several times faster,
    and a numpy scalar slower still; an array needs a quarter of the memory and can be written through numpy.
    """

    def __init__(self, trace: RoiTrace, horizon_s: float, streams: Streams, window: int, reuse: bool) -> None:
        self.trace = trace.before(horizon_s)
        if len(self.trace.paths) > 256:
            raise ValueError("a pipeline has at most 256 paths")
        self.path: MutableSequence[int] = bytearray()
        self.u: MutableSequence[float] = array("d")
        self.code: MutableSequence[int] = array("h")
        sizes = self.trace.size_bytes
        same = len(sizes) > 0 and bool((sizes == sizes[0]).all())
        self.size_bytes: MutableSequence[float] | float = float(sizes[0]) if same else array("d")
        self.capacity = self.loaded = 0
        self._window, self._reuse = window, reuse
        self._draws = [streams.of(camera, "cut") for camera in self.trace.cameras]
        self._next = np.full(len(self.trace.cameras), -1)  # first row of each camera's trace not loaded
        self._roi = np.empty(0, np.int64)  # row of the trace in each row
        self._free = np.empty(0, np.int64)
        if not reuse:
            self._hold_all()

    def _hold_all(self) -> None:
        """Make a row of every ROI of the trace."""
        trace = self.trace
        u = np.empty(len(trace))
        u[np.argsort(trace.camera, kind="stable")] = self._drawn(trace.camera)
        self.path, self.u, self.code = trace.path.tolist(), u.tolist(), [-1] * len(u)
        if not isinstance(self.size_bytes, float):
            self.size_bytes = trace.size_bytes.tolist()
        self.capacity = len(u)

    def _drawn(self, camera: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.float64]:
        """Draw `u` for ROIs of some cameras; those of the first camera come first."""
        counts = np.bincount(camera, minlength=len(self._draws)).tolist()
        return np.concatenate([stream.random(count) for stream, count in zip(self._draws, counts, strict=True)])

    def message_bytes(self, rows: Sequence[int]) -> float:
        """Payload of a call that carries these rows."""
        size = self.size_bytes
        return size * len(rows) if isinstance(size, float) else sum([size[row] for row in rows])

    def arriving(self, now_s: float, horizon_s: float) -> npt.NDArray[np.float64]:
        """Count the rows of each camera that arrive in (now, now + horizon], (C,): what an oracle is told."""
        trace = self.trace
        begin, end = np.searchsorted(trace.arrived_s, (now_s, now_s + horizon_s), side="right")
        return np.bincount(trace.camera[begin:end], minlength=len(trace.cameras)).astype(np.float64)

    def rois(self, rows: IntArray) -> IntArray:
        """Rows of the trace that stand in some rows, (n,)."""
        return self._roi[rows] if self._reuse else rows

    def codes(self) -> npt.NDArray[np.int16]:
        """Column `code`, (capacity,): a view, not to be held on to; where it was a list it is none afterwards."""
        if isinstance(self.code, list):
            self.code = array("h", self.code)
        return _view(self.code)

    def load(self) -> list[Frames]:
        """Take in the next window of the trace.

        Returns
        -------
        list of (list of float, list of list of int)
            For each camera the times and rows of its frames: rows of one camera and one time are one frame. Where the
            trace goes on for the camera behind the window, the time of its next frame stands behind the others.
        """
        trace, begin = self.trace, self.loaded
        self.loaded = end = self._end_of_window()
        camera = trace.camera[begin:end]
        order = np.argsort(camera, kind="stable")
        camera, times = camera[order], trace.arrived_s[begin:end][order]
        rows = (self._enter(begin, end)[order] if self._reuse else begin + order).tolist()
        starts = np.flatnonzero((np.diff(times, prepend=-1.0) != 0) | (np.diff(camera, prepend=-1) != 0))
        frames = [rows[a:b] for a, b in pairwise([*starts.tolist(), len(rows)])]
        frame_times: list[float] = times[starts].tolist()
        self._look_ahead(end)
        ends = np.cumsum(np.bincount(camera[starts], minlength=len(trace.cameras))).tolist()
        found = [(frame_times[a:b], frames[a:b]) for a, b in pairwise([0, *ends])]
        for (known, _), ahead in zip(found, self._next.tolist(), strict=True):
            if ahead < len(trace):
                known.append(float(trace.arrived_s[ahead]))
        return found

    def _end_of_window(self) -> int:
        """Row of the trace that the window ends before: between two times, so that it cuts no frame."""
        arrived_s = self.trace.arrived_s
        if self.loaded + self._window >= len(arrived_s):
            return len(arrived_s)
        return int(np.searchsorted(arrived_s, arrived_s[self.loaded + self._window - 1], side="right"))

    def _look_ahead(self, end: int) -> None:
        """Find every camera's first row at or behind the end of the window; the length of the trace stands for none."""
        camera, begin, size = self.trace.camera, end, 1024
        missing = np.flatnonzero(self._next < end).tolist()
        while missing and begin < len(camera):
            block = camera[begin : begin + size]
            for index in missing:
                hits = np.flatnonzero(block == index)
                if len(hits):
                    self._next[index] = begin + hits[0]
            missing = [index for index in missing if self._next[index] < end]
            begin, size = begin + len(block), 4 * size
        self._next[missing] = len(camera)

    def _enter(self, begin: int, end: int) -> IntArray:
        """Write a piece of the trace into free rows, and tell which."""
        trace, count = self.trace, end - begin
        camera, path, sizes = trace.camera[begin:end], trace.path[begin:end], trace.size_bytes[begin:end]
        u = np.empty(count)
        u[np.argsort(camera, kind="stable")] = self._drawn(camera)
        self._grow(count - len(self._free))
        rows, self._free = np.sort(self._free[:count]), self._free[count:]
        self._roi[rows] = np.arange(begin, end)
        for column, values in ((self.path, path), (self.u, u), (self.code, -1), (self.size_bytes, sizes)):
            if not isinstance(column, float):
                _view(column)[rows] = values
        return rows

    def _grow(self, missing: int) -> None:
        """Make at least so many more rows."""
        if missing <= 0:
            return
        more = max(missing, self.capacity // 8)
        for column in (self.path, self.u, self.code, self.size_bytes):
            if not isinstance(column, float):
                column.extend(array(_typecode(column), [0]) * more)
        self._roi = np.concatenate([self._roi, np.zeros(more, np.int64)])
        self._free = np.concatenate([self._free, np.arange(self.capacity, self.capacity + more)])
        self.capacity += more

    def retire(self) -> None:
        """Forget what nobody reads when the run is over: books are closed where its memory is at its peak."""
        self.path, self.u = bytearray(), array("d")

    def free(self, rows: IntArray) -> None:
        """Let rows serve again."""
        self._free = np.concatenate([self._free, rows])


def _typecode(column: Any) -> str:
    return "B" if isinstance(column, bytearray) else str(column.typecode)


def _view(column: Any) -> npt.NDArray[Any]:
    """Look at machine numbers through numpy; as long as someone does, they cannot become more."""
    return np.frombuffer(column, _typecode(column))
