"""What simedge says when the input is wrong: one line with what, where, and what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["ConfigError", "InputError", "OutputError", "ProfileError", "TraceError", "quoted", "suggest"]


class InputError(ValueError):
    """Something a user wrote cannot be used.

    Parameters
    ----------
    what : str
        What is wrong, naming the offending value.
    where : str, optional
        File and line, or configuration key.
    remedy : str, optional
        What to do about it.

    Notes
    -----
    The message is always a single line; the command line prints it and exits with code 2.
    """

    def __init__(self, what: str, where: str = "", remedy: str = "") -> None:
        self.what, self.where, self.remedy = what, where, remedy
        super().__init__(what, where, remedy)

    def __str__(self) -> str:
        line = f"{self.where}: {self.what}" if self.where else self.what
        if self.remedy:
            line = f"{line}; {self.remedy}"
        return " ".join(line.split())


class ConfigError(InputError):
    """A scenario file or an override is wrong."""


class TraceError(InputError):
    """A trace file is missing, malformed, or does not fit the scenario."""


class ProfileError(InputError):
    """A hardware profile is missing, malformed, or lacks what the scenario needs."""


class OutputError(InputError):
    """A result cannot be written where the user wants it."""


def quoted(text: str) -> str:
    """Quote what a user wrote, the beginning of a long text.

    Examples
    --------
    >>> quoted("campsu"), len(quoted("x" * 5000))
    ("'campsu'", 63)
    """
    return repr(text) if len(text) <= 60 else f"{text[:60]!r}…"


def suggest(name: str, known: Iterable[str]) -> str:
    """Close matches of a mistyped name, or all names if nothing is close: the remedy of an unknown name.

    Examples
    --------
    >>> suggest("campsu", ["campus", "traffic"])
    "did you mean 'campus'?"
    >>> suggest("x", ["b", "a"])
    'known: a, b'
    """
    names = sorted(map(str, known))
    close = difflib.get_close_matches(str(name), names, n=3, cutoff=0.6)
    if close:
        return f"did you mean {' or '.join(map(repr, close))}?"
    return f"known: {', '.join(names)}" if names else "none is known"
