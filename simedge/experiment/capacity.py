"""How much load each policy bears: the largest value of a key at which a limit holds, by bisection on every seed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simedge.errors import ConfigError
from simedge.experiment.comparison import verdict
from simedge.experiment.engine import Workers
from simedge.experiment.gather import SavedRun
from simedge.experiment.goals import Limit, check_all_well, label_of, seeds_of
from simedge.experiment.grid import Planned, plan
from simedge.experiment.overrides import Override, given_as
from simedge.experiment.sweep import Progress, sweep_runs
from simedge.metrics.inference import holm, interval, paired

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Capacity", "capacity"]


@dataclass(frozen=True, eq=False)
class Capacity:
    """How much each treatment bears.

    Attributes
    ----------
    key : str
        What was raised.
    limit : Limit
        What had to hold.
    unit : str
        What a load is counted in: *cameras*, where the key changes their number, else the key.
    rows : list of dict
        One per treatment and seed: ``treatment``, ``seed``, ``value`` (largest of the key at which the limit held; None
        if at none), ``load`` (the same in `unit`; 0 if at none), ``beyond`` (whether it held at the largest that was
        tried, so that the load may be higher).
    means : list of dict
        One per treatment, the baseline first: ``treatment``, ``n``, ``load``, ``low``, ``high``, ``difference``,
        ``beyond``, ``difference_low``, ``difference_high``, ``p``, ``p_holm``, ``verdict``. NaN where undefined: where
        a load may be higher than what was tried there is no interval, and its mean is a lower bound.
    runs : int
        How many runs were needed.
    """

    key: str
    limit: Limit
    unit: str
    rows: list[dict[str, Any]] = field(repr=False)
    means: list[dict[str, Any]]
    runs: int

    @property
    def frame(self) -> pd.DataFrame:
        """One row per treatment."""
        import pandas as pd

        return pd.DataFrame(self.means)


class _Search:
    """Halves the values between the largest that is known to hold and the smallest that is known not to."""

    def __init__(self, points: Sequence[Planned]) -> None:
        self.points = points
        self.holds, self.fails = -1, len(points)

    @property
    def over(self) -> bool:
        return self.fails - self.holds < 2

    @property
    def next(self) -> int:
        return (self.holds + self.fails) // 2


def capacity(
    overrides: Sequence[Override],
    raised: Override,
    limit: Limit,
    folder: Path,
    workers: Workers | None = None,
    *,
    baseline: str | None = None,
    level: float = 0.95,
    scenario: str | Path = "campus",
    config_dir: str | Path | None = None,
    progress: Progress | None = None,
) -> Capacity:
    """Find the largest value of a key at which a limit holds, for each seed and combination of the other keys.

    Parameters
    ----------
    overrides : sequence of Override
        What is compared, and the seeds; `SEEDS` of them if none are named.
    raised : Override
        The key that is raised, with all its values; numbers.
    limit : Limit
        What has to hold.
    folder, workers, scenario, config_dir, progress
        As for a sweep.
    baseline : str, optional
        Treatment with which the others are compared; by default the first.
    level : float
        Confidence level of the intervals.

    Returns
    -------
    Capacity
        Means over seeds with Student's interval, and differences from the baseline in pairs of equal seed.

    Raises
    ------
    InputError
        If the grid cannot be used, the key has fewer than two values or its values are no numbers, or runs failed.

    Notes
    -----
    Bisection: it takes for granted that a limit that fails at some load fails at every higher one. On a seed, load, and
    treatment for which that is not so one of the loads at which the limit begins to fail is found.
    """
    others = [override for override in overrides if override.key not in {"seed", raised.key}]
    values = [] if not isinstance(raised.value, list) else sorted(set(filter(_is_number, raised.value)))
    if len(values) < 2 or len(values) < len(set(raised.value)):
        raise ConfigError("needs several numbers", raised.key, f"write for instance {raised.key}=range(1,17)")
    grid = [*others, given_as("seed", seeds_of(overrides)), given_as(raised.key, values)]
    planned = plan(grid, scenario=scenario, config_dir=config_dir)
    keys = [override.key for override in others if override.sweep]
    points: dict[tuple[str, int], list[Planned]] = {}
    for one in planned:
        points.setdefault((label_of(one, keys, ()), one.typed["seed"]), []).append(one)
    searches = {place: _Search(listed) for place, listed in points.items()}
    names = list(dict.fromkeys(treatment for treatment, _ in searches))
    if baseline is not None and baseline not in names:
        raise ConfigError(f"there is no treatment {baseline!r}", "baseline", f"choose one of: {'; '.join(names)}")
    found: dict[str, SavedRun] = {}
    done = 0
    while asked := [search for search in searches.values() if not search.over]:
        wanted = [search.points[search.next] for search in asked]
        steps = max(math.ceil(math.log2(search.fails - search.holds)) for search in asked)
        made = sweep_runs(
            wanted, folder, workers, config_dir=config_dir, progress=_step(progress, done, len(asked) * steps)
        )
        check_all_well(made)
        done += len(wanted)
        found |= made.runs
        for search, one in zip(asked, wanted, strict=True):
            if limit.holds(made.runs[one.run_hash]):
                search.holds = search.next
            else:
                search.fails = search.next
    return _summed_up(raised.key, limit, searches, found, baseline, level)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _step(progress: Progress | None, before: int, left: int) -> Progress | None:
    if progress is None:
        return None

    def report(done: int, total: int, resumed: int, failed: int) -> None:
        del total
        progress(before + done, before + left, resumed, failed)

    return report


def _summed_up(
    key: str,
    limit: Limit,
    searches: Mapping[tuple[str, int], _Search],
    found: Mapping[str, SavedRun],
    baseline: str | None,
    level: float,
) -> Capacity:
    by_cameras = len({_cameras(run) for run in found.values()} - {None}) > 1
    rows: list[dict[str, Any]] = []
    for (treatment, seed), search in searches.items():
        value, load = None, 0.0
        if search.holds >= 0:
            best = search.points[search.holds]
            value = best.typed[key]
            load = float((by_cameras and _cameras(found[best.run_hash])) or value)
        beyond = search.holds == len(search.points) - 1
        rows.append({"treatment": treatment, "seed": seed, "value": value, "load": load, "beyond": beyond})
    names = list(dict.fromkeys(treatment for treatment, _ in searches))
    base = baseline or names[0]
    means = _means(rows, [base, *(name for name in names if name != base)], level)
    return Capacity(key, limit, "cameras" if by_cameras else key, rows, means, len(found))


def _means(rows: Sequence[Mapping[str, Any]], names: Sequence[str], level: float) -> list[dict[str, Any]]:
    loads = {name: {row["seed"]: row["load"] for row in rows if row["treatment"] == name} for name in names}
    beyond = {name: any(row["beyond"] for row in rows if row["treatment"] == name) for name in names}
    seeds = list(loads[names[0]])
    base = [loads[names[0]][seed] for seed in seeds]
    made: list[dict[str, Any]] = []
    differences = []
    for name in names:
        own = [loads[name][seed] for seed in seeds]
        mean, found = interval(own, level), paired(own, base, level)
        if beyond[name]:
            mean = replace(mean, low=math.nan, high=math.nan)
        if beyond[name] or beyond[names[0]]:
            found = replace(found, low=math.nan, high=math.nan, p=math.nan)
        differences.append(found)
        said = {"treatment": name, "n": mean.n, "load": mean.mean, "low": mean.low, "high": mean.high}
        ends = {"difference": found.difference, "difference_low": found.low, "difference_high": found.high}
        made.append({**said, "beyond": beyond[name], **ends, "p": found.p})
    adjusted = holm([math.nan, *(found.p for found in differences[1:])]).tolist()
    for row, found, p_holm in zip(made, differences, adjusted, strict=True):
        row |= {"p_holm": p_holm, "verdict": verdict(found, p_holm, level)}
    made[0] |= dict.fromkeys(("difference", "difference_low", "difference_high", "p"), math.nan)
    made[0]["verdict"] = "baseline"
    return made


def _cameras(run: SavedRun) -> int | None:
    """Count the cameras of a run, if it has any."""
    carried = run.facts.get("bytes")
    return len(carried) if isinstance(carried, Mapping) and carried else None
