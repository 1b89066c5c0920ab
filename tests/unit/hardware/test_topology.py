"""Places and links: shapes counted by hand, what is refused, files in and out."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simedge.errors import ConfigError, OutputError
from simedge.hardware.topology import LinkSpec, Topology, multi_switch, star, switch
from simedge.hardware.topology_files import read, write

ONE = {f"camera_{k}": "edge" for k in range(1, 13)}
TWO = {f"camera_{k}": f"edge_{1 + (k > 6)}" for k in range(1, 13)}
ODD = Topology(
    ("camera 1", "camera 2"),
    ("é <&> \"'",),
    ("edge",),
    (
        LinkSpec("camera 1", "é <&> \"'", "wifi", 1e7 / 3, 1e-4 / 3),
        LinkSpec("é <&> \"'", "camera 2", schedule="a b.csv"),
        LinkSpec("edge", "é <&> \"'", rate_bps=1e9, call_s=0.0),
    ),
)


def pairs(topology: Topology) -> set[tuple[str, str]]:
    return {(link.a, link.b) for link in topology.links}


def test_a_star_has_nothing_between() -> None:
    made = star(TWO)
    assert pairs(made) == set(TWO.items())
    assert made.switches == ()
    assert made.way("camera_1", "camera_6") == ("camera_1", "edge_1", "camera_6")
    assert made.way("camera_1", "edge_2") is None


def test_a_switch_is_between_cameras_and_edge() -> None:
    made = switch(ONE)
    assert pairs(made) == {(camera, "switch") for camera in ONE} | {("switch", "edge")}
    assert [link.a for link in made.links] == [*ONE, "switch"]  # camera_2 before camera_10


def test_each_edge_has_a_switch_of_its_own() -> None:
    made = switch(TWO)
    assert made.switches == ("core", "switch_1", "switch_2")
    assert len(made.links) == 12 + 2 + 2
    assert made.way("camera_7", "edge_2") == ("camera_7", "switch_2", "edge_2")
    assert made.way("camera_7", "edge_1") == ("camera_7", "switch_2", "core", "switch_1", "edge_1")


def test_cameras_are_dealt_to_access_switches_in_order() -> None:
    made = multi_switch(TWO, 5)  # 12 cameras on 5 switches: 3, 2, 3, 2, 2
    assert len(made.links) == 12 + 5 + 2
    sizes = [sum(link.b == f"switch_{k}" for link in made.links) for k in range(1, 6)]
    assert sizes == [3, 2, 3, 2, 2]
    assert made.way("camera_12", "edge_2") == ("camera_12", "switch_5", "core", "edge_2")
    assert made.way("camera_1", "camera_3") == ("camera_1", "switch_1", "camera_3")


def test_links_are_turned_to_the_edge_and_sorted() -> None:
    """What the order of a file was does not matter."""
    links = (LinkSpec("edge", "core"), LinkSpec("core", "a"), LinkSpec("a", "camera_10"), LinkSpec("camera_2", "a"))
    made = Topology(("camera_10", "camera_2"), ("core", "a"), ("edge",), links)
    assert [(link.a, link.b) for link in made.links] == [
        ("camera_2", "a"), ("camera_10", "a"), ("a", "core"), ("core", "edge"),
    ]  # fmt: skip
    assert made == Topology(("camera_2", "camera_10"), ("a", "core"), ("edge",), links[::-1])


def test_of_two_short_ways_the_first_by_name() -> None:
    ends = [("camera_1", "in"), ("in", "b"), ("in", "a"), ("a", "z"), ("b", "c"), ("z", "edge"), ("c", "edge")]
    made = Topology(("camera_1",), ("in", "a", "b", "c", "z"), ("edge",), tuple(LinkSpec(*pair) for pair in ends))
    assert made.way("camera_1", "edge") == ("camera_1", "in", "a", "z", "edge")
    assert made.way("edge", "camera_1") == ("edge", "c", "b", "in", "camera_1")
    assert made.way("edge", "edge") == ("edge",)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Topology((), (), ("edge",), ()), "has no camera; add a place of kind camera"),
        (lambda: Topology(("c",), (), (), ()), "has no edge"),
        (lambda: Topology(("c", "c"), (), ("edge",), ()), "two places are called 'c'; rename one"),
        (lambda: Topology(("c",), ("edge",), ("edge",), ()), "two places are called 'edge'"),
        (lambda: Topology(("c",), (" ",), ("edge",), ()), "' ' is no name"),
        (lambda: Topology(("c",), ("a\nb",), ("edge",), ()), "is no name"),
        (lambda: Topology(("c",), ("x" * 61,), ("edge",), ()), "is no name"),
        (lambda: Topology(("c",), (), ("edge",), (LinkSpec("c", "egde"),)), "leads to 'egde'.*did you mean 'edge'"),
        (
            lambda: Topology(("c",), (), ("edge",), (LinkSpec("c", "edge"), LinkSpec("edge", "c"))),
            "'edge' and 'c' are joined twice; keep one of the links",
        ),
        (
            lambda: Topology(("c",), ("s",), ("edge",), (LinkSpec("c", "edge"), LinkSpec("c", "s"))),
            "'c' has 2 links; a camera sends over one; put a switch between",
        ),
        (lambda: multi_switch({"c": "edge"}, 2), "network.switches: 2 switches are more than the 1 cameras"),
    ],
)
def test_what_is_no_topology(make: Callable[[], Topology], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        make()


@pytest.mark.parametrize(
    ("links", "edge_of", "said"),
    [
        ([("c", "s"), ("d", "t"), ("t", "edge")], {"c": "edge", "d": "edge"}, "'c' cannot reach 'edge'; join c, s to"),
        ([("d", "edge")], {"c": "edge", "d": "edge"}, "'c' cannot reach 'edge'; give it a link"),
        ([("c", "edge"), ("d", "edge")], {"c": "edge"}, "the cluster has no camera 'd'; the cluster has c"),
        ([("c", "edge"), ("d", "edge")], {"c": "edge", "d": "edge", "e": "edge"}, "has no camera 'e'.*there are c, d"),
        ([("c", "edge"), ("d", "edge")], {"c": "edge_1", "d": "edge_2"}, "no edge 'edge'; did you mean 'edge_"),
    ],
)
def test_what_a_cluster_cannot_use(links, edge_of, said: str) -> None:
    made = Topology(("c", "d"), ("s", "t"), ("edge",), tuple(LinkSpec(*pair) for pair in links))
    with pytest.raises(ConfigError, match=said):
        made.check(edge_of)


def test_a_camera_must_reach_its_own_edge() -> None:
    made = Topology(("c", "d"), (), ("edge_1", "edge_2"), (LinkSpec("c", "edge_1"), LinkSpec("d", "edge_2")))
    made.check({"c": "edge_1", "d": "edge_2"})
    with pytest.raises(ConfigError, match="'c' cannot reach 'edge_2'; join c, edge_1 to the rest"):
        made.check({"c": "edge_2", "d": "edge_1"})


@pytest.mark.parametrize("suffix", [".graphml", ".json"])
@pytest.mark.parametrize(
    "made", [star(ONE), switch(TWO), multi_switch(ONE, 3), ODD], ids=["star", "two", "multi", "odd"]
)
def test_files_give_back_what_was_written(made: Topology, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"x{suffix}"
    write(made, path)
    first = path.read_bytes()
    assert read(path) == made
    write(Topology(made.cameras[::-1], made.switches[::-1], made.edges[::-1], made.links[::-1]), path)
    assert path.read_bytes() == first
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_networkx_reads_what_was_written(tmp_path: Path) -> None:
    write(ODD, tmp_path / "x.graphml")
    write(ODD, tmp_path / "x.json")
    by_node_link = nx.node_link_graph(json.loads((tmp_path / "x.json").read_text("utf-8")), edges="links")
    by_graphml = nx.read_graphml(tmp_path / "x.graphml")
    assert (by_graphml.adj, by_graphml.nodes) == (by_node_link.adj, by_node_link.nodes)
    assert by_node_link.edges["camera 1", "é <&> \"'"]["rate"] == "3333333.3333333335 bps"
    assert by_node_link.edges["edge", "é <&> \"'"]["rate"] == "1 Gbps"


def test_what_networkx_writes_is_read(tmp_path: Path) -> None:
    """Numbers as numbers, names without kinds, things that are nobody's business."""
    graph = nx.Graph()
    graph.add_node("camera_1", x=3.5, label="door")
    graph.add_edge("camera_1", "hall", rate=5e6, call=0.002)
    graph.add_edge("hall", "edge")
    nx.write_graphml(graph, tmp_path / "x.graphml")
    (tmp_path / "x.json").write_text(json.dumps(nx.node_link_data(graph, edges="links")))
    wanted = Topology(
        ("camera_1",), ("hall",), ("edge",), (LinkSpec("camera_1", "hall", None, 5e6, 0.002), LinkSpec("hall", "edge"))
    )
    for suffix in (".graphml", ".json"):
        assert read(tmp_path / f"x{suffix}", ["camera_1"], ["edge"]) == wanted


def test_defaults_of_graphml_keys_count(tmp_path: Path) -> None:
    path = tmp_path / "x.graphml"
    path.write_text(
        '<graphml><key id="r" for="edge" attr.name="rate"><default>4 Mbps</default></key>'
        '<graph edgedefault="undirected"><node id="c"/><node id="e"/><edge source="c" target="e"/></graph></graphml>'
    )
    assert read(path, ["c"], ["e"]).links == (LinkSpec("c", "e", rate_bps=4e6),)


@given(st.data())
@settings(max_examples=300)
def test_a_damaged_file_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Characters cut, doubled and put in at random: a topology or our own error, never another."""
    suffix = data.draw(st.sampled_from([".graphml", ".json"]))
    path = tmp_path_factory.getbasetemp() / f"damaged{suffix}"
    write(ODD, path)
    text = path.read_text("utf-8")
    for _ in range(data.draw(st.integers(1, 4))):
        begin = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(begin, min(len(text), begin + 40)))
        put = data.draw(
            st.one_of(st.just(text[begin:end] * 2), st.text(max_size=4), st.sampled_from(['"', "{}", "<a/>"]))
        )
        text = text[:begin] + put + text[end:]
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    try:
        made = read(path, ["camera 1"], ["edge"])
    except ConfigError as problem:
        assert str(problem).startswith(str(path))
    else:
        assert set(made.kinds.values()) >= {"camera", "edge"}


def test_a_place_that_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        write(ODD, tmp_path / "file" / "x.json")
    with pytest.raises(OutputError, match=r"not a format of topologies; end the name in \.graphml or \.json"):
        write(ODD, tmp_path / "x.txt")


HEAD = '<graphml xmlns="http://graphml.graphdrawing.org/xmlns"><key id="r" for="edge" attr.name="rate"/>'
NODES = '<node id="camera_1"/><node id="edge"/>'


def graphml(body: str, kind: str = "undirected") -> str:
    return f'{HEAD}<graph edgedefault="{kind}">{NODES}{body}</graph></graphml>'


def edge(data: str = "", a: str = "camera_1", b: str = "edge", more: str = "") -> str:
    return f'<edge source="{a}" target="{b}"{more}>{data}</edge>'


BOMB = '<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>' + graphml(edge('<data key="r">&b;</data>'))
BAD_GRAPHML = {
    "empty": ("", "is no XML: no element found"),
    "cut": (graphml(edge())[:-20], "is no XML"),
    "json": ("{}", "is no XML"),
    "html": ("<html><body/></html>", "holds no graph; give one <graph>"),
    "bomb": (BOMB, "document types and entities are not allowed; delete <!DOCTYPE"),
    "external": ('<!doctype g SYSTEM "file:///etc/passwd"><g/>', "document types and entities are not allowed"),
    "latin": (graphml(edge()).replace("camera_1", "caméra").encode("latin-1"), "is not UTF-8 text; save it as UTF-8"),
    "utf-16": (BOMB.encode("utf-16"), "is not UTF-8 text"),
    "binary": (bytes(range(256)), "is not UTF-8 text"),
    "directed": (graphml(edge(), "directed"), 'directed graph.*write edgedefault="undirected"'),
    "directed edge": (graphml(edge(more=' directed="true"')), 'directed graph.*write directed="false"'),
    "no links": (graphml(""), "'camera_1' cannot reach 'edge'; give it a link"),
    "nested": (graphml('<node id="x"><graph edgedefault="undirected"/></node>'), "several graphs, or one in another"),
    "hyperedge": (graphml("<hyperedge/>"), "has a hyperedge; join its places to a switch"),
    "nameless": (graphml("<node/>"), "a node has no id; give the name of a place"),
    "one end": (graphml('<edge source="edge"/>'), "an edge has no target"),
    "nowhere": (graphml(edge(b="egde")), "leads to 'egde', which is no place; did you mean 'edge'"),
    "twice": (graphml(edge() + edge(a="edge", b="camera_1")), "are joined twice"),
    "node twice": (graphml('<node id="edge"/>'), "two places are called 'edge'"),
    "loop": (graphml(edge(b="camera_1")), "'camera_1' is joined to itself; remove the link"),
    "nan": (graphml(edge('<data key="r">nan</data>')), "rate: 'nan' is not a quantity in bps; write a number and"),
    "infinite": (graphml(edge('<data key="r">inf</data>')), "rate: inf bps is not a finite number > 0"),
    "negative": (graphml(edge('<data key="r">-3 Mbps</data>')), "rate: -3000000.0 bps is not a finite number > 0"),
    "no unit of it": (graphml(edge('<data key="r">3 ms</data>')), "rate: '3 ms' is not a quantity in bps"),
    "no text": (graphml(edge('<data key="r"/>')), "rate: '' is not a quantity"),
    "no key": (graphml(edge('<data key="q">1</data>')), "<data> of an edge names no key, 'q'"),
    "data twice": (graphml(edge('<data key="r">1</data>' * 2)), "gives key 'r' twice"),
    "weight": (graphml(edge('<data key="r">1</data>')).replace('"rate"', '"weight"'), "'weight' says nothing about"),
    "ratee": (graphml(edge('<data key="r">1</data>')).replace('"rate"', '"ratee"'), "did you mean 'rate'"),
    "keys": (graphml(edge()).replace("<graph ", "".join(f'<key id="k{k}"/>' for k in range(101)) + "<graph "), "keys"),
    "huge": (b" " * (16 * 2**20 + 1), "at most 16 MiB"),
}


def node_link(links: str, nodes: str = '[{"id": "camera_1"}, {"id": "edge"}]', more: str = "") -> str:
    return f'{{"nodes": {nodes}, "links": [{links}]{more}}}'


LINK = '{"source": "camera_1", "target": "edge"}'


def link(more: str) -> str:
    return node_link(LINK.replace("}", f", {more}}}"))


BAD_JSON = {
    "empty": ("", "line 1 is no JSON: Expecting value"),
    "cut": (node_link(LINK)[:-3], "line 1 is no JSON"),
    "a list": ("[]", r"is no node-link graph; write \{nodes: \[…\], links: \[…\]\}"),
    "no nodes": ('{"links": []}', "has no list of nodes"),
    "no links": ('{"nodes": []}', "has no links; name the list links"),
    "both": (node_link(LINK, more=', "edges": []'), "has both links and edges"),
    "deep": ("[" * 100_000 + "]" * 100_000, "is nested too deep"),
    "bytes": (b"\xff\xfe{}", "is not UTF-8 text"),
    "directed": (node_link(LINK, more=', "directed": true'), "is a directed graph.*set directed to false"),
    "directed, perhaps": (node_link(LINK, more=', "directed": "no"'), "is a directed graph"),
    "multigraph": (node_link(LINK, more=', "multigraph": true'), "several links between two places"),
    "key twice": (link('"rate": 1, "rate": 2'), "key 'rate' stands twice; keep one"),
    "nan": (link('"rate": NaN'), "NaN is no JSON; write a number"),
    "infinite": (link('"rate": 1e999'), "rate: 'Infinity' is no quantity"),
    "digits": (link(f'"rate": {"9" * 5000}'), "holds an impossible number"),
    "large": (link(f'"rate": {"9" * 400}'), "rate: .* is no quantity"),
    "truth": (link('"rate": true'), "rate: 'true' is no quantity; write 10 Mbps"),
    "a table": (link('"call": {}'), "call: '{}' is no quantity"),
    "zero": (link('"rate": 0'), "rate: 0.0 bps is not a finite number > 0"),
    "negative call": (link('"call": "-1 ms"'), "call: -0.001 s is not a finite number >= 0"),
    "profile": (link('"profile": 3'), "profile '3' is no name"),
    "both rates": (link('"rate": 1, "schedule": "x.csv"'), "rate: stands beside a schedule; keep one"),
    "unknown": (link('"delay": "1 ms"'), "'delay' says nothing about a link; known: call, profile, rate, schedule"),
    "a number for a node": (node_link(LINK, nodes="[3]"), r"nodes\[0\]: '3' is no table"),
    "no id": (node_link(LINK, nodes='[{"name": "edge"}]'), "a place has 'null' for its id"),
    "odd id": (node_link(LINK, nodes='[{"id": 1.5}]'), "a place has '1.5' for its id"),
    "half a pair": (node_link(LINK, nodes=r'[{"id": "\ud800", "kind": "switch"}]'), "is no name"),
    "neither": (node_link(LINK, nodes='[{"id": "camera_l"}]'), "'camera_l' is no camera or edge of .* give its kind"),
    "no target": (node_link('{"source": "edge"}'), "a link has 'null' for its target"),
    "kind": (node_link(LINK, nodes='[{"id": "edge", "kind": "egde"}]'), "place 'edge': kind 'egde' is no choice"),
    "loop": (node_link('{"source": "edge", "target": "edge"}'), "'edge' is joined to itself"),
    "twice": (node_link(f"{LINK}, {LINK}"), "are joined twice"),
    "nothing": (node_link(""), "'camera_1' cannot reach 'edge'"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("suffix", "content", "said"),
    [
        pytest.param(suffix, content, said, id=f"{suffix} {name}")
        for suffix, bad in ((".graphml", BAD_GRAPHML), (".json", BAD_JSON))
        for name, (content, said) in bad.items()
    ],
)
def test_a_malformed_file_is_one_line(command, tmp_path: Path, suffix: str, content: str | bytes, said: str) -> None:
    path = tmp_path / f"bad{suffix}"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    code, out, err = command("topology", "cluster.cameras=[jetson_tx1]", f"network.topology={path}")
    assert (code, out) == (2, "")
    assert err.count("\n") == 1 and len(err) < 600
    assert err.startswith(f"simedge: {path}: ")
    assert re.search(said, err), err
