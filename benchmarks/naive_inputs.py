"""What the naive model and simedge both start from: arrivals, draws, profiles, the policy and what it is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from simedge.hardware.latency import Latency
from simedge.hardware.profile import read_device, read_link
from simedge.kernel import Streams
from simedge.policies.video.interface import VideoPolicy, VideoSetting
from simedge.systems.video.scenario import VideoScenario
from simedge.systems.video.system import VideoSystem

__all__ = ["Inputs", "Request", "Tables"]

Tables = Mapping[str, Latency]


class Request(NamedTuple):
    """One ROI of the trace: row, time, camera, classifiers it needs in order, payload, and its draw for the cut."""

    row: int
    arrived_s: float
    camera: int
    path: int
    classifiers: tuple[str, ...]
    size_bytes: float
    u: float


@dataclass(frozen=True)
class Inputs:
    """What both models start from.

    Attributes
    ----------
    scenario : VideoScenario
        Batch sizes, queue lengths, report period.
    requests : list of Request
        The ROIs in trace order.
    policy : VideoPolicy
        The scenario's policy, unless another is given. Both models run it, one after the other, each on what it
        observes itself.
    setting, rng
        What the policy is told at the start.
    mean_cost : float
        Mean cost of an ROI, in the unit of the pipeline's costs.
    control_delay_s : float
        Time from an observation until the decision is in force.
    camera_tables, edge_tables : list of mappings, mapping
        Latency of each classifier on each camera, and on a GPU.
    rate_bps, call_s, call_units : float, float, int
        The cameras' links, and most ROIs in one call.
    horizon_s : float
        Length of the run.
    """

    scenario: VideoScenario
    requests: list[Request]
    policy: VideoPolicy
    setting: VideoSetting
    rng: np.random.Generator
    mean_cost: float
    control_delay_s: float
    camera_tables: list[Tables]
    edge_tables: Tables
    rate_bps: float
    call_s: float
    call_units: int
    horizon_s: float

    @classmethod
    def of(cls, system: VideoSystem, policy: VideoPolicy | None = None) -> Inputs:
        """Take from a video system that has been built what it was built from."""
        scenario, flow = system.scenario, system.flow
        trace = flow.table.trace
        paths = [flow.pipeline.paths[name] for name in trace.paths]
        columns = (
            trace.arrived_s.tolist(),
            trace.camera.tolist(),
            trace.path.tolist(),
            trace.size_bytes.tolist(),
            flow.table.u,
        )
        requests = [
            Request(row, arrived_s, camera, path, paths[path], size_bytes, u)
            for row, (arrived_s, camera, path, size_bytes, u) in enumerate(zip(*columns, strict=True))
        ]

        def tables(name: str, batch: int) -> Tables:
            profile = read_device(name)
            return {k: profile.table(k, cost, batch) for k, cost in flow.pipeline.costs.items()}

        spec, network = scenario.cluster, scenario.network
        link = read_link(network.uplink)
        return cls(
            scenario,
            requests,
            policy or scenario.policy,
            flow.domains[0].setting,
            Streams(scenario.seed).of("policy", "decisions"),
            flow.pipeline.mean_cost(scenario.workload.mix),
            flow.domains[0].control_delay_s,
            [tables(name, spec.camera_batch) for name in spec.profiles],
            tables(spec.edge, spec.edge_batch),
            link.rate_bps if network.uplink_bps is None else network.uplink_bps,
            link.call_s if network.call_s is None else network.call_s,
            network.call_units or link.call_units,
            system.horizon_s,
        )

    def work(self, classifiers: Sequence[str]) -> float:
        """Cost of some classifiers, in mean ROIs."""
        return sum(self.setting.pipeline.costs[k] for k in classifiers) / self.mean_cost
