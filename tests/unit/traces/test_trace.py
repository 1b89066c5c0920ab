"""RoiTrace: exact round trips, and one precise line about the first bad row of a malformed file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simedge.errors import OutputError, TraceError
from simedge.traces.trace import RoiTrace

HEADER = "arrived_s,camera,path,size_bytes\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("traces")


def hand() -> RoiTrace:
    return RoiTrace(
        np.array([0.0, 0.1, 0.1, 0.1, 2.0]),
        np.array([1, 0, 0, 1, 1]),
        np.array([0, 1, 0, 0, 1]),
        np.array([2500.0, 0.0, 1 / 3, 1e-300, 1e15]),
        ("camera_2", "camera_10"),
        ("car", "person"),
    )


def rows(trace: RoiTrace) -> list[tuple[float, str, str, float]]:
    columns = (trace.arrived_s, trace.camera, trace.path, trace.size_bytes)
    return [(t, trace.cameras[c], trace.paths[p], s) for t, c, p, s in zip(*(x.tolist() for x in columns), strict=True)]


def assert_same(one: RoiTrace, other: RoiTrace) -> None:
    assert (one.cameras, one.paths) == (other.cameras, other.paths)
    for column in ("arrived_s", "camera", "path", "size_bytes"):
        a, b = getattr(one, column), getattr(other, column)
        assert a.dtype == b.dtype
        assert a.tobytes() == b.tobytes()


def csv_file(folder: Path, text: str | bytes) -> Path:
    file = folder / "t.csv"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return file


def parquet_file(folder: Path, **columns: object) -> Path:
    given = {"arrived_s": [0.0, 1.0], "camera": ["a", "b"], "path": ["p", "p"], "size_bytes": [1.0, 2.0], **columns}
    file = folder / "t.parquet"
    pq.write_table(pa.table({name: values for name, values in given.items() if values is not None}), file)
    return file


# ---------------------------------------------------------------------------------------------- the type


def test_columns_have_fixed_types_and_cannot_be_written():
    trace = hand()
    assert [getattr(trace, c).dtype for c in ("arrived_s", "camera", "path", "size_bytes")] == [
        np.float64,
        np.int32,
        np.int16,
        np.float64,
    ]
    with pytest.raises(ValueError, match="read-only"):
        trace.arrived_s[0] = 1.0


def test_building_a_trace_leaves_the_callers_arrays_writable():
    arrived_s = np.array([0.0, 1.0])
    RoiTrace(arrived_s, np.array([0, 0]), np.array([0, 0]), np.array([1.0, 1.0]), ("a",), ("p",))
    arrived_s[0] = 0.5
    assert arrived_s[0] == 0.5


@pytest.mark.parametrize(
    ("last_s", "duration_s"), [(0.0, 1.0), (0.999, 1.0), (1.0, 2.0), (299.99, 300.0), (300.0, 301.0)]
)
def test_duration_is_the_last_arrival_rounded_up_so_that_it_lies_inside(last_s, duration_s):
    assert RoiTrace([last_s], [0], [0], [1.0], ("a",), ("p",)).duration_s == duration_s


def test_an_empty_trace_lasts_a_second():
    empty = RoiTrace([], [], [], [], ("a",), ("p",))
    assert (len(empty), empty.duration_s) == (0, 1.0)


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        (([1.0, 0.5], [0, 0], [0, 0], [1, 1], ("a",), ("p",)), "row 2"),
        (([np.nan], [0], [0], [1], ("a",), ("p",)), "row 1"),
        (([-1.0], [0], [0], [1], ("a",), ("p",)), "row 1"),
        (([0.0], [0], [0], [-1], ("a",), ("p",)), "row 1"),
        (([0.0], [0], [0], [np.inf], ("a",), ("p",)), "row 1"),
        (([0.0], [1], [0], [1], ("a",), ("p",)), "camera: must hold indices of the 1 names"),
        (([0.0], [0], [-1], [1], ("a",), ("p",)), "path: must hold indices"),
        (([0.0], [2**32], [0], [1], ("a",), ("p",)), "camera: must hold indices"),
        (([0.0], [0.5], [0], [1], ("a",), ("p",)), "camera: must hold indices"),
        (([0.0], [0], [0, 0], [1], ("a",), ("p",)), "path: must be a column of 1 rows"),
        (([0.0], [0], [0], [1], ("a", "a"), ("p",)), "cameras: a name stands twice"),
        (([0.0], [0], [0], [1], ("",), ("p",)), "cameras: a name is empty"),
        (([0.0], [0], [0], [1], ("a",), ("p\n",)), "paths: the name"),
    ],
)
def test_a_trace_cannot_be_built_wrong(columns, said):
    with pytest.raises(ValueError, match=said):
        RoiTrace(*columns)


def test_aligned_moves_indices_and_keeps_names():
    trace = hand()
    moved = trace.aligned(["camera_1", "camera_10", "camera_2"], ["person", "other", "car"])
    assert rows(moved) == rows(trace)
    assert moved.camera.tolist() == [1, 2, 2, 1, 1]
    assert moved.path.tolist() == [2, 0, 2, 2, 0]


def test_aligned_ignores_names_that_no_row_uses():
    trace = RoiTrace([0.0], [0], [0], [1.0], ("a", "unused"), ("p", "unused"))
    assert rows(trace.aligned(["a"], ["p"])) == rows(trace)


def test_aligned_names_the_first_bad_row_whatever_its_column():
    with pytest.raises(TraceError) as caught:
        hand().aligned(["camera_2", "camera_10"], ["car", "persons"], where="mine.csv")
    message = "mine.csv: row 2: path: the scenario has no 'person'; did you mean 'persons'?"
    assert str(caught.value) == message
    with pytest.raises(TraceError, match="row 1: camera: the scenario has no 'camera_10'"):
        hand().aligned(["camera_2"], ["car"])
    with pytest.raises(TraceError, match="row 1: path: the scenario has no 'car'"):
        hand().aligned(["camera_10"], ["person"])


def test_before_keeps_what_arrives_before_the_horizon():
    assert rows(hand().before(2.0)) == rows(hand())[:4]
    assert rows(hand().before(0.1)) == rows(hand())[:1]


def test_dataframe_has_the_columns_of_the_file():
    frame = hand().to_dataframe()
    assert list(frame.columns) == ["arrived_s", "camera", "path", "size_bytes"]
    assert list(map(tuple, frame.astype(object).to_numpy())) == rows(hand())
    assert str(frame["camera"].dtype) == "category"


# ---------------------------------------------------------------------------------------------- round trips

NAMES = st.lists(
    st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=8), min_size=1, max_size=4, unique=True
)
TIMES = st.floats(0, 1e9, exclude_max=True)
SIZES = st.floats(0, allow_infinity=False, allow_nan=False)


@st.composite
def traces(draw):
    cameras, paths = draw(NAMES), draw(NAMES)
    count = draw(st.integers(1, 20))

    def column(values):
        return draw(st.lists(values, min_size=count, max_size=count))

    return RoiTrace(
        sorted(column(TIMES)),
        column(st.integers(0, len(cameras) - 1)),
        column(st.integers(0, len(paths) - 1)),
        column(SIZES),
        tuple(cameras),
        tuple(paths),
    )


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@given(trace=traces())
@settings(max_examples=60, deadline=None)
def test_reading_what_was_written_gives_the_same_trace(folder, suffix, trace):
    file = folder / f"t{suffix}"
    trace.write(file)
    assert_same(RoiTrace.read(file, cameras=trace.cameras, paths=trace.paths), trace)
    assert rows(RoiTrace.read(file)) == rows(trace)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_equal_traces_become_equal_bytes(tmp_path, suffix):
    one, two = tmp_path / f"one{suffix}", tmp_path / f"two{suffix}"
    hand().write(one)
    RoiTrace.read(one).aligned(hand().cameras, hand().paths).write(two)
    assert one.read_bytes() == two.read_bytes()


def test_a_csv_is_what_a_person_would_write(tmp_path):
    hand().write(tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text() == HEADER + (
        "0.0,camera_10,car,2500.0\n0.1,camera_2,person,0.0\n0.1,camera_2,car,0.3333333333333333\n"
        "0.1,camera_10,car,1e-300\n2.0,camera_10,person,1000000000000000.0\n"
    )


def test_a_parquet_file_carries_units_and_version(tmp_path):
    hand().write(tmp_path / "t.parquet")
    schema = pq.read_schema(tmp_path / "t.parquet")
    assert {field.name: field.metadata[b"unit"] for field in schema} == {
        "arrived_s": b"s",
        "camera": b"",
        "path": b"",
        "size_bytes": b"bytes",
    }
    assert schema.metadata[b"simedge.schema_version"] == b"1"


def test_names_come_in_natural_order(tmp_path):
    file = csv_file(tmp_path, HEADER + "".join(f"0,camera_{i},p,1\n" for i in (10, 2, 1)))
    assert RoiTrace.read(file).cameras == ("camera_1", "camera_2", "camera_10")


@pytest.mark.parametrize(
    "text",
    [
        "size_bytes,path,camera,arrived_s\n2500,car,camera_1,0.5\n",
        "\ufeff" + HEADER + "0.5,camera_1,car,2500\n",
        HEADER + "5e-1,camera_1,car,2.5E+3\n",
        HEADER + "0.5,camera_1,car,2500",
        HEADER.replace("\n", "\r\n") + "0.5,camera_1,car,2500\r\n",
        HEADER + '\n"0.5","camera_1","car"," 2500"\n\n',
    ],
    ids=["order", "bom", "scientific", "no last newline", "crlf", "quotes and blank lines"],
)
def test_csv_dialects(tmp_path, text):
    assert rows(RoiTrace.read(csv_file(tmp_path, text))) == [(0.5, "camera_1", "car", 2500.0)]


def test_a_parquet_file_of_others_may_hold_integers_and_plain_text(tmp_path):
    file = parquet_file(tmp_path, arrived_s=[0, 3], size_bytes=pa.array([1, 2], pa.int32()))
    assert rows(RoiTrace.read(file)) == [(0.0, "a", "p", 1.0), (3.0, "b", "p", 2.0)]


# ---------------------------------------------------------------------------------------------- malformed files

GOOD = "0.1,camera_1,car,1\n"
BAD_CSV = [
    (GOOD + "abc,camera_1,car,1\n", "t.csv:3: arrived_s: 'abc' is not a number"),
    (GOOD + ",camera_1,car,1\n", "t.csv:3: arrived_s: '' is not a number"),
    (GOOD + "0x10,camera_1,car,1\n", "t.csv:3: arrived_s: '0x10' is not a number"),
    (GOOD + "0.2,camera_1,car,1_0\n", "t.csv:3: size_bytes: '1_0' is not a number"),
    (GOOD + "0.2,camera_1,car,2.5 kB\n", "t.csv:3: size_bytes: '2.5 kB' is not a number"),
    (GOOD + "nan,camera_1,car,1\n", "t.csv:3: arrived_s: nan is not a finite time >= 0"),
    (GOOD + "inf,camera_1,car,1\n", "t.csv:3: arrived_s: inf is not a finite time >= 0"),
    (GOOD + "1e309,camera_1,car,1\n", "t.csv:3: arrived_s: inf is not a finite time >= 0"),
    ("-0.1,camera_1,car,1\n", "t.csv:2: arrived_s: -0.1 is not a finite time >= 0"),
    (GOOD + "1717171717,camera_1,car,1\n", "t.csv:3: arrived_s: 1717171717.0 is beyond 1e+09 s"),
    (GOOD + "\n0.05,camera_1,car,1\n", "t.csv:4: arrived_s: 0.05 comes after 0.1; sort the rows"),
    (GOOD + "0.2,camera_1,car,-1\n", "t.csv:3: size_bytes: -1.0 is not a finite size >= 0"),
    (GOOD + "0.2,camera_1,car,nan\n", "t.csv:3: size_bytes: nan is not a finite size >= 0"),
    (GOOD + "0.2,,car,1\n", "t.csv:3: camera: a name is empty"),
    (GOOD + "0.2,camera_1, ,1\n", "t.csv:3: path: a name is empty"),
    (GOOD + "0.2, camera_1,car,1\n", "t.csv:3: camera: the name ' camera_1' has blanks"),
    (GOOD + f"0.2,{'x' * 201},car,1\n", "t.csv:3: camera: a name has more than 200 characters"),
    (GOOD + "0.2,camera_9,car,1\n", "t.csv:3: camera: the scenario has no 'camera_9'; did you mean"),
    (GOOD + "0.2,camera_1,cart,1\n", "t.csv:3: path: the scenario has no 'cart'; did you mean 'car'?"),
    (GOOD + "0.2,camera_1,car\n", "t.csv:3: 3 values, not 4"),
    (GOOD + "0.2,camera_1,car,1,1\n", "t.csv:3: 5 values, not 4"),
    (GOOD + "   \n", "t.csv:3: 1 values, not 4"),
    (GOOD + '0.2,"camera\n_1",car,1\n', "t.csv:3: 2 values, not 4"),
    (GOOD + "0.2,came\0ra_1,car,1\n", "t.csv:3: has a NUL byte"),
    (GOOD + "0.2,came\tra_1,car,1\n", "t.csv:3: camera: the name 'came\\tra_1' has blanks around it or unprintable"),
    (GOOD + "0.2," + "x" * 2**21 + ",car,1\n", "t.csv:3: the line is longer than 1 MiB"),
    (GOOD + "0.2,camera_1," + "x" * 2**18 + ",1\n", "t.csv:3: is no CSV line: field larger"),
    ("", "t.csv: has no rows"),
]


@pytest.mark.parametrize(("text", "said"), BAD_CSV, ids=[said for _, said in BAD_CSV])
def test_a_malformed_csv_is_refused_with_its_first_bad_line(tmp_path, monkeypatch, text, said):
    csv_file(tmp_path, HEADER + text)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TraceError) as caught:
        RoiTrace.read(Path("t.csv"), cameras=("camera_1", "camera_2"), paths=("car", "person"))
    assert str(caught.value).startswith(said)
    assert caught.value.remedy
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "t.csv: is empty"),
        (b"\n\n", "t.csv: is empty"),
        (b"arrived_s,camera,path\n0,a,p\n", "t.csv:1: lacks the column 'size_bytes'; a trace has the columns"),
        (
            b"arrive_s,camera,path,size_bytes\n0,a,p,1\n",
            "t.csv:1: column 'arrive_s' is unknown; did you mean 'arrived_s'?",
        ),
        (b"arrived_s,camera,path,size_bytes,u\n0,a,p,1,1\n", "t.csv:1: column 'u' is unknown"),
        (b"arrived_s,camera,camera,path,size_bytes\n0,a,a,p,1\n", "t.csv:1: column 'camera' stands twice"),
        (b"0,a,p,1\n0,a,p,1\n", "t.csv:1: column '0' is unknown"),
        (HEADER.encode() + b"0,a,p,1\n0,caf\xe9,p,1\n", "t.csv:3: is not UTF-8 text"),
        (b"arrived_s,camera,path,size_bytes\xff\n0,a,p,1\n", "t.csv:1: is not UTF-8 text"),
        (HEADER.encode("utf-16"), "t.csv:1: has a NUL byte"),
        (b"\0\0\0\0", "t.csv:1: has a NUL byte"),
        (b"\x89PNG\r\n\x1a\n\xff\xfe", "t.csv:1: is not UTF-8 text"),
    ],
)
def test_a_file_that_is_no_csv_of_a_trace(tmp_path, monkeypatch, content, said):
    csv_file(tmp_path, content)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TraceError) as caught:
        RoiTrace.read(Path("t.csv"))
    assert str(caught.value).startswith(said)


def test_the_first_of_several_bad_rows_is_named(tmp_path):
    text = HEADER + "0,a,p,1\n" * 500 + "0,a,,1\n" + "x,a,p,1\n"
    with pytest.raises(TraceError, match=r"t\.csv:502: path: a name is empty"):
        RoiTrace.read(csv_file(tmp_path, text))


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"arrived_s": [1.0, 0.5]}, "row 2: arrived_s: 0.5 comes after 1.0"),
        ({"arrived_s": [0.0, float("nan")]}, "row 2: arrived_s: nan is not a finite time"),
        ({"arrived_s": [-1.0, 0.0]}, "row 1: arrived_s: -1.0 is not"),
        ({"arrived_s": [0.0, None]}, "row 2: arrived_s: has no value"),
        ({"camera": ["a", None]}, "row 2: camera: has no value"),
        ({"camera": ["a", ""]}, "row 2: camera: a name is empty"),
        ({"camera": ["b", "camera_7"]}, "row 2: camera: the scenario has no 'camera_7'"),
        ({"path": ["q", "p"]}, "row 1: path: the scenario has no 'q'"),
        ({"path": ["p", "\0"]}, "row 2: path: the name"),
        ({"size_bytes": [1.0, -1.0]}, "row 2: size_bytes: -1.0 is not"),
        ({"size_bytes": [float("inf"), 1.0]}, "row 1: size_bytes: inf is not"),
        ({"size_bytes": None}, "lacks the column 'size_bytes'"),
        ({"extra": [1, 2]}, "column 'extra' is unknown"),
        ({"camera": [1, 2]}, "column 'camera' is of type int64; write text"),
        ({"arrived_s": ["0", "1"]}, "column 'arrived_s' is of type string; write numbers"),
        ({"arrived_s": [True, False]}, "column 'arrived_s' is of type bool"),
        ({"camera": [["a"], ["b"]]}, "column 'camera' is of type list"),
        ({"arrived_s": [0, 2**60 + 1]}, "not a readable Parquet file: Integer value"),
    ],
)
def test_a_malformed_parquet_is_refused_with_its_first_bad_row(tmp_path, columns, said):
    file = parquet_file(tmp_path, **columns)
    with pytest.raises(TraceError) as caught:
        RoiTrace.read(file, cameras=("a", "b"), paths=("p",))
    assert str(caught.value).startswith(f"{file}: {said}")


def test_a_parquet_without_rows(tmp_path):
    numbers, names = pa.array([], pa.float64()), pa.array([], pa.string())
    file = parquet_file(tmp_path, arrived_s=numbers, camera=names, path=names, size_bytes=numbers)
    with pytest.raises(TraceError, match="has no rows"):
        RoiTrace.read(file)


def test_a_parquet_of_a_later_version(tmp_path):
    hand().write(tmp_path / "t.parquet")
    table = pq.read_table(tmp_path / "t.parquet")
    later = table.replace_schema_metadata({"simedge.schema_version": "2"})
    pq.write_table(later, tmp_path / "t.parquet")
    with pytest.raises(TraceError, match="this simedge reads version 1"):
        RoiTrace.read(tmp_path / "t.parquet")


@pytest.mark.parametrize("keep", [0, 3, 4, 50, -1, -8, -200])
def test_a_truncated_parquet(tmp_path, keep):
    file = tmp_path / "t.parquet"
    hand().write(file)
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(TraceError, match="not a readable Parquet file"):
        RoiTrace.read(file)


def test_garbage_in_a_parquet(tmp_path):
    file = tmp_path / "t.parquet"
    file.write_bytes(b"PAR1" + bytes(range(256)) + b"PAR1")
    with pytest.raises(TraceError, match="not a readable Parquet file"):
        RoiTrace.read(file)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_too_many_rows(tmp_path, suffix):
    hand().write(tmp_path / f"t{suffix}")
    assert len(RoiTrace.read(tmp_path / f"t{suffix}", rows_max=5)) == 5
    with pytest.raises(TraceError, match="has more than 4 rows"):
        RoiTrace.read(tmp_path / f"t{suffix}", rows_max=4)


def test_a_parquet_with_huge_cells_is_refused_unread(tmp_path):
    file = parquet_file(tmp_path, camera=["a" * 2**21, "b" * 2**21])
    with pytest.raises(TraceError, match="bytes in 2 rows are no trace"):
        RoiTrace.read(file)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("missing.csv", "no such file"),
        ("missing.parquet", "no such file"),
        ("folder.csv", "is a folder"),
        ("t.txt", "not a trace file by its name; a trace ends in .csv or .parquet"),
        ("t.csv/x.csv", "cannot be read: Not a directory"),
        ("nul\0.csv", "cannot be read: not a usable name"),
    ],
)
def test_no_file_to_read(tmp_path, name, said):
    (tmp_path / "folder.csv").mkdir()
    csv_file(tmp_path, HEADER)
    with pytest.raises(TraceError, match=said):
        RoiTrace.read(tmp_path / name)


@given(
    place=st.integers(0, 10**6),
    noise=st.binary(min_size=0, max_size=4),
    suffix=st.sampled_from([".csv", ".parquet"]),
    cut=st.integers(0, 4),
)
@settings(max_examples=150, deadline=None)
def test_a_damaged_file_is_read_or_refused_in_one_line(folder, place, noise, suffix, cut):
    file = folder / f"t{suffix}"
    hand().write(file)
    content = file.read_bytes()
    place %= len(content)
    file.write_bytes(content[:place] + noise + content[place + cut :])
    try:
        trace = RoiTrace.read(file)
    except TraceError as problem:
        assert str(problem).startswith(str(file))
        assert str(problem).isprintable()
    else:
        assert (np.diff(trace.arrived_s) >= 0).all()


# ---------------------------------------------------------------------------------------------- unwritable


def test_what_cannot_be_written_leaves_nothing_behind(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="not a format of traces"):
        hand().write(tmp_path / "t.txt")
    with pytest.raises(OutputError, match="has no rows"):
        hand().before(0.0).write(tmp_path / "t.csv")
    with pytest.raises(OutputError, match="cannot be written"):
        hand().write(tmp_path / "file" / "t.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
