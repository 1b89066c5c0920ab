"""Runs of a sweep in cells, one for each combination of what a figure shows; means over seeds with their intervals.

Tables are those of :func:`simedge.experiment.gather.frame`: scenario, policy, keys of the configuration, seed, metrics.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from simedge.errors import ConfigError, InputError, suggest
from simedge.metrics.schema import FloatArray, metric_of
from simedge.units import format_quantity, parse_quantity, unit_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "CAMERAS",
    "KEYS",
    "Estimate",
    "columns",
    "distinct",
    "estimate",
    "estimates",
    "labels",
    "prepared",
    "split",
    "typed",
]

CAMERAS = "cameras"
"""Name under which the number of cameras can be shown: those of a group times the groups."""

KEYS: tuple[str, ...] = ("cluster.cameras", "cluster.groups", "horizon_s", "slo_s", "unit")
"""Keys that figures read even where all runs have one value: ``gather.frame(runs, KEYS)``."""

_FOREIGN = frozenset({"record"})  # how a run was kept changes no result
_VALUES_SHOWN_MAX = 6

Key = tuple[Any, ...]


class Estimate(NamedTuple):
    """A mean over runs that differ in the seed only.

    Attributes
    ----------
    mean : float
        Mean of the finite values; NaN if there are none.
    half : float
        Half the width of its interval; NaN for fewer than two values.
    n : int
        How many values were finite.
    missing : int
        How many were not: such runs completed nothing.
    """

    mean: float
    half: float
    n: int
    missing: int


def estimate(values: Iterable[float], level: float = 0.95) -> Estimate:
    """Take the mean of independent runs, with Student's interval.

    Parameters
    ----------
    values : iterable of float
        One value per seed; what is not finite is left out.
    level : float
        Confidence, between 0 and 1.

    Raises
    ------
    ConfigError
        If the level is not between 0 and 1.

    Examples
    --------
    >>> made = estimate([1.0, 2.0, 3.0, float("nan")])
    >>> made.mean, round(made.half, 3), made.n, made.missing
    (2.0, 2.484, 3, 1)
    """
    if not 0 < level < 1:
        raise ConfigError(f"{level!r} is no confidence level", where="level", remedy="give one such as 0.95")
    given = np.asarray(list(values), dtype=np.float64)
    kept = given[np.isfinite(given)]
    mean = float(kept.mean()) if len(kept) else math.nan
    return Estimate(mean, _half_width(kept, level), len(kept), len(given) - len(kept))


def _half_width(values: FloatArray, level: float) -> float:
    from scipy.special import stdtrit

    n = len(values)
    if n < 2:
        return math.nan
    return float(stdtrit(n - 1, (1 + level) / 2) * values.std(ddof=1) / math.sqrt(n))


def columns(samples: FloatArray, level: float = 0.95) -> tuple[FloatArray, FloatArray]:
    """Take means and half widths down the columns of ``(n, m)`` samples, two arrays ``(m,)``."""
    made = [estimate(column, level) for column in samples.T]
    return np.array([one.mean for one in made]), np.array([one.half for one in made])


def prepared(table: pd.DataFrame, shown: Sequence[str], metric: str | None = None) -> pd.DataFrame:
    """Check that a figure may put the runs of a table together.

    Parameters
    ----------
    table : DataFrame
        One row per run.
    shown : sequence of str
        What the figure tells apart: keys of the configuration, ``scenario``, ``policy``, ``seed`` or ``cameras``.
    metric : str, optional
        The metric it shows.

    Returns
    -------
    DataFrame
        The table, with a column ``cameras`` where that is shown.

    Raises
    ------
    ConfigError
        If a key or the metric is unknown, or the runs differ in a key that is not shown. A key of the policy that only
        some policies have is no difference, nor is what follows from the policy, scenario or cameras shown.
    """
    if not len(table):
        raise InputError("there are no runs to draw")
    if CAMERAS in shown:
        table = table.assign(**{CAMERAS: _cameras(table)})
    known = [*_configured(table), "seed", CAMERAS]
    for at, key in enumerate(shown):
        if key not in table.columns or key not in known:
            raise ConfigError("no run has such a key", where=key, remedy=suggest(key, known))
        if key in shown[:at]:
            raise ConfigError("would be shown twice", where=key, remedy="show another key")
    if metric is not None and metric not in table.columns:
        unit = metric_of(metric).unit
        raise ConfigError(f"no run has this metric (in {unit})", where=metric, remedy="see `simedge list metrics`")
    _refuse_mixture(table, shown)
    return table


def _cameras(table: pd.DataFrame) -> list[int]:
    missing = [key for key in ("cluster.cameras", "cluster.groups") if key not in table.columns]
    if missing:
        remedy = "make the table with gather.frame(runs, plots_sweep.KEYS)"
        raise ConfigError("is needed to count cameras, and the table lacks it", where=missing[0], remedy=remedy)
    if table[["cluster.cameras", "cluster.groups"]].isna().any(axis=None):
        raise ConfigError("some of the runs have no cameras", where=CAMERAS, remedy="choose others")
    pairs = zip(table["cluster.cameras"], table["cluster.groups"], strict=True)
    return [len(json.loads(devices)) * int(groups) for devices, groups in pairs]


def _configured(table: pd.DataFrame) -> list[str]:
    """Columns before ``seed``: the scenario, the policy, and keys of the configuration."""
    names = [str(name) for name in table.columns]
    return names[: names.index("seed")]


def _refuse_mixture(table: pd.DataFrame, shown: Sequence[str]) -> None:
    mixed: dict[str, list[Any]] = {}
    for key in _configured(table):
        if key not in shown and key not in _FOREIGN and not _follows(table, key, shown):
            found = _values(table, key)
            if len(found) > 1:
                mixed[key] = found
    if not mixed:
        return
    key, values = next(iter(mixed.items()))
    said = ", ".join(labels(key, values)[:_VALUES_SHOWN_MAX]) + (", …" if len(values) > _VALUES_SHOWN_MAX else "")
    others = f", and in {', '.join(list(mixed)[1:])}" if len(mixed) > 1 else ""
    raise ConfigError(
        f"the runs differ in this too ({said}){others}",
        where=key,
        remedy=f"choose some of them, such as {key}={typed(key, values[0])}, or show it (--x, --y, --by)",
    )


def _values(table: pd.DataFrame, key: str) -> list[Any]:
    """Distinct values; of a policy's own keys those that are there."""
    return [value for value in distinct(table[key]) if value is not None or not key.startswith("policy.")]


def _follows(table: pd.DataFrame, key: str, shown: Sequence[str]) -> bool:
    for leader, led in (
        ("scenario", True),
        ("policy", key.startswith("policy.")),
        (CAMERAS, key == "scenario" or key.startswith("cluster.")),
    ):
        if led and leader in shown:
            parts = split(table, [leader], unique=False).values()
            if all(len(_values(table.iloc[rows], key)) <= 1 for rows in parts):
                return True
    return False


def split(table: pd.DataFrame, keys: Sequence[str], unique: bool = True) -> dict[Key, list[int]]:
    """Put the rows of a table into cells.

    Parameters
    ----------
    table : DataFrame
        One row per run.
    keys : sequence of str
        Columns that tell cells apart.
    unique : bool
        Whether a seed may stand only once in a cell.

    Returns
    -------
    mapping of tuple to list of int
        Values of the keys -> positions of the rows by seed; values ascend, the first key changes least often.

    Raises
    ------
    InputError
        If a seed stands twice in a cell: the run would count twice.
    """
    named = [[_plain(value) for value in table[key]] for key in keys]
    cells: dict[Key, list[int]] = {}
    for row, cell in enumerate(zip(*named, strict=True)):
        cells.setdefault(cell, []).append(row)
    seeds = [int(seed) for seed in table["seed"]]
    for rows in cells.values():
        rows.sort(key=seeds.__getitem__)
        for one, other in pairwise(rows) if unique and "seed" not in keys else ():
            if seeds[one] == seeds[other]:
                twice = " and ".join(str(table["run"].iloc[row]) for row in (one, other))
                raise InputError(f"seed {seeds[one]} stands twice in one place of the figure", twice, "leave one out")
    return dict(sorted(cells.items(), key=lambda cell: [_rank(value) for value in cell[0]]))


def distinct(values: Iterable[Any]) -> list[Any]:
    """Distinct values in ascending order: truth values, numbers, text, and last None, which NaN counts as."""
    return sorted({_rank(plain): plain for plain in map(_plain, values)}.values(), key=_rank)


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    return None if value is None or (isinstance(value, float) and math.isnan(value)) else value


def _rank(value: Any) -> tuple[int, float, str]:
    if value is None:
        return (3, 0.0, "")
    if isinstance(value, bool | int | float):
        return (0 if isinstance(value, bool) else 1, float(value), "")
    return (2, 0.0, str(value))


def labels(key: str, values: Sequence[Any]) -> list[str]:
    """Write values of a key as people do, no two alike.

    Examples
    --------
    >>> labels("network.uplink_bps", [2e6, 1e7]), labels("policy.beta", [0.05, 1.0, math.inf])
    (['2 Mbps', '10 Mbps'], ['0.05', '1', 'inf'])
    """
    written = [_written(key, value) for value in values]
    return written if len(set(written)) == len(written) else [str(value) for value in values]


def _written(key: str, value: Any) -> str:
    unit = unit_of(key.rpartition(".")[2])
    if value is None:
        return "unset"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return format_quantity(value, unit) if unit and math.isfinite(value) else f"{value:g}"
    return str(value)


def typed(key: str, value: Any) -> str:
    """Write a value as it is typed behind ``key=``: exact and without a space.

    Examples
    --------
    >>> typed("network.uplink_bps", 1e7), typed("network.uplink_bps", 12345678.0), typed("policy.beta", None)
    ('10Mbps', '12345678.0', 'null')
    """
    if value is None:
        return "null"
    text, unit = _written(key, value).replace(" ", ""), unit_of(key.rpartition(".")[2])
    if isinstance(value, bool) or not isinstance(value, int | float):
        return text
    exact = parse_quantity(text, unit) if unit else float(text)
    return text if exact == value else repr(value)


def estimates(table: pd.DataFrame, keys: Sequence[str], metric: str, level: float = 0.95) -> Mapping[Key, Estimate]:
    """Take the mean of a metric in each cell, in the order of :func:`split`."""
    values = table[metric].to_numpy(dtype=np.float64)
    return {cell: estimate(values[rows], level) for cell, rows in split(table, keys).items()}
