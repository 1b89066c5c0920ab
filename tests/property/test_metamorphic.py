"""Changes of a run whose effect is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simedge.policies.video.baselines import CameraOnly, Centralized, VideoEdgeL

TIMES = ("queue_s", "camera_s", "network_s", "edge_queue_s", "edge_s", "latency_s", "done_s")
DEVICES = {
    "jetson_tx1": (0.3171e-3, 1.0569e-3),
    "jetson_tx2": (0.2271e-3, 0.7572e-3),
    "titan_x": (0.0751e-3, 0.1502e-3),
}


def same_rows(one, other, names: tuple[str, ...] = (*TIMES, "cut")) -> None:
    for name in names:
        assert np.array_equal(one[name], other[name], equal_nan=True), name


@pytest.mark.parametrize(("point", "named"), [(0.0, Centralized()), (1.0, CameraOnly())])
@given(data=st.data())
@settings(max_examples=20)
def test_the_ends_of_the_partition_are_the_baselines(small_scenario, static_cases, point, named, data) -> None:
    rows, case = data.draw(static_cases)
    split = small_scenario(rows, **case | {"policy": VideoEdgeL(partition_point=point)})
    whole = small_scenario(rows, **case | {"policy": named})
    assert split.fingerprint == whole.fingerprint
    same_rows(split.rois, whole.rois)


def test_the_two_ends_differ(small_scenario) -> None:
    """Else equal fingerprints would prove nothing."""
    rows = [(0.1 * k, 0, "person", 2500.0) for k in range(5)]
    prints = {small_scenario(rows, policy=policy).fingerprint for policy in (Centralized(), CameraOnly(), VideoEdgeL())}
    assert len(prints) == 3


@given(st.data())
def test_an_idle_camera_changes_nothing(small_scenario, static_cases, data) -> None:
    rows, case = data.draw(static_cases)
    if case["policy"] == VideoEdgeL():  # whose ratio depends on the number of cameras
        case["policy"] = VideoEdgeL(partition_point=0.4)
    alone = small_scenario(rows, **case)
    joined = small_scenario(rows, **case | {"cameras": (*case["cameras"], "jetson_tx2")})
    same_rows(alone.rois, joined.rois)
    assert joined.facts["busy_s"][f"camera_{len(case['cameras']) + 1}"] == 0.0


@given(st.data())
def test_a_longer_horizon_leaves_what_was_completed_unchanged(small_scenario, cases, data) -> None:
    rows, case = data.draw(cases)
    short = small_scenario(rows, **case).rois
    long = small_scenario(rows, **case | {"horizon_s": case["horizon_s"] + 1.7}).rois
    count = len(short["roi"])
    known = ~np.isnan(short["done_s"])
    for name in TIMES:
        before = short[name]
        fixed = ~np.isnan(before)
        assert np.array_equal(before[fixed], long[name][:count][fixed]), name
    completed = long["done_s"] < case["horizon_s"]
    assert np.array_equal(known, completed[:count])
    assert not completed[count:].any()


@given(st.data(), st.integers(1, 1000))
@settings(max_examples=25)
def test_another_seed_changes_only_the_draws(small_scenario, static_cases, data, seed: int) -> None:
    rows, case = data.draw(static_cases)
    for policy in (CameraOnly(), Centralized()):
        one, other = (small_scenario(rows, **case | {"policy": policy, "seed": s}) for s in (0, seed))
        assert one.fingerprint == other.fingerprint
        same_rows(one.rois, other.rois)
    one, other = (small_scenario(rows, **case | {"policy": VideoEdgeL(0.5), "seed": s}).rois for s in (0, seed))
    same_rows(one, other, ("arrived_s", "size_bytes"))
    assert one["camera"].codes.tolist() == other["camera"].codes.tolist()
    assert one["path"].codes.tolist() == other["path"].codes.tolist()


def test_another_seed_does_change_the_draws(small_scenario) -> None:
    rows = [(0.1, 0, "car", 0.0)] * 40
    cuts = [
        small_scenario(rows, policy=VideoEdgeL(0.5), seed=seed, horizon_s=30.0).rois["cut"].tolist() for seed in (0, 1)
    ]
    assert cuts[0] != cuts[1]
    assert {cut for some in cuts for cut in some} == {2, 3}  # 9.45 and 22.95 of 27 run on the camera


@given(st.data(), st.sampled_from([0.25, 2.0, 1024.0]))
@settings(max_examples=25)
def test_everything_slower_by_k_scales_time_by_k(small_scenario, static_cases, data, k: float) -> None:
    """Powers of two, so that rounding scales along: exactly equal."""
    rows, case = data.draw(static_cases)
    network = case["network"]
    profiles = {f"my_{name}": table for name, table in DEVICES.items()}
    case |= {"cameras": tuple(f"my_{name}" for name in case["cameras"]), "edge": f"my_{case['edge']}"}
    plain = small_scenario(rows, devices=profiles, report_period_s=0.5, **case)
    scaled = small_scenario(
        [(time * k, camera, path, size) for time, camera, path, size in rows],
        devices={name: (fixed * k, per_item * k) for name, (fixed, per_item) in profiles.items()},
        report_period_s=0.5 * k,
        **case
        | {
            "network": network | {"uplink_bps": network["uplink_bps"] / k, "call_s": network["call_s"] * k},
            "horizon_s": case["horizon_s"] * k,
        },
    )
    for name in TIMES:
        assert np.array_equal(plain.rois[name] * k, scaled.rois[name], equal_nan=True), name
    assert np.array_equal(plain.rois["cut"], scaled.rois["cut"])


@given(st.data(), st.sampled_from([0.5, 4.0]))
@settings(max_examples=25)
def test_larger_messages_on_a_faster_link_take_as_long(small_scenario, cases, data, k: float) -> None:
    rows, case = data.draw(cases)
    network = case["network"]
    larger = [(time, camera, path, size * k) for time, camera, path, size in rows]
    faster = case | {"network": network | {"uplink_bps": network["uplink_bps"] * k}}
    assert small_scenario(rows, **case).fingerprint == small_scenario(larger, **faster).fingerprint


@given(st.data())
@settings(max_examples=25)
def test_equal_cameras_may_swap_their_streets(small_scenario, static_cases, data) -> None:
    rows, case = data.draw(static_cases)
    count = len(case["cameras"])
    case |= {"cameras": ("jetson_tx1",) * count, "policy": CameraOnly()}
    rows = sorted(rows, key=lambda row: row[0])
    turned = [(time, (camera + 1) % count, path, size) for time, camera, path, size in rows]
    same_rows(small_scenario(rows, **case).rois, small_scenario(turned, **case).rois)
