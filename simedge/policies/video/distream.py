"""Distream: balancer, partitioner and controller as one policy (§1.3), and its variants by their fields."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from simedge.policies.video.balancer import Norm, balance
from simedge.policies.video.controller import partition_points
from simedge.policies.video.interface import FloatArray, Migration, VideoDecision, VideoObservation, VideoSetting
from simedge.policies.video.partitioner import partition_plan
from simedge.policies.video.predictor import EwmaPredictor, Predictor

__all__ = ["Distream", "Ticks"]

HORIZON_S = 1.0
"""How far ahead arrivals are looked at (§1.4: "in the next second")."""

_ROUNDING_S = 1e-9


class Ticks:
    """Multiples of a period, each due once, at the first report at or after it; none at time 0.

    Examples
    --------
    >>> ticks = Ticks(0.1)
    >>> [ticks.due(t) for t in (0.0, 0.05, 0.1, 0.15, 0.25, 0.3)]
    [False, False, True, False, True, True]
    """

    def __init__(self, period_s: float) -> None:
        self._period_s, self._next = period_s, 1

    def due(self, now_s: float) -> bool:
        """Tell whether a tick has come since the last one; it is then over."""
        if math.isinf(self._period_s) or now_s < self._next * self._period_s - _ROUNDING_S:
            return False
        self._next = math.floor(now_s / self._period_s + _ROUNDING_S) + 1
        return True


@dataclass
class Distream:
    """Distream (§1.3): balances ROIs across cameras, and sets the partition point of every camera, jointly.

    Attributes
    ----------
    beta : float
        Imbalance index above which the balancer is triggered, >= 0 (§1.5.4: 0.20); infinity never balances.
    gamma_s : float
        Time between two control ticks, > 0 (§1.5.4: 0.5 s): balancer and partition points share it, without which
        Fig. 1.14 (b) would be flat. Infinity means no tick at all.
    balance : bool
        False never balances: Distream-P of §1.5.3.
    repartition : bool
        False leaves every camera the point sum C / (sum C + E): Distream-L of §1.5.3.
    norm : {"divide", "multiply"}
        How loads are normalised by capacity; see :func:`~simedge.policies.video.balancer.factors`.
    predictor : Predictor
        Who predicts the arrivals that the balancer adds to the queues (Eq. 1.2).

    Notes
    -----
    The controller's partition points always count on arrivals going on at their moving mean, whatever the balancer
    is told. With neither `balance` nor `repartition` this is the workload-agnostic static split of Fig. 1.4.
    """

    beta: float = field(default=0.2, metadata={"infinite": True})
    gamma_s: float = field(default=0.5, metadata={"infinite": True})
    balance: bool = True
    repartition: bool = True
    norm: Norm = "divide"
    predictor: Predictor = field(default_factory=EwmaPredictor, metadata={"catalog": "predictor"})

    def __post_init__(self) -> None:
        if not self.beta >= 0.0:
            raise ValueError(f"beta: {self.beta} is not >= 0")
        if not self.gamma_s > 0.0:
            raise ValueError(f"gamma_s: {self.gamma_s} is not > 0")

    @property
    def needs_foresight(self) -> bool:
        """Whether the predictor is an oracle."""
        return self.predictor.needs_foresight

    def start(self, setting: VideoSetting, rng: np.random.Generator) -> None:
        """Learn the setting; nothing here is left to chance."""
        del rng
        self._setting = setting
        self._ticks = Ticks(self.gamma_s if self.balance or self.repartition else math.inf)
        self._arrivals = EwmaPredictor()
        self._arrivals.start(setting)
        self.predictor.start(setting)

    def due(self, now_s: float) -> bool:
        """Every `gamma_s`, first at `gamma_s`."""
        return self._ticks.due(now_s)

    def decide(self, observation: VideoObservation) -> VideoDecision:
        """Balance if the imbalance index is above beta, then set the partition points for what is where."""
        self._arrivals.update(observation.arrivals)
        self.predictor.update(observation.arrivals)
        alive = np.flatnonzero(observation.online)
        if not len(alive):
            return VideoDecision()
        moves = self._balance(observation, alive) if self.balance else ()
        if not self.repartition:
            return VideoDecision(moves)
        backlog = observation.backlog.copy()
        for move in moves:
            backlog[move.source] -= move.rois
            backlog[move.target] += move.rois
        points = np.ones(self._setting.cameras)
        points[alive] = self._points(observation, backlog, alive)
        return VideoDecision(moves, partition_plan(self._setting.pipeline, points))

    def _balance(self, observation: VideoObservation, alive: np.ndarray) -> tuple[Migration, ...]:
        capacity_ips = self._setting.capacity_ips[alive]
        predicted = self.predictor.predict(observation.now_s, HORIZON_S)[alive]
        backlog = observation.backlog[alive]
        moves = balance(backlog, predicted, observation.visible[alive], capacity_ips, self.beta, self.norm)
        return tuple(Migration(int(alive[m.source]), int(alive[m.target]), m.rois) for m in moves)

    def _points(self, observation: VideoObservation, backlog: FloatArray, alive: np.ndarray) -> FloatArray:
        setting = self._setting
        arriving = self._arrivals.predict(observation.now_s, HORIZON_S)
        return partition_points(
            (backlog + arriving)[alive],
            setting.capacity_ips[alive],
            observation.edge_backlog + float(np.sum(observation.outbound)),
            setting.edge_capacity_ips,
            setting.slo_s,
        )
