from __future__ import annotations

import math

import numpy as np
import pytest

from simedge.policies.video.balancer import balance, factors, imbalance_index
from simedge.policies.video.interface import Migration

ZERO2, EQUAL2 = np.zeros(2), np.array([50.0, 50.0])


def test_the_index_by_hand() -> None:
    """Loads 90, 30, 0: mean 40, largest 90: 90 / 40 - 1."""
    assert imbalance_index(np.array([90.0, 30.0, 0.0]), np.full(3, 7.0)) == pytest.approx(1.25, abs=1e-15)
    assert imbalance_index(np.zeros(3), np.full(3, 7.0)) == 0.0


def test_divided_by_capacity_equal_drain_times_are_balance() -> None:
    capacity = np.array([48.0, 67.0])
    assert imbalance_index(capacity * 3.0, capacity) == pytest.approx(0.0, abs=1e-12)
    assert imbalance_index(capacity * 3.0, capacity, "multiply") > 0.3


def test_what_cannot_be_normalised_is_refused() -> None:
    with pytest.raises(ValueError, match="capacities must be positive"):
        factors(np.array([1.0, 0.0]))
    with pytest.raises(ValueError, match="must have one shape"):
        imbalance_index(np.zeros(3), EQUAL2)


def test_below_beta_nothing_moves() -> None:
    load = np.array([59.0, 41.0])  # v' = 0.18
    assert balance(load, ZERO2, load, EQUAL2, beta=0.2) == ()
    assert balance(load, ZERO2, load, EQUAL2, beta=0.1) != ()
    assert balance(np.array([1e6, 0.0]), ZERO2, np.full(2, 100.0), EQUAL2, beta=math.inf) == ()


def test_one_per_cent_at_a_time_until_beta() -> None:
    """40 and 0: after k steps of 1 % the giver has 40 * 0.99**k; v' = that / 20 - 1 <= 0.2 first at k = 51 (23.96)."""
    (move,) = balance(np.array([40.0, 0.0]), ZERO2, np.array([40.0, 0.0]), EQUAL2, beta=0.2)
    assert move == Migration(0, 1, round(40 - 40 * 0.99**51))


def test_a_short_queue_gives_a_quarter_of_a_unit_at_a_time() -> None:
    """4 and 0, beta 0: until 2.0, that is eight quarters."""
    assert balance(np.array([4.0, 0.0]), ZERO2, np.array([4.0, 0.0]), EQUAL2, beta=0.0) == (Migration(0, 1, 2),)


def test_only_what_is_visible_can_move() -> None:
    load = np.array([1000.0, 0.0])
    (move,) = balance(load, ZERO2, np.array([100.0, 0.0]), EQUAL2, beta=0.2)
    assert 90 <= move.rois <= 100
    assert balance(load, ZERO2, ZERO2, EQUAL2, beta=0.2) == ()


def test_predicted_arrivals_count_but_cannot_move() -> None:
    queued, coming = np.array([10.0, 10.0]), np.array([30.0, 0.0])
    (move,) = balance(queued, coming, queued, EQUAL2, beta=0.2)
    assert (move.source, move.target) == (0, 1)
    assert balance(ZERO2, coming, ZERO2, EQUAL2, beta=0.2) == ()


def test_ties_at_the_top_do_not_stop_it() -> None:
    """Two cameras tie at 100: moving from one leaves v' as it was. The literal stop rule would halt at once."""
    load = np.array([100.0, 100.0, 0.0, 0.0])
    moves = balance(load, np.zeros(4), load, np.full(4, 50.0), beta=0.2)
    assert {move.source for move in moves} == {0, 1}
    assert {move.target for move in moves} == {2, 3}


def test_equal_loads_go_by_the_lowest_index() -> None:
    """800 and two idle ones: v' = 2, after one step of 8 units 1.97."""
    load = np.array([0.0, 800.0, 0.0])
    assert balance(load, np.zeros(3), load, np.full(3, 50.0), beta=1.98) == (Migration(1, 0, 8),)


def test_a_rounded_plan_that_gains_nothing_is_dropped() -> None:
    load = np.array([1.0, 0.0])  # v' = 1; half a unit rounds to none
    assert balance(load, ZERO2, load, EQUAL2, beta=0.2) == ()


def test_the_faster_camera_gets_more() -> None:
    load, capacity = np.array([90.0, 0.0, 0.0]), np.array([50.0, 50.0, 100.0])
    slow, fast = balance(load, np.zeros(3), load, capacity, beta=0.0)
    assert (slow.target, fast.target) == (1, 2)
    assert fast.rois == pytest.approx(2 * slow.rois, abs=2)
