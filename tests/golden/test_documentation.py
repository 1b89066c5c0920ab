"""The table of keys in docs/configuration.md says what the classes say; its example of a folder runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import simedge
from simedge import cli
from simedge.experiment import catalog
from simedge.experiment.build import keys_of
from simedge.experiment.keys import document, sections

PAGE = Path(simedge.__file__).parents[1] / "docs" / "configuration.md"
BEGIN, END = "<!-- keys: begin -->\n", "<!-- keys: end -->"


def test_the_table_of_keys_is_what_the_classes_say(golden) -> None:
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    written = f"{before}{BEGIN}\n{document('video')}\n{END}{after}"
    if golden.update:
        PAGE.write_text(written, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == written, "docs/configuration.md is stale: run `make golden`"


def test_every_key_is_described_once() -> None:
    found = [key for _, _, keys in sections("video") for key in keys]
    named = {key.name for key in found}
    for key in found:
        assert key.about, f"{key.name} is not described in its class's docstring"
    built = set(keys_of(catalog.load("system", "video").configuration))
    nodes = {key for key in built if any(other.startswith(f"{key}.") for other in built)}
    titles = [title for title, _, _ in sections("video")]
    assert built - nodes - set(titles) <= named
    assert {"policy.partition_point", "faults.script[…].at_s", "network.cameras.<name>.schedule.csv"} <= named
    assert {f"policy={name}" for name in catalog.names("policy", "video")} <= set(titles)
    assert len(titles) == len(set(titles))


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """The files of the page's example."""
    blocks = re.findall(r"```(?:yaml|csv)\n# (mine/\S+?):?(?: [^\n]*)?\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert len(blocks) == 5
    for name, content in blocks:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return tmp_path / "mine"


def test_the_example_of_a_folder_runs(mine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["list", "scenarios", "--config-dir", str(mine)]) == 0
    assert re.search(r"^plaza +A plaza: campus with a slower network", capsys.readouterr().out, re.MULTILINE)
    resolved = simedge.load("plaza", "policy=half", config_dir=mine).resolved()
    assert resolved["network"]["uplink_bps"] == 5e6
    assert resolved["policy"] == {"name": "videoedge_l", "partition_point": 0.5}
    assert cli.main(["run", "scenario=plaza", "policy=half,camera_only", "--config-dir", str(mine)]) == 0
    out = capsys.readouterr().out
    assert out.startswith("plaza, recorded workload, 1 s simulated, seed 0\n")
    assert "4 of 6 cameras see no ROI" in out


def test_the_example_in_python_holds() -> None:
    page = PAGE.read_text(encoding="utf-8")
    code = page.split("```python\n")[1].split("```")[0].replace("scenario.run(seed=1)\n", "")
    said: dict = {"simedge": simedge}
    exec(code, said)
    assert said["scenario"].resolved()["policy"] == {"name": "centralized"}
    assert said["scenario"].resolved()["network"]["uplink_bps"] == 5e7


def test_the_example_of_a_network_runs(tmp_path: Path) -> None:
    """docs/world.md: half a crowded cell's trace for every camera, twenty seconds apart, but for two of them."""
    page = PAGE.with_name("world.md").read_text(encoding="utf-8")
    name, content = re.search(r"```yaml\n# mine/(\S+)\n(.*?)```", page, re.DOTALL).groups()
    path = tmp_path / name
    path.parent.mkdir(parents=True)
    path.write_text(content, encoding="utf-8")
    run = simedge.run("rainy", "horizon_s=5", "policy=centralized", config_dir=tmp_path)
    assert run.config["network"]["cameras"]["camera_2"]["uplink_bps"] == 4e6
    assert run.config["network"]["schedule"]["lowest_bps"] == 5e5
    assert run.metrics["completed_units"] > 0


def test_the_example_of_faults_holds(tmp_path: Path) -> None:
    """docs/world.md: what it shows can be typed into a file."""
    page = PAGE.with_name("world.md").read_text(encoding="utf-8")
    content = re.search(r"```yaml\n(faults:\n.*?)```", page, re.DOTALL)[1]
    (tmp_path / "outages.csv").write_text("time_s,kind,entity\n1,crash,camera_2\n")
    (tmp_path / "bad.yaml").write_text(f"defaults: [campus, _self_]\nname: bad\nhorizon_s: 2\n{content}")
    run = simedge.run(tmp_path / "bad.yaml", "policy=centralized")
    assert run.facts["faults"]["down_s"]["crash"] == {"camera_2": 1.0}
