"""Plain data out of a pickle that nobody has to trust.

A pickle is a program. ``pickle.Unpickler`` runs it, and even with a ``find_class`` that refuses everything, one
``LONG_BINPUT`` makes it reserve 32 GB for its memo. So nothing is run here: ``pickletools`` reads the program, and a
stack builds dictionaries, lists, tuples, texts, numbers, truth values and None. Every other instruction ends it.
"""

from __future__ import annotations

import pickletools
import warnings
from pathlib import Path
from typing import Any

from simedge.errors import TraceError, quoted
from simedge.traces.lines import content

__all__ = ["BYTES_MAX", "INSTRUCTIONS_MAX", "read_plain_pickle"]

BYTES_MAX = 2**28
"""Largest file: ten times FedScale's larger one, which has 25.6 MB."""

INSTRUCTIONS_MAX = 20_000_000
"""Most instructions: an empty dictionary is one byte in the file and 64 in memory, so that bytes bound nothing."""

_WHOLE_MAX = 2**63

_VALUES = {
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
    *("STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
}
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_EMPTY: dict[str, type] = {"EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple}
_PUTS = {"PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"}
_GETS = {"GET", "BINGET", "LONG_BINGET"}
_SHORT_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_ABOUT_THE_FILE = {"PROTO", "FRAME", "STOP"}
_PROTOCOL_MAX = 5
_TRUST = "only dictionaries, lists, texts and numbers are read: write such a file"


def read_plain_pickle(path: Path) -> Any:
    """Read a pickle of plain data.

    Parameters
    ----------
    path : Path
        The file, in any protocol.

    Returns
    -------
    object
        Made of dict (keys int or str), list, tuple, str, int, float, bool and None. One object may stand in several
        places, also in itself.

    Raises
    ------
    TraceError
        If the file is too large, is no pickle, or asks for anything else; the byte at which it does is named. Nothing
        in it is ever executed.
    """
    data = content(path, BYTES_MAX)
    position = 0
    machine = _Machine()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # of an escape sequence that no pickler writes
            for count, (instruction, argument, place) in enumerate(pickletools.genops(data)):
                position = place or 0
                if count >= INSTRUCTIONS_MAX:
                    what = f"has more than {INSTRUCTIONS_MAX} instructions"
                    raise TraceError(what, f"{path}: byte {position}", "split the file")
                if not machine.step(instruction.name, argument):
                    said = f" of {quoted(argument)}" if isinstance(argument, str) else ""
                    raise TraceError(f"asks for {instruction.name}{said}", f"{path}: byte {position}", _TRUST)
        if position + 1 != len(data) or len(machine.stack) != 1 or machine.marks:
            raise ValueError("something stands after its end")
    except TraceError:
        raise
    except (ValueError, LookupError, TypeError, OverflowError, MemoryError, Warning) as problem:
        said = next(iter(str(problem).splitlines()), "")[:80]
        what = f"is no well-formed pickle of plain data{said and f': {said}'}"
        raise TraceError(what, f"{path}: byte {position}", "download the file again") from None
    return machine.stack[0]


class _Machine:
    """The stack, the marks on it, and the memo, of the part of the pickle language that makes plain data."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}

    def step(self, name: str, argument: Any) -> bool:
        """Do one instruction, or return False if it is not for plain data."""
        stack = self.stack
        if name in _VALUES:
            if type(argument) is int and not -_WHOLE_MAX <= argument < _WHOLE_MAX:
                raise ValueError("a whole number has more than 64 bits")
            stack.append(argument)
        elif name in _PUTS:
            self.memo[len(self.memo) if name == "MEMOIZE" else argument] = stack[-1]
        elif name in _GETS:
            stack.append(self.memo[int(argument)])
        elif name == "MARK":
            self.marks.append(len(stack))
        elif name in {"APPEND", "APPENDS"}:
            items = self._top(1 if name == "APPEND" else None)
            self._target(list).extend(items)
        elif name in {"SETITEM", "SETITEMS"}:
            items = self._top(2 if name == "SETITEM" else None)
            _fill(self._target(dict), items)
        elif name in _EMPTY:
            stack.append(_EMPTY[name]())
        elif name in _CONSTANTS:
            stack.append(_CONSTANTS[name])
        elif name == "TUPLE" or name in _SHORT_TUPLES:
            items = self._top(_SHORT_TUPLES.get(name))
            stack.append(tuple(items))
        elif name == "LIST":
            stack.append(self._top(None))
        elif name == "DICT":
            made: dict[Any, Any] = {}
            _fill(made, self._top(None))
            stack.append(made)
        else:
            if name == "PROTO" and argument > _PROTOCOL_MAX:
                raise ValueError(f"protocol {argument} is not known")
            return name in _ABOUT_THE_FILE
        return True

    def _top(self, count: int | None) -> list[Any]:
        """Take some objects from the top, by default those above the last mark."""
        start = self.marks.pop() if count is None else len(self.stack) - count
        if start < (self.marks[-1] if self.marks else 0):
            raise ValueError("it takes more than there is")
        taken = self.stack[start:]
        del self.stack[start:]
        return taken

    def _target(self, kind: type) -> Any:
        if len(self.stack) <= (self.marks[-1] if self.marks else 0) or type(self.stack[-1]) is not kind:
            raise ValueError(f"it adds to something that is no {kind.__name__}")
        return self.stack[-1]


def _fill(target: dict[Any, Any], items: list[Any]) -> None:
    for key, value in zip(items[::2], items[1::2], strict=True):
        if type(key) is not int and type(key) is not str:  # the hash of a deep tuple would exhaust the C stack
            raise ValueError(f"a key is a {type(key).__name__}")
        if key in target:
            raise ValueError(f"the key {quoted(str(key))} stands twice")
        target[key] = value
