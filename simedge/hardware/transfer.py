"""Messages that can be stopped on their way, and the sender that lets them through one at a time."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from bisect import insort
from collections.abc import Callable, Iterator
from typing import Literal

import numpy as np

from simedge.kernel import Environment

__all__ = ["Sender", "Transfer"]

_BLOCK = 256  # draws at a time


class Transfer:
    """A message on its way through a `Sender`.

    Attributes
    ----------
    size_bytes : float
        Its size.
    priority : float
        A sender carries the highest first, and stops a lower one for it.
    state : {"waiting", "moving", "paused", "done", "cancelled"}
        Where it is.
    sent_bytes, left_bytes : float
        What has arrived and what has not: together `size_bytes`, to the last bit, however often it was stopped.
    retries : int
        How often it was lost and began again.

    Notes
    -----
    What has moved is rounded, at a stop, to a multiple of the last binary digit of `size_bytes`. Sums and differences
    of such multiples are exact.
    """

    __slots__ = (
        "_done",
        "_grain",
        "_left_bytes",
        "_order",
        "_overhead_s",
        "_sender",
        "moving_s",
        "priority",
        "retries",
        "size_bytes",
        "state",
    )  # fmt: skip

    def __init__(
        self, sender: Sender, size_bytes: float, done: Callable[[], None], priority: float, order: int
    ) -> None:
        if not 0.0 <= size_bytes < math.inf:
            raise ValueError(f"{sender.name}: a message has a finite size >= 0, not {size_bytes} bytes")
        self.size_bytes = self._left_bytes = size_bytes
        self.priority, self.retries = priority, 0
        self.moving_s = 0.0
        self.state: Literal["waiting", "moving", "paused", "done", "cancelled"] = "waiting"
        self._sender, self._done, self._order = sender, done, order
        self._overhead_s = sender.call_s
        self._grain = math.ulp(size_bytes)

    @property
    def sent_bytes(self) -> float:
        """Bytes that have arrived, those of a transmission under way included."""
        return self.size_bytes - self.left_bytes

    @property
    def left_bytes(self) -> float:
        """Bytes that have not arrived yet."""
        return self._rounded(self._sender._moved_bytes(self))

    def pause(self) -> None:
        """Stop here, and let others go first; nothing happens to one that is not on its way."""
        if self.state in {"waiting", "moving"}:
            self._sender._withdraw(self, "paused")

    def resume(self) -> None:
        """Go on where it stopped, in its old place among those of its priority."""
        if self.state == "paused":
            self._sender._enter(self)

    def cancel(self) -> None:
        """Give up; it never arrives, and what it was to call is not called."""
        if self.state in {"waiting", "moving"}:
            self._sender._withdraw(self, "cancelled")
        elif self.state == "paused":
            self.state = "cancelled"
            self._sender.wasted_bytes += self.sent_bytes

    def restart(self) -> None:
        """Begin again from nothing, in its old place: whoever sends it has forgotten what has arrived."""
        if self.state == "moving":
            self._sender._stop("waiting")
            self._sender._lose(self)
            self._sender._enter(self)
        elif self.state in {"waiting", "paused"}:
            self._sender._lose(self)

    def _rounded(self, moved_bytes: float) -> float:
        """Tell what would be left if so much had moved since the last stop."""
        left = self._left_bytes - moved_bytes
        return min(max(round(left / self._grain) * self._grain, 0.0), self._left_bytes)

    def _restart(self) -> None:
        """Begin again from nothing."""
        self._left_bytes, self._overhead_s, self.moving_s = self.size_bytes, self._sender.call_s, 0.0
        self.retries += 1


class Sender(ABC):
    """One direction of a link as its sender sees it: one message on the way, the others wait.

    Parameters
    ----------
    env : Environment
        The clock.
    name : str
        Such as ``camera_1->switch``.
    call_s : float
        Fixed cost at the beginning of every message, >= 0, s; it takes no bandwidth.

    Attributes
    ----------
    calls : int
        Messages that have arrived.
    carried_bytes : float
        Bytes of transmissions that have ended or stopped, those included that came to nothing.
    wasted_bytes : float
        Bytes of these that were lost or cancelled.
    lost : int
        Messages that were lost and began again.
    measured_bps : float
        What the last message got while it moved, bit/s; NaN before the first.
    up : bool
        False while the link is down.
    current : Transfer or None
        What is on its way.
    on_lost : callable or None
        Called with a transfer that was lost and begins again.
    """

    on_lost: Callable[[Transfer], None] | None = None

    def __init__(self, env: Environment, name: str, call_s: float) -> None:
        if not 0.0 <= call_s < math.inf:
            raise ValueError(f"{name}: a link needs a finite call cost >= 0, not {call_s}")
        self.name, self.call_s = name, call_s
        self.calls = self.lost = 0
        self.carried_bytes = self.wasted_bytes = 0.0
        self.measured_bps = math.nan
        self.up = True
        self._env = env
        self._alarm = env.alarm(self._elapsed)
        self._queue: list[Transfer] = []
        self.current: Transfer | None = None
        self._transmitting = False
        self._since_s = 0.0  # when the current message, or the part of it that is going on, began
        self._busy_s = 0.0
        self._orders = 0
        self._loses: Iterator[bool] | None = None
        self._retry_s = 0.0

    @property
    def idle(self) -> bool:
        """Whether nothing is on its way, nor waits."""
        return self.current is None and not self._queue

    def send(self, size_bytes: float, done: Callable[[], None], priority: float = 0.0) -> Transfer:
        """Carry a message after those before it that have its priority or a higher one; call `done` on arrival."""
        self._orders += 1
        transfer = Transfer(self, size_bytes, done, priority, self._orders)
        self._enter(transfer)
        return transfer

    def busy_s(self) -> float:
        """Seconds with a message on its way so far, its call cost included."""
        return self._busy_s + (self._env.now - self._since_s if self.current is not None else 0.0)

    def set_up(self, up: bool, keep: bool = True) -> None:
        """Let the link go down, or come up again.

        Parameters
        ----------
        up : bool
            Whether it carries anything.
        keep : bool
            False: a message that is on its way when the link goes down is lost and begins again.
        """
        if up == self.up:
            return
        self.up = up
        current = self.current
        if not up and current is not None:
            self._stop("waiting")
            if not keep:
                self._lose(current)
            insort(self._queue, current, key=_turn)
        self._next()

    def lossy(self, probability: float, rng: np.random.Generator, retry_s: float) -> None:
        """Lose each message on arrival with a probability; it begins again after `retry_s`, meanwhile others go."""

        def drawn() -> Iterator[bool]:
            while True:
                yield from (rng.random(_BLOCK) < probability).tolist()

        self._loses, self._retry_s = drawn() if probability > 0.0 else None, retry_s

    def _enter(self, transfer: Transfer) -> None:
        transfer.state = "waiting"
        insort(self._queue, transfer, key=_turn)
        current = self.current
        if current is not None and self._queue[0].priority > current.priority:
            self._stop("waiting")
            insort(self._queue, current, key=_turn)
        self._next()

    def _withdraw(self, transfer: Transfer, state: Literal["paused", "cancelled"]) -> None:
        if transfer is self.current:
            self._stop(state)
        else:
            if transfer in self._queue:  # a lost one that waits for its retry is in no queue
                self._queue.remove(transfer)
            transfer.state = state
        if state == "cancelled":
            self.wasted_bytes += transfer.sent_bytes
        self._next()

    def _next(self) -> None:
        """Let the first one go if nothing is on its way."""
        if self.current is not None or not self._queue or not self.up:
            return
        self.current = transfer = self._queue.pop(0)
        transfer.state = "moving"
        self._since_s = self._env._now
        if transfer._overhead_s > 0.0:
            self._transmitting = False
            self._alarm.set(self._env._now + transfer._overhead_s)
        else:
            self._begin()

    def _begin(self) -> None:
        assert self.current is not None
        self._transmitting = True
        self._begun_s = self._env._now
        self._transmit(8.0 * self.current._left_bytes)

    def _elapsed(self) -> None:
        """Go on when the call cost is paid, or what `_transmit` set the alarm for has come."""
        if self._transmitting:
            self._arrived()
        else:
            assert self.current is not None
            self.current._overhead_s = 0.0
            self._begin()

    def _stop(self, state: Literal["waiting", "paused", "cancelled"]) -> None:
        """Take the current message off the link, what it has moved kept."""
        transfer = self.current
        assert transfer is not None
        self._alarm.cancel()
        now = self._env._now
        if self._transmitting:
            left = transfer._rounded(self._halt() / 8.0)
            self.carried_bytes += transfer._left_bytes - left
            transfer._left_bytes = left
            transfer.moving_s += now - self._begun_s
        else:
            transfer._overhead_s = max(0.0, transfer._overhead_s - (now - self._since_s))
        self._release(state)

    def _release(self, state: Literal["waiting", "paused", "cancelled", "done"]) -> None:
        assert self.current is not None
        self.current.state = state
        self.current = None
        self._transmitting = False
        self._busy_s += self._env._now - self._since_s

    def _arrived(self) -> None:
        """Let go of the current message, which has moved whole."""
        transfer = self.current
        assert transfer is not None
        self.carried_bytes += transfer._left_bytes
        transfer._left_bytes = 0.0
        transfer.moving_s += self._env._now - self._begun_s
        if transfer.size_bytes and transfer.moving_s:
            self.measured_bps = 8.0 * transfer.size_bytes / transfer.moving_s
        if self._loses is not None and next(self._loses):
            self._release("waiting")
            self._lose(transfer)
            self._env.at(self._env._now + self._retry_s, lambda: self._retry(transfer))
            self._next()
            return
        self._release("done")
        self.calls += 1
        self._next()
        transfer._done()

    def _lose(self, transfer: Transfer) -> None:
        self.lost += 1
        self.wasted_bytes += transfer.sent_bytes
        transfer._restart()
        if self.on_lost is not None:
            self.on_lost(transfer)

    def _retry(self, transfer: Transfer) -> None:
        if transfer.state == "waiting":
            self._enter(transfer)

    def _moved_bytes(self, transfer: Transfer) -> float:
        """Bytes that a transfer has moved since its last stop."""
        return self._moved() / 8.0 if transfer is self.current and self._transmitting else 0.0

    @abstractmethod
    def _transmit(self, bits: float) -> None:
        """Begin to move so many bits, and call `_arrived` (or let the alarm do it) when they have moved."""

    @abstractmethod
    def _halt(self) -> float:
        """Stop the transmission; return the bits that have moved since it began."""

    @abstractmethod
    def _moved(self) -> float:
        """Bits that have moved since the transmission began."""


def _turn(transfer: Transfer) -> tuple[float, int]:
    return -transfer.priority, transfer._order
