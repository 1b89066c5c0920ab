"""A sweep: the runs of a grid, each kept in a file of its own, so that nothing is done twice."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from simedge import files
from simedge.errors import InputError, OutputError
from simedge.experiment import engine, gather
from simedge.experiment.grid import Planned, plan
from simedge.experiment.overrides import given_as, parse
from simedge.experiment.run import Scenario
from simedge.metrics.store import canonical, run_hash
from simedge.progress import RunsBar

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Progress", "Sweep", "present", "sweep", "sweep_runs"]

_FAILED_FORMAT = "simedge failed run"
_DRAFT = re.compile(r"\.(.+)\.\w{8}(?:\.json)?\Z")  # as `files` names what is not whole yet
_DRAFT_S = 60.0  # an unfinished file as old as that is of a process that is no more

Progress = Callable[[int, int, int, int], None]
"""Called as ``progress(done, total, resumed, failed)`` when runs are counted and after each; resumed ones are done."""


@dataclass(frozen=True, eq=False)
class Sweep:
    """What came of a sweep.

    Attributes
    ----------
    planned : list of Planned
        Every run, in the order of the grid.
    runs : mapping of str to SavedRun
        Those that ended well, by the hash of the run, in the same order.
    failed : mapping of str to Failure
        The others.
    resumed : int
        How many were there before.
    folder : Path
        Where they are.
    """

    planned: Sequence[Planned]
    runs: Mapping[str, gather.SavedRun]
    failed: Mapping[str, engine.Failure]
    resumed: int
    folder: Path = field(repr=False)

    @property
    def keys(self) -> list[str]:
        """Keys that were given several values, as typed."""
        first, *others = self.planned
        return [key for key in first.typed if any(one.typed.get(key) != first.typed[key] for one in others)]

    @property
    def choices(self) -> dict[str, list[Any]]:
        """What each run that ended well chose by name, by key, where the run itself has only the values that it set."""
        typed = {one.run_hash: one.typed for one in self.planned}
        known = {"scenario", "policy", "seed"}.union(*(run.config for run in self.runs.values()))
        return {key: [typed[hashed].get(key) for hashed in self.runs] for key in self.keys if key not in known}

    @property
    def frame(self) -> pd.DataFrame:
        """One row per run that ended well, in the order of the grid; see :func:`simedge.experiment.gather.frame`.

        A key that chose files by name, such as ``network``, has a column beside the values that they set.
        """
        made = gather.frame(list(self.runs.values()), self.keys)
        for key, names in reversed(self.choices.items()):
            made.insert(2, key, names)
        return made


def sweep(
    scenario: str | Path = "campus",
    *overrides: str,
    grid: Mapping[str, Iterable[Any]] | None = None,
    seeds: Iterable[int] | int | None = None,
    workers: int = 0,
    scheduler: str | None = None,
    cluster: str | Path | None = None,
    out: str | Path | None = None,
    config_dir: str | Path | None = None,
    progress: bool | None = None,
) -> pd.DataFrame:
    """Simulate every combination of the values that some keys are given.

    Parameters
    ----------
    scenario : str or Path
        A name, or the path of a YAML file.
    *overrides : str
        ``key=value``, or several values in Hydra's grammar: ``a,b``, ``choice(a,b)``, ``range(start,stop,step)``,
        ``glob(pattern)`` for names.
    grid : mapping of str to iterable, optional
        Values by key, where they are at hand.
    seeds : iterable of int, or int, optional
        Seeds; the same as the key ``seed``. An int stands for that many, from 0.
    workers : int
        Processes on this machine; 0: all in this one.
    scheduler : str, optional
        Address of a running Dask scheduler instead.
    cluster : str or Path, optional
        Description of jobs of a batch system instead.
    out : str or Path, optional
        Folder in which each run is kept; what is there already is not run again. None: nothing is kept.
    config_dir : str or Path, optional
        A folder of the user's own scenarios, profiles and traces.
    progress : bool, optional
        Whether to show a bar; None: if someone watches.

    Returns
    -------
    DataFrame
        One row per run, in the order of the grid: scenario, policy, the keys that differ, seed, every metric, and
        where the run is.

    Raises
    ------
    InputError
        If anything of the grid, a file, or the folder cannot be used; nothing is run then.

    Warns
    -----
    RuntimeWarning
        If runs failed; they are missing in the result, and folder `out` says why.

    Notes
    -----
    Arrivals are generated from the seed, the same for all policies, and no items are recorded, unless a key says
    otherwise (``workload=recorded``, ``record=items``).

    Examples
    --------
    >>> made = sweep("campus", "horizon_s=2", "policy=camera_only,centralized", seeds=2, progress=False)
    >>> made[["policy", "seed"]].values.tolist()
    [['camera_only', 0], ['camera_only', 1], ['centralized', 0], ['centralized', 1]]
    """
    given = [parse(text) for text in overrides]
    given += [given_as(key, values) for key, values in (grid or {}).items()]
    if seeds is not None:
        many: Any = range(seeds) if isinstance(seeds, int) and not isinstance(seeds, bool) else seeds
        given.append(given_as("seed", many))
    who = engine.Workers(workers, scheduler, None if cluster is None else Path(cluster))
    planned = plan(given, scenario=scenario, config_dir=config_dir)
    with contextlib.ExitStack() as stack:
        if out is None:
            out = stack.enter_context(tempfile.TemporaryDirectory(prefix="simedge-"))
        bar = stack.enter_context(RunsBar(progress))
        made = sweep_runs(planned, Path(out), who, config_dir=config_dir, progress=_shown(bar))
        frame = made.frame
    if made.failed:
        first = next(iter(made.failed.values()))
        said = f"{len(made.failed)} of {len(planned)} runs failed; the first: {first.kind}: {first.message}"
        warnings.warn(said, RuntimeWarning, stacklevel=2)
    return frame


def _shown(bar: RunsBar) -> Progress:
    def report(done: int, total: int, resumed: int, failed: int) -> None:
        bar.at(done - resumed, total - resumed, f"{failed} failed" if failed else "sweep")

    return report


class _Job(NamedTuple):
    mapping: Mapping[str, Any]
    config_dir: str | None
    path: str
    run_hash: str
    folder: str


def _run_and_save(job: _Job) -> None:
    """Do one run, in whatever process, and keep it; unless it was kept before its process was lost."""
    if Path(job.path).exists() and gather.SavedRun.read(Path(job.path)).run_hash == job.run_hash:
        return
    with contextlib.chdir(job.folder) if Path(job.folder).is_dir() else contextlib.nullcontext():
        results = Scenario(dict(job.mapping), job.config_dir).run()
    if run_hash(results.config, results.facts, results.versions) != job.run_hash:
        raise InputError("this process has another simedge, or other input files, than the one that planned the run")
    results.save(job.path)


def sweep_runs(
    planned: Sequence[Planned],
    folder: Path,
    workers: engine.Workers | None = None,
    *,
    config_dir: str | Path | None = None,
    progress: Progress | None = None,
) -> Sweep:
    """Do those runs that are not in a folder yet, and keep each there.

    Parameters
    ----------
    planned : sequence of Planned
        The runs.
    folder : Path
        Where they are kept: a result for each, or ``*.failed.json``, which says why there is none. With workers on
        other machines, a folder that they share.
    workers : Workers, optional
        Who does them; None: this process.
    config_dir : str or Path, optional
        As for `plan`.
    progress : callable, optional
        See `Progress`.

    Raises
    ------
    InputError
        If the folder cannot be used, or holds something else under the name of a run. Nothing is run then, and
        nothing of others is overwritten.
    """
    target = folder.expanduser().resolve()
    runs = present(planned, target)
    resumed, failed = len(runs), dict[str, engine.Failure]()
    missing = [one for one in planned if one.run_hash not in runs]
    if missing:
        files.make_folder(target)
        _remove_drafts(target, missing)
    there = None if config_dir is None else str(Path(config_dir).resolve())
    jobs = [_Job(one.mapping, there, str(target / one.name), one.run_hash, str(Path.cwd())) for one in missing]

    def report() -> None:
        if progress is not None:
            progress(len(runs) + len(failed), len(planned), resumed, len(failed))

    report()
    outcomes = engine.execute(_run_and_save, jobs, workers or engine.Workers())
    with contextlib.closing(outcomes):
        for place, value in outcomes:
            one = missing[place]
            note = _note(target / one.name)
            if isinstance(value, engine.Failure):
                failed[one.run_hash] = value
                _write_failure(note, one, value)
            else:
                note.unlink(missing_ok=True)
                runs[one.run_hash] = gather.SavedRun.read(target / one.name)
            report()
    ordered = {one.run_hash: runs[one.run_hash] for one in planned if one.run_hash in runs}
    return Sweep(planned, ordered, failed, resumed, folder)


def present(planned: Sequence[Planned], folder: Path) -> dict[str, gather.SavedRun]:
    """Read those runs that are in a folder already, by the hash of the run.

    Raises
    ------
    InputError
        If something else stands in the place of one.
    """
    target = folder.expanduser().resolve()
    remedy = "move or delete it, and type the same again"
    try:
        there = {path.name for path in target.iterdir()} if target.exists() else set()
    except OSError as problem:
        raise OutputError(f"cannot be used: {problem.strerror}", str(target), "choose another folder") from None
    found: dict[str, gather.SavedRun] = {}
    for one in planned:
        note = _note(target / one.name)
        if note.name in there and not _is_note(note):
            raise OutputError("is no note of a failed run, and would be overwritten", str(note), remedy)
        if one.name not in there:
            continue
        try:
            saved = gather.SavedRun.read(target / one.name)
        except InputError as problem:
            raise InputError(problem.what, problem.where, remedy) from None
        if saved.run_hash != one.run_hash:
            raise InputError("is the result of another run", str(target / one.name), remedy)
        found[one.run_hash] = saved
    return found


def _note(path: Path) -> Path:
    return path.with_name(path.name.removesuffix(".json") + gather.FAILED)


def _is_note(path: Path) -> bool:
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(said, dict) and said.get("format") == _FAILED_FORMAT


def _write_failure(path: Path, one: Planned, failure: engine.Failure) -> None:
    said = {"format": _FAILED_FORMAT, "run_hash": one.run_hash, "typed": dict(one.typed), **failure._asdict()}
    with files.atomic_file(path) as draft:
        draft.write_text(canonical(said, indent=2) + "\n", encoding="utf-8", newline="\n")


def _remove_drafts(target: Path, missing: Sequence[Planned]) -> None:
    """Remove what processes that were killed while writing left behind."""
    names = {one.name for one in missing}
    for path in target.glob(".*"):
        draft = _DRAFT.match(path.name)
        if draft is None or draft[1] not in names:
            continue
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > _DRAFT_S:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
