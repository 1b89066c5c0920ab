"""What a sweep costs beside a plain loop over the same runs, side by side: ``python -m benchmarks.sweep``."""

from __future__ import annotations

import argparse
import gc
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from simedge.experiment.engine import Workers
from simedge.experiment.grid import plan
from simedge.experiment.overrides import parse
from simedge.experiment.run import Scenario, load
from simedge.experiment.sweep import sweep_runs


def typed(options: argparse.Namespace) -> list[str]:
    betas = ",".join(f"{0.05 * (at + 1):g}" for at in range(options.points))
    return [f"policy.beta={betas}", f"seed=range({options.seeds})", f"horizon_s={options.horizon}"]


def plain_loop(options: argparse.Namespace) -> None:
    """Simulate every run with nothing around it, as a loop in a notebook would; the scenario is composed once."""
    made = load("campus", "workload=generated", "record=summary", f"horizon_s={options.horizon}")
    for at in range(options.points):
        made.policy.beta = 0.05 * (at + 1)
        for seed in range(options.seeds):
            made.run(seed=seed)


def swept(options: argparse.Namespace, workers: int = 0) -> None:
    """Plan the same runs, do each, keep it in a file, and read it back into a table."""
    with tempfile.TemporaryDirectory() as folder:
        made = sweep_runs(plan([parse(text) for text in typed(options)]), Path(folder), Workers(workers))
        assert len(made.frame) == options.points * options.seeds


def planned_only(options: argparse.Namespace) -> None:
    plan([parse(text) for text in typed(options)])


def seconds(act: Callable[[], None], clock: Callable[[], float]) -> float:
    gc.collect()
    begin = clock()
    act()
    return clock() - begin


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--horizon", type=float, default=300.0, help="simulated seconds of a run (default 300: 1 s)")
    parser.add_argument("--points", type=int, default=2, help="values of policy.beta")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=0, help="also time so many processes, by the wall clock")
    options = parser.parse_args()
    runs = options.points * options.seeds
    assert isinstance(load("campus"), Scenario)  # imports are nobody's cost
    plain_loop(argparse.Namespace(**{**vars(options), "seeds": 1, "points": 1}))
    swept(argparse.Namespace(**{**vars(options), "seeds": 1, "points": 1}))
    ratios = []
    for at in range(options.rounds):
        both = (plain_loop, swept) if at % 2 == 0 else (swept, plain_loop)
        took = {act: seconds(lambda act=act: act(options), time.process_time) for act in both}  # type: ignore[misc]
        ratios.append(took[swept] / took[plain_loop])
        loop_s, sweep_s = took[plain_loop], took[swept]
        print(f"round {at + 1}: {runs} runs, loop {loop_s:.2f} CPU-s, sweep {sweep_s:.2f}, ratio {ratios[-1]:.3f}")
    plan_s = seconds(lambda: planned_only(options), time.process_time)
    print(
        f"overhead of --workers 0: {100 * (statistics.median(ratios) - 1):+.1f} % (median), of it plan {plan_s:.2f} s"
    )
    if options.workers:
        here = seconds(lambda: swept(options), time.perf_counter)
        there = seconds(lambda: swept(options, options.workers), time.perf_counter)
        print(f"--workers {options.workers}: {there:.2f} s on the wall, --workers 0 {here:.2f} s: {here / there:.2f}x")


if __name__ == "__main__":
    main()
