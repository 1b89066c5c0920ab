"""A profile measured here, and the loop that it predicts, in turns: ``python -m benchmarks.profile``. See README.md."""

from __future__ import annotations

import argparse
import contextlib
import io
import platform
import statistics
import tempfile
import time
from collections import deque
from pathlib import Path
from typing import Any

import numpy as np

from simedge import cli
from simedge.experiment.run import load
from simedge.traces.trace import RoiTrace

SHAPE = (3, 48, 48)
SCENARIO = """\
system: video
name: loop
policy: camera_only
cluster: {{cameras: [here], edge: titan_x, camera_batch: {batch}}}
network: {{}}
pipeline: {{costs: {{kind: 1.0}}, edges: [], leaves: {{item: kind}}}}
workload:
  kind: recorded
  trace: items
  mix: {{item: 1.0}}
  tracks:   # of no use, since arrivals are recorded
    {{weights: [1.0], rate_ips: 1, dwell_s: 1, move_probability: 0, camera_sd: 0, camera_tau_s: 1, clip_spread: 0}}
queues: {{admission: fifo}}
"""


def net() -> Any:
    """Make a small convolutional network, with weights of a fixed seed."""
    import torch

    torch.manual_seed(0)
    layer = torch.nn
    return layer.Sequential(
        layer.Conv2d(3, 16, 3, stride=2, padding=1),
        layer.ReLU(),
        layer.Conv2d(16, 32, 3, stride=2, padding=1),
        layer.ReLU(),
        layer.Conv2d(32, 64, 3, stride=2, padding=1),
        layer.ReLU(),
        layer.AdaptiveAvgPool2d(1),
        layer.Flatten(),
        layer.Linear(64, 10),
    )


def profile(folder: Path, repeat: int) -> str:
    """Measure the network through the command itself; return what it says of the fits."""
    words = ["profile", "kind=benchmarks.profile:net", "--input", ",".join(map(str, SHAPE)), "--repeat", str(repeat)]
    place = folder / "hardware_profiles" / "here.yaml"
    with contextlib.redirect_stdout(io.StringIO()) as said:
        code = cli.main([*words, "--device", "cpu", "--name", "here", "-o", str(place)])
    if code:
        raise SystemExit(code)
    return "\n  ".join(line for line in said.getvalue().splitlines() if line.startswith(("kind: ", "note: ")))


def served(model: Any, items: int, batch: int) -> float:
    """Serve a queue of items in batches of what waits, at most `batch`, on one thread; return items per second."""
    import torch

    queue = deque(torch.randn(items, *SHAPE).unbind())
    begun_s = time.perf_counter()
    with torch.inference_mode():
        while queue:
            model(torch.stack([queue.popleft() for _ in range(min(batch, len(queue)))]))
    return items / (time.perf_counter() - begun_s)


def predicted(folder: Path, items: int, batch: int) -> float:
    """Simulate the same: one camera, all items at time 0, no edge; return items per second."""
    (folder / "scenarios").mkdir(exist_ok=True)
    (folder / "scenarios" / "loop.yaml").write_text(SCENARIO.format(batch=batch), encoding="utf-8")
    (folder / "traces").mkdir(exist_ok=True)
    here = np.zeros(items, np.int32)
    trace = RoiTrace(np.zeros(items), here, here, np.full(items, 1000.0), ("camera_1",), ("item",))
    trace.write(folder / "traces" / "items.csv")
    run = load("loop", f"horizon_s={items}", "report_period_s=1", config_dir=folder).run()
    return items / float(np.max(run.columns["rois"]["done_s"]))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.profile", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="of profile, simulation and loop (5)")
    parser.add_argument("--repeat", type=int, default=200, help="repetitions of each batch size in a profile (200)")
    parser.add_argument("--items", type=int, default=4000, help="in the queue (4000)")
    parser.add_argument("--batches", type=int, nargs="+", default=[8, 5], help="largest batch of the loop (8 5)")
    options = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    model = net().eval()
    ratios: dict[int, list[float]] = {batch: [] for batch in options.batches}
    print(f"{platform.machine()}, Python {platform.python_version()}, torch {torch.__version__}, 1 thread")
    for at in range(options.rounds):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            before = {batch: served(model, options.items, batch) for batch in options.batches}
            fits = profile(folder, options.repeat)
            after = {batch: served(model, options.items, batch) for batch in options.batches}
            for batch in options.batches:
                measured_ips = 2 / (1 / before[batch] + 1 / after[batch])
                said_ips = predicted(folder, options.items, batch)
                ratios[batch].append(said_ips / measured_ips)
                print(
                    f"round {at + 1}, batches of {batch}: measured {before[batch]:.0f} before and {after[batch]:.0f} "
                    f"after, predicted {said_ips:.0f} items/s, ratio {ratios[batch][-1]:.3f}",
                    flush=True,
                )
            print(f"  {fits}", flush=True)
    for batch, found in ratios.items():
        print(
            f"batches of {batch}: predicted / measured {statistics.median(found):.3f} (median), "
            f"{min(found):.3f} to {max(found):.3f}"
        )


if __name__ == "__main__":
    main()
