"""Links that carry messages."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable

from simedge.kernel import Environment

__all__ = ["FifoLink"]


class FifoLink:
    """One direction of a point-to-point link: messages one after another, in the order they were handed over.

    Parameters
    ----------
    env : Environment
        The clock.
    name : str
        Such as ``camera_1->switch``.
    rate_bps : float
        Bits per second, > 0.
    call_s : float
        Fixed cost of every message (the remote procedure call of §1.4), >= 0.

    Notes
    -----
    A message of `size_bytes` takes ``call_s + 8 * size_bytes / rate_bps``. The two directions of a full-duplex link are
    two of these.
    """

    __slots__ = (
        "_done",
        "_env",
        "_free_at_s",
        "_messages",
        "_ready",
        "_size",
        "_work_s",
        "call_s",
        "calls",
        "carried_bytes",
        "idle",
        "measured_bps",
        "name",
        "rate_bps",
    )

    def __init__(self, env: Environment, name: str, rate_bps: float, call_s: float = 0.0) -> None:
        if not (0.0 < rate_bps < math.inf and 0.0 <= call_s < math.inf):
            raise ValueError(f"{name}: a link needs a finite rate > 0 and a call cost >= 0, not {rate_bps}, {call_s}")
        self.name = name
        self.rate_bps = rate_bps
        self.call_s = call_s
        self.idle = True
        self.calls = 0
        self.carried_bytes = 0.0
        self.measured_bps = math.nan
        self._env = env
        self._ready = env.alarm(self._finish)
        self._messages: deque[tuple[float, Callable[[], None]]] = deque()
        self._work_s = self._free_at_s = 0.0
        self._size = 0.0
        self._done: Callable[[], None] = _nobody

    def send(self, size_bytes: float, done: Callable[[], None]) -> None:
        """Carry a message after those before it; call `done` when it has arrived whole."""
        if self.idle:
            self._start(size_bytes, done)
        else:
            self._messages.append((size_bytes, done))

    def _start(self, size_bytes: float, done: Callable[[], None]) -> None:
        self.idle = False
        self._size, self._done = size_bytes, done
        seconds = self.call_s + 8.0 * size_bytes / self.rate_bps
        self._work_s += seconds
        self._free_at_s = self._env._now + seconds
        self._ready.set(self._free_at_s)

    def _finish(self) -> None:
        done, size_bytes = self._done, self._size
        self.calls += 1
        self.carried_bytes += size_bytes
        if size_bytes:
            self.measured_bps = self.rate_bps
        if self._messages:
            self._start(*self._messages.popleft())
        else:
            self.idle = True
        done()

    def busy_s(self) -> float:
        """Seconds of transmission so far; a message under way counts as far as it got."""
        return self._work_s - max(0.0, self._free_at_s - self._env.now)


def _nobody() -> None:
    """Before the first message, nobody waits."""
