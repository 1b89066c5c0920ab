"""Synthetic ROI arrivals: objects that walk or drive from camera to camera (calibration notes in ``docs/``).

Groups of objects enter at a camera, each object stays in view for a while and then may appear at a neighbouring
camera; every frame turns an object in view into an ROI with the probability that the detector finds it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from simedge.traces.trace import FloatArray, RoiTrace

__all__ = ["Tracks", "clip_factor", "entry_rates", "generate", "visit_rates"]

_Int64Array = npt.NDArray[np.int64]
_ROWS_MAX = 50_000_000
_BOUNDS: dict[str, tuple[float, float]] = {
    "detection": (0.01, 1.0),
    "fps": (0.0, 1e3),
    "dwell_s": (0.0, 3600.0),
    "dwell_log_sd": (0.0, 3.0),
    "camera_sd": (0.0, 2.0),
    "global_sd": (0.0, 2.0),
    "group_spread_s": (0.0, 3600.0),
    "travel_min_s": (0.0, 3600.0),
    "travel_max_s": (0.0, 3600.0),
    "warmup_s": (0.0, 1e5),
}


@dataclass(frozen=True)
class Tracks:
    """Parameters of the track generator, of one group of cameras that stand in a line.

    Attributes
    ----------
    weights : tuple of float
        Share of the visits that each camera of a group gets, > 0, in any common unit.
    rate_ips : float
        Mean ROI/s of the first group at clip factor 1, > 0.
    dwell_s : float
        Mean time that an object stays in view of a camera, s, at least one frame, <= 3600.
    move_probability : float
        Probability that an object which leaves a camera appears at a neighbouring one, in [0, 1).
    camera_sd, camera_tau_s : float
        Slow modulation of the entries at each camera: standard deviation of its logarithm, in [0, 2], and
        correlation time, s, > 0.
    clip_spread : float
        Half-width h of the factor that makes clips busier or quieter, in [0, 1); see `clip_factor`.
    global_sd, global_tau_s : float
        The same modulation, common to the cameras of a group.
    fps : float
        Frames/s of every camera, in (0, 1000].
    detection : float
        Probability that an object in view yields an ROI in a frame, in [0.01, 1].
    group_size_mean : float
        Mean number of objects that enter together, >= 1 (geometric).
    group_spread_s : float
        Mean delay of the others behind the first, s, in [0, 3600] (exponential).
    dwell_log_sd : float
        Standard deviation of the logarithm of the dwell time, in [0, 3] (log-normal).
    travel_min_s, travel_max_s : float
        Bounds of the time between two cameras, s, in [0, 3600] (uniform).
    frame_cap : int
        Most ROIs in one frame, >= 1; the rest of a fuller frame is dropped at random.
    warmup_s : float
        Time simulated before the trace begins, so that it begins in the steady state, s, in [0, 100 000].
    size_bytes : float
        Payload of every ROI, bytes, >= 0.
    group_rate_step, group_rate_period : float, int
        Group j has the rate ``rate_ips * (1 - step * (j mod period))``.

    Raises
    ------
    ValueError
        If a value is out of range; the message begins with the field.
    """

    weights: tuple[float, ...]
    rate_ips: float
    dwell_s: float
    move_probability: float
    camera_sd: float
    camera_tau_s: float
    clip_spread: float
    global_sd: float = 0.0
    global_tau_s: float = 60.0
    fps: float = 15.0
    detection: float = 0.8
    group_size_mean: float = 1.5
    group_spread_s: float = 2.0
    dwell_log_sd: float = 0.6
    travel_min_s: float = 2.0
    travel_max_s: float = 8.0
    frame_cap: int = 30
    warmup_s: float = 60.0
    size_bytes: float = 2500.0
    group_rate_step: float = 0.0085
    group_rate_period: int = 4

    def __post_init__(self) -> None:
        if not self.weights or not all(0 < weight < math.inf for weight in self.weights):
            raise ValueError(f"weights: one finite number > 0 per camera of a group, not {list(self.weights)}")
        above_0 = ("rate_ips", "dwell_s", "camera_tau_s", "global_tau_s", "fps")
        _within(self, 0.0, math.inf, above_0, "must be finite and > 0", lower_open=True)
        _within(self, 0.0, math.inf, ("size_bytes",), "must be finite and >= 0")
        _within(self, 1.0, math.inf, ("group_size_mean", "frame_cap", "group_rate_period"), "must be finite and >= 1")
        _within(self, 0.0, 1.0, ("move_probability", "clip_spread", "group_rate_step"), "must lie in [0, 1)")
        for field, (least, most) in _BOUNDS.items():
            if not least <= getattr(self, field) <= most:
                raise ValueError(f"{field}: must be between {least:g} and {most:g}, not {getattr(self, field)}")
        if self.dwell_s * self.fps < 1:
            raise ValueError(f"dwell_s: must be at least one frame, {1 / self.fps:g} s, not {self.dwell_s}")
        if self.travel_max_s < self.travel_min_s:
            raise ValueError(f"travel_max_s: must be >= travel_min_s, {self.travel_min_s}, not {self.travel_max_s}")
        if self.group_rate_step * (self.group_rate_period - 1) >= 1:
            raise ValueError("group_rate_step: the last group of the period would have no arrivals")
        room = len(self.weights) * self.fps * self.frame_cap
        if self.rate_ips > room:
            raise ValueError(f"rate_ips: {self.rate_ips} is more than the cameras' frames can hold, {room:g} ROI/s")


def _within(
    tracks: Tracks, low: float, high: float, fields: Sequence[str], rule: str, *, lower_open: bool = False
) -> None:
    for field in fields:
        value = getattr(tracks, field)
        if not low <= value < high or (lower_open and value == low):
            raise ValueError(f"{field}: {rule}, not {value}")


def clip_factor(seed: int, spread: float) -> float:
    """Factor on the rate of clip `seed`: ``1 - h + 2 h phi2(seed)``, stratified over seeds 0, 1, 2, ….

    `phi2` is the van der Corput sequence in base 2, so the factor of a clip does not depend on how many there are.

    Parameters
    ----------
    seed : int
        Number of the clip, >= 0.
    spread : float
        Half-width h, in [0, 1).

    Raises
    ------
    ValueError
        If the seed is negative.

    Examples
    --------
    >>> [clip_factor(seed, 0.5) for seed in range(5)]
    [0.5, 1.0, 0.75, 1.25, 0.625]
    """
    if seed < 0:
        raise ValueError(f"a seed is >= 0, not {seed}")
    fraction, digit = 0.0, 0.5
    while seed:
        fraction += digit * (seed & 1)
        seed, digit = seed >> 1, digit / 2
    return 1.0 - spread + 2.0 * spread * fraction


def _transitions(weights: Sequence[float]) -> FloatArray:
    """Where an object goes next if it moves: (N, N), to the neighbours in the line in proportion to their weights."""
    count = len(weights)
    matrix = np.zeros((count, count))
    for here in range(count):
        for there in (here - 1, here + 1):
            if 0 <= there < count:
                matrix[here, there] = weights[there]
    return np.asarray(matrix / np.maximum(matrix.sum(axis=1, keepdims=True), np.finfo(float).tiny))


def entry_rates(tracks: Tracks, rate_ips: float | None = None) -> FloatArray:
    """Rate at which objects enter the scene at each camera of a group.

    Parameters
    ----------
    tracks : Tracks
        The generator.
    rate_ips : float, optional
        ROI/s of the group; by default that of the first group.

    Returns
    -------
    (N,) float array
        Objects/s: what the wanted visit rates leave after the moves between cameras, at least 2 % of them, scaled so
        that entries and moves together give ``rate / (fps * detection * dwell_s)`` visits/s.
    """
    rate = tracks.rate_ips if rate_ips is None else rate_ips
    visits = rate / (tracks.fps * tracks.detection * tracks.dwell_s)
    weights = np.array(tracks.weights)
    wanted = visits * weights / weights.sum()
    moves = tracks.move_probability * _transitions(tracks.weights)
    entries = np.maximum(wanted - wanted @ moves, 0.02 * wanted)
    return np.asarray(entries * (visits / visit_rates(tracks, entries).sum()))


def visit_rates(tracks: Tracks, entries: FloatArray) -> FloatArray:
    """Rate of visits at each camera of a group, in visits/s (N,), given the entries/s (N,): ``v = e + p P'v``."""
    moves = tracks.move_probability * _transitions(tracks.weights)
    return np.asarray(np.linalg.solve(np.eye(len(entries)) - moves.T, entries))


class _Sightings(NamedTuple):
    """ROIs before the cap: frame number, camera in its group, path, and a uniform key that shuffles a frame."""

    frame: _Int64Array
    camera: _Int64Array
    path: _Int64Array
    key: FloatArray


def generate(
    tracks: Tracks,
    cameras: Sequence[str],
    mix: Mapping[str, float],
    horizon_s: float,
    rng: Callable[[str, str], np.random.Generator],
    clip_factor: float,
) -> RoiTrace:
    """Draw the arrivals of one clip.

    Parameters
    ----------
    tracks : Tracks
        Parameters of one group of cameras.
    cameras : sequence of str
        Names, as many as there are weights or a multiple: then each such run of cameras is an independent group.
    mix : mapping of str to float
        Share of each path (class of object), >= 0, in any common unit; its keys become the paths of the trace.
    horizon_s : float
        Length, s, > 0; arrivals lie in [0, horizon_s).
    rng : callable
        ``rng(entity, purpose)`` gives a fresh generator at the beginning of a named stream.
    clip_factor : float
        Factor on the rate of this clip, > 0; see the function of this name.

    Returns
    -------
    RoiTrace
        Sorted by time; the ROIs of a frame are in random order. It may be empty.

    Raises
    ------
    ValueError
        If the cameras cannot be divided into groups, a name stands twice, or a number is out of range.

    Notes
    -----
    All of an object's draws come from streams of the camera at which it enters, in the order of entering. So the
    arrivals of a group do not depend on the groups after it, and a shorter clip is the beginning of a longer one.
    """
    count = len(tracks.weights)
    if not cameras or len(cameras) % count:
        raise ValueError(f"cameras: their number must be a multiple of the {count} weights, not {len(cameras)}")
    if len(set(cameras)) < len(cameras):
        raise ValueError("cameras: a name stands twice")
    if not 0 < horizon_s < math.inf or not 0 < clip_factor < math.inf:
        raise ValueError(f"horizon_s and clip_factor are finite and > 0, not {horizon_s} and {clip_factor}")
    shares = np.array(list(mix.values()), dtype=float)
    if not len(shares) or not np.isfinite(shares).all() or (shares < 0).any() or not shares.sum() > 0:
        raise ValueError(f"mix: shares are finite, >= 0 and not all 0, not {dict(mix)}")
    groups = len(cameras) // count
    if tracks.rate_ips * clip_factor * groups * horizon_s > _ROWS_MAX:
        raise ValueError(f"horizon_s: {horizon_s} s would give more than {_ROWS_MAX} ROIs")

    slots, paths, keys = [], [], []
    for group in range(groups):
        names = cameras[group * count : (group + 1) * count]
        rate = clip_factor * tracks.rate_ips * (1 - tracks.group_rate_step * (group % tracks.group_rate_period))
        for seen in _group(tracks, names, rate, np.cumsum(shares / shares.sum()), horizon_s, rng):
            slots.append((seen.frame * count + seen.camera) * groups + group)
            paths.append(seen.path)
            keys.append(seen.key)
    slot, path = np.concatenate(slots), np.concatenate(paths)
    order = np.lexsort((np.concatenate(keys), slot))
    slot, path = slot[order], path[order]
    place = np.arange(len(slot)) - np.searchsorted(slot, slot, side="left")
    slot, path = slot[place < tracks.frame_cap], path[place < tracks.frame_cap]
    instant, group_of = np.divmod(slot, groups)
    frame, camera = np.divmod(instant, count)
    return RoiTrace(
        _time_s(tracks, frame, camera),
        group_of * count + camera,
        path,
        np.full(len(slot), tracks.size_bytes),
        tuple(cameras),
        tuple(mix),
    )


def _time_s(tracks: Tracks, frame: _Int64Array, camera: _Int64Array) -> FloatArray:
    return np.asarray((frame + camera / len(tracks.weights)) / tracks.fps)


def _group(
    tracks: Tracks,
    cameras: Sequence[str],
    rate_ips: float,
    classes: FloatArray,
    horizon_s: float,
    rng: Callable[[str, str], np.random.Generator],
) -> list[_Sightings]:
    seconds = np.arange(-math.ceil(tracks.warmup_s), math.ceil(horizon_s))
    entries = entry_rates(tracks, rate_ips)
    matrix = _transitions(tracks.weights)
    left = np.array([matrix[here, here - 1] if here else 0.0 for here in range(len(cameras))])
    shared = _modulation(tracks.global_sd, tracks.global_tau_s, len(seconds), rng(cameras[0], "tracks/global"))
    found = []
    for origin, name in enumerate(cameras):

        def stream(purpose: str, name: str = name) -> np.random.Generator:
            return rng(name, f"tracks/{purpose}")

        own = _modulation(tracks.camera_sd, tracks.camera_tau_s, len(seconds), stream("modulation"))
        arrivals = stream("groups").poisson(entries[origin] / tracks.group_size_mean * shared * own)
        enter_s, of_class = _objects(tracks, seconds, arrivals, classes, stream)
        visit_s, camera, thing = _visits(tracks, enter_s, origin, left, stream)
        found.append(_sightings(tracks, visit_s, camera, of_class[thing], horizon_s, stream("detection")))
    return found


def _modulation(sd: float, tau_s: float, seconds: int, rng: np.random.Generator) -> FloatArray:
    """Factor on the entries in each second, mean 1: exp(x - sd²/2) with x a stationary AR(1)."""
    if sd == 0:
        return np.ones(seconds)
    keep = math.exp(-1 / tau_s)
    noise = sd * rng.standard_normal(seconds)
    noise[1:] *= math.sqrt(1 - keep**2)
    walk = itertools.accumulate(noise.tolist(), lambda x, step: keep * x + step)
    return np.exp(np.fromiter(walk, float, seconds) - sd**2 / 2)


def _objects(
    tracks: Tracks,
    seconds: _Int64Array,
    arrivals: _Int64Array,
    classes: FloatArray,
    stream: Callable[[str], np.random.Generator],
) -> tuple[FloatArray, _Int64Array]:
    """Time at which each object enters, s, and its class; objects in the order of their groups."""
    started_s = np.repeat(seconds, arrivals) + stream("start").random(int(arrivals.sum()))
    sizes = stream("size").geometric(1 / tracks.group_size_mean, len(started_s))
    firsts = np.cumsum(sizes) - sizes
    behind_s = tracks.group_spread_s * stream("spread").standard_exponential(int(sizes.sum()))
    behind_s[firsts] = 0.0
    drawn = np.searchsorted(classes, stream("class").random(len(behind_s)), side="right")
    return np.repeat(started_s, sizes) + behind_s, np.minimum(drawn, len(classes) - 1)


def _visits(
    tracks: Tracks, enter_s: FloatArray, origin: int, left: FloatArray, stream: Callable[[str], np.random.Generator]
) -> tuple[tuple[FloatArray, FloatArray], _Int64Array, _Int64Array]:
    """Beginning and end of every visit, s, its camera, and whose it is; visits in the order of their objects."""
    stays = 1 - tracks.move_probability if len(left) > 1 else 1.0
    visits = stream("visits").geometric(stays, len(enter_s))
    total, firsts = int(visits.sum()), np.cumsum(visits) - visits
    thing = np.repeat(np.arange(len(enter_s)), visits)
    scatter = tracks.dwell_log_sd
    dwell_s = np.exp(scatter * stream("dwell").standard_normal(total) - scatter**2 / 2) * tracks.dwell_s
    travel_s = stream("travel").uniform(tracks.travel_min_s, tracks.travel_max_s, total)
    way = stream("way").random(total)
    spent_s = dwell_s + travel_s
    before_s = np.cumsum(spent_s) - spent_s
    begin_s = enter_s[thing] + (before_s - before_s[firsts][thing])
    camera = np.full(total, origin, dtype=np.int64)
    for step in range(1, int(visits.max(initial=1))):
        rows = firsts[visits > step] + step
        came_from = camera[rows - 1]
        camera[rows] = np.where(way[rows] < left[came_from], came_from - 1, came_from + 1)
    return (begin_s, begin_s + dwell_s), camera, thing


def _sightings(
    tracks: Tracks,
    visit_s: tuple[FloatArray, FloatArray],
    camera: _Int64Array,
    path: _Int64Array,
    horizon_s: float,
    rng: np.random.Generator,
) -> _Sightings:
    phase = camera / len(tracks.weights)
    first, behind = (np.ceil(edge_s * tracks.fps - phase).astype(np.int64) for edge_s in visit_s)
    frames = behind - first
    visit = np.repeat(np.arange(len(camera)), frames)
    frame = np.arange(len(visit)) + np.repeat(first - (np.cumsum(frames) - frames), frames)
    # Below `detection` the draw is uniform again, so it also shuffles a frame and picks whom the cap drops.
    key = rng.random(len(visit))
    seen = (key < tracks.detection) & (frame >= 0) & (_time_s(tracks, frame, camera[visit]) < horizon_s)
    visit = visit[seen]
    return _Sightings(frame[seen], camera[visit], path[visit], key[seen])
