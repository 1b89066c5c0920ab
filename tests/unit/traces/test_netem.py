"""The tc script: read back by a parser of its own, checked by bash, run against a `tc` that writes down its calls."""

from __future__ import annotations

import math
import os
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simedge.traces import netem
from simedge.traces.schedule import Schedule


def read_back(text: str) -> Schedule:
    """What a script does, as a schedule: every line that begins with `at`."""
    times_s, rates, period_s = [], [], math.inf
    for line in text.splitlines():
        set_to = re.fullmatch(r"at (\d+) rate (\d+)kbit loss (0|100)%", line)
        if set_to:
            times_s.append(int(set_to[1]) / 1e6)
            rates.append(int(set_to[2]) * 1e3 if set_to[3] == "0" else 0.0)
        waits = re.fullmatch(r"at (\d+)", line)
        if waits:
            period_s = int(waits[1]) / 1e6
            assert f"start=$((start + {waits[1]}))" in text
    return Schedule(times_s, rates, None, period_s)


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    ticks = draw(st.lists(st.integers(1, 5000), max_size=20))
    times = [0.0, *(np.cumsum(ticks) / 1000).tolist()]
    rate = st.one_of(st.just(0.0), st.floats(1.0, 1e10), st.sampled_from([1e6, 1.0004e6, 499.0]))
    rates = draw(st.lists(rate, min_size=len(times), max_size=len(times)))
    return Schedule(times, rates, None, times[-1] + 0.5 if draw(st.booleans()) else math.inf)


@given(schedules())
@settings(max_examples=200)
def test_a_script_read_back_is_the_schedule_to_a_kilobit(schedule):
    again = read_back(netem.script(schedule))
    assert again.period_s == pytest.approx(schedule.period_s)
    for time_s, rate in zip(schedule.times_s + 1e-4, schedule.rates, strict=True):
        found = again.rate(float(time_s))
        assert (found == 0.0) == (rate == 0.0)
        assert abs(found - rate) <= (500.0 if rate >= 500.0 else 1000.0)
    assert (np.diff(again.rates) != 0.0).all()  # a change that changes nothing is not written


def test_a_script_by_hand():
    text = netem.script(Schedule([0.0, 1.5, 2.0], [8e6, 0.0, 1.2346e6], period_s=2.25), "my\nlink")
    assert text.startswith(
        "#!/usr/bin/env bash\n# Replays a bandwidth schedule on an interface with tc and netem: my link"
    )
    changes = [line for line in text.splitlines() if line.startswith("at ")]
    assert changes == [
        "at 0 rate 8000kbit loss 0%",
        "at 1500000 rate 1kbit loss 100%",
        "at 2000000 rate 1235kbit loss 0%",
        "at 2250000",
    ]
    assert netem.script(Schedule.constant(5.0)).endswith("at 0 rate 1kbit loss 0%\nsleep infinity\n")


@pytest.mark.parametrize("period_s", [0.2, math.inf])
def test_bash_takes_it(tmp_path, period_s):
    path = tmp_path / "link.sh"
    path.write_text(netem.script(Schedule([0.0, 0.1], [1e6, 0.0], None, period_s), "`touch x` $(touch y) ' \""))
    done = subprocess.run(["bash", "-n", str(path)], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.fixture
def recorded(tmp_path: Path):
    """Run a script with a `tc` in its way that writes down how it was called."""
    tool = tmp_path / "bin" / "tc"
    tool.parent.mkdir()
    tool.write_text(f'#!/usr/bin/env bash\necho "$@" >> {tmp_path}/calls\n')
    tool.chmod(0o755)

    def run(schedule: Schedule, *words: str) -> tuple[int, str, list[str]]:
        path = tmp_path / "link.sh"
        path.write_text(netem.script(schedule))
        environment = {**os.environ, "PATH": f"{tool.parent}:{os.environ['PATH']}"}
        done = subprocess.run(
            ["bash", str(path), *words], capture_output=True, text=True, env=environment, timeout=60, check=False
        )
        calls = tmp_path / "calls"
        return done.returncode, done.stderr, calls.read_text().splitlines() if calls.exists() else []

    return run


def test_it_replays_twice_and_cleans_up(recorded):
    code, err, calls = recorded(Schedule([0.0, 0.02, 0.04], [2e6, 0.0, 1e6], period_s=0.06), "eth0", "2")
    once = [
        "qdisc change dev eth0 root netem rate 2000kbit loss 0%",
        "qdisc change dev eth0 root netem rate 1kbit loss 100%",
        "qdisc change dev eth0 root netem rate 1000kbit loss 0%",
    ]
    assert (code, err) == (0, "")
    first = "qdisc replace dev eth0 root netem rate 2000kbit loss 0%"
    assert calls == [first, *once, *once, "qdisc del dev eth0 root"]


def test_it_asks_for_the_interface(recorded):
    code, err, calls = recorded(Schedule.constant(1e6))
    assert code != 0 and "usage: bash" in err and calls == []


def test_bursts_have_no_rate():
    with pytest.raises(ValueError, match="spread them first"):
        netem.script(Schedule([0.0], [0.0], [1.0], 1.0))


def test_a_script_has_an_end():
    count = netem.CHANGES_MAX + 1
    with pytest.raises(ValueError, match="take longer steps"):
        netem.script(Schedule(np.arange(count) * 1e-3, np.arange(count) % 2 * 1e6))
