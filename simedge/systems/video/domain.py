"""An edge cluster with its cameras: what one policy sees, and where its decisions come into force."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from simedge.errors import ConfigError
from simedge.hardware.cluster import Cluster
from simedge.kernel import Environment
from simedge.policies.video.interface import PartitionPlan, VideoDecision, VideoObservation, VideoSetting
from simedge.systems.video.camera import Camera
from simedge.systems.video.monitor import Monitor
from simedge.systems.video.rows import Codes

__all__ = ["Domain", "control_delay_s"]


def control_delay_s(cameras: int) -> float:
    """Seconds from an observation to the moment at which the decision is in force.

    §1.5.6: balancer and partition points take 16 + 4 us for six cameras and 21 + 8 us for 24; a line through the two.

    Examples
    --------
    >>> [round(control_delay_s(n) * 1e6, 9) for n in (6, 24)]
    [20.0, 29.0]
    """
    return (17.0 + 0.5 * cameras) * 1e-6


class Domain:
    """The flow of one edge cluster, as its policy meets it. Indices of cameras are those within the cluster.

    Parameters
    ----------
    env : Environment
        The clock.
    edge : int
        Which edge cluster, from 0.
    cameras : sequence of Camera
        Its cameras.
    names : sequence of str
        Their names.
    setting : VideoSetting
        What its policy is told at the start.
    cluster : Cluster
        The network.
    codes : Codes
        How cuts are coded.
    monitor : Monitor
        Who reports.
    delay_s : float or None
        Time from an observation until the decision is in force; None: as measured, by the number of cameras.
    sign : callable
        Adds a decision to the fingerprint: its kind and its content.
    """

    def __init__(
        self,
        env: Environment,
        edge: int,
        cameras: Sequence[Camera],
        names: Sequence[str],
        setting: VideoSetting,
        cluster: Cluster,
        codes: Codes,
        monitor: Monitor,
        delay_s: float | None,
        sign: Callable[[bytes, bytes], None],
    ) -> None:
        self.cameras, self.names, self.setting = cameras, names, setting
        self.control_delay_s = control_delay_s(len(cameras)) if delay_s is None else delay_s
        self._env, self._edge, self._cluster, self._codes = env, edge, cluster, codes
        self._monitor, self._sign = monitor, sign

    def observe(self) -> VideoObservation:
        """Tell what a monitor could know now."""
        return self._monitor.observe(self._env.now, self._edge)

    def apply(self, decision: VideoDecision) -> None:
        """Put a decision into force, rows migrate, plans change: after the time it takes to find it, or before time 0.

        Raises
        ------
        ConfigError
            If a policy asks for something impossible.
        """
        if self._env.now == 0.0 or self.control_delay_s == 0.0:
            self._enforce(decision)
        else:
            self._env.at(self._env.now + self.control_delay_s, lambda: self._enforce(decision))

    def _enforce(self, decision: VideoDecision) -> None:
        for move in decision.migrations:
            self._migrate(move.source, move.target, move.rois)
        if decision.partition is not None:
            self._repartition(decision.partition)

    def _migrate(self, source: int, target: int, rois: int) -> None:
        count = len(self.cameras)
        if not (0 <= source < count and 0 <= target < count and source != target and rois >= 0):
            raise ConfigError(
                f"asked to migrate {rois} ROIs from camera {source} to {target}",
                where="policy",
                remedy=f"cameras are 0 to {count - 1}",
            )
        giver, taker = self.cameras[source], self.cameras[target]
        self._sign(b"migrate", np.array([giver.index, taker.index, rois], "<i8").tobytes())
        giver.give(rois, self._cluster.route(self.names[source], self.names[target]), taker.receive)

    def _repartition(self, plan: PartitionPlan) -> None:
        pipeline = self.setting.pipeline
        shape = (len(self.cameras), len(pipeline.names))
        lengths = np.array([len(pipeline.paths[name]) for name in pipeline.names])
        if (
            plan.lower.shape != shape
            or not ((plan.lower >= 0) & (plan.lower < lengths) & (plan.odds >= 0) & (plan.odds <= 1)).all()
        ):
            raise ConfigError(
                f"gave a partition plan of shape {plan.lower.shape} or with cuts or odds out of range",
                where="policy",
                remedy=f"give (cameras, paths) = {shape}, 0 <= lower < vertices, 0 <= odds <= 1",
            )
        kind = b"partition" if self._edge == 0 else f"partition {self._edge}".encode()
        self._sign(kind, plan.lower.astype("<i8").tobytes() + plan.odds.astype("<f8").tobytes())
        low = (plan.lower + np.array(self._codes.first)).tolist()
        for camera, lower, odds in zip(self.cameras, low, plan.odds.tolist(), strict=True):
            camera.follow(lower, odds)
