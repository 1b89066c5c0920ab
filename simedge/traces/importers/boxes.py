"""Files of boxes in the MOTChallenge format, and the arrivals that the boxes of several cameras make."""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from simedge.errors import ConfigError, TraceError, quoted
from simedge.traces.importers.settings import Settings
from simedge.traces.lines import TIME_MAX_S, check_readable, decimal, lines, short
from simedge.traces.reader import ROWS_MAX, name_fault
from simedge.traces.trace import RoiTrace

__all__ = ["BoxRules", "Camera", "arrivals", "as_path"]

BYTES_PER_PX = 0.25
"""Bytes per pixel of a JPEG crop of middling quality, two bits a pixel: *assumed*."""

DROP = "drop"

_COLUMNS = "frame,id,left,top,width,height,confidence and up to three more"
_FRAMES_MAX = 10**9
_SIDE_MAX_PX = 1e6
_BYTES_PER_PX_MAX = 1e3
_FIXED_BYTES_MAX = 1e12


@dataclass(frozen=True)
class Camera:
    """A file of boxes, and when its frames were taken: frame k at ``start_s + (k - 1) / fps``."""

    path: Path
    fps: float
    start_s: float = 0.0


@dataclass(frozen=True)
class BoxRules:
    """What becomes of a box.

    Attributes
    ----------
    classes : mapping of int to str
        Path of each class, or ``drop``; a class that is not here is an error. Empty if the layout has no classes.
    plain : str
        Path of a box without a class, or ``drop``.
    bytes_per_px : float
        Payload per pixel of its area.
    fixed_bytes : float, optional
        Payload of every box instead.
    conf_min : float
        Least confidence of a detection.
    flagged : bool
        Whether boxes that the annotators flagged to be ignored are kept.
    rows_max : int
        Largest number of boxes in all files.
    """

    classes: Mapping[int, str]
    plain: str
    bytes_per_px: float = BYTES_PER_PX
    fixed_bytes: float | None = None
    conf_min: float = -math.inf
    flagged: bool = False
    rows_max: int = ROWS_MAX

    @classmethod
    def of(cls, settings: Settings, classes: Mapping[int, str], plain: str, flagged: bool) -> BoxRules:
        """Take the keys that all importers of boxes share; the arguments are their defaults.

        Raises
        ------
        ConfigError
            If one of them is wrong.
        """
        chosen = dict(classes)
        for name in settings.below("class") if classes else ():
            if not (name.isascii() and name.isdigit() and 0 < len(name) < 10):
                raise ConfigError(f"{quoted(name)} is not the number of a class", "class", "write such as class.3=car")
            chosen[int(name)] = as_path(settings, f"class.{name}", DROP)
        ignored = settings.choice("ignored", ("keep", "drop"), "keep" if flagged else "drop")
        return cls(
            classes=chosen,
            plain=as_path(settings, "path", plain),
            bytes_per_px=settings.number("bytes_per_px", BYTES_PER_PX, high=_BYTES_PER_PX_MAX),
            fixed_bytes=settings.optional("fixed_bytes", high=_FIXED_BYTES_MAX),
            conf_min=settings.number("conf_min", -math.inf, low=-math.inf),
            flagged=ignored == "keep",
            rows_max=settings.count("rows_max", ROWS_MAX, ROWS_MAX),
        )


def as_path(settings: Settings, key: str, default: str) -> str:
    """Take the name of a path.

    Raises
    ------
    ConfigError
        If it cannot be one.
    """
    name = settings.text(key, default)
    if fault := name_fault(name):
        raise ConfigError(fault, key, "name a path of the scenario, such as car, or drop")
    return name


@dataclass
class _Rows:
    arrived_s: array[float] = field(default_factory=lambda: array("d"))
    camera: array[int] = field(default_factory=lambda: array("i"))
    path: array[int] = field(default_factory=lambda: array("i"))
    size_bytes: array[float] = field(default_factory=lambda: array("d"))
    paths: dict[str, int] = field(default_factory=dict)
    dropped: Counter[str] = field(default_factory=Counter)
    seen: int = 0


def arrivals(cameras: Sequence[Camera], rules: BoxRules) -> tuple[RoiTrace, Counter[str]]:
    """Read the boxes of some cameras as arrivals, one ROI a box.

    Parameters
    ----------
    cameras : sequence of Camera
        They become ``camera_1``, ``camera_2`` … in this order.
    rules : BoxRules
        What becomes of a box.

    Returns
    -------
    trace : RoiTrace
        Sorted by time; boxes of one time in the order of cameras, then of their files.
    dropped : Counter
        How many boxes were left out, by reason.

    Raises
    ------
    TraceError
        If a file cannot be read or breaks the format, with file and line; if no box is left.
    """
    rows = _Rows()
    for index, camera in enumerate(cameras):
        _read(camera, index, rules, rows)
    if not rows.arrived_s:
        said = ", ".join(f"{count} {reason}" for reason, count in sorted(rows.dropped.items()))
        raise TraceError(f"no box is left{said and f' ({said})'}", str(cameras[0].path), "keep more of them")
    order = np.argsort(np.array(rows.arrived_s), kind="stable")
    paths = sorted(rows.paths)
    place = np.array([paths.index(name) for name in rows.paths])
    trace = RoiTrace(
        np.array(rows.arrived_s)[order],
        np.array(rows.camera)[order],
        place[np.array(rows.path)][order],
        np.array(rows.size_bytes)[order],
        tuple(f"camera_{number + 1}" for number in range(len(cameras))),
        tuple(paths),
    )
    return trace, rows.dropped


def _read(camera: Camera, index: int, rules: BoxRules, rows: _Rows) -> None:
    check_readable(camera.path)
    tracked: set[tuple[int, int]] = set()
    any_line = False
    for number, text in lines(camera.path, "box"):
        any_line = True
        where = f"{camera.path}:{number}"
        frame, track, width, height, confidence, label = _box(text, rules, where)
        rows.seen += 1
        if rows.seen > rules.rows_max:
            raise TraceError(f"has more than {rules.rows_max} boxes", where, "import fewer, or allow more by rows_max=")
        if track >= 0:
            if (frame, track) in tracked:
                raise TraceError(f"object {track} stands twice in frame {frame}", where, "keep one of the two boxes")
            tracked.add((frame, track))
        reason, path = _fate(track, width * height, confidence, label, rules)
        if reason:
            rows.dropped[reason] += 1
            continue
        arrived_s = camera.start_s + (frame - 1) / camera.fps
        if arrived_s >= TIME_MAX_S:
            raise TraceError(f"frame {frame} comes at {arrived_s:g} s", where, "see whether fps= is right")
        rows.arrived_s.append(arrived_s)
        rows.camera.append(index)
        rows.path.append(rows.paths.setdefault(path, len(rows.paths)))
        size = width * height * rules.bytes_per_px if rules.fixed_bytes is None else rules.fixed_bytes
        rows.size_bytes.append(size)
    if not any_line:
        raise TraceError("is empty", str(camera.path), f"a line has {_COLUMNS}")


def _box(text: str, rules: BoxRules, where: str) -> tuple[int, int, float, float, float, int | None]:
    """Frame from 1, object or -1, width and height in pixels, confidence, class or None."""
    fields = text.split(",")
    if not 7 <= len(fields) <= 10:
        raise TraceError(f"{len(fields)} values, not 7 to 10", where, f"a line has {_COLUMNS}")
    frame, track, _, _, width, height, confidence, *rest = _numbers(fields, where)
    if frame != int(frame) or not 1 <= frame <= _FRAMES_MAX:
        raise TraceError(f"frame {frame:g} is not a whole number from 1", where, "count frames from 1")
    if track != int(track) or track < -1:
        raise TraceError(f"object {track:g} is not a whole number >= -1", where, "-1 marks a detection")
    if not (0 <= width <= _SIDE_MAX_PX and 0 <= height <= _SIDE_MAX_PX):
        raise TraceError(f"a box of {width:g} x {height:g} pixels", where, "give a width and a height >= 0")
    label = int(rest[0]) if rules.classes and rest and rest[0] != -1 else None
    if label is not None and (label != rest[0] or label not in rules.classes):
        known = ", ".join(map(str, sorted(rules.classes)))
        raise TraceError(f"class {rest[0]:g} is unknown", where, f"known: {known}; -1 for none")
    return int(frame), int(track), width, height, confidence, label


def _numbers(fields: Sequence[str], where: str) -> list[float]:
    values = [decimal(one) for one in fields]
    good = [value for value in values if value is not None and math.isfinite(value)]
    if len(good) < len(values):
        column = next(place for place, value in enumerate(values) if value is None or not math.isfinite(value))
        raise TraceError(f"value {column + 1}: {short(fields[column])} is not a finite number", where, "correct it")
    return good


def _fate(track: int, area_px: float, confidence: float, label: int | None, rules: BoxRules) -> tuple[str, str]:
    """Why a box is dropped, or else its path."""
    path = rules.plain if label is None else rules.classes[label]
    if path == DROP:
        return ("without class" if label is None else f"of class {label}"), ""
    if track < 0 and confidence < rules.conf_min:
        return f"below confidence {rules.conf_min:g}", ""
    if track >= 0 and confidence == 0 and not rules.flagged:
        return "flagged to be ignored", ""
    if area_px == 0:
        return "without area", ""
    return "", path
