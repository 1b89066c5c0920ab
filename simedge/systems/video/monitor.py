"""The monitor of §1.4: every report period it reads counters, and tells a policy what they say."""

from __future__ import annotations

import math

import numpy as np

from simedge.metrics.schema import Categorical
from simedge.policies.video.interface import VideoObservation
from simedge.systems.video.camera import Camera
from simedge.systems.video.edge import Edge

__all__ = ["Monitor"]

WINDOW_S = 1.0
"""Length of the window over which throughput is measured."""


class Monitor:
    """Counters of cameras and edge at every report.

    Parameters
    ----------
    cameras, edge
        What is watched.
    period_s, horizon_s : float
        Time between reports, and length of the run.
    """

    def __init__(self, cameras: list[Camera], edge: Edge, period_s: float, horizon_s: float) -> None:
        self.cameras, self.edge, self.period_s = cameras, edge, period_s
        self.reports = 0
        self._observed = 0
        size = math.ceil(horizon_s / period_s) + 2
        entities = len(cameras) + 1
        self._queue = np.zeros((size, entities), np.int32)
        self._outbound = np.zeros((size, entities), np.int32)
        self._arrived = np.zeros(
            (size, entities), np.int32
        )  # cumulative; at the edge, what the cameras passed on to it
        self._processed = np.zeros((size, entities), np.int32)  # cumulative
        self._backlog = np.zeros(size)

    def report(self) -> None:
        """Write one report."""
        self.reports = k = self.reports + 1
        cameras, edge = self.cameras, self.edge
        self._queue[k] = [*[camera.queue.backlog for camera in cameras], len(edge.queue)]
        self._outbound[k, :-1] = [len(camera.outbound) for camera in cameras]
        self._arrived[k] = [*[camera.arrived for camera in cameras], edge.received]
        self._processed[k] = [*[camera.processed for camera in cameras], edge.completed]
        self._backlog[k] = edge.backlog

    def observe(self, now_s: float) -> VideoObservation:
        """Tell what the reports say, and what can be read now."""
        k = self.reports
        window = min(k, max(1, round(WINDOW_S / self.period_s)))
        span_s = max(window, 1) * self.period_s
        rates = (self._processed[k] - self._processed[k - window]) / span_s
        arrivals = np.diff(self._arrived[self._observed : k + 1, :-1], axis=0).astype(np.float64)
        self._observed = k
        cameras = self.cameras
        return VideoObservation(
            now_s=now_s,
            backlog=np.array([camera.queue.backlog for camera in cameras], np.float64),
            visible=np.array([camera.queue.visible for camera in cameras], np.float64),
            outbound=np.array([camera.outbound_backlog() for camera in cameras]),
            online=np.ones(len(cameras), np.bool_),
            arrivals=arrivals,
            throughput_ips=rates[:-1],
            uplink_bps=np.array([camera.uplink.measured_bps for camera in cameras], np.float64),
            edge_backlog=self.edge.backlog,
            edge_throughput_ips=float(rates[-1]),
            processed=np.array([camera.processed for camera in cameras], np.float64),
            busy_s=np.array([camera.device.busy_s() for camera in cameras]),
            completed=float(self.edge.completed + sum(camera.finished for camera in cameras)),
            edge_busy_s=math.fsum(device.busy_s() for device in self.edge.devices),
        )

    def columns(self, names: tuple[str, ...]) -> dict[str, np.ndarray | Categorical]:
        """Table ``reports``: a row per report and entity."""
        count, entities = self.reports, len(names)
        queue = self._queue[1 : count + 1]
        backlog = queue.astype(np.float64)
        backlog[:, -1] = self._backlog[1 : count + 1]
        return {
            "time_s": np.repeat(np.arange(1, count + 1) * self.period_s, entities),
            "entity": Categorical(np.tile(np.arange(entities, dtype=np.int32), count), names),
            "queue_units": queue.ravel(),
            "outbound_units": self._outbound[1 : count + 1].ravel(),
            "arrived_units": np.diff(self._arrived[: count + 1], axis=0).ravel(),
            "processed_units": np.diff(self._processed[: count + 1], axis=0).ravel(),
            "backlog_units": backlog.ravel(),
        }
