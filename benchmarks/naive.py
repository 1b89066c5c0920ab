"""The video scenario as a SimPy user would write it first: a process per ROI, a store per queue, a resource per hop.

Baseline of `benchmarks.speed` and oracle of ``tests/analytic/test_naive_oracle.py``. It shares its inputs with simedge
(trace, draws, device and link profiles, partition plan) and nothing else: no kernel, no device, no link, no log.

Every frame has a producer that puts its ROIs into the camera's store one by one. Every ROI is a process that goes from
hop to hop, waits there until a server has taken it, then for what the server does with its batch, and writes into its
own record when that was. Servers (camera engine, uplink, GPUs) are processes that form batches of what waits.
Static partition plans only, no migration.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import simpy

from simedge.hardware.profile import LatencyTable, read_device, read_link
from simedge.policies.video.interface import PartitionPlan
from simedge.systems.video.scenario import VideoScenario
from simedge.systems.video.system import VideoSystem

__all__ = ["Inputs", "NaiveModel", "Request"]

Process = Generator[simpy.Event, Any, None]
Tables = Mapping[str, LatencyTable]


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
        Batch sizes and queue lengths.
    requests : list of Request
        The ROIs in trace order.
    plan : PartitionPlan
        The static plan of the scenario's policy.
    camera_tables, edge_tables : list of mappings, mapping
        Latency of each classifier on each camera, and on a GPU.
    rate_bps, call_s, call_units : float, float, int
        The cameras' links, and most ROIs in one call.
    horizon_s : float
        Length of the run.
    """

    scenario: VideoScenario
    requests: list[Request]
    plan: PartitionPlan
    camera_tables: list[Tables]
    edge_tables: Tables
    rate_bps: float
    call_s: float
    call_units: int
    horizon_s: float

    @classmethod
    def of(cls, system: VideoSystem) -> Inputs:
        """Take from a video system that has been built what it was built from; its static policy is asked once."""
        scenario, flow = system.scenario, system.flow
        scenario.policy.start(flow.setting, np.random.default_rng(0))
        plan = scenario.policy.decide(flow.observe()).partition
        if plan is None:
            raise ValueError("policy: the naive model knows static partition plans only")
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
            plan,
            [tables(name, spec.camera_batch) for name in spec.profiles],
            tables(spec.edge, spec.edge_batch),
            link.rate_bps if network.uplink_bps is None else network.uplink_bps,
            link.call_s if network.call_s is None else network.call_s,
            network.call_units or link.call_units,
            system.horizon_s,
        )


class Signal:
    """Wakes processes that wait for a change of a store: SimPy's own requests cannot look without taking."""

    def __init__(self, env: simpy.Environment) -> None:
        self.env = env
        self.changed = env.event()

    def fire(self) -> None:
        if self.changed.callbacks:  # somebody waits
            event, self.changed = self.changed, self.env.event()
            event.succeed()


@dataclass(eq=False)
class Roi:
    """An ROI on its way: the server that takes it triggers that hop's event with the event to wait for next."""

    request: Request
    taken: simpy.Event
    called: simpy.Event
    started: simpy.Event
    cut: int = -1
    record: dict[str, Any] = field(default_factory=dict)


def take(store: simpy.Store, at_most: int) -> Generator[simpy.Event, Any, list[Roi]]:
    """Take what waits in a store, at most so much."""
    gets = [store.get() for _ in range(min(at_most, len(store.items)))]
    rois = []
    for get in gets:
        rois.append((yield get))
    return rois


def batch_seconds(tables: Tables, parts: Sequence[Sequence[str]]) -> float:
    """Seconds of a batch: each classifier is launched once, over all ROIs of the batch that need it."""
    items: dict[str, int] = {}
    for part in parts:
        for classifier in part:
            items[classifier] = items.get(classifier, 0) + 1
    return sum(tables[classifier].latency_s(count) for classifier, count in items.items())


class Camera:
    """Source of frames, engine and uplink of one camera."""

    def __init__(self, model: NaiveModel, index: int, tables: Tables, requests: list[Request]) -> None:
        env, inputs = model.env, model.inputs
        self.env, self.edge, self.inputs, self.index, self.tables = env, model.edge, inputs, index, tables
        self.records = model.records
        queues, cluster = inputs.scenario.queues, inputs.scenario.cluster
        self.outbound_max, self.batch_max = queues.outbound_units, cluster.camera_batch
        self.queue = simpy.Store(env, queues.camera_units if queues.admission == "interleaved" else float("inf"))
        self.outbound = simpy.Store(env)
        self.filled, self.room = Signal(env), Signal(env)
        self.device = simpy.Resource(env)
        self.link = simpy.Resource(env)
        self.arrived = self.taken = self.processed = 0
        env.process(self.source(requests))
        env.process(self.engine())
        env.process(self.uplink())

    def source(self, requests: list[Request]) -> Process:
        """Let frames arrive: ROIs of one camera and one time are one frame."""
        frames: dict[float, list[Request]] = {}
        for request in requests:
            frames.setdefault(request.arrived_s, []).append(request)
        for arrived_s, frame in frames.items():
            yield self.env.timeout(max(0.0, arrived_s - self.env.now))
            self.arrived += len(frame)
            self.env.process(self.frame(frame))

    def frame(self, requests: list[Request]) -> Process:
        """Offer the ROIs of a frame one by one; each waits for its place."""
        env = self.env
        for request in requests:
            roi = Roi(request, env.event(), env.event(), env.event())
            env.process(self.roi(roi))
            yield self.queue.put(roi)

    def roi(self, roi: Roi) -> Process:
        """Follow an ROI from its camera's queue to its end."""
        env, record, request = self.env, roi.record, roi.request
        record.update(roi=request.row, camera=self.index, path=request.path)
        record.update(arrived_s=request.arrived_s, size_bytes=request.size_bytes)
        self.records.append(record)
        leaves = yield roi.taken
        record["cut"] = roi.cut
        record["taken_s"] = env.now
        yield leaves
        record["left_s"] = env.now
        self.processed += 1
        if roi.cut < len(request.classifiers):
            self.outbound.put(roi)
            self.filled.fire()
            arrives = yield roi.called
            yield arrives
            record["delivered_s"] = env.now
            self.edge.received += 1
            self.edge.queue.put(roi)
            self.edge.filled.fire()
            finishes = yield roi.started
            record["started_s"] = env.now
            yield finishes
            self.edge.completed += 1
        record["done_s"] = env.now

    def cut(self, request: Request) -> int:
        """Tell how many classifiers the camera executes."""
        plan = self.inputs.plan
        return int(plan.lower[self.index, request.path]) + (request.u >= float(plan.odds[self.index, request.path]))

    def engine(self) -> Process:
        """Form batches of what waits. What has nothing to do here is passed on at once and does not count."""
        env = self.env
        while True:
            yield env.timeout(0)  # let the uplink go first
            while len(self.outbound.items) >= self.outbound_max:
                yield self.room.changed
            roi = yield self.queue.get()
            batch, passing = [], 0
            passed, finished = env.event(), env.event()
            while True:
                self.taken += 1
                roi.cut = self.cut(roi.request)
                if roi.cut:
                    batch.append(roi)
                    roi.taken.succeed(finished)
                else:
                    passing += 1
                    roi.taken.succeed(passed)
                room = len(batch) < self.batch_max and len(self.outbound.items) + passing < self.outbound_max
                if not (room and self.queue.items):
                    break
                roi = yield self.queue.get()
            yield passed.succeed()
            if batch:
                with self.device.request() as free:
                    yield free
                    yield env.timeout(batch_seconds(self.tables, [roi.request.classifiers[: roi.cut] for roi in batch]))
                yield finished.succeed()

    def uplink(self) -> Process:
        """Carry what waits in calls, unless the edge is full."""
        env, inputs, edge = self.env, self.inputs, self.edge
        while True:
            yield env.timeout(0)  # let the edge go first
            while not self.outbound.items or edge.full:
                yield edge.room.changed if self.outbound.items else self.filled.changed
            call = yield from take(self.outbound, inputs.call_units)
            self.room.fire()
            arrived = env.event()
            for roi in call:
                roi.called.succeed(arrived)
            with self.link.request() as free:
                yield free
                size_bytes = sum(roi.request.size_bytes for roi in call)
                yield env.timeout(inputs.call_s + 8.0 * size_bytes / inputs.rate_bps)
            yield arrived.succeed()


class Edge:
    """GPUs behind one queue."""

    def __init__(self, env: simpy.Environment, inputs: Inputs) -> None:
        self.env, self.tables = env, inputs.edge_tables
        cluster = inputs.scenario.cluster
        gpus = cluster.gpus * cluster.groups
        self.queue = simpy.Store(env)
        self.queue_max, self.batch_max = inputs.scenario.queues.edge_units * gpus, cluster.edge_batch
        self.gpus = simpy.Resource(env, gpus)
        self.filled, self.room = Signal(env), Signal(env)
        self.received = self.completed = 0
        env.process(self.dispatcher())

    @property
    def full(self) -> bool:
        """Whether calls have to wait."""
        return len(self.queue.items) >= self.queue_max

    def dispatcher(self) -> Process:
        """Give what waits to the next free GPU."""
        while True:
            gpu = self.gpus.request()
            yield gpu
            while not self.queue.items:
                yield self.filled.changed
            batch = yield from take(self.queue, self.batch_max)
            self.env.process(self.execute(batch, gpu))
            if not self.full:
                self.room.fire()

    def execute(self, batch: list[Roi], gpu: simpy.resources.resource.Request) -> Process:
        """Run a batch on a GPU."""
        finished = self.env.event()
        for roi in batch:
            roi.started.succeed(finished)
        yield self.env.timeout(batch_seconds(self.tables, [roi.request.classifiers[roi.cut :] for roi in batch]))
        finished.succeed()
        self.gpus.release(gpu)


class NaiveModel:
    """Cameras and edge of one run.

    Parameters
    ----------
    inputs : Inputs
        What to run.

    Attributes
    ----------
    records : list of dict
        One per ROI that was offered to its camera's queue, in that order.
    reports : list of dict
        One per report period and entity.
    """

    def __init__(self, inputs: Inputs) -> None:
        self.inputs = inputs
        self.env = simpy.Environment()
        self.records: list[dict[str, Any]] = []
        self.reports: list[dict[str, Any]] = []
        self.edge = Edge(self.env, inputs)
        requests: list[list[Request]] = [[] for _ in inputs.camera_tables]
        for request in inputs.requests:
            requests[request.camera].append(request)
        self.cameras = [
            Camera(self, index, tables, requests[index]) for index, tables in enumerate(inputs.camera_tables)
        ]
        self.env.process(self.monitor())

    def monitor(self) -> Process:
        """Count what waits and what was done, every report period."""
        period_s, tick = self.inputs.scenario.report_period_s, 0
        while True:
            tick += 1
            yield self.env.timeout(tick * period_s - self.env.now)
            for camera in self.cameras:
                self.reports.append(
                    {
                        "time_s": self.env.now,
                        "entity": camera.index,
                        "queue_units": camera.arrived - camera.taken,
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

    def run(self) -> None:
        """Simulate from time 0 to the horizon."""
        self.env.run(until=self.inputs.horizon_s)

    def columns(self) -> dict[str, npt.NDArray[Any]]:
        """Make columns of the records: what became of every ROI of the trace, in trace order.

        Returns
        -------
        dict of (n,) arrays
            ``cut`` (-1 before it was decided), and in seconds, NaN before they ended: ``queue_s``, ``camera_s``,
            ``network_s``, ``edge_queue_s``, ``edge_s``, ``latency_s``, ``done_s``.
        """
        count = len(self.inputs.requests)
        cut = np.full(count, -1, np.int32)
        times = {name: np.full(count, np.nan) for name in ("taken_s", "left_s", "delivered_s", "started_s", "done_s")}
        for record in self.records:
            row = record["roi"]
            cut[row] = record.get("cut", -1)
            for name, column in times.items():
                column[row] = record.get(name, np.nan)
        arrived = np.array([request.arrived_s for request in self.inputs.requests])
        on_camera = ~np.isnan(times["done_s"]) & np.isnan(times["delivered_s"])
        for name in ("delivered_s", "started_s"):
            times[name][on_camera] = times["done_s"][on_camera]
        return {
            "cut": cut,
            "queue_s": times["taken_s"] - arrived,
            "camera_s": times["left_s"] - times["taken_s"],
            "network_s": times["delivered_s"] - times["left_s"],
            "edge_queue_s": times["started_s"] - times["delivered_s"],
            "edge_s": times["done_s"] - times["started_s"],
            "latency_s": times["done_s"] - arrived,
            "done_s": times["done_s"],
        }

    def report_columns(self) -> dict[str, npt.NDArray[Any]]:
        """Make columns of the reports, entity after entity within each report; totals count from time 0."""
        return (
            {name: np.array([report[name] for report in self.reports]) for name in self.reports[0]}
            if self.reports
            else {}
        )
