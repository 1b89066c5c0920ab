"""Several edge clusters: each is a world of its own, and nothing crosses from one to another."""

from __future__ import annotations

import numpy as np
import pytest

import simedge
from simedge.errors import ConfigError
from simedge.traces.trace import RoiTrace

LENGTH = ("workload=generated", "horizon_s=15")


@pytest.fixture(scope="module")
def arrivals():
    return simedge.load("campus_24", *LENGTH, "seed=5").arrivals()


@pytest.mark.parametrize("policy", ["centralized", "camera_only"])
def test_an_edge_cluster_is_a_run_of_its_own(policy, arrivals, tmp_path) -> None:
    """Four clusters of six cameras finish every ROI when four separate systems do."""
    whole = simedge.run("campus_24", *LENGTH, f"policy={policy}", "cluster.edges=4", seed=5).columns["rois"]
    names = arrivals.cameras[:6]
    for edge in range(4):
        mine = arrivals.camera // 6 == edge
        part = RoiTrace(
            arrivals.arrived_s[mine],
            arrivals.camera[mine] - 6 * edge,
            arrivals.path[mine],
            arrivals.size_bytes[mine],
            names,
            arrivals.paths,
        )
        part.write(tmp_path / f"{edge}.parquet")
        alone = simedge.run("campus", f"workload.trace={tmp_path}/{edge}.parquet", f"policy={policy}", "horizon_s=15")
        assert np.array_equal(whole["done_s"][mine], alone.columns["rois"]["done_s"], equal_nan=True)


def test_balancing_stays_within_a_cluster() -> None:
    run = simedge.run("campus_24", *LENGTH, "policy=distream", "policy.beta=0", "cluster.edges=2", seed=5)
    rois = run.columns["rois"]
    assert rois["migrations"].sum() > 1000
    assert np.array_equal(rois["camera"].codes // 12, rois["processed_by"].codes // 12)
    entities = run.columns["reports"]["entity"].names
    assert entities[-2:] == ("edge_1", "edge_2")
    assert set(run.facts["capacity_ips"]) == set(entities)
    assert run.facts["capacity_ips"]["edge_1"] == run.facts["capacity_ips"]["edge_2"]
    summary = simedge.run(
        "campus_24", *LENGTH, "policy=distream", "policy.beta=0", "cluster.edges=2", "record=summary", seed=5
    )
    assert summary.fingerprint == run.fingerprint
    assert summary.metrics == pytest.approx(run.metrics, nan_ok=True)


@pytest.mark.parametrize("shape", ["star", "multi_switch"])
def test_the_shape_of_a_network_that_takes_no_time_changes_nothing(shape: str) -> None:
    given = ("campus_24", *LENGTH, "policy=distream", "cluster.edges=2")
    run, plain = simedge.run(*given, f"network.topology={shape}", seed=5), simedge.run(*given, seed=5)
    assert run.fingerprint == plain.fingerprint


def test_a_shared_link_that_carries_everything_slows_both_clusters() -> None:
    given = ("campus_24", *LENGTH, "policy=centralized", "cluster.edges=2")
    slow = simedge.run(*given, "network.backbone=fast_ethernet", "network.topology=multi_switch", seed=5)
    assert slow.metrics["network_s_mean"] > simedge.run(*given, seed=5).metrics["network_s_mean"]


def test_an_oracle_is_told_of_its_own_cameras() -> None:
    run = simedge.run("campus_24", *LENGTH, "policy=distream", "policy.predictor=oracle", "cluster.edges=4", seed=5)
    assert run.metrics["completed_units"] > 0.9 * run.metrics["arrived_units"]


def test_handed_over_units_stay_within_a_cluster() -> None:
    faults = "faults={script: [{kind: crash, entity: camera_1, at_s: 5}], camera_queue: handed_over}"
    run = simedge.run("campus_24", *LENGTH, "policy=camera_only", "cluster.edges=4", faults, seed=5)
    rois = run.columns["rois"]
    assert run.metrics["handed_over_units"] > 0
    assert np.array_equal(rois["camera"].codes // 6, rois["processed_by"].codes // 6)


@pytest.mark.parametrize("given", ["cluster.edges=5", "cluster.edges=0", "cluster.total_gpus=3"])
def test_edge_clusters_need_cameras_and_gpus(given: str) -> None:
    with pytest.raises(ConfigError, match=r"cluster\.edges"):
        simedge.load("campus_24", "cluster.edges=4", given).check()
