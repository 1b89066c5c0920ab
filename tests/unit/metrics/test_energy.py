"""Energy from busy times, bytes and the power of profiles."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simedge.experiment.run import Scenario, load
from simedge.metrics.results import Results

POWER_W = {"camera_1": (2.0, 10.0), "camera_2": (1.0, 5.0), "gpu_1": (20.0, 250.0)}


def energies(run: Results) -> dict[str, float]:
    return {name: value for name, value in run.metrics.items() if name.startswith("energy_j")}


def test_energy_by_hand(make_run: Callable[..., Results]) -> None:
    """4 s; busy 1.75, 0.75 and 1 s; 7500 bytes at 1 uJ per bit; five units were completed."""
    joules = {"camera_1": 2.25 * 2 + 1.75 * 10, "camera_2": 3.25 * 1 + 0.75 * 5, "gpu_1": 3 * 20 + 1 * 250}
    joules["network"] = 7500 * 8 * 1e-6
    whole = sum(joules.values())
    expected = {f"energy_j.{name}": value for name, value in joules.items()}
    expected |= {"energy_j": whole, "energy_j_per_unit": whole / 5}
    assert energies(make_run(power_w=POWER_W, energy_per_bit=1e-6)) == pytest.approx(expected, rel=1e-12)
    per_unit = energies(make_run(power_w=POWER_W, energy_per_bit=1e-6, warmup_s=2.0))["energy_j_per_unit"]
    assert per_unit == pytest.approx(whole / 5)  # the warm-up takes energy, and completes units


def test_what_is_not_known_is_not_summed(make_run: Callable[..., Results]) -> None:
    assert energies(make_run()) == {}
    some = energies(make_run(power_w={"gpu_1": (20.0, 250.0)}, energy_per_bit=1e-6))
    assert some["energy_j.gpu_1"] == 310.0 and some["energy_j.network"] == pytest.approx(0.06)
    assert np.isnan(some["energy_j"]) and np.isnan(some["energy_j_per_unit"])
    devices = energies(make_run(power_w=POWER_W))
    assert devices["energy_j"] == pytest.approx(22 + 7 + 310) and np.isnan(devices["energy_j.network"])
    assert np.isnan(energies(make_run(power_w=POWER_W, rows=0))["energy_j_per_unit"])


ABOUT = 'kind: assumed, source: "a test"'
DEVICE = f"""\
name: NAME
inference:
  batch_max: {{value: 64, unit: items, {ABOUT}}}
  fixed: {{value: 0.3, unit: ms, {ABOUT}}}
  per_item: {{value: 1, unit: ms, {ABOUT}}}
power:
  idle: {{value: 1500, unit: mW, {ABOUT}}}
  busy: {{value: 10, unit: W, {ABOUT}}}
"""
LINK = f"""\
rate: {{value: 10, unit: Mbps, {ABOUT}}}
call: {{value: 1, unit: ms, {ABOUT}}}
call_max: {{value: 20, unit: units, {ABOUT}}}
energy_per_bit: {{value: 5, unit: nJ/bit, {ABOUT}}}
"""


@pytest.fixture
def powered(tmp_path: Path) -> Callable[..., Scenario]:
    folder = tmp_path / "hardware_profiles"
    folder.mkdir()
    for name in ("slow", "fast"):
        (folder / f"{name}.yaml").write_text(DEVICE.replace("NAME", name))
    (folder / "metered.yaml").write_text(LINK)
    six = ",".join(["slow"] * 6)
    chosen = ("workload=generated", "horizon_s=5", "policy=videoedge_l")
    mine = (f"cluster.cameras=[{six}]", "cluster.edge=fast", "network.uplink=metered")
    return lambda *more: load("campus", *chosen, *mine, *more, config_dir=tmp_path)


def test_profiles_with_power_give_energy(powered: Callable[..., Any], tmp_path: Path) -> None:
    """The identity: idle power for all of the time of all devices, and the difference while they were busy."""
    run = powered().run()
    metrics = run.metrics
    busy_s = sum(run.facts["busy_s"].values())
    network_j = metrics["uplink_bytes"] * 8 * 5e-9
    assert metrics["energy_j.network"] == pytest.approx(network_j, rel=1e-12)
    assert metrics["energy_j"] == pytest.approx(7 * 5 * 1.5 + busy_s * 8.5 + network_j, rel=1e-12)
    done = int((~np.isnan(run.columns["rois"]["done_s"])).sum())
    assert metrics["energy_j_per_unit"] == pytest.approx(metrics["energy_j"] / done, rel=1e-12)
    assert len(energies(run)) == 7 + 3
    assert energies(Results.load(run.save(tmp_path / "saved"))) == energies(run)
    brief = powered("record=summary").run()
    assert energies(brief) == pytest.approx(energies(run), rel=1e-12)


def test_energy_changes_nothing_else(powered: Callable[..., Any], tmp_path: Path) -> None:
    run = powered().run()
    for name in ("slow", "fast"):
        (tmp_path / "hardware_profiles" / f"{name}.yaml").write_text(DEVICE.split("power:", maxsplit=1)[0])
    (tmp_path / "hardware_profiles" / "metered.yaml").write_text(LINK.split("energy", maxsplit=1)[0])
    plain = powered().run()
    assert plain.fingerprint == run.fingerprint
    assert energies(plain) == {} and set(run.metrics) - set(plain.metrics) == set(energies(run))
    assert not {"power_w", "energy_per_bit"} & set(plain.facts)


def test_energy_is_compared_like_any_metric(
    powered: Callable[..., Any], tmp_path: Path, command: Callable[..., tuple[int, str, str]]
) -> None:
    for policy in ("camera_only", "centralized"):
        for seed in (0, 1, 2):
            powered(f"policy={policy}", f"seed={seed}", "horizon_s=2").run().save(
                tmp_path / "runs" / f"{policy}-{seed}"
            )
    code, out, err = command("compare", str(tmp_path / "runs"), "--metric", "energy_j,energy_j_per_unit")
    assert (code, err) == (0, "")
    assert "energy_j [J]:" in out and "energy_j_per_unit [J]:" in out
    load("campus", "workload=generated", "horizon_s=2").run().save(tmp_path / "plain" / "one")
    code, out, err = command("compare", str(tmp_path / "plain"), "--metric", "energy_j")
    assert (code, out, err) == (2, "", "simedge: no run has the metric 'energy_j'; name one that the runs have\n")
