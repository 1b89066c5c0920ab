"""A schedule as a script that replays it on a real interface with Linux ``tc``."""

from __future__ import annotations

import math

from simedge.traces.schedule import Schedule

__all__ = ["CHANGES_MAX", "script"]

CHANGES_MAX = 1_000_000

_HEAD = """\
#!/usr/bin/env bash
# Replays a bandwidth schedule on an interface with tc and netem: {name}
#   sudo bash THIS_SCRIPT DEVICE [REPETITIONS]
# {ending}
# Every line `at MICROSECONDS …` waits for that time since the repetition began: how long tc takes, or a late
# wake-up, moves one change and none of those after it. An outage drops what is sent (loss 100%); rates are whole
# kbit/s, of which netem counts every byte of a packet from the Ethernet header on.
set -euo pipefail

DEV="${{1:?usage: bash $0 DEVICE [REPETITIONS]}}"
REPETITIONS="${{2:-0}}"

now() {{ printf '%s' "${{EPOCHREALTIME/[^0-9]/}}"; }}
at() {{
  local left=$((start + $1 - $(now)))
  shift
  if ((left > 0)); then sleep "$(printf '%d.%06d' $((left / 1000000)) $((left % 1000000)))"; fi
  if (($#)); then tc qdisc change dev "$DEV" root netem "$@"; fi
}}

tc qdisc replace dev "$DEV" root netem {first}
trap 'tc qdisc del dev "$DEV" root' EXIT
trap 'exit 130' INT TERM

start=$(now)
"""

_LOOP = """\
for ((repetition = 1; REPETITIONS == 0 || repetition <= REPETITIONS; repetition++)); do
{changes}
at {period}
start=$((start + {period}))
done
"""


def script(schedule: Schedule, name: str = "a schedule") -> str:
    """Write a schedule in bit/s as a bash script that shapes what an interface sends.

    Parameters
    ----------
    schedule : Schedule
        Rates in bit/s, without bursts (see ``bandwidth.in_steps``).
    name : str
        What the script says it replays.

    Returns
    -------
    str
        The script. It takes the interface and how often to repeat, for ever by default, and removes the queueing
        discipline when it ends. Rates are rounded to kbit/s, but never to 0; times to microseconds.

    Raises
    ------
    ValueError
        If the schedule has bursts or more than a million changes.

    Notes
    -----
    ``tc`` has no rate of 0, so an outage is a loss of 100 %, at 1 kbit/s: unlike a simulated link, which holds what it
    carries until the outage ends, the interface drops it. netem shapes what is sent; for the other direction run the
    script at the other end. It needs bash 5 (``EPOCHREALTIME``) and iproute2.

    Examples
    --------
    >>> text = script(Schedule([0.0, 0.5], [2e6, 0.0], period_s=2.0))
    >>> print(text[text.index("at 0 ") :])
    at 0 rate 2000kbit loss 0%
    at 500000 rate 1kbit loss 100%
    at 2000000
    start=$((start + 2000000))
    done
    <BLANKLINE>
    """
    if schedule.bursts is not None:
        raise ValueError("tc shapes rates, not bursts; spread them first")
    if len(schedule.times_s) > CHANGES_MAX:
        raise ValueError(f"{len(schedule.times_s)} changes are more than {CHANGES_MAX}; take longer steps")
    settings: list[tuple[int, str]] = []
    for time_s, rate in zip(schedule.times_s.tolist(), schedule.rates.tolist(), strict=True):
        setting = f"rate {max(1, round(rate / 1e3))}kbit loss {0 if rate > 0.0 else 100}%"
        if not settings or settings[-1][1] != setting:
            settings.append((round(time_s * 1e6), setting))
    changes = "\n".join(f"at {time_us} {setting}" for time_us, setting in settings)
    repeats = math.isfinite(schedule.period_s)
    ending = f"It repeats every {schedule.period_s!r} s." if repeats else "The last rate holds until Ctrl-C."
    head = _HEAD.format(name=" ".join(name.split()), ending=ending, first=settings[0][1])
    if not repeats:
        return f"{head}{changes}\nsleep infinity\n"
    return head + _LOOP.format(changes=changes, period=round(schedule.period_s * 1e6))
