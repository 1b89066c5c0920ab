"""A sweep: the same bytes whoever does it and however often it is stopped; nothing of others is touched."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import simedge
from simedge import cli
from simedge.errors import InputError, OutputError
from simedge.experiment.engine import Workers
from simedge.experiment.grid import plan
from simedge.experiment.overrides import parse
from simedge.experiment.sweep import sweep_runs

pytestmark = pytest.mark.filterwarnings("default")  # of dask's own

ROOT = Path(simedge.__file__).parents[1]
GRID = ("policy.beta=0.05,0.5", "network.uplink_bps=10Mbps,50Mbps", "seed=range(0,3)", "horizon_s=4")


def planned(*typed):
    return plan([parse(text) for text in typed or GRID])


def inside(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.startswith(".")}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    sweep_runs(planned(), folder)
    return folder


def start(*words, cwd):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "simedge", "sweep", *words]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, cwd=cwd, env=environment, text=True, start_new_session=True, **pipes)


def wait_for(count: int, folder: Path, process) -> None:
    for _ in range(3000):
        if len(list(folder.glob("[!.]*.json"))) >= count:
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    pytest.fail("no result within 30 s")


# --- the grid ----------------------------------------------------------------------------------------------------


def test_a_plan_is_the_whole_grid_in_order():
    made = planned()
    assert len({one.name for one in made}) == len({one.run_hash for one in made}) == len(made) == 12
    assert [tuple(one.typed[key] for key in ("policy.beta", "network.uplink_bps", "seed")) for one in made] == [
        (beta, rate, seed) for beta in (0.05, 0.5) for rate in ("10Mbps", "50Mbps") for seed in range(3)
    ]
    assert all(one.mapping["record"] == "summary" and one.mapping["workload"]["kind"] == "generated" for one in made)


def test_what_is_typed_comes_before_what_a_sweep_assumes():
    (made,) = planned("workload=recorded", "record=sketch")
    assert made.mapping["record"] == "sketch" and made.mapping["workload"]["kind"] == "recorded"


def test_points_that_mean_the_same_are_one_run():
    assert len(planned("network.uplink_bps=10Mbps,10e6,10000000,0.01Gbps", "seed=0,0")) == 1


def test_a_hash_does_not_depend_on_how_a_run_was_reached():
    lone = planned("policy.beta=0.5", "network.uplink_bps=50Mbps", "seed=2", "horizon_s=4")
    assert lone[0].run_hash in {one.run_hash for one in planned()}
    assert lone[0].run_hash not in {one.run_hash for one in planned(*GRID[:-1], "horizon_s=5")}


def test_scenarios_policies_and_groups_are_swept_too(tmp_path):
    made = sweep_runs(
        planned("scenario=campus,traffic", "policy=glob(c*)", "network=fast_ethernet,loopback", "horizon_s=1"), tmp_path
    )
    frame = made.frame
    assert len(frame) == 8 and list(frame.columns[:3]) == ["scenario", "policy", "network"]
    assert set(frame.scenario) == {"campus", "traffic"} and set(frame.policy) == {"camera_only", "centralized"}
    assert frame.groupby("network").size().to_dict() == {"fast_ethernet": 4, "loopback": 4}


# --- the same bytes ----------------------------------------------------------------------------------------------


def test_processes_and_one_process_give_the_same_bytes(whole, tmp_path):
    sweep_runs(planned(), tmp_path, Workers(2))
    assert len(inside(tmp_path)) == 12
    assert inside(tmp_path) == inside(whole)


def test_a_lone_run_gives_the_same_numbers(whole):
    typed = ("policy.beta=0.5", "network.uplink_bps=50Mbps", "workload=generated", "record=summary", "horizon_s=4")
    run = simedge.run("campus", *typed, seed=2)
    (one,) = planned(*typed, "seed=2")
    saved = json.loads((whole / one.name).read_text())
    assert saved["facts"]["fingerprint"] == run.fingerprint
    assert {name: value for name, value in saved["metrics"].items() if value is not None} == {
        name: value for name, value in run.metrics.items() if not np.isnan(value)
    }


@pytest.mark.parametrize("workers", ["0", "2"])
def test_killed_and_typed_again_it_does_exactly_the_rest(workers, whole, tmp_path):
    words = (*GRID, "--workers", workers, "--out", str(tmp_path / "runs"))
    process = start(*words, cwd=tmp_path)
    wait_for(3, tmp_path / "runs", process)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    kept = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "runs").glob("[!.]*.json")}
    assert 3 <= len(kept) < 12
    again = start(*words, cwd=tmp_path)
    out, err = again.communicate(timeout=120)
    assert (again.returncode, err) == (0, "")
    assert f"12 runs, {len(kept)} of them were there" in out
    assert inside(tmp_path / "runs") == inside(whole)
    assert all((tmp_path / "runs" / name).stat().st_mtime_ns == at for name, at in kept.items())


def test_the_processes_of_a_killed_sweep_end_too(tmp_path):
    process = start(*GRID[:-1], "horizon_s=30", "--workers", "2", "--out", str(tmp_path / "runs"), cwd=tmp_path)
    wait_for(1, tmp_path / "runs", process)
    os.kill(process.pid, signal.SIGKILL)  # it alone
    process.communicate()
    for _ in range(500):
        alive = subprocess.run(["pgrep", "-g", str(process.pid)], capture_output=True, text=True, check=False).stdout
        if not alive:
            return
        time.sleep(0.02)
    pytest.fail(f"still there after 10 s: {alive}")


def test_a_worker_killed_in_mid_run_loses_nothing(whole, tmp_path):
    words = (*GRID, "--workers", "2", "--out", str(tmp_path / "runs"))
    process = start(*words, cwd=tmp_path)
    wait_for(2, tmp_path / "runs", process)
    listed = subprocess.run(
        ["pgrep", "-g", str(process.pid), "-f", "spawn_main"], capture_output=True, text=True, check=True
    )
    os.kill(int(listed.stdout.split()[-1]), signal.SIGKILL)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert "12 runs" in out
    assert inside(tmp_path / "runs") == inside(whole)


@pytest.mark.parametrize("workers", ["0", "2"])
def test_ctrl_c_says_how_to_go_on(workers, whole, tmp_path):
    process = start(*GRID, "--workers", workers, "--out", str(tmp_path / "runs"), cwd=tmp_path)
    wait_for(2, tmp_path / "runs", process)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert err.count("\n") == 1 and "interrupted after" in err and "type it again to go on" in err
    kept = inside(tmp_path / "runs")
    assert kept.items() <= inside(whole).items() and len(kept) >= 2


# --- runs that fail ----------------------------------------------------------------------------------------------


def test_a_run_that_fails_leaves_a_note_and_the_others_go_on(tmp_path, capsys):
    """A recorded clip has no second camera group; the generator has: one half of the grid cannot run."""
    trace = tmp_path / "clip.csv"
    trace.write_text("arrived_s,camera,path,size_bytes\n0.5,camera_7,car,1000\n")
    words = ["sweep", f"workload.trace={trace}", "workload.kind=recorded", "cluster.groups=1,2", "--quiet"]
    words += ["--out", str(tmp_path / "runs")]
    assert cli.main(words) == 1
    said = capsys.readouterr()
    assert said.err.count("\n") == 1 and "1 of 2 runs failed" in said.err and "camera_7" in said.err
    names = sorted(inside(tmp_path / "runs"))
    assert len(names) == 2
    (note,) = (name for name in names if name.endswith(".failed.json"))
    told = json.loads((tmp_path / "runs" / note).read_text())
    assert told["kind"] == "TraceError" and "camera_7" in told["message"] and told["typed"]["cluster.groups"] == 1
    assert cli.main(words) == 1  # tried again
    trace.write_text("arrived_s,camera,path,size_bytes\n0.5,camera_1,car,1000\n")
    capsys.readouterr()
    assert cli.main(words) == 0  # another trace: other runs
    assert len(inside(tmp_path / "runs")) == 4


def test_a_note_goes_when_the_run_ends_well(tmp_path):
    made = planned("horizon_s=1")
    sweep_runs(made, tmp_path)
    note = tmp_path / made[0].name.replace(".json", ".failed.json")
    (tmp_path / made[0].name).unlink()
    note.write_text(json.dumps({"format": "simedge failed run"}))
    sweep_runs(made, tmp_path)
    assert list(inside(tmp_path)) == [made[0].name]


def test_in_python_failed_runs_are_a_warning(tmp_path):
    trace = tmp_path / "clip.csv"
    trace.write_text("arrived_s,camera,path,size_bytes\n0.5,camera_7,car,1000\n")
    with pytest.warns(RuntimeWarning, match="1 of 2 runs failed; the first: TraceError"):
        made = simedge.sweep("campus", f"workload.trace={trace}", "workload.kind=recorded", "cluster.groups=1,2")
    assert made["cluster.groups"].tolist() == [2]


# --- what stands in the way --------------------------------------------------------------------------------------

FOREIGN = {"text": "mine\n", "other JSON": '{"a": 1}\n', "empty": "", "list": "[]"}


@pytest.mark.parametrize("name", FOREIGN)
def test_foreign_files_are_never_overwritten(name, tmp_path):
    made = planned(*GRID)
    for place in (made[3].name, made[5].name.replace(".json", ".failed.json")):
        (tmp_path / place).write_text(FOREIGN[name])
        with pytest.raises(InputError, match="move or delete it") as caught:
            sweep_runs(made, tmp_path)
        assert "\n" not in str(caught.value) and place in str(caught.value)
        assert inside(tmp_path) == {place: FOREIGN[name].encode()}
        (tmp_path / place).unlink()


def test_a_damaged_result_is_named_and_kept(whole, tmp_path):
    made = planned()
    text = (whole / made[2].name).read_text()
    for damaged in (text[: len(text) // 2], text.replace('"curves"', '"curve"', 1), text.replace("{", "[", 1)):
        (tmp_path / made[2].name).write_text(damaged)
        with pytest.raises(InputError, match="move or delete it"):
            sweep_runs(made, tmp_path)
        assert inside(tmp_path) == {made[2].name: damaged.encode()}


def test_the_result_of_another_run_is_not_taken_for_this_one(whole, tmp_path):
    made = planned()
    (tmp_path / made[0].name).write_bytes((whole / made[1].name).read_bytes())
    with pytest.raises(InputError, match="another run"):
        sweep_runs(made, tmp_path)


def test_a_folder_that_cannot_be_written_to_is_one_line(tmp_path):
    (tmp_path / "file").touch()
    for place in (tmp_path / "file", tmp_path / "file" / "below", Path("/proc/nowhere")):
        with pytest.raises(OutputError):
            sweep_runs(planned(), place)


BAD = {
    "open range": ("seed=range(0,3", "seed: "),
    "empty range": ("seed=range(3,0)", "seed: "),
    "interval": ("policy.beta=interval(0,1)", "policy.beta: "),
    "nothing matches": ("policy=glob(x*)", "policy: nothing matches"),
    "swept twice": ("policy.beta=1,2 policy.beta=3,4", "policy.beta: is given twice"),
    "one value of several": ("policy.beta=0.1,fast", "policy.beta: 'fast' is not a number"),
    "a seed that is none": ("seed=0,1.5", "seed: 1.5 is not a whole number"),
    "a negative seed": ("seed=1,-1", "seed: -1"),
    "unknown policy": ("policy=distream,distram", "did you mean"),
    "unknown key": ("policy.bta=0.1,0.2", "policy.bta: unknown key"),
    "unknown scenario": ("scenario=campus,campsu", "did you mean"),
    "a field that one policy lacks": (
        "policy=distream,centralized policy.beta=0.1,0.2",
        "policy.beta: unknown key of centralized",
    ),
    "missing trace": ("workload.trace=nowhere.csv,elsewhere.csv", "nowhere.csv"),
    "workers": ("seed=1,2 --workers=-1", "workers: -1"),
    "both": ("seed=1,2 --workers=2 --scheduler=tcp://127.0.0.1:1", "exclude each other"),
    "table": ("seed=1,2 --table=all.txt", "all.txt"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_line_before_anything_runs(name, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    typed, says = BAD[name]
    assert cli.main(["sweep", "horizon_s=1", *typed.split()]) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1 and says in said.err, said
    assert not list(tmp_path.iterdir())


# --- what comes out ----------------------------------------------------------------------------------------------


def test_one_tidy_frame(whole, tmp_path):
    made = simedge.sweep("campus", *GRID, out=whole)
    assert list(made.columns[:5]) == ["scenario", "policy", "policy.beta", "network.uplink_bps", "seed"]
    assert made["network.uplink_bps"].unique().tolist() == [10e6, 50e6] and len(made) == 12
    assert made.groupby("seed").arrivals.nunique().tolist() == [1, 1, 1] and made.arrivals.nunique() == 3
    grid = {"policy.beta": np.array([0.05, 0.5]), "network.uplink_bps": [10e6, 50e6]}
    same = simedge.sweep("campus", "horizon_s=4", grid=grid, seeds=3)
    drop = ["run"]
    pd.testing.assert_frame_equal(made.drop(columns=drop), same.drop(columns=drop))


def test_the_command_prints_a_row_for_each_combination(whole, tmp_path, capsys):
    table = tmp_path / "all.csv"
    assert cli.main(["sweep", *GRID, "--out", str(whole), "--table", str(table)]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "campus, generated workload, 4 s simulated: 12 runs, 12 of them were there"
    rows = [line.split() for line in out if line.startswith("distream")]
    assert len(rows) == 4 and rows[0][1:5] == ["10", "Mbps", "0.05", "3"]
    assert out[-2:] == [str(whole), str(table)]
    read = pd.read_csv(table)
    assert len(read) == 12 and read["policy.beta"].tolist() == [0.05] * 6 + [0.5] * 6
    assert cli.main(["sweep", *GRID, "--out", str(whole), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["latency_s_mean"] for row in rows] == read.latency_s_mean.tolist()


def test_a_dry_run_only_counts(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["sweep", *GRID, "--dry-run"]) == 0
    assert capsys.readouterr().out == "12 runs in runs/sweep-campus: 0 there, 12 to do\n"
    assert not list(tmp_path.iterdir())


def test_items_are_kept_where_they_are_asked_for(tmp_path):
    made = sweep_runs(planned("record=items", "seed=0,1", "horizon_s=2"), tmp_path, Workers(2))
    for one in made.planned:
        assert len(simedge.Results.load(tmp_path / one.name).rois) > 100
