"""What people and programs read: table rows, JSON, figures, listings. How it is laid out is up to the command line."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simedge import files
from simedge.experiment import catalog
from simedge.experiment.figures import FIGURES
from simedge.metrics.store import run_hash
from simedge.units import format_quantity

if TYPE_CHECKING:
    from simedge.metrics.results import Results
    from simedge.traces.schedule import Schedule
    from simedge.traces.trace import RoiTrace

__all__ = [
    "as_json",
    "bandwidth_lines",
    "draw",
    "draw_bandwidth",
    "draw_topology",
    "draw_trace",
    "folder_name",
    "footer",
    "listing",
    "run_name",
    "safe",
    "table",
    "trace_lines",
]

Rows = list[list[str]]
_BROKE_MAX = 6
_OTHER_FATES = ("retried", "delayed", "handed_over")
_STATISTICS = ("mean", "p50", "p75", "p99")


def table(results: Sequence[Results]) -> tuple[str, Rows]:
    """Title and rows (the first: headers) of the table of runs.

    Behind a value stands its gain over the first run, and in brackets the published one where there is one.
    """
    first = results[0]
    facts = first.facts
    slo = format_quantity(float(facts["slo_s"]), "s")
    same = len({run.scenario for run in results}) == 1
    what = f"{first.scenario if same else 'runs'}, {facts['workload']} workload"
    title = f"{what}, {facts['horizon_s']:g} s simulated, seed {first.seed}"
    headers = ["policy", *(f"units/s {s}" for s in _STATISTICS), *(f"latency {s}" for s in _STATISTICS)]
    rows: Rows = [[*headers, f"later than {slo}", "served"]]
    for run in results:
        cells = [run.policy]
        for statistic in _STATISTICS:
            name = f"throughput_ips_{statistic}"
            cells.append(_number(run.metrics[name]) + _gain("×", run, first, run.metrics, first.metrics, name))
        for statistic in _STATISTICS:
            name = f"latency_s_{statistic}"
            cells.append(_seconds(run.metrics[name]) + _gain("÷", run, first, first.metrics, run.metrics, name))
        rows.append([*cells, _percent(run.metrics["slo_miss_ratio"]), _percent(run.metrics["served_ratio"])])
    return title, rows


def _gain(sign: str, run: Results, first: Results, upper: Any, lower: Any, name: str) -> str:
    ratio = "" if run is first else _ratio(upper, lower, name)
    if not ratio:
        return ""
    quantity, _, statistic = name.rpartition("_")
    kind = "throughput_gain" if quantity == "throughput_ips" else "latency_gain"
    published = _published(first).get((run.policy, f"{kind}_{statistic}"))
    return f"  {sign}{ratio}" + (f" ({published:g})" if published else "")


def _published(first: Results) -> dict[tuple[str, str], float]:
    """Look up the published gains over the first policy, in the table that shows this scenario."""
    from simedge.experiment import paper, published

    shown = [item.name for item in paper.ITEMS.values() if item.scenario == first.scenario]
    if first.policy != paper.BASE or not shown:
        return {}
    cells = published.cells(shown[0])
    return {(c.policy, c.metric): c.published for c in cells if math.isfinite(c.published)}


def _ratio(upper: Any, lower: Any, name: str) -> str:
    above, below = float(upper[name]), float(lower[name])
    if not (math.isfinite(above) and math.isfinite(below)) or below == 0:
        return ""
    ratio = above / below
    return f"{ratio:.2f}" if ratio < 10 else f"{ratio:.1f}" if ratio < 100 else f"{ratio:,.0f}"


def _number(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:,.1f}"


def _seconds(value: float) -> str:
    return "–" if math.isnan(value) else format_quantity(value, "s")


def _percent(value: float) -> str:
    return "–" if math.isnan(value) else f"{100 * value:.2f} %"


def footer(results: Sequence[Results]) -> list[str]:
    """Say what the signs and shares mean, what stood idle, and of each run its fingerprint, events and speed."""
    width = max(len(run.policy) for run in results)
    slo = format_quantity(float(results[0].facts["slo_s"]), "s")
    beside = "; in brackets: published (Tables 1.2 and 1.3)" if _published(results[0]) else ""
    signs = f"×: times more units/s than {results[0].policy}; ÷: times less latency{beside}"
    lines = [signs] if len(results) > 1 else []
    lines.append(f"later than {slo}: share of completed units; served: completed share of arrived units")
    idle, cameras = _idle_cameras(results[0])
    if idle:
        lines.append(f"{idle} of {cameras} cameras see no ROI in the recorded trace; workload=generated draws for all")
    lines += _fault_lines(results, width)
    for run in results:
        line = f"{run.policy:{width}}  fingerprint {run.fingerprint}, {run.kernel_events:,} events"
        if run.cpu_s:
            horizon_s = float(run.facts["horizon_s"])
            line += f", {horizon_s:g} s in {run.cpu_s:.2f} CPU-s: {horizon_s / run.cpu_s:,.0f} × real time"
        lines.append(line)
    return lines


def _fault_lines(results: Sequence[Results], width: int) -> list[str]:
    """Say what broke, and of each run what became of the units that it hit."""
    said = results[0].facts.get("faults")
    if said is None:
        return []
    words = {"crash": "down", "link_down": "without link"}
    broke = [
        f"{name} {words[kind]} for {format_quantity(seconds, 's')}"
        for kind, entities in said["down_s"].items()
        for name, seconds in entities.items()
    ]
    more = [f"{len(broke) - _BROKE_MAX} more"] if len(broke) > _BROKE_MAX else []
    slow = said["counts"]["slow"]
    slowed = [f"{slow} slowdown{'s' if slow > 1 else ''}"] if slow else []
    chance = float(results[0].config.get("faults", {}).get("loss_probability", 0.0))
    losses = [f"{_percent(chance)} of messages lost on the way"] if chance else []
    lines = [f"faults: {', '.join([*broke[:_BROKE_MAX], *more, *slowed, *losses]) or 'none came'}"]
    for run in results:
        metrics = run.metrics
        of = metrics["lost_units"] / metrics["arrived_units"] if metrics["arrived_units"] else 0.0
        told = f"{metrics['lost_units']:,.0f} units lost ({_percent(of)} of what arrived)"
        told += f", {metrics['missed_units']:,.0f} of them never seen by their camera"
        others = [f"{metrics[f'{name}_units']:,.0f} {name.replace('_', ' ')}" for name in _OTHER_FATES]
        lines.append(f"{run.policy:{width}}  {told}; {', '.join(others)}")
    return lines


def _idle_cameras(run: Results) -> tuple[int, int]:
    """Cameras without any arrival of a recorded trace, and all cameras."""
    import numpy as np

    if run.facts["workload"] != "recorded":
        return 0, 0
    seen: Any = run.columns["rois"]["camera"]
    return len(seen.names) - len(np.unique(seen.codes)), len(seen.names)


def as_json(results: Sequence[Results]) -> str:
    """One object for one run, a list for several; a metric that is undefined is null."""
    said = [
        {
            "metrics": {name: value if math.isfinite(value) else None for name, value in run.metrics.items()},
            "scenario": run.scenario,
            "policy": run.policy,
            "seed": run.seed,
            "fingerprint": run.fingerprint,
            "versions": dict(run.versions),
            "cpu_s": run.cpu_s,
            "kernel_events": run.kernel_events,
        }
        for run in results
    ]
    return json.dumps(said[0] if len(said) == 1 else said, allow_nan=False)


def safe(name: str) -> str:
    """Make a scenario's or policy's name into part of a file name."""
    return re.sub(r"[^\w.-]+", "_", name).lstrip(".") or "_"


def folder_name(run: Results) -> str:
    """Name of the folder of a saved run: the same for the same configuration, input files, simedge and schema."""
    return run_name(run.scenario, run.policy, run.seed, run_hash(run.config, run.facts, run.versions))


def run_name(scenario: str, policy: str, seed: int, decided: str) -> str:
    """Name under which a run is saved: what people look for, and the beginning of its hash."""
    return f"{safe(scenario)}-{safe(policy)}-seed{seed}-{decided[:12]}"


def draw(results: Sequence[Results], path: Path) -> Path:
    """Write the figure that compares the runs.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    from simedge.metrics import plots

    figure = plots.comparison(results)
    with files.atomic_file(path) as draft:
        figure.savefig(draft)
    return path


def draw_trace(trace: RoiTrace, path: Path) -> Path:
    """Write a figure of the arrivals per second at each camera.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    import numpy as np
    import pandas as pd

    from simedge.metrics import plots
    from simedge.traces.statistics import per_bin

    counts = per_bin(trace, trace.duration_s)
    cameras, bins = counts.shape
    frame = pd.DataFrame(
        {
            "time_s": np.tile(np.arange(1.0, bins + 1.0), cameras),
            "entity": pd.Categorical(np.repeat(trace.cameras, bins), categories=pd.Index(trace.cameras)),
            "arrived_units": counts.ravel(),
        }
    )
    axes: Any = plots.queues(frame, "arrived_units")
    axes.set_title("ROIs arrived per second", loc="left")
    with files.atomic_file(path) as draft:
        axes.figure.savefig(draft)
    return path


def draw_topology(found: Mapping[str, Sequence[Mapping[str, Any]]], path: Path, title: str) -> Path:
    """Write a figure of places and links, given as plain lists; see :func:`simedge.metrics.plots_topology.topology`.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    from simedge.metrics.plots_topology import topology

    axes: Any = topology(found["places"], found["links"], found["media"], found["ways"], title)
    with files.atomic_file(path) as draft:
        axes.figure.savefig(draft)
    return path


def draw_bandwidth(schedule: Schedule, path: Path, title: str) -> Path:
    """Write a figure of a bandwidth over time, of one period if it repeats.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    from simedge.metrics.plots_bandwidth import bandwidth

    last_s = float(schedule.times_s[-1])
    end_s = schedule.period_s if math.isfinite(schedule.period_s) else 1.05 * last_s or 1.0
    axes: Any = bandwidth(schedule.times_s, schedule.rates, end_s, title)
    with files.atomic_file(path) as draft:
        axes.figure.savefig(draft)
    return path


def bandwidth_lines(schedule: Schedule) -> list[str]:
    """Describe a bandwidth without bursts: how long it is, its rates, its outages."""
    from simedge.traces.bandwidth import describe

    said = describe(schedule)
    repeats = math.isfinite(schedule.period_s)
    held = f"then {format_quantity(float(schedule.rates[-1]), 'bps')} for ever"
    count = int(said["changes"])
    changes = f"{count} change{'' if count == 1 else 's'}"
    length = f"length   {said['duration_s']:g} s, {'then again' if repeats else held}, {changes}"
    rates = "  ".join(
        f"{name} {format_quantity(said[key], 'bps')}"
        for name, key in (("mean", "mean_bps"), ("min", "lowest_bps"), ("max", "highest_bps"))
    )
    return [length, f"rate     {rates}", f"outage   {100 * said['outage_share']:.1f} % of the time"]


def trace_lines(trace: RoiTrace) -> list[str]:
    """Describe a trace: ROIs per second in all and at each camera, shares of the paths, sizes, autocorrelation."""
    from simedge.traces.statistics import statistics

    if not len(trace):
        return []
    said = statistics(trace)
    total = said["total"]
    lines = ["ROIs/s   " + "  ".join(f"{key} {total[key]:.1f}" for key in total)]
    lines += ["paths    " + "  ".join(f"{name} {100 * share:.1f} %" for name, share in said["paths"].items())]
    sizes = (float(trace.size_bytes.mean()), float(trace.size_bytes.max()))
    lines += [f"size     mean {format_quantity(sizes[0], 'bytes')}  max {format_quantity(sizes[1], 'bytes')}"]
    lags = {lag: value for lag, value in said["autocorrelation"].items() if math.isfinite(value)}
    if lags:
        lines += ["autocorrelation of ROIs/s   " + "  ".join(f"{lag} s {value:.2f}" for lag, value in lags.items())]
    width = max(map(len, said["cameras"]))
    for name, one in said["cameras"].items():
        idle = f"idle seconds {100 * one['zero_share']:.1f} %"
        lines.append(f"{name:{width}}  mean {one['mean']:.1f} ROIs/s  sd {one['sd']:.1f}  {idle}")
    return lines


def listing(kind: str, config_dir: str | None = None) -> list[tuple[str, str]]:
    """Name and description of everything of a kind: scenarios, policies, profiles, traces, ….

    Raises
    ------
    ConfigError
        If `config_dir` is not a folder.
    """
    catalog.user_roots(config_dir)
    folder = None if config_dir is None else Path(config_dir)
    if kind == "scenarios":
        return [(name, catalog.about_file(path)) for name, path in sorted(catalog.scenarios(folder).items())]
    if kind in {"networks", "faults"}:
        found = catalog.choices(kind.removesuffix("s") if kind == "networks" else kind, folder)
        return [(name, catalog.about_file(path)) for name, path in sorted(found.items())]
    if kind == "policies":
        return [(name, catalog.entry("policy", name).about) for name in catalog.names("policy")]
    if kind == "metrics":
        from simedge.metrics.schema import METRICS

        return [(name, f"[{metric.unit}] {metric.about}") for name, metric in METRICS.items()]
    if kind == "figures":
        return [(name, one.about) for name, one in FIGURES.items()]
    if kind == "profiles":
        found = files.names("hardware_profiles", (".yaml",), folder)
        return [(name, catalog.about_file(path)) for name, path in sorted(found.items())]
    if kind == "bandwidth":
        found = files.names(f"traces/{kind}", (".csv",), folder)
        return [(name, catalog.about_file(path)) for name, path in sorted(found.items())]
    if kind == "topologies":
        from simedge.hardware import topology, topology_files

        shapes = [
            (name, (getattr(topology, name).__doc__ or "").splitlines()[0].rstrip(".")) for name in topology.SHAPES
        ]
        found = files.names(kind, topology_files.SUFFIXES, folder)
    else:
        shapes = []
        found = files.names("traces", (".csv", ".parquet"), folder)
    return shapes + [
        (name, f"{path.suffix[1:]}, {format_quantity(path.stat().st_size, 'bytes')}")
        for name, path in sorted(found.items())
    ]
