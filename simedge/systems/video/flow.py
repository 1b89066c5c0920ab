"""The data plane of video analytics: cameras, uplinks and edge, which move by themselves between two decisions."""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from simedge.errors import ConfigError
from simedge.hardware.device import Device
from simedge.hardware.latency import Latency
from simedge.hardware.profile import read_device, read_link
from simedge.hardware.transfer import Sender
from simedge.kernel import BoundedQueue, Environment, InputQueue, Streams
from simedge.metrics.quantiles import Exact, Sketched
from simedge.metrics.recorder import BatchLog
from simedge.metrics.schema import Categorical
from simedge.metrics.summary import Totals
from simedge.policies.video.interface import FloatArray, PartitionPlan, VideoDecision, VideoObservation, VideoSetting
from simedge.systems.faults import Injector, fault_trace, plan
from simedge.systems.video.camera import Camera
from simedge.systems.video.capacity import capacity_ips, effective_ips
from simedge.systems.video.edge import Edge
from simedge.systems.video.failing import Casualties, FailingCamera, FailingEdge, Gpu
from simedge.systems.video.monitor import Monitor
from simedge.systems.video.network import wired
from simedge.systems.video.record import Recorder
from simedge.systems.video.rows import Codes, RoiTable
from simedge.systems.video.scenario import CLASSIFIER_SLOWDOWN, VideoScenario
from simedge.traces.trace import RoiTrace

__all__ = ["VideoFlow", "control_delay_s"]


def control_delay_s(cameras: int) -> float:
    """Seconds from an observation to the moment at which the decision is in force.

    §1.5.6: balancer and partition points take 16 + 4 us for six cameras and 21 + 8 us for 24; a line through the two.

    Examples
    --------
    >>> [round(control_delay_s(n) * 1e6, 9) for n in (6, 24)]
    [20.0, 29.0]
    """
    return (17.0 + 0.5 * cameras) * 1e-6


WINDOW_ROIS = 2**14
"""ROIs of a trace that are loaded at a time."""


class VideoFlow:
    """Cameras and edge of one run.

    Parameters
    ----------
    env : Environment
        The clock.
    scenario : VideoScenario
        What to build.
    trace : RoiTrace
        Arrivals, indexed by the scenario's cameras and paths.
    horizon_s : float
        Length of the run.
    config_dir : Path, optional
        The user's folder of profiles.

    Raises
    ------
    ProfileError
        If a profile is missing or lacks a classifier or a batch size.
    """

    def __init__(
        self,
        env: Environment,
        scenario: VideoScenario,
        trace: RoiTrace,
        horizon_s: float,
        config_dir: Path | None = None,
    ) -> None:
        self.env = env
        self.pipeline = scenario.pipeline.pipeline()
        self.codes = Codes(self.pipeline, scenario.workload.mix)
        whole = scenario.record == "items"
        streams = Streams(scenario.seed if scenario.cut_seed is None else scenario.cut_seed)
        self.table = RoiTable(trace, horizon_s, streams, WINDOW_ROIS, reuse=not whole)
        self.done = BatchLog()
        spec, queues, mix = scenario.cluster, scenario.queues, dict(scenario.workload.mix)

        profiles = {name: read_device(name, config_dir) for name in dict.fromkeys([*spec.cameras, spec.edge])}

        def tables(name: str, batch: int) -> list[Latency]:
            found = [profiles[name].table(k, cost, batch) for k, cost in self.pipeline.costs.items()]
            return found if scenario.unit == "roi" else [table.slower(CLASSIFIER_SLOWDOWN) for table in found]

        on_camera = {name: tables(name, spec.camera_batch) for name in dict.fromkeys(spec.cameras)}
        on_edge = tables(spec.edge, spec.edge_batch)
        self.cluster = wired(env, scenario, horizon_s, config_dir)
        uplink = read_link(scenario.network.uplink, config_dir)
        call_units = scenario.network.call_units or uplink.call_units

        faults = scenario.faults
        casualties = self.casualties = Casualties(env, faults) if faults.active else None
        make_camera = Camera if casualties is None else partial(FailingCamera, casualties)
        make_edge = Edge if casualties is None else partial(FailingEdge, casualties)

        def device(name: str, profile: str, on: list[Latency], segments: list[list[int]]) -> Device:
            spread = profiles[profile].spread
            return Device(env, name, on, segments, spread, streams.of(name, "service") if spread else None)

        gpus = [device(name, spec.edge, on_edge, self.codes.edge) for name in spec.gpu_names]
        edge_queue = BoundedQueue(queues.edge_units * len(gpus))
        self.edge = make_edge(env, self.table, self.codes, edge_queue, gpus, spec.edge_batch, self.done)
        self.cameras = [
            make_camera(
                env,
                index,
                self.table,
                self.codes,
                InputQueue(queues.camera_units, queues.admission),
                BoundedQueue(queues.outbound_units),
                device(name, profile, on_camera[profile], self.codes.camera),
                self.cluster.route(name, "edge"),
                self.edge,
                spec.camera_batch,
                call_units,
                self.done,
                self._load,
            )
            for index, (name, profile) in enumerate(zip(spec.names, spec.profiles, strict=True))
        ]
        self.names = spec.names
        used = {**dict(zip(spec.names, spec.profiles, strict=True)), **dict.fromkeys(spec.gpu_names, spec.edge)}
        self.power = {name: power for name, profile in used.items() if (power := profiles[profile].power) is not None}
        self.energy_per_bit = uplink.energy_per_bit
        self.setting = VideoSetting(
            capacity_ips=_read_only(
                [capacity_ips(self.pipeline, mix, on_camera[name], spec.camera_batch) for name in spec.profiles]
            ),
            edge_capacity_ips=capacity_ips(self.pipeline, mix, on_edge, spec.edge_batch) * len(gpus),
            pipeline=self.pipeline,
            report_period_s=scenario.report_period_s,
            slo_s=scenario.slo_s,
            gpus=len(gpus),
        )
        self.bound_ips = sum(
            effective_ips(self.pipeline, mix, on_camera[name], spec.camera_batch) for name in spec.profiles
        ) + len(gpus) * effective_ips(self.pipeline, mix, on_edge, spec.edge_batch)
        facts = {
            "horizon_s": horizon_s,
            "warmup_s": scenario.warmup_s,
            "slo_s": scenario.slo_s,
            "unit": scenario.unit,
            "bound_ips": self.bound_ips,
            "capacity_ips": self.capacities_ips(),
        }
        self.totals = None if whole else Totals(facts, Sketched if scenario.record == "sketch" else Exact)
        self.recorder = Recorder(
            self.table,
            self.codes,
            self.pipeline,
            self.cameras,
            self.edge,
            self.done,
            self.totals,
            None if casualties is None else casualties.lost,
        )
        names = (*self.names, "edge")
        self.monitor = Monitor(self.cameras, self.edge, names, scenario.report_period_s, horizon_s, self.totals)
        self.control_delay_s = (
            control_delay_s(len(self.cameras)) if scenario.control_delay_s is None else scenario.control_delay_s
        )
        self.decisions = hashlib.blake2b(digest_size=16)
        self._load()
        for camera in self.cameras:
            camera.start()
        self.injector = None if casualties is None else self._break(scenario, horizon_s, config_dir)

    def _break(self, scenario: VideoScenario, horizon_s: float, config_dir: Path | None) -> Injector:
        """Arrange for what will break: cameras and their links, and GPUs."""
        faults, streams = scenario.faults, Streams(scenario.seed)
        traced = fault_trace(faults.trace, config_dir)[1] if faults.trace else ()
        cameras = dict(zip(self.names, self.cameras, strict=True))
        linked = [name for name in self.names if cameras[name].uplink.links]
        edge = self.edge
        assert isinstance(edge, FailingEdge)
        gpus = {device.name: Gpu(edge, at) for at, device in enumerate(edge.devices)}
        entities: dict[str, Any] = {**cameras, **gpus}
        if faults.loss_probability:
            for name in linked:
                link = cameras[name].uplink.links[0]
                assert isinstance(link, Sender)
                link.lossy(faults.loss_probability, streams.of(name, "loss"), faults.retry_s)
        events = plan(
            faults, traced, {"crash": [*entities], "slow": [*entities], "link_down": linked}, horizon_s, streams
        )
        return Injector(self.env, events, entities)

    def _load(self) -> None:
        """Take in the next window of the trace; what was logged before is booked first."""
        self.recorder.fold(self.env.now)
        for camera, frames in zip(self.cameras, self.table.load(), strict=True):
            camera.expect(*frames)

    def capacities_ips(self) -> dict[str, float]:
        """Nominal capacity of each camera and of the edge, in units per second."""
        values = [*self.setting.capacity_ips.tolist(), self.setting.edge_capacity_ips]
        return dict(zip((*self.names, "edge"), values, strict=True))

    def carried_bytes(self) -> dict[str, float]:
        """Tell what each camera's own link has carried: a backbone that contends is shared, and not counted."""
        out = self.cluster.graph.out_edges
        links = {name: next(link for _, _, link in out(name, data="link")) for name in self.names}
        return {name: link.carried_bytes if link else 0.0 for name, link in links.items()}

    def observe(self) -> VideoObservation:
        """Tell what a monitor could know now."""
        return self.monitor.observe(self.env.now)

    def apply(self, decision: VideoDecision) -> None:
        """Put a decision into force, rows migrate, plans change: after the time it takes to find it, or before time 0.

        Raises
        ------
        ConfigError
            If a policy asks for something impossible.
        """
        if self.env.now == 0.0 or self.control_delay_s == 0.0:
            self._enforce(decision)
        else:
            self.env.at(self.env.now + self.control_delay_s, lambda: self._enforce(decision))

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
        self._sign(b"migrate", np.array([source, target, rois], "<i8").tobytes())
        route = self.cluster.route(self.names[source], self.names[target])
        self.cameras[source].give(rois, route, self.cameras[target].receive)

    def _repartition(self, plan: PartitionPlan) -> None:
        shape = (len(self.cameras), len(self.pipeline.names))
        lengths = np.array([len(self.pipeline.paths[name]) for name in self.pipeline.names])
        if (
            plan.lower.shape != shape
            or not ((plan.lower >= 0) & (plan.lower < lengths) & (plan.odds >= 0) & (plan.odds <= 1)).all()
        ):
            raise ConfigError(
                f"gave a partition plan of shape {plan.lower.shape} or with cuts or odds out of range",
                where="policy",
                remedy=f"give (cameras, paths) = {shape}, 0 <= lower < vertices, 0 <= odds <= 1",
            )
        self._sign(b"partition", plan.lower.astype("<i8").tobytes() + plan.odds.astype("<f8").tobytes())
        low = (plan.lower + np.array(self.codes.first)).tolist()
        odds = plan.odds.tolist()
        for camera in self.cameras:
            camera.follow(low[camera.index], odds[camera.index])

    def _sign(self, kind: bytes, content: bytes) -> None:
        """Add a decision to the fingerprint."""
        self.decisions.update(kind + np.float64(self.env.now).tobytes() + content)

    def tables(self) -> dict[str, dict[str, np.ndarray | Categorical]]:
        """Close the books at the end of a run: tables ``rois`` and ``reports``, or none where totals are kept."""
        rois, reports = self.recorder.finish(), self.monitor.finish()
        return {"rois": rois, "reports": reports} if self.totals is None else {}


def _read_only(values: list[float]) -> FloatArray:
    array = np.array(values, np.float64)
    array.setflags(write=False)
    return array
