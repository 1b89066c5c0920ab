from __future__ import annotations

import math

import numpy as np
import pytest

from simedge.policies.video.baselines import CameraOnly, Centralized, VideoEdgeL
from simedge.policies.video.interface import VideoObservation, VideoPolicy, VideoSetting
from simedge.policies.video.partitioner import partition_plan
from simedge.policies.video.pipeline import Pipeline

PIPELINE = Pipeline({"A": 1.0, "B": 3.0}, {"short": ("A",), "long": ("A", "B")})
SETTING = VideoSetting(np.array([40.0, 60.0, 20.0]), 360.0, PIPELINE)


def observation() -> VideoObservation:
    zeros = np.zeros(3)
    return VideoObservation(
        0.0,
        zeros,
        zeros,
        zeros,
        np.ones(3, np.bool_),
        np.zeros((0, 3)),
        zeros,
        zeros * math.nan,
        0.0,
        0.0,
        zeros,
        zeros,
        0.0,
        0.0,
    )


def decided(policy: VideoPolicy, setting: VideoSetting = SETTING):
    policy.start(setting, np.random.Generator(np.random.PCG64(0)))
    return policy.decide(observation())


@pytest.mark.parametrize(("policy", "vertices"), [(Centralized(), [0, 0]), (CameraOnly(), [1, 2])])
def test_all_at_one_side(policy: VideoPolicy, vertices: list[int]) -> None:
    decision = decided(policy)
    assert decision.migrations == ()
    for u in (0.0, 0.5, np.nextafter(1.0, 0.0)):
        assert (decision.partition.lower + (u >= decision.partition.odds)).tolist() == [vertices] * 3


def test_videoedge_splits_by_one_mean_camera_against_the_edge() -> None:
    """Mean camera 40 of 40 + 360: par = 0.1. Short path: 0.9 nothing; long path: A is 1/4, so 0.6 nothing, 0.4 A."""
    plan = decided(VideoEdgeL()).partition
    assert plan.lower.tolist() == [[0, 0]] * 3
    assert plan.odds == pytest.approx(np.array([[0.9, 0.6]] * 3), abs=1e-12)


def test_videoedge_with_a_point_of_its_own() -> None:
    plan = decided(VideoEdgeL(partition_point=0.7)).partition
    expected = partition_plan(PIPELINE, np.full(3, 0.7))
    assert plan.lower.tolist() == expected.lower.tolist()
    assert plan.odds.tolist() == expected.odds.tolist()
    assert plan.odds[0] == pytest.approx([0.3, 0.4], abs=1e-12)  # (1 - 0.7) / 1 and (1 - 0.7) / 0.75


@pytest.mark.parametrize("point", [-0.1, 1.1, math.nan, math.inf])
def test_a_point_outside_0_to_1_is_refused(point: float) -> None:
    with pytest.raises(ValueError, match="partition_point"):
        VideoEdgeL(partition_point=point)


@pytest.mark.parametrize("policy", [Centralized(), CameraOnly(), VideoEdgeL()])
def test_they_decide_once_and_a_new_start_forgets_the_last_run(policy: VideoPolicy) -> None:
    assert isinstance(policy, VideoPolicy)
    for capacity in (1.0, 2.0):
        setting = VideoSetting(np.array([capacity]), 10.0, PIPELINE)
        policy.start(setting, np.random.Generator(np.random.PCG64(0)))
        assert policy.due(0.0)
        assert policy.decide(observation()).partition.lower.shape == (1, 2)
        assert not policy.due(0.05)
        assert not policy.due(1e9)
