"""Distream and its variants inside simulated time: conservation, and what its parameters are at their ends."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simedge.experiment import catalog
from simedge.experiment.build import build
from simedge.policies.video.distream import Distream
from simedge.policies.video.interface import Migration, VideoDecision

NAMES = catalog.names("policy", "video")


def made(name: str, **parameters):
    entry = catalog.entry("policy", name)
    return build(catalog.load("policy", name), {**entry.preset, **parameters})


class Watched:
    """A policy, and what it decided."""

    def __init__(self, policy) -> None:
        self.policy, self.moved, self.seen = policy, [], []

    def start(self, setting, rng) -> None:
        self.policy.start(setting, rng)

    def due(self, now_s: float) -> bool:
        return self.policy.due(now_s)

    def decide(self, observation) -> VideoDecision:
        decision = self.policy.decide(observation)
        self.seen.append(observation)
        self.moved += [(observation.now_s, move) for move in decision.migrations]
        return decision


def crowd(cameras: int = 3, hot: int = 600) -> list[tuple[float, int, str, float]]:
    """One camera in a crowd, the others nearly idle: 24 ROIs a frame, 15 frames a second."""
    rows = [(frame / 15, 0, kind, 2500.0) for frame in range(hot // 24) for kind in ("car", "person", "other") * 8]
    return rows + [(frame / 3 + 0.01, 1 + frame % (cameras - 1), "person", 2500.0) for frame in range(9)]


@pytest.mark.parametrize("name", NAMES)
def test_a_crowd_is_balanced_by_those_that_balance(small_scenario, name: str) -> None:
    policy = made(name)
    watched = Watched(policy)
    run = small_scenario(crowd(), cameras=("jetson_tx1",) * 3, policy=watched, horizon_s=4.0)
    balances = "distream" in name and getattr(policy, "balance", False)
    assert bool(watched.moved) == balances
    moved = (run.rois["processed_by"].codes != run.rois["camera"].codes).sum()
    assert (moved > 0) == balances


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
@settings(max_examples=15)
def test_no_row_is_lost_or_doubled_under_any_policy(small_scenario, cases, name: str, data: st.DataObject) -> None:
    rows, case = data.draw(cases)
    case |= {"policy": made(name), "report_period_s": 0.05}
    cut_short = small_scenario(rows, **case)
    done = Counter(row for _, batch in cut_short.system.flow.done.entries for row in batch)
    assert set(done.values()) <= {1}
    assert sorted(done) == np.flatnonzero(~np.isnan(cut_short.rois["done_s"])).tolist()
    at_last = small_scenario(rows, **case | {"horizon_s": 300.0, "report_period_s": 0.25})
    done = Counter(row for _, batch in at_last.system.flow.done.entries for row in batch)
    assert done == Counter(range(len(rows)))
    assert not np.isnan(at_last.rois["latency_s"]).any()


@given(data=st.data())
@settings(max_examples=25)
def test_beta_infinite_is_distream_p(small_scenario, cases, data: st.DataObject) -> None:
    rows, case = data.draw(cases)
    never = small_scenario(rows, **case | {"policy": Distream(beta=math.inf)})
    partition_only = small_scenario(rows, **case | {"policy": made("distream_p")})
    assert never.fingerprint == partition_only.fingerprint


@given(data=st.data())
@settings(max_examples=25)
def test_gamma_infinite_is_the_static_split(small_scenario, cases, data: st.DataObject) -> None:
    rows, case = data.draw(cases)
    never = small_scenario(rows, **case | {"policy": Distream(gamma_s=math.inf)})
    static = small_scenario(rows, **case | {"policy": made("static_split")})
    assert never.fingerprint == static.fingerprint


def test_the_ends_differ_from_the_middle(small_scenario) -> None:
    """Else equal fingerprints would prove nothing."""
    names = ("distream", "distream_l", "distream_p", "distream_fast", "static_split", "distream_artifact")
    runs = [small_scenario(crowd(), cameras=("jetson_tx1",) * 3, policy=made(name), horizon_s=4.0) for name in names]
    assert len({run.fingerprint for run in runs}) == len(names)


def test_decisions_take_their_time(small_scenario) -> None:
    """A plan that moves everything to the edge at 0.1 s is in force 40 ms later, not before."""

    class ThenEdge(Distream):
        def decide(self, observation) -> VideoDecision:
            from simedge.policies.video.partitioner import partition_plan

            return VideoDecision(partition=partition_plan(self._setting.pipeline, np.zeros(1)))

        def due(self, now_s: float) -> bool:
            return abs(now_s - 0.1) < 1e-9

    rows = [(time, 0, "other", 2500.0) for time in (0.12, 0.139, 0.141, 0.2)]
    lengths = {}
    for delay in (0.0, 0.04):
        run = small_scenario(rows, policy=ThenEdge(), control_delay_s=delay, horizon_s=1.0)
        lengths[delay] = run.rois["cut"].tolist()
        assert run.facts["control_delay_s"] == delay
    assert lengths[0.0] == [0, 0, 0, 0]
    assert lengths[0.04][2:] == [0, 0]
    assert sum(lengths[0.04][:2]) > 0


def test_the_oracle_is_told_the_truth_and_the_results_say_so(small_scenario) -> None:
    rows = [(0.5, 0, "car", 0.0), (0.9, 1, "car", 0.0), (1.5, 1, "car", 0.0), (1.5001, 0, "car", 0.0)]
    heard = {}

    class Listens(Distream):
        def decide(self, observation) -> VideoDecision:
            heard[round(observation.now_s, 6)] = self.predictor.predict(observation.now_s, 1.0).tolist()
            return super().decide(observation)

    policy = Listens(predictor=catalog.load("predictor", "oracle")())
    run = small_scenario(rows, cameras=("jetson_tx1",) * 2, policy=policy, horizon_s=2.0)
    assert heard == {0.5: [0.0, 2.0], 1.0: [1.0, 1.0], 1.5: [1.0, 0.0]}
    assert run.facts["foresight"] is True
    assert small_scenario(rows, cameras=("jetson_tx1",) * 2, policy=Distream()).facts["foresight"] is False


def test_migrations_are_told_to_the_policy_that_asks_for_too_many(small_scenario) -> None:
    """More than is visible is asked for: what is visible goes."""

    class Greedy(Distream):
        def decide(self, observation) -> VideoDecision:
            return VideoDecision((Migration(0, 1, 10_000),))

    run = small_scenario(crowd(), cameras=("jetson_tx1",) * 3, policy=Greedy(), horizon_s=200.0)
    assert not np.isnan(run.rois["done_s"]).any()
