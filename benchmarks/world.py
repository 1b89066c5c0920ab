"""What links that share, vary or fail cost beside plain ones: ``python -m benchmarks.world``. See README.md."""

from __future__ import annotations

import argparse
import gc
import statistics
import time

from simedge.experiment.run import load
from simedge.systems.video.system import VideoSystem

WORLDS: dict[str, tuple[str, ...]] = {
    "plain": (),
    "schedule": ("network.schedule.steps=[{at_s: 0, rate_bps: 10 Mbps}]",),
    "shared": ("network=wifi",),
    "shared, schedule": ("network=wifi_trace",),
    "faults armed": ("faults.loss_probability=1e-9",),
    "faults": ("faults=flaky",),
}
"""Overrides of each world; *schedule* and *faults armed* change nothing but the code that runs."""


def cpu_s(overrides: tuple[str, ...], policy: str, horizon_s: float) -> tuple[float, VideoSystem]:
    """CPU seconds of one run of campus_24, its building left out."""
    said = (f"policy={policy}", "workload=generated", f"horizon_s={horizon_s}", *overrides)
    system = VideoSystem(load("campus_24", *said).check())
    gc.collect()
    begin = time.process_time()
    system.run()
    return time.process_time() - begin, system


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--policy", default="distream")
    parser.add_argument("--horizon", type=float, default=60.0, help="simulated seconds (default 60)")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    cpu_s((), options.policy, 1.0)  # imports are nobody's cost
    ratios: dict[str, list[float]] = {name: [] for name in WORLDS}
    seconds: dict[str, list[float]] = {name: [] for name in WORLDS}
    events: dict[str, int] = {}
    for at in range(options.rounds):
        order = list(WORLDS) if at % 2 == 0 else list(reversed(WORLDS))
        for name in order:
            took, system = cpu_s(WORLDS[name], options.policy, options.horizon)
            seconds[name].append(took)
            events[name] = system.env.events()
        for name in WORLDS:
            ratios[name].append(seconds[name][-1] / seconds["plain"][-1])
    print(f"campus_24, {options.policy}, {options.horizon:g} s, median of {options.rounds} rounds")
    print(f"{'world':>18}  {'CPU s':>7}  {'ratio':>6}  {'events':>9}")
    for name in WORLDS:
        took, ratio = statistics.median(seconds[name]), statistics.median(ratios[name])
        print(f"{name:>18}  {took:7.3f}  {ratio:6.2f}  {events[name]:9,}")


if __name__ == "__main__":
    main()
