"""Ctrl-C in a command: one line and exit code 130, whatever code happens to run.

While modules are imported and configurations composed there is nothing to tidy up, and an exception raised there may be
swallowed or turned into another one by third parties; so the process is left at once. Later Ctrl-C raises
``KeyboardInterrupt``, as Python does by itself, and is remembered.
"""

import os
import signal
import sys
from types import FrameType

__all__ = ["leave_at_once", "raise_from_now_on", "seen"]

_seen = False


def leave_at_once() -> None:
    """Let Ctrl-C end the process; one that ignores it, as after ``nohup``, goes on doing so."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave)


def raise_from_now_on() -> None:
    """Let Ctrl-C raise ``KeyboardInterrupt`` again: something is under way that must be tidied up or reported."""
    if signal.getsignal(signal.SIGINT) is _leave:
        signal.signal(signal.SIGINT, _raise)


def seen() -> bool:
    """Tell whether Ctrl-C was raised, even if another exception came of it."""
    return _seen


def _leave(number: int, frame: FrameType | None) -> None:
    del number, frame
    if sys.stderr is not None:
        os.write(2, b"simedge: interrupted; nothing was written\n")
    os._exit(130)


def _raise(number: int, frame: FrameType | None) -> None:
    global _seen  # noqa: PLW0603 - a signal belongs to the process
    _seen = True
    signal.default_int_handler(number, frame)
