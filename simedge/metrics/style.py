"""How figures look: settings, colours, and the dressing of axes; matplotlib is imported in ``plots.py`` alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from simedge.metrics.schema import FloatArray
from simedge.units import format_quantity

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

__all__ = [
    "PARTS_DRAWN",
    "STYLE",
    "colours",
    "label_rows",
    "legend_below",
    "log_seconds",
    "mark_slo",
    "percentile_boxes",
    "shares",
    "thousands",
]

STYLE: dict[str, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": "#666666",
    "axes.grid": True,
    "axes.labelcolor": "#222222",
    "axes.labelsize": 9,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "figure.dpi": 120,
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.7,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "xtick.color": "#444444",
    "xtick.labelsize": 8,
    "ytick.color": "#444444",
    "ytick.labelsize": 8,
}
"""Matplotlib settings of every figure; ``matplotlib.rc_context(STYLE)`` applies them to other figures."""

# Okabe and Ito's palette: distinct under every common colour blindness. A policy has one colour in all figures.
_COLOURS = {
    "camera_only": "#E69F00",
    "centralized": "#56B4E9",
    "videoedge_l": "#CC79A7",
    "distream_l": "#009E73",
    "distream_p": "#7F7F7F",
    "distream": "#0072B2",
    "distream_fast": "#D55E00",
}
_SPARE = ("#882255", "#44AA99", "#999933", "#332288", "#AA4499", "#117733", "#DDCC77")
# Light for waiting, dark for executing; warm for cameras, cold for the edge.
PARTS_DRAWN: dict[str, tuple[str, str]] = {
    "queue_s": ("camera queue", "#F7CF8A"),
    "camera_s": ("camera", "#D9860A"),
    "network_s": ("network", "#9A9A9A"),
    "edge_queue_s": ("edge queue", "#A9D3F0"),
    "edge_s": ("edge", "#0072B2"),
}
_SLO_COLOUR = "#B00020"
_PERCENTILES = (1, 25, 50, 75, 99)


def colours(labels: Iterable[str]) -> dict[str, str]:
    """Choose a colour for each label: a shipped policy always has its own, others take spare ones in order.

    Examples
    --------
    >>> colours(["mine", "distream"])
    {'mine': '#882255', 'distream': '#0072B2'}
    """
    spare = 0
    chosen: dict[str, str] = {}
    for label in dict.fromkeys(labels):
        if label in _COLOURS:
            chosen[label] = _COLOURS[label]
        else:
            chosen[label] = _SPARE[spare % len(_SPARE)]
            spare += 1
    return chosen


def thousands(axis: Axis) -> None:
    """Write the numbers of an axis as 12,000."""
    axis.set_major_formatter(lambda value, _: f"{value:,.0f}" if abs(value) >= 10 else f"{value:g}")


def shares(axis: Axis) -> None:
    """Write the numbers of an axis, 0 to 1, as percentages."""
    axis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")


def log_seconds(axes: Axes) -> None:
    """Make the x axis logarithmic in time, with the unit at each decade: 10 ms, 100 ms, 1 s."""
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda value, _: format_quantity(value, "s"))
    axes.xaxis.set_minor_formatter(lambda *_: "")
    axes.grid(visible=False, which="minor")


def mark_slo(axes: Axes, slo_s: float, height: float) -> None:
    """Mark the latency objective on the x axis, with a label at a height from 0 to 1."""
    axes.axvline(slo_s, color=_SLO_COLOUR, linestyle="--", linewidth=1.1, zorder=1.5)
    axes.annotate(
        f"SLO {format_quantity(slo_s, 's')}",
        (slo_s, height),
        xycoords=("data", "axes fraction"),
        xytext=(4, 0),
        textcoords="offset points",
        va="center",
        fontsize=8,
        color=_SLO_COLOUR,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0},
    )


def legend_below(axes: Axes, columns: int) -> None:
    """Put the legend below the x axis, where it hides no data."""
    drawn = len(axes.get_legend_handles_labels()[1])
    if drawn:
        gap = 0.5 * axes.figure.dpi / axes.figure.bbox.height  # room for tick and axis labels, as a share of the height
        axes.legend(
            loc="upper center",
            bbox_to_anchor=(0.5, -1.35 * gap),
            ncols=min(columns, drawn),
            columnspacing=1.0,
            handlelength=1.2,
        )


def label_rows(axes: Axes, labels: Sequence[str]) -> None:
    """Name the rows of a figure from top to bottom, in place of numbers on the y axis."""
    axes.set_yticks(np.arange(len(labels)), labels)
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")


def percentile_boxes(axes: Axes, values: Mapping[str, FloatArray], means: bool = False) -> None:
    """Draw a box per label, a row each: percentiles 1, 25, 50, 75 and 99, and optionally the mean as a dot."""
    chosen = colours(values)
    for row, (label, sample) in enumerate(values.items()):
        if not len(sample):
            continue
        low, q1, median, q3, high = np.percentile(sample, _PERCENTILES).tolist()
        stats = {"whislo": low, "q1": q1, "med": median, "q3": q3, "whishi": high, "mean": float(sample.mean())}
        axes.bxp(
            [stats],
            positions=[row],
            orientation="horizontal",
            widths=0.5,
            showfliers=False,
            showmeans=means,
            patch_artist=True,
            boxprops={"facecolor": chosen[label] + "99", "edgecolor": chosen[label], "linewidth": 1.5},
            medianprops={"color": "#111111", "linewidth": 1.5},
            meanprops={"marker": "o", "markersize": 4, "markerfacecolor": "white", "markeredgecolor": "#111111"},
            whiskerprops={"color": chosen[label], "linewidth": 1.5},
            capprops={"color": chosen[label], "linewidth": 1.5},
            manage_ticks=False,
        )
    label_rows(axes, list(values))
