"""What is wanted of a sweep, as people write it; and simulating seeds until means are known well enough."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from simedge.errors import ConfigError
from simedge.experiment.engine import Workers
from simedge.experiment.gather import SavedRun
from simedge.experiment.grid import Planned, plan
from simedge.experiment.overrides import Override, given_as
from simedge.experiment.sweep import Progress, Sweep, sweep_runs
from simedge.metrics.inference import relative_half_width
from simedge.metrics.schema import metric_of, show
from simedge.units import parse_quantity

__all__ = [
    "SEEDS",
    "Limit",
    "Precision",
    "Reached",
    "check_all_well",
    "label_of",
    "read_limit",
    "read_precision",
    "seeds_of",
    "until",
]

SEEDS = 10
"""How many seeds are simulated when none are named."""

_LIMIT = re.compile(r"\s*([\w.]+)\s*(<=|>=)\s*(\S.*?)\s*\Z")
_GROWTH = (1.2, 2.0)  # of the number of seeds in a step: of little use below, and a guess far above


class Precision(NamedTuple):
    """How well a mean is to be known: half of its interval as a share of it."""

    metric: str
    relative: float


def read_precision(text: str) -> Precision:
    """Read what ``--until`` says.

    Raises
    ------
    ConfigError
        If it is not ``METRIC:SHARE``, with a share between 0 and 1.

    Examples
    --------
    >>> read_precision("latency_s_p99:5%")
    Precision(metric='latency_s_p99', relative=0.05)
    """
    metric, _, said = text.partition(":")
    metric_of(metric)
    share = _number(said, "1")
    if share is None or not 0 < share < 1:
        raise ConfigError(f"{said!r} is no share", where="--until", remedy=f"write for instance {metric}:5%")
    return Precision(metric, share)


class Limit(NamedTuple):
    """What has to hold of a metric: that it is at most, or at least, some value."""

    metric: str
    at_most: bool
    value: float

    def holds(self, run: SavedRun) -> bool:
        """Tell whether it holds; of an undefined metric it does not."""
        value = run.metrics.get(self.metric, math.nan)
        return value <= self.value if self.at_most else value >= self.value

    def __str__(self) -> str:
        return f"{self.metric} {'<=' if self.at_most else '>='} {show(self.metric, self.value)}"


def read_limit(text: str) -> Limit:
    """Read what ``--limit`` says.

    Raises
    ------
    ConfigError
        If it is not ``METRIC<=VALUE`` or ``METRIC>=VALUE``.

    Examples
    --------
    >>> read_limit("slo_miss_ratio<=1%"), read_limit("latency_s_p99 <= 800 ms").value
    (Limit(metric='slo_miss_ratio', at_most=True, value=0.01), 0.8)
    """
    match = _LIMIT.match(text)
    if match is None:
        remedy = "write METRIC<=VALUE or METRIC>=VALUE in quotes, such as 'slo_miss_ratio<=1%'"
        raise ConfigError(f"{text!r} is no limit", where="--limit", remedy=remedy)
    value = _number(match[3], metric_of(match[1]).unit)
    if value is None or not math.isfinite(value):
        raise ConfigError(f"{match[3]!r} is no value of {match[1]}", where="--limit", remedy="write a number")
    return Limit(match[1], match[2] == "<=", value)


def _number(said: str, unit: str) -> float | None:
    try:
        if said.rstrip().endswith("%"):
            return float(said.rstrip()[:-1]) / 100
        return parse_quantity(said, unit) if unit in {"s", "bytes", "J"} else float(said)
    except ValueError:
        return None


@dataclass(frozen=True, eq=False)
class Reached:
    """What came of simulating until a mean was known.

    Attributes
    ----------
    sweep : Sweep
        All runs.
    goal : Precision
        What was wanted.
    seeds : int
        How many seeds were simulated.
    widths : mapping of str to float
        Half of the interval as a share of the mean, by combination of values; NaN where it cannot be known.
    """

    sweep: Sweep
    goal: Precision
    seeds: int
    widths: Mapping[str, float]

    @property
    def met(self) -> bool:
        """Whether every mean is known that well."""
        return all(width <= self.goal.relative for width in self.widths.values())

    def __str__(self) -> str:
        worst = max(self.widths, key=lambda name: (math.isnan(self.widths[name]), self.widths[name]))
        known = "unknown" if math.isnan(self.widths[worst]) else f"± {100 * self.widths[worst]:.2g} %"
        said = "known" if self.met else "not known"
        wanted = f"{self.goal.metric} {said} to ± {100 * self.goal.relative:g} %"
        return f"{wanted} after {self.seeds} seeds; widest: {worst}, {known}"


def until(
    overrides: Sequence[Override],
    goal: Precision,
    folder: Path,
    workers: Workers | None = None,
    *,
    most: int = 200,
    level: float = 0.95,
    scenario: str | Path = "campus",
    config_dir: str | Path | None = None,
    progress: Progress | None = None,
) -> Reached:
    """Simulate a grid on more and more seeds until every mean of a metric is known well enough.

    Parameters
    ----------
    overrides : sequence of Override
        The grid; its seeds are the first, `SEEDS` of them if it names none. Others follow the largest.
    goal : Precision
        How well each mean is to be known: half of its interval over seeds, as a share of it.
    folder, workers, scenario, config_dir, progress
        As for a sweep.
    most : int
        Number of seeds after which to give up.
    level : float
        Confidence level of the intervals.

    Raises
    ------
    InputError
        If the grid cannot be used, seeds change nothing, or runs failed.

    Notes
    -----
    The interval is looked at after each step, which makes the last one somewhat too narrow on average (Law, Simulation
    Modeling and Analysis, 9.4.1): the first seeds should be ten or more. A step goes to as many seeds as the variance
    seen so far asks for, at least a fifth more and at most twice as many.
    """
    others = [override for override in overrides if override.key != "seed"]
    seeds = seeds_of(overrides)
    while True:
        planned = plan([*others, given_as("seed", seeds)], scenario=scenario, config_dir=config_dir)
        made = sweep_runs(planned, folder, workers, config_dir=config_dir, progress=progress)
        check_all_well(made)
        values: dict[str, list[float]] = {}
        for run, one in zip(made.runs.values(), planned, strict=True):
            values.setdefault(label_of(one, made.keys, ("seed",)), []).append(run.metrics.get(goal.metric, math.nan))
        widths = {name: relative_half_width(found, level) for name, found in values.items()}
        reached = Reached(made, goal, len(seeds), widths)
        unknown = any(math.isnan(width) for width in widths.values()) and len(seeds) > 1
        if reached.met or len(seeds) >= most or unknown:
            return reached
        worst = max(width if math.isfinite(width) else 1.0 for width in widths.values())
        wanted = len(seeds) * min(max((worst / goal.relative) ** 2, _GROWTH[0]), _GROWTH[1])
        count = min(max(math.ceil(wanted), len(seeds) + 1, 3), most)
        seeds = [*seeds, *range(max(seeds) + 1, max(seeds) + 1 + count - len(seeds))]


def seeds_of(overrides: Sequence[Override]) -> list[int]:
    """Seeds that a grid names; if it names none, the first `SEEDS`.

    Raises
    ------
    ConfigError
        If one is no whole number.
    """
    typed = [override for override in overrides if override.key == "seed"]
    if not typed:
        return list(range(SEEDS))
    value = typed[-1].value
    seeds = list(value) if isinstance(value, list) else [value]
    if not all(type(seed) is int for seed in seeds):
        raise ConfigError("seeds are whole numbers here", where="seed", remedy="write for instance seed=range(0,10)")
    return seeds


def check_all_well(made: Sweep) -> None:
    """Refuse a sweep of which runs failed: what is missing would bend what follows."""
    if made.failed:
        first = next(iter(made.failed.values()))
        raise first.error(f"{len(made.failed)} of {len(made.planned)} runs failed; the first")


def label_of(one: Planned, keys: Sequence[str], without: Sequence[str]) -> str:
    """Name a combination of values by those that vary; a policy by its name alone."""
    said = {key: one.typed[key] for key in keys if key not in without and key in one.typed}
    parts = [str(value) if key in {"policy", "scenario"} else f"{key}={value}" for key, value in said.items()]
    return ", ".join(parts) or str(one.mapping["policy"]["name"])
