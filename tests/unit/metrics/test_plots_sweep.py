"""Figures of many runs: what they draw against means and intervals worked out by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgb

from simedge.errors import ConfigError, InputError
from simedge.metrics.curves import RANKS, Curves
from simedge.metrics.plots_sweep import heatmap, latency_cdf, line, throughput

T_975 = {1: 12.7062, 2: 4.30265}  # Student's t, two-sided 95 %, by degrees of freedom: any printed table


def table(rows, **keys):
    """Rows of (policy, key value, seed, latency)."""
    return pd.DataFrame(
        {
            "scenario": "campus",
            "policy": [row[0] for row in rows],
            keys.get("key", "network.uplink_bps"): [row[1] for row in rows],
            "seed": [row[2] for row in rows],
            "latency_s_mean": [row[3] for row in rows],
            "slo_miss_ratio": 0.1,
            "workload": keys.get("workload", "generated"),
            "run": [f"run_{at}" for at in range(len(rows))],
        }
    )


def curves(done, arrived=(4.0, 4.0), quantiles_s=None):
    values = np.asarray(done, float)
    spread = np.linspace(0.1, 1.0, len(RANKS)) if quantiles_s is None else np.asarray(quantiles_s, float)
    return Curves(1.0, np.asarray(arrived, float), values, np.zeros(len(values)), values * 0.1, values, spread)


def texts(figure):
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def drawn(figure):
    """Lines with data, by label."""
    return {one.get_label(): one for one in figure.axes[0].lines if len(np.atleast_1d(one.get_xdata())) > 1}


# --- heat map ----------------------------------------------------------------------------------------------------


def grid_of(values):
    rows = [
        ("distream", beta, gamma, seed, value)
        for (beta, gamma), found in values.items()
        for seed, value in enumerate(found)
    ]
    made = table([(row[0], row[1], row[3], row[4]) for row in rows], key="policy.beta")
    made.insert(3, "policy.gamma_s", [row[2] for row in rows])
    return made


def test_a_heat_map_has_a_cell_for_each_combination_in_ascending_order():
    figure = heatmap(
        grid_of({(1.0, 0.5): (3.0, 5.0), (0.05, 0.5): (1.0, 1.0), (0.05, 0.1): (2.0, 2.5), (1.0, 0.1): (8.0,)})
    )
    mesh = figure.axes[0].collections[0]
    assert mesh.get_array().reshape(2, 2).tolist() == [[2.25, 8.0], [1.0, 4.0]]  # γ upwards, β to the right
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["0.05", "1"]
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["100 ms", "500 ms"]
    cells = texts(figure)
    half = T_975[1] * np.sqrt(2) / np.sqrt(2)  # of 3 and 5
    assert any("4 s" in text and f"{half:.3g}" in text for text in cells)
    assert sum("8 s" in text and "±" not in text for text in cells) == 1  # one seed has no interval


def test_a_combination_without_a_run_stays_empty():
    figure = heatmap(grid_of({(1.0, 0.5): (3.0,), (0.05, 0.5): (1.0,), (0.05, 0.1): (2.0,)}))
    values = figure.axes[0].collections[0].get_array().reshape(2, 2)
    assert values.mask.tolist() == [[False, True], [False, False]]


@pytest.mark.parametrize("values", [(1.0, 2.0, 3.0, 4.0), (0.001, 0.1, 10.0, 100.0)])
def test_the_text_of_every_cell_can_be_read(values):
    keys = [(beta, gamma) for beta in (0.1, 1.0) for gamma in (0.1, 1.0)]
    figure = heatmap(grid_of({key: (value,) for key, value in zip(keys, values, strict=True)}))
    mesh = figure.axes[0].collections[0]
    faces = mesh.cmap(mesh.norm(mesh.get_array().ravel()))
    cells = [text for text in figure.axes[0].texts if text.get_ha() == "center"]
    assert len(cells) == 4
    for text in cells:
        x, y = text.get_position()
        bright, dark = sorted((luminance(faces[2 * y + x]), luminance(to_rgb(text.get_color()))), reverse=True)
        assert (bright + 0.05) / (dark + 0.05) >= 3  # WCAG 2.1, 1.4.11


def luminance(colour):
    """Relative luminance of an sRGB colour (WCAG 2.1)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour[:3]]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


# --- lines -------------------------------------------------------------------------------------------------------

BANDWIDTH = [
    *(("distream", 1e7, seed, value) for seed, value in enumerate((1.0, 2.0, 3.0))),
    *(("distream", 1e8, seed, value) for seed, value in enumerate((2.0, 2.0, 2.0))),
    *(("centralized", 1e7, seed, value) for seed, value in enumerate((4.0, 6.0, 8.0))),
    *(("centralized", 1e8, seed, value) for seed, value in enumerate((3.0, 3.0, 6.0))),
]


def test_a_line_goes_through_the_means_and_bars_are_intervals():
    figure = line(table(BANDWIDTH), "network.uplink_bps")
    found = {name: one.get_ydata().tolist() for name, one in drawn(figure).items() if not name.startswith("_")}
    assert [round(value, 12) for value in found["distream"]] == [2.0, 2.0]
    assert [round(value, 12) for value in found["centralized"]] == [6.0, 4.0]
    axes = figure.axes[0]
    bars = [segment for lines in axes.collections if hasattr(lines, "get_segments") for segment in lines.get_segments()]
    ends = sorted((float(low[1]), float(high[1])) for low, high in bars)
    half = T_975[2] * 1.0 / np.sqrt(3)  # of 1, 2, 3
    assert any(
        low == pytest.approx(2 - half, abs=1e-3) and high == pytest.approx(2 + half, abs=1e-3) for low, high in ends
    )
    assert figure.axes[0].get_xscale() == "log"


def test_runs_that_differ_in_what_is_not_shown_are_refused():
    made = table(BANDWIDTH[:6])
    made.insert(3, "queues.camera_units", [50, 50, 100, 50, 50, 100])
    with pytest.raises((ConfigError, InputError), match=r"queues\.camera_units.*50.*100"):
        line(made, "network.uplink_bps")


def test_fields_of_one_policy_only_are_no_difference():
    made = table(BANDWIDTH)
    made.insert(3, "policy.beta", [0.2 if policy == "distream" else None for policy in made.policy])
    assert len(line(made, "network.uplink_bps").axes[0].lines)


def test_two_runs_of_one_seed_are_refused():
    with pytest.raises(InputError, match="seed 0"):
        line(table([*BANDWIDTH, BANDWIDTH[0]]), "network.uplink_bps")


def test_what_is_said_beneath_the_title():
    assert any("n=3 seeds, 95 % interval" in text for text in texts(line(table(BANDWIDTH), "network.uplink_bps")))
    one = [row for row in BANDWIDTH if row[2] == 0]
    assert any("1 run" in text for text in texts(line(table(one), "network.uplink_bps")))
    recorded = line(table(BANDWIDTH, workload="recorded"), "network.uplink_bps")
    assert any("policy noise only" in text for text in texts(recorded))


# --- curves ------------------------------------------------------------------------------------------------------


def test_throughput_over_time_is_the_mean_of_seeds_with_its_band():
    made = table([("distream", 1e7, seed, 1.0) for seed in range(3)])
    figure = throughput(made, [curves((1, 2)), curves((2, 2)), curves((3, 2))])
    (own,) = [one for name, one in drawn(figure).items() if name == "distream"]
    assert own.get_ydata().tolist()[:2] == [2.0, 2.0]
    band = next(one for one in figure.axes[0].collections if isinstance(one, PolyCollection))
    heights = band.get_paths()[0].vertices[:, 1]
    half = T_975[2] / np.sqrt(3)
    assert heights.max() == pytest.approx(2 + half, rel=1e-3)
    assert heights.min() == pytest.approx(max(2 - half, 0), abs=1e-3)


def test_long_runs_are_drawn_in_bins_of_several_seconds():
    long = Curves(1.0, *(np.ones(3600) for _ in range(5)), np.linspace(0.1, 1, len(RANKS)))
    figure = throughput(table([("distream", 1e7, 0, 1.0)]), [long])
    (own,) = [one for name, one in drawn(figure).items() if name == "distream"]
    assert len(own.get_ydata()) <= 601 and set(own.get_ydata()) == {1.0}


def test_a_distribution_goes_through_its_percentiles():
    made = table([("distream", 1e7, 0, 1.0)])
    figure = latency_cdf(made, [curves((1, 2), quantiles_s=np.geomspace(0.01, 10, len(RANKS)))])
    own = next(one for one in figure.axes[0].lines if str(one.get_label()).startswith("distream"))
    for rank in (25.0, 50.0, 90.0):
        latency_s = np.geomspace(0.01, 10, len(RANKS))[RANKS.index(rank)]
        assert np.interp(np.log(latency_s), np.log(own.get_xdata()), own.get_ydata()) == pytest.approx(
            rank / 100, abs=0.01
        )
    assert figure.axes[0].get_xscale() == "log"


def test_runs_without_curves_are_refused():
    for draw in (throughput, latency_cdf):
        with pytest.raises(InputError):
            draw(table([("distream", 1e7, 0, 1.0)]), [None])
