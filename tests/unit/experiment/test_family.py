"""Scenarios that are larger than their file, and the other reading of a unit."""

from __future__ import annotations

import pytest

import simedge
from simedge.errors import ConfigError


def test_a_number_at_the_end_of_a_scenarios_name_is_its_cameras() -> None:
    resolved = simedge.load("campus_96").resolved()
    assert resolved["name"] == "campus_96"
    assert resolved["cluster"]["groups"] == 16  # one GPU per six cameras
    assert resolved["workload"]["kind"] == "generated"
    results = simedge.run("campus_12", "policy=distream", "horizon_s=3")
    assert sorted(results.facts["busy_s"]) == sorted([*(f"camera_{k}" for k in range(1, 13)), "gpu_1", "gpu_2"])
    assert results.scenario == "campus_12"


def test_a_file_of_that_name_comes_first() -> None:
    assert simedge.load("campus_24").resolved()["workload"]["trace"] == "campus_24_300s"


@pytest.mark.parametrize("name", ["campus_7", "campus_0"])
def test_groups_are_whole(name: str) -> None:
    with pytest.raises(ConfigError, match="no whole groups of 6; give a multiple of 6"):
        simedge.load(name)


def test_a_family_needs_its_scenario() -> None:
    with pytest.raises(ConfigError, match="there is no scenario 'capmus_96'"):
        simedge.load("capmus_96")


def test_units_may_be_classifier_executions() -> None:
    """The same rate in executions is a third of the ROIs on campus (3.0 to a pass), on devices three times slower."""
    base = ("policy=camera_only", "workload=generated", "horizon_s=40")
    passes, executions = (simedge.run("campus", *base, f"unit={unit}") for unit in ("roi", "classifier"))
    ratio = passes.metrics["arrived_units"] / executions.metrics["arrived_units"]
    assert ratio == pytest.approx(3.0, rel=0.25)  # two clips of 40 s are two draws
    assert executions.facts["capacity_ips"]["edge"] == pytest.approx(passes.facts["capacity_ips"]["edge"] / 3)
    assert executions.metrics["throughput_ips_mean"] == executions.metrics["classifier_ips_mean"]
    assert passes.metrics["classifier_ips_mean"] == pytest.approx(3 * passes.metrics["throughput_ips_mean"], rel=0.1)
