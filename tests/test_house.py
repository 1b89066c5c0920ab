"""The house keeps its walls: imports run downward, no clock or dice in the simulated world, one fingerprint a seed."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
WORLD = ("kernel", "hardware", "policies", "systems")


def python(code: str, *arguments: str, **environment: str) -> str:
    """Run code in a fresh interpreter of the same kind; return what it prints."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_imports_keep_the_contracts() -> None:
    python("import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))")


POLICIES_ALONE = """
import sys

class NoSimulator:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("simpy", "pandas", "yaml", "hydra", "torch", "matplotlib"):
            raise ImportError(f"{name} is not installed here")

sys.meta_path.insert(0, NoSimulator())
from simedge.policies.check import check_policy
from simedge.policies.video.artifact import DistreamArtifact
from simedge.policies.video.baselines import CameraOnly, Centralized, VideoEdgeL
from simedge.policies.video.distream import Distream

for policy in (CameraOnly(), Centralized(), VideoEdgeL(), Distream(), DistreamArtifact()):
    check_policy(policy, trials=2)
    print(type(policy).__name__)
rooms = {name.split(".")[1] for name in sys.modules if name.startswith("simedge.")}
assert rooms == {"policies"}, rooms
try:
    import simpy
except ImportError:
    print("no simpy")
"""


def test_policies_run_where_there_is_no_simulator() -> None:
    policies = ["CameraOnly", "Centralized", "VideoEdgeL", "Distream", "DistreamArtifact"]
    assert python(POLICIES_ALONE).splitlines() == [*policies, "no simpy"]


@pytest.mark.parametrize("module", ["simedge", "simedge.systems.video.system", "simedge.experiment.catalog"])
def test_importing_pulls_in_nothing_heavy(module: str) -> None:
    loaded = set(python(f"import sys, {module}; print(*sys.modules)").split())
    assert module in loaded
    assert not loaded & {"torch", "pandas", "matplotlib", "hydra", "pyarrow"}


TINY_RUN = """
import sys
from simedge.policies.video.baselines import VideoEdgeL
from simedge.systems.video.scenario import ClusterSpec, Dag, Network, VideoScenario, Workload
from simedge.systems.video.system import VideoSystem
from simedge.traces.synthetic import Tracks

dag = Dag({"kind": 3, "bag": 8, "car": 9}, (("kind", "bag"), ("kind", "car")), {"person": "bag", "car": "car"})
tracks = Tracks(weights=(2.0, 1.0), rate_ips=60.0, dwell_s=2.0, move_probability=0.3, camera_sd=0.1, camera_tau_s=9.0,
                clip_spread=0.1, warmup_s=5.0)
system = VideoSystem(VideoScenario("tiny", VideoEdgeL(0.4), ClusterSpec(("jetson_tx1", "jetson_tx2")), Network(), dag,
                     Workload({"person": 0.7, "car": 0.3}, tracks, "generated"), seed=int(sys.argv[1]), horizon_s=8.0))
system.run()
columns, facts = system.finish()
print(facts["fingerprint"], facts["kernel_events"], len(columns["rois"]["roi"]) > 100)
"""


def test_a_seed_has_one_fingerprint_whatever_the_hash_seed() -> None:
    prints = [python(TINY_RUN, "5", PYTHONHASHSEED=hash_seed).split() for hash_seed in ("0", "1", "random")]
    assert prints[0] == prints[1] == prints[2]
    assert prints[0][2] == "True"
    assert python(TINY_RUN, "6", PYTHONHASHSEED="0").split()[0] != prints[0][0]


BANNED = {"time", "random", "secrets", "uuid", "datetime"}
ORDERLESS = {"sorted", "sum", "min", "max", "any", "all", "len", "set", "frozenset"}


def complaints(text: str) -> list[str]:
    """Host clocks, dice, hashes and walks through sets, with their lines.

    A walk through a set is allowed where its order cannot matter: directly inside `sorted`, `sum`, `min`, ….
    """
    tree = ast.parse(text)
    found: list[str] = []
    harmless = {
        id(argument)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ORDERLESS
        for argument in node.args
    }
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.Import):
            found += [f"{line}: import {alias.name}" for alias in node.names if alias.name.split(".")[0] in BANNED]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in BANNED:
            found.append(f"{line}: from {node.module}")
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("hash", "id"):
            found.append(f"{line}: {node.func.id}()")
        elif isinstance(node, ast.Attribute) and ast.unparse(node) in ("np.random.seed", "np.random.default_rng"):
            found.append(f"{line}: {ast.unparse(node)}")
        walks = [node.iter] if isinstance(node, ast.For) else []
        if isinstance(node, (ast.ListComp, ast.DictComp, ast.GeneratorExp)) and id(node) not in harmless:
            walks = [part.iter for part in node.generators]
        for walked in walks:
            called = isinstance(walked, ast.Call) and ast.unparse(walked.func) in ("set", "frozenset")
            if called or isinstance(walked, (ast.Set, ast.SetComp)):
                found.append(f"{line}: walks through a set")
    return found


def modules() -> list[Path]:
    return sorted(path for room in WORLD for path in (ROOT / "simedge" / room).rglob("*.py"))


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_clock_and_no_dice_in_the_simulated_world(path: Path) -> None:
    assert complaints(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "text",
    [
        "import time",
        "import random as r",
        "from time import perf_counter",
        "from datetime import datetime",
        "def f(x):\n    return hash(x)",
        "for x in {1, 2}:\n    pass",
        "y = [x for x in set(z)]",
        "y = ''.join(x for x in set(z))",
        "rng = np.random.default_rng()",
    ],
)
def test_the_check_can_fail(text: str) -> None:
    assert complaints(text)


def test_the_check_looks_somewhere() -> None:
    assert len(modules()) > 20
    assert complaints("y = sorted(x for x in set(z))\nfor x in sorted(set(z)):\n    pass") == []
