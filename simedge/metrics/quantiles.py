"""Collections of numbers of which only statistics are wanted."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np

from simedge.metrics.schema import FloatArray

__all__ = ["ACCURACY", "Exact", "Numbers", "Sketched", "statistics"]

ACCURACY = 0.01
"""Largest relative error of a sketched percentile."""


class Numbers(ABC):
    """Numbers that come in pieces. Count, mean and maximum are exact; how quantiles are is up to the subclass.

    Attributes
    ----------
    count : int
        How many there are.
    total : float
        Their sum.
    largest : float
        The largest; -inf when there is none.
    """

    def __init__(self) -> None:
        self.count = 0
        self.total = 0.0
        self.largest = -math.inf

    def add(self, values: FloatArray) -> None:
        """Take in more, (n,), not NaN."""
        if len(values):
            self.count += len(values)
            self.total += float(np.sum(values))
            self.largest = max(self.largest, float(np.max(values)))
            self._keep(values)

    @abstractmethod
    def _keep(self, values: FloatArray) -> None: ...

    @abstractmethod
    def percentiles(self, ranks: Sequence[float]) -> list[float]:
        """Percentiles of all numbers, of which there is at least one; linear between neighbours."""


class Exact(Numbers):
    """Keeps every number: 8 bytes each."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[FloatArray] = []

    def _keep(self, values: FloatArray) -> None:
        self._pieces.append(values)

    def percentiles(self, ranks: Sequence[float]) -> list[float]:
        """Percentiles, by sorting."""
        found: list[float] = np.percentile(np.concatenate(self._pieces), ranks).tolist()
        return found


class Sketched(Numbers):
    """Counts numbers >= 0 in buckets that widen with the numbers (DDSketch): percentiles within 1 %, little memory.

    Notes
    -----
    Masson, Rim, Lee: DDSketch, PVLDB 12 (2019). A bucket stands for one value that is within 1 % of all it holds. A
    percentile between two neighbours is interpolated between theirs, which keeps that however few numbers there are.

    Examples
    --------
    >>> numbers = Sketched()
    >>> numbers.add(np.linspace(1.0, 101.0, 10_001))
    >>> abs(numbers.percentiles([50])[0] / 51.0 - 1) < 0.01
    True
    """

    def __init__(self) -> None:
        from ddsketch.ddsketch import BaseDDSketch
        from ddsketch.mapping import LogarithmicMapping
        from ddsketch.store import DenseStore

        super().__init__()
        self._mapping = LogarithmicMapping(ACCURACY)
        self._sketch = BaseDDSketch(self._mapping, DenseStore(), DenseStore(), 0.0)
        self._buckets_per_octave = math.log(2) / math.log(self._mapping.gamma)

    def _keep(self, values: FloatArray) -> None:
        above_0 = values[values > self._mapping.min_possible]
        if len(above_0) < len(values):
            self._sketch.add(0.0, float(len(values) - len(above_0)))
        # The sketch finds buckets one number at a time; here all are found at once, and filled by their values.
        buckets, counts = np.unique(np.ceil(np.log2(above_0) * self._buckets_per_octave), return_counts=True)
        for bucket, count in zip(buckets.tolist(), counts.tolist(), strict=True):
            self._sketch.add(self._mapping.value(bucket), float(count))

    def percentiles(self, ranks: Sequence[float]) -> list[float]:
        """Percentiles, within 1 %."""
        found = []
        for rank in ranks:
            part, below = math.modf(rank / 100 * (self.count - 1))
            lower, upper = self._in_order(int(below)), self._in_order(min(int(below) + 1, self.count - 1))
            found.append(min(lower + part * (upper - lower), self.largest))
        return found

    def _in_order(self, place: int) -> float:
        """Return what stands for the number at a place, from 0, in ascending order."""
        last = max(self.count - 1, 1)
        value = self._sketch.get_quantile_value(min((place + 0.5) / last, 1.0))
        assert value is not None  # there is a number
        return float(value)


def statistics(name: str, numbers: Numbers, wanted: Sequence[str]) -> dict[str, float]:
    """Name statistics ``mean``, ``max``, ``p50``, … of some numbers; NaN when there are none.

    Examples
    --------
    >>> numbers = Exact()
    >>> numbers.add(np.array([1.0, 2.0, 6.0]))
    >>> statistics("wait_s", numbers, ("mean", "p50", "max"))
    {'wait_s_mean': 3.0, 'wait_s_p50': 2.0, 'wait_s_max': 6.0}
    """
    found = dict.fromkeys(wanted, math.nan)
    if numbers.count:
        ranks = {statistic: float(statistic[1:]) for statistic in wanted if statistic not in {"mean", "max"}}
        if ranks:
            found |= dict(zip(ranks, numbers.percentiles(list(ranks.values())), strict=True))
        known = {"mean": numbers.total / numbers.count, "max": numbers.largest}
        found |= {statistic: value for statistic, value in known.items() if statistic in wanted}
    return {f"{name}_{statistic}": found[statistic] for statistic in wanted}
