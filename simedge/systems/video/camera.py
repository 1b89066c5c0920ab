"""A camera: frames in, batches on its engine, calls on its uplink."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from simedge.hardware.cluster import Route
from simedge.hardware.device import Device
from simedge.kernel import BoundedQueue, Environment, InputQueue
from simedge.metrics.recorder import BatchLog
from simedge.systems.video.rows import Codes, RoiTable

if TYPE_CHECKING:
    from simedge.systems.video.edge import Edge

__all__ = ["Camera"]


class Camera:
    """One smart camera, driven by three alarms: its next frame, its device, its uplink.

    Parameters
    ----------
    env : Environment
        The clock.
    index : int
        Its number, from 0.
    table, codes
        The ROIs and how their cuts are coded.
    queue, outbound : InputQueue, BoundedQueue
        What waits for the engine, and for the uplink.
    device, uplink : Device, Route
        What computes, and the way to the edge.
    edge : Edge
        Where calls arrive.
    batch, call_units : int
        Most units in a batch and in a call.
    done : BatchLog
        Log of units that need nothing more.
    load : callable
        Asked when the frames are used up and another is due now: it calls `expect`.

    Attributes
    ----------
    arrived, processed : int
        Units that its frames brought, and that left its engine or went past it, so far.
    taken, passed, executed : BatchLog
        When units left the queue, and when they went past the engine, or left it.
    moved : BatchLog
        Migrations from here that arrived: how long each call was on its way, s, and its units.
    offline : bool
        Whether it is down; this one never is, see :mod:`simedge.systems.video.failing`.
    given_units, moved_units, moved_calls : int
        Units that migrations took from the queue here, and units and calls of those that arrived.

    Notes
    -----
    The engine takes rows only while the outbound queue has room; what it took it delivers. A row whose cut leaves
    nothing to do here goes outbound when its turn comes: it does not count towards the batch nor wait for its end.
    """

    __slots__ = (
        "_batch",
        "_batch_codes",
        "_batch_max",
        "_call",
        "_call_units",
        "_codes",
        "_done",
        "_edge",
        "_env",
        "_frame_alarm",
        "_frame_rows",
        "_frame_times",
        "_load",
        "_low",
        "_next_frame",
        "_odds",
        "_table",
        "_waiting_for_edge",
        "arrived",
        "device",
        "executed",
        "finished",
        "given_units",
        "index",
        "moved",
        "moved_calls",
        "moved_units",
        "offline",
        "outbound",
        "passed",
        "processed",
        "queue",
        "taken",
        "uplink",
    )

    def __init__(
        self,
        env: Environment,
        index: int,
        table: RoiTable,
        codes: Codes,
        queue: InputQueue,
        outbound: BoundedQueue,
        device: Device,
        uplink: Route,
        edge: Edge,
        batch: int,
        call_units: int,
        done: BatchLog,
        load: Callable[[], None],
    ) -> None:
        self.index, self.queue, self.outbound, self.device, self.uplink = index, queue, outbound, device, uplink
        self.arrived = self.processed = self.finished = 0
        self.offline = False
        self.given_units = self.moved_units = self.moved_calls = 0
        self.taken, self.passed, self.executed, self.moved = BatchLog(), BatchLog(), BatchLog(), BatchLog()
        self._env, self._table, self._codes, self._edge, self._done = env, table, codes, edge, done
        self._batch_max, self._call_units = batch, call_units
        self._low: list[int] = []
        self._odds: list[float] = []
        self._batch: list[int] = []
        self._batch_codes: list[int] = []
        self._call: list[int] = []
        self._waiting_for_edge = False
        self._load = load
        self._frame_times: list[float] = []
        self._frame_rows: list[list[int]] = []
        self._next_frame = 0
        self._frame_alarm = env.alarm(self._frame)

    def expect(self, times: list[float], rows: list[list[int]]) -> None:
        """Know the frames to come: times and rows, and perhaps the time of one more, whose rows are not known yet."""
        self._frame_times, self._frame_rows, self._next_frame = times, rows, 0

    def start(self) -> None:
        """Wait for the first frame."""
        if self._frame_times:
            self._frame_alarm.set(self._frame_times[0])

    def _frame(self) -> None:
        """Take in a frame."""
        position = self._next_frame
        if position == len(self._frame_rows):
            self._load()
            position = 0
        rows = self._frame_rows[position]
        self._next_frame = position = position + 1
        if position < len(self._frame_times):
            self._frame_alarm.set(self._frame_times[position])
        if self.offline:
            self._miss(rows)
            return
        self.arrived += len(rows)
        self.queue.offer(rows)
        if self.device.idle:
            self._run_engine()

    def _miss(self, rows: list[int]) -> None:
        """Nobody sees the rows of this frame: a matter of cameras that fail."""

    def advance(self) -> None:
        """Let uplink and engine go on as far as they can at this instant."""
        if self.outbound.rows and not self._call:
            self._start_call()
        if self.device.idle:
            self._run_engine()

    def _run_engine(self) -> None:
        """Form batches until the device is busy; rows passed on may start a call, which may make room for more."""
        while self.queue.rows and len(self.outbound.rows) < self.outbound.rows_max:
            passed = self._take()
            if not (passed and not self._call and self._start_call() and self.device.idle):
                return

    def _take(self) -> bool:
        """Form a batch and run it; tell whether rows were passed on without compute."""
        queue, outbound, log = self.queue, self.outbound, self.taken
        path, u, code, all_edge = self._table.path, self._table.u, self._table.code, self._codes.all_edge
        low, odds = self._low, self._odds
        batch: list[int] = []
        codes: list[int] = []
        through: list[int] = []
        now = self._env._now
        places, room = self._batch_max, outbound.room
        while places and room and queue.rows:
            rows = queue.take(places if places < room else room)
            log.append((now, rows))
            for row in rows:
                kind = path[row]
                cut = low[kind] + (u[row] >= odds[kind])
                code[row] = cut
                if all_edge[cut]:
                    through.append(row)
                else:
                    batch.append(row)
                    codes.append(cut)
            places = self._batch_max - len(batch)
            room = outbound.room - len(through)
        if batch:
            self._batch, self._batch_codes = batch, codes
            self.device.execute(codes, self._batch_done)
        if not through:
            return False
        self.passed.append((now, through))
        self.processed += len(through)
        outbound.bring(through)
        return True

    def _batch_done(self) -> None:
        """Let the rows of a batch leave together."""
        batch, all_camera = self._batch, self._codes.all_camera
        entry = (self._env._now, batch)
        self.executed.append(entry)
        self.processed += len(batch)
        finished = [row for row, cut in zip(batch, self._batch_codes, strict=True) if all_camera[cut]]
        if len(finished) == len(batch):
            self.finished += len(batch)
            self._done.append(entry)
        else:
            if finished:
                self.finished += len(finished)
                self._done.append((self._env._now, finished))
                leaving = [row for row, cut in zip(batch, self._batch_codes, strict=True) if not all_camera[cut]]
            else:
                leaving = batch
            self.outbound.bring(leaving)
        self.advance()

    def _start_call(self) -> bool:
        """Send what waits, at most a call's worth, unless the edge is full; tell whether a call went off."""
        outbound = self.outbound
        if self._edge.queue.full:
            if not self._waiting_for_edge:
                self._waiting_for_edge = True
                self._edge.queue.when_room(self._edge_has_room)
            return False
        self._call = rows = outbound.take(self._call_units)
        self.uplink.send(self._table.message_bytes(rows), self._call_arrived)
        return True

    def outbound_backlog(self) -> float:
        """Cost left of what waits for the uplink, in mean units."""
        code, remaining = self._table.code, self._codes.remaining
        return math.fsum([remaining[code[row]] for row in self.outbound.rows])

    def _edge_has_room(self) -> None:
        self._waiting_for_edge = False
        self.advance()

    def _call_arrived(self) -> None:
        rows, self._call = self._call, []
        self._edge.receive(rows)
        self.advance()

    def follow(self, low: list[int], odds: list[float]) -> None:
        """Follow a new plan: the shorter cut's code and its probability for each path.

        Visible rows that the plan leaves wholly to the edge go outbound at once (there may be no more turn for them).
        """
        self._low, self._odds = low, odds
        path, u, code, all_edge = self._table.path, self._table.u, self._table.code, self._codes.all_edge

        def goes(row: int) -> bool:
            kind = path[row]
            return all_edge[low[kind] + (u[row] >= odds[kind])]

        rows = self.queue.remove(goes)
        if rows:
            for row in rows:
                kind = path[row]
                code[row] = low[kind] + (u[row] >= odds[kind])
            entry = (self._env._now, rows)
            self.taken.append(entry)
            self.passed.append(entry)
            self.processed += len(rows)
            self.outbound.bring(rows)
        self.advance()

    def give(self, rois: int, route: Route, receive: Callable[[list[int]], None]) -> None:
        """Migrate the oldest visible rows, at most `rois`, in calls over this camera's uplink (§1.4, Scheduling)."""
        rows = self.queue.take(min(rois, self.queue.visible))
        self.given_units += len(rows)
        for begin in range(0, len(rows), self._call_units):
            self._carry(rows[begin : begin + self._call_units], route, receive)
        if self.device.idle:
            self._run_engine()

    def _carry(self, rows: list[int], route: Route, receive: Callable[[list[int]], None]) -> None:
        begun_s = self._env._now

        def arrived() -> None:
            self.moved.append((self._env._now - begun_s, rows))
            self.moved_units += len(rows)
            self.moved_calls += 1
            receive(rows)

        route.send(self._table.message_bytes(rows), arrived)

    def receive(self, rows: list[int]) -> None:
        """Rows of another camera arrive."""
        self.queue.accept(rows)
        if self.device.idle:
            self._run_engine()
