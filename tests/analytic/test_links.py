"""Shared and scheduled links against progressive filling, processor sharing and exact integration."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simedge.hardware.link import FifoLink, ScheduledLink
from simedge.hardware.shared import SharedLink, fair_shares
from simedge.kernel import Environment
from simedge.traces.schedule import Schedule


def filled(capacity: float, caps: list[float], weights: list[float]) -> list[float]:
    """Progressive filling the long way round: raise one level until somebody is full, freeze him, go on."""
    shares, open_ = [0.0] * len(caps), set(range(len(caps)))
    left = capacity
    while open_ and left > 1e-12 * max(capacity, 1.0):
        weight = sum(weights[k] for k in open_)
        step = min(left / weight, *((caps[k] - shares[k]) / weights[k] for k in open_))
        for k in open_:
            shares[k] += step * weights[k]
        left -= step * weight
        open_ -= {k for k in open_ if shares[k] >= caps[k] * (1 - 1e-12)}
    return shares


def certify(capacity: float, caps: list[float], weights: list[float], shares: list[float]) -> None:
    """Max-min: each is at its cap, or the medium is full and nobody has more for his weight."""
    assert all(0.0 <= share <= cap * (1 + 1e-9) for share, cap in zip(shares, caps, strict=True))
    assert sum(shares) <= capacity * (1 + 1e-9)
    level = max((s / w for s, w in zip(shares, weights, strict=True)), default=0.0)
    for share, cap, weight in zip(shares, caps, weights, strict=True):
        if share < cap * (1 - 1e-9):
            assert sum(shares) == pytest.approx(capacity, rel=1e-9)
            assert share / weight == pytest.approx(level, rel=1e-9)


def random_flows(rng: np.random.Generator) -> tuple[float, list[float], list[float]]:
    count = int(rng.integers(1, 12))
    caps = rng.choice([0.5, 1.0, 3.0, math.inf], count) * rng.choice([1.0, rng.uniform(0.1, 4.0)], count)
    weights = rng.choice([1.0, 2.0, rng.uniform(0.1, 3.0)], count)
    return float(rng.choice([0.0, rng.uniform(0.1, 20.0)])), caps.tolist(), weights.tolist()


def test_shares_are_those_of_progressive_filling() -> None:
    """On 3000 random sets of flows, with a certificate for each."""
    rng = np.random.Generator(np.random.PCG64(5))
    for _ in range(3000):
        capacity, caps, weights = random_flows(rng)
        shares = fair_shares(capacity, caps, weights)
        assert shares == pytest.approx(filled(capacity, caps, weights), rel=1e-9, abs=1e-12)
        certify(capacity, caps, weights, shares)


def fluid(flows, rate: Schedule, efficiency: list[float]) -> dict[tuple[int, int], float]:
    """When each message arrives, by walking from event to event with all state written out; one queue per station."""
    queues = [[(start, size, k) for k, (start, size) in enumerate(sorted(messages))] for _, _, messages in flows]
    left = [None] * len(flows)
    now, done = 0.0, {}
    while any(queues) or any(one is not None for one in left):
        for s, queue in enumerate(queues):
            if left[s] is None and queue and queue[0][0] <= now:
                left[s] = 8.0 * queue[0][1]
        active = [s for s in range(len(flows)) if left[s] is not None]
        capacity = rate.rate(now) * efficiency[min(len(active), len(efficiency)) - 1] if active else 0.0
        shares = filled(capacity, [flows[s][0] for s in active], [flows[s][1] for s in active])
        ends = [now + left[s] / share if share > 0 else math.inf for s, share in zip(active, shares, strict=True)]
        starts = [queue[0][0] for s, queue in enumerate(queues) if queue and left[s] is None]
        then = min([*ends, *starts, rate.next_change_s(now)])
        for s, share, end in zip(active, shares, ends, strict=True):
            left[s] -= share * (then - now)
            if end <= then * (1 + 1e-12) + 1e-12:
                _, _, number = queues[s].pop(0)
                done[s, number] = then
                left[s] = None
        now = then
    return done


def test_a_medium_is_a_fluid_that_is_shared_fairly() -> None:
    """1000 random sets of stations and messages: arrivals as in the plain fluid, a certificate at every solution."""
    rng = np.random.Generator(np.random.PCG64(6))
    for _ in range(1000):
        flows = []
        for _ in range(int(rng.integers(1, 7))):
            messages = list(
                zip(rng.uniform(0, 20, 4).round(3).tolist(), rng.uniform(0.1, 5, 4).round(3).tolist(), strict=True)
            )
            flows.append(
                (float(rng.choice([0.7, 2.0, math.inf])), float(rng.choice([1.0, 2.5])), messages[: rng.integers(1, 5)])
            )
        times = [0.0, *np.sort(rng.uniform(0.1, 30, 3)).tolist()]
        rate = Schedule(times, [*rng.choice([0.0, 1.0, 4.0, 9.0], 3).tolist(), 5.0])
        efficiency = [1.0, 0.9, 0.75]
        env, arrived = Environment(), {}
        medium = SharedLink(env, "wifi", rate, efficiency)
        solve = medium._solve

        def certified(medium=medium, solve=solve, rate=rate, env=env, efficiency=efficiency) -> None:
            solve()
            now = list(medium._active)
            if now:
                capacity = rate.rate(env.now) * efficiency[min(len(now), 3) - 1]
                caps = [station._cap_at(env.now) for station in now]
                certify(capacity, caps, [s.weight for s in now], [s._rate_bps for s in now])

        medium._solve = certified
        for s, (cap, weight, messages) in enumerate(flows):
            station = medium.station(f"s{s}", cap=cap, weight=weight)
            for k, (start, size) in enumerate(sorted(messages)):

                def send(station=station, size=size, key=(s, k), env=env, arrived=arrived) -> None:
                    station.send(size, lambda: arrived.__setitem__(key, env.now))

                env.at(start, send)
        env.run()
        expected = fluid(flows, rate, efficiency)
        assert sorted(arrived) == sorted(expected)
        for key, time in expected.items():
            assert arrived[key] == pytest.approx(time, rel=1e-9, abs=1e-9)


def test_airtime_is_shared_and_each_fills_it_at_its_own_rate() -> None:
    """Two stations that reach 54 and 6 alone get half the time each: 27 and 3, not 5.4 both; a cap frees time."""
    env = Environment()
    medium = SharedLink(env, "wifi", 54.0, sharing="airtime")
    near, far = medium.station("near"), medium.station("far", alone=6.0)
    near.send(1e6, lambda: None)
    far.send(1e6, lambda: None)
    assert medium.rates_bps() == pytest.approx({"near": 27.0, "far": 3.0})
    capped = medium.station("capped", alone=12.0, cap=1.2)  # a tenth of the time
    capped.send(1e6, lambda: None)
    assert medium.rates_bps() == pytest.approx({"near": 54 * 0.45, "far": 6 * 0.45, "capped": 1.2})


def shared_sojourns(rng: np.random.Generator, load: float, sizes: np.ndarray) -> np.ndarray:
    """Sojourns of messages, each of a station of its own, in a Poisson stream on a medium of 1 byte/s."""
    env = Environment()
    medium = SharedLink(env, "wifi", 8.0)
    stations = [medium.station(str(k)) for k in range(64)]
    idle = list(range(64))
    sent = np.cumsum(rng.exponential(sizes.mean() / load, len(sizes))).tolist()
    arrived = [math.nan] * len(sent)
    turn = 0

    def send() -> None:
        nonlocal turn
        number, turn = turn, turn + 1
        if turn < len(sent):
            alarm.set(sent[turn])
        if not idle:
            idle.append(len(stations))
            stations.append(medium.station(str(len(stations))))
        mine = idle.pop()

        def done() -> None:
            arrived[number] = env.now
            idle.append(mine)

        stations[mine].send(float(sizes[number]), done)

    alarm = env.at(sent[0], send)
    env.run()
    return np.array(arrived) - np.array(sent)


@pytest.mark.parametrize("law", ["exponential", "two sizes"])
@pytest.mark.parametrize("load", [0.5, 0.8])
def test_a_medium_is_m_g_1_processor_sharing(law: str, load: float) -> None:
    """E[T; x] = x / (1 - rho) for every size x, whatever the law of sizes; for small and for large ones."""
    ratios: dict[str, list[float]] = {"all": [], "small": [], "large": []}
    for seed in range(24):
        rng = np.random.Generator(np.random.PCG64([seed, 9]))
        count = 2500
        sizes = rng.exponential(1.0, count) if law == "exponential" else rng.choice([0.5, 5.5], count, p=[0.9, 0.1])
        times = shared_sojourns(rng, load * sizes.mean(), sizes)[400:]  # rate load / 1, for the law's mean is 1
        sizes = sizes[400:]
        small = sizes < 1.0
        for name, kept in (("all", sizes > 0), ("small", small), ("large", ~small)):
            ratios[name].append(times[kept].sum() / sizes[kept].sum())
    for values in ratios.values():
        error = np.std(values, ddof=1) / math.sqrt(len(values))
        assert abs(np.mean(values) - 1 / (1 - load)) <= 4 * error
        assert error < 0.08 / (1 - load)


STEPS = st.lists(st.tuples(st.integers(1, 40), st.integers(0, 9), st.integers(0, 3)), min_size=1, max_size=6)
MESSAGES = st.lists(st.tuples(st.integers(0, 200), st.integers(0, 30)), min_size=1, max_size=12)


@given(STEPS, st.booleans(), MESSAGES)
@settings(max_examples=150)
def test_a_scheduled_link_integrates_exactly(steps, loops: bool, messages) -> None:
    """In whole eighths of bits and seconds: each message ends at the first t at which enough has come."""
    times = [Fraction(0)]
    for length, _, _ in steps:
        times.append(times[-1] + Fraction(length, 4))
    end = times.pop()
    rates, bursts = [Fraction(rate) for _, rate, _ in steps], [Fraction(8 * burst) for _, _, burst in steps]
    if not loops:
        rates[-1] = max(rates[-1], Fraction(1))
    elif not any(rates) and not any(bursts):
        bursts[0] = Fraction(8)
    schedule = Schedule(
        [float(t) for t in times],
        [float(r) for r in rates],
        [float(b) for b in bursts],
        float(end) if loops else math.inf,
    )

    def pieces():
        """(begin, end, rate, burst at the beginning), for ever."""
        cycle = 0
        while True:
            for k, begin in enumerate(times):
                last = k + 1 == len(times)
                until = times[k + 1] if not last else (end if loops else Fraction(10**9))
                yield begin + cycle * end, until + cycle * end, rates[k], bursts[k]
            cycle += 1

    env, arrived = Environment(), []
    link = ScheduledLink(env, "a->b", schedule)
    messages = sorted((Fraction(time, 8), size) for time, size in messages)
    for time, size in messages:
        env.at(float(time), lambda size=size: link.send(float(size), lambda: arrived.append(env.now)))
    env.run()
    free, used = Fraction(-1), Fraction(0)  # when the last one ended, and what it used of a burst at that instant
    for (time, size), found in zip(messages, arrived, strict=True):
        start = max(time, free)
        need = Fraction(8 * size)
        ended = start
        for begin, until, rate, burst in pieces():
            if until <= start or not need:
                if not need:
                    break
                continue
            if begin > start:
                use = min(need, burst)
                need -= use
                if not need:
                    ended, used = begin, use
                    break
            elif begin == start == free:  # what the last one left of it
                use = min(need, max(burst - used, Fraction(0)))
                need -= use
                if not need:
                    ended, used = start, used + use
                    break
            if rate and rate * (until - max(begin, start)) >= need:
                ended, used = max(begin, start) + need / rate, Fraction(0)
                break
            need -= rate * (until - max(begin, start))
        assert found == pytest.approx(float(ended), rel=1e-9, abs=1e-9)
        if size:
            free = ended
        elif free != start:
            free, used = start, Fraction(10**9)  # what came before or at its instant is gone


@given(st.floats(1e3, 1e8), st.floats(0, 0.1), MESSAGES)
def test_three_links_are_one_where_nothing_changes(rate: float, call: float, messages) -> None:
    """A plain link, one that follows a constant schedule, and a medium with a single station or a single cap."""
    found = []
    for kind in range(4):
        env, arrived = Environment(), []
        link = (
            FifoLink(env, "a->b", rate, call),
            ScheduledLink(env, "a->b", Schedule.constant(rate), call),
            SharedLink(env, "wifi", rate).station("a->b", call_s=call),
            SharedLink(env, "wifi", 10 * rate).station("a->b", call_s=call, cap=rate),
        )[kind]
        for number, (time, size) in enumerate(sorted(messages)):

            def send(size=1000 * size, number=number, link=link, env=env, arrived=arrived) -> None:
                link.send(size, lambda: arrived.append((number, env.now)))

            env.at(time / 64, send)
        env.run()
        assert [number for number, _ in arrived] == list(range(len(messages)))
        found.append(([time for _, time in arrived], link.carried_bytes, link.calls, link.busy_s()))
    for times, carried, calls, busy in found[1:]:
        assert times == pytest.approx(found[0][0], rel=1e-9)
        assert (carried, calls) == (found[0][1], found[0][2])
        assert busy == pytest.approx(found[0][3], rel=1e-9, abs=1e-9)
