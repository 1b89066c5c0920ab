"""Composes configurations: a scenario file, the groups it draws on, and what the user typed.

With `sources` the only door to Hydra. Hydra composes the files and the group choices (``policy=camera_only``,
``workload=generated``); it never judges keys, instantiates nothing and resolves nothing:
values are set on the plain result, and :func:`build` tells which keys and values a class takes.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from simedge import files
from simedge.errors import ConfigError, suggest
from simedge.experiment import catalog
from simedge.experiment.build import build, keys_of, plain, shown
from simedge.experiment.layers import chosen_over, component
from simedge.experiment.overrides import KEY, Override, parse, policies
from simedge.experiment.scenario_file import BODIES, TYPED, lines_with
from simedge.experiment.sources import session
from simedge.metrics.store import config_hash

__all__ = ["Composer", "Override", "build", "compose", "config_hash", "keys_of", "parse", "plain", "policies"]

_SWEEP_REMEDY = "`simedge sweep` takes several, `simedge run` as policy=a,b,c only; put text with commas in quotes"


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
    return Composer(config_dir).compose(scenario, [parse(text) for text in overrides])


class Composer:
    """Composes many configurations: Hydra, which takes a tenth of a second, is asked once for each choice of files.

    Parameters
    ----------
    config_dir : str or Path, optional
        The user's own folder. Files are read once; what changes in them later is not seen.
    """

    def __init__(self, config_dir: str | Path | None = None) -> None:
        self._config_dir = config_dir
        self._drawn: dict[tuple[Path, tuple[tuple[str, str], ...]], dict[str, Any]] = {}

    def compose(self, scenario: str | Path, overrides: Sequence[Override]) -> dict[str, Any]:
        """Compose one configuration; see :func:`compose`."""
        for override in overrides:
            if override.sweep:
                raise ConfigError(
                    f"{shown(override.text)} means several values", where=override.key, remedy=_SWEEP_REMEDY
                )
            if override.key == "scenario":
                scenario = override.value if isinstance(override.value, str) else override.text
        path = catalog.scenario_path(scenario, self._config_dir)
        _, cameras = catalog.family(str(scenario), catalog.scenarios(self._config_dir))
        roots, not_groups = self._places(path)
        choices: dict[str, str] = {} if cameras is None else {"workload": "generated"}
        values: list[Override] = []
        for override in (override for override in overrides if override.key != "scenario"):
            options = _options(override.key, roots, not_groups)
            parent, _, last = override.key.rpartition(".")
            if last == "name" and _options(parent, roots, not_groups):
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
        key = (path, tuple(choices.items()))
        if key not in self._drawn:
            self._drawn[key] = _composed(path, roots, choices)
        mapping = copy.deepcopy(self._drawn[key])
        mapping.setdefault("name", path.stem)
        if cameras is not None:
            _scale(mapping, str(scenario), cameras)
        for override in _parents_first(values):
            _assign(mapping, override)
        return mapping

    def options(self, scenario: str | Path, key: str) -> list[str]:
        """List the names that a key chooses among: scenarios, policies, files of a group; none if it takes values."""
        if key == "scenario":
            return sorted(catalog.scenarios(self._config_dir))
        return _options(key, *self._places(catalog.scenario_path(scenario, self._config_dir)))

    def _places(self, path: Path) -> tuple[list[Path], set[Path]]:
        """Folders in which groups are looked for, and folders that are no groups."""
        holders = list(dict.fromkeys(found.parent for found in catalog.scenarios().values()))
        roots = [path.parent, *catalog.user_roots(self._config_dir), *holders, files.bundled("scenarios")]
        return list(dict.fromkeys(roots)), {path.parent, *holders}


def _scale(mapping: dict[str, Any], name: str, cameras: int) -> None:
    """Repeat the groups of a scenario's cluster until it has so many cameras, each group with its own GPUs."""
    cluster = mapping.get("cluster")
    one = len(cluster["cameras"]) if isinstance(cluster, dict) and isinstance(cluster.get("cameras"), list) else 0
    if not (one and cameras and cameras % one == 0):
        raise ConfigError(
            f"{name!r} would have {cameras} cameras, which are no whole groups of {one or 'its cluster'}",
            where="scenario",
            remedy=f"give a multiple of {one}" if one else "give the cluster cameras",
        )
    mapping["cluster"] = {**mapping["cluster"], "groups": cameras // one}
    mapping["name"] = name


def _options(key: str, roots: Sequence[Path], not_groups: set[Path]) -> list[str]:
    """List what can be chosen for a key: catalogued names, or the YAML files of such folders; nothing: no group."""
    found = set(catalog.names(key)) if key == "policy" else set()
    for root in roots if KEY.match(key) else ():
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
    """Compose file and choices; a choice comes before the file's own keys, which in Hydra come last."""
    made = _merged(path, roots, choices, [group for group in choices if group != "policy"])
    typed, bodies = made.pop(TYPED, {}), made.pop(BODIES, {})
    chosen = typed.pop("policy", {}) if "policy" in choices else None
    policy = component("policy", made.pop("policy", None), bodies.values(), chosen)
    if policy is not None:
        made["policy"] = policy
    system = made.get("system")
    known = keys_of(catalog.load("system", system).configuration) if system in catalog.names("system") else ()
    nested = {key.rpartition(".")[0] for key in known} | {group.replace("/", ".") for group in choices}
    return chosen_over(made, typed, nested) if typed else made


def _merged(path: Path, roots: Sequence[Path], choices: Mapping[str, str], drawn: Sequence[str]) -> dict[str, Any]:
    """Let Hydra merge, what is typed once instead of what the groups `drawn` would give, and once apart."""
    from hydra import compose as hydra_compose
    from hydra.errors import HydraException
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    said = [f"{group}={_quoted(choices[group])}" for group in drawn]
    said += [f"+{group}@{_package(group, name, roots)}={_quoted(name)}" for group, name in choices.items()]
    try:
        with session([*map(str, roots), ""]):
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
        absent = re.search(r"Could not override '([^']*)'", str(problem))
        if absent and absent[1] in drawn:  # the scenario draws on no such group: nothing to replace
            return _merged(path, roots, choices, [group for group in drawn if group != absent[1]])
        raise _explained(problem, path, roots) from None
    assert isinstance(made, dict)
    return {str(key): item for key, item in made.items()}


def _package(group: str, name: str, roots: Sequence[Path]) -> str:
    """Say where a choice is kept apart, below which it has the place that its file's header asks for."""
    path = next((found for root in roots if (found := root / group / f"{name}.yaml").is_file()), None)
    head = path.read_text(encoding="utf-8", errors="replace")[:512] if path else ""
    said = re.search(r"^# @package +(\S+)", head, re.MULTILINE)
    package = said[1] if said else "_group_"
    return f"{TYPED}.{package.replace('_group_', group.replace('/', '.'))}".replace("._global_", "")


def _explained(problem: Exception, path: Path, roots: Sequence[Path]) -> ConfigError:
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
    cause = problem.__cause__ if problem.__cause__ is not None else problem
    said_lines = [line for line in str(cause).splitlines() if line.strip() and not line.endswith(":")]
    first = next(iter(said_lines), type(cause).__name__)
    return ConfigError(f"cannot be composed: {first}", where=str(path), remedy="correct the scenario file")


def _quoted(text: str) -> str:
    """Quote a text for Hydra's grammar, in which only backslashes before a quote count."""
    return "'" + re.sub(r"(\\*)('|\Z)", lambda m: m[1] * 2 + ("\\'" if m[2] else ""), text) + "'"
