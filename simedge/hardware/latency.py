"""How long one launch of a classifier takes over so many items: a line, or a monotone curve, through measurements."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = [
    "DEVIATION_MAX",
    "INTERPOLATIONS",
    "Deviation",
    "Interpolation",
    "Latency",
    "LatencyCurve",
    "LatencyTable",
    "fitted",
    "leave_one_out",
]

Interpolation: TypeAlias = Literal["line", "monotone"]

INTERPOLATIONS: tuple[Interpolation, ...] = ("line", "monotone")

DEVIATION_MAX = 0.1
"""How far, relatively, a fit may be from a measured latency."""


class Deviation(ValueError):
    """A fit is too far from what was measured.

    Parameters
    ----------
    items : int
        Batch size at which it is furthest off.
    share : float
        Relative deviation there.
    fit : LatencyTable or LatencyCurve
        The fit.
    """

    def __init__(self, items: int, share: float, fit: Latency) -> None:
        super().__init__(f"{abs(share):.0%} off at batch {items}")
        self.items, self.share, self.fit = items, share, fit


@dataclass(frozen=True, slots=True)
class LatencyTable:
    """Latency of one classifier over batch size: ``fixed_s + per_item_s * items``.

    Attributes
    ----------
    fixed_s, per_item_s : float
        Cost of a launch, >= 0, and of each item in it, > 0.
    batch_max : int
        Largest batch size that was profiled.
    """

    fixed_s: float
    per_item_s: float
    batch_max: int

    def slower(self, times: float) -> LatencyTable:
        """Return the table of a device that takes so many times as long."""
        return LatencyTable(self.fixed_s * times, self.per_item_s * times, self.batch_max)

    def latency_s(self, items: int) -> float:
        """Seconds for one launch over so many items."""
        return self.fixed_s + self.per_item_s * items

    def item_s(self, batch: int) -> float:
        """Seconds for each item of a full batch."""
        return self.fixed_s / batch + self.per_item_s

    def expected_s(self, batch: int, p: float) -> float:
        """Seconds expected for a batch each of whose items needs the classifier with probability `p`."""
        return self.fixed_s * (1.0 - (1.0 - p) ** batch) + batch * p * self.per_item_s

    @classmethod
    def fit(cls, batch_sizes: Sequence[int], latency_s: Sequence[float]) -> LatencyTable:
        """Line through measured latencies with the least squares of relative deviations, and ``fixed_s >= 0``.

        Relative, because a batch of 1 and one of 64 are equally often wrong by so many per cent. One batch size alone
        gives a line through the origin.

        Examples
        --------
        >>> table = LatencyTable.fit([1, 8, 32], [0.011, 0.067, 0.259])
        >>> round(table.fixed_s, 6), round(table.per_item_s, 6), table.batch_max
        (0.003, 0.008, 32)
        """
        sizes, values = np.asarray(batch_sizes, float), np.asarray(latency_s, float)
        per_item = fixed = 0.0
        if len(sizes) > 1:
            per_item, fixed = (float(c) for c in np.polyfit(sizes, values, 1, w=1 / values))
        if len(sizes) == 1 or fixed < 0:
            shares = sizes / values
            fixed, per_item = 0.0, float(shares.sum() / (shares @ shares))
        return cls(fixed, per_item, int(max(batch_sizes)))


@dataclass(frozen=True, slots=True)
class LatencyCurve:
    """Latency of one classifier over batch size, written out for every size.

    Attributes
    ----------
    seconds : tuple of float
        Latency of one launch over 0, 1, … items; 0 for none, since nothing is launched then.
    """

    seconds: tuple[float, ...]

    @property
    def batch_max(self) -> int:
        """Largest batch size that was profiled."""
        return len(self.seconds) - 1

    def slower(self, times: float) -> LatencyCurve:
        """Return the curve of a device that takes so many times as long."""
        return LatencyCurve(tuple(value * times for value in self.seconds))

    def latency_s(self, items: int) -> float:
        """Seconds for one launch over so many items."""
        return self.seconds[items]

    def item_s(self, batch: int) -> float:
        """Seconds for each item of a full batch."""
        return self.seconds[batch] / batch

    def expected_s(self, batch: int, p: float) -> float:
        """Seconds expected for a batch each of whose items needs the classifier with probability `p`."""
        odds = [math.comb(batch, n) * p**n * (1.0 - p) ** (batch - n) for n in range(batch + 1)]
        return math.fsum(odd * self.seconds[n] for n, odd in enumerate(odds))

    @classmethod
    def fit(cls, batch_sizes: Sequence[int], latency_s: Sequence[float]) -> LatencyCurve:
        """Monotone curve through measured latencies: piecewise cubic, and no size is faster than a smaller one.

        Parameters
        ----------
        batch_sizes : (n,) sequence of int
            Distinct sizes, at least two, the smallest of them 1: below what was measured nothing says how to go on.
        latency_s : (n,) sequence of float
            Measured seconds, > 0.

        Raises
        ------
        ValueError
            If size 1 is missing, or there is no other.

        Notes
        -----
        Latencies that fall with the batch size are first replaced by the nearest ones that do not (isotonic regression
        of relative deviations). The curve through them is Fritsch and Carlson's (SIAM J. Numer. Anal. 17, 1980), which
        never leaves the range between two neighbours.

        Examples
        --------
        >>> curve = LatencyCurve.fit([1, 4], [0.010, 0.016])
        >>> [round(s, 6) for s in curve.seconds]
        [0.0, 0.01, 0.012, 0.014, 0.016]
        """
        from scipy.interpolate import PchipInterpolator
        from scipy.optimize import isotonic_regression

        order = np.argsort(batch_sizes)
        sizes, values = np.asarray(batch_sizes)[order], np.asarray(latency_s, float)[order]
        if len(sizes) < 2 or sizes[0] != 1:
            raise ValueError("a monotone curve needs batch size 1 and at least one other")
        rising = isotonic_regression(values, weights=values**-2.0).x
        every = PchipInterpolator(sizes, rising)(np.arange(1, sizes[-1] + 1))
        return cls((0.0, *np.maximum.accumulate(every).tolist()))


Latency: TypeAlias = LatencyTable | LatencyCurve


def fitted(batch_sizes: Sequence[int], latency_s: Sequence[float], interpolation: Interpolation) -> Latency:
    """Fit measured latencies.

    Parameters
    ----------
    batch_sizes, latency_s : (n,) sequences
        Distinct sizes, and seconds, > 0.
    interpolation : {"line", "monotone"}
        What is fitted: `LatencyTable.fit` or `LatencyCurve.fit`.

    Raises
    ------
    Deviation
        If the fit is more than `DEVIATION_MAX` off at a measured size.
    ValueError
        If latencies do not grow with the batch, or sizes do not suffice.
    """
    made: Latency
    if interpolation == "line":
        made = LatencyTable.fit(batch_sizes, latency_s)
        if made.per_item_s <= 0:
            raise ValueError("latency does not grow with the batch")
    else:
        made = LatencyCurve.fit(batch_sizes, latency_s)
    off = {size: made.latency_s(size) / value - 1 for size, value in zip(batch_sizes, latency_s, strict=True)}
    worst = max(off, key=lambda size: abs(off[size]))
    if abs(off[worst]) > DEVIATION_MAX:
        raise Deviation(worst, off[worst], made)
    return made


def leave_one_out(batch_sizes: Sequence[int], latency_s: Sequence[float], interpolation: Interpolation) -> float:
    """How well a fit tells a latency that it was not shown.

    Parameters
    ----------
    batch_sizes, latency_s, interpolation
        See :func:`fitted`.

    Returns
    -------
    float
        Root mean square, over the sizes between the smallest and the largest, of the relative deviation at a size of
        the fit to all others. NaN if there are none between, or no such fit. The two ends are left out for either fit,
        since there a curve has nothing to interpolate.

    Examples
    --------
    A line through the outer two of three points tells 18 where 22 was measured, and so does a curve:

    >>> off = [leave_one_out([1, 3, 5], [10.0, 22.0, 26.0], how) for how in INTERPOLATIONS]
    >>> [round(22 * share, 9) for share in off]
    [4.0, 4.0]
    """
    order = np.argsort(batch_sizes).tolist()
    sizes, values = [batch_sizes[at] for at in order], [latency_s[at] for at in order]
    fit: Callable[[Sequence[int], Sequence[float]], Latency]
    fit = LatencyTable.fit if interpolation == "line" else LatencyCurve.fit
    if len(sizes) < 3 or (interpolation == "monotone" and sizes[0] != 1):
        return math.nan
    off: list[float] = []
    for at in range(1, len(sizes) - 1):
        made = fit(sizes[:at] + sizes[at + 1 :], values[:at] + values[at + 1 :])
        off.append(made.latency_s(sizes[at]) / values[at] - 1)
    squares: npt.NDArray[np.float64] = np.square(off)
    return math.sqrt(float(squares.mean()))
