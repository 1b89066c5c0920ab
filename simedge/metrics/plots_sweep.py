"""Figures of many runs: a table of runs in, a Figure out; each value is a mean over seeds and has an interval.

Tables are those of :func:`simedge.experiment.gather.frame`, best with the keys that figures read besides::

    runs = gather.gather("runs/bandwidth")
    plots_sweep.line(gather.frame(runs, plots_sweep.KEYS), "network.uplink_bps").savefig("bandwidth.pdf")

Intervals are Student's over the seeds. Runs that differ in a key which is not shown are refused.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from simedge.errors import ConfigError, InputError
from simedge.metrics.cells import (
    CAMERAS,
    KEYS,
    Estimate,
    columns,
    distinct,
    estimate,
    estimates,
    labels,
    prepared,
    split,
)
from simedge.metrics.curves import RANKS, Curves
from simedge.metrics.dressing import (
    about,
    categories,
    cell_text,
    head,
    ink,
    is_number,
    legend,
    legend_height,
    legend_names,
    line_styles,
    number_axis,
    spans,
    title_of,
    value_axis,
    written_as,
)
from simedge.metrics.plots import _FLOOR_S, _axes, _percent
from simedge.metrics.schema import FloatArray
from simedge.metrics.style import log_seconds, mark_slo, shares, thousands

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["CAMERAS", "KEYS", "heatmap", "latency_cdf", "line", "throughput"]

_TEXT_CELLS_MAX = (14, 24)  # columns and rows of a heat map in which cells are labelled
_BINS_MAX = 600
_CDF_POINTS = 400
_MARKERS = "os^DvPX*"


def heatmap(
    table: pd.DataFrame,
    x: str = "policy.beta",
    y: str = "policy.gamma_s",
    metric: str = "latency_s_mean",
    level: float = 0.95,
    note: str = "",
) -> Figure:
    """Draw a metric over two keys: the mean over seeds in colour and figures, half the width of its interval beneath.

    Parameters
    ----------
    table : DataFrame
        One row per run.
    x, y : str
        Keys; each of their values has a column or row, in ascending order and whatever the distance.
    metric : str
        What is shown; logarithmic in colour when it spans more than a factor of 20.
    level : float
        Confidence of the intervals.
    note : str
        What else stands below the title.

    Returns
    -------
    Figure
        Cells without a run are hatched; "–" stands in those whose runs completed nothing.

    Raises
    ------
    ConfigError, InputError
        If a name is unknown, or the runs differ in a key that is not shown.
    """
    from matplotlib.colors import LogNorm, Normalize

    table = prepared(table, (x, y), metric)
    found = estimates(table, (x, y), metric, level)
    across, up = distinct(table[x]), distinct(table[y])
    grid = np.full((len(up), len(across)), np.nan)
    for (a, b), one in found.items():
        grid[up.index(b), across.index(a)] = one.mean
    means = grid[np.isfinite(grid)]
    if not len(means):
        raise InputError("no run has a value of this metric", metric, "nothing was completed; show served_ratio")
    low, high = float(means.min()), float(means.max())
    log = spans(means)
    norm = LogNorm(low, high) if log else Normalize(low, high if high > low else low + (abs(low) or 1.0))
    size_in = (float(np.clip(2.2 + 0.82 * len(across), 4.8, 13)), float(np.clip(1.7 + 0.5 * len(up), 3.0, 11)))
    with _axes(None, "", size_in) as axes:
        axes.patch.set(hatch="////", edgecolor="#bbbbbb", facecolor="white")
        edges = (np.arange(len(across) + 1) - 0.5, np.arange(len(up) + 1) - 0.5)
        mesh = axes.pcolormesh(*edges, np.ma.masked_invalid(grid), norm=norm, cmap="viridis_r", edgecolors="white")
        if len(across) <= _TEXT_CELLS_MAX[0] and len(up) <= _TEXT_CELLS_MAX[1]:
            for (a, b), one in found.items():
                place, text = (across.index(a), up.index(b)), cell_text(metric, one)
                colour = ink(mesh.cmap(norm(one.mean))) if one.n else "black"
                axes.text(*place, text, color=colour, fontsize=7.5, ha="center", va="center")
        axes.grid(False)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        categories(axes.xaxis, labels(x, across), size_in[0] - 2.0)
        categories(axes.yaxis, labels(y, up))
        axes.set(xlabel=x, ylabel=y)
        bar = _figure(axes).colorbar(mesh, ax=axes, pad=0.02, label=metric)
        bar.outline.set_visible(False)
        written_as(bar.ax.yaxis, metric, log)
        head(axes, title_of(metric), about(table, (x, y), found.values(), level, note))
    return _figure(axes)


def line(
    table: pd.DataFrame,
    x: str,
    by: str = "policy",
    metric: str = "latency_s_mean",
    level: float = 0.95,
    note: str = "",
) -> Figure:
    """Draw a metric over a key with numbers, a line for each value of another, with intervals as bars.

    Parameters
    ----------
    table : DataFrame
        One row per run.
    x : str
        Key of the x axis, or ``cameras``; logarithmic when its values span a decade.
    by : str
        Key that has a line for each value.
    metric : str
        What is shown; logarithmic when it spans more than a factor of 20.
    level : float
        Confidence of the intervals.
    note : str
        What else stands below the title.

    Returns
    -------
    Figure
        A policy that has no such key is a level line across, dashed.

    Raises
    ------
    ConfigError, InputError
        If a name is unknown, `x` has values that are no numbers, or the runs differ in a key that is not shown.
    """
    table = prepared(table, (x, by), metric)
    found = estimates(table, (by, x), metric, level)
    groups = distinct(table[by])
    without = {group for group, at in found if at is None and x.startswith("policy.")}
    wrong = [at for group, at in found if not is_number(at) and group not in without]
    if wrong or not any(is_number(at) for _, at in found):
        said = labels(x, [wrong[0] if wrong else None])[0]
        raise ConfigError(f"{said} has no place on an axis", x, "choose runs in which it is a finite number")
    drawn = [one for one in found.values() if one.n]
    if not drawn:
        raise InputError("no run has a value of this metric", metric, "nothing was completed; show served_ratio")
    names, styles = legend_names(by, groups), line_styles(groups)
    with _axes(None, "", (6.6, 4.0 + legend_height(names))) as axes:
        for at, group in enumerate(groups):
            cells = {place: one for (value, place), one in found.items() if value == group and one.n}
            aside = min(2.5, 16 / len(groups)) * (at - (len(groups) - 1) / 2)  # points, so that no bar hides another
            _line(axes, cells, _MARKERS[at % len(_MARKERS)], aside, {**styles[at], "label": names[at]})
        numbers = distinct(place for _, place in found if place is not None)
        number_axis(axes, numbers, labels(x, numbers))
        value_axis(axes, metric, drawn)
        axes.set(xlabel=x, ylabel=metric)
        legend(axes, names, by)
        head(axes, title_of(metric), about(table, (x, by), found.values(), level, note))
    return _figure(axes)


def _line(axes: Axes, cells: Mapping[Any, Estimate], marker: str, aside: float, style: Mapping[str, Any]) -> None:
    """Draw means with bars, `aside` points to the right; what stands at None goes level across."""
    from matplotlib.transforms import ScaledTranslation

    if None in cells:
        mean, half, n, _ = cells[None]
        axes.axhline(mean, **{**style, "linestyle": "--"})
        if n > 1:
            axes.axhspan(mean - half, mean + half, color=style["color"], alpha=0.15, linewidth=0)
        return
    place = axes.transData + ScaledTranslation(aside / 72, 0, _figure(axes).dpi_scale_trans)
    means = [one.mean for one in cells.values()]
    axes.plot(list(cells), means, marker=marker, markersize=4.5, transform=place, **style)
    bars = {at: one for at, one in cells.items() if one.n > 1}
    axes.errorbar(
        list(bars),
        [one.mean for one in bars.values()],
        [one.half for one in bars.values()],
        fmt="none",
        ecolor=style["color"],
        capsize=2.5,
        elinewidth=1.1,
        transform=place,
    )


def latency_cdf(
    table: pd.DataFrame,
    curves: Sequence[Curves | None],
    by: str = "policy",
    level: float = 0.95,
    note: str = "",
) -> Figure:
    """Draw the share of completed units that were done within a latency, a line for each value of a key.

    Parameters
    ----------
    table : DataFrame
        One row per run.
    curves : sequence of Curves
        Of the same runs, in the same order.
    by : str
        Key that has a line for each value.
    level : float
        Confidence of the bands.
    note : str
        What else stands below the title.

    Returns
    -------
    Figure
        At each latency the mean over seeds of the share, and its interval as a band. Shares lie between the
        percentiles that curves keep: exact to half a percentage point. The legend tells the mean share of late
        units, where the table tells the objective (key ``slo_s``).

    Raises
    ------
    ConfigError, InputError
        If a name is unknown, curves are missing, or the runs differ in a key that is not shown.
    """
    table = prepared(table, (by,))
    known = _known(table, curves)
    cells = {cell[0]: rows for cell, rows in split(table, (by,)).items()}
    objectives = distinct(table["slo_s"]) if "slo_s" in table.columns else []
    slo_s = objectives[0] if len(objectives) == 1 else None
    names, styles = legend_names(by, list(cells)), line_styles(list(cells))
    full = [[one for row in rows if len(one := known[row].latency_quantiles_s)] for rows in cells.values()]
    late = [estimate(table["slo_miss_ratio"].iloc[rows], level) for rows in cells.values()]
    grid_s = _latencies([one for runs in full for one in runs], slo_s)
    with _axes(None, "", (6.6, 4.0 + legend_height(names))) as axes:
        for at, runs in enumerate(full):
            said = f"{_percent(late[at].mean)} late" if slo_s is not None else ""
            names[at] += f", {said if runs else 'none completed'}" if said or not runs else ""
            samples = np.array([_share_within(grid_s, one) for one in runs]).reshape(-1, len(grid_s))
            mean, half = columns(samples, level)
            axes.plot(grid_s, mean, label=names[at], **styles[at])
            low, high = np.clip([mean - half, mean + half], 0, 1)
            axes.fill_between(grid_s, low, high, color=styles[at]["color"], alpha=0.2, linewidth=0)
        if slo_s is not None:
            mark_slo(axes, slo_s, 0.88)
        log_seconds(axes)
        axes.set(xlabel="latency", ylabel="share of completed units", ylim=(0, 1.02))
        shares(axes.yaxis)
        legend(axes, names, by)
        head(axes, "Latency of completed units", about(table, (by,), late, level, note))
    return _figure(axes)


def _latencies(quantiles_s: Sequence[FloatArray], slo_s: float | None) -> FloatArray:
    """Latencies at which shares are drawn, s, the objective among them."""
    if not quantiles_s:
        raise InputError("no run completed anything", remedy="choose others, or show served_ratio with --metric")
    low_s = max(min(float(one[0]) for one in quantiles_s), _FLOOR_S)
    high_s = max(2 * low_s, *(float(one[-1]) for one in quantiles_s))
    spread = np.geomspace(low_s, high_s, _CDF_POINTS)
    return spread if slo_s is None else np.union1d(spread, slo_s)


def _share_within(grid_s: FloatArray, quantiles_s: FloatArray) -> FloatArray:
    """Share of a run's units within each latency, from the latencies at `RANKS`."""
    # Of ranks with one latency the highest counts: np.interp looks for the last place that is not beyond.
    return np.asarray(np.interp(grid_s, quantiles_s, np.array(RANKS) / 100, left=0.0, right=1.0))


def throughput(
    table: pd.DataFrame,
    curves: Sequence[Curves | None],
    by: str = "policy",
    level: float = 0.95,
    note: str = "",
) -> Figure:
    """Draw units completed per second over time, a line for each value of a key, over the units that arrived (grey).

    Parameters
    ----------
    table : DataFrame
        One row per run.
    curves : sequence of Curves
        Of the same runs, in the same order.
    by : str
        Key that has a line for each value.
    level : float
        Confidence of the bands.
    note : str
        What else stands below the title.

    Returns
    -------
    Figure
        Means over seeds, with their intervals as bands. Runs of more than 600 bins are drawn as means of neighbouring
        ones. Arrivals are drawn when they are the same for all lines, and are counted in the unit of the throughput.

    Raises
    ------
    ConfigError, InputError
        If a name is unknown, curves are missing or of different lengths, or the runs differ in a key that is not shown.
    """
    table = prepared(table, (by,))
    known = _known(table, curves)
    cells = {cell[0]: rows for cell, rows in split(table, (by,)).items()}
    names, styles = legend_names(by, list(cells)), line_styles(list(cells))
    counted: list[Estimate] = []
    arrived: set[tuple[float, ...]] = set()
    with _axes(None, "", (8.0, 3.6 + legend_height(names))) as axes:
        end_s, step_s = 0.0, 0.0
        for at, rows in enumerate(cells.values()):
            runs = [known[row] for row in rows]
            if len({(run.bin_s, len(run.done_units)) for run in runs}) > 1:
                raise InputError("some of the runs are longer than others", names[at], "choose one horizon_s")
            middle_s, done = _per_second(runs, "done_units")
            mean, half = columns(done, level)
            counted.append(Estimate(float(mean.mean()), float(half.mean()), len(runs), 0))
            arrived.add((len(runs), *np.sum([run.arrived_units for run in runs], axis=0).tolist()))
            axes.plot(middle_s, mean, label=names[at], linewidth=1.3, zorder=2.2, **styles[at])
            if np.isfinite(half).any():
                band = {"color": styles[at]["color"], "alpha": 0.2, "linewidth": 0, "zorder": 2.1}
                axes.fill_between(middle_s, np.maximum(mean - half, 0), mean + half, **band)
            end_s = max(end_s, runs[0].bin_s * len(runs[0].done_units))
            step_s = max(step_s, _step(runs[0]) * runs[0].bin_s)
        if len(arrived) == 1 and ("unit" not in table.columns or set(table["unit"]) == {"roi"}):
            edges_s = np.append(_starts(runs[0]), len(runs[0].done_units)) * runs[0].bin_s
            mean = _per_second(runs, "arrived_units")[1].mean(axis=0)
            axes.stairs(mean, edges_s, fill=True, color="#dddddd", label="arrived")
            names = [*names, "arrived"]
        axes.set(xlabel="time (s)", ylabel="units completed per second", xlim=(0, end_s))
        axes.set_ylim(bottom=0)
        thousands(axes.yaxis)
        thousands(axes.xaxis)
        legend(axes, names, by)
        title = "Throughput" if step_s == 1 else f"Throughput, means over {step_s:g} s"
        head(axes, title, about(table, (by,), counted, level, note))
    return _figure(axes)


def _known(table: pd.DataFrame, curves: Sequence[Curves | None]) -> list[Curves]:
    if len(curves) != len(table):
        raise ValueError(f"{len(table)} runs have {len(curves)} curves")
    for at, one in enumerate(curves):
        if one is None:
            raise InputError("no curves of this run are known", str(table["run"].iloc[at]), "run it again")
    return [one for one in curves if one is not None]


def _step(run: Curves) -> int:
    return math.ceil(len(run.done_units) / _BINS_MAX)


def _starts(run: Curves) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.arange(0, len(run.done_units), _step(run))


def _per_second(runs: Sequence[Curves], name: str) -> tuple[FloatArray, FloatArray]:
    """Middles of the bins drawn, s, and the counts in them per second, a row for each run."""
    starts = _starts(runs[0])
    edges_s = np.append(starts, len(runs[0].done_units)) * runs[0].bin_s
    counts = np.add.reduceat(np.stack([getattr(run, name) for run in runs]), starts, axis=1)
    return (edges_s[:-1] + edges_s[1:]) / 2, counts / np.diff(edges_s)


def _figure(axes: Axes) -> Figure:
    return cast("Figure", axes.figure)
