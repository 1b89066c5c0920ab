"""The network of a video run: which places are joined, what each link is, and the links themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from simedge import files
from simedge.errors import ConfigError, quoted, suggest
from simedge.hardware import topology_files
from simedge.hardware.cluster import Cluster
from simedge.hardware.profile import LinkProfile, read_link
from simedge.hardware.topology import SHAPES, LinkSpec, Topology
from simedge.kernel import Environment, Streams
from simedge.systems.bandwidth import Bandwidth
from simedge.systems.video.scenario import Network, Uplink, VideoScenario
from simedge.traces import bandwidth
from simedge.traces.bandwidth import in_steps
from simedge.traces.schedule import Schedule

__all__ = ["Joint", "Layout", "laid_out", "topology_file", "wired"]

_FOLDER = "topologies"
_PACKET_STEP_S = 1e-3
_COMMON, _BACKBONE = "schedule", "backbone_schedule"


@dataclass(frozen=True)
class Joint:
    """A link after all who have a say in it were heard.

    Attributes
    ----------
    spec : LinkSpec
        The places, and what the topology says.
    profile : LinkProfile
        Its profile.
    camera : bool
        Whether it is a camera's.
    rate_bps : float or None
        Rate before the profile's. On a shared medium the most that each end can send.
    call_s : float
        Cost of one call.
    takes_time : bool
        Whether messages queue for it; False: so fast in its place that they pass.
    varies : str
        Key below ``network`` of its rate over time; empty if it has none.
    schedule : Bandwidth or None
        That rate, unless it is drawn for several links together.
    """

    spec: LinkSpec
    profile: LinkProfile
    camera: bool
    rate_bps: float | None
    call_s: float
    takes_time: bool
    varies: str = ""
    schedule: Bandwidth | None = None

    @property
    def nominal_bps(self) -> float:
        """Rate while nothing varies, whoever else sends."""
        return self.profile.rate_bps if self.rate_bps is None else self.rate_bps

    @property
    def medium(self) -> str | None:
        """Name of the medium that it shares, of its access point's; None if it has its own."""
        shares = self.takes_time and self.profile.medium is not None
        return f"{self.profile.name} at {self.spec.b}" if shares else None

    @property
    def told_by(self) -> str | None:
        """Key or file of its rate over time; None if it has none."""
        if self.varies:
            return f"network.{self.varies}"
        return None if self.schedule is None else self.spec.schedule

    def files(self, config_dir: Path | None = None) -> tuple[Path, ...]:
        """Files that its profile and its own rate over time are read from."""
        found = None if self.schedule is None else self.schedule.file(config_dir)
        return (self.profile.path,) if found is None else (self.profile.path, found[2])


@dataclass(frozen=True)
class Layout:
    """A topology, and what its links are.

    Attributes
    ----------
    topology : Topology
        The places, checked against the scenario.
    edge_of : mapping of str to str
        Edge of each camera.
    joints : tuple of Joint
        Its links, in its order.
    network : Network
        What was configured.
    """

    topology: Topology
    edge_of: Mapping[str, str]
    joints: tuple[Joint, ...]
    network: Network

    @property
    def ways(self) -> dict[str, tuple[str, ...]]:
        """Places on the way from each camera to its edge, both included."""
        return {camera: self.topology.way(camera, edge) or () for camera, edge in self.edge_of.items()}

    def plain(self) -> dict[str, list[dict[str, Any]]]:
        """As lists and tables: places, links, media and ways; rates in bit/s, times in s.

        On a shared medium the rate is the most that each end can send, None if nothing but the medium limits it.
        """
        network, shared = self.network, {joint.medium: joint for joint in self.joints if joint.medium is not None}
        return {
            "places": [{"name": name, "kind": kind} for name, kind in self.topology.kinds.items()],
            "links": [
                {
                    "a": joint.spec.a,
                    "b": joint.spec.b,
                    "profile": joint.profile.name,
                    "rate_bps": joint.rate_bps if joint.medium is not None else joint.nominal_bps,
                    "call_s": joint.call_s,
                    "takes_time": joint.takes_time,
                    "medium": joint.medium,
                    "schedule": joint.told_by,
                }
                for joint in self.joints
            ],
            "media": [
                {
                    "name": name,
                    "place": joint.spec.b,
                    "rate_bps": network.medium_bps or joint.profile.rate_bps,
                    "schedule": "network.medium_schedule" if network.medium_schedule is not None else None,
                }
                for name, joint in shared.items()
            ],
            "ways": [
                {"camera": camera, "places": list(way), "hops": len(way) - 1} for camera, way in self.ways.items()
            ],
        }


def topology_file(name: str, config_dir: Path | None = None) -> Path | None:
    """Path of the file that ``network.topology`` names; None if it names a shape.

    Raises
    ------
    ConfigError
        If there is neither.
    """
    if name in SHAPES:
        return None
    known = files.names(_FOLDER, topology_files.SUFFIXES, config_dir)
    if name not in known and not name.endswith(topology_files.SUFFIXES):
        remedy = f"{suggest(name, [*SHAPES, *known])}; or give a file that ends in .graphml or .json"
        raise ConfigError(f"there is no topology {quoted(name)}", "network.topology", remedy)
    return files.find(name, _FOLDER, topology_files.SUFFIXES, error=ConfigError, config_dir=config_dir)


def laid_out(scenario: VideoScenario, config_dir: Path | None = None) -> Layout:
    """Find the places of a scenario and decide what each link is.

    Raises
    ------
    ConfigError
        If there is no such topology, or the scenario cannot use it.
    ProfileError, TraceError
        If a link's profile or schedule cannot be found.
    """
    network, edge_of = scenario.network, scenario.cluster.edge_names_of_cameras
    path = topology_file(network.topology, config_dir)
    if path is None:
        topology = SHAPES[network.topology](edge_of, network.switches)
    else:
        topology = topology_files.read(path, edge_of, scenario.cluster.edge_names)
    topology.check(edge_of)

    @cache
    def profile(name: str) -> LinkProfile:
        return read_link(name, config_dir)

    @cache
    def schedule(name: str | None) -> Bandwidth | None:
        if name is None:
            return None
        kind = bandwidth.guess(bandwidth.find(name, config_dir))
        return Bandwidth(**{kind: name})  # type: ignore[arg-type]

    joints = []
    for link in topology.links:
        named, filed = _beside(link.profile, path), schedule(_beside(link.schedule, path))
        if link.a in edge_of:
            own = network.cameras.get(link.a, Uplink())
            joints.append(_of_camera(link, own, network, profile(own.profile or named or network.uplink), filed))
            continue
        between = profile(named or network.backbone)
        call_s = between.call_s if link.call_s is None else link.call_s
        drawn = filed is None and link.rate_bps is None and network.backbone_schedule is not None
        joints.append(_joint(link, between, link.rate_bps, call_s, _BACKBONE if drawn else "", filed))
    for key in ("medium_schedule", "medium_bps"):
        if getattr(network, key) is not None and all(joint.profile.medium is None for joint in joints):
            what = f"{network.uplink} shares no medium"
            raise ConfigError(what, f"network.{key}", "choose network=wifi, or leave it out")
    return Layout(topology, edge_of, tuple(joints), network)


def _beside(name: str | None, path: Path | None) -> str | None:
    """Name a file that stands beside the topology's by its path, like one in a scenario file."""
    if name is None or path is None or not Path(name).suffix or not (path.parent / name).is_file():
        return name
    return str(path.parent / name)


def _of_camera(link: LinkSpec, own: Uplink, network: Network, profile: LinkProfile, filed: Bandwidth | None) -> Joint:
    """Hear ``network.cameras``, the topology, ``network`` and the profile, in this order."""
    rates = (own.uplink_bps, link.rate_bps, network.uplink_bps)
    calls = (own.call_s, link.call_s, network.call_s, profile.call_s)
    rate_bps = next((rate for rate in rates if rate is not None), None)
    call_s = next(call for call in calls if call is not None)
    schedule, varies = own.schedule, ""
    if schedule is not None:
        varies = f"cameras.{link.a}.schedule"
    elif own.uplink_bps is None:
        schedule = filed
        if filed is None and link.rate_bps is None and network.schedule is not None:
            varies = _COMMON
    return _joint(link, profile, rate_bps, call_s, varies, schedule, camera=True)


def _joint(
    link: LinkSpec,
    profile: LinkProfile,
    rate_bps: float | None,
    call_s: float,
    varies: str,
    schedule: Bandwidth | None,
    camera: bool = False,
) -> Joint:
    said = link.rate_bps is not None or link.call_s is not None
    takes_time = profile.contended or said or bool(varies) or schedule is not None
    return Joint(link, profile, camera, rate_bps, call_s, takes_time, varies, schedule)


def wired(env: Environment, scenario: VideoScenario, horizon_s: float, config_dir: Path | None = None) -> Cluster:
    """Join cameras, switches and edges; results and migrated ROIs hold no downlink, except on a shared medium (§1.4).

    Raises
    ------
    ProfileError, TraceError, ConfigError
        If the topology, a profile or a schedule cannot be used.
    """
    network, names = scenario.network, scenario.cluster.names
    layout = laid_out(scenario, config_dir)
    uplink, backbone = read_link(network.uplink, config_dir), read_link(network.backbone, config_dir)
    streams = Streams(scenario.seed)
    cluster = Cluster(env, stoppable=scenario.faults.active)

    def drawn(
        source: Bandwidth, links: tuple[str, ...], nominal_bps: float, key: str, limit_bps: float | None
    ) -> dict[str, Schedule]:
        return source.schedules(links, nominal_bps, horizon_s, streams, f"network.{key}", config_dir, limit_bps)

    common: dict[str, Schedule] = {}
    if network.schedule is not None:
        common = drawn(network.schedule, names, network.uplink_bps or uplink.rate_bps, _COMMON, network.uplink_bps)
    between: Schedule | None = None
    if network.backbone_schedule is not None:
        between = drawn(network.backbone_schedule, ("backbone",), backbone.rate_bps, _BACKBONE, None)["backbone"]
    medium: float | Schedule | None = network.medium_bps
    if network.medium_schedule is not None:
        nominal_bps = network.medium_bps or uplink.rate_bps
        medium = drawn(network.medium_schedule, ("medium",), nominal_bps, "medium_schedule", network.medium_bps)[
            "medium"
        ]
        medium = in_steps(medium, _PACKET_STEP_S)
    alike = Uplink()
    for joint in layout.joints:
        rate: float | Schedule | None = joint.rate_bps
        if joint.schedule is not None:
            key = joint.varies or f"topology, link {joint.spec}"
            rate = drawn(joint.schedule, (joint.spec.a,), joint.nominal_bps, key, joint.rate_bps)[joint.spec.a]
        elif joint.varies:
            rate = common[joint.spec.a] if joint.varies == _COMMON else between
        elif joint.takes_time and not joint.profile.contended:  # the topology says so, and a schedule is always heard
            rate = Schedule.constant(joint.nominal_bps)
        if isinstance(rate, Schedule) and joint.medium is not None:
            rate = in_steps(rate, _PACKET_STEP_S)
        cluster.connect(
            joint.spec.a,
            joint.spec.b,
            joint.profile,
            rate_bps=rate,
            call_s=joint.call_s,
            medium_bps=medium,
            weight=network.cameras.get(joint.spec.a, alike).weight,
            back=not joint.camera,
        )
    return cluster
