"""Saved runs laid out for comparison: what differs on purpose, what is held equal, and what is left to chance.

A treatment is a value of the key that runs are compared by. Runs are compared within a cell, where all other keys are
equal but for the seed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from simedge.errors import ConfigError, InputError, quoted, suggest
from simedge.experiment.gather import SavedRun, columns
from simedge.units import format_quantity, parse_quantity, unit_of

__all__ = ["Cell", "Layout", "choose", "differing", "lay_out", "shown"]

_POLICY = "policy"
_FIELD = "policy."

Cell = tuple[Any, ...]
"""Values of the keys that make cells, in their order."""


@dataclass(frozen=True, eq=False)
class Layout:
    """Runs by cell, treatment and seed.

    Attributes
    ----------
    by : str
        What treatments are values of: a key of the configuration, or *policy*.
    labels : mapping of str to object
        Names of the treatments in order; of each the policy's name or, by a key, its value in SI.
    keys : tuple of str
        Keys of the configuration, *scenario* or *policy*, in which cells differ.
    cells : mapping of Cell to mapping of str to mapping of int to SavedRun
        In the order of the cells' values.
    unlabelled : int
        Runs left out because they do not have the key.
    """

    by: str
    labels: Mapping[str, Any]
    keys: tuple[str, ...]
    cells: Mapping[Cell, Mapping[str, Mapping[int, SavedRun]]]
    unlabelled: int


def lay_out(runs: Sequence[SavedRun], by: str = _POLICY) -> Layout:
    """Sort runs into cells and treatments.

    Parameters
    ----------
    runs : sequence of SavedRun
        The runs. One result saved twice counts once.
    by : str
        *policy*, or a key of the configuration. Two runs of one policy whose own fields differ are two treatments, such
        as ``distream, beta=0.1``.

    Returns
    -------
    Layout
        Policies in the order of the runs, values of a key in ascending order.

    Raises
    ------
    ConfigError
        If no run has the key, or it is none to compare by.
    InputError
        If there is no run, or there are two different ones of one treatment, cell and seed.
    """
    if not runs:
        raise InputError("there is no run to compare", remedy="give folders of saved runs")
    _check_key(runs, by)
    having = [run for run in runs if by == _POLICY or by in run.config]
    policies = _policy_labels(having, by)
    labels = policies if by == _POLICY else _value_labels([run.config[by] for run in having], by)
    keys = _cell_keys(having, by, policies)
    cells: dict[Cell, dict[str, dict[int, SavedRun]]] = {}
    for run, label, policy in zip(having, labels, policies, strict=True):
        own = {"scenario": run.scenario, _POLICY: policy}
        cell = tuple(own[key] if key in own else run.config.get(key) for key in keys)
        seeds = cells.setdefault(cell, {}).setdefault(label, {})
        other = seeds.setdefault(run.seed, run)
        if other is not run and (other.run_hash != run.run_hash or not run.run_hash):
            raise InputError(
                f"is another run of {label}, seed {run.seed}, than {other.path}",
                where=str(run.path),
                remedy="leave one of them out, or choose runs with key=value",
            )
    ordered = _ordered(having, labels, by)
    return Layout(by, ordered, keys, dict(sorted(cells.items(), key=_cell_order)), len(runs) - len(having))


def _check_key(runs: Sequence[SavedRun], by: str) -> None:
    if by in {"scenario", "name"}:
        raise ConfigError("scenarios differ in many keys", "by", "name the key whose values are to be compared")
    if by in {"seed", "policy.name"}:
        remedy = "compare by policy" if by != "seed" else "name another key"
        what = "seeds are what a comparison averages over" if by == "seed" else "is the name of the policy"
        raise ConfigError(what, where=by, remedy=remedy)
    known = {_POLICY}.union(*(run.config for run in runs))
    if by not in known:
        raise ConfigError("no run has such a key", where=by, remedy=suggest(by, known))


def _cell_keys(runs: Sequence[SavedRun], by: str, policies: Sequence[str]) -> tuple[str, ...]:
    scenarios = dict.fromkeys(run.scenario for run in runs)
    # What differs between scenarios only, the scenario says: a key of a cell differs within one of them.
    within = {key for name in scenarios for key in columns([run for run in runs if run.scenario == name])}
    keys = sorted(key for key in within if key != by and not key.startswith(_FIELD))
    named = ["scenario"] if len(scenarios) > 1 else []
    named += [_POLICY] if by != _POLICY and len(set(policies)) > 1 else []
    return (*named, *keys)


def _policy_labels(runs: Sequence[SavedRun], by: str) -> list[str]:
    """Name of each run's policy, and those of its fields in which runs of it differ."""
    made = [""] * len(runs)
    for policy in dict.fromkeys(run.policy for run in runs):
        places = [at for at, run in enumerate(runs) if run.policy == policy]
        same = [runs[at] for at in places]
        fields = [key for key in columns(same) if key.startswith(_FIELD) and key != by]
        texts = {key: _value_labels([run.config.get(key) for run in same], key) for key in fields}
        for row, at in enumerate(places):
            own = [f"{key.removeprefix(_FIELD)}={texts[key][row]}" for key in fields]
            made[at] = ", ".join([policy, *own])
    return made


def _value_labels(values: Sequence[Any], key: str) -> list[str]:
    """Write values for people; different ones never alike."""
    short = {value: shown(key, value) for value in values}
    unique = len(set(short.values())) == len(short)
    return [short[value] if unique else str(value) for value in values]


def shown(key: str, value: Any) -> str:
    """Write a value of a key for people, with its unit.

    Examples
    --------
    >>> shown("network.uplink_bps", 1e7), shown("policy.beta", 0.1), shown("policy.balance", True), shown("a_s", None)
    ('10 Mbps', '0.1', 'true', 'null')
    """
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if not isinstance(value, int | float):
        return str(value)
    unit = unit_of(key.rpartition(".")[2])
    return format_quantity(float(value), unit) if unit else f"{value:g}"


def _order(value: Any) -> tuple[int, float, str]:
    if isinstance(value, int | float):
        return (1, float(value), "")
    return (0 if value is None else 2, 0.0, str(value))


def _cell_order(item: tuple[Cell, Any]) -> list[tuple[int, float, str]]:
    return [_order(value) for value in item[0]]


def _ordered(runs: Sequence[SavedRun], labels: Sequence[str], by: str) -> dict[str, Any]:
    if by != _POLICY:
        return dict(sorted(((label, run.config[by]) for run, label in zip(runs, labels, strict=True)), key=_by_value))
    made: dict[str, Any] = {}
    for policy in dict.fromkeys(run.policy for run in runs):
        fields = {label: run for run, label in zip(runs, labels, strict=True) if run.policy == policy}
        differing = [key for key in columns(list(fields.values())) if key.startswith(_FIELD)]
        values = {label: [_order(run.config.get(key)) for key in differing] for label, run in fields.items()}
        made |= dict.fromkeys(sorted(values, key=values.__getitem__), policy)
    return made


def _by_value(item: tuple[str, Any]) -> tuple[int, float, str]:
    return _order(item[1])


def choose(layout: Layout, said: str | None = None, default: str = "camera_only") -> str:
    """Find the treatment that the others are compared with.

    Parameters
    ----------
    layout : Layout
        The runs.
    said : str, optional
        A treatment's label, the name of a policy that is one treatment, or a value with its unit.
    default : str
        Which to take when nothing is said, if there is such a one; else the first.

    Returns
    -------
    str
        Its label.

    Raises
    ------
    ConfigError
        If there is none, or there are several; all are named.
    """
    if said is None:
        return default if default in layout.labels else next(iter(layout.labels))
    if said in layout.labels:
        return said
    found = [label for label, value in layout.labels.items() if _means(layout.by, said, label, value)]
    if len(found) == 1:
        return found[0]
    what = f"{quoted(said)} is {len(found)} treatments" if found else f"there is no treatment {quoted(said)}"
    raise ConfigError(what, "baseline", f"choose one of: {_listed(found or layout.labels)}")


def _means(by: str, said: str, label: str, value: Any) -> bool:
    if "".join(said.split()) == "".join(label.split()) or said == value:
        return True
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return parse_quantity(said, unit_of(by.rpartition(".")[2]) or "ips") == value
    except ValueError:
        return False


def _listed(labels: Iterable[str]) -> str:
    return "; ".join(labels)


def differing(runs: Sequence[SavedRun]) -> str:
    """Choose what to compare by: policies if there are several, or else the one other key that differs."""
    labels = set(_policy_labels(runs, _POLICY))
    keys = [key for key in columns(runs) if not key.startswith(_FIELD)]
    return keys[0] if len(labels) == 1 and len(keys) == 1 else _POLICY
