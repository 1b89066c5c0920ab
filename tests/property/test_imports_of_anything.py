"""Whatever bytes stand in a file, an import ends in a table or in one line."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simedge.errors import InputError
from simedge.traces.importers.catalog import import_files

BOXES = b"1,1,912,484,97,109,0,7,1\n2,-1,1338.5,418,167,379,1,-1,-1,-1\n3,2,10,20,30,40,1,3,0.5\n"
CAPACITY = {1: {"computation": 162.0, "communication": 5648.1}, 2: {"computation": 8, "communication": 300}}
AVAILABILITY = {
    k: {"duration": 3, "inactive": [4, 9], "finish_time": 10, "active": [2, 8], "model": "m"} for k in (1, 2)
}
SPEEDS = {k: {"down_u": 7491.4, "down_sigma": 3369.2, "up_u": 4935.2, "up_sigma": 2767.3} for k in "ab"}
LOGS = {
    "1": {
        "model": "m",
        "messages": "2020-01-29 22:00:00\tscreen_lock\n2020-01-29 23:00:00\twifi\n2020-01-30 23:30:00\t4G\n",
    }
}
PUBLISHED = {
    "mot15": BOXES,
    "mot17": BOXES,
    "fedscale_capacity": pickle.dumps(CAPACITY, 4),
    "fedscale_availability": pickle.dumps(AVAILABILITY, 2),
    "flash_speeds": json.dumps(SPEEDS).encode(),
    "flash_availability": json.dumps(LOGS).encode(),
}
EDITS = st.lists(
    st.tuples(
        st.integers(0, 10_000),
        st.integers(0, 8),
        st.one_of(
            st.binary(max_size=6),
            st.sampled_from([b"nan", b"-1", b"1e400", b"9" * 30, b"\n", b",", b"\t", b"[", b"{", b"null", b"(", b"a"]),
        ),
    ),
    min_size=1,
    max_size=4,
)


@pytest.mark.parametrize("kind", PUBLISHED)
@given(edits=EDITS)
def test_an_edited_file_ends_in_a_table_or_in_one_line(
    tmp_path_factory: pytest.TempPathFactory, kind: str, edits: list[tuple[int, int, bytes]]
) -> None:
    data = PUBLISHED[kind]
    for place, length, inserted in edits:
        start = place % (len(data) + 1)
        data = data[:start] + inserted + data[start + length :]
    folder = tmp_path_factory.mktemp("edited")
    file, out = folder / "file", folder / "out.parquet"
    file.write_bytes(data)
    try:
        made = import_files(kind, [file], {"fps": "25"} if kind.startswith("mot") else {})
        made.table.write(out)
    except InputError as problem:
        assert str(file) in str(problem)
        assert len(str(problem).splitlines()) == 1
        assert sorted(path.name for path in folder.iterdir()) == ["file"]
    else:
        assert type(made.table).read(Path(out)).write(folder / "again.parquet") is None
        assert out.read_bytes() == (folder / "again.parquet").read_bytes()


@pytest.mark.parametrize("kind", PUBLISHED)
@given(data=st.binary(max_size=60))
def test_any_bytes_end_in_a_table_or_in_one_line(
    tmp_path_factory: pytest.TempPathFactory, kind: str, data: bytes
) -> None:
    file = tmp_path_factory.mktemp("any") / "file"
    file.write_bytes(data)
    try:
        import_files(kind, [file], {"fps": "25"} if kind.startswith("mot") else {})
    except InputError as problem:
        assert len(str(problem).splitlines()) == 1
