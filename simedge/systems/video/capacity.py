"""What devices can do, in whole units per second: nominally, and at most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from simedge.hardware.latency import Latency
from simedge.policies.video.pipeline import Pipeline

__all__ = ["capacity_ips", "effective_ips"]


def capacity_ips(pipeline: Pipeline, mix: Mapping[str, float], tables: Sequence[Latency], batch: int) -> float:
    """Nominal rate of a device in whole units per second: the mix of paths at full batches, which share launches.

    Parameters
    ----------
    pipeline : Pipeline
        Classifiers and paths.
    mix : mapping of str to float
        Share of each path, in any common unit.
    tables : sequence of LatencyTable or LatencyCurve
        Latency of each classifier on the device.
    batch : int
        Units in a full batch.

    Notes
    -----
    What a policy is told: every classifier of every path runs over full batches.

    Examples
    --------
    >>> from simedge.hardware.latency import LatencyTable
    >>> tx1 = [LatencyTable(0.019 * 0.3171, 0.019 * 1.0569, 64)]
    >>> round(capacity_ips(Pipeline({"A": 19.0}, {"any": ("A",)}), {"any": 1.0}, tx1, 8), 1)
    48.0
    """
    index = {name: k for k, name in enumerate(pipeline.classifiers)}
    seconds = 0.0
    for path, share in mix.items():
        for vertex in pipeline.paths[path]:
            seconds += share * tables[index[vertex]].item_s(batch)
    return sum(mix.values()) / seconds


def effective_ips(pipeline: Pipeline, mix: Mapping[str, float], tables: Sequence[Latency], batch: int) -> float:
    """Rate of a device that always runs full batches of whole units drawn from the mix, in units per second.

    Parameters
    ----------
    pipeline, mix, tables, batch
        See :func:`capacity_ips`.

    Notes
    -----
    ``b / E[time of a batch of b units]``, paths drawn independently. A classifier is launched, at its fixed cost, when
    any of the b paths needs it. With p_k the probability that a path contains classifier k the expectation is

        sum_k fixed_k (1 - (1 - p_k)^b) + b sum_k p_k per_item_k

    for lines; a curve contributes the mean of its latencies over the binomial number of paths that need it.

    Examples
    --------
    Half the units need B after A. A batch of two takes two fixed costs with probability 3/4, else one:

    >>> from simedge.hardware.latency import LatencyTable
    >>> pipeline = Pipeline({"A": 1.0, "B": 1.0}, {"short": ("A",), "long": ("A", "B")})
    >>> tables = [LatencyTable(1.0, 0.25, 2)] * 2
    >>> effective_ips(pipeline, {"short": 1.0, "long": 1.0}, tables, 2) == 2 / (1.75 + 2 * 1.5 * 0.25)
    True
    """
    whole = sum(mix.values())
    seconds = 0.0
    for vertex, table in zip(pipeline.classifiers, tables, strict=True):
        p = sum(share for path, share in mix.items() if vertex in pipeline.paths[path]) / whole
        seconds += table.expected_s(batch, p)
    return batch / seconds
