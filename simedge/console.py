"""The standard streams of a command: their failures are told apart from all others."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, TextIO

from simedge.errors import OutputError

__all__ = ["ReaderGone", "complain", "guarded_output", "show_table"]


class ReaderGone(Exception):
    """Nobody reads standard output any more, as after ``| head``."""


class _Guarded:
    """Standard output, buffered or not, whose errors say that they are its."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with self._watched():
            return self._stream.write(text)

    def flush(self) -> None:
        with self._watched():
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    @contextlib.contextmanager
    def _watched(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError:
            _silence(self._stream)
            raise ReaderGone from None
        except OSError as problem:
            _silence(self._stream)
            raise _unwritable(problem.strerror or str(problem)) from None


def _unwritable(reason: str) -> OutputError:
    return OutputError(f"cannot be written: {reason}", where="standard output", remedy="redirect it to another place")


def _silence(stream: TextIO) -> None:
    """Let what is still buffered go nowhere, so that it does not fail once more when the interpreter ends."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


@contextlib.contextmanager
def guarded_output() -> Iterator[None]:
    """Guard standard output; all of it is written, or known not to be, when the block ends.

    Raises
    ------
    OutputError
        If it cannot be written, or was closed from the beginning.
    ReaderGone
        If nobody reads it any more.
    """
    stream = sys.stdout
    if stream is None:
        raise _unwritable("it is closed")
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="replace")  # a terminal without × shows ? instead of failing
    sys.stdout = _Guarded(stream)
    try:
        yield
        sys.stdout.flush()
    finally:
        sys.stdout = stream
        try:
            stream.flush()
        except OSError:
            _silence(stream)


def show_table(
    rows: Sequence[Sequence[str]], left: Collection[str] = (), styles: Mapping[str, str] | None = None
) -> None:
    """Print a table, whole at any width: as wide as it needs to be.

    Parameters
    ----------
    rows : sequence of sequence of str
        The first: headers.
    left : collection of str
        Headers of columns to be aligned left; the first one always is.
    styles : mapping of str to str, optional
        Style of cells by their text, where there are colours.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for at, header in enumerate(rows[0]):
        table.add_column(header, justify="left" if at == 0 or header in left else "right", no_wrap=True)
    for row in rows[1:]:
        table.add_row(*(Text(cell, style=(styles or {}).get(cell, "")) for cell in row))
    unbounded = Console(width=100_000, height=100, file=sys.stdout)  # a dumb terminal obeys only both
    console = Console(width=unbounded.measure(table).maximum, height=100, file=sys.stdout, highlight=False)
    with console.capture() as captured:
        console.print(table)
    print("\n".join(line.rstrip() for line in captured.get().splitlines()), end="\n\n")


def complain(line: str, code: int) -> int:
    """Print one line on standard error, if there is one, and give the exit code back."""
    if sys.stderr is not None:
        encoding = sys.stderr.encoding or "utf-8"
        said = f"simedge: {' '.join(line.split())}".encode(encoding, "backslashreplace").decode(encoding)
        try:
            print(said, file=sys.stderr, flush=True)
        except OSError:
            _silence(sys.stderr)
    return code
