"""Figures of many runs show means over seeds worked by hand, and intervals from printed tables of Student's t."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import LogNorm, to_hex
from matplotlib.figure import Figure

from simedge.errors import ConfigError, InputError
from simedge.metrics import plots_sweep
from simedge.metrics.curves import RANKS, Curves

NAN = np.nan
T3 = 4.303  # t(0.975; 2): three seeds
SPREAD = T3 / np.sqrt(3)  # half width of the interval of a - 1, a, a + 1


def table(cells: Mapping[tuple[Any, ...], Sequence[float]], *keys: str, metric: str = "latency_s_mean", **same: Any):
    """One row per cell and seed; a cell's key is its values of `keys`."""
    rows = [
        {"scenario": "campus", "policy": "distream", **same, **dict(zip(keys, cell, strict=True)), "seed": seed}
        | {metric: value}
        for cell, values in cells.items()
        for seed, value in enumerate(values)
    ]
    frame = pd.DataFrame(rows)
    named = [name for name in frame.columns if name not in {"seed", metric}]
    frame = frame[[*named, "seed", metric]]
    return frame.assign(workload="generated", run=[f"run_{at}" for at in range(len(frame))])


def around(mean: float) -> list[float]:
    return [mean - 1, mean, mean + 1]


def drawn(figure: Figure) -> Any:
    figure.draw_without_rendering()
    return figure.axes[0]


def texts(axes: Any) -> dict[tuple[float, float], str]:
    return {text.get_position(): text.get_text() for text in axes.texts if text.get_transform() == axes.transData}


def subtitle(axes: Any) -> str:
    (said,) = [text.get_text() for text in axes.texts if "arrivals" in text.get_text()]
    return " ".join(said.split())


def ticks(axis: Any) -> list[str]:
    return [label.get_text() for label in axis.get_ticklabels()]


def bars(axes: Any) -> dict[float, tuple[float, float]]:
    """Ends of the interval bars by x, of axes with one line."""
    (container,) = axes.containers
    (lines,) = container.lines[2]
    return {float(ends[0][0]): (float(ends[0][1]), float(ends[1][1])) for ends in lines.get_segments()}


# --- heat map ----------------------------------------------------------------------------------------------------


def test_cells_show_means_and_half_widths_in_ascending_order() -> None:
    cells = {(beta, gamma): around(10 * beta + 4 * gamma) for beta in (1.0, 0.2, 0.05) for gamma in (1.5, 0.5)}
    axes = drawn(plots_sweep.heatmap(table(cells, "policy.beta", "policy.gamma_s")))
    assert (ticks(axes.xaxis), ticks(axes.yaxis)) == (["0.05", "0.2", "1"], ["500 ms", "1.5 s"])
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_title("left")) == (
        "policy.beta", "policy.gamma_s", "Latency, mean",
    )  # fmt: skip
    mesh = axes.collections[0]
    assert np.asarray(mesh.get_array()) == pytest.approx(np.array([[2.5, 4.0, 12.0], [6.5, 8.0, 16.0]]))
    assert texts(axes)[(0, 0)] == "2.5 s\n± 2.48 s"  # 4.303 / √3 = 2.484
    assert texts(axes)[(2, 1)] == "16 s\n± 2.48 s"
    assert subtitle(axes) == "campus; generated arrivals; n=3 seeds, 95 % interval"
    assert axes.figure.axes[1].get_ylabel() == "latency_s_mean"


def test_the_level_decides_the_half_width() -> None:
    cells = {(0.1, 0.5): around(5.0)}
    axes = drawn(plots_sweep.heatmap(table(cells, "policy.beta", "policy.gamma_s"), level=0.8))
    assert texts(axes) == {(0, 0): "5 s\n± 1.09 s"}  # t(0.9; 2) = 1.886; / √3 = 1.089
    assert "80 % interval" in subtitle(axes)


def test_missing_cells_are_hatched_and_runs_that_completed_nothing_have_a_dash() -> None:
    cells = {(0.1, 0.5): around(5.0), (0.2, 1.5): [NAN, NAN, NAN], (0.1, 1.5): [3.0, NAN, 5.0]}
    axes = drawn(plots_sweep.heatmap(table(cells, "policy.beta", "policy.gamma_s")))
    assert texts(axes) == {(0, 0): "5 s\n± 2.48 s", (1, 1): "–", (0, 1): "4 s\n± 12.7 s"}  # t(0.975; 1) = 12.706
    assert np.ma.getmaskarray(axes.collections[0].get_array()).tolist() == [[False, True], [False, True]]
    assert axes.patch.get_hatch() == "////"
    assert subtitle(axes).endswith("n=2–3 seeds, 95 % interval; 4 runs without a value left out")


def test_one_run_has_no_interval() -> None:
    axes = drawn(plots_sweep.heatmap(table({(0.1, 0.5): [5.0]}, "policy.beta", "policy.gamma_s")))
    assert texts(axes) == {(0, 0): "5 s"}
    assert subtitle(axes) == "campus; generated arrivals; 1 run"
    two = {(0.1, 0.5): [5.0], (0.2, 0.5): [6.0]}
    assert subtitle(drawn(plots_sweep.heatmap(table(two, "policy.beta", "policy.gamma_s")))).endswith("; 1 run each")


@pytest.mark.parametrize(("largest", "log"), [(19.0, False), (20.0, True)])
def test_colour_is_logarithmic_where_values_span_more_than_twenty(largest: float, log: bool) -> None:
    cells = {(0.1, 0.5): [1.0], (0.2, 0.5): [largest]}
    axes = drawn(plots_sweep.heatmap(table(cells, "policy.beta", "policy.gamma_s")))
    assert isinstance(axes.collections[0].norm, LogNorm) == log


def luminance(colour: Sequence[float]) -> float:
    rgb = np.asarray(colour[:3])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def test_text_can_be_read_on_every_colour() -> None:
    cells = {(float(at), 0.5): [float(at)] for at in range(13)}
    axes = drawn(plots_sweep.heatmap(table(cells, "policy.beta", "policy.gamma_s")))
    mesh = axes.collections[0]
    seen = set()
    for text in axes.texts:
        if text.get_transform() != axes.transData:
            continue
        ground = luminance(mesh.cmap(mesh.norm(text.get_position()[0])))
        ink = {"black": 0.0, "white": 1.0}[text.get_color()]
        seen.add(text.get_color())
        assert (max(ink, ground) + 0.05) / (min(ink, ground) + 0.05) > 4.5  # WCAG 2.2, AA
    assert seen == {"black", "white"}


def test_many_categories_are_drawn_without_text_and_with_fewer_labels() -> None:
    cells = {(at, 0.5): [1.0 + at] for at in range(90)}
    axes = drawn(plots_sweep.heatmap(table(cells, "queues.camera_units", "policy.gamma_s"), x="queues.camera_units"))
    assert texts(axes) == {}
    assert ticks(axes.xaxis) == [str(at) for at in range(0, 90, 3)]
    assert axes.collections[0].get_array().shape == (1, 90)


def test_counts_stand_without_their_unit_and_shares_as_percentages() -> None:
    keys = ("policy.beta", "policy.gamma_s")
    axes = drawn(plots_sweep.heatmap(table({(1, 2): around(482)}, *keys, metric="throughput_ips_mean"), *keys,
                                     metric="throughput_ips_mean"))  # fmt: skip
    assert texts(axes) == {(0, 0): "482.0\n± 2.5"}
    shares = table({(1, 2): [0.1, 0.2, 0.3]}, *keys, metric="slo_miss_ratio")
    assert texts(drawn(plots_sweep.heatmap(shares, *keys, metric="slo_miss_ratio"))) == {(0, 0): "20 %\n± 24.8 %"}


def test_the_policy_can_be_an_axis() -> None:
    cells = {("distream", 1e7): [1.0], ("camera_only", 1e7): [2.0]}
    axes = drawn(plots_sweep.heatmap(table(cells, "policy", "network.uplink_bps"), "network.uplink_bps", "policy"))
    assert (ticks(axes.xaxis), ticks(axes.yaxis)) == (["10 Mbps"], ["camera_only", "distream"])


# --- line --------------------------------------------------------------------------------------------------------


def test_points_are_means_and_bars_are_intervals() -> None:
    cells = {(2e6, "distream"): around(8.0), (1e8, "distream"): around(5.0), (1e7, "distream"): around(6.0)}
    axes = drawn(plots_sweep.line(table(cells, "network.uplink_bps", "policy"), "network.uplink_bps"))
    (curve,) = axes.lines[:1]
    assert curve.get_xydata().tolist() == [[2e6, 8.0], [1e7, 6.0], [1e8, 5.0]]
    for x, mean in ((2e6, 8.0), (1e7, 6.0), (1e8, 5.0)):
        assert bars(axes)[x] == pytest.approx((mean - SPREAD, mean + SPREAD), rel=1e-4)
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "linear")
    assert ticks(axes.xaxis) == ["2 Mbps", "10 Mbps", "100 Mbps"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("network.uplink_bps", "latency_s_mean")
    low, high = axes.get_ylim()
    assert low <= 5.0 - SPREAD < 8.0 + SPREAD <= high


def test_each_policy_has_its_line_colour_and_marker() -> None:
    cells = {(x, policy): [y] for x in (1, 2) for policy, y in (("distream", 1.0), ("camera_only", 30.0))}
    axes = drawn(plots_sweep.line(table(cells, "cluster.gpus", "policy"), "cluster.gpus"))
    assert [line.get_label() for line in axes.lines[:2]] == ["camera_only", "distream"]
    assert [to_hex(line.get_color()) for line in axes.lines[:2]] == ["#e69f00", "#0072b2"]
    assert len({line.get_marker() for line in axes.lines[:2]}) == 2
    assert (axes.get_xscale(), axes.get_yscale()) == ("linear", "log")  # 2 to 1, and 30 to 1
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["camera_only", "distream"]


def test_lines_by_a_number_go_from_dark_to_light_and_name_their_key() -> None:
    cells = {(x, beta): [1.0] for x in (1, 2) for beta in (0.5, 0.1, 0.2)}
    axes = drawn(plots_sweep.line(table(cells, "cluster.gpus", "policy.beta"), "cluster.gpus", by="policy.beta"))
    assert [line.get_label() for line in axes.lines[:3]] == ["0.1", "0.2", "0.5"]
    lights = [luminance(line.get_color()) for line in axes.lines[:3]]
    assert lights == sorted(lights)
    assert axes.get_legend().get_title().get_text() == "policy.beta"


def test_twenty_lines_can_be_told_apart() -> None:
    cells = {(x, f"mine_{at:02d}"): [1.0 + at] for x in (1, 2) for at in range(20)}
    axes = drawn(plots_sweep.line(table(cells, "cluster.gpus", "policy"), "cluster.gpus"))
    looks = {(to_hex(line.get_color()), line.get_linestyle()) for line in axes.lines[:20]}
    assert len(looks) == 20
    legend = axes.get_legend().get_window_extent()
    assert legend.y0 >= 0
    assert axes.figure.bbox.width >= legend.x1


def test_a_policy_without_the_key_goes_level_across() -> None:
    cells = {(0.1, "distream"): around(6.0), (0.2, "distream"): around(5.0), (None, "camera_only"): around(9.0)}
    axes = drawn(plots_sweep.line(table(cells, "policy.beta", "policy"), "policy.beta"))
    level, curve = axes.lines[:2]
    assert (level.get_label(), list(level.get_ydata()), level.get_linestyle()) == ("camera_only", [9.0, 9.0], "--")
    assert curve.get_xydata().tolist() == [[0.1, 6.0], [0.2, 5.0]]
    (band,) = axes.patches
    assert (band.get_y(), band.get_height()) == pytest.approx((9.0 - SPREAD, 2 * SPREAD), rel=1e-4)


def test_scaling_counts_cameras() -> None:
    cells = {(groups, '["jetson_tx1", "jetson_tx2"]'): [1.0 * groups] for groups in (1, 2, 8)}
    axes = drawn(plots_sweep.line(table(cells, "cluster.groups", "cluster.cameras"), "cameras"))
    assert axes.lines[0].get_xydata().tolist() == [[2, 1.0], [4, 2.0], [16, 8.0]]
    assert (ticks(axes.xaxis), axes.get_xlabel()) == (["2", "4", "16"], "cameras")


def test_one_value_and_one_run_make_a_point() -> None:
    axes = drawn(plots_sweep.line(table({(10.0,): [3.0]}, "horizon_s"), "horizon_s"))
    assert axes.lines[0].get_xydata().tolist() == [[10.0, 3.0]]
    assert axes.get_xlim()[0] < 10.0 < axes.get_xlim()[1]
    assert subtitle(axes) == "campus; generated arrivals; 1 run"


def test_labels_that_would_touch_are_left_out() -> None:
    cells = {(1e6 * at,): [1.0] for at in (1, 2, 10, 10.1, 10.2, 100)}
    axes = plots_sweep.line(table(cells, "network.uplink_bps"), "network.uplink_bps").axes[0]
    drawn(axes.figure)
    boxes = [label.get_window_extent() for label in axes.xaxis.get_ticklabels()]
    assert all(left.x1 < right.x0 for left, right in pairwise(boxes))
    assert {"1 Mbps", "2 Mbps", "10 Mbps", "100 Mbps"} == set(ticks(axes.xaxis))


def test_runs_without_a_value_are_skipped_and_told() -> None:
    axes = drawn(plots_sweep.line(table({(1,): [2.0, NAN], (2,): [NAN, NAN]}, "cluster.gpus"), "cluster.gpus"))
    assert axes.lines[0].get_xydata().tolist() == [[1.0, 2.0]]
    assert subtitle(axes).endswith("1 run; 3 runs without a value left out")
    with pytest.raises(InputError, match=r"^latency_s_mean: no run has a value of this metric; "):
        plots_sweep.line(table({(1,): [NAN]}, "cluster.gpus"), "cluster.gpus")


@pytest.mark.parametrize(("key", "value", "said"), [
    ("network.uplink_bps", None, "unset"), ("policy.beta", np.inf, "inf"), ("queues.admission", "fifo", "fifo"),
    ("policy.balance", True, "true"),
])  # fmt: skip
def test_what_is_no_number_has_no_place_on_an_axis(key: str, value: Any, said: str) -> None:
    other = 1.0 if key != "queues.admission" else "interleaved"
    with pytest.raises(ConfigError, match=rf"^{key}: {said} has no place on an axis; choose runs"):
        plots_sweep.line(table({(value,): [1.0], (other,): [1.0]}, key), key)


def test_an_interval_below_zero_leaves_a_logarithmic_axis_at_the_bottom() -> None:
    cells = {(1,): [0.01, 0.02, 0.3], (2,): [50.0, 51.0, 52.0]}
    axes = drawn(plots_sweep.line(table(cells, "cluster.gpus"), "cluster.gpus"))
    assert bars(axes)[1.0][0] < 0
    assert axes.get_yscale() == "log"
    assert 0 < axes.get_ylim()[0] < 0.11


def test_recorded_arrivals_are_told_apart_from_drawn_ones() -> None:
    same = table({(1,): around(5.0)}, "cluster.gpus").assign(workload="recorded")
    assert "recorded arrivals: policy noise only; n=3 seeds" in subtitle(drawn(plots_sweep.line(same, "cluster.gpus")))
    assert "noise" not in subtitle(drawn(plots_sweep.line(same.iloc[:1], "cluster.gpus")))


def test_a_note_is_wrapped_and_kept_whole_inside_the_figure() -> None:
    note = ", ".join(f"queues.camera_units={at}" for at in range(100, 112))
    axes = drawn(plots_sweep.line(table({(1,): [5.0]}, "cluster.gpus"), "cluster.gpus", note=note))
    (text,) = [text for text in axes.texts if "arrivals" in text.get_text()]
    assert subtitle(axes).endswith(note)
    box, title = text.get_window_extent(), axes._left_title.get_window_extent()
    assert box.x1 <= axes.figure.bbox.width
    assert box.y1 - 1 <= title.y0
    assert title.y1 <= axes.figure.bbox.height


# --- curves ------------------------------------------------------------------------------------------------------


def curve(done: Sequence[float], quantiles_s: Sequence[float] = (), arrived: Sequence[float] | None = None, bin_s=1.0):
    zeros = np.zeros(len(done))
    offered = np.asarray(done if arrived is None else arrived, float)
    return Curves(bin_s, offered, zeros, zeros, zeros, np.asarray(done, float), np.asarray(quantiles_s, float))


def uniform(end_s: float) -> np.ndarray:
    """Quantiles of latencies spread evenly over 0 to `end_s`."""
    return end_s * np.array(RANKS) / 100


def with_late(frame: pd.DataFrame, **late: Sequence[float]) -> pd.DataFrame:
    return frame.assign(slo_miss_ratio=[share for shares in late.values() for share in shares])


def test_the_cdf_is_the_mean_share_with_its_interval() -> None:
    frame = table({("distream",): [1.0, 1.0, 1.0]}, "policy", slo_s=3.0)
    ends_s = (4.0, 5.0, 10.0)
    late = [1 - 3.0 / end_s for end_s in ends_s]
    figure = plots_sweep.latency_cdf(with_late(frame, distream=late), [curve([1], uniform(end_s)) for end_s in ends_s])
    axes = drawn(figure)
    x, y = axes.lines[0].get_data()
    assert x.max() == pytest.approx(10.0)
    shares = np.minimum(x[:, None] / np.array(ends_s), 1.0)
    assert y == pytest.approx(shares.mean(axis=1), abs=1e-12)
    assert y[x == 3.0] == pytest.approx(1 - np.mean(late))  # the curve at the objective is what the legend says
    half = T3 * shares.std(axis=1, ddof=1) / np.sqrt(3)
    (band,) = axes.collections
    outline = band.get_paths()[0].vertices
    for at in (50, 200, 350):
        at_x = outline[np.isclose(outline[:, 0], x[at], rtol=1e-12), 1]
        low, high = max(y[at] - half[at], 0), min(y[at] + half[at], 1)
        assert (at_x.min(), at_x.max()) == pytest.approx((low, high), rel=2e-4)
    assert axes.get_xscale() == "log"
    assert axes.get_legend().get_texts()[0].get_text() == "distream, 45 % late"  # (25 + 40 + 70) / 3
    assert "SLO 3 s" in [text.get_text() for text in axes.texts]
    assert subtitle(axes) == "campus; generated arrivals; n=3 seeds, 95 % interval"


def test_the_cdf_jumps_where_many_units_have_one_latency() -> None:
    quantiles_s = np.where(np.array(RANKS) <= 60, 0.5, 2.0)
    frame = with_late(table({("distream",): [1.0]}, "policy", slo_s=1.0), distream=[0.4])
    axes = drawn(plots_sweep.latency_cdf(frame, [curve([1], quantiles_s)]))
    x, y = axes.lines[0].get_data()
    truth = np.where(x < 2.0, 0.6, 1.0)
    assert y == pytest.approx(truth, abs=0.005)  # ranks are half a point apart
    assert (y[0], y[-1]) == (0.6, 1.0)


def test_the_cdf_of_a_run_is_that_of_its_latencies_within_half_a_point() -> None:
    latency_s = np.sort(np.random.default_rng(3).lognormal(0.0, 1.5, 4000).round(2) + 0.01)
    frame = table({("distream",): [1.0]}, "policy").assign(slo_miss_ratio=0.0)
    x, y = plots_sweep.latency_cdf(frame, [curve([1], np.percentile(latency_s, RANKS))]).axes[0].lines[0].get_data()
    assert y == pytest.approx(np.searchsorted(latency_s, x, side="right") / 4000, abs=0.005)


def test_a_policy_that_completed_nothing_is_named_and_not_drawn() -> None:
    frame = table({("camera_only",): [NAN, NAN], ("distream",): [1.0, NAN]}, "policy", slo_s=3.0)
    frame = with_late(frame, camera_only=[NAN, NAN], distream=[0.0, NAN])
    axes = drawn(plots_sweep.latency_cdf(frame, [curve([0]), curve([0]), curve([1], uniform(1.0)), curve([0])]))
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels == ["camera_only, none completed", "distream, 0 % late"]
    assert subtitle(axes).endswith("1 run; 3 runs without a value left out")
    with pytest.raises(InputError, match="no run completed anything"):
        plots_sweep.latency_cdf(frame.iloc[:2], [curve([0]), curve([0])])


def test_throughput_is_the_mean_per_second_with_its_interval() -> None:
    frame = table({("distream",): [1, 1, 1], ("camera_only",): [1, 1, 1]}, "policy")
    arrived = [8.0, 8.0]
    done = [[4.0, 6.0], [5.0, 6.0], [6.0, 6.0]]
    curves = [curve(one, arrived=arrived) for one in (*done, *done)]
    axes = drawn(plots_sweep.throughput(frame, curves))
    for line, band in zip(axes.lines[:2], axes.collections, strict=True):
        assert line.get_xydata().tolist() == [[0.5, 5.0], [1.5, 6.0]]
        ends = band.get_paths()[0].vertices
        first = ends[ends[:, 0] == 0.5, 1]
        assert (first.min(), first.max()) == pytest.approx((5 - SPREAD, 5 + SPREAD), rel=1e-4)
        assert set(ends[ends[:, 0] == 1.5, 1]) == {6.0}
    (grey,) = axes.patches
    assert (grey.get_data().values.tolist(), grey.get_data().edges.tolist()) == ([8.0, 8.0], [0, 1, 2])
    assert axes.get_title("left") == "Throughput"
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["camera_only", "distream", "arrived"]


def test_long_runs_are_averaged_over_neighbouring_seconds() -> None:
    rng = np.random.default_rng(5)
    done = rng.poisson(50.0, (2, 1501)).astype(float)
    frame = table({("distream",): [1, 1]}, "policy")
    axes = drawn(plots_sweep.throughput(frame, [curve(one) for one in done]))
    x, y = axes.lines[0].get_data()
    assert len(x) == 501
    assert axes.get_title("left") == "Throughput, means over 3 s"
    assert (x[0], x[-1], axes.get_xlim()[1]) == (1.5, 1500.5, 1501.0)
    assert y[:500] == pytest.approx(done[:, :1500].reshape(2, 500, 3).mean(axis=(0, 2)))
    assert y[-1] == pytest.approx(done[:, -1].mean())  # one second alone


def test_arrivals_are_drawn_only_when_all_lines_had_them_and_units_are_the_same() -> None:
    frame = table({("distream",): [1], ("camera_only",): [1]}, "policy")
    two = [curve([1.0], arrived=[2.0]), curve([1.0], arrived=[3.0])]
    assert not drawn(plots_sweep.throughput(frame, two)).patches
    classifiers = table({("distream",): [1]}, "policy", unit="classifier")
    assert not drawn(plots_sweep.throughput(classifiers, two[:1])).patches
    assert drawn(plots_sweep.throughput(frame.iloc[:1], two[:1])).patches


def test_curves_that_do_not_fit_are_refused() -> None:
    frame = table({("distream",): [1, 1]}, "policy")
    with pytest.raises(InputError, match=r"^distream: some of the runs are longer than others; choose one horizon_s"):
        plots_sweep.throughput(frame, [curve([1.0]), curve([1.0, 2.0])])
    with pytest.raises(InputError, match=r"^run_1: no curves of this run are known; run it again"):
        plots_sweep.throughput(frame, [curve([1.0]), None])
    with pytest.raises(ValueError, match="2 runs have 1 curves"):
        plots_sweep.throughput(frame, [curve([1.0])])


def heat(frame: pd.DataFrame) -> Figure:
    return plots_sweep.heatmap(frame, "cluster.gpus", "policy")


def lines(frame: pd.DataFrame) -> Figure:
    return plots_sweep.line(frame, "cluster.gpus")


def cdf(frame: pd.DataFrame) -> Figure:
    return plots_sweep.latency_cdf(frame.assign(slo_miss_ratio=0.0), [curve([1.0], uniform(1.0))] * len(frame))


def over_time(frame: pd.DataFrame) -> Figure:
    return plots_sweep.throughput(frame, [curve([1.0])] * len(frame))


@pytest.mark.parametrize("make", [heat, lines, cdf, over_time])
def test_every_figure_refuses_a_mixture(make: Callable[[pd.DataFrame], Figure]) -> None:
    cells = {(1, 1e7): [1.0], (1, 5e7): [1.0]}
    with pytest.raises(ConfigError, match=r"^network.uplink_bps: the runs differ in this too \(10 Mbps, 50 Mbps\); "):
        make(table(cells, "cluster.gpus", "network.uplink_bps"))
    drawn(make(table({(1, 1e7): [1.0]}, "cluster.gpus", "network.uplink_bps")))


@pytest.mark.parametrize("make", [heat, lines, cdf, over_time])
def test_nothing_is_cut_off(make: Callable[[pd.DataFrame], Figure]) -> None:
    policies = ["my_package.policies.adaptive:ThresholdWithHysteresis", "distream", "x"]
    figure = make(table({(1, policy): around(5.0) for policy in policies}, "cluster.gpus", "policy"))
    figure.draw_without_rendering()
    drawn_in, (width_in, height_in) = figure.get_tightbbox(), figure.get_size_inches()
    assert drawn_in.x0 >= 0
    assert drawn_in.y0 >= 0
    assert drawn_in.x1 <= width_in
    assert drawn_in.y1 <= height_in
