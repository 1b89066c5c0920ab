"""Stochastic DAG partitioning (§1.3.3, step 2; Eq. 1.5)."""

from __future__ import annotations

import numpy as np

from simedge.policies.video.interface import FloatArray, PartitionPlan, VideoSetting
from simedge.policies.video.pipeline import Pipeline

__all__ = ["partition_path", "partition_plan", "proportional_point", "static_point"]


def partition_path(cumulative: FloatArray, partition_point: float) -> tuple[int, float]:
    """Two neighbouring cuts of one path and the probability of the shorter one.

    Parameters
    ----------
    cumulative : (n + 1,) float array
        Normalised accumulated costs after 0 … n vertices, from 0 to 1 (``Pipeline.cumulative``).
    partition_point : float
        Wanted share of the path's cost on the camera, `par`.

    Returns
    -------
    lower : int
        Vertices on the camera in the shorter cut; the longer one has one vertex more.
    odds : float
        Probability of the shorter cut, so that the expected accumulated cost equals `partition_point`.

    Notes
    -----
    Equation 1.5 with Cost_0 = 0: below the first vertex it mixes "nothing" and "the first vertex", a case the
    source leaves open. A point of at most 0 leaves everything to the edge, one of at least 1 to the camera.

    Examples
    --------
    The worked example of §1.3.3: between B (0.35) and C (0.85), par = 0.7 gives P_B = 0.3.

    >>> lower, odds = partition_path(np.array([0.0, 0.11, 0.35, 0.85, 1.0]), 0.7)
    >>> lower, round(odds, 12)
    (2, 0.3)
    """
    last = len(cumulative) - 1
    if partition_point <= 0.0:
        return 0, 1.0
    if partition_point >= 1.0:
        return last - 1, 0.0
    upper = int(np.searchsorted(cumulative, partition_point, side="left"))
    odds = (cumulative[upper] - partition_point) / (cumulative[upper] - cumulative[upper - 1])
    return upper - 1, float(odds)


def partition_plan(pipeline: Pipeline, partition_points: FloatArray) -> PartitionPlan:
    """Plan that gives every camera its partition point on every path.

    Parameters
    ----------
    pipeline : Pipeline
        P paths.
    partition_points : (C,) float array
        `par` of each camera.

    Returns
    -------
    PartitionPlan
        Arrays of shape (C, P).
    """
    shape = (len(partition_points), len(pipeline.names))
    lower, odds = np.empty(shape, np.int64), np.empty(shape)
    for column, path in enumerate(pipeline.names):  # `partition_path` for all cameras at once
        cumulative = pipeline.cumulative(path)
        last = len(cumulative) - 1
        upper = np.clip(np.searchsorted(cumulative, partition_points, side="left"), 1, last)
        odds[:, column] = (cumulative[upper] - partition_points) / (cumulative[upper] - cumulative[upper - 1])
        lower[:, column] = upper - 1
    return PartitionPlan(lower, np.clip(odds, 0.0, 1.0, out=odds))


def proportional_point(camera_ips: float, edge_ips: float) -> float:
    """Share of the cost that a camera side takes when work is split in proportion to compute capacity.

    Examples
    --------
    >>> proportional_point(50.0, 350.0)
    0.125
    """
    return camera_ips / (camera_ips + edge_ips)


def static_point(setting: VideoSetting) -> float:
    """Partition point of the workload-agnostic split of Fig. 1.4: all cameras against all, sum C / (sum C + E)."""
    return proportional_point(float(np.sum(setting.capacity_ips)), setting.edge_capacity_ips)
