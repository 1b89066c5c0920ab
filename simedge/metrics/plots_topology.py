"""The figure of a topology: lists of places and links in, Axes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from simedge.metrics.plots import _axes
from simedge.units import format_quantity

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["topology"]

_Items = Sequence[Mapping[str, Any]]

_COLOURS = {"camera": "#E69F00", "switch": "#7F7F7F", "edge": "#0072B2"}
_MARKERS = {"camera": "o", "switch": "s", "edge": "D"}
_CELL, _AIR, _WIRE, _FREE = "#D6ECE4", "#009E73", "#555555", "#B8B8B8"
_DRAWN_ONE_BY_ONE = 30
_ROW_IN, _COLUMN_IN, _LONGEST_IN = 0.27, 2.3, 200.0
_LABEL = {"fontsize": 7.5, "ha": "center", "va": "center"}
_ON_LINE: dict[str, Any] = {**_LABEL, "color": "#222222", "bbox": {"facecolor": "white", "edgecolor": "none", "pad": 1}}


class _Group(NamedTuple):
    """Cameras whose links are alike: their names in order, and the link of the first."""

    names: list[str]
    link: Mapping[str, Any]


def topology(
    places: _Items, links: _Items, media: _Items, ways: _Items, title: str = "", ax: Axes | None = None
) -> Axes:
    """Draw cameras on the left, edges on the right, and what joins them between.

    Of more than 30 cameras only the first and the last of those whose links are alike are drawn.

    Parameters
    ----------
    places : sequence of mapping
        ``name`` and ``kind``: camera, switch or edge.
    links : sequence of mapping
        ``a``, ``b``, ``profile``, ``rate_bps`` (bit/s, or None), ``takes_time``, ``medium`` (a name or None) and
        ``schedule``.
    media : sequence of mapping
        Shared media: ``name``, ``rate_bps``, ``schedule``.
    ways : sequence of mapping
        ``camera`` and ``places``, from the camera to its edge.
    title : str
        Title of a figure of its own.
    ax : Axes, optional
        Where to draw.
    """
    kinds = {str(place["name"]): str(place["kind"]) for place in places}
    groups = _groups(links, ways)
    rows, dots = _rows(groups, collapse=len(ways) > _DRAWN_ONE_BY_ONE)
    at = _placed(kinds, links, ways, rows)
    last = max(rows.values(), default=0)
    columns = max(x for x, _ in at.values())
    top = min(y for _, y in at.values())
    height_in = max(2.4, 1.0 + _ROW_IN * (last + 3 - min(0.0, top)))
    size_in = (min(1.9 + _COLUMN_IN * columns, _LONGEST_IN), min(height_in, _LONGEST_IN))
    with _axes(ax, title, size_in) as axes:
        axes.axis("off")
        axes.set(xlim=(-0.5, columns + 0.4), ylim=(last + 2.2, min(-1.2, top - 0.8)))
        _draw_cells(axes, media, groups, at)
        on_ways = {name for way in ways for name in way["places"]}
        for link in links:
            if link["a"] in at and link["b"] in at:
                _draw_link(axes, link, at, aside=not {link["a"], link["b"]} <= on_ways, between=link["a"] not in rows)
        for group in groups:
            _label_group(axes, group, at)
        for y in dots:
            axes.text(0, y, "⋮", fontsize=11, ha="center", va="center", color=_COLOURS["camera"])
        for name, (x, y) in at.items():
            _draw_place(axes, name, kinds[name], x, y)
        _explain(axes, links)
    return axes


def _groups(links: _Items, ways: _Items) -> list[_Group]:
    """Cameras in the order of their ways from the edge, those with one medium and like links together."""
    own = {link["a"]: link for link in links}
    alike: dict[str, tuple[Any, ...]] = {}
    for way in ways:
        link = own[way["camera"]]
        what = (link["medium"] or "", link["profile"], link["rate_bps"], str(link["schedule"] or ""))
        alike[str(way["camera"])] = (*way["places"][:0:-1], *what)
    first: dict[tuple[Any, ...], int] = {}
    for place, kind in enumerate(alike.values()):
        for length in range(1, len(kind) + 1):  # a group stands where its first camera does, at each place on the way
            first.setdefault(kind[:length], place)

    def order(name: str) -> list[int]:
        return [first[alike[name][:length]] for length in range(1, len(alike[name]) + 1)]

    together = groupby(sorted(alike, key=order), alike.__getitem__)
    return [_Group(names, own[names[0]]) for names in (list(some) for _, some in together)]


def _rows(groups: Sequence[_Group], collapse: bool) -> tuple[dict[str, float], list[float]]:
    """Row of each camera that is drawn, from the top, and rows of dots that stand for others."""
    rows: dict[str, float] = {}
    dots: list[float] = []
    row, before = 0.0, None
    for group in groups:
        cell = (group.link["b"], group.link["medium"])
        if before is not None and before != cell:
            row += 0.6 if cell[1] is None else 1.0  # room for what is written in a cell
        before = cell
        few = collapse and len(group.names) > 3
        for name in (group.names[0], "", group.names[-1]) if few else group.names:
            if name:
                rows[name] = row
            else:
                dots.append(row)
            row += 1.0
    return rows, dots


def _placed(
    kinds: Mapping[str, str], links: _Items, ways: _Items, rows: Mapping[str, float]
) -> dict[str, tuple[float, float]]:
    """Where each place is drawn: cameras in a column, the others by hops from the edge, level with their cameras."""
    columns = max(len(way["places"]) - 1 for way in ways)
    beside: dict[str, list[float]] = {}
    x: dict[str, float] = {}
    for way in ways:
        if way["camera"] in rows:
            for hops, name in enumerate(reversed(way["places"][1:])):
                beside.setdefault(name, []).append(rows[way["camera"]])
                x[name] = min(x.get(name, columns), columns - hops)
    at = {name: (0.0, row) for name, row in rows.items()}
    at |= {name: (x[name], (min(found) + max(found)) / 2) for name, found in beside.items()}
    _spread(at, [name for name in at if name not in rows])
    aside = [name for name, kind in kinds.items() if kind != "camera" and name not in at]
    for number, name in enumerate(aside):  # nobody's way leads there: above all others
        near = [
            at[end][0]
            for link in links
            for end in (link["a"], link["b"])
            if name in (link["a"], link["b"]) and end in at
        ]
        at[name] = (max(near, default=columns - 1.0) + 0.5 * (columns > 1 or not near), -1.6 - 1.2 * number)
    return at


def _spread(at: dict[str, tuple[float, float]], names: Sequence[str]) -> None:
    """Move places of a column apart that would touch."""
    for _, some in groupby(sorted(names, key=lambda name: at[name]), lambda name: at[name][0]):
        for above, name in pairwise(list(some)):
            (_, upper), (x, y) = at[above], at[name]
            at[name] = (x, max(y, upper + 1.6))


def _draw_link(
    axes: Axes, link: Mapping[str, Any], at: Mapping[str, tuple[float, float]], aside: bool, between: bool
) -> None:
    (x, y), (u, v) = at[link["a"]], at[link["b"]]
    line = _line(link)
    axes.plot([x, u], [y, v], zorder=0.5 if aside else 1, **(line | {"linewidth": 0.9} if aside else line))
    if between and not aside:
        axes.text((x + u) / 2, (y + v) / 2, _said(link), zorder=2, **_ON_LINE)


def _line(link: Mapping[str, Any]) -> dict[str, Any]:
    if link["medium"] is not None:
        return {"color": _AIR, "linewidth": 1.0, "linestyle": (0, (1.5, 1.5))}
    return {"color": _WIRE, "linewidth": 1.2} if link["takes_time"] else {"color": _FREE, "linewidth": 2.6}


def _said(link: Mapping[str, Any]) -> str:
    if link["schedule"]:
        return "rate varies"
    return "" if link["rate_bps"] is None else format_quantity(link["rate_bps"], "bps")


def _explain(axes: Axes, links: _Items) -> None:
    """Say below what the kinds of lines mean."""
    named = {
        "messages queue": next((link for link in links if link["takes_time"] and link["medium"] is None), None),
        "messages share a medium": next((link for link in links if link["medium"] is not None), None),
        "messages take no time": next((link for link in links if not link["takes_time"]), None),
    }
    for label, link in named.items():
        if link is not None:
            axes.plot([], [], label=label, **_line(link))
    axes.legend(loc="lower left", bbox_to_anchor=(0.0, -0.02), ncols=3, handlelength=1.8, columnspacing=1.4)


def _label_group(axes: Axes, group: _Group, at: Mapping[str, tuple[float, float]]) -> None:
    drawn = [at[name] for name in group.names if name in at]
    (_, top), (_, bottom), (u, v) = drawn[0], drawn[-1], at[group.link["b"]]
    said = _said(group.link)
    if not said:
        return
    many = f"{len(group.names)} × " if len(group.names) > 1 else ""
    along = 0.42
    x, y = along * u, (1 - along) * (top + bottom) / 2 + along * v
    axes.text(x, y, f"{many}{said}", zorder=3, **_ON_LINE)


def _draw_cells(axes: Axes, media: _Items, groups: Sequence[_Group], at: Mapping[str, tuple[float, float]]) -> None:
    """Shade the cameras that share a medium, and say at which rate."""
    from matplotlib.patches import FancyBboxPatch

    for medium in media:
        names = [name for group in groups if group.link["medium"] == medium["name"] for name in group.names]
        found = [at[name][1] for name in names if name in at]
        if not found:
            continue
        top, bottom = min(found) - 0.95, max(found) + 0.45
        shape = FancyBboxPatch(
            (-0.44, top), 0.62, bottom - top, boxstyle="round,pad=0,rounding_size=0.05", mutation_aspect=8.0, zorder=0,
            facecolor=_CELL, edgecolor=_AIR, linewidth=0.8,
        )  # fmt: skip
        axes.add_patch(shape)
        rate = "varying rate" if medium["schedule"] else format_quantity(medium["rate_bps"], "bps")
        axes.text(-0.13, top + 0.12, f"{rate}, shared", fontsize=7, color="#00604A", ha="center", va="top")


def _draw_place(axes: Axes, name: str, kind: str, x: float, y: float) -> None:
    size = 5 if kind == "camera" else 10
    axes.plot([x], [y], _MARKERS[kind], markersize=size, color=_COLOURS[kind], zorder=4)
    side, ha, va = {"camera": ((-6, 0), "right", "center"), "edge": ((9, 0), "left", "center")}.get(
        kind, ((0, 8), "center", "bottom")
    )
    near: dict[str, Any] = {
        "xytext": side,
        "textcoords": "offset points",
        "ha": ha,
        "va": va,
        "fontsize": 8,
        "parse_math": False,
    }
    if kind == "switch":
        near["bbox"] = {"facecolor": "white", "edgecolor": "none", "pad": 0.5, "alpha": 0.8}
    axes.annotate(name, (x, y), zorder=3.5, **near)
