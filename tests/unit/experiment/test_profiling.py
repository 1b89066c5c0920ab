"""From repeated latencies to a profile that a run reads, and what measuring counts."""

from __future__ import annotations

import math
import time
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from simedge.errors import ConfigError, ProfileError
from simedge.experiment.measure import Model, Settings, measure, prepare, split
from simedge.experiment.profiling import as_yaml, doubt, profiled, rows, spread, write
from simedge.experiment.timings import Timings
from simedge.hardware.latency import LatencyCurve, LatencyTable
from simedge.hardware.profile import read_device


def repeated(means: dict[int, float], *factors: float) -> dict[int, np.ndarray]:
    return {size: mean * np.array(factors or (0.9, 1.0, 1.1)) for size, mean in means.items()}


LINE = {1: 0.012, 4: 0.018, 8: 0.026, 16: 0.042}  # 10 ms + 2 ms per item
STEPS = {1: 0.01, 2: 0.01, 4: 0.01, 8: 0.02, 16: 0.04, 32: 0.08}


def test_a_written_profile_is_read_back(tmp_path: Path) -> None:
    timings: Timings = {"kind": repeated(LINE), "vehicle_type": repeated(STEPS)}
    found = profiled(timings)
    text = as_yaml("desk", "desk: a test", "a test", timings, found, {"kind": "models:Kind"})
    profile = read_device(str(write(tmp_path / "desk.yaml", text)))
    assert (profile.name, profile.batch_max) == ("desk", 32)
    assert profile.spread == pytest.approx(0.1, rel=1e-3)
    kind, steps = profile.table("kind", 1.0, 16), profile.table("vehicle_type", 1.0, 32)
    assert isinstance(kind, LatencyTable) and isinstance(steps, LatencyCurve)
    assert (kind.fixed_s, kind.per_item_s) == (pytest.approx(0.010), pytest.approx(0.002))
    for size, mean in STEPS.items():
        assert steps.latency_s(size) == pytest.approx(mean, rel=1e-5)
    said = yaml.safe_load(text)["inference"]["classifiers"]
    assert said["kind"]["source"] == "a test, models:Kind, n=3"
    assert said["vehicle_type"]["source"] == "a test, n=3"
    assert "# 8: 3, 26 ± 2.6, 23.92 / 26 / 28.08 / 28.55" in text  # percentiles interpolate linearly
    assert "line 10 ms + 2 ms per item, leave-one-out error" in text and "line cannot be used," in text
    assert text.startswith("# desk: a test\n")


@given(st.text(min_size=1), st.text())
def test_any_name_and_origin_can_be_written(name: str, source: str) -> None:
    timings: Timings = {name: repeated(LINE)}
    text = as_yaml("desk", f"desk: {source}", source, timings, profiled(timings), {name: source})
    said = yaml.safe_load(text)
    (written,) = said["inference"]["classifiers"]
    assert written == "".join(mark if mark.isprintable() else "?" for mark in " ".join(name.split()))


def test_one_repetition_tells_no_spread(tmp_path: Path) -> None:
    timings: Timings = {"kind": repeated(LINE, 1.0)}
    assert math.isnan(spread(timings)) and math.isnan(doubt(timings))
    text = as_yaml("desk", "desk", "a test", timings, profiled(timings), {})
    assert "spread" not in text
    assert read_device(str(write(tmp_path / "desk.yaml", text))).spread == 0.0


def test_the_doubt_is_the_largest_standard_error() -> None:
    """sd of 0.9, 1, 1.1 is 0.1; of 0.5, 1.5 it is 0.7071."""
    timings: Timings = {"a": repeated(LINE), "b": repeated(LINE, 0.5, 1.5)}
    assert doubt(timings) == pytest.approx(0.5)
    assert spread(timings) == pytest.approx(math.sqrt((0.1**2 + 0.5) / 2))


def test_the_better_fit_is_chosen_of_those_that_can_be_used() -> None:
    made = {one.name: one for one in profiled({"line": repeated(LINE), "steps": repeated(STEPS)})}
    assert made["line"].interpolation == "line" and set(made["line"].fits) == {"line", "monotone"}
    assert made["steps"].interpolation == "monotone" and set(made["steps"].fits) == {"monotone"}
    (no_start,) = profiled({"kind": repeated({8: 0.026, 16: 0.042})})
    assert no_start.interpolation == "line" and math.isnan(no_start.errors["line"])
    concave = {1: 0.010, 2: 0.0185, 4: 0.0345, 8: 0.064, 16: 0.119, 32: 0.221}  # within 10 % of a line, yet bent
    (bent,) = profiled({"kind": repeated(concave)})
    assert set(bent.fits) == {"line", "monotone"} and bent.interpolation == "monotone"
    assert bent.errors["monotone"] < bent.errors["line"]


def test_latencies_that_nothing_fits_are_refused() -> None:
    with pytest.raises(ProfileError, match=r"latencies of kind: .* measure again") as caught:
        profiled({"kind": repeated({1: 9.0, 8: 2.0})})
    assert "\n" not in str(caught.value)


def test_the_table_has_a_row_for_every_size() -> None:
    made = rows(profiled({"kind": repeated(LINE), "steps": repeated(STEPS, 1.0)}))
    assert made[0] == ["classifier", "batch", "n", "mean ms", "sd", "p10", "p50", "p90", "p99", "line", "monotone"]
    assert len(made) == 1 + len(LINE) + len(STEPS) and len({len(row) for row in made}) == 1
    assert made[2] == ["kind", "4", "3", "18", "1.8", "16.56", "18", "19.44", "19.76", "18", "18"]
    assert made[5][4] == "–" and made[5][9] == "–"


@pytest.mark.parametrize("said", ["", "kind", "kind=", "=m:A", "m:", ":A", "kind=m", "=x.onnx"])
def test_what_is_no_model(said: str) -> None:
    with pytest.raises(ConfigError, match="is no model; write module:function"):
        split(said)


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("nowhere_at_all:Kind", "nowhere_at_all: cannot be imported: ModuleNotFoundError"),
        ("math:Kind", "math:Kind: math has no 'Kind'; name what the module defines"),
        ("math:pi.x", "math:pi.x: math has no 'x'"),
        ("math:pi", "math:pi: is float, not a torch.nn.Module"),
        ("builtins:list", "builtins:list: is list, not a torch.nn.Module"),
        ("math:sqrt", "math:sqrt: does not run: TypeError"),
    ],
)
def test_models_that_cannot_be_had(target: str, says: str) -> None:
    pytest.importorskip("torch", reason="torch is not installed: pip install 'simedge[learn]'")
    with pytest.raises(ConfigError) as caught:
        prepare(target, Settings())
    assert says in str(caught.value) and "\n" not in str(caught.value)


def test_every_round_visits_every_size_twice_and_times_the_second() -> None:
    """The second of two launches sleeps, and a sleep is never shorter than asked: it is the one in the timings."""
    order: list[tuple[str, int]] = []

    def launch(name: str, batch: int):
        def run() -> None:
            order.append((name, batch))
            if order.count((name, batch)) % 2 == 0:
                time.sleep(0.002 * batch)

        return run

    models = {name: Model({batch: launch(name, batch) for batch in (1, 2)}, "a test") for name in ("a", "b")}
    told: list[tuple[int, int]] = []
    found = measure(models, Settings((1, 2), repeat=3, warmup=2), lambda *at: told.append(at))
    assert {name: {size: len(values) for size, values in sizes.items()} for name, sizes in found.items()} == {
        name: {1: 3, 2: 3} for name in ("a", "b")
    }
    assert all((values >= 0.002 * size).all() for sizes in found.values() for size, values in sizes.items())
    assert told == [(at, 5) for at in range(1, 6)]
    rounds = [order[at : at + 8] for at in range(0, 40, 8)]
    assert len(rounds) == 5 and all(sorted(one) == sorted(rounds[0]) for one in rounds)
    assert len({tuple(one) for one in rounds}) > 2  # in other orders
