"""Pickles of strangers: plain data comes out, everything else is refused, and nothing is ever executed."""

from __future__ import annotations

import builtins
import os
import pickle
import struct
import tracemalloc
from collections import OrderedDict
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simedge.errors import TraceError
from simedge.traces.importers import pickles
from simedge.traces.importers.pickles import read_plain_pickle

Command = Callable[..., tuple[int, str, str]]

WHOLE = st.integers(-(2**63), 2**63 - 1)
SCALARS = st.none() | st.booleans() | WHOLE | st.floats(allow_nan=False) | st.text(max_size=20)
PLAIN = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.lists(inner, max_size=5).map(tuple)
        | st.dictionaries(WHOLE | st.text(max_size=5), inner, max_size=5)
    ),
    max_leaves=30,
)


class Calls:
    """An object whose pickle calls something when it is loaded."""

    def __init__(self, function: Callable[..., Any], *arguments: object) -> None:
        self.function, self.arguments = function, arguments

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[object, ...]]:
        return self.function, self.arguments


def file(folder: Path, data: bytes) -> Path:
    path = folder / "p"
    path.write_bytes(data)
    return path


@given(data=PLAIN, protocol=st.integers(0, 5))
def test_plain_data_comes_out_as_it_went_in(
    tmp_path_factory: pytest.TempPathFactory, data: object, protocol: int
) -> None:
    path = file(tmp_path_factory.mktemp("plain"), pickle.dumps(data, protocol))
    assert repr(read_plain_pickle(path)) == repr(data)


def test_one_object_in_many_places_stays_one(tmp_path: Path) -> None:
    shared = [1, 2]
    found = read_plain_pickle(file(tmp_path, pickle.dumps({"a": shared, "b": shared})))
    assert found["a"] is found["b"]
    shared.append(shared)  # type: ignore[arg-type]
    found = read_plain_pickle(file(tmp_path, pickle.dumps(shared)))
    assert found[2] is found


@pytest.mark.parametrize("kind", ["fedscale_capacity", "fedscale_availability"])
@pytest.mark.parametrize("protocol", range(6))
def test_code_is_refused_and_never_run(command: Command, tmp_path: Path, kind: str, protocol: int) -> None:
    mark = tmp_path / "mark"
    (tmp_path / "out").mkdir()
    touch = f"open({str(mark)!r}, 'w')"
    for attack in (
        Calls(os.system, f"touch {mark}"),
        Calls(builtins.eval, touch),
        Calls(builtins.exec, touch),
        {1: {"computation": Calls(builtins.eval, touch), "communication": 1.0}},
        np.arange(3),
        {1: {"computation": np.float64(1.0), "communication": 1.0}},
        OrderedDict(a=1),
        Decimal(1),
        {1, 2},
        b"bytes" if protocol > 2 else Path("x"),
        1j,
    ):
        data = pickle.dumps(attack, protocol)
        path = file(tmp_path, data)
        code, printed, err = command("trace", "import", kind, str(path), "-o", str(tmp_path / "out" / "x.parquet"))
        assert (code, printed) == (2, "")
        assert err.startswith(f"simedge: {path}: byte ")
        assert "asks for " in err
        assert err.count("\n") == 1
    assert not mark.exists()
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"cos\nsystem\n(S'true'\ntR.", "byte 0: asks for GLOBAL of 'os system'"),
        (b"\x80\x04\x8c\x02os\x8c\x06system\x93.", "asks for STACK_GLOBAL"),
        (b"\x80\x02\x82\x01.", "asks for EXT1"),
        (b"\x80\x02\x84\x01\x00\x00\x00.", "asks for EXT4"),
        (b"Pthing\n.", "asks for PERSID of 'thing'"),
        (b"\x80\x02K\x01Q.", "asks for BINPERSID"),
        (b"(S'x'\nios\nsystem\n.", "asks for INST of 'os system'"),
        (b"\x80\x02}}b.", "asks for BUILD"),
        (b"]2.", "asks for DUP"),
        (b"", "is no well-formed pickle"),
        (b"hello, world\n", "is no well-formed pickle"),
        (b"\x80\x04]", "is no well-formed pickle"),
        (b"\x80\x63N.", "byte 0: is no well-formed pickle of plain data: protocol 99 is not known"),
        (b"S'\\e'\n.", "is no well-formed pickle"),
        (b"N.N.", "something stands after its end"),
        (b"NN.", "something stands after its end"),
        (b".", "is no well-formed pickle"),
        (b"(N.", "something stands after its end"),
        (b"h\x07.", "is no well-formed pickle"),
        (b"a.", "is no well-formed pickle"),
        (b"](Na.", "it adds to something that is no list"),
        (b"]Ns.", "is no well-formed pickle"),
        (b"NN\x86\x86.", "it takes more than there is"),
        (b"}(K\x01u.", "is no well-formed pickle"),
        (b"}(K\x01NK\x01Nu.", "the key '1' stands twice"),
        (b"}]Ns.", "a key is a list"),
        (b"\x8d\xff\xff\xff\xff\xff\xff\xff\x7fabc.", "is no well-formed pickle"),
        (b"X\xff\xff\xff\x7fabc.", "is no well-formed pickle"),
        (b"\x8b\xff\xff\xff\xff.", "is no well-formed pickle"),
        (b"L" + b"9" * 5000 + b"L\n.", "is no well-formed pickle"),
        (b"\x8a\x09" + b"\x01" * 9 + b".", "a whole number has more than 64 bits"),
    ],
)
def test_what_is_no_plain_data_is_refused(tmp_path: Path, data: bytes, said: str) -> None:
    with pytest.raises(TraceError) as caught:
        read_plain_pickle(file(tmp_path, data))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_memo_bomb_takes_no_memory(tmp_path: Path) -> None:
    path = file(tmp_path, b"Nr" + struct.pack("<I", 2**32 - 2) + b".")  # C's unpickler reserves 32 GB here
    tracemalloc.start()
    assert read_plain_pickle(path) is None
    assert tracemalloc.get_traced_memory()[1] < 2**22
    tracemalloc.stop()


def test_laughter_does_not_grow(command: Command, tmp_path: Path) -> None:
    laugh: list[object] = ["ha"]
    for _ in range(100):  # written out it would have 2 ** 100 words
        laugh = [laugh, laugh]
    path = file(tmp_path, pickle.dumps({1: {"computation": laugh, "communication": 1.0}}))
    code, _, err = command("trace", "import", "fedscale_capacity", str(path), "-o", str(tmp_path / "x.parquet"))
    assert (code, err.count("\n")) == (2, 1)
    assert "client 1: computation: is no number but list" in err


@pytest.mark.parametrize(
    "data",
    [
        b"]" * 200_000 + b"a" * 199_999 + b".",
        b"N" + b"\x85" * 200_000 + b".",
        b"}K\x01" + b"N" + b"\x85" * 200_000 + b"s.",
        b"}N" + b"\x85" * 200_000 + b"Ns.",
        b"(" * 200_000 + b"t" * 200_000 + b".",
    ],
    ids=["lists", "tuples", "value", "key", "marks"],
)
def test_deep_nesting_ends_in_one_line(command: Command, tmp_path: Path, data: bytes) -> None:
    path = file(tmp_path, data)
    code, _, err = command("trace", "import", "fedscale_capacity", str(path), "-o", str(tmp_path / "x.parquet"))
    assert (code, err.count("\n")) == (2, 1)
    assert err.startswith(f"simedge: {path}: ")


def test_instructions_and_bytes_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = file(tmp_path, b"}" * 2000)
    monkeypatch.setattr(pickles, "INSTRUCTIONS_MAX", 1000)
    with pytest.raises(TraceError, match="byte 1000: has more than 1000 instructions"):
        read_plain_pickle(path)
    monkeypatch.setattr(pickles, "BYTES_MAX", 100)
    with pytest.raises(TraceError, match="has more than 100 bytes"):
        read_plain_pickle(path)
