"""Point-to-point links: at one rate for ever, or following a schedule."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable

from simedge.hardware.transfer import Sender
from simedge.kernel import Environment
from simedge.traces.schedule import Schedule

__all__ = ["FifoLink", "ScheduledLink"]

_SLACK, _GAP_S = 8, 1e-3


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
    two of these. Nothing stops a message here: where the rate changes, links fail or
    transfers pause, a `ScheduledLink` does the work.
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


class ScheduledLink(Sender):
    """One direction of a point-to-point link whose rate follows a schedule, and whose messages can be stopped.

    Parameters
    ----------
    env : Environment
        The clock.
    name : str
        Such as ``camera_1->switch``.
    rate : Schedule
        Bits per second over time, bursts included.
    call_s : float
        Fixed cost at the beginning of every message, >= 0, s.

    Notes
    -----
    A message whose transmission begins at t0 arrives at the first t at which ``C(t) >= C(t0) + 8 * size_bytes``, where
    C is `Schedule.total`. One that follows at once begins where the last one ended, also within a burst: a delivery
    opportunity carries the end of one message and the beginning of the next. What comes while nobody sends is gone.
    """

    def __init__(self, env: Environment, name: str, rate: Schedule, call_s: float = 0.0) -> None:
        super().__init__(env, name, call_s)
        self.rate = rate
        self._from_bits = self._bits = 0.0  # C at the beginning, and how much is to come
        self._freed_s, self._freed_bits = -1.0, 0.0  # when the last message ended, and C where it did

    def _transmit(self, bits: float) -> None:
        now = self._env._now
        self._from_bits = self._freed_bits if self._freed_s == now else self.rate.total(now)
        self._bits = bits
        upto = self._from_bits + bits
        ends_s = self.rate.reach(upto) if bits > 0.0 else now
        sooner_s = self.rate.reach(upto - _SLACK * math.ulp(upto))
        if ends_s - sooner_s > _GAP_S:  # rounding must make nobody wait through an outage for what has come already
            ends_s = sooner_s
        if ends_s < math.inf:
            self._alarm.set(max(ends_s, now))

    def _halt(self) -> float:
        moved = self._moved()
        self._freed_s, self._freed_bits = self._env._now, self._from_bits + moved
        return moved

    def _moved(self) -> float:
        return min(self._bits, max(0.0, self.rate.total(self._env._now) - self._from_bits))

    def _arrived(self) -> None:
        self._freed_s, self._freed_bits = self._env._now, self._from_bits + self._bits
        super()._arrived()


def _nobody() -> None:
    """Before the first message, nobody waits."""
