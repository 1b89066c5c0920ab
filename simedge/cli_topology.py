"""The verb ``topology`` of the command line: places, links and ways of a scenario, as a table, a figure or a file."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from simedge import interrupts
from simedge.console import show_table
from simedge.units import format_quantity

__all__ = ["add"]

_FIGURES = (".png", ".pdf", ".svg")
_FILES = (".graphml", ".json")
_EPILOG = """\
examples:
  simedge topology network.topology=multi_switch network.switches=3 network=wifi --figure wifi.png
      cameras at three access points, each a cell of its own
  simedge topology scenario=campus_24 -o campus.graphml
      to edit, and to run: simedge run scenario=campus_24 network.topology=campus.graphml
  simedge topology network.topology=two_floors
      a file that came with simedge; docs/topologies.md says what may stand in one
"""


def add(verb: Callable[..., Any], verbs: Any, overridden: Callable[[Any], None], checked: Callable[..., Any]) -> None:
    """Add the verb to a parser; see :func:`simedge.cli_reproduce.add`."""

    def act(options: Any) -> int:
        figure = checked(options.figure, suffixes=_FIGURES)
        return _topology(options, figure, checked(options.output, suffixes=_FILES))

    made = verb(verbs, "topology", act, "show, draw or write what joins cameras and edges", epilog=_EPILOG)
    overridden(made)
    made.add_argument("--figure", metavar="FILE", help=f"draw it: {', '.join(_FIGURES)}")
    made.add_argument("-o", "--output", metavar="FILE", help=f"write places and links: {' or '.join(_FILES)}")
    made.add_argument("--json", action="store_true", help="write all of it as JSON instead of tables")


def _topology(options: Any, figure: Path | None, output: Path | None) -> int:
    from simedge.experiment import report
    from simedge.experiment.run import load
    from simedge.hardware import topology_files

    scenario = load("campus", *options.overrides, config_dir=options.config_dir)
    layout = scenario.layout()
    found = layout.plain()
    title = f"{scenario.name}, {scenario['network.topology']}"
    interrupts.raise_from_now_on()
    if options.json:
        print(json.dumps(found, indent=1, ensure_ascii=False))
    else:
        _show(title, found)
    if output is not None:
        topology_files.write(layout.topology, output)
    if figure is not None:
        report.draw_topology(found, figure, title)
    for path in (output, figure):
        if path is not None and not options.json:
            print(path)
    return 0


def _show(title: str, found: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    counts = [(sum(place["kind"] == kind for place in found["places"]), kind) for kind in ("camera", "switch", "edge")]
    print(f"{title}: {', '.join(_counted(count, kind) for count, kind in counts)}")
    rows = [["links", "profile", "rate", "call", "medium"]]
    cameras = {way["camera"] for way in found["ways"]}
    for _, some in groupby(found["links"], lambda link: (link["a"] in cameras or link["a"], link["b"], *_about(link))):
        alike = list(some)
        rows.append([f"{_few([link['a'] for link in alike])} – {alike[0]['b']}", *_about(alike[0])])
    show_table(rows, left=("profile", "medium"))
    for medium in found["media"]:
        stations = sum(link["medium"] == medium["name"] for link in found["links"])
        print(f"medium {medium['name']}: {_rate(medium)}, shared by {_counted(stations, 'link')}")
    ways = sorted(found["ways"], key=lambda way: way["places"][1:])
    for _, some in groupby(ways, lambda way: way["places"][1:]):
        alike = list(some)
        way = " – ".join([_few([one["camera"] for one in alike]), *alike[0]["places"][1:]])
        print(f"way {way}: {_counted(alike[0]['hops'], 'hop')}")


def _about(link: Mapping[str, Any]) -> tuple[str, str, str, str]:
    """Profile, rate, call cost and medium for people."""
    call = format_quantity(link["call_s"], "s") if link["takes_time"] else "takes no time"
    return link["profile"], _rate(link), call, "shared" if link["medium"] else "own"


def _rate(said: Mapping[str, Any]) -> str:
    if said["rate_bps"] is None and not said["schedule"]:
        return "the medium's"
    return f"varies, {said['schedule']}" if said["schedule"] else format_quantity(said["rate_bps"], "bps")


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 'es' if what.endswith('h') else 's'}"


def _few(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= 3 else f"{names[0]} … {names[-1]} ({len(names)})"
