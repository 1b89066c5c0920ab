"""Published tables, simulated: which runs a table needs, and what comes out beside what was published.

A table is a scenario and policies; a clip is a seed, with the same arrivals for every policy. Runs are independent of
each other and leave a :class:`~simedge.metrics.pooled.Digest`, which is all that the table is made of.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from simedge.errors import ConfigError, InputError, suggest
from simedge.experiment import catalog, config
from simedge.experiment.engine import Failure, Workers, execute
from simedge.experiment.published import Cell, cell_row, cells, target_row, targets
from simedge.experiment.run import Scenario, load
from simedge.metrics.pooled import Digest, Estimate, digest, divided, estimate, pool, resampled
from simedge.metrics.results import versions
from simedge.metrics.schema import FloatArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["BASE", "ITEMS", "METRICS", "POOLED", "Item", "Planned", "Reproduction", "plan", "reproduce"]

BASE = "camera_only"
"""The policy over which gains are."""

BASELINES = ("camera_only", "centralized", "videoedge_l")
POOLED = ("best_baseline", "all")
"""What stands in the column of policies for several: the best of the three baselines, and all policies of the table."""

_ARRIVALS = ("workload", "workload.kind", "workload.trace")
RESAMPLES = 2000
CLIPS_MAX = 10_000

_STATISTICS = ("mean", "p50", "p75", "p99")
METRICS: tuple[str, ...] = (
    *(f"throughput_gain_{s}" for s in _STATISTICS),
    *(f"latency_gain_{s}" for s in _STATISTICS),
    *(f"throughput_ips_{s}" for s in _STATISTICS),
    *(f"latency_s_{s}" for s in _STATISTICS),
    "slo_miss_ratio",
    "served_ratio",
    "bound_latency_s_mean",
    "fraction_of_bound",
    "latency_ratio_to_distream",
    "throughput_order_ratio_min",
)
"""Metrics of a table, gains first. A gain is over the policy `BASE`: times more throughput, times less latency."""

# Which average is to lie below which: Table 1.2 with the heuristics of the authors' code for Table 1.4.
_ORDER = (
    ("camera_only", "centralized"),
    ("centralized", "videoedge_l"),
    ("videoedge_l", "distream_l_artifact"),
    ("videoedge_l", "distream_p_artifact"),
    ("distream_l_artifact", "distream"),
    ("distream_p_artifact", "distream"),
)

Progress = Callable[[int, int, str], None]
"""Called as ``progress(done, total, next)`` before each run and once at the end, when `next` is empty."""


@dataclass(frozen=True)
class Item:
    """A published table: its name, what it shows, and the scenario and policies that give it."""

    name: str
    title: str
    scenario: str
    policies: tuple[str, ...]


ITEMS: dict[str, Item] = {
    item.name: item
    for item in (
        Item(
            "table-1.2",
            "Table 1.2, gains over Camera-Only, campus surveillance",
            "campus",
            (*BASELINES, "distream", "distream_fast"),
        ),
        Item(
            "table-1.3",
            "Table 1.3, gains over Camera-Only, traffic monitoring",
            "traffic",
            (*BASELINES, "distream"),
        ),
        Item(
            "table-1.4",
            "Table 1.4, the components of Distream, campus surveillance",
            "campus",
            (
                *BASELINES,  # two of them only for the order of the averages
                "distream_l",
                "distream_p",
                "distream_l_artifact",
                "distream_p_artifact",
                "distream",
                "distream_artifact",
            ),
        ),
    )
}
"""Every table that can be simulated, by name."""


class Planned(NamedTuple):
    """A run that a table needs: a scenario with overrides, and the clip."""

    scenario: str
    overrides: tuple[str, ...]
    seed: int


@dataclass(frozen=True, eq=False)
class Reproduction:
    """A published table beside what the simulator gives.

    Attributes
    ----------
    item : Item
        Which table.
    clips : int
        How many clips; they are the seeds 0 … clips - 1.
    overrides : tuple of str
        What the user changed; empty for the table itself.
    facts : mapping
        ``scenario``, ``policies`` (simulated), ``missing`` (not known here), ``offered_ips``, ``span_s`` (of a clip),
        ``resamples``, ``fingerprint`` (of all runs), ``versions``.
    rows : list of dict
        One per policy and metric, then one per acceptance band. ``item`` is the table's name for the first and the
        band's (``A2``) for the others, so item, policy and metric name one row; ``table`` is always the table's. Keys:
        item, policy, metric, published, simulated, low, high, verdict, table, band_low, band_high, strict, tolerance,
        tolerance_kind, kind, source, note. None where there is nothing.
    """

    item: Item
    clips: int
    overrides: tuple[str, ...]
    facts: Mapping[str, Any]
    rows: list[dict[str, Any]] = field(repr=False)

    @property
    def frame(self) -> pd.DataFrame:
        """The rows as a DataFrame."""
        import pandas as pd

        return pd.DataFrame(self.rows).convert_dtypes()

    def save(self, folder: str | Path) -> list[Path]:
        """Write ``<item>.json``, ``<item>.csv`` and the figure ``<item>.png`` into a folder; give their paths.

        Raises
        ------
        OutputError
            If they cannot be written. Each appears whole or not at all.
        """
        from simedge.experiment.paper_report import save

        return save(self, Path(folder))


def reproduce(
    item: str | Item,
    *overrides: str,
    clips: int = 40,
    workers: Workers | int = 0,
    config_dir: str | Path | None = None,
    progress: Progress | None = None,
) -> Reproduction:
    """Simulate a published table.

    Parameters
    ----------
    item : str or Item
        ``table-1.2``, ``table-1.3``, ``table-1.4``, or a table of one's own.
    *overrides : str
        ``key=value`` for every run, as on the command line; also ``scenario=…``.
    clips : int
        Number of clips, 1 to 10 000.
    workers : int or Workers
        Processes on this machine, 0: all runs in this one; or who else does them. The result is the same.
    config_dir : str or Path, optional
        A folder of the user's own scenarios, profiles and traces.
    progress : callable, optional
        See `Progress`.

    Returns
    -------
    Reproduction
        Values of all clips pooled, with 95 % intervals from resampling clips, the same for both sides of a gain.

    Raises
    ------
    InputError
        If there is no such table, the number of clips cannot be, or an override cannot be used; nothing is run then.
    """
    chosen = _item(item)
    count = _whole(clips)
    runs = plan(chosen, count, overrides)
    made: dict[tuple[str, ...], Scenario] = {}
    for run in runs:
        if run.overrides not in made:
            made[run.overrides] = load(run.scenario, *run.overrides, config_dir=config_dir)
            made[run.overrides].check()
    who = workers if isinstance(workers, Workers) else Workers(workers)
    digests = _digests(runs, made, who, progress)
    by_policy: dict[str, list[Digest]] = {}
    for one in digests:
        by_policy.setdefault(one.policy, []).append(one)
    first = next(iter(by_policy.values()))
    name = next(iter(made.values())).resolved()["name"]
    facts = {
        "scenario": name,
        "policies": list(by_policy),
        "missing": [policy for policy in chosen.policies if policy not in by_policy],
        "offered_ips": math.fsum(one.arrived for one in first) / math.fsum(one.span_s for one in first),
        "span_s": first[0].span_s,
        "resamples": RESAMPLES,
        "fingerprint": hashlib.blake2b(
            "\n".join(one.fingerprint for one in digests).encode(), digest_size=16
        ).hexdigest(),
        "versions": versions(),
    }
    found = estimates(by_policy, count)
    rows = [cell_row(chosen.name, cell, policy, metric, found) for cell, policy, metric in _wanted(chosen, found)]
    rows += [target_row(target, found) for target in targets(chosen.name)]
    return Reproduction(chosen, count, tuple(overrides), facts, rows)


def plan(item: Item, clips: int, overrides: Sequence[str] = ()) -> list[Planned]:
    """List the runs that a table needs, clip by clip, of those policies that are known here.

    Raises
    ------
    ConfigError
        If an override sets what the table sets itself.
    """
    for override in map(config.parse, overrides):
        if override.key.partition(".")[0] in {"policy", "seed", "record"} or override.key in _ARRIVALS:
            raise ConfigError("is set by the table, for each of its runs", where=override.key, remedy="leave it out")
    known = [policy for policy in item.policies if policy in catalog.names("policy")]
    if not known:
        raise InputError(f"no policy of {item.name} is known", remedy=suggest("", catalog.names("policy")))
    return [
        Planned(item.scenario, ("workload=generated", *overrides, "record=items", f"policy={policy}"), seed)
        for seed in range(clips)
        for policy in known
    ]


def estimates(by_policy: Mapping[str, Sequence[Digest]], clips: int) -> dict[tuple[str, str], Estimate]:
    """Every metric of every policy, pooled over clips, with its interval; what cannot be known is left out."""
    weights = resampled(clips, RESAMPLES)
    draws = {policy: pool(one, weights) for policy, one in by_policy.items()}
    made: dict[tuple[str, str], FloatArray] = {}
    for policy, drawn in draws.items():
        made |= {(policy, metric): values for metric, values in drawn.items()}
        if policy != BASE and BASE in draws:
            for s in _STATISTICS:
                more, less = f"throughput_ips_{s}", f"latency_s_{s}"
                made[policy, f"throughput_gain_{s}"] = divided(drawn[more], draws[BASE][more])
                made[policy, f"latency_gain_{s}"] = divided(draws[BASE][less], drawn[less])
    if all(policy in draws for policy in BASELINES):
        for metric in ("slo_miss_ratio", "latency_s_mean"):
            made["best_baseline", metric] = reduce(np.minimum, (draws[policy][metric] for policy in BASELINES))
    if "distream" in draws:
        for policy in (policy for policy in draws if policy.startswith("distream_")):
            ratio = divided(draws[policy]["latency_s_mean"], draws["distream"]["latency_s_mean"])
            made[policy, "latency_ratio_to_distream"] = ratio
    if all(policy in draws for pair in _ORDER for policy in pair):
        mean = {policy: drawn["throughput_ips_mean"] for policy, drawn in draws.items()}
        made["all", "throughput_order_ratio_min"] = reduce(
            np.minimum, (divided(mean[above], mean[below]) for below, above in _ORDER)
        )
    return {key: estimate(values, clips) for key, values in made.items()}


def _item(item: str | Item) -> Item:
    if isinstance(item, Item):
        return item
    if item not in ITEMS:
        raise InputError(f"there is no table {str(item)[:80]!r}", remedy=suggest(str(item), ITEMS))
    return ITEMS[item]


def _whole(clips: Any) -> int:
    try:
        count = -1 if isinstance(clips, bool) else operator.index(clips)
    except TypeError:
        count = -1
    if not 1 <= count <= CLIPS_MAX:
        raise InputError(
            f"{str(clips)[:40]} clips cannot be simulated",
            where="clips",
            remedy=f"give a whole number, 1 to {CLIPS_MAX:,}",
        )
    return count


def _digested(job: tuple[Scenario, int]) -> Digest:
    scenario, seed = job
    return digest(scenario.run(seed=seed))


def _digests(
    runs: Sequence[Planned],
    made: Mapping[tuple[str, ...], Scenario],
    workers: Workers,
    progress: Progress | None,
) -> list[Digest]:
    """Do all runs, in whatever order, and give what is kept of them in theirs."""
    found: dict[int, Digest] = {}

    def report() -> None:
        if progress is not None:
            coming = runs[len(found)] if len(found) < len(runs) else None
            named = f"{made[coming.overrides].policy_name}, clip {coming.seed}" if coming and workers.here else "clips"
            progress(len(found), len(runs), named if coming else "")

    report()
    outcomes = execute(_digested, [(made[run.overrides], run.seed) for run in runs], workers)
    with contextlib.closing(outcomes):
        for place, value in outcomes:
            if isinstance(value, Failure):
                run = runs[place]
                raise value.error(f"{run.scenario}, {run.overrides[-1]}, clip {run.seed}")
            found[place] = value
            report()
    return [found[place] for place in range(len(runs))]


def _wanted(item: Item, found: Mapping[tuple[str, str], Estimate]) -> Iterator[tuple[Cell | None, str, str]]:
    """Cells of the table in the order of its policies and of METRICS: published ones, and whatever was simulated."""
    known = {(cell.policy, cell.metric): cell for cell in cells(item.name)}
    for policy in (*item.policies, *POOLED):
        for metric in METRICS:
            if (policy, metric) in known or (policy, metric) in found:
                yield known.get((policy, metric)), policy, metric
