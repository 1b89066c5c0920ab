"""A device that executes batches of classifiers in profiled time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from simedge.hardware.latency import Latency
from simedge.hardware.service import service
from simedge.kernel import Environment

__all__ = ["Device"]


class Device:
    """Executes one batch after another.

    Parameters
    ----------
    env : Environment
        The clock.
    name : str
        Entity name, such as ``camera_1`` or ``gpu_1``.
    tables : sequence of LatencyTable or LatencyCurve
        Latency of each classifier on this device.
    segments : sequence of sequence of int
        What can be asked of it: each segment is a run of classifiers (indices into `tables`). An item of a
        batch is given as the index of its segment.
    spread : float
        Relative standard deviation of a batch's latency around its mean, >= 0.
    stream : Generator, optional
        Where a spread is drawn from.

    Attributes
    ----------
    service_s : callable
        Given the segment of each item, tells the seconds that a batch of them takes; with a spread, that the next
        batch takes (:mod:`simedge.hardware.service`).
    """

    __slots__ = (
        "_done",
        "_env",
        "_profiled_s",
        "_ready",
        "_work_s",
        "free_at_s",
        "idle",
        "name",
        "service_s",
        "slowdown",
    )

    def __init__(
        self,
        env: Environment,
        name: str,
        tables: Sequence[Latency],
        segments: Sequence[Sequence[int]],
        spread: float = 0.0,
        stream: np.random.Generator | None = None,
    ) -> None:
        self.name = name
        self.idle = True
        self.free_at_s = 0.0
        self.service_s = service(tables, segments, spread, stream)
        self._env = env
        self._work_s = 0.0
        self.slowdown = 1.0
        self._profiled_s = self.service_s
        self._ready = env.alarm(self._finish)
        self._done: Callable[[], None] = _nobody

    def execute(self, items: Sequence[int], done: Callable[[], None]) -> None:
        """Run a batch now and call `done` at its end. The device must be idle."""
        if not self.idle:
            raise RuntimeError(f"{self.name} is busy until {self.free_at_s} s")
        self.idle = False
        service_s = self.service_s  # a method of something else: looked up and called at once it is slower
        seconds = service_s(items)
        self._work_s += seconds
        self.free_at_s = self._env._now + seconds
        self._done = done
        self._ready.set(self.free_at_s)

    def _finish(self) -> None:
        self.idle = True
        self._done()

    def stop(self) -> None:
        """Crash: what runs comes to nothing, and nothing can be run until `start`."""
        self._ready.cancel()
        self._work_s -= max(0.0, self.free_at_s - self._env.now)
        self.free_at_s = self._env.now
        self.idle = False

    def start(self) -> None:
        """Be ready again after `stop`."""
        self.idle = True

    def slow_down(self, times: float) -> None:
        """Take so many times as long as profiled from now on, for the rest of what runs too; 1 is full speed."""
        left_s = self.free_at_s - self._env.now
        if left_s > 0.0:
            more_s = left_s * (times / self.slowdown - 1.0)
            self._work_s += more_s
            self.free_at_s += more_s
            self._ready.set(self.free_at_s)
        self.slowdown = times
        profiled_s = self._profiled_s
        self.service_s = profiled_s if times == 1.0 else lambda items: profiled_s(items) * times

    def busy_s(self) -> float:
        """Seconds of execution so far; a batch under way counts as far as it got."""
        return self._work_s - max(0.0, self.free_at_s - self._env.now)


def _nobody() -> None:
    """Before the first batch, nobody waits."""
