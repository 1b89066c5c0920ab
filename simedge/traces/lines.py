"""Text files that nobody has to trust, line by line: bounded lines, plain UTF-8, and errors that name the line."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from simedge.errors import TraceError

__all__ = ["TIME_MAX_S", "check_readable", "content", "decimal", "lines", "rows", "short", "split"]

LINE_LENGTH_MAX = 2**20
TIME_MAX_S = 1e9
"""Times of traces are below it, s: thirty years."""

_PIECE = 2**20


def check_readable(path: Path, remedy: str = "give the path of a file") -> None:
    """Open a file and read a byte of it.

    Parameters
    ----------
    path : Path
        The file.
    remedy : str
        What to do if there is none.

    Raises
    ------
    TraceError
        If the file is missing, a folder, or not to be read.
    """
    content(path, 1, remedy, whole=False)


def content(path: Path, bytes_max: int, remedy: str = "give the path of a file", *, whole: bool = True) -> bytes:
    """Read a file of bounded size, or its beginning.

    Parameters
    ----------
    path : Path
        The file.
    bytes_max : int
        Largest size.
    remedy : str
        What to do if there is no such file.
    whole : bool
        Whether a larger file is an error; else its first bytes are returned.

    Raises
    ------
    TraceError
        If the file is missing, a folder, not to be read, or larger.
    """
    data = bytearray()
    try:
        with path.open("rb") as stream:
            # One large read would reserve the most there may be, however small the file is.
            while len(data) < bytes_max + whole and (piece := stream.read(min(_PIECE, bytes_max + whole - len(data)))):
                data += piece
    except IsADirectoryError:
        raise TraceError("is a folder", str(path), "name a file in it") from None
    except FileNotFoundError:
        raise TraceError("no such file", str(path), remedy) from None
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or "not a usable name"
        raise TraceError(f"cannot be read: {reason}", str(path), "give a readable file") from None
    if len(data) > bytes_max:
        raise TraceError(f"has more than {bytes_max} bytes", str(path), "import a part of it")
    return bytes(data)


def lines(path: Path, one: str = "value", *, empty: bool = False) -> Iterator[tuple[int, str]]:
    """Go through the lines of a text file.

    Parameters
    ----------
    path : Path
        The file; a byte order mark at its beginning is left out.
    one : str
        What stands on a line, for the error message.
    empty : bool
        Whether empty lines are told.

    Yields
    ------
    number : int
        Of the line, from 1; empty lines count.
    text : str
        The line without its end.

    Raises
    ------
    TraceError
        At the first line that is longer than 1 MiB, has a NUL byte or is not UTF-8.
    """
    with path.open(encoding="utf-8-sig", errors="surrogateescape") as stream:
        for number, line in enumerate(iter(partial(stream.readline, LINE_LENGTH_MAX), ""), start=1):
            where = f"{path}:{number}"
            if len(line) == LINE_LENGTH_MAX:
                raise TraceError("the line is longer than 1 MiB", where, f"write one {one} per line")
            if "\0" in line:
                raise TraceError("has a NUL byte", where, "write plain UTF-8 text")
            if not line.isascii() and any("\udc80" <= letter <= "\udcff" for letter in line):
                raise TraceError("is not UTF-8 text", where, "save the file as UTF-8")
            text = line.strip("\r\n")
            if text or empty:
                yield number, text


def split(text: str, where: str) -> list[str]:
    """Split a line of a CSV file into its values.

    Raises
    ------
    TraceError
        If it is no CSV line.
    """
    try:
        return next(csv.reader([text]))
    except csv.Error as problem:
        raise TraceError(f"is no CSV line: {problem}", where, "correct the line") from None


def decimal(text: str) -> float | None:
    """Read a number in ASCII digits; None if the text is none.

    Examples
    --------
    >>> decimal(" 1e-3"), decimal("1_000"), decimal("٣")
    (0.001, None, None)
    """
    if not text.isascii() or "_" in text:
        return None
    try:
        return float(text)
    except ValueError:
        return None


def short(text: str) -> str:
    """Quote what a file says, the first 40 characters of a long text."""
    return repr(text if len(text) <= 40 else f"{text[:40]}…")


def rows(
    path: Path, needed: Sequence[str], optional: Sequence[str], rows_max: int, one: str = "row"
) -> Iterator[tuple[str, dict[str, str]]]:
    """Go through the rows of a CSV file with a header.

    Parameters
    ----------
    path : Path
        The file.
    needed, optional : sequence of str
        Columns that must and that may be there, in any order.
    rows_max : int
        Largest number of rows.
    one : str
        What stands on a line, for the error message.

    Yields
    ------
    where : str
        ``file:line``.
    row : dict of str to str
        Texts by column.

    Raises
    ------
    TraceError
        At the first line that breaks the layout.
    """
    check_readable(path)
    known = [*needed, *optional]
    header: list[str] = []
    count = 0
    for number, text in lines(path, one):
        where = f"{path}:{number}"
        values = split(text, where)
        if not header:
            header = values
            for name in header:
                if name not in known or header.count(name) > 1:
                    what = "stands twice" if name in known else "is unknown"
                    raise TraceError(f"column {short(name)} {what}", where, f"a header has {','.join(known)}")
            missing = [name for name in needed if name not in header]
            if missing:
                raise TraceError(f"lacks the column {missing[0]!r}", where, f"a header has {','.join(known)}")
            continue
        if len(values) != len(header):
            raise TraceError(f"{len(values)} values, not {len(header)}", where, f"a row has {','.join(header)}")
        count += 1
        if count > rows_max:
            raise TraceError(f"has more than {rows_max} rows", where, "cut the file")
        yield where, dict(zip(header, values, strict=True))
    if not header:
        raise TraceError("is empty", str(path), f"it begins with the line {','.join(known)}")
