"""``scenario=artifact`` on the shipped 30-s file, whose totals are worked out by hand.

Every second: at .00 a car, a person and something else at camera 1; at .25 a person at camera 2; at .50 two others at
camera 3. At 0.75, 10.75 and 20.75 s a car each at cameras 4, 5 and 6. That is 30 * 6 + 3 * 3 = 189 ROIs of 2500 bytes.
A pass takes a camera 27 ms (car), 19 ms (person), 11 ms (other), the edge a seventh of it; nobody is still busy when
the next frame comes.
"""

from __future__ import annotations

import numpy as np
import pytest

import simedge

CALL_MS = 0.25 + 2500 * 8 / 10e9 * 1e3


def run(policy: str, *overrides: str):
    return simedge.run("artifact", f"policy={policy}", *overrides)


def test_camera_only() -> None:
    """Camera 1 is done with its three after 27, 46 and 57 ms, camera 3 with its two after 11 and 22."""
    results = run("camera_only")
    metrics = results.metrics
    assert results.facts["horizon_s"] == 30.0
    assert (metrics["arrived_units"], metrics["completed_units"]) == (189, 189)
    assert metrics["throughput_ips_mean"] == pytest.approx(189 / 30)
    total_ms = 30 * (27 + 46 + 57 + 19 + 11 + 22) + 9 * 27
    assert metrics["latency_s_mean"] == pytest.approx(total_ms / 189 / 1e3, abs=1e-12)
    busy_s = [30 * 0.057, 30 * 0.019, 30 * 0.022, 3 * 0.027, 3 * 0.027, 3 * 0.027]
    for camera, seconds in enumerate(busy_s, 1):
        assert metrics[f"utilisation.camera_{camera}"] == pytest.approx(seconds / 30, abs=1e-12)
    assert metrics["uplink_bytes"] == 0.0


def test_centralized() -> None:
    """Each unit is a call of 0.252 ms; the edge takes 27/7, 19/7, 11/7 ms and is the bottleneck of a frame."""
    car, person, other = 27 / 7, 19 / 7, 11 / 7
    metrics = run("centralized").metrics
    of_camera_1 = (CALL_MS + car) + (CALL_MS + car + person) + (CALL_MS + car + person + other)
    of_camera_3 = (CALL_MS + other) + (CALL_MS + 2 * other)
    at_once = (CALL_MS + car) + (CALL_MS + 2 * car) + (CALL_MS + 3 * car)
    total_ms = 30 * (of_camera_1 + CALL_MS + person + of_camera_3) + 3 * at_once
    assert metrics["latency_s_mean"] == pytest.approx(total_ms / 189 / 1e3, abs=1e-12)
    assert metrics["utilisation.edge"] == pytest.approx(
        (30 * (car + 2 * person + 3 * other) + 9 * car) / 30e3, abs=1e-9
    )
    assert metrics["uplink_bytes"] == 189 * 2500


def test_videoedge_splits_a_tenth() -> None:
    """par = 0.1 lies below the first stage of every path: the camera executes that stage or none."""
    results = run("videoedge_l")
    assert results.config["policy"]["partition_point"] == 0.1
    rois = results.rois
    assert set(rois["cut"].unique()) <= {0, 1}
    camera_ms = 1e3 * results.facts["horizon_s"] * sum(results.metrics[f"utilisation.camera_{c}"] for c in range(1, 7))
    assert camera_ms == pytest.approx(3 * (rois["cut"] == 1).sum(), abs=1e-6)
    share = (rois["cut"] == 1).mean()
    expected = np.mean([0.1 * {"car": 27, "person": 19, "other": 11}[path] / 3 for path in rois["path"]])
    assert share == pytest.approx(expected, abs=4 * (expected * (1 - expected) / 189) ** 0.5)


@pytest.mark.parametrize("policy", ["distream_artifact", "distream_l_artifact", "distream_p_artifact"])
def test_the_heuristics_run_it_to_its_end(policy: str) -> None:
    metrics = run(policy).metrics
    assert metrics["completed_units"] == 189
    assert metrics["latency_s_max"] < 0.057
