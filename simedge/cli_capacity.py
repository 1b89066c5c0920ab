"""``simedge compare --capacity``: how much load each policy bears."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from simedge.cli_sweep import Bar, default_folder, workers_of
from simedge.console import show_table
from simedge.errors import ConfigError

__all__ = ["show"]

_LIMIT = "slo_miss_ratio<=1%"


def show(options: Any, typed: Sequence[str], csv: Path | None, out: Path | None) -> int:
    """Search, and print a table.

    Parameters
    ----------
    options
        Of the command line.
    typed : sequence of str
        ``key=value``, the treatments and seeds.
    csv, out : Path or None
        Where to write the rows, and to keep the runs.
    """
    from simedge import files
    from simedge.experiment.capacity import capacity
    from simedge.experiment.goals import read_limit
    from simedge.experiment.grid import plan
    from simedge.experiment.overrides import parse
    from simedge.metrics.store import plain

    if options.until or options.warmup or options.batches or options.by or options.metric:
        raise ConfigError("goes with none of --by, --metric, --warmup, --batches, --until", where="--capacity")
    overrides, raised = [parse(text) for text in typed], parse(options.capacity)
    limit = read_limit(options.limit or _LIMIT)
    folder = out or Path("runs") / default_folder(plan(overrides, config_dir=options.config_dir))
    with Bar(None, folder) as bar:
        made = capacity(
            overrides,
            raised,
            limit,
            folder,
            workers_of(options),
            baseline=options.baseline,
            level=options.level,
            config_dir=options.config_dir,
            progress=bar.of_runs,
        )
    if csv is not None:
        with files.atomic_file(csv) as draft:
            made.frame.to_csv(draft, index=False, lineterminator="\n")
    if options.json:
        print(json.dumps(plain(made.means), allow_nan=False))
        return 0
    print(f"largest {made.key} at which {limit}, in {made.unit}; {made.runs} runs, bisection on each seed")
    print(
        f"in brackets: {100 * options.level:g} % intervals over seeds, differences in pairs of equal seed", end="\n\n"
    )
    show_table(
        [["treatment", "n", made.unit, "interval", "difference", "interval", "p", "verdict"], *map(_row, made.means)]
    )
    if any(row["beyond"] for row in made.means):
        print(
            f"note: the limit held at the largest {made.key} on some seed: >= is a lower bound; go on to larger values"
        )
    print(f"runs: {folder}")
    if csv is not None:
        print(csv)
    return 0


def _row(row: Any) -> list[str]:
    def ends(low: float, high: float) -> str:
        return "" if low != low else f"[{low:.4g}, {high:.4g}]"  # noqa: PLR0124 - not NaN

    base = row["verdict"] == "baseline"
    load = f"{'>= ' if row['beyond'] else ''}{row['load']:.4g}"
    p = row["p_holm"]
    probability = "" if p != p else "< 0.0001" if p < 1e-4 else f"{p:.3g}"  # noqa: PLR0124
    difference = "" if base else f"{row['difference']:+.4g}"
    own, against = ends(row["low"], row["high"]), ends(row["difference_low"], row["difference_high"])
    return [row["treatment"], str(row["n"]), load, own, difference, against, probability, row["verdict"]]
