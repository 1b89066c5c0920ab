"""Who wins when several places set one key: what the user typed, a file's own keys, what the file draws on."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import fields
from functools import reduce
from typing import Any

from simedge.experiment import catalog

__all__ = ["chosen_over", "component", "laid_over"]


def laid_over(below: Any, above: Any) -> Any:
    """Lay one description of a component over another, which it replaces if it names another component.

    Examples
    --------
    >>> laid_over({"name": "a", "size": 1}, {"size": 2}), laid_over({"name": "a", "size": 1}, {"name": "b"})
    ({'name': 'a', 'size': 2}, {'name': 'b'})
    >>> laid_over("a", {"size": 2}), laid_over({"name": "a", "size": 1}, "b")
    ({'name': 'a', 'size': 2}, 'b')
    """
    if not isinstance(above, Mapping):
        return above
    if isinstance(below, str):
        below = {"name": below}
    if not isinstance(below, Mapping) or ("name" in above and above["name"] != below.get("name")):
        return dict(above)
    return {**below, **{key: laid_over(below[key], item) if key in below else item for key, item in above.items()}}


def component(kind: str, drawn: Any, bodies: Iterable[Any], typed: Mapping[str, Any] | None = None) -> Any:
    """Put together a component from all that is said about it.

    Parameters
    ----------
    kind : str
        Kind of the catalog.
    drawn : object
        What the defaults lists choose; None if nothing.
    bodies : iterable of object
        What the files' own keys say, each laid over those before.
    typed : mapping, optional
        What the user chose, by name.

    Returns
    -------
    object
        Without a typed choice, everything in order. A typed choice comes before all; beneath it stay the fields that
        the files give to the component of that name, or to none by name. Of the latter those are left out that
        only other components have.

    Examples
    --------
    >>> component("policy", {"name": "videoedge_l"}, [{"partition_point": 0.3}], {"name": "centralized"})
    {'name': 'centralized'}
    """
    said = [{"name": body} if isinstance(body, str) else body for body in bodies if body is not None]
    if typed is None:
        return reduce(laid_over, said, drawn)
    body, name = reduce(laid_over, said, None), typed.get("name")
    if not isinstance(body, Mapping) or body.get("name", name) != name:
        return typed
    return laid_over({**_fitting(kind, body, name), "name": name}, typed)


def _fitting(kind: str, body: Mapping[str, Any], name: Any) -> dict[str, Any]:
    """Leave out what only components of other names take; what none takes stays, to be refused."""
    takes = {one: {spec.name for spec in fields(catalog.load(kind, one))} for one in catalog.names(kind)}
    foreign = set().union(*takes.values()) - takes.get(name, set())
    return {key: item for key, item in body.items() if key not in foreign}


def chosen_over(node: Mapping[str, Any], choice: Mapping[str, Any], nested: Collection[str], key: str = "") -> Any:
    """Lay what a typed choice says over a configuration.

    Parameters
    ----------
    node : mapping
        The configuration at `key`.
    choice : mapping
        What the choice says there.
    nested : collection of str
        Keys that have keys of their own, so that what the choice leaves out stays. Everything else it replaces whole:
        a table of names, such as shares or costs, would be neither the one nor the other if it were mixed.

    Examples
    --------
    >>> chosen_over({"load": {"rate": 2, "mix": {"a": 1}}}, {"load": {"mix": {"b": 1}}}, {"load"})
    {'load': {'rate': 2, 'mix': {'b': 1}}}
    """
    merged = dict(node)
    for name, item in choice.items():
        full, present = f"{key}.{name}" if key else name, merged.get(name)
        merges = full in nested and isinstance(item, Mapping) and isinstance(present, Mapping)
        merged[name] = chosen_over(present, item, nested, full) if merges else item  # type: ignore[arg-type]
    return merged
