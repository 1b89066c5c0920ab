"""The figure of a reproduced table shows the rows it is given."""

from __future__ import annotations

from typing import Any

import pytest

from simedge.metrics.plots_paper import published_beside_simulated


def row(policy: str, metric: str, *values: float | None, kind: str | None = "published") -> dict[str, Any]:
    return {
        "policy": policy,
        "metric": metric,
        **dict(zip(("published", "simulated", "low", "high"), values, strict=True)),
        "kind": kind,
    }


ROWS = [
    row("videoedge_l", "throughput_gain_mean", 2.1, 2.2, 2.15, 2.25, kind="fitted"),
    row("videoedge_l", "throughput_gain_p99", 1.5, 1.7, None, None),
    row("videoedge_l", "latency_gain_p50", 2.4, None, None, None),
    row("distream", "latency_gain_mean", None, 130.0, 120.0, 140.0, kind="unpublished"),
    row("distream", "latency_gain_mean", None, 999.0, 998.0, 1000.0, kind="target"),
    row("distream", "served_ratio", None, 0.99, None, None, kind=None),
]


def points(axes: Any, marker: str) -> list[tuple[float, float]]:
    return [
        (float(line.get_xdata()[0]), float(line.get_ydata()[0]))
        for line in axes.lines
        if line.get_marker() == marker and len(line.get_xdata()) == 1
    ]


def test_every_gain_stands_in_its_row() -> None:
    figure = published_beside_simulated(ROWS, "A table")
    figure.draw_without_rendering()
    throughput, latency = figure.axes
    assert points(throughput, "o") == [(2.2, 0), (1.7, 3)]
    assert points(throughput, "D") == [(2.1, 0), (1.5, 3)]
    assert points(latency, "o") == [(130.0, 4)]
    assert points(latency, "D") == [(2.4, 1)]
    spans = [[float(x) for x in line.get_xdata()] for line in latency.lines if line.get_marker() == "None"]
    assert [span for span in spans if len(span) == 2 and span != [0, 1]] == [[120.0, 140.0]]
    assert [text.get_text() for text in throughput.get_yticklabels()][:5] == [
        "videoedge_l   mean", "p50", "p75", "p99", "distream   mean",
    ]  # fmt: skip
    filled = {
        line.get_xdata()[0]: line.get_markerfacecolor()
        for line in throughput.lines
        if line.get_marker() == "D" and len(line.get_xdata())
    }
    assert filled[2.1] == "none"
    assert filled[1.5] != "none"


@pytest.mark.parametrize("rows", [[], ROWS[-1:]])
def test_a_table_without_gains_can_be_drawn(rows: list[dict[str, Any]]) -> None:
    published_beside_simulated(rows).draw_without_rendering()
