from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from simedge.metrics import plots
from simedge.metrics.schema import PARTS


def drawn(axes):
    """Lay the figure out and draw it, so that anything matplotlib objects to is heard."""
    axes.figure.draw_without_rendering()
    return axes


def to_points(axes):
    return {(float(x), float(y)) for line in axes.lines for x, y in line.get_xydata()}


def test_the_cdf_at_the_objective_is_one_minus_the_miss_ratio(make_run):
    for slo_s in (0.6, 1.0, 1.6):
        run = make_run(slo_s=slo_s)
        axes = drawn(run.plot.latency())
        line = axes.lines[0]
        x, y = line.get_xdata(), line.get_ydata()
        at_objective = y[x <= slo_s][-1]
        assert at_objective == pytest.approx(1 - run.metrics["slo_miss_ratio"], abs=1e-12)
        assert y[-1] == 1
        assert line.get_drawstyle() == "steps-post"
    assert axes.get_legend().get_texts()[0].get_text() == "camera_only, 20 % late"


def test_a_thinned_cdf_is_exact_at_the_objective(make_run):
    rng = np.random.default_rng(1)
    frame = make_run().rois.sample(30_000, replace=True, random_state=1)
    frame["latency_s"] = rng.lognormal(size=30_000)
    line = drawn(plots.latency_cdf({"a": frame}, slo_s=2.0)).lines[0]
    x, y = line.get_xdata(), line.get_ydata()
    assert len(x) < 5000
    assert y[x <= 2.0][-1] == np.mean(frame["latency_s"] <= 2.0)


def test_the_cdf_leaves_out_the_warm_up(make_run):
    run = make_run(warmup_s=1.5)
    assert run.plot.latency().lines[0].get_xdata().tolist() == [0.75, 1.5]


def test_parts_stack_to_the_mean_latency(make_run):
    run = make_run()
    axes = drawn(run.plot.parts())
    widths = [bar.get_width() for bar in axes.patches]
    assert widths == pytest.approx([run.metrics[f"{part}_mean"] for part in PARTS])
    assert axes.patches[-1].get_x() + axes.patches[-1].get_width() == pytest.approx(1.1)
    assert [text.get_text() for text in axes.texts] == ["1.1 s"]
    shares = plots.latency_parts({"a": run.rois, "b": run.rois}, share=True)
    assert [bar.get_x() + bar.get_width() for bar in shares.patches[-2:]] == pytest.approx([1, 1])


def test_boxes_have_the_percentiles_of_the_metrics(make_run):
    run = make_run()
    axes = drawn(plots.throughput_box({"camera_only": run.rois}, 4.0))
    assert to_points(axes) >= {(run.metrics["throughput_ips_p50"], -0.25), (run.metrics["throughput_ips_mean"], 0.0)}
    quartiles = axes.patches[0].get_path().vertices[:, 0]
    assert (quartiles.min(), quartiles.max()) == (1.0, run.metrics["throughput_ips_p75"])
    assert [text.get_text() for text in axes.texts] == ["offered 1.5"]
    x = [v for line in drawn(plots.latency_box({"a": run.rois}, 1.0)).lines for v in line.get_xdata()]
    assert any(v == pytest.approx(run.metrics["latency_s_p99"]) for v in x)


def test_throughput_over_time_shows_arrivals_and_completions(make_run):
    axes = drawn(make_run().plot.throughput())
    arrived, done = (patch.get_data().values.tolist() for patch in axes.patches)
    assert arrived == [2, 2, 1, 1]
    assert done == [1, 1, 2, 1]


def test_other_arrivals_are_not_drawn_as_if_they_were_the_same(make_run):
    other = make_run(rois={"arrived_s": np.array([0, 0, 1, 1.5, 2, 3.5])})
    axes = plots.throughput_over_time({"a": make_run().rois, "b": other.rois}, 4.0)
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["a", "b"]


def test_the_heat_map_has_a_row_per_entity_and_hides_empty_queues(make_run):
    axes = drawn(make_run().plot.queues())
    grid = axes.collections[0].get_array().reshape(3, 4)
    assert grid.filled(0).tolist() == [[2, 4, 0, 2], [0, 2, 0, 1], [0, 6, 0, 5]]
    assert grid.mask.tolist() == [[0, 0, 1, 0], [1, 0, 1, 0], [1, 0, 1, 0]]
    assert [text.get_text() for text in axes.get_yticklabels()] == ["camera_1", "camera_2", "edge"]
    assert axes.get_xlim() == (0, 4)


def test_a_long_heat_map_is_thinned_by_means():
    import pandas as pd

    n = 1200
    frame = pd.DataFrame({"time_s": np.arange(1, n + 1) / 20, "entity": pd.Categorical(["edge"] * n), "queue_units": 1})
    frame.loc[::2, "queue_units"] = 3
    grid = plots.queues(frame).collections[0].get_array()
    assert grid.size == 600
    assert set(grid.ravel().tolist()) == {2.0}


def test_the_comparison_has_three_panels_and_one_colour_per_policy(make_run):
    runs = [make_run(policy=name) for name in ("camera_only", "distream", "mine")]
    figure = plots.comparison(runs)
    figure.draw_without_rendering()
    cdf, box, parts = figure.axes
    wanted = plots.colours(["camera_only", "distream", "mine"])
    assert [to_hex(line.get_color()).upper() for line in cdf.lines[:3]] == [c.upper() for c in wanted.values()]
    assert [to_hex(patch.get_edgecolor()).upper() for patch in box.patches] == [c.upper() for c in wanted.values()]
    assert [text.get_text() for text in parts.get_yticklabels()] == list(wanted)
    assert len(parts.patches) == 15


def test_a_comparison_labels_seeds_when_a_policy_stands_twice(make_run):
    figure = plots.comparison([make_run(seed=1), make_run(seed=2)])
    labels = [text.get_text() for text in figure.axes[1].get_yticklabels()]
    assert labels == ["camera_only, seed 1", "camera_only, seed 2"]


def test_short_latencies_stay_legible_beside_long_ones(make_run):
    slow = {part: make_run().columns["rois"][part] * 100 for part in PARTS}
    slow["latency_s"] = make_run().columns["rois"]["latency_s"] * 100
    parts = plots.comparison([make_run(), make_run(policy="slow", rois=slow)]).axes[2]
    assert parts.get_xlabel() == "share of the mean latency"
    parts = plots.comparison([make_run(), make_run(policy="mine")]).axes[2]
    assert parts.get_xlabel() == "mean latency of completed units (s)"


def test_a_comparison_of_nothing_is_refused():
    with pytest.raises(ValueError, match="at least one run"):
        plots.comparison([])


def test_a_shipped_policy_keeps_its_colour_in_any_company():
    alone = plots.colours(["distream"])["distream"]
    assert plots.colours(["x", "y", "distream", "camera_only"])["distream"] == alone
    many = plots.colours([f"policy_{i}" for i in range(7)])
    assert len(set(many.values())) == 7


@pytest.mark.parametrize("rows", [0, 1])
def test_runs_with_next_to_nothing_can_be_drawn(make_run, rows):
    run = make_run(rows=rows)
    for draw in (run.plot.latency, run.plot.throughput, run.plot.queues, run.plot.parts):
        drawn(draw())
    plots.comparison([run]).draw_without_rendering()
    drawn(plots.latency_box({"a": run.rois}, 3.0))


def test_figures_are_drawn_into_given_axes_and_leave_settings_alone(make_run):
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    figure = Figure()
    axes = figure.add_subplot()
    axes.set_title("mine")
    assert make_run().plot.latency(axes) is axes
    assert axes.get_title() == "mine"
    make_run().plot.parts()
    assert dict(mpl.rcParams) == before


def test_a_notebook_shows_the_picture_and_pyplot_is_not_used(make_run):
    axes = make_run().plot.latency()
    assert axes._repr_png_().startswith(b"\x89PNG")
    assert plots.comparison([make_run()])._repr_png_().startswith(b"\x89PNG")
    check = (
        "import sys; from simedge.metrics import plots; assert 'matplotlib' not in sys.modules\n"
        "plots._new_figure((1, 1)); assert 'matplotlib' in sys.modules and 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", check], check=True)
