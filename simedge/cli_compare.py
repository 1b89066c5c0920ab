"""The verb ``compare`` of the command line: runs beside one another, with intervals and verdicts.

Runs are saved ones, or simulated for the purpose: for some seeds, until their means are known, or ever more loaded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from simedge import cli_capacity
from simedge.cli_sweep import Bar, add_workers, default_folder, workers_of
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
  simedge compare policy=distream,videoedge_l 'seed=range(0,10)' --workers 2
      simulates what is not there yet (in runs/sweep-campus), and compares
  simedge compare policy=distream,videoedge_l --until latency_s_p99:5%
      as many seeds as it takes until both means are known to 5 %
  simedge compare policy=distream,videoedge_l cluster.total_gpus=4 --capacity 'cluster.groups=range(1,17)'
      how many cameras four GPUs serve before more than 1 % of the units are late
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
        return _compare(options, checked(options.csv, suffixes=(".csv",)), checked(options.out, folder=True))

    made = verb(verbs, "compare", act, "compare runs, with paired intervals over seeds", epilog=_EPILOG)
    made.add_argument(
        "overrides",
        nargs="*",
        metavar="PLACE | key=value",
        help="folders of saved runs, or runs, and key=value to choose among them; without a place, what to simulate",
    )
    made.add_argument("--by", metavar="KEY", help="what is compared: policy, or a key (default: the one that differs)")
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
    made.add_argument("--until", metavar="METRIC:SHARE", help="simulate seeds until each mean is known to that share")
    made.add_argument("--max-seeds", metavar="N", type=int, default=200, help="give up after N seeds (default 200)")
    made.add_argument("--capacity", metavar="KEY=VALUES", help="find the largest value of a key at which a limit holds")
    made.add_argument("--limit", metavar="METRIC<=VALUE", help="that limit (default slo_miss_ratio<=1%%)")
    add_workers(made)
    made.add_argument("--out", metavar="DIR", help="keep what is simulated below DIR (default: runs/sweep-SCENARIO)")
    made.add_argument("--config-dir", metavar="DIR", help="folder of your own scenarios, profiles and traces")
    made.add_argument("--json", action="store_true", help="write the rows as JSON instead of tables")
    made.add_argument("--csv", metavar="FILE", help="write the rows to a file that ends in .csv")


def _compare(options: Any, csv: Path | None, out: Path | None) -> int:
    from simedge import files
    from simedge.experiment import comparison_report
    from simedge.experiment.comparison import compare
    from simedge.experiment.gather import chosen, gather
    from simedge.experiment.treatments import differing

    places = [word for word in options.overrides if "=" not in word]
    typed = [word for word in options.overrides if "=" in word]
    if places and (options.until or options.capacity or options.out):
        raise InputError("--until, --capacity and --out are for what is simulated", remedy="name no place")
    if not places and not typed:
        raise InputError("nothing is named", remedy="give a folder of saved runs, or what to simulate: policy=a,b")
    if options.capacity:
        return cli_capacity.show(options, typed, csv, out)
    code = 0
    said: list[str] = []
    if places:
        runs = chosen(gather(places), typed)
    else:
        runs, said, code = _simulated(options, typed, out)
    made = compare(
        runs,
        by=options.by or differing(runs),
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
        return code
    print("\n".join(comparison_report.heading(made)), end="\n\n")
    left = (*made.keys, "treatment", "verdict", "pairing")
    for title, rows in comparison_report.tables(made):
        print(f"{title}:")
        show_table(rows, left, _SIGNS)
    for line in [*comparison_report.sentences(made), *(f"note: {note}" for note in made.notes), *said]:
        print(line)
    if csv is not None:
        print(csv)
    return code


def _simulated(options: Any, typed: Sequence[str], out: Path | None) -> tuple[list[Any], list[str], int]:
    """Simulate what is missing; return the runs, what to say about them, and the exit code."""
    from simedge.experiment.gather import named
    from simedge.experiment.goals import check_all_well, read_precision, seeds_of, until
    from simedge.experiment.grid import plan
    from simedge.experiment.overrides import given_as, parse
    from simedge.experiment.sweep import sweep_runs

    workers, overrides = workers_of(options), [parse(text) for text in typed]
    wanted = read_precision(options.until) if options.until else None
    others = [override for override in overrides if override.key != "seed"]
    planned = plan([*others, given_as("seed", seeds_of(overrides))], config_dir=options.config_dir)
    if len({tuple((key, str(one.typed[key])) for key in one.typed if key != "seed") for one in planned}) < 2:
        raise InputError(
            "there is nothing to compare", remedy="give several values, such as policy=distream,videoedge_l"
        )
    folder = out or Path("runs") / default_folder(planned)
    with Bar(None, folder) as bar:
        if wanted is None:
            made = sweep_runs(planned, folder, workers, config_dir=options.config_dir, progress=bar.of_runs)
            check_all_well(made)
            return named(list(made.runs.values()), made.choices), [f"runs: {folder}"], 0
        reached = until(
            overrides,
            wanted,
            folder,
            workers,
            most=options.max_seeds,
            level=options.level,
            config_dir=options.config_dir,
            progress=bar.of_runs,
        )
    made = reached.sweep
    return named(list(made.runs.values()), made.choices), [str(reached), f"runs: {folder}"], 0 if reached.met else 1


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
