"""Calls one function on many jobs: here, on processes of this machine, or on a cluster, all with the same outcome.

`dask.distributed` does the second and third. A job that raises has failed, and the others go on; so has one that takes
its process with it again and again. A process that is lost otherwise costs nothing but the time of its job.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from simedge import files
from simedge.errors import InputError, suggest

__all__ = ["Failure", "Outcome", "Workers", "execute"]

_CHUNK_S = 0.2  # jobs much shorter than this travel together: a message costs about a millisecond
_CHUNK_MAX = 64
_WAITING = 4  # chunks per worker that the scheduler holds ready
_LOST = "its process died every time it was tried: killed, out of memory, or crashed"
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_JOB_QUEUES = {
    "slurm": "SLURMCluster",
    "pbs": "PBSCluster",
    "sge": "SGECluster",
    "lsf": "LSFCluster",
    "oar": "OARCluster",
    "htcondor": "HTCondorCluster",
    "local": "LocalCluster",
}


class Failure(NamedTuple):
    """Why a job gave nothing.

    Attributes
    ----------
    kind, message, trace : str
        Name of the exception, what it says in one line, and its traceback.
    bad_input : bool
        Whether it is something that a user wrote that cannot be used.
    """

    kind: str
    message: str
    trace: str
    bad_input: bool = False

    @classmethod
    def of(cls, problem: BaseException) -> Failure:
        """Describe an exception."""
        said = " ".join(str(problem).split())
        trace = "".join(traceback.format_exception(problem))
        return cls(type(problem).__name__, said, trace, isinstance(problem, InputError))

    def error(self, which: str) -> Exception:
        """Make an exception of it, where one failure spoils the whole: bad input stays bad input."""
        return InputError(self.message) if self.bad_input else RuntimeError(f"{which}: {self.kind}: {self.message}")


class Outcome(NamedTuple):
    """What became of a job: its place among the jobs, and its value, or a `Failure`."""

    place: int
    value: Any


@dataclass(frozen=True)
class Workers:
    """Who does the jobs.

    Attributes
    ----------
    count : int
        Processes on this machine; 0: the calling process.
    scheduler : str or None
        Address of a running Dask scheduler, such as ``tcp://10.0.0.1:8786``.
    cluster : Path or None
        YAML file that describes jobs of a batch system, which run the workers (docs/sweeps.md).

    Raises
    ------
    InputError
        If the number is none, or more than one of the three is given.
    """

    count: int = 0
    scheduler: str | None = None
    cluster: Path | None = None

    def __post_init__(self) -> None:
        if isinstance(self.count, bool) or not isinstance(self.count, int) or not 0 <= self.count <= 1024:
            raise InputError(f"{self.count!r} is no number of workers", "workers", "give 0 to 1024; 0: in this process")
        given = [self.count > 0, self.scheduler is not None, self.cluster is not None]
        if sum(given) > 1:
            raise InputError("workers, scheduler and cluster exclude each other", remedy="give one of them")

    @property
    def here(self) -> bool:
        """Whether the calling process does the jobs."""
        return not self.count and self.scheduler is None and self.cluster is None


def execute(
    function: Callable[[Any], Any],
    jobs: Sequence[Any],
    workers: Workers = Workers(),
) -> Generator[Outcome, None, None]:
    """Call a function on every job.

    Parameters
    ----------
    function : callable
        Of a module, so that other processes can import it.
    jobs : sequence of object
        What it is called with, one after another; able to be pickled.
    workers : Workers
        Who does it.

    Yields
    ------
    Outcome
        One for each job, as they come in: in process in order, else in any. Closing the generator stops the rest.

    Raises
    ------
    InputError
        If a scheduler cannot be reached, a description of a cluster cannot be used, or `distributed` is missing.

    Examples
    --------
    >>> [outcome.value for outcome in execute(abs, [-1, -2])]
    [1, 2]
    """
    if not jobs:
        return
    if workers.here:
        for place, job in enumerate(jobs):
            value, _ = _attempt(function, job)
            yield Outcome(place, value)
        return
    with _client(workers, len(jobs)) as client:
        yield from _distributed(client, function, jobs)


def _attempt(function: Callable[[Any], Any], job: Any) -> tuple[Any, float]:
    """Do a job; return its value or failure, and how long it took, s."""
    began = time.perf_counter()
    try:
        value = function(job)
    except Exception as problem:
        value = Failure.of(problem)
    return value, time.perf_counter() - began


def _attempts(function: Callable[[Any], Any], jobs: Sequence[Any]) -> list[tuple[Any, float]]:
    return [_attempt(function, job) for job in jobs]


def _distributed(client: Any, function: Callable[[Any], Any], jobs: Sequence[Any]) -> Generator[Outcome, None, None]:
    from distributed import KilledWorker, as_completed

    taken: dict[Any, range | tuple[int, ...]] = {}  # by future, the jobs that travel in it
    done = as_completed([], with_results=False)
    lone: list[int] = []  # jobs of a chunk that was lost, to be told apart from the one that lost it
    begin, size, spent_s, finished = 0, 1, 0.0, 0

    def hand_out() -> None:
        nonlocal begin
        room = max(_WAITING * len(client.nthreads()), _WAITING)
        while len(taken) < room and (lone or begin < len(jobs)):
            if lone:
                chunk: range | tuple[int, ...] = (lone.pop(),)
            else:
                chunk = range(begin, min(begin + size, len(jobs)))
                begin = chunk.stop
            future = client.submit(_attempts, function, [jobs[at] for at in chunk], pure=False)
            taken[future] = chunk
            done.add(future)

    hand_out()
    while taken:
        future = next(done)
        chunk = taken.pop(future)
        try:
            problem = future.exception()
        except (asyncio.CancelledError, OSError, TimeoutError):
            raise InputError("the scheduler is gone", remedy="what is done is kept; type the same again") from None
        if problem is None:
            for at, (value, seconds) in zip(chunk, future.result(), strict=True):
                spent_s, finished = spent_s + seconds, finished + 1
                yield Outcome(at, value)
            size = max(1, min(_CHUNK_MAX, int(_CHUNK_S * finished / max(spent_s, 1e-9))))
        elif len(chunk) > 1:
            lone.extend(chunk)
        else:
            lost = isinstance(problem, KilledWorker)
            yield Outcome(chunk[0], Failure("KilledWorker", _LOST, "") if lost else Failure.of(problem))
        future.release()
        hand_out()


@contextlib.contextmanager
def _client(workers: Workers, jobs: int) -> Iterator[Any]:
    try:
        import dask
        import distributed
    except ImportError:
        raise InputError(
            "workers need the package 'distributed'", remedy="pip install 'simedge[sweep]', or leave the option out"
        ) from None
    quiet = {
        "logging.distributed": "critical",  # a lost worker is told by its outcome, not by pages of log
        "distributed.scheduler.worker-saturation": 1.0,  # a job that kills its worker must not be blamed on the next
        "distributed.admin.tick.limit": "1h",
        "distributed.worker.daemon": True,
    }
    with contextlib.ExitStack() as stack:
        stack.enter_context(dask.config.set(quiet))
        stack.enter_context(_single_threaded())
        if workers.scheduler is not None:
            target: Any = workers.scheduler
        elif workers.cluster is not None:
            target = stack.enter_context(_job_queue(workers.cluster))
        else:
            scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="simedge-"))
            try:
                with _deaf_to_ctrl_c():
                    made = distributed.LocalCluster(
                        n_workers=min(workers.count, jobs),
                        threads_per_worker=1,
                        host="127.0.0.1",
                        dashboard_address="127.0.0.1:0",
                        local_directory=scratch,
                        silence_logs=50,
                    )
            except RuntimeError as problem:  # Python begins each process with the caller's main module
                remedy = 'call it from a file or a notebook, in a file below `if __name__ == "__main__":`'
                raise InputError(f"no process could be begun: {problem}", "workers", remedy) from None
            target = stack.enter_context(made)
        try:
            client = distributed.Client(target, timeout="20s")
        except (OSError, TimeoutError, ValueError) as problem:
            said = next(iter(str(problem).splitlines()), type(problem).__name__)
            raise InputError(f"no scheduler answers: {said}", str(workers.scheduler), "give tcp://HOST:PORT") from None
        stack.enter_context(client)
        if workers.count:
            client.register_plugin(_deaf(), name="simedge-deaf")
        yield client


@contextlib.contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    """Ignore Ctrl-C while processes are begun, which then always do.

    A terminal sends it to all processes; the one that the user talks to hears it later, and ends the others.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def _own_signals() -> Iterator[None]:
    """Put back how the process takes signals: dask-jobqueue, when imported, makes of them an exit without a word."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            if signal.getsignal(number) is not handler:
                signal.signal(number, handler)


def _deaf() -> Any:
    """Make processes that replace lost ones deaf too."""
    from distributed import WorkerPlugin

    class Deaf(WorkerPlugin):
        def setup(self, worker: Any) -> None:
            del worker
            with contextlib.suppress(ValueError):  # not in the main thread
                signal.signal(signal.SIGINT, signal.SIG_IGN)

    return Deaf()


@contextlib.contextmanager
def _single_threaded() -> Iterator[None]:
    """Let processes that are started now do their arithmetic in one thread each: there is one for every core."""
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _job_queue(path: Path) -> Iterator[Any]:
    """Start what a cluster file describes: a kind of batch system, how many jobs, and its own parameters."""
    said = files.read_yaml(path)
    where = str(path)
    if not isinstance(said, Mapping) or not isinstance(said.get("kind"), str):
        raise InputError("names no kind of batch system", where, f"write kind: {', '.join(_JOB_QUEUES)}")
    if said["kind"] not in _JOB_QUEUES:
        raise InputError(f"there is no kind {said['kind']!r}", f"{where}: kind", suggest(said["kind"], _JOB_QUEUES))
    jobs = said.get("jobs")
    if isinstance(jobs, bool) or not isinstance(jobs, int) or jobs < 1:
        raise InputError(f"{jobs!r} is no number of jobs", f"{where}: jobs", "write for instance jobs: 8")
    try:
        import distributed

        with _own_signals():
            import dask_jobqueue
    except ImportError:
        raise InputError(
            "batch systems need the package 'dask-jobqueue'", remedy="pip install 'simedge[sweep]'"
        ) from None
    parameters = {str(key): item for key, item in said.items() if key not in {"kind", "jobs"}}
    module = import_module("dask_jobqueue.local") if said["kind"] == "local" else dask_jobqueue
    kind = getattr(module, _JOB_QUEUES[said["kind"]])
    cluster = kind.__new__(kind)
    try:
        cluster.__init__(**parameters)
    except (TypeError, ValueError, OSError, RuntimeError) as problem:
        cluster.status = distributed.Status.closed  # what was made by half would complain when it goes
        first = next(iter(str(problem).splitlines()), type(problem).__name__)
        raise InputError(f"cannot be started: {first}", where, "see docs/sweeps.md for an example") from None
    with cluster:
        cluster.scale(jobs=jobs)
        yield cluster
