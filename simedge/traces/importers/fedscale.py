"""FedScale: capacities of 500 000 devices and availability of 100 000, published as pickles of dictionaries.

Source of the layout: SymbioticLab/FedScale, ``benchmark/dataset/data/device_info/README.md``, for the keys, and its
``fedscale/cloud/internal/client_metadata.py`` for their units: ``computation`` is the latency of a forward pass in ms
per sample, of which training takes three, ``communication`` is one bandwidth for both ways in kbit/s (the aggregator
divides kilobits by it), times are seconds, and an availability trace repeats after ``finish_time``. Lai et al.,
*FedScale*, ICML 2022.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from simedge.errors import ConfigError, TraceError, quoted
from simedge.traces.fleet import Availability, Capacities
from simedge.traces.importers.pickles import read_plain_pickle
from simedge.traces.importers.settings import Settings
from simedge.traces.lines import TIME_MAX_S
from simedge.traces.reader import ROWS_MAX, name_fault

__all__ = ["import_fedscale_availability", "import_fedscale_capacity", "one_file", "positive", "timeline"]

_CAPACITY = ("communication", "computation")
_AVAILABILITY = ("active", "duration", "finish_time", "inactive", "model")


def import_fedscale_capacity(files: Sequence[Path], settings: Settings) -> tuple[Capacities, Counter[str]]:
    """Import ``client_device_capacity``.

    Parameters
    ----------
    files : sequence of Path
        The one file.
    settings : Settings
        ``rows_max``.

    Returns
    -------
    capacities : Capacities
        Clients in the order of the file; both ways have the one bandwidth, without spread.
    dropped : Counter
        Empty: nothing is left out.

    Raises
    ------
    ConfigError
        If a setting is wrong.
    TraceError
        If the file is; the first bad client is named.
    """
    path, rows_max = _given(files, settings, "fedscale_capacity")
    names, forward_s, bandwidth_bps = [], [], []
    for name, where, fields in _clients(path, read_plain_pickle(path), _CAPACITY, rows_max):
        names.append(name)
        forward_s.append(positive(fields["computation"], "computation", where) / 1e3)
        bandwidth_bps.append(positive(fields["communication"], "communication", where) * 1e3)
    none = np.zeros(len(names))
    both = np.array(bandwidth_bps)
    return Capacities(tuple(names), np.array(forward_s), both, both, none, none), Counter()


def import_fedscale_availability(files: Sequence[Path], settings: Settings) -> tuple[Availability, Counter[str]]:
    """Import ``client_behave_trace``.

    Parameters
    ----------
    files : sequence of Path
        The one file.
    settings : Settings
        ``rows_max``, of clients and of intervals.

    Returns
    -------
    availability : Availability
        Clients in the order of the file, recorded from 0 s.
    dropped : Counter
        Intervals without length, of which the published file has some.

    Raises
    ------
    ConfigError
        If a setting is wrong.
    TraceError
        If the file is; the first bad client is named.

    Notes
    -----
    ``duration`` is the sum of all intervals in the published file; it is not used.
    """
    path, rows_max = _given(files, settings, "fedscale_availability")
    dropped: Counter[str] = Counter()
    names, models, periods_s = [], [], []
    intervals: list[list[tuple[float, float]]] = []
    count = 0
    for name, where, fields in _clients(path, read_plain_pickle(path), _AVAILABILITY, rows_max):
        period_s = positive(fields["finish_time"], "finish_time", where)
        if not isinstance(fields["model"], str) or (fields["model"] and name_fault(fields["model"])):
            raise TraceError("model: is no name", where, "write a text")
        _times(where, "duration", [fields["duration"]])
        active_s, inactive_s = (_times(where, key, fields[key]) for key in ("active", "inactive"))
        if len(active_s) != len(inactive_s):
            what = f"{len(active_s)} times in active, {len(inactive_s)} in inactive"
            raise TraceError(what, where, "give each interval both")
        count += len(active_s)
        if count > rows_max:
            raise TraceError(f"has more than {rows_max} intervals", where, "import fewer, or allow more by rows_max=")
        names.append(name)
        models.append(fields["model"])
        periods_s.append(period_s)
        intervals.append(_ordered(active_s, inactive_s, period_s, where, dropped))
    return timeline(names, models, [0.0] * len(names), periods_s, intervals), dropped


def one_file(files: Sequence[Path], kind: str) -> Path:
    """Take the only file.

    Raises
    ------
    ConfigError
        If there are several.
    """
    if len(files) != 1:
        raise ConfigError(f"{len(files)} files, not 1", kind, "give one file")
    return files[0]


def positive(value: Any, key: str, where: str) -> float:
    """Take a finite number above 0.

    Raises
    ------
    TraceError
        If it is none.
    """
    if type(value) not in (int, float):
        raise TraceError(f"{key}: is no number but {type(value).__name__}", where, "write a number")
    if not 0 < value < 1e15:
        raise TraceError(f"{key}: {quoted(str(value))} is not a finite number > 0", where, "correct it")
    return float(value)


def timeline(
    names: Sequence[str],
    models: Sequence[str],
    starts_s: Sequence[float],
    periods_s: Sequence[float],
    intervals: Sequence[Sequence[tuple[float, float]]],
) -> Availability:
    """Make a table of the intervals of each client."""
    flat = [one for own in intervals for one in own]
    return Availability(
        tuple(names),
        tuple(models),
        np.array(starts_s),
        np.array(periods_s),
        np.concatenate([[0], np.cumsum([len(own) for own in intervals], dtype=np.int64)]),
        np.array([one[0] for one in flat]),
        np.array([one[1] for one in flat]),
    )


def _given(files: Sequence[Path], settings: Settings, kind: str) -> tuple[Path, int]:
    path = one_file(files, kind)
    rows_max = settings.count("rows_max", ROWS_MAX, ROWS_MAX)
    settings.finish()
    return path, rows_max


def _clients(path: Path, data: Any, keys: Sequence[str], rows_max: int) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Name, place and fields of each client."""
    if type(data) is not dict or not data:
        raise TraceError("is no dictionary of clients", str(path), f"a client has {', '.join(keys)}")
    if len(data) > rows_max:
        raise TraceError(f"has more than {rows_max} clients", str(path), "import fewer, or allow more by rows_max=")
    for client, fields in data.items():
        where = f"{path}: client {client if isinstance(client, int) else quoted(client)}"
        if name_fault(str(client)):
            raise TraceError(name_fault(str(client)), where, "name the client")
        if isinstance(client, str) and client.isdecimal() and client == str(int(client)) and int(client) in data:
            raise TraceError("stands twice, as a number and as a text", where, "keep one")
        if type(fields) is not dict:
            raise TraceError(f"is no dictionary but {type(fields).__name__}", where, f"it has {', '.join(keys)}")
        wrong = set(fields) ^ set(keys)
        if wrong:
            key = min(wrong, key=str)
            said = "lacks" if key in keys else "has the unknown key"
            raise TraceError(f"{said} {quoted(str(key))}", where, f"it has {', '.join(keys)}")
        yield str(client), where, fields


def _times(where: str, key: str, values: Any) -> list[float]:
    if type(values) is not list:
        raise TraceError(f"{key}: is no list but {type(values).__name__}", where, "write a list of seconds")
    for value in values:
        if type(value) not in (int, float) or not (math.isfinite(value) and 0 <= value <= TIME_MAX_S):
            shown = quoted(str(value)) if type(value) in (int, float) else type(value).__name__
            raise TraceError(f"{key}: {shown} is not a finite time >= 0", where, "write seconds")
    return [float(value) for value in values]


def _ordered(
    active_s: Sequence[float], inactive_s: Sequence[float], period_s: float, where: str, dropped: Counter[str]
) -> list[tuple[float, float]]:
    """Intervals with a length, those that touch made one."""
    kept: list[tuple[float, float]] = []
    previous_s = 0.0
    for start_s, end_s in zip(active_s, inactive_s, strict=True):
        if start_s > end_s:
            raise TraceError(f"active at {start_s:g} after inactive at {end_s:g}", where, "they alternate")
        if start_s < previous_s:
            raise TraceError(f"active at {start_s:g} before inactive at {previous_s:g}", where, "they ascend")
        if end_s > period_s:
            raise TraceError(f"inactive at {end_s:g} after finish_time {period_s:g}", where, "it repeats from there")
        previous_s = end_s
        if start_s == end_s:
            dropped["without length"] += 1
        elif kept and kept[-1][1] == start_s:
            kept[-1] = (kept[-1][0], end_s)
        else:
            kept.append((start_s, end_s))
    return kept
