"""What breaks, when, and for how long: scripted, drawn from rates, or read from a trace; the same for every system."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal, Protocol

from simedge.errors import ConfigError, TraceError, suggest
from simedge.files import find
from simedge.kernel import Environment, Streams
from simedge.traces.lines import decimal, rows, short

__all__ = ["Breakable", "Fault", "Faults", "Injector", "Kind", "RandomFault", "fault_trace", "plan"]

Kind = Literal["crash", "link_down", "slow"]
KINDS: tuple[Kind, ...] = ("crash", "link_down", "slow")

_EVENTS_MAX = 1_000_000
_COLUMNS = ("time_s", "kind", "entity", "duration_s", "factor")
_NUMBERS = {"time_s": "at_s", "duration_s": "duration_s", "factor": "factor"}


@dataclass(frozen=True)
class Fault:
    """Something that breaks once.

    Attributes
    ----------
    kind : {"crash", "link_down", "slow"}
        *crash*: the entity stops, and starts again empty-handed. *link_down*: its link carries nothing. *slow*: it
        takes `factor` times as long.
    entity : str
        Who: a camera or a GPU by name, or several by a pattern such as ``camera_*``.
    at_s : float
        When it breaks, >= 0.
    duration_s : float
        How long it stays broken, > 0; infinite for ever.
    factor : float
        How many times as long everything takes, > 0; counts for *slow* only.
    """

    kind: Kind
    entity: str
    at_s: float
    duration_s: float = field(default=math.inf, metadata={"infinite": True})
    factor: float = 2.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.at_s < math.inf:
            raise ValueError(f"at_s: {self.at_s} is not a finite time >= 0")
        for name in ("duration_s", "factor"):
            if not getattr(self, name) > 0.0:
                raise ValueError(f"{name}: {getattr(self, name)} is not > 0")


@dataclass(frozen=True)
class RandomFault:
    """Something that breaks and is repaired over and over, by chance.

    Attributes
    ----------
    kind : {"crash", "link_down", "slow"}
        What breaks; see the faults of a script.
    entity : str
        Who: each entity that the name or pattern fits breaks by itself.
    mtbf_s : float
        Mean time from a repair to the next failure, > 0, exponentially distributed.
    mttr_s : float
        Mean time to repair, > 0, exponentially distributed.
    factor : float
        How many times as long everything takes, > 0; counts for *slow* only.
    """

    kind: Kind
    entity: str
    mtbf_s: float
    mttr_s: float
    factor: float = 2.0

    def __post_init__(self) -> None:
        for name in ("mtbf_s", "mttr_s", "factor"):
            if not 0.0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name}: {getattr(self, name)} is not a finite number > 0")


@dataclass(frozen=True)
class Faults:
    """What breaks in a run, and what becomes of the work that was in flight.

    Attributes
    ----------
    script : tuple of Fault
        Faults at given times.
    random : tuple of RandomFault
        Faults by chance, the same for every policy under one seed.
    trace : str or None
        A CSV of faults with the columns of a script: time_s, kind, entity, duration_s, factor.
    loss_probability : float
        Probability that a message over a camera's link is lost, in [0, 1).
    retry_s : float
        Time after which a lost message begins again, >= 0.
    camera_queue : {"lost", "kept", "handed_over"}
        What becomes of the units that a camera holds when it crashes: in its queue, batch, outbound queue and calls.
        *kept*: they wait for its restart, batch and call begin again. *handed_over*: the other cameras get them.
    gpu_batch : {"retried", "lost"}
        What becomes of a batch that a GPU runs when it crashes.
    message : {"resumed", "retried"}
        Whether a message that a link carries when it goes down goes on where it stopped, or begins again.
    detection_s : float
        Time after which a crash is noticed: work is handed over and retried no sooner, > 0.
    """

    script: tuple[Fault, ...] = ()
    random: tuple[RandomFault, ...] = ()
    trace: str | None = None
    loss_probability: float = 0.0
    retry_s: float = 0.2
    camera_queue: Literal["lost", "kept", "handed_over"] = "lost"
    gpu_batch: Literal["retried", "lost"] = "retried"
    message: Literal["resumed", "retried"] = "resumed"
    detection_s: float = 0.5

    def __post_init__(self) -> None:
        if not 0.0 <= self.loss_probability < 1.0:
            raise ValueError(f"loss_probability: {self.loss_probability} is not in [0, 1)")
        if not 0.0 <= self.retry_s < math.inf:
            raise ValueError(f"retry_s: {self.retry_s} is not a finite time >= 0")
        if not 0.0 < self.detection_s < math.inf:
            raise ValueError(f"detection_s: {self.detection_s} is not a finite time > 0")

    @property
    def active(self) -> bool:
        """Whether anything can break."""
        return bool(self.script or self.random or self.trace or self.loss_probability)


class Breakable(Protocol):
    """An entity that breaks and is repaired. A system gives one for each name that faults may have."""

    def break_down(self, kind: Kind) -> None:
        """Crash, or lose the link."""

    def repair(self, kind: Kind) -> None:
        """Start again, or have the link again."""

    def slow_down(self, times: float) -> None:
        """Take so many times as long from now on."""


def fault_trace(name: str, config_dir: Path | None = None) -> tuple[Path, tuple[tuple[str, Fault], ...]]:
    """Read a CSV of faults; ``duration_s`` and ``factor`` may be empty or left out.

    Raises
    ------
    TraceError
        If it is missing or malformed; the first bad line is named.
    """
    path = find(name, "traces", (".csv",), error=TraceError, config_dir=config_dir)
    found: list[tuple[str, Fault]] = []
    for where, row in rows(path, _COLUMNS[:3], _COLUMNS[3:], _EVENTS_MAX, "fault"):
        if row["kind"] not in KINDS:
            raise TraceError(f"kind: {row['kind']!r} is no kind of fault", where, suggest(row["kind"], KINDS))
        numbers: dict[str, float] = {}
        for column, target in _NUMBERS.items():
            text = row.get(column, "")
            value = decimal(text)
            if value is None and (text or column == "time_s"):
                said = f"{short(text)} is not a number" if text else "has no value"
                raise TraceError(f"{column}: {said}", where, "write one in SI, such as 0.5")
            if value is not None:
                numbers[target] = value
        try:
            found.append((where, Fault(kind=row["kind"], entity=row["entity"], **numbers)))
        except ValueError as problem:
            raise TraceError(
                str(problem).replace("at_s:", "time_s:"), where, "write numbers in SI, such as 0.5"
            ) from None
    return path, tuple(found)


def plan(faults: Faults, traced: Iterable[tuple[str, Fault]], entities: Mapping[Kind, Sequence[str]], horizon_s: float,
         streams: Streams) -> list[tuple[float, bool, Fault]]:  # fmt: skip
    """Tell what breaks and what is repaired, in order of time.

    Parameters
    ----------
    faults : Faults
        The configuration.
    traced : iterable of (str, Fault)
        Those of its trace, and where each stands.
    entities : mapping of kind to sequence of str
        Who can have each kind of fault, by name.
    horizon_s : float
        What happens later is left out.
    streams : Streams
        Each entity has a stream for each kind of fault.

    Returns
    -------
    list of (time_s, breaks, fault)
        Sorted by time, then in the order of the configuration; the fault names one entity.

    Raises
    ------
    ConfigError
        If a name or pattern fits nobody.
    """
    events: list[tuple[float, bool, Fault]] = []

    def add(fault: Fault) -> None:
        end_s = fault.at_s + fault.duration_s
        if fault.at_s < horizon_s:
            events.append((fault.at_s, True, fault))
            if end_s < horizon_s:
                events.append((end_s, False, fault))
        if len(events) > _EVENTS_MAX:
            raise ConfigError(f"more than {_EVENTS_MAX} faults", where="faults", remedy="make them rarer")

    scripted = [(f"faults.script.{at}.entity", one) for at, one in enumerate(faults.script)]
    for where, one in (*scripted, *traced):
        for name in _fitting(one.kind, one.entity, entities, where):
            add(Fault(one.kind, name, one.at_s, one.duration_s, one.factor))
    rules: Counter[tuple[str, str]] = Counter()
    for at, drawn in enumerate(faults.random):
        for name in _fitting(drawn.kind, drawn.entity, entities, f"faults.random.{at}.entity"):
            # Numbered by entity and kind, so that a rule more changes nobody else's faults.
            rng = streams.of(name, f"{drawn.kind} {rules[name, drawn.kind]}")
            rules[name, drawn.kind] += 1
            now_s = 0.0
            while True:
                now_s += float(rng.exponential(drawn.mtbf_s))
                if now_s >= horizon_s:
                    break
                repair_s = float(rng.exponential(drawn.mttr_s))
                add(Fault(drawn.kind, name, now_s, max(repair_s, 1e-9), drawn.factor))
                now_s += repair_s
    return sorted(events, key=lambda event: event[0])


def _fitting(kind: Kind, pattern: str, entities: Mapping[Kind, Sequence[str]], where: str) -> list[str]:
    found = [name for name in entities[kind] if fnmatchcase(name, pattern)]
    if not found:
        raise ConfigError(f"{pattern!r} names nobody who can have a {kind}", where, suggest(pattern, entities[kind]))
    return found


class Injector:
    """Breaks and repairs entities when it is time.

    Faults of one kind may overlap on one entity: it is repaired when the last has ended, and slowed down by the
    product of all factors.

    Parameters
    ----------
    env : Environment
        The clock.
    events : sequence of (time_s, breaks, fault)
        What :func:`plan` returned.
    entities : mapping of str to Breakable
        Who breaks.

    Attributes
    ----------
    counts : dict of kind to int
        Faults so far.
    """

    def __init__(
        self, env: Environment, events: Sequence[tuple[float, bool, Fault]], entities: Mapping[str, Breakable]
    ) -> None:
        self.counts: dict[Kind, int] = dict.fromkeys(KINDS, 0)
        self._env, self._events, self._entities = env, events, entities
        self._next = 0
        self._down: dict[tuple[Kind, str], int] = {}
        self._since_s: dict[tuple[Kind, str], float] = {}
        self._down_s: dict[tuple[Kind, str], float] = {}
        self._factors: dict[str, list[float]] = {}
        self._alarm = env.alarm(self._act)
        self._wait()

    def _wait(self) -> None:
        if self._next < len(self._events):
            self._alarm.set(self._events[self._next][0])

    def _act(self) -> None:
        _, breaks, fault = self._events[self._next]
        self._next += 1
        self._wait()
        entity = self._entities[fault.entity]
        if breaks:
            self.counts[fault.kind] += 1
        if fault.kind == "slow":
            factors = self._factors.setdefault(fault.entity, [])
            factors.append(fault.factor) if breaks else factors.remove(fault.factor)
            entity.slow_down(math.prod(sorted(factors)))
            return
        key = (fault.kind, fault.entity)
        self._down[key] = self._down.get(key, 0) + (1 if breaks else -1)
        if breaks and self._down[key] == 1:
            self._since_s[key] = self._env.now
            entity.break_down(fault.kind)
        elif not breaks and self._down[key] == 0:
            self._down_s[key] = self._down_s.get(key, 0.0) + self._env.now - self._since_s.pop(key)
            entity.repair(fault.kind)

    def down_s(self) -> dict[str, dict[str, float]]:
        """Seconds that each entity was down so far, by kind and name, those that never were left out."""
        now = self._env.now
        found: dict[str, dict[str, float]] = {}
        for kind, name in sorted({*self._down_s, *self._since_s}):
            running = now - self._since_s.get((kind, name), now)
            found.setdefault(kind, {})[name] = self._down_s.get((kind, name), 0.0) + running
        return found
