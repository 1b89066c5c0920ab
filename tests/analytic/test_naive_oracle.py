"""simedge against the plain SimPy model in ``benchmarks/naive.py``, ROI by ROI.

The two share trace, draws, profiles and plan, and nothing of the simulation. Their times must agree to 1e-9 s: they add
up the same seconds in another order, so the last bits may differ.

Ties. Calls of different cameras that reach the edge at one instant are the reason why traces of synchronous frames and
equal payloads do not give equal times. simedge receives a call and hands its ROIs to an idle GPU in one step, so the
call that was sent first is a batch by itself. In the SimPy model the arrival of a call wakes its ROIs, and they wake
the GPUs: both are events of the same instant behind the arrival of the other call, so the GPU finds the ROIs of both.
Both orders are right; the smallest case is `test_a_tie_at_the_edge`. Therefore the other traces here have frame times
and payloads drawn from continuous ranges, so that events of two places never coincide. Within one place nothing is
left out: all ROIs of a frame arrive, and those of a batch or call leave, at one instant.

Policies that look. Both models ask the policy on their own observations. These add up in another order too, so
partition points may differ in their last bits, and so might, once in some 1e13 ROIs, a cut. In two tests the models
cannot differ in what they decide: one replays the decisions of simedge's run in the naive model, and in one a policy
decides by chance without looking; the latter also asks for more than there is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.naive import NaiveModel
from benchmarks.naive_inputs import Inputs
from simedge.policies.video.artifact import DistreamArtifact
from simedge.policies.video.baselines import CameraOnly, Centralized, VideoEdgeL
from simedge.policies.video.distream import Distream
from simedge.policies.video.interface import Migration, VideoDecision, VideoObservation, VideoPolicy, VideoSetting
from simedge.policies.video.partitioner import partition_plan
from simedge.policies.video.predictor import NoPredictor, OraclePredictor
from simedge.systems.video.scenario import ClusterSpec, Dag, Network, Queues, VideoScenario, Workload
from simedge.systems.video.system import VideoSystem
from simedge.traces.synthetic import Tracks
from simedge.traces.trace import RoiTrace

DAG = Dag(
    {"kind": 3.0, "color": 6.5, "type": 13.5, "pose": 8.0},
    (("kind", "color"), ("color", "type"), ("kind", "pose")),
    {"car": "type", "person": "pose", "other": "kind"},
)
MIX = {"car": 0.4, "person": 0.4, "other": 0.2}
PARTS = ("queue_s", "camera_s", "network_s", "edge_queue_s", "edge_s", "latency_s", "done_s")
OF_MIGRATED = ("camera_s", "edge_queue_s", "edge_s", "latency_s", "done_s")
DEVICES = ("jetson_tx1", "jetson_tx2", "jetson_tx1", "jetson_tx2", "jetson_tx1", "jetson_tx1")
POLICIES = {
    "par=0": Centralized(),
    "par=1/8": VideoEdgeL(0.125),
    "par=0.5": VideoEdgeL(0.5),
    "par=0.9": VideoEdgeL(0.9),
    "par=1": CameraOnly(),
}
# cameras, GPUs, ROIs/s of a camera, batches (camera, GPU), units of a call, queues (camera, outbound, edge), call cost
SETUPS = {
    "one camera, units one by one": (1, 1, 40, 1, 1, 1, 10, 10, 10, 2e-3),
    "one camera, large batches": (1, 1, 90, 8, 32, 20, 100, 100, 1000, 2e-3),
    "outbound full: slow calls": (2, 1, 120, 8, 32, 4, 30, 9, 1000, 40e-3),
    "outbound smaller than a batch": (2, 1, 120, 8, 32, 3, 30, 4, 1000, 30e-3),
    "edge full: one small GPU batch": (6, 1, 120, 8, 2, 20, 100, 20, 12, 1e-3),
    "everything full": (6, 1, 120, 4, 2, 5, 7, 5, 6, 5e-3),
    "visible queue smaller than a batch": (3, 2, 120, 8, 4, 20, 3, 50, 40, 2e-3),
    "two GPUs, free calls": (4, 2, 150, 8, 16, 20, 50, 50, 30, 0.0),
}
# The same, with a rate for each camera.
SKEWED = {
    "one hot camera": (6, 1, (330, 20, 10, 30, 20, 10), 8, 32, 20, 100, 100, 1000, 2e-3),
    "two hot cameras, two GPUs": (6, 2, (300, 10, 330, 20, 5, 10), 8, 16, 20, 60, 40, 200, 2e-3),
    "slow calls that migrations wait for": (4, 1, (250, 30, 60, 10), 8, 32, 6, 40, 12, 1000, 25e-3),
    "edge full: one small GPU batch": (6, 1, (250, 20, 60, 200, 30, 10), 8, 2, 20, 100, 20, 12, 1e-3),
    "everything full": (6, 1, (250, 150, 60, 200, 120, 100), 4, 2, 5, 7, 5, 6, 5e-3),
    "visible queue smaller than a batch": (3, 2, (450, 20, 90), 8, 4, 20, 6, 50, 40, 2e-3),
    "two GPUs, free calls": (4, 2, (400, 20, 350, 10), 8, 16, 20, 50, 50, 30, 0.0),
}
LOOKING = {
    "distream": Distream,
    "distream_l": lambda: Distream(repartition=False),
    "distream_p": lambda: Distream(balance=False),
    "distream_fast": lambda: Distream(gamma_s=0.05, predictor=NoPredictor()),
    "distream with an oracle": lambda: Distream(gamma_s=0.15, predictor=OraclePredictor()),
    "distream_artifact": DistreamArtifact,
}


def jittered(rates_ips: Sequence[float], seed: int, duration_s: float = 4.0) -> RoiTrace:
    """Frames at about 10 per second and camera, of 0 to twice the mean number of ROIs."""
    rng = np.random.default_rng(seed)
    rows = []
    for camera, rate_ips in enumerate(rates_ips):
        for frame in range(int(duration_s * 10)):
            arrived_s = (frame + rng.random()) / 10
            for _ in range(rng.integers(0, int(rate_ips / 5) + 1)):
                rows.append((arrived_s, camera, rng.choice(3, p=list(MIX.values())), rng.uniform(100.0, 2000.0)))
    rows.sort(key=lambda row: row[0])
    arrived_s, camera, path, size_bytes = (np.array(column) for column in zip(*rows, strict=True))
    return RoiTrace(
        arrived_s, camera, path, size_bytes, tuple(f"camera_{i + 1}" for i in range(len(rates_ips))), tuple(MIX)
    )


def system(
    setup: tuple[Any, ...],
    admission: str,
    policy: VideoPolicy,
    folder: Path,
    trace: RoiTrace | None = None,
    devices: tuple[str, ...] = (*DEVICES, "titan_x"),
) -> VideoSystem:
    cameras, gpus, rate_ips, batch, edge_batch, call_units, visible, outbound, edge, call_s = setup
    path = folder / "trace.parquet"
    rates_ips = rate_ips if isinstance(rate_ips, tuple) else (rate_ips,) * cameras
    (trace or jittered(rates_ips, seed=0)).write(path)
    tracks = Tracks(
        weights=(1.0,) * cameras,
        rate_ips=1.0,
        dwell_s=1.0,
        move_probability=0.0,
        camera_sd=0.0,
        camera_tau_s=1.0,
        clip_spread=0.0,
    )
    scenario = VideoScenario(
        "oracle",
        policy,
        ClusterSpec(devices[:cameras], devices[-1], gpus, camera_batch=batch, edge_batch=edge_batch),
        Network(call_s=call_s, call_units=call_units),
        DAG,
        Workload(MIX, tracks, "recorded", str(path)),
        Queues(admission, visible, outbound, edge),
        horizon_s=6.0,
    )
    return VideoSystem(scenario)


def compare(simulated: VideoSystem, policy: VideoPolicy | None = None) -> dict[str, np.ndarray]:
    """Run both models, simedge first, and compare rows and reports; the naive model may be given another policy."""
    simulated.run()
    naive = NaiveModel(Inputs.of(simulated, policy))
    naive.run()
    tables, _ = simulated.finish()
    rois, expected = tables["rois"], naive.columns()

    assert np.isfinite(expected["done_s"]).sum() > 50  # the comparison is about something
    np.testing.assert_array_equal(rois["cut"], expected["cut"])
    np.testing.assert_array_equal(rois["processed_by"].codes, expected["processed_by"])
    stayed = expected["migrations"] == 0
    for part in PARTS:
        rows = slice(None) if part in OF_MIGRATED else stayed
        np.testing.assert_allclose(rois[part][rows], expected[part][rows], rtol=0, atol=1e-9, err_msg=part)
    between, expected_between = (table["queue_s"] + table["network_s"] for table in (rois, expected))
    np.testing.assert_allclose(between, expected_between, rtol=0, atol=1e-9)

    reports, counted = tables["reports"], naive.report_columns()
    rows = slice(0, len(reports["time_s"]))
    for name in ("queue_units", "outbound_units"):
        np.testing.assert_array_equal(reports[name][rows], counted[name][rows], err_msg=name)
    entities = len(simulated.flow.names) + 1
    for name in ("arrived", "processed"):
        totals = np.cumsum(reports[f"{name}_units"].reshape(-1, entities), axis=0).ravel()
        np.testing.assert_array_equal(totals, counted[f"{name}_total"][rows], err_msg=name)
    return expected


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("admission", ["interleaved", "fifo"])
@pytest.mark.parametrize("setup", SETUPS)
def test_equals_the_naive_model(setup: str, admission: str, policy: str, tmp_path: Path) -> None:
    compare(system(SETUPS[setup], admission, POLICIES[policy], tmp_path))


CURVED = """\
inference:
  batch_max: {{value: 32, unit: items, kind: assumed, source: a test}}
  fixed: {{value: {ms}, unit: ms, kind: assumed, source: a test}}
  per_item: {{value: {ms}, unit: ms, kind: assumed, source: a test}}
  classifiers:
    kind: {{latency: {{1: 9, 7: 10, 8: 24, 32: 70}}, interpolation: monotone, unit: ms, kind: assumed, source: a test}}
    type: {{latency: {{1: 4, 4: 12, 9: 13, 32: 200}}, interpolation: monotone, unit: ms, kind: assumed, source: a test}}
"""


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("setup", ["one camera, large batches", "everything full", "two GPUs, free calls"])
def test_equals_the_naive_model_where_tables_are_curves(setup: str, policy: str, tmp_path: Path) -> None:
    """Two classifiers have crooked tables, the others lines."""
    for name, ms in (("camera", 0.7), ("gpu", 0.1)):
        (tmp_path / f"{name}.yaml").write_text(CURVED.format(ms=ms))
    camera, gpu = (str(tmp_path / f"{name}.yaml") for name in ("camera", "gpu"))
    devices = (camera, "jetson_tx2", camera, "jetson_tx2", camera, camera, gpu)
    made = compare(system(SETUPS[setup], "interleaved", POLICIES[policy], tmp_path, devices=devices))
    plain = compare(system(SETUPS[setup], "interleaved", POLICIES[policy], tmp_path))
    assert not np.array_equal(made["done_s"], plain["done_s"], equal_nan=True)


@dataclass
class Listening:
    """Notes what a policy is told and what it answers."""

    policy: VideoPolicy
    told: list[VideoObservation] = field(default_factory=list)
    answers: list[VideoDecision] = field(default_factory=list)

    @property
    def needs_foresight(self) -> bool:
        return getattr(self.policy, "needs_foresight", False)

    def start(self, setting: VideoSetting, rng: np.random.Generator) -> None:
        self.policy.start(setting, rng)

    def due(self, now_s: float) -> bool:
        return self.policy.due(now_s)

    def decide(self, observation: VideoObservation) -> VideoDecision:
        self.told.append(observation)
        self.answers.append(self.policy.decide(observation))
        return self.answers[-1]


@dataclass
class Replayed:
    """Gives the answers that another run got, at the same reports."""

    run: Listening

    def start(self, setting: VideoSetting, rng: np.random.Generator) -> None:
        self.asked = 0

    def due(self, now_s: float) -> bool:
        return self.asked < len(self.run.told) and now_s > self.run.told[self.asked].now_s - 1e-9

    def decide(self, observation: VideoObservation) -> VideoDecision:
        self.asked += 1
        return self.run.answers[self.asked - 1]


def vertices(decision: VideoDecision) -> np.ndarray:
    """Mean number of vertices on the camera, (C, P): the same whichever side of a vertex a point was rounded to."""
    plan = decision.partition
    return np.zeros((0, 0)) if plan is None else plan.lower + 1.0 - plan.odds


@pytest.mark.parametrize("policy", LOOKING)
@pytest.mark.parametrize("setup", SKEWED)
def test_equals_the_naive_model_under_control(setup: str, policy: str, tmp_path: Path) -> None:
    """Each model asks the policy itself: what it is told, what it answers and what becomes of every ROI agree."""
    in_simedge, in_naive = Listening(LOOKING[policy]()), Listening(LOOKING[policy]())
    expected = compare(system(SKEWED[setup], "interleaved", in_simedge, tmp_path), in_naive)

    assert len(in_simedge.told) == len(in_naive.told) > 5
    for told, expected_told in zip(in_simedge.told, in_naive.told, strict=True):
        for one in fields(VideoObservation):
            values = getattr(told, one.name), getattr(expected_told, one.name)
            np.testing.assert_allclose(*values, rtol=1e-12, atol=1e-9, err_msg=f"{one.name} at {told.now_s} s")
    for answer, expected_answer in zip(in_simedge.answers, in_naive.answers, strict=True):
        assert answer.migrations == expected_answer.migrations
        np.testing.assert_allclose(vertices(answer), vertices(expected_answer), rtol=0, atol=1e-9)

    chosen = in_simedge.policy
    visible = SKEWED[setup][6]
    assert not chosen.balance or expected["migrations"].sum() > (50 if visible > 10 else 10)
    plans = {vertices(answer).tobytes() for answer in in_simedge.answers}
    assert not chosen.repartition or len(plans) > 5


@pytest.mark.parametrize("policy", ["distream", "distream_artifact"])
@pytest.mark.parametrize("setup", SKEWED)
def test_equals_the_naive_model_when_decisions_are_replayed(setup: str, policy: str, tmp_path: Path) -> None:
    run = Listening(LOOKING[policy]())
    compare(system(SKEWED[setup], "fifo", run, tmp_path), Replayed(run))


@dataclass
class Restless:
    """Decides by chance at every other report, time 0 included: migrations between any two cameras, any point."""

    reports: int = 0

    def start(self, setting: VideoSetting, rng: np.random.Generator) -> None:
        self.setting, self.rng, self.reports = setting, rng, 0

    def due(self, now_s: float) -> bool:
        self.reports += 1
        return self.reports % 2 == 1

    def decide(self, observation: VideoObservation) -> VideoDecision:
        cameras, rng = self.setting.cameras, self.rng
        moves = []
        for _ in range(rng.integers(0, 2 * cameras)):
            source, step = rng.integers(cameras), rng.integers(1, cameras)
            moves.append(Migration(int(source), int((source + step) % cameras), int(rng.integers(0, 30))))
        points = np.clip(rng.uniform(-0.5, 1.2, cameras), 0.0, 1.0)  # a third sends everything to the edge
        plan = partition_plan(self.setting.pipeline, points) if rng.random() < 0.7 else None
        return VideoDecision(tuple(moves), plan)


@pytest.mark.parametrize("admission", ["interleaved", "fifo"])
@pytest.mark.parametrize("setup", SKEWED)
def test_equals_the_naive_model_under_decisions_by_chance(setup: str, admission: str, tmp_path: Path) -> None:
    expected = compare(system(SKEWED[setup], admission, Restless(), tmp_path))
    assert (expected["migrations"] > 1).any() and expected["migrations"].sum() > 100


def test_back_pressure_bites(tmp_path: Path) -> None:
    """The setups that are named after a full queue do fill it, or the comparison would say nothing about it."""
    for setup, policy, column, limit in (
        ("outbound full: slow calls", Centralized(), "outbound_units", 9),
        ("outbound smaller than a batch", VideoEdgeL(0.5), "outbound_units", 4),
        ("everything full", Centralized(), "outbound_units", 5),
    ):
        naive = NaiveModel(Inputs.of(system(SETUPS[setup], "interleaved", policy, tmp_path)))
        naive.run()
        reports = naive.report_columns()
        assert (reports[column] >= limit).mean() > 0.1
    naive = NaiveModel(
        Inputs.of(system(SETUPS["edge full: one small GPU batch"], "interleaved", Centralized(), tmp_path))
    )
    naive.run()
    reports = naive.report_columns()
    assert (reports["queue_units"][reports["entity"] == 6] >= 12).mean() > 0.5


def _two_calls(apart_s: float, folder: Path) -> tuple[np.ndarray, np.ndarray]:
    trace = RoiTrace(
        np.array([0.5, 0.5 + apart_s]),
        np.array([0, 1]),
        np.array([2, 2]),
        np.full(2, 500.0),
        ("camera_1", "camera_2"),
        tuple(MIX),
    )
    simulated = system(SETUPS["outbound full: slow calls"], "interleaved", Centralized(), folder, trace)
    naive = NaiveModel(Inputs.of(simulated))
    naive.run()
    simulated.run()
    return simulated.finish()[0]["rois"]["done_s"], naive.columns()["done_s"]


def test_a_tie_at_the_edge(tmp_path: Path) -> None:
    """Two cameras, one ROI each, at the same time: simedge makes two GPU batches, the SimPy model makes one of both."""
    call_s = 40e-3 + 8 * 500.0 / 10e6
    fixed_s, per_item_s = 3.0 * 0.0751e-3, 3.0 * 0.1502e-3  # "kind" on a Titan X
    alone_s = 0.5 + call_s + fixed_s + per_item_s

    one_by_one, together = _two_calls(0.0, tmp_path)
    np.testing.assert_allclose(one_by_one, [alone_s, alone_s + fixed_s + per_item_s], atol=1e-12)
    np.testing.assert_allclose(together, alone_s + per_item_s, atol=1e-12)

    simulated, naive = _two_calls(1e-6, tmp_path)
    np.testing.assert_allclose(simulated, [alone_s, alone_s + fixed_s + per_item_s], atol=1e-12)
    np.testing.assert_allclose(naive, simulated, rtol=0, atol=1e-12)
