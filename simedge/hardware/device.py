"""A device that executes batches of classifiers in profiled time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from simedge.hardware.profile import LatencyTable
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
    tables : sequence of LatencyTable
        Latency of each classifier on this device.
    segments : sequence of sequence of int
        What can be asked of it: each segment is a run of classifiers (indices into `tables`). An item of a
        batch is given as the index of its segment.

    Notes
    -----
    A batch runs stage by stage: every distinct classifier in it is launched once, over all items that need it. With
    affine tables that is a sum over items plus a sum over the set of classifiers launched, so neither counts nor stages
    have to be built per batch.
    """

    __slots__ = (
        "_done",
        "_env",
        "_fixed_s",
        "_launches",
        "_per_item_s",
        "_ready",
        "_tables",
        "_work_s",
        "free_at_s",
        "idle",
        "name",
        "slowdown",
    )

    def __init__(
        self, env: Environment, name: str, tables: Sequence[LatencyTable], segments: Sequence[Sequence[int]]
    ) -> None:
        self.name = name
        self.idle = True
        self.free_at_s = 0.0
        self._env = env
        self._tables = tables
        self._per_item_s = [sum(tables[k].per_item_s for k in segment) for segment in segments]
        self._launches = [sum(1 << k for k in set(segment)) for segment in segments]
        self._fixed_s: dict[int, float] = {}
        self._work_s = 0.0
        self.slowdown = 1.0
        self._ready = env.alarm(self._finish)
        self._done: Callable[[], None] = _nobody

    def service_s(self, items: Sequence[int]) -> float:
        """Seconds that one batch takes.

        Parameters
        ----------
        items : sequence of int
            Segment of each item.
        """
        per_item_s, launches = self._per_item_s, self._launches
        seconds = 0.0
        launched = 0
        for item in items:
            seconds += per_item_s[item]
            launched |= launches[item]
        fixed_s = self._fixed_s.get(launched)
        if fixed_s is None:
            fixed_s = sum(table.fixed_s for k, table in enumerate(self._tables) if launched >> k & 1)
            self._fixed_s[launched] = fixed_s
        return fixed_s + seconds

    def execute(self, items: Sequence[int], done: Callable[[], None]) -> None:
        """Run a batch now and call `done` at its end. The device must be idle."""
        if not self.idle:
            raise RuntimeError(f"{self.name} is busy until {self.free_at_s} s")
        self.idle = False
        seconds = self.service_s(items) * self.slowdown
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

    def busy_s(self) -> float:
        """Seconds of execution so far; a batch under way counts as far as it got."""
        return self._work_s - max(0.0, self.free_at_s - self._env.now)


def _nobody() -> None:
    """Before the first batch, nobody waits."""
