"""docs/topologies.md: its files run, its table and its refusal are what the command says."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import networkx as nx
import pytest

import simedge

PAGE = Path(simedge.__file__).parents[1] / "docs" / "topologies.md"
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """The files of the page."""
    text = PAGE.read_text(encoding="utf-8")
    blocks = re.findall(r"```(?:yaml|xml)\n(?:# |<!-- )(mine/\S+)(?: -->)?\n(.*?)```", text, re.DOTALL)
    assert [name for name, _ in blocks] == ["mine/scenarios/shop.yaml", "mine/topologies/floors.graphml"]
    for name, content in blocks:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return tmp_path / "mine"


def test_the_mixture_is_laid_out_as_the_page_prints_it(mine: Path, command: Command, golden) -> None:
    code, out, err = command("topology", "scenario=shop", "--config-dir", str(mine))
    assert (code, err) == (0, "")
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split("```text\n")
    _, after = rest.split("```", 1)
    written = f"{before}```text\n{out}```{after}"
    if golden.update:
        PAGE.write_text(written, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == written, "docs/topologies.md is stale: run `make golden`"


def test_the_units_of_the_mixture(mine: Path) -> None:
    """10 Mbps by the profile, 20 and 2 Mbps by name; a call of 1.5 ms unless a camera has its own."""
    layout = simedge.load("shop", config_dir=mine).layout().plain()
    links = {link["a"]: link for link in layout["links"]}
    rates = [links[f"camera_{k}"]["rate_bps"] for k in range(1, 7)]
    assert rates == [20e6, None, 10e6, 10e6, 10e6, 2e6]  # the medium alone limits camera_2
    assert [links[f"camera_{k}"]["call_s"] for k in (1, 6)] == [1.5e-3, 4e-3]
    assert [medium["name"] for medium in layout["media"]] == ["wifi at switch_1"]


def test_the_mixture_and_the_file_run(mine: Path, command: Command) -> None:
    said = ["horizon_s=3", "--config-dir", str(mine), "--quiet"]
    assert command("run", "scenario=shop", *said) == (0, "", "")
    assert command("run", "network.topology=floors", *said) == (0, "", "")


def test_the_file_is_what_networkx_reads(mine: Path) -> None:
    graph = nx.read_graphml(mine / "topologies" / "floors.graphml")
    found = simedge.load("campus", "network.topology=floors", config_dir=mine).layout().topology.graph
    assert nx.utils.graphs_equal(nx.Graph(graph.edges()), nx.Graph(found.edges()))


def test_what_a_run_reads_is_named_with_its_digest(mine: Path) -> None:
    inputs = simedge.load("campus", "network.topology=floors", config_dir=mine).inputs()
    assert {"floors.graphml", "wifi.yaml", "fast_ethernet.yaml", "ten_gigabit.yaml", "wifi_300s.csv"} <= set(inputs)


def test_the_refusal_of_the_page(mine: Path, command: Command, monkeypatch) -> None:
    monkeypatch.chdir(mine / "topologies")
    path = Path("floors.graphml")
    text = path.read_text(encoding="utf-8")
    text = text.replace('<edge source="cellar" target="hall"><data key="rate">8 Mbps</data></edge>', "")
    path.write_text(text.replace('"camera_6" target="cellar"', '"camera_6" target="hall"'), encoding="utf-8")
    code, out, err = command("run", "network.topology=floors.graphml", "horizon_s=1")
    assert (code, out) == (2, "")
    assert err in PAGE.read_text(encoding="utf-8")
