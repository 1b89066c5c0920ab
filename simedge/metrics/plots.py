"""One function per figure: DataFrames in, Axes out. Matplotlib is imported here alone, and without pyplot's state.

Every function draws into `ax` when one is given, else into a figure of its own; ``axes.figure.savefig(path)`` writes
it. `runs` maps a label, as a rule the policy's name, to the table ``rois`` of its run.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np

from simedge.metrics.schema import PARTS, FloatArray
from simedge.metrics.style import (
    PARTS_DRAWN,
    STYLE,
    colours,
    label_rows,
    legend_below,
    log_seconds,
    mark_slo,
    percentile_boxes,
    shares,
    thousands,
)
from simedge.metrics.summary import per_second
from simedge.units import format_quantity

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "STYLE",
    "Plots",
    "colours",
    "comparison",
    "latency_box",
    "latency_cdf",
    "latency_parts",
    "queues",
    "throughput_box",
    "throughput_over_time",
]

_CDF_POINTS = 4000
_HEAT_COLUMNS = 600
_FLOOR_S = 1e-6  # a logarithmic axis has no place for 0


class _Run(Protocol):
    """What a comparison reads of a result."""

    @property
    def rois(self) -> pd.DataFrame: ...
    @property
    def reports(self) -> pd.DataFrame: ...
    @property
    def facts(self) -> Mapping[str, Any]: ...
    @property
    def scenario(self) -> str: ...
    @property
    def policy(self) -> str: ...
    @property
    def seed(self) -> int: ...
    @property
    def metrics(self) -> dict[str, float]: ...


def latency_cdf(
    runs: Mapping[str, pd.DataFrame], slo_s: float | None = None, warmup_s: float = 0.0, ax: Axes | None = None
) -> Axes:
    """Draw the share of completed units that were done within a latency, one line per run, logarithmic in time.

    Parameters
    ----------
    runs : mapping of str to DataFrame
        Label -> columns ``arrived_s`` and ``latency_s``, s.
    slo_s : float, optional
        Objective to mark, s; the legend then tells the share of late units.
    warmup_s : float
        Units that arrived earlier are left out, s.
    ax : Axes, optional
        Where to draw.
    """
    with _axes(ax, "Latency of completed units") as axes:
        chosen = colours(runs)
        for label, rois in runs.items():
            latency_s = np.sort(_completed(rois, warmup_s, "latency_s"))
            late = f"{label}, {_percent(np.mean(latency_s > slo_s))} late" if slo_s and len(latency_s) else label
            # Thinned to what a screen shows, but exact at the objective.
            kept = np.linspace(0, len(latency_s) - 1, min(len(latency_s), _CDF_POINTS)).round().astype(np.int64)
            if slo_s and len(latency_s):
                kept = np.union1d(kept, max(int(np.searchsorted(latency_s, slo_s, side="right")) - 1, 0))
            share = (kept + 1) / max(len(latency_s), 1)
            x = np.maximum(latency_s[kept], _FLOOR_S)
            axes.plot(x, share, drawstyle="steps-post", color=chosen[label], label=late)
        if slo_s:
            mark_slo(axes, slo_s, 0.88)
        log_seconds(axes)
        axes.set(xlabel="latency", ylabel="share of completed units", ylim=(0, 1.02))
        shares(axes.yaxis)
        legend_below(axes, 2)
    return axes


def latency_box(
    runs: Mapping[str, pd.DataFrame], slo_s: float | None = None, warmup_s: float = 0.0, ax: Axes | None = None
) -> Axes:
    """Draw latency percentiles 1, 25, 50, 75 and 99 per run (as Figs. 1.10 and 1.11), logarithmic in time."""
    with _axes(ax, "Latency, percentiles 1–25–50–75–99", _rows_size(runs)) as axes:
        values = {label: np.maximum(_completed(rois, warmup_s, "latency_s"), _FLOOR_S) for label, rois in runs.items()}
        percentile_boxes(axes, values)
        if slo_s:
            mark_slo(axes, slo_s, 1 - 1 / max(len(runs), 2))
        log_seconds(axes)
        axes.set(xlabel="latency")
    return axes


def latency_parts(
    runs: Mapping[str, pd.DataFrame], warmup_s: float = 0.0, share: bool = False, ax: Axes | None = None
) -> Axes:
    """Draw where completed units spent their time, a stacked bar per run that ends at the mean latency.

    Parameters
    ----------
    runs : mapping of str to DataFrame
        Label -> columns ``arrived_s``, ``latency_s`` and the parts of a latency, s.
    warmup_s : float
        Units that arrived earlier are left out, s.
    share : bool
        Draw every bar from 0 to 100 %, which keeps a short one legible beside a long one.
    ax : Axes, optional
        Where to draw.
    """
    with _axes(ax, "Where the mean latency is spent", _rows_size(runs)) as axes:
        means: dict[str, dict[str, float]] = {}
        for label, rois in runs.items():
            times_s = {part: _completed(rois, warmup_s, part) for part in ("latency_s", *PARTS)}
            means[label] = {part: float(values.sum()) / max(len(values), 1) for part, values in times_s.items()}
        scale = {label: (share and mean["latency_s"]) or 1.0 for label, mean in means.items()}
        begin = dict.fromkeys(means, 0.0)
        rows = np.arange(len(means))
        for part, (name, colour) in PARTS_DRAWN.items():
            widths = [means[label][part] / scale[label] for label in means]
            axes.barh(rows, widths, left=list(begin.values()), height=0.55, color=colour, label=name, linewidth=0)
            begin = {label: begin[label] + width for label, width in zip(means, widths, strict=True)}
        for row, (label, end) in enumerate(begin.items()):
            total = means[label]["latency_s"]
            text = format_quantity(total, "s") if total else "none completed"
            axes.annotate(text, (end, row), xytext=(4, 0), textcoords="offset points", va="center", fontsize=8)
        label_rows(axes, list(means))
        axes.set(xlabel="share of the mean latency" if share else "mean latency of completed units (s)")
        axes.set_xlim(0, 1.3 * max([*begin.values(), 1e-9]))
        if share:
            axes.set_xticks(np.linspace(0, 1, 5))
            shares(axes.xaxis)
        else:
            thousands(axes.xaxis)
        legend_below(axes, 5)
    return axes


def throughput_over_time(runs: Mapping[str, pd.DataFrame], horizon_s: float, ax: Axes | None = None) -> Axes:
    """Draw units completed in each second, one line per run, over the units that arrived (grey).

    Arrivals are drawn once when all runs had the same, else not at all.
    """
    with _axes(ax, "Throughput", (8.0, 3.2)) as axes:
        chosen = colours(runs)
        offered = _same_arrivals(runs, 0.0, horizon_s)
        if offered is not None:
            axes.stairs(offered, np.arange(len(offered) + 1), fill=True, color="#dddddd", label="arrived")
        for label, rois in runs.items():
            done = per_second(rois["done_s"].to_numpy(), 0.0, horizon_s)
            axes.stairs(done, np.arange(len(done) + 1), baseline=None, color=chosen[label], label=label, linewidth=1.3)
        axes.set(xlabel="time (s)", ylabel="units per second", xlim=(0, horizon_s))
        axes.set_ylim(bottom=0)
        thousands(axes.yaxis)
        legend_below(axes, 6)
    return axes


def throughput_box(
    runs: Mapping[str, pd.DataFrame], horizon_s: float, warmup_s: float = 0.0, ax: Axes | None = None
) -> Axes:
    """Draw percentiles 1, 25, 50, 75 and 99 of the units completed per 1-s bin, per run (as Figs. 1.10 and 1.11).

    The mean is a dot; a dashed line marks the mean arrivals when all runs had the same.
    """
    with _axes(ax, "Throughput, percentiles 1–25–50–75–99", _rows_size(runs)) as axes:
        values = {label: per_second(rois["done_s"].to_numpy(), warmup_s, horizon_s) for label, rois in runs.items()}
        percentile_boxes(axes, values, means=True)
        offered = _same_arrivals(runs, warmup_s, horizon_s)
        if offered is not None and len(offered):
            mean = float(offered.mean())
            axes.axvline(mean, color="#444444", linestyle="--", linewidth=1.1, zorder=1)
            axes.annotate(
                f"offered {mean:,.0f}" if mean >= 10 else f"offered {mean:.3g}",
                (mean, 1),
                xycoords=("data", "axes fraction"),
                xytext=(-3, -2),
                textcoords="offset points",
                ha="right",
                va="top",
                fontsize=8,
                color="#444444",
            )
        axes.set(xlabel="units completed per second")
        axes.set_xlim(left=0)
        thousands(axes.xaxis)
    return axes


def queues(reports: pd.DataFrame, column: str = "queue_units", ax: Axes | None = None) -> Axes:
    """Draw the units queued at each camera and the edge over time as a heat map; an empty queue is white.

    Parameters
    ----------
    reports : DataFrame
        Table ``reports``: time_s, entity and `column`.
    column : str
        What to show; another column of the table, such as ``outbound_units``.
    ax : Axes, optional
        Where to draw.
    """
    from matplotlib.colors import LogNorm

    entities = [str(name) for name in reports["entity"].cat.categories]
    with _axes(ax, "Units in queues", (8.0, 1.4 + 0.26 * max(len(entities), 4))) as axes:
        times = np.unique(reports["time_s"].to_numpy())
        grid = np.zeros((len(entities), len(times)))
        grid[reports["entity"].cat.codes.to_numpy(), np.searchsorted(times, reports["time_s"])] = reports[column]
        # Means over neighbouring reports, so that no short peak is lost between two pixels.
        edges = np.unique(np.linspace(0, len(times), min(len(times), _HEAT_COLUMNS) + 1).round().astype(np.int64))
        if len(times):
            grid = np.add.reduceat(grid, edges[:-1], axis=1) / np.diff(edges)
        # Each value holds since the report before, so a column ends at its report.
        end_s = np.r_[0.0 if not len(times) else max(0.0, 2 * times[0] - times[min(1, len(times) - 1)]), times]
        top = max(10.0, float(grid.max(initial=0.0)))
        mesh = axes.pcolormesh(
            end_s[edges] if len(times) else np.array([0.0, 1.0]),
            np.arange(len(entities) + 1) - 0.5,
            np.ma.masked_less(grid if len(times) else np.zeros((len(entities), 1)), 0.5),
            norm=LogNorm(vmin=1, vmax=top),
            cmap="viridis_r",
            rasterized=True,
        )
        label_rows(axes, entities)
        axes.grid(False)
        axes.set(xlabel="time (s)")
        figure = axes.figure
        bar = figure.colorbar(mesh, ax=axes, pad=0.015, label="units")
        thousands(bar.ax.yaxis)
        bar.ax.minorticks_off()
    return axes


def comparison(runs: Sequence[_Run] | Mapping[str, _Run]) -> Figure:
    """Draw several runs beside each other: latency distribution, throughput, and the parts of the mean latency.

    Parameters
    ----------
    runs : sequence or mapping of Results
        Runs of one scenario; a sequence is labelled by policy, by policy and seed where a policy stands twice.

    Returns
    -------
    Figure
        Three panels. Parts are drawn as shares when one mean latency is less than 5 % of another.

    Raises
    ------
    ValueError
        If there is no run.
    """
    named = dict(runs) if isinstance(runs, Mapping) else _labelled(runs)
    if not named:
        raise ValueError("a comparison needs at least one run")
    rois = {label: run.rois for label, run in named.items()}
    first = next(iter(named.values()))
    slo_s, horizon_s, warmup_s = (float(first.facts[key]) for key in ("slo_s", "horizon_s", "warmup_s"))
    with _style():
        figure = _new_figure((13.5, 3.8 + 0.24 * max(len(named) - 3, 0)))
        cdf, box, parts = figure.subplots(1, 3, gridspec_kw={"width_ratios": (1.1, 1, 1)})
        latency_cdf(rois, slo_s, warmup_s, ax=cdf)
        cdf.set_title("Latency of completed units")
        throughput_box(rois, horizon_s, warmup_s, ax=box)
        box.set_title("Throughput, percentiles 1–25–50–75–99")
        means = [run.metrics["latency_s_mean"] for run in named.values() if run.metrics["completed_units"]]
        latency_parts(rois, warmup_s, share=bool(means) and min(means) < 0.05 * max(means), ax=parts)
        parts.set_title("Where the mean latency is spent")
        figure.suptitle(f"{first.scenario}, {horizon_s:,g} s, seed {first.seed}", x=0.008, ha="left", fontsize=10)
    return figure


class Plots:
    """Figures of one run; each method draws into `ax` or a figure of its own, and returns the Axes."""

    def __init__(self, run: _Run) -> None:
        self._run = run

    def latency(self, ax: Axes | None = None) -> Axes:
        """Draw the distribution of latencies, with the objective."""
        return latency_cdf(self._rois(), self._fact("slo_s"), self._fact("warmup_s"), ax)

    def throughput(self, ax: Axes | None = None) -> Axes:
        """Draw arrivals and completions in each second."""
        return throughput_over_time(self._rois(), self._fact("horizon_s"), ax)

    def queues(self, ax: Axes | None = None) -> Axes:
        """Draw the queues of the cameras and the edge over time."""
        return queues(self._run.reports, ax=ax)

    def parts(self, ax: Axes | None = None) -> Axes:
        """Draw where the mean latency is spent."""
        return latency_parts(self._rois(), self._fact("warmup_s"), ax=ax)

    def _rois(self) -> dict[str, pd.DataFrame]:
        return {self._run.policy: self._run.rois}

    def _fact(self, name: str) -> float:
        return float(self._run.facts[name])


def _labelled(runs: Sequence[_Run]) -> dict[str, _Run]:
    policies = [run.policy for run in runs]
    return {run.policy if policies.count(run.policy) == 1 else f"{run.policy}, seed {run.seed}": run for run in runs}


def _completed(rois: pd.DataFrame, warmup_s: float, column: str) -> FloatArray:
    kept = (rois["arrived_s"].to_numpy() >= warmup_s) & ~np.isnan(rois["latency_s"].to_numpy())
    return np.asarray(rois[column].to_numpy()[kept], dtype=np.float64)


def _same_arrivals(runs: Mapping[str, pd.DataFrame], warmup_s: float, horizon_s: float) -> FloatArray | None:
    times = [rois["arrived_s"].to_numpy() for rois in runs.values()]
    if not times or any(not np.array_equal(times[0], other) for other in times[1:]):
        return None
    return per_second(times[0], warmup_s, horizon_s)


def _percent(share: float | np.floating[Any]) -> str:
    return f"{100 * share:.1f} %" if 0 < share < 0.1 else f"{100 * share:.0f} %"


@contextmanager
def _axes(ax: Axes | None, title: str, size_in: tuple[float, float] = (6.4, 3.8)) -> Iterator[Axes]:
    """Give the caller's axes as they are, or new ones that are drawn in our style."""
    if ax is not None:
        yield ax
        return
    with _style():
        axes: Axes = _new_figure(size_in).add_subplot(axes_class=_shown_in_notebooks()[1])
        axes.set_title(title)
        yield axes


def _rows_size(runs: Mapping[str, Any]) -> tuple[float, float]:
    return (6.4, 1.4 + 0.45 * max(len(runs), 1))


def _new_figure(size_in: tuple[float, float]) -> Figure:
    figure: Figure = _shown_in_notebooks()[0](figsize=size_in, layout="constrained")
    return figure


def _style() -> AbstractContextManager[None]:
    from matplotlib import rc_context

    return rc_context(cast(Any, STYLE))


@cache
def _shown_in_notebooks() -> tuple[type[Figure], type[Axes]]:
    """Figure and Axes that a notebook shows as a picture: pyplot, which else arranges that, is not used."""
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    class ShownFigure(Figure):
        def _repr_png_(self) -> bytes:
            stream = io.BytesIO()
            self.savefig(stream, format="png")
            return stream.getvalue()

    class ShownAxes(Axes):
        def _repr_png_(self) -> bytes:
            return cast(ShownFigure, self.figure)._repr_png_()

    return ShownFigure, ShownAxes
