"""A configuration in one's hands: keys and values to look at and to edit."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import MISSING
from typing import Any

from simedge.errors import suggest
from simedge.experiment.keys import UnknownKey, configuration, find, names_at

__all__ = ["Node"]


class Node:
    """Keys and values of a configuration, reached as attributes or by dotted key; values may be edited.

    A key that is not set reads as its default. Where the configuration names its ``system``, only keys can be read or
    set that there are; values are checked later, together.

    Parameters
    ----------
    mapping : dict
        The whole configuration; what is set here is set there.
    key : str
        Where in it this node is.

    Examples
    --------
    >>> node = Node({"network": {"uplink_bps": "10 Mbps"}})
    >>> node.network.uplink_bps = "50 Mbps"
    >>> node["network.uplink_bps"]
    '50 Mbps'
    >>> node = Node({"system": "video"})
    >>> node.queues.camera_units
    100
    """

    def __init__(self, mapping: dict[str, Any], key: str = "") -> None:
        object.__setattr__(self, "_mapping", mapping)
        object.__setattr__(self, "_key", key)

    _mapping: dict[str, Any]
    _key: str

    def __getitem__(self, key: str) -> Any:
        full = self._full(key)
        below: Any = self._mapping
        for part in full.split("."):
            below = {"name": below} if isinstance(below, str) and part == "name" else below
            if not isinstance(below, Mapping) or part not in below:
                return self._default(full)
            below = below[part]
        return Node(self._mapping, full) if isinstance(below, dict) else below

    def _default(self, full: str) -> Any:
        cls = configuration(self._mapping.get("system"))
        if cls is None:
            here = self._here()
            raise UnknownKey("unset or unknown key", where=full, remedy=suggest(full.rpartition(".")[2], here))
        found = find(cls, self._mapping, full)
        if (found.holder is not None and not found.kind) or isinstance(found.default, Mapping):
            return Node(self._mapping, full)
        if found.default is MISSING:
            raise UnknownKey("is not set and has no default", where=full, remedy="give it a value")
        return copy.deepcopy(found.default)

    def __setitem__(self, key: str, value: Any) -> None:
        full = self._full(key)
        cls = configuration(self._mapping.get("system"))
        found = find(cls, self._mapping, full) if cls is not None else None
        *parents, last = full.split(".")
        node = self._mapping
        for at, parent in enumerate(parents):
            below = node.get(parent)
            if below is None or isinstance(below, str):  # a component by its bare name
                below = node[parent] = {} if below is None else {"name": below}
            if not isinstance(below, dict):
                raise UnknownKey("is a value, it has no keys", where=".".join(parents[: at + 1]), remedy="set it whole")
            node = below
        if isinstance(value, Node):
            value = copy.deepcopy(value._here())
        if found is not None and found.kind and isinstance(value, str):
            value = {"name": value}
        if last == "name" and parents and node.get("name", value) != value:
            node.clear()  # another component: the fields were the old one's
        node[last] = value

    def _full(self, key: Any) -> str:
        if not isinstance(key, str) or not key:
            raise UnknownKey(f"{key!r} is not a key", remedy="write for instance 'network.uplink_bps'")
        return f"{self._key}.{key}" if self._key else key

    def _here(self) -> dict[str, Any]:
        node: Any = self._mapping
        for part in self._key.split(".") if self._key else ():
            node = node.get(part, {}) if isinstance(node, Mapping) else {}
        return node if isinstance(node, dict) else {"name": node} if isinstance(node, str) else {}

    def __getattr__(self, key: str) -> Any:
        if key.startswith("_"):
            raise AttributeError(key)
        return self[key]

    def __setattr__(self, key: str, value: Any) -> None:
        self[key] = value

    def __iter__(self) -> Iterator[str]:
        return iter(self._here())

    def __dir__(self) -> list[str]:
        cls = configuration(self._mapping.get("system"))
        known = names_at(cls, self._mapping, self._key) if cls is not None else ()
        return [*super().__dir__(), *dict.fromkeys([*known, *self._here()])]

    def __repr__(self) -> str:
        return "\n".join(_lines(self._here()))


def _lines(mapping: Mapping[str, Any], indent: str = "") -> Iterator[str]:
    for key, item in mapping.items():
        if isinstance(item, Mapping) and item:
            yield f"{indent}{key}:"
            yield from _lines(item, f"{indent}  ")
        else:
            yield f"{indent}{key}: {'null' if item is None else item}"
