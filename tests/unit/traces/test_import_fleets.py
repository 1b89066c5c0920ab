"""Fleets from FedScale and FLASH: published layouts worked out by hand, and one line about the first bad client."""

from __future__ import annotations

import dataclasses
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simedge.errors import OutputError, TraceError
from simedge.traces.fleet import Availability, Capacities
from simedge.traces.importers.catalog import import_files

Command = Callable[..., tuple[int, str, str]]

# Entries of the published files: capacity of client 432802, and availability of 3834, 107740 and 107741.
CAPACITY = {
    432802: {"computation": 162.0, "communication": 5648.109619499134},
    7: {"computation": 8, "communication": 300},
}
AVAILABILITY = {
    3834: {
        "duration": 211625,
        "inactive": [65881, 133574, 208292, 276575, 295006, 356236, 400906, 475099],
        "finish_time": 518400,
        "active": [12788, 100044, 188992, 271372, 276663, 352625, 356267, 441193],
        "model": "CPH1801",
    },
    107740: {
        "duration": 1,
        "inactive": [88494, 93284],
        "finish_time": 518400,
        "active": [88494, 93283],
        "model": "SM-G611MT",
    },
    107741: {"duration": 1, "inactive": [39055], "finish_time": 172800, "active": [39054], "model": "SM-J730GM"},
}


def dumped(folder: Path, data: object, protocol: int = 4) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "fleet"
    file.write_bytes(pickle.dumps(data, protocol))
    return file


def refused(command: Command, kind: str, file: Path, folder: Path, *settings: str) -> str:
    """What is said when an import fails as it should."""
    folder.mkdir()
    code, printed, err = command("trace", "import", kind, str(file), *settings, "-o", str(folder / "x.parquet"))
    assert (code, printed) == (2, "")
    assert err.count("\n") == 1
    assert list(folder.iterdir()) == []
    return err


def intervals(table: Availability) -> list[list[tuple[float, float]]]:
    both = list(zip(table.active_s.tolist(), table.inactive_s.tolist(), strict=True))
    return [both[start:end] for start, end in zip(table.first[:-1], table.first[1:], strict=True)]


# ---------------------------------------------------------------------------------------------- FedScale


@pytest.mark.parametrize("protocol", range(6))
def test_capacities_of_fedscale_are_in_si(command: Command, tmp_path: Path, protocol: int) -> None:
    file, out = dumped(tmp_path, CAPACITY, protocol), tmp_path / "capacity.parquet"
    code, said, err = command("trace", "import", "fedscale_capacity", str(file), "-o", str(out))
    assert (code, said, err) == (0, f"{out}: capacities of 2 clients\n", "")
    table = Capacities.read(out)
    assert table.clients == ("432802", "7")
    assert table.forward_s_per_sample.tolist() == [0.162, 0.008]
    assert table.down_bps.tolist() == pytest.approx([5648109.619499134, 300e3], rel=1e-15)
    assert table.up_bps.tolist() == table.down_bps.tolist()
    assert table.down_sd_bps.tolist() == table.up_sd_bps.tolist() == [0.0, 0.0]


def test_availability_of_fedscale_is_in_seconds_and_repeats(command: Command, tmp_path: Path) -> None:
    file, out = dumped(tmp_path, AVAILABILITY), tmp_path / "availability.parquet"
    code, said, err = command("trace", "import", "fedscale_availability", str(file), "-o", str(out))
    assert (code, err) == (0, "")
    assert said.startswith(f"{out}: availability of 3 clients, 10 intervals, ")
    assert said.endswith("; dropped 1 without length\n")
    table = Availability.read(out)
    assert table.clients == ("3834", "107740", "107741")
    assert table.models == ("CPH1801", "SM-G611MT", "SM-J730GM")
    assert table.start_s.tolist() == [0.0, 0.0, 0.0]
    assert table.period_s.tolist() == [518400.0, 518400.0, 172800.0]
    found = intervals(table)
    assert found[0][0] == (12788.0, 65881.0)
    assert found[1:] == [[(93283.0, 93284.0)], [(39054.0, 39055.0)]]
    published = [entry["duration"] / entry["finish_time"] for entry in AVAILABILITY.values()]
    assert table.share().tolist() == pytest.approx(published, rel=1e-12)


def test_intervals_that_touch_are_one_and_a_client_may_never_be_there(tmp_path: Path) -> None:
    entry = {"duration": 0, "finish_time": 10, "model": ""}
    data = {"a": {**entry, "active": [1, 2, 5], "inactive": [2, 4, 6]}, "b": {**entry, "active": [], "inactive": []}}
    made = import_files("fedscale_availability", [dumped(tmp_path, data)], {})
    assert intervals(made.table) == [[(1.0, 4.0), (5.0, 6.0)], []]
    assert made.table.share().tolist() == [0.4, 0.0]


@given(
    st.dictionaries(
        st.integers(0, 10**6),
        st.tuples(st.lists(st.integers(0, 5000), max_size=12, unique=True).map(sorted), st.integers(5000, 10**6)),
        min_size=1,
        max_size=8,
    )
)
def test_time_there_is_neither_lost_nor_made(
    tmp_path_factory: pytest.TempPathFactory, drawn: dict[int, tuple[list[int], int]]
) -> None:
    data: dict[int, Any] = {}
    for client, (times, finish) in drawn.items():
        inactive = times[1::2]
        active = times[::2][: len(inactive)]
        duration = sum(inactive) - sum(active)
        data[client] = {
            "duration": duration,
            "finish_time": finish,
            "active": active,
            "inactive": inactive,
            "model": "m",
        }
    folder = tmp_path_factory.mktemp("fleet")
    made = import_files("fedscale_availability", [dumped(folder, data)], {})
    made.table.write(folder / "x.parquet")
    back = Availability.read(folder / "x.parquet")
    assert back.clients == tuple(map(str, data))
    expected = [entry["duration"] / entry["finish_time"] for entry in data.values()]
    assert back.share().tolist() == pytest.approx(expected, abs=1e-12)
    for name in ("start_s", "period_s", "first", "active_s", "inactive_s"):
        assert np.array_equal(getattr(back, name), getattr(made.table, name))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ([], "fleet: is no dictionary of clients"),
        ({}, "fleet: is no dictionary of clients"),
        ({1: CAPACITY[7], 2: 5}, "client 2: is no dictionary but int"),
        ({1: {"computation": 1.0}}, "client 1: lacks 'communication'"),
        ({1: {**CAPACITY[7], "cpu": 3}}, "client 1: has the unknown key 'cpu'"),
        ({1: {"computation": "fast", "communication": 1}}, "client 1: computation: is no number but str"),
        ({1: {"computation": True, "communication": 1}}, "client 1: computation: is no number but bool"),
        ({1: {"computation": 0, "communication": 1}}, "client 1: computation: '0' is not a finite number > 0"),
        ({1: {"computation": 1, "communication": -2.5}}, "client 1: communication: '-2.5' is not a finite number > 0"),
        ({1: {"computation": float("nan"), "communication": 1}}, "client 1: computation: 'nan' is not a finite"),
        ({1: {"computation": 1, "communication": float("inf")}}, "client 1: communication: 'inf' is not a finite"),
        ({1: {"computation": 10**400, "communication": 1}}, "is no well-formed pickle of plain data: a whole number"),
        ({" x": CAPACITY[7]}, "client ' x': the name ' x' has blanks around it"),
        ({3: CAPACITY[7], "3": CAPACITY[7]}, "client '3': stands twice, as a number and as a text"),
        ({1.5: CAPACITY[7]}, "is no well-formed pickle of plain data: a key is a float"),
    ],
)
def test_a_malformed_capacity_names_the_client(command: Command, tmp_path: Path, data: object, said: str) -> None:
    assert said in refused(command, "fedscale_capacity", dumped(tmp_path, data), tmp_path / "out")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"active": [1, 5, 9]}, "3 times in active, 2 in inactive"),
        ({"active": [4, 5]}, "active at 4 after inactive at 3"),
        ({"active": [1, 2]}, "active at 2 before inactive at 3"),
        ({"inactive": [3, 11]}, "inactive at 11 after finish_time 10"),
        ({"active": [-1, 5]}, "active: '-1' is not a finite time >= 0"),
        ({"active": [1, float("nan")]}, "active: 'nan' is not a finite time >= 0"),
        ({"active": [1, None]}, "active: NoneType is not a finite time >= 0"),
        ({"active": [1, [5]]}, "active: list is not a finite time >= 0"),
        ({"active": (1, 5)}, "active: is no list but tuple"),
        ({"finish_time": 0}, "finish_time: '0' is not a finite number > 0"),
        ({"finish_time": None}, "finish_time: is no number but NoneType"),
        ({"duration": "long"}, "duration: str is not a finite time >= 0"),
        ({"model": 5}, "model: is no name"),
        ({"model": "a\nb"}, "model: is no name"),
        ({"battery": 1}, "has the unknown key 'battery'"),
    ],
)
def test_a_malformed_availability_names_the_client(
    command: Command, tmp_path: Path, change: dict[str, object], said: str
) -> None:
    entry = {"duration": 4, "active": [1, 5], "inactive": [3, 7], "finish_time": 10, "model": "m"}
    file = dumped(tmp_path, {"good": entry, "bad": {**entry, **change}})
    err = refused(command, "fedscale_availability", file, tmp_path / "out")
    assert err.startswith(f"simedge: {file}: client 'bad': {said}")


def test_fleets_are_capped(command: Command, tmp_path: Path) -> None:
    file = dumped(tmp_path, AVAILABILITY)
    for most, said in ((2, "fleet: has more than 2 clients"), (9, "client 107740: has more than 9 intervals")):
        err = refused(command, "fedscale_availability", file, tmp_path / f"out_{most}", f"rows_max={most}")
        assert said in err
    assert "fedscale_capacity: 2 files, not 1" in refused(
        command, "fedscale_capacity", file, tmp_path / "out", str(file)
    )


# ---------------------------------------------------------------------------------------------- FLASH

SPEEDS = {
    "e6899215-86a1-4b87-b938-49bf4cd299be": {
        "down_u": 7491.4,
        "down_sigma": 3369.2984195526524,
        "up_u": 4935.2,
        "up_sigma": 2767.319309367822,
    },
    "44ee7bdc-3ada-3237-87a9-02e45c6bc3e6": {"down_u": 5125, "down_sigma": 0, "up_u": 3729.75, "up_sigma": 461.5},
}

# Charging and on Wi-Fi from 23:30, locked from 23:50; Wi-Fi fails for a minute; unlocked at 07:00; the log ends 08:00.
NIGHT = """\
2020-01-29 22:00:00\tscreen_on
2020-01-29 22:00:00\t83.0%
2020-01-29 23:00:00\tWIFI
2020-01-29 23:30:00\tbattery_charged_on
2020-01-29 23:40:00\tscreen_off
2020-01-29 23:50:00\tscreen_lock
2020-01-30 02:00:00\t4G
2020-01-30 02:01:00\twifi
2020-01-30 06:50:00\tscreen_on
2020-01-30 07:00:00\tscreen_unlock
2020-01-30 08:00:00\tbattery_charged_off
"""
NEVER = "2020-01-28 12:00:00\tscreen_off\n2020-01-30 12:00:00\tUnknown\n"


def written(folder: Path, data: object) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "fleet.json"
    file.write_text(data if isinstance(data, str) else json.dumps(data), encoding="utf-8")
    return file


def hours(*times: float) -> list[float]:
    return [time * 3600.0 for time in times]


def test_speeds_of_flash_are_in_bit_per_second(command: Command, tmp_path: Path) -> None:
    file, out = written(tmp_path, SPEEDS), tmp_path / "capacity.parquet"
    code, said, err = command("trace", "import", "flash_speeds", str(file), "-o", str(out))
    assert (code, said, err) == (0, f"{out}: capacities of 2 clients\n", "")
    table = Capacities.read(out)
    assert table.clients == tuple(SPEEDS)
    assert np.isnan(table.forward_s_per_sample).all()
    assert table.down_bps.tolist() == pytest.approx([59_931_200.0, 41_000_000.0])
    assert table.up_bps.tolist() == pytest.approx([39_481_600.0, 29_838_000.0])
    assert table.down_sd_bps.tolist() == pytest.approx([26_954_387.356421, 0.0])


def test_speeds_of_flash_with_the_training_time_of_a_device(tmp_path: Path) -> None:
    file = written(tmp_path, SPEEDS)
    settings = {"task": "femnist", "device": "redmi_note_7_pro", "unit": "kbps"}
    table = import_files("flash_speeds", [file], settings).table
    assert isinstance(table, Capacities)
    assert table.forward_s_per_sample.tolist() == pytest.approx([0.0196, 0.0196])  # 588 ms a batch of 10, a third
    assert table.down_bps[1] == 5_125_000.0
    table = import_files("flash_speeds", [file], {"task": "reddit", "device": "pixel_4", "batch": "5"}).table
    assert isinstance(table, Capacities)
    assert table.forward_s_per_sample[0] == pytest.approx(0.5277 / 15)


def test_a_device_of_flash_is_there_while_it_is_locked_charging_and_on_wifi(command: Command, tmp_path: Path) -> None:
    data = {
        "681": {"guid": "g", "model": "MI 8", "messages": NIGHT},
        "2": {"guid": "h", "model": "", "messages": NEVER},
    }
    file, out = written(tmp_path, data), tmp_path / "availability.parquet"
    code, said, err = command("trace", "import", "flash_availability", str(file), "-o", str(out))
    assert (code, err) == (0, "")
    assert said.startswith(f"{out}: availability of 2 clients, 2 intervals, ")
    table = Availability.read(out)
    assert (table.clients, table.models) == (("681", "2"), ("MI 8", ""))
    assert table.start_s.tolist() == hours(24 + 22, 12)  # since midnight before the 28th
    assert table.period_s.tolist() == hours(10, 48)
    day = 24.0
    assert intervals(table) == [
        [tuple(hours(day + 23 + 50 / 60, 2 * day + 2)), tuple(hours(2 * day + 2 + 1 / 60, 2 * day + 7))],
        [],
    ]


@pytest.mark.parametrize(
    ("idle", "expected"),
    [
        ("screen_off", [(23 + 40 / 60, 26), (26 + 1 / 60, 30 + 50 / 60)]),
        ("either", [(23 + 40 / 60, 26), (26 + 1 / 60, 31)]),
    ],
)
def test_what_idle_means_can_be_said(tmp_path: Path, idle: str, expected: list[tuple[float, float]]) -> None:
    file = written(tmp_path, {"1": {"messages": NIGHT}})
    table = import_files("flash_availability", [file], {"idle": idle}).table
    assert isinstance(table, Availability)
    assert np.allclose(intervals(table)[0], [hours(*pair) for pair in expected], rtol=0, atol=1e-6)


def test_events_out_of_order_are_put_in_order_and_an_open_interval_ends_with_the_log(tmp_path: Path) -> None:
    log = "2020-01-02 00:00:20\tscreen_lock\n2020-01-02 00:00:10\twifi\n2020-01-02 00:00:00\tbattery_charged_on\n"
    file = written(tmp_path, {"1": {"messages": log + "\n2020-01-02 00:01:00\t5.0%\n"}})
    table = import_files("flash_availability", [file], {}).table
    assert isinstance(table, Availability)
    assert intervals(table) == [[(20.0, 60.0)]]


def test_broken_logs_can_be_dropped(tmp_path: Path) -> None:
    data = {"1": {"messages": "garbage"}, "2": {"messages": NIGHT}, "3": {}, "4": {"messages": NIGHT.splitlines()[0]}}
    made = import_files("flash_availability", [written(tmp_path, data)], {"broken": "drop"})
    assert isinstance(made.table, Availability)
    assert made.table.clients == ("2",)
    assert made.dropped == {"broken": 3}


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("", "fleet.json:1: is no JSON"),
        ('{"a": {\n"down_u": 1,,\n}}', "fleet.json:2: is no JSON"),
        ("[" * 200_000, "fleet.json: is nested too deep"),
        ([], "fleet.json: is no dictionary of devices"),
        ({}, "fleet.json: is no dictionary of devices"),
        ({"a": 1.0}, "client 'a': is no dictionary but float"),
        ({"a": {"down_u": 1, "down_sigma": 1, "up_u": 1}}, "client 'a': lacks 'up_sigma'"),
        ({"a": {**SPEEDS["44ee7bdc-3ada-3237-87a9-02e45c6bc3e6"], "rtt": 1}}, "client 'a': has the unknown key 'rtt'"),
        ('{"a": {"down_u": NaN}}', "NaN is no number of JSON"),
        ('{"a": {}, "a": {}}', "key 'a' stands twice"),
        ({"a": {"down_u": 0, "down_sigma": 1, "up_u": 1, "up_sigma": 1}}, "client 'a': down_u: '0.0' is not a finite"),
        ({"a": {"down_u": 1, "down_sigma": -1, "up_u": 1, "up_sigma": 1}}, "client 'a': down_sigma: '-1.0' is not"),
        ({"a": {"down_u": "1", "down_sigma": 1, "up_u": 1, "up_sigma": 1}}, "client 'a': down_u: is no number but str"),
        ('{"a": {"down_u": 1e999, "down_sigma": 1, "up_u": 1, "up_sigma": 1}}', "client 'a': down_u: 'inf' is not"),
        ({"": {"down_u": 1, "down_sigma": 1, "up_u": 1, "up_sigma": 1}}, "client '': a name is empty"),
    ],
)
def test_malformed_speeds_name_the_client(command: Command, tmp_path: Path, data: object, said: str) -> None:
    assert said in refused(command, "flash_speeds", written(tmp_path, data), tmp_path / "out")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (["task=femnist"], "device: device= is missing; task and device go together"),
        (["device=pixel_4"], "task: task= is missing; task and device go together"),
        (["task=imagenet", "device=pixel_4"], "task: there is no task 'imagenet'"),
        (["unit=MBps"], "unit: there is no unit 'MBps'; did you mean 'kBps'?"),
        (["batch=0"], "batch: '0' is not a whole number from 1"),
        (["fps=25"], "this kind of import has no key 'fps'"),
    ],
)
def test_a_wrong_setting_of_speeds_is_one_line(
    command: Command, tmp_path: Path, settings: list[str], said: str
) -> None:
    assert said in refused(command, "flash_speeds", written(tmp_path, SPEEDS), tmp_path / "out", *settings)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (5, "is no dictionary but float"),
        ({}, "has no text in 'messages'"),
        ({"messages": ["2020-01-01 00:00:00\twifi"]}, "has no text in 'messages'"),
        ({"messages": ""}, "its log has no length"),
        ({"messages": "2020-01-01 00:00:00\twifi\n2020-01-01 00:00:00\t2G"}, "its log has no length"),
        ({"messages": NIGHT + "2020-01-30 09:00:00 wifi"}, "line 12: '2020-01-30 09:00:00 wifi' has no tab"),
        ({"messages": "2020-02-30 09:00:00\twifi"}, "line 1: '2020-02-30 09:00:00' is no time"),
        ({"messages": "2020-01-30 24:00:00\twifi"}, "line 1: '2020-01-30 24:00:00' is no time"),
        ({"messages": "\n1580000000\twifi"}, "line 2: '1580000000' is no time"),
        ({"messages": "2020-01-30T09:00:00\twifi"}, "line 1: '2020-01-30T09:00:00' is no time"),
        ({"messages": "2020-01-30 09:00:00\tphone_melts"}, "line 1: event 'phone_melts' is unknown"),
        ({"messages": "2020-01-30 09:00:00\t-3%"}, "line 1: event '-3%' is unknown"),
        ({"messages": NIGHT, "model": 8}, "model: is no name"),
        ({"messages": NIGHT, "model": "\0"}, "model: is no name"),
    ],
)
def test_a_malformed_log_names_the_client_and_the_line(
    command: Command, tmp_path: Path, entry: object, said: str
) -> None:
    file = written(tmp_path, {"good": {"messages": NIGHT}, "bad": entry})
    err = refused(command, "flash_availability", file, tmp_path / "out")
    assert err.startswith(f"simedge: {file}: client 'bad': {said}")


# ---------------------------------------------------------------------------------------------- the tables


def table() -> Availability:
    return Availability(("a", "b"), ("m", ""), [0, 5], [10, 10], [0, 2, 3], [0, 5, 6], [4, 10, 15])


def test_a_table_has_a_schema_with_units_and_equal_bytes(tmp_path: Path) -> None:
    for name in ("1", "2"):
        table().write(tmp_path / f"{name}.parquet")
    assert (tmp_path / "1.parquet").read_bytes() == (tmp_path / "2.parquet").read_bytes()
    schema = pq.read_schema(tmp_path / "1.parquet")
    assert schema.names == ["client", "model", "start_s", "period_s", "active_s", "inactive_s"]
    assert [schema.field(name).metadata[b"unit"] for name in schema.names] == [b"", b"", b"s", b"s", b"s", b"s"]
    assert schema.metadata[b"simedge.table"] == b"fleet_availability"
    with pytest.raises(OutputError, match=r"end the name in \.parquet"):
        table().write(tmp_path / "x.csv")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"clients": ("a", "a")}, "a name stands twice"),
        ({"clients": ("a", "")}, "client: a name is empty"),
        ({"models": ("m",)}, "model: must be a column of 2 rows"),
        ({"start_s": [0, -1]}, "client b: start_s is not a finite time >= 0"),
        ({"period_s": [0, 10]}, "client a: period_s is not a finite time > 0"),
        ({"first": [0, 3, 2]}, "first: must ascend from 0 to 3"),
        ({"active_s": [0, 3, 6]}, "client a: intervals do not ascend inside the recording"),
        ({"active_s": [0, 4, 6]}, "client a: intervals do not ascend"),
        ({"inactive_s": [4, 10, 16]}, "client b: intervals do not ascend inside the recording"),
        ({"inactive_s": [4, 10, float("nan")]}, "client b: intervals do not ascend"),
        ({"inactive_s": [4, 10]}, "inactive_s: must be a column of 3 rows"),
    ],
)
def test_a_table_cannot_be_built_wrong(change: dict[str, object], said: str) -> None:
    good = table()
    given = {name: getattr(good, name) for name in (field.name for field in dataclasses.fields(good))}
    with pytest.raises(ValueError, match=said):
        Availability(**{**given, **change})


def test_a_file_that_is_no_such_table_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    table().write(path)
    with pytest.raises(TraceError, match="is no table of kind fleet_capacity"):
        Capacities.read(path)
    good = pq.read_table(path)
    for changed, said in (
        (good.drop_columns(["model"]), "has other columns"),
        (good.set_column(2, "start_s", pa.array(["0", "5"])), "column 'start_s' is of type string"),
        (good.set_column(4, "active_s", pa.array([[0.0], [6.0]])), "client a: not as many beginnings as ends"),
        (good.set_column(4, "active_s", pa.array([[0.0, 5.0], None])), "active_s: has no value"),
        (good.set_column(4, "active_s", pa.array([[0.0, None], [6.0]])), "client a: intervals do not ascend"),
        (good.set_column(0, "client", pa.array(["a", None])), "client: has no value"),
        (good.slice(0, 0), "has no client"),
        (good.replace_schema_metadata({"simedge.table": "fleet_availability"}), "has another schema version"),
    ):
        pq.write_table(changed, path)
        with pytest.raises(TraceError, match=said):
            Availability.read(path)
    path.write_bytes(b"PAR1 and no more")
    with pytest.raises(TraceError, match="not a readable Parquet file"):
        Availability.read(path)
