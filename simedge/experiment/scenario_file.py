"""Scenario files that nobody has to trust: what they may not ask for, what their paths mean, where a key stands."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from simedge.errors import ConfigError

__all__ = ["BODIES", "TYPED", "lines_with", "localised", "locate", "refuse_code"]

BODIES, TYPED = "_bodies_", "_typed_"
"""Keys under which composition keeps apart what files say about components, and what was typed."""

_FORBIDDEN = frozenset({"_target_", "_partial_", "_args_", "_convert_", "_recursive_", "hydra", BODIES, TYPED})
_NAME_MAX = 255


def refuse_code(data: Any, where: str, text: str = "") -> None:
    """Refuse what would make Hydra import, call, or look something up; `text` is the file it stands in."""

    def place(word: str) -> str:
        lines = (at for at, line in enumerate(text.splitlines(), 1) if word in line)
        return f"{where}:{next(lines, 1)}" if text else where

    if isinstance(data, Mapping):
        drawn = data["defaults"] if isinstance(data.get("defaults"), list) else []
        for name in [*map(str, data), *(item for item in drawn if isinstance(item, str))]:
            refused = _FORBIDDEN.intersection(re.split(r"[/.@: ]+", name))
            if refused:
                raise ConfigError(f"{name!r} is not allowed here", where=place(min(refused)), remedy="remove it")
            refuse_code(name, where, text)
        for item in data.values():
            refuse_code(item, where, text)
    elif isinstance(data, list | tuple):
        for item in data:
            refuse_code(item, where, text)
    elif isinstance(data, str) and "${" in data:
        raise ConfigError("interpolations ${…} are not allowed", where=place("${"), remedy="write the value out")


def localised(data: Any, folder: Path) -> Any:
    """Read the names of files that stand in the file's own folder relative to it."""
    if isinstance(data, dict):
        return {key: item if key == "defaults" else localised(item, folder) for key, item in data.items()}
    if isinstance(data, list):
        return [localised(item, folder) for item in data]
    if isinstance(data, str) and Path(data).suffix and len(data) <= _NAME_MAX and (folder / data).is_file():
        return str(folder / data)
    return data


def locate(problem: ConfigError, path: Path, overrides: Iterable[str]) -> ConfigError:
    """Name file and line of a key that cannot be used, unless the user typed it.

    Parameters
    ----------
    problem : ConfigError
        What `build` said; its `where` is a key.
    path : Path
        The scenario's file.
    overrides : iterable of str
        What the user typed.
    """
    key = problem.where
    typed = [text.split("=")[0].strip(" +").replace("/", ".") for text in overrides]
    if not key or any(f"{key}.".startswith(f"{one}.") or f"{one}.".startswith(f"{key}.") for one in typed):
        return problem
    lines = lines_with(rf"\b{re.escape(key.rpartition('.')[2])}[\"']?\s*:", path)
    return ConfigError(problem.what, where=f"{lines[0]}: {key}", remedy=problem.remedy) if lines else problem


def lines_with(pattern: str, path: Path) -> list[str]:
    """Return ``file:line`` of every line of a file in which a pattern is found."""
    text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    return [f"{path}:{at}" for at, line in enumerate(text.splitlines(), 1) if re.search(pattern, line)]
