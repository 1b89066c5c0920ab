"""The monitor of §1.4: every report period it reads counters, and tells a policy what they say."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from simedge.metrics.schema import Categorical
from simedge.metrics.summary import Totals
from simedge.policies.video.interface import VideoObservation
from simedge.systems.video.camera import Camera
from simedge.systems.video.edge import Edge

__all__ = ["Monitor"]

WINDOW_S = 1.0
"""Length of the window over which throughput is measured."""

HISTORY_S = 60.0
"""How far back an observation reaches: a policy that is asked less often is not told of reports before."""

_KEPT_REPORTS = 256


class Monitor:
    """Counters of cameras and edge at every report.

    Parameters
    ----------
    cameras, edges
        What is watched.
    edge_of_camera : sequence of int
        Edge cluster of each camera, ascending.
    names : tuple of str
        Names of the cameras, then those of the edge clusters.
    period_s, horizon_s : float
        Time between reports, and length of the run.
    totals : Totals or None
        Where reports are counted, of which then only the last are kept; None: all are kept for table ``reports``.
    """

    def __init__(
        self,
        cameras: list[Camera],
        edges: list[Edge],
        edge_of_camera: Sequence[int],
        names: tuple[str, ...],
        period_s: float,
        horizon_s: float,
        totals: Totals | None,
    ) -> None:
        self.cameras, self.edges, self.names, self.period_s = cameras, edges, names, period_s
        bounds = np.searchsorted(edge_of_camera, range(len(edges) + 1)).tolist()
        self._inputs, self._outbounds = [camera.queue for camera in cameras], [camera.outbound for camera in cameras]
        self._own = [slice(begin, end) for begin, end in pairwise(bounds)]
        self._totals = totals
        self._window = max(1, round(WINDOW_S / period_s))
        self._history = max(self._window, math.ceil(HISTORY_S / period_s))
        size = math.ceil(horizon_s / period_s) + 2
        if totals is not None:
            size = min(size, self._history + 1 + _KEPT_REPORTS)
        entities = len(names)
        # Row k holds report `_gone` + k; row 0 is the time before the first report, or a report already counted.
        self._gone = self._last = 0
        self._observed = [0] * len(edges)
        self._counted = 0
        self._queue = np.zeros((size, entities), np.int32)
        self._outbound = np.zeros((size, entities), np.int32)
        self._arrived = np.zeros(
            (size, entities), np.int32
        )  # cumulative; at the edge, what the cameras passed on to it
        self._processed = np.zeros((size, entities), np.int32)  # cumulative
        self._backlog = np.zeros((size, len(edges)))

    def report(self) -> None:
        """Write one report."""
        if self._last + 1 == len(self._backlog):
            self._forget()
        self._last = k = self._last + 1
        cameras, edges = self.cameras, self.edges
        waiting = [len(queue.rows) + queue.waiting for queue in self._inputs]
        self._queue[k] = [*waiting, *[len(edge.queue.rows) for edge in edges]]
        self._outbound[k, : len(cameras)] = [len(queue.rows) for queue in self._outbounds]
        self._arrived[k] = [*[camera.arrived for camera in cameras], *[edge.received for edge in edges]]
        self._processed[k] = [*[camera.processed for camera in cameras], *[edge.completed for edge in edges]]
        self._backlog[k] = [edge.backlog for edge in edges]

    def _forget(self) -> None:
        """Count all reports, and make room by keeping only what an observation may reach back to."""
        self._count()
        gone = self._last - self._history
        for column in (self._queue, self._outbound, self._arrived, self._processed, self._backlog):
            column[: self._history + 1] = column[gone : self._last + 1].copy()
        self._gone += gone
        self._last = self._counted = self._history
        self._observed = [max(0, observed - gone) for observed in self._observed]

    def _count(self) -> None:
        if self._totals is not None and self._last > self._counted:
            self._totals.report(self._columns(self._counted))
            self._counted = self._last

    def observe(self, now_s: float, edge: int = 0) -> VideoObservation:
        """Tell what the reports say, and what can be read now, of an edge cluster and its cameras."""
        k, own, its = self._last, self._own[edge], self.edges[edge]
        window = min(self._gone + k, self._window)
        span_s = max(window, 1) * self.period_s
        rates = (self._processed[k] - self._processed[k - window]) / span_s
        since = max(self._observed[edge], k - self._history)
        arrivals = np.diff(self._arrived[since : k + 1, own], axis=0).astype(np.float64)
        self._observed[edge] = k
        cameras = self.cameras[own]
        return VideoObservation(
            now_s=now_s,
            backlog=np.array([camera.queue.backlog for camera in cameras], np.float64),
            visible=np.array([camera.queue.visible for camera in cameras], np.float64),
            outbound=np.array([camera.outbound_backlog() for camera in cameras]),
            online=np.array([not camera.offline for camera in cameras], np.bool_),
            arrivals=arrivals,
            throughput_ips=rates[own],
            uplink_bps=np.array([camera.uplink.measured_bps for camera in cameras], np.float64),
            edge_backlog=its.backlog,
            edge_throughput_ips=float(rates[len(self.cameras) + edge]),
            processed=np.array([camera.processed for camera in cameras], np.float64),
            busy_s=np.array([camera.device.busy_s() for camera in cameras]),
            completed=float(its.completed + sum(camera.finished for camera in cameras)),
            edge_busy_s=math.fsum(device.busy_s() for device in its.devices),
        )

    def finish(self) -> dict[str, np.ndarray | Categorical]:
        """Count the rest; without totals return table ``reports``, a row per report and entity."""
        self._count()
        return {} if self._totals is not None else self._columns(0)

    def _columns(self, begin: int) -> dict[str, np.ndarray | Categorical]:
        """Make columns of the reports behind row `begin`."""
        kept, changes = slice(begin + 1, self._last + 1), slice(begin, self._last + 1)
        count, entities = self._last - begin, len(self.names)
        queue = self._queue[kept]
        backlog = queue.astype(np.float64)
        backlog[:, len(self.cameras) :] = self._backlog[kept]
        times_s = np.arange(self._gone + begin + 1, self._gone + self._last + 1) * self.period_s
        return {
            "time_s": np.repeat(times_s, entities),
            "entity": Categorical(np.tile(np.arange(entities, dtype=np.int32), count), self.names),
            "queue_units": queue.ravel(),
            "outbound_units": self._outbound[kept].ravel(),
            "arrived_units": np.diff(self._arrived[changes], axis=0).ravel(),
            "processed_units": np.diff(self._processed[changes], axis=0).ravel(),
            "backlog_units": backlog.ravel(),
        }
