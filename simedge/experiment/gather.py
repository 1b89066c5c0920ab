"""Saved runs, found again: their manifests read, and one tidy table of them all."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simedge.errors import ConfigError, InputError, quoted, suggest
from simedge.experiment.config import parse
from simedge.metrics.curves import Curves
from simedge.metrics.results import versions
from simedge.metrics.schema import METRICS
from simedge.metrics.store import canonical, is_manifest, plain, read_manifest

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FAILED", "SavedRun", "chosen", "columns", "flat", "frame", "gather", "named"]

FAILED = ".failed.json"
"""How the name of the file ends that tells why a run failed."""

_OURS = re.compile(r".*-[0-9a-f]{12}(\.json)?\Z")
_NAMED = ("system", "name", "policy.name", "seed")  # have columns of their own, or say nothing


@dataclass(frozen=True, eq=False)
class SavedRun:
    """A saved run, its tables left on disk.

    Attributes
    ----------
    path : Path
        The file or folder.
    config : mapping
        The resolved configuration by dotted key, in SI: numbers, text, truth values and None; lists as JSON.
    facts, metrics, versions : mapping
        As in `Results`; undefined metrics are NaN.
    curves : Curves or None
        The run over time, and the distribution of its latencies.
    run_hash : str
        Digest of all that decided the result.
    platform : str
        What kind of machine made it.
    """

    path: Path
    config: Mapping[str, Any]
    facts: Mapping[str, Any]
    metrics: Mapping[str, float]
    curves: Curves | None
    versions: Mapping[str, str]
    run_hash: str
    platform: str = "unknown"

    @classmethod
    def read(cls, path: Path) -> SavedRun:
        """Read a saved run.

        Raises
        ------
        InputError
            If there is none, or it is damaged.
        """
        said = read_manifest(path)
        kept = {key: said[key] for key in ("facts", "metrics", "curves", "versions")}
        kept |= {"run_hash": str(said.get("run_hash", "")), "platform": str(said.get("platform", "unknown"))}
        return cls(path, flat(said["config"]), **kept)

    @property
    def scenario(self) -> str:
        """Name of the scenario."""
        return str(self.facts["scenario"])

    @property
    def policy(self) -> str:
        """Name of the policy."""
        return str(self.facts["policy"])

    @property
    def seed(self) -> int:
        """Seed of the run."""
        return int(self.facts["seed"])


def gather(places: Iterable[str | Path] | str | Path) -> list[SavedRun]:
    """Read saved runs.

    Parameters
    ----------
    places : path, or iterable of paths
        Results, or folders that hold results. In a folder, what is named like a result of simedge has to be one;
        anything else in it is passed over, and so are failed runs.

    Returns
    -------
    list of SavedRun
        Sorted by path; none twice. Of results that one configuration gave under several versions of simedge or its
        source, as when a policy was edited between two sweeps into a folder, only that of the present one is taken.

    Raises
    ------
    InputError
        If there is no result in a place, or one is damaged.
    """
    given = [places] if isinstance(places, str | Path) else list(places)
    found = dict.fromkeys(path for place in given for path in _results(Path(place).expanduser()))
    return _of_the_present([SavedRun.read(path) for path in sorted(found)])


def _of_the_present(runs: Sequence[SavedRun]) -> list[SavedRun]:
    """Of several results of one configuration leave out those of another simedge, if the present one's is there."""
    present = [versions()[name] for name in ("simedge", "source")]

    def is_present(run: SavedRun) -> bool:
        return [run.versions.get(name) for name in ("simedge", "source")] == present

    alike: dict[str, list[SavedRun]] = {}
    for run in runs:
        alike.setdefault(canonical([run.config, run.facts.get("inputs")]), []).append(run)
    kept = {id(run) for same in alike.values() for run in ([one for one in same if is_present(one)] or same)}
    return [run for run in runs if id(run) in kept]


def _results(place: Path) -> Iterator[Path]:
    try:
        children = sorted(place.iterdir()) if place.is_dir() and not (place / "manifest.json").exists() else None
    except OSError as problem:
        raise InputError(f"cannot be read: {problem.strerror}", str(place), "give a folder of saved runs") from None
    if children is None:
        yield place  # whether it is a result is seen when it is read
        return
    found = [path for path in children if _is_result(path)]
    if not found:
        raise InputError(
            "there is no result of simedge in this folder",
            where=str(place),
            remedy="give a folder into which `simedge run --out` or `simedge sweep --out` saved",
        )
    yield from found


def _is_result(path: Path) -> bool:
    if path.name.startswith(".") or path.name.endswith(FAILED):
        return False
    if path.is_dir():
        return (path / "manifest.json").exists()
    return path.suffix == ".json" and (bool(_OURS.match(path.name)) or is_manifest(path))


def flat(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Name the values of nested mappings by dotted keys; a list becomes its JSON.

    Examples
    --------
    >>> flat({"policy": {"name": "distream", "beta": 0.2}, "cameras": ["a", "b"]})
    {'policy.name': 'distream', 'policy.beta': 0.2, 'cameras': '["a", "b"]'}
    """
    made: dict[str, Any] = {}
    for key, item in config.items():
        if isinstance(item, Mapping):
            made |= flat(item, f"{prefix}{key}.")
        else:
            made[f"{prefix}{key}"] = canonical(plain(item)) if isinstance(item, list | tuple) else item
    return made


def columns(runs: Sequence[SavedRun]) -> list[str]:
    """Keys of the configuration in which runs differ, sorted; one that only some of them have differs.

    Scenario, policy and seed are left out: they have columns in any case.
    """
    keys = sorted({key for run in runs for key in run.config}.difference(_NAMED))
    return [key for key in keys if len({_hashable(run.config.get(key, ...)) for run in runs}) > 1]


def named(runs: Sequence[SavedRun], choices: Mapping[str, Sequence[Any]]) -> list[SavedRun]:
    """Give runs the names of files that were chosen for them as keys, instead of the keys that these names imply.

    Parameters
    ----------
    runs : sequence of SavedRun
        The runs.
    choices : mapping of str to sequence
        Names by group, such as ``network``: one for each run.

    Notes
    -----
    A key of a group is implied if all runs with one name have one value of it.
    """

    def implied(key: str) -> bool:
        names = choices.get(key.partition(".")[0])
        if names is None:
            return False
        pairs = {(name, _hashable(run.config.get(key, ...))) for name, run in zip(names, runs, strict=True)}
        return len(pairs) == len({name for name, _ in pairs})

    gone = {key for key in columns(runs) if implied(key)}
    made = []
    for at, run in enumerate(runs):
        kept = {key: value for key, value in run.config.items() if key not in gone}
        made.append(replace(run, config={**kept, **{group: names[at] for group, names in choices.items()}}))
    return made


def _hashable(value: Any) -> Any:
    return (type(value).__name__, value) if isinstance(value, bool) else value


def frame(runs: Sequence[SavedRun], keys: Iterable[str] = ()) -> pd.DataFrame:
    """One row per run: scenario, policy, the keys of the configuration, seed, every metric, and where it is.

    Parameters
    ----------
    runs : sequence of SavedRun
        The runs.
    keys : iterable of str
        Keys to have as columns even if all runs have one value. Those in which runs differ follow. Values are in SI; a
        run that lacks a key has None there.

    Returns
    -------
    DataFrame
        Columns ``scenario, policy, <keys>, seed, <metrics>, workload, arrivals, fingerprint, run``. ``workload`` is
        *generated* or *recorded*, ``arrivals`` their digest, ``run`` the path. An undefined metric is NaN.
    """
    import pandas as pd

    known = {key for run in runs for key in run.config}
    listed = [key for key in dict.fromkeys((*keys, *columns(runs))) if key in known and key not in _NAMED]
    order = {name: at for at, name in enumerate(METRICS)}
    present = dict.fromkeys(name for run in runs for name in run.metrics)
    metrics = sorted(present, key=lambda name: order.get(name, len(order)))  # those of single entities last
    named: dict[str, list[Any]] = {"scenario": [run.scenario for run in runs], "policy": [run.policy for run in runs]}
    named |= {key: [run.config.get(key) for run in runs] for key in listed}
    named["seed"] = [run.seed for run in runs]
    named |= {name: [run.metrics.get(name, float("nan")) for run in runs] for name in metrics}
    named |= {key: [run.facts.get(key) for run in runs] for key in ("workload", "arrivals", "fingerprint")}
    return pd.DataFrame({**named, "run": [str(run.path) for run in runs]})


def chosen(runs: Sequence[SavedRun], wanted: Iterable[str]) -> list[SavedRun]:
    """Keep the runs that have certain values.

    Parameters
    ----------
    runs : sequence of SavedRun
        The runs.
    wanted : iterable of str
        ``key=value`` or ``key=a,b``; a key of the configuration, ``scenario`` or ``policy``. Quantities have units.

    Raises
    ------
    ConfigError
        If no run has such a key or value; what there is is named.
    """
    kept = list(runs)
    for text in wanted:
        key, values = _wanted(text)
        present = {_value_of(run, key) for run in kept}
        if present == {None} and not any(key in run.config for run in kept):
            known = {"scenario", "policy"}.union(*(run.config for run in kept))
            raise ConfigError("no run has such a key", where=key, remedy=suggest(key, known))
        kept = [run for run in kept if any(_same(_value_of(run, key), value) for value in values)]
        if not kept:
            shown = ", ".join(sorted(map(str, present)))
            raise ConfigError(f"no run has the value {quoted(text.partition('=')[2])}", key, f"there are: {shown}")
    return kept


def _wanted(text: str) -> tuple[str, list[Any]]:
    from simedge.units import parse_quantity, unit_of

    override = parse(text)
    said = override.value if override.sweep and isinstance(override.value, list) else [override.value]
    unit = unit_of(override.key.rpartition(".")[2])

    def meant(value: Any) -> Any:
        if not isinstance(value, str) or unit is None:
            return value
        try:
            return parse_quantity(value, unit)
        except ValueError as problem:
            raise ConfigError(str(problem), where=override.key) from None

    return override.key, [meant(value) for value in said]


def _value_of(run: SavedRun, key: str) -> Any:
    return {"scenario": run.scenario, "policy": run.policy}.get(key, run.config.get(key))


def _same(value: Any, wanted: Any) -> bool:
    if isinstance(value, bool) or isinstance(wanted, bool):
        return value is wanted
    return bool(value == wanted)
