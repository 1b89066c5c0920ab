"""Profiles of devices and links: numbers with unit, kind and source, read from ``hardware_profiles/``."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from simedge import files
from simedge.errors import ProfileError, suggest
from simedge.hardware.latency import DEVIATION_MAX, INTERPOLATIONS, Deviation, Latency, LatencyTable, fitted
from simedge.hardware.shared import Sharing
from simedge.units import format_quantity, parse_quantity

__all__ = ["KINDS", "DeviceProfile", "LinkProfile", "Medium", "Power", "read_device", "read_link"]

_NUMBER_MAX = 1e15
_SPREAD_MAX = 10.0
_MISSPELLED = 0.8
_KEPT = 256  # profiles
_STATIONS_MAX = 10_000
_EXPONENT = re.compile(r"[+-]?\d+[eE][+-]?\d+\Z")

KINDS = ("measured", "published", "derived", "fitted", "assumed")


class Power(NamedTuple):
    """Electric power of a device that does nothing, and of one that executes a batch, W."""

    idle_w: float
    busy_w: float


@dataclass(frozen=True)
class DeviceProfile:
    """What a device needs for inference.

    Attributes
    ----------
    name : str
        Name of the profile.
    fixed_s, per_item_s : float or None
        Seconds per unit of classifier cost, for a launch and for each item in it; None if every classifier was
        measured by itself.
    batch_max : int
        Largest batch size profiled.
    measured : mapping of str to LatencyTable or LatencyCurve
        Classifiers that have a table of their own; it goes before the general one.
    path : Path
        Where it was read.
    spread : float
        Relative standard deviation of a batch's latency around its mean; 0: every batch takes its mean.
    power : Power or None
        None: not known.
    """

    name: str
    fixed_s: float | None
    per_item_s: float | None
    batch_max: int
    measured: Mapping[str, Latency]
    path: Path
    spread: float = 0.0
    power: Power | None = None

    def check_names(self, classifiers: Iterable[str]) -> None:
        """Complain of a measured classifier that a pipeline lacks if one of the pipeline's is probably meant.

        Other names are left alone: a profile may serve several pipelines.

        Raises
        ------
        ProfileError
            Naming both.
        """
        unmeasured = {name.lower(): name for name in classifiers if name not in self.measured}
        for name in sorted(set(self.measured) - set(classifiers)):
            for close in difflib.get_close_matches(name.lower(), unmeasured, cutoff=_MISSPELLED):
                if _lettered(close) != _lettered(name.lower()) or close == name.lower():
                    raise ProfileError(
                        f"the pipeline has no classifier {name!r}, but {unmeasured[close]!r} is not measured",
                        where=f"{self.path}: inference.classifiers",
                        remedy=f"write {unmeasured[close]!r}, or name it less like one of the pipeline's",
                    )

    def table(self, classifier: str, cost: float, batch: int) -> Latency:
        """Latency table of a classifier of a given cost, for batches up to `batch`.

        Raises
        ------
        ProfileError
            If the classifier or a batch of that size was not profiled on this device.
        """
        table = self.measured.get(classifier)
        if table is None:
            if self.fixed_s is None or self.per_item_s is None:
                raise ProfileError(
                    f"classifier {classifier!r} is not profiled on {self.name}",
                    where=str(self.path),
                    remedy=f"add inference.classifiers.{classifier}; {suggest(classifier, self.measured)}",
                )
            table = LatencyTable(cost * self.fixed_s, cost * self.per_item_s, self.batch_max)
        if batch > table.batch_max:
            raise ProfileError(
                f"{classifier!r} is profiled on {self.name} up to batches of {table.batch_max}, not {batch}",
                where=str(self.path),
                remedy="choose a smaller batch or profile a larger one",
            )
        return table


def _lettered(name: str) -> str:
    """Drop the digits of a name: ``stage_1`` and ``stage_2`` are two names, not one misspelled."""
    return re.sub(r"\d+", "#", name)


@dataclass(frozen=True)
class Medium:
    """A medium that links share, such as a Wi-Fi channel.

    Attributes
    ----------
    duplex : {"half", "full"}
        Whether both directions share it, or each has its own.
    sharing : {"max_min", "airtime"}
        What is shared fairly; see :class:`simedge.hardware.shared.SharedLink`.
    efficiency : tuple of float
        Share of the rate that n = 1, 2, … active stations get together; the last holds for all above.
    """

    duplex: Literal["half", "full"]
    sharing: Sharing
    efficiency: tuple[float, ...]


@dataclass(frozen=True)
class LinkProfile:
    """What a link needs to carry a message.

    Attributes
    ----------
    name : str
        Name of the profile.
    rate_bps : float
        Bits per second, > 0, in each direction.
    call_s : float
        Fixed cost of one call, >= 0.
    call_units : int
        Most units that one call carries.
    contended : bool
        False: so fast in its place that messages pass it without queueing or time.
    path : Path
        Where it was read.
    medium : Medium or None
        How the links of one place share `rate_bps`; None: each has it for itself, in each direction.
    energy_per_bit : float or None
        Energy that a bit takes, J; None: not known.
    """

    name: str
    rate_bps: float
    call_s: float
    call_units: int
    contended: bool
    path: Path = Path()
    medium: Medium | None = None
    energy_per_bit: float | None = None


class _Reader:
    """One profile file; every complaint names file and key."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.data = self.mapping(files.read_yaml(path, ProfileError), "")

    def error(self, key: str, what: str, remedy: str) -> ProfileError:
        return ProfileError(f"{key}: {what}" if key else what, where=str(self.path), remedy=remedy)

    def mapping(self, value: Any, key: str) -> dict[Any, Any]:
        if not isinstance(value, dict):
            raise self.error(key, "a mapping is needed here", "see the shipped profiles")
        return value

    def check_keys(self, mapping: Mapping[str, Any], known: Sequence[str], key: str = "") -> None:
        for name in mapping:
            if name not in known:
                raise self.error(f"{key}{name}", "unknown key", suggest(str(name), known))

    def number(
        self,
        mapping: Mapping[str, Any],
        name: str,
        prefix: str,
        unit: str | None,
        *,
        least: float,
        whole: bool = True,
    ) -> float:
        """Read ``{value, unit, kind, source}`` into SI, at least `least`; without a unit it is a count, if `whole`."""
        key = f"{prefix}{name}"
        if name not in mapping:
            raise self.error(key, "missing", "give value, unit, kind and source")
        entry = self.mapping(mapping[name], key)
        self.check_keys(entry, ("value", "unit", "kind", "source"), f"{key}.")
        for part in ("value", "unit", "kind", "source"):
            if entry.get(part) in (None, ""):
                raise self.error(f"{key}.{part}", "missing", "every number has value, unit, kind and source")
        if entry["kind"] not in KINDS:
            raise self.error(f"{key}.kind", f"{entry['kind']!r} is no kind", suggest(str(entry["kind"]), KINDS))
        value = entry["value"]
        if isinstance(value, str) and _EXPONENT.match(value):  # YAML takes 1e-3 for text, because it has no point
            value = float(value)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self.error(f"{key}.value", f"{value!r} is not a number", "write a number; its unit stands in unit")
        try:
            number = parse_quantity(f"{value!r} {entry['unit']}", unit) if unit else float(value)
        except ValueError as problem:
            raise self.error(key, str(problem), "correct value or unit") from None
        except OverflowError:
            number = math.inf
        if not least <= number <= _NUMBER_MAX:
            limits = f"give a number of at least {least:g}, at most {_NUMBER_MAX:g}"
            said = str(value)
            raise self.error(f"{key}.value", f"{said if len(said) < 60 else 'the number'} is out of range", limits)
        if unit is None and whole and number != int(number):
            raise self.error(f"{key}.value", f"{value} is not whole", "give a whole number")
        return number


def _found(name: str, folder: str, config_dir: Path | None) -> tuple[Path, str]:
    """Find a profile; return its path and a digest of its content."""
    path = files.find(name, "hardware_profiles", (".yaml",), error=ProfileError, config_dir=config_dir)
    bundled = files.bundled("hardware_profiles")
    if path.parent.name != folder and path.parent == bundled / path.parent.name:
        peers = [peer.stem for peer in (bundled / folder).glob("*.yaml")]
        raise ProfileError(f"{name!r} is no profile of {folder}", where=str(path), remedy=suggest(name, peers))
    try:
        return path, files.digest(path)
    except OSError:  # reading it will tell
        return path, ""


def read_device(name: str, config_dir: Path | None = None) -> DeviceProfile:
    """Read a device profile by name or path.

    Raises
    ------
    ProfileError
        If it is missing or malformed; file and key are named.
    """
    return _device(*_found(name, "devices", config_dir))


@lru_cache(_KEPT)
def _device(path: Path, content: str) -> DeviceProfile:
    """Read a device profile once for each content: it takes longer than a short run."""
    del content
    reader = _Reader(path)
    reader.check_keys(reader.data, ("name", "inference", "power"))
    inference = reader.mapping(reader.data.get("inference"), "inference")
    reader.check_keys(inference, ("batch_max", "fixed", "per_item", "classifiers", "spread"), "inference.")
    batch_max = int(reader.number(inference, "batch_max", "inference.", None, least=1))
    general = {}
    if "fixed" in inference or "per_item" in inference or "classifiers" not in inference:
        general["fixed"] = reader.number(inference, "fixed", "inference.", "s", least=0.0)
        general["per_item"] = reader.number(inference, "per_item", "inference.", "s", least=1e-12)
    measured = {
        str(classifier): _measured(reader, entry, f"inference.classifiers.{classifier}")
        for classifier, entry in reader.mapping(inference.get("classifiers", {}), "inference.classifiers").items()
    }
    spread = reader.number(inference, "spread", "inference.", "1", least=0.0) if "spread" in inference else 0.0
    if spread > _SPREAD_MAX:
        raise reader.error("inference.spread.value", f"is above {_SPREAD_MAX:.0%}", "measure again, with more rounds")
    return DeviceProfile(
        name=str(reader.data.get("name", reader.path.stem)),
        fixed_s=general.get("fixed"),
        per_item_s=general.get("per_item"),
        batch_max=batch_max,
        measured=measured,
        path=reader.path,
        spread=spread,
        power=_power(reader) if "power" in reader.data else None,
    )


def _power(reader: _Reader) -> Power:
    """Read ``{idle: …, busy: …}``."""
    entry = reader.mapping(reader.data["power"], "power")
    reader.check_keys(entry, ("idle", "busy"), "power.")
    idle_w, busy_w = (reader.number(entry, name, "power.", "W", least=0.0) for name in ("idle", "busy"))
    if busy_w < idle_w:
        raise reader.error("power.busy.value", "is less than idle", "give the power under load, which includes idle")
    return Power(idle_w, busy_w)


def _measured(reader: _Reader, entry: Any, key: str) -> Latency:
    """Read ``{latency: {1: 11.0, 8: 70.2}, unit, kind, source}``, perhaps with ``interpolation``."""
    entry = reader.mapping(entry, key)
    reader.check_keys(entry, ("latency", "unit", "kind", "source", "interpolation"), f"{key}.")
    how = entry.get("interpolation", "line")
    if how not in INTERPOLATIONS:
        raise reader.error(f"{key}.interpolation", f"{how!r} is no choice", suggest(str(how), INTERPOLATIONS))
    points = reader.mapping(entry.get("latency"), f"{key}.latency")
    if not points:
        raise reader.error(f"{key}.latency", "no batch size is given", "give latencies such as {1: 11.0, 8: 70.2}")
    sizes: list[int] = []
    values: list[float] = []
    for size, value in points.items():
        if isinstance(size, bool) or not isinstance(size, int) or size < 1:
            raise reader.error(f"{key}.latency", f"{size!r} is no batch size", "batch sizes are whole numbers >= 1")
        item = {str(size): {"value": value, **{k: entry.get(k) for k in ("unit", "kind", "source")}}}
        sizes.append(size)
        values.append(reader.number(item, str(size), f"{key}.latency.", "s", least=1e-12))
    try:
        return fitted(sizes, values, how)
    except Deviation as deviation:
        fit = deviation.fit
        if isinstance(fit, LatencyTable):
            drawn = f"line, {format_quantity(fit.fixed_s, 's')} + {format_quantity(fit.per_item_s, 's')} per item,"
            remedy = "of a line; leave out batch sizes that you do not run, or set interpolation: monotone"
        else:
            drawn, remedy = "curve that never falls", "of such a curve; measure again"
        raise reader.error(
            f"{key}.latency",
            f"at batch {deviation.items} the nearest {drawn} is {abs(deviation.share):.0%} off",
            f"latencies must lie within {DEVIATION_MAX:.0%} {remedy}",
        ) from None
    except ValueError as problem:
        raise reader.error(f"{key}.latency", str(problem), "check the measurement") from None


def read_link(name: str, config_dir: Path | None = None) -> LinkProfile:
    """Read a link profile by name or path.

    Raises
    ------
    ProfileError
        If it is missing or malformed; file and key are named.
    """
    return _link(*_found(name, "links", config_dir))


@lru_cache(_KEPT)
def _link(path: Path, content: str) -> LinkProfile:
    del content
    reader = _Reader(path)
    reader.check_keys(reader.data, ("name", "rate", "call", "call_max", "contended", "medium", "energy_per_bit"))
    contended = reader.data.get("contended", True)
    if not isinstance(contended, bool):
        raise reader.error("contended", f"{contended!r} is not true or false", "write true or false")
    return LinkProfile(
        name=str(reader.data.get("name", reader.path.stem)),
        rate_bps=reader.number(reader.data, "rate", "", "bps", least=1.0),
        call_s=reader.number(reader.data, "call", "", "s", least=0.0),
        call_units=int(reader.number(reader.data, "call_max", "", None, least=1)),
        contended=contended,
        path=reader.path,
        medium=_medium(reader) if "medium" in reader.data else None,
        energy_per_bit=reader.number(reader.data, "energy_per_bit", "", "J/bit", least=0.0)
        if "energy_per_bit" in reader.data
        else None,
    )


def _medium(reader: _Reader) -> Medium:
    medium = reader.mapping(reader.data["medium"], "medium")
    reader.check_keys(medium, ("duplex", "sharing", "efficiency"), "medium.")
    for key, choices in (("duplex", ("half", "full")), ("sharing", ("max_min", "airtime"))):
        if medium.get(key) not in choices:
            said = medium.get(key)
            raise reader.error(f"medium.{key}", f"{said!r} is not a choice", suggest(str(said), choices))
    entry = reader.mapping(medium.get("efficiency"), "medium.efficiency")
    reader.check_keys(entry, ("shares", "kind", "source"), "medium.efficiency.")
    shares = reader.mapping(entry.get("shares"), "medium.efficiency.shares")
    stations: list[int] = []
    for count, share in shares.items():
        where = f"medium.efficiency.shares.{count}"
        if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= _STATIONS_MAX:
            raise reader.error(where, "is no number of stations", f"count whole stations, 1 to {_STATIONS_MAX}")
        value = {"value": share, "unit": "share", **{key: entry.get(key) for key in ("kind", "source")}}
        if (
            not 0.0
            < reader.number({str(count): value}, str(count), "medium.efficiency.shares.", None, least=0.0, whole=False)
            <= 1.0
        ):
            raise reader.error(where, f"{share} is no share", "give a number above 0, at most 1")
        stations.append(count)
    if not stations or min(stations) != 1:
        raise reader.error("medium.efficiency.shares", "one station is missing", "begin with 1: what one gets alone")
    stations.sort()
    between = np.interp(np.arange(1, stations[-1] + 1), stations, [float(shares[count]) for count in stations])
    return Medium(medium["duplex"], medium["sharing"], tuple(between.tolist()))
