"""The video scenario as a SimPy user would write it first: a process per ROI, a store per queue, a resource per hop.

Baseline of `benchmarks.speed` and oracle of ``tests/analytic/test_naive_oracle.py``. It shares its inputs with simedge
(`benchmarks.naive_inputs`: trace, draws, device and link profiles, policy and setting) and nothing else: no kernel, no
device, no link, no flow, no monitor, no log.

Every frame has a producer that puts its ROIs into the camera's store one by one. Every ROI is a process that goes from
hop to hop, waits there until a server has taken it, then for what the server does with its batch, and writes into its
own record when that was. Servers (camera engine, uplink, GPUs) are processes that form batches of what waits. A policy
is asked, and obeyed, by the processes of `benchmarks.naive_control`.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import simpy

from benchmarks.naive_control import Control, first_plan
from benchmarks.naive_inputs import Inputs, Request, Tables
from simedge.policies.video.interface import PartitionPlan

__all__ = ["Camera", "Edge", "NaiveModel", "Roi"]

Process = Generator[simpy.Event, Any, None]


class Signal:
    """Wakes processes that wait for a change of a store: SimPy's own requests cannot look without taking."""

    def __init__(self, env: simpy.Environment) -> None:
        self.env = env
        self.changed = env.event()

    def fire(self) -> None:
        if self.changed.callbacks:  # somebody waits
            event, self.changed = self.changed, self.env.event()
            event.succeed()


class CameraQueue(simpy.FilterStore):
    """Store with a capacity above which migrated ROIs are let in."""

    def accept(self, roi: Roi) -> None:
        self.items.append(roi)
        self._trigger_get(None)


class Busy:
    """Lets batches last, and counts the seconds: of a batch under way those until now."""

    def __init__(self, env: simpy.Environment) -> None:
        self.env = env
        self.over_s = 0.0
        self.begun_s: list[float] = []

    def last(self, seconds: float) -> Process:
        begin_s = self.env.now
        self.begun_s.append(begin_s)
        yield self.env.timeout(seconds)
        self.begun_s.remove(begin_s)
        self.over_s += seconds

    def until_now_s(self) -> float:
        return self.over_s + sum(self.env.now - begin_s for begin_s in self.begun_s)


@dataclass(eq=False)
class Roi:
    """An ROI on its way: the server that takes it triggers that hop's event with the event to wait for next.

    `taken` also says at which camera the ROI will be when that has come: another one if it migrates.
    """

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
        self.queue = CameraQueue(env, queues.camera_units if queues.admission == "interleaved" else float("inf"))
        self.outbound = simpy.Store(env)
        self.filled, self.room = Signal(env), Signal(env)
        self.device, self.busy = simpy.Resource(env), Busy(env)
        self.link, self.measured_bps = simpy.Resource(env), float("nan")
        self.plan = first_plan(inputs)
        self.backlog = self.arrived = self.processed = self.completed = 0
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
            self.backlog += len(frame)
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
        env, edge, record, request, camera = self.env, self.edge, roi.record, roi.request, self
        record.update(roi=request.row, camera=self.index, path=request.path)
        record.update(arrived_s=request.arrived_s, size_bytes=request.size_bytes, migrations=0, moved_s=0.0)
        self.records.append(record)
        place, leaves = yield roi.taken
        while place is not camera:
            begin_s = env.now
            yield leaves
            record["migrations"] += 1
            record["moved_s"] += env.now - begin_s
            camera, roi.taken = place, env.event()
            camera.backlog += 1
            camera.queue.accept(roi)
            place, leaves = yield roi.taken
        record["processed_by"] = camera.index
        record["cut"] = roi.cut
        record["taken_s"] = env.now
        yield leaves
        record["left_s"] = env.now
        camera.processed += 1
        if roi.cut < len(request.classifiers):
            camera.outbound.put(roi)
            camera.filled.fire()
            arrives = yield roi.called
            yield arrives
            record["delivered_s"] = env.now
            edge.received += 1
            edge.queue.put(roi)
            edge.filled.fire()
            finishes = yield roi.started
            record["started_s"] = env.now
            yield finishes
            edge.completed += 1
        else:
            camera.completed += 1
        record["done_s"] = env.now

    def cut(self, roi: Roi) -> int:
        """Tell how many classifiers the camera would execute."""
        place = self.index, roi.request.path
        return int(self.plan.lower[place]) + (roi.request.u >= float(self.plan.odds[place]))

    def follow(self, plan: PartitionPlan) -> Process:
        """Follow a new plan; visible ROIs that it leaves wholly to the edge are passed on at once."""
        self.plan = plan
        passed = self.env.event()
        for _ in range(sum(self.cut(roi) == 0 for roi in self.queue.items)):
            roi = yield self.queue.get(lambda roi: self.cut(roi) == 0)
            self.backlog -= 1
            roi.cut = 0
            roi.taken.succeed((self, passed))
        yield passed.succeed()

    def give(self, rois: int, target: Camera) -> Process:
        """Migrate the oldest visible ROIs, in calls that wait for this camera's link like all others."""
        moving = []
        for _ in range(min(rois, len(self.queue.items))):  # one by one, so that producers can refill the places
            moving.append((yield self.queue.get()))
            self.backlog -= 1
        units = self.inputs.call_units
        for begin in range(0, len(moving), units):
            self.env.process(self.migrate(moving[begin : begin + units], target))

    def migrate(self, call: list[Roi], target: Camera) -> Process:
        """Carry a call to another camera."""
        arrived = self.env.event()
        for roi in call:
            roi.taken.succeed((target, arrived))
        yield from self.carry(call)
        arrived.succeed()

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
                self.backlog -= 1
                roi.cut = self.cut(roi)
                if roi.cut:
                    batch.append(roi)
                    roi.taken.succeed((self, finished))
                else:
                    passing += 1
                    roi.taken.succeed((self, passed))
                room = len(batch) < self.batch_max and len(self.outbound.items) + passing < self.outbound_max
                if not (room and self.queue.items):
                    break
                roi = yield self.queue.get()
            yield passed.succeed()
            if batch:
                with self.device.request() as free:
                    yield free
                    parts = [roi.request.classifiers[: roi.cut] for roi in batch]
                    yield from self.busy.last(batch_seconds(self.tables, parts))
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
            yield from self.carry(call)
            yield arrived.succeed()

    def carry(self, call: list[Roi]) -> Process:
        """Wait for the link, and for the call to be over."""
        size_bytes = sum(roi.request.size_bytes for roi in call)
        with self.link.request() as free:
            yield free
            yield self.env.timeout(self.inputs.call_s + 8.0 * size_bytes / self.inputs.rate_bps)
        if size_bytes:
            self.measured_bps = self.inputs.rate_bps


class Edge:
    """GPUs behind one queue."""

    def __init__(self, env: simpy.Environment, inputs: Inputs) -> None:
        self.env, self.tables = env, inputs.edge_tables
        cluster = inputs.scenario.cluster
        gpus = cluster.gpus * cluster.groups
        self.queue = simpy.Store(env)
        self.queue_max, self.batch_max = inputs.scenario.queues.edge_units * gpus, cluster.edge_batch
        self.gpus, self.busy = simpy.Resource(env, gpus), Busy(env)
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
        parts = [roi.request.classifiers[roi.cut :] for roi in batch]
        yield from self.busy.last(batch_seconds(self.tables, parts))
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
    control : Control
        With the monitor's reports.
    """

    def __init__(self, inputs: Inputs) -> None:
        self.inputs = inputs
        self.env = simpy.Environment()
        self.records: list[dict[str, Any]] = []
        self.edge = Edge(self.env, inputs)
        requests: list[list[Request]] = [[] for _ in inputs.camera_tables]
        for request in inputs.requests:
            requests[request.camera].append(request)
        self.cameras = [
            Camera(self, index, tables, requests[index]) for index, tables in enumerate(inputs.camera_tables)
        ]
        self.control = Control(self.env, inputs, self.cameras, self.edge)

    def run(self) -> None:
        """Simulate from time 0 to the horizon."""
        self.env.run(until=self.inputs.horizon_s)

    def columns(self) -> dict[str, npt.NDArray[Any]]:
        """Make columns of the records: what became of every ROI of the trace, in trace order.

        Returns
        -------
        dict of (n,) arrays
            ``cut`` (-1 before it was decided), ``processed_by`` (index of the camera that took it, of the one that saw
            it before), ``migrations``, and in seconds, NaN before they ended: ``queue_s`` (in camera queues),
            ``camera_s``, ``network_s`` (migrations and call), ``edge_queue_s``, ``edge_s``, ``latency_s``, ``done_s``.
        """
        count = len(self.inputs.requests)
        cut, migrations = np.full(count, -1, np.int32), np.zeros(count, np.int32)
        processed_by = np.array([request.camera for request in self.inputs.requests], np.int32)
        moved = np.zeros(count)
        times = {name: np.full(count, np.nan) for name in ("taken_s", "left_s", "delivered_s", "started_s", "done_s")}
        for record in self.records:
            row = record["roi"]
            cut[row] = record.get("cut", -1)
            processed_by[row] = record.get("processed_by", processed_by[row])
            migrations[row], moved[row] = record["migrations"], record["moved_s"]
            for name, column in times.items():
                column[row] = record.get(name, np.nan)
        arrived = np.array([request.arrived_s for request in self.inputs.requests])
        on_camera = ~np.isnan(times["done_s"]) & np.isnan(times["delivered_s"])
        for name in ("delivered_s", "started_s"):
            times[name][on_camera] = times["done_s"][on_camera]
        return {
            "cut": cut,
            "processed_by": processed_by,
            "migrations": migrations,
            "queue_s": times["taken_s"] - arrived - moved,
            "camera_s": times["left_s"] - times["taken_s"],
            "network_s": times["delivered_s"] - times["left_s"] + moved,
            "edge_queue_s": times["started_s"] - times["delivered_s"],
            "edge_s": times["done_s"] - times["started_s"],
            "latency_s": times["done_s"] - arrived,
            "done_s": times["done_s"],
        }

    def report_columns(self) -> dict[str, npt.NDArray[Any]]:
        """Make columns of the reports, entity after entity within each report; totals count from time 0."""
        reports = self.control.reports
        return {name: np.array([report[name] for report in reports]) for name in reports[0]} if reports else {}
