"""Records of a run, appended in batches and made into columns once, at the end."""

from __future__ import annotations

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
    >>> log.column(3).tolist()
    [0.5, nan, 0.5]
    """

    __slots__ = ("append", "entries")

    def __init__(self) -> None:
        self.entries: list[tuple[float, list[int]]] = []
        self.append = self.entries.append

    @classmethod
    def merged(cls, logs: Iterable[BatchLog]) -> BatchLog:
        """One log of what several logged."""
        log = cls()
        for part in logs:
            log.entries.extend(part.entries)
        return log

    def rows(self) -> npt.NDArray[np.int64]:
        """All row ids in the order of logging."""
        return np.fromiter(chain.from_iterable(rows for _, rows in self.entries), dtype=np.int64)

    def column(self, size: int) -> npt.NDArray[np.float64]:
        """Time of each row, (size,), NaN where a row was never logged; a row logged twice has its last time."""
        column = np.full(size, np.nan)
        times = np.array([time for time, _ in self.entries])
        column[self.rows()] = np.repeat(times, [len(rows) for _, rows in self.entries])
        return column

    def total(self, size: int) -> npt.NDArray[np.float64]:
        """Sum of the logged times of each row, (size,), for a log of durations; 0 where a row was never logged."""
        times = np.array([time for time, _ in self.entries])
        durations = np.repeat(times, [len(rows) for _, rows in self.entries])
        total: npt.NDArray[np.float64] = np.bincount(self.rows(), weights=durations, minlength=size)  # type: ignore[assignment]
        return total

    def count(self, size: int) -> npt.NDArray[np.int32]:
        """How often each row was logged, (size,)."""
        return np.bincount(self.rows(), minlength=size).astype(np.int32)
