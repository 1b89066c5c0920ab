"""Where the ROIs of a run come from."""

from __future__ import annotations

from pathlib import Path

from simedge import files
from simedge.errors import ConfigError, TraceError
from simedge.kernel import Streams
from simedge.systems.video.scenario import CLIP_S, VideoScenario
from simedge.traces.synthetic import clip_factor, generate
from simedge.traces.trace import RoiTrace

__all__ = ["arrivals", "generated"]


def arrivals(scenario: VideoScenario, config_dir: Path | None = None) -> tuple[RoiTrace, dict[str, str]]:
    """Arrivals of a run, indexed by the scenario's cameras and paths, and the digests of the files read.

    Raises
    ------
    TraceError
        If a recorded trace is missing, malformed, or names unknown cameras or paths.
    """
    if scenario.workload.kind == "generated":
        return generated(scenario), {}
    name = scenario.workload.trace or ""
    path = files.find(name, "traces", (".csv", ".parquet"), error=TraceError, config_dir=config_dir)
    paths = scenario.pipeline.pipeline().names
    trace = RoiTrace.read(path, cameras=scenario.cluster.names, paths=paths)
    return trace.aligned(scenario.cluster.names, paths, where=str(path)), {path.name: files.digest(path)}


def generated(scenario: VideoScenario) -> RoiTrace:
    """Draw the arrivals of the scenario's seed: object tracks between neighbouring cameras."""
    tracks = scenario.workload.tracks
    try:
        trace = generate(
            tracks,
            scenario.cluster.names,
            scenario.workload.mix,
            scenario.horizon_s or CLIP_S,
            Streams(scenario.seed).of,
            clip_factor(scenario.seed, tracks.clip_spread),
        )
    except ValueError as problem:
        raise ConfigError(str(problem), where="workload.tracks", remedy="correct the generator's parameters") from None
    return trace.aligned(scenario.cluster.names, scenario.pipeline.pipeline().names)
