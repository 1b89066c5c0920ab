"""What samples say of means and differences: intervals, tests, and what of one long run may be used.

Everything here takes arrays and gives plain numbers; what the numbers are of is the caller's affair.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from simedge.metrics.schema import FloatArray

__all__ = [
    "BATCH",
    "Difference",
    "Interval",
    "Truncation",
    "batch_means",
    "holm",
    "interval",
    "lag_1",
    "mser5",
    "paired",
    "relative_half_width",
    "unpaired",
]

BATCH = 5
"""Observations in a batch of :func:`mser5`."""

_Values = Sequence[float] | FloatArray


@dataclass(frozen=True)
class Interval:
    """A mean and where the true one may lie.

    Attributes
    ----------
    mean, low, high : float
        Mean and the ends of its interval, in the unit of the values; NaN where unknown.
    n : int
        Values in it, undefined ones left out.
    standard_error : float
        Estimated standard deviation of the mean.
    """

    mean: float
    low: float
    high: float
    n: int
    standard_error: float


@dataclass(frozen=True)
class Difference:
    """Mean of one sample minus that of another.

    Attributes
    ----------
    difference, low, high : float
        Difference a - b and the ends of its interval, in the unit of the values; NaN where unknown.
    p : float
        Two-sided probability of a difference at least as large if the true one is zero; NaN where unknown.
    n_a, n_b : int
        Values that entered; the same number when paired.
    dropped : int
        Pairs or, unpaired, values that were left out because something in them was undefined.
    standard_error : float
        Estimated standard deviation of the difference.
    """

    difference: float
    low: float
    high: float
    p: float
    n_a: int
    n_b: int
    dropped: int
    standard_error: float


@dataclass(frozen=True)
class Truncation:
    """How much of the beginning of a series to cut, and whether what is left looks like a steady state.

    Attributes
    ----------
    observations : int
        How many to cut, at most half of them.
    found : bool
        Whether the best place lies before the half. Where it does not, the series still drifts, or it is too short.
    """

    observations: int
    found: bool


def interval(values: _Values, level: float = 0.95) -> Interval:
    """Mean of independent replications with Student's interval.

    Parameters
    ----------
    values : (n,) sequence of float
        One value per replication; NaN and infinite ones are left out.
    level : float
        Confidence level, in (0, 1).

    Returns
    -------
    Interval
        One value alone gives a mean without an interval; none gives NaN. Equal values give an interval of width 0.

    Raises
    ------
    ValueError
        If the level is not in (0, 1).

    Examples
    --------
    >>> made = interval([4.0, 6.0, 8.0])
    >>> made.mean, round(made.low, 3), round(made.high, 3)
    (6.0, 1.032, 10.968)
    """
    kept = _finite(values)
    mean, variance = _moments(kept)
    error = math.sqrt(variance / len(kept)) if len(kept) else math.nan
    half = _half_width(error, len(kept) - 1.0, level)
    return Interval(mean, mean - half, mean + half, len(kept), error)


def paired(a: _Values, b: _Values, level: float = 0.95) -> Difference:
    """Compare samples whose values belong together, by the interval and t test of the differences within pairs.

    Parameters
    ----------
    a, b : (n,) sequence of float
        Values of the two sides in the same order. A pair in which one is NaN or infinite is dropped.
    level : float
        Confidence level, in (0, 1).

    Returns
    -------
    Difference
        a - b. Fewer than two pairs leave interval and p undefined. If all differences are equal, the interval has width
        0 and p is 1 if the difference is 0, else 0: chance plays no part in them.

    Raises
    ------
    ValueError
        If the samples differ in length, or the level is not in (0, 1).

    Examples
    --------
    >>> made = paired([12.0, 15.0, 21.0], [10.0, 11.0, 15.0])
    >>> made.difference, round(made.low, 3), round(made.high, 3), round(made.p, 4)
    (4.0, -0.968, 8.968, 0.0742)
    """
    first, second = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if first.shape != second.shape:
        raise ValueError(f"pairs need samples of one length, not {first.shape} and {second.shape}")
    whole = np.isfinite(first) & np.isfinite(second)
    found = interval(first[whole] - second[whole], level)
    p = _p_value(found.mean, found.standard_error, found.n - 1.0)
    dropped = len(first) - found.n
    return Difference(found.mean, found.low, found.high, p, found.n, found.n, dropped, found.standard_error)


def unpaired(a: _Values, b: _Values, level: float = 0.95) -> Difference:
    """Compare independent samples of possibly different variance (Welch, Biometrika 34, 1947).

    Parameters
    ----------
    a : (n,) sequence of float
        Values of one side; NaN and infinite ones are dropped.
    b : (m,) sequence of float
        Values of the other.
    level : float
        Confidence level, in (0, 1).

    Returns
    -------
    Difference
        a - b. Fewer than two values on a side leave interval and p undefined. If neither side varies, the interval has
        width 0 and p is 1 if they are equal, else 0.

    Raises
    ------
    ValueError
        If the level is not in (0, 1).
    """
    first, second = _finite(a), _finite(b)
    n, m = len(first), len(second)
    (mean_a, variance_a), (mean_b, variance_b) = _moments(first), _moments(second)
    difference = mean_a - mean_b
    error, freedom = math.nan, math.nan
    if n > 1 and m > 1:
        share_a, share_b = variance_a / n, variance_b / m
        error = math.sqrt(share_a + share_b)
        if error > 0:
            freedom = 1 / ((share_a / error**2) ** 2 / (n - 1) + (share_b / error**2) ** 2 / (m - 1))
    half = _half_width(error, freedom, level)
    p = _p_value(difference, error, freedom)
    return Difference(difference, difference - half, difference + half, p, n, m, len(a) + len(b) - n - m, error)


def holm(p: _Values) -> FloatArray:
    """Adjust p values of a family of tests, so that the chance of any false finding keeps to the level of one test.

    Parameters
    ----------
    p : (n,) sequence of float
        In [0, 1], or NaN for a test that was not made: it stays NaN and does not count.

    Returns
    -------
    (n,) float array
        Adjusted by the step-down method of Holm (Scandinavian Journal of Statistics 6, 1979), in the order given.

    Examples
    --------
    >>> holm([0.01, 0.04, float("nan"), 0.03]).tolist()
    [0.03, 0.06, nan, 0.06]
    """
    given = np.asarray(p, np.float64)
    made = np.full(given.shape, np.nan)
    order = [at for at in np.argsort(given, kind="stable") if not math.isnan(given[at])]
    factors = np.arange(len(order), 0, -1)
    made[order] = np.minimum(np.maximum.accumulate(given[order] * factors), 1.0)
    return made


def mser5(series: _Values) -> Truncation:
    """Find how much of the beginning of a series to cut, by the marginal standard error of what is left (MSER-5).

    Parameters
    ----------
    series : (n,) sequence of float
        Observations of one run in order.

    Returns
    -------
    Truncation
        A multiple of five observations.

    Raises
    ------
    ValueError
        If an observation is NaN or infinite.

    Notes
    -----
    Of the k means Y of consecutive five observations those before d are cut, d being the first that minimises
    ``sum((Y[d:] - mean(Y[d:]))**2) / (k - d)**2`` (White, Simulation 69, 1997; means of five: White, Cobb & Spratt,
    Winter Simulation Conference 2000). It is looked for up to k/2: the statistic of few means is small by chance, and a
    minimum at the half says that the series is too short for its transient. A remainder of less than five is left out.

    Examples
    --------
    >>> mser5([9.0] * 10 + [1.0, 2.0] * 20)
    Truncation(observations=10, found=True)
    >>> mser5(range(50))
    Truncation(observations=25, found=False)
    """
    given = np.asarray(series, np.float64)
    if not np.isfinite(given).all():
        raise ValueError("a series with undefined observations has no truncation point")
    count = len(given) // BATCH
    if count < 2:
        return Truncation(0, found=False)
    means = given[: count * BATCH].reshape(count, BATCH).mean(axis=1)
    means -= np.median(means)  # exactly zero if constant
    statistic = [float(np.var(means[cut:])) / (count - cut) for cut in range(count // 2 + 1)]
    cut = int(np.argmin(statistic))
    return Truncation(cut * BATCH, found=cut < count // 2)


def batch_means(numerator: _Values, denominator: _Values, batches: int) -> FloatArray:
    """Cut one long run into consecutive batches and take the ratio of sums in each.

    Parameters
    ----------
    numerator, denominator : (n,) sequence of float
        What is divided by what, observation by observation, such as latencies summed and units counted.
    batches : int
        How many, all of one length; the first ``n % batches`` observations are left out.

    Returns
    -------
    (batches,) float array
        NaN where the denominator is not positive. Batches much longer than the memory of the process have nearly
        independent means, of which :func:`interval` tells the interval (Law, Simulation Modeling and Analysis, 9.5.3).

    Raises
    ------
    ValueError
        If lengths differ, or there are fewer observations than batches.

    Examples
    --------
    >>> batch_means([9.0, 1.0, 3.0, 2.0, 2.0], [1.0, 1.0, 1.0, 2.0, 0.0], 2).tolist()
    [2.0, 2.0]
    """
    upper, lower = np.asarray(numerator, np.float64), np.asarray(denominator, np.float64)
    if upper.shape != lower.shape or not 1 <= batches <= len(upper):
        raise ValueError(f"{upper.shape} over {lower.shape} cannot be cut into {batches} batches")
    length = len(upper) // batches
    sums = [values[len(values) - batches * length :].reshape(batches, length).sum(axis=1) for values in (upper, lower)]
    return np.asarray(np.divide(sums[0], sums[1], out=np.full(batches, np.nan), where=sums[1] > 0))


def lag_1(values: _Values) -> float:
    """Correlation of successive values; NaN of fewer than three, of equal ones, or where one is undefined.

    Examples
    --------
    >>> lag_1([1.0, -1.0, 1.0, -1.0])
    -0.75
    """
    given = np.asarray(values, np.float64)
    if len(given) < 3 or not np.isfinite(given).all() or np.all(given == given[0]):
        return math.nan
    centred = given - given.mean()
    return float(centred[1:] @ centred[:-1] / (centred @ centred))


def relative_half_width(values: _Values, level: float = 0.95) -> float:
    """Half the width of the interval of a mean, as a share of the mean.

    Parameters
    ----------
    values : (n,) sequence of float
        See :func:`interval`.
    level : float
        Confidence level, in (0, 1).

    Returns
    -------
    float
        0 if all values are equal, infinite if only their mean is zero, NaN of fewer than two.

    Examples
    --------
    >>> round(relative_half_width([4.0, 6.0, 8.0]), 3)
    0.828
    """
    made = interval(values, level)
    half = (made.high - made.low) / 2
    if half == 0 or math.isnan(half):
        return half
    return half / abs(made.mean) if made.mean else math.inf


def _finite(values: _Values) -> FloatArray:
    given = np.asarray(values, np.float64)
    return given[np.isfinite(given)]


def _moments(values: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Mean and variance of a sample; of equal values exactly that value and 0."""
    if len(values) == 0:
        return math.nan, math.nan
    if len(values) == 1:
        return float(values[0]), math.nan
    if np.all(values == values[0]):
        return float(values[0]), 0.0
    return float(values.mean()), float(values.var(ddof=1))


def _half_width(error: float, freedom: float, level: float) -> float:
    from scipy.special import stdtrit

    if not 0 < level < 1:
        raise ValueError(f"a confidence level lies between 0 and 1, not at {level}")
    if math.isnan(error) or error == 0:
        return error
    return float(stdtrit(freedom, (1 + level) / 2)) * error


def _p_value(difference: float, error: float, freedom: float) -> float:
    from scipy.special import stdtr

    if math.isnan(error):
        return math.nan
    if error == 0:
        return 1.0 if difference == 0 else 0.0
    return float(2 * stdtr(freedom, -abs(difference) / error))
