"""The data plane of video analytics: cameras, uplinks and edge, which move by themselves between two decisions."""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path

import numpy as np

from simedge.hardware.device import Device
from simedge.hardware.latency import Latency
from simedge.hardware.profile import read_device, read_link
from simedge.kernel import BoundedQueue, Environment, InputQueue, Streams
from simedge.metrics.quantiles import Exact, Sketched
from simedge.metrics.recorder import BatchLog
from simedge.metrics.schema import Categorical
from simedge.metrics.summary import Totals
from simedge.policies.video.interface import FloatArray, VideoSetting
from simedge.systems.faults import Breakable, Injector, fault_trace, plan
from simedge.systems.video.camera import Camera
from simedge.systems.video.capacity import capacity_ips, effective_ips
from simedge.systems.video.domain import Domain
from simedge.systems.video.edge import Edge
from simedge.systems.video.failing import Casualties, FailingCamera, FailingEdge, Gpu
from simedge.systems.video.monitor import Monitor
from simedge.systems.video.network import wired
from simedge.systems.video.record import Recorder
from simedge.systems.video.rows import Codes, RoiTable
from simedge.systems.video.scenario import CLASSIFIER_SLOWDOWN, VideoScenario
from simedge.traces.trace import RoiTrace

__all__ = ["VideoFlow"]


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
        casualties = self.casualties = Casualties(env, faults, scenario.warmup_s) if faults.active else None
        make_camera = Camera if casualties is None else partial(FailingCamera, casualties)
        make_edge = Edge if casualties is None else partial(FailingEdge, casualties)

        def device(name: str, profile: str, on: list[Latency], segments: list[list[int]]) -> Device:
            spread = profiles[profile].spread
            return Device(env, name, on, segments, spread, streams.of(name, "service") if spread else None)

        gpus = [device(name, spec.edge, on_edge, self.codes.edge) for name in spec.gpu_names]
        self.edges = []
        for at in range(spec.edges):
            mine = [gpu for gpu, edge in zip(gpus, spec.edge_of_gpu, strict=True) if edge == at]
            queue = BoundedQueue(queues.edge_units * len(mine))
            self.edges.append(make_edge(env, self.table, self.codes, queue, mine, spec.edge_batch, self.done))
        self.cameras = [
            make_camera(
                env,
                index,
                self.table,
                self.codes,
                InputQueue(queues.camera_units, queues.admission),
                BoundedQueue(queues.outbound_units),
                device(name, profile, on_camera[profile], self.codes.camera),
                self.cluster.route(name, spec.edge_names[edge]),
                self.edges[edge],
                spec.camera_batch,
                call_units,
                self.done,
                self._load,
            )
            for index, (name, profile, edge) in enumerate(
                zip(spec.names, spec.profiles, spec.edge_of_camera, strict=True)
            )
        ]
        self.names, self.edge_names = spec.names, spec.edge_names
        used = {**dict(zip(spec.names, spec.profiles, strict=True)), **dict.fromkeys(spec.gpu_names, spec.edge)}
        self.power = {name: power for name, profile in used.items() if (power := profiles[profile].power) is not None}
        self.energy_per_bit = uplink.energy_per_bit
        self._camera_ips = [
            capacity_ips(self.pipeline, mix, on_camera[name], spec.camera_batch) for name in spec.profiles
        ]
        self._gpu_ips = capacity_ips(self.pipeline, mix, on_edge, spec.edge_batch)
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
            self.edges,
            self.done,
            self.totals,
            None if casualties is None else casualties.lost,
        )
        names = (*self.names, *spec.edge_names)
        self.monitor = Monitor(
            self.cameras, self.edges, spec.edge_of_camera, names, scenario.report_period_s, horizon_s, self.totals
        )
        self.domains = [self._domain(scenario, edge) for edge in range(spec.edges)]
        self.decisions = hashlib.blake2b(digest_size=16)
        self._load()
        for camera in self.cameras:
            camera.start()
        self.injector = None if casualties is None else self._break(scenario, horizon_s, config_dir)

    @property
    def edge(self) -> Edge:
        """The edge cluster, the first if there are several."""
        return self.edges[0]

    @property
    def devices(self) -> list[Device]:
        """What computes: cameras, then GPUs."""
        gpus = [device for edge in self.edges for device in edge.devices]
        return [*(camera.device for camera in self.cameras), *gpus]

    def _domain(self, scenario: VideoScenario, edge: int) -> Domain:
        """Give one edge cluster what its policy is told, and a way to decide."""
        mine = [at for at, its_edge in enumerate(scenario.cluster.edge_of_camera) if its_edge == edge]
        gpus = len(self.edges[edge].devices)
        setting = VideoSetting(
            capacity_ips=_read_only([self._camera_ips[at] for at in mine]),
            edge_capacity_ips=self._gpu_ips * gpus,
            pipeline=self.pipeline,
            report_period_s=scenario.report_period_s,
            slo_s=scenario.slo_s,
            gpus=gpus,
        )
        return Domain(
            self.env,
            edge,
            [self.cameras[at] for at in mine],
            [self.names[at] for at in mine],
            setting,
            self.cluster,
            self.codes,
            self.monitor,
            scenario.control_delay_s,
            self._sign,
        )

    def _break(self, scenario: VideoScenario, horizon_s: float, config_dir: Path | None) -> Injector:
        """Arrange for what will break: cameras and their links, and GPUs."""
        faults, streams = scenario.faults, Streams(scenario.seed)
        traced = fault_trace(faults.trace, config_dir)[1] if faults.trace else ()
        cameras = {
            name: one for name, one in zip(self.names, self.cameras, strict=True) if isinstance(one, FailingCamera)
        }
        links = {name: camera.link for name, camera in cameras.items() if camera.link is not None}
        gpus = {
            device.name: Gpu(edge, at)
            for edge in self.edges
            if isinstance(edge, FailingEdge)
            for at, device in enumerate(edge.devices)
        }
        entities: dict[str, Breakable] = {**cameras, **gpus}
        if faults.loss_probability:
            for name, link in links.items():
                link.lossy(faults.loss_probability, streams.of(name, "loss"), faults.retry_s)
        events = plan(
            faults, traced, {"crash": [*entities], "slow": [*entities], "link_down": [*links]}, horizon_s, streams
        )
        return Injector(self.env, events, entities)

    def _load(self) -> None:
        """Take in the next window of the trace; what was logged before is booked first."""
        self.recorder.fold(self.env.now)
        for camera, frames in zip(self.cameras, self.table.load(), strict=True):
            camera.expect(*frames)

    def capacities_ips(self) -> dict[str, float]:
        """Nominal capacity of each camera and of each edge cluster, in units per second."""
        at_edges = [self._gpu_ips * len(edge.devices) for edge in self.edges]
        return dict(zip((*self.names, *self.edge_names), [*self._camera_ips, *at_edges], strict=True))

    def carried_bytes(self) -> dict[str, float]:
        """Tell what each camera's own link has carried: a backbone that contends is shared, and not counted."""
        out = self.cluster.graph.out_edges
        links = {name: next(link for _, _, link in out(name, data="link")) for name in self.names}
        return {name: link.carried_bytes if link else 0.0 for name, link in links.items()}

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
