"""Clusters whose links share media, vary, or can be stopped."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from simedge.errors import ProfileError
from simedge.hardware.cluster import Cluster
from simedge.hardware.device import Device
from simedge.hardware.latency import LatencyTable
from simedge.hardware.link import FifoLink, ScheduledLink
from simedge.hardware.profile import LinkProfile, Medium, read_link
from simedge.hardware.shared import SharedLink, Station
from simedge.kernel import BoundedQueue, Environment, InputQueue
from simedge.traces.schedule import Schedule

SLOW = LinkProfile("slow", 8.0, 0.5, 20, contended=True)  # a byte per second, half a second per call
HALF = LinkProfile("air", 16.0, 0.0, 20, contended=True, medium=Medium("half", "max_min", (1.0,)))
FULL = LinkProfile("air", 16.0, 0.0, 20, contended=True, medium=Medium("full", "max_min", (1.0,)))


def sent(cluster: Cluster, *messages: tuple[str, str, float]) -> dict[tuple[str, str], float]:
    """When messages that are all sent at 0 arrive."""
    arrived: dict[tuple[str, str], float] = {}
    for source, target, size in messages:
        key = (source, target)
        cluster.send(source, target, size, lambda key=key: arrived.__setitem__(key, cluster.env.now))
    cluster.env.run()
    return arrived


@pytest.mark.parametrize(("profile", "together"), [(HALF, [10.0, 10.0]), (FULL, [5.0, 5.0])])
def test_both_directions_share_a_half_duplex_medium(profile: LinkProfile, together: list[float]) -> None:
    """10 bytes each way at 16 bit/s."""
    cluster = Cluster(Environment())
    cluster.connect("a", "ap", profile, back=False)
    assert list(sent(cluster, ("a", "ap", 10.0), ("ap", "a", 10.0)).values()) == together
    assert sorted(cluster.media) == (["air at ap"] if profile is HALF else ["air at ap", "air at ap down"])


def test_each_access_point_has_a_medium_of_its_own() -> None:
    cluster = Cluster(Environment())
    for station, point in (("a", "ap_1"), ("b", "ap_1"), ("c", "ap_2")):
        cluster.connect(station, point, HALF)
    assert sent(cluster, ("a", "ap_1", 10.0), ("b", "ap_1", 10.0), ("c", "ap_2", 10.0)) == {
        ("a", "ap_1"): 10.0, ("b", "ap_1"): 10.0, ("c", "ap_2"): 5.0,
    }  # fmt: skip


def test_a_migration_on_a_shared_medium_is_on_the_air_twice() -> None:
    """Up to the access point, then down: 5 s each while nobody else sends."""
    cluster = Cluster(Environment())
    for station in ("a", "b"):
        cluster.connect(station, "ap", HALF, back=False)
    assert sent(cluster, ("a", "b", 10.0)) == {("a", "b"): 10.0}


def test_which_link_is_made() -> None:
    env = Environment()
    plain, stoppable = Cluster(env), Cluster(env, stoppable=True)
    varying = Schedule([0.0, 1.0], [8.0, 16.0])
    for cluster in (plain, stoppable):
        cluster.connect("a", "b", SLOW)
        cluster.connect("b", "c", LinkProfile("free", 8.0, 0.0, 20, contended=False))
        cluster.connect("c", "d", LinkProfile("free", 8.0, 0.0, 20, contended=False), rate_bps=varying)
        cluster.connect("e", "f", HALF)
    kinds = [type(plain.graph.edges[edge]["link"]) for edge in (("a", "b"), ("b", "c"), ("c", "d"), ("e", "f"))]
    assert kinds == [FifoLink, type(None), ScheduledLink, Station]
    assert isinstance(stoppable.graph.edges["a", "b"]["link"], ScheduledLink)


def test_a_passage_stops_where_it_is_and_goes_on() -> None:
    """10 bytes over two hops of 10.5 s; stopped on the first for 5 s, on the second for 7 s."""
    env, arrived = Environment(), []
    cluster = Cluster(env, stoppable=True)
    cluster.connect("a", "b", SLOW)
    cluster.connect("b", "c", SLOW)
    passage = cluster.route("a", "c").passage(10.0, lambda: arrived.append(env.now))
    assert passage is not None
    for time, act in ((1.0, passage.pause), (6.0, passage.resume), (20.0, passage.pause), (27.0, passage.resume)):
        env.at(time, act)
    env.run()
    assert arrived == [21.0 + 5.0 + 7.0]
    assert passage.state == "done"


def test_a_cancelled_passage_never_arrives_and_the_next_goes() -> None:
    env, arrived = Environment(), []
    cluster = Cluster(env, stoppable=True)
    cluster.connect("a", "b", SLOW)
    cluster.connect("b", "c", SLOW)
    route = cluster.route("a", "c")
    first = route.passage(10.0, lambda: arrived.append("first"))
    route.passage(1.0, lambda: arrived.append(env.now))
    env.at(12.5, first.cancel)  # on the second hop, where the other waits
    env.run()
    assert arrived == [12.5 + 1.5]
    assert [link.wasted_bytes for link in route.links] == [0.0, 1.5]


def test_a_passage_over_a_plain_link_is_refused() -> None:
    cluster = Cluster(Environment())
    cluster.connect("a", "b", SLOW)
    with pytest.raises(TypeError, match="stoppable=True"):
        cluster.route("a", "b").passage(1.0, lambda: None)
    cluster.connect("b", "c", LinkProfile("free", 8.0, 0.0, 20, contended=False))
    arrived: list[float] = []
    assert cluster.route("b", "c").passage(1.0, lambda: arrived.append(cluster.env.now)) is None
    cluster.env.run()
    assert arrived == [0.0]


def test_a_medium_refuses_bursts_weights_and_efficiencies_that_make_no_sense() -> None:
    env = Environment()
    with pytest.raises(ValueError, match="follows rates, not bursts"):
        SharedLink(env, "air", Schedule([0.0], [1.0], [5.0]))
    for efficiency in ([], [0.0], [1.1], [math.nan]):
        with pytest.raises(ValueError, match=r"an efficiency lies in \(0, 1\]"):
            SharedLink(env, "air", 1.0, efficiency)
    for weight in (0.0, -1.0, math.inf, math.nan):
        with pytest.raises(ValueError, match="a weight is finite and > 0"):
            SharedLink(env, "air", 1.0).station("a", weight=weight)


def test_rates_are_solved_only_when_something_changes() -> None:
    """Two joins, two ends, and one change of the rate."""
    env = Environment()
    medium = SharedLink(env, "air", Schedule([0.0, 3.0], [8.0, 16.0]))
    for name in ("a", "b"):
        medium.station(name).send(10.0, lambda: None)
    env.run()
    assert medium.solved <= 2 + 1 + 2


def test_a_device_that_crashes_loses_what_runs_and_a_slow_one_takes_longer() -> None:
    env, done = Environment(), []
    device = Device(env, "gpu_1", [LatencyTable(1.0, 1.0, 8)], [[0]])
    device.execute([0, 0, 0], lambda: done.append(("lost", env.now)))
    env.run(until=1.0)
    device.stop()
    assert not device.idle
    assert device.busy_s() == 1.0
    env.run(until=5.0)
    device.start()
    device.execute([0], lambda: done.append(("kept", env.now)))  # until 7, were it not for
    env.run(until=6.0)
    device.slow_down(3.0)
    env.run(until=8.0)
    device.slow_down(1.0)  # a third of a second is left
    env.run()
    assert done == [("kept", pytest.approx(8.0 + 1 / 3))]
    assert device.busy_s() == pytest.approx(1.0 + 3.0 + 1 / 3)


def test_queues_that_are_emptied_and_given_back() -> None:
    queue = InputQueue(2)
    queue.offer([1, 2, 3])
    queue.offer([4, 5])
    assert (queue.rows, queue.waiting, queue.backlog) == ([1, 2], 3, 5)
    assert queue.clear() == [1, 2, 3, 4, 5]
    assert (queue.rows, queue.waiting, queue.backlog) == ([], 0, 0)
    queue.offer([6])
    assert queue.take(1) == [6]
    bounded = BoundedQueue(3)
    bounded.bring([1, 2])
    bounded.put_back([8, 9])
    assert bounded.take(4) == [8, 9, 1, 2]


WIFI = """\
name: odd
rate: {value: 65, unit: Mbps, kind: assumed, source: a test}
call: {value: 1, unit: ms, kind: assumed, source: a test}
call_max: {value: 20, unit: units, kind: assumed, source: a test}
medium:
  duplex: half
  sharing: airtime
  efficiency: {shares: {1: 0.9, 3: 0.7}, kind: assumed, source: a test}
"""


def test_efficiencies_are_a_line_between_those_listed(tmp_path: Path) -> None:
    path = tmp_path / "odd.yaml"
    path.write_text(WIFI)
    medium = read_link(str(path)).medium
    assert medium == Medium("half", "airtime", (0.9, pytest.approx(0.8), 0.7))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("duplex: half", "duplex: hlaf", "medium.duplex: 'hlaf' is not a choice; did you mean 'half'"),
        ("duplex: half", "duplx: half", "medium.duplx: unknown key"),
        ("  duplex: half\n", "", "medium.duplex: None is not a choice"),
        ("sharing: airtime", "sharing: fair", "medium.sharing: 'fair' is not a choice"),
        ("{1: 0.9, 3: 0.7}", "{2: 0.9}", "medium.efficiency.shares: one station is missing"),
        ("{1: 0.9, 3: 0.7}", "{}", "medium.efficiency.shares: one station is missing"),
        ("{1: 0.9, 3: 0.7}", "{1: 0.9, 0: 1}", "medium.efficiency.shares.0: is no number of stations"),
        ("{1: 0.9, 3: 0.7}", "{1: 0.9, 2.5: 1}", "medium.efficiency.shares.2.5: is no number of stations"),
        ("{1: 0.9, 3: 0.7}", "{1: 0}", "medium.efficiency.shares.1: 0 is no share"),
        ("{1: 0.9, 3: 0.7}", "{1: 1.5}", "medium.efficiency.shares.1: 1.5 is no share"),
        ("{1: 0.9, 3: 0.7}", "{1: high}", "medium.efficiency.shares.1.value: 'high' is not a number"),
        ("{1: 0.9, 3: 0.7}", "0.9", "medium.efficiency.shares: a mapping is needed"),
        ("kind: assumed, source: a test}\n", "", "not valid YAML"),
        (", source: a test}\n", "}\n", "source: missing"),
    ],
)
def test_a_malformed_medium_is_one_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    path = tmp_path / "odd.yaml"
    head, tail = WIFI.split("medium:")
    path.write_text(f"{head}medium:{tail.replace(old, new, 1)}")
    with pytest.raises(ProfileError) as caught:
        read_link(str(path))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
