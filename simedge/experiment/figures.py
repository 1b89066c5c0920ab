"""Figures of saved runs by name: which there are, and how one is drawn and written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from simedge.errors import ConfigError, suggest

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from simedge.experiment.gather import SavedRun

__all__ = ["FIGURES", "Named", "draw", "save"]


class Named(NamedTuple):
    """A figure that can be asked for by name.

    Attributes
    ----------
    kind : str
        Function of :mod:`simedge.metrics.plots_sweep` that draws it.
    about : str
        What it shows.
    takes : mapping of str to str
        What can be said of it: ``metric``, ``x``, ``y``, ``by``, and what they are otherwise; empty: must be said.
    """

    kind: str
    about: str
    takes: Mapping[str, str]


_MEAN = {"metric": "latency_s_mean"}
_BY = {"by": "policy"}

FIGURES: dict[str, Named] = {
    "beta-gamma": Named(
        "heatmap",
        "a metric over β and γ as a heat map; --x and --y name other keys",
        {**_MEAN, "x": "policy.beta", "y": "policy.gamma_s"},
    ),
    "heatmap": Named("heatmap", "a metric over two keys, --x and --y, as a heat map", {**_MEAN, "x": "", "y": ""}),
    "bandwidth": Named(
        "line",
        "a metric over the rate of the cameras' uplinks, a line for each policy",
        {**_MEAN, "x": "network.uplink_bps", **_BY},
    ),
    "scaling": Named(
        "line",
        "a metric over the number of cameras, a line for each policy",
        {**_MEAN, "x": "cameras", **_BY},
    ),
    "line": Named("line", "a metric over a key with numbers, --x, a line for each policy", {**_MEAN, "x": "", **_BY}),
    "latency-cdf": Named(
        "latency_cdf", "share of completed units that were done within a latency, a line for each policy", _BY
    ),
    "throughput": Named("throughput", "units completed per second over time, a line for each policy", _BY),
}
"""Every figure by name."""


def draw(runs: Sequence[SavedRun], name: str, *, level: float = 0.95, note: str = "", **said: str | None) -> Figure:
    """Draw a figure of saved runs.

    Parameters
    ----------
    runs : sequence of SavedRun
        The runs; they may differ in what the figure shows, and in the seed.
    name : str
        One of `FIGURES`.
    level : float
        Confidence of the intervals.
    note : str
        What else stands below the title.
    **said : str or None
        ``metric``, ``x``, ``y``, ``by``, as far as the figure takes them; None is not said.

    Raises
    ------
    ConfigError, InputError
        If a name is unknown, or the figure may not put these runs together.
    """
    from simedge.experiment.gather import frame
    from simedge.metrics import plots_sweep

    same = {"policy.name": "policy", "name": "scenario"}
    options = {key: same.get(value, value) for key, value in _options(name, said).items()}
    shown = [value for key, value in options.items() if key != "metric"]
    known = {"scenario", "policy", "seed", plots_sweep.CAMERAS}.union(*(run.config for run in runs))
    for key in shown:
        if key not in known:
            raise ConfigError("no run has such a key", where=key, remedy=suggest(key, known))
    table = frame(runs, (*plots_sweep.KEYS, *shown))
    make: Callable[..., Figure] = getattr(plots_sweep, FIGURES[name].kind)
    data: tuple[Any, ...] = (table,) if "metric" in options else (table, [run.curves for run in runs])
    return make(*data, level=level, note=note, **options)


def _options(name: str, said: Mapping[str, str | None]) -> dict[str, str]:
    if name not in FIGURES:
        raise ConfigError(f"there is no figure {name!r}", remedy=suggest(name, FIGURES))
    takes = FIGURES[name].takes
    given = {key: value for key, value in said.items() if value is not None}
    for key in given:
        if key not in takes:
            raise ConfigError(f"the figure {name} has none", where=f"--{key}", remedy="leave it out")
    options = {**takes, **given}
    for key, value in options.items():
        if not value:
            raise ConfigError(f"the figure {name} needs it", where=f"--{key}", remedy="give a key of the configuration")
    return options


def save(figure: Figure, path: Path) -> Path:
    """Write a figure as its name's ending says; the same figure gives the same bytes.

    Raises
    ------
    OutputError
        If it cannot be written; nothing is left behind.
    """
    from matplotlib import rc_context

    from simedge import files
    from simedge.metrics.style import STYLE

    # No date and no version in it; the ids of an SVG are drawn from a fixed salt.
    metadata: dict[str, dict[str, Any]] = {
        ".pdf": {"CreationDate": None, "Producer": None, "Creator": None},
        ".png": {"Software": None},
        ".svg": {"Date": None, "Creator": None},
    }
    settings: Any = {**STYLE, "svg.hashsalt": "simedge"}
    with files.atomic_file(path) as draft, rc_context(settings):
        figure.savefig(draft, metadata=metadata[path.suffix])
    return path
