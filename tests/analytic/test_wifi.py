"""Bianchi's saturation throughput against a slot-by-slot simulation of the contention it describes."""

from __future__ import annotations

import math

import numpy as np
import pytest

from simedge.hardware.profile import read_link
from simedge.hardware.wifi import Dcf, attempt_probability, saturation

CELL = Dcf(rate_bps=65e6, payload_bytes=16384, header_s=40e-6, answer_s=32e-6)
"""What hardware_profiles/links/wifi.yaml was derived from."""


def contend(dcf: Dcf, stations: int, rng: np.random.Generator, accesses: int) -> tuple[float, float]:
    """Share of the rate and attempts per station and slot, of stations that draw, count down, collide and double."""
    window = np.full(stations, dcf.window)
    counter = rng.integers(0, window)
    clock = carried = 0.0
    slots = attempts = 0
    for _ in range(accesses):
        idle = int(counter.min())
        clock += idle * dcf.slot_s
        counter -= idle
        ready = np.flatnonzero(counter == 0)
        slots += idle + 1
        attempts += len(ready)
        counter -= 1  # the others count the busy slot once
        if len(ready) == 1:
            clock += dcf.success_s
            carried += dcf.payload_s
            window[ready] = dcf.window
        else:
            clock += dcf.collision_s
            window[ready] = np.minimum(window[ready] * 2, dcf.window * 2**dcf.doublings)
        counter[ready] = rng.integers(0, window[ready])
    return carried / clock, attempts / slots / stations


@pytest.mark.parametrize("stations", [1, 2, 5, 12, 40])
def test_saturation_is_that_of_simulated_contention(stations: int) -> None:
    """The model takes collisions of a station for independent: within 2 % of the simulation, 4 % in attempts."""
    rng = np.random.Generator(np.random.PCG64(stations))
    share, attempts = contend(CELL, stations, rng, 40_000)
    assert saturation(CELL, stations) == pytest.approx(share, rel=0.02)
    assert attempt_probability(CELL, stations) == pytest.approx(attempts, rel=0.04)


def test_one_station_waits_half_its_window() -> None:
    """Alone it never collides: 2 / (W + 1) attempts per slot, (W - 1) / 2 idle slots before each frame."""
    assert attempt_probability(CELL, 1) == pytest.approx(2 / (CELL.window + 1), rel=1e-12)
    cycle_s = CELL.success_s + (CELL.window - 1) / 2 * CELL.slot_s
    assert saturation(CELL, 1) == pytest.approx(CELL.payload_s / cycle_s, rel=1e-9)


@pytest.mark.parametrize("doublings", [0, 3, 6])
def test_attempts_solve_the_fixed_point_as_printed(doublings: int) -> None:
    """Bianchi (2000), Eq. 7."""
    dcf = Dcf(1e6, 1023, 4e-4, 2.4e-4, window=32, doublings=doublings)
    for n in (2, 5, 10, 50):
        tau = attempt_probability(dcf, n)
        p = 1 - (1 - tau) ** (n - 1)
        printed = 2 * (1 - 2 * p) / ((1 - 2 * p) * (32 + 1) + p * 32 * (1 - (2 * p) ** doublings))
        assert tau == pytest.approx(printed, rel=1e-9)


def test_the_shipped_table_is_derived_as_it_says() -> None:
    medium = read_link("wifi").medium
    assert medium is not None
    assert (medium.duplex, medium.sharing) == ("half", "max_min")
    assert len(medium.efficiency) == 64
    for n in (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64):
        assert medium.efficiency[n - 1] == pytest.approx(saturation(CELL, n), abs=0.6e-3), n
    for n, share in enumerate(medium.efficiency, start=1):  # between the listed ones it is a line
        assert share == pytest.approx(saturation(CELL, n), abs=5e-3)
    assert not math.isnan(sum(medium.efficiency))
