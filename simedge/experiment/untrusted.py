"""What a configuration that nobody has to trust may not ask for, and what its paths mean."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from simedge.errors import ConfigError

__all__ = ["localised", "refuse_code"]

_FORBIDDEN = frozenset({"_target_", "_partial_", "_args_", "_convert_", "_recursive_", "hydra"})
_FILE_SUFFIXES = (".csv", ".parquet", ".yaml")


def refuse_code(data: Any, where: str, text: str = "") -> None:
    """Refuse what would make Hydra import, call, or look something up; `text` is the file it stands in."""

    def place(word: str) -> str:
        lines = (at for at, line in enumerate(text.splitlines(), 1) if word in line)
        return f"{where}:{next(lines, 1)}" if text else where

    if isinstance(data, Mapping):
        for key, item in data.items():
            refuse_code(str(key), where, text)
            head = re.split(r"[/.@: ]", str(key).removeprefix("override ").removeprefix("optional ").lstrip("/"))[0]
            if head in _FORBIDDEN:
                raise ConfigError(f"the key {str(key)!r} is not allowed", where=place(head), remedy="remove it")
            refuse_code(item, where, text)
    elif isinstance(data, list | tuple):
        for item in data:
            refuse_code(item, where, text)
    elif isinstance(data, str) and "${" in data:
        raise ConfigError("interpolations ${…} are not allowed", where=place("${"), remedy="write the value out")


def localised(data: Any, folder: Path) -> Any:
    """Read the paths in a file relative to the file's own folder."""
    if isinstance(data, dict):
        return {key: item if key == "defaults" else localised(item, folder) for key, item in data.items()}
    if isinstance(data, list):
        return [localised(item, folder) for item in data]
    if isinstance(data, str) and data.endswith(_FILE_SUFFIXES) and (folder / data).is_file():
        return str(folder / data)
    return data
