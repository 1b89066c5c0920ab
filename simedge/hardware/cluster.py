"""A cluster: places joined by links, and the ways between them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import networkx as nx

from simedge.hardware.link import FifoLink
from simedge.hardware.profile import LinkProfile
from simedge.kernel import Environment

__all__ = ["Cluster", "Route"]


@dataclass(frozen=True, slots=True)
class Route:
    """The contended links between two places, in order.

    Links that are so fast in their place that nothing queues for them (`LinkProfile.contended`) are left out.
    """

    env: Environment
    links: tuple[FifoLink, ...]

    @property
    def measured_bps(self) -> float:
        """Rate of the slowest link on the way at its last message; NaN before the first one."""
        return min((link.measured_bps for link in self.links), default=math.nan)

    def send(self, size_bytes: float, done: Callable[[], None]) -> None:
        """Carry a message from end to end, stored and forwarded whole at each hop; call `done` on arrival."""
        if len(self.links) == 1:
            self.links[0].send(size_bytes, done)
            return

        def hop(position: int) -> None:
            if position < len(self.links):
                self.links[position].send(size_bytes, lambda: hop(position + 1))
            else:
                done()

        if self.links:
            hop(0)
        else:  # arrives at once, but not before the sender has finished its own step
            self.env.at(self.env.now, done)


class Cluster:
    """Places (cameras, switches, the edge) joined by full-duplex links: a directed graph of `FifoLink`.

    Parameters
    ----------
    env : Environment
        The clock.

    Examples
    --------
    >>> from simedge.kernel import Environment
    >>> env = Environment()
    >>> cluster = Cluster(env)
    >>> ethernet = LinkProfile("fast_ethernet", 10e6, 1e-3, 20, contended=True)
    >>> cluster.connect("camera_1", "edge", ethernet)
    >>> cluster.send("camera_1", "edge", 1250.0, lambda: print("arrived at", env.now))
    >>> env.run()
    arrived at 0.002
    """

    def __init__(self, env: Environment) -> None:
        self.env = env
        self.graph = nx.DiGraph()
        self._routes: dict[tuple[str, str], Route] = {}

    def connect(
        self,
        a: str,
        b: str,
        profile: LinkProfile,
        *,
        rate_bps: float | None = None,
        call_s: float | None = None,
        back: bool = True,
    ) -> None:
        """Join two places with a full-duplex link.

        Parameters
        ----------
        a, b : str
            The places; they come into being here.
        profile : LinkProfile
            Rate, call cost, and whether messages contend.
        rate_bps, call_s : float, optional
            Values that go before the profile's.
        back : bool
            False: the direction from `b` to `a` is never contended.
        """
        for source, target, contended in ((a, b, profile.contended), (b, a, profile.contended and back)):
            link = None
            if contended:
                link = FifoLink(
                    self.env,
                    f"{source}->{target}",
                    profile.rate_bps if rate_bps is None else rate_bps,
                    profile.call_s if call_s is None else call_s,
                )
            self.graph.add_edge(source, target, link=link)
        self._routes.clear()

    def route(self, source: str, target: str) -> Route:
        """Find the way with the fewest hops; routes are kept, so ask once and hold the answer.

        Raises
        ------
        ValueError
            If no way leads there.
        """
        key = (source, target)
        if key not in self._routes:
            try:
                places = nx.shortest_path(self.graph, source, target)
            except (nx.NetworkXNoPath, nx.NodeNotFound):
                raise ValueError(f"no link leads from {source!r} to {target!r}") from None
            links = [self.graph.edges[hop]["link"] for hop in pairwise(places)]
            self._routes[key] = Route(self.env, tuple(link for link in links if link is not None))
        return self._routes[key]

    def send(self, source: str, target: str, size_bytes: float, done: Callable[[], None]) -> None:
        """Carry a message between two places; call `done` when it has arrived whole."""
        self.route(source, target).send(size_bytes, done)
