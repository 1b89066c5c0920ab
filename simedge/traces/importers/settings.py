"""The ``key=value`` words of an import: each is asked for once by an importer, and what nobody asked for is wrong."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from simedge.errors import ConfigError, quoted, suggest
from simedge.traces.lines import decimal

__all__ = ["Settings"]


class Settings:
    """What a user typed, asked for by name.

    Parameters
    ----------
    values : mapping
        Each key and its text.
    """

    def __init__(self, values: Mapping[str, str]) -> None:
        self._left = dict(values)
        self._known: list[str] = []

    def number(
        self, key: str, default: float, low: float = 0.0, high: float = math.inf, *, above: bool = False
    ) -> float:
        """Take a finite number; `optional` says how.

        Raises
        ------
        ConfigError
            If it is no number or out of range.
        """
        value = self.optional(key, low, high, above=above)
        return default if value is None else value

    def optional(self, key: str, low: float = 0.0, high: float = math.inf, *, above: bool = False) -> float | None:
        """Take a finite number, or None if it is not given.

        Parameters
        ----------
        key : str
            Its name.
        low, high : float
            Smallest and largest value.
        above : bool
            Whether the smallest value is not allowed itself.

        Returns
        -------
        float or None
            The number.

        Raises
        ------
        ConfigError
            If it is no number or out of range.
        """
        text = self._take(key)
        if text is None:
            return None
        value = decimal(text)
        if value is None or not math.isfinite(value) or not low <= value <= high or (above and value == low):
            bounds = [f"{'>' if above else '>='} {low:g}"] if low > -math.inf else []
            bounds += [f"<= {high:g}"] if high < math.inf else []
            raise ConfigError(f"{quoted(text)} is not a number {' and '.join(bounds)}", key, "write one such as 10")
        return value

    def count(self, key: str, default: int, high: int) -> int:
        """Take a whole number from 1.

        Raises
        ------
        ConfigError
            If it is none.
        """
        text = self._take(key)
        if text is None:
            return default
        if not (text.isascii() and text.isdigit() and len(text) < 20 and 1 <= int(text) <= high):
            raise ConfigError(f"{quoted(text)} is not a whole number from 1 to {high}", key, "write one such as 10")
        return int(text)

    def choice(self, key: str, known: Iterable[str], default: str = "") -> str:
        """Take one of some names.

        Raises
        ------
        ConfigError
            If it is another.
        """
        text = self._take(key)
        if text is None:
            return default
        known = list(known)
        if text not in known:
            raise ConfigError(f"there is no {key} {quoted(text)}", key, suggest(text, known))
        return text

    def text(self, key: str, default: str = "") -> str:
        """Take a text that is not empty.

        Raises
        ------
        ConfigError
            If it is empty.
        """
        text = self._take(key)
        if text is not None and not text.strip():
            raise ConfigError("is empty", key, "give a value or leave the key out")
        return default if text is None else text

    def below(self, group: str) -> list[str]:
        """Names after the dot of the keys ``group.NAME`` that were typed and not asked for yet."""
        self._known.append(f"{group}.NAME")
        return [key.partition(".")[2] for key in self._left if key.startswith(f"{group}.")]

    def finish(self) -> None:
        """See that everything was asked for.

        Raises
        ------
        ConfigError
            If a key is left.
        """
        for key in self._left:
            what = f"this kind of import has no key {quoted(key)}"
            raise ConfigError(what, remedy=suggest(key, dict.fromkeys(self._known)))

    def _take(self, key: str) -> str | None:
        if "." not in key:
            self._known.append(key)
        return self._left.pop(key, None)
