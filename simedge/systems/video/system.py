"""Video analytics in simulated time: the flow, the monitor that ticks, and the policy that is asked."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from simedge.errors import ConfigError
from simedge.kernel import Environment, Streams
from simedge.policies.video.interface import FloatArray, VideoDecision
from simedge.policies.video.partitioner import partition_plan, static_point
from simedge.systems.base import Progress, System
from simedge.systems.video.domain import Domain
from simedge.systems.video.flow import VideoFlow
from simedge.systems.video.scenario import CLIP_S, VideoScenario
from simedge.systems.video.workload import arrivals, inputs

__all__ = ["VideoSystem"]


class VideoSystem(System):
    """One run of smart cameras and an edge cluster under a policy.

    Parameters
    ----------
    scenario : VideoScenario
        The configuration.
    config_dir : Path, optional
        The user's own folder of traces and profiles.

    Raises
    ------
    InputError
        If a trace or profile is missing, malformed, or does not fit.
    """

    configuration: ClassVar[type] = VideoScenario

    def __init__(self, scenario: VideoScenario, config_dir: Path | None = None) -> None:
        self.scenario = scenario
        self._inputs = inputs(scenario, config_dir)
        trace = arrivals(scenario, config_dir)
        self._arrivals = trace.digest()
        recorded_s = trace.duration_s if scenario.workload.kind == "recorded" else CLIP_S
        self.horizon_s = float(scenario.horizon_s or recorded_s)
        try:
            scenario.check_horizon(self.horizon_s)
        except ValueError as problem:
            raise ConfigError(str(problem), remedy="give another horizon_s") from None
        self.env = Environment()
        self.flow = VideoFlow(self.env, scenario, trace, self.horizon_s, config_dir)
        # Of several edge clusters each has a policy of its own.
        copies = [copy.deepcopy(scenario.policy) for _ in self.flow.edges[1:]]
        self.policies = [scenario.policy, *copies]
        self._asked = list(zip(self.flow.domains, self.policies, strict=True))
        self.foresight = bool(getattr(scenario.policy, "needs_foresight", False))
        self._progress: Progress | None = None

    def run(self, progress: Progress | None = None) -> None:
        """Simulate from time 0 to the horizon.

        Until the policy decides otherwise every camera's partition point is the ratio of all cameras to all compute.
        """
        self._progress = progress
        streams = Streams(self.scenario.seed)
        for domain, policy, name in zip(self.flow.domains, self.policies, self.flow.edge_names, strict=True):
            setting = domain.setting
            first = np.full(setting.cameras, static_point(setting))
            domain.apply(VideoDecision(partition=partition_plan(setting.pipeline, first)))
            if self.foresight:
                setting = replace(setting, foresight=self._foresight(domain))
            policy.start(setting, streams.of("policy" if len(self.policies) == 1 else f"policy {name}", "decisions"))
        self._ask()
        self.env.every(self.scenario.report_period_s, self._tick)
        self.env.run(until=self.horizon_s)

    def _foresight(self, domain: Domain) -> Callable[[float, float], FloatArray]:
        own = [camera.index for camera in domain.cameras]
        return lambda now_s, horizon_s: self.flow.table.arriving(now_s, horizon_s)[own]

    def _tick(self) -> None:
        self.flow.monitor.report()
        self._ask()
        if self._progress is not None:
            self._progress(self.env.now, self.horizon_s)

    def _ask(self) -> None:
        for domain, policy in self._asked:
            if policy.due(self.env.now):
                self.control(domain, policy)

    def finish(self) -> tuple[Mapping[str, Mapping[str, Any]], dict[str, Any]]:
        """Return tables ``rois`` and ``reports``, or none, and the facts of the run."""
        flow, scenario = self.flow, self.scenario
        tables = flow.tables()
        facts = {
            "scenario": scenario.name,
            "system": "video",
            "seed": scenario.seed,
            "horizon_s": self.horizon_s,
            "warmup_s": scenario.warmup_s,
            "slo_s": scenario.slo_s,
            "unit": scenario.unit,
            "workload": scenario.workload.kind,
            "arrivals": self._arrivals,
            "foresight": self.foresight,
            "control_delay_s": flow.domains[0].control_delay_s,
            "fingerprint": flow.recorder.fingerprint(flow.decisions.digest()),
            "kernel_events": self.env.events(),
            "capacity_ips": flow.capacities_ips(),
            "bound_ips": flow.bound_ips,
            "busy_s": {device.name: device.busy_s() for device in flow.devices},
            "path_lengths": {name: len(vertices) for name, vertices in flow.pipeline.paths.items()},
            "bytes": flow.carried_bytes(),
            "migrated_units": sum(camera.moved_units for camera in flow.cameras),
            "migration_calls": sum(camera.moved_calls for camera in flow.cameras),
            "inputs": self._inputs,
        }
        if flow.casualties is not None and flow.injector is not None:
            facts["faults"] = flow.casualties.facts() | {
                "counts": dict(flow.injector.counts),
                "down_s": flow.injector.down_s(),
            }
        if flow.power:
            facts["power_w"] = flow.power
        if flow.energy_per_bit is not None:
            facts["energy_per_bit"] = flow.energy_per_bit
        if flow.totals is not None:
            self.metrics, self.curves = flow.totals.metrics(flow.names, facts), flow.totals.curves()
        return tables, facts
