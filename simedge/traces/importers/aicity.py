"""AI City Challenge: vehicles on the cameras of a scenario, multi-target multi-camera tracking (CityFlow).

Source of the layout: the ReadMe of the data set (AIC19, track 1): ``S01/c001/gt/gt.txt`` and
``S01/c001/det/det_*.txt`` in the MOTChallenge format, ``cam_timestamp/S01.txt`` with the second at which each video
begins, 10 frames a second except for c015 of S03, which has 8. Tang et al., *CityFlow*, CVPR 2019.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from simedge.errors import ConfigError, TraceError
from simedge.traces.importers.boxes import BoxRules, Camera, arrivals
from simedge.traces.importers.motchallenge import frames_per_second
from simedge.traces.importers.settings import Settings
from simedge.traces.lines import check_readable, decimal, lines, short
from simedge.traces.reader import natural
from simedge.traces.trace import RoiTrace

__all__ = ["import_aicity"]

_OFFSETS = "a line has a camera and a time in s, such as c002 1.640"


def import_aicity(files: Sequence[Path], settings: Settings) -> tuple[RoiTrace, Counter[str]]:
    """Import the folder of a scenario.

    Parameters
    ----------
    files : sequence of Path
        The one folder, with a folder for each camera; those become ``camera_1`` … in the order of their names.
    settings : Settings
        ``fps``, ``fps.c015``; ``boxes`` (gt, or the name of a detection file such as det_yolo3), ``offsets`` (file of
        the second at which each video begins; without it all begin at 0), ``path`` (car), ``bytes_per_px`` (0.25,
        assumed), ``fixed_bytes``, ``conf_min``, ``ignored`` (drop), ``rows_max``.

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
        If the folder or a file in it is.

    Notes
    -----
    The annotations have only vehicles that pass at least two cameras: a load is better taken from a detection file. The
    data set says that some frames were lost in transmission, so that times drift a little.
    """
    if len(files) != 1:
        raise ConfigError(f"{len(files)} folders, not 1", "aicity", "give the folder of one scenario, such as S01")
    folder = files[0]
    if not folder.is_dir():
        raise TraceError("no such folder", str(folder), "give the folder of a scenario, such as S01")
    boxes = settings.text("boxes", "gt")
    if "/" in boxes or boxes in {".", ".."}:
        raise ConfigError(f"{boxes!r} is not the name of a file of boxes", "boxes", "write gt, or such as det_yolo3")
    place = f"gt/{boxes}.txt" if boxes == "gt" else f"det/{boxes.removesuffix('.txt')}.txt"
    try:
        names = sorted((one.name for one in folder.iterdir() if _has_boxes(one)), key=natural)
    except OSError as problem:
        raise TraceError(f"cannot be read: {problem.strerror}", str(folder), "give a readable folder") from None
    if not names:
        raise TraceError("has no camera", str(folder), "a camera is a folder with det/ or gt/ in it, such as c001")
    offsets = settings.text("offsets")
    rules = BoxRules.of(settings, {}, "car", flagged=False)
    rates = frames_per_second(settings, names)
    start_s = _starts(Path(offsets), names) if offsets else dict.fromkeys(names, 0.0)
    cameras = [Camera(folder / name / place, fps, start_s[name]) for name, fps in zip(names, rates, strict=True)]
    return arrivals(cameras, rules)


def _has_boxes(folder: Path) -> bool:
    return (folder / "gt").is_dir() or (folder / "det").is_dir()


def _starts(path: Path, names: Sequence[str]) -> dict[str, float]:
    check_readable(path)
    found: dict[str, float] = {}
    for number, text in lines(path, "camera"):
        where = f"{path}:{number}"
        fields = text.split()
        if len(fields) != 2:
            raise TraceError(f"{len(fields)} values, not 2", where, _OFFSETS)
        name, start_s = fields[0], decimal(fields[1])
        if start_s is None or not math.isfinite(start_s) or start_s < 0:
            raise TraceError(f"{short(fields[1])} is not a finite time >= 0", where, _OFFSETS)
        if name in found:
            raise TraceError(f"camera {short(name)} stands twice", where, "keep one line")
        found[name] = start_s
    missing = [name for name in names if name not in found]
    if missing:
        raise TraceError(f"says nothing of camera {missing[0]!r}", str(path), _OFFSETS)
    return found
