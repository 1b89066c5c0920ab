"""``simedge trace bandwidth`` and ``simedge list bandwidth``."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from simedge.metrics.plots_bandwidth import bandwidth as draw
from simedge.traces import bandwidth

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def packets(tmp_path: Path) -> Path:
    path = tmp_path / "cell.up"
    path.write_text("".join(f"{ms}\n" for ms in [*range(1, 101), 1000]))  # 101 packets a second, all but one early
    return path


def test_the_shipped_file_is_described(command: Command) -> None:
    code, out, err = command("trace", "bandwidth", "wifi_300s")
    assert (code, err) == (0, "")
    assert [line.split()[0] for line in out.splitlines()[1:]] == ["length", "rate", "outage"]
    assert re.search(r"^rate +mean 23.8 Mbps  min 0 bps  max 44.7 Mbps$", out, re.MULTILINE)
    assert re.search(r"^outage +2.3 % of the time$", out, re.MULTILINE)


def test_a_file_is_converted_exported_and_drawn(command: Command, packets: Path, tmp_path: Path) -> None:
    own, script, figure = tmp_path / "o" / "x.csv", tmp_path / "x.sh", tmp_path / "x.svg"
    words = ["trace", "bandwidth", str(packets), "-o", str(own), "--export", str(script), "--figure", str(figure)]
    code, out, err = command(*words)
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == f"{packets}: mahimahi"
    # 100 packets in the first step of 0.1 s, 12 Mbit/s; one in the last; 101 · 12 000 bits in a second.
    assert re.search(r"^rate +mean 1.21 Mbps  min 0 bps  max 12 Mbps$", out, re.MULTILINE)
    assert out.splitlines()[-3:] == [str(own), str(script), str(figure)]
    again, first = bandwidth.read(own), bandwidth.read(packets)
    for ms in (1, 50, 100, 999, 1000, 1001, 5000):
        assert again.total(ms / 1000) == first.total(ms / 1000)
    assert "at 0 rate 12000kbit loss 0%\nat 100000 rate 1kbit loss 100%\nat 900000 rate 120kbit" in script.read_text()
    assert b"<svg" in figure.read_bytes()[:1000]


def test_a_rate_that_is_held(command: Command, tmp_path: Path) -> None:
    path = tmp_path / "two.csv"
    path.write_text("time_s,rate_bps\n0,1e6\n4,0\n")
    _, out, _ = command("trace", "bandwidth", str(path))
    assert out.splitlines()[1] == "length   4 s, then 0 bps for ever, 1 change"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["none"], "there is no 'none' in traces/bandwidth; known: wifi_300s"),
        (["none.csv"], "none.csv: no such file"),
        (["."], "is a folder"),
        (["x" * 5000], "there is no 'x+'"),
        (["{up}", "--kind", "cook"], "there is no --kind 'cook'"),
        (["{up}", "--kind", "csv"], "cell.up:1: '1' is no header; write time_s,rate_bps"),
        (["{up}", "--step", "3 parsecs"], "--step: '3 parsecs' is not a quantity in s"),
        (["{up}", "--step", "0"], "--step: '0' is not in"),
        (["{up}", "-o", "x.parquet"], "x.parquet: the kind of file is not known; end its name in .csv"),
        (["{up}", "--export", "x"], "x: the kind of file is not known; end its name in .sh"),
        (["{up}", "--figure", "x.gif"], "x.gif: the kind of file is not known"),
        (["{odd}"], "odd:1: '1,2' does not tell the kind of file; say it: --kind csv"),
        (["{long}", "--step", "1us"], "long: 1e\\+09 steps of 1e-06 s are more than 1000000; give a longer --step"),
    ],
)
def test_wrong_input_is_one_line(command: Command, packets: Path, tmp_path: Path, monkeypatch, words, said) -> None:
    monkeypatch.chdir(tmp_path)
    Path("odd").write_text("1,2\n3,4\n")
    Path("long").write_text("1\n1000000\n")
    before = sorted(tmp_path.iterdir())
    code, out, err = command("trace", "bandwidth", *(w.format(up=packets, odd="odd", long="long") for w in words))
    assert (code, out) == (2, "")
    assert re.search(said, err) and err.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == before


def test_bandwidth_is_not_among_the_arrivals(command: Command, tmp_path: Path) -> None:
    assert "wifi_300s" not in command("list", "traces")[1]
    _, out, _ = command("list", "bandwidth")
    assert re.search(r"^wifi_300s +Capacity of a crowded Wi-Fi cell", out, re.MULTILINE)
    code, _, err = command("run", "workload.trace=wifi_300s")
    assert code == 2 and "there is no 'wifi_300s' in traces" in err
    mine = tmp_path / "traces" / "bandwidth" / "lab.csv"
    mine.parent.mkdir(parents=True)
    mine.write_text("# Of my own\ntime_s,rate_bps\n0,1\n")
    arrivals = tmp_path / "traces" / "clip.csv"
    arrivals.write_text("arrived_s,camera,path,size_bytes\n0,camera_1,car,1\n")
    own = ("--config-dir", str(tmp_path))
    names = {kind: command("list", kind, *own)[1] for kind in ("traces", "bandwidth")}
    assert re.search(r"^lab +Of my own$", names["bandwidth"], re.MULTILINE) and "clip" not in names["bandwidth"]
    assert re.search(r"^clip ", names["traces"], re.MULTILINE) and "lab" not in names["traces"]
    assert command("trace", "bandwidth", "lab", *own)[1].startswith(f"{mine}: csv\n")


def test_the_figure_has_every_step_and_outage() -> None:
    axes = draw(np.array([0.0, 2.0, 3.0]), np.array([4e6, 0.0, 1e6]), 5.0)
    axes.figure.draw_without_rendering()
    assert axes.lines[0].get_xydata().tolist() == [[0, 4], [2, 0], [3, 1], [5, 1]]
    assert axes.lines[0].get_drawstyle() == "steps-post"
    (shaded,) = axes.collections[0].get_paths()
    assert (shaded.get_extents().x0, shaded.get_extents().x1) == (2.0, 3.0)
