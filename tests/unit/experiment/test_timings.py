"""Imported latencies: the published layouts round-trip, and each malformed variant is refused in one line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from simedge.errors import ProfileError
from simedge.experiment.timings import read_csv, read_trtexec


def inference(start_ms: float, compute_ms: float) -> dict[str, float]:
    """One entry as TensorRT 8.6 and later export it."""
    return {
        "startEnqMs": start_ms - 0.3,
        "endEnqMs": start_ms - 0.1,
        "startH2dMs": start_ms - 0.1,
        "endH2dMs": start_ms,
        "startComputeMs": start_ms,
        "endComputeMs": start_ms + compute_ms,
        "startD2hMs": start_ms + compute_ms,
        "endD2hMs": start_ms + compute_ms + 0.05,
        "h2dMs": 0.1,
        "computeMs": compute_ms,
        "d2hMs": 0.05,
        "latencyMs": compute_ms + 0.15,
    }


def older(start_ms: float, compute_ms: float) -> dict[str, float]:
    """One entry as TensorRT 6 exported it."""
    return {
        "startInMs": start_ms - 0.1,
        "endInMs": start_ms,
        "startComputeMs": start_ms,
        "endComputeMs": start_ms + compute_ms,
        "startOutMs": start_ms + compute_ms,
        "endOutMs": start_ms + compute_ms + 0.05,
        "inMs": 0.1,
        "computeMs": compute_ms,
        "outMs": 0.05,
        "latencyMs": compute_ms + 0.15,
        "endToEndMs": compute_ms + 0.4,
    }


def exported(entries: list[dict[str, float]]) -> str:
    """Lay entries out as trtexec does: an object a line, blanks around the colons, commas in front."""
    lines = ["{ " + ", ".join(f'"{key}" : {value:g}' for key, value in entry.items()) + " }" for entry in entries]
    return "[\n  " + "\n, ".join(lines) + "\n]\n"


@pytest.mark.parametrize("layout", [inference, older])
def test_trtexec_files_give_the_compute_times_without_the_warm_up(tmp_path: Path, layout) -> None:
    dice = np.random.Generator(np.random.PCG64(1))
    expected = {}
    for batch in (8, 16):
        compute_ms = dice.uniform(1.0, 2.0, 40).round(4)
        entries = [layout(20.0 * at, value) for at, value in enumerate(compute_ms.tolist())]
        (tmp_path / f"times{batch}.json").write_text(exported(entries))
        expected[batch] = compute_ms[10:] / 1e3  # the first ten start before 200 ms
    found = read_trtexec([f"kind:{batch}={tmp_path}/times{batch}.json" for batch in expected])
    assert list(found) == ["kind"] and list(found["kind"]) == [8, 16]
    for batch, seconds in expected.items():
        np.testing.assert_allclose(found["kind"][batch], seconds, rtol=1e-12)
    assert list(read_trtexec([f"8={tmp_path}/times8.json"])) == ["model"]


GOOD = [inference(100.0, 2.0), inference(250.0, 2.0), inference(300.0, 2.5)]


def without(name: str) -> list[dict]:
    return [GOOD[0], {key: value for key, value in GOOD[1].items() if key != name}, GOOD[2]]


def changed(name: str, value: object) -> list[dict]:
    return [GOOD[0], {**GOOD[1], name: value}, GOOD[2]]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "times.json:1: not valid JSON"),
        ("[", "times.json:1: not valid JSON"),
        (exported(GOOD)[:-40], "times.json:4: not valid JSON"),
        (exported(GOOD).replace("\n, ", "\n  "), "times.json:3: not valid JSON"),
        ("[" * 100_000, "is nested too deep"),
        ("[]", "is no list of inferences"),
        ("{}", "is no list of inferences"),
        (json.dumps({"times": GOOD}), "is no list of inferences"),
        (json.dumps([GOOD[0], [1.0, 2.0]]), "inference 2: is not an object with times"),
        (json.dumps([GOOD[0], 2.5]), "inference 2: is not an object with times"),
        (json.dumps(without("computeMs")), "inference 2: computeMs: missing"),
        (json.dumps(without("startComputeMs")), "inference 2: startComputeMs: missing; did you mean"),
        (json.dumps(changed("computeMs", "2.0")), "inference 2: computeMs: '2.0' is no number of ms"),
        (json.dumps(changed("computeMs", None)), "inference 2: computeMs: 'None' is no number of ms"),
        (json.dumps(changed("computeMs", True)), "inference 2: computeMs: 'True' is no number of ms"),
        (json.dumps(changed("computeMs", float("nan"))), "inference 2: computeMs: 'nan' is no number of ms"),
        (json.dumps(changed("computeMs", float("inf"))), "inference 2: computeMs: 'inf' is no number of ms"),
        (json.dumps(changed("startComputeMs", 10**400)), "inference 2: startComputeMs: "),
        (json.dumps(changed("computeMs", 0)), "inference 2: computeMs: 0 is not > 0"),
        (json.dumps(changed("computeMs", -1)), "inference 2: computeMs: -1 is not > 0"),
        (json.dumps(GOOD[:1]), "every inference starts in the first 200 ms"),
        (b"\xff\xfe[]", "is not UTF-8 text"),
    ],
)
def test_malformed_files_of_trtexec(tmp_path: Path, text: str | bytes, says: str) -> None:
    path = tmp_path / "times.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ProfileError) as caught:
        read_trtexec([f"8={path}"])
    assert says in str(caught.value) and "\n" not in str(caught.value) and "times.json" in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("places", "says"),
    [
        (["times8.json"], "'times8.json' is not BATCH=FILE; write 8=times8.json"),
        (["=times8.json"], "is not BATCH=FILE"),
        (["8="], "is not BATCH=FILE"),
        ([":8=x"], "is not BATCH=FILE"),
        (["a:b:8=x"], "is not BATCH=FILE"),
        (["eight=x"], "'eight' is no batch size"),
        (["0=x"], "'0' is no batch size"),
        (["-8=x"], "'-8' is no batch size"),
        (["8.5=x"], "'8.5' is no batch size"),
        (["8=nowhere.json"], "nowhere.json: cannot be read: No such file"),
        (["8=."], ".: cannot be read: Is a directory"),
    ],
)
def test_malformed_places(places: list[str], says: str) -> None:
    with pytest.raises(ProfileError) as caught:
        read_trtexec(places)
    assert says in str(caught.value) and "\n" not in str(caught.value)


def test_a_batch_given_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "times.json"
    path.write_text(exported(GOOD))
    with pytest.raises(ProfileError, match="batch 8 of model is given twice"):
        read_trtexec([f"8={path}", f"model:8={path}"])


def test_csv_rows_of_one_size_are_repetitions(tmp_path: Path) -> None:
    path = tmp_path / "lab.csv"
    path.write_text("classifier,batch,latency_ms\nkind,1,2.5\nkind,8,9\nkind,1,3.5\n\n type ,8, 4e1\n")
    found = read_csv(path)
    assert {name: {size: values.tolist() for size, values in sizes.items()} for name, sizes in found.items()} == {
        "kind": {1: [0.0025, 0.0035], 8: [pytest.approx(0.009)]},
        "type": {8: [pytest.approx(0.04)]},
    }
    path.write_text("\ufefflatency_s,classifier,batch\r\n0.5,kind,4\r\n")
    assert read_csv(path)["kind"][4].tolist() == [0.5]


HEADER = "classifier,batch,latency_ms\n"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "lab.csv:1: columns are missing; write classifier,batch,latency_ms"),
        (HEADER, "lab.csv: holds no measurement"),
        ("classifier,batch\nkind,1\n", "lab.csv:1: columns are classifier, batch"),
        ("classifier,batch,latency_ms,latency_s\nkind,1,2,2\n", "lab.csv:1: columns are"),
        ("classifier,batch,latency\nkind,1,2\n", "lab.csv:1: unknown column 'latency'; did you mean"),
        ("classifier,batch,batch\nkind,1,2\n", "lab.csv:1: column batch stands twice"),
        ("kind,1,2\n", "lab.csv:1: unknown column 'kind'"),
        (HEADER + "kind,1\n", "lab.csv:2: has 2 fields, not 3"),
        (HEADER + "kind,1,2\nkind,1,2,3\n", "lab.csv:3: has 4 fields, not 3"),
        (HEADER + "kind,one,2\n", "lab.csv:2: 'one' is no batch size"),
        (HEADER + "kind,0,2\n", "lab.csv:2: '0' is no batch size"),
        (HEADER + "kind,1.0,2\n", "lab.csv:2: '1.0' is no batch size"),
        (HEADER + "kind,99999999,2\n", "lab.csv:2: '99999999' is no batch size"),
        (HEADER + "kind,1,fast\n", "lab.csv:2: latency_ms: 'fast' is not a number > 0"),
        (HEADER + "kind,1,\n", "lab.csv:2: latency_ms: '' is not a number > 0"),
        (HEADER + "kind,1,nan\n", "lab.csv:2: latency_ms: 'nan' is not a number > 0"),
        (HEADER + "kind,1,inf\n", "lab.csv:2: latency_ms: 'inf' is not a number > 0"),
        (HEADER + "kind,1,0\n", "lab.csv:2: latency_ms: '0' is not a number > 0"),
        (HEADER + "kind,1,2\nkind,8,-2\n", "lab.csv:3: latency_ms: '-2' is not a number > 0"),
        (HEADER + ",1,2\n", "lab.csv:2: names no classifier"),
        (HEADER + 'kind,1,"2\n', "not valid CSV"),
        (b"\xff\xfe", "is not UTF-8 text"),
    ],
)
def test_malformed_csv(tmp_path: Path, text: str | bytes, says: str) -> None:
    path = tmp_path / "lab.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ProfileError) as caught:
        read_csv(path)
    assert says in str(caught.value) and "\n" not in str(caught.value) and "lab.csv" in str(caught.value)
