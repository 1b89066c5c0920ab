"""Composes configurations: a scenario file, the groups it draws on, and what the user typed.

The only door to Hydra. Hydra composes the files and the group choices (``policy=camera_only``,
``workload=generated``) and parses values; it never judges keys, instantiates nothing and resolves nothing:
values are set on the plain result, and :func:`build` tells which keys and values a class takes.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from simedge import files
from simedge.errors import ConfigError, suggest
from simedge.experiment import catalog
from simedge.experiment.build import build, defaults, keys_of, plain, shown
from simedge.experiment.scenario_file import lines_with, localised, refuse_code
from simedge.metrics.store import config_hash

__all__ = ["Override", "build", "compose", "config_hash", "keys_of", "parse", "plain", "policies"]

_ROOTS: ContextVar[tuple[str, ...]] = ContextVar("simedge_roots", default=())
_OVERRIDE = re.compile(r"(\+{0,2})([^=\s]+)\s*=(.*)\Z", re.DOTALL)
_KEY = re.compile(r"[^\W\d][\w-]*([./][\w-]+)*\Z")
_OVERRIDE_CHARACTERS_MAX = 10_000
_SWEEP_REMEDY = "several values run only as policy=a,b,c of `simedge run`; put a text with commas in quotes"


class Override(NamedTuple):
    """What ``key=value`` says: the key with dots, the value as typed, its meaning, and whether it means several."""

    key: str
    text: str
    value: Any
    sweep: bool


def compose(
    scenario: str | Path = "campus", overrides: Iterable[str] = (), config_dir: str | Path | None = None
) -> dict[str, Any]:
    """Compose a scenario with what the user typed into a plain mapping, which nobody has checked yet.

    Parameters
    ----------
    scenario : str or Path
        A name, or the path of a YAML file of the user's own. ``scenario=…`` among the overrides comes before it.
    overrides : iterable of str
        ``key=value``; the value in Hydra's grammar, quotes needed only around text with commas. A key that names
        a group of files, or ``policy``, chooses one of them; the last of several equal keys counts.
    config_dir : str or Path, optional
        The user's own folder of scenarios and groups; what is there comes before what came with simedge.

    Returns
    -------
    dict
        Mappings, lists, numbers, text, truth values and None.

    Raises
    ------
    ConfigError
        If a file or an override cannot be used, or asks for anything but plain values.
    """
    given = [parse(text) for text in overrides]
    for override in given:
        if override.sweep:
            raise ConfigError(f"{shown(override.text)} means several values", where=override.key, remedy=_SWEEP_REMEDY)
        if override.key == "scenario":
            scenario = override.value if isinstance(override.value, str) else override.text
    path = catalog.scenario_path(scenario, config_dir)
    holders = list(dict.fromkeys(found.parent for found in catalog.scenarios().values()))
    roots = list(dict.fromkeys([path.parent, *catalog.user_roots(config_dir), *holders, files.bundled("scenarios")]))
    choices: dict[str, str] = {}
    values: list[Override] = []
    for override in (override for override in given if override.key != "scenario"):
        options = _options(override.key, roots, {path.parent, *holders})
        parent, _, last = override.key.rpartition(".")
        if last == "name" and _options(parent, roots, {path.parent, *holders}):
            raise ConfigError(
                "a choice is made by its key", where=override.key, remedy=f"write {parent}={override.text}"
            )
        if not options or not isinstance(override.value, str):
            values.append(override)
        elif override.value in options:
            choices[override.key.replace(".", "/")] = override.value
        else:
            raise ConfigError(
                f"there is no {override.key} {shown(override.value)}",
                where=override.key,
                remedy=suggest(override.value, options),
            )
    mapping = _composed(path, roots, choices)
    mapping.setdefault("name", path.stem)
    for override in _parents_first(values):
        _assign(mapping, override)
    return mapping


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
    given = list(overrides)
    expanded: list[list[str]] = [[]]
    for text in given:
        override = parse(text)
        if override.key != "policy" or not override.sweep:
            expanded = [[*one, text] for one in expanded]
            continue
        if not isinstance(override.value, list) or not all(isinstance(name, str) for name in override.value):
            raise ConfigError(
                f"{shown(override.text)} is not a list of names", where="policy", remedy="write policy=a,b,c"
            )
        several = [f"policy={name}" for name in dict.fromkeys(override.value)]
        expanded = [[*one, choice] for one in expanded for choice in several]
    return expanded


def parse(text: str) -> Override:
    """Read one ``key=value``.

    The value follows Hydra's grammar where it can (numbers, lists, mappings, ``null``, quoted text). A value that
    it reads as text, or cannot read, is taken as typed: ``50 Mbps`` and file names need no quotes.

    Raises
    ------
    ConfigError
        If it is no ``key=value``, or asks for anything but a plain value.

    Examples
    --------
    >>> parse("network.uplink_bps=50 Mbps").value, parse("seed=3").value, parse("a.b=[1, x]").value
    ('50 Mbps', 3, [1, 'x'])
    """
    if len(text) > _OVERRIDE_CHARACTERS_MAX:
        raise ConfigError(
            f"{shown(text)} is longer than {_OVERRIDE_CHARACTERS_MAX} characters", remedy="put it in a file"
        )
    if text.startswith("~"):
        raise ConfigError(f"{shown(text)} cannot remove a key", remedy="write key=null for none")
    match = _OVERRIDE.match(text)
    if match is None or not _KEY.match(match[2]):
        remedy = f"write scenario={text}" if match is None and _KEY.match(text) else "write for instance seed=3"
        raise ConfigError(f"{shown(text)} is not key=value", remedy=remedy)
    key, said = match[2].replace("/", "."), match[3].strip()
    refuse_code(dict.fromkeys(key.split(".")), key)
    if not said:
        raise ConfigError("has no value", where=key, remedy=f"write {key}=VALUE")
    value, sweep = _value(said)
    refuse_code(value, key)
    refuse_code(said, key)
    return Override(key, said, value, sweep)


def _value(said: str) -> tuple[Any, bool]:
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.core.override_parser.types import ValueType
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
        if catalog.is_file(said):
            return said, False
        plural = (ValueType.SIMPLE_CHOICE_SWEEP, ValueType.CHOICE_SWEEP)
        return (list(found.sweep_iterator()) if found.value_type in plural else None), True
    except (HydraException, ValueError, OverflowError, RecursionError, TypeError):
        return said, False


def _options(key: str, roots: Sequence[Path], not_groups: set[Path]) -> list[str]:
    """List what can be chosen for a key: catalogued names, or the YAML files of such folders; nothing: no group."""
    found = set(catalog.names(key)) if key == "policy" else set()
    for root in roots if _KEY.match(key) else ():
        folder = root / key.replace(".", "/")
        if folder.is_dir() and folder not in not_groups:
            found.update(path.stem for path in folder.glob("*.yaml"))
    return sorted(found)


def _parents_first(values: Sequence[Override]) -> list[Override]:
    """Put the choice of a component (``policy.part=name``) before its fields (``policy.part.field=1``)."""
    keys = [override.key for override in values]

    def is_choice(override: Override) -> bool:
        return isinstance(override.value, str) and any(key.startswith(f"{override.key}.") for key in keys)

    return sorted(values, key=lambda override: not is_choice(override))


def _assign(mapping: dict[str, Any], override: Override) -> None:
    """Set a value in nested mappings; a mapping merges into the one in force, unless it names another component."""
    *parents, last = override.key.split(".")
    node = mapping
    for at, parent in enumerate(parents):
        below = node.setdefault(parent, {})
        if isinstance(below, str):  # a component by its bare name
            below = node[parent] = {"name": below}
        if below is None:
            below = node[parent] = {}
        if not isinstance(below, dict):
            prefix = ".".join(parents[: at + 1])
            raise ConfigError(
                f"{prefix!r} is a value, it has no keys",
                where=override.key,
                remedy=f"write the whole of it: {prefix}=…",
            )
        node = below
    present, value = node.get(last), override.value
    merges = isinstance(present, dict) and isinstance(value, dict) and "name" not in value
    node[last] = {**present, **value} if merges else value  # type: ignore[dict-item]


def _composed(path: Path, roots: Sequence[Path], choices: Mapping[str, str]) -> dict[str, Any]:
    from hydra import compose as hydra_compose
    from hydra.errors import HydraException
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    said = [f"{group}={_quoted(name)}" for group, name in choices.items()]
    try:
        with _hydra([*map(str, roots), ""]):
            made = OmegaConf.to_container(hydra_compose(path.stem, overrides=said), throw_on_missing=True)
    except ConfigError:
        raise
    except RecursionError:
        raise ConfigError(
            "its defaults list leads back to itself", where=str(path), remedy="break the circle"
        ) from None
    except (
        HydraException,
        OmegaConfBaseException,
        ArithmeticError,
        AssertionError,
        AttributeError,
        LookupError,
        TypeError,
        ValueError,
    ) as problem:
        raise _explained(problem, path, roots, choices) from None
    assert isinstance(made, dict)
    return {str(key): item for key, item in made.items()}


def _explained(problem: Exception, path: Path, roots: Sequence[Path], choices: Mapping[str, str]) -> ConfigError:
    said = str(problem)
    missing = re.search(r"Could not (?:find|load) '([^']*)'", said)
    if missing:
        group, _, name = missing[1].rpartition("/")
        options = _options(group.strip("/").replace("/", "."), roots, set()) if group else sorted(catalog.scenarios())
        within = re.search(r"In '([^']*)'", said)
        drawn = [root / f"{within[1]}.yaml" for root in roots] if within else []
        where = next(
            (line for file in (path, *drawn) for line in lines_with(rf"\b{re.escape(name)}\b", file)), str(path)
        )
        return ConfigError(f"there is no {missing[1]!r} to draw on", where=where, remedy=suggest(name, options))
    absent = re.search(r"Could not override '([^']*)'", said)
    if absent:
        key = absent[1].replace("/", ".")
        remedy = f"add `- /{absent[1]}: {choices.get(absent[1], 'NAME')}` to its defaults list"
        return ConfigError(f"the scenario draws on no {key!r}, so none can be replaced", where=str(path), remedy=remedy)
    cause = problem.__cause__ if problem.__cause__ is not None else problem
    first = next((line for line in str(cause).splitlines() if line.strip()), type(cause).__name__)
    return ConfigError(f"cannot be composed: {first}", where=str(path), remedy="correct the scenario file")


def _quoted(text: str) -> str:
    """Quote a text for Hydra's grammar, in which only backslashes before a quote count."""
    return "'" + re.sub(r"(\\*)('|\Z)", lambda m: m[1] * 2 + ("\\'" if m[2] else ""), text) + "'"


@contextmanager
def _hydra(roots: Sequence[str]) -> Iterator[None]:
    """Initialise Hydra and put back whatever state the caller's process had: a notebook may use Hydra itself."""
    from hydra import initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra
    from hydra.core.plugins import Plugins
    from hydra.core.utils import JobRuntime
    from hydra.version import VersionBase

    theirs, base = GlobalHydra.instance().hydra, VersionBase.instance().version_base
    job = JobRuntime.instance().get("name")
    GlobalHydra.instance().clear()
    for plugin in _plugins():
        Plugins.instance().register(plugin)
    searched = _ROOTS.set(tuple(roots))
    try:
        # Hydra wants one folder that it reads itself, before all others; this one holds no YAML.
        with (
            warnings.catch_warnings(),
            initialize_config_dir(str(Path(__file__).parent), job_name="simedge", version_base="1.3"),
        ):
            warnings.simplefilter("ignore")  # a defaults list without _self_: the file's own keys come last
            yield
    finally:
        _ROOTS.reset(searched)
        GlobalHydra.instance().hydra = theirs
        VersionBase.instance().version_base = base
        JobRuntime.instance().set("name", job)


@cache
def _plugins() -> tuple[Any, ...]:
    """Make the classes through which Hydra sees files, each checked first, and the catalog's policies among them."""
    from hydra.core.config_search_path import ConfigSearchPath
    from hydra.core.object_type import ObjectType
    from hydra.plugins.config_source import ConfigResult, ConfigSource
    from hydra.plugins.search_path_plugin import SearchPathPlugin
    from omegaconf import OmegaConf

    class Roots(SearchPathPlugin):  # does nothing in a process's own use of Hydra
        def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
            for root in _ROOTS.get():
                search_path.append("simedge", f"simedge://{root}")

    class CheckedSource(ConfigSource):
        @staticmethod
        def scheme() -> str:
            return "simedge"

        def load_config(self, config_path: str) -> ConfigResult:
            header: dict[str, str | None] = {"package": None}
            if not self.path:
                made: Any = OmegaConf.create(defaults(*config_path.split("/")))
            else:
                path = self._file(config_path)
                data = files.read_yaml(path, ConfigError)
                if not isinstance(data, dict | None):
                    raise ConfigError("holds no keys and values", where=str(path), remedy="write lines of `key: value`")
                text = path.read_text(encoding="utf-8")
                refuse_code(data, str(path), text)
                header = self._get_header_dict(text[:512])
                if any("hydra" in (value or "") for value in header.values()):
                    raise ConfigError("the package 'hydra' is not allowed", where=str(path), remedy="remove it")
                read = OmegaConf.to_container(OmegaConf.create(text or "{}"))
                made = OmegaConf.create(localised(read, path.parent))
            return ConfigResult(provider=self.provider, path=self.full_path(), config=made, header=header)

        def is_group(self, config_path: str) -> bool:
            return config_path.strip("/") == "policy" if not self.path else (Path(self.path) / config_path).is_dir()

        def is_config(self, config_path: str) -> bool:
            if not self.path:
                kind, _, name = config_path.strip("/").partition("/")
                return kind == "policy" and name in catalog.names(kind)
            return ".." not in config_path.split("/") and self._file(config_path).is_file()

        def available(self) -> bool:
            return True

        def list(self, config_path: str, results_filter: ObjectType | None) -> list[str]:
            if results_filter is ObjectType.GROUP:
                return []
            if not self.path:
                return catalog.names(config_path.strip("/"))
            return sorted(path.stem for path in (Path(self.path) / config_path).glob("*.yaml"))

        def _file(self, config_path: str) -> Path:
            return Path(self.path) / self._normalize_file_name(config_path.lstrip("/"))

    return Roots, CheckedSource
