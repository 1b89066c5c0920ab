"""Saved runs compared: treatments against a baseline, seed by seed, with intervals and verdicts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from simedge.errors import ConfigError, InputError
from simedge.experiment.gather import SavedRun, gather
from simedge.experiment.samples import Match, Sample, Window, match, samples
from simedge.experiment.treatments import Layout, choose, lay_out, shown
from simedge.metrics import windows
from simedge.metrics.inference import Difference, Interval, holm, interval, lag_1, paired, unpaired
from simedge.metrics.schema import FloatArray, metric_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["DEFAULT_METRICS", "VERDICTS", "Comparison", "compare", "verdict"]

DEFAULT_METRICS: tuple[str, ...] = (
    "throughput_ips_mean",
    "latency_s_mean",
    "latency_s_p99",
    "slo_miss_ratio",
    "served_ratio",
)
"""What is compared unless told otherwise."""

VERDICTS = ("higher", "lower", "not significant", "equal", "undecided", "baseline")
"""What can be said of a treatment, see :func:`verdict`."""


_NONE = Difference(math.nan, math.nan, math.nan, math.nan, 0, 0, 0, math.nan)


@dataclass(frozen=True, eq=False)
class Comparison:
    """Treatments beside a baseline.

    Attributes
    ----------
    by, baseline : str
        What treatments are values of, and which of them the others are compared with.
    level : float
        Confidence level of the intervals; verdicts keep to 1 - level.
    keys : tuple of str
        Keys that make cells; each is a column.
    batches : int or None
        Into how many batches each run was cut; None if runs were compared whole.
    rows : list of dict
        For every metric and cell one row per treatment, the baseline first. Keys: the cells' keys (values in SI),
        ``treatment``, ``baseline``, ``metric``, ``unit``, ``n``, ``mean``, ``low``, ``high``, ``baseline_n``,
        ``baseline_mean``, ``difference`` (mean - baseline_mean), ``difference_low``, ``difference_high``, ``relative``
        (difference over baseline_mean), ``p``, ``p_holm``, ``verdict``, ``pairing``, ``left_out``, ``warmup_s``,
        ``steady``, ``workload``. NaN where undefined. ``n`` counts runs, or batches; ``left_out`` those of either side
        that had no partner of their seed, or an undefined metric. ``steady`` says whether steady states were found; it
        is None if none was looked for.
    notes : tuple of str
        What one should know to read them.
    """

    by: str
    baseline: str
    level: float
    keys: tuple[str, ...]
    batches: int | None
    rows: list[dict[str, Any]] = field(repr=False)
    notes: tuple[str, ...]

    @property
    def frame(self) -> pd.DataFrame:
        """The rows as a table."""
        import pandas as pd

        return pd.DataFrame(self.rows)

    def _repr_html_(self) -> str:
        import html

        notes = "".join(f"<li>{html.escape(note)}</li>" for note in self.notes)
        return f"{self.frame.to_html(index=False, border=0)}<ul>{notes}</ul>"


def compare(
    runs: Sequence[SavedRun] | str | Path,
    by: str = "policy",
    baseline: str | None = None,
    metrics: Iterable[str] | None = None,
    level: float = 0.95,
    warmup: float | str | None = None,
    batches: int | None = None,
) -> Comparison:
    """Compare runs that differ in one thing, seed by seed.

    Parameters
    ----------
    runs : sequence of SavedRun, str or Path
        The runs, or a folder of saved ones.
    by : str
        What differs on purpose: *policy*, or a key of the configuration. What a treatment is, and a cell, within which
        all else is equal, is said in :mod:`simedge.experiment.treatments`.
    baseline : str, optional
        Treatment with which the others are compared; by default ``camera_only``, or else the first.
    metrics : iterable of str, optional
        Names of the schema; by default `DEFAULT_METRICS`, or with `warmup` or `batches` those of them that can be
        computed again.
    level : float
        Confidence level, in (0, 1).
    warmup : float or str, optional
        What to cut from the beginning of each run instead of its own warm-up: seconds, or ``mser5``. The latter takes,
        within a cell, the largest cut of any run, so that pairs stay pairs.
    batches : int, optional
        Cut each run into that many and compare batch k with batch k, instead of run with run.

    Returns
    -------
    Comparison
        Intervals and `p` are of single comparisons; `p_holm` is adjusted for all comparisons of a metric.

    Raises
    ------
    InputError
        If an argument cannot be used, or the runs hold nothing to compare; one line that says what to do.

    Notes
    -----
    Sides that share seeds in a cell are compared in pairs of equal seed, by the differences within pairs; sides that
    share none by Welch's test. Mean and interval of a treatment are of the runs that enter its difference. Batches of a
    run without a steady state cannot stand for one another: no interval and no p value is made of them.
    """
    if isinstance(runs, str | Path):
        runs = gather(runs)
    if isinstance(level, bool) or not 0 < level < 1:
        raise ConfigError(f"lies between 0 and 1, not at {level:g}", "level", "write 0.95 for 95 %")
    names = _checked_metrics(runs, metrics, again=warmup is not None or batches is not None)
    window = Window(warmup, batches)
    layout = lay_out(runs, by)
    base = choose(layout, baseline)
    _check_comparable(layout, base)
    made = _Maker(layout, base, level, window)
    rows = [row for name in names for row in made.rows(name)]
    return Comparison(
        layout.by, base, level, layout.keys, batches, rows, (*_notes(runs, layout, base, window), *made.notes())
    )


def verdict(found: Difference, p_holm: float, level: float) -> str:
    """Say what a difference shows.

    Returns
    -------
    str
        *undecided* without a p value, as of fewer than two pairs; *equal* if there is no difference in any pair; *not
        significant* if the adjusted p is above 1 - level; else *higher* or *lower* than the baseline.

    Examples
    --------
    >>> found = paired([3.0, 5.0, 6.0], [1.0, 2.0, 4.0])
    >>> [verdict(found, p_holm, 0.95) for p_holm in (0.02, 0.2, math.nan)]
    ['higher', 'not significant', 'undecided']
    """
    if math.isnan(p_holm):
        return "undecided"
    if found.difference == found.standard_error == 0:
        return "equal"
    if p_holm > 1 - level:
        return "not significant"
    return "higher" if found.difference > 0 else "lower"


class _Maker:
    """Makes the rows of one metric after the other, and remembers what is to be noted."""

    def __init__(self, layout: Layout, base: str, level: float, window: Window) -> None:
        self._layout, self._base, self._level, self._window = layout, base, level, window
        self._restless: dict[str, list[str]] = {}
        self._correlated: dict[str, list[str]] = {}
        self._left_out = self._runs = 0

    def rows(self, metric: str) -> list[dict[str, Any]]:
        """One row per cell and treatment."""
        made: list[dict[str, Any]] = []
        found: list[Difference | None] = []
        for cell, treatments in self._layout.cells.items():
            if self._base not in treatments:
                continue
            taken = samples(treatments, metric, self._window)
            named = dict(zip(self._layout.keys, cell, strict=True))
            for label in [self._base, *(one for one in self._layout.labels if one in taken and one != self._base)]:
                place = ", ".join([label, *(f"{key}={shown(key, value)}" for key, value in named.items())])
                whose = {"treatment": label, "baseline": self._base, "metric": metric, "unit": metric_of(metric).unit}
                if taken[label].steady is False:
                    self._restless.setdefault(place, []).append(metric)
                if label == self._base:
                    made.append({**named, **whose, **self._baseline(taken[label])})
                    found.append(None)
                    continue
                row, difference = self._against(taken[label], taken[self._base])
                if row.pop("correlated"):
                    self._correlated.setdefault(place, []).append(metric)
                made.append({**named, **whose, **row})
                found.append(difference)
        adjusted = holm([math.nan if one is None else one.p for one in found])
        for row, one, p_holm in zip(made, found, adjusted.tolist(), strict=True):
            row["p_holm"] = p_holm
            row["verdict"] = "baseline" if one is None else verdict(one, p_holm, self._level)
        return made

    def _baseline(self, base: Sample) -> dict[str, Any]:
        values = np.concatenate(match(base, base, pooled=self._batched).own)
        means = self._mean(values, base)
        row = _numbers(means, means, _NONE)
        return {**row, **_circumstances("", len(values) - means.n, base, base.steady)}

    def _against(self, own: Sample, base: Sample) -> tuple[dict[str, Any], Difference]:
        matched = match(own, base, pooled=self._batched)
        self._runs = max(self._runs, len(matched.own))
        a, b = np.concatenate(matched.own), np.concatenate(matched.base)
        if matched.seeds:
            found = paired(a, b, self._level)
            whole = np.isfinite(a) & np.isfinite(b)
            a, b = a[whole], b[whole]
        else:
            found = unpaired(a, b, self._level)
        steady = None if own.steady is None or base.steady is None else own.steady and base.steady
        if self._batched and not steady:
            found = replace(found, low=math.nan, high=math.nan, p=math.nan)
        left_out = matched.unmatched + found.dropped * (2 if matched.seeds else 1)
        self._left_out += left_out
        row = _numbers(self._mean(a, own), self._mean(b, base), found)
        correlated = self._batched and bool(steady) and _correlated(matched)
        return {**row, **_circumstances(matched.pairing, left_out, own, steady), "correlated": correlated}, found

    @property
    def _batched(self) -> bool:
        return self._window.batches is not None

    def _mean(self, values: FloatArray, side: Sample) -> Interval:
        """Mean of what enters; without an interval if it is of batches that cannot stand for one another."""
        made = interval(values, self._level)
        return replace(made, low=math.nan, high=math.nan) if self._batched and not side.steady else made

    def notes(self) -> list[str]:
        """Say what was noticed in all the rows made."""
        made = []
        if self._left_out:
            what = "batches" if self._batched else "runs"
            made.append(f"{self._left_out} {what} enter no difference: no partner of equal seed, or metric undefined")
        if self._restless:
            said = "no interval is given" if self._batched else "the values depend on how long the runs are"
            made.append(f"no steady state found in {_some(self._restless)}: {said}")
        if self._correlated:
            made.append(f"neighbouring batches are correlated in {_some(self._correlated)}: take fewer batches")
        if self._batched and self._runs > 1:
            made.append(
                "batches of several seeds are taken together: what differs from seed to seed is not in the intervals; "
                "leave --batches out to compare seed by seed"
            )
        return made


def _numbers(own: Interval, base: Interval, found: Difference) -> dict[str, Any]:
    return {
        "n": own.n,
        "mean": own.mean,
        "low": own.low,
        "high": own.high,
        "baseline_n": base.n,
        "baseline_mean": base.mean,
        "difference": found.difference,
        "difference_low": found.low,
        "difference_high": found.high,
        "relative": found.difference / base.mean if base.mean else math.nan,
        "p": found.p,
        "p_holm": math.nan,
        "verdict": "",
    }


def _circumstances(pairing: str, left_out: int, own: Sample, steady: bool | None) -> dict[str, Any]:
    said = {"pairing": pairing, "left_out": left_out, "warmup_s": own.warmup_s}
    return {**said, "steady": steady, "workload": own.workload}


def _correlated(matched: Match) -> bool:
    """Whether batches follow one another too closely to pass for independent: a one-sided test at 5 %."""
    series = (*matched.own, *matched.base)
    if matched.seeds:
        series = tuple(one - other for one, other in zip(matched.own, matched.base, strict=True))
    known = [(lag_1(values), len(values)) for values in series]
    lags = [(lag, n) for lag, n in known if not math.isnan(lag)]
    # Of white noise it has a mean of about 0 and a variance of 1/n (Bartlett, 1946).
    return bool(lags) and math.fsum(lag for lag, _ in lags) / len(lags) > 1.645 / math.sqrt(sum(n for _, n in lags))


def _checked_metrics(runs: Sequence[SavedRun], said: Iterable[str] | None, *, again: bool) -> list[str]:
    if said is None:
        return [name for name in DEFAULT_METRICS if not again or name in windows.SERIES]
    names = list(dict.fromkeys([said] if isinstance(said, str) else said))
    if not names:
        raise ConfigError("no metric is named", "metric", "name one that `simedge list metrics` shows")
    for name in names:
        metric_of(name)
        if again:
            windows.check(name)
        if runs and not any(name in run.metrics for run in runs):
            raise ConfigError(f"no run has the metric {name!r}", remedy="name one that the runs have")
    return names


def _check_comparable(layout: Layout, base: str) -> None:
    if len(layout.labels) < 2:
        known = ", ".join(key for key in layout.keys if key not in {"scenario"})
        remedy = f"compare by one of {known}" if known else "give runs that differ in more than the seed"
        raise InputError(f"all runs have one {layout.by}, {base}", remedy=remedy)
    if not any(base in cell and len(cell) > 1 for cell in layout.cells.values()):
        raise InputError(
            f"no run can be compared with {base}: the others differ also in {', '.join(layout.keys)}",
            remedy="compare by another key, or run what is missing",
        )


def _notes(runs: Sequence[SavedRun], layout: Layout, base: str, window: Window) -> list[str]:
    made = []
    recorded = sum(run.facts.get("workload") == "recorded" for run in runs)
    if recorded:
        what = "the arrivals" if recorded == len(runs) else f"the arrivals of {recorded} runs"
        held = (
            "the chance in the policy" if window.batches is None else "what changes within this trace (seeds averaged)"
        )
        made.append(
            f"{what} are recorded, the same for every seed: intervals hold {held}, not what other arrivals would do "
            "(workload=generated draws them)"
        )
    draws = {(run.config.get("cut_seed"), run.seed) for run in runs if run.config.get("cut_seed") is not None}
    if len({cut_seed for cut_seed, _ in draws}) < len(draws):
        made.append(
            "seeds share one cut_seed, and with it the draws of their cuts: they are not independent, and intervals "
            "too narrow"
        )
    if layout.unlabelled:
        made.append(f"{layout.unlabelled} runs have no {layout.by} and are left out")
    lacking = sum(base not in cell for cell in layout.cells.values())
    if lacking:
        made.append(f"nothing is compared in {lacking} of {len(layout.cells)} cells, where there is no run of {base}")
    for name, values in (
        ("versions of simedge", {str(run.versions.get("simedge", "unknown")) for run in runs}),
        ("platforms", {run.platform for run in runs}),
    ):
        if len(values) > 1:
            made.append(f"the runs come from different {name}: {', '.join(sorted(values))}")
    return made


def _some(places: Mapping[str, Sequence[str]]) -> str:
    listed = [f"{place} ({', '.join(metrics)})" for place, metrics in places.items()]
    more = f" and {len(listed) - 4} more" if len(listed) > 4 else ""
    return "; ".join(listed[:4]) + more
