"""The edge cluster: one queue, and GPUs that take batches from it."""

from __future__ import annotations

from collections.abc import Callable

from simedge.hardware.device import Device
from simedge.kernel import BoundedQueue, Environment
from simedge.metrics.recorder import BatchLog
from simedge.systems.video.rows import Codes, RoiTable

__all__ = ["Edge"]


class Edge:
    """GPUs behind one FIFO queue.

    Parameters
    ----------
    env : Environment
        The clock.
    table, codes
        The ROIs and how their cuts are coded.
    queue : BoundedQueue
        What waits.
    devices : list of Device
        The GPUs; the first idle one takes the next batch.
    batch : int
        Most units in a batch.
    done : BatchLog
        Log of completed units.

    Attributes
    ----------
    backlog : float
        Cost left in the queue, in mean units.
    received, completed : int
        Units that arrived and that were completed here so far.
    """

    __slots__ = (
        "_batch_max",
        "_codes",
        "_done",
        "_env",
        "_finish",
        "_idle",
        "_running",
        "_table",
        "backlog",
        "completed",
        "delivered",
        "devices",
        "queue",
        "received",
        "started",
    )

    def __init__(
        self,
        env: Environment,
        table: RoiTable,
        codes: Codes,
        queue: BoundedQueue,
        devices: list[Device],
        batch: int,
        done: BatchLog,
    ) -> None:
        self.queue, self.devices = queue, devices
        self.backlog = 0.0
        self.received = self.completed = 0
        self.delivered, self.started = BatchLog(), BatchLog()
        self._env, self._table, self._codes, self._batch_max, self._done = env, table, codes, batch, done
        self._running: list[list[int]] = [[] for _ in devices]
        self._idle = list(range(len(devices)))
        self._finish: list[Callable[[], None]] = [self._finisher(gpu) for gpu in range(len(devices))]

    def receive(self, rows: list[int]) -> None:
        """Take in a call."""
        self.delivered.append((self._env._now, rows))
        self.received += len(rows)
        self.queue.bring(rows)
        code, remaining, backlog = self._table.code, self._codes.remaining, self.backlog
        for row in rows:
            backlog += remaining[code[row]]
        self.backlog = backlog
        if self._idle:
            self._dispatch()

    def _dispatch(self) -> None:
        queue, code, remaining = self.queue, self._table.code, self._codes.remaining
        while self._idle and queue.rows:
            gpu = self._idle.pop(0)
            rows = queue.take(self._batch_max)
            codes = [code[row] for row in rows]
            backlog = self.backlog
            for cut in codes:
                backlog -= remaining[cut]
            self.backlog = backlog if queue.rows else 0.0  # rounding must not pile up
            self.started.append((self._env._now, rows))
            self._running[gpu] = rows
            self.devices[gpu].execute(codes, self._finish[gpu])

    def _finisher(self, gpu: int) -> Callable[[], None]:
        def finish() -> None:
            rows = self._running[gpu]
            self._done.append((self._env._now, rows))
            self.completed += len(rows)
            self._idle.append(gpu)
            self._idle.sort()
            self._dispatch()
            self.queue.wake()

        return finish
