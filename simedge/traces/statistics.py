"""What a trace looks like: the statistics by which clips are described and the track generator is judged."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from simedge.errors import suggest
from simedge.traces.trace import FloatArray, IntArray, RoiTrace

__all__ = ["autocorrelation", "cross_correlation", "frame_sizes", "per_bin", "statistics"]

_PERCENTILES = (1, 25, 50, 75, 99)


def per_bin(trace: RoiTrace, horizon_s: float, bin_s: float = 1.0) -> IntArray:
    """Count the arrivals of each camera in each bin.

    Parameters
    ----------
    trace : RoiTrace
        The arrivals; those at or after the end of the last whole bin are left out.
    horizon_s, bin_s : float
        Length that is looked at and width of a bin, s, > 0.

    Returns
    -------
    (C, B) int array
        ``B = floor(horizon_s / bin_s)``.

    Raises
    ------
    ValueError
        If there is not one whole bin.
    """
    bins = math.floor(horizon_s / bin_s + 1e-9) if bin_s > 0 else 0
    if bins < 1:
        raise ValueError(f"bin_s: {horizon_s} s hold no whole bin of {bin_s} s")
    at = np.floor(trace.arrived_s / bin_s).astype(np.int64)
    inside = at < bins
    cell = trace.camera[inside].astype(np.int64) * bins + at[inside]
    return np.bincount(cell, minlength=len(trace.cameras) * bins).reshape(len(trace.cameras), bins)


def frame_sizes(trace: RoiTrace, horizon_s: float, fps: float) -> IntArray:
    """ROIs in each frame of each camera, empty frames included, in no particular order: (C * horizon_s * fps,).

    A frame is what one camera has at one time; `fps` tells how many frames there were in all.

    Raises
    ------
    ValueError
        If the trace has more frames than `fps` allows.
    """
    inside = trace.arrived_s < horizon_s
    arrived_s, camera = trace.arrived_s[inside], trace.camera[inside]
    order = np.lexsort((arrived_s, camera))
    arrived_s, camera = arrived_s[order], camera[order]
    new = np.ones(len(order), dtype=bool)
    new[1:] = (np.diff(arrived_s) != 0) | (np.diff(camera) != 0)
    filled = np.diff(np.append(np.flatnonzero(new), len(order)))
    total = round(len(trace.cameras) * horizon_s * fps)
    if len(filled) > total + len(trace.cameras):
        raise ValueError(f"fps: the trace has {len(filled)} frames with ROIs, {fps} frames/s give only {total}")
    return np.concatenate([np.zeros(max(0, total - len(filled)), dtype=filled.dtype), filled])


def autocorrelation(series: FloatArray, lag: int) -> float:
    """Autocorrelation coefficient of a series (B,) at a lag in bins; NaN if it is constant or too short.

    Examples
    --------
    >>> round(autocorrelation(np.array([1.0, -1.0, 1.0, -1.0]), 1), 2)
    -0.75
    """
    return cross_correlation(series, series, lag)


def cross_correlation(first: FloatArray, second: FloatArray, lag: int) -> float:
    """Correlation of `first` with `second` a lag of so many bins later, both (B,).

    Deviations are from the mean of the whole series and the sum is divided by all B bins, the usual estimator for
    time series. NaN if a series is constant or has no more than `lag` bins.
    """
    if not 0 <= lag < len(first):
        return math.nan
    a, b = first - np.mean(first), second - np.mean(second)
    scale = math.sqrt(float(a @ a) * float(b @ b))
    return float(a[: len(a) - lag] @ b[lag:]) / scale if scale > 0 else math.nan


def statistics(
    traces: RoiTrace | Sequence[RoiTrace],
    horizon_s: float | None = None,
    *,
    bin_s: float = 1.0,
    fps: float | None = None,
    lags: Sequence[int] = (1, 2, 5, 10, 20),
    pair: tuple[str, str] | None = None,
    pair_lags: Sequence[int] = (0, 5, 8, 10, 15),
) -> dict[str, Any]:
    """Describe a trace, or several clips of the same cameras and paths together.

    Parameters
    ----------
    traces : RoiTrace or sequence of RoiTrace
        What is described.
    horizon_s : float, optional
        Length of each clip, s; by default the longest `duration_s`.
    bin_s : float
        Width of a bin, s.
    fps : float, optional
        Frames/s of the cameras; without it nothing is said about frames.
    lags, pair_lags : sequence of int
        Lags of the two correlations, in bins.
    pair : tuple of str, optional
        Two cameras whose cross-correlation is wanted (the second follows the first).

    Returns
    -------
    dict
        ``clips``, ``rois``, ``horizon_s``, ``bin_s``; ``total``: mean, sd, p1 … p99 of the arrivals per bin, all
        bins pooled; ``cameras``: by name mean, sd and ``zero_share``, the share of bins without arrivals; ``paths``:
        share by name; ``autocorrelation``: by lag, of the total within a clip, mean over clips; with `fps`,
        ``frame``: mean, p50, p90, p99, max of ROIs per frame, and ``empty_share``; with `pair`,
        ``cross_correlation``: by lag, within a clip, mean over clips.

    Raises
    ------
    ValueError
        If there is no clip, the clips differ in their names, a camera of the pair is unknown, or a number does not fit.
    """
    clips = [traces] if isinstance(traces, RoiTrace) else list(traces)
    if not clips:
        raise ValueError("traces: there is none")
    cameras, paths = clips[0].cameras, clips[0].paths
    if any((clip.cameras, clip.paths) != (cameras, paths) for clip in clips):
        raise ValueError("traces: the clips have different cameras or paths")
    for name in pair or ():
        if name not in cameras:
            raise ValueError(f"pair: there is no camera {name!r}; {suggest(name, cameras)}")
    length_s = max(clip.duration_s for clip in clips) if horizon_s is None else horizon_s
    counts = [per_bin(clip, length_s, bin_s).astype(float) for clip in clips]
    totals = [count.sum(axis=0) for count in counts]
    pooled, total = np.concatenate(counts, axis=1), np.concatenate(totals)
    rois = sum(map(len, clips))
    used = sum(np.bincount(clip.path, minlength=len(paths)) for clip in clips)
    report: dict[str, Any] = {
        "clips": len(clips),
        "rois": rois,
        "horizon_s": length_s,
        "bin_s": bin_s,
        "total": {
            "mean": float(total.mean()),
            "sd": float(total.std()),
            **{f"p{p}": float(np.percentile(total, p)) for p in _PERCENTILES},
        },
        "cameras": {
            name: {"mean": float(row.mean()), "sd": float(row.std()), "zero_share": float((row == 0).mean())}
            for name, row in zip(cameras, pooled, strict=True)
        },
        "paths": {name: float(n) / max(rois, 1) for name, n in zip(paths, np.atleast_1d(used), strict=True)},
        "autocorrelation": {lag: float(np.mean([autocorrelation(t, lag) for t in totals])) for lag in lags},
    }
    if fps is not None:
        sizes = np.concatenate([frame_sizes(clip, length_s, fps) for clip in clips])
        report["frame"] = {
            "mean": float(sizes.mean()),
            **{f"p{p}": float(np.percentile(sizes, p)) for p in (50, 90, 99)},
            "max": int(sizes.max()),
            "empty_share": float((sizes == 0).mean()),
        }
    if pair is not None:
        one, other = (cameras.index(name) for name in pair)
        report["cross_correlation"] = {
            lag: float(np.mean([cross_correlation(count[one], count[other], lag) for count in counts]))
            for lag in pair_lags
        }
    return report
