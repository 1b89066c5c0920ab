"""Random bandwidth against the laws it is drawn from: moments, autocorrelation, what links have in common.

Independent draws are compared with closed forms at fixed times, so that the error of each estimate is known.
"""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest

import simedge
from simedge.kernel.streams import Streams
from simedge.traces import bandwidth
from simedge.traces.schedule import Schedule
from simedge.traces.walks import Walk, ar1, deviation_of, diurnal, random_walk, wifi, with_outages

N = 2000
STEPS = 12


def fleets(walk: Walk, names: tuple[str, ...] = ("a", "b"), nominal: float = 1.0) -> np.ndarray:
    """Rates of N independent fleets: (N, links, steps)."""
    return np.array(
        [
            [one.rates for one in walk.schedules(dict.fromkeys(names, nominal), STEPS * walk.step_s, rng).values()]
            for rng in (Streams(seed).of for seed in range(N))
        ]
    )


def assert_correlation(one: np.ndarray, other: np.ndarray, expected: float) -> None:
    """Mean product of pairs of standard normals: expected ± 4 √((1 + ρ²)/n)."""
    error = math.sqrt((1 + expected**2) / len(one))
    assert abs(float(np.mean(one * other)) - expected) < 4 * error


# ---------------------------------------------------------------------------------------------- ar1


@pytest.mark.parametrize("shared", [0.0, 0.3, 1.0])
def test_an_autoregression_has_the_moments_it_is_asked_for(shared):
    walk = Walk("ar1", 0.02, 0.8, 0.5, shared=shared)
    x = (fleets(walk) - 1.0) / 0.02  # limits are 25 deviations away or more
    for step in (0, 1, STEPS - 1):  # stationary from the very first step
        assert abs(x[:, 0, step].mean()) < 4 / math.sqrt(N)
        assert_correlation(x[:, 0, step], x[:, 0, step], 1.0)
        assert_correlation(x[:, 0, step], x[:, 1, step], shared)
    for lag in (1, 2, 5):
        assert_correlation(x[:, 1, 3], x[:, 1, 3 + lag], 0.8**lag)
        assert_correlation(x[:, 0, 3], x[:, 1, 3 + lag], shared * 0.8**lag)


def test_a_long_draw_of_one_link_has_them_too():
    mean, deviation, rho, steps = 2e7, 0.1, 0.9, 200_000
    rates = ar1(np.random.Generator(np.random.PCG64(3)), float(steps), 1.0, mean, deviation, rho).rates
    x = (rates / mean - 1.0) / deviation
    # The variance of a mean over a correlated series, and Bartlett's of its variance.
    assert abs(x.mean()) < 4 * math.sqrt((1 + rho) / (1 - rho) / steps)
    assert abs(np.mean(x**2) - 1) < 4 * math.sqrt(2 * (1 + rho**2) / (1 - rho**2) / steps)
    innovations = x[1:] - rho * x[:-1]
    assert abs(np.mean(innovations[1:] * innovations[:-1])) < 4 * (1 - rho**2) / math.sqrt(steps)


def test_the_default_is_ten_percent_mean_absolute_deviation_in_common():
    rates = fleets(Walk(), nominal=5e7)
    np.testing.assert_array_equal(rates[:, 0], rates[:, 1])
    away = np.abs(rates[:, 0, 4] / 5e7 - 1.0)
    # E|x| = 0.1, and E x² = 0.1² π/2, hence the error of the mean.
    assert abs(away.mean() - 0.1) < 4 * 0.1 * math.sqrt((math.pi / 2 - 1) / N)
    assert Walk().deviation == deviation_of(0.1)


def test_limits_hold():
    rates = fleets(Walk("ar1", 1.0, 0.5, lowest=0.4, highest=1.5))[:, 0, 2]
    assert (rates.min(), rates.max()) == (0.4, 1.5)
    # P(1 + x <= 0.4) = Φ(-0.6) = .2743; P(1 + x >= 1.5) = Φ(-0.5) = .3085.
    for share, expected in ((np.mean(rates == 0.4), 0.2743), (np.mean(rates == 1.5), 0.3085)):
        assert abs(share - expected) < 4 * math.sqrt(expected * (1 - expected) / N)


def test_perfect_correlation_never_moves():
    rates = Walk("ar1", 0.1, 1.0).schedules({"a": 1.0}, 20.0, Streams(0).of)["a"].rates
    assert len(rates) == 20 and np.ptp(rates) == 0.0


# ---------------------------------------------------------------------------------------------- random walks


def test_a_reflected_walk_is_log_uniform_and_forgets_like_a_diffusion():
    deviation, room = 0.4, math.log(2.0 / 0.5)
    u = np.log(fleets(Walk("walk", deviation, lowest=0.5, highest=2.0, shared=0.0))[:, 0] / 0.5) / room
    for step in (0, 1, STEPS - 1):
        assert abs(u[:, step].mean() - 0.5) < 4 * math.sqrt(1 / 12 / N)
        assert abs(np.mean((u[:, step] - 0.5) ** 2) - 1 / 12) < 4 * math.sqrt(1 / 180 / N)
    # cos(kπu) is an eigenfunction of normal steps between mirrors, with the eigenvalue exp(-(kπσ/room)²/2).
    for k, lag in ((1, 1), (1, 4), (2, 1), (2, 3)):
        expected = 0.5 * math.exp(-lag * (k * math.pi * deviation / room) ** 2 / 2)
        products = np.cos(k * math.pi * u[:, 2]) * np.cos(k * math.pi * u[:, 2 + lag])
        assert abs(products.mean() - expected) < 4 * products.std() / math.sqrt(N)


def test_links_share_the_steps_of_a_walk():
    together = fleets(Walk("walk", 0.3, lowest=0.5, highest=2.0, shared=1.0))
    np.testing.assert_array_equal(together[:, 0], together[:, 1])
    wide = np.log(fleets(Walk("walk", 0.01, lowest=1e-6, highest=1e6, shared=0.4)))
    steps = np.diff(wide, axis=2) / 0.01
    away = (np.abs(wide) < math.log(1e6) - 1.0).all(axis=(1, 2))  # no mirror in reach
    assert away.mean() > 0.85
    assert_correlation(steps[away, 0, 5], steps[away, 1, 5], 0.4)
    assert_correlation(steps[away, 0, 5], steps[away, 0, 6], 0.0)


def test_a_walk_of_one_link_stays_within_its_limits():
    rates = random_walk(np.random.Generator(np.random.PCG64(0)), 5000.0, 1.0, 1e6, 9e6, 0.5).rates
    assert 1e6 <= rates.min() < 1.05e6 and 8.6e6 < rates.max() <= 9e6


# ---------------------------------------------------------------------------------------------- fleets


@pytest.mark.parametrize("kind", ["ar1", "walk"])
def test_a_link_does_not_depend_on_the_others(kind):
    walk = Walk(kind, 0.2, shared=0.5)
    alone = walk.schedules({"b": 3.0}, 9.0, Streams(5).of)["b"]
    among = walk.schedules({"a": 1.0, "b": 3.0, "c": 0.0}, 9.0, Streams(5).of)
    np.testing.assert_array_equal(alone.rates, among["b"].rates)
    assert not among["c"].rates.any()
    assert (alone.times_s == np.arange(9.0)).all() and alone.period_s == math.inf


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"kind": "arma"}, "kind"),
        ({"deviation": -0.1}, "deviation"),
        ({"deviation": math.nan}, "deviation"),
        ({"correlation": 1.1}, "correlation"),
        ({"correlation": -0.1}, "correlation"),
        ({"step_s": 0.0}, "step_s"),
        ({"step_s": math.inf}, "step_s"),
        ({"shared": 1.1}, "shared"),
        ({"lowest": 0.0}, "lowest"),
        ({"lowest": 1.1}, "lowest"),
        ({"highest": 0.9}, "highest"),
        ({"kind": "walk", "lowest": 1.0, "highest": 1.0}, "lowest, highest"),
    ],
)
def test_parameters_out_of_range_are_named(given, named):
    with pytest.raises(ValueError, match=f"^{named}: "):
        Walk(**given)


@pytest.mark.parametrize(("duration_s", "said"), [(0.0, "> 0"), (math.inf, "> 0"), (1e9, "steps are more than")])
def test_a_duration_that_cannot_be_drawn(duration_s, said):
    with pytest.raises(ValueError, match=said):
        Walk().schedules({"a": 1.0}, duration_s, Streams(0).of)


def test_a_random_walk_needs_room():
    with pytest.raises(ValueError, match="0 < lowest < highest"):
        random_walk(Streams(0).of("a", "b"), 10.0, 1.0, 2.0, 2.0, 0.1)


# ---------------------------------------------------------------------------------------------- days, outages


def test_a_day_has_the_mean_of_the_curve():
    day = diurnal(10.0, 0.5, 24.0, 1.0, phase_s=6.0)
    assert day.total(24.0) == pytest.approx(240.0)
    assert day.total(240.0) == pytest.approx(2400.0)
    # ∫ of 10 (1 + cos(2π(t - 6)/24)/2) over a quarter before the peak: 60 + 5 · 24/2π.
    assert day.total(6.0) == pytest.approx(60.0 + 5 * 24 / (2 * math.pi))
    assert int(np.argmax(day.rates)) in (5, 6) and day.rate(5.0) == pytest.approx(day.rate(6.0))
    assert diurnal(10.0, 1.0, 24.0, 6.0).rates.min() >= 0.0


@pytest.mark.parametrize("given", [(10.0, 1.1, 24.0, 1.0), (10.0, 0.5, 24.0, 0.7), (-1.0, 0.5, 24.0, 1.0)])
def test_a_day_that_cannot_be(given):
    with pytest.raises(ValueError, match="a day is a whole number of steps"):
        diurnal(*given)


def test_outages_come_and_last_as_said():
    found = with_outages(Streams(1).of("x", "y"), Schedule.constant(5.0), 50_000.0, 20.0, 1, 3)
    assert set(found.rates.tolist()) == {0.0, 5.0} and found.period_s == 50_000.0
    down = np.flatnonzero(np.diff(np.concatenate([[1], found.rates > 0, [1]]).astype(int)))
    lengths, gaps = down[1::2] - down[::2], down[2::2] - down[1:-1:2]
    assert set(lengths.tolist()) == {1, 2, 3}
    assert abs(lengths.mean() - 2.0) < 4 * math.sqrt(2 / 3 / len(lengths))
    # An exponential of mean 20 rounded up is geometric with p = 1 - exp(-1/20).
    p = 1 - math.exp(-1 / 20)
    assert abs(gaps.mean() - 1 / p) < 4 * math.sqrt((1 - p) / p**2 / len(gaps))


def test_outages_are_whole_seconds():
    with pytest.raises(ValueError, match="whole seconds"):
        with_outages(Streams(0).of("x", "y"), Schedule([0.0, 0.5], [1.0, 2.0]), 10.0, 5.0, 1, 2)


# ---------------------------------------------------------------------------------------------- the shipped file


def test_the_shipped_trace_is_made_as_its_readme_says(tmp_path, monkeypatch):
    traces = Path(simedge.__file__).parents[1] / "traces"
    made = re.findall(r"```python\n(.*?)```", (traces / "README.md").read_text(encoding="utf-8"), re.DOTALL)[-1]
    monkeypatch.chdir(tmp_path)
    exec(compile(made, "README.md", "exec"), {})
    shipped = traces / "bandwidth" / "wifi_300s.csv"
    assert (tmp_path / "wifi_300s.csv").read_bytes() == shipped.read_bytes()
    said = bandwidth.describe(bandwidth.read(shipped))
    assert (said["duration_s"], said["lowest_bps"], said["outage_share"]) == (300.0, 0.0, pytest.approx(7 / 300))
    assert round(said["mean_bps"] / 1e6, 1) == 23.8


def test_wifi_draws_differ_and_stay_in_their_mean():
    means = np.array([bandwidth.describe(wifi(Streams(seed).of("a", "b")))["mean_bps"] for seed in range(100)])
    # The floor lifts the walk's mean (Φ, φ at -0.85/0.35) and outages of 2 s in 62.5 s take their share.
    z = 0.85 / 0.35
    lifted = 0.35 * (math.exp(-z * z / 2) / math.sqrt(2 * math.pi) - z * 0.5 * math.erfc(z / math.sqrt(2)))
    expected = 22e6 * (1 + lifted) * (1 - 2 / 62.5)
    assert abs(means.mean() - expected) < 4 * means.std(ddof=1) / 10
