"""MOTChallenge: what trackers are measured on, ``det.txt`` (detections) and ``gt.txt`` (annotations) of a sequence.

Source of the layout: motchallenge.net/instructions; for MOT16 and later, Milan et al., *MOT16: a benchmark for
multi-object tracking*, arXiv:1603.00831, tables of the annotation classes and of the data format; MOT20:
arXiv:2003.09003. A line is ``frame, id, left, top, width, height, confidence`` and then, in the annotations of MOT16
and later, ``class, visibility``; elsewhere nothing, or ``-1, -1, -1`` (world coordinates in the 3-D part of MOT15).
Frames count from 1, lengths are pixels, an id of -1 marks a detection.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from simedge.errors import ConfigError, suggest
from simedge.traces.importers.boxes import DROP, BoxRules, Camera, arrivals
from simedge.traces.importers.settings import Settings
from simedge.traces.trace import RoiTrace

__all__ = ["CLASSES", "FPS_MAX", "frames_per_second", "import_mot15", "import_mot16"]

FPS_MAX = 1000.0

CLASSES = {
    1: "person",  # pedestrian
    2: "person",  # person on a vehicle
    3: "car",
    4: "other",  # bicycle
    5: "other",  # motorbike
    6: "other",  # non-motorised vehicle
    7: "person",  # static person
    8: DROP,  # distractor
    9: DROP,  # occluder
    10: DROP,  # occluder on the ground
    11: DROP,  # occluder, full
    12: DROP,  # reflection
    13: DROP,  # crowd, MOT20
}
"""Classes of MOT16, MOT17 and MOT20, and the path of the shipped scenarios that each takes."""


def import_mot15(files: Sequence[Path], settings: Settings) -> tuple[RoiTrace, Counter[str]]:
    """Import MOT15 files, in which every box is a pedestrian.

    Parameters
    ----------
    files : sequence of Path
        One for each camera, in their order.
    settings : Settings
        ``fps``, ``fps.camera_K``; ``path`` (person), ``bytes_per_px`` (0.25, assumed), ``fixed_bytes``, ``conf_min``,
        ``ignored`` (drop), ``rows_max``.

    Returns
    -------
    trace : RoiTrace
        One ROI a box.
    dropped : Counter
        Boxes left out, by reason.

    Raises
    ------
    ConfigError
        If a setting is missing or wrong.
    TraceError
        If a file is.

    Notes
    -----
    Annotations whose confidence is 0 are those that the benchmark ignores; here they are dropped.
    """
    return _import(files, settings, BoxRules.of(settings, {}, "person", flagged=False))


def import_mot16(files: Sequence[Path], settings: Settings) -> tuple[RoiTrace, Counter[str]]:
    """Import files of MOT16, MOT17 or MOT20, whose annotations have classes and whose detections are pedestrians.

    Parameters
    ----------
    files : sequence of Path
        One for each camera, in their order.
    settings : Settings
        Those of `import_mot15`, and ``class.K`` (`CLASSES`); ``ignored`` is keep.

    Returns
    -------
    trace, dropped
        As of `import_mot15`.

    Raises
    ------
    ConfigError, TraceError
        As of `import_mot15`.

    Notes
    -----
    Here a confidence of 0 says that a box is not evaluated. The benchmark evaluates moving pedestrians; whom it does
    not evaluate, static people for one (class 7), a camera sees all the same. So these boxes are kept, and their class
    says what they are; ``ignored=drop`` drops them.
    """
    return _import(files, settings, BoxRules.of(settings, CLASSES, "person", flagged=True))


def frames_per_second(settings: Settings, names: Sequence[str]) -> list[float]:
    """Take ``fps``, and ``fps.NAME`` for cameras that differ: the last of all settings.

    Parameters
    ----------
    settings : Settings
        What was typed.
    names : sequence of str
        Cameras.

    Returns
    -------
    list of float
        Frames per second of each.

    Raises
    ------
    ConfigError
        If a camera has none, one is given for a camera that is not there, or a setting is left that nobody took.
    """
    for name in settings.below("fps"):
        if name not in names:
            raise ConfigError(f"there is no camera {name!r}", f"fps.{name}", suggest(name, names))
    own = [settings.optional(f"fps.{name}", high=FPS_MAX, above=True) for name in names]
    shared = settings.optional("fps", high=FPS_MAX, above=True)
    settings.finish()
    if shared is None and None in own:
        name = names[own.index(None)]
        what = f"the files do not say how many frames a second {name} has"
        raise ConfigError(what, "fps", "give fps=NUMBER, such as fps=25")
    return [shared or 0.0 if rate is None else rate for rate in own]


def _import(files: Sequence[Path], settings: Settings, rules: BoxRules) -> tuple[RoiTrace, Counter[str]]:
    rates = frames_per_second(settings, [f"camera_{number + 1}" for number in range(len(files))])
    return arrivals([Camera(path, fps) for path, fps in zip(files, rates, strict=True)], rules)
