"""From plain mappings to dataclasses and back: a class is its own configuration.

The checks follow from the class alone: types from its annotations, units from the suffixes of its field names,
choices from ``Literal``, ranges from its ``__post_init__``. Two entries of a field's ``metadata`` say more:
``{"infinite": True}`` lets a number be infinite, ``{"catalog": KIND}`` makes the field a component that is
chosen by its catalogued ``name`` and configured by the keys beside it.
"""

from __future__ import annotations

import difflib
import math
import re
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass
from numbers import Integral, Real
from pathlib import Path
from typing import Any, TypeVar

from simedge.errors import ConfigError, InputError, suggest
from simedge.experiment import catalog
from simedge.units import parse_quantity, unit_of

__all__ = ["build", "keys_of", "meant", "plain", "plain_field", "shown"]

T = TypeVar("T")
_SHOWN_CHARACTERS = 60
_NAMED_FIELD = re.compile(r"([A-Za-z_][\w.]*): (.+)\Z", re.DOTALL)


@dataclass(frozen=True)
class _Place:
    """Where a value belongs: its full key, the unit its numbers are in, and what its field says beside its type."""

    key: str
    unit: str | None = None
    metadata: Mapping[Any, Any] = field(default_factory=dict)

    def below(self, key: str) -> _Place:
        return _Place(f"{self.key}.{key}", self.unit, self.metadata)

    def error(self, what: str, remedy: str = "") -> ConfigError:
        return ConfigError(what, where=self.key, remedy=remedy)


def build(cls: type[T], mapping: Mapping[str, Any], where: str = "") -> T:
    """Make an instance of a dataclass from plain values.

    Parameters
    ----------
    cls : type
        A dataclass. Its fields may be numbers, text, truth values, ``Literal``, ``X | None``, tuples, mappings,
        dataclasses, and catalogued components.
    mapping : mapping
        Values by field name; those left out take the field's default. A number of a field whose name ends in a
        unit may be a quantity such as ``"10 Mbps"``.
    where : str
        Key of the mapping itself, with which error messages begin.

    Raises
    ------
    ConfigError
        For a key that is unknown or missing, a value of the wrong type or not finite, an unknown choice or name,
        and whatever the class itself refuses. The full key is named, and close matches.

    Examples
    --------
    >>> @dataclass(frozen=True)
    ... class Link:
    ...     rate_bps: float
    ...     call_s: float = 0.008
    >>> build(Link, {"rate_bps": "10 Mbps"})
    Link(rate_bps=10000000.0, call_s=0.008)
    >>> build(Link, {"rate_bps": 1e7, "cal_s": 0}, where="network")
    Traceback (most recent call last):
    simedge.errors.ConfigError: network.cal_s: unknown key; did you mean 'network.call_s'?
    """
    if not isinstance(mapping, Mapping):
        raise ConfigError(f"needs keys of its own, not {shown(mapping)}", where=where, remedy=_example(cls, where))
    known = {spec.name: spec for spec in fields(cls) if spec.init}  # type: ignore[arg-type]
    for key in mapping:
        if key not in known:
            raise ConfigError("unknown key", where=_join(where, str(key)), remedy=meant(cls, str(key), where))
    hints = typing.get_type_hints(cls)
    arguments = {}
    for name, spec in known.items():
        place = _Place(_join(where, name), unit_of(name), spec.metadata)
        if name in mapping:
            arguments[name] = _convert(hints[name], mapping[name], place)
        elif spec.default is MISSING and spec.default_factory is MISSING:
            raise place.error("is missing", "give it a value")
    try:
        return cls(**arguments)
    except InputError:
        raise
    except MemoryError:
        raise ConfigError("what it describes does not fit into memory", where=where) from None
    except (ValueError, OverflowError) as problem:
        named = _NAMED_FIELD.match(str(problem))
        if named and named[1].split(".")[0] in known:
            raise ConfigError(named[2], where=_join(where, named[1])) from None
        raise ConfigError(str(problem), where=where) from None


def _convert(hint: Any, value: Any, place: _Place) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in {typing.Union, types.UnionType}:
        return _convert_union(arguments, value, place)
    if "catalog" in place.metadata:
        return _component(place.metadata["catalog"], hint, value, place)
    if hint is Any:
        return value
    if origin is typing.Literal:
        if not any(value == choice and type(value) is type(choice) for choice in arguments):
            raise place.error(f"{shown(value)} is not a choice", suggest(str(value), map(str, arguments)))
        return value
    if origin in {tuple, list, Sequence}:
        return _convert_sequence(origin, arguments, value, place)
    if origin in {dict, Mapping}:
        if not isinstance(value, Mapping):
            raise place.error(f"needs names and values, not {shown(value)}", f"write {place.key}={{name: value, …}}")
        return {
            _convert(arguments[0], key, place): _convert(arguments[1], item, place.below(str(key)))
            for key, item in value.items()
        }
    if is_dataclass(hint):
        return value if isinstance(value, hint) else build(hint, value, place.key)  # type: ignore[arg-type]
    if hint is bool:
        if not isinstance(value, bool):
            raise place.error(f"{shown(value)} is neither true nor false", "write true or false")
        return value
    if hint in {int, float}:
        return _convert_number(hint, value, place)
    if hint in {str, Path} and isinstance(value, str | Path):
        return hint(value)
    if not isinstance(value, hint):
        raise place.error(
            f"{shown(value)} is not {'text' if hint is str else hint.__name__}",
            "put it in quotes" if hint is str else "",
        )
    return value


def _convert_union(arguments: tuple[Any, ...], value: Any, place: _Place) -> Any:
    if value is None and type(None) in arguments:
        return None
    problem: ConfigError | None = None
    for alternative in arguments:
        if alternative is not type(None):
            try:
                return _convert(alternative, value, place)
            except ConfigError as found:
                problem = problem or found
    assert problem is not None
    raise problem


def _convert_sequence(origin: Any, arguments: tuple[Any, ...], value: Any, place: _Place) -> Any:
    if not isinstance(value, list | tuple):
        raise place.error(f"needs a list, not {shown(value)}", f"write {place.key}=[…, …]")
    if origin is tuple and arguments[-1] is not Ellipsis:
        if len(value) != len(arguments):
            raise place.error(f"needs {len(arguments)} values, not {len(value)}")
        wanted = list(arguments)
    else:
        wanted = [arguments[0]] * len(value)
    made = [
        _convert(hint, item, place.below(str(at))) for at, (hint, item) in enumerate(zip(wanted, value, strict=True))
    ]
    return made if origin is list else tuple(made)


def shown(value: Any) -> str:
    """Write a value as people do in a configuration, the beginning of a long one."""
    words = {None: "null", True: "true", False: "false"}
    text = words[value] if value is None or isinstance(value, bool) else repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"


def _convert_number(hint: type, value: Any, place: _Place) -> int | float:
    given, allowed = shown(value), "a whole number" if hint is int else "a number"
    if isinstance(value, str) and place.unit is not None:
        try:
            value = parse_quantity(value, place.unit)
        except ValueError as problem:
            raise place.error(str(problem)) from None
    if isinstance(value, bool) or not isinstance(value, Real):
        raise place.error(f"{given} is not {allowed}", f"write {allowed}" + (f" in {place.unit}" if place.unit else ""))
    try:
        number = float(value)
    except OverflowError:
        raise place.error("a number of that size cannot be used", f"write {allowed}") from None
    if math.isnan(number):
        raise place.error("nan is not a value", f"write {allowed}")
    if math.isinf(number) and not (hint is float and place.metadata.get("infinite")):
        raise place.error(f"{given} is not finite", "write a finite number")
    if hint is float:
        return number
    if isinstance(value, Integral):
        return int(value)
    if not number.is_integer():
        raise place.error(f"{given} is not a whole number", "write a whole number")
    return int(number)


def _component(kind: str, hint: Any, value: Any, place: _Place) -> Any:
    if not isinstance(value, str | Mapping | Real | Sequence | None):  # an object of the user's own, given in Python
        if isinstance(value, type):
            raise place.error(f"{value.__name__} is a class, not a {kind}", f"make one: {value.__name__}(…)")
        if not isinstance(value, hint):
            lacking = [name for name in dir(hint) if name[0] != "_" and not hasattr(value, name)]
            raise place.error(f"{shown(value)} is no {kind}", f"give it {', '.join(lacking)}, or choose one by name")
        return value
    if isinstance(value, str):
        value = {"name": value}
    if not isinstance(value, Mapping) or not isinstance(value.get("name"), str):
        raise place.error(f"needs the name of a {kind}, not {shown(value)}", suggest("", catalog.names(kind)))
    found = catalog.entry(kind, value["name"], place.key)
    cls = catalog.load(kind, value["name"], place.key)
    given = {key: item for key, item in value.items() if key != "name"}
    made = build(cls, {**found.preset, **given}, place.key)
    if not isinstance(made, hint):
        raise place.error(f"{value['name']!r} is a {kind} of the system {found.system!r}", f"choose another {kind}")
    return made


def plain(value: Any, given: Any = None) -> Any:
    """Turn an instance back into plain values: the resolved configuration.

    Parameters
    ----------
    value : object
        A dataclass instance that :func:`build` made, or a value inside one.
    given : mapping, optional
        What it was built from; says by which name a component was chosen.

    Returns
    -------
    object
        Mappings, lists, numbers, text, truth values and None; each component has its ``name``.
    """
    if is_dataclass(value) and not isinstance(value, type):
        below = given if isinstance(given, Mapping) else {}
        return {
            spec.name: plain_field(spec, getattr(value, spec.name), below.get(spec.name))
            for spec in fields(value)
            if spec.init
        }
    if isinstance(value, Mapping):
        return {
            str(key): plain(item, given.get(key) if isinstance(given, Mapping) else None) for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return str(value)


def plain_field(spec: Field[Any], value: Any, given: Any = None) -> Any:
    """Turn the value of a field back into plain values; a component has its ``name``. See :func:`plain`."""
    said = plain(value, given)
    if "catalog" in spec.metadata and value is not None:
        fields_said = said if isinstance(said, dict) else {}  # an object of the user's own may be no dataclass
        return {"name": _name_of(value, given, spec.metadata["catalog"]), **fields_said}
    return said


def _name_of(component: Any, given: Any, kind: str) -> str:
    """Find by which name a component was chosen, or else the first in the catalog that stands for its class."""
    chosen = given if isinstance(given, str) else given.get("name") if isinstance(given, Mapping) else None
    if isinstance(chosen, str):
        return chosen
    target = f"{type(component).__module__}:{type(component).__qualname__}"
    return next((name for name in catalog.names(kind) if catalog.entry(kind, name).target == target), target)


def keys_of(cls: type, where: str = "") -> Iterator[str]:
    """Every key that :func:`build` takes for a class, nested dataclasses included; components by their own key only."""
    hints = typing.get_type_hints(cls)
    for spec in fields(cls):
        if spec.init:
            key, hint = _join(where, spec.name), hints[spec.name]
            yield key
            if is_dataclass(hint):
                yield from keys_of(hint, key)  # type: ignore[arg-type]


def meant(cls: type, key: str, where: str) -> str:
    """Remedy an unknown key: a close match beside it, else the same key at another depth, else all keys."""
    beside = [spec.name for spec in fields(cls) if spec.init]
    close = difflib.get_close_matches(key, beside, n=3, cutoff=0.6)
    found = [_join(where, name) for name in close] or [
        full for full in keys_of(cls, where) if full.rpartition(".")[2] == key.rpartition(".")[2]
    ]
    if found:
        return f"did you mean {' or '.join(map(repr, found[:3]))}?"
    return f"known: {', '.join(_join(where, name) for name in sorted(beside))}" if beside else "it has no keys"


def _example(cls: type, where: str) -> str:
    first = next(keys_of(cls, where), "")
    return f"write for instance {first}=…" if first else ""


def _join(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key
