"""A run of six ROIs on two cameras and one GPU, small enough to be worked by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from simedge.metrics.results import Results
from simedge.metrics.schema import PARTS, Categorical

CAMERAS = ("camera_1", "camera_2")
NAN = np.nan


def six_rois() -> dict[str, Any]:
    parts = {
        "queue_s": [0.0, 0.5, 0.0, 0.25, 0.5, NAN],
        "camera_s": [0.5, 0.25, 0.25, 0.5, 0.5, NAN],
        "network_s": [0.0, 0.25, 0.25, 0.0, 0.25, NAN],
        "edge_queue_s": [0.0, 0.5, 0.0, 0.0, 0.0, NAN],
        "edge_s": [0.0, 0.25, 0.5, 0.0, 0.25, NAN],
    }
    arrived_s = np.array([0.0, 0.0, 1.0, 1.5, 2.0, 3.0])
    latency_s = np.sum([parts[name] for name in PARTS], axis=0)  # 0.5 1.75 1.0 0.75 1.5 nan
    return {
        "roi": np.arange(6),
        "camera": Categorical(np.array([0, 0, 1, 1, 0, 0], np.int32), CAMERAS),
        "path": Categorical(np.array([0, 1, 0, 1, 0, 1], np.int32), ("car", "person", "other")),
        "arrived_s": arrived_s,
        "size_bytes": np.full(6, 2500.0),
        "cut": np.array([4, 1, 1, 3, 2, -1], np.int32),
        "processed_by": Categorical(np.array([0, 0, 1, 0, 0, -1], np.int32), CAMERAS),
        "migrations": np.array([0, 0, 0, 2, 0, 0], np.int32),
        **{name: np.array(values) for name, values in parts.items()},
        "latency_s": latency_s,
        "done_s": arrived_s + latency_s,  # 0.5 1.75 2.0 2.25 3.5 nan
        "lost_s": np.full(6, NAN),
    }


def four_reports() -> dict[str, Any]:
    whole = np.int32
    return {
        "time_s": np.repeat([1.0, 2.0, 3.0, 4.0], 3),
        "entity": Categorical(np.tile(np.arange(3, dtype=np.int32), 4), (*CAMERAS, "edge")),
        "queue_units": np.array([2, 0, 0, 4, 2, 6, 0, 0, 0, 2, 1, 5], whole),
        "outbound_units": np.array([0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 3, 0], whole),
        "arrived_units": np.array([2, 1, 0, 0, 1, 0, 1, 0, 0, 1, 0, 0], whole),
        "processed_units": np.array([1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 1], whole),
        "backlog_units": np.array([2.0, 0, 0, 4, 2, 4, 0, 0, 0, 2, 1, 4]),
    }


def facts(**changes: Any) -> dict[str, Any]:
    return {
        "scenario": "hand",
        "system": "video",
        "policy": "camera_only",
        "seed": 7,
        "horizon_s": 4.0,
        "warmup_s": 0.0,
        "slo_s": 1.0,
        "fingerprint": "0123456789abcdef",
        "kernel_events": 42,
        "capacity_ips": {"camera_1": 2.0, "camera_2": 1.0, "edge": 4.0},
        "busy_s": {"camera_1": 1.75, "camera_2": 0.75, "gpu_1": 1.0},
        "path_lengths": {"car": 4, "person": 3, "other": 2},
        "bytes": {"camera_1": 5000.0, "camera_2": 2500.0},
        "bound_ips": 2.0,
        "migrated_units": 2,
        "migration_calls": 1,
        "workload": "recorded",
        "foresight": False,
        "inputs": {"hand.csv": "ff"},
        **changes,
    }


@pytest.fixture
def make_run() -> Callable[..., Results]:
    """Build the run; `rois` and `reports` replace columns, `rows` keeps the first rows of both, others are facts."""

    def make(*, rois: Any = (), reports: Any = (), rows: int | None = None, **changes: Any) -> Results:
        columns = {"rois": {**six_rois(), **dict(rois)}, "reports": {**four_reports(), **dict(reports)}}
        if rows is not None:
            columns = {
                name: {
                    key: Categorical(v.codes[:rows], v.names) if isinstance(v, Categorical) else v[:rows]
                    for key, v in table.items()
                }
                for name, table in columns.items()
            }
        config = {"name": "hand", "policy": {"name": "camera_only", "beta": np.inf}, "mix": (0.5, 0.5), "trace": None}
        return Results(columns, config, facts(**changes), cpu_s=0.25)

    return make
