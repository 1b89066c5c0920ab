"""Bars that show how far things are, on a terminal or in a notebook; elsewhere nothing is shown."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["RunsBar", "TimeBars", "watched"]

_SPEED_OVER_S = 600.0  # runs may take minutes each


def watched() -> bool:
    """Tell whether someone watches: standard error is a terminal, or the process a notebook that can show bars."""
    if "ipykernel" in sys.modules:
        return find_spec("ipywidgets") is not None
    return sys.stderr is not None and sys.stderr.isatty()


class _Bars(ABC):
    """Bars of rich, if they are to be shown."""

    def __init__(self, shown: bool | None) -> None:
        self._shown = watched() if shown is None else shown
        self._bars: Any = None

    @abstractmethod
    def _columns(self) -> tuple[Any, ...]: ...

    def __enter__(self) -> Any:
        if self._shown:
            from rich.console import Console
            from rich.progress import Progress

            self._bars = Progress(
                *self._columns(),
                console=Console(file=None if "ipykernel" in sys.modules else sys.stderr),
                transient=True,
                speed_estimate_period=_SPEED_OVER_S,
            )
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars is not None:
            self._bars.stop()


class RunsBar(_Bars):
    """One bar over many runs, with the time that is left.

    Parameters
    ----------
    shown : bool or None
        Whether to show it; None: if someone watches.
    what : str
        What is counted.
    """

    def __init__(self, shown: bool | None, what: str = "runs") -> None:
        super().__init__(shown)
        self._what = what

    def _columns(self) -> tuple[Any, ...]:
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn

        text = TextColumn("{task.description}")
        return text, BarColumn(), MofNCompleteColumn(), TextColumn(f"{self._what}, left"), TimeRemainingColumn()

    def at(self, done: int, total: int, about: str) -> None:
        """Show how many runs are done, and a word about what comes."""
        if self._bars is not None:
            if not self._bars.tasks:
                self._bars.add_task(about, total=total)
            self._bars.update(self._bars.tasks[0].id, completed=done, total=total, description=about)


class TimeBars(_Bars):
    """A bar for each run over its simulated time, with its speed and the time that is left."""

    def _columns(self) -> tuple[Any, ...]:
        from rich.progress import BarColumn, TextColumn, TimeRemainingColumn

        speed = TextColumn("{task.completed:.0f} s, {task.fields[speed]:.0f} × real time, left")
        return TextColumn("{task.description}"), BarColumn(), speed, TimeRemainingColumn()

    def add(self, about: str) -> int:
        """Begin a bar; return its number."""
        return 0 if self._bars is None else int(self._bars.add_task(about, start=False, total=None, speed=0.0))

    def at(self, number: int, now_s: float, horizon_s: float) -> None:
        """Show how far a run is."""
        if self._bars is not None:
            if self._bars.tasks[number].start_time is None:
                self._bars.start_task(number)
            elapsed_s = self._bars.tasks[number].elapsed or 0.0
            speed = now_s / elapsed_s if elapsed_s > 0 else 0.0
            self._bars.update(number, completed=now_s, total=horizon_s, speed=speed)
