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
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.naive import Inputs, NaiveModel
from simedge.policies.video.baselines import CameraOnly, Centralized, VideoEdgeL
from simedge.policies.video.interface import VideoPolicy
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


def jittered(cameras: int, rate_ips: float, seed: int, duration_s: float = 4.0) -> RoiTrace:
    """Frames at about 10 per second and camera, of 0 to twice the mean number of ROIs."""
    rng = np.random.default_rng(seed)
    rows = []
    for camera in range(cameras):
        for frame in range(int(duration_s * 10)):
            arrived_s = (frame + rng.random()) / 10
            for _ in range(rng.integers(0, int(rate_ips / 5) + 1)):
                rows.append((arrived_s, camera, rng.choice(3, p=list(MIX.values())), rng.uniform(100.0, 2000.0)))
    rows.sort(key=lambda row: row[0])
    arrived_s, camera, path, size_bytes = (np.array(column) for column in zip(*rows, strict=True))
    return RoiTrace(arrived_s, camera, path, size_bytes, tuple(f"camera_{i + 1}" for i in range(cameras)), tuple(MIX))


def system(setup: str, admission: str, policy: VideoPolicy, folder: Path, trace: RoiTrace | None = None) -> VideoSystem:
    cameras, gpus, rate_ips, batch, edge_batch, call_units, visible, outbound, edge, call_s = SETUPS[setup]
    path = folder / "trace.parquet"
    (trace or jittered(cameras, rate_ips, seed=0)).write(path)
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
        ClusterSpec(DEVICES[:cameras], gpus=gpus, camera_batch=batch, edge_batch=edge_batch),
        Network(call_s=call_s, call_units=call_units),
        DAG,
        Workload(MIX, tracks, "recorded", str(path)),
        Queues(admission, visible, outbound, edge),
        horizon_s=6.0,
    )
    return VideoSystem(scenario)


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("admission", ["interleaved", "fifo"])
@pytest.mark.parametrize("setup", SETUPS)
def test_equals_the_naive_model(setup: str, admission: str, policy: str, tmp_path: Path) -> None:
    simulated = system(setup, admission, POLICIES[policy], tmp_path)
    naive = NaiveModel(Inputs.of(simulated))
    naive.run()
    simulated.run()
    tables, _ = simulated.finish()
    rois, expected = tables["rois"], naive.columns()

    assert np.isfinite(expected["done_s"]).sum() > 50  # the comparison is about something
    np.testing.assert_array_equal(rois["cut"], expected["cut"])
    for part in PARTS:
        np.testing.assert_allclose(rois[part], expected[part], rtol=0, atol=1e-9, err_msg=part)

    reports, counted = tables["reports"], naive.report_columns()
    rows = slice(0, len(reports["time_s"]))
    for name in ("queue_units", "outbound_units"):
        np.testing.assert_array_equal(reports[name][rows], counted[name][rows], err_msg=name)
    entities = len(simulated.flow.names) + 1
    for name in ("arrived", "processed"):
        totals = np.cumsum(reports[f"{name}_units"].reshape(-1, entities), axis=0).ravel()
        np.testing.assert_array_equal(totals, counted[f"{name}_total"][rows], err_msg=name)


def test_back_pressure_bites(tmp_path: Path) -> None:
    """The setups that are named after a full queue do fill it, or the comparison would say nothing about it."""
    for setup, policy, column, limit in (
        ("outbound full: slow calls", Centralized(), "outbound_units", 9),
        ("outbound smaller than a batch", VideoEdgeL(0.5), "outbound_units", 4),
        ("everything full", Centralized(), "outbound_units", 5),
    ):
        naive = NaiveModel(Inputs.of(system(setup, "interleaved", policy, tmp_path)))
        naive.run()
        reports = naive.report_columns()
        assert (reports[column] >= limit).mean() > 0.1
    naive = NaiveModel(Inputs.of(system("edge full: one small GPU batch", "interleaved", Centralized(), tmp_path)))
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
    simulated = system("outbound full: slow calls", "interleaved", Centralized(), folder, trace)
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
