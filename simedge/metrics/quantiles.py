"""Collections of numbers of which only statistics are wanted."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np

from simedge.metrics.schema import FloatArray

__all__ = ["Exact", "Numbers", "statistics"]


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
