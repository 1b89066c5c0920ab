"""What all systems share: a flow that moves by itself, and a policy that is asked what to change."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Protocol, TypeVar

from simedge.metrics.curves import Curves

__all__ = ["Decider", "Flow", "Progress", "System"]

Observation = TypeVar("Observation")
Decision = TypeVar("Decision")
Observed_co = TypeVar("Observed_co", covariant=True)
Observed_contra = TypeVar("Observed_contra", contravariant=True)
Decided_co = TypeVar("Decided_co", covariant=True)
Decided_contra = TypeVar("Decided_contra", contravariant=True)

Progress = Callable[[float, float], None]
"""Called now and then with the simulated time and the horizon, both in seconds."""


class Flow(Protocol[Observed_co, Decided_contra]):
    """What moves by itself in simulated time."""

    def observe(self) -> Observed_co:
        """Tell what a monitor could know now."""
        ...

    def apply(self, decision: Decided_contra) -> None:
        """Put a decision into force."""


class Decider(Protocol[Observed_contra, Decided_co]):
    """Who decides: a policy."""

    def decide(self, observation: Observed_contra) -> Decided_co:
        """Answer one observation."""
        ...


class System(ABC):
    """A scenario brought to life: built once, run once, finished once.

    Attributes
    ----------
    metrics : mapping of str to float, or None
        After `finish`, the metrics of a run that kept no tables from which they could be computed.
    curves : Curves or None
        Likewise.
    """

    configuration: ClassVar[type]
    metrics: Mapping[str, float] | None = None
    curves: Curves | None = None

    @abstractmethod
    def run(self, progress: Progress | None = None) -> None:
        """Simulate from time 0 to the horizon."""

    @abstractmethod
    def finish(self) -> tuple[Mapping[str, Mapping[str, Any]], dict[str, Any]]:
        """Return the columns of every table, none if the run kept none, and the facts that only the system knows."""

    @staticmethod
    def control(flow: Flow[Observation, Decision], policy: Decider[Observation, Decision]) -> None:
        """One control tick: observe, decide, apply."""
        flow.apply(policy.decide(flow.observe()))
