"""The verb ``compare`` of the command line: saved runs beside one another, with intervals and verdicts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from simedge.console import show_table
from simedge.errors import ConfigError, InputError

__all__ = ["add"]

_EPILOG = """\
examples:
  simedge compare runs/
      every policy in the folder beside camera_only, seed by seed
  simedge compare runs/ --metric latency_s_p99,slo_miss_ratio --baseline videoedge_l policy=distream,videoedge_l
      two metrics, another baseline, some of the runs
  simedge compare runs/ --by network.uplink_bps --csv uplink.csv
      values of a key instead of policies; rows as CSV too
  simedge compare runs/ --warmup mser5 --batches 20
      without the beginning of each run, in batches of one long run
"""
_SIGNS = {
    **dict.fromkeys(("higher", "lower"), "bold"),
    **dict.fromkeys(("not significant", "undecided"), "yellow"),
}


def add(verb: Callable[..., Any], verbs: Any, checked: Callable[..., Any]) -> None:
    """Add the verb to a parser.

    Parameters
    ----------
    verb : callable
        How the command line makes a verb.
    verbs
        Where verbs are added.
    checked : callable
        Refuses a place that cannot be written to, before anything is read.
    """

    def act(options: Any) -> int:
        return _compare(options, checked(options.csv, suffixes=(".csv",)))

    made = verb(verbs, "compare", act, "compare saved runs, with paired intervals over seeds", epilog=_EPILOG)
    made.add_argument(
        "overrides",
        nargs="*",
        metavar="PLACE | key=value",
        help="folders of saved runs, or runs; key=value chooses among them, such as policy=distream,videoedge_l",
    )
    made.add_argument("--by", metavar="KEY", default="policy", help="what is compared: policy (default), or a key")
    made.add_argument(
        "--metric",
        metavar="NAME",
        action="append",
        help="one or several, a,b; may be repeated; see `simedge list metrics`",
    )
    made.add_argument("--baseline", metavar="NAME", help="what the others are compared with (default camera_only)")
    made.add_argument("--level", metavar="SHARE", type=float, default=0.95, help="of the intervals (default 0.95)")
    made.add_argument("--warmup", metavar="TIME", help="cut from the beginning of each run, such as 30s, or mser5")
    made.add_argument("--batches", metavar="N", type=int, help="cut each run into N batches, and compare those")
    made.add_argument("--json", action="store_true", help="write the rows as JSON instead of tables")
    made.add_argument("--csv", metavar="FILE", help="write the rows to a file that ends in .csv")


def _compare(options: Any, csv: Path | None) -> int:
    from simedge import files
    from simedge.experiment import comparison_report
    from simedge.experiment.comparison import compare
    from simedge.experiment.gather import chosen, gather

    places = [word for word in options.overrides if "=" not in word]
    if not places:
        raise InputError("no place is named", remedy="give a folder of saved runs, such as `simedge compare runs/`")
    runs = chosen(gather(places), [word for word in options.overrides if "=" in word])
    made = compare(
        runs,
        by=options.by,
        baseline=options.baseline,
        metrics=_named(options.metric),
        level=options.level,
        warmup=_warmup(options.warmup),
        batches=options.batches,
    )
    if csv is not None:
        with files.atomic_file(csv) as draft:
            draft.write_text(comparison_report.as_csv(made), encoding="utf-8", newline="\n")
    if options.json:
        print(comparison_report.as_json(made))
        return 0
    print("\n".join(comparison_report.heading(made)), end="\n\n")
    left = (*made.keys, "treatment", "verdict", "pairing")
    for title, rows in comparison_report.tables(made):
        print(f"{title}:")
        show_table(rows, left, _SIGNS)
    for line in [*comparison_report.sentences(made), *(f"note: {note}" for note in made.notes)]:
        print(line)
    if csv is not None:
        print(csv)
    return 0


def _named(said: Sequence[str] | None) -> list[str] | None:
    return None if said is None else [name.strip() for text in said for name in text.split(",") if name.strip()]


def _warmup(said: str | None) -> float | str | None:
    from simedge.units import parse_quantity

    if said is None or said == "mser5":
        return said
    try:
        return parse_quantity(said, "s")
    except ValueError as problem:
        raise ConfigError(f"{problem}; or mser5", where="--warmup") from None
