"""The network of a video run: cameras, a switch or access point, and the edge."""

from __future__ import annotations

from pathlib import Path

from simedge.errors import ConfigError
from simedge.hardware.cluster import Cluster
from simedge.hardware.profile import read_link
from simedge.kernel import Environment, Streams
from simedge.systems.bandwidth import Bandwidth
from simedge.systems.video.scenario import Uplink, VideoScenario
from simedge.traces.bandwidth import in_steps
from simedge.traces.schedule import Schedule

__all__ = ["wired"]

_PACKET_STEP_S = 1e-3


def wired(env: Environment, scenario: VideoScenario, horizon_s: float, config_dir: Path | None = None) -> Cluster:
    """Join cameras, switch and edge as in §1.4; results and migrated ROIs hold no downlink, except on a shared medium.

    Raises
    ------
    ProfileError, TraceError, ConfigError
        If a profile or a schedule cannot be used.
    """
    network, names = scenario.network, scenario.cluster.names
    profiles = {name: read_link(name, config_dir) for name in network.profiles}
    streams = Streams(scenario.seed)
    cluster = Cluster(env, stoppable=scenario.faults.active)

    def drawn(bandwidth: Bandwidth, links: tuple[str, ...], nominal_bps: float, key: str) -> dict[str, Schedule]:
        return bandwidth.schedules(links, nominal_bps, horizon_s, streams, f"network.{key}", config_dir)

    common: dict[str, Schedule] = {}
    if network.schedule is not None:
        common = drawn(network.schedule, names, network.uplink_bps or profiles[network.uplink].rate_bps, "schedule")
    medium = network.medium_bps
    over_time = None
    if network.medium_schedule is not None:
        nominal_bps = medium or profiles[network.uplink].rate_bps
        over_time = drawn(network.medium_schedule, ("medium",), nominal_bps, "medium_schedule")["medium"]
        over_time = in_steps(over_time, _PACKET_STEP_S)
    if (medium is not None or over_time is not None) and all(
        profiles[name].medium is None for name in network.profiles
    ):
        key = "medium_schedule" if over_time is not None else "medium_bps"
        raise ConfigError(
            f"{network.uplink} shares no medium", where=f"network.{key}", remedy="choose network=wifi, or leave it out"
        )
    alike = Uplink()
    for name in names:
        own = network.cameras.get(name, alike)
        profile = profiles[own.profile or network.uplink]
        rate: float | Schedule | None = network.uplink_bps if own.uplink_bps is None else own.uplink_bps
        if own.schedule is not None:
            nominal_bps = own.uplink_bps or network.uplink_bps or profile.rate_bps
            rate = drawn(own.schedule, (name,), nominal_bps, f"cameras.{name}.schedule")[name]
        elif own.uplink_bps is None:
            rate = common.get(name, rate)
        if isinstance(rate, Schedule) and profile.medium is not None:
            rate = in_steps(rate, _PACKET_STEP_S)
        cluster.connect(
            name,
            "switch",
            profile,
            rate_bps=rate,
            call_s=network.call_s if own.call_s is None else own.call_s,
            medium_bps=medium if over_time is None else over_time,
            back=False,
        )
    backbone = profiles[network.backbone]
    rate = None
    if network.backbone_schedule is not None:
        rate = drawn(network.backbone_schedule, ("backbone",), backbone.rate_bps, "backbone_schedule")["backbone"]
    for edge in scenario.cluster.edge_names:
        cluster.connect("switch", edge, backbone, rate_bps=rate)
    return cluster
