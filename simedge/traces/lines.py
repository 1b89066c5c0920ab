"""Text files that nobody has to trust, line by line: what readers of traces share."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from simedge.errors import TraceError

__all__ = ["TIME_MAX_S", "check_readable", "number", "short", "text_lines"]

TIME_MAX_S = 1e9

_LINE_LENGTH_MAX = 2**20


def check_readable(path: Path, kind: str = "traces") -> None:
    """See whether a file can be opened.

    Parameters
    ----------
    path : Path
        The file.
    kind : str
        What ``simedge list`` calls the bundled files of its kind.

    Raises
    ------
    TraceError
        If it is missing, a folder, or cannot be read.
    """
    if path.is_dir():
        raise TraceError("is a folder", str(path), "name a file in it")
    try:
        with path.open("rb") as stream:
            stream.read(1)
    except FileNotFoundError:
        raise TraceError("no such file", str(path), f"`simedge list {kind}` names the bundled ones") from None
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or "not a usable name"
        raise TraceError(f"cannot be read: {reason}", str(path), "give a readable file") from None


def text_lines(path: Path, row: str) -> Iterator[tuple[int, str]]:
    """Go through the lines of a UTF-8 text, numbered from 1, without their ends; blank lines are among them.

    Parameters
    ----------
    path : Path
        The file; a byte order mark at its beginning is left out.
    row : str
        What belongs into one line, for the message about a line without end.

    Raises
    ------
    TraceError
        At the first line that is longer than 1 MiB, has a NUL byte or is not UTF-8.
    """
    with path.open(encoding="utf-8-sig", errors="surrogateescape") as stream:
        for count, line in enumerate(iter(partial(stream.readline, _LINE_LENGTH_MAX), ""), start=1):
            if len(line) == _LINE_LENGTH_MAX:
                raise TraceError("the line is longer than 1 MiB", f"{path}:{count}", f"write one {row} per line")
            if "\0" in line:
                raise TraceError("has a NUL byte", f"{path}:{count}", "write plain UTF-8 text")
            if not line.isascii() and any("\udc80" <= letter <= "\udcff" for letter in line):
                raise TraceError("is not UTF-8 text", f"{path}:{count}", "save the file as UTF-8")
            yield count, line.strip("\r\n")


def number(text: str) -> float | None:
    """Read a number as files write it, or return None; ``nan`` and ``inf`` are numbers here, ``1_000`` is none."""
    if not text.isascii() or "_" in text:
        return None
    try:
        return float(text)
    except ValueError:
        return None


def short(text: str) -> str:
    """Quote a value, the beginning of a long one."""
    return repr(text if len(text) <= 40 else f"{text[:40]}…")
