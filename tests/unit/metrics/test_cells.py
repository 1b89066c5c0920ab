"""Runs in cells: what may stand together, and means with intervals from printed tables."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from simedge.errors import ConfigError, InputError
from simedge.metrics.cells import columns, distinct, estimate, labels, prepared, split, typed

NAN = np.nan


def runs(*rows: dict[str, Any]) -> pd.DataFrame:
    base = {"scenario": "campus", "policy": "distream"}
    keys = list(dict.fromkeys(key for row in rows for key in row if key not in {"seed", "run"}))
    made = [
        {**base, **{key: row.get(key) for key in keys if key not in base}, **row, "seed": row.get("seed", 0)}
        for row in rows
    ]
    frame = pd.DataFrame(made)
    last = ["seed", "latency_s_mean", "run"]
    frame = frame.assign(latency_s_mean=1.0, run=[f"run_{at}" for at in range(len(rows))])
    return frame[[*(name for name in frame.columns if name not in last), *last]]


def test_a_mean_has_students_interval_of_printed_tables() -> None:
    # t(0.975; 4) = 2.776, t(0.95; 4) = 2.132, t(0.975; 1) = 12.706; s of 1…5 is √2.5, of 0 and 2 it is √2
    mean, half, n, missing = estimate([1.0, 2.0, 3.0, 4.0, 5.0])
    assert (mean, n, missing) == (3.0, 5, 0)
    assert half == pytest.approx(2.776 * np.sqrt(2.5 / 5), rel=2e-4)
    assert estimate([1.0, 2.0, 3.0, 4.0, 5.0], 0.9).half == pytest.approx(2.132 * np.sqrt(0.5), rel=2e-4)
    assert estimate([0.0, NAN, 2.0, np.inf])[:1] == (1.0,)
    assert estimate([0.0, NAN, 2.0, np.inf])[2:] == (2, 2)
    assert estimate([0.0, NAN, 2.0, np.inf]).half == pytest.approx(12.706, rel=1e-4)


def test_one_value_has_no_interval_and_none_has_no_mean() -> None:
    assert estimate([4.0])[0] == 4.0
    assert np.isnan(estimate([4.0]).half)
    assert np.isnan(estimate([NAN, NAN]).mean)
    assert estimate([NAN, NAN])[2:] == (0, 2)


@pytest.mark.parametrize("level", [0.0, 1.0, 95.0, -0.5, NAN])
def test_a_level_is_a_probability(level: float) -> None:
    with pytest.raises(ConfigError, match=r"confidence level; give one such as 0\.95"):
        estimate([1.0, 2.0], level)


def test_intervals_hold_the_mean_as_often_as_they_say() -> None:
    samples = np.random.default_rng(11).normal(3.0, 2.0, (5, 20_000))
    mean, half = columns(samples, 0.9)
    held = np.mean(np.abs(mean - 3.0) <= half)
    assert held == pytest.approx(0.9, abs=4 * np.sqrt(0.9 * 0.1 / 20_000))


def test_values_are_written_as_people_write_them_and_in_their_order() -> None:
    values = [np.float64(1e8), None, 2e6, NAN, 1e7, 1e7]
    assert distinct(values) == [2e6, 1e7, 1e8, None]
    assert labels("network.uplink_bps", distinct(values)) == ["2 Mbps", "10 Mbps", "100 Mbps", "unset"]
    assert labels("policy.beta", [0.05, 1.0, np.inf]) == ["0.05", "1", "inf"]
    assert labels("policy.gamma_s", [0.1, 1.5]) == ["100 ms", "1.5 s"]
    assert distinct([True, False, np.bool_(True), "b", "a", 2]) == [False, True, 2, "a", "b"]
    assert labels("policy.balance", [False, True]) == ["false", "true"]


def test_two_values_are_never_written_alike() -> None:
    assert labels("network.uplink_bps", [10_000_000.0, 10_001_000.0]) == ["10000000.0", "10001000.0"]


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("network.uplink_bps", 1e7, "10Mbps"),
        ("network.uplink_bps", 12_345_678.0, "12345678.0"),
        ("policy.gamma_s", 0.1, "100ms"),
        ("policy.beta", 0.123456789, "0.123456789"),
        ("policy.beta", np.inf, "inf"),
        ("seed", 3, "3"),
        ("policy", "distream", "distream"),
        ("policy.balance", True, "true"),
        ("network.uplink_bps", None, "null"),
    ],
)
def test_what_is_typed_is_exact(key: str, value: Any, text: str) -> None:
    assert typed(key, value) == text


def test_cells_are_in_order_and_hold_every_run_once() -> None:
    table = runs(*({"policy.beta": b, "seed": s} for b in (1.0, 0.2, 10.0) for s in (4, 2)))
    cells = split(table, ["policy.beta"])
    assert list(cells) == [(0.2,), (1.0,), (10.0,)]
    assert sorted(row for rows in cells.values() for row in rows) == list(range(6))
    assert cells[(0.2,)] == [3, 2]  # by seed


def test_a_seed_counts_once() -> None:
    table = runs({"policy.beta": 0.2, "seed": 3}, {"policy.beta": 0.2, "seed": 3})
    with pytest.raises(InputError, match=r"^run_0 and run_1: seed 3 stands twice in one place of the figure; leave"):
        split(table, ["policy.beta"])
    assert split(table, ["policy.beta"], unique=False) == {(0.2,): [0, 1]}


def test_runs_that_differ_in_what_is_not_shown_are_refused() -> None:
    table = runs(*({"network.uplink_bps": u, "policy.beta": b} for u in (1e7, 5e7) for b in (0.1, 0.2)))
    with pytest.raises(ConfigError) as refused:
        prepared(table, ("policy",))
    assert str(refused.value) == (
        "network.uplink_bps: the runs differ in this too (10 Mbps, 50 Mbps), and in policy.beta; "
        "choose some of them, such as network.uplink_bps=10Mbps, or show it (--x, --y, --by)"
    )
    prepared(table, ("policy.beta", "network.uplink_bps"))
    prepared(table[table["network.uplink_bps"] == 1e7], ("policy.beta",))


def test_unset_is_a_value_except_of_a_policys_own_key() -> None:
    with pytest.raises(ConfigError, match=r"^network.uplink_bps: .* \(10 Mbps, unset\)"):
        prepared(runs({"network.uplink_bps": 1e7}, {"network.uplink_bps": None, "seed": 1}), ("policy",))
    prepared(runs({"policy.beta": 0.2}, {"policy.beta": None, "policy": "camera_only"}), ("policy",))


def test_what_follows_from_what_is_shown_is_no_difference() -> None:
    gammas = ({"policy.gamma_s": 0.5}, {"policy.gamma_s": 0.1, "policy": "distream_fast"})
    prepared(runs(*gammas), ("policy",))
    with pytest.raises(ConfigError, match=r"^policy: .* \(distream, distream_fast\), and in policy.gamma_s;"):
        prepared(runs(*gammas), ("seed",))
    with pytest.raises(ConfigError, match=r"^network.uplink_bps:"):  # a policy does not decide that
        prepared(runs({"network.uplink_bps": 1e7}, {"network.uplink_bps": 2e7, "policy": "camera_only"}), ("policy",))
    towns = runs({"workload.kind": "recorded"}, {"workload.kind": "generated", "scenario": "traffic"})
    prepared(towns, ("scenario",))
    with pytest.raises(ConfigError, match=r"^scenario:"):
        prepared(towns, ("policy",))


def test_how_a_run_was_kept_is_no_difference() -> None:
    prepared(runs({"record": "items"}, {"record": "summary", "seed": 1}), ("policy",))


def test_cameras_are_those_of_a_group_times_the_groups() -> None:
    cluster = [{"cluster.cameras": '["a", "b", "b"]', "cluster.groups": n, "cluster.gpus": n} for n in (1, 4)]
    table = prepared(runs(*cluster), ("cameras", "policy"))
    assert list(table["cameras"]) == [3, 12]
    with pytest.raises(ConfigError, match=r"^cluster.groups: is needed to count cameras"):
        prepared(runs({"cluster.cameras": '["a"]'}), ("cameras",))
    with pytest.raises(ConfigError, match=r"^cameras: some of the runs have no cameras"):
        prepared(runs(cluster[0], {"cluster.cameras": None, "cluster.groups": None}), ("cameras",))


@pytest.mark.parametrize(
    ("shown", "metric", "said"),
    [
        (("policy.bta",), None, "policy.bta: no run has such a key; did you mean 'policy.beta'"),
        (("latency_s_mean",), None, "latency_s_mean: no run has such a key"),
        (("policy.beta", "policy.beta"), None, "policy.beta: would be shown twice"),
        (("policy.beta",), "latency_s_men", "there is no metric 'latency_s_men'; did you mean 'latency_s_mean'"),
        (("policy.beta",), "utilisation.gpu_9", "utilisation.gpu_9: no run has this metric"),
    ],
)
def test_unknown_names_are_named(shown: tuple[str, ...], metric: str | None, said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        prepared(runs({"policy.beta": 0.2}), shown, metric)
    assert str(refused.value).startswith(said)


def test_no_runs_are_refused() -> None:
    with pytest.raises(InputError, match="there are no runs to draw"):
        prepared(runs({"policy.beta": 0.2}).iloc[:0], ("policy.beta",))
