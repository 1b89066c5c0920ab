"""Where the ROIs of a run come from, and the files that a run reads."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from simedge import files
from simedge.errors import ConfigError, TraceError
from simedge.hardware.profile import read_device, read_link
from simedge.kernel import Streams
from simedge.systems.faults import fault_trace
from simedge.systems.video.network import laid_out, topology_file
from simedge.systems.video.scenario import CLIP_S, VideoScenario
from simedge.traces.synthetic import clip_factor, generate
from simedge.traces.trace import RoiTrace

__all__ = ["arrivals", "generated", "inputs"]


_SUFFIXES = (".csv", ".parquet")


def inputs(scenario: VideoScenario, config_dir: Path | None = None) -> dict[str, str]:
    """Digests of the files that a run reads, by file name: profiles and topology, checked here, schedules and traces.

    Raises
    ------
    ProfileError
        If a profile is missing or malformed, or misspells one of the pipeline's classifiers.
    ConfigError
        If the topology is malformed, or leaves a camera without its edge.
    TraceError
        If there is no such trace.
    """
    cluster, network = scenario.cluster, scenario.network
    named: dict[str, Path] = {}
    for device in (*cluster.cameras, cluster.edge):
        if device not in named:
            profile = read_device(device, config_dir)
            profile.check_names(scenario.pipeline.costs)
            named[device] = profile.path
    layout = laid_out(scenario, config_dir)
    for link in network.profiles:
        if link not in named:
            named[link] = read_link(link, config_dir).path
    for schedule in network.schedules.values():
        found = schedule.file(config_dir)
        if found is not None:
            named[found[1]] = found[2]
    drawn = topology_file(network.topology, config_dir)
    if drawn is not None:
        named[network.topology] = drawn
        for path in dict.fromkeys(path for joint in layout.joints for path in joint.files(config_dir)):
            if path not in named.values():
                named[str(path)] = path
    if scenario.workload.kind == "recorded":
        trace = scenario.workload.trace or ""
        named[trace] = files.find(trace, "traces", _SUFFIXES, error=TraceError, config_dir=config_dir)
    if scenario.faults.trace:
        named[scenario.faults.trace] = fault_trace(scenario.faults.trace, config_dir)[0]
    return files.digests(named)


def arrivals(scenario: VideoScenario, config_dir: Path | None = None) -> RoiTrace:
    """Arrivals of a run, indexed by the scenario's cameras and paths.

    Raises
    ------
    TraceError
        If a recorded trace is missing, malformed, or names unknown cameras or paths.
    """
    if scenario.workload.kind == "generated":
        return generated(scenario)
    path = files.find(scenario.workload.trace or "", "traces", _SUFFIXES, error=TraceError, config_dir=config_dir)
    paths = scenario.pipeline.pipeline().names
    trace = RoiTrace.read(path, cameras=scenario.cluster.names, paths=paths)
    return trace.aligned(scenario.cluster.names, paths, where=str(path))


def generated(scenario: VideoScenario) -> RoiTrace:
    """Draw the arrivals of the scenario's seed: object tracks between neighbouring cameras."""
    tracks, pipeline, mix = scenario.workload.tracks, scenario.pipeline.pipeline(), scenario.workload.mix
    if scenario.unit == "classifier":  # the rate means executions, an ROI brings as many as its path is long
        executions = sum(share * len(pipeline.paths[path]) for path, share in mix.items()) / sum(mix.values())
        tracks = replace(tracks, rate_ips=tracks.rate_ips / executions)
    try:
        trace = generate(
            tracks,
            scenario.cluster.names,
            mix,
            scenario.horizon_s or CLIP_S,
            Streams(scenario.seed).of,
            clip_factor(scenario.seed, tracks.clip_spread),
        )
    except ValueError as problem:
        raise ConfigError(str(problem), where="workload.tracks", remedy="correct the generator's parameters") from None
    return trace.aligned(scenario.cluster.names, pipeline.names)
