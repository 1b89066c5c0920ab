"""How long a batch takes on a device: by lines, by curves, with or without spread."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from simedge.hardware.latency import Latency, LatencyTable

__all__ = ["service"]

_DRAWS = 1024  # at a time

Service = Callable[[Sequence[int]], float]


def service(
    tables: Sequence[Latency],
    segments: Sequence[Sequence[int]],
    spread: float = 0.0,
    stream: np.random.Generator | None = None,
) -> Service:
    """Make the function that tells the seconds of a batch, given as the segment of each item.

    Parameters
    ----------
    tables : sequence of LatencyTable or LatencyCurve
        Latency of each classifier.
    segments : sequence of sequence of int
        Classifiers of each segment.
    spread : float
        Relative standard deviation around the mean, >= 0.
    stream : Generator, optional
        Where the spread is drawn from, a factor for each batch.

    Notes
    -----
    A batch runs stage by stage: every distinct classifier in it is launched once, over all items that need it. With
    lines that is a sum over items plus a sum over the set of classifiers launched, so neither counts nor stages
    have to be built per batch; one curve among the tables, and the counts are needed.

    Factors are lognormal with mean 1: latencies stay positive, and their long tail is to the right.
    """
    lines = [table for table in tables if isinstance(table, LatencyTable)]
    means = _Lines(lines, segments).seconds if len(lines) == len(tables) else _Curves(tables, segments).seconds
    if not spread:
        return means
    if stream is None:
        raise ValueError("a spread needs a stream to be drawn from")
    return _spread(means, _factors(spread, stream))


class _Lines:
    """Sums over items, and for every set of classifiers launched the sum of their fixed costs."""

    __slots__ = ("_fixed_s", "_launches", "_per_item_s", "_tables")

    def __init__(self, tables: Sequence[LatencyTable], segments: Sequence[Sequence[int]]) -> None:
        self._tables = tables
        self._per_item_s = [sum(tables[k].per_item_s for k in segment) for segment in segments]
        self._launches = [sum(1 << k for k in set(segment)) for segment in segments]
        self._fixed_s: dict[int, float] = {}

    def seconds(self, items: Sequence[int]) -> float:
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


class _Curves:
    """Counts of items for each classifier, looked up."""

    __slots__ = ("_seconds", "_segments")

    def __init__(self, tables: Sequence[Latency], segments: Sequence[Sequence[int]]) -> None:
        self._segments = segments
        self._seconds = [[0.0, *(table.latency_s(n) for n in range(1, table.batch_max + 1))] for table in tables]

    def seconds(self, items: Sequence[int]) -> float:
        segments = self._segments
        counts = [0] * len(self._seconds)
        for item in items:
            for classifier in segments[item]:
                counts[classifier] += 1
        seconds = 0.0
        for latency_s, count in zip(self._seconds, counts, strict=True):
            seconds += latency_s[count]
        return seconds


def _factors(spread: float, stream: np.random.Generator) -> Iterator[float]:
    variance = np.log1p(spread**2)
    while True:
        yield from np.exp(np.sqrt(variance) * stream.standard_normal(_DRAWS) - variance / 2).tolist()


def _spread(means: Service, factors: Iterator[float]) -> Service:
    return lambda items: means(items) * next(factors)
