"""The dressing of figures of many runs: titles, legends, axes of values as people write them."""

from __future__ import annotations

import math
import re
import textwrap
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from simedge.metrics.cells import Estimate, distinct, labels
from simedge.metrics.schema import FloatArray, metric_of, show
from simedge.metrics.style import colours, legend_below, thousands

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

__all__ = [
    "about",
    "categories",
    "cell_text",
    "head",
    "ink",
    "is_number",
    "legend",
    "legend_height",
    "legend_names",
    "line_styles",
    "number_axis",
    "spans",
    "title_of",
    "value_axis",
    "written_as",
]

_LOG_SPAN = 20.0  # a metric that spans more is drawn on a logarithmic scale
_LOG_SPAN_KEY = 10.0
_LABEL_CHARACTERS_MAX = 60
_CHARACTER = 0.0125  # width of a character of a tick label, as a share of the axis
_CHARACTER_IN = 0.075
_TICKS_MAX = 40
_DASHES = ("-", "--", ":", "-.")
_GREY = "#666666"


def is_number(value: Any) -> bool:
    """Whether a value has a place on an axis of numbers."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def spans(values: FloatArray, factor: float = _LOG_SPAN) -> bool:
    """Whether values are positive and the largest is so many times the smallest: a case for a logarithmic scale."""
    low, high = float(values.min()), float(values.max())
    return low > 0 and high >= factor * low * (1 - 1e-9)


def ink(background: Sequence[float]) -> str:
    """Choose black or white, whichever contrasts more with a colour (relative luminance of WCAG 2.2).

    Examples
    --------
    >>> ink((1.0, 1.0, 0.0)), ink((0.0, 0.0, 1.0))
    ('black', 'white')
    """
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in background[:3]]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "black" if (luminance + 0.05) ** 2 > 1.05 * 0.05 else "white"


def cell_text(metric: str, one: Estimate) -> str:
    """Write a mean, and beneath it half the width of its interval; counts without their unit, which a scale tells.

    Examples
    --------
    >>> cell_text("latency_s_mean", Estimate(0.26, 0.02, 5, 0)).splitlines()
    ['260 ms', '± 20 ms']
    """

    def said(value: float) -> str:
        text = show(metric, value)
        return text.removesuffix(metric_of(metric).unit).strip() if _is_count(metric) else text

    return said(one.mean) + (f"\n± {said(one.half)}" if math.isfinite(one.half) else "")


def title_of(metric: str) -> str:
    """Make a title of a metric's name.

    Examples
    --------
    >>> title_of("latency_s_p99"), title_of("slo_miss_ratio"), title_of("utilisation.gpu_1")
    ('Latency, p99', 'SLO miss ratio', 'Utilisation, gpu 1')
    """
    found = re.fullmatch(r"(.+?)(_s|_ips)?(?:_(mean|max|p\d+))?", metric)
    assert found is not None
    words = found[1].replace("_", " ").replace(".", ", ").replace("slo", "SLO")
    return f"{words[0].upper()}{words[1:]}" + (f", {found[3]}" if found[3] else "")


def about(table: pd.DataFrame, shown: Sequence[str], found: Iterable[Estimate], level: float, note: str = "") -> str:
    """Say what the runs of a figure were, how many stand behind a value, and what an interval is of.

    Parameters
    ----------
    table : DataFrame
        The runs.
    shown : sequence of str
        What the figure tells apart; needs not be said again.
    found : iterable of Estimate
        The values that are drawn.
    level : float
        Confidence of the intervals.
    note : str
        What else is to be said.
    """
    cells = list(found)
    sizes = [one.n for one in cells if one.n]
    missing = sum(one.missing for one in cells)
    scenarios = distinct(table["scenario"])
    said = [str(scenarios[0])] if len(scenarios) == 1 and "scenario" not in shown else []
    workloads = distinct(table["workload"])
    repeated = "recorded" in workloads and len(distinct(table["seed"])) > 1
    said.append(f"{' and '.join(map(str, workloads))} arrivals" + (": policy noise only" if repeated else ""))
    if max(sizes, default=0) > 1:
        size = f"{sizes[0]}" if len(set(sizes)) == 1 else f"{min(sizes)}–{max(sizes)}"
        said.append(f"n={size} seeds, {100 * level:g} % interval")
    else:
        said.append("1 run" if len(sizes) == 1 else "1 run each")
    if missing:
        said.append(f"{missing} run{'s' if missing > 1 else ''} without a value left out")
    return "; ".join([*said, note] if note else said)


def head(axes: Axes, title: str, said: str) -> None:
    """Put a title above a figure, and small below it what is said of the runs, in as many lines as it takes."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    lines = textwrap.wrap(said, int(14.5 * figure.get_size_inches()[0]))
    axes.set_title(title, pad=6 + 11 * len(lines))
    below = axes.annotate(
        "\n".join(lines),
        (0, 1),
        xycoords="axes fraction",
        xytext=(0, 5),
        textcoords="offset points",
        va="bottom",
        fontsize=8,
        color=_GREY,
    )
    below.set_in_layout(False)  # wider than a heat map without its scale; the title's distance has made room for it


def line_styles(values: Sequence[Any]) -> list[dict[str, Any]]:
    """Choose colour and dashes of a line for each value.

    Numbers go from dark to light; anything else has the colour of its name, and other dashes where colours recur.
    """
    if len(values) > 1 and all(is_number(value) for value in values):
        from matplotlib import colormaps

        return [{"color": colour} for colour in colormaps["viridis"](np.linspace(0, 0.88, len(values)))]
    chosen, seen = colours(map(str, values)), Counter[str]()
    styles: list[dict[str, Any]] = []
    for value in values:
        colour = chosen[str(value)]
        styles.append({"color": colour, "linestyle": _DASHES[seen[colour] % len(_DASHES)]})
        seen[colour] += 1
    return styles


def legend_names(key: str, values: Sequence[Any]) -> list[str]:
    """Name the lines of a figure; a very long name is cut, unless that makes two alike."""
    names = labels(key, values)
    cut = [name if len(name) <= _LABEL_CHARACTERS_MAX else f"{name[: _LABEL_CHARACTERS_MAX - 1]}…" for name in names]
    return cut if len(set(cut)) == len(cut) else names


def legend_height(names: Sequence[str]) -> float:
    """Height that a legend needs besides that of two rows, inches."""
    return 0.17 * max(math.ceil(len(names) / _legend_columns(names)) - 2, 0)


def legend(axes: Axes, names: Sequence[str], key: str) -> None:
    """Put a legend of these names below a figure, headed by their key unless they speak for themselves."""
    legend_below(axes, _legend_columns(names))
    made = axes.get_legend()
    if made is not None and key not in {"policy", "scenario"}:
        made.set_title(key)
        made.get_title().set_fontsize(8)


def _legend_columns(names: Sequence[str]) -> int:
    return int(np.clip(116 // (max(map(len, names)) + 7), 1, 6))


def categories(axis: Axis, names: Sequence[str], room_in: float | None = None) -> None:
    """Label the places 0, 1, … of an axis; thinned where they are many, upright where they would touch.

    Parameters
    ----------
    axis : Axis
        The axis.
    names : sequence of str
        A name for each place.
    room_in : float, optional
        Length of the axis, inches, if labels stand beside each other.
    """
    every = math.ceil(len(names) / _TICKS_MAX)
    axis.set_ticks(np.arange(len(names))[::every], list(names)[::every])
    if room_in is not None and max(map(len, names)) * _CHARACTER_IN > room_in / len(names) * every:
        axis.set_tick_params(rotation=90)


def number_axis(axes: Axes, values: Sequence[float], names: Sequence[str]) -> None:
    """Put a tick on the x axis at each value, as far as there is room; logarithmic when they span a decade."""
    x = np.array(values, dtype=np.float64)
    log = spans(x, _LOG_SPAN_KEY)
    if log:
        axes.set_xscale("log")
    place = np.log(x) if log else x
    pad = 0.05 * float(place[-1] - place[0]) or 0.5 * abs(float(place[0])) or 0.5
    ends = (float(place[0]) - pad, float(place[-1]) + pad)
    axes.set_xlim(*(np.exp(ends) if log else ends))
    kept = [0]
    for at in range(1, len(names)):
        room = float(place[at] - place[kept[-1]]) / (ends[1] - ends[0])
        if room > _CHARACTER * ((len(names[at]) + len(names[kept[-1]])) / 2 + 1):
            kept.append(at)
    axes.set_xticks(x[kept], [names[at] for at in kept])
    axes.xaxis.set_minor_formatter(lambda *_: "")
    axes.xaxis.minorticks_off()


def value_axis(axes: Axes, metric: str, found: Sequence[Estimate]) -> None:
    """Scale the y axis for a metric's values and their intervals, and write its numbers.

    It is logarithmic when values span more than a factor of 20: an interval that holds 0 then leaves it at the bottom.
    Else it begins at 0, unless all values are far from that.
    """
    means = np.array([one.mean for one in found])
    halves = np.nan_to_num([one.half for one in found])
    low, high, log = float((means - halves).min()), float((means + halves).max()), spans(means)
    if log:
        axes.set_yscale("log")
        axes.set_ylim(max(low, float(means.min()) / 2) / 1.1, 1.25 * high)
    else:
        least = min(0.0, float(means.min()))
        bottom = least if low < 0.3 * high else low - 0.1 * (high - low or high)
        axes.set_ylim(bottom, high + 0.08 * (high - bottom or 1.0))
    written_as(axes.yaxis, metric, log)
    axes.grid(visible=False, which="minor")


def written_as(axis: Axis, metric: str, log: bool) -> None:
    """Write the numbers of an axis like a metric's values."""
    if log:
        from matplotlib.ticker import LogLocator

        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_minor_formatter(lambda *_: "")
        axis.minorticks_off()
    if _is_count(metric):
        thousands(axis)
    else:
        axis.set_major_formatter(lambda value, _: show(metric, value))


def _is_count(metric: str) -> bool:
    return metric_of(metric).unit not in {"s", "1", "bytes", "J"}
