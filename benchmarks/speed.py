"""Speed of simedge beside the naive model, measured side by side: ``python -m benchmarks.speed``. See README.md."""

from __future__ import annotations

import argparse
import gc
import heapq
import itertools
import platform
import statistics
import time
from collections.abc import Callable
from typing import Any, NamedTuple
from unittest import mock

import numpy as np

from benchmarks.naive import NaiveModel
from benchmarks.naive_inputs import Inputs
from simedge.experiment.catalog import names
from simedge.experiment.run import load
from simedge.kernel import environment
from simedge.systems.video.system import VideoSystem

POLICIES = ("camera_only", "centralized", "videoedge_l", "distream")
EVENTS_PER_EXECUTION_MAX = 1.2


class Round(NamedTuple):
    """CPU seconds of one round."""

    simedge_s: float
    unrecorded_s: float
    floor_s: float
    naive_s: float


def build(policy: str, horizon_s: float, groups: int, seed: int) -> VideoSystem:
    """Build a run of campus_24; this draws its trace."""
    overrides = (
        f"policy={policy}",
        "workload=generated",
        f"horizon_s={horizon_s}",
        f"cluster.groups={groups}",
        f"seed={seed}",
    )
    return VideoSystem(load("campus_24", *overrides).check())


def cpu_s(act: Callable[[], Any]) -> float:
    """Seconds of CPU that a call takes; the garbage collector is off, since simedge pauses it anyway."""
    gc.collect()
    gc.disable()
    try:
        begin = time.process_time()
        act()
        return time.process_time() - begin
    finally:
        gc.enable()


def recorded(system: VideoSystem) -> Callable[[], None]:
    """Run and make the columns of all tables."""

    def act() -> None:
        system.run()
        system.finish()

    return act


def unrecorded(system: VideoSystem) -> Callable[[], None]:
    """Run with logs that forget, and make no columns."""
    flow = system.flow
    logs = [flow.done, flow.edge.delivered, flow.edge.started]
    for log in itertools.chain(logs, *((camera.taken, camera.passed, camera.executed) for camera in flow.cameras)):
        log.append = _forget
    return system.run


def _forget(entry: tuple[float, list[int]]) -> None:
    del entry


def naive(system: VideoSystem) -> Callable[[], None]:
    """Run the naive model on the same inputs and under the same policy, which it asks itself, and make its columns."""
    inputs = Inputs.of(system)

    def act() -> None:
        model = NaiveModel(inputs)
        model.run()
        model.columns()
        model.report_columns()

    return act


Entry = tuple[float, int, int, Callable[[], None]]


def event_sequence(system: VideoSystem) -> tuple[list[Entry], list[tuple[Entry, ...]]]:
    """Run once and note what was on the heap at the beginning, and what each event put there, with empty callbacks."""
    ids = itertools.count()
    pushed: list[Entry] = [(entry[0], 1, next(ids), _nothing) for entry in sorted(system.env._queue)]
    steps: list[list[Entry]] = [pushed]

    def push(heap: list[Any], entry: tuple[Any, ...]) -> None:
        heapq.heappush(heap, entry)
        steps[-1].append((entry[0], 1, next(ids), _nothing))

    step = system.env.step

    def noted() -> None:
        steps.append([])
        step()

    with mock.patch.object(environment, "heappush", push), mock.patch.object(system.env, "step", noted):
        system.run()
    start, *rest = steps
    return start, [tuple(entries) for entries in rest]


def _nothing() -> None:
    """Stand in for a callback."""


def floor(start: list[Entry], steps: list[tuple[Entry, ...]]) -> Callable[[], None]:
    """Pop and push the same events at the same times on a bare heap."""

    def act() -> None:
        heap = list(start)
        heapq.heapify(heap)
        pop, push = heapq.heappop, heapq.heappush
        for entries in steps:
            if heap:  # the event that ends the run is SimPy's own
                pop(heap)[3]()
            for entry in entries:
                push(heap, entry)

    return act


def executions(system: VideoSystem, done_s: np.ndarray) -> int:
    """Count the classifiers that the completed ROIs went through."""
    pipeline = system.flow.pipeline
    lengths = np.array([len(pipeline.paths[name]) for name in pipeline.names])
    return int(lengths[system.flow.table.trace.path[~np.isnan(done_s)]].sum())


def measure(policy: str, options: argparse.Namespace) -> dict[str, Any]:
    """Measure one policy; the ratios are medians of the ratios of each round."""

    def fresh() -> VideoSystem:
        return build(policy, options.horizon, options.groups, options.seed)

    counted = fresh()
    start, steps = event_sequence(counted)
    tables, facts = counted.finish()
    done_s = np.asarray(tables["rois"]["done_s"])
    rounds = [
        Round(
            cpu_s(recorded(fresh())),
            cpu_s(unrecorded(fresh())),
            cpu_s(floor(start, steps)),
            cpu_s(naive(fresh())) if options.naive else float("nan"),
        )
        for _ in range(options.rounds)
    ]
    median = statistics.median
    done = int((~np.isnan(done_s)).sum())
    return {
        "policy": policy,
        "ROIs done": f"{done}",
        "simedge CPU s": f"{median(r.simedge_s for r in rounds):.3f}",
        "naive CPU s": f"{median(r.naive_s for r in rounds):.2f}",
        "sim s/CPU s": f"{median(options.horizon / r.simedge_s for r in rounds):.0f}",
        "naive s/CPU s": f"{median(options.horizon / r.naive_s for r in rounds):.1f}",
        "ratio": f"{median(r.naive_s / r.simedge_s for r in rounds):.1f}",
        "us/ROI": f"{median(r.simedge_s for r in rounds) / max(done, 1) * 1e6:.1f}",
        "events/execution": f"{facts['kernel_events'] / max(executions(counted, done_s), 1):.3f}",
        "of floor": f"{median(r.floor_s / r.simedge_s for r in rounds):.3f}",
        "record cost": f"{median(r.simedge_s / r.unrecorded_s for r in rounds):.2f}",
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=__doc__)
    parser.add_argument("--horizon", type=float, default=60.0, help="simulated seconds (60)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds, of which the median counts (3)")
    parser.add_argument("--groups", type=int, default=4, help="groups of six cameras and a GPU (4: campus_24)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the trace (0)")
    parser.add_argument(
        "--policies",
        nargs="+",
        default=POLICIES,
        choices=names("policy", "video"),
        metavar="NAME",
        help=", ".join(POLICIES),
    )
    parser.add_argument("--no-naive", dest="naive", action="store_false", help="leave the naive model out")
    options = parser.parse_args()
    rows = [measure(policy, options) for policy in options.policies]
    print(
        f"{6 * options.groups} cameras, {options.horizon:g} s, seed {options.seed}, median of {options.rounds} rounds,",
        end=" ",
    )
    print(f"{platform.python_implementation()} {platform.python_version()}")
    widths = [max(len(name), *(len(row[name]) for row in rows)) for name in rows[0]]
    for cells in (list(rows[0]), *(list(row.values()) for row in rows)):
        print("  ".join(cell.rjust(width) for cell, width in zip(cells, widths, strict=True)))
    worst = max(float(row["events/execution"]) for row in rows)
    verdict = "kept" if worst <= EVENTS_PER_EXECUTION_MAX else "BROKEN"
    print(f"kernel events per completed classifier execution <= {EVENTS_PER_EXECUTION_MAX}: {verdict} ({worst})")


if __name__ == "__main__":
    main()
