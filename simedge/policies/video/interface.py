"""The contract of video analytics policies: Setting, Observation, Decision, Policy.

Plain numbers and arrays in, plain numbers and arrays out: the same objects could run a real cluster.
"C" counts cameras, "P" the paths of the pipeline, "R" monitor reports.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from simedge.policies.video.pipeline import Pipeline

__all__ = [
    "BoolArray",
    "FloatArray",
    "IntArray",
    "Migration",
    "PartitionPlan",
    "VideoDecision",
    "VideoObservation",
    "VideoPolicy",
    "VideoSetting",
]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class VideoSetting:
    """What never changes during a run.

    Attributes
    ----------
    capacity_ips : (C,) float array
        Nominal rate of each camera in whole units per second, for the scenario's mix of paths at full batches.
    edge_capacity_ips : float
        The same for the whole edge cluster.
    pipeline : Pipeline
        Paths with their normalised accumulated costs (Fig. 1.7).
    report_period_s : float
        Time between two monitor reports (§1.4: 50 ms).
    slo_s : float
        Latency objective (§1.5.1: 3 s).
    gpus : int
        GPUs of the edge cluster.
    foresight : callable or None
        ``foresight(now_s, horizon_s)`` gives the units that will arrive at each camera in that time, (C,). Only a
        simulator can know; it gives it to policies alone whose `needs_foresight` is true, and says so in the results.
    """

    capacity_ips: FloatArray
    edge_capacity_ips: float
    pipeline: Pipeline
    report_period_s: float = 0.05
    slo_s: float = 3.0
    gpus: int = 1
    foresight: Callable[[float, float], FloatArray] | None = None

    @property
    def cameras(self) -> int:
        """Number of cameras, C."""
        return len(self.capacity_ips)


@dataclass(frozen=True, slots=True, eq=False)
class VideoObservation:
    """What a monitor on a real cluster could know at one report.

    Attributes
    ----------
    now_s : float
        Time since the start.
    backlog : (C,) float array
        Units in each camera's queue, waiting frames included.
    visible : (C,) float array
        Units of it that could be migrated now.
    outbound : (C,) float array
        Work waiting for each camera's uplink, in whole-unit equivalents of its remaining cost.
    online : (C,) bool array
        Cameras that answer.
    arrivals : (R, C) float array
        Units that arrived in each of the R reports since the policy was last asked, of the last minute at most.
    throughput_ips : (C,) float array
        Units per second that left each camera's engine, over the monitor's window.
    uplink_bps : (C,) float array
        Measured rate of each uplink while it was busy; NaN before the first message.
    edge_backlog : float
        Work queued at the edge, in whole-unit equivalents of remaining cost.
    edge_throughput_ips : float
        Units per second completed at the edge, over the monitor's window.
    processed : (C,) float array
        Units that have left each camera's engine since the start, those it only passed on included.
    busy_s : (C,) float array
        Seconds that each camera has executed since the start.
    completed : float
        Units completed in the whole system since the start.
    edge_busy_s : float
        Seconds that the GPUs have executed since the start, all together.
    """

    now_s: float
    backlog: FloatArray
    visible: FloatArray
    outbound: FloatArray
    online: BoolArray
    arrivals: FloatArray
    throughput_ips: FloatArray
    uplink_bps: FloatArray
    edge_backlog: float
    edge_throughput_ips: float
    processed: FloatArray
    busy_s: FloatArray
    completed: float
    edge_busy_s: float


@dataclass(frozen=True, slots=True)
class Migration:
    """Ask camera `source` to hand its `rois` oldest visible units to camera `target` (indices)."""

    source: int
    target: int
    rois: int


@dataclass(frozen=True, slots=True, eq=False)
class PartitionPlan:
    """Where each camera cuts each path: after vertex `lower` with probability `odds`, else one vertex later.

    Attributes
    ----------
    lower : (C, P) int array
        Number of vertices executed on the camera in the shorter of the two cuts; 0 means none.
    odds : (C, P) float array
        Probability of the shorter cut, in [0, 1] (P_B of Eq. 1.5). A unit with uniform draw `u` takes the shorter
        cut when ``u < odds``, so a rising partition point moves every unit towards the camera or not at all.
    """

    lower: IntArray
    odds: FloatArray

    def __post_init__(self) -> None:
        if self.lower.shape != self.odds.shape or self.lower.ndim != 2:
            raise ValueError(f"lower {self.lower.shape} and odds {self.odds.shape} must both be (cameras, paths)")
        self.lower.setflags(write=False)
        self.odds.setflags(write=False)


@dataclass(frozen=True, slots=True, eq=False)
class VideoDecision:
    """What is asked for; ``None`` keeps what is in force."""

    migrations: tuple[Migration, ...] = field(default=())
    partition: PartitionPlan | None = None


@runtime_checkable
class VideoPolicy(Protocol):
    """Who decides. Implementations are dataclasses whose fields are their parameters."""

    def start(self, setting: VideoSetting, rng: np.random.Generator) -> None:
        """Begin a run: forget everything and learn what never changes."""

    def due(self, now_s: float) -> bool:
        """Tell whether the policy wants to be asked at this report; called at time 0 and at every report."""
        ...

    def decide(self, observation: VideoObservation) -> VideoDecision:
        """Answer one observation."""
        ...
