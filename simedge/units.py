"""Quantities as people write them (``10 Mbps``, ``8 ms``, ``2 MB``) and as the code holds them (SI floats).

The suffix of a name tells the unit its number is in: ``latency_s``, ``uplink_bps``, ``size_bytes``. This is the
only module that reads a quantity.
"""

from __future__ import annotations

import math
import re

__all__ = ["format_quantity", "parse_quantity", "unit_of"]

_SCALES: dict[str, dict[str, float]] = {
    "s": {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0},
    "bps": {"bps": 1.0, "kbps": 1e3, "Mbps": 1e6, "Gbps": 1e9},
    "bytes": {"B": 1.0, "bytes": 1.0, "kB": 1e3, "MB": 1e6, "GB": 1e9, "KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30},
    "ips": {"ips": 1.0, "IPS": 1.0},
    "W": {"mW": 1e-3, "W": 1.0, "kW": 1e3},
    "J": {"mJ": 1e-3, "J": 1.0, "kJ": 1e3, "MJ": 1e6},
    "J/bit": {"pJ/bit": 1e-12, "nJ/bit": 1e-9, "uJ/bit": 1e-6, "µJ/bit": 1e-6, "mJ/bit": 1e-3, "J/bit": 1.0},
    "1": {"%": 1e-2},
}
_SUFFIXES = {"s": "s", "bps": "bps", "bytes": "bytes", "ips": "ips", "w": "W", "j": "J"}
_QUANTITY = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*([A-Za-zµ/%]*)\s*\Z")


def unit_of(name: str) -> str | None:
    """SI unit that the suffix of a name promises, or None.

    Examples
    --------
    >>> unit_of("uplink_bps"), unit_of("gamma_s"), unit_of("energy_j"), unit_of("beta")
    ('bps', 's', 'J', None)
    """
    return _SUFFIXES.get(name.rsplit("_", 1)[-1]) if "_" in name else None


def parse_quantity(text: str, unit: str) -> float:
    """Read a number with an optional unit into SI.

    Parameters
    ----------
    text : str
        Such as ``"10 Mbps"``, ``"8ms"``, ``"inf"`` or ``"2.5e3"``; a bare number is SI.
    unit : str
        ``"s"``, ``"bps"``, ``"bytes"``, ``"ips"``, ``"W"``, ``"J"``, ``"J/bit"``, or ``"1"`` for a share.

    Returns
    -------
    float
        The quantity in that unit.

    Raises
    ------
    ValueError
        If the text is no number or carries a unit of another quantity; the message is one line.

    Examples
    --------
    >>> parse_quantity("10 Mbps", "bps"), parse_quantity("8ms", "s"), parse_quantity("2 MB", "bytes")
    (10000000.0, 0.008, 2000000.0)
    >>> parse_quantity("3 %", "1"), parse_quantity("7.5 W", "W"), parse_quantity("2 nJ/bit", "J/bit")
    (0.03, 7.5, 2e-09)
    """
    if text.strip().lower() in {"inf", "+inf", ".inf"}:
        return math.inf
    scales = _SCALES[unit]
    match = _QUANTITY.match(text)
    if match is None or (match[2] and match[2] not in scales):
        raise ValueError(f"{text!r} is not a quantity in {unit}; write a number and one of {', '.join(scales)}")
    return float(match[1]) * scales[match[2]] if match[2] else float(match[1])


def format_quantity(value: float, unit: str) -> str:
    """Write an SI quantity for people, with three significant digits.

    Examples
    --------
    >>> format_quantity(1e7, "bps"), format_quantity(0.008, "s"), format_quantity(150.0, "s")
    ('10 Mbps', '8 ms', '150 s')
    """
    if not math.isfinite(value) or value == 0:
        return f"{value:g} {unit}"
    decimal = {"s": ("us", "ms", "s"), "bytes": ("B", "kB", "MB", "GB")}.get(unit, tuple(_SCALES[unit]))
    fitting = [name for name in decimal if abs(value) >= _SCALES[unit][name]] or [decimal[0]]
    return f"{value / _SCALES[unit][fitting[-1]]:.3g} {fitting[-1]}"
