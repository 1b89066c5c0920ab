"""The verb ``reproduce`` of the command line: a published table beside what the simulator gives."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from simedge import interrupts
from simedge.console import show_table

__all__ = ["add"]

_EPILOG = """\
examples:
  simedge reproduce table-1.2 --clips 40 --out runs/
      gains over Camera-Only on 40 clips, with intervals and verdicts; saves JSON, CSV and a figure
  simedge reproduce table-1.3 --clips 4 --json
      few clips, wide intervals; rows as JSON
  simedge reproduce table-1.2 network.uplink_bps=50Mbps
      what the table would be with other values
"""
_SIGNS = {
    **dict.fromkeys(("reproduced", "met"), "green"),
    **dict.fromkeys(("near", "undecided"), "yellow"),
    **dict.fromkeys(("outside", "missed"), "red"),
}


_LEFT = ("band", "policy", "metric", "verdict")


def add(verb: Callable[..., Any], verbs: Any, overridden: Callable[[Any], None], checked: Callable[..., Any]) -> None:
    """Add the verb to a parser.

    Parameters
    ----------
    verb, overridden : callable
        How the command line makes a verb, and gives it ``key=value`` and ``--config-dir``.
    verbs
        Where verbs are added.
    checked : callable
        Refuses a place that cannot be written to, before anything is simulated.
    """

    def act(options: Any) -> int:
        return _reproduce(options, checked(options.out, folder=True))

    made = verb(verbs, "reproduce", act, "simulate a published table and compare", epilog=_EPILOG)
    made.add_argument("item", metavar="TABLE", help="table-1.2, table-1.3 or table-1.4")
    overridden(made)
    made.add_argument(
        "--clips", metavar="N", type=int, default=40, help="how many clips, seeds 0 to N - 1 (default 40)"
    )
    made.add_argument("--out", metavar="DIR", help="save TABLE.json, TABLE.csv and TABLE.png below DIR")
    made.add_argument("--json", action="store_true", help="write the rows as JSON instead of tables")
    made.add_argument("--quiet", action="store_true", help="no tables and no progress, only the paths written")


def _reproduce(options: Any, out: Path | None) -> int:
    from simedge.experiment import paper_report
    from simedge.experiment.paper import reproduce

    with _Bar(options.quiet) as bar:
        made = reproduce(
            options.item, *options.overrides, clips=options.clips, config_dir=options.config_dir, progress=bar.at
        )
    try:
        written = [] if out is None else made.save(out)
    except KeyboardInterrupt:
        raise KeyboardInterrupt("interrupted while writing; each file is whole or absent") from None
    if options.json:
        print(paper_report.as_json(made))
        return 0
    if not options.quiet:
        print("\n".join(paper_report.heading(made)), end="\n\n")
        for title, rows in paper_report.tables(made):
            print(f"{title}:")
            show_table(rows, _LEFT, _SIGNS)
        print("\n".join(paper_report.conclusion(made)))
    for path in written:
        print(path)
    return 0


class _Bar:
    """A progress bar over runs, on a terminal; and what to say when someone interrupts them."""

    def __init__(self, quiet: bool) -> None:
        self._shown = not quiet and sys.stderr is not None and sys.stderr.isatty()
        self._said = "interrupted; nothing was written"

    def __enter__(self) -> _Bar:
        if self._shown:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            self._bars = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("runs, left"),
                TimeRemainingColumn(),
                console=Console(file=sys.stderr),
                transient=True,
            )
            self._bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._shown:
            self._bars.stop()
        if kind is not None and issubclass(kind, KeyboardInterrupt):
            raise KeyboardInterrupt(self._said) from None

    def at(self, done: int, total: int, coming: str) -> None:
        interrupts.raise_from_now_on()
        self._said = f"interrupted after {done} of {total} runs; nothing was written"
        if self._shown:
            if not self._bars.tasks:
                self._bars.add_task(coming, total=total)
            self._bars.update(self._bars.tasks[0].id, completed=done, description=coming or "pooling clips")
