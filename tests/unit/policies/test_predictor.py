from __future__ import annotations

import numpy as np
import pytest

from simedge.policies.video.interface import VideoSetting
from simedge.policies.video.pipeline import Pipeline
from simedge.policies.video.predictor import EwmaPredictor, NoPredictor, OraclePredictor, Predictor

PIPELINE = Pipeline({"A": 1.0}, {"any": ("A",)})
SETTING = VideoSetting(np.array([10.0, 10.0]), 50.0, PIPELINE)


@pytest.mark.parametrize("predictor", [NoPredictor(), EwmaPredictor(), OraclePredictor()])
def test_they_are_predictors(predictor: Predictor) -> None:
    assert isinstance(predictor, Predictor)


def test_the_moving_mean_by_hand() -> None:
    """Weight 0.05 s / 1 s. One unit in one report is 20/s: 1.0, then 0.95 of it; 3 units in a report: 60/s."""
    predictor = EwmaPredictor()
    predictor.start(SETTING)
    predictor.update(np.array([[1.0, 0.0], [0.0, 3.0]]))
    assert predictor.predict(0.1, 1.0) == pytest.approx([0.95, 3.0], abs=1e-12)
    assert predictor.predict(0.1, 0.5) == pytest.approx([0.475, 1.5], abs=1e-12)
    predictor.update(np.zeros((0, 2)))
    assert predictor.predict(0.1, 1.0) == pytest.approx([0.95, 3.0], abs=1e-12)
    predictor.start(SETTING)
    assert predictor.predict(0.0, 1.0).tolist() == [0.0, 0.0]


def test_a_constant_rate_is_found() -> None:
    predictor = EwmaPredictor(time_constant_s=0.5)
    predictor.start(SETTING)
    predictor.update(np.full((400, 2), 2.0))
    assert predictor.predict(20.0, 1.0) == pytest.approx([40.0, 40.0], rel=1e-9)


def test_the_oracle_says_what_it_is_told_and_refuses_to_guess() -> None:
    oracle = OraclePredictor()
    with pytest.raises(ValueError, match="foresight"):
        oracle.start(SETTING)
    oracle.start(VideoSetting(np.array([1.0]), 5.0, PIPELINE, foresight=lambda now, span: np.array([now + span])))
    assert oracle.predict(2.0, 1.5).tolist() == [3.5]


@pytest.mark.parametrize("constant", [0.0, -1.0, float("nan")])
def test_a_time_constant_is_positive(constant: float) -> None:
    with pytest.raises(ValueError, match="time_constant_s"):
        EwmaPredictor(constant)
