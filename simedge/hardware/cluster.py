"""A cluster: places joined by links, and the ways between them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import networkx as nx

from simedge.hardware.link import FifoLink, ScheduledLink
from simedge.hardware.profile import LinkProfile
from simedge.hardware.shared import SharedLink
from simedge.hardware.transfer import Sender, Transfer
from simedge.hardware.ways import Ways
from simedge.kernel import Environment
from simedge.traces.schedule import Schedule

__all__ = ["Cluster", "Link", "Passage", "Route"]

Link = FifoLink | Sender
"""One direction of a link: plain, or one whose messages can be stopped."""


class Passage:
    """A message on its way over several links, stored and forwarded whole at each hop.

    It pauses, resumes and is cancelled where it is; see :class:`~simedge.hardware.transfer.Transfer`.
    """

    def __init__(self, links: tuple[Link, ...], size_bytes: float, done: Callable[[], None], priority: float) -> None:
        self.size_bytes = size_bytes
        self._links, self._done, self._priority = links, done, priority
        self._hop = 0
        self._leg = self._forward()

    def _forward(self) -> Transfer:
        link = self._links[self._hop]
        if not isinstance(link, Sender):
            raise TypeError(
                f"{link.name} carries messages that cannot be stopped; build the cluster with stoppable=True"
            )
        return link.send(self.size_bytes, self._arrived, self._priority)

    def _arrived(self) -> None:
        self._hop += 1
        if self._hop < len(self._links):
            self._leg = self._forward()
        else:
            self._done()

    @property
    def state(self) -> str:
        """Where it is: that of the transfer over the link that it has come to."""
        return self._leg.state

    def pause(self) -> None:
        """Stop here, and let others go first."""
        self._leg.pause()

    def resume(self) -> None:
        """Go on where it stopped."""
        self._leg.resume()

    def cancel(self) -> None:
        """Give up; it never arrives."""
        self._leg.cancel()


@dataclass(frozen=True, slots=True)
class Route:
    """The contended links between two places, in order.

    Links that are so fast in their place that nothing queues for them (`LinkProfile.contended`) are left out.
    """

    env: Environment
    links: tuple[Link, ...]

    @property
    def measured_bps(self) -> float:
        """Rate of the slowest link on the way at its last message; NaN before the first one."""
        return min((link.measured_bps for link in self.links), default=math.nan)

    def send(self, size_bytes: float, done: Callable[[], None]) -> Transfer | None:
        """Carry a message from end to end, stored and forwarded whole at each hop; call `done` on arrival.

        Over a single link that can stop it, the transfer is returned; see `passage` for longer ways.
        """
        if len(self.links) == 1:
            return self.links[0].send(size_bytes, done)

        def hop(position: int) -> None:
            if position < len(self.links):
                self.links[position].send(size_bytes, lambda: hop(position + 1))
            else:
                done()

        if self.links:
            hop(0)
        else:  # arrives at once, but not before the sender has finished its own step
            self.env.at(self.env.now, done)
        return None

    def passage(self, size_bytes: float, done: Callable[[], None], priority: float = 0.0) -> Passage | None:
        """Carry a message that can be paused, resumed and cancelled on the way.

        Returns
        -------
        Passage or None
            None if no link on the way takes time.

        Raises
        ------
        TypeError
            If the cluster's links cannot stop messages.
        """
        if self.links:
            return Passage(self.links, size_bytes, done, priority)
        self.env.at(self.env.now, done)
        return None


class Cluster:
    """Places (cameras, switches, the edge) joined by links: a directed graph.

    Parameters
    ----------
    env : Environment
        The clock.
    stoppable : bool
        Whether every message can be paused, resumed, cancelled or lost. False: only those on links that follow a
        schedule or share a medium; the others are a little faster to simulate.

    Attributes
    ----------
    graph : networkx.DiGraph
        Places, and on each edge under ``link`` what carries its messages, or None where nothing queues or takes time.
    media : dict of str to SharedLink
        Media by name: one for each place whose links share one, such as an access point.

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

    def __init__(self, env: Environment, *, stoppable: bool = False) -> None:
        self.env = env
        self.graph = nx.DiGraph()
        self.media: dict[str, SharedLink] = {}
        self._stoppable = stoppable
        self._ways = Ways(self.graph)
        self._routes: dict[tuple[str, str], Route] = {}

    def connect(
        self,
        a: str,
        b: str,
        profile: LinkProfile,
        *,
        rate_bps: float | Schedule | None = None,
        call_s: float | None = None,
        medium_bps: float | Schedule | None = None,
        weight: float = 1.0,
        back: bool = True,
    ) -> None:
        """Join two places.

        Parameters
        ----------
        a, b : str
            The places; they come into being here. Of a profile with a medium, `b` is the access point, whose medium
            all its links share.
        profile : LinkProfile
            Rate, call cost, whether messages contend, and whether they share a medium.
        rate_bps : float or Schedule, optional
            Rate of the link, before the profile's. A link whose rate varies is always contended. On a medium, the most
            that each direction can send; else no limit.
        call_s : float, optional
            Cost of a call, before the profile's.
        medium_bps : float or Schedule, optional
            Rate of the medium, before the profile's. Counts when the first link of an access point is made.
        weight : float
            What each direction is worth when a medium is shared, > 0.
        back : bool
            False: the direction from `b` to `a` is never contended, unless both share a medium.
        """
        takes_time = profile.contended or isinstance(rate_bps, Schedule)
        shared = profile.medium is not None and takes_time
        for source, target, contended in ((a, b, takes_time), (b, a, takes_time and (back or shared))):
            link: Link | None = None
            if contended:
                name, cost_s = f"{source}->{target}", profile.call_s if call_s is None else call_s
                if shared:
                    cap = math.inf if rate_bps is None else rate_bps
                    medium = self._medium(b, profile, source == b, medium_bps)
                    link = medium.station(name, call_s=cost_s, cap=cap, weight=weight)
                else:
                    link = self._link(name, profile.rate_bps if rate_bps is None else rate_bps, cost_s)
            self.graph.add_edge(source, target, link=link)
        self._ways.forget()
        self._routes.clear()

    def _link(self, name: str, rate: float | Schedule, call_s: float) -> Link:
        if isinstance(rate, Schedule):
            return ScheduledLink(self.env, name, rate, call_s)
        if self._stoppable:
            return ScheduledLink(self.env, name, Schedule.constant(rate), call_s)
        return FifoLink(self.env, name, rate, call_s)

    def _medium(self, place: str, profile: LinkProfile, down: bool, rate: float | Schedule | None) -> SharedLink:
        medium = profile.medium
        assert medium is not None
        name = f"{profile.name} at {place}" + (" down" if down and medium.duplex == "full" else "")
        if name not in self.media:
            bps = profile.rate_bps if rate is None else rate
            self.media[name] = SharedLink(self.env, name, bps, medium.efficiency, medium.sharing)
        return self.media[name]

    def route(self, source: str, target: str) -> Route:
        """Find the way with the fewest hops, of equally short ones the first by name; routes are kept.

        Raises
        ------
        ValueError
            If no way leads there.
        """
        key = (source, target)
        if key not in self._routes:
            places = self._ways.find(source, target)
            if places is None:
                raise ValueError(f"no link leads from {source!r} to {target!r}")
            links = [self.graph.edges[hop]["link"] for hop in pairwise(places)]
            self._routes[key] = Route(self.env, tuple(link for link in links if link is not None))
        return self._routes[key]

    def send(self, source: str, target: str, size_bytes: float, done: Callable[[], None]) -> None:
        """Carry a message between two places; call `done` when it has arrived whole."""
        self.route(source, target).send(size_bytes, done)
