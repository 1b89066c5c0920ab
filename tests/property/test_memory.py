"""Memory of a run that keeps a sketch: it does not grow with the run, but for the arrivals themselves."""

from __future__ import annotations

import gc
import tracemalloc

import pytest

import simedge
from simedge.systems.video.system import VideoSystem

OVERRIDES = ("workload=generated", "workload.tracks.rate_ips=150", "seed=1", "policy=videoedge_l")


def peak_bytes(horizon_s: float, record: str) -> tuple[int, int]:
    """Most bytes that a run holds beside what it was built with, such as its trace, and the number of its ROIs."""
    system = VideoSystem(simedge.load("campus", *OVERRIDES, f"horizon_s={horizon_s}", f"record={record}").check())
    gc.collect()
    tracemalloc.start()
    try:
        system.run()
        system.finish()
        return tracemalloc.get_traced_memory()[1], len(system.flow.table.trace)
    finally:
        tracemalloc.stop()


def test_a_sketch_stays_flat_where_items_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Campus at a load with which it keeps up, for one minute and for four.

    Besides windows, monitor and sketches, none of which know the horizon, there are 16 bytes for each second's counts.
    """
    monkeypatch.setattr("simedge.systems.video.flow.WINDOW_ROIS", 200)
    monkeypatch.setattr("simedge.systems.video.monitor.HISTORY_S", 1.0)
    monkeypatch.setattr("simedge.systems.video.monitor._KEPT_REPORTS", 50)
    peak_bytes(5.0, "sketch")  # imports
    grown = {}
    for record in ("sketch", "items"):
        (short, few), (long, many) = peak_bytes(60.0, record), peak_bytes(240.0, record)
        assert many > 3 * few > 20_000
        grown[record] = (long - short) / (many - few)
    assert grown["sketch"] < 3  # bytes for one more ROI
    assert grown["items"] > 100
