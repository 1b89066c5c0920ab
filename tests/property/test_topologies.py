"""Random networks: ways are shortest, nothing is lost in them, and what takes no time changes nothing."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simedge.hardware.cluster import Cluster
from simedge.hardware.profile import LinkProfile
from simedge.hardware.topology import LinkSpec, Topology
from simedge.hardware.topology_files import read, write
from simedge.kernel import Environment
from simedge.policies.video.baselines import Centralized
from simedge.systems.bandwidth import Bandwidth, Step
from simedge.systems.video.scenario import Uplink
from tests.property.watching import migrating, places, run_stepwise

_count = itertools.count()


@st.composite
def networks(draw: st.DrawFn, cameras: int | None = None, tree: bool = False) -> Topology:
    """A random tree of switches, some more links between them, an edge at one, cameras at any."""
    size = draw(st.integers(1, 7))
    switches = [f"s{k}" for k in draw(st.permutations(range(size)))]
    links = [LinkSpec(switches[draw(st.integers(0, k - 1))], switches[k]) for k in range(1, size)]
    if not tree:
        spare = [LinkSpec(a, b) for a, b in itertools.combinations(switches, 2)]
        known = {frozenset((link.a, link.b)) for link in links}
        links += [link for link in draw(st.lists(st.sampled_from(spare or links or [None]), unique=True, max_size=6))
                  if link is not None and frozenset((link.a, link.b)) not in known]  # fmt: skip
    names = [f"camera_{k}" for k in range(1, 1 + (draw(st.integers(1, 5)) if cameras is None else cameras))]
    links += [LinkSpec(name, draw(st.sampled_from(switches))) for name in names]
    links.append(LinkSpec(draw(st.sampled_from(switches)), "edge"))
    rates, calls = st.sampled_from([None, 1e5, 1e6, 1e9]), st.sampled_from([None, 0.0, 1e-3])
    links = [LinkSpec(link.a, link.b, None, draw(rates), draw(calls)) for link in links]
    return Topology(tuple(names), tuple(switches), ("edge",), tuple(draw(st.permutations(links))))


@given(networks())
@settings(max_examples=200)
def test_ways_are_those_of_networkx_first_by_name(made: Topology) -> None:
    graph = nx.Graph([(link.a, link.b) for link in made.links])
    for source, target in itertools.product(made.kinds, repeat=2):
        assert made.way(source, target) == min(map(tuple, nx.all_shortest_paths(graph, source, target)))


@given(networks())
def test_the_routes_of_a_cluster_are_these_ways(made: Topology) -> None:
    env = Environment()
    cluster = Cluster(env)
    for link in made.links:
        cluster.connect(link.a, link.b, LinkProfile("wire", 1e6, 1e-3, 20, contended=True))
    for source, target in itertools.permutations(made.kinds, 2):
        way = made.way(source, target)
        assert way is not None
        route = cluster.route(source, target)
        assert [link.name for link in route.links] == [f"{a}->{b}" for a, b in itertools.pairwise(way)]
        assert cluster.route(source, target) is route


@given(networks())
@settings(max_examples=50)
def test_files_give_back_any_network(tmp_path_factory: pytest.TempPathFactory, made: Topology) -> None:
    folder = tmp_path_factory.mktemp("any")
    for suffix in (".graphml", ".json"):
        write(made, folder / f"x{suffix}")
        assert read(folder / f"x{suffix}") == made


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("topologies")


def filed(folder: Path, made: Topology) -> dict[str, Any]:
    path = folder / f"{next(_count)}.json"
    write(made, path)
    return {"topology": str(path)}


@given(st.data())
@settings(max_examples=60)
def test_arrivals_are_done_or_in_the_system(small_scenario, cases, folder: Path, data: st.DataObject) -> None:
    """Backbones contend, migrations cross several switches; every row is somewhere, at every moment, and only once."""
    rows, case = data.draw(cases)
    network = filed(folder, data.draw(networks(len(case["cameras"]))))
    network["backbone"] = data.draw(st.sampled_from(["fast_ethernet", "ten_gigabit", "wifi"]))
    case["network"] = case["network"] | network
    system = small_scenario.build(rows, **case)
    times = np.sort([row[0] for row in rows])

    def look(begin: float, end: float) -> None:
        seen = sum(map(len, places(system))) + sum(len(done) for _, done in system.flow.done.entries)
        assert int(np.searchsorted(times, begin, "right")) == seen + migrating(system)

    run_stepwise(system, look)
    run = small_scenario.finish(system)
    done = int((~np.isnan(run.rois["done_s"])).sum())
    held = sum(map(len, places(system)))
    assert int((times < case["horizon_s"]).sum()) == done + held + migrating(system)


@given(st.data())
@settings(max_examples=40)
def test_a_backbone_that_takes_no_time_changes_nothing(small_scenario, cases, folder, data: st.DataObject) -> None:
    """Star, switch, several switches and any tree: with messages that pass the backbone freely all are one."""
    rows, case = data.draw(cases)
    made = data.draw(networks(len(case["cameras"]), tree=True))
    bare = tuple(LinkSpec(link.a, link.b) for link in made.links)
    shapes = [
        {"topology": "switch"},
        {"topology": "star"},
        {"topology": "multi_switch", "switches": data.draw(st.integers(1, len(case["cameras"])))},
        filed(folder, Topology(made.cameras, made.switches, made.edges, bare)),
    ]
    runs = [small_scenario(rows, **case | {"network": case["network"] | shape}) for shape in shapes]
    assert len({run.fingerprint for run in runs}) == 1
    assert all(run.facts["bytes"] == runs[0].facts["bytes"] for run in runs)


def test_two_access_switches_share_the_way_from_the_core(small_scenario) -> None:
    """One ROI of 1000 B from each of two cameras at once, over three links of 8 kbit/s each without a cost of calls.

    A second on every link: both are at the core at 2 s; one is at the edge at 3 s, the other waits for it until 4 s.
    """
    rows = [(0.0, camera, "person", 1000.0) for camera in (0, 1)]
    run = small_scenario(
        rows,
        cameras=("jetson_tx1",) * 2,
        policy=Centralized(),
        horizon_s=6.0,
        network={
            "topology": "multi_switch",
            "uplink_bps": 8e3,
            "call_s": 0.0,
            "backbone_schedule": Bandwidth(steps=(Step(0.0, 8e3),)),
        },
    )
    assert [len(camera.uplink.links) for camera in run.system.flow.cameras] == [3, 3]
    assert sorted(run.rois["network_s"].tolist()) == pytest.approx([3.0, 4.0], abs=1e-9)
    assert run.facts["bytes"] == {"camera_1": 1000.0, "camera_2": 1000.0}


def test_a_rate_in_a_file_takes_time_whatever_the_profile_says(small_scenario, folder: Path) -> None:
    """8 kbit/s on a backbone whose profile takes no time: 1000 B need a second there, after a second on the uplink."""
    path = folder / "slow.json"
    links = [
        {"source": "camera_1", "target": "s", "rate": "8 kbps", "call": "0.5 s"},
        {"source": "s", "target": "edge", "rate": "8 kbps"},
    ]
    path.write_text(json.dumps({"nodes": [{"id": name} for name in ("camera_1", "s", "edge")], "links": links}))
    rows = [(0.0, 0, "person", 1000.0)]
    case = {"policy": Centralized(), "horizon_s": 6.0}
    run = small_scenario(rows, **case, network={"topology": str(path)})
    assert run.rois["network_s"].tolist() == pytest.approx([0.5 + 1.0 + 1.0], abs=1e-9)
    own = {"camera_1": Uplink(uplink_bps=8e4)}
    run = small_scenario(rows, **case, network={"topology": str(path), "cameras": own, "uplink_bps": 1.0})
    assert run.rois["network_s"].tolist() == pytest.approx([0.5 + 0.1 + 1.0], abs=1e-9)  # cameras, file, network
