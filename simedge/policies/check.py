"""The contract of policies, tried on random input; every catalogued policy passes, and so should one of your own."""

from __future__ import annotations

import copy
import inspect
from dataclasses import fields
from typing import Any

import numpy as np

from simedge.policies.video.interface import (
    FloatArray,
    PartitionPlan,
    VideoDecision,
    VideoObservation,
    VideoPolicy,
    VideoSetting,
)
from simedge.policies.video.pipeline import Pipeline

__all__ = ["check_policy", "observations", "settings"]

_PIPELINES = (
    Pipeline({"A": 3.0, "B": 6.45, "C": 13.5, "D": 4.05}, {"vehicle": ("A", "B", "C", "D"), "other": ("A", "B")}),
    Pipeline({"only": 1.0}, {"any": ("only",)}),
)


def check_policy(policy: VideoPolicy, *, trials: int = 20, seed: int = 0) -> None:
    """Hold a video policy to its contract on random settings and observations.

    Parameters
    ----------
    policy : VideoPolicy
        The policy; it is copied, so that it is left as it was.
    trials : int
        Random clusters to try, each over some hundred reports.
    seed : int
        Seed of what is tried.

    Raises
    ------
    AssertionError
        Naming the rule that is broken: methods and their parameters; decisions of the right type and range; the same
        decisions again after `start`, from equal observations; observations left unchanged; numpy's and Python's
        global chance not used.

    Examples
    --------
    >>> from simedge.policies.video.baselines import Centralized
    >>> check_policy(Centralized())
    """
    _check_methods(policy)
    for trial in range(trials):
        rng = np.random.Generator(np.random.PCG64((seed, trial)))
        setting = settings(rng, foresight=bool(getattr(policy, "needs_foresight", False)))
        seen = observations(setting, rng)
        tried = copy.deepcopy(policy)
        first = _decisions(tried, setting, seen, seed)
        again = _decisions(tried, setting, seen, seed)
        fresh = _decisions(copy.deepcopy(policy), setting, seen, seed)
        assert first == again, "after start() the same observations must lead to the same decisions: start() forgets"
        assert first == fresh, "a fresh copy must decide as the policy does: nothing may be kept outside of it"


def settings(rng: np.random.Generator, *, foresight: bool = False) -> VideoSetting:
    """Draw a setting: one to eight cameras, equal or not, on one of two pipelines."""
    cameras = int(rng.integers(1, 9))
    capacity = rng.choice([20.0, 48.0, 67.0], cameras) if rng.random() < 0.5 else rng.uniform(1.0, 100.0, cameras)
    capacity.setflags(write=False)

    def foresee(now_s: float, horizon_s: float) -> FloatArray:
        return np.asarray(np.floor(horizon_s * capacity * (1.0 + np.sin(now_s + np.arange(cameras)))))

    return VideoSetting(
        capacity_ips=capacity,
        edge_capacity_ips=float(rng.uniform(1.0, 400.0)),
        pipeline=_PIPELINES[int(rng.integers(len(_PIPELINES)))],
        gpus=int(rng.integers(1, 5)),
        foresight=foresee if foresight else None,
    )


def observations(setting: VideoSetting, rng: np.random.Generator, reports: int = 120) -> list[VideoObservation]:
    """Draw what a monitor might tell at each report, from idle to overloaded, cameras that fail included."""
    count, period_s = setting.cameras, setting.report_period_s
    level = float(rng.choice([0.0, 1.0, 30.0, 3000.0]))
    processed, busy_s = np.zeros(count), np.zeros(count)
    made = []
    for report in range(reports):
        backlog = np.floor(rng.exponential(1.0, count) * level * rng.integers(0, 2, count))
        done = np.floor(rng.random(count) * setting.capacity_ips * period_s)
        processed, busy_s = processed + done, busy_s + done / setting.capacity_ips
        made.append(
            VideoObservation(
                now_s=report * period_s,
                backlog=backlog,
                visible=np.minimum(backlog, 100.0),
                outbound=rng.exponential(1.0, count) * min(level, 100.0),
                online=rng.random(count) < (0.9 if rng.random() < 0.2 else 1.0),
                arrivals=rng.poisson(level * period_s, (1 if report else 0, count)).astype(np.float64),
                throughput_ips=done / period_s,
                uplink_bps=np.full(count, np.nan if report < reports // 4 else 1e7),
                edge_backlog=float(rng.exponential(1.0) * level),
                edge_throughput_ips=float(rng.random() * setting.edge_capacity_ips),
                processed=processed,
                busy_s=busy_s,
                completed=float(np.sum(processed)),
                edge_busy_s=report * period_s * float(rng.random()),
            )
        )
    return made


def _check_methods(policy: Any) -> None:
    assert isinstance(policy, VideoPolicy), f"{type(policy).__name__} needs the methods start, due and decide"
    for name, wanted in (("start", 2), ("due", 1), ("decide", 1)):
        takes = inspect.signature(getattr(policy, name)).parameters.values()
        needed = [p for p in takes if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD]
        assert len(needed) == wanted, f"{name}() takes {wanted} arguments, not {[p.name for p in needed]}"


def _decisions(
    policy: VideoPolicy, setting: VideoSetting, seen: list[VideoObservation], seed: int
) -> list[tuple[Any, ...]]:
    """Every decision, in a form that can be compared; breaches of the contract are named."""
    numpy_state = np.random.get_state()[1].tobytes()  # type: ignore[index]  # noqa: NPY002
    policy.start(setting, np.random.Generator(np.random.PCG64(seed)))
    made: list[tuple[Any, ...]] = []
    skipped: list[FloatArray] = []
    for observation in seen:
        skipped.append(observation.arrivals)
        if not policy.due(observation.now_s):
            continue
        told = _frozen(observation, np.concatenate(skipped))
        skipped.clear()
        decision = policy.decide(told)
        assert isinstance(decision, VideoDecision), f"decide() returns a VideoDecision, not {decision!r}"
        made.append((observation.now_s, *_checked(decision, setting, told)))
    assert np.random.get_state()[1].tobytes() == numpy_state, (  # type: ignore[index]  # noqa: NPY002
        "numpy's global chance was used: draw from the generator that start() is given"
    )
    return made


def _frozen(observation: VideoObservation, arrivals: FloatArray) -> VideoObservation:
    """Copy an observation with arrays that cannot be written to: a policy that tries raises ValueError."""
    told = {spec.name: copy.copy(getattr(observation, spec.name)) for spec in fields(observation)}
    told["arrivals"] = arrivals
    for value in told.values():
        if isinstance(value, np.ndarray):
            value.setflags(write=False)
    return VideoObservation(**told)


def _checked(decision: VideoDecision, setting: VideoSetting, told: VideoObservation) -> tuple[Any, ...]:
    cameras = range(setting.cameras)
    for move in decision.migrations:
        assert move.source in cameras and move.target in cameras, f"{move}: cameras are 0 to {setting.cameras - 1}"
        assert move.source != move.target, f"{move}: a camera cannot give to itself"
        assert isinstance(move.rois, int) and move.rois > 0, f"{move}: rois is a whole number > 0"
        assert told.online[move.source] and told.online[move.target], f"{move}: a camera that is off cannot take part"
    given = np.zeros(setting.cameras)
    for move in decision.migrations:
        given[move.source] += move.rois
    # Whole units are rounded pair by pair: half a unit for each pair may come on top.
    spare = told.visible + 0.5 * len(decision.migrations)
    assert (given <= spare).all(), f"gives {given.tolist()} of {told.visible.tolist()} visible units"
    if decision.partition is None:
        return (decision.migrations, None)
    plan = decision.partition
    assert isinstance(plan, PartitionPlan), f"partition is a PartitionPlan or None, not {plan!r}"
    lengths = np.array([len(setting.pipeline.paths[name]) for name in setting.pipeline.names])
    assert plan.lower.shape == (setting.cameras, len(lengths)), f"the plan has shape {plan.lower.shape}"
    assert ((plan.lower >= 0) & (plan.lower < lengths)).all(), f"cuts out of range: {plan.lower.tolist()}"
    assert ((plan.odds >= 0) & (plan.odds <= 1)).all(), f"odds outside [0, 1]: {plan.odds.tolist()}"
    return (decision.migrations, plan.lower.tobytes(), plan.odds.tobytes())
