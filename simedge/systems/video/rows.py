"""The ROIs of a run as columns, and the vocabulary in which their work is coded."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from simedge.kernel import Streams
from simedge.policies.video.pipeline import Pipeline
from simedge.traces.trace import RoiTrace

__all__ = ["Codes", "RoiTable"]


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
    """A struct of arrays with one row per ROI; handlers read its lists, a numpy scalar would cost four times as much.

    Parameters
    ----------
    trace : RoiTrace
        Arrivals, indexed by the scenario's cameras and paths; those at or after the horizon are left out.
    horizon_s : float
        Length of the run.
    streams : Streams
        Of each camera the stream ``cut`` gives its ROIs their draws `u`: drawn with the ROI, so that neither policy nor
        migration changes them.

    Attributes
    ----------
    trace : RoiTrace
        What remains.
    path : bytes
        Path index of each row.
    u : list of float
        The row's draw for the cut, uniform in [0, 1).
    code : array of int
        How the row was cut (`Codes`), -1 before it was.
    size_bytes : list of float or float
        Payload of each row, or the one payload that all have.
    """

    def __init__(self, trace: RoiTrace, horizon_s: float, streams: Streams) -> None:
        self.trace = trace.before(horizon_s)
        count = len(self.trace)
        u = np.empty(count)
        for index, camera in enumerate(self.trace.cameras):
            mine = np.flatnonzero(self.trace.camera == index)
            u[mine] = streams.of(camera, "cut").random(len(mine))
        if len(self.trace.paths) > 256:
            raise ValueError("a pipeline has at most 256 paths")
        self.path = self.trace.path.astype(np.uint8).tobytes()
        self.u: list[float] = u.tolist()
        self.code = array("h", [-1]) * count
        sizes = self.trace.size_bytes
        self.size_bytes: list[float] | float = (
            float(sizes[0]) if count and bool((sizes == sizes[0]).all()) else sizes.tolist()
        )

    def __len__(self) -> int:
        return len(self.path)

    def message_bytes(self, rows: Sequence[int]) -> float:
        """Payload of a call that carries these rows."""
        size = self.size_bytes
        return size * len(rows) if isinstance(size, float) else sum([size[row] for row in rows])

    def arriving(self, now_s: float, horizon_s: float) -> npt.NDArray[np.float64]:
        """Count the rows of each camera that arrive in (now, now + horizon], (C,): what an oracle is told."""
        trace = self.trace
        begin, end = np.searchsorted(trace.arrived_s, (now_s, now_s + horizon_s), side="right")
        return np.bincount(trace.camera[begin:end], minlength=len(trace.cameras)).astype(np.float64)

    def frames(self, camera: int) -> tuple[list[float], list[list[int]]]:
        """Return times and rows of a camera's frames: rows of one camera and one time are one frame."""
        mine = np.flatnonzero(self.trace.camera == camera)
        if not len(mine):
            return [], []
        times = self.trace.arrived_s[mine]
        starts = np.flatnonzero(np.diff(times, prepend=-1.0))
        rows: list[int] = mine.tolist()
        bounds = [*starts.tolist(), len(rows)]
        return times[starts].tolist(), [rows[a:b] for a, b in pairwise(bounds)]
