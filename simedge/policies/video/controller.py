"""The workload adaptation controller: one partition point per camera (§1.3.4; Eqs. 1.6-1.8)."""

from __future__ import annotations

import numpy as np

from simedge.policies.video.interface import FloatArray

__all__ = ["drain_time_s", "latencies_s", "partition_points", "system_throughput_ips"]

_RAISE = 0.01
_STEPS_PER_CAMERA = 100
_PROGRESS = 1e-12


def drain_time_s(work: FloatArray, capacity_ips: FloatArray, edge_backlog: float, edge_capacity_ips: float) -> float:
    """Time tau after which every side would be done if none of them ever idled.

    Parameters
    ----------
    work : (C,) float array
        Units to be served at each camera, W_i >= 0.
    capacity_ips : (C,) float array
        Units per second of each camera, > 0.
    edge_backlog : float
        Whole-unit equivalents already at the edge or on their way, Q_e >= 0.
    edge_capacity_ips : float
        Whole units per second of the edge cluster, E > 0.

    Returns
    -------
    float
        The root of ``Q_e + sum_i max(0, W_i - tau C_i) = tau E``.

    Notes
    -----
    A camera that would be done before tau keeps all its work; the others and the edge share the rest. With the k
    cameras of longest drain time W_i / C_i among the sharers, tau is (Q_e + sum W) / (E + sum C); adding a camera
    raises that exactly while its own drain time is longer. The root is therefore the largest of these C + 1 numbers,
    and no bisection is needed.

    Examples
    --------
    One camera with 60 units at 10/s, one with 5 at 10/s, an idle edge at 50/s: 60 = tau (10 + 50).

    >>> drain_time_s(np.array([60.0, 5.0]), np.array([10.0, 10.0]), 0.0, 50.0)
    1.0
    """
    longest_first = np.argsort(-(work / capacity_ips), kind="stable")
    shared = edge_backlog + np.concatenate(([0.0], np.cumsum(work[longest_first])))
    servers = edge_capacity_ips + np.concatenate(([0.0], np.cumsum(capacity_ips[longest_first])))
    return float(np.max(shared / servers))


def latencies_s(
    points: FloatArray, work: FloatArray, capacity_ips: FloatArray, edge_backlog: float, edge_capacity_ips: float
) -> tuple[FloatArray, float]:
    """Latency of every camera and of the edge under given partition points (Eq. 1.7).

    Parameters
    ----------
    points : (C,) float array
        `par` of each camera.
    work, capacity_ips, edge_backlog, edge_capacity_ips
        See :func:`drain_time_s`.

    Returns
    -------
    (C,) float array, float
        ``par_i W_i / C_i + 1 / C_i`` and ``(Q_e + sum (1 - par_i) W_i) / E + 1 / E``, s: everything in whole units,
        where the source mixes passes and classifiers (docs/decisions/0008).
    """
    cameras = points * work / capacity_ips + 1.0 / capacity_ips
    edge = (edge_backlog + float(np.sum((1.0 - points) * work)) + 1.0) / edge_capacity_ips
    return cameras, edge


def system_throughput_ips(
    points: FloatArray,
    work: FloatArray,
    capacity_ips: FloatArray,
    edge_backlog: float,
    edge_capacity_ips: float,
    horizon_s: float = 1.0,
) -> float:
    """Units per second that cameras and edge serve under given partition points over the next horizon (Eq. 1.6).

    Every side does what it has to do, at most what it can: ``min(C_i, par_i W_i / H)`` and
    ``min(E, (Q_e + sum (1 - par_i) W_i) / H)``, in whole-unit equivalents.

    Examples
    --------
    >>> system_throughput_ips(np.array([0.5]), np.array([40.0]), np.array([10.0]), 0.0, 50.0)
    30.0
    """
    cameras = np.minimum(capacity_ips, points * work / horizon_s)
    edge = (edge_backlog + float(np.sum((1.0 - points) * work))) / horizon_s
    return float(np.sum(cameras)) + min(edge_capacity_ips, edge)


def partition_points(
    work: FloatArray, capacity_ips: FloatArray, edge_backlog: float, edge_capacity_ips: float, latency_max_s: float
) -> FloatArray:
    """Partition point of every camera, jointly (the two phases of §1.3.4).

    Parameters
    ----------
    work, capacity_ips, edge_backlog, edge_capacity_ips
        See :func:`drain_time_s`.
    latency_max_s : float
        Latency objective L_max.

    Returns
    -------
    (C,) float array
        `par` in [0, 1]; 1 for a camera without work.

    Notes
    -----
    Phase 1 maximises Eq. 1.8a: no side idles while another is backlogged exactly when all that share work have one
    drain time. Phase 2 looks for latencies (Eq. 1.7) beyond L_max. With equal drain times there are such only when
    everything is overloaded, so it has little to give; what it moves never leaves a side idle.

    Examples
    --------
    >>> partition_points(np.array([60.0, 5.0]), np.array([10.0, 10.0]), 0.0, 50.0, 3.0).round(4).tolist()
    [0.1667, 1.0]
    """
    tau = drain_time_s(work, capacity_ips, edge_backlog, edge_capacity_ips)
    kept = tau * capacity_ips
    points = np.ones(len(work))
    shares = work > kept
    points[shares] = kept[shares] / work[shares]
    if tau + 1.0 / min(float(np.min(capacity_ips)), edge_capacity_ips) > latency_max_s:
        _meet_objective(points, work, capacity_ips, edge_backlog, edge_capacity_ips, latency_max_s)
    return points


def _meet_objective(
    points: FloatArray,
    work: FloatArray,
    capacity_ips: FloatArray,
    edge_backlog: float,
    edge_capacity_ips: float,
    latency_max_s: float,
) -> None:
    """Phase 2, in place: ease the bottleneck as long as that does not make another as bad."""
    for _ in range(_STEPS_PER_CAMERA * len(work)):
        cameras, edge = latencies_s(points, work, capacity_ips, edge_backlog, edge_capacity_ips)
        slowest = int(np.argmax(cameras))
        worst = max(float(cameras[slowest]), edge)
        if worst <= latency_max_s:
            return
        at = slowest if cameras[slowest] >= edge else int(np.argmin(cameras))
        before = float(points[at])
        points[at] = before * latency_max_s / worst if at == slowest else min(1.0, before + _RAISE)
        after, edge_after = latencies_s(points, work, capacity_ips, edge_backlog, edge_capacity_ips)
        if max(float(np.max(after)), edge_after) >= worst - _PROGRESS:
            points[at] = before
            return
