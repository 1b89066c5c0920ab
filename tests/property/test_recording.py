"""What is recorded changes nothing of what happens, and nothing of what is reckoned from it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simedge.metrics.summary import summarise
from simedge.policies.video.baselines import CameraOnly
from simedge.systems.video.scenario import Dag

SKETCHED = re.compile(r"(latency_s|bound_latency_s|imbalance_index|accumulated_units)_p\d+")
"""What a sketch tells within 1 %; all else is exact, percentiles of the counts per second too."""


@contextmanager
def small_windows(window: int) -> Iterator[None]:
    """Windows and buffers so small that short runs load, count and forget again and again."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("simedge.systems.video.flow.WINDOW_ROIS", window)
        patch.setattr("simedge.systems.video.monitor.HISTORY_S", 0.2)
        patch.setattr("simedge.systems.video.monitor._KEPT_REPORTS", 3)
        yield


@given(st.data(), st.integers(1, 40), st.sampled_from([0.0, 0.7]))
def test_every_way_to_record_tells_the_same(
    small_scenario, cases, data: st.DataObject, window: int, warmup_s: float
) -> None:
    rows, case = data.draw(cases)
    case["warmup_s"] = warmup_s
    items = small_scenario(rows, **case)
    wanted = summarise(items.columns, items.facts)
    for record in ("summary", "sketch"):
        with small_windows(window):
            run = small_scenario(rows, **case, record=record)
        assert run.fingerprint == items.fingerprint
        assert {**run.facts, "inputs": {}} == {**items.facts, "inputs": {}}  # kernel events, busy times, bytes, …
        assert run.columns == {}
        found = run.system.metrics
        assert list(found) == list(wanted)
        for name, value in found.items():
            rel = 0.01 + 1e-9 if record == "sketch" and SKETCHED.fullmatch(name) else 1e-9
            assert value == pytest.approx(wanted[name], rel=rel, abs=1e-12, nan_ok=True), name


@given(st.data())
@settings(max_examples=15)
def test_rows_are_used_again_and_every_roi_is_counted(small_scenario, cases, data: st.DataObject) -> None:
    rows, case = data.draw(cases)
    case |= {"horizon_s": 400.0, "report_period_s": 0.5}
    with small_windows(5):
        run = small_scenario(rows, **case, record="summary")
    table = run.system.flow.table
    assert table.loaded == len(table.trace) == run.system.metrics["completed_units"]
    assert sorted(table._free.tolist()) == list(range(table.capacity))
    assert run.fingerprint == small_scenario(rows, **case).fingerprint


def test_a_run_that_keeps_up_needs_few_rows(small_scenario) -> None:
    rows = [(0.1 * k + 1 / 7919, k % 3, "person", 2500.0) for k in range(600)]
    with small_windows(20):
        run = small_scenario(rows, cameras=("jetson_tx2",) * 3, record="summary")
    assert run.system.metrics["completed_units"] > 590
    assert run.system.flow.table.capacity <= 50


@pytest.mark.parametrize("record", ["items", "summary", "sketch"])
def test_watching_a_run_changes_nothing(small_scenario, record: str) -> None:
    rows = [(0.01 * k, k % 2, "car", 2500.0) for k in range(200)]
    case = {"cameras": ("jetson_tx1",) * 2, "record": record}
    watched, seen = small_scenario.build(rows, **case), []
    watched.run(lambda now_s, horizon_s: seen.append(now_s))
    assert len(seen) > 20
    assert small_scenario.finish(watched).fingerprint == small_scenario(rows, **case).fingerprint


@pytest.mark.parametrize("record", ["items", "summary"])
def test_completions_of_the_instant_of_a_window_wait_for_the_next(small_scenario, record: str) -> None:
    """At 0.75 s camera_1 completes row 1, then a frame of camera_2 loads a window, then camera_2 completes row 0."""
    rows = [(0.0, 1, "any", 0.0), (0.0, 0, "any", 0.0), (0.75, 1, "any", 0.0)]
    case = {
        "cameras": ("slow", "slow"),
        "devices": {"slow": (0.5, 0.25)},
        "dag": Dag({"A": 1.0}, (), {"any": "A"}),
        "policy": CameraOnly(),
        "horizon_s": 2.0,
    }
    whole = small_scenario(rows, **case)
    assert whole.rois["done_s"].tolist() == [0.75, 0.75, 1.5]
    with small_windows(1):
        pieces = small_scenario(rows, **case, record=record)
    assert pieces.system.flow.table.loaded == 3
    assert pieces.fingerprint == whole.fingerprint
