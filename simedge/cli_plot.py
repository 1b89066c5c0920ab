"""The verb ``plot`` of the command line: a figure of saved runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from simedge import interrupts
from simedge.errors import InputError, suggest
from simedge.experiment.figures import FIGURES

__all__ = ["add"]

_SUFFIXES = (".png", ".pdf", ".svg")
_EPILOG = "figures:\n{}\n\n".format("\n".join(f"  {name:12} {one.about}" for name, one in FIGURES.items()))
_EPILOG += """\
examples:
  simedge plot runs/beta-gamma beta-gamma -o beta-gamma.pdf --metric latency_s_p99
      RUNS are saved runs, or folders of them; each value is a mean over seeds, with its interval
  simedge plot runs/bandwidth bandwidth policy=distream,centralized -o bandwidth.png
      some of the runs
  simedge plot runs/bandwidth throughput network.uplink_bps=10Mbps -o throughput.svg
      runs may differ only in the seed and in what a figure shows, so one of several values is chosen
  simedge plot runs/mine line --x queues.camera_units --by policy.beta -o mine.pdf
"""


def add(verb: Callable[..., Any], verbs: Any, checked: Callable[..., Any]) -> None:
    """Add the verb to a parser.

    Parameters
    ----------
    verb : callable
        How the command line makes a verb.
    verbs
        Where verbs are added.
    checked : callable
        Refuses a place that cannot be written to, before anything is read.
    """

    def act(options: Any) -> int:
        return _plot(options, checked(options.output, suffixes=_SUFFIXES))

    usage = "simedge plot RUNS [RUNS ...] FIGURE [key=value ...] -o FILE [options]"
    made = verb(verbs, "plot", act, "draw a figure of saved runs", usage=usage, epilog=_EPILOG)
    made.add_argument("overrides", nargs="*", metavar="RUNS, FIGURE, key=value", help="see below")
    made.add_argument("-o", "--output", metavar="FILE", required=True, help=f"where to: {', '.join(_SUFFIXES)}")
    made.add_argument("--metric", metavar="NAME", help="what to show; see `simedge list metrics`")
    made.add_argument("--x", metavar="KEY", help="key of the x axis")
    made.add_argument("--y", metavar="KEY", help="key of the y axis of a heat map")
    made.add_argument("--by", metavar="KEY", help="key that has a line for each value (default: policy)")
    made.add_argument("--level", metavar="P", type=float, default=0.95, help="confidence of intervals (default 0.95)")


def _plot(options: Any, path: Path) -> int:
    from simedge.experiment import figures
    from simedge.experiment.gather import chosen, gather

    places, name, wanted = _sorted_out(options.overrides)
    runs = chosen(gather(places), wanted)
    said = {key: getattr(options, key) for key in ("metric", "x", "y", "by")}
    interrupts.raise_from_now_on()
    figure = figures.draw(runs, name, level=options.level, note=", ".join(wanted), **said)
    print(figures.save(figure, path))
    return 0


def _sorted_out(words: Sequence[str]) -> tuple[list[str], str, list[str]]:
    """Tell saved runs, the name of the figure, and what chooses among the runs apart."""
    wanted = [word for word in words if "=" in word and not Path(word).exists()]
    plain = [word for word in words if word not in wanted]
    named = [at for at, word in enumerate(plain) if word in FIGURES]
    if not named:
        last = plain[-1] if plain and not Path(plain[-1]).exists() else ""
        what = f"there is no figure {last!r}" if last else "no figure is named"
        raise InputError(what, remedy=suggest(last, FIGURES))
    name = plain.pop(named[-1])
    if not plain:
        remedy = f"give folders of saved runs before {name}, such as those of `simedge sweep --out`"
        raise InputError("no runs are named", remedy=remedy)
    return plain, name, wanted
