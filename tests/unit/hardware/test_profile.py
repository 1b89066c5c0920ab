from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from simedge.errors import ProfileError
from simedge.hardware.latency import LatencyTable
from simedge.hardware.profile import read_device, read_link
from simedge.policies.video.pipeline import Pipeline
from simedge.systems.video.capacity import capacity_ips

DEVICES = ("jetson_tx1", "jetson_tx2", "titan_x")


@pytest.mark.parametrize(
    ("device", "latency_ms"),
    [
        ("jetson_tx1", {1: 11.0, 8: 70.2, 16: 138, 32: 273, 64: 544}),
        ("jetson_tx2", {1: 7.9, 8: 50.3, 16: 98.7, 32: 196, 64: 389}),
        ("titan_x", {1: 1.80, 8: 10.2, 16: 19.8, 32: 39.1, 64: 77.5}),
    ],
)
def test_shipped_devices_have_the_published_batch_latencies(device: str, latency_ms: dict[int, float]) -> None:
    """Latency of a classifier of cost 8 over batch size, as docs/hardware.md states it."""
    table = read_device(device).table("pb", 8.0, 64)
    for items, expected in latency_ms.items():
        assert table.latency_s(items) * 1e3 == pytest.approx(expected, rel=6e-3)


@pytest.mark.parametrize(
    ("device", "batch", "expected_ips"), [("jetson_tx1", 8, 48.0), ("jetson_tx2", 8, 67.0), ("titan_x", 32, 345.0)]
)
def test_nominal_capacities_of_the_campus_mix(small_scenario, device: str, batch: int, expected_ips: float) -> None:
    pipeline = small_scenario.campus.pipeline()
    tables = [read_device(device).table(name, cost, batch) for name, cost in pipeline.costs.items()]
    assert capacity_ips(pipeline, small_scenario.campus_mix, tables, batch) == pytest.approx(expected_ips, abs=0.5)


def test_capacity_by_hand() -> None:
    """A and B cost 0.1 s + 0.2 s per item and 0.1 s + 0.1 s per item; half of the units skip B; batches of 4."""
    pipeline = Pipeline({"A": 1.0, "B": 1.0}, {"short": ("A",), "long": ("A", "B")})
    tables = [LatencyTable(0.1, 0.2, 8), LatencyTable(0.1, 0.1, 8)]
    assert capacity_ips(pipeline, {"short": 3.0, "long": 3.0}, tables, 4) == pytest.approx(1 / (0.225 + 0.0625))


def test_shipped_links() -> None:
    ethernet = read_link("fast_ethernet")
    assert (ethernet.rate_bps, ethernet.call_units, ethernet.contended) == (1e7, 20, True)
    assert ethernet.call_s == pytest.approx(1.74e-3, rel=1e-12)
    backbone = read_link("ten_gigabit")
    assert (backbone.rate_bps, backbone.call_s, backbone.contended) == (1e10, 0.0, False)


def test_a_measured_classifier_goes_before_the_general_table(tmp_path: Path) -> None:
    profile = device()
    profile["inference"]["classifiers"] = {"pb": {"latency": {1: 3.0, 4: 9.0}, **ABOUT, "unit": "ms"}}
    found = read_device(str(write(tmp_path, profile)))
    assert found.table("pb", 8.0, 4).latency_s(4) == pytest.approx(9e-3, rel=1e-12)
    assert found.table("pb", 8.0, 4).latency_s(1) == pytest.approx(3e-3, rel=1e-12)
    assert found.table("pg", 8.0, 4).latency_s(2) == pytest.approx(8 * (1e-3 + 2 * 2e-3), rel=1e-12)
    with pytest.raises(ProfileError, match=r"up to batches of 4, not 5"):
        found.table("pb", 8.0, 5)


def test_fit_goes_through_exact_lines_and_never_below_the_origin() -> None:
    line = LatencyTable.fit([1, 2, 8], [0.3, 0.4, 1.0])
    assert (line.fixed_s, line.per_item_s, line.batch_max) == (pytest.approx(0.2), pytest.approx(0.1), 8)
    single = LatencyTable.fit([4], [0.8])
    assert (single.fixed_s, single.per_item_s, single.batch_max) == (0.0, pytest.approx(0.2), 4)
    bent = LatencyTable.fit([1, 2], [0.1, 0.3])  # a free line would start at -0.1
    assert bent.fixed_s == 0.0
    slopes = [1 / 0.1, 2 / 0.3]  # least squares of p * slope - 1
    assert bent.per_item_s == pytest.approx(sum(slopes) / sum(slope**2 for slope in slopes))


def test_a_fit_counts_relative_deviations() -> None:
    """The normal equations of sum(((f + p x) / y - 1) ** 2): neither residual sum may have a slope."""
    sizes, values = [1, 8, 64], [1.0, 5.0, 36.0]
    line = LatencyTable.fit(sizes, values)
    residuals = [line.latency_s(x) / y - 1 for x, y in zip(sizes, values, strict=True)]
    assert sum(r / y for r, y in zip(residuals, values, strict=True)) == pytest.approx(0, abs=1e-12)
    assert sum(r * x / y for r, x, y in zip(residuals, sizes, values, strict=True)) == pytest.approx(0, abs=1e-12)
    assert line.fixed_s > 0


def test_an_exponent_needs_no_point(tmp_path: Path) -> None:
    """YAML reads 1e-3 as text, 1.0e-3 as a number."""
    text = yaml.safe_dump(device()).replace("value: 1.0", "value: 1e-1").replace("value: 2.0", "value: 3E+0")
    assert yaml.safe_load(text)["inference"]["fixed"]["value"] == "1e-1"
    found = read_device(str(write(tmp_path, text)))
    assert (found.fixed_s, found.per_item_s) == (pytest.approx(1e-4), pytest.approx(3e-3))


CROOKED = {1: 5.0, 8: 6.0, 16: 12.0, 32: 60.0}


def test_a_crooked_table_is_refused_and_its_straight_part_is_not(tmp_path: Path) -> None:
    profile = device()
    profile["inference"]["classifiers"] = {"pb": {"latency": CROOKED, **ABOUT}}
    line = LatencyTable.fit(list(CROOKED), [value / 1e3 for value in CROOKED.values()])
    off = {size: abs(line.latency_s(size) / (value / 1e3) - 1) for size, value in CROOKED.items()}
    worst = max(off, key=lambda size: off[size])
    assert off[worst] > 0.4
    refuse(
        tmp_path,
        read_device,
        profile,
        f"inference.classifiers.pb.latency: at batch {worst} the nearest line",
        f"is {off[worst]:.0%} off",
        "within 10% of a line; leave out batch sizes",
    )
    for straight in ({1: 5.0, 8: 6.0}, {1: 1.0, 2: 2.1, 4: 3.9, 8: 8.5}):
        profile["inference"]["classifiers"]["pb"]["latency"] = straight
        table = read_device(str(write(tmp_path, profile))).table("pb", 8.0, 8)
        for size, value in straight.items():
            assert table.latency_s(size) == pytest.approx(value / 1e3, rel=0.1)


def test_a_crooked_table_may_be_a_curve(tmp_path: Path) -> None:
    profile = device()
    profile["inference"]["classifiers"] = {"pb": {"latency": CROOKED, **ABOUT, "interpolation": "monotone"}}
    table = read_device(str(write(tmp_path, profile))).table("pb", 8.0, 32)
    for size, value in CROOKED.items():
        assert table.latency_s(size) == pytest.approx(value / 1e3, rel=1e-12)
    assert 12e-3 < table.latency_s(20) < 60e-3
    with pytest.raises(ProfileError, match="up to batches of 32, not 33"):
        read_device(str(write(tmp_path, profile))).table("pb", 8.0, 33)


def test_spread_and_power_are_read(tmp_path: Path) -> None:
    assert (read_device("titan_x").spread, read_device("titan_x").power) == (0.0, None)
    profile = device()
    profile["inference"]["spread"] = {"value": 3, **ABOUT, "unit": "%"}
    profile["power"] = {"idle": {"value": 1500, **ABOUT, "unit": "mW"}, "busy": {"value": 15, **ABOUT, "unit": "W"}}
    found = read_device(str(write(tmp_path, profile)))
    assert found.spread == pytest.approx(0.03)
    assert found.power is not None
    assert (found.power.idle_w, found.power.busy_w) == (pytest.approx(1.5), 15.0)


def test_energy_per_bit_is_read(tmp_path: Path) -> None:
    assert read_link("fast_ethernet").energy_per_bit is None
    profile = {**link(), "energy_per_bit": {"value": 5, **ABOUT, "unit": "nJ/bit"}}
    assert read_link(str(write(tmp_path, profile))).energy_per_bit == pytest.approx(5e-9)


@pytest.mark.parametrize(
    ("measured", "pipeline", "meant"),
    [
        (["vehicle_colour"], ["kind", "vehicle_color"], "vehicle_color"),
        (["Kind"], ["kind", "vehicle_color"], "kind"),
        (["knd", "vehicle_color"], ["kind", "vehicle_color"], "kind"),
        (["kind"], ["kind", "vehicle_color"], None),
        (["vehicle_colour", "vehicle_color"], ["vehicle_color"], None),  # of another pipeline
        (["stage_1", "stage_5"], ["stage_1", "stage_2"], None),
        (["vehicle_make"], ["vehicle_type"], None),
        (["plate"], ["kind"], None),
    ],
)
def test_a_misspelled_classifier_is_named(
    tmp_path: Path, measured: list[str], pipeline: list[str], meant: str | None
) -> None:
    profile = device()
    profile["inference"]["classifiers"] = {name: {"latency": {1: 3.0, 4: 9.0}, **ABOUT} for name in measured}
    found = read_device(str(write(tmp_path, profile)))
    if meant is None:
        found.check_names(pipeline)
        return
    with pytest.raises(ProfileError, match=f"no classifier '{measured[0]}', but '{meant}' is not measured; write"):
        found.check_names(pipeline)


def test_the_example_of_the_documentation_loads(tmp_path: Path) -> None:
    text = (Path(__file__).parents[3] / "docs" / "hardware.md").read_text(encoding="utf-8")
    example = text.split("```yaml\n")[1].split("```")[0]
    found = read_device(str(write(tmp_path, example)))
    assert (found.name, found.batch_max) == ("orin", 32)
    for name, latency_ms in {"kind": {1: 1.3, 8: 8.1, 32: 31.0}, "vehicle_type": {1: 5.9, 8: 36.5, 32: 141}}.items():
        for items, expected in latency_ms.items():
            assert found.table(name, 8.0, 32).latency_s(items) * 1e3 == pytest.approx(expected, rel=0.05)
    assert found.table("person_gender", 8.0, 8).latency_s(8) * 1e3 == pytest.approx(8 * (0.11 + 8 * 0.32))
    more = yaml.safe_load(text.split("```yaml\n")[2].split("```")[0])
    whole = yaml.safe_load(example)
    whole["inference"] |= more.pop("inference")
    found = read_device(str(write(tmp_path, whole | more)))
    assert (found.spread, found.power) == (0.03, (1.9, 7.4))
    assert found.table("kind", 3.0, 16).latency_s(8) == pytest.approx(4.4e-3)


@pytest.mark.parametrize("name", DEVICES)
def test_a_batch_beyond_what_was_profiled_is_refused(name: str) -> None:
    with pytest.raises(ProfileError, match=r"up to batches of 64, not 65; choose a smaller batch"):
        read_device(name).table("pb", 8.0, 65)


ABOUT = {"unit": "ms", "kind": "measured", "source": "a test"}


def device() -> dict:
    return {
        "name": "mine",
        "inference": {
            "batch_max": {"value": 64, **ABOUT, "unit": "items"},
            "fixed": {"value": 1.0, **ABOUT},
            "per_item": {"value": 2.0, **ABOUT},
        },
    }


def link() -> dict:
    return {
        "name": "mine",
        "rate": {"value": 10, **ABOUT, "unit": "Mbps"},
        "call": {"value": 1.0, **ABOUT},
        "call_max": {"value": 20, **ABOUT, "unit": "units"},
        "contended": True,
    }


def write(folder: Path, content: object) -> Path:
    path = folder / "mine.yaml"
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return path


def refuse(folder: Path, read, content: object, *parts: str) -> None:
    path = write(folder, content)
    with pytest.raises(ProfileError) as caught:
        read(str(path))
    line = str(caught.value)
    assert "\n" not in line and line.startswith(str(path)) and ";" in line  # where, what; remedy
    for part in parts:
        assert part in line, line


REMOVE = object()


def curved(latency: dict[int, float], how: str) -> dict:
    return {"pb": {"latency": latency, **ABOUT, "interpolation": how}}


def watts(value: float) -> dict:
    return {"value": value, **ABOUT, "unit": "W"}


@pytest.mark.parametrize(
    ("keys", "value", "parts"),
    [
        ("inference.fixed.unit", REMOVE, ["inference.fixed.unit: missing"]),
        ("inference.fixed.kind", REMOVE, ["inference.fixed.kind: missing"]),
        ("inference.fixed.source", REMOVE, ["inference.fixed.source: missing"]),
        ("inference.fixed.value", REMOVE, ["inference.fixed.value: missing"]),
        ("inference.per_item.source", "", ["inference.per_item.source: missing"]),
        ("inference.fixed.kind", "guessed", ["inference.fixed.kind", "'guessed'", "assumed"]),
        ("inference.fixed.unit", "Mbps", ["inference.fixed", "Mbps"]),
        ("inference.fixed.value", "1 ms", ["inference.fixed.value", "not a number"]),
        ("inference.fixed.value", True, ["inference.fixed.value", "not a number"]),
        ("inference.fixed.value", -1.0, ["inference.fixed.value", "out of range"]),
        ("inference.fixed.value", float("nan"), ["inference.fixed"]),
        ("inference.fixed.value", float("inf"), ["inference.fixed", "inf"]),
        ("inference.fixed.note", "x", ["inference.fixed.note: unknown key"]),
        ("inference.fixed", 3, ["inference.fixed: a mapping is needed"]),
        ("inference.per_item.value", 0.0, ["inference.per_item.value", "out of range"]),
        ("inference.per_item", REMOVE, ["inference.per_item: missing"]),
        ("inference.fixed", REMOVE, ["inference.fixed: missing"]),
        ("inference.batch_max", REMOVE, ["inference.batch_max: missing"]),
        ("inference.batch_max.value", 0, ["inference.batch_max.value", "at least 1"]),
        ("inference.batch_max.value", 2.5, ["inference.batch_max"]),
        ("inference.peritem", {"value": 1}, ["inference.peritem: unknown key", "per_item"]),
        ("inference", REMOVE, ["inference: a mapping is needed"]),
        ("infrence", {}, ["infrence: unknown key", "did you mean 'inference'?"]),
        ("inference.classifiers", {"pb": {**ABOUT}}, ["inference.classifiers.pb.latency: a mapping"]),
        ("inference.classifiers", {"pb": {"latency": {}, **ABOUT}}, ["inference.classifiers.pb.latency", "no batch"]),
        ("inference.classifiers", {"pb": {"latency": {0: 1.0}, **ABOUT}}, ["inference.classifiers.pb.latency", "0"]),
        ("inference.classifiers", {"pb": {"latency": {"a": 1.0}, **ABOUT}}, ["'a' is no batch size"]),
        ("inference.classifiers", {"pb": {"latency": {1: -1.0}, **ABOUT}}, ["out of range"]),
        ("inference.classifiers", {"pb": {"latency": {1: 9.0, 8: 2.0}, **ABOUT}}, ["inference.classifiers.pb.latency"]),
        ("inference.classifiers", {"pb": {"latency": {1: 1.0}, "unit": "ms"}}, ["kind: missing"]),
        ("inference.classifiers", {"pb": {"latency": {1: 1.0}, **ABOUT, "cost": 1}}, ["cost: unknown key"]),
        (
            "inference.classifiers",
            curved({1: 1.0, 8: 2.0}, "cubic"),
            ["pb.interpolation: 'cubic' is no choice", "line"],
        ),
        ("inference.classifiers", curved({1: 1.0, 8: 2.0}, "monoton"), ["did you mean 'monotone'?"]),
        ("inference.classifiers", curved({1: 1.0}, "monotone"), ["pb.latency: a monotone curve needs batch size 1"]),
        ("inference.classifiers", curved({4: 1.0, 8: 2.0}, "monotone"), ["needs batch size 1"]),
        ("inference.classifiers", curved({1: 9.0, 8: 2.0}, "monotone"), ["nearest curve that never falls is", "% off"]),
        ("inference.spread", {"value": 3, **ABOUT}, ["inference.spread", "'3 ms' is not a quantity in 1"]),
        ("inference.spread", {"value": -3, **ABOUT, "unit": "%"}, ["inference.spread.value", "out of range"]),
        ("inference.spread", {"value": 2000, **ABOUT, "unit": "%"}, ["inference.spread.value", "above 1000%"]),
        ("inference.spread", 0.03, ["inference.spread: a mapping is needed"]),
        ("power", {"idle": watts(1)}, ["power.busy: missing"]),
        ("power", {"busy": watts(1)}, ["power.idle: missing"]),
        ("power", {"idle": watts(2), "busy": watts(1)}, ["power.busy.value: is less than idle"]),
        ("power", {"idle": watts(-2), "busy": watts(1)}, ["power.idle.value", "out of range"]),
        (
            "power",
            {"idle": watts(1), "busy": {**watts(2), "unit": "J"}},
            ["power.busy", "'2 J' is not a quantity in W"],
        ),
        ("power", {"idle": watts(1), "busy": watts(2), "peak": watts(3)}, ["power.peak: unknown key"]),
        ("power", 15, ["power: a mapping is needed"]),
    ],
)
def test_bad_device_profiles_are_refused_in_one_line(
    tmp_path: Path, keys: str, value: object, parts: list[str]
) -> None:
    refuse(tmp_path, read_device, changed(device(), keys, value), *parts)


@pytest.mark.parametrize(
    ("keys", "value", "parts"),
    [
        ("rate.unit", "ms", ["rate", "bps"]),
        ("rate.value", 0, ["rate.value", "out of range"]),
        ("rate.value", -10, ["rate.value", "out of range"]),
        ("rate.source", REMOVE, ["rate.source: missing"]),
        ("rate", REMOVE, ["rate: missing"]),
        ("call.value", -0.1, ["call.value", "out of range"]),
        ("call_max.value", 0, ["call_max.value", "at least 1"]),
        ("contended", "yes please", ["contended", "write true or false"]),
        ("bandwidth", 3, ["bandwidth: unknown key"]),
        ("energy_per_bit", 5e-9, ["energy_per_bit: a mapping is needed"]),
        ("energy_per_bit", {"value": 5, **ABOUT, "unit": "J"}, ["energy_per_bit", "'5 J' is not a quantity in J/bit"]),
        ("energy_per_bit", {"value": -5, **ABOUT, "unit": "J/bit"}, ["energy_per_bit.value", "out of range"]),
    ],
)
def test_bad_link_profiles_are_refused_in_one_line(tmp_path: Path, keys: str, value: object, parts: list[str]) -> None:
    refuse(tmp_path, read_link, changed(link(), keys, value), *parts)


def test_the_unchanged_profiles_are_accepted(tmp_path: Path) -> None:
    """Else the tables above would prove nothing."""
    found = read_device(str(write(tmp_path, device())))
    assert (found.name, found.fixed_s, found.per_item_s, found.batch_max) == ("mine", 1e-3, 2e-3, 64)
    found = read_link(str(write(tmp_path, link())))
    assert (found.name, found.rate_bps, found.call_s, found.call_units, found.contended) == (
        "mine",
        1e7,
        1e-3,
        20,
        True,
    )


@pytest.mark.parametrize("text", ["", "- 1\n- 2\n", "3", "a: [", "a: &x 1\nb: *x\n", "name: a\nname: b\n"])
def test_what_is_no_profile_at_all_is_refused(tmp_path: Path, text: str) -> None:
    path = write(tmp_path, text)
    for read in (read_device, read_link):
        with pytest.raises(ProfileError) as caught:
            read(str(path))
        assert "\n" not in str(caught.value) and str(path) in str(caught.value)


def test_an_unknown_classifier_is_refused_where_all_are_measured_one_by_one(tmp_path: Path) -> None:
    profile = device()
    del profile["inference"]["fixed"], profile["inference"]["per_item"]
    profile["inference"]["classifiers"] = {"plate": {"latency": {1: 3.0}, **ABOUT}}
    found = read_device(str(write(tmp_path, profile)))
    with pytest.raises(ProfileError) as caught:
        found.table("plates", 8.0, 1)
    line = str(caught.value)
    assert "'plates' is not profiled on mine" in line and "did you mean 'plate'?" in line and "\n" not in line


@pytest.mark.parametrize(("read", "name"), [(read_device, "fast_ethernet"), (read_link, "titan_x")])
def test_a_device_is_no_link(read, name: str) -> None:
    with pytest.raises(ProfileError, match=f"{name!r} is no profile of"):
        read(name)


def test_a_mistyped_name_is_answered_with_the_right_one() -> None:
    with pytest.raises(ProfileError, match="did you mean 'jetson_tx1'"):
        read_device("jetson_tx11")


def changed(profile: dict, keys: str, value: object) -> dict:
    *way, last = keys.split(".")
    place = profile
    for key in way:
        place = place[key]
    if value is REMOVE:
        del place[last]
    else:
        place[last] = value
    return profile
