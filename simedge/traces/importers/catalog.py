"""The kinds of import by name."""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from simedge.errors import ConfigError, suggest
from simedge.traces.fleet import Availability, Capacities
from simedge.traces.importers.settings import Settings
from simedge.traces.trace import RoiTrace

__all__ = ["KINDS", "Imported", "import_files", "suffixes_of"]


@dataclass(frozen=True)
class _Kind:
    """Module and function of an importer, and the endings of the files that it makes."""

    module: str
    function: str
    suffixes: tuple[str, ...]
    about: str


_TRACE, _FLEET = (".csv", ".parquet"), (".parquet",)

KINDS = {
    "mot15": _Kind("motchallenge", "import_mot15", _TRACE, "boxes of MOT15, one file a camera"),
    "mot16": _Kind("motchallenge", "import_mot16", _TRACE, "boxes of MOT16, one file a camera"),
    "mot17": _Kind("motchallenge", "import_mot16", _TRACE, "boxes of MOT17, one file a camera"),
    "mot20": _Kind("motchallenge", "import_mot16", _TRACE, "boxes of MOT20, one file a camera"),
    "aicity": _Kind("aicity", "import_aicity", _TRACE, "folder of an AI City scenario"),
    "fedscale_capacity": _Kind("fedscale", "import_fedscale_capacity", _FLEET, "client_device_capacity"),
    "fedscale_availability": _Kind("fedscale", "import_fedscale_availability", _FLEET, "client_behave_trace"),
    "flash_speeds": _Kind("flash", "import_flash_speeds", _FLEET, "speed_distri.json"),
    "flash_availability": _Kind("flash", "import_flash_availability", _FLEET, "state_traces.json"),
}


@dataclass(frozen=True)
class Imported:
    """What an import made, and how many of what it left out by reason."""

    table: RoiTrace | Capacities | Availability
    dropped: Counter[str]

    def __str__(self) -> str:
        """Say in one line what there is."""
        table = self.table
        if isinstance(table, RoiTrace):
            cameras, paths = len(table.cameras), ", ".join(table.paths)
            said = f"{len(table)} ROIs in {table.duration_s:g} s from {cameras} cameras, paths {paths}"
        elif isinstance(table, Capacities):
            said = f"capacities of {len(table)} clients"
        else:
            share = table.share().mean()
            said = f"availability of {len(table)} clients, {len(table.active_s)} intervals, {share:.1%} of their time"
        left = ", ".join(f"{count} {reason}" for reason, count in sorted(self.dropped.items()))
        return f"{said}; dropped {left}" if left else said


def suffixes_of(kind: str) -> tuple[str, ...]:
    """Say how the files that a kind of import makes end.

    Raises
    ------
    ConfigError
        If there is no such kind.
    """
    if kind not in KINDS:
        raise ConfigError(f"there is no import {kind!r}", remedy=suggest(kind, KINDS))
    return KINDS[kind].suffixes


def import_files(kind: str, files: Sequence[Path], settings: Mapping[str, str]) -> Imported:
    """Read files in a published layout.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    files : sequence of Path
        What to read.
    settings : mapping
        Keys of the importer, which names them in its docstring, and their texts.

    Returns
    -------
    Imported
        A table that can ``write`` itself.

    Raises
    ------
    ConfigError
        If the kind or a setting is wrong.
    TraceError
        If a file is; the first bad line or client is named.
    """
    suffixes_of(kind)
    if not files:
        raise ConfigError("no file is named", kind, f"give {KINDS[kind].about}")
    module = importlib.import_module(f"simedge.traces.importers.{KINDS[kind].module}")
    return Imported(*getattr(module, KINDS[kind].function)(files, Settings(settings)))
