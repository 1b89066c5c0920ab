from __future__ import annotations

import hashlib

import numpy as np
import pytest

from simedge.kernel import Streams


def test_a_stream_depends_on_its_names_only_not_on_who_asked_before() -> None:
    one, other = Streams(7), Streams(7)
    first = one.of("camera_1", "cut").random(5)
    other.of("camera_2", "cut").random(1000)
    other.of("camera_1", "arrivals").random(3)
    assert other.of("camera_1", "cut").random(5).tolist() == first.tolist()
    assert other.of("camera_1", "cut").random(5).tolist() == first.tolist()  # from its beginning each time


def test_streams_of_other_names_and_seeds_differ_and_are_uncorrelated() -> None:
    keys = [(0, "a", "b"), (0, "b", "a"), (0, "ab", ""), (0, "a", "c"), (0, "c", "b"), (1, "a", "b")]
    draws = np.array([Streams(seed).of(entity, purpose).random(4000) for seed, entity, purpose in keys])
    correlations = np.corrcoef(draws)[np.triu_indices(len(keys), 1)]
    assert np.abs(correlations).max() < 4 / np.sqrt(4000)
    assert np.abs(draws.mean(axis=1) - 0.5).max() < 4 * np.sqrt(1 / 12 / 4000)


def test_the_construction_is_the_documented_one() -> None:
    def key(name: str) -> int:
        return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little")

    sequence = np.random.SeedSequence(3, spawn_key=(key("camera_4"), key("cut")))
    expected = np.random.Generator(np.random.PCG64(sequence)).random(4)
    assert Streams(3).of("camera_4", "cut").random(4).tolist() == expected.tolist()


def test_a_longer_draw_begins_with_the_shorter_one() -> None:
    streams = Streams(0)
    assert streams.of("camera_1", "cut").random(3).tolist() == streams.of("camera_1", "cut").random(9)[:3].tolist()


def test_a_negative_seed_is_refused() -> None:
    with pytest.raises(ValueError, match="seed"):
        Streams(-1)
