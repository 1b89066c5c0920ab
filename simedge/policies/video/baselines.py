"""The rivals of §1.5.1: Centralized, Camera-Only and VideoEdge-Lossless. All decide once, at time 0."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from simedge.policies.video.interface import VideoDecision, VideoObservation, VideoSetting
from simedge.policies.video.partitioner import partition_plan, proportional_point

__all__ = ["CameraOnly", "Centralized", "VideoEdgeL"]


class _Static(ABC):
    """A workload-agnostic policy: one partition point for all cameras, decided at the first report."""

    def start(self, setting: VideoSetting, rng: np.random.Generator) -> None:
        """Learn the setting; the generator is not used."""
        del rng
        self._setting = setting
        self._decided = False

    def due(self, now_s: float) -> bool:
        """Only once."""
        del now_s
        return not self._decided

    def decide(self, observation: VideoObservation) -> VideoDecision:
        """Give every camera the same partition point."""
        del observation
        self._decided = True
        points = np.full(self._setting.cameras, self._point(self._setting))
        return VideoDecision(partition=partition_plan(self._setting.pipeline, points))

    @abstractmethod
    def _point(self, setting: VideoSetting) -> float:
        """Return the partition point, `par`, of all cameras."""


@dataclass
class Centralized(_Static):
    """Everything at the edge cluster (VideoStorm, Chameleon, NoScope): par = 0."""

    def _point(self, setting: VideoSetting) -> float:
        del setting
        return 0.0


@dataclass
class CameraOnly(_Static):
    """Everything on the camera that saw it (FilterForward): par = 1."""

    def _point(self, setting: VideoSetting) -> float:
        del setting
        return 1.0


@dataclass
class VideoEdgeL(_Static):
    """VideoEdge without its resource-accuracy trade-off: a static split by compute capacity.

    Attributes
    ----------
    partition_point : float or None
        `par` in [0, 1]. None: the ratio of one mean camera to the edge cluster, c / (c + E).

    Notes
    -----
    §1.5.1 says "the camera-cluster compute ratio". Read as all cameras against the cluster it gives twice the
    published gain; read as one camera against the cluster, about 1/8, it gives the published one. See
    docs/decisions/0006-videoedge-ratio.md.
    """

    partition_point: float | None = None

    def __post_init__(self) -> None:
        if self.partition_point is not None and not 0.0 <= self.partition_point <= 1.0:
            raise ValueError(f"partition_point: {self.partition_point} is not in [0, 1]")

    def _point(self, setting: VideoSetting) -> float:
        if self.partition_point is not None:
            return self.partition_point
        return proportional_point(float(np.mean(setting.capacity_ips)), setting.edge_capacity_ips)
