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
