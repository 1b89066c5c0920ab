"""The verb ``plot``: figures of saved runs, the same bytes each time; what cannot be drawn is one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from simedge import cli
from simedge.experiment.figures import FIGURES
from simedge.experiment.grid import plan
from simedge.experiment.overrides import parse
from simedge.experiment.sweep import sweep_runs


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("runs")
    for name, words in {
        "grid": ("policy.beta=0.1,1", "policy.gamma_s=0.1,1", "seed=0,1"),
        "lines": ("policy=camera_only,distream", "network.uplink_bps=5Mbps,50Mbps", "seed=0,1"),
        "scaling": ("policy=camera_only,distream", "cluster.groups=1,2", "cluster.total_gpus=1", "seed=0,1"),
    }.items():
        sweep_runs(plan([parse(word) for word in (*words, "horizon_s=2")]), place / name)
    return place


DRAWN = {
    "beta-gamma": ("grid",),
    "heatmap": ("grid", "--x", "policy.gamma_s", "--y", "policy.beta", "--metric", "throughput_ips_mean"),
    "bandwidth": ("lines", "--metric", "latency_s_p99"),
    "line": ("lines", "--x", "network.uplink_bps", "--by", "policy"),
    "scaling": ("scaling", "--metric", "slo_miss_ratio"),
    "latency-cdf": ("lines", "network.uplink_bps=5Mbps"),
    "throughput": ("lines", "network.uplink_bps=50Mbps", "policy=distream"),
}


@pytest.mark.parametrize("suffix", ["png", "pdf", "svg"])
@pytest.mark.parametrize("name", DRAWN)
def test_every_figure_in_every_format_is_the_same_bytes_again(name, suffix, folder, tmp_path, capsys):
    runs, *more = DRAWN[name]
    made = []
    for at in range(2):
        path = tmp_path / f"{at}.{suffix}"
        assert cli.main(["plot", str(folder / runs), name, *more, "-o", str(path)]) == 0
        assert capsys.readouterr().out == f"{path}\n"
        made.append(path.read_bytes())
    assert made[0] == made[1] and len(made[0]) > 3000


def test_every_figure_is_tried():
    assert set(DRAWN) == set(FIGURES)


BAD = {
    "no figure": (("{runs}/grid",), "no figure is named"),
    "misspelled figure": (("{runs}/grid", "beta-gama"), "did you mean 'beta-gamma'"),
    "no runs": (("beta-gamma",), "no runs are named"),
    "nowhere": (("{runs}/nowhere", "beta-gamma"), "nowhere"),
    "metric": (("{runs}/grid", "beta-gamma", "--metric", "latncy_s_mean"), "did you mean"),
    "key": (("{runs}/lines", "line", "--x", "network.uplnk_bps"), "did you mean"),
    "no key": (("{runs}/grid", "heatmap"), "--x"),
    "not taken": (("{runs}/grid", "beta-gamma", "--by", "policy"), "--by"),
    "mixture": (("{runs}/lines", "throughput"), "network.uplink_bps: the runs differ in this too"),
    "choice": (("{runs}/lines", "bandwidth", "policy=centralized"), "no run has the value"),
    "level": (("{runs}/lines", "bandwidth", "--level", "95"), "level"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_drawn_is_one_line_and_leaves_nothing(name, folder, tmp_path, capsys):
    words, says = BAD[name]
    typed = [word.replace("{runs}", str(folder)) for word in words]
    assert cli.main(["plot", *typed, "-o", str(tmp_path / "x.png")]) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1 and says in said.err, said.err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("place", ["x.gif", "x", "file/below.png"])
def test_a_place_that_cannot_be_is_one_line(place, folder, tmp_path, capsys):
    (tmp_path / "file").touch()
    assert cli.main(["plot", str(folder / "grid"), "beta-gamma", "-o", str(Path(tmp_path) / place)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
