"""From repeated latencies to a device profile: quantiles, fits and what they are worth, and the file."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from simedge import files
from simedge.errors import ProfileError
from simedge.experiment.timings import Timings
from simedge.hardware.latency import (
    INTERPOLATIONS,
    Deviation,
    Interpolation,
    Latency,
    LatencyTable,
    fitted,
    leave_one_out,
)
from simedge.units import format_quantity

__all__ = ["QUANTILES", "Profiled", "as_yaml", "doubt", "profiled", "rows", "sentence", "spread", "write"]

QUANTILES = (10, 50, 90, 99)
"""Per cent."""


@dataclass(frozen=True)
class Profiled:
    """One classifier, measured.

    Attributes
    ----------
    name : str
        The classifier.
    seconds : mapping of int to (n,) float array
        Repetitions by batch size, ascending.
    fits : mapping of str to LatencyTable or LatencyCurve
        What can be put through the means, by interpolation.
    errors : mapping of str to float
        Leave-one-out error of each interpolation, relative; NaN where it has none.
    interpolation : {"line", "monotone"}
        The one with the smaller error of those that can be used; a line unless a curve is better by 0.1 % or more.
    """

    name: str
    seconds: Mapping[int, npt.NDArray[np.float64]]
    fits: Mapping[str, Latency]
    errors: Mapping[str, float]
    interpolation: Interpolation


def profiled(timings: Timings) -> list[Profiled]:
    """Fit every classifier.

    Raises
    ------
    ProfileError
        If neither a line nor a monotone curve is within the tolerance of the means of a classifier.

    Notes
    -----
    What is fitted is the mean, not the median: a loop that serves batches pays for the slow ones too.
    """
    return [_fit(name, dict(sorted(sizes.items()))) for name, sizes in timings.items()]


def _fit(name: str, seconds: dict[int, npt.NDArray[np.float64]]) -> Profiled:
    sizes, means = list(seconds), [float(values.mean()) for values in seconds.values()]
    fits: dict[str, Latency] = {}
    why: list[str] = []
    for how in INTERPOLATIONS:
        try:
            fits[how] = fitted(sizes, means, how)
        except Deviation as deviation:
            why.append(f"a {'line' if how == 'line' else 'curve that never falls'} is {deviation}")
        except ValueError as problem:
            why.append(str(problem))
    if not fits:
        remedy = "measure again with more repetitions, batch size 1 among others, or leave out sizes you do not run"
        raise ProfileError("; ".join(why), where=f"latencies of {name}", remedy=remedy)
    errors: dict[str, float] = {how: leave_one_out(sizes, means, how) for how in INTERPOLATIONS}
    best = min((how for how in INTERPOLATIONS if how in fits), key=lambda how: _rounded(errors[how]))
    return Profiled(name, seconds, fits, errors, best)


def _rounded(error: float) -> float:
    return math.inf if math.isnan(error) else round(error, 3)


def spread(timings: Timings) -> float:
    """Relative standard deviation around the mean: root mean square over all classifiers and batch sizes.

    NaN if no size was measured twice.

    Examples
    --------
    >>> round(spread({"kind": {1: np.array([0.9, 1.1]), 8: np.array([5.0])}}), 6)
    0.141421
    """
    found = [
        float(values.std(ddof=1) / values.mean())
        for sizes in timings.values()
        for values in sizes.values()
        if len(values) > 1
    ]
    return math.sqrt(sum(value**2 for value in found) / len(found)) if found else math.nan


def doubt(timings: Timings) -> float:
    """Largest relative standard error of a mean, which a fit cannot be better than; NaN if nothing was repeated."""
    errors = [
        float(values.std(ddof=1) / math.sqrt(len(values)) / values.mean())
        for sizes in timings.values()
        for values in sizes.values()
        if len(values) > 1
    ]
    return max(errors, default=math.nan)


def as_yaml(
    name: str, about: str, source: str, timings: Timings, found: Sequence[Profiled], models: Mapping[str, str]
) -> str:
    """Write a device profile.

    Parameters
    ----------
    name, about : str
        What the device is called, and a line about it, which ``simedge list profiles`` shows.
    source : str
        Where the numbers are from; a classifier's model and its number of repetitions are added.
    timings : dict
        What was measured.
    found : sequence of Profiled
        The same, fitted.
    models : mapping of str to str
        What was measured as each classifier, where that is known.
    """
    origin = f"kind: measured, source: {_quoted(source)}"
    lines = [
        f"# {_plain(about)}",
        f"name: {_quoted(name)}",
        "inference:",
        f"  batch_max: {{value: {max(max(one.seconds) for one in found)}, unit: items, {origin}}}",
    ]
    varies = spread(timings)
    if varies > 0:
        lines += [
            "  # of a batch's latency around its mean, all classifiers and batch sizes together",
            f'  spread: {{value: {100 * varies:.3g}, unit: "%", {origin}}}',
        ]
    lines.append("  classifiers:")
    for one in found:
        counts = sorted({len(values) for values in one.seconds.values()})
        repeated = f"n={counts[0]}" if len(counts) == 1 else f"n={counts[0]} to {counts[-1]}"
        origins = ", ".join(filter(None, (source, models.get(one.name), repeated)))
        latency = ", ".join(f"{size}: {1e3 * float(values.mean()):.6g}" for size, values in one.seconds.items())
        lines += [
            f"    {_quoted(one.name)}:",
            f"      # batch: n, mean ± sd, {' / '.join(f'p{q}' for q in QUANTILES)}, in ms",
            *(f"      # {_said(size, values)}" for size, values in one.seconds.items()),
            f"      # {_plain(sentence(one))}",
            f"      latency: {{{latency}}}",
            "      unit: ms",
            f"      interpolation: {one.interpolation}",
            "      kind: measured",
            f"      source: {_quoted(origins)}",
        ]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """Quote a text for YAML, in ASCII."""
    import yaml

    return str(yaml.safe_dump(_plain(text), default_style='"', width=math.inf)).strip()


def _plain(text: str) -> str:
    """Make one line of a text that a comment may hold."""
    return "".join(mark if mark.isprintable() else "?" for mark in " ".join(text.split()))


def _said(size: int, seconds: npt.NDArray[np.float64]) -> str:
    sd = f"{1e3 * seconds.std(ddof=1):.4g}" if len(seconds) > 1 else "–"
    quantiles = " / ".join(f"{1e3 * value:.4g}" for value in np.percentile(seconds, QUANTILES))
    return f"{size}: {len(seconds)}, {1e3 * seconds.mean():.4g} ± {sd}, {quantiles}"


def sentence(one: Profiled) -> str:
    """Say what the fits are worth, and which of them the file chooses."""
    parts: list[str] = []
    for how in INTERPOLATIONS:
        error = one.errors[how]
        worth = "no leave-one-out error" if math.isnan(error) else f"leave-one-out error {100 * error:.2g} %"
        fit = one.fits.get(how)
        if isinstance(fit, LatencyTable):
            drawn = f" {format_quantity(fit.fixed_s, 's')} + {format_quantity(fit.per_item_s, 's')} per item,"
        else:
            drawn = "," if fit is not None else " cannot be used,"
        parts.append(f"{how}{drawn} {worth}")
    return f"{'; '.join(parts)}; chosen: {one.interpolation}"


def rows(found: Sequence[Profiled]) -> list[list[str]]:
    """Rows (the first: headers) of the table of latencies, ms; beside the means what either fit makes of them."""
    made = [["classifier", "batch", "n", "mean ms", "sd", *(f"p{q}" for q in QUANTILES), *INTERPOLATIONS]]
    for one in found:
        for size, seconds in one.seconds.items():
            sd = f"{1e3 * seconds.std(ddof=1):.3g}" if len(seconds) > 1 else "–"
            quantiles = [f"{1e3 * value:.4g}" for value in np.percentile(seconds, QUANTILES)]
            fits = [f"{1e3 * one.fits[how].latency_s(size):.4g}" if how in one.fits else "–" for how in INTERPOLATIONS]
            mean = f"{1e3 * seconds.mean():.4g}"
            made.append([one.name, str(size), str(len(seconds)), mean, sd, *quantiles, *fits])
    return made


def write(path: Path, text: str) -> Path:
    """Write a profile, whole or not at all.

    Raises
    ------
    OutputError
        If the place cannot be written to.
    """
    with files.atomic_file(path) as draft:
        draft.write_text(text, encoding="utf-8", newline="\n")
    return path
