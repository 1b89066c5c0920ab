"""The engine: every job once, whoever does it, whatever happens to a process."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from simedge.errors import InputError
from simedge.experiment.engine import Failure, Workers, execute

pytestmark = pytest.mark.filterwarnings("default")  # of dask's own


def squared(job):
    return job * job


def fussy(job):
    if job % 3 == 1:
        raise ValueError(f"not\n{job}")
    if job == 5:
        raise InputError("five", "job", "give another")
    return os.environ.get("OMP_NUM_THREADS")


def deadly(job):
    """Job 3 always takes its process with it, job 5 the first time."""
    number, folder = job
    with (Path(folder) / f"{number}").open("a") as stream:
        stream.write(f"{os.getpid()}\n")
    if number == 3 or (number == 5 and len((Path(folder) / "5").read_text().split()) == 1):
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.02)
    return number


@pytest.mark.parametrize("workers", [Workers(), Workers(2)])
def test_every_job_once(workers):
    outcomes = list(execute(squared, list(range(50)), workers))
    assert sorted(outcome.place for outcome in outcomes) == list(range(50))
    assert all(outcome.value == outcome.place**2 for outcome in outcomes)


@pytest.mark.parametrize(("workers", "threads"), [(Workers(), os.environ.get("OMP_NUM_THREADS")), (Workers(2), "1")])
def test_one_that_raises_fails_alone(workers, threads):
    outcomes = dict(execute(fussy, list(range(8)), workers))
    failed = {place: value for place, value in outcomes.items() if isinstance(value, Failure)}
    assert sorted(failed) == [1, 4, 5, 7]
    assert failed[1][:2] == ("ValueError", "not 1") and "fussy" in failed[1].trace
    assert str(failed[5].error("x")) == "job: five; give another" and isinstance(failed[5].error("x"), InputError)
    assert str(failed[4].error("job 4")) == "job 4: ValueError: not 4"
    assert {value for place, value in outcomes.items() if place not in failed} == {threads}


def test_a_lost_process_costs_nothing_but_one_that_is_lost_again_and_again_fails(tmp_path):
    jobs = [(number, str(tmp_path)) for number in range(8)]
    outcomes = dict(execute(deadly, jobs, Workers(2)))
    assert sorted(outcomes) == list(range(8))
    assert {place for place, value in outcomes.items() if value != place} == {3}
    assert outcomes[3].kind == "KilledWorker" and "died" in outcomes[3].message
    assert len((tmp_path / "5").read_text().split()) >= 2
    assert len((tmp_path / "3").read_text().split()) > 1


def test_closing_stops_the_rest():
    outcomes = execute(squared, list(range(100)), Workers())
    assert next(outcomes).value == 0
    outcomes.close()
    assert list(outcomes) == []


def test_no_job_needs_no_process():
    assert list(execute(squared, [], Workers(scheduler="tcp://127.0.0.1:1"))) == []


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"count": -1}, "workers"),
        ({"count": 1.5}, "workers"),
        ({"count": True}, "workers"),
        ({"count": 2, "scheduler": "tcp://x:1"}, "exclude"),
        ({"scheduler": "x", "cluster": Path("c.yaml")}, "exclude"),
    ],
)
def test_workers_that_cannot_be_are_refused(given, says):
    with pytest.raises(InputError, match=says):
        Workers(**given)


CLUSTERS = {
    "no file": (None, "cannot be read"),
    "no mapping": ("- a\n", "kind of batch system"),
    "no kind": ("jobs: 2\n", "kind of batch system"),
    "unknown kind": ("kind: slurn\njobs: 2\n", "did you mean 'slurm'"),
    "no jobs": ("kind: slurm\n", "number of jobs"),
    "jobs of no number": ("kind: slurm\njobs: many\n", "number of jobs"),
    "no YAML": ("kind: [\n", "not valid YAML"),
    "missing parameters": ("kind: slurm\njobs: 1\n", "cannot be started"),
    "unknown parameter": ("kind: slurm\njobs: 1\ncores: 1\nmemory: 1GB\ncolour: red\n", "cannot be started"),
}


@pytest.mark.parametrize("name", CLUSTERS)
def test_a_cluster_file_that_cannot_be_used_is_one_line(name, tmp_path):
    text, says = CLUSTERS[name]
    path = tmp_path / "cluster.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(InputError, match=says) as caught:
        list(execute(squared, [1], Workers(cluster=path)))
    assert "\n" not in str(caught.value) and "cluster.yaml" in str(caught.value)


def test_a_batch_system_does_the_jobs(tmp_path):
    """Kind `local` starts the same scripts that it would hand to a batch system as processes of this machine."""
    path = tmp_path / "cluster.yaml"
    path.write_text(
        "kind: local\njobs: 1\ncores: 1\nprocesses: 1\nmemory: 1GB\ndeath_timeout: 30\n"
        f"local_directory: {tmp_path}\nlog_directory: {tmp_path}\n"
    )
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    assert sorted(execute(squared, [1, 2, 3], Workers(cluster=path))) == [(0, 1), (1, 4), (2, 9)]
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_a_running_scheduler_does_the_jobs():
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=1, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0", silence_logs=50
    ) as cluster:
        workers = Workers(scheduler=cluster.scheduler_address)
        assert sorted(execute(squared, [1, 2, 3], workers)) == [(0, 1), (1, 4), (2, 9)]
        assert sorted(execute(squared, [4], workers)) == [(0, 16)]  # it is still there


def test_a_scheduler_that_does_not_answer_is_one_line():
    with pytest.raises(InputError, match="no scheduler answers"):
        list(execute(squared, [1], Workers(scheduler="tcp://127.0.0.1:1")))
