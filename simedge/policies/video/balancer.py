"""The cross-camera workload balancer (§1.3.2; Eqs. 1.1-1.4)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from heapq import heapify, heappop, heappush
from typing import Literal

import numpy as np

from simedge.policies.video.interface import FloatArray, Migration

__all__ = ["Norm", "balance", "factors", "imbalance_index", "imbalance_of"]

Norm = Literal["divide", "multiply"]

_STEP = 0.01
"""Share of the largest load that one iteration moves (§1.3.2: 1 %)."""
_STEP_UNITS_MIN = 0.25
"""Least raw load that one iteration moves, in units: 1 % of a short queue would take for ever. Assumed."""


def factors(capacity_ips: FloatArray, norm: Norm = "divide") -> FloatArray:
    """Factors that normalise raw loads by compute capacity, (C,).

    Parameters
    ----------
    capacity_ips : (C,) float array
        Compute capacity of each camera, > 0.
    norm : {"divide", "multiply"}
        *divide*: mean(C) / C_i, so that equal normalised loads are equal drain times, which is what §1.3.2 asks for
        ("balance the workloads proportional to each camera's compute capacity"). *multiply*: C_i / mean(C), as
        Eqs. 1.3 and 1.4d are printed; it gives the slower camera more.

    Raises
    ------
    ValueError
        If a capacity is not positive.

    Examples
    --------
    >>> factors(np.array([20.0, 60.0])).tolist(), factors(np.array([20.0, 60.0]), "multiply").tolist()
    ([2.0, 0.6666666666666666], [0.5, 1.5])
    """
    if not (len(capacity_ips) and bool(np.all(capacity_ips > 0.0))):
        raise ValueError(f"capacities must be positive, not {capacity_ips.tolist()}")
    mean = float(np.mean(capacity_ips))
    return mean / capacity_ips if norm == "divide" else capacity_ips / mean


def imbalance_of(normalised: Sequence[float]) -> float:
    """Imbalance index of loads that are already normalised: largest over mean, minus 1 (Eq. 1.1); 0 when all are 0.

    Examples
    --------
    >>> imbalance_of([30.0, 10.0]), imbalance_of([0.0, 0.0])
    (0.5, 0.0)
    """
    total = math.fsum(normalised)
    return max(normalised) / (total / len(normalised)) - 1.0 if total > 0.0 else 0.0


def imbalance_index(workload: FloatArray, capacity_ips: FloatArray, norm: Norm = "divide") -> float:
    """Capacity-normalised workload imbalance across cameras, v' (Eq. 1.3).

    Parameters
    ----------
    workload : (C,) float array
        Pending plus predicted units of each camera, u >= 0.
    capacity_ips : (C,) float array
        Compute capacity of each camera, > 0.
    norm : {"divide", "multiply"}
        See :func:`factors`.

    Returns
    -------
    float
        0 when every camera is equally loaded for its capacity, or when all are idle.

    Raises
    ------
    ValueError
        If a capacity is not positive, or the shapes differ.

    Examples
    --------
    >>> imbalance_index(np.array([30.0, 10.0]), np.array([1.0, 1.0]))
    0.5
    >>> imbalance_index(np.array([60.0, 20.0]), np.array([60.0, 20.0]))
    0.0
    """
    if workload.shape != capacity_ips.shape:
        raise ValueError(f"workload {workload.shape} and capacity {capacity_ips.shape} must have one shape")
    return imbalance_of((workload * factors(capacity_ips, norm)).tolist())


def balance(
    backlog: FloatArray,
    predicted: FloatArray,
    movable: FloatArray,
    capacity_ips: FloatArray,
    beta: float,
    norm: Norm = "divide",
) -> tuple[Migration, ...]:
    """Who gives how much to whom, so that the imbalance index falls to `beta` if it can.

    Parameters
    ----------
    backlog : (C,) float array
        Units queued at each camera, w_i, waiting frames included.
    predicted : (C,) float array
        Units expected to arrive at each camera, w^_i.
    movable : (C,) float array
        Units of the backlog that can be moved now.
    capacity_ips : (C,) float array
        Compute capacity of each camera, > 0.
    beta : float
        Imbalance above which anything is moved, >= 0; infinity: never.
    norm : {"divide", "multiply"}
        See :func:`factors`.

    Returns
    -------
    tuple of Migration
        Sorted by source and target. Empty if nothing would lower v'.

    Raises
    ------
    ValueError
        If a capacity is not positive.

    Notes
    -----
    The heuristic of §1.3.2: over and over, the camera with the largest normalised load gives 1 % of it, at least a
    quarter of a unit and at most what it has visible, to the one with the smallest, until v' <= beta, v' does not
    improve, or the giver has nothing left to give. Equal loads go by the lowest index. Two things are left open there:

    - When several cameras tie for the largest load, moving from one of them leaves v' as it was although the next
      iterations would lower it. An iteration therefore also counts as an improvement when v' stays the same and
      fewer cameras have the largest load.
    - Whole units are moved in the end: amounts are rounded half to even, and if the rounded plan does not lower v',
      nothing is moved. So a plan never worsens its own objective, Eq. 1.4a.

    Heaps with lazy deletion make an iteration O(log C); the sum of loads is kept, not taken anew. Choices and results
    equal those of the plain loop over all cameras (tests/property/test_balancer.py).

    Examples
    --------
    >>> balance(np.array([40.0, 0.0]), np.zeros(2), np.array([40.0, 0.0]), np.array([50.0, 50.0]), beta=0.2)
    (Migration(source=0, target=1, rois=16),)
    """
    normalise = factors(capacity_ips, norm)
    loads = (backlog + predicted) * normalise
    scale: list[float] = normalise.tolist()
    load: list[float] = loads.tolist()
    count, total = len(load), math.fsum(load)
    index = at_first = imbalance_of(load)
    if not index > beta:
        return ()
    left: list[float] = movable.tolist()
    moved: dict[tuple[int, int], float] = {}
    largest, smallest = [(-u, i) for i, u in enumerate(load)], [(u, i) for i, u in enumerate(load)]
    heapify(largest)
    heapify(smallest)
    while index > beta:
        while -largest[0][0] != load[largest[0][1]]:
            heappop(largest)
        while smallest[0][0] != load[smallest[0][1]]:
            heappop(smallest)
        a, b = largest[0][1], smallest[0][1]
        raw = min(max(_STEP * load[a] / scale[a], _STEP_UNITS_MIN), left[a])
        if raw <= 0.0:
            break
        left[a] -= raw
        moved[a, b] = moved.get((a, b), 0.0) + raw
        delta, gained = raw * scale[a], raw * scale[b]
        load[a] -= delta
        load[b] += gained
        total += gained - delta
        for i in (a, b):
            heappush(largest, (-load[i], i))
            heappush(smallest, (load[i], i))
        while -largest[0][0] != load[largest[0][1]]:
            heappop(largest)
        top = -largest[0][0]
        before, index = index, top / (total / count) - 1.0
        # The giver was at the top, so at equal v' fewer are there unless giver or taker still is.
        if not (index < before or (index == before and load[a] < top and load[b] < top)):
            break
    plan = [Migration(a, b, rois) for (a, b), raw in sorted(moved.items()) if (rois := round(raw)) > 0]
    after = loads.tolist()
    for move in plan:
        after[move.source] -= move.rois * scale[move.source]
        after[move.target] += move.rois * scale[move.target]
    return tuple(plan) if imbalance_of(after) < at_first else ()
