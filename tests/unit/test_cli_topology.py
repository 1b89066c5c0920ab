"""``simedge topology``: what it prints, draws, writes and refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import simedge
from simedge.metrics.plots_topology import topology as draw

Command = Callable[..., tuple[int, str, str]]


def test_the_default_is_the_network_of_the_paper(command: Command) -> None:
    """§1.4: 10 Mbps to a switch, 10 Gbps from there."""
    code, out, err = command("topology")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "campus, switch: 6 cameras, 1 switch, 1 edge"
    assert " ".join(lines[3].split()) == "camera_1 … camera_6 (6) – switch fast_ethernet 10 Mbps 1.74 ms own"
    assert " ".join(lines[4].split()) == "switch – edge ten_gigabit 10 Gbps takes no time own"
    assert lines[6:] == ["way camera_1 … camera_6 (6) – switch – edge: 2 hops"]


def test_all_of_it_as_json(command: Command) -> None:
    code, out, _ = command(
        "topology", "cluster.groups=2", "cluster.edges=2", "network=wifi", "network.medium_bps=30Mbps", "--json"
    )
    assert code == 0
    found = json.loads(out)
    assert [sum(place["kind"] == kind for place in found["places"]) for kind in ("camera", "switch", "edge")] == [
        12, 3, 2,
    ]  # fmt: skip
    assert [medium["rate_bps"] for medium in found["media"]] == [30e6, 30e6]
    assert found["ways"][6] == {"camera": "camera_7", "places": ["camera_7", "switch_2", "edge_2"], "hops": 2}
    assert {link["medium"] for link in found["links"]} == {"wifi at switch_1", "wifi at switch_2", None}


def test_what_is_written_runs_the_same(command: Command, tmp_path: Path) -> None:
    shape = ["network.topology=multi_switch", "network.switches=3", "network.backbone=fast_ethernet"]
    path, figure = tmp_path / "o" / "x.graphml", tmp_path / "x.png"
    code, out, err = command("topology", *shape, "-o", str(path), "--figure", str(figure))
    assert (code, err) == (0, "")
    assert out.splitlines()[-2:] == [str(path), str(figure)]
    assert figure.read_bytes()[:4] == b"\x89PNG"
    short = ["horizon_s=5", "policy=centralized"]
    first = simedge.run("campus", *shape, *short)
    again = simedge.run("campus", *shape[2:], f"network.topology={path}", *short)
    assert first.fingerprint == again.fingerprint != simedge.run("campus", *short).fingerprint


def test_the_last_link_is_what_all_share() -> None:
    """More than 8 Mbit/s arrive; from the core on there is room for 5, all of which is used after the first moments."""
    steps = "{steps: [{at_s: 0, rate_bps: 5 Mbps}]}"
    shape = ["network.topology=multi_switch", f"network.backbone_schedule={steps}"]
    run = simedge.run("campus", "horizon_s=10", "policy=centralized", *shape)
    arrived_bytes = float(run.rois["size_bytes"].sum())
    delivered_bytes = float(run.rois["size_bytes"][run.rois["network_s"].notna()].sum())
    most_bytes = 5e6 / 8 * 10
    assert arrived_bytes > 1.6 * most_bytes
    assert 0.95 * most_bytes < delivered_bytes <= most_bytes


def test_a_file_and_a_profile_beside_it(command: Command, tmp_path: Path, monkeypatch) -> None:
    """Names of files in a topology are those of its folder, and a scenario's are those of the scenario's."""
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "slow.csv").write_text("time_s,rate_bps\n0,1e6\n")
    links = [{"source": f"camera_{k}", "target": "edge"} for k in range(1, 7)]
    links[0]["schedule"] = "slow.csv"
    nodes = [{"id": f"camera_{k}"} for k in range(1, 7)] + [{"id": "edge"}]
    (folder / "x.json").write_text(json.dumps({"nodes": nodes, "edges": links}))
    (folder / "mine.yaml").write_text("defaults: [campus, _self_]\nname: mine\nnetwork: {topology: x.json}\n")
    scenario = simedge.load(folder / "mine.yaml", "horizon_s=2")
    assert {"x.json", "slow.csv"} <= set(scenario.inputs())
    assert scenario.run().metrics["completed_units"] > 0
    code, out, _ = command("topology", f"scenario={folder / 'mine.yaml'}")
    assert code == 0
    assert "varies, slow.csv" in out
    code, out, _ = command(
        "topology", f"scenario={folder / 'mine.yaml'}", "network.cameras={camera_1: {uplink_bps: 3 Mbps}}"
    )
    assert code == 0
    assert "3 Mbps" in out and "varies" not in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["network.topology=mesh"], "network.topology: there is no topology 'mesh'; known: multi_switch, star, switch"),
        (["network.topology=swich"], "did you mean 'switch'"),
        (["network.topology=x.graphml"], "x.graphml: no such file"),
        (["network.topology=x.yaml"], "there is no topology 'x.yaml'"),
        (["network.topology=3"], "network.topology: 3 is not text"),
        (["network.topology=multi_switch", "network.switches=7"], "network.switches: 7 switches are more than the 6"),
        (["network.topology=multi_switch", "network.switches=0"], "network.switches: 0 is not a finite number > 0"),
        (["network.topology=two_floors", "cluster.groups=2"], "two_floors.graphml: has no camera 'camera_7', which"),
        (
            ["network.topology=two_floors", "cluster.cameras=[jetson_tx1]"],
            "'camera_2' is no camera or edge of the scen",
        ),
        (["-o", "x.yaml"], "x.yaml: the kind of file is not known; end its name in .graphml or .json"),
        (["--figure", "x.gif"], "x.gif: the kind of file is not known"),
        (["network.medium_bps=1Mbps"], "network.medium_bps: fast_ethernet shares no medium"),
    ],
)
def test_wrong_input_is_one_line(command: Command, tmp_path: Path, monkeypatch, words: list[str], said: str) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = command("topology", *words)
    assert (code, out) == (2, "")
    assert said in err and err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_shapes_and_files_are_listed(command: Command, tmp_path: Path) -> None:
    (tmp_path / "topologies").mkdir()
    (tmp_path / "topologies" / "mine.json").write_text("{}")
    code, out, _ = command("list", "topologies", "--config-dir", str(tmp_path))
    assert code == 0
    names = [line.split()[0] for line in out.splitlines()]
    assert names == ["star", "switch", "multi_switch", "mine", "two_floors"]
    assert "Join each camera straight to its edge" in out


SHAPES = [
    (6, ["network.topology=star"]),
    (6, ["network.topology=two_floors"]),
    (24, ["scenario=campus_24", "network=wifi", "network.topology=multi_switch", "network.switches=4"]),
    (96, ["scenario=campus_96", "cluster.edges=4"]),
]


@pytest.mark.parametrize(("cameras", "words"), SHAPES)
def test_texts_of_the_figure_do_not_touch(cameras: int, words: list[str]) -> None:
    """And every place that is no camera has its name in it, as have all cameras where they are few."""
    layout = simedge.load("campus", *words).layout().plain()
    axes = draw(layout["places"], layout["links"], layout["media"], layout["ways"], "title")
    axes.figure.canvas.draw()
    texts = [text for text in axes.texts if text.get_text()]
    said = [text.get_text() for text in texts]
    named = [place["name"] for place in layout["places"] if cameras < 30 or place["kind"] != "camera"]
    assert set(named) <= set(said)
    boxes = [text.get_window_extent() for text in texts]
    touching = [(said[i], said[j]) for i in range(len(boxes)) for j in range(i) if boxes[i].overlaps(boxes[j])]
    assert not touching
    inside = axes.figure.bbox
    assert all(inside.x0 <= box.x0 and box.x1 <= inside.x1 and inside.y0 <= box.y0 for box in boxes)
