from __future__ import annotations

import math

import pytest

from simedge.hardware.cluster import Cluster
from simedge.hardware.profile import LinkProfile
from simedge.kernel import Environment

SLOW = LinkProfile("slow", 8.0, 0.5, 20, contended=True)  # a byte per second, half a second per call
FAST = LinkProfile("fast", 80.0, 0.0, 20, contended=True)
FREE = LinkProfile("free", 80.0, 7.0, 20, contended=False)


def test_two_contended_hops_store_and_forward() -> None:
    """10 B: 10.5 s on the first hop, 1 s on the second; the second message follows the first one hop behind."""
    env, arrived = Environment(), []
    cluster = Cluster(env)
    cluster.connect("camera_1", "switch", SLOW)
    cluster.connect("switch", "edge", FAST)
    for _ in range(2):
        cluster.send("camera_1", "edge", 10.0, lambda: arrived.append(env.now))
    env.run()
    assert arrived == [pytest.approx(11.5), pytest.approx(22.0)]
    route = cluster.route("camera_1", "edge")
    assert [link.carried_bytes for link in route.links] == [20.0, 20.0]
    assert [link.name for link in route.links] == ["camera_1->switch", "switch->edge"]
    assert route.measured_bps == 8.0


def test_two_cameras_contend_for_the_second_hop() -> None:
    """Both arrive at the switch at 10.5 s; the shared link carries them one after another."""
    env, arrived = Environment(), []
    cluster = Cluster(env)
    for camera in ("camera_1", "camera_2"):
        cluster.connect(camera, "switch", SLOW)
    cluster.connect("switch", "edge", FAST)
    cluster.send("camera_2", "edge", 10.0, lambda: arrived.append(("camera_2", env.now)))
    cluster.send("camera_1", "edge", 10.0, lambda: arrived.append(("camera_1", env.now)))
    env.run()
    assert arrived == [("camera_2", pytest.approx(11.5)), ("camera_1", pytest.approx(12.5))]


def test_full_duplex_directions_do_not_share() -> None:
    env, arrived = Environment(), []
    cluster = Cluster(env)
    cluster.connect("a", "b", SLOW)
    cluster.send("a", "b", 1.0, lambda: arrived.append(env.now))
    cluster.send("b", "a", 1.0, lambda: arrived.append(env.now))
    cluster.send("a", "b", 1.0, lambda: arrived.append(env.now))
    env.run()
    assert arrived == [1.5, 1.5, 3.0]


def test_uncontended_links_take_no_time_but_let_the_sender_finish_its_step() -> None:
    env, heard = Environment(), []
    cluster = Cluster(env)
    cluster.connect("a", "b", FREE)

    def step() -> None:
        cluster.send("a", "b", 100.0, lambda: heard.append(("arrived", env.now)))
        heard.append(("sent", env.now))

    env.at(3.0, step)
    env.run()
    assert heard == [("sent", 3.0), ("arrived", 3.0)]
    assert math.isnan(cluster.route("a", "b").measured_bps)


def test_the_way_back_may_be_free() -> None:
    cluster = Cluster(Environment())
    cluster.connect("camera_1", "switch", SLOW, back=False)
    cluster.connect("camera_2", "switch", SLOW, back=False)
    assert [link.name for link in cluster.route("camera_1", "camera_2").links] == ["camera_1->switch"]
    assert cluster.route("camera_1", "switch").links == cluster.route("camera_1", "camera_2").links  # one queue
    assert cluster.route("switch", "camera_1").links == ()


def test_the_way_with_the_fewest_hops_is_taken_and_kept() -> None:
    cluster = Cluster(Environment())
    for a, b in (("a", "b"), ("b", "c"), ("c", "d"), ("a", "x"), ("x", "d")):
        cluster.connect(a, b, SLOW)
    route = cluster.route("a", "d")
    assert [link.name for link in route.links] == ["a->x", "x->d"]
    assert cluster.route("a", "d") is route
    cluster.connect("a", "d", SLOW)
    assert [link.name for link in cluster.route("a", "d").links] == ["a->d"]


def test_own_values_go_before_the_profiles() -> None:
    cluster = Cluster(Environment())
    cluster.connect("a", "b", SLOW, rate_bps=16.0, call_s=0.0)
    (link,) = cluster.route("a", "b").links
    assert (link.rate_bps, link.call_s) == (16.0, 0.0)
    (back,) = cluster.route("b", "a").links
    assert (back.rate_bps, back.call_s) == (16.0, 0.0)


@pytest.mark.parametrize(("source", "target"), [("a", "c"), ("a", "nowhere"), ("nowhere", "a")])
def test_no_way(source: str, target: str) -> None:
    cluster = Cluster(Environment())
    cluster.connect("a", "b", SLOW)
    cluster.connect("c", "d", SLOW)
    with pytest.raises(ValueError, match=f"no link leads from '{source}' to '{target}'"):
        cluster.route(source, target)
