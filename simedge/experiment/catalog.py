"""Every name a user may type for a piece of code, and where that code lives.

Names stand here as strings and are imported on use, so that no room has to know the concrete classes below it.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any, NamedTuple

from simedge.errors import ConfigError, suggest

__all__ = ["KINDS", "Entry", "entry", "load", "names"]


class Entry(NamedTuple):
    """A catalogued name.

    Attributes
    ----------
    target : str
        ``module:attribute``.
    about : str
        One line for people.
    system : str
        The system it belongs to.
    preset : mapping
        Fields that this name sets unless the user does.
    """

    target: str
    about: str
    system: str
    preset: Mapping[str, Any] = MappingProxyType({})


_BASELINES = "simedge.policies.video.baselines"

_CATALOG: dict[str, dict[str, Entry]] = {
    "system": {
        "video": Entry(
            "simedge.systems.video.system:VideoSystem", "smart cameras and an edge cluster run a pipeline of classifiers", "video"
        ),
    },
    "policy": {
        "camera_only": Entry(f"{_BASELINES}:CameraOnly", "every unit on the camera that saw it", "video"),
        "centralized": Entry(f"{_BASELINES}:Centralized", "every unit at the edge cluster", "video"),
        "videoedge_l": Entry(
            f"{_BASELINES}:VideoEdgeL", "VideoEdge-Lossless: one static split by compute capacity", "video"
        ),
    },
    "arrivals": {
        "video": Entry("simedge.systems.video.workload:arrivals", "the ROI arrivals of a video scenario", "video"),
    },
}

KINDS: tuple[str, ...] = tuple(_CATALOG)
"""What kinds of things have names."""


def names(kind: str, system: str | None = None) -> list[str]:
    """Names of a kind, sorted; with `system`, those that belong to it.

    Examples
    --------
    >>> names("policy", "video")
    ['camera_only', 'centralized', 'videoedge_l']
    """
    return sorted(name for name, found in _CATALOG[kind].items() if system in {None, found.system})


def entry(kind: str, name: str, where: str = "") -> Entry:
    """Look up a name.

    Parameters
    ----------
    kind, name : str
        What kind of thing, and which.
    where : str
        What an error message begins with: the key or option that gave the name.

    Raises
    ------
    ConfigError
        If there is no such name; close matches are named.
    """
    try:
        return _CATALOG[kind][name]
    except (KeyError, TypeError):
        raise ConfigError(f"there is no {kind} {name!r}", where=where, remedy=suggest(name, _CATALOG[kind])) from None


def load(kind: str, name: str, where: str = "") -> Any:
    """Import what a name stands for: a class, or a function.

    Raises
    ------
    ConfigError
        If there is no such name; close matches are named.
    """
    module, _, attribute = entry(kind, name, where).target.partition(":")
    return getattr(import_module(module), attribute)
