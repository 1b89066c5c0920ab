"""The verb ``plot``: figures of saved runs, and one line for everything that cannot be drawn."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

import simedge
from simedge.experiment.figures import FIGURES, draw, save
from simedge.experiment.gather import gather

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two policies, two rates, two values of β, seeds 0 and 1, of 3 s each; beside them a run on a recorded trace."""
    folder = tmp_path_factory.mktemp("runs")
    short = ("record=summary", "workload=generated", "horizon_s=3")
    for seed in (0, 1):
        for rate in ("5Mbps", "10Mbps"):
            for name, policy in {
                "low": ("policy=distream", "policy.beta=0.5"),
                "high": ("policy=distream", "policy.beta=2"),
                "none": ("policy=camera_only",),
            }.items():
                run = simedge.run("campus", *short, *policy, f"network.uplink_bps={rate}", seed=seed)
                run.save(folder / f"{name}-{rate}-{seed}.json")
    other = simedge.run("campus", "record=summary", "workload=recorded", "horizon_s=3", "policy=centralized")
    other.save(folder / "alone" / "recorded.json")
    return folder


LOW = ("policy.beta=0.5",)
GOOD = {
    "beta-gamma": ("policy=distream", "network.uplink_bps=10Mbps"),
    "heatmap": ("policy=distream", "--x", "policy.beta", "--y", "network.uplink_bps", "--metric", "slo_miss_ratio"),
    "bandwidth": ("policy=distream", "--by", "policy.beta", "--level", "0.9"),
    "scaling": ("policy=camera_only", "network.uplink_bps=5Mbps"),
    "line": ("policy=distream", "network.uplink_bps=10Mbps", "--x", "policy.beta"),
    "latency-cdf": ("network.uplink_bps=10Mbps", "policy=camera_only"),
    "throughput": ("policy=camera_only", "--by", "network.uplink_bps"),
}


def test_every_figure_is_tried() -> None:
    assert set(GOOD) == set(FIGURES)


@pytest.mark.parametrize("name", GOOD)
def test_a_figure_is_drawn_and_its_place_is_said(command: Command, saved: Path, tmp_path: Path, name: str) -> None:
    place = tmp_path / "new" / f"{name}.png"
    code, out, err = command("plot", str(saved), name, "-o", str(place), *GOOD[name])
    assert (code, out, err) == (0, f"{place}\n", "")
    assert place.read_bytes().startswith(b"\x89PNG")
    assert [path.name for path in place.parent.iterdir()] == [place.name]


@pytest.mark.parametrize("suffix", [".pdf", ".png", ".svg"])
def test_the_same_runs_give_the_same_bytes(
    command: Command, saved: Path, tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = []
    for at, epoch in enumerate(("0", "1000000000")):
        monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)  # a date in the file would be this one
        for name in ("bandwidth", "latency-cdf"):
            place = tmp_path / f"{name}{at}{suffix}"
            more = () if name == "bandwidth" else ("network.uplink_bps=10Mbps",)
            words = ("plot", str(saved), name, "policy=distream", "policy.beta=2", *more)
            assert command(*words, "-o", str(place))[0] == 0
            written.append(place.read_bytes())
    assert written[:2] == written[2:]


def test_values_and_words_stand_in_any_order(command: Command, saved: Path, tmp_path: Path) -> None:
    places = [tmp_path / f"{at}.svg" for at in range(3)]
    chosen = ("policy=distream", "policy.beta=2")
    assert command("plot", str(saved), "bandwidth", *chosen, "-o", str(places[0]))[0] == 0
    assert command("plot", "-o", str(places[1]), *chosen, "bandwidth", str(saved))[0] == 0
    files = [str(path) for path in saved.glob("high-*.json")]
    assert command("plot", *chosen, *files, "--metric", "latency_s_mean", "bandwidth", "-o", str(places[2]))[0] == 0
    assert len({place.read_bytes() for place in places}) == 1


def test_what_was_chosen_stands_below_the_title(command: Command, saved: Path) -> None:
    runs = [run for run in gather(saved) if run.policy == "camera_only"]
    axes = draw(runs, "bandwidth", note="policy=camera_only").axes[0]
    said = [text.get_text() for text in axes.texts]
    assert "campus; generated arrivals; n=2 seeds, 95 % interval; policy=camera_only" in said
    means = {
        rate: sum(run.metrics["latency_s_mean"] for run in runs if run.config["network.uplink_bps"] == rate) / 2
        for rate in (5e6, 10e6)
    }
    assert dict(axes.lines[0].get_xydata().tolist()) == pytest.approx(means)


def test_figures_are_listed(command: Command) -> None:
    code, out, err = command("list", "figures")
    assert (code, err) == (0, "")
    assert [line.split()[0] for line in out.splitlines()] == list(FIGURES)
    _, out, _ = command("plot", "--help")
    assert all(name in out for name in FIGURES)


BAD = {
    "figure": (("bandwith",), "there is no figure 'bandwith'; did you mean 'bandwidth'?"),
    "no figure": ((), "no figure is named; known: bandwidth, beta-gamma, heatmap"),
    "key": (("line", "--x", "policy.bta"), "policy.bta: no run has such a key; did you mean 'policy.beta'"),
    "choice of a key": (("bandwidth", "policy.bta=1"), "policy.bta: no run has such a key; did you mean 'policy.beta'"),
    "choice": (("bandwidth", "policy=distrem"), "policy: no run has the value 'distrem'; there are: camera_only, "),
    "metric": (("bandwidth", *LOW, "--metric", "latency"), "there is no metric 'latency'"),
    "absent metric": (("bandwidth", *LOW, "--metric", "utilisation.gpu_9"), "utilisation.gpu_9: no run has this"),
    "mixture": (
        ("bandwidth", "policy=distream"),
        "policy.beta: the runs differ in this too (0.5, 2); choose some of them, such as policy.beta=0.5, or show it",
    ),
    "policies": (("beta-gamma",), "policy: the runs differ in this too (camera_only, distream), and in network."),
    "mixture of curves": (
        ("latency-cdf", "policy=camera_only"),
        "network.uplink_bps: the runs differ in this too (5 Mbps, 10 Mbps); choose some of them, such as "
        "network.uplink_bps=5Mbps,",
    ),
    "no such option": (("latency-cdf", "--x", "policy.beta"), "--x: the figure latency-cdf has none; leave it out"),
    "no y": (("bandwidth", "--y", "policy.beta"), "--y: the figure bandwidth has none; leave it out"),
    "needed": (("line",), "--x: the figure line needs it; give a key of the configuration"),
    "text": (
        ("line", "--x", "queues.admission", "policy=camera_only", "network.uplink_bps=5Mbps"),
        "queues.admission: interleaved has no place on an axis; choose runs in which it is a finite number",
    ),
    "twice": (("bandwidth", *LOW, "--by", "network.uplink_bps"), "network.uplink_bps: would be shown twice; show"),
    "level": (("bandwidth", *LOW, "--level", "95"), "level: 95.0 is no confidence level; give one such as 0.95"),
    "no level": (("bandwidth", *LOW, "--level", "high"), "argument --level: invalid float value: 'high'"),
    "nan": (("bandwidth", *LOW, "--level", "nan"), "level: nan is no confidence level"),
    "no value": (("bandwidth", "policy="), "policy: has no value"),
    "option": (("bandwidth", "--metrics", "latency_s_mean"), "unknown option or argument '--metrics'"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_drawn_is_one_line_and_nothing_is_written(
    command: Command, saved: Path, tmp_path: Path, name: str
) -> None:
    words, said = BAD[name]
    code, out, err = command("plot", str(saved), *words, "-o", str(tmp_path / "figure.pdf"))
    assert (code, out) == (2, "")
    assert err.startswith(f"simedge: {said}"), err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_runs_that_are_not_there_are_one_line(command: Command, saved: Path, tmp_path: Path) -> None:
    figure = ("-o", str(tmp_path / "figure.pdf"))
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "empty").mkdir()
    for words, said in (
        (("bandwidth",), "no runs are named; give folders of saved runs before bandwidth"),
        ((str(tmp_path / "no"), "bandwidth"), f"{tmp_path}/no"),
        ((str(tmp_path / "empty"), "bandwidth"), f"{tmp_path}/empty: there is no result of simedge in this folder"),
        ((str(tmp_path / "broken.json"), "bandwidth"), f"{tmp_path}/broken.json"),
    ):
        code, out, err = command("plot", *words, *figure)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert err.startswith(f"simedge: {said}"), err
    assert not (tmp_path / "figure.pdf").exists()


def test_places_that_cannot_be_written_are_one_line(command: Command, saved: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for place, said in (
        (("-o", str(tmp_path / "f.jpg")), f"{tmp_path}/f.jpg: the kind of file is not known; end its name in .png or "),
        (("-o", str(tmp_path)), f"{tmp_path}: the kind of file is not known"),
        (("-o", str(tmp_path / "file" / "f.png")), f"{tmp_path}/file/f.png: cannot be written: "),
        (("-o", "/proc/f.png"), "/proc/f.png: cannot be written: "),
        ((), "the following arguments are required: -o/--output; see `simedge plot --help`"),
    ):
        code, out, err = command("plot", str(saved), "bandwidth", *LOW, *place)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert err.startswith(f"simedge: {said}"), err
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_run_saved_twice_does_not_count_twice(command: Command, saved: Path, tmp_path: Path) -> None:
    (copy := tmp_path / "copy.json").write_bytes((saved / "none-5Mbps-0.json").read_bytes())
    words = ("plot", str(saved), str(copy), "bandwidth", "policy=camera_only", "-o", str(tmp_path / "f.png"))
    code, out, err = command(*words)
    assert (code, out) == (2, "")
    assert re.fullmatch(r"simedge: \S+\.json and \S+\.json: seed 0 stands twice .*; leave one out\n", err)
    assert not (tmp_path / "f.png").exists()


def test_a_figure_replaces_an_older_one_whole_or_not_at_all(saved: Path, tmp_path: Path) -> None:
    place = tmp_path / "f.svg"
    place.write_text("older")
    figure = draw(gather(saved / "alone"), "throughput")
    figure.axes[0].set_title("$\\nonsense$")  # what matplotlib cannot draw
    with pytest.raises(ValueError, match="nonsense"):
        save(figure, place)
    assert (place.read_text(), [path.name for path in tmp_path.iterdir()]) == ("older", ["f.svg"])
    figure.axes[0].set_title("")
    save(figure, place)
    assert "<svg" in place.read_text()
