"""Wrong input of every kind: one line that names the thing, exit code 2, nothing left behind."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

import simedge
from simedge import cli

GENERATED = ("workload=generated", "horizon_s=2")
HEADER = "arrived_s,camera,path,size_bytes\n"
MINE = "defaults: [campus, _self_]\nname: mine\n"
DEVICE = """\
name: odd
inference:
  batch_max: {value: 64, unit: items, kind: assumed, source: a test}
  fixed: {value: 1, unit: ms, kind: assumed, source: a test}
  per_item: {value: 1, unit: ms, kind: assumed, source: a test}
"""
LINK = """\
name: odd
rate: {value: 10, unit: Mbps, kind: assumed, source: a test}
call: {value: 1, unit: ms, kind: assumed, source: a test}
call_max: {value: 20, unit: units, kind: assumed, source: a test}
"""


class Case(NamedTuple):
    """Words of the command line, what its one line must name, and the files there are: {in} and {out} are folders."""

    words: Sequence[str]
    says: str
    files: Mapping[str, str | bytes] = {}


def typed(override: str, says: str) -> Case:
    return Case(("run", override, "--out", "{out}/runs"), says)


def scenario(text: str | bytes, says: str) -> Case:
    return Case(("run", "scenario={in}/mine.yaml", "--out", "{out}/runs"), says, {"mine.yaml": text})


def trace(text: str | bytes, says: str, name: str = "clip.csv") -> Case:
    return Case(("run", f"workload.trace={{in}}/{name}", "--out", "{out}/runs"), says, {name: text})


def device(text: str, says: str, *more: str) -> Case:
    words = ("run", *GENERATED, "cluster.edge=odd", *more, "--config-dir", "{in}", "--out", "{out}/runs")
    return Case(words, says, {"hardware_profiles/odd.yaml": text})


def link(text: str, says: str) -> Case:
    words = ("run", *GENERATED, "network.uplink=odd", "--config-dir", "{in}", "--out", "{out}/runs")
    return Case(words, says, {"hardware_profiles/odd.yaml": text})


CASES = {
    # words
    "verb": Case(("rnu",), "there is no verb 'rnu'; did you mean 'run'?"),
    "option": Case(("run", "--jsno"), "'--jsno'; did you mean '--json'?"),
    "option without a value": Case(("run", "--out"), "--out"),
    "list of nothing": Case(("list", "polices"), "there is no kind 'polices'; did you mean 'policies'"),
    "action": Case(("trace", "mak"), "there is no action 'mak'; did you mean 'make'?"),
    "action missing": Case(("trace",), "ACTION"),
    "output missing": Case(("trace", "make", "campus"), "-o/--output"),
    "list has no keys": Case(("list", "policies", "seed=3"), "'seed=3'"),
    "list of a folder that is none": Case(("list", "--config-dir", "{in}/nowhere"), "nowhere: is not a folder"),
    "folder without a name": Case(("run", *GENERATED, "--config-dir", ""), "'': is not a folder"),
    "show has no keys": Case(("trace", "show", "campus_300s", "seed=3"), "'seed=3'"),
    "value for a switch": Case(("run", "--json=3"), "argument --json"),
    "option in place of a value": Case(("run", "--out", "--json"), "argument --out"),
    "figure that is only an ending": Case(("run", *GENERATED, "--figure", ".png"), ".png: the kind of file"),
    # overrides
    "no key=value": typed("campus", "'campus' is not key=value; write scenario=campus"),
    "no key": typed("=3", "'=3' is not key=value"),
    "no value": typed("seed=", "seed: has no value"),
    "deletion": typed("~policy", "'~policy' cannot remove a key"),
    "long": typed(f"seed={'9' * 10_001}", "is longer than 10000 characters"),
    "huge number": typed(f"seed={'9' * 5_000}", "seed: "),
    "deep": typed(f"seed={'[' * 400}", "seed: "),
    "unknown key": typed("netwrok.uplink_bps=3", "netwrok: unknown key; did you mean 'network'?"),
    "unknown nested key": typed(
        "network.uplnk_bps=3", "network.uplnk_bps: unknown key; did you mean 'network.uplink_bps'"
    ),
    "key of another depth": typed("uplink_bps=3", "did you mean 'network.uplink_bps'?"),
    "key of another policy": typed("policy.partition_point=0.1", "policy.partition_point: unknown key"),
    "key below a value": typed("seed.x=3", "seed.x: 'seed' is a value"),
    "unknown policy": typed(
        "policy=camera_onyl", "policy: there is no policy 'camera_onyl'; did you mean 'camera_only'?"
    ),
    "one unknown policy of two": typed("policy=camera_only,centralised", "'centralised'; did you mean 'centralized'?"),
    "policies that are no names": typed("policy=range(0,3)", "policy: 'range(0,3)' is not a list of names"),
    "no policy": typed("policy=null", "policy: needs the name of a policy"),
    "policy by its field": typed("policy.name=centralized", "write policy=centralized"),
    "unknown group option": typed("workload=recoded", "there is no workload 'recoded'; did you mean 'recorded'?"),
    "unknown scenario": typed("scenario=campsu", "there is no scenario 'campsu'; did you mean 'campus'"),
    "unknown scenario file": typed("scenario=nowhere/x.yaml", "nowhere/x.yaml: no such scenario file"),
    "unknown system": typed("system=viedo", "there is no system 'viedo'; did you mean 'video'?"),
    "sweep": typed("seed=1,2", "seed: '1,2' means several values"),
    "range": typed("seed=range(0,9)", "policy=a,b,c"),
    "text for a number": typed("policy.beta=half", "policy.beta: 'half' is not a number"),
    "truth for a number": typed("network.uplink_bps=true", "network.uplink_bps: true is not a number"),
    "fraction for a count": typed("seed=1.5", "seed: 1.5 is not a whole number"),
    "number for text": typed("cluster.edge=3", "cluster.edge: 3 is not text"),
    "number for a list": typed("cluster.cameras=3", "cluster.cameras: needs a list, not 3"),
    "value for keys": typed("queues=3", "queues: needs keys of its own, not 3"),
    "null": typed("seed=null", "seed: null is not a whole number"),
    "nan": typed("network.uplink_bps=nan", "network.uplink_bps: nan"),
    "infinite": typed("slo_s=inf", "slo_s: inf is not finite"),
    "infinite by size": typed("horizon_s=1e309", "horizon_s: inf is not finite"),
    "negative": typed("network.uplink_bps=-1", "network.uplink_bps: -1.0 is not a finite number > 0"),
    "zero": typed("report_period_s=0", "report_period_s: 0.0 is not"),
    "negative seed": typed("seed=-1", "seed: -1 is not"),
    "out of range": typed("policy.beta=-1", "policy.beta: -1.0 is not >= 0"),
    "wrong unit": typed("network.uplink_bps=10 MB", "network.uplink_bps: '10 MB' is not a quantity in bps"),
    "unit in the wrong case": typed("network.uplink_bps=10mbps", "'10mbps' is not a quantity in bps"),
    "choice": typed("queues.admission=lifo", "queues.admission: 'lifo' is not a choice; did you mean 'fifo'?"),
    "no cameras": typed("cluster.cameras=[]", "cluster.cameras: "),
    "cameras that do not match": Case(
        ("run", *GENERATED, "cluster.cameras=[jetson_tx1]", "--out", "{out}/x"), "workload.tracks.weights: 6 weights"
    ),
    "cameras that the trace does not match": typed("cluster.cameras=[jetson_tx1]", "no 'camera_2'"),
    "unknown path in the mix": typed("workload.mix={cat: 1}", "workload.mix: the pipeline has no path 'cat'"),
    "edge to nowhere": typed("pipeline.edges=[[kind, nowhere]]", "pipeline: "),
    "short edge": typed("pipeline.edges=[[kind]]", "pipeline.edges.0: needs 2 values"),
    "warm-up beyond the horizon": typed("warmup_s=500 s", "warmup_s: "),
    "more than memory": typed("horizon_s=1e9", "horizon_s: "),
    "more cameras than memory": typed("cluster.groups=1e9", "cluster.groups: "),
    "code": typed("network._target_=os.system", "'_target_' is not allowed"),
    "code inside": typed("network={a: {_target_: os.system}}", "'_target_' is not allowed"),
    "Hydra's own keys": typed("hydra.searchpath=[x]", "'hydra' is not allowed"),
    "Hydra's own groups": typed("hydra/launcher=x", "'hydra' is not allowed"),
    "interpolation": typed("cluster.edge=${oc.env:HOME}", "cluster.edge: interpolations"),
    "composition's own keys": typed("_typed_.policy=x", "'_typed_' is not allowed"),
    "dots alone": typed("seed..x=1", "'seed..x=1' is not key=value"),
    "colon": typed("seed:1", "'seed:1' is not key=value"),
    "hexadecimal": typed("seed=0x10", "seed: '0x10' is not a whole number"),
    "several scenarios": typed("scenario=campus,traffic", "scenario: 'campus,traffic' means several values"),
    "a list of policies": typed("policy=[camera_only]", "policy: needs the name of a policy, not ['camera_only']"),
    "policies with an empty name": typed("policy='',camera_only", "is not a list of names; write policy=a,b,c"),
    "field of another policy": Case(
        ("run", "policy=camera_only", "policy.partition_point=0.3"), "policy.partition_point: unknown key"
    ),
    "group without keys": typed("cluster=null", "cluster: needs keys of its own, not null"),
    "group of another type": typed("workload=[a]", "workload: needs keys of its own, not ['a']"),
    "a classifier for nothing": typed("pipeline.costs={kind: 0}", "pipeline: classifier 'kind' costs 0.0"),
    "a circle": typed("pipeline.edges=[[kind, kind]]", "pipeline: the classifiers form a cycle"),
    "a path to nowhere": typed("pipeline.leaves={car: nowhere}", "unknown classifier 'nowhere'"),
    "negative share": typed("workload.mix={car: -1}", "workload.mix: shares are >= 0"),
    "no share": typed("workload.mix={car: 0, person: 0, other: 0}", "workload.mix: shares are >= 0 and not all zero"),
    "more frames than there are": Case(
        ("run", *GENERATED, "workload.tracks.rate_ips=1e30"), "workload.tracks.rate_ips: 1e+30 is more than"
    ),
    "seldom frames": Case(("run", *GENERATED, "workload.tracks.fps=1e-9"), "at least one frame"),
    "reports without end": typed("report_period_s=1e-300", "shorten horizon_s, lengthen report_period_s or"),
    "half a unit": typed("network.call_units=0.5", "network.call_units: 0.5 is not a whole number"),
    "no GPU": typed("cluster.gpus=0", "cluster.gpus: 0 is not a finite number > 0"),
    "a device for a file of another kind": typed("cluster.edge=/dev/null", "/dev/null: no such file"),
    "a device without a name": typed("cluster.edge=''", "there is no '' in hardware_profiles"),
    "a trace for a device": typed("workload.trace=/dev/zero", "/dev/zero: no such file; give the path of a file that"),
    "a long trace": typed(f"workload.trace={'a' * 5000}", f"there is no '{'a' * 60}'…"),
    "a long scenario": typed(f"scenario={'a' * 5000}", f"there is no scenario '{'a' * 60}'…"),
    "no such folder": Case(("run", "--config-dir", "{in}/nowhere"), "nowhere: is not a folder"),
    # scenario files
    "code in a file": scenario(f"{MINE}network: {{_target_: os.system}}\n", "mine.yaml:3: '_target_' is not allowed"),
    "Hydra in a file": scenario(f"{MINE}hydra: {{searchpath: [x]}}\n", "mine.yaml:3: 'hydra' is not allowed"),
    "interpolation in a file": scenario(f"{MINE}slo_s: ${{oc.env:HOME}}\n", "mine.yaml:3: interpolations"),
    "alias": scenario("a: &a [1]\nb: *a\n", "mine.yaml:2: YAML aliases"),
    "key twice": scenario(f"{MINE}seed: 1\nseed: 2\n", "mine.yaml:4: key 'seed' stands twice"),
    "broken YAML": scenario(f"{MINE}network: {{\n", "mine.yaml:4: not valid YAML"),
    "tag": scenario("a: !!python/object/apply:os.system [x]\n", "mine.yaml:1: not valid YAML"),
    "no text": scenario(b"\xff\xfe\x00", "mine.yaml: cannot be read: not UTF-8 text"),
    "too large": scenario("#" * 2**21, "mine.yaml: a YAML file may have at most 1 MiB"),
    "a list": scenario("- 1\n", "mine.yaml: holds no keys and values"),
    "empty": scenario("", "names no system"),
    "no policy in a file": scenario("system: video\nname: mine\n", "policy: is missing"),
    "draws on nothing": scenario("defaults: [campsu]\n", "mine.yaml:1: there is no 'campsu'"),
    "draws on itself": scenario("defaults: [mine]\n", "mine.yaml: its defaults list leads back to itself"),
    "wrong value in a file": scenario(f"{MINE}slo_s: 3 Mbps\n", "mine.yaml:3: slo_s: '3 Mbps' is not a quantity"),
    "unknown key in a file": scenario(
        f"{MINE}netwrk: {{}}\n", "mine.yaml:3: netwrk: unknown key; did you mean 'network'"
    ),
    "deep YAML": scenario(f"{MINE}a: {'[' * 2000}\n", "mine.yaml:3: is nested more than 50 deep"),
    "deep but whole YAML": scenario(f"{MINE}a: {'{b: ' * 500}1{'}' * 500}\n", "mine.yaml:3: is nested more than 50"),
    "two documents": scenario(f"{MINE}---\nname: b\n", "mine.yaml:3: not valid YAML"),
    "tabs": scenario(f"\t{MINE}", "mine.yaml:1: not valid YAML"),
    "key that is a list": scenario(f"{MINE}? [a]\n: 4\n", "mine.yaml:3: not valid YAML: found unhashable key"),
    "key that is a number": scenario(f"{MINE}3: 4\n", "mine.yaml:3: 3: unknown key"),
    "date that is none": scenario(f"{MINE}seed: 2001-99-99\n", "mine.yaml: holds an impossible value: month"),
    "endless number": scenario(f"{MINE}seed: {'9' * 5000}\n", "mine.yaml: holds an impossible value"),
    "date for a number": scenario(f"{MINE}seed: 2001-01-01\n", "mine.yaml:3: seed: '2001-01-01' is not a whole number"),
    "list for a group": scenario(f"{MINE}cluster: [a]\n", "mine.yaml: cannot be composed: Cannot merge"),
    "name for a group": scenario(f"{MINE}workload: recorded\n", "mine.yaml:3: workload: needs keys of its own"),
    "no policy name in a file": scenario(f"{MINE}policy: {{name: 3}}\n", "mine.yaml:3: policy: needs the name"),
    "field of another policy in a file": scenario(
        f"{MINE}policy: {{name: centralized, partition_point: 1}}\n", "mine.yaml:3: policy.partition_point: unknown key"
    ),
    "misspelled field under a typed policy": Case(
        ("run", "scenario={in}/mine.yaml", "policy=centralized"),
        "policy.partition_pont: unknown key",
        {"mine.yaml": f"{MINE}policy: {{partition_pont: 1}}\n"},
    ),
    "policy drawn twice": scenario("defaults: [campus, /policy: camera_only]\n", "Multiple values for policy"),
    "defaults of another type": scenario("defaults: {a: b}\n", "defaults must be a list"),
    # traces
    "no such trace": typed("workload.trace=nowhere.csv", "nowhere.csv: no such file"),
    "unknown trace": typed(
        "workload.trace=campus_30s", "there is no 'campus_30s' in traces; did you mean 'campus_300s'"
    ),
    "recorded without a trace": typed("workload.trace=null", "workload.trace: "),
    "empty trace": trace("", "clip.csv: is empty"),
    "trace without rows": trace(HEADER, "clip.csv: has no rows"),
    "missing column": trace("arrived_s,camera,path\n0,camera_1,car\n", "lacks the column 'size_bytes'"),
    "short row": trace(f"{HEADER}0,camera_1,car,1\n1,camera_1\n", "clip.csv:3: 2 values, not 4"),
    "unsorted": trace(f"{HEADER}0,camera_1,car,1\n2,camera_1,car,1\n1,camera_1,car,1\n", "clip.csv:4: "),
    "negative time": trace(f"{HEADER}-1,camera_1,car,1\n", "clip.csv:2: "),
    "time is no number": trace(f"{HEADER}0,camera_1,car,1\nsoon,camera_1,car,1\n", "clip.csv:3: "),
    "time is nan": trace(f"{HEADER}nan,camera_1,car,1\n", "clip.csv:2: "),
    "infinite size": trace(f"{HEADER}0,camera_1,car,inf\n", "clip.csv:2: "),
    "negative size": trace(f"{HEADER}0,camera_1,car,-1\n", "clip.csv:2: "),
    "unknown camera": trace(f"{HEADER}0,camera_1,car,1\n0,camera_9,car,1\n", "'camera_9'"),
    "unknown path": trace(f"{HEADER}0,camera_1,cart,1\n", "'cart'"),
    "no Parquet": trace("not parquet", "clip.parquet: not a readable Parquet file", "clip.parquet"),
    "no trace at all": Case(("trace", "check", "{in}/x.txt"), "x.txt", {"x.txt": "hello"}),
    "trace of another scenario": Case(
        ("trace", "check", "{in}/clip.csv", "scenario=campus"),
        "'camera_9'",
        {"clip.csv": f"{HEADER}0,camera_9,car,1\n"},
    ),
    "show nothing": Case(("trace", "show", "{in}/nowhere.csv"), "nowhere.csv: no such file"),
    "make of nothing": Case(("trace", "make", "campsu", "-o", "{out}/x.csv"), "there is no scenario 'campsu'"),
    "make in another format": Case(("trace", "make", "campus", "-o", "{out}/x.txt"), "x.txt"),
    "late beyond measure": trace(f"{HEADER}1e300,camera_1,car,1\n", "clip.csv:2: arrived_s: 1e+300 is beyond"),
    "column twice": trace(HEADER.replace("path", "path,path"), "clip.csv:1: column 'path' stands twice"),
    "NUL": trace(b"\0" * 100, "clip.csv:1: has a NUL byte"),
    "hexadecimal time": trace(f"{HEADER}0x10,camera_1,car,1\n", "clip.csv:2: arrived_s: '0x10' is not a number"),
    "long line": trace("a" * 3_000_000, "clip.csv:1: the line is longer than 1 MiB"),
    "make of recorded arrivals": Case(
        ("trace", "make", "campus", "-o", "{out}/x.csv", "workload=recorded"),
        "workload: recorded arrivals are not drawn",
    ),
    "make for several policies": Case(
        ("trace", "make", "campus", "-o", "{out}/x.csv", "policy=a,b"), "policy: 'a,b' means several values"
    ),
    "generator's parameters": Case(
        ("trace", "make", "campus", "-o", "{out}/x.csv", "workload.tracks.dwell_s=-1"), "workload.tracks"
    ),
    # profiles
    "unknown device": typed(
        "cluster.edge=titan_y", "there is no 'titan_y' in hardware_profiles; did you mean 'titan_x'"
    ),
    "a link for a device": typed("cluster.edge=fast_ethernet", "fast_ethernet"),
    "unknown link": typed("network.uplink=wifi7", "there is no 'wifi7' in hardware_profiles"),
    "batch beyond the profile": typed("cluster.edge_batch=128", "up to batches of 64, not 128"),
    "profile without the classifier": device(
        "name: odd\ninference:\n  batch_max: {value: 64, unit: items, kind: assumed, source: a test}\n"
        "  classifiers: {kind: {latency: {1: 1.0, 64: 60.0}, unit: ms, kind: assumed, source: a test}}\n",
        "is not profiled on odd",
    ),
    "crooked latencies": device(
        f"{DEVICE}  classifiers: {{kind: {{latency: {{1: 5, 8: 6, 64: 300}}, unit: ms, kind: measured, source: x}}}}\n",
        "inference.classifiers.kind.latency: at batch 64 the nearest line",
    ),
    "misspelled classifier": device(
        f"{DEVICE}  classifiers: {{vehicle_colour: {{latency: {{1: 5}}, unit: ms, kind: measured, source: x}}}}\n",
        "the pipeline has no classifier 'vehicle_colour', but 'vehicle_color' is not measured; write 'vehicle_color'",
    ),
    "unknown device behind a trace that does not fit": typed(
        "cluster.cameras=[jetson_tx9]", "there is no 'jetson_tx9' in hardware_profiles; did you mean 'jetson_tx2'"
    ),
    "profile without a number": device("name: odd\ninference: {}\n", "inference.batch_max: missing"),
    "profile without a source": device(
        DEVICE.replace(", source: a test", "", 1), "inference.batch_max.source: missing"
    ),
    "profile in another unit": device(DEVICE.replace("unit: ms", "unit: Mbps", 1), "inference.fixed: "),
    "profile with an unknown key": device(f"{DEVICE}speed: 3\n", "speed: unknown key"),
    "profile with a negative time": device(DEVICE.replace("value: 1,", "value: -1,", 1), "inference.fixed.value: -1"),
    "profile with an alias": device("a: &a 1\nb: *a\n", "odd.yaml:2: YAML aliases"),
    "profile with a number as text": device(
        DEVICE.replace("value: 1,", "value: '1',", 1), "inference.fixed.value: '1' is not a number"
    ),
    "profile with a huge time": device(
        DEVICE.replace("value: 1,", "value: 1e400,", 1), "inference.fixed: 'inf ms' is not a quantity"
    ),
    "profile with an endless time": device(
        f"{DEVICE}  classifiers: {{kind: {{latency: {{1: 1e300, 32: 3e301}}, unit: s, kind: measured, source: x}}}}\n",
        "inference.classifiers.kind.latency.1.value: 1e+300 is out of range; give a number of at least",
    ),
    "profile with an endless count": device(
        DEVICE.replace("value: 64", f"value: {'9' * 400}"), "inference.batch_max.value: the number is out of range"
    ),
    "profile with an endless number": device(
        DEVICE.replace("value: 64", f"value: {'9' * 5000}"), "odd.yaml: holds an impossible value"
    ),
    "profile of another shape": device("inference: 3", "inference: a mapping is needed here"),
    "latency that is not one": device(
        f"{DEVICE}  classifiers: {{kind: {{latency: {{1: .nan}}, unit: ms, kind: measured, source: x}}}}\n",
        "inference.classifiers.kind.latency.1: 'nan ms' is not a quantity",
    ),
    "latencies up to a smaller batch": device(
        f"{DEVICE}  classifiers: {{kind: {{latency: {{1: 1, 2: 2}}, unit: ms, kind: measured, source: x}}}}\n",
        "'kind' is profiled on odd up to batches of 2, not 32",
    ),
    "link without a rate": link("name: odd\n", "rate: missing"),
    "link of no rate": link(LINK.replace("value: 10,", "value: 0,"), "rate.value: 0"),
    "link of an unknown kind of number": link(
        LINK.replace("kind: assumed", "kind: guessed", 1), "rate.kind: 'guessed'"
    ),
    # outputs
    "output is a file": Case(("run", *GENERATED, "--out", "{in}/file"), "file: is not a folder", {"file": ""}),
    "output below a file": Case(("run", *GENERATED, "--out", "{in}/file/x"), "file/x: cannot be written", {"file": ""}),
    "no output": Case(("run", *GENERATED, "--out", ""), "no place is named"),
    "figure is a folder": Case(("run", *GENERATED, "--figure", "{in}/f.png"), "f.png: is a folder", {"f.png/x": ""}),
    "figure of another kind": Case(("run", *GENERATED, "--figure", "{out}/f.xls"), "f.xls: "),
    "figure below a file": Case(
        ("run", *GENERATED, "--figure", "{in}/file/f.png"), "f.png: cannot be written", {"file": ""}
    ),
    "trace below a file": Case(
        ("trace", "make", "campus", "-o", "{in}/file/x.csv"), "x.csv: cannot be written", {"file": ""}
    ),
    "unwritable": Case(("run", *GENERATED, "--out", "/dev/null/x"), "/dev/null/x: cannot be written"),
}


@pytest.fixture
def folders(tmp_path: Path) -> dict[str, Path]:
    made = {name: tmp_path / name for name in ("in", "out")}
    for folder in made.values():
        folder.mkdir()
    (made["out"] / "precious.txt").write_text("of old")
    return made


def prepared(case: Case, folders: Mapping[str, Path]) -> list[str]:
    for name, content in case.files.items():
        path = folders["in"] / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    places = {f"{{{name}}}": str(folder) for name, folder in folders.items()}
    words = list(case.words)
    for name, place in places.items():
        words = [word.replace(name, place) for word in words]
    return words


def everything(folders: Mapping[str, Path]) -> dict[Path, bytes | None]:
    return {
        path: path.read_bytes() if path.is_file() else None for folder in folders.values() for path in folder.rglob("*")
    }


@pytest.mark.parametrize("name", CASES)
def test_one_line_that_names_it_exit_2_nothing_left(
    name: str, folders: dict[str, Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = prepared(CASES[name], folders)
    monkeypatch.chdir(folders["out"])
    before = everything(folders)
    code = cli.main(words)
    said = capsys.readouterr()
    assert code == 2, said
    assert said.out == ""
    assert said.err.startswith("simedge: ")
    assert said.err.count("\n") == 1, said.err
    assert said.err.endswith("\n")
    assert CASES[name].says in said.err
    assert "Traceback" not in said.err
    assert len(said.err) < 600
    assert everything(folders) == before


@pytest.mark.parametrize("name", ["unknown policy", "broken YAML", "unsorted"])
def test_the_same_in_a_process(name: str, folders: dict[str, Path]) -> None:
    words = prepared(CASES[name], folders)
    before = everything(folders)
    environment = {**os.environ, "PYTHONPATH": str(Path(simedge.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "simedge", *words],
        check=False,
        capture_output=True,
        text=True,
        env=environment,
        cwd=folders["out"],
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert CASES[name].says in done.stderr
    assert everything(folders) == before


def test_there_are_enough_cases() -> None:
    assert len(CASES) >= 160
