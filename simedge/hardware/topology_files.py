"""Topologies in files: GraphML, and the node-link JSON of networkx and d3.

A place has a name and may have a ``kind``; other things said of it are nobody's business here. A link may have
``profile``, ``rate``, ``call`` and ``schedule``; anything else is taken for a mistake, since it would change nothing.
A link carries both directions: files of directed graphs, and of several links between two places, are refused.
"""

from __future__ import annotations

import io
import json
import math
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, NoReturn
from xml.etree import ElementTree

import networkx as nx

from simedge.errors import ConfigError, InputError, OutputError, quoted, suggest
from simedge.files import atomic_file
from simedge.hardware.topology import KINDS, LinkSpec, Topology, few
from simedge.units import format_quantity, parse_quantity

__all__ = ["SUFFIXES", "read", "write"]

SUFFIXES = (".graphml", ".json")
"""How names of such files end."""

_BYTES_MAX = 16 * 2**20
_PLACES_MAX = 200_000
_NAME_MAX = 60
_KEYS_MAX = 100
_QUANTITIES = {"rate": ("rate_bps", "bps"), "call": ("call_s", "s")}
_TEXTS = ("profile", "schedule")
_KNOWN = (*_TEXTS, *_QUANTITIES)


def read(path: Path, cameras: Collection[str] = (), edges: Collection[str] = ()) -> Topology:
    """Read a file that nobody has to trust: at most 16 MiB, no document type or entities, nothing twice.

    Parameters
    ----------
    path : Path
        A file that ends in ``.graphml`` or ``.json``.
    cameras, edges : collection of str
        Which places without a ``kind`` are cameras and edges; the others are switches, of two links at least.

    Raises
    ------
    ConfigError
        If it cannot be read or is no topology; file and place or link are named.
    """
    if path.suffix not in SUFFIXES:
        raise _error(path, "the kind of file is not known", f"end its name in {' or '.join(SUFFIXES)}")
    places, links = (_from_graphml if path.suffix == ".graphml" else _from_json)(path, _text(path))
    if len(places) > _PLACES_MAX:
        raise _error(path, f"{len(places)} places are more than {_PLACES_MAX}", "leave some out")
    found: dict[str, list[str]] = {kind: [] for kind in KINDS}
    ends = Counter(end for a, b, _ in links for end in (a, b))
    for name, said in places:
        kind = said.get("kind")
        if kind is None:
            kind = "camera" if name in cameras else "edge" if name in edges else "switch"
            if kind == "switch" and ends[name] < 2:  # rather a camera with a wrong name
                what = f"{quoted(name)} is no camera or edge of the scenario, and joins nothing"
                raise _error(path, what, f"{suggest(name[:_NAME_MAX], few([*cameras, *edges]))}; or give its kind")
        if not isinstance(kind, str) or kind not in KINDS:
            what = f"place {quoted(name)}: kind {_shown(kind)} is no choice"
            raise _error(path, what, suggest(str(kind)[:_NAME_MAX], KINDS))
        found[kind].append(name)
    made = tuple(_link(path, a, b, said) for a, b, said in links)
    return Topology(tuple(found["camera"]), tuple(found["switch"]), tuple(found["edge"]), made, str(path))


def write(topology: Topology, path: Path) -> None:
    """Write a topology as `read` reads it, whole or not at all; equal ones give equal bytes.

    Raises
    ------
    OutputError
        If the name ends otherwise or the place cannot be written to.
    """
    if path.suffix not in SUFFIXES:
        raise OutputError("not a format of topologies", str(path), f"end the name in {' or '.join(SUFFIXES)}")
    content = _as_graphml(topology) if path.suffix == ".graphml" else _as_json(topology)
    with atomic_file(path) as draft:
        draft.write_bytes(content)


def _error(path: Path, what: str, remedy: str) -> ConfigError:
    return ConfigError(what, str(path), remedy)


def _shown(value: Any) -> str:
    return quoted(value if isinstance(value, str) else json.dumps(value, default=str))


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _BYTES_MAX:
            raise _error(path, "a topology may have at most 16 MiB", "leave out what is not a place or a link")
        with path.open("rb") as stream:
            raw = stream.read(_BYTES_MAX + 1)  # a pipe has no size
        if len(raw) > _BYTES_MAX:
            raise _error(path, "a topology may have at most 16 MiB", "leave out what is not a place or a link")
        text = raw.decode("utf-8-sig")
    except OSError as problem:
        raise _error(path, f"cannot be read: {problem.strerror}", "give a readable file") from None
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise _error(path, "is not UTF-8 text", "save it as UTF-8")
    return text


_Said = Mapping[str, Any]
_Places = list[tuple[str, _Said]]
_Links = list[tuple[str, str, _Said]]


def _from_graphml(path: Path, text: str) -> tuple[_Places, _Links]:
    # Entities expand in memory, a few hundred bytes to gigabytes; without a document type there are none.
    if re.search(r"<!\s*(DOCTYPE|ENTITY)", text, re.IGNORECASE):
        raise _error(path, "document types and entities are not allowed", "delete <!DOCTYPE …> and write entities out")
    try:
        root = ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError) as problem:
        raise _error(path, f"is no XML: {problem}", "correct it, or export it again") from None
    graphs = [item for item in root.iter() if _tag(item) == "graph"]
    if len(graphs) != 1:
        what = "holds several graphs, or one in another" if graphs else "holds no graph"
        raise _error(path, what, "give one <graph> with <node> and <edge>")
    keys = {item.get("id"): item for item in root.iter() if _tag(item) == "key"}
    if len(keys) > _KEYS_MAX:
        raise _error(path, f"declares {len(keys)} keys, more than {_KEYS_MAX}", "leave out those of no use")
    graph, remedy = graphs[0], 'write edgedefault="undirected"'
    _check_shape(path, graph.get("edgedefault") != "undirected", False, remedy)
    places: _Places = []
    links: _Links = []
    for item in graph:
        if _tag(item) == "node":
            places.append((_end(path, item, "id", "a node"), _data(path, item, "node", keys)))
        elif _tag(item) == "edge":
            _check_shape(path, item.get("directed", "false") not in ("false", "0"), False, 'write directed="false"')
            ends = [_end(path, item, key, "an edge") for key in ("source", "target")]
            links.append((ends[0], ends[1], _data(path, item, "edge", keys)))
        elif _tag(item) == "hyperedge":
            raise _error(path, "has a hyperedge", "join its places to a switch")
    return places, links


def _tag(item: ElementTree.Element) -> str:
    return item.tag.rpartition("}")[2] if isinstance(item.tag, str) else ""


def _end(path: Path, item: ElementTree.Element, key: str, what: str) -> str:
    value = item.get(key)
    if value is None:
        raise _error(path, f"{what} has no {key}", "give the name of a place")
    return value


def _data(
    path: Path, item: ElementTree.Element, kind: str, keys: Mapping[str | None, ElementTree.Element]
) -> dict[str, str]:
    """Read what is said of a node or an edge, defaults of its keys included."""
    said: dict[str, str] = {}
    for key in keys.values():
        default = next((below.text for below in key if _tag(below) == "default"), None)
        if default is not None and key.get("for", "all") in (kind, "all"):
            said[str(key.get("attr.name"))] = default.strip()
    seen: set[str | None] = set()
    for below in item:
        if _tag(below) == "data":
            name = below.get("key")
            if name not in keys or name in seen:
                what = f"gives key {quoted(str(name))} twice" if name in seen else f"names no key, {quoted(str(name))}"
                raise _error(
                    path,
                    f"<data> of a{'n' * (kind == 'edge')} {kind} {what}",
                    "declare each with <key>, give each once",
                )
            seen.add(name)
            said[str(keys[name].get("attr.name"))] = (below.text or "").strip()
    return said


def _from_json(path: Path, text: str) -> tuple[_Places, _Links]:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) < len(pairs):
            twice = next(key for key in made if [name for name, _ in pairs].count(key) > 1)
            raise _error(path, f"key {quoted(twice)} stands twice", "keep one")
        return made

    def refused(constant: str) -> NoReturn:
        raise _error(path, f"{constant} is no JSON", "write a number")

    try:
        data = json.loads(text, object_pairs_hook=once, parse_constant=refused)
    except RecursionError:
        raise _error(path, "is nested too deep", "write {nodes: […], links: […]}") from None
    except json.JSONDecodeError as problem:
        raise _error(path, f"line {problem.lineno} is no JSON: {problem.msg}", "correct that line") from None
    except InputError:
        raise
    except ValueError:  # a number of thousands of digits
        raise _error(path, "holds an impossible number", "correct it") from None
    if not isinstance(data, dict):
        raise _error(path, "is no node-link graph", "write {nodes: […], links: […]}")
    _check_shape(path, data.get("directed", False), data.get("multigraph", False), "set directed to false")
    named = [key for key in ("links", "edges") if key in data]
    if len(named) != 1:
        what = "has both links and edges" if named else "has no links"
        raise _error(path, what, "name the list links")
    places: _Places = []
    for node in _listed(path, data, "nodes"):
        places.append((_name(path, node, "id", "a place"), node))
    links: _Links = []
    for link in _listed(path, data, named[0]):
        ends = [_name(path, link, key, "a link") for key in ("source", "target")]
        links.append((ends[0], ends[1], {key: item for key, item in link.items() if key not in ("source", "target")}))
    return places, links


def _check_shape(path: Path, directed: Any, several: Any, remedy: str) -> None:
    if directed is not False:
        raise _error(path, "is a directed graph, and a link carries both directions", remedy)
    if several is not False:
        raise _error(path, "has several links between two places", "keep one of them; its rate may be their sum")


def _listed(path: Path, data: Mapping[str, Any], key: str) -> Iterable[dict[str, Any]]:
    found = data.get(key)
    if not isinstance(found, list):
        raise _error(path, f"has no list of {key}", "write {nodes: […], links: […]}")
    for at, item in enumerate(found):
        if not isinstance(item, dict):
            raise _error(path, f"{key}[{at}]: {_shown(item)} is no table", "write {…: …}")
    return found


def _name(path: Path, said: Mapping[str, Any], key: str, what: str) -> str:
    value = said.get(key)
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise _error(path, f"{what} has {_shown(value)} for its {key}", "give the name of a place")
    return str(value)


def _link(path: Path, a: str, b: str, said: _Said) -> LinkSpec:
    where = f"link {quoted(a)} – {quoted(b)}"
    values: dict[str, Any] = {}
    for key, value in said.items():
        if key not in _KNOWN:
            raise _error(
                path, f"{where}: {quoted(str(key))} says nothing about a link", suggest(str(key)[:_NAME_MAX], _KNOWN)
            )
        if value is None:
            continue
        if key in _TEXTS:
            if not isinstance(value, str) or not value:
                raise _error(path, f"{where}: {key} {_shown(value)} is no name", "give a name, or leave it out")
            values[key] = value
        else:
            name, unit = _QUANTITIES[key]
            values[name] = _quantity(path, f"{where}: {key}", value, unit)
    try:
        return LinkSpec(a, b, **values)
    except ValueError as problem:
        what, _, remedy = str(problem).partition("; ")
        raise _error(path, f"{where}: {what}", remedy) from None


def _quantity(path: Path, where: str, value: Any, unit: str) -> float:
    try:
        if isinstance(value, str):
            return parse_quantity(value, unit)
        if not isinstance(value, bool) and isinstance(value, int | float) and math.isfinite(value):
            return float(value)
    except ValueError as problem:
        what, _, remedy = str(problem).partition("; ")
        raise _error(path, f"{where}: {what}", remedy) from None
    except OverflowError:
        pass
    raise _error(path, f"{where}: {_shown(value)} is no quantity", "write 10 Mbps for a rate, 2 ms for a call")


def _attributes(link: LinkSpec) -> dict[str, str]:
    said = {key: getattr(link, key) for key in _TEXTS}
    for key, (name, unit) in _QUANTITIES.items():
        value = getattr(link, name)
        said[key] = None if value is None else _exact(value, unit)
    return {key: value for key in _KNOWN if (value := said[key]) is not None}


def _exact(value: float, unit: str) -> str:
    """Write a quantity for people where that loses nothing."""
    said = format_quantity(value, unit)
    return said if parse_quantity(said, unit) == value else f"{value!r} {unit}"


def _as_json(topology: Topology) -> bytes:
    data = {
        "directed": False,
        "multigraph": False,
        "graph": {},
        "nodes": [{"id": name, "kind": kind} for name, kind in topology.kinds.items()],
        "links": [{"source": link.a, "target": link.b, **_attributes(link)} for link in topology.links],
    }
    return (json.dumps(data, indent=1, ensure_ascii=False) + "\n").encode()


def _as_graphml(topology: Topology) -> bytes:
    graph = nx.Graph()
    for name, kind in topology.kinds.items():
        graph.add_node(name, kind=kind)
    for link in topology.links:
        graph.add_edge(link.a, link.b, **_attributes(link))
    stream = io.BytesIO()
    nx.write_graphml_xml(graph, stream)
    return stream.getvalue().rstrip() + b"\n"
