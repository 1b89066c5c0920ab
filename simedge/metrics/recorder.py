"""Records of a run, appended in batches and made into columns later."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from itertools import chain

import numpy as np
import numpy.typing as npt

__all__ = ["BatchLog"]


class BatchLog:
    """When rows reached a stage: one entry per batch, ``append((time_s, rows))``.

    Examples
    --------
    >>> log = BatchLog()
    >>> log.append((0.5, [2, 0]))
    >>> log.append((0.75, [1]))
    >>> times_s, rows = log.flat()
    >>> times_s.tolist(), rows.tolist()
    ([0.5, 0.5, 0.75], [2, 0, 1])
    """

    __slots__ = ("append", "entries")

    def __init__(self, entries: Iterable[tuple[float, list[int]]] = ()) -> None:
        self.entries: list[tuple[float, list[int]]] = list(entries)
        self.append = self.entries.append

    @classmethod
    def merged(cls, logs: Iterable[BatchLog]) -> BatchLog:
        """One log of what several logged."""
        return cls(chain.from_iterable(log.entries for log in logs))

    def flat(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
        """Return times (n,) and row ids (n,), in the order of logging."""
        flat = array("q")
        for _, rows in self.entries:
            flat.fromlist(rows)  # a fifth faster than one iterator through numpy
        sizes = np.array([len(rows) for _, rows in self.entries], np.int64)
        times = np.array([time for time, _ in self.entries], np.float64)
        return np.repeat(times, sizes), np.frombuffer(flat, np.int64)

    def clear(self) -> None:
        """Forget."""
        self.entries.clear()  # the list itself stays: `append` is bound to it
