"""What arrives next: the predictors a balancer may ask (§1.3.2, Consideration#1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from simedge.policies.video.interface import FloatArray, VideoSetting

__all__ = ["EwmaPredictor", "NoPredictor", "OraclePredictor", "Predictor"]


@runtime_checkable
class Predictor(Protocol):
    """Predicts the workload that each camera will produce itself, migration left out."""

    needs_foresight: bool
    """Whether `start` must be given a setting with `foresight`: only an oracle says yes."""

    def start(self, setting: VideoSetting) -> None:
        """Begin a run: forget everything."""

    def update(self, arrivals: FloatArray) -> None:
        """Learn the arrivals of the reports since the last update, (R, C) units."""

    def predict(self, now_s: float, horizon_s: float) -> FloatArray:
        """Return the units expected at each camera within the next `horizon_s` seconds, (C,), all >= 0."""
        ...


@dataclass
class NoPredictor:
    """Predicts nothing: the balancer sees what is queued, and only that."""

    needs_foresight = False

    def start(self, setting: VideoSetting) -> None:
        """Learn the number of cameras."""
        self._nothing = np.zeros(setting.cameras)

    def update(self, arrivals: FloatArray) -> None:
        """Ignore them."""

    def predict(self, now_s: float, horizon_s: float) -> FloatArray:
        """Return zeros."""
        del now_s, horizon_s
        return self._nothing.copy()


@dataclass
class EwmaPredictor:
    """Predicts that arrivals go on at their exponentially weighted mean rate.

    Attributes
    ----------
    time_constant_s : float
        Age at which a report has lost 1 - 1/e of its weight, >= one report period. A report of length T has weight
        T / time_constant_s: 0.05 for the 50-ms reports of §1.4.
    """

    time_constant_s: float = 1.0

    needs_foresight = False

    def __post_init__(self) -> None:
        if not self.time_constant_s > 0.0:
            raise ValueError(f"time_constant_s: {self.time_constant_s} is not > 0")

    def start(self, setting: VideoSetting) -> None:
        """Begin at rate 0."""
        self._period_s = setting.report_period_s
        self._weight = min(1.0, self._period_s / self.time_constant_s)
        self._rate_ips = np.zeros(setting.cameras)

    def update(self, arrivals: FloatArray) -> None:
        """Move the rates towards those of the reports."""
        for report in arrivals:
            self._rate_ips += self._weight * (report / self._period_s - self._rate_ips)

    def predict(self, now_s: float, horizon_s: float) -> FloatArray:
        """Return rate times horizon."""
        del now_s
        return self._rate_ips * horizon_s


@dataclass
class OraclePredictor:
    """Knows the future of the trace: what a perfect predictor would be worth.

    The simulator hands the future in (`VideoSetting.foresight`); a real cluster could not. Results say so.
    """

    needs_foresight = True

    def start(self, setting: VideoSetting) -> None:
        """Take the foresight of the setting.

        Raises
        ------
        ValueError
            If the setting has none.
        """
        if setting.foresight is None:
            raise ValueError("the oracle predictor needs a setting with foresight")
        self._foresight = setting.foresight

    def update(self, arrivals: FloatArray) -> None:
        """Ignore the past."""

    def predict(self, now_s: float, horizon_s: float) -> FloatArray:
        """Return what will arrive."""
        return self._foresight(now_s, horizon_s)
