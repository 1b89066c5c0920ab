"""What keys a configuration has, and what the classes say about each: type, unit, default, meaning."""

from __future__ import annotations

import inspect
import re
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from typing import Any

from simedge.errors import ConfigError
from simedge.experiment import catalog
from simedge.experiment.build import meant, plain_field, shown
from simedge.units import unit_of

__all__ = ["Key", "UnknownKey", "abouts", "configuration", "document", "find", "names_at", "sections"]

_TYPES = {float: "number", int: "whole number", str: "text", bool: "true or false"}


class UnknownKey(ConfigError, KeyError, AttributeError):
    """A key that a configuration does not have, however it was asked for: by item, by attribute, or in a file."""

    __str__ = ConfigError.__str__


@dataclass(frozen=True)
class Key:
    """One key.

    Attributes
    ----------
    name : str
        Full key, with dots.
    hint : object
        Its type.
    unit : str
        Unit of its numbers, empty if they have none.
    default : object
        Plain value, or ``MISSING``.
    about : str
        What it means.
    kind : str
        Kind of the catalog if it is a component, else empty.
    """

    name: str
    hint: Any
    unit: str
    default: Any
    about: str
    kind: str

    @property
    def said(self) -> str:
        """What it means, for the heading of its section; nothing if that only points there."""
        return "" if self.about == "See there." else self.about.replace("``", "`")

    @property
    def holder(self) -> type | None:
        """The dataclass whose fields are the keys below; of a component that is a matter of its name."""
        return next((one for one in _alternatives(self.hint) if isinstance(one, type) and is_dataclass(one)), None)

    @property
    def listed(self) -> tuple[str, type] | None:
        """Of a list or a table of names whose items have keys: how an item is written, and the dataclass."""
        for one in _alternatives(self.hint):
            origin, arguments = typing.get_origin(one), typing.get_args(one)
            if origin in {dict, Mapping} and isinstance(arguments[1], type) and is_dataclass(arguments[1]):
                return f"{self.name}.<name>", arguments[1]
            if origin in {tuple, list, Sequence} and isinstance(arguments[0], type) and is_dataclass(arguments[0]):
                return f"{self.name}[…]", arguments[0]
        return None

    @property
    def open(self) -> bool:
        """Whether the keys below are names of the user's own."""
        return self.hint is Any or any(typing.get_origin(one) in {dict, Mapping} for one in _alternatives(self.hint))


def configuration(system: Any) -> type | None:
    """Class of a system's configuration; None if there is no such system."""
    known = isinstance(system, str) and system in catalog.names("system")
    return catalog.load("system", system).configuration if known else None


def keys(cls: type, where: str = "") -> dict[str, Key]:
    """Keys of a dataclass by field name, without those below."""
    hints, said = typing.get_type_hints(cls), abouts(cls)

    def key(spec: Field[Any]) -> Key:
        default = spec.default_factory() if spec.default_factory is not MISSING else spec.default
        return Key(
            f"{where}.{spec.name}" if where else spec.name,
            hints[spec.name],
            unit_of(spec.name) or "",
            default if default is MISSING else plain_field(spec, default),
            said.get(spec.name, ""),
            spec.metadata.get("catalog", ""),
        )

    return {spec.name: key(spec) for spec in fields(cls) if spec.init}


def abouts(cls: type) -> dict[str, str]:
    """Meaning of each field, from the section *Attributes* of the class's docstring and those of its bases.

    Examples
    --------
    >>> abouts(Key)["unit"]
    'Unit of its numbers, empty if they have none.'
    """
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        text = inspect.cleandoc(base.__dict__.get("__doc__") or "")
        section = re.search(r"^Attributes\n-+\n(.*?)(?=\n\n\w[^\n]*\n-+\n|\Z)", text, re.MULTILINE | re.DOTALL)
        for names, about in re.findall(
            r"^(\S[^\n]*)\n((?:[ ]+[^\n]*(?:\n|\Z)|\n)+)", section[1] if section else "", re.M
        ):
            for name in names.split(" : ")[0].split(","):
                found[name.strip()] = " ".join(about.split())
    return found


def find(cls: type, values: Any, key: str) -> Key:
    """Look up a key that may or may not have been set.

    Parameters
    ----------
    cls : type
        Class of the whole configuration.
    values : mapping
        What is set; says which components there are.
    key : str
        Full key, with dots.

    Raises
    ------
    UnknownKey
        If there is no such key; close matches are named.
    """
    holder: type | None = cls
    found = Key("", cls, "", MISSING, "", "")
    for part in key.split("."):
        if found.open:
            return Key(key, Any, "", MISSING, "", "")
        values = values.get(part) if isinstance(values, Mapping) else None
        known = keys(holder, found.name) if holder is not None else {}
        if found.kind:
            chosen = found.default.get("name", MISSING) if isinstance(found.default, Mapping) else MISSING
            known["name"] = Key(f"{found.name}.name", str, "", chosen, f"which {found.kind}", "")
        if not found.name:
            known["system"] = Key("system", str, "", MISSING, "which system is simulated", "")
        if part not in known:
            full = f"{found.name}.{part}" if found.name else part
            remedy = f"{found.name} has no keys" if holder is None else meant(holder, part, found.name)
            raise UnknownKey("unknown key", where=full, remedy=remedy)
        found = known[part]
        holder = _component_class(found, values) if found.kind else found.holder
    return found


def names_at(cls: type, values: Any, key: str) -> list[str]:
    """Names of the keys right below a key, or of all first keys; none if they are the user's own, or it has none."""
    if not key:
        return ["system", *keys(cls)]
    found = find(cls, values, key)
    for part in key.split("."):
        values = values.get(part) if isinstance(values, Mapping) else None
    holder = _component_class(found, values) if found.kind else found.holder
    return [*(["name"] if found.kind else []), *(keys(holder) if holder else ())]


def _component_class(key: Key, value: Any) -> type | None:
    chosen = key.default if value is None and key.default is not MISSING else value
    name = chosen.get("name") if isinstance(chosen, Mapping) else chosen
    return catalog.load(key.kind, name) if isinstance(name, str) and name in catalog.names(key.kind) else None


def _alternatives(hint: Any) -> tuple[Any, ...]:
    return typing.get_args(hint) if typing.get_origin(hint) in {typing.Union, types.UnionType} else (hint,)


def sections(system: str) -> Iterator[tuple[str, str, list[Key]]]:
    """Every key of a system's configuration: title, a line about them, and the keys, for each place that has keys."""
    places: list[tuple[str, str, str, type]] = [("", "", "", catalog.load("system", system).configuration)]
    told: set[str] = set()
    while places:
        title, about, where, cls = places.pop(0)
        if title in told:  # a component that several policies have
            continue
        told.add(title)
        found = list(keys(cls, where).values())
        yield title, about, [key for key in found if key.holder is None or key.kind]
        below: list[tuple[str, str, str, type]] = []
        for key in found:
            if key.kind:
                below += _components(key, system)
            elif key.holder is not None:
                below.append((key.name, key.said, key.name, key.holder))
            elif key.listed is not None:
                title, item = key.listed
                below.append((title, key.said, title, item))
        places = below + places


def _components(key: Key, system: str) -> Iterator[tuple[str, str, str, type]]:
    for name in catalog.names(key.kind, system):
        entry = catalog.entry(key.kind, name)
        preset = f" Sets {', '.join(f'{one} to {shown(value)}' for one, value in entry.preset.items())}."
        about = f"{entry.about[0].upper()}{entry.about[1:]}.{preset if entry.preset else ''}"
        yield f"{key.name}={name}", about, key.name, catalog.load(key.kind, name)


def document(system: str) -> str:
    """Write every key of a system's configuration as Markdown tables."""
    lines: list[str] = []
    for title, about, found in sections(system):
        lines += [f"### {f'`{title}`' if title else 'First keys'}", ""] + ([about, ""] if about else [])
        if found:
            lines += ["| key | type | unit | default | meaning |", "|---|---|---|---|---|", *map(_row, found), ""]
        else:
            lines += ["It has no keys of its own.", ""]
    return "\n".join(lines)


def _row(key: Key) -> str:
    about = key.about.replace("``", "`").replace("None:", "null:").replace("|", "\\|")
    return f"| `{key.name}` | {_type(key)} | {key.unit} | {_default(key)} | {about} |"


def _default(key: Key) -> str:
    if key.default is MISSING:
        return "required"
    value = key.default["name"] if key.kind and isinstance(key.default, Mapping) else key.default
    said = value if isinstance(value, str) else f"{value:g}" if isinstance(value, float) else shown(value)
    return f"`{said}`"


def _type(key: Key) -> str:
    if key.kind:
        return f"name of a {key.kind}"
    return _said(key.hint)


def _said(hint: Any) -> str:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in {typing.Union, types.UnionType}:
        return " or ".join("null" if one is type(None) else _said(one) for one in arguments)
    if origin is typing.Literal:
        return " or ".join(f"`{one}`" for one in arguments)
    if origin in {dict, Mapping}:
        return f"names, each with a {_said(arguments[1])}"
    if origin is tuple and arguments[-1] is not Ellipsis:
        return f"[{', '.join(map(_said, arguments))}]"
    if origin in {tuple, list, Sequence}:
        return f"list of {_said(arguments[0])}"
    return _TYPES.get(hint, getattr(hint, "__name__", str(hint)))
