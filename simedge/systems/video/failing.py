"""Cameras and GPUs that crash, slow down and lose their links, and what becomes of the units they held."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from simedge.hardware.cluster import Route
from simedge.hardware.transfer import Sender, Transfer
from simedge.kernel import Environment
from simedge.metrics.recorder import BatchLog
from simedge.systems.faults import Faults, Kind
from simedge.systems.video.camera import Camera
from simedge.systems.video.edge import Edge

__all__ = ["Casualties", "FailingCamera", "FailingEdge", "Gpu"]


class Casualties:
    """Counts and logs of units that faults touched, and the way of those that are handed over.

    Parameters
    ----------
    env : Environment
        The clock.
    faults : Faults
        What becomes of whom.
    warmup_s : float
        Units that arrive before it do not count as missed.

    Attributes
    ----------
    lost : BatchLog
        When units were lost: they never complete.
    lost_units : int
        How many were; those of frames that a camera missed are among them.
    missed : int
        Units of frames that came while their camera was down.
    retried : int
        Units whose batch or message began again, each as often as it did.
    delayed : int
        Units that a fault held up and that went on: kept in a queue through a crash, in a message that was resumed, in
        a batch that was slowed down. Each as often.
    handed_over : int
        Units that other cameras got from one that had crashed.
    limbo : list of list of int
        Units of crashed devices of which nobody knows yet.
    """

    def __init__(self, env: Environment, faults: Faults, warmup_s: float = 0.0) -> None:
        self.faults, self.warmup_s = faults, warmup_s
        self.lost = BatchLog()
        self.lost_units = self.missed = self.retried = self.delayed = self.handed_over = 0
        self.limbo: list[list[int]] = []
        self.cameras: list[FailingCamera] = []
        self._env = env

    def lose(self, rows: list[int]) -> None:
        """Lose units for good."""
        if rows:
            self.lost.append((self._env.now, rows))
            self.lost_units += len(rows)

    def notice_later(self, rows: list[int], then: Callable[[list[int]], None]) -> None:
        """Do something with units when the crash of who held them is noticed."""
        if not rows:
            return
        self.limbo.append(rows)

        def noticed() -> None:
            self.limbo.remove(rows)
            then(rows)

        self._env.at(self._env.now + self.faults.detection_s, noticed)

    def hand_over(self, rows: list[int], edge: Edge) -> None:
        """Give units to the cameras of an edge cluster that are up: a call's worth at a time to the least backlog.

        If none is up they are lost.
        """
        alive = [camera for camera in self.cameras if not camera.offline and camera.edge is edge]
        if not alive:
            self.lose(rows)
            return
        self.handed_over += len(rows)
        backlog = [camera.queue.backlog for camera in alive]
        shares: list[list[int]] = [[] for _ in alive]
        step = alive[0].call_units
        for begin in range(0, len(rows), step):
            least = backlog.index(min(backlog))
            shares[least] += rows[begin : begin + step]
            backlog[least] += step
        for camera, share in zip(alive, shares, strict=True):
            if share:
                camera.receive(share)

    def facts(self) -> dict[str, int]:
        """Return the counts of units by name."""
        return {
            "lost": self.lost_units,
            "missed": self.missed,
            "retried": self.retried,
            "delayed": self.delayed,
            "handed_over": self.handed_over,
        }


class _Tracked:
    """A way on which a camera knows the messages that have not left it: those on its own link."""

    def __init__(self, camera: FailingCamera, route: Route, rows: list[int] | None = None) -> None:
        self._camera, self._route, self._rows = camera, route, rows
        self.links = route.links
        first = route.links[0] if route.links else None
        # Where its own link takes no time, a message has left the camera at once.
        self.own = first if isinstance(first, Sender) and first.name.startswith(f"{camera.device.name}->") else None
        self._rest = Route(route.env, route.links[1:])

    @property
    def measured_bps(self) -> float:
        return self._route.measured_bps

    def send(self, size_bytes: float, done: Callable[[], None]) -> None:
        if self.own is None:
            self._route.send(size_bytes, done)
            return
        camera, rest = self._camera, self._rest

        def left() -> None:
            del camera.carried[transfer]
            if rest.links:
                rest.send(size_bytes, done)
            else:
                done()

        transfer = self.own.send(size_bytes, left)
        camera.carried[transfer] = camera._call if self._rows is None else self._rows


class FailingCamera(Camera):
    """A camera that crashes, slows down and loses its link; parameters are those of :class:`Camera`.

    Attributes
    ----------
    edge : Edge
        Where its calls arrive.
    offline : bool
        Whether it has crashed and not started again: it sees no frames, computes nothing, sends nothing.
    link : Sender or None
        Its own link, unless that takes no time.
    carried : dict of Transfer to list of int
        Units of messages that have not left its own link.
    voided : BatchLog
        When units had to begin anew: stages that they had reached before do not count.
    """

    __slots__ = ("_casualties", "_holds", "call_units", "carried", "edge", "link", "voided")

    def __init__(self, casualties: Casualties, *parts: Any) -> None:
        super().__init__(*parts)
        self.call_units, self.edge = self._call_units, self._edge
        self.carried: dict[Transfer, list[int]] = {}
        self.voided = BatchLog()
        uplink = _Tracked(self, self.uplink)
        self.uplink = uplink  # type: ignore[assignment]
        self.link = uplink.own
        self._casualties = casualties
        self._holds = 0
        casualties.cameras.append(self)
        if self.link is not None:
            self.link.on_lost = self._message_lost

    def break_down(self, kind: Kind) -> None:
        """Crash, or lose the link."""
        if kind == "crash":
            self._crash()
        else:
            self._hold_link(keep=self._casualties.faults.message == "resumed")

    def repair(self, kind: Kind) -> None:
        """Start again, or have the link again."""
        if kind == "crash":
            self._restart()
        else:
            self._release_link()

    def slow_down(self, times: float) -> None:
        """Compute so many times as slowly."""
        if not (self.device.idle or self.offline) and times > self.device.slowdown:
            self._casualties.delayed += len(self._batch)
        self.device.slow_down(times)

    def _crash(self) -> None:
        casualties, link = self._casualties, self.link
        running = [] if self.device.idle else self._batch
        self.offline = True
        self.device.stop()
        if casualties.faults.camera_queue == "kept":
            self._batch = running
            casualties.retried += len(running)
            casualties.delayed += self.queue.backlog + len(self.outbound)
            moving = None if link is None else link.current
            self._hold_link(keep=True, count=False)
            for transfer in list(self.carried):
                if transfer is moving or transfer.sent_bytes:
                    transfer.restart()
            return
        self._hold_link(keep=True, count=False)
        rows: list[int] = []
        for transfer, carried in self.carried.items():
            transfer.cancel()
            rows += carried
            if carried is not self._call:
                self.given_units -= len(carried)
        if any(carried is self._call for carried in self.carried.values()):
            self._call = []
        self.carried.clear()
        rows += [*self.outbound.take(len(self.outbound)), *running, *self.queue.clear()]
        self._batch, self._batch_codes = [], []
        self._give_up(rows)

    def _give_up(self, rows: list[int]) -> None:
        """Decide on units that a camera which is down cannot keep."""
        if self._casualties.faults.camera_queue == "lost":
            self._casualties.lose(rows)
        elif rows:
            self.voided.append((self._env.now, rows))
            self._casualties.notice_later(rows, lambda rows: self._casualties.hand_over(rows, self.edge))

    def _restart(self) -> None:
        self.offline = False
        self.device.start()
        if self._batch:
            self.device.execute(self._batch_codes, self._batch_done)
        self._release_link()
        super().follow(self._low, self._odds)

    def _hold_link(self, keep: bool, count: bool = True) -> None:
        """Let the link go down; several reasons may hold it."""
        self._holds += 1
        link = self.link
        if link is None or self._holds > 1:
            return
        if keep and count and link.current is not None:
            self._casualties.delayed += len(self.carried[link.current])
        link.set_up(False, keep)

    def _release_link(self) -> None:
        self._holds -= 1
        if self.link is not None and not self._holds:
            self.link.set_up(True)

    def _message_lost(self, transfer: Transfer) -> None:
        self._casualties.retried += len(self.carried[transfer])

    def _miss(self, rows: list[int]) -> None:
        if self._env.now >= self._casualties.warmup_s:
            self._casualties.missed += len(rows)
        self._casualties.lose(rows)

    def _carry(self, rows: list[int], route: Route, receive: Callable[[list[int]], None]) -> None:
        super()._carry(rows, _Tracked(self, route, rows), receive)  # type: ignore[arg-type]

    def give(self, rois: int, route: Route, receive: Callable[[list[int]], None]) -> None:
        """Migrate units as :meth:`Camera.give` does; nothing while it is down."""
        if not self.offline:
            super().give(rois, route, receive)

    def receive(self, rows: list[int]) -> None:
        """Rows of another camera arrive; while it is down they have the fate of its queue."""
        if self.offline and self._casualties.faults.camera_queue != "kept":
            self._give_up(rows)
        else:
            super().receive(rows)

    def follow(self, low: list[int], odds: list[float]) -> None:
        """Follow a plan, while it is down from its restart on."""
        if self.offline:
            self._low, self._odds = low, odds
        else:
            super().follow(low, odds)


class FailingEdge(Edge):
    """GPUs that crash and slow down; parameters are those of :class:`Edge`.

    Attributes
    ----------
    voided : BatchLog
        When units had to begin anew.
    """

    __slots__ = ("_casualties", "voided")

    def __init__(self, casualties: Casualties, *parts: Any) -> None:
        super().__init__(*parts)
        self.voided = BatchLog()
        self._casualties = casualties

    def crash(self, gpu: int) -> None:
        """Lose a GPU, and what it runs until that is noticed, or for good."""
        device = self.devices[gpu]
        rows = [] if device.idle else self._running[gpu]
        self._running[gpu] = []
        device.stop()
        if gpu in self._idle:
            self._idle.remove(gpu)
        if self._casualties.faults.gpu_batch == "lost":
            self._casualties.lose(rows)
        elif rows:
            self.voided.append((self._env.now, rows))
            self._casualties.retried += len(rows)
            self._casualties.notice_later(rows, self._take_back)

    def _take_back(self, rows: list[int]) -> None:
        """Put units back to where they were in the queue, the front."""
        self.queue.put_back(rows)
        code, remaining = self._table.code, self._codes.remaining
        self.backlog += sum(remaining[code[row]] for row in rows)
        self._dispatch()

    def restart(self, gpu: int) -> None:
        """Have a GPU again."""
        self.devices[gpu].start()
        self._idle.append(gpu)
        self._idle.sort()
        self._dispatch()
        self.queue.wake()

    def slow_down(self, gpu: int, times: float) -> None:
        """Let a GPU compute so many times as slowly."""
        device = self.devices[gpu]
        if not device.idle and times > device.slowdown:
            self._casualties.delayed += len(self._running[gpu])
        device.slow_down(times)


class Gpu:
    """One GPU of an edge, as something that breaks."""

    def __init__(self, edge: FailingEdge, gpu: int) -> None:
        self._edge, self._gpu = edge, gpu

    def break_down(self, kind: Kind) -> None:
        """Crash; it has no link of its own."""
        assert kind == "crash"
        self._edge.crash(self._gpu)

    def repair(self, kind: Kind) -> None:
        """Start again."""
        assert kind == "crash"
        self._edge.restart(self._gpu)

    def slow_down(self, times: float) -> None:
        """Compute so many times as slowly."""
        self._edge.slow_down(self._gpu, times)
