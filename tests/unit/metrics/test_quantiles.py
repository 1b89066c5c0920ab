from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simedge.metrics.quantiles import ACCURACY, Exact, Numbers, Sketched, statistics

WANTED = ("mean", "p50", "p75", "p99", "max")
RANKS = [0.0, 1.0, 50.0, 75.0, 99.0, 99.9, 100.0]


def filled(kind: type[Numbers], values: np.ndarray, cuts: list[int]) -> Numbers:
    numbers = kind()
    for piece in np.split(values, sorted(cuts)):
        numbers.add(piece)
    return numbers


@pytest.mark.parametrize("kind", [Exact, Sketched])
@given(
    st.lists(st.one_of(st.just(0.0), st.floats(1e-9, 1e9)), min_size=1, max_size=60),
    st.lists(st.integers(0, 60), max_size=3),
)
def test_statistics_in_pieces(kind, values, cuts) -> None:
    values = np.array(values)
    numbers = filled(kind, values, cuts)
    assert (numbers.count, numbers.largest) == (len(values), values.max())
    assert numbers.total == pytest.approx(math.fsum(values), rel=1e-12)
    rel = ACCURACY * (1 + 1e-9) if kind is Sketched else 1e-12
    for found, wanted in zip(numbers.percentiles(RANKS), np.percentile(values, RANKS).tolist(), strict=True):
        assert abs(found - wanted) <= rel * wanted


def test_pieces_do_not_matter() -> None:
    values = np.random.default_rng(3).exponential(size=5000)
    wanted = filled(Sketched, values, []).percentiles(RANKS)
    assert filled(Sketched, values, [7, 8, 4000]).percentiles(RANKS) == wanted
    assert filled(Sketched, values[::-1], [1]).percentiles(RANKS) == wanted
    one_by_one = Sketched()
    for value in values.tolist():
        one_by_one._sketch.add(value)
    one_by_one.count, one_by_one.largest = len(values), float(values.max())
    assert one_by_one.percentiles(RANKS) == pytest.approx(wanted, rel=ACCURACY)  # the library's own way


@pytest.mark.parametrize("kind", [Exact, Sketched])
def test_of_nothing_there_are_no_statistics(kind) -> None:
    numbers = filled(kind, np.empty(0), [])
    assert all(math.isnan(value) for value in statistics("x", numbers, WANTED).values())


def test_a_sketch_is_small_and_stays_small() -> None:
    """Twelve decades in buckets of 2 %: 12 ln 10 / ln(1.01/0.99) = 1382 of them."""
    rng, numbers, sizes = np.random.default_rng(5), Sketched(), []
    for _ in range(20):
        numbers.add(10.0 ** rng.uniform(-6, 6, 20_000))
        sizes.append(len(numbers._sketch._store.bins))
    assert sizes[0] == sizes[-1] < 1600
