"""The limited heuristics of the authors' published program, which differ from the text of §1.3.

What they do was read off the program (AIoT-MLSys-Lab/Distream, Apache-2.0) as facts: thresholds, steps, periods.
The published gains of Distream-L and Distream-P are reached by these, while the text's own algorithms do better
(docs/decisions/0009).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np

from simedge.policies.video.balancer import imbalance_of
from simedge.policies.video.distream import Ticks
from simedge.policies.video.interface import FloatArray, Migration, VideoDecision, VideoObservation, VideoSetting
from simedge.policies.video.partitioner import partition_plan, static_point

__all__ = ["DistreamArtifact", "few_migrations", "stepped"]

_STEP_UNITS = 2
_LEAST_DIFFERENCE = 4
_KEPT = 0.4
_WINDOW_UNITS = 100
_DEAD_BAND_IPS = 10.0
_IDLE_CAMERA_IPS = 60_000.0
_IDLE_EDGE_IPS = 50_000.0
_LEVELS = ((1.5, 0.006), (1.3, 0.003), (0.0, 0.001))


def few_migrations(queued: FloatArray, beta: float, pair_units_max: int) -> tuple[Migration, ...]:
    """Balance visible queues two units at a time.

    Parameters
    ----------
    queued : (C,) float array
        Units in each camera's visible queue; all cameras count as equally fast.
    beta : float
        Go on while the imbalance index is above it.
    pair_units_max : int
        What one camera may give another at once.

    Returns
    -------
    tuple of Migration
        Sorted by source and target.

    Notes
    -----
    Stops as soon as the longest and the shortest queue differ by fewer than 4.

    Examples
    --------
    >>> few_migrations(np.array([100.0, 0.0]), 0.2, 15), few_migrations(np.array([5.0, 2.0]), 0.2, 15)
    ((Migration(source=0, target=1, rois=15),), ())
    """
    load = queued.tolist()
    moved: dict[tuple[int, int], int] = {}
    while imbalance_of(load) > beta:
        a, b = load.index(max(load)), load.index(min(load))
        if load[a] - load[b] < _LEAST_DIFFERENCE:
            break
        load[a] -= _STEP_UNITS
        load[b] += _STEP_UNITS
        moved[a, b] = moved.get((a, b), 0) + _STEP_UNITS
    return tuple(Migration(a, b, min(rois, pair_units_max)) for (a, b), rois in sorted(moved.items()))


def stepped(base: float, cameras_ips: float, edge_ips: float, gpus: int) -> float:
    """Move the base partition point a little towards the side that seems faster; within [0, 1].

    Examples
    --------
    >>> stepped(0.5, 700.0, 350.0, 1), stepped(0.5, 350.0, 420.0, 1), stepped(0.5, 350.0, 355.0, 1)
    (0.506, 0.499, 0.5)
    """
    fast, slow = max(cameras_ips, edge_ips), min(cameras_ips, edge_ips)
    if not fast > slow + _DEAD_BAND_IPS * gpus:
        return base
    step = next(step for level, step in _LEVELS if fast > level * slow)
    return min(1.0, max(0.0, base + (step if cameras_ips > edge_ips else -step)))


class _Meter:
    """Mean execution seconds per unit over the last units of one entity, from its running counters."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, float]] = deque([(0.0, 0.0)])

    def read(self, units: float, busy_s: float) -> float | None:
        """Take the counters; give seconds per unit over at least the last 100 units, None before the first one."""
        seen = self._seen
        seen.append((units, busy_s))
        while len(seen) > 2 and units - seen[1][0] >= _WINDOW_UNITS:
            seen.popleft()
        past_units, past_s = seen[0]
        return (busy_s - past_s) / (units - past_units) if units > past_units else None


@dataclass
class DistreamArtifact:
    """Distream as the authors' program has it.

    Attributes
    ----------
    beta : float
        Imbalance index of the visible queues above which units move.
    balance, repartition : bool
        Whether it balances across cameras, and whether it moves partition points.
    balance_period_s, partition_period_s : float
        Periods of the two, > 0.
    pair_units_max : int
        Units that one camera gives another in one round, > 0.

    Notes
    -----
    Balancer: visible queues (at most 100), no prediction, no capacities. Partition points: a common base that creeps by
    0.001 to 0.006 towards the side whose measured capacity is larger, and per camera a share of it that grows as the
    camera's queue falls below the mean. Capacities are 1 over the mean execution time of the last 100 units; a unit
    that had nothing to do counts with 0 s, so the estimate depends on the partition point itself.

    Left out: a migration that takes longer than 100 ms is abandoned in the program; here migrations run over the
    cameras' links and are as long as these need.
    """

    beta: float = field(default=0.2, metadata={"infinite": True})
    balance: bool = True
    repartition: bool = True
    balance_period_s: float = 0.5
    partition_period_s: float = 0.25
    pair_units_max: int = 15

    def __post_init__(self) -> None:
        if not self.beta >= 0.0:
            raise ValueError(f"beta: {self.beta} is not >= 0")
        for name in ("balance_period_s", "partition_period_s", "pair_units_max"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name}: {getattr(self, name)} is not > 0")

    def start(self, setting: VideoSetting, rng: np.random.Generator) -> None:
        """Learn the setting; nothing here is left to chance."""
        del rng
        self._setting = setting
        self._balancing, self._partitioning = Ticks(self.balance_period_s), Ticks(self.partition_period_s)
        self._balance_due = self._partition_due = False
        self._base = static_point(setting)
        self._cameras_ips = self._edge_ips = 0.0
        self._meters = [_Meter() for _ in range(setting.cameras + 1)]

    def due(self, now_s: float) -> bool:
        """At every multiple of either period."""
        self._balance_due = self.balance and self._balancing.due(now_s)
        self._partition_due = self.repartition and self._partitioning.due(now_s)
        return self._balance_due or self._partition_due

    def decide(self, observation: VideoObservation) -> VideoDecision:
        """Do whichever of the two is due."""
        queued = np.where(observation.online, observation.visible, 0.0)
        moves: tuple[Migration, ...] = ()
        if self._balance_due:
            alive = np.flatnonzero(observation.online)
            found = few_migrations(queued[alive], self.beta, self.pair_units_max) if len(alive) else ()
            moves = tuple(Migration(int(alive[m.source]), int(alive[m.target]), m.rois) for m in found)
        if not self._partition_due:
            return VideoDecision(moves)
        self._measure(observation)
        self._base = stepped(self._base, self._cameras_ips, self._edge_ips, self._setting.gpus)
        mean = float(np.mean(queued))
        larger = np.maximum(queued, mean)
        offset = np.divide(mean - queued, larger, out=np.ones(len(queued)), where=queued > 0)
        return VideoDecision(
            moves, partition_plan(self._setting.pipeline, np.clip(self._base * (1.0 + offset), 0.0, 1.0))
        )

    def _measure(self, observation: VideoObservation) -> None:
        """Smooth the capacities that execution times suggest."""
        *cameras, edge = self._meters
        counted = zip(observation.processed.tolist(), observation.busy_s.tolist(), strict=True)
        seconds = [meter.read(*counters) for meter, counters in zip(cameras, counted, strict=True)]
        rates = [0.0 if s is None else 1.0 / s if s > 0 else _IDLE_CAMERA_IPS for s in seconds]
        self._cameras_ips = _KEPT * self._cameras_ips + (1.0 - _KEPT) * sum(rates)
        each = edge.read(observation.completed, observation.edge_busy_s)
        rate = 0.0 if each is None else self._setting.gpus / each if each > 0 else _IDLE_EDGE_IPS
        self._edge_ips = _KEPT * self._edge_ips + (1.0 - _KEPT) * rate
