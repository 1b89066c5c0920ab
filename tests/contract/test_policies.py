"""Every catalogued policy keeps the contract, and what breaks it is found."""

from __future__ import annotations

import numpy as np
import pytest

from simedge.experiment import catalog
from simedge.experiment.build import build
from simedge.policies.video.baselines import Centralized
from simedge.policies.video.interface import Migration, VideoDecision
from simedge.policies.video.partitioner import partition_plan
from simedge.systems.video.scenario import VideoScenario
from simedge.testing import check_policy


def made(name: str, **parameters):
    entry = catalog.entry("policy", name)
    return build(catalog.load("policy", name), {**entry.preset, **parameters})


@pytest.mark.parametrize("name", catalog.names("policy", "video"))
def test_every_policy(name: str) -> None:
    check_policy(made(name))


@pytest.mark.parametrize(
    "parameters",
    [{"beta": 0.0}, {"norm": "multiply"}, {"predictor": "oracle"}, {"predictor": "none"}, {"gamma_s": 0.05}],
)
def test_distream_with_other_parameters(parameters) -> None:
    check_policy(made("distream", **parameters))


def test_a_component_of_a_component_is_chosen_by_name() -> None:
    fast = made("distream_fast")
    assert (fast.gamma_s, type(fast.predictor).__name__) == (0.05, "NoPredictor")
    assert VideoScenario.__dataclass_fields__["policy"].metadata["catalog"] == "policy"


class Wrong(Centralized):
    """A policy with a slip that each test below makes its own."""

    def due(self, now_s: float) -> bool:
        return True


def test_a_policy_that_remembers_the_last_run_is_found() -> None:
    class Remembers(Wrong):
        runs = 0

        def start(self, setting, rng) -> None:
            super().start(setting, rng)
            self.runs += 1

        def _point(self, setting) -> float:
            return min(1.0, 0.1 * self.runs)

    with pytest.raises(AssertionError, match="forgets"):
        check_policy(Remembers())


def test_global_chance_is_found() -> None:
    class Gambles(Wrong):
        def _point(self, setting) -> float:
            return float(np.random.random())  # noqa: NPY002

    with pytest.raises(AssertionError, match="global chance"):
        check_policy(Gambles())


@pytest.mark.parametrize(
    ("move", "words"),
    [(Migration(0, 0, 1), "itself"), (Migration(0, 99, 1), "cameras are"), (Migration(0, 1, 10**6), "visible")],
)
def test_impossible_migrations_are_found(move: Migration, words: str) -> None:
    class Moves(Wrong):
        def decide(self, observation) -> VideoDecision:
            few = len(observation.backlog) < 2 and move.target == 1
            return VideoDecision(() if few else (move,))

    with pytest.raises(AssertionError, match=words):
        check_policy(Moves())


def test_writing_into_an_observation_is_found() -> None:
    class Writes(Wrong):
        def decide(self, observation) -> VideoDecision:
            observation.backlog[:] = 0.0
            return super().decide(observation)

    with pytest.raises(ValueError, match="read-only"):
        check_policy(Writes())


def test_a_plan_of_the_wrong_shape_is_found() -> None:
    class Short(Wrong):
        def decide(self, observation) -> VideoDecision:
            return VideoDecision(
                partition=partition_plan(self._setting.pipeline, np.zeros(len(observation.backlog) + 1))
            )

    with pytest.raises(AssertionError, match="shape"):
        check_policy(Short())


def test_missing_methods_are_found() -> None:
    class Halves:
        def start(self, setting, rng) -> None: ...

    with pytest.raises(AssertionError, match="start, due and decide"):
        check_policy(Halves())
