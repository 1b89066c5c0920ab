"""Seeds until a mean is known, and the load that a policy bears: against brute force and tables of Student's t."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from simedge import cli
from simedge.errors import ConfigError
from simedge.experiment.capacity import capacity
from simedge.experiment.goals import Limit, Precision, read_limit, read_precision, until
from simedge.experiment.grid import plan
from simedge.experiment.overrides import parse
from simedge.experiment.sweep import sweep_runs

T_975 = {9: 2.262157}  # Student's t, two-sided 95 %, by degrees of freedom: any printed table


def typed(*words):
    return [parse(word) for word in words]


LOADED = ("policy=camera_only,centralized", "horizon_s=5", "cluster.total_gpus=2", "seed=range(0,4)")
GROUPS = "cluster.groups=range(1,8)"


# --- until -------------------------------------------------------------------------------------------------------


def test_the_width_is_half_of_students_interval_over_the_mean(tmp_path):
    made = until(typed("horizon_s=2", "policy=centralized"), Precision("arrived_units", 0.9), tmp_path)
    arrived = made.sweep.frame.arrived_units.to_numpy()
    assert made.met and made.seeds == len(arrived) == 10
    wanted = T_975[9] * np.std(arrived, ddof=1) / math.sqrt(10) / arrived.mean()
    assert made.widths == {"centralized": pytest.approx(wanted, rel=1e-6)}


def test_seeds_are_added_until_every_mean_is_known_and_are_kept(tmp_path):
    words = ("horizon_s=2", "policy=centralized,camera_only", "seed=range(5,9)")
    first = until(typed(*words), Precision("arrived_units", 0.1), tmp_path)
    assert first.met and first.seeds > 4
    assert sorted(first.sweep.frame.seed.unique()) == list(range(5, 5 + first.seeds))
    assert max(first.widths.values()) <= 0.1 and set(first.widths) == {"centralized", "camera_only"}
    again = until(typed(*words), Precision("arrived_units", 0.1), tmp_path)
    assert again.seeds == first.seeds and again.sweep.resumed == len(again.sweep.planned)


def test_it_gives_up_and_says_how_far_it_came(tmp_path):
    made = until(typed("horizon_s=2", "seed=0,1"), Precision("arrived_units", 1e-6), tmp_path, most=5)
    assert not made.met and made.seeds == 5
    assert "not known to ± 0.0001 % after 5 seeds; widest: distream" in str(made)


def test_what_seeds_do_not_change_is_known_at_once(tmp_path):
    made = until(
        typed("horizon_s=1", "policy=centralized", "workload=recorded"), Precision("latency_s_mean", 0.05), tmp_path
    )
    assert made.met and made.widths == {"centralized": 0}


# --- capacity ----------------------------------------------------------------------------------------------------


def test_bisection_finds_what_trying_all_loads_finds(tmp_path):
    limit = Limit("latency_s_mean", True, 0.5)
    made = capacity(typed(*LOADED), parse(GROUPS), limit, tmp_path / "a")
    every = sweep_runs(plan(typed(*LOADED, GROUPS)), tmp_path / "b").frame
    every["holds"] = every.latency_s_mean <= 0.5
    largest = {}
    for (policy, seed), group in every.sort_values("cluster.groups").groupby(["policy", "seed"]):
        held = group.holds.tolist()
        assert held == sorted(held, reverse=True), "the limit has to fail for good, else the test shows nothing"
        largest[policy, seed] = sum(held)
    assert {(row["treatment"], row["seed"]): row["value"] or 0 for row in made.rows} == largest
    assert len(set(largest.values())) > 1 and made.runs < len(every)
    assert made.unit == "cameras" and all(row["load"] == 6 * (row["value"] or 0) for row in made.rows)


def test_means_and_paired_differences(tmp_path):
    made = capacity(typed(*LOADED), parse(GROUPS), Limit("latency_s_mean", True, 0.5), tmp_path, baseline="centralized")
    base, own = made.means
    assert (base["treatment"], base["verdict"], own["treatment"]) == ("centralized", "baseline", "camera_only")
    loads = {
        name: [row["load"] for row in made.rows if row["treatment"] == name] for name in ("centralized", "camera_only")
    }
    assert base["load"] == np.mean(loads["centralized"])
    assert own["difference"] == pytest.approx(np.mean(np.subtract(loads["camera_only"], loads["centralized"])))


def test_a_limit_that_always_holds_or_never_is_said_to(tmp_path):
    words = ("policy=centralized", "horizon_s=2", "seed=0,1,2")
    all_hold = capacity(typed(*words), parse("cluster.groups=1,2"), Limit("arrived_units", False, 0), tmp_path)
    assert all_hold.means[0]["beyond"] and math.isnan(all_hold.means[0]["low"]) and all_hold.means[0]["load"] == 12
    none = capacity(typed(*words), parse("cluster.groups=1,2"), Limit("arrived_units", True, -1), tmp_path)
    assert none.means[0]["load"] == 0 and all(row["value"] is None for row in none.rows)


def test_the_command_prints_loads(tmp_path, capsys):
    words = ["compare", *LOADED, "--capacity", GROUPS, "--limit", "latency_s_mean<=500ms", "--out", str(tmp_path / "r")]
    assert cli.main(words) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0].startswith("largest cluster.groups at which latency_s_mean <= 500 ms, in cameras; ")
    assert sum(line.startswith(("camera_only", "centralized")) for line in out) == 2
    assert cli.main([*words, "--json", "--csv", str(tmp_path / "c.csv")]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["treatment"] for row in rows] == ["camera_only", "centralized"] and (tmp_path / "c.csv").exists()


def test_the_command_simulates_and_compares(tmp_path, capsys):
    words = ["compare", "policy=camera_only,centralized", "horizon_s=2", "--metric", "latency_s_mean"]
    words += ["--out", str(tmp_path / "r")]
    assert cli.main([*words, "seed=range(0,3)", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["n"] for row in rows] == [3, 3] and rows[1]["pairing"] == "paired, equal arrivals"
    assert cli.main([*words, "--until", "arrived_units:1e-9", "--max-seeds", "11"]) == 1
    assert "not known" in capsys.readouterr().out
    assert cli.main(["compare", "policy=centralized", "network.uplink_bps=1Mbps,10Mbps", "seed=0,1", *words[2:]]) == 0
    assert "by network.uplink_bps, compared with 1 Mbps" in capsys.readouterr().out


# --- what people write -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "said", ["latency_s_p99", "latency_s_p99:", "latency_s_p99:fast", "latency_s_p99:0", "x:5%", "latency_s_p99:2"]
)
def test_precisions_that_are_none(said):
    with pytest.raises(ConfigError):
        read_precision(said)


@pytest.mark.parametrize(
    "said",
    [
        "slo_miss_ratio",
        "slo_miss_ratio>1%",
        "slo_miss_ratio<=",
        "slo<=1%",
        "latency_s_p99<=1 Mbps",
        "latency_s_p99<=nan",
    ],
)
def test_limits_that_are_none(said):
    with pytest.raises(ConfigError):
        read_limit(said)


BAD = {
    "nothing": ((), "nothing is named"),
    "place and search": (("runs", "--until", "latency_s_p99:5%"), "name no place"),
    "bad precision": (("seed=0,1", "--until", "latency_s_p99:no"), "no share"),
    "bad limit": (("seed=0,1", "--capacity", "cluster.groups=1,2", "--limit", "x"), "no limit"),
    "one value": (("seed=0,1", "--capacity", "cluster.groups=2"), "several numbers"),
    "no numbers": (("seed=0,1", "--capacity", "policy=distream,centralized"), "several numbers"),
    "both searches": (("--capacity", "cluster.groups=1,2", "seed=1", "--until", "latency_s_p99:5%"), "goes with none"),
    "bad seed": (("seed=0.5,1", "policy=distream,centralized"), "whole numbers"),
    "baseline": (("horizon_s=1", "seed=0", "--capacity", "cluster.groups=1,2", "--baseline", "x"), "no treatment"),
    "one policy": (("horizon_s=1", "seed=0,1"), "nothing to compare"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_line(name, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words, says = BAD[name]
    assert cli.main(["compare", *words]) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1 and says in said.err, said.err
