from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simedge.policies.video.interface import PartitionPlan
from simedge.policies.video.partitioner import partition_path, partition_plan, proportional_point
from simedge.policies.video.pipeline import Pipeline

COSTS = st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=8)
FIG_1_7 = Pipeline({"A": 0.11, "B": 0.24, "C": 0.50, "D": 0.15}, {"vehicle": ("A", "B", "C", "D")})


def chain(costs: list[float]) -> Pipeline:
    names = tuple(f"c{k}" for k in range(len(costs)))
    return Pipeline(dict(zip(names, costs, strict=True)), {"only": names})


def cut(cumulative: np.ndarray, point: float, u: float) -> int:
    """Vertices that a unit with draw `u` runs on the camera."""
    lower, odds = partition_path(cumulative, point)
    return lower + (u >= odds)


def test_the_worked_example() -> None:
    """§1.3.3: par = 0.7 lies between B (0.35) and C (0.85); Eq. 1.5 gives P_B = (0.85 - 0.7) / (0.85 - 0.35)."""
    lower, odds = partition_path(FIG_1_7.cumulative("vehicle"), 0.7)
    assert lower == 2  # A and B on the camera in the shorter cut
    assert math.isclose(odds, 0.3, rel_tol=0, abs_tol=1e-12)


def test_below_the_first_vertex_nothing_and_the_first_vertex_are_mixed() -> None:
    lower, odds = partition_path(np.array([0.0, 0.25, 1.0]), 0.1)
    assert (lower, odds) == (0, pytest.approx(0.6, abs=1e-15))


@pytest.mark.parametrize("point", [0.0, -1e-300, -0.5, -math.inf])
def test_at_most_0_leaves_everything_to_the_edge(point: float) -> None:
    for u in (0.0, 0.5, np.nextafter(1.0, 0.0)):
        assert cut(FIG_1_7.cumulative("vehicle"), point, u) == 0


@pytest.mark.parametrize("point", [1.0, 1.0000001, 7.0, math.inf])
def test_at_least_1_leaves_everything_to_the_camera(point: float) -> None:
    for u in (0.0, 0.5, np.nextafter(1.0, 0.0)):
        assert cut(FIG_1_7.cumulative("vehicle"), point, u) == 4


def test_a_point_on_a_vertex_is_that_cut_for_certain() -> None:
    cumulative = np.array([0.0, 0.25, 0.5, 1.0])
    for vertices, point in ((1, 0.25), (2, 0.5)):
        assert {cut(cumulative, point, u) for u in (0.0, 0.3, np.nextafter(1.0, 0.0))} == {vertices}


@given(COSTS, st.floats(0.0, 1.0))
def test_the_expected_cost_is_the_partition_point(costs: list[float], point: float) -> None:
    cumulative = chain(costs).cumulative("only")
    lower, odds = partition_path(cumulative, point)
    assert 0 <= lower < len(costs)
    assert 0.0 <= odds <= 1.0
    assert odds * cumulative[lower] + (1 - odds) * cumulative[lower + 1] == pytest.approx(point, rel=1e-12, abs=1e-15)
    assert cumulative[lower] <= point <= cumulative[lower + 1]


@given(COSTS, st.lists(st.floats(-0.5, 1.5), min_size=2, max_size=20), st.floats(0.0, 1.0, exclude_max=True))
def test_a_rising_point_moves_a_unit_towards_the_camera_or_not_at_all(
    costs: list[float], points: list[float], u: float
) -> None:
    cumulative = chain(costs).cumulative("only")
    cuts = [cut(cumulative, point, u) for point in sorted(points)]
    assert cuts == sorted(cuts)


def test_draws_follow_the_odds() -> None:
    """Binomial interval, four standard deviations of 20 000 draws."""
    lower, odds = partition_path(FIG_1_7.cumulative("vehicle"), 0.7)
    draws = np.random.Generator(np.random.PCG64(1)).random(20_000)
    shorter = int((draws < odds).sum())
    assert lower == 2
    assert abs(shorter - 6000) < 4 * math.sqrt(20_000 * 0.3 * 0.7)


def test_a_plan_has_a_row_per_camera_and_a_column_per_path() -> None:
    pipeline = Pipeline({"A": 1.0, "B": 3.0}, {"short": ("A",), "long": ("A", "B")})
    plan = partition_plan(pipeline, np.array([0.0, 0.5, 1.0]))
    assert plan.lower.tolist() == [[0, 0], [0, 1], [0, 1]]
    assert plan.odds == pytest.approx(np.array([[1.0, 1.0], [0.5, 2 / 3], [0.0, 0.0]]), abs=1e-15)
    assert plan.lower.dtype == np.int64
    with pytest.raises(ValueError, match="read-only"):
        plan.odds[0, 0] = 0.5


def test_a_plan_of_two_shapes_is_refused() -> None:
    with pytest.raises(ValueError, match=r"lower \(1, 2\) and odds \(2, 1\)"):
        PartitionPlan(np.zeros((1, 2), np.int64), np.zeros((2, 1)))
    with pytest.raises(ValueError, match="must both be"):
        PartitionPlan(np.zeros(2, np.int64), np.zeros(2))


def test_proportional_point_by_hand() -> None:
    assert proportional_point(20.0, 60.0) == 0.25
