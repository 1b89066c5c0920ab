"""The command ``simedge``: run, sweep, compare, plot, reproduce, profile, list, topology, trace.

Wrong input is one line on standard error and exit code 2; an internal error is one line and 3; Ctrl-C is 130.
Nothing heavy is imported until a verb needs it.
"""

from __future__ import annotations

import argparse
import difflib
import os
import re
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from simedge import (
    __version__,
    cli_compare,
    cli_plot,
    cli_profile,
    cli_reproduce,
    cli_sweep,
    cli_topology,
    cli_trace,
    interrupts,
)
from simedge.console import ReaderGone, complain, guarded_output
from simedge.errors import InputError, OutputError, suggest
from simedge.progress import TimeBars

if TYPE_CHECKING:
    from simedge.metrics.results import Results

__all__ = ["main"]

_EPILOG = """\
examples:
  simedge run
      the shipped campus scenario; ends in a table
  simedge run policy=camera_only,centralized --out runs/
      several policies on the same arrivals; tables and a figure are saved
  simedge run scenario=traffic network.uplink_bps=50Mbps workload=generated seed=3
      other values; arrivals drawn from the seed instead of replayed
  simedge sweep policy.beta=0.05,0.2,1 'seed=range(0,5)' --workers 2
      every combination of some values; typed again, only what is missing is run
  simedge compare policy=distream,videoedge_l --workers 2
      on ten seeds each, with paired intervals
  simedge run network=wifi_trace faults=flaky
      on a crowded Wi-Fi cell, where everything breaks now and then
  simedge list policies
      the names you may type, and what they mean
  simedge trace make campus seed=7 -o clip.parquet
      draw arrivals, to replay with: simedge run workload.trace=clip.parquet
"""
_FIGURES = (".png", ".pdf", ".svg")
_LISTS = (
    *("scenarios", "policies", "networks", "topologies", "faults", "profiles", "traces", "bandwidth"),
    *("metrics", "figures"),
)
_OVERRIDES = "key=value, for instance policy=centralized, network.uplink_bps=50Mbps, seed=3"


class _Parser(argparse.ArgumentParser):
    """An argparse parser whose complaints are our one line."""

    def error(self, message: str) -> NoReturn:
        chosen = re.search(r"argument (\S+): invalid choice: '([^']*)' \(choose from (.*)\)", message)
        if chosen:
            known = [name.strip("' ") for name in chosen[3].split(",")]
            raise InputError(f"there is no {chosen[1].lower()} {chosen[2]!r}", remedy=suggest(chosen[2], known))
        raise InputError(message, remedy=f"see `{self.prog} --help`")


class _Interrupted(Exception):
    """Ctrl-C, with what the user should know."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, optional
        Words after the program's name; by default those of the process.

    Returns
    -------
    int
        Exit code: 0 fine, 2 bad input or usage, 3 internal error, 130 interrupted.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in words or os.environ.get("SIMEDGE_DEBUG", "") not in {"", "0"}
    try:
        with guarded_output():
            return _dispatch([word for word in words if word != "--debug"])
    except InputError as problem:
        if debug:
            raise
        return complain(str(problem), 2)
    except (KeyboardInterrupt, _Interrupted) as stop:
        return complain(str(stop) or "interrupted; nothing was written", 130)
    except ReaderGone:
        return 0
    except Exception as problem:
        if interrupts.seen():  # and what was imported or called meanwhile made something else of it
            return complain("interrupted", 130)
        if debug:
            raise
        first = next(iter(str(problem).splitlines()), "")
        what = f"internal error: {type(problem).__name__}{f': {first}' if first else ''}"
        return complain(f"{what}; please report it, with what the same command prints under --debug", 3)


def _dispatch(words: list[str]) -> int:
    parser = _parser()
    if not words:
        parser.print_help()
        return 0
    try:
        options, rest = parser.parse_known_args(words)
    except SystemExit as done:  # --help and --version
        return int(done.code or 0)
    unknown = [word for word in rest if word.startswith("-")]
    if unknown or (rest and not hasattr(options, "overrides")):
        close = difflib.get_close_matches((unknown or rest)[0].split("=")[0], _long_options(parser), n=1)
        remedy = f"did you mean {close[0]!r}?" if close else "see `simedge --help`"
        raise InputError(f"unknown option or argument {(unknown or rest)[0]!r}", remedy=remedy)
    if rest:  # key=value after an option
        options.overrides = [*options.overrides, *rest]
    code: int = options.act(options)
    return code


def _long_options(parser: argparse.ArgumentParser) -> list[str]:
    found = [*parser._option_string_actions, "--debug"]
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            found += [option for below in action.choices.values() for option in _long_options(below)]
    return sorted(set(found))


def _parser() -> _Parser:
    plain = argparse.RawDescriptionHelpFormatter
    parser = _Parser(
        prog="simedge",
        description="Simulate edge clusters that run real policy code.",
        epilog=_EPILOG,
        formatter_class=plain,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"simedge {__version__}")
    verbs = parser.add_subparsers(metavar="VERB", required=True)

    def verb(where: Any, name: str, act: Callable[[Any], int] | None, about: str, **more: Any) -> _Parser:
        made: _Parser = where.add_parser(
            name,
            help=about,
            description=f"{about[0].upper()}{about[1:]}.",
            formatter_class=plain,
            allow_abbrev=False,
            **more,
        )
        made.add_argument("--debug", action="store_true", help="show the traceback of an error")
        made.set_defaults(act=act)
        return made

    def overridden(made: _Parser) -> None:
        made.add_argument("overrides", nargs="*", metavar="key=value", help=_OVERRIDES)
        made.add_argument("--config-dir", metavar="DIR", help="folder of your own scenarios, profiles and traces")

    run = verb(verbs, "run", _run, "simulate a scenario and show what came out", epilog=_EPILOG)
    overridden(run)
    run.add_argument("--out", metavar="DIR", help="save every run below DIR, and a figure that compares them")
    run.add_argument("--figure", metavar="FILE", help=f"draw the figure only: {', '.join(_FIGURES)}")
    run.add_argument("--json", action="store_true", help="write the metrics as JSON instead of a table")
    run.add_argument("--quiet", action="store_true", help="no table and no progress, only the paths written")

    cli_sweep.add(verb, verbs, overridden, _checked_place)
    cli_reproduce.add(verb, verbs, overridden, _checked_place)
    cli_compare.add(verb, verbs, _checked_place)
    cli_plot.add(verb, verbs, _checked_place)
    cli_profile.add(verb, verbs, _checked_place)

    names = verb(verbs, "list", _list, "show the names you may type")
    names.add_argument("kind", nargs="?", choices=_LISTS, metavar="KIND", help=f"{', '.join(_LISTS)}; by default all")
    names.add_argument("--config-dir", metavar="DIR", help="folder of your own scenarios, profiles and traces")

    cli_topology.add(verb, verbs, overridden, _checked_place)
    cli_trace.add(verb, verbs, overridden, _checked_place)
    return parser


def _run(options: Any) -> int:
    from simedge.experiment import report
    from simedge.experiment.run import run_policies

    out = _checked_place(options.out, folder=True)
    figure = _checked_place(options.figure, suffixes=_FIGURES)
    with _Watch(False if options.quiet else None) as watch:
        results = run_policies(
            options.overrides, config_dir=options.config_dir, progress=watch.of, items=figure is not None
        )
    written: list[Path] = []
    try:
        if out is not None:
            for one in results:
                written.append(one.save(out / report.folder_name(one)))
            if all(one.columns for one in results):
                written.append(report.draw(results, out / f"{report.safe(results[0].scenario)}.png"))
        if figure is not None:
            written.append(report.draw(results, figure))
    except KeyboardInterrupt:
        said = f"only {', '.join(map(str, written))}" if written else "nothing"
        raise _Interrupted(f"interrupted while writing; {said} was written") from None
    if options.json:
        print(report.as_json(results))
        return 0
    if not options.quiet:
        _show(results)
    for path in written:
        print(path)
    return 0


def _checked_place(said: str | None, *, folder: bool = False, suffixes: Sequence[str] = ()) -> Path | None:
    """Refuse, before anything is simulated, a place that cannot be written to."""
    import tempfile

    if said is None:
        return None
    path = Path(said)
    if not said:
        raise OutputError("no place is named", remedy="give a folder" if folder else "give a file")
    if not folder and path.suffix not in suffixes:
        raise OutputError(
            "the kind of file is not known", where=said, remedy=f"end its name in {' or '.join(suffixes)}"
        )
    if path.exists() and path.is_dir() != folder:
        raise OutputError(f"is {'not ' if folder else ''}a folder", where=said, remedy="choose another place")
    holder = path if folder else path.parent
    while not holder.exists() and holder != holder.parent:
        holder = holder.parent
    try:
        with tempfile.TemporaryFile(dir=holder):
            pass
    except OSError as problem:
        raise OutputError(
            f"cannot be written: {problem.strerror}", where=said, remedy="choose a writable place"
        ) from None
    return path


class _Watch(TimeBars):
    """Shows progress on a terminal, and remembers how far the run is for the one who interrupts it."""

    _at = ""

    def __exit__(self, kind: type[BaseException] | None, *more: Any) -> None:
        super().__exit__(kind, *more)
        if kind is not None and issubclass(kind, KeyboardInterrupt):
            raise _Interrupted(f"interrupted{self._at}; nothing was written") from None

    def of(self, policy: str) -> Callable[[float, float], None]:
        """Give the callable that the run of a policy reports to."""
        interrupts.raise_from_now_on()
        self._at = f" at 0.0 s ({policy})"
        bar = self.add(policy)
        next_s = 0.0

        def report(now_s: float, horizon_s: float) -> None:
            nonlocal next_s
            if now_s < next_s and now_s < horizon_s:
                return
            next_s = now_s + horizon_s / 500
            self._at = f" at {now_s:.1f} s of {horizon_s:g} s ({policy})"
            self.at(bar, now_s, horizon_s)

        return report


def _show(results: Sequence[Results]) -> None:
    """Print tables, whole at any width: as wide as needed unless a terminal says how wide; there turned if need be."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from simedge.experiment import report

    def made(rows: list[list[str]]) -> Table:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
        for at, header in enumerate(rows[0]):
            table.add_column(header, justify="left" if at == 0 else "right", no_wrap=True)
        for row in rows[1:]:
            table.add_row(*row)
        return table

    unbounded = Console(width=100_000, height=100, file=sys.stdout)  # a dumb terminal obeys only both
    room = shutil.get_terminal_size().columns if sys.stdout.isatty() else unbounded.width
    title, rows = report.table(results)
    table = made(rows)
    if unbounded.measure(table).maximum > room:
        table = made([list(row) for row in zip(*rows, strict=True)])
    console = Console(width=unbounded.measure(table).maximum, height=100, file=sys.stdout, highlight=False)
    with console.capture() as captured:
        console.print(table)
    print(title)
    print("\n".join(line.rstrip() for line in captured.get().splitlines()), end="\n\n")
    for line in report.footer(results):
        print(line)


def _list(options: Any) -> int:
    from simedge.experiment import report

    kinds = [options.kind] if options.kind else list(_LISTS)
    listings = [report.listing(kind, options.config_dir) for kind in kinds]
    for at, (kind, rows) in enumerate(zip(kinds, listings, strict=True)):
        if len(kinds) > 1:
            print(f"{'' if at == 0 else chr(10)}{kind}:")
        width = max((len(name) for name, _ in rows), default=0)
        indent = "  " if len(kinds) > 1 else ""
        for name, about in rows:
            print(f"{indent}{name:{width}}  {about}".rstrip())
    return 0
