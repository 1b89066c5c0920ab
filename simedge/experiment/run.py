"""From a name to a result."""

from __future__ import annotations

import copy
import operator
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from simedge.errors import ConfigError, suggest
from simedge.experiment import catalog, config
from simedge.experiment.node import Node
from simedge.experiment.scenario_file import locate
from simedge.metrics.results import Results

__all__ = ["Node", "Scenario", "load", "run", "run_policies"]

Progress = Callable[[float, float], None]
"""Called as ``progress(now_s, horizon_s)`` while a run goes on."""


def load(scenario: str | Path = "campus", *overrides: str, config_dir: str | Path | None = None) -> Scenario:
    """Compose a scenario to look at, edit and run.

    Parameters
    ----------
    scenario : str or Path
        A name that ``simedge list scenarios`` shows, or the path of a YAML file.
    *overrides : str
        ``key=value``, as on the command line.
    config_dir : str or Path, optional
        A folder of the user's own scenarios, profiles and traces.

    Raises
    ------
    ConfigError
        If the scenario or an override cannot be used.
    """
    return Scenario(config.compose(scenario, overrides, config_dir), config_dir, (scenario, overrides))


def run(
    scenario: str | Path = "campus",
    *overrides: str,
    seed: int | None = None,
    config_dir: str | Path | None = None,
    progress: Progress | None = None,
) -> Results:
    """Simulate a scenario.

    Parameters
    ----------
    scenario, *overrides, config_dir
        See :func:`load`.
    seed : int, optional
        Seed of the run, >= 0; the same as the override ``seed=…``.
    progress : callable, optional
        Called as ``progress(now_s, horizon_s)`` during the run.

    Raises
    ------
    InputError
        If the scenario, an override, a trace or a profile cannot be used; one line that says what to do.

    Examples
    --------
    >>> results = run("campus", "policy=centralized", "workload=generated", "horizon_s=2")
    >>> results.policy, results.seed
    ('centralized', 0)
    """
    return load(scenario, *overrides, config_dir=config_dir).run(seed=seed, progress=progress)


def run_policies(
    overrides: Iterable[str],
    *,
    scenario: str | Path = "campus",
    config_dir: str | Path | None = None,
    progress: Callable[[str], Progress] | None = None,
    items: bool = False,
) -> list[Results]:
    """Simulate a scenario once under each of the policies in ``policy=a,b,c``, all on the same arrivals.

    Parameters
    ----------
    overrides, scenario, config_dir
        See :func:`load`. Without a ``policy=`` the scenario's own policy runs.
    progress : callable, optional
        Given a policy's name, returns the callable that its run reports to.
    items : bool
        Whether the caller will need the items, as for a figure; refuse runs that record none.

    Returns
    -------
    list of Results
        In the order of the policies. All configurations are checked before the first run begins.
    """
    made = [load(scenario, *one, config_dir=config_dir) for one in config.policies(overrides)]
    for one in made:
        if getattr(one.check(), "record", "items") != "items" and items:
            raise ConfigError("a figure needs the items of the run", where="record", remedy="set record=items")
    return [one.run(progress=progress(one.policy_name) if progress else None) for one in made]


class Scenario(Node):
    """A composed scenario: look at it, edit it, run it.

    Edited values are checked when it is checked or runs. A key that is not set reads as its default.
    """

    _config_dir: Path | None
    _composed: dict[str, Any]
    _origin: tuple[str | Path, Sequence[str]] | None

    def __init__(
        self,
        mapping: dict[str, Any],
        config_dir: str | Path | None = None,
        origin: tuple[str | Path, Sequence[str]] | None = None,
    ) -> None:
        super().__init__(mapping)
        object.__setattr__(self, "_config_dir", None if config_dir is None else Path(config_dir).resolve())
        object.__setattr__(self, "_composed", copy.deepcopy(mapping))
        object.__setattr__(self, "_origin", origin)

    @property
    def policy_name(self) -> str:
        """Name of the policy in force; for an object of the user's own, its class."""
        policy = self._mapping.get("policy")
        name = policy.get("name") if isinstance(policy, Mapping) else policy
        return name if isinstance(name, str) else type(policy).__name__

    def check(self) -> Any:
        """Build the configuration object of the scenario's system, or say what is wrong.

        Raises
        ------
        ConfigError
            If a key or a value cannot be used.
        """
        values = {key: item for key, item in self._mapping.items() if key != "system"}
        try:
            return config.build(self._system().configuration, values)
        except ConfigError as problem:
            if self._origin is None or self._mapping != self._composed:
                raise
            scenario, overrides = self._origin
            named = [override.value for override in map(config.parse, overrides) if override.key == "scenario"]
            path = catalog.scenario_path(named[-1] if named else scenario, self._config_dir)
            raise locate(problem, path, overrides) from None

    def resolved(self) -> dict[str, Any]:
        """Every key with its value in SI, defaults included: what is stored with a result, and hashed."""
        checked = self.check()
        return {"system": self._mapping["system"], **config.plain(checked, self._mapping)}

    def run(self, *, seed: int | None = None, progress: Progress | None = None) -> Results:
        """Simulate the scenario as it stands; see :func:`run`."""
        if seed is not None:
            return Scenario({**self._mapping, "seed": _whole(seed)}, self._config_dir).run(progress=progress)
        if not (progress is None or callable(progress)):
            raise ConfigError(f"{progress!r} cannot be called", where="progress", remedy="give a function of two times")
        checked = self.check()
        resolved = {"system": self._mapping["system"], **config.plain(checked, self._mapping)}
        system = self._system()(checked, self._config_dir)
        started = time.process_time()
        system.run(progress)
        cpu_s = time.process_time() - started
        columns, facts = system.finish()
        named = {"scenario": resolved["name"], "system": resolved["system"], "policy": resolved["policy"]["name"]}
        facts = {**facts, **named, "seed": resolved["seed"]}
        return Results(columns, resolved, facts, cpu_s, totalled=system.metrics, curved=system.curves)

    def inputs(self) -> dict[str, str]:
        """Digests of the files that a run would read, by name, without running it.

        Raises
        ------
        InputError
            If a key, a value or a file cannot be used.
        """
        checked = self.check()
        found: dict[str, str] = catalog.load("inputs", self._mapping["system"])(checked, self._config_dir)
        return found

    def arrivals(self) -> Any:
        """Draw or read the arrivals of the scenario, without simulating it.

        Raises
        ------
        InputError
            If a key, a value or a trace cannot be used.
        """
        checked = self.check()
        return catalog.load("arrivals", self._mapping["system"])(checked, self._config_dir)

    def layout(self) -> Any:
        """Lay out the places and links of the scenario, without simulating it.

        Returns
        -------
        Layout
            Of a video scenario a :class:`simedge.systems.video.network.Layout`.

        Raises
        ------
        InputError
            If a key, a value, the topology or a profile cannot be used.
        """
        checked = self.check()
        return catalog.load("layout", self._mapping["system"])(checked, self._config_dir)

    def _system(self) -> Any:
        if "system" not in self._mapping:
            raise ConfigError(
                "the scenario names no system", where="system", remedy=suggest("", catalog.names("system"))
            )
        return catalog.load("system", self._mapping["system"], "system")


def _whole(seed: Any) -> Any:
    """Take a numpy integer for a seed; what is no integer is left to be refused by its key."""
    try:
        return seed if isinstance(seed, bool) else operator.index(seed)
    except TypeError:
        return seed
