"""simedge: simulate edge clusters that run real policy code.

The face of the package; everything is imported on first use::

    import simedge

    results = simedge.run("campus", "policy=videoedge_l", "network.uplink_bps=50Mbps", seed=1)
    results.summary()
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False  # as type checkers know it: importing typing costs more than all else here
if TYPE_CHECKING:
    from typing import Any

    from simedge.experiment import catalog
    from simedge.experiment.comparison import compare
    from simedge.experiment.paper import reproduce
    from simedge.experiment.run import load, run
    from simedge.experiment.sweep import sweep
    from simedge.metrics.results import Results

__all__ = ["Results", "__version__", "catalog", "compare", "load", "reproduce", "run", "sweep"]

__version__ = "0.1.0"

_HOMES = {
    "Results": "simedge.metrics.results:Results",
    "catalog": "simedge.experiment.catalog",
    "compare": "simedge.experiment.comparison:compare",
    "load": "simedge.experiment.run:load",
    "reproduce": "simedge.experiment.paper:reproduce",
    "run": "simedge.experiment.run:run",
    "sweep": "simedge.experiment.sweep:sweep",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module 'simedge' has no attribute {name!r}")
    module, _, member = _HOMES[name].partition(":")
    found = import_module(module)
    value = getattr(found, member) if member else found
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
