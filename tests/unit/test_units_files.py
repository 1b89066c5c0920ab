"""Quantities, and how files are found, read and written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simedge import files
from simedge.errors import ConfigError, InputError, OutputError, TraceError, suggest
from simedge.units import format_quantity, parse_quantity, unit_of


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("10 Mbps", "bps", 1e7),
        ("1.5Gbps", "bps", 1.5e9),
        ("8ms", "s", 0.008),
        ("2 min", "s", 120.0),
        ("1 h", "s", 3600.0),
        ("2 MB", "bytes", 2e6),
        ("2 MiB", "bytes", 2.0 * 2**20),
        (" -3e-2 ", "s", -0.03),
        (".5", "bps", 0.5),
        ("inf", "s", float("inf")),
        ("40 ips", "ips", 40.0),
        ("7.5 W", "W", 7.5),
        ("350mW", "W", 0.35),
        ("5 nJ/bit", "J/bit", 5e-9),
        ("2 kJ", "J", 2000.0),
        ("3 %", "1", 0.03),
        ("0.03", "1", 0.03),
    ],
)
def test_quantities_become_si(text: str, unit: str, value: float) -> None:
    assert parse_quantity(text, unit) == pytest.approx(value, rel=1e-15)


@pytest.mark.parametrize("text", ["", "fast", "10 mbps", "10 MB", "1,5 Mbps", "nan", "10 Mbps x", "1e", "0x10", "1\n2"])
def test_what_is_no_rate_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(ValueError, match="is not a quantity in bps") as refused:
        parse_quantity(text, "bps")
    assert "\n" not in str(refused.value)


def test_the_suffix_promises_the_unit() -> None:
    names = ["uplink_bps", "gamma_s", "size_bytes", "rate_ips", "beta", "s", "bytes", "gpus", "idle_w", "gpu_1"]
    assert [unit_of(name) for name in names] == ["bps", "s", "bytes", "ips", None, None, None, None, "W", None]


@given(st.floats(1e-6, 1e12), st.sampled_from(["s", "bps", "bytes", "J"]))
def test_what_is_written_for_people_reads_back_to_three_digits(value: float, unit: str) -> None:
    assert parse_quantity(format_quantity(value, unit), unit) == pytest.approx(value, rel=5.1e-3)


def test_errors_are_one_line_with_place_and_remedy() -> None:
    assert str(InputError("is\nwrong", where="a.yaml:3", remedy="correct  it")) == "a.yaml:3: is wrong; correct it"
    assert str(ConfigError("is wrong")) == "is wrong"
    assert suggest("campsu", ["campus", "traffic"]) == "did you mean 'campus'?"
    assert suggest("x", []) == "none is known"


def inside(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# --- finding -----------------------------------------------------------------------------------------------------


def test_a_file_is_found_by_path_then_in_the_users_folder_then_bundled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    suffixes = (".yaml",)
    bundled = files.find("jetson_tx1", "hardware_profiles", suffixes)
    assert bundled.is_relative_to(files.bundled("hardware_profiles"))
    own = tmp_path / "hardware_profiles" / "deep" / "jetson_tx1.yaml"
    own.parent.mkdir(parents=True)
    own.touch()
    assert files.find("jetson_tx1", "hardware_profiles", suffixes, config_dir=tmp_path) == own
    assert files.find("jetson_tx2", "hardware_profiles", suffixes, config_dir=tmp_path) == bundled.with_stem(
        "jetson_tx2"
    )
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here.yaml").touch()
    assert files.find("here.yaml", "hardware_profiles", suffixes) == Path("here.yaml")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("jetson_tx3", "there is no 'jetson_tx3' in hardware_profiles; did you mean"),
        ("nowhere/x.yaml", "nowhere/x.yaml: no such file; give the path of a file that ends in .yaml"),
    ],
)
def test_what_is_not_found_is_the_error_asked_for(name: str, message: str) -> None:
    with pytest.raises(TraceError) as refused:
        files.find(name, "hardware_profiles", (".yaml",), error=TraceError)
    assert str(refused.value).startswith(message)


# --- reading YAML ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a: &x [1]\nb: *x\n", ":2: YAML aliases are not allowed"),
        (b"a: 1\nb: 2\na: 3\n", ":3: key 'a' stands twice"),
        (b"a: {b: 1, b: 2}\n", ":1: key 'b' stands twice"),
        (b"a: [1\nb: 2\n", ":2: not valid YAML"),
        (b"a: !!python/object/apply:os.system [true]\n", ":1: not valid YAML"),
        (b"a: \xff\n", ": cannot be read: not UTF-8 text"),
        (b"a: 1\n" + b"#" * 2**20, ": a YAML file may have at most 1 MiB"),
        (b"a: 1\n---\nb: 2\n", ":2: not valid YAML"),
    ],
)
def test_yaml_that_nobody_should_trust(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as refused:
        files.read_yaml(path, ConfigError)
    assert str(refused.value).startswith(f"{path}{message}")


def test_a_billion_laughs_cost_nothing(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 10)]
    path.write_text("\n".join(lines))
    with pytest.raises(InputError, match="aliases"):
        files.read_yaml(path)


def test_plain_yaml_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("a: {b: [1, 2.5, x, null, true]}\n")
    assert files.read_yaml(path) == {"a": {"b": [1, 2.5, "x", None, True]}}
    with pytest.raises(InputError, match="cannot be read: No such file"):
        files.read_yaml(tmp_path / "y.yaml")


# --- writing -----------------------------------------------------------------------------------------------------


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "new" / "x.txt"
    with files.atomic_file(target) as draft:
        draft.write_text("first")
        assert draft.suffix == target.suffix
        assert not target.exists()
    with pytest.raises(ZeroDivisionError), files.atomic_file(target) as draft:
        draft.write_text("second")
        raise ZeroDivisionError
    assert target.read_text() == "first"
    assert inside(target.parent) == ["x.txt"]


def test_an_interrupted_write_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), files.atomic_file(tmp_path / "x"):
        raise KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt), files.atomic_directory(tmp_path / "y") as draft:
        (draft / "part").touch()
        raise KeyboardInterrupt
    assert inside(tmp_path) == []


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    target = tmp_path / "result"
    for content in ("old", "new"):
        with files.atomic_directory(target) as draft:
            (draft / content).write_text(content)
    assert inside(target) == ["new"]
    with pytest.raises(ZeroDivisionError), files.atomic_directory(target):
        raise ZeroDivisionError
    assert inside(target) == ["new"]
    assert inside(tmp_path) == ["result"]


def test_modes_follow_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        with files.atomic_file(tmp_path / "x"):
            pass
        with files.atomic_directory(tmp_path / "y"):
            pass
    finally:
        os.umask(before)
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in "xy"] == [0o640, 0o750]


@pytest.mark.parametrize("write", [files.atomic_file, files.atomic_directory])
def test_a_place_that_cannot_be_written_to_is_named(tmp_path: Path, write: object) -> None:
    (tmp_path / "file").touch()
    target = tmp_path / "file" / "x"
    with pytest.raises(OutputError) as refused, write(target):  # type: ignore[operator]
        pass
    assert str(refused.value).startswith(f"{target}: cannot be written: ")
    assert inside(tmp_path) == ["file"]


def test_digests_tell_files_apart(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1")
    (tmp_path / "b").write_bytes(b"2")
    assert files.digest(tmp_path / "a") != files.digest(tmp_path / "b")
    assert len(files.digest(tmp_path / "a")) == 32


def test_digests_go_by_file_name_and_never_hide_one_another(tmp_path: Path) -> None:
    for name in ("a/x.yaml", "b/x.yaml", "c/y.yaml"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(name)
    paths = {name: tmp_path / name for name in ("c/y.yaml", "b/x.yaml", "a/x.yaml")}
    found = files.digests(paths)
    assert list(found) == ["a/x.yaml", "b/x.yaml", "y.yaml"]
    assert found["b/x.yaml"] == files.digest(tmp_path / "b/x.yaml") != found["a/x.yaml"]
    assert files.digests({"one": paths["c/y.yaml"], "another": paths["c/y.yaml"]}) == {"y.yaml": found["y.yaml"]}
