"""The shortest ways through a network, the same ones in every process."""

from __future__ import annotations

from typing import Any

__all__ = ["Ways"]


class Ways:
    """Ways with the fewest hops through a graph that may still grow.

    Parameters
    ----------
    graph : networkx.Graph or networkx.DiGraph
        Places and links; of a directed one, both directions of every link.

    Notes
    -----
    Breadth-first, neighbours in the order of their names: of several shortest ways, the one whose places come first by
    name. A place with a single link can pass nothing on, so a search never enters one unless it ends there: from one
    of 100,000 cameras at a switch it looks at two places.

    Examples
    --------
    >>> import networkx as nx
    >>> ways = Ways(nx.Graph([("camera_1", "b"), ("camera_1", "a"), ("a", "edge"), ("b", "edge")]))
    >>> ways.find("camera_1", "edge"), ways.find("edge", "camera_2")
    (('camera_1', 'a', 'edge'), None)
    """

    def __init__(self, graph: Any) -> None:
        self._graph = graph
        self._relays: dict[str, list[str]] = {}

    def forget(self) -> None:
        """Look at the graph anew: it has changed."""
        self._relays.clear()

    def find(self, source: str, target: str) -> tuple[str, ...] | None:
        """Places from `source` to `target`, both included; None if no way leads there."""
        graph = self._graph
        if source not in graph or target not in graph:
            return None
        if source == target:
            return (source,)
        before, level = {source: source}, [source]
        while level:
            for place in level:
                if target in graph[place]:
                    way = [target, place]
                    while way[-1] != source:
                        way.append(before[way[-1]])
                    return tuple(reversed(way))
            further: list[str] = []
            for place in level:
                for near in self._passing(place):
                    if near not in before:
                        before[near] = place
                        further.append(near)
            level = further
        return None

    def _passing(self, place: str) -> list[str]:
        """Neighbours that can pass something on, by name."""
        if place not in self._relays:
            self._relays[place] = sorted(near for near in self._graph[place] if len(self._graph[near]) > 1)
        return self._relays[place]
