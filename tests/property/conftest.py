"""Random small clusters, traces and policies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from simedge.policies.video.baselines import CameraOnly, Centralized, VideoEdgeL
from simedge.policies.video.interface import Migration, PartitionPlan, VideoDecision, VideoObservation, VideoSetting

DEVICES = ("jetson_tx1", "jetson_tx2", "titan_x")
PATHS = ("car", "person", "other")


@dataclass
class Restless:
    """Migrates at random, replans at random, at random reports."""

    haste: float = 0.3
    asked: int = field(default=0, init=False)

    def start(self, setting: VideoSetting, rng: np.random.Generator) -> None:
        self.setting, self.rng = setting, rng
        self.asked = 0

    def due(self, now_s: float) -> bool:
        return bool(self.rng.random() < self.haste)

    def decide(self, observation: VideoObservation) -> VideoDecision:
        rng, cameras = self.rng, self.setting.cameras
        moves = []
        for _ in range(rng.integers(0, 4) if cameras > 1 else 0):
            source, target = rng.choice(cameras, 2, replace=False).tolist()
            moves.append(Migration(source, target, int(rng.integers(0, 8))))
        self.asked += sum(move.rois for move in moves)
        plan = None
        if rng.random() < 0.5:
            pipeline = self.setting.pipeline
            lengths = [len(pipeline.paths[name]) for name in pipeline.names]
            lower = rng.integers(0, np.tile(lengths, (cameras, 1)))
            plan = PartitionPlan(lower, rng.choice([0.0, 1.0, rng.random()], lower.shape))
        return VideoDecision(tuple(moves), plan)


STATIC = st.one_of(
    st.builds(Centralized),
    st.builds(CameraOnly),
    st.builds(VideoEdgeL),
    st.builds(VideoEdgeL, st.floats(0.0, 1.0)),
)


@st.composite
def _cases(
    draw: st.DrawFn, policies: st.SearchStrategy[Any]
) -> tuple[list[tuple[float, int, str, float]], dict[str, Any]]:
    """Rows and keywords for `small_scenario`, half of them crowded, so that queues fill up and back-pressure bites.

    No arrival falls on a report, so that a report's counts have one meaning.
    """
    crowded = draw(st.booleans())
    cameras = draw(st.lists(st.sampled_from(DEVICES), min_size=1 + crowded, max_size=5))
    frame = st.tuples(
        st.integers(0, 1500),
        st.integers(0, len(cameras) - 1),
        st.lists(st.sampled_from(PATHS), min_size=6 if crowded else 1, max_size=12),
        st.sampled_from([0.0, 460.0, 2500.0, 9999.0]),
    )
    frames = draw(st.lists(frame, min_size=8 if crowded else 1, max_size=16))
    rows = [(time / 1000 + 1 / 7919, camera, path, size) for time, camera, paths, size in frames for path in paths]
    if draw(st.booleans()):
        rows = [(time, camera, path, 2500.0) for time, camera, path, _ in rows]
    few = st.integers(1, 4 if crowded else 20)
    return rows, {
        "cameras": tuple(cameras),
        "edge": "jetson_tx1" if crowded else draw(st.sampled_from(DEVICES)),
        "gpus": draw(st.integers(1, 3)),
        "camera_batch": draw(st.integers(1, 8)),
        "edge_batch": draw(st.integers(1, 8)),
        "network": {
            "uplink_bps": draw(st.sampled_from([2e5, 1e6, 1e7, 1e9])),
            "call_s": draw(st.sampled_from([0.0, 1.74e-3, 0.05])),
            "call_units": draw(few),
        },
        "queues": {
            "admission": draw(st.sampled_from(["interleaved", "fifo"])),
            "camera_units": draw(few),
            "outbound_units": draw(few),
            "edge_units": draw(few),
        },
        "policy": draw(policies),
        "seed": draw(st.integers(0, 3)),
        "horizon_s": draw(st.sampled_from([0.73, 1.99, 3.01])),
    }


@pytest.fixture(scope="session")
def restless() -> Callable[..., Restless]:
    return Restless


@pytest.fixture(scope="session")
def cases() -> st.SearchStrategy[Any]:
    """Under any policy."""
    return _cases(
        st.booleans().flatmap(lambda calm: STATIC if calm else st.builds(Restless, st.sampled_from([0.2, 1.0])))
    )


@pytest.fixture(scope="session")
def static_cases() -> st.SearchStrategy[Any]:
    """Under policies that decide once and never migrate."""
    return _cases(STATIC)
