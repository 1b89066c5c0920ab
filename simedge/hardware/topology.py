"""Which places a cluster has and which of them are joined: cameras, switches or access points, and edges."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any

import networkx as nx

from simedge.errors import ConfigError, quoted, suggest
from simedge.hardware.ways import Ways

__all__ = ["KINDS", "SHAPES", "LinkSpec", "Topology", "few", "multi_switch", "star", "switch"]

KINDS = ("camera", "switch", "edge")
"""Kinds of places; an access point is a switch."""

_NAME_MAX = 60
_NUMBER = re.compile(r"([0-9]+)")


@dataclass(frozen=True)
class LinkSpec:
    """A link between two places, in both directions; what is None is as the network has it.

    Attributes
    ----------
    a, b : str
        The places. In a topology `b` is the one nearer to an edge; of a link with a medium, the access point.
    profile : str or None
        Its link profile.
    rate_bps : float or None
        Its rate, > 0.
    call_s : float or None
        Cost of one call on it, >= 0.
    schedule : str or None
        A file with its rate over time, by path or by the name of a bundled one.

    Raises
    ------
    ValueError
        If a number is out of range, or there is both a rate and a schedule.
    """

    a: str
    b: str
    profile: str | None = None
    rate_bps: float | None = None
    call_s: float | None = None
    schedule: str | None = None

    def __post_init__(self) -> None:
        if self.a == self.b:
            raise ValueError(f"{quoted(self.a)} is joined to itself; remove the link")
        if self.rate_bps is not None and not 0.0 < self.rate_bps < math.inf:
            raise ValueError(f"rate: {self.rate_bps} bps is not a finite number > 0; write a rate such as 10 Mbps")
        if self.call_s is not None and not 0.0 <= self.call_s < math.inf:
            raise ValueError(f"call: {self.call_s} s is not a finite number >= 0; write a time such as 2 ms")
        if self.rate_bps is not None and self.schedule is not None:
            raise ValueError("rate: stands beside a schedule; keep one of them")

    def __str__(self) -> str:
        return f"{self.a} – {self.b}"


@dataclass(frozen=True)
class Topology:
    """Places and links, in an order that does not depend on the order they are given in.

    A camera has one link, so it passes nothing on. Places are sorted by name, numbers in names by size; so are links.

    Attributes
    ----------
    cameras, switches, edges : tuple of str
        Names of the places.
    links : tuple of LinkSpec
        Those of the cameras first. Each is turned so that `b` is nearer to an edge.
    where : str
        With what error messages begin: a key or a file.

    Raises
    ------
    ConfigError
        If a name stands twice or is none, a link joins unknown places or two that are joined already, or a camera has
        several links.

    Examples
    --------
    >>> two = Topology(("camera_1",), ("desk",), ("edge",), (LinkSpec("edge", "desk"), LinkSpec("desk", "camera_1")))
    >>> list(map(str, two.links)), two.way("camera_1", "edge")
    (['camera_1 – desk', 'desk – edge'], ('camera_1', 'desk', 'edge'))
    """

    cameras: tuple[str, ...]
    switches: tuple[str, ...]
    edges: tuple[str, ...]
    links: tuple[LinkSpec, ...]
    where: str = field(default="network.topology", compare=False)

    def __post_init__(self) -> None:
        for kind in ("cameras", "switches", "edges"):
            object.__setattr__(self, kind, tuple(sorted(getattr(self, kind), key=_natural)))
        self._check_names()
        self._check_links()
        place = {name: at for at, name in enumerate(self.kinds)}
        hops = self._hops_to_an_edge()

        def turned(link: LinkSpec) -> LinkSpec:
            if self.kinds[link.a] == "camera" or self.kinds[link.b] == "camera":
                right = self.kinds[link.a] == "camera"
            else:
                right = (-hops[link.a], place[link.a]) < (-hops[link.b], place[link.b])
            return link if right else replace(link, a=link.b, b=link.a)

        links = sorted(map(turned, self.links), key=lambda link: (place[link.a], place[link.b]))
        object.__setattr__(self, "links", tuple(links))

    def _error(self, what: str, remedy: str) -> ConfigError:
        return ConfigError(what, self.where, remedy)

    def _check_names(self) -> None:
        names = [*self.cameras, *self.switches, *self.edges]
        for name in names:
            if not (name.strip() and name.isprintable() and len(name) <= _NAME_MAX):
                raise self._error(f"{quoted(name)} is no name", f"use printable characters, at most {_NAME_MAX}")
        for kind, found in (("camera", self.cameras), ("edge", self.edges)):
            if not found:
                raise self._error(f"has no {kind}", f"add a place of kind {kind}")
        seen: set[str] = set()
        for name in names:
            if name in seen:
                raise self._error(f"two places are called {name!r}", "rename one")
            seen.add(name)

    def _check_links(self) -> None:
        joined: set[frozenset[str]] = set()
        links_of = dict.fromkeys(self.cameras, 0)
        for link in self.links:
            for end, other in ((link.a, link.b), (link.b, link.a)):
                if end not in self.kinds:
                    remedy = suggest(end, few(self.kinds))
                    raise self._error(f"a link of {quoted(other)} leads to {quoted(end)}, which is no place", remedy)
                if end in links_of:
                    links_of[end] += 1
            ends = frozenset((link.a, link.b))
            if ends in joined:
                raise self._error(f"{link.a!r} and {link.b!r} are joined twice", "keep one of the links")
            joined.add(ends)
        for name, count in links_of.items():
            if count > 1:
                remedy = "a camera sends over one; put a switch between"
                raise self._error(f"{name!r} has {count} links", remedy)

    def _hops_to_an_edge(self) -> dict[str, float]:
        found = dict.fromkeys(self.kinds, math.inf)
        for hops, level in enumerate(nx.bfs_layers(self.graph, self.edges)):
            found.update(dict.fromkeys(level, float(hops)))
        return found

    @cached_property
    def kinds(self) -> Mapping[str, str]:
        """Kind of every place: cameras, switches, edges."""
        ordered = ((self.cameras, "camera"), (self.switches, "switch"), (self.edges, "edge"))
        return MappingProxyType({name: kind for names, kind in ordered for name in names})

    @cached_property
    def graph(self) -> Any:
        """The same as a networkx.Graph of names."""
        graph = nx.Graph()
        graph.add_nodes_from(self.kinds)
        graph.add_edges_from((link.a, link.b) for link in self.links)
        return graph

    @cached_property
    def _ways(self) -> Ways:
        return Ways(self.graph)

    @property
    def profiles(self) -> tuple[str, ...]:
        """Every link profile that it names, each once."""
        return tuple(dict.fromkeys(link.profile for link in self.links if link.profile is not None))

    @property
    def schedules(self) -> tuple[str, ...]:
        """Every file of a rate over time that it names, each once."""
        return tuple(dict.fromkeys(link.schedule for link in self.links if link.schedule is not None))

    def way(self, source: str, target: str) -> tuple[str, ...] | None:
        """Places on the way with the fewest hops, of equally short ones the first by name; None if none leads there."""
        return self._ways.find(source, target)

    def check(self, edge_of: Mapping[str, str]) -> None:
        """See whether a cluster can use it.

        Parameters
        ----------
        edge_of : mapping of str to str
            The edge that each camera of the cluster belongs to.

        Raises
        ------
        ConfigError
            If it lacks one of the cluster's cameras or edges, has others, or a camera cannot reach its edge.
        """
        for kind, there, wanted in (
            ("camera", self.cameras, list(edge_of)),
            ("edge", self.edges, list(dict.fromkeys(edge_of.values()))),
        ):
            known, present = set(wanted), set(there)
            strange = next((name for name in there if name not in known), None)
            lacking = next((name for name in wanted if name not in present), None)
            if strange is not None:
                remedy = f"the cluster has {', '.join(few(wanted))}" if lacking is None else suggest(strange, wanted)
                raise self._error(f"the cluster has no {kind} {strange!r}", remedy)
            if lacking is not None:
                kind_is = f"{kind} {lacking!r}, which the cluster has"
                raise self._error(f"has no {kind_is}", f"add it; there are {', '.join(few(there))}")
        part_of = {name: at for at, part in enumerate(nx.connected_components(self.graph)) for name in part}
        for camera, edge in edge_of.items():
            if part_of[camera] != part_of[edge]:
                part = sorted((name for name in part_of if part_of[name] == part_of[camera]), key=_natural)
                remedy = f"join {', '.join(few(part))} to the rest" if len(part) > 1 else "give it a link"
                raise self._error(f"{camera!r} cannot reach {edge!r}", remedy)


def _natural(name: str) -> tuple[list[Any], str]:
    """Sort camera_2 before camera_10."""
    parts: list[Any] = _NUMBER.split(name)
    parts[1::2] = [(len(digits := part.lstrip("0")), digits) for part in parts[1::2]]
    return parts, name


def few(names: Iterable[str]) -> list[str]:
    """Shorten a list of names for a message: the first two, an ellipsis, and the last.

    Examples
    --------
    >>> few("abcdefgh")
    ['a', 'b', '…', 'h']
    """
    found = list(names)
    return found if len(found) <= 6 else [*found[:2], "…", found[-1]]


def star(edge_of: Mapping[str, str]) -> Topology:
    """Join each camera straight to its edge.

    Parameters
    ----------
    edge_of : mapping of str to str
        The edge that each camera belongs to.
    """
    links = tuple(LinkSpec(camera, edge) for camera, edge in edge_of.items())
    return Topology(tuple(edge_of), (), tuple(dict.fromkeys(edge_of.values())), links)


def switch(edge_of: Mapping[str, str]) -> Topology:
    """Join the cameras of each edge to a switch, and the switch to the edge (§1.4); several switches meet in a core.

    Parameters
    ----------
    edge_of : mapping of str to str
        The edge that each camera belongs to.
    """
    edges = tuple(dict.fromkeys(edge_of.values()))
    if len(edges) == 1:
        links = [LinkSpec(camera, "switch") for camera in edge_of]
        return Topology(tuple(edge_of), ("switch",), edges, (*links, LinkSpec("switch", edges[0])))
    own = {edge: f"switch_{at}" for at, edge in enumerate(edges, 1)}
    links = [LinkSpec(camera, own[edge]) for camera, edge in edge_of.items()]
    links += [LinkSpec(own[edge], edge) for edge in edges]
    links += [LinkSpec(own[edge], "core") for edge in edges]
    return Topology(tuple(edge_of), (*own.values(), "core"), edges, tuple(links))


def multi_switch(edge_of: Mapping[str, str], switches: int = 2) -> Topology:
    """Deal the cameras to access switches, in order; these are joined to a core, and that to every edge.

    Parameters
    ----------
    edge_of : mapping of str to str
        The edge that each camera belongs to.
    switches : int
        Access switches, at most as many as cameras.

    Raises
    ------
    ConfigError
        If there are fewer cameras than switches.
    """
    cameras, edges = tuple(edge_of), tuple(dict.fromkeys(edge_of.values()))
    if switches > len(cameras):
        what = f"{switches} switches are more than the {len(cameras)} cameras"
        raise ConfigError(what, "network.switches", "give fewer switches")
    names = tuple(f"switch_{at}" for at in range(1, switches + 1))
    links = [LinkSpec(camera, names[at * switches // len(cameras)]) for at, camera in enumerate(cameras)]
    links += [LinkSpec(name, "core") for name in names]
    links += [LinkSpec("core", edge) for edge in edges]
    return Topology(cameras, (*names, "core"), edges, tuple(links))


SHAPES: Mapping[str, Callable[[Mapping[str, str], int], Topology]] = MappingProxyType(
    {
        "star": lambda edge_of, _: star(edge_of),
        "switch": lambda edge_of, _: switch(edge_of),
        "multi_switch": multi_switch,
    }
)
"""Topologies that have a name: builders from the edge of each camera and the number of access switches."""
