"""Saved runs found again, one table of them, and choosing among them."""

from __future__ import annotations

import json

import numpy as np
import pytest

import simedge
from simedge.errors import ConfigError, InputError
from simedge.experiment.gather import chosen, columns, flat, frame, gather

SHORT = ("workload=generated", "horizon_s=1", "record=summary")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("runs")
    for at, policy in enumerate(("distream", "centralized")):
        for rate in ("10Mbps", "50Mbps"):
            run = simedge.run("campus", *SHORT, f"policy={policy}", f"network.uplink_bps={rate}", seed=at)
            run.save(place / f"{policy}-{rate}.json")
    simedge.run("campus", *SHORT[:2], "policy=camera_only").save(place / "whole")
    (place / "notes.txt").write_text("mine")
    (place / "other.json").write_text('{"a": 1}')
    (place / "x.failed.json").write_text("{}")
    (place / "empty").mkdir()
    return place


def test_results_are_found_and_nothing_else(folder):
    names = [run.path.name for run in gather(folder)]
    assert names == sorted(
        ["distream-10Mbps.json", "distream-50Mbps.json", "centralized-10Mbps.json", "centralized-50Mbps.json", "whole"]
    )
    assert [run.path.name for run in gather([folder / "whole", str(folder / "whole"), folder])] == names


@pytest.mark.parametrize("text", ["", "{", "[]", '{"a": 1}'])
def test_what_is_named_like_a_result_has_to_be_one(folder, tmp_path, text):
    (tmp_path / "campus-distream-seed0-0123456789ab.json").write_text(text)
    with pytest.raises(InputError, match="0123456789ab") as caught:
        gather(tmp_path)
    assert "\n" not in str(caught.value)


def test_places_without_a_result_are_refused(tmp_path):
    for place in (tmp_path, tmp_path / "nowhere", tmp_path / "nowhere.json"):
        with pytest.raises(InputError, match=str(place)):
            gather(place)


def test_one_tidy_table(folder):
    made = frame(gather(folder))
    assert list(made.columns[:2]) == ["scenario", "policy"]
    assert {"policy.beta", "network.uplink_bps", "record"} < set(made.columns) and "seed" in made.columns
    by_policy = made.set_index(["policy", "network.uplink_bps"])
    run = simedge.run("campus", *SHORT, "policy=centralized", "network.uplink_bps=10Mbps", seed=1)
    for name, value in run.metrics.items():
        assert by_policy.loc[("centralized", 1e7), name] == pytest.approx(value, nan_ok=True, rel=0)
    assert made.loc[made.policy == "camera_only", "network.uplink_bps"].isna().all()
    assert made.columns.get_loc("throughput_ips_mean") < made.columns.get_loc("utilisation.camera_1")


def test_keys_that_differ(folder):
    runs = [run for run in gather(folder) if run.policy == "distream"]
    assert columns(runs) == ["network.uplink_bps"] and "policy.beta" in frame(runs, ["policy.beta"]).columns


def test_choosing(folder):
    runs = gather(folder)
    assert len(chosen(runs, ["network.uplink_bps=10 Mbps"])) == 2
    assert len(chosen(runs, ["network.uplink_bps=10Mbps,0.05Gbps", "policy=distream"])) == 2
    assert len(chosen(runs, ["network.uplink_bps=null"])) == 1
    assert len(chosen(runs, ["policy=choice(distream,camera_only)", "seed=0"])) == 3
    for said in (
        "policy=videoedge_l",
        "network.uplink_bp=10Mbps",
        "network.uplink_bps=11Mbps",
        "network.uplink_bps=fast s",
    ):
        with pytest.raises(ConfigError) as caught:
            chosen(runs, [said])
        assert "\n" not in str(caught.value)


def test_of_an_edited_simedge_only_the_present_results_are_taken(folder, tmp_path):
    text = (folder / "distream-10Mbps.json").read_text()
    old = json.loads(text)
    old["versions"]["source"] = "0" * 16
    (tmp_path / "new.json").write_text(text)
    (tmp_path / "old.json").write_text(json.dumps(old))
    assert [run.path.name for run in gather(tmp_path)] == ["new.json"]
    (tmp_path / "new.json").unlink()
    assert [run.path.name for run in gather(tmp_path)] == ["old.json"]


def test_flat_names_every_value_once():
    nested = {"a": {"b": 1, "c": {"d": None}}, "e": [1, {"x": np.float64(2)}], "f": True}
    assert flat(nested) == {"a.b": 1, "a.c.d": None, "e": '[1, {"x": 2.0}]', "f": True}
