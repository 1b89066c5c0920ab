"""The runs of a grid: composed and checked as a whole before the first begins, each named by what decides it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from simedge.errors import ConfigError
from simedge.experiment.config import Composer
from simedge.experiment.overrides import Override, expand, parse
from simedge.experiment.report import run_name
from simedge.experiment.run import Scenario
from simedge.metrics.results import versions
from simedge.metrics.store import canonical, run_hash

__all__ = ["Planned", "plan"]

_ARRIVALS = ("workload", "workload.kind", "workload.trace")


class Planned(NamedTuple):
    """A run of a sweep.

    Attributes
    ----------
    mapping : mapping
        Its configuration, composed.
    name : str
        Name of its file or folder; without ``.json`` where the run records items.
    run_hash : str
        Digest of all that decides its result.
    typed : mapping of str to object
        What was chosen for it, by key.
    """

    mapping: Mapping[str, Any]
    name: str
    run_hash: str
    typed: Mapping[str, Any]


def plan(
    overrides: Sequence[Override], *, scenario: str | Path = "campus", config_dir: str | Path | None = None
) -> list[Planned]:
    """Compose and check every run of a grid.

    Parameters
    ----------
    overrides : sequence of Override
        What was chosen, with several values or one.
    scenario, config_dir
        See :func:`sweep`.

    Returns
    -------
    list of Planned
        In the order of the grid, the last key varying fastest; runs that come out equal are one.

    Raises
    ------
    InputError
        If a configuration or a file that a run would read cannot be used.
    """
    keys = {override.key for override in overrides}
    default = [] if keys & set(_ARRIVALS) else ["workload=generated"]
    default += [] if "record" in keys else ["record=summary"]
    given = [*map(parse, default), *overrides]
    composer = Composer(config_dir)
    named = [override.value for override in overrides if override.key == "scenario" and not override.sweep]
    base = named[-1] if named and isinstance(named[-1], str) else scenario
    grid = expand(given, lambda key: composer.options(base, key))
    prepared = _Prepared(composer, scenario, config_dir)
    typed = [override.key for override in overrides]
    planned: dict[str, Planned] = {}
    for point in grid:
        mapping, resolved, inputs = prepared.of(point)
        hashed = run_hash(resolved, {"inputs": inputs}, prepared.versions)
        name = run_name(resolved["name"], resolved["policy"]["name"], resolved["seed"], hashed)
        suffix = "" if resolved.get("record", "items") == "items" else ".json"
        chosen = {override.key: override.value for override in point if override.key in typed}
        planned.setdefault(hashed, Planned(mapping, name + suffix, hashed, chosen))
    return list(planned.values())


class _Prepared:
    """Composes and checks the points of a grid; what differs in the seed only is checked once."""

    def __init__(self, composer: Composer, scenario: str | Path, config_dir: str | Path | None) -> None:
        self._composer, self._scenario, self._config_dir = composer, scenario, config_dir
        self._known: dict[tuple[str, ...], tuple[dict[str, Any], dict[str, Any], dict[str, str]]] = {}
        self._inputs: dict[str, dict[str, str]] = {}
        self.versions = versions()

    def of(self, point: Sequence[Override]) -> tuple[dict[str, Any], dict[str, Any], dict[str, str]]:
        """Return the configuration as composed, and resolved, and the digests of the files that it reads."""
        seeds = [override.value for override in point if override.key == "seed"]
        others = [override for override in point if override.key != "seed"]
        key = tuple(f"{override.key}={override.value!r}" for override in others)
        if key not in self._known:
            self._known[key] = self._checked(point)
        mapping, resolved, inputs = self._known[key]
        if not seeds or seeds[-1] == resolved["seed"]:
            return mapping, resolved, inputs
        if type(seeds[-1]) is not int or seeds[-1] < 0:
            return self._checked(point)  # which says what is wrong with it
        return {**mapping, "seed": seeds[-1]}, {**resolved, "seed": seeds[-1]}, inputs

    def _checked(self, point: Sequence[Override]) -> tuple[dict[str, Any], dict[str, Any], dict[str, str]]:
        mapping = self._composer.compose(self._scenario, point)
        said = [f"{override.key}={override.text}" for override in point]
        made = Scenario(mapping, self._config_dir, (self._scenario, said))
        try:
            resolved = made.resolved()
        except ConfigError as problem:  # of several policies it has to be said whose field is wrong
            policy = next((override.text for override in point if override.key == "policy"), "")
            if not (policy and problem.where.startswith("policy.")):
                raise
            raise ConfigError(f"{problem.what} of {policy}", problem.where, problem.remedy) from None
        read = canonical({name: item for name, item in resolved.items() if name not in {"policy", "seed"}})
        if read not in self._inputs:
            self._inputs[read] = made.inputs()
        return mapping, resolved, self._inputs[read]
