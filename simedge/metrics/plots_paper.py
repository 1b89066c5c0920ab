"""The figure of a reproduced table: published gains beside simulated ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from simedge.metrics.plots import _new_figure, _style
from simedge.metrics.style import colours, label_rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["published_beside_simulated"]

_STATISTICS = ("mean", "p50", "p75", "p99")
_PANELS = {"throughput_gain": "Throughput, times more", "latency_gain": "Latency, times less (logarithmic)"}

_DIAMOND = {"linestyle": "none", "marker": "D", "markersize": 5.5, "markeredgecolor": "#222222"}
_SIGNS: dict[str, dict[str, Any]] = {
    "simulated, with 95 % interval": {"color": "#777777", "marker": "o", "markersize": 5, "linewidth": 2.2},
    "published": {**_DIAMOND, "markerfacecolor": "#222222"},
    "published, used to calibrate": {**_DIAMOND, "markerfacecolor": "none"},
}


def published_beside_simulated(rows: Sequence[Mapping[str, Any]], title: str = "") -> Figure:
    """Draw gains in throughput and latency, a row for each policy and statistic.

    Parameters
    ----------
    rows : sequence of mapping
        Keys ``policy``, ``metric`` (``throughput_gain_mean``, …), ``published``, ``simulated``, ``low``, ``high``,
        ``kind``; values may be None. Rows of other metrics and of kind ``target`` are left out.
    title : str
        What stands above.

    Returns
    -------
    Figure
        A dot with its interval is simulated, a diamond published, hollow where the cell was used to calibrate.
    """
    wanted = {f"{family}_{s}" for family in _PANELS for s in _STATISTICS}
    cells = {(r["policy"], r["metric"]): r for r in rows if r["metric"] in wanted and r["kind"] != "target"}
    policies = list(dict.fromkeys(policy for policy, _ in cells))
    labels = [f"{policy}   {s}" if s == "mean" else s for policy in policies for s in _STATISTICS]
    with _style():
        figure = _new_figure((10.5, 1.8 + 0.21 * max(len(labels), 4)))
        panels: Sequence[Axes] = figure.subplots(1, 2, sharey=True)
        for axes, (family, name) in zip(panels, _PANELS.items(), strict=True):
            named = [f"{family}_{s}" for s in _STATISTICS]
            _panel(axes, [cells.get((policy, metric)) for policy in policies for metric in named], policies)
            axes.set_title(name)
            axes.set_xlabel("gain over camera_only")
        panels[0].set_xlim(left=0)
        panels[1].set_xscale("log")
        panels[1].xaxis.set_major_formatter(lambda value, _: f"{value:g}×")
        panels[0].xaxis.set_major_formatter(lambda value, _: f"{value:g}×")
        panels[1].xaxis.set_minor_formatter(lambda *_: "")
        label_rows(panels[0], labels or ["no gains"])
        for name, style in _SIGNS.items():
            panels[0].plot([], [], label=name, **style)
        figure.legend(loc="outside lower center", ncols=len(_SIGNS))
        figure.suptitle(title, x=0.008, ha="left", fontsize=10)
    return figure


def _panel(axes: Axes, cells: Sequence[Mapping[str, Any] | None], policies: Sequence[str]) -> None:
    chosen = colours(policies)
    for at, cell in enumerate(cells):
        colour = chosen[policies[at // len(_STATISTICS)]]
        if at and at % len(_STATISTICS) == 0:
            axes.axhline(at - 0.5, color="#cccccc", linewidth=0.8)
        if cell is None:
            continue
        if cell["low"] is not None:
            axes.plot([cell["low"], cell["high"]], [at, at], color=colour, linewidth=2.2)
        if cell["simulated"] is not None:
            axes.plot(cell["simulated"], at, "o", color=colour, markersize=5)
        if cell["published"] is not None:
            name = "published, used to calibrate" if cell["kind"] == "fitted" else "published"
            axes.plot(cell["published"], at, zorder=1.9, **_SIGNS[name])
    axes.set_yticks(np.arange(len(cells)))
