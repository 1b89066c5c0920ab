"""Bandwidth files: each published layout worked by hand, and one line about the first bad line of what is not one."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simedge.errors import OutputError, TraceError
from simedge.traces import bandwidth
from simedge.traces.bandwidth_readers import read_cooked, read_csv, read_mahimahi, read_per_second
from simedge.traces.schedule import Schedule

Filed = Callable[[str | bytes], Path]


@pytest.fixture
def filed(tmp_path: Path) -> Filed:
    def write(text: str | bytes) -> Path:
        path = tmp_path / "link.txt"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    return write


def rows(schedule: Schedule) -> tuple[list[float], list[float], list[float] | None, float, float]:
    bursts = None if schedule.bursts is None else schedule.bursts.tolist()
    return schedule.times_s.tolist(), schedule.rates.tolist(), bursts, schedule.period_s, schedule.skipped


# ---------------------------------------------------------------------------------------------- layouts by hand


def test_csv_holds_its_last_rate(filed):
    schedule = read_csv(filed("# of my own\n\ntime_s,rate_bps\n0,1e6\n2.5,0\r\n4, 2000000 \n"))
    assert rows(schedule) == ([0, 2.5, 4], [1e6, 0, 2e6], None, math.inf, 0)
    assert [schedule.total(t) for t in (1.0, 4.0, 104.0)] == [1e6, 2.5e6, 202.5e6]


def test_csv_with_a_period_and_bursts(filed):
    text = "# period_s = 3\n# more\ntime_s,rate_bps,burst_bits\n0,10,0\n1,0,7\n3,10,5\n"
    schedule = read_csv(filed(text))
    assert rows(schedule) == ([0, 1], [10, 0], [5, 7], 3, 5)
    # 10 until 1 s, 7 then, 5 at 3 s; and so on.
    assert [schedule.total(t) for t in (0.0, 0.5, 1.0, 2.9, 3.0, 4.0)] == [0, 5, 17, 17, 22, 39]


def test_mahimahi_counts_packets(filed):
    # Two packets at 1 ms, one at 3 ms, one at 5 ms which is the end: 4 in every 5 ms.
    schedule = read_mahimahi(filed("1\n1\n3\n5\n"))
    packets = [schedule.total(ms / 1000) / 12_000 for ms in range(12)]
    assert packets == [0, 2, 2, 3, 3, 4, 6, 6, 7, 7, 8, 10]
    assert schedule.period_s == 0.005
    assert [schedule.reach(12_000 * count) for count in (1, 2, 3, 4, 5, 8)] == [0.001, 0.001, 0.003, 0.005, 0.006, 0.01]


def test_mahimahi_at_0_ms(filed):
    # Its clock of the second repetition begins where the first ends: one packet of either falls on 4 ms.
    schedule = read_mahimahi(filed("0\n4\n"))
    assert [schedule.total(ms / 1000) / 12_000 for ms in (0, 3, 4, 7, 8, 12)] == [1, 1, 3, 3, 5, 7]


def test_mahimahi_keeps_each_opportunity_for_an_hour(filed):
    ms = np.unique(np.random.Generator(np.random.PCG64(1)).integers(1, 60_000, 5_000))
    schedule = read_mahimahi(filed("".join(f"{one}\n" for one in ms)))
    for minute in (0, 1, 59):
        late_ms = minute * int(ms[-1]) + ms
        for position in (0, 1, 17, 2_000, len(ms) - 1):
            count = minute * len(ms) + position + 1
            assert schedule.reach(12_000.0 * count) == pytest.approx(late_ms[position] / 1000, abs=1e-9)
            assert schedule.total(schedule.reach(12_000.0 * count)) == 12_000.0 * count


def test_cooked_values_hold_up_to_their_line(filed):
    # 2 Mbit/s for 1 s and 0.5 Mbit/s for 3 s; the first value belongs to what was before.
    schedule = read_cooked(filed("0.0\t9.9\n1.0\t2.0\n4.0 0.5\n"))
    assert rows(schedule) == ([0, 1], [2e6, 0.5e6], None, 4, 0)
    assert [schedule.total(t) for t in (1.0, 4.0, 5.0)] == [2e6, 3.5e6, 5.5e6]


def test_cooked_times_may_begin_late(filed):
    later = read_cooked(filed("1500000000.5 9.9\n1500000001.5 2.0\n\n1500000004.5 0.5\n"))
    assert rows(later) == ([0, 1], [2e6, 0.5e6], None, 4, 0)


@pytest.mark.parametrize("header", ["timeInSeconds,BytesPerSecond\n", "timeInSeconds, BytesPerSecond\r\n", ""])
def test_per_second_bytes_become_bits(filed, header):
    schedule = read_per_second(filed(f"{header}7,1000\n8,0\n9,250.5\n"))
    assert rows(schedule) == ([0, 1, 2], [8000, 0, 2004], None, 3, 0)
    assert [schedule.total(t) for t in (1.0, 2.0, 3.0, 3.5)] == [8000, 8000, 10_004, 14_004]
    assert schedule.reach(8001.0) == pytest.approx(2 + 1 / 2004)  # an outage is waited out


# ---------------------------------------------------------------------------------------------- malformed

ANY = [
    (b"", "", "is empty|has no rows"),
    (b"\n\n", "", "is empty|has no rows|is blank"),
]
CSV = [
    *ANY,
    (b"time_s,rate_bps\n", "", "has no rows"),
    (b"time_s;rate_bps\n0;1\n", ":1", "is no header; write time_s,rate_bps"),
    (b"rate_bps,time_s\n1,0\n", ":1", "is no header"),
    (b"0,1\n1,2\n", ":1", "is no header"),
    (b"time_s,rate_bps\n1,5\n", ":2", "time_s: 1.0 is not 0"),
    (b"time_s,rate_bps\n0,5\n0,6\n", ":3", "does not come after 0.0; sort"),
    (b"time_s,rate_bps\n0,5\n3,6\n2,1\n", ":4", "time_s: 2.0 does not come after 3.0"),
    (b"time_s,rate_bps\n0,-5\n", ":2", "rate_bps: not in"),
    (b"time_s,rate_bps\n0,1e15\n", ":2", "rate_bps: not in"),
    (b"time_s,rate_bps\n0,nan\n", ":2", "rate_bps: 'nan' is not finite"),
    (b"time_s,rate_bps\n0,1\ninf,2\n", ":3", "time_s: 'inf' is not finite"),
    (b"time_s,rate_bps\n0,1\n1e9,2\n", ":3", "beyond 1e\\+09 s"),
    (b"time_s,rate_bps\n0,10 Mbps\n", ":2", "rate_bps: '10 Mbps' is not a number"),
    (b"time_s,rate_bps\n0,1_000\n", ":2", "not a number"),
    (b"time_s,rate_bps\n0,1\n1\n", ":3", "1 values, not 2"),
    (b"time_s,rate_bps\n0,1,5\n", ":2", "3 values, not 2"),
    (b"time_s,rate_bps,burst_bits\n0,1\n", ":2", "2 values, not 3"),
    (b"time_s,rate_bps,burst_bits\n0,1,-1\n", ":2", "burst_bits: not in"),
    (b"time_s,rate_bps\n0,1\n# late\n", ":3", "1 values, not 2"),
    (b"# period_s=0\ntime_s,rate_bps\n0,1\n", ":1", "gives no period"),
    (b"# period_s: 5\ntime_s,rate_bps\n0,1\n", ":1", "gives no period"),
    (b"# period_s=5\n# period_s=5\ntime_s,rate_bps\n0,1\n", ":2", "stands twice"),
    (b"# period_s=5\ntime_s,rate_bps\n0,1\n5,2\n", ":4", "lies behind the period of 5.0 s"),
    (b"# period_s=5\ntime_s,rate_bps,burst_bits\n0,1,0\n5,1,2\n6,1,0\n", ":5", "lies behind the period"),
    (b"# period_s=5\ntime_s,rate_bps,burst_bits\n0,1,0\n5,2,2\n", ":4", "lies behind the period"),
    (b"time_s,rate_bps\n0,1\n1,\xff\n", ":3", "is not UTF-8"),
    (b"time_s,rate_bps\n0,1\n1,\0\n", ":3", "NUL"),
    (b"time_s,rate_bps\n0,1" + b"0" * 2**20, ":2", "longer than 1 MiB"),
]
MAHIMAHI = [
    *ANY,
    (b"0\n0\n", "", "lasts 0 ms"),
    (b"1\n\n2\n", ":2", "is blank; mahimahi allows no blank line"),
    (b"# trace\n1\n", ":1", "is no whole millisecond"),
    (b"1\n2.5\n", ":2", "'2.5' is no whole millisecond"),
    (b"1\n-2\n", ":2", "no whole millisecond"),
    (b"1\n+2\n", ":2", "no whole millisecond"),
    (b"1\n 2\n", ":2", "no whole millisecond"),
    (b"1\n2 3\n", ":2", "no whole millisecond"),
    (b"1\n1e3\n", ":2", "no whole millisecond"),
    ("1\n٣\n".encode(), ":2", "no whole millisecond"),
    (b"5\n4\n", ":2", "4 ms comes after 5 ms; sort"),
    (b"1\n1000000000000\n", ":2", "beyond 1e\\+09 s"),
    (b"1\n" + b"9" * 5000 + b"\n", ":2", "beyond"),
    (b"1\n2\xff\n", ":2", "is not UTF-8"),
    (b"1\n2\0\n", ":2", "NUL"),
    (b"1\n" + b"2" * 2**20, ":2", "longer than 1 MiB"),
]
COOKED = [
    *ANY,
    (b"0.0 1.0\n", "", "has one line; a value holds between two lines"),
    (b"0.0,1.0\n1.0,2.0\n", ":1", "1 values, not 2; a row has time and Mbit/s"),
    (b"0.0 1.0\n1.0 2.0 3.0\n", ":2", "3 values, not 2"),
    (b"time bw\n0 1\n1 2\n", ":1", "time: 'time' is not a number"),
    (b"# cooked\n0 1\n1 2\n", ":1", "'#' is not a number"),
    (b"0 1\n1 x\n", ":2", "Mbit/s: 'x' is not a number"),
    (b"0 1\n1 nan\n", ":2", "not finite"),
    (b"0 1\n1 -2\n", ":2", "Mbit/s: not in"),
    (b"0 1\n1 1e9\n", ":2", "Mbit/s: not in"),
    (b"0 1\n0 2\n", ":2", "does not come after 0.0"),
    (b"5 1\n4 2\n", ":2", "time: 4.0 does not come after 5.0"),
    (b"-1 1\n4 2\n", ":1", "time: -1.0 is not >= 0"),
    (b"1500000000000 1\n1501000000000 2\n", ":2", "beyond 1e\\+09 s; write times in seconds"),
    (b"0 1\n1 2\xff\n", ":2", "is not UTF-8"),
    (b"0 1\n1 2\0\n", ":2", "NUL"),
]
PER_SECOND = [
    *ANY,
    (b"timeInSeconds,BytesPerSecond\n", "", "has no rows"),
    (b"time,bytes\n0,1\n", ":1", "'time,bytes' is no header; write timeInSeconds,BytesPerSecond"),
    (b"BytesPerSecond,timeInSeconds\n1,0\n", ":1", "is no header"),
    (b"timeInSeconds,BytesPerSecond\n0,1\n2,5\n", ":3", "timeInSeconds: 2 does not follow 0; write a row for every"),
    (b"timeInSeconds,BytesPerSecond\n0,1\n0,5\n", ":3", "0 does not follow 0"),
    (b"timeInSeconds,BytesPerSecond\n3,1\n2,5\n", ":3", "2 does not follow 3"),
    (b"0,1\n0.5,5\n", ":2", "'0.5' is no whole second"),
    (b"-1,1\n0,5\n", ":1", "'-1' is no whole second"),
    (b"1e300,1\n", ":1", "is no whole second"),
    (b"0,1\n1,-5\n", ":2", "BytesPerSecond: not in"),
    (b"0,1\n1,1e300\n", ":2", "BytesPerSecond: not in"),
    (b"0,1\n1,inf\n", ":2", "not finite"),
    (b"0,1\n1,\n", ":2", "BytesPerSecond: '' is not a number"),
    (b"0,1\n1\n", ":2", "1 values, not 2"),
    (b"0 1\n1 2\n", ":1", "'0 1' is no header"),
    (b"timeInSeconds,BytesPerSecond\n0,1\ntimeInSeconds,BytesPerSecond\n", ":3", "is not a number"),
    (b"0,1\n1,\xff\n", ":2", "is not UTF-8"),
    (b"0,1\n1,2\0\n", ":2", "NUL"),
]
MALFORMED = [
    (kind, *one)
    for kind, all_of in (("csv", CSV), ("mahimahi", MAHIMAHI), ("cooked", COOKED), ("per_second", PER_SECOND))
    for one in all_of
]


@pytest.mark.parametrize(("kind", "text", "line", "said"), MALFORMED, ids=range(len(MALFORMED)))
def test_the_first_bad_line_is_named(filed, kind, text, line, said):
    path = filed(text)
    with pytest.raises(TraceError, match=said) as caught:
        bandwidth.read(path, kind)
    message = str(caught.value)
    assert message.startswith(f"{path}{line}: ") or (not line and message.startswith(f"{path}:1: is blank"))
    assert "\n" not in message and caught.value.remedy and len(message) < 400 + len(str(path))


WORDS = [
    "time_s,rate_bps\n",
    "# period_s=",
    "timeInSeconds,BytesPerSecond\n",
    ",",
    " ",
    "\n",
    "0",
    "1",
    "7",
    ".5",
    "-",
    "e3",
    "nan",
    "inf",
    "9" * 400,
    "\t",
    "\r\n",
    "_",
    "#",
    "x",
    "\0",
    "\ufeff",
    "²",
    "1,2\n",
    "3 4\n",
    "5\n",
    ",burst_bits",
]


@given(kind=st.sampled_from([None, *bandwidth.KINDS]), words=st.lists(st.sampled_from(WORDS), max_size=30))
@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_written_is_read_or_refused_in_one_line(filed, kind, words):
    path = filed("".join(words))
    try:
        schedule = bandwidth.read(path, kind)
    except TraceError as refused:
        assert "\n" not in str(refused) and len(str(refused)) < 400 + len(str(path))
    else:
        assert math.isfinite(schedule.total(10.0)) and schedule.total(10.0) >= schedule.total(9.0) >= 0.0


@pytest.mark.parametrize(
    ("kind", "text", "last"),
    [
        ("csv", "time_s,rate_bps\n0,1\n1,2\n2,3\n", ":4"),
        ("mahimahi", "1\n2\n3\n", ":3"),
        ("cooked", "0 1\n1 2\n2 3\n", ":3"),
        ("per_second", "0,1\n1,2\n2,3\n", ":3"),
    ],
)
def test_too_many_rows(filed, kind, text, last):
    reader, path = bandwidth.KINDS[kind][0], filed(text)
    reader(path, rows_max=3)
    with pytest.raises(TraceError, match=f"{last}: has more than 2 rows"):
        reader(path, rows_max=2)


@pytest.mark.parametrize("kind", list(bandwidth.KINDS))
def test_what_is_no_file(tmp_path, kind):
    with pytest.raises(TraceError, match="is a folder"):
        bandwidth.read(tmp_path, kind)
    with pytest.raises(TraceError, match="no such file; `simedge list bandwidth`"):
        bandwidth.read(tmp_path / "none", kind)


# ---------------------------------------------------------------------------------------------- kinds, names


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("# period_s=2\ntime_s,rate_bps\n0,1\n", "csv"),
        ("timeInSeconds,BytesPerSecond\n0,1\n", "per_second"),
        ("4\n5\n", "mahimahi"),
        ("0.5\t1.25\n1.5\t2\n", "cooked"),
    ],
)
def test_the_first_line_tells_the_kind(filed, text, kind):
    path = filed(text)
    assert bandwidth.guess(path) == kind
    assert rows(bandwidth.read(path)) == rows(bandwidth.read(path, kind))


@pytest.mark.parametrize("text", ["0,1\n1,2\n", "a b\n", "1 2 3\n", "1.5\n", "arrived_s,camera,path,size_bytes\n"])
def test_a_kind_that_is_not_clear_is_asked_for(filed, text):
    with pytest.raises(TraceError, match=r":1: .* does not tell the kind of file; say it: --kind csv or mahimahi"):
        bandwidth.read(filed(text))


def test_names_are_found_and_suggested(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mine.up").write_text("1\n")
    assert bandwidth.find("mine.up") == Path("mine.up")
    with pytest.raises(TraceError, match="in traces/bandwidth"):
        bandwidth.find("no_such")


# ---------------------------------------------------------------------------------------------- writing


@pytest.mark.parametrize(
    "schedule",
    [
        Schedule.constant(1e6 / 3),
        Schedule([0.0, 0.1, 0.3], [1 / 3, 0.0, 1e9], period_s=0.7),
        Schedule([0.0, 0.1], [1.0, 0.0], [3.0, 1 / 7], 0.3),
        Schedule([0.0, 0.1], [5.0, 2.0], [12_000.0, 24_000.0], 0.3, skipped=12_000.0),
        Schedule([0.0, 0.1], [5.0, 2.0], [36_000.0, 0.0], 0.3, skipped=12_000.0),
    ],
)
def test_what_is_written_is_read_again(tmp_path, schedule):
    path = tmp_path / "out.csv"
    bandwidth.write(schedule, path, ["what it is"])
    assert path.read_text().startswith("# what it is\n")
    assert rows(bandwidth.read(path)) == rows(schedule)


def test_only_csv_is_written(tmp_path):
    with pytest.raises(OutputError, match=r"end the name in \.csv"):
        bandwidth.write(Schedule.constant(1.0), tmp_path / "out.txt")
    assert list(tmp_path.iterdir()) == []


# ---------------------------------------------------------------------------------------------- descriptions


def test_descriptions_by_hand():
    looped = Schedule([0.0, 1.0, 3.0, 4.0], [8.0, 0.0, 4.0, 4.0], period_s=10.0)
    assert bandwidth.describe(looped) == {
        "duration_s": 10.0, "changes": 2.0, "mean_bps": 3.6, "lowest_bps": 0.0, "highest_bps": 8.0, "outage_share": 0.2,
    }  # fmt: skip
    held = Schedule([0.0, 1.0, 4.0], [8.0, 0.0, 100.0])
    assert bandwidth.describe(held) == {
        "duration_s": 4.0, "changes": 2.0, "mean_bps": 2.0, "lowest_bps": 0.0, "highest_bps": 8.0, "outage_share": 0.75,
    }  # fmt: skip
    assert bandwidth.describe(Schedule.constant(5.0))["mean_bps"] == 5.0
    assert bandwidth.describe(Schedule.constant(0.0))["outage_share"] == 1.0


def test_bursts_come_in_steps_that_the_period_holds():
    schedule = Schedule([0.0, 0.5], [0.0, 0.0], [0.0, 12_000.0], 2.6)
    stepped = bandwidth.in_steps(schedule, 1.0)  # three steps of 0.8667 s
    assert (stepped.period_s, stepped.bursts) == (2.6, None)
    np.testing.assert_allclose(stepped.rates, [12_000 * 3 / 2.6, 0.0])
    assert bandwidth.in_steps(stepped, 1.0) is stepped
