"""Latencies that were measured elsewhere: files of ``trtexec --exportTimes``, and CSV."""

from __future__ import annotations

import csv
import json
import math
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from simedge.errors import ProfileError, quoted, suggest

__all__ = ["Timings", "read_csv", "read_trtexec"]

Timings: TypeAlias = dict[str, dict[int, npt.NDArray[np.float64]]]
"""Seconds of each repetition, (n,), by classifier and batch size."""

_BYTES_MAX = 2**28
_WARMUP_MS = 200.0
_PLACE = re.compile(r"(?:(?P<name>[^:=]+):)?(?P<batch>[^:=]+)=(?P<path>.+)\Z", re.DOTALL)
_UNITS = {"latency_s": 1.0, "latency_ms": 1e-3}


def _text(path: Path) -> str:
    """Read a file, whole."""
    try:
        if path.stat().st_size > _BYTES_MAX:
            raise ProfileError("is larger than 256 MiB", where=str(path), remedy="measure fewer repetitions")
        return path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as problem:
        if isinstance(problem, ProfileError):
            raise
        reason = problem.strerror if isinstance(problem, OSError) else "is not UTF-8 text"
        raise ProfileError(f"cannot be read: {reason}", where=str(path), remedy="give another file") from None


def _batch(said: str, where: str) -> int:
    if not (said.strip().isascii() and said.strip().isdecimal() and len(said) < 8 and int(said) >= 1):
        raise ProfileError(f"{quoted(said)} is no batch size", where=where, remedy="batch sizes are whole numbers >= 1")
    return int(said)


def read_trtexec(places: Iterable[str]) -> Timings:
    """Read what ``trtexec --exportTimes=FILE`` wrote, a file for each batch size.

    Parameters
    ----------
    places : iterable of str
        ``BATCH=FILE`` or ``CLASSIFIER:BATCH=FILE``: files do not say what was measured. Without a name the classifier
        is called *model*.

    Returns
    -------
    dict
        `Timings`: ``computeMs`` of each inference, the time on the device without copies to and from it.

    Raises
    ------
    ProfileError
        Naming the file, and the first inference in it that is wrong, counted from 1.

    Notes
    -----
    A file is a list of objects, one per inference: times at which its parts started and ended, and how long they took,
    in ms. Names of the copies differ between versions (``h2dMs``, ``inMs``); ``startComputeMs`` and ``computeMs`` do
    not. What starts in the first 200 ms is left out, as in trtexec's own summary: older versions export their warm-up.
    """
    found: Timings = defaultdict(dict)
    for place in places:
        match = _PLACE.match(place)
        if match is None:
            raise ProfileError(
                f"{quoted(place)} is not BATCH=FILE", where="--import-trtexec", remedy="write 8=times8.json"
            )
        name, size = (match["name"] or "model").strip(), _batch(match["batch"], "--import-trtexec")
        if size in found[name]:
            raise ProfileError(f"batch {size} of {name} is given twice", "--import-trtexec", "leave one of them out")
        found[name][size] = np.array(_inferences(Path(match["path"])))
    return dict(found)


def _inferences(path: Path) -> list[float]:
    """Seconds of every inference in a file, the warm-up left out."""
    try:
        listed = json.loads(_text(path))
    except json.JSONDecodeError as problem:
        where = f"{path}:{problem.lineno}"
        raise ProfileError(f"not valid JSON: {problem.msg}", where, "export the times again") from None
    except RecursionError:
        raise ProfileError("is nested too deep", str(path), "give a file of --exportTimes") from None
    if not isinstance(listed, list) or not listed:
        raise ProfileError("is no list of inferences", str(path), "give a file of trtexec --exportTimes")
    seconds: list[float] = []
    for at, inference in enumerate(listed, start=1):
        where = f"{path}: inference {at}"
        if not isinstance(inference, dict):
            raise ProfileError("is not an object with times", where, "give a file of trtexec --exportTimes")
        start_ms = _milliseconds(inference, "startComputeMs", where)
        compute_ms = _milliseconds(inference, "computeMs", where)
        if start_ms >= _WARMUP_MS:
            seconds.append(compute_ms * 1e-3)
            if compute_ms <= 0:
                raise ProfileError(f"computeMs: {compute_ms:g} is not > 0", where, "export the times again")
    if not seconds:
        raise ProfileError("every inference starts in the first 200 ms, the warm-up", str(path), "measure for longer")
    return seconds


def _milliseconds(inference: dict[str, Any], name: str, where: str) -> float:
    if name not in inference:
        raise ProfileError(f"{name}: missing", where, suggest(name, inference))
    value = inference[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e15:  # neither is NaN
        raise ProfileError(f"{name}: {quoted(str(value))} is no number of ms", where, "export the times again")
    return float(value)


def read_csv(path: Path) -> Timings:
    """Read a CSV file with columns ``classifier,batch,latency_ms`` or ``classifier,batch,latency_s``.

    Rows of one classifier and batch size are repetitions.

    Returns
    -------
    dict
        `Timings`.

    Raises
    ------
    ProfileError
        Naming the first line that is wrong.
    """
    found: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    lines = csv.reader(_text(path).splitlines(), strict=True)
    try:
        header = [name.strip() for name in next(lines, [])]
        names = _columns(header, path)
        scale = _UNITS[names[-1]]
        places = [header.index(name) for name in names]
        for row in lines:
            if not row:
                continue
            where = f"{path}:{lines.line_num}"
            if len(row) != len(header):
                raise ProfileError(f"has {len(row)} fields, not {len(header)}", where, "correct that line")
            name, batch, latency = (row[place].strip() for place in places)
            if not name:
                raise ProfileError("names no classifier", where, "give the classifier's name")
            found[name][_batch(batch, where)].append(scale * _positive(latency, names[-1], where))
    except csv.Error as problem:
        raise ProfileError(f"not valid CSV: {problem}", f"{path}:{lines.line_num}", "correct that line") from None
    if not found:
        raise ProfileError("holds no measurement", str(path), f"write rows of {', '.join(names)}")
    return {name: {size: np.array(values) for size, values in sizes.items()} for name, sizes in found.items()}


def _columns(header: Sequence[str], path: Path) -> tuple[str, str, str]:
    """Return the names of the columns, that of the latency last."""
    known = ("classifier", "batch", *_UNITS)
    where = f"{path}:1"
    for at, name in enumerate(header):
        if name not in known:
            raise ProfileError(f"unknown column {quoted(name)}", where, suggest(name, known))
        if name in header[:at]:
            raise ProfileError(f"column {name} stands twice", where, "remove one of them")
    latencies = [name for name in _UNITS if name in header]
    if len(latencies) != 1 or len(header) != 3:
        raise ProfileError(
            "columns are " + (", ".join(header) or "missing"), where, "write classifier,batch,latency_ms (or latency_s)"
        )
    return "classifier", "batch", latencies[0]


def _positive(said: str, name: str, where: str) -> float:
    try:
        value = float(said)
    except ValueError:
        value = math.nan
    if not 0 < value < 1e9:
        raise ProfileError(f"{name}: {quoted(said)} is not a number > 0", where, "correct that line")
    return value
