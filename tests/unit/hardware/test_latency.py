"""Lines and monotone curves through measured latencies, and the error at what was left out."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simedge.hardware.latency import Deviation, LatencyCurve, LatencyTable, fitted, leave_one_out

MEASURED = st.dictionaries(st.integers(2, 64), st.floats(1e-4, 10.0), min_size=1, max_size=7).flatmap(
    lambda others: st.floats(1e-4, 10.0).map(lambda first: {1: first, **others})
)


@given(MEASURED)
def test_a_curve_goes_through_rising_points_and_stays_between_neighbours(points: dict[int, float]) -> None:
    sizes = sorted(points)
    values = sorted(points.values())
    curve = LatencyCurve.fit(sizes, values)
    assert curve.batch_max == sizes[-1] and curve.latency_s(0) == 0.0
    for (a, low), (b, high) in itertools.pairwise(zip(sizes, values, strict=True)):
        between = [curve.latency_s(n) for n in range(a, b + 1)]
        assert between == sorted(between)
        assert between[0] == pytest.approx(low, rel=1e-12) and between[-1] == pytest.approx(high, rel=1e-12)
        assert low * (1 - 1e-12) <= min(between) and max(between) <= high * (1 + 1e-12)


@given(MEASURED, st.randoms(use_true_random=False))
def test_a_curve_never_falls_whatever_was_measured_and_in_whatever_order(points: dict[int, float], dice) -> None:
    order = list(points)
    curve = LatencyCurve.fit(order, [points[size] for size in order])
    assert list(curve.seconds) == sorted(curve.seconds) and min(curve.seconds[1:]) > 0
    dice.shuffle(order)
    assert LatencyCurve.fit(order, [points[size] for size in order]) == curve


def test_what_falls_is_pooled_by_hand() -> None:
    """5 and 4 become their mean with weights 1/25 and 1/16: (1/5 + 1/4) / (1/25 + 1/16) = 180/41."""
    curve = LatencyCurve.fit([1, 2, 3, 4], [1.0, 5.0, 4.0, 8.0])
    assert curve.seconds == pytest.approx((0.0, 1.0, 180 / 41, 180 / 41, 8.0))


def test_a_curve_through_a_line_is_the_line() -> None:
    sizes = [1, 4, 9, 16]
    line = LatencyTable(0.01, 0.002, 16)
    curve = LatencyCurve.fit(sizes, [line.latency_s(size) for size in sizes])
    for n in range(1, 17):
        assert curve.latency_s(n) == pytest.approx(line.latency_s(n), rel=1e-12)
        assert curve.item_s(n) == pytest.approx(line.item_s(n), rel=1e-12)
        for p in (0.0, 0.3, 1.0):
            assert curve.expected_s(n, p) == pytest.approx(line.expected_s(n, p), rel=1e-12, abs=1e-15)


def test_slower_devices_take_as_many_times_as_long() -> None:
    curve = LatencyCurve((0.0, 1.0, 1.5)).slower(3.0)
    assert curve == LatencyCurve((0.0, 3.0, 4.5))


def test_the_expectation_of_a_curve_over_all_outcomes() -> None:
    curve, p = LatencyCurve((0.0, 1.0, 1.5, 4.0)), 0.3
    by_hand = 0.0
    for needs in itertools.product((0, 1), repeat=3):
        by_hand += math.prod(p if one else 1 - p for one in needs) * curve.latency_s(sum(needs))
    assert curve.expected_s(3, p) == pytest.approx(by_hand, rel=1e-12)


@pytest.mark.parametrize("sizes", [[1], [4, 8], [8]])
def test_a_curve_needs_its_beginning(sizes: list[int]) -> None:
    with pytest.raises(ValueError, match="needs batch size 1 and at least one other"):
        LatencyCurve.fit(sizes, [float(size) for size in sizes])


def test_fits_are_refused_where_they_are_off() -> None:
    crooked = ([1, 8, 16, 32], [5.0, 6.0, 12.0, 60.0])
    with pytest.raises(Deviation) as caught:
        fitted(*crooked, "line")
    assert isinstance(caught.value.fit, LatencyTable) and abs(caught.value.share) > 0.4
    assert isinstance(fitted(*crooked, "monotone"), LatencyCurve)
    with pytest.raises(Deviation) as caught:
        fitted([1, 2, 4], [3.0, 9.0, 6.0], "monotone")
    assert isinstance(caught.value.fit, LatencyCurve) and caught.value.items in {2, 4}
    with pytest.raises(ValueError, match="does not grow"):
        fitted([1, 8], [9.0, 2.0], "line")


def test_a_line_left_out_is_told_exactly_and_a_step_by_a_curve_better() -> None:
    line = ([1, 2, 4, 8, 16], [0.3 + 0.1 * n for n in (1, 2, 4, 8, 16)])
    assert leave_one_out(*line, "line") == pytest.approx(0.0, abs=1e-12)
    assert leave_one_out(*line, "monotone") == pytest.approx(0.0, abs=1e-12)
    flat_then_steep = ([1, 2, 4, 8, 16, 32], [1.0, 1.0, 1.0, 1.05, 2.1, 4.2])
    assert leave_one_out(*flat_then_steep, "monotone") < leave_one_out(*flat_then_steep, "line") / 1.5


def test_the_error_at_what_was_left_out_by_hand() -> None:
    """Sizes 1, 2, 3, 4 at 10, 14, 22, 24: without 2 the curve's value there is that of the fit to 1, 3, 4."""
    sizes, values = [1, 2, 3, 4], [10.0, 14.0, 22.0, 24.0]
    off = []
    for at in (1, 2):
        rest = [s for s in sizes if s != sizes[at]], [v for v in values if v != values[at]]
        weights = 1 / np.array(rest[1])
        design = np.stack([np.ones(3), np.array(rest[0], float)], axis=1) * weights[:, None]
        (fixed, per_item), *_ = np.linalg.lstsq(design, np.ones(3), rcond=None)
        off.append((fixed + per_item * sizes[at]) / values[at] - 1)
    assert leave_one_out(sizes, values, "line") == pytest.approx(math.sqrt((off[0] ** 2 + off[1] ** 2) / 2), rel=1e-9)


@pytest.mark.parametrize(("sizes", "how"), [([1, 2], "line"), ([4], "line"), ([4, 8, 16], "monotone")])
def test_no_error_where_nothing_can_be_left_out(sizes: list[int], how) -> None:
    assert math.isnan(leave_one_out(sizes, [0.1 * size for size in sizes], how))
