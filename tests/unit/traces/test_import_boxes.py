"""Importers of boxes: published layouts worked out by hand, and one precise line about what is wrong."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simedge.traces.importers.catalog import import_files
from simedge.traces.trace import RoiTrace

Command = Callable[..., tuple[int, str, str]]
Row = tuple[float, str, str, float]

# The first lines of MOT17-02's annotations, whose static person 1 carries the flag 0, then one box of each other kind.
MOT17_GT = """\
1,1,912,484,97,109,0,7,1
2,1,912,484,97,109,0,7,1
1,2,1338,418,167,379,1,1,1
2,2,1342,417,168,380,1,1,1
1,20,10,20,30,40,0,3,0.5
1,21,10,20,30,40,0,5,0.25
3,22,10,20,30,40,0,2,0.25
3,23,10,20,30,40,0,9,0
3,24,10,20,30,40,0,12,1
3,25,-5,-5,0,40,0,3,1
"""
MOT15_DET = """\
1,-1,584.94,446.28,85.671,263.7,25.119,-1,-1,-1
1,-1,1000,400,20,50,-0.5,-1,-1,-1
5,-1,10,10,100,200,3,-1,-1,-1
"""
MOT15_GT = """\
1,1,199,813,140,268,1,0,0,0
1,2,201,812,100,200,0,8.48,-2.1,0
2,1,201,812,140,268,1,-1,-1,-1
"""


def rows(trace: RoiTrace) -> list[Row]:
    columns = (trace.arrived_s, trace.camera, trace.path, trace.size_bytes)
    return [(t, trace.cameras[c], trace.paths[p], s) for t, c, p, s in zip(*(x.tolist() for x in columns), strict=True)]


def write(path: Path, text: str | bytes) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return str(path)


# ---------------------------------------------------------------------------------------------- MOTChallenge


def test_annotations_of_mot17_become_paths_and_bytes(command: Command, tmp_path: Path) -> None:
    gt, out = write(tmp_path / "gt.txt", MOT17_GT), tmp_path / "x.parquet"
    code, said, err = command("trace", "import", "mot17", gt, "fps=25", "-o", str(out))
    assert (code, err) == (0, "")
    assert said == (
        f"{out}: 7 ROIs in 1 s from 1 cameras, paths car, other, person;"
        " dropped 1 of class 12, 1 of class 9, 1 without area\n"
    )
    assert rows(RoiTrace.read(out)) == [
        (0.0, "camera_1", "person", 97 * 109 / 4),
        (0.0, "camera_1", "person", 167 * 379 / 4),
        (0.0, "camera_1", "car", 300.0),
        (0.0, "camera_1", "other", 300.0),
        (0.04, "camera_1", "person", 97 * 109 / 4),
        (0.04, "camera_1", "person", 168 * 380 / 4),
        (0.08, "camera_1", "person", 300.0),
    ]


def test_classes_flags_and_bytes_can_be_said_otherwise(tmp_path: Path) -> None:
    gt = Path(write(tmp_path / "gt.txt", MOT17_GT))
    settings = {"fps": "25", "class.3": "truck", "class.7": "drop", "class.12": "mirror", "fixed_bytes": "2500"}
    made = import_files("mot16", [gt], settings)
    assert [row[2:] for row in rows(made.table)] == [
        *[("person", 2500.0), ("truck", 2500.0), ("other", 2500.0), ("person", 2500.0)],
        *[("person", 2500.0), ("mirror", 2500.0)],
    ]
    assert made.dropped == {"of class 7": 2, "of class 9": 1, "without area": 1}
    made = import_files("mot20", [gt], {"fps": "25", "ignored": "drop", "bytes_per_px": "0.5"})
    assert rows(made.table) == [
        (0.0, "camera_1", "person", 167 * 379 / 2),
        (0.04, "camera_1", "person", 168 * 380 / 2),
    ]
    assert made.dropped == {"flagged to be ignored": 6, "of class 9": 1, "of class 12": 1}


def test_a_class_of_ones_own_can_be_named(tmp_path: Path) -> None:
    gt = Path(write(tmp_path / "gt.txt", "1,1,0,0,10,10,1,14,1\n"))
    assert rows(import_files("mot17", [gt], {"fps": "1", "class.14": "bus"}).table) == [(0.0, "camera_1", "bus", 25.0)]


def test_files_become_cameras_in_their_order_each_at_its_own_rate(command: Command, tmp_path: Path) -> None:
    det, gt = write(tmp_path / "det.txt", MOT15_DET), write(tmp_path / "gt.txt", MOT15_GT)
    out = tmp_path / "new" / "x.csv"
    code, said, err = command(
        "trace", "import", "mot15", det, gt, "fps=25", "-o", str(out), "conf_min=0", "fps.camera_2=10"
    )
    assert (code, err) == (0, "")
    assert said.endswith("dropped 1 below confidence 0, 1 flagged to be ignored\n")
    found = rows(RoiTrace.read(out))
    assert [row[:3] for row in found] == [
        (0.0, "camera_1", "person"),
        (0.0, "camera_2", "person"),
        (0.1, "camera_2", "person"),
        (0.16, "camera_1", "person"),
    ]
    assert [row[3] for row in found] == pytest.approx([85.671 * 263.7 / 4, 9380.0, 9380.0, 5000.0], rel=1e-12)


def test_detections_of_mot17_have_seven_values_or_ten_and_are_people(tmp_path: Path) -> None:
    det = Path(write(tmp_path / "det.txt", "1,-1,1338.3,418,160,380,0.996\r\n\r\n1,-1,3,4,16,38,2.3,-1,-1,-1\r\n"))
    assert rows(import_files("mot17", [det], {"fps": "30"}).table) == [
        (0.0, "camera_1", "person", 15200.0),
        (0.0, "camera_1", "person", 152.0),
    ]


def test_what_was_imported_runs_on_campus(command: Command, tmp_path: Path) -> None:
    files = [
        write(tmp_path / f"{k}.txt", "".join(f"{f},{k},0,0,50,100,1,1,1\n" for f in range(1, 51))) for k in range(1, 7)
    ]
    out = tmp_path / "x.parquet"
    assert command("trace", "import", "mot17", *files, "fps=25", "-o", str(out))[0] == 0
    code, said, err = command("run", f"workload.trace={out}", "horizon_s=4", "--json")
    assert (code, err) == (0, "")
    metrics = json.loads(said)["metrics"]
    assert metrics["arrived_units"] == 300
    assert metrics["completed_units"] == 300


@given(
    boxes=st.lists(
        st.tuples(
            st.integers(1, 2000),
            st.integers(1, 50),
            st.floats(0.5, 2000.0),
            st.floats(0.5, 2000.0),
            st.sampled_from(["1", "3", "4", "8"]),
        ),
        min_size=1,
        max_size=40,
        unique_by=lambda box: box[:2],
    ),
    fps=st.sampled_from([7, 14, 25, 30]),
)
def test_every_box_is_an_arrival_or_counted(
    tmp_path_factory: pytest.TempPathFactory, boxes: list[tuple[int, int, float, float, str]], fps: int
) -> None:
    text = "".join(f"{f},{i},1,1,{w!r},{h!r},1,{label},1\n" for f, i, w, h, label in boxes)
    file = Path(write(tmp_path_factory.mktemp("boxes") / "gt.txt", text))
    kept = [box for box in boxes if box[4] != "8"]
    if not kept:
        return
    made = import_files("mot17", [file], {"fps": str(fps)})
    names = {"1": "person", "3": "car", "4": "other"}
    expected = sorted(((f - 1) / fps, names[label], w * h * 0.25) for f, _, w, h, label in kept)
    assert sorted((t, path, size) for t, _, path, size in rows(made.table)) == expected
    assert len(kept) + made.dropped.total() == len(boxes)


GOOD = "1,1,0,0,10,20,1,1,1\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (GOOD + "2,1,0,0,10,20\n", ":2: 6 values, not 7 to 10"),
        (GOOD + "2,1,0,0,10,20,1,1,1,1,1\n", ":2: 11 values, not 7 to 10"),
        (GOOD + "two,1,0,0,10,20,1,1,1\n", ":2: value 1: 'two' is not a finite number"),
        (GOOD + "2,1,0,0,nan,20,1,1,1\n", ":2: value 5: 'nan' is not a finite number"),
        (GOOD + "2,1,inf,0,10,20,1,1,1\n", ":2: value 3: 'inf' is not a finite number"),
        (GOOD + "2,1,0,0,1_0,20,1,1,1\n", ":2: value 5: '1_0' is not a finite number"),
        (GOOD + "2,1,0,0,10,,1,1,1\n", ":2: value 6: '' is not a finite number"),
        (GOOD + "0,1,0,0,10,20,1,1,1\n", ":2: frame 0 is not a whole number from 1"),
        (GOOD + "1.5,2,0,0,10,20,1,1,1\n", ":2: frame 1.5 is not a whole number from 1"),
        (GOOD + "\n2,-2,0,0,10,20,1,1,1\n", ":3: object -2 is not a whole number >= -1"),
        (GOOD + "2,1,0,0,-10,20,1,1,1\n", ":2: a box of -10 x 20 pixels"),
        (GOOD + "2,1,0,0,1e200,1e200,1,1,1\n", ":2: a box of 1e+200 x 1e+200 pixels"),
        (GOOD + "2,1,0,0,10,20,1,14,1\n", ":2: class 14 is unknown"),
        (GOOD + "2,1,0,0,10,20,1,1.5,1\n", ":2: class 1.5 is unknown"),
        (GOOD * 2, ":2: object 1 stands twice in frame 1"),
        (GOOD.encode() + b"2,1,0,0,10,\xff,1,1,1\n", ":2: is not UTF-8 text"),
        (GOOD.encode() + b"2,1,0,0,10,20\0,1,1,1\n", ":2: has a NUL byte"),
        (GOOD + "2,1," + "0" * 2**20 + "\n", ":2: the line is longer than 1 MiB"),
        ("1,1,0,0,10,20,1,8,1\n", "no box is left (1 of class 8)"),
    ],
)
def test_a_malformed_file_of_boxes_is_one_line(command: Command, tmp_path: Path, text: str | bytes, said: str) -> None:
    file, out = write(tmp_path / "in" / "gt.txt", text), tmp_path / "out" / "x.parquet"
    (tmp_path / "out").mkdir()
    code, printed, err = command("trace", "import", "mot17", file, "fps=25", "-o", str(out))
    assert (code, printed) == (2, "")
    assert err.startswith(f"simedge: {file}{said}" if said.startswith(":") else f"simedge: {file}: {said}")
    assert err.count("\n") == 1
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ([], "fps: the files do not say how many frames a second camera_1 has; give fps=NUMBER, such as fps=25"),
        (["fps.camera_2=5"], "there is no camera 'camera_2'; did you mean 'camera_1'?"),
        (["fps=0"], "fps: '0' is not a number > 0 and <= 1000"),
        (["fps=-3"], "fps: '-3' is not a number > 0"),
        (["fps=nan"], "fps: 'nan' is not a number > 0"),
        (["fps=1e-10"], "frame 2 comes at 1e+10 s; see whether fps= is right"),
        (["fps=fast"], "fps: 'fast' is not a number > 0"),
        (["fps=25", "fps=30"], "key 'fps' stands twice"),
        (["fsp=25"], "this kind of import has no key 'fsp'; did you mean 'fps'?"),
        (["fps=25", "bytes_per_px=-1"], "bytes_per_px: '-1' is not a number >= 0"),
        (["fps=25", "fixed_bytes=inf"], "fixed_bytes: 'inf' is not a number >= 0"),
        (["fps=25", "class.x=car"], "class: 'x' is not the number of a class"),
        (["fps=25", "class.1= "], "class.1: is empty"),
        (["fps=25", "path=a\tb"], "path: the name 'a\\tb' has blanks around it or unprintable characters"),
        (["fps=25", "ignored=maybe"], "ignored: there is no ignored 'maybe'; known: drop, keep"),
        (["fps=25", "rows_max=1"], "has more than 1 boxes"),
        (["fps=25", "rows_max=0"], "rows_max: '0' is not a whole number from 1"),
    ],
)
def test_a_wrong_setting_is_one_line(command: Command, tmp_path: Path, settings: list[str], said: str) -> None:
    file, out = write(tmp_path / "gt.txt", GOOD + "2,1,0,0,10,20,1,1,1\n"), tmp_path / "out.parquet"
    code, printed, err = command("trace", "import", "mot17", file, *settings, "-o", str(out))
    assert (code, printed) == (2, "")
    assert said in err
    assert err.count("\n") == 1
    assert not out.exists()


def test_unknown_kinds_missing_files_and_wrong_places_are_one_line(command: Command, tmp_path: Path) -> None:
    out = str(tmp_path / "x.parquet")
    for words, said in (
        (["mot18", "gt.txt", "-o", out], "there is no import 'mot18'; did you mean 'mot17' or 'mot16' or 'mot15'?"),
        (["mot17", "fps=25", "-o", out], "mot17: no file is named; give boxes of MOT17, one file a camera"),
        (["mot17", "nowhere.txt", "fps=25", "-o", out], "nowhere.txt: no such file"),
        (["mot17", str(tmp_path), "fps=25", "-o", out], f"{tmp_path}: is a folder; name a file in it"),
        (["mot17", "gt.txt", "fps=25", "-o", "x.txt"], "x.txt: the kind of file is not known"),
        (["flash_speeds", "a.json", "-o", "x.csv"], "x.csv: the kind of file is not known; end its name in .parquet"),
    ):
        code, printed, err = command("trace", "import", *words)
        assert (code, printed) == (2, "")
        assert said in err
        assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


# ---------------------------------------------------------------------------------------------- AI City


def scenario(folder: Path) -> Path:
    """Scenario S03 with the frame rates of the data set: 10, and 8 for c015."""
    write(folder / "S03/c010/gt/gt.txt", "1,241,100,200,40,50,1,-1,-1,-1\n11,241,110,200,40,50,1,-1,-1,-1\n")
    write(folder / "S03/c010/det/det_yolo3.txt", "3,-1,0,0,8,4,0.9,-1,-1,-1\n3,-1,0,0,8,4,0.2,-1,-1,-1\n")
    write(folder / "S03/c015/gt/gt.txt", "9,241,100,200,20,10,1,-1,-1,-1\n")
    write(folder / "S03/c015/det/det_yolo3.txt", "2,-1,0,0,8,4,0.7,-1,-1,-1\n")
    write(folder / "S03/readme/notes.txt", "not a camera\n")
    write(folder / "cam_timestamp/S03.txt", "c010 8.715\nc011 8.457\nc015 8.492\n")
    return folder / "S03"


def test_a_scenario_of_ai_city_is_read_with_its_offsets(command: Command, tmp_path: Path) -> None:
    folder, out = scenario(tmp_path), tmp_path / "x.csv"
    offsets = f"offsets={tmp_path / 'cam_timestamp/S03.txt'}"
    code, said, err = command("trace", "import", "aicity", str(folder), "fps=10", "fps.c015=8", offsets, "-o", str(out))
    assert (code, err) == (0, "")
    assert said == f"{out}: 3 ROIs in 10 s from 2 cameras, paths car\n"
    found = rows(RoiTrace.read(out))
    assert [row[1:] for row in found] == [
        ("camera_1", "car", 500.0),
        ("camera_2", "car", 50.0),
        ("camera_1", "car", 500.0),
    ]
    assert [row[0] for row in found] == pytest.approx([8.715, 8.492 + 8 / 8, 8.715 + 10 / 10], abs=1e-12)


def test_detections_of_ai_city_have_no_offsets_unless_they_are_given(tmp_path: Path) -> None:
    made = import_files(
        "aicity", [scenario(tmp_path)], {"fps": "10", "boxes": "det_yolo3", "conf_min": "0.5", "path": "vehicle"}
    )
    assert rows(made.table) == [(0.1, "camera_2", "vehicle", 8.0), (0.2, "camera_1", "vehicle", 8.0)]
    assert made.dropped == {"below confidence 0.5": 1}


def test_cameras_of_ai_city_come_in_natural_order(tmp_path: Path) -> None:
    for name, width in (("c10", 10), ("c9", 9)):
        write(tmp_path / "S01" / name / "gt/gt.txt", f"1,1,0,0,{width},4,1,-1,-1,-1\n")
    made = import_files("aicity", [tmp_path / "S01"], {"fps": "10"})
    assert rows(made.table) == [(0.0, "camera_1", "car", 9.0), (0.0, "camera_2", "car", 10.0)]


@pytest.mark.parametrize(
    ("change", "settings", "said"),
    [
        ({}, [], "fps: the files do not say how many frames a second c010 has"),
        ({}, ["fps.c015=8"], "fps: the files do not say how many frames a second c010 has"),
        ({}, ["fps=10", "fps.c016=8"], "fps.c016: there is no camera 'c016'; did you mean 'c015' or 'c010'?"),
        ({}, ["fps=10", "boxes=det_ssd"], "S03/c010/det/det_ssd.txt: no such file"),
        ({}, ["fps=10", "boxes=../x"], "boxes: '../x' is not the name of a file of boxes"),
        ({}, ["fps=10", "offset=0"], "this kind of import has no key 'offset'; did you mean 'offsets'?"),
        ({}, ["fps=10", "offsets=nowhere.txt"], "nowhere.txt: no such file"),
        ({"T": "c010 8.715\n"}, ["fps=10"], "T: says nothing of camera 'c015'"),
        ({"T": "c010 8.715\nc015\n"}, ["fps=10"], "T:2: 1 values, not 2"),
        ({"T": "c010 8.715\nc015 -1\n"}, ["fps=10"], "T:2: '-1' is not a finite time >= 0"),
        ({"T": "c010 soon\nc015 1\n"}, ["fps=10"], "T:1: 'soon' is not a finite time >= 0"),
        ({"T": "c010 1\nc010 2\nc015 1\n"}, ["fps=10"], "T:2: camera 'c010' stands twice"),
        ({"S03/c015/gt/gt.txt": "1,1,0,0,9,9,1,-1,-1,-1\n1,1,0,0\n"}, ["fps=10"], "S03/c015/gt/gt.txt:2: 4 values"),
        ({"S03/c015/gt/gt.txt": ""}, ["fps=10"], "S03/c015/gt/gt.txt: is empty"),
    ],
)
def test_a_malformed_scenario_is_one_line(
    command: Command, tmp_path: Path, change: dict[str, str], settings: list[str], said: str
) -> None:
    folder, out = scenario(tmp_path), tmp_path / "out" / "x.parquet"
    out.parent.mkdir()
    for name, text in change.items():
        write(tmp_path / name, text)
    if "T" in change:
        settings = [*settings, f"offsets={tmp_path / 'T'}"]
    code, printed, err = command("trace", "import", "aicity", str(folder), *settings, "-o", str(out))
    assert (code, printed) == (2, "")
    assert said in err
    assert err.count("\n") == 1
    assert list(out.parent.iterdir()) == []


def test_a_scenario_is_one_folder_with_cameras(command: Command, tmp_path: Path) -> None:
    out = str(tmp_path / "x.parquet")
    (tmp_path / "empty").mkdir()
    for words, said in (
        (["a", "b"], "aicity: 2 folders, not 1"),
        ([str(tmp_path / "none")], "none: no such folder"),
        ([str(tmp_path / "empty")], "empty: has no camera"),
    ):
        code, _, err = command("trace", "import", "aicity", *words, "fps=10", "-o", out)
        assert code == 2
        assert said in err
    assert not Path(out).exists()


def test_the_frame_of_a_large_file_keeps_its_time(tmp_path: Path) -> None:
    file = Path(write(tmp_path / "gt.txt", "30001,-1,0,0,2,2,1\n"))
    time_s = rows(import_files("mot15", [file], {"fps": "30"}).table)[0][0]
    assert math.isclose(time_s, 1000.0, rel_tol=1e-15)
