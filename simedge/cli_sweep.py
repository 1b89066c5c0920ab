"""The verb ``sweep`` of the command line: every combination of some values, each run once and kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from simedge import interrupts
from simedge.console import complain, show_table
from simedge.progress import RunsBar

__all__ = ["add", "add_workers", "workers_of"]

_EPILOG = """\
values:
  a,b   choice(a,b)   range(start,stop,step)   glob(pattern), for names; quote what the shell would read itself

examples:
  simedge sweep policy.beta=0.05,0.1,0.2 policy.gamma_s=0.1,0.5 'seed=range(0,10)' --workers 2
      60 runs on two processes; typed again, only what is missing is run
  simedge sweep scenario=campus,traffic 'policy=glob(*)' 'seed=range(0,3)' --table all.csv
      every policy on two scenarios; one row per run in all.csv
  simedge sweep network.uplink_bps=10Mbps,50Mbps 'seed=range(0,100)' --cluster slurm.yaml --out /shared/bandwidth
      on a batch system; docs/sweeps.md shows the file

Arrivals are drawn from the seed, the same for all policies, and no items are kept, unless you say otherwise
(workload=recorded, record=items). Runs that fail leave NAME.failed.json; the others go on, and the exit code is 1.
"""
_TABLES = (".csv", ".parquet")
_ROWS_MAX = 60


def add(verb: Callable[..., Any], verbs: Any, overridden: Callable[[Any], None], checked: Callable[..., Any]) -> None:
    """Add the verb to a parser; see :func:`simedge.cli_reproduce.add`."""

    def act(options: Any) -> int:
        return _sweep(options, checked(options.out, folder=True), checked(options.table, suffixes=_TABLES))

    made = verb(verbs, "sweep", act, "simulate every combination of some values", epilog=_EPILOG)
    overridden(made)
    add_workers(made)
    made.add_argument("--out", metavar="DIR", help="keep each run below DIR (default: runs/sweep-SCENARIO)")
    made.add_argument("--table", metavar="FILE", help=f"write one row per run: {' or '.join(_TABLES)}")
    made.add_argument("--dry-run", action="store_true", help="check everything and say how many runs there are to do")
    made.add_argument("--json", action="store_true", help="write one object per run as JSON instead of a table")
    made.add_argument("--quiet", action="store_true", help="no table and no progress, only the paths written")


def add_workers(made: Any) -> None:
    """Add the options that say who does the runs."""
    made.add_argument("--workers", metavar="N", type=int, default=0, help="processes here (default 0: this one)")
    made.add_argument("--scheduler", metavar="ADDRESS", help="a running Dask scheduler instead: tcp://HOST:PORT")
    made.add_argument("--cluster", metavar="FILE", help="jobs of a batch system instead, described in YAML")


def workers_of(options: Any) -> Any:
    """Say who does the runs, from the options.

    Raises
    ------
    InputError
        If the options contradict each other.
    """
    from simedge.experiment.engine import Workers

    return Workers(options.workers, options.scheduler, None if options.cluster is None else Path(options.cluster))


def _sweep(options: Any, out: Path | None, table: Path | None) -> int:
    from simedge.experiment import sweep_report
    from simedge.experiment.grid import plan
    from simedge.experiment.overrides import parse
    from simedge.experiment.sweep import present, sweep_runs

    workers = workers_of(options)
    planned = plan([parse(text) for text in options.overrides], config_dir=options.config_dir)
    folder = out or Path("runs") / default_folder(planned)
    if options.dry_run:
        there = len(present(planned, folder))
        print(f"{len(planned)} runs in {folder}: {there} there, {len(planned) - there} to do")
        return 0
    with Bar(False if options.quiet else None, folder) as bar:
        made = sweep_runs(planned, folder, workers, config_dir=options.config_dir, progress=bar.of_runs)
    frame = made.frame
    if table is not None:
        sweep_report.write_table(frame, table)
    if options.json:
        print(sweep_report.as_json(made))
    elif not options.quiet:
        rows = sweep_report.cells(list(made.runs.values()), made.choices)
        print("\n".join(sweep_report.heading(made)), end="\n\n")
        show_table(rows[: _ROWS_MAX + 1])
        if len(rows) > _ROWS_MAX + 1:
            print(f"and {len(rows) - 1 - _ROWS_MAX} more; --table FILE writes all")
    if not options.json:
        print(folder)
        if table is not None:
            print(table)
    if made.failed:
        first = next(iter(made.failed.values()))
        said = f"{len(made.failed)} of {len(planned)} runs failed, see *.failed.json in {folder}"
        return complain(f"{said}; the first: {first.kind}: {first.message}", 1)
    return 0


def default_folder(planned: Any) -> str:
    """Name the folder of a sweep after its scenario, so that the same or a wider one finds its runs again."""
    from simedge.experiment.report import safe

    names = {safe(str(one.mapping["name"])) for one in planned}
    return f"sweep-{names.pop()}" if len(names) == 1 else "sweep"


class Bar(RunsBar):
    """A progress bar over runs, on a terminal; and what to say when someone interrupts them."""

    def __init__(self, shown: bool | None, folder: Path) -> None:
        super().__init__(shown)
        self._folder, self._said = folder, "interrupted; nothing was written"

    def __exit__(self, kind: type[BaseException] | None, *more: Any) -> None:
        super().__exit__(kind, *more)
        if kind is not None and issubclass(kind, KeyboardInterrupt):
            raise KeyboardInterrupt(self._said) from None

    def of_runs(self, done: int, total: int, resumed: int, failed: int) -> None:
        """Show how far the runs are; those that were there take no time and do not count."""
        interrupts.raise_from_now_on()
        kept = done - failed
        self._said = (
            f"interrupted after {done} of {total} runs; {kept} are kept in {self._folder}: type it again to go on"
        )
        self.at(done - resumed, total - resumed, f"{failed} failed" if failed else "runs")
