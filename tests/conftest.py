"""What test modules share: a factory of small runs, and golden files."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from simedge import cli
from simedge.policies.video.baselines import CameraOnly
from simedge.policies.video.interface import VideoPolicy
from simedge.systems.video.scenario import ClusterSpec, Dag, Network, Queues, VideoScenario, Workload
from simedge.systems.video.system import VideoSystem
from simedge.traces.synthetic import Tracks
from simedge.traces.trace import RoiTrace

settings.register_profile(
    "everyday", max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "search", max_examples=2000, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "everyday"))

CAMPUS = Dag(
    {"kind": 3, "vc": 6.45, "vt": 13.5, "vm": 4.05, "pb": 8, "pg": 8, "ok": 8},
    (("kind", "vc"), ("vc", "vt"), ("vt", "vm"), ("kind", "pb"), ("pb", "pg"), ("kind", "ok")),
    {"car": "vm", "person": "pg", "other": "ok"},
)
CAMPUS_MIX = {"car": 0.15, "person": 0.7, "other": 0.15}

_PROFILE = """\
name: {name}
inference:
  batch_max: {{value: 64, unit: items, kind: assumed, source: a test}}
  fixed: {{value: {fixed!r}, unit: s, kind: assumed, source: a test}}
  per_item: {{value: {per_item!r}, unit: s, kind: assumed, source: a test}}
"""

Row = tuple[float, int, str, float]
"""Time in s, camera index, path, size in bytes."""


@dataclass(frozen=True, eq=False)
class Run:
    """A run that is over."""

    system: VideoSystem
    columns: Mapping[str, Mapping[str, Any]]
    facts: Mapping[str, Any]

    @property
    def rois(self) -> Mapping[str, Any]:
        return self.columns["rois"]

    @property
    def fingerprint(self) -> str:
        return str(self.facts["fingerprint"])


class SmallScenarios:
    """Call it with rows (time_s, camera index, path, size_bytes) and what differs from the defaults: a `Run`.

    `build` stops before the run and returns the `VideoSystem`. Devices of a test's own are given as
    ``devices={"name": (fixed_s, per_item_s)}``, both per unit of classifier cost.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.campus, self.campus_mix = CAMPUS, CAMPUS_MIX
        self._count = 0

    def build(
        self,
        rows: Sequence[Row],
        *,
        policy: VideoPolicy | None = None,
        cameras: Sequence[str] = ("jetson_tx1",),
        edge: str = "titan_x",
        gpus: int = 1,
        camera_batch: int = 8,
        edge_batch: int = 32,
        dag: Dag = CAMPUS,
        mix: Mapping[str, float] | None = None,
        network: Mapping[str, Any] | None = None,
        queues: Mapping[str, Any] | None = None,
        devices: Mapping[str, tuple[float, float]] | None = None,
        seed: int = 0,
        horizon_s: float | None = None,
        **others: Any,
    ) -> VideoSystem:
        self._count += 1
        config_dir = None
        if devices:
            config_dir = self.folder / f"config_{self._count}"
            (config_dir / "hardware_profiles").mkdir(parents=True)
            for name, (fixed, per_item) in devices.items():
                text = _PROFILE.format(name=name, fixed=float(fixed), per_item=float(per_item))
                (config_dir / "hardware_profiles" / f"{name}.yaml").write_text(text)
        spec = ClusterSpec(tuple(cameras), edge=edge, gpus=gpus, camera_batch=camera_batch, edge_batch=edge_batch)
        rows = sorted(rows, key=lambda row: row[0])  # stable: a frame keeps its order
        paths = tuple(dag.leaves)
        trace = RoiTrace(
            [row[0] for row in rows],
            [row[1] for row in rows],
            [paths.index(row[2]) for row in rows],
            [row[3] for row in rows],
            spec.names,
            paths,
        )
        file = self.folder / f"trace_{self._count}.csv"
        trace.write(file)
        tracks = Tracks(
            weights=(1.0,) * len(spec.cameras), rate_ips=1.0, dwell_s=1.0, move_probability=0.0, camera_sd=0.0,
            camera_tau_s=1.0, clip_spread=0.0,
        )  # fmt: skip
        scenario = VideoScenario(
            "small",
            CameraOnly() if policy is None else policy,
            spec,
            Network(**(network or {})),
            dag,
            Workload(mix or dict.fromkeys(paths, 1.0), tracks, "recorded", str(file)),
            Queues(**(queues or {})),
            seed=seed,
            horizon_s=horizon_s,
            **others,
        )
        try:
            return VideoSystem(scenario, config_dir)
        finally:
            file.unlink()

    def finish(self, system: VideoSystem) -> Run:
        """Finish a run, and give back to its logs what they forget when the books are closed."""
        flow = system.flow
        logs = [flow.edge.delivered, flow.edge.started, flow.done]
        logs += [log for camera in flow.cameras for log in (camera.taken, camera.executed, camera.moved)]
        entries = [list(log.entries) for log in logs]
        columns, facts = system.finish()
        for log, kept in zip(logs, entries, strict=True):
            log.entries[:] = kept
        return Run(system, columns, facts)

    def __call__(self, rows: Sequence[Row], **differences: Any) -> Run:
        system = self.build(rows, **differences)
        system.run()
        return self.finish(system)


@pytest.fixture(scope="session")
def small_scenario(tmp_path_factory: pytest.TempPathFactory) -> SmallScenarios:
    return SmallScenarios(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="session")
def stage_by_stage() -> Callable[..., float]:
    """Seconds of a batch the long way round: one launch per classifier over all items that need it."""

    def seconds(costs: Sequence[float], fixed: float, per_item: float, items: Sequence[Sequence[int]]) -> float:
        total = 0.0
        for k, cost in enumerate(costs):
            count = sum(k in item for item in items)
            total += cost * (fixed + per_item * count) if count else 0.0
        return total

    return seconds


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="write tests/golden anew instead of comparing with it"
    )


class Golden:
    """Compare with files of ``tests/golden``; with ``--update-golden`` write them."""

    def __init__(self, folder: Path, update: bool) -> None:
        self.folder, self.update = folder, update

    def text(self, name: str, text: str) -> None:
        """Equal to the letter."""
        path = self.folder / name
        if self.update:
            path.write_text(text, encoding="utf-8")
        assert path.is_file(), f"{path.name} is missing; run pytest with --update-golden and read what it wrote"
        assert text == path.read_text(encoding="utf-8"), f"{path.name} differs; if that is meant, use --update-golden"

    def numbers(self, name: str, facts: Mapping[str, Any], *, rel: float = 1e-9, abs: float = 1e-12) -> None:
        """A flat mapping: strings and whole numbers equal exactly, floats within tolerance, NaN to NaN."""
        path = self.folder / name
        if self.update:
            path.write_text(json.dumps(dict(facts), indent=1, sort_keys=True) + "\n", encoding="utf-8")
        assert path.is_file(), f"{path.name} is missing; run pytest with --update-golden and read what it wrote"
        known = json.loads(path.read_text(encoding="utf-8"))
        assert sorted(facts) == sorted(known)
        for key, value in facts.items():
            if isinstance(value, (float, np.floating)):
                assert float(value) == pytest.approx(known[key], rel=rel, abs=abs, nan_ok=True), key
            else:
                assert value == known[key], key


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    return Golden(Path(__file__).parent / "golden", request.config.getoption("--update-golden"))


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Call the command line in this process: exit code, standard output, standard error."""

    def call(*words: str) -> tuple[int, str, str]:
        code = cli.main(list(words))
        said = capsys.readouterr()
        return code, said.out, said.err

    return call
