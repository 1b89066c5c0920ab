"""The figure of a bandwidth over time: arrays in, Axes out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from simedge.metrics.plots import _axes
from simedge.metrics.schema import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["bandwidth"]

_LINE = "#0072B2"
_OUTAGE = "#F3C9B8"


def bandwidth(
    times_s: FloatArray, rates_bps: FloatArray, end_s: float, title: str = "", ax: Axes | None = None
) -> Axes:
    """Draw a rate that changes in steps, Mbit/s; outages are shaded.

    Parameters
    ----------
    times_s, rates_bps : (n,) float array
        When the rate changes, s, ascending from 0, and to what, bit/s.
    end_s : float
        Where the last step ends, s.
    title : str
        Title of a figure of its own.
    ax : Axes, optional
        Where to draw.
    """
    edges_s, heights = np.append(times_s, end_s), np.append(rates_bps, rates_bps[-1]) / 1e6
    with _axes(ax, title, (8.0, 3.0)) as axes:
        axes.plot(edges_s, heights, drawstyle="steps-post", color=_LINE, linewidth=1.2)
        top = max(float(heights.max()), 1e-9) * 1.06
        down = rates_bps == 0.0
        spans = list(zip(times_s[down].tolist(), np.diff(edges_s)[down].tolist(), strict=True))
        axes.broken_barh(spans, (0.0, top), color=_OUTAGE, linewidth=0)
        axes.set(xlabel="time (s)", ylabel="Mbit/s", xlim=(0.0, end_s), ylim=(0.0, top))
    return axes
