"""Intervals, tests and truncation against hand-worked numbers, closed forms, scipy.stats and their own promises."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from simedge.metrics.inference import (
    Truncation,
    batch_means,
    holm,
    interval,
    lag_1,
    mser5,
    paired,
    relative_half_width,
    unpaired,
)

nan = math.nan
numbers = st.floats(-1e3, 1e3).map(lambda value: round(value, 3))


def binomial(n: int, share: float) -> tuple[float, float]:
    """Counts between which a binomial one lies but for 1 in 1000."""
    return tuple(float(stats.binom.ppf(tail, n, share)) for tail in (0.0005, 0.9995))


# --- intervals and tests -----------------------------------------------------------------------------------------


def test_the_interval_of_a_mean_by_hand():
    made = interval([4.0, 6.0, 8.0])  # sd 2, t(0.975, 2) = 4.303
    assert (made.mean, made.n) == (6.0, 3)
    assert made.standard_error == pytest.approx(2 / math.sqrt(3))
    assert (made.low, made.high) == pytest.approx(
        (6 - 4.3027 * 2 / math.sqrt(3), 6 + 4.3027 * 2 / math.sqrt(3)), abs=1e-3
    )
    assert interval([4.0, 6.0, 8.0], level=0.8).high == pytest.approx(6 + 1.8856 * 2 / math.sqrt(3), abs=1e-3)


def test_paired_by_hand():
    made = paired([12.0, 15.0, 21.0], [10.0, 11.0, 15.0])  # differences 2, 4, 6: t = 4 / (2 / sqrt 3) = 3.4641
    assert (made.difference, made.n_a, made.n_b, made.dropped) == (4.0, 3, 3, 0)
    assert (made.low, made.high) == pytest.approx((4 - 4.96828, 4 + 4.96828), abs=1e-4)
    assert made.p == pytest.approx(1 - math.sqrt(12 / (2 + 12)), rel=1e-9)  # with 2 degrees: p = 1 - t / sqrt(2 + t²)


@given(st.lists(st.tuples(numbers, numbers), min_size=2, max_size=12))
def test_differences_agree_with_scipy_stats(pairs):
    a, b = (np.array(side) for side in zip(*pairs, strict=True))
    if min(np.ptp(a - b), np.ptp(a), np.ptp(b)) > 0.01:  # scipy warns of sides that hardly vary
        for ours, theirs in (
            (paired(a, b), stats.ttest_rel(a, b)),
            (unpaired(a, b), stats.ttest_ind(a, b, equal_var=False)),
        ):
            assert ours.p == pytest.approx(theirs.pvalue, rel=1e-6, abs=1e-12)
            ends = theirs.confidence_interval(0.95)
            assert (ours.low, ours.high) == pytest.approx((ends.low, ends.high), rel=1e-6, abs=1e-6)


@given(st.lists(st.tuples(numbers, numbers), min_size=2, max_size=12), st.sampled_from([paired, unpaired]))
def test_a_difference_turned_round_changes_its_sign_and_nothing_else(pairs, test):
    a, b = (list(side) for side in zip(*pairs, strict=True))
    one, other = test(a, b), test(b, a)
    assert (one.difference, one.low, one.high) == pytest.approx((-other.difference, -other.high, -other.low), abs=1e-9)
    assert one.p == pytest.approx(other.p, abs=1e-12)
    assert one.low <= one.difference <= one.high


def test_welch_of_sides_of_different_size_and_spread():
    rng = np.random.Generator(np.random.PCG64(1))
    a, b = rng.normal(5, 1, 7), rng.normal(4, 6, 19)
    made, known = unpaired(a, b, 0.9), stats.ttest_ind(a, b, equal_var=False)
    assert (made.n_a, made.n_b) == (7, 19)
    assert (made.p, made.difference / made.standard_error) == pytest.approx((known.pvalue, known.statistic))
    assert (made.low, made.high) == pytest.approx(tuple(known.confidence_interval(0.9)))


@pytest.mark.parametrize("test", [paired, unpaired])
def test_what_never_varies_has_an_interval_without_width(test):
    same = test([0.1, 0.1, 0.1], [0.1, 0.1, 0.1])
    assert (same.difference, same.low, same.high, same.p) == (0.0, 0.0, 0.0, 1.0)
    other = test([3.0, 3.0, 3.0], [1.0, 1.0, 1.0])
    assert (other.difference, other.low, other.high, other.p) == (2.0, 2.0, 2.0, 0.0)


def test_pairs_whose_differences_are_equal_have_an_interval_without_width():
    made = paired([1.0, 5.0, 9.0], [0.0, 4.0, 8.0])
    assert (made.difference, made.low, made.high, made.p, made.standard_error) == (1.0, 1.0, 1.0, 0.0, 0.0)


@pytest.mark.parametrize("made", [paired([1.0], [2.0]), unpaired([1.0], [2.0, 3.0]), unpaired([1.0, 2.0], [3.0])])
def test_fewer_than_two_decide_nothing(made):
    assert made.difference < 0
    assert all(math.isnan(value) for value in (made.low, made.high, made.p, made.standard_error))


def test_nothing_at_all_decides_nothing():
    assert [math.isnan(value) for value in (interval([]).mean, paired([], []).difference, unpaired([], []).p)] == [
        True
    ] * 3
    one = interval([3.0])
    assert one.mean == 3.0 and math.isnan(one.low) and math.isnan(one.high)


def test_pairs_with_something_undefined_are_dropped_and_counted():
    made = paired([1.0, nan, 3.0, 5.0, 2.0], [0.0, 1.0, nan, 2.0, math.inf])
    assert made == replace(paired([1.0, 5.0], [0.0, 2.0]), dropped=3)
    alone = unpaired([1.0, nan, 3.0], [0.0, 1.0, nan, nan])
    assert (alone.n_a, alone.n_b, alone.dropped, alone.difference) == (2, 2, 3, 1.5)
    assert interval([1.0, nan, 3.0]).n == 2


def test_sides_of_different_length_make_no_pairs():
    with pytest.raises(ValueError, match="one length"):
        paired([1.0, 2.0], [1.0])


@pytest.mark.parametrize("level", [0.0, 1.0, -0.5, 95.0, nan])
def test_a_level_is_a_share(level):
    with pytest.raises(ValueError, match="between 0 and 1"):
        interval([1.0, 2.0], level)


def test_relative_half_width():
    assert relative_half_width([4.0, 6.0, 8.0]) == pytest.approx(4.3027 * 2 / math.sqrt(3) / 6, abs=1e-4)
    assert relative_half_width([-4.0, -6.0, -8.0]) == relative_half_width([4.0, 6.0, 8.0])
    assert (relative_half_width([5.0, 5.0]), relative_half_width([0.0, 0.0]), relative_half_width([-1.0, 1.0])) == (
        0,
        0,
        math.inf,
    )
    assert math.isnan(relative_half_width([5.0]))


# --- many tests at once ------------------------------------------------------------------------------------------


def test_holm_by_hand():
    # 0.01 × 3, then 0.03 × 2, then 0.04 × 1 lifted to the one before; NaN does not count
    assert holm([0.01, 0.04, nan, 0.03]).tolist() == pytest.approx([0.03, 0.06, nan, 0.06], nan_ok=True)
    assert holm([0.6, 0.7]).tolist() == [1.0, 1.0]
    assert holm([0.2]).tolist() == [0.2]
    assert holm([]).size == 0


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_lies_between_one_test_and_bonferroni(p):
    made = holm(p)
    assert all(value <= adjusted <= min(1, value * len(p)) for value, adjusted in zip(p, made, strict=True))
    assert np.all(np.diff(made[np.argsort(p, kind="stable")]) >= 0)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=10), st.floats(0.001, 0.5))
def test_holm_rejects_what_its_step_by_step_rule_rejects(p, level):
    rejected = 0
    for step, value in enumerate(sorted(p)):
        if value * (len(p) - step) > level:
            break
        rejected += 1
    assert np.count_nonzero(holm(p) <= level) == rejected


# --- warm-up -----------------------------------------------------------------------------------------------------


def noise(n: int, *seed: int) -> np.ndarray:
    return np.random.Generator(np.random.PCG64(seed)).standard_normal(n)


@pytest.mark.parametrize("length", [5, 20, 60])
def test_a_beginning_that_differs_from_a_constant_rest_is_cut_exactly(length):
    series = np.r_[np.full(length, 7.0), np.full(200 - length, 0.3)]
    assert mser5(series) == Truncation(length, found=True)


@pytest.mark.parametrize("value", [0.0, 0.1, -1e9, 1 / 3])
def test_nothing_is_cut_of_a_constant_series(value):
    assert mser5(np.full(43, value)) == Truncation(0, found=True)


@pytest.mark.parametrize(("memory", "count"), [(0.5, 40), (0.8, 40), (0.9, 100), (0.98, 30)])
def test_a_decaying_transient_is_cut_where_the_closed_form_has_its_least(memory, count):
    """Of means c·r^j the sums over j ≥ d are geometric: the statistic follows without any mean being taken."""
    d, r = np.arange(count // 2 + 1), memory**5
    m = count - d
    total, squares = r**d * (1 - r**m) / (1 - r), r ** (2 * d) * (1 - r ** (2 * m)) / (1 - r * r)
    cut = int(np.argmin((squares - total**2 / m) / m**2))
    made = mser5(3.0 * memory ** np.arange(5 * count))
    assert made == Truncation(5 * cut, found=cut < count // 2)


def test_a_transient_under_noise_is_cut_to_where_it_is_lost_in_it():
    """30·exp(-t/20) is below the noise of one observation from t = 68 on, and below 0.2 from 100."""
    decay = 30 * np.exp(-np.arange(1000) / 20)
    cuts = [mser5(noise(1000, seed) + decay).observations for seed in range(40)]
    assert 50 <= np.median(cuts) <= 110


def test_of_white_noise_little_is_cut_and_its_mean_stays_unbiased():
    means, cuts = [], []
    for seed in range(400):
        series = noise(300, 7, seed)
        cuts.append(mser5(series).observations)
        means.append(series[cuts[-1] :].mean())
    assert np.median(cuts) <= 15
    assert abs(np.mean(means)) <= 4 * np.std(means) / math.sqrt(len(means))  # noise is symmetric, and so is the rule


@given(st.lists(numbers, min_size=10, max_size=80), st.floats(0.1, 10), st.booleans(), st.integers(0, 4))
def test_the_cut_does_not_depend_on_unit_sign_or_remainder(values, scale, flipped, more):
    series = np.array(values[: len(values) // 5 * 5])
    if np.ptp(series) > 1:
        other = np.r_[(-scale if flipped else scale) * series, np.full(more, 1e9)]
        assert statistic(series, mser5(other).observations) == pytest.approx(least(series), rel=1e-6)


def statistic(series: np.ndarray, cut: int) -> float:
    """The statistic by pairs of means, since sum((y - mean)²) = sum over pairs (y - y')² / 2m."""
    left = series.reshape(-1, 5).mean(axis=1)[cut // 5 :]
    return float(np.sum((left[:, None] - left[None, :]) ** 2) / (2 * len(left) ** 3))


def least(series: np.ndarray) -> float:
    return min(statistic(series, cut) for cut in range(0, len(series) // 5 // 2 * 5 + 1, 5))


def test_a_series_that_goes_on_growing_has_no_truncation_point():
    assert mser5(np.arange(300.0)) == Truncation(150, found=False)
    assert mser5(np.arange(300.0) + noise(300, 2)) == Truncation(150, found=False)


@pytest.mark.parametrize("n", [0, 1, 9])
def test_too_short_a_series_has_none_either(n):
    assert mser5(np.arange(n, dtype=float)) == Truncation(0, found=False)


def test_a_series_with_a_hole_is_refused():
    with pytest.raises(ValueError, match="undefined"):
        mser5([1.0] * 20 + [nan])


# --- batches -----------------------------------------------------------------------------------------------------


def test_batch_means_by_hand():
    latency_sum_s, units = [9.0, 1.0, 3.0, 0.0, 2.0, 5.0, 0.0], [9.0, 1.0, 1.0, 0.0, 2.0, 3.0, 0.0]
    made = batch_means(latency_sum_s, units, 3)  # the first one is left out
    assert made.tolist() == [2.0, 1.0, 5.0 / 3]
    assert batch_means([1.0, 0.0], [1.0, 0.0], 2).tolist() == pytest.approx([1.0, nan], nan_ok=True)
    assert batch_means([1.0, 2.0, 3.0], [1.0, 1.0, 1.0], 1).tolist() == [2.0]


@pytest.mark.parametrize(("a", "b", "batches"), [([1.0], [1.0, 2.0], 1), ([1.0], [1.0], 2), ([1.0], [1.0], 0)])
def test_what_cannot_be_cut_into_batches_is_refused(a, b, batches):
    with pytest.raises(ValueError, match="cannot be cut"):
        batch_means(a, b, batches)


@pytest.mark.parametrize("memory", [0.0, 0.6, -0.5])
def test_intervals_of_batch_means_cover_the_mean_of_an_autoregressive_process(memory):
    """x' = φx + ε has mean 0, and n times the variance of its mean tends to 1/(1 - φ)²."""
    runs, batches, length = 600, 20, 200
    n = batches * length
    shocks = noise(runs * n, 3).reshape(runs, n)
    x = np.empty_like(shocks)
    x[:, 0] = shocks[:, 0] / math.sqrt(1 - memory**2)
    for at in range(1, n):
        x[:, at] = memory * x[:, at - 1] + shocks[:, at]
    made = [interval(batch_means(one, np.ones(n), batches)) for one in x]
    low, high = binomial(runs, 0.95)
    assert low <= sum(one.low <= 0 <= one.high for one in made) <= high
    error = math.sqrt(np.mean([one.standard_error**2 for one in made]))
    assert error == pytest.approx(1 / (1 - memory) / math.sqrt(n), rel=0.04)  # sd of the estimate: sqrt(2/19/600)/2


def test_intervals_of_paired_batches_are_narrower_when_the_sides_share_their_chance():
    shared, own = noise(2000, 4), 0.1 * noise(2000, 5)
    one, other = (batch_means(values, np.ones(2000), 20) for values in (shared + own + 0.05, shared))
    apart, together = unpaired(one, other), paired(one, other)
    assert together.standard_error < apart.standard_error / 5
    assert together.difference == pytest.approx(apart.difference)


def test_correlation_of_neighbours():
    assert lag_1([1.0, -1.0, 1.0, -1.0]) == -0.75
    memory = np.zeros(20_000)
    for at, shock in enumerate(noise(20_000, 6)):
        memory[at] = 0.7 * memory[at - 1] + shock
    assert lag_1(memory) == pytest.approx(0.7, abs=0.02)  # its sd: sqrt((1 - 0.49) / 20 000) = 0.005
    assert all(math.isnan(lag_1(values)) for values in ([], [1.0, 2.0], [2.0, 2.0, 2.0], [1.0, nan, 2.0]))
