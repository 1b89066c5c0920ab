"""Named chance: every entity draws from its own stream, whoever else draws, and in whatever order."""

from __future__ import annotations

import hashlib

import numpy as np

__all__ = ["Streams"]


def _key(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little")


class Streams:
    """Random streams of one run, one per entity and purpose.

    Parameters
    ----------
    seed : int
        The run's seed, >= 0.

    Notes
    -----
    A stream is ``SeedSequence(seed, spawn_key=(h(entity), h(purpose)))`` with a stable hash `h`, so it depends on
    nothing but the three names. Policies compared under one seed therefore meet on common random numbers.

    Examples
    --------
    >>> a, b = Streams(1), Streams(1)
    >>> _ = b.of("camera_2", "cut").random()
    >>> bool(a.of("camera_1", "cut").random() == b.of("camera_1", "cut").random())
    True
    """

    def __init__(self, seed: int) -> None:
        if seed < 0:
            raise ValueError(f"a seed is >= 0, not {seed}")
        self.seed = seed

    def of(self, entity: str, purpose: str) -> np.random.Generator:
        """Return a fresh generator at the beginning of the stream of an entity for a purpose."""
        sequence = np.random.SeedSequence(self.seed, spawn_key=(_key(entity), _key(purpose)))
        return np.random.Generator(np.random.PCG64(sequence))
