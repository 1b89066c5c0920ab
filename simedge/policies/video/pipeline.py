"""The task-specific module as a DAG of classifiers, and its full profiling (§1.3.3, step 1)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import networkx as nx
import numpy as np
import numpy.typing as npt

__all__ = ["Pipeline"]


@dataclass(frozen=True)
class Pipeline:
    """Classifiers, the paths through them, and what they cost.

    Attributes
    ----------
    costs : mapping of str to float
        Inference cost of each classifier, > 0, in any common unit.
    paths : mapping of str to tuple of str
        The classifiers of each execution path in order; a path is named after the class of object that takes it.

    Raises
    ------
    ValueError
        If a cost is not positive, a path is empty, or a path names an unknown classifier.

    Examples
    --------
    >>> fig_1_7 = Pipeline({"A": 3, "B": 6.45, "C": 13.5, "D": 4.05}, {"vehicle": ("A", "B", "C", "D")})
    >>> [round(float(c), 2) for c in fig_1_7.cumulative("vehicle")]
    [0.0, 0.11, 0.35, 0.85, 1.0]
    """

    costs: Mapping[str, float]
    paths: Mapping[str, tuple[str, ...]]

    def __post_init__(self) -> None:
        for name, cost in self.costs.items():
            if not 0 < cost < float("inf"):
                raise ValueError(f"classifier {name!r} costs {cost}; a cost is finite and > 0")
        if not self.paths:
            raise ValueError("a pipeline has at least one path")
        for path, vertices in self.paths.items():
            unknown = [v for v in vertices if v not in self.costs]
            if unknown or not vertices:
                raise ValueError(f"path {path!r} needs classifiers of the pipeline, not {list(unknown)}")

    @classmethod
    def from_edges(
        cls, costs: Mapping[str, float], edges: Iterable[tuple[str, str]], leaves: Mapping[str, str]
    ) -> Pipeline:
        """Extract every execution path from a DAG.

        Parameters
        ----------
        costs : mapping of str to float
            Cost of each classifier.
        edges : iterable of (str, str)
            Data flows from classifier to classifier.
        leaves : mapping of str to str
            For each object class the last classifier it runs; the path is the way from a root to there.

        Raises
        ------
        ValueError
            If the graph has a cycle, names unknown classifiers, or does not lead to a leaf in exactly one way.
        """
        graph = nx.DiGraph()
        graph.add_nodes_from(costs)
        for edge in edges:
            unknown = [v for v in edge if v not in costs]
            if unknown:
                raise ValueError(f"edge {list(edge)} names unknown classifiers {unknown}")
            graph.add_edge(*edge)
        if not nx.is_directed_acyclic_graph(graph):
            raise ValueError("the classifiers form a cycle")
        paths: dict[str, tuple[str, ...]] = {}
        for name, leaf in leaves.items():
            if leaf not in costs:
                raise ValueError(f"path {name!r} ends in unknown classifier {leaf!r}")
            roots = [v for v in nx.ancestors(graph, leaf) | {leaf} if graph.in_degree(v) == 0]
            ways = (
                [way for root in sorted(roots) for way in nx.all_simple_paths(graph, root, leaf)]
                if roots != [leaf]
                else [[leaf]]
            )
            if len(ways) != 1:
                raise ValueError(f"{len(ways)} ways lead to {leaf!r}; path {name!r} needs exactly one")
            paths[name] = tuple(ways[0])
        return cls(dict(costs), paths)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the paths, in order; their positions are the path indices everywhere."""
        return tuple(self.paths)

    @cached_property
    def classifiers(self) -> tuple[str, ...]:
        """Names of the classifiers, in order."""
        return tuple(self.costs)

    def cost(self, path: str) -> float:
        """Cost of a whole pass down a path."""
        return float(sum(self.costs[v] for v in self.paths[path]))

    def cumulative(self, path: str) -> npt.NDArray[np.float64]:
        """Normalised accumulated cost after 0, 1, … n vertices of a path: (n + 1,), from 0 to exactly 1; read-only."""
        return self._cumulative[path]

    @cached_property
    def _cumulative(self) -> dict[str, npt.NDArray[np.float64]]:
        made = {}
        for path, vertices in self.paths.items():
            partial = np.cumsum([0.0, *(self.costs[v] for v in vertices)])
            made[path] = np.asarray(partial / partial[-1])
            made[path].setflags(write=False)
        return made

    def mean_cost(self, mix: Mapping[str, float]) -> float:
        """Mean cost of a unit when paths are taken in the shares of `mix`."""
        return sum(share * self.cost(path) for path, share in mix.items()) / sum(mix.values())
