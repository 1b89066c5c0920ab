"""What ``key=value`` means: one value, or several, in Hydra's grammar."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from fnmatch import fnmatchcase
from itertools import product
from math import ceil
from typing import Any, NamedTuple

from simedge.errors import ConfigError, suggest
from simedge.experiment import catalog
from simedge.experiment.build import shown
from simedge.experiment.scenario_file import refuse_code

__all__ = ["KEY", "Glob", "Override", "expand", "given_as", "parse", "policies"]

KEY = re.compile(r"[^\W\d][\w-]*([./][\w-]+)*\Z")
"""What a key looks like, with dots or slashes."""

VALUES_MAX = 100_000
POINTS_MAX = 1_000_000

_OVERRIDE = re.compile(r"(\+{0,2})([^=\s]+)\s*=(.*)\Z", re.DOTALL)
_CHARACTERS_MAX = 10_000
_FUNCTION = re.compile(r"(range|choice|glob|interval)\s*\(")


class Glob(NamedTuple):
    """Names to be looked up: those that match one of `include` and none of `exclude`."""

    include: tuple[str, ...]
    exclude: tuple[str, ...]

    def among(self, names: Iterable[str]) -> list[str]:
        """Choose the names that match, in their order.

        Examples
        --------
        >>> Glob(("distream*",), ("*_l",)).among(["camera_only", "distream", "distream_l"])
        ['distream']
        """

        def matches(name: str, patterns: tuple[str, ...]) -> bool:
            return any(fnmatchcase(name, pattern) for pattern in patterns)

        return [name for name in names if matches(name, self.include) and not matches(name, self.exclude)]


class Override(NamedTuple):
    """What ``key=value`` says: the key with dots, the value as typed, its meaning, and whether it means several.

    Several are a list of values, or a `Glob`.
    """

    key: str
    text: str
    value: Any
    sweep: bool


def parse(text: str) -> Override:
    """Read one ``key=value``.

    The value follows Hydra's grammar where it can (numbers, lists, mappings, ``null``, quoted text; of several values
    ``a,b``, ``choice(a,b)``, ``range(start,stop,step)`` and ``glob(pattern)``). A value that it reads as text, or
    cannot read, is taken as typed: ``50 Mbps`` and file names need no quotes.

    Raises
    ------
    ConfigError
        If it is no ``key=value``, or asks for anything but plain values.

    Examples
    --------
    >>> parse("network.uplink_bps=50 Mbps").value, parse("seed=3").value, parse("a.b=[1, x]").value
    ('50 Mbps', 3, [1, 'x'])
    >>> parse("seed=range(0,3)").value, parse("beta=range(0.1,0.5,0.1)").value
    ([0, 1, 2], [0.1, 0.2, 0.3, 0.4])
    """
    if not isinstance(text, str):
        raise ConfigError(f"{shown(text)} is not key=value", remedy="give each as a text of its own, such as 'seed=3'")
    if len(text) > _CHARACTERS_MAX:
        raise ConfigError(f"{shown(text)} is longer than {_CHARACTERS_MAX} characters", remedy="put it in a file")
    if text.startswith("~"):
        raise ConfigError(f"{shown(text)} cannot remove a key", remedy="write key=null for none")
    match = _OVERRIDE.match(text)
    if match is None or not KEY.match(match[2]):
        remedy = f"write scenario={text}" if match is None and KEY.match(text) else "write for instance seed=3"
        raise ConfigError(f"{shown(text)} is not key=value", remedy=remedy)
    key, said = match[2].replace("/", "."), match[3].strip()
    refuse_code(dict.fromkeys(key.split(".")), key)
    if not said:
        raise ConfigError("has no value", where=key, remedy=f"write {key}=VALUE")
    value, sweep = _value(key, said)
    refuse_code(value, key)
    refuse_code(said, key)
    return Override(key, said, value, sweep)


def _value(key: str, said: str) -> tuple[Any, bool]:
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.core.override_parser.types import ChoiceSweep, RangeSweep, ValueType
    from hydra.core.override_parser.types import Glob as HydraGlob
    from hydra.errors import HydraException

    parser = OverridesParser.create()
    for function in ("int", "float", "str", "bool", "sort", "shuffle", "tag"):  # shuffle draws from global chance
        parser.functions.definitions.pop(function)
    try:
        found = parser.parse_override(f"x={said}")
        if found.value_type is ValueType.ELEMENT:
            value = found.value()
            quoted = said[0] in "'\"" and said[-1] == said[0]
            return (said if isinstance(value, str) and not quoted else value), False
    except (HydraException, ValueError, OverflowError, RecursionError, TypeError) as problem:
        if _FUNCTION.match(said) and not catalog.is_file(said):
            raise _refused(key, said, str(problem).splitlines()[0] if str(problem) else "") from None
        return said, False
    if catalog.is_file(said):
        return said, False
    several: Any = found._value  # what Hydra's own iterator would accumulate or keep in quotes
    if isinstance(several, HydraGlob):
        return Glob(tuple(several.include), tuple(several.exclude)), True
    if isinstance(several, RangeSweep):
        return _range(key, said, several.start, several.stop, several.step), True
    if isinstance(several, ChoiceSweep) and not any(isinstance(item, RangeSweep) for item in several.list):
        return [_unquoted(item) for item in several.list], True
    raise _refused(key, said, "it is no list of values")


def _refused(key: str, said: str, reason: str) -> ConfigError:
    remedy = "write a,b or choice(a,b) or range(start,stop,step) or glob(pattern), or put it in quotes"
    return ConfigError(f"{shown(said)} cannot be read{f': {reason}' if reason else ''}", where=key, remedy=remedy)


def _unquoted(item: Any) -> Any:
    from hydra.core.override_parser.types import QuotedString

    if isinstance(item, QuotedString):
        return item.text
    if isinstance(item, list):
        return [_unquoted(one) for one in item]
    if isinstance(item, Mapping):
        return {_unquoted(name): _unquoted(one) for name, one in item.items()}
    return item


def _range(key: str, said: str, start: Any, stop: Any, step: Any) -> list[int] | list[float]:
    """List the numbers of a range without its end; decimals as they are written, not as they would add up."""
    try:
        first, last, by = (Decimal(repr(number)) for number in (start, stop, step))
        count = max(0, ceil((last - first) / by))
    except ArithmeticError:
        raise _refused(key, said, "its numbers make no range") from None
    if count == 0:
        raise ConfigError(f"{shown(said)} has no values", where=key, remedy="the end is left out: range(0,3) is 0,1,2")
    if count > VALUES_MAX:
        raise ConfigError(f"{shown(said)} has {count:,} values", where=key, remedy=f"give at most {VALUES_MAX:,}")
    if all(isinstance(number, int) for number in (start, stop, step)):
        return [start + at * step for at in range(count)]
    return [float(first + at * by) for at in range(count)]


def given_as(key: str, values: Iterable[Any]) -> Override:
    """Make an override of values that are at hand, as in a notebook: one of them, or several.

    Raises
    ------
    ConfigError
        If the key is none, there is no value, or a value is none that a configuration could hold.

    Examples
    --------
    >>> given_as("policy.beta", [0.1, 0.2]).value, given_as("seed", range(2)).value
    ([0.1, 0.2], [0, 1])
    """
    if not isinstance(key, str) or not KEY.match(key):
        raise ConfigError(f"{shown(key)} is no key", remedy="write for instance 'policy.beta'")
    listed = [values] if isinstance(values, str | Mapping) or not isinstance(values, Iterable) else list(values)
    plain = [item.item() if hasattr(item, "item") and not hasattr(item, "__len__") else item for item in listed]
    name = key.replace("/", ".")
    for item in plain:
        if not isinstance(item, str | int | float | bool | list | tuple | Mapping | None):
            raise ConfigError(f"{shown(item)} is no value of a configuration", where=name, remedy="give plain values")
        refuse_code(item, name)
    if not plain:
        raise ConfigError("has no value", where=name, remedy="give at least one")
    return Override(name, ",".join(map(str, plain)), plain, True)


def expand(
    overrides: Sequence[Override], options: Callable[[str], Sequence[str]], most: int = POINTS_MAX
) -> list[tuple[Override, ...]]:
    """Expand overrides into the points of their grid, the last one that has several values varying fastest.

    Parameters
    ----------
    overrides : sequence of Override
        Each key at most once with several values.
    options : callable
        Names that a key can choose, for `Glob`.
    most : int
        Most points.

    Returns
    -------
    list of tuple of Override
        One value for each override; equal values of a key count once.

    Raises
    ------
    ConfigError
        If a key is swept twice, nothing matches, or there are too many points.

    Examples
    --------
    >>> points = expand([parse("a=1,2"), parse("b=x"), parse("c=range(2)")], lambda key: [])
    >>> [[override.value for override in point] for point in points]
    [[1, 'x', 0], [1, 'x', 1], [2, 'x', 0], [2, 'x', 1]]
    """
    swept = [override.key for override in overrides if override.sweep]
    axes: list[list[Override]] = []
    total = 1
    for override in overrides:
        if swept.count(override.key) > 1 or (not override.sweep and override.key in swept):
            raise ConfigError("is given twice", where=override.key, remedy="write all its values into one")
        values = _listed(override, options) if override.sweep else [override.value]
        axes.append([_single(override, value) for value in _distinct(values)])
        total *= len(axes[-1])
        if total > most:
            raise ConfigError(f"the grid has more than {most:,} points", where=override.key, remedy="make it coarser")
    return list(product(*axes))


def _listed(override: Override, options: Callable[[str], Sequence[str]]) -> Sequence[Any]:
    if not isinstance(override.value, Glob):
        return list(override.value)
    names = options(override.key)
    if not names:
        raise ConfigError("glob() matches names, and this key has none", where=override.key, remedy="write a,b")
    found = override.value.among(names)
    if not found:
        raise ConfigError(f"nothing matches {shown(override.text)}", where=override.key, remedy=suggest("", names))
    return found


def _distinct(values: Sequence[Any]) -> list[Any]:
    return list({f"{type(value).__name__} {value!r}": value for value in values}.values())


def _single(override: Override, value: Any) -> Override:
    if not override.sweep:
        return override
    return Override(override.key, str(value), value, False)


def policies(overrides: Iterable[str]) -> list[list[str]]:
    """Expand ``policy=a,b,c`` into one list of overrides per policy; no policy is named twice.

    Raises
    ------
    ConfigError
        If an override cannot be parsed, or the policies are not a plain list of names.

    Examples
    --------
    >>> policies(["policy=camera_only,centralized", "seed=3"])
    [['policy=camera_only', 'seed=3'], ['policy=centralized', 'seed=3']]
    """
    expanded: list[list[str]] = [[]]
    for text in list(overrides):
        override = parse(text)
        if override.key != "policy" or not override.sweep:
            expanded = [[*one, text] for one in expanded]
            continue
        named = _listed(override, catalog.names)
        if not all(isinstance(name, str) and name for name in named):
            raise ConfigError(
                f"{shown(override.text)} is not a list of names", where="policy", remedy="write policy=a,b,c"
            )
        several = [f"policy={name}" for name in dict.fromkeys(named)]
        expanded = [[*one, choice] for one in expanded for choice in several]
    return expanded
