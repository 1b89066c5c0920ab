"""FLASH: network speeds of devices, and the log of what happened to each, from which follows when it can train.

Source of the layouts: PKU-Chengxu/FLASH. ``models/speed_distri.json`` has ``down_u``, ``down_sigma``, ``up_u``,
``up_sigma`` of each device in kB/s (``models/device.py`` divides kilobytes by them). ``data/state_traces.json`` has,
of each device, its ``model`` and ``messages``, lines of a time and an event with a tab between (``models/timer.py``).
Training times are published only inside ``models/utils/device_util/device_util.py``. Yang et al., *Characterizing
impacts of heterogeneity in federated learning upon large-scale smartphone data*, WWW 2021.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from simedge.errors import ConfigError, TraceError, quoted
from simedge.traces.fleet import Availability, Capacities
from simedge.traces.importers.fedscale import one_file, positive, timeline
from simedge.traces.importers.settings import Settings
from simedge.traces.lines import content, short
from simedge.traces.reader import ROWS_MAX, name_fault

__all__ = ["BYTES_MAX", "EVENTS", "TRAINING_MS", "import_flash_availability", "import_flash_speeds"]

BYTES_MAX = 2**29
"""Largest JSON file."""

TRAINING_MS = {
    "femnist": (10, {"nexus_s": 1642.0, "redmi_note_7_pro": 588.0, "pixel_4": 179.0}),
    "celeba": (10, {"nexus_s": 5392.0, "redmi_note_7_pro": 1355.0, "pixel_4": 561.0}),
    "reddit": (10, {"nexus_s": 2596.0, "redmi_note_7_pro": 916.0, "pixel_4": 527.7}),
    "shakespeare": (100, {"nexus_s": 28621.0, "redmi_note_7_pro": 13579.0, "pixel_4": 10681.0}),
}
"""Samples in a batch and mean ms to train on one, by task and device: published, ``get_train_time`` of the source.

The batch is that of its ``default.cfg``, for shakespeare that of a comment beside the table.
"""

TRAINING_PER_FORWARD = 3.0
"""How many forward passes a training step is worth, FedScale's factor: FLASH published training, and tables hold
forward passes."""

EVENTS = {
    "screen_off": ("screen_off", True),
    "screen_on": ("screen_off", False),
    "screen_lock": ("locked", True),
    "screen_unlock": ("locked", False),
    "battery_charged_on": ("charging", True),
    "battery_charged_off": ("charging", False),
    "wifi": ("wifi", True),
    **dict.fromkeys(("unknown", "2g", "3g", "4g", "5g"), ("wifi", False)),
    **dict.fromkeys(("battery_low", "battery_okay", "phone_on", "phone_off"), ("", False)),
}
"""What each event says; those of the last line are in the source's list of events and decide nothing."""

_SPEEDS = ("down_sigma", "down_u", "up_sigma", "up_u")
_BPS = {"kBps": 8e3, "kbps": 1e3}
_DAY_S = 86_400


def import_flash_speeds(files: Sequence[Path], settings: Settings) -> tuple[Capacities, Counter[str]]:
    """Import ``speed_distri.json``.

    Parameters
    ----------
    files : sequence of Path
        The one file.
    settings : Settings
        ``unit`` (kBps, or kbps); ``task`` and ``device``, to give every client the published training time of one of
        FLASH's three devices (`TRAINING_MS`), as FLASH gives it to the clients whose device is nearest to it;
        ``batch`` (samples in one); ``rows_max``.

    Returns
    -------
    capacities : Capacities
        Clients in the order of the file. Without ``task`` their compute is not known.
    dropped : Counter
        Empty: nothing is left out.

    Raises
    ------
    ConfigError
        If a setting is wrong.
    TraceError
        If the file is; the first bad client is named.
    """
    path = one_file(files, "flash_speeds")
    bps = _BPS[settings.choice("unit", _BPS, "kBps")]
    forward_s = _forward_s(settings)
    rows_max = settings.count("rows_max", ROWS_MAX, ROWS_MAX)
    settings.finish()
    names: list[str] = []
    columns: dict[str, list[float]] = {key: [] for key in _SPEEDS}
    for name, where, fields in _devices(path, rows_max):
        wrong = sorted(set(fields) ^ set(_SPEEDS))
        if wrong:
            said = "lacks" if wrong[0] in _SPEEDS else "has the unknown key"
            raise TraceError(f"{said} {quoted(wrong[0])}", where, f"it has {', '.join(_SPEEDS)}")
        names.append(name)
        for key in _SPEEDS:
            value = fields[key]
            nothing = key.endswith("sigma") and type(value) in (int, float) and value == 0
            columns[key].append(0.0 if nothing else positive(value, key, where) * bps)
    speeds = {key: np.array(values) for key, values in columns.items()}
    forward = np.full(len(names), forward_s)
    made = Capacities(tuple(names), forward, speeds["down_u"], speeds["up_u"], speeds["down_sigma"], speeds["up_sigma"])
    return made, Counter()


def import_flash_availability(files: Sequence[Path], settings: Settings) -> tuple[Availability, Counter[str]]:
    """Import ``state_traces.json``: a device is there while it is idle, charging and on Wi-Fi.

    Parameters
    ----------
    files : sequence of Path
        The one file.
    settings : Settings
        ``idle`` (locked, as in FLASH's own reader, or screen_off, or either); ``broken`` (refuse, or drop: FLASH skips
        a device whose log it cannot read); ``rows_max``, of events.

    Returns
    -------
    availability : Availability
        Clients in the order of the file; times count from the first midnight before any event, so that the hour of the
        day is kept.
    dropped : Counter
        Devices left out.

    Raises
    ------
    ConfigError
        If a setting is wrong.
    TraceError
        If the file is; the first bad client is named, and the line of its log.

    Notes
    -----
    A device is not locked, not charging and not on Wi-Fi until its log says so. A recording is what lies between the
    first and the last event. Two things differ from FLASH's reader: events are put in the order of their times, and an
    interval that is open at the last event ends there instead of being left out.
    """
    path = one_file(files, "flash_availability")
    idle = settings.choice("idle", ("locked", "screen_off", "either"), "locked")
    drop = settings.choice("broken", ("refuse", "drop"), "refuse") == "drop"
    rows_max = settings.count("rows_max", ROWS_MAX, ROWS_MAX)
    settings.finish()
    dropped: Counter[str] = Counter()
    names, models, ends_s = [], [], []
    intervals: list[list[tuple[float, float]]] = []
    count = 0
    for name, where, fields in _devices(path, rows_max):
        try:
            model, log = _log(fields, where)
        except TraceError:
            if not drop:
                raise
            dropped["broken"] += 1
            continue
        count += len(log)
        if count > rows_max:
            raise TraceError(f"has more than {rows_max} events", where, "import fewer, or allow more by rows_max=")
        names.append(name)
        models.append(model)
        ends_s.append((log[0][0], log[-1][0]))
        intervals.append(_there(log, idle))
    if not names:
        raise TraceError("no device is left", str(path), "every log is broken: see which with broken=refuse")
    origin_s = min(first_s for first_s, _ in ends_s) // _DAY_S * _DAY_S
    starts_s = [float(first_s - origin_s) for first_s, _ in ends_s]
    periods_s = [float(last_s - first_s) for first_s, last_s in ends_s]
    moved = [[(start_s - origin_s, end_s - origin_s) for start_s, end_s in own] for own in intervals]
    return timeline(names, models, starts_s, periods_s, moved), dropped


def _forward_s(settings: Settings) -> float:
    task = settings.choice("task", TRAINING_MS)
    device = settings.choice("device", TRAINING_MS["femnist"][1])
    batch = settings.count("batch", TRAINING_MS[task][0] if task else 1, 10**6)
    if bool(task) != bool(device):
        missing, known = ("device", TRAINING_MS["femnist"][1]) if task else ("task", TRAINING_MS)
        raise ConfigError(f"{missing}= is missing", missing, f"task and device go together; known: {', '.join(known)}")
    return TRAINING_MS[task][1][device] / 1e3 / batch / TRAINING_PER_FORWARD if task else math.nan


def _devices(path: Path, rows_max: int) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Name, place and fields of each device of a JSON file."""
    data = _load(path)
    if type(data) is not dict or not data:
        raise TraceError("is no dictionary of devices", str(path), "write {DEVICE: {…}, …}")
    if len(data) > rows_max:
        raise TraceError(f"has more than {rows_max} devices", str(path), "import fewer, or allow more by rows_max=")
    for name, fields in data.items():
        where = f"{path}: client {quoted(name)}"
        if name_fault(name):
            raise TraceError(name_fault(name), where, "name the client")
        if type(fields) is not dict:
            raise TraceError(f"is no dictionary but {type(fields).__name__}", where, "write {DEVICE: {…}, …}")
        yield name, where, fields


def _load(path: Path) -> Any:
    text = content(path, BYTES_MAX)

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) < len(pairs):
            twice = next(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)
            raise TraceError(f"key {quoted(twice)} stands twice", str(path), "keep one")
        return made

    def refuse(word: str) -> Any:
        raise TraceError(f"{word} is no number of JSON", str(path), "write a finite number")

    try:
        return json.loads(text, object_pairs_hook=once, parse_constant=refuse, parse_int=float)
    except json.JSONDecodeError as problem:
        raise TraceError(f"is no JSON: {problem.msg}", f"{path}:{problem.lineno}", "download it again") from None
    except UnicodeDecodeError:
        raise TraceError("is not UTF-8 text", str(path), "save the file as UTF-8") from None
    except (RecursionError, MemoryError):
        raise TraceError("is nested too deep", str(path), "write {DEVICE: {…}, …}") from None


def _log(fields: Mapping[str, Any], where: str) -> tuple[str, list[tuple[int, str]]]:
    """Model of a device and its events, each with a second, sorted."""
    model, messages = fields.get("model", ""), fields.get("messages")
    if type(model) is not str or (model and name_fault(model)):
        raise TraceError("model: is no name", where, "write a text")
    if type(messages) is not str:
        raise TraceError("has no text in 'messages'", where, "it has lines of a time, a tab and an event")
    log: list[tuple[int, str]] = []
    for number, line in enumerate(messages.split("\n"), start=1):
        if not line.strip():
            continue
        place = f"{where}: line {number}"
        time, tab, event = line.strip().partition("\t")
        if not tab:
            raise TraceError(f"{short(line)} has no tab", place, "write a time, a tab and an event")
        second = _second(time.strip())
        if second is None:
            raise TraceError(f"{short(time)} is no time", place, "write one such as 2020-01-29 21:37:55")
        event = event.strip().lower()
        if event not in EVENTS and not _is_level(event):
            raise TraceError(f"event {short(event)} is unknown", place, f"known: {', '.join(EVENTS)}, 50.0%")
        log.append((second, event))
    log.sort(key=lambda one: one[0])
    if not log or log[0][0] == log[-1][0]:
        raise TraceError("its log has no length", where, "it needs events at two times")
    return model, log


def _there(log: Sequence[tuple[int, str]], idle: str) -> list[tuple[float, float]]:
    state = dict.fromkeys(("", "screen_off", "locked", "charging", "wifi"), False)
    found: list[tuple[float, float]] = []
    since: int | None = None
    for second, event in log:
        key, value = EVENTS.get(event, ("", False))
        state[key] = value
        rests = state["locked"] or state["screen_off"] if idle == "either" else state[idle]
        there = rests and state["charging"] and state["wifi"]
        if there and since is None:
            since = second
        elif not there and since is not None:
            found.append((since, second))
            since = None
    if since is not None:
        found.append((since, log[-1][0]))
    kept: list[tuple[float, float]] = []
    for start_s, end_s in found:
        if kept and kept[-1][1] == start_s:
            kept[-1] = (kept[-1][0], end_s)
        elif start_s < end_s:
            kept.append((start_s, end_s))
    return kept


def _second(text: str) -> int | None:
    """Seconds since the year 1 of a time such as ``2020-01-29 21:37:55``; None if it is none."""
    if len(text) != 19 or text[10] != " " or text[13] != ":" or text[16] != ":" or not text.isascii():
        return None
    day_s = _day_s(text[:10])
    parts = text[11:13], text[14:16], text[17:]
    if day_s is None or not all(part.isdigit() for part in parts):
        return None
    hours, minutes, seconds = map(int, parts)
    return day_s + 3600 * hours + 60 * minutes + seconds if hours < 24 and minutes < 60 and seconds < 60 else None


@lru_cache(maxsize=1000)
def _day_s(text: str) -> int | None:
    try:
        return date.fromisoformat(text).toordinal() * _DAY_S if text[4] == "-" else None
    except ValueError:
        return None


def _is_level(event: str) -> bool:
    """Whether an event tells the charge of the battery, such as ``83.0%``."""
    return event.endswith("%") and event[:-1].isascii() and event[:-1].replace(".", "", 1).isdigit()
