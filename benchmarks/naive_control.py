"""Monitor and policy of the naive model: processes that read its stores and counters, and put decisions into force."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Generator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import simpy

from benchmarks.naive_inputs import Inputs
from simedge.policies.video.interface import PartitionPlan, VideoDecision, VideoObservation
from simedge.policies.video.partitioner import partition_plan, static_point

if TYPE_CHECKING:
    from benchmarks.naive import Camera, Edge, Roi

__all__ = ["Control", "first_plan"]

WINDOW_S = 1.0


def first_plan(inputs: Inputs) -> PartitionPlan:
    """Return the plan in force until the policy decides: all cameras against all compute."""
    setting = inputs.setting
    return partition_plan(setting.pipeline, np.full(setting.cameras, static_point(setting)))


class Control:
    """Reports every report period, and asks the policy when it is due: then, and at time 0.

    Parameters
    ----------
    env : simpy.Environment
        The clock.
    inputs : Inputs
        The policy and what it is told.
    cameras, edge
        What is watched and controlled.

    Attributes
    ----------
    reports : list of dict
        One per report period and entity.
    """

    def __init__(self, env: simpy.Environment, inputs: Inputs, cameras: list[Camera], edge: Edge) -> None:
        self.env, self.inputs, self.cameras, self.edge = env, inputs, cameras, edge
        self.reports: list[dict[str, Any]] = []
        self.arrived = [[0] * len(cameras)]  # totals at time 0 and at each report
        self.processed = [[0] * (len(cameras) + 1)]
        self.observed = 0  # reports that the policy knows
        env.process(self.monitor())

    def monitor(self) -> Generator[simpy.Event, Any, None]:
        """Ask the policy at time 0; report, and ask it, every report period."""
        policy, setting = self.inputs.policy, self.inputs.setting
        if getattr(policy, "needs_foresight", False):
            setting = replace(setting, foresight=self.foresight)
        policy.start(setting, self.inputs.rng)
        self.ask()
        tick = 0
        while True:
            tick += 1
            yield self.env.timeout(tick * self.inputs.scenario.report_period_s - self.env.now)
            self.report()
            self.ask()

    def report(self) -> None:
        """Count what waits and what was done."""
        for camera in self.cameras:
            self.reports.append(
                {
                    "time_s": self.env.now,
                    "entity": camera.index,
                    "queue_units": camera.backlog,
                    "outbound_units": len(camera.outbound.items),
                    "arrived_total": camera.arrived,
                    "processed_total": camera.processed,
                }
            )
        self.reports.append(
            {
                "time_s": self.env.now,
                "entity": len(self.cameras),
                "queue_units": len(self.edge.queue.items),
                "outbound_units": 0,
                "arrived_total": self.edge.received,
                "processed_total": self.edge.completed,
            }
        )
        self.arrived.append([camera.arrived for camera in self.cameras])
        self.processed.append([*(camera.processed for camera in self.cameras), self.edge.completed])

    def ask(self) -> None:
        """Observe, decide, and put the decision into force a little later."""
        if self.inputs.policy.due(self.env.now):
            self.env.process(self.enforce(self.inputs.policy.decide(self.observe())))

    def enforce(self, decision: VideoDecision) -> Generator[simpy.Event, Any, None]:
        """Migrate ROIs, then change plans; at once at time 0."""
        if self.env.now > 0.0 and self.inputs.control_delay_s > 0.0:
            yield self.env.timeout(self.inputs.control_delay_s)
        for move in decision.migrations:
            yield from self.cameras[move.source].give(move.rois, self.cameras[move.target])
        if decision.partition is not None:
            for camera in self.cameras:
                yield from camera.follow(decision.partition)

    def observe(self) -> VideoObservation:
        """Tell what the reports say, and what can be read now."""
        cameras, edge = self.cameras, self.edge
        last = len(self.processed) - 1
        before = max(0, last - max(1, round(WINDOW_S / self.inputs.scenario.report_period_s)))
        span_s = max(1, last - before) * self.inputs.scenario.report_period_s
        *camera_ips, edge_ips = (
            (now - then) / span_s for now, then in zip(self.processed[last], self.processed[before], strict=True)
        )
        totals = np.array(self.arrived[self.observed :], np.float64)
        self.observed = last
        return VideoObservation(
            now_s=self.env.now,
            backlog=np.array([float(camera.backlog) for camera in cameras]),
            visible=np.array([float(len(camera.queue.items)) for camera in cameras]),
            outbound=np.array([self.remaining(camera.outbound.items) for camera in cameras]),
            online=np.full(len(cameras), True),
            arrivals=totals[1:] - totals[:-1],
            throughput_ips=np.array(camera_ips),
            uplink_bps=np.array([camera.measured_bps for camera in cameras]),
            edge_backlog=self.remaining(edge.queue.items),
            edge_throughput_ips=edge_ips,
            processed=np.array([float(camera.processed) for camera in cameras]),
            busy_s=np.array([camera.busy.until_now_s() for camera in cameras]),
            completed=float(edge.completed + sum(camera.completed for camera in cameras)),
            edge_busy_s=edge.busy.until_now_s(),
        )

    def remaining(self, rois: list[Roi]) -> float:
        """Work left of ROIs that have been cut, in mean units."""
        return math.fsum(self.inputs.work(roi.request.classifiers[roi.cut :]) for roi in rois)

    def foresight(self, now_s: float, horizon_s: float) -> npt.NDArray[np.float64]:
        """Count what will arrive at each camera: for policies that ask for an oracle."""
        requests = self.inputs.requests
        begin, end = (
            bisect_right(requests, t, key=lambda request: request.arrived_s) for t in (now_s, now_s + horizon_s)
        )
        counts = np.zeros(len(self.cameras))
        for request in requests[begin:end]:
            counts[request.camera] += 1.0
        return counts
