"""The verb ``profile``: from models and files to a profile that a run takes, or one line."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from simedge.hardware.profile import read_device

Command = Callable[..., tuple[int, str, str]]

MODELS = """\
import torch


class Kind(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(48, 4))

    def forward(self, items):
        return self.layers(items)


def make():
    return Kind()


ready = Kind()


class Rude(Kind):
    def forward(self, items):
        raise RuntimeError("first line\\nsecond line")
"""
NO_TORCH = "torch is not installed: pip install 'simedge[learn]'"
FAST = ("--input", "3,4,4", "--batches", "1,2,4,8", "--repeat", "40", "--warmup", "1", "--device", "cpu")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def models(here: Path) -> str:
    """A module of its own for each test: imported modules stay."""
    pytest.importorskip("torch", reason=NO_TORCH)
    name = f"models_{here.name}"
    (here / f"{name}.py").write_text(MODELS)
    return name


def entries(path: Path) -> list[Path]:
    return sorted(path.iterdir())


def lab(folder: Path) -> str:
    rows = [f"kind,{b},{1 + 2 * b}\nvehicle_type,{b},{2 + b}" for b in (1, 8, 32) for _ in range(3)]
    (folder / "lab.csv").write_text("classifier,batch,latency_ms\n" + "\n".join(rows) + "\n")
    return "lab.csv"


def test_torch_models_become_a_profile(command: Command, here: Path, models: str) -> None:
    named = (f"kind={models}:Kind", f"{models}:make", f"third={models}:ready")
    code, out, err = command("profile", *named, *FAST, "--name", "laptop")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].split()[:4] == ["classifier", "batch", "n", "mean"]
    assert [line.split()[:3] for line in lines[2:14]] == [
        [name, size, "40"] for name in ("kind", "make", "third") for size in ("1", "2", "4", "8")
    ]
    assert re.search(r"^make: line .*; monotone.*; chosen: (line|monotone)$", out, re.MULTILINE)
    assert lines[-1] == "laptop.yaml"
    profile = read_device("laptop.yaml")
    assert (profile.name, profile.batch_max, sorted(profile.measured)) == ("laptop", 8, ["kind", "make", "third"])
    assert profile.spread > 0
    text = (here / "laptop.yaml").read_text()
    assert re.match(r"# laptop: .*, measured \d{4}-\d\d-\d\d\n", text)
    assert re.search(rf"simedge profile, \d{{4}}.*, torch \S+, 1 thread, {models}:Kind, n=40\"", text)


def test_what_is_wrong_with_a_model_is_one_line(command: Command, here: Path, models: str) -> None:
    before = entries(here)
    for words, says in [
        ((f"{models}:Kind", "--input", "3,5,5"), "does not run: RuntimeError: mat1 and mat2 shapes cannot be"),
        ((f"{models}:Rude", "--input", "3,4,4"), "does not run: RuntimeError: first line; see that it takes"),
        ((f"{models}:Knd",), f"{models} has no 'Knd'"),
        ((f"{models}:Kind", f"{models}:Kind"), "Kind is named twice"),
        ((f"{models}:Kind", *FAST[:2], "--device", "cuda"), "torch sees no CUDA device"),
    ]:
        code, out, err = command("profile", *words)
        assert (code, out) == (2, ""), words
        assert says in err and err.count("\n") == 1, err
    assert [path for path in entries(here) if path.name != "__pycache__"] == before


def test_an_import_becomes_a_profile_that_a_run_takes(command: Command, here: Path) -> None:
    code, out, err = command("profile", "--import-csv", lab(here), "-o", "boxes/desk.yaml")
    assert (code, err) == (0, "")
    assert "kind: line 1 ms + 2 ms per item, leave-one-out error" in out and out.endswith("\nboxes/desk.yaml\n")
    profile = read_device("boxes/desk.yaml")
    assert profile.name == "desk"
    assert profile.table("vehicle_type", 1.0, 32).latency_s(10) == pytest.approx(0.012)
    assert "lab.csv, n=3" in (here / "boxes" / "desk.yaml").read_text()


def test_trtexec_files_become_a_profile(command: Command, here: Path) -> None:
    for batch in (1, 8, 16):
        times = [{"startComputeMs": 300.0 + at, "computeMs": 1.0 + 0.5 * batch} for at in range(4)]
        (here / f"t{batch}.json").write_text(json.dumps(times))
    code, out, _ = command("profile", "--import-trtexec", *(f"kind:{b}=t{b}.json" for b in (1, 8, 16)))
    assert code == 0 and out.endswith("\nmeasured.yaml\n")
    assert read_device("measured.yaml").table("kind", 1.0, 16).latency_s(4) == pytest.approx(0.003)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "nothing is named; give models, --import-trtexec or --import-csv"),
        (("a:B", "--import-csv", "lab.csv"), "several sources are named"),
        (("kind",), "'kind' is no model; write module:function"),
        (("a:B", "--batches", "1,a"), "--batches: '1,a' is no list of whole numbers >= 1"),
        (("a:B", "--batches", "0"), "--batches: '0' is no list"),
        (("a:B", "--batches", "1,1"), "--batches: '1,1' repeats a size"),
        (("a:B", "--batches", "9999"), "--batches: '9999' repeats a size or has one above 4096"),
        (("a:B", "--input", "3x4"), "--input: '3x4' is no list"),
        (("a:B", "--repeat", "0"), "--repeat: 0 is not >= 1"),
        (("a:B", "--warmup", "-1"), "--warmup: -1 is not >= 0"),
        (("a:B", "--threads", "0"), "--threads: 0 is not >= 1"),
        (("a:B", "--repeat", "many"), "argument --repeat"),
        (("a:B", "--device", "tpu"), "there is no --device 'tpu'"),
        (("a:B", "-o", "x.txt"), "x.txt: the kind of file is not known"),
        (("a:B", "-o", "."), "the kind of file is not known"),
        (("a:B", "--name", "../x"), "is no name of a profile"),
        (("--import-csv", "nowhere.csv"), "nowhere.csv: cannot be read"),
        (("--import-csv", "falling.csv"), "latencies of kind: "),
        (("--import-trtexec", "x.json"), "'x.json' is not BATCH=FILE"),
        (("nowhere.onnx",), "nowhere.onnx: "),
    ],
)
def test_wrong_words_are_one_line_and_write_nothing(
    command: Command, here: Path, words: tuple[str, ...], says: str
) -> None:
    (here / "falling.csv").write_text("classifier,batch,latency_ms\nkind,1,9\nkind,8,2\n")
    before = entries(here)
    code, out, err = command("profile", *words)
    assert (code, out) == (2, "")
    assert says in err and err.count("\n") == 1, err
    assert entries(here) == before


@pytest.mark.parametrize(
    ("package", "model", "extra"), [("torch", "math:pi", "learn"), ("onnxruntime", "x.onnx", "onnx")]
)
def test_a_missing_package_is_one_line(
    command: Command, here: Path, monkeypatch: pytest.MonkeyPatch, package: str, model: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)  # as Python does for what cannot be imported
    code, _, err = command("profile", model)
    assert code == 2
    assert err == f"simedge: {model}: needs {package}; install it: pip install 'simedge[{extra}]'\n"


def field(number: int, value: bytes | int) -> bytes:
    """One field of a Protocol Buffers message: a length-delimited one, or a small number."""
    if isinstance(value, int):
        return bytes([number << 3, value])
    return bytes([number << 3 | 2, len(value)]) + value


def onnx_model(batch: bytes, items: int = 3, element: int = 1) -> bytes:
    """Relu over (batch, items), written out as onnx.proto lays it out; element 1 is float32, 11 double."""

    def tensor(name: bytes) -> bytes:
        shape = field(1, batch) + field(1, field(1, items))
        return field(1, name) + field(2, field(1, field(1, element) + field(2, shape)))

    node = field(1, b"x") + field(2, b"y") + field(4, b"Relu")
    graph = field(1, node) + field(2, b"g") + field(11, tensor(b"x")) + field(12, tensor(b"y"))
    return field(1, 8) + field(7, graph) + field(8, field(2, 13))


FREE, FIXED = field(2, b"n"), field(1, 4)


def test_onnx_models_become_a_profile(command: Command, here: Path) -> None:
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: pip install 'simedge[onnx]'")
    (here / "kind.onnx").write_bytes(onnx_model(FREE))
    (here / "four.onnx").write_bytes(onnx_model(FIXED))
    (here / "double.onnx").write_bytes(onnx_model(FREE, element=11))
    (here / "broken.onnx").write_bytes(onnx_model(FREE)[:-20])
    code, out, err = command("profile", "kind.onnx", "--batches", "1", "--repeat", "5")
    assert (code, err) == (0, "") and out.splitlines()[2].split()[:3] == ["kind", "1", "5"]
    assert "onnxruntime" in (here / "measured.yaml").read_text()
    assert command("profile", "four.onnx", "--batches", "4", "--repeat", "3")[0] == 0
    for words, says in [
        (("four.onnx",), "four.onnx: takes batches of 4 only; give --batches 4"),
        (("double.onnx",), "double.onnx: has inputs x: tensor(double)"),
        (("broken.onnx",), "broken.onnx: does not run: "),
        (("kind.onnx", "--input", "5"), "kind.onnx: does not run: "),
    ]:
        code, _, err = command("profile", *words, "-o", "other.yaml")
        assert code == 2 and says in err and err.count("\n") == 1, err
    assert not (here / "other.yaml").exists()
