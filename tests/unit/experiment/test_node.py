"""A scenario in one's hands: unset keys read as their defaults, and only keys that there are can be set."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import pytest

import simedge
from simedge.errors import ConfigError
from simedge.experiment import catalog
from simedge.experiment.keys import Key, UnknownKey, abouts, find, names_at
from simedge.experiment.node import Node
from simedge.experiment.run import Scenario


@pytest.fixture
def scenario() -> Scenario:
    return simedge.load("campus", "workload=generated", "horizon_s=1")


def test_an_unset_key_reads_as_its_default(scenario: Scenario) -> None:
    assert scenario.network.uplink_bps is None
    assert scenario["network.uplink_bps"] is None
    assert scenario.warmup_s == 0.0
    assert scenario.queues.camera_units == 100  # no file has any `queues`
    assert scenario.workload.tracks.fps == 15.0
    assert scenario.policy.partition_point is None
    assert "queues" not in list(scenario)  # reading sets nothing
    assert "uplink_bps" not in repr(scenario)


def test_an_unset_key_can_be_set(scenario: Scenario) -> None:
    queues = scenario.queues
    queues.camera_units = 7
    scenario["queues.edge_units"] = 8
    scenario.network.uplink_bps = "50 Mbps"
    scenario.policy.partition_point = 0.25
    scenario.workload.mix.car = 0.5
    scenario["workload.mix"]["person"] = 0.5
    assert (queues.camera_units, scenario["queues.camera_units"], queues.edge_units) == (7, 7, 8)
    said = scenario.resolved()
    assert (said["queues"]["camera_units"], said["queues"]["edge_units"], said["queues"]["outbound_units"]) == (
        7,
        8,
        100,
    )
    assert said["network"]["uplink_bps"] == 5e7
    assert said["policy"] == {"name": "videoedge_l", "partition_point": 0.25}
    assert said["workload"]["mix"] == {"car": 0.5, "person": 0.5, "other": 0.15}


def test_a_policy_is_chosen_by_name_and_the_old_ones_fields_are_gone(scenario: Scenario) -> None:
    scenario.policy.partition_point = 0.25
    scenario.policy = "centralized"
    assert (scenario.policy.name, scenario.policy_name) == ("centralized", "centralized")
    with pytest.raises(UnknownKey, match=r"policy\.partition_point: unknown key"):
        _ = scenario.policy.partition_point
    scenario.policy.name = "videoedge_l"
    scenario.policy.partition_point = 0.5
    scenario["policy.name"] = "videoedge_l"  # the same again changes nothing
    assert scenario.resolved()["policy"] == {"name": "videoedge_l", "partition_point": 0.5}
    scenario.policy.name = "camera_only"
    assert scenario.resolved()["policy"] == {"name": "camera_only"}


@pytest.mark.parametrize(
    ("key", "says"),
    [
        ("network.uplnk_bps", "network.uplnk_bps: unknown key; did you mean 'network.uplink_bps' or"),
        ("netwrok", "netwrok: unknown key; did you mean 'network'?"),
        ("netwrok.uplink", "netwrok: unknown key; did you mean 'network'?"),
        ("uplink_bps", "uplink_bps: unknown key; did you mean 'network.uplink_bps'?"),
        ("policy.partition_pont", "policy.partition_pont: unknown key; did you mean 'policy.partition_point'?"),
        ("seed.x", "seed.x: unknown key; seed has no keys"),
        ("horizon_s.x.y", "horizon_s.x: unknown key; horizon_s has no keys"),
        ("", "'' is not a key"),
        (3, "3 is not a key"),
        (None, "None is not a key"),
    ],
)
def test_a_key_that_there_is_not_can_be_neither_read_nor_set(scenario: Scenario, key: Any, says: str) -> None:
    before = repr(scenario)
    for kind in (ConfigError, KeyError, AttributeError):
        with pytest.raises(kind) as refused:
            _ = scenario[key]
        assert str(refused.value).startswith(says)
    with pytest.raises(UnknownKey) as refused:
        scenario[key] = 1
    assert str(refused.value).startswith(says)
    assert repr(scenario) == before


def test_attributes_are_the_same_as_keys(scenario: Scenario) -> None:
    assert not hasattr(scenario, "netwrok")
    assert not hasattr(scenario.network, "_private")
    with pytest.raises(AttributeError, match=r"did you mean 'network\.uplink_bps'"):
        scenario.network.uplink_bsp = 3
    assert {"queues", "network", "system", "run", "check"} <= set(dir(scenario))
    assert {"uplink_bps", "backbone"} <= set(dir(scenario.network))
    assert {"name", "partition_point"} <= set(dir(scenario.policy))


def test_a_key_without_a_default_is_not_read_but_set(scenario: Scenario) -> None:
    own = Scenario({"system": "video"})
    with pytest.raises(UnknownKey, match=r"cluster\.cameras: is not set and has no default; give it a value"):
        _ = own.cluster.cameras
    with pytest.raises(UnknownKey, match="policy: is not set"):
        _ = own.policy
    own.cluster = scenario.cluster
    own.cluster.cameras = ["jetson_tx1"]
    assert len(scenario.cluster.cameras) == 6  # a copy
    own.policy = "camera_only"
    assert own.policy.name == "camera_only"


def test_defaults_are_copies(scenario: Scenario) -> None:
    scenario.workload.tracks = {**scenario["workload.tracks"]._here(), "fps": 3}
    node = Node({})
    with pytest.raises(KeyError, match="unset or unknown"):
        _ = node.anything
    node["a.b"] = 3  # nothing says which keys there are
    assert (node.a.b, repr(node)) == (3, "a:\n  b: 3")
    with pytest.raises(UnknownKey, match=r"a\.b: is a value, it has no keys"):
        node["a.b.c"] = 3


def test_meanings_come_from_docstrings_of_the_class_and_its_bases() -> None:
    class Base:
        """Base.

        Attributes
        ----------
        one, two : int
            Both, over
            two lines.
        three : float
            Replaced.
        """

    class Child(Base):
        """Child.

        Attributes
        ----------
        three : float
            Its own.

        Notes
        -----
        four : int
            No attribute.
        """

    assert abouts(Child) == {"one": "Both, over two lines.", "two": "Both, over two lines.", "three": "Its own."}


class Part(Protocol):
    def act(self) -> None: ...


@dataclass(frozen=True)
class Small:
    """A part.

    Attributes
    ----------
    size_bytes : int
        Its size.
    """

    size_bytes: int = 3

    def act(self) -> None:
        """Do nothing."""


@dataclass(frozen=True)
class Whole:
    part: Part = field(default_factory=Small, metadata={"catalog": "part"})
    label: str | None = None


def test_components_inside_components_have_keys_too(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = catalog.Entry(f"{__name__}:Small", "small", "video")
    monkeypatch.setitem(catalog._CATALOG, "part", {"small": entry})
    monkeypatch.setattr(catalog, "load", lambda kind, name, where="": Small)
    found = find(Whole, {}, "part.size_bytes")
    assert (found.name, found.unit, found.default, found.about) == ("part.size_bytes", "bytes", 3, "Its size.")
    assert find(Whole, {"part": "small"}, "part.name").name == "part.name"
    assert names_at(Whole, {"part": {"name": "small"}}, "part") == ["name", "size_bytes"]
    with pytest.raises(UnknownKey, match=r"part\.size: unknown key; known: part\.size_bytes"):
        find(Whole, {"part": {"name": "small"}}, "part.size")
    assert isinstance(found, Key)
