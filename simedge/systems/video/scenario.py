"""The configuration of a video analytics run: what a scenario file may say, each default once."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from simedge.kernel import Admission
from simedge.policies.video.interface import VideoPolicy
from simedge.policies.video.pipeline import Pipeline
from simedge.systems.bandwidth import Bandwidth
from simedge.systems.faults import Faults
from simedge.traces.synthetic import Tracks

__all__ = ["CLASSIFIER_SLOWDOWN", "CLIP_S", "ClusterSpec", "Dag", "Network", "Queues", "VideoScenario", "Workload"]

CLIP_S = 300.0
"""Length of a generated clip when no horizon is given (§1.5.1: 5-minute video clips)."""

CLASSIFIER_SLOWDOWN = 3.0
"""How much slower devices are when units are classifier executions: the campus mix has three to a pass. Derived."""

_REPORT_CELLS_MAX = 2e8
_DEVICES_MAX = 100_000


def _positive(owner: object, *names: str) -> None:
    for name in names:
        value = getattr(owner, name)
        if value is not None and not (0 < value < math.inf):
            raise ValueError(f"{name}: {value} is not a finite number > 0")


def _not_negative(owner: object, *names: str) -> None:
    for name in names:
        value = getattr(owner, name)
        if value is not None and not (0 <= value < math.inf):
            raise ValueError(f"{name}: {value} is not a finite number >= 0")


@dataclass(frozen=True)
class Queues:
    """Queues of cameras and edge, and how frames enter the former.

    Attributes
    ----------
    admission : {"interleaved", "fifo"}
        How frames enter a full queue: one ROI of each waiting frame in turn; or never full, first in first out.
    camera_units : int
        Visible places of a camera's input queue.
    outbound_units : int
        Places of a camera's queue for the uplink.
    edge_units : int
        Places of the edge queue for each GPU of the cluster.
    """

    admission: Admission = "interleaved"
    camera_units: int = 100
    outbound_units: int = 100
    edge_units: int = 1000

    def __post_init__(self) -> None:
        _positive(self, "camera_units", "outbound_units", "edge_units")


@dataclass(frozen=True)
class ClusterSpec:
    """Cameras and GPUs. A group is repeated whole: `groups=4` of six cameras and one GPU are 24 cameras and 4 GPUs.

    Attributes
    ----------
    cameras : tuple of str
        Device profile of each camera of one group.
    edge : str
        Device profile of the GPUs.
    gpus : int
        GPUs of one group.
    groups : int
        Number of groups.
    total_gpus : int or None
        GPUs of the whole cluster, however many groups there are; None: `gpus` for each group.
    edges : int
        Edge clusters. Groups and GPUs are dealt to them in order; each is balanced by itself, by a policy of its own.
    camera_batch : int
        Largest batch on a camera (§1.4: 8).
    edge_batch : int
        Largest batch on a GPU (§1.4: 32).
    """

    cameras: tuple[str, ...]
    edge: str = "titan_x"
    gpus: int = 1
    groups: int = 1
    total_gpus: int | None = None
    edges: int = 1
    camera_batch: int = 8
    edge_batch: int = 32

    def __post_init__(self) -> None:
        _positive(self, "gpus", "groups", "total_gpus", "edges", "camera_batch", "edge_batch")
        if not self.cameras:
            raise ValueError("cameras: a cluster has at least one camera")
        if max(len(self.cameras) * self.groups, self._gpus) > _DEVICES_MAX:
            raise ValueError(f"groups: {self.groups} groups are more than {_DEVICES_MAX} cameras or GPUs")

        for what, count in (("groups", self.groups), ("GPUs", self._gpus)):
            if self.edges > count:
                raise ValueError(f"edges: {self.edges} edge clusters need at least as many {what}, there are {count}")

    @property
    def profiles(self) -> tuple[str, ...]:
        """Device profile of every camera."""
        return self.cameras * self.groups

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all cameras, from ``camera_1``."""
        return tuple(f"camera_{i}" for i in range(1, len(self.profiles) + 1))

    @property
    def gpu_names(self) -> tuple[str, ...]:
        """Names of all GPUs, from ``gpu_1``."""
        return tuple(f"gpu_{i}" for i in range(1, self._gpus + 1))

    @property
    def edge_names(self) -> tuple[str, ...]:
        """Names of the edge clusters: ``edge``, or from ``edge_1`` if there are several."""
        return ("edge",) if self.edges == 1 else tuple(f"edge_{i}" for i in range(1, self.edges + 1))

    @property
    def edge_of_camera(self) -> tuple[int, ...]:
        """Edge cluster, from 0, of every camera."""
        size = len(self.cameras)
        return tuple(camera // size * self.edges // self.groups for camera in range(size * self.groups))

    @property
    def edge_names_of_cameras(self) -> dict[str, str]:
        """Name of the edge cluster of every camera, by name."""
        return {name: self.edge_names[at] for name, at in zip(self.names, self.edge_of_camera, strict=True)}

    @property
    def edge_of_gpu(self) -> tuple[int, ...]:
        """Edge cluster, from 0, of every GPU."""
        return tuple(gpu * self.edges // self._gpus for gpu in range(self._gpus))

    @property
    def _gpus(self) -> int:
        return self.gpus * self.groups if self.total_gpus is None else self.total_gpus


@dataclass(frozen=True)
class Uplink:
    """What is different about one camera's link; null: as for all cameras.

    Attributes
    ----------
    profile : str or None
        Its link profile.
    uplink_bps : float or None
        Its rate.
    call_s : float or None
        Cost of one call on it.
    schedule : Bandwidth or None
        Its rate over time.
    weight : float
        What it is worth when a medium is shared, > 0: a camera of weight 2 gets twice what one of weight 1 gets.
    """

    profile: str | None = None
    uplink_bps: float | None = None
    call_s: float | None = None
    schedule: Bandwidth | None = None
    weight: float = 1.0

    def __post_init__(self) -> None:
        _positive(self, "uplink_bps", "weight")
        _not_negative(self, "call_s")


@dataclass(frozen=True)
class Network:
    """Links from each camera to a switch or access point, and from there to the edge.

    Attributes
    ----------
    uplink : str
        Link profile of the cameras' links.
    backbone : str
        Link profile of the links between switches and edges.
    uplink_bps : float or None
        Rate of the cameras' links; None: the profile's. On a shared medium the most that each can send; None: no limit.
    call_s : float or None
        Cost of one call on the cameras' links; None: the profile's.
    call_units : int or None
        Most units in one call; None: the profile's (§1.4: 20).
    schedule : Bandwidth or None
        Rate of every camera's link over time; `uplink_bps` is then the most that a file or steps can give, or the rate
        about which a walk or a day moves. A camera's own rate or schedule goes before it.
    medium_bps : float or None
        Rate of the medium that the cameras share, if their profile has one; None: the profile's.
    medium_schedule : Bandwidth or None
        Rate of the medium over time; `medium_bps` then as `uplink_bps` above.
    backbone_schedule : Bandwidth or None
        Rate of the links between switches and edges over time, the same for all.
    topology : str
        Which places are joined: *switch*, each camera to the switch of its edge; *star*, each straight to its edge;
        *multi_switch*, to access switches that a core joins to every edge; or a GraphML or node-link JSON file. What a
        file leaves out is as it says here: on links of cameras that of `uplink`, on others that of `backbone`.
    switches : int
        Access switches of *multi_switch*; cameras are dealt to them in order.
    cameras : mapping of str to Uplink
        What is different about single cameras, by name.
    """

    uplink: str = "fast_ethernet"
    backbone: str = "ten_gigabit"
    uplink_bps: float | None = None
    call_s: float | None = None
    call_units: int | None = None
    schedule: Bandwidth | None = None
    medium_bps: float | None = None
    medium_schedule: Bandwidth | None = None
    backbone_schedule: Bandwidth | None = None
    topology: str = "switch"
    switches: int = 2
    cameras: Mapping[str, Uplink] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _positive(self, "uplink_bps", "call_units", "medium_bps", "switches")
        _not_negative(self, "call_s")

    @property
    def profiles(self) -> tuple[str, ...]:
        """Every link profile that it names, each once."""
        named = [self.uplink, self.backbone, *(one.profile for one in self.cameras.values() if one.profile)]
        return tuple(dict.fromkeys(named))

    @property
    def schedules(self) -> dict[str, Bandwidth]:
        """Every rate over time, by key."""
        found = {name: getattr(self, name) for name in ("schedule", "medium_schedule", "backbone_schedule")}
        found |= {f"cameras.{name}.schedule": one.schedule for name, one in self.cameras.items()}
        return {f"network.{name}": one for name, one in found.items() if one is not None}


@dataclass(frozen=True)
class Dag:
    """The pipeline as people write it: classifiers, edges between them, and where each class of object ends.

    Attributes
    ----------
    costs : mapping of str to float
        Inference cost of each classifier, > 0, in the unit of the device profiles.
    edges : tuple of (str, str)
        Data flows from classifier to classifier.
    leaves : mapping of str to str
        For each class of object, after which its path is named, the last classifier it runs.
    """

    costs: Mapping[str, float]
    edges: tuple[tuple[str, str], ...]
    leaves: Mapping[str, str]

    def __post_init__(self) -> None:
        self.pipeline()

    def pipeline(self) -> Pipeline:
        """Extract the paths (§1.3.3, step 1)."""
        return Pipeline.from_edges(self.costs, self.edges, self.leaves)


@dataclass(frozen=True)
class Workload:
    """Arrivals of ROIs: replayed from a file or drawn from the seed.

    Attributes
    ----------
    mix : mapping of str to float
        Share of each path among the ROIs: used to draw them, and to rate capacities in whole units.
    tracks : Tracks
        The generator's parameters.
    kind : {"recorded", "generated"}
        Whether arrivals are replayed from `trace` or drawn from the seed.
    trace : str or None
        The file to replay, by path or by name.
    """

    mix: Mapping[str, float]
    tracks: Tracks
    kind: Literal["recorded", "generated"] = "recorded"
    trace: str | None = None

    def __post_init__(self) -> None:
        if not self.mix or any(not 0 <= share < math.inf for share in self.mix.values()) or sum(self.mix.values()) <= 0:
            raise ValueError(f"mix: shares are >= 0 and not all zero, not {dict(self.mix)}")
        if self.kind == "recorded" and not self.trace:
            raise ValueError("trace: a recorded workload needs a file; give workload.trace=FILE or workload=generated")


@dataclass(frozen=True)
class VideoScenario:
    """Everything a video run depends on.

    Attributes
    ----------
    name : str
        Name of the scenario.
    policy : VideoPolicy
        Who decides.
    cluster, network, pipeline, workload, queues, faults
        See there.
    seed : int
        Seed of all random streams, >= 0.
    cut_seed : int or None
        Seed of the draws by which ROIs are cut, and of the spread of latencies; None: `seed`. What it changes is chance
        under equal arrivals.
    horizon_s : float or None
        Simulated time; None: the length of the recorded trace, or 300 s.
    warmup_s : float
        Part at the beginning that summaries leave out.
    unit : {"roi", "classifier"}
        What a unit is where throughput is counted (docs/decisions/0005). *classifier*: every execution of a completed
        ROI counts, devices are three times slower, and `workload.tracks.rate_ips` means executions.
    slo_s : float
        Latency objective (§1.5.1: 3 s).
    report_period_s : float
        Time between two monitor reports (§1.4: 50 ms).
    control_delay_s : float or None
        Time from an observation until the decision is in force; None: what §1.5.6 measured, by the number of cameras.
    record : {"items", "sketch", "summary"}
        What is kept. *items*: a row per ROI and per report, and exact metrics. *summary*: exact metrics only. *sketch*:
        metrics only, in a memory that does not grow with the run; quantiles are within 1 %, all else is exact.
    """

    name: str
    policy: VideoPolicy = field(metadata={"catalog": "policy"})
    cluster: ClusterSpec
    network: Network
    pipeline: Dag
    workload: Workload
    queues: Queues = field(default_factory=Queues)
    faults: Faults = field(default_factory=Faults)
    seed: int = 0
    cut_seed: int | None = None
    horizon_s: float | None = None
    warmup_s: float = 0.0
    unit: Literal["roi", "classifier"] = "roi"
    slo_s: float = 3.0
    report_period_s: float = 0.05
    control_delay_s: float | None = None
    record: Literal["items", "sketch", "summary"] = "items"

    def __post_init__(self) -> None:
        _positive(self, "horizon_s", "slo_s", "report_period_s")
        _not_negative(self, "warmup_s", "seed", "cut_seed", "control_delay_s")
        self._match("workload.mix", self.workload.mix, self.pipeline.leaves)
        for name in self.network.cameras:
            if name not in self.cluster.names:
                raise ValueError(f"network.cameras: the cluster has no {name!r}; it has {self._few_names()}")
        drawn = self.workload.kind == "generated"
        if drawn and len(self.cluster.cameras) != len(self.workload.tracks.weights):
            raise ValueError(
                f"workload.tracks.weights: {len(self.workload.tracks.weights)} weights "
                f"for a group of {len(self.cluster.cameras)} cameras"
            )
        self.check_horizon(self.horizon_s or CLIP_S)

    def _few_names(self) -> str:
        names = self.cluster.names
        return ", ".join(names if len(names) <= 6 else (*names[:2], "…", names[-1]))

    @staticmethod
    def _match(key: str, given: Iterable[str], paths: Iterable[str]) -> None:
        known = set(paths)
        for name in given:
            if name not in known:
                raise ValueError(f"{key}: the pipeline has no path {name!r}; it has {', '.join(sorted(known))}")

    def check_horizon(self, horizon_s: float) -> None:
        """Refuse a run whose reports would not fit into memory, or whose warm-up leaves nothing.

        Raises
        ------
        ValueError
            With key and remedy.
        """
        cells = horizon_s / self.report_period_s * (len(self.cluster.profiles) + 1)
        if cells > _REPORT_CELLS_MAX and self.record == "items":
            raise ValueError(
                f"horizon_s: {cells:.1g} report rows do not fit into memory; "
                "shorten horizon_s, lengthen report_period_s or set record=sketch"
            )
        if self.warmup_s >= horizon_s:
            raise ValueError(f"warmup_s: {self.warmup_s} s leave nothing of a horizon of {horizon_s} s")
