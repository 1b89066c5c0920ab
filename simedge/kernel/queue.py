"""Queues of row ids. A row id is an int; what it stands for is the caller's affair."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Sequence
from typing import Literal

__all__ = ["Admission", "BoundedQueue", "InputQueue"]

Admission = Literal["interleaved", "fifo"]


class InputQueue:
    """A camera's input queue: a few visible rows, fed by the frames that wait behind them.

    Parameters
    ----------
    visible_max : int
        Places in the visible queue, > 0.
    admission : {"interleaved", "fifo"}
        *interleaved*: every frame has a producer that offers one row at a time; waiting producers stand in a ring. One
        keeps its turn until its next row is admitted, then goes to the back. *fifo*: one unbounded queue in order
        of arrival, for clean queueing experiments; every row is visible.

    Attributes
    ----------
    rows : list of int
        The visible rows, oldest first: to be read, not changed.
    waiting : int
        Rows of frames that wait behind them: to be read, not changed.

    Notes
    -----
    Interleaving is what bounded channels with blocking writers do (the authors' implementation, §1.4). Rows of
    late frames overtake rows of early ones, which shortens the mean latency of what completes in an overload.
    """

    __slots__ = ("_ring", "rows", "visible_max", "waiting")

    def __init__(self, visible_max: int, admission: Admission = "interleaved") -> None:
        if visible_max <= 0:
            raise ValueError(f"visible_max: a queue has at least one place, not {visible_max}")
        self.visible_max = visible_max if admission == "interleaved" else sys.maxsize
        self.rows: list[int] = []
        self._ring: deque[list[int]] = deque()
        self.waiting = 0

    @property
    def backlog(self) -> int:
        """Rows in the queue, waiting frames included."""
        return len(self.rows) + self.waiting

    @property
    def visible(self) -> int:
        """Rows that can be taken now."""
        return len(self.rows)

    def offer(self, rows: Sequence[int]) -> None:
        """Take in the rows of a frame."""
        visible = self.rows
        room = self.visible_max - len(visible)
        if room >= len(rows) or not rows:  # with that much room no producer waits
            visible.extend(rows)
            return
        if room > 0:
            visible.extend(rows[:room])
            rows = rows[room:]
        self._ring.append(list(reversed(rows)))  # taken from the end
        self.waiting += len(rows)

    def accept(self, rows: Sequence[int]) -> None:
        """Rows arrive from elsewhere: they are never blocked and stand above the cap."""
        self.rows.extend(rows)

    def take(self, at_most: int) -> list[int]:
        """Remove and return the oldest visible rows, at most so many; waiting producers refill the places."""
        visible = self.rows
        rows = visible[:at_most]
        del visible[:at_most]
        if self.waiting:
            self._refill()
        return rows

    def remove(self, wanted: Callable[[int], bool]) -> list[int]:
        """Remove and return the visible rows for which `wanted` holds, in order; producers refill the places."""
        rows = [row for row in self.rows if wanted(row)]
        if rows:
            leaving = set(rows)
            self.rows[:] = [row for row in self.rows if row not in leaving]
            self._refill()
        return rows

    def clear(self) -> list[int]:
        """Remove and return everything: the visible rows, then what each producer in the ring still has to offer."""
        rows = [*self.rows, *(row for producer in self._ring for row in reversed(producer))]
        self.rows.clear()
        self._ring.clear()
        self.waiting = 0
        return rows

    def _refill(self) -> None:
        visible, ring = self.rows, self._ring
        room = min(self.visible_max - len(visible), self.waiting)
        for _ in range(room):
            producer = ring.popleft()
            visible.append(producer.pop())
            if producer:
                ring.append(producer)
        if room > 0:
            self.waiting -= room


class BoundedQueue:
    """A queue behind which its feeders stop: they look at `full` before they bring, and bring whole messages.

    Parameters
    ----------
    rows_max : int
        At this many rows, or above, the queue is full, > 0.

    Attributes
    ----------
    rows : list of int
        What waits, oldest first: to be read, not changed.

    Notes
    -----
    What was under way when the queue filled up still arrives, so it may hold more than `rows_max` rows. A feeder
    that found it full leaves a callback with `when_room` and is called once, in the order of leaving.
    """

    __slots__ = ("_waiters", "rows", "rows_max")

    def __init__(self, rows_max: int) -> None:
        if rows_max <= 0:
            raise ValueError(f"rows_max: a queue has at least one place, not {rows_max}")
        self.rows_max = rows_max
        self.rows: list[int] = []
        self._waiters: list[Callable[[], None]] = []

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def room(self) -> int:
        """Places left, never below 0."""
        return max(0, self.rows_max - len(self.rows))

    @property
    def full(self) -> bool:
        """Whether feeders have to wait."""
        return len(self.rows) >= self.rows_max

    def bring(self, rows: Sequence[int]) -> None:
        """Rows arrive, at the back."""
        self.rows.extend(rows)

    def put_back(self, rows: Sequence[int]) -> None:
        """Rows that were taken return, to the front."""
        self.rows[:0] = rows

    def take(self, at_most: int) -> list[int]:
        """Remove and return the oldest rows, at most so many; call `wake` once the caller's own state is settled."""
        rows = self.rows[:at_most]
        del self.rows[:at_most]
        return rows

    def when_room(self, act: Callable[[], None]) -> None:
        """Call `act` once, when `wake` next finds room."""
        self._waiters.append(act)

    def wake(self) -> None:
        """Tell the feeders that wait, if there is room."""
        if self._waiters and len(self.rows) < self.rows_max:
            waiters, self._waiters = self._waiters, []
            for act in waiters:
                act()
