"""Every name a user may type: for a piece of code, where that code lives; for a scenario, its file.

Code stands here as strings and is imported on use, so that no room has to know the concrete classes below it.
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from simedge import files
from simedge.errors import ConfigError, quoted, suggest

__all__ = [
    "KINDS",
    "Entry",
    "about_file",
    "choices",
    "entry",
    "family",
    "is_file",
    "load",
    "names",
    "scenario_path",
    "scenarios",
    "user_roots",
]


class Entry(NamedTuple):
    """A catalogued name.

    Attributes
    ----------
    target : str
        ``module:attribute``.
    about : str
        One line for people.
    system : str
        The system it belongs to.
    preset : mapping
        Fields that this name sets unless the user does.
    """

    target: str
    about: str
    system: str
    preset: Mapping[str, Any] = MappingProxyType({})


_BASELINES = "simedge.policies.video.baselines"
_DISTREAM = "simedge.policies.video.distream:Distream"
_ARTIFACT = "simedge.policies.video.artifact:DistreamArtifact"
_PREDICTOR = "simedge.policies.video.predictor"

_CATALOG: dict[str, dict[str, Entry]] = {
    "system": {
        "video": Entry(
            "simedge.systems.video.system:VideoSystem",
            "smart cameras and an edge cluster run a pipeline of classifiers",
            "video",
        ),
    },
    "policy": {
        "camera_only": Entry(f"{_BASELINES}:CameraOnly", "every unit on the camera that saw it", "video"),
        "centralized": Entry(f"{_BASELINES}:Centralized", "every unit at the edge cluster", "video"),
        "videoedge_l": Entry(
            f"{_BASELINES}:VideoEdgeL", "VideoEdge-Lossless: one static split by compute capacity", "video"
        ),
        "distream": Entry(_DISTREAM, "Distream: balances across cameras, moves the partition points", "video"),
        "distream_l": Entry(
            _DISTREAM, "Distream-L: balances, static partition points", "video", {"repartition": False}
        ),
        "distream_p": Entry(_DISTREAM, "Distream-P: moves the partition points only", "video", {"balance": False}),
        "distream_fast": Entry(
            _DISTREAM,
            "Distream at every report, without prediction",
            "video",
            {"gamma_s": 0.05, "predictor": {"name": "none"}},
        ),
        "static_split": Entry(
            _DISTREAM,
            "one static split, all cameras against all compute (Fig. 1.4, workload-agnostic)",
            "video",
            {"balance": False, "repartition": False},
        ),
        "distream_artifact": Entry(_ARTIFACT, "Distream with the heuristics of the authors' program", "video"),
        "distream_l_artifact": Entry(
            _ARTIFACT, "Distream-L with the heuristics of the authors' program", "video", {"repartition": False}
        ),
        "distream_p_artifact": Entry(
            _ARTIFACT, "Distream-P with the heuristics of the authors' program", "video", {"balance": False}
        ),
    },
    "predictor": {
        "none": Entry(f"{_PREDICTOR}:NoPredictor", "predicts nothing", "video"),
        "ewma": Entry(f"{_PREDICTOR}:EwmaPredictor", "arrivals go on at their moving mean", "video"),
        "oracle": Entry(f"{_PREDICTOR}:OraclePredictor", "knows the arrivals to come", "video"),
    },
    "arrivals": {
        "video": Entry("simedge.systems.video.workload:arrivals", "the ROI arrivals of a video scenario", "video"),
    },
    "layout": {
        "video": Entry("simedge.systems.video.network:laid_out", "places and links of a video scenario", "video"),
    },
    "inputs": {
        "video": Entry("simedge.systems.video.workload:inputs", "digests of the files that a video run reads", "video"),
    },
}

KINDS: tuple[str, ...] = tuple(_CATALOG)
"""What kinds of things have names."""


def names(kind: str, system: str | None = None) -> list[str]:
    """Names of a kind, sorted; with `system`, those that belong to it.

    Examples
    --------
    >>> names("policy", "video")  # doctest: +ELLIPSIS
    ['camera_only', 'centralized', 'distream', ..., 'videoedge_l']
    """
    return sorted(name for name, found in _CATALOG[kind].items() if system in {None, found.system})


def entry(kind: str, name: str, where: str = "") -> Entry:
    """Look up a name.

    Parameters
    ----------
    kind, name : str
        What kind of thing, and which.
    where : str
        What an error message begins with: the key or option that gave the name.

    Raises
    ------
    ConfigError
        If there is no such name; close matches are named.
    """
    try:
        return _CATALOG[kind][name]
    except (KeyError, TypeError):
        raise ConfigError(f"there is no {kind} {name!r}", where=where, remedy=suggest(name, _CATALOG[kind])) from None


def load(kind: str, name: str, where: str = "") -> Any:
    """Import what a name stands for: a class, or a function.

    Raises
    ------
    ConfigError
        If there is no such name; close matches are named.
    """
    module, _, attribute = entry(kind, name, where).target.partition(":")
    return getattr(import_module(module), attribute)


def scenarios(config_dir: str | Path | None = None) -> dict[str, Path]:
    """Every scenario by name, those of the user's folder before the bundled ones.

    A scenario is a YAML file with a ``name`` that draws on others (``defaults``) or names its ``system``; its own
    name is the file's, whatever folder it stands in.
    """
    roots = [files.bundled("scenarios"), *user_roots(config_dir)]
    return {path.stem: path for root in roots for path in sorted(root.rglob("*.yaml")) if _is_scenario(path)}


def choices(group: str, config_dir: str | Path | None = None) -> dict[str, Path]:
    """Every file of a group that scenarios draw on, such as ``network``, by the name with which it is chosen."""
    roots = [files.bundled("scenarios"), *user_roots(config_dir)]
    return {path.stem: path for root in roots for path in sorted((root / group).glob("*.yaml"))}


def scenario_path(scenario: str | Path, config_dir: str | Path | None = None) -> Path:
    """File of a scenario, given by name or by the path of a ``.yaml`` file.

    Raises
    ------
    ConfigError
        If there is none; close matches are named.
    """
    if not isinstance(scenario, str | Path):
        raise ConfigError(
            f"{type(scenario).__name__ if hasattr(scenario, 'run') else repr(scenario)} is neither a name nor a path",
            where="scenario",
            remedy="call its own run()" if hasattr(scenario, "run") else suggest("", scenarios(config_dir)),
        )
    said = str(scenario)
    if said.endswith(".yaml") and is_file(said):
        return Path(said).resolve()
    known = scenarios(config_dir)
    base, _ = family(said, known)
    if base in known:
        return known[base].resolve()
    if isinstance(scenario, Path) or "/" in said or "\\" in said or said.endswith((".yaml", ".yml")):
        raise ConfigError("no such scenario file", where=said, remedy="give the path of a file that ends in .yaml")
    raise ConfigError(f"there is no scenario {quoted(said)}", remedy=suggest(said, known))


def family(name: str, known: Container[str]) -> tuple[str, int | None]:
    """Split the name of a scaled scenario, which has no file of its own, into that of its file and a number of cameras.

    Examples
    --------
    >>> family("campus_96", {"campus", "campus_24"}), family("campus_24", {"campus", "campus_24"})
    (('campus', 96), ('campus_24', None))
    """
    base, _, count = name.rpartition("_")
    if name not in known and base in known and count.isdecimal() and len(count) < 7:
        return base, int(count)
    return name, None


def user_roots(config_dir: str | Path | None) -> list[Path]:
    """Folder in which a user's own scenarios and groups stand: none, or one.

    Raises
    ------
    ConfigError
        If `config_dir` is not a folder.
    """
    if config_dir is None:
        return []
    folder = Path(config_dir).resolve() if isinstance(config_dir, str | Path) and config_dir != "" else None
    if folder is None or not folder.is_dir():
        raise ConfigError(
            "is not a folder", where=str(config_dir) or "''", remedy="give the folder of your own scenarios"
        )
    return [folder / "scenarios" if (folder / "scenarios").is_dir() else folder]


def is_file(said: str) -> bool:
    """Tell whether a text is the path of a file, whatever characters it has."""
    try:
        return Path(said).is_file()
    except (OSError, ValueError):
        return False


def about_file(path: Path) -> str:
    """Return what the first comment line of a YAML file says about it."""
    with path.open(encoding="utf-8", errors="replace") as stream:
        first = stream.readline().strip()
    return first.lstrip("# ") if first.startswith("#") else ""


def _is_scenario(path: Path) -> bool:
    try:
        text = path.read_text(encoding="utf-8", errors="replace") if path.stat().st_size <= 2**20 else ""
    except OSError:
        return False
    keys = set(re.findall(r"^(\w+)\s*:", text, re.MULTILINE))
    return path.parent.name not in KINDS and "name" in keys and bool(keys & {"defaults", "system"})
