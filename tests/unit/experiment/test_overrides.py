"""The grammar of several values, and grids made of them."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simedge.errors import ConfigError
from simedge.experiment import catalog
from simedge.experiment.overrides import Glob, expand, given_as, parse


@pytest.mark.parametrize(
    ("typed", "values"),
    [
        ("a,b", ["a", "b"]),
        ("0.05,0.1,1", [0.05, 0.1, 1]),
        ("10Mbps,50 Mbps", ["10Mbps", "50 Mbps"]),
        ("'a,b',c", ["a,b", "c"]),
        ("null,1", [None, 1]),
        ("[1,'x'],[2]", [[1, "x"], [2]]),
        ("{a: 1},{a: 'b'}", [{"a": 1}, {"a": "b"}]),
        ("choice(1,a)", [1, "a"]),
        ("choice([1,2],[3])", [[1, 2], [3]]),
        ("range(3)", [0, 1, 2]),
        ("range(1,8,3)", [1, 4, 7]),
        ("range(3,0,-1)", [3, 2, 1]),
        ("range(0.1,0.55,0.1)", [0.1, 0.2, 0.3, 0.4, 0.5]),
        ("range(0,1,0.25)", [0.0, 0.25, 0.5, 0.75]),
    ],
)
def test_several_values(typed, values):
    override = parse(f"a.b={typed}")
    assert (override.key, override.sweep, override.value) == ("a.b", True, values)
    assert [type(value) for value in override.value] == [type(value) for value in values]


@pytest.mark.parametrize(
    "typed",
    ["range(0,3", "range(3,0)", "range(0,1,0)", "range(0,1e9)", "choice()", "interval(0,1)", "range(0,3),7", "glob()"],
)
def test_what_looks_like_several_and_is_not_is_refused_in_one_line(typed):
    with pytest.raises(ConfigError, match=r"^a\.b: ") as caught:
        parse(f"a.b={typed}")
    assert "\n" not in str(caught.value)


def test_glob_chooses_names_in_their_order():
    names = catalog.names("policy")
    assert parse("policy=glob(distream_?)").value == Glob(("distream_?",), ())
    point = [p[0].value for p in expand([parse("policy=glob([camera*,dis*],exclude=*artifact)")], lambda key: names)]
    assert point == [n for n in names if n.startswith(("camera", "dis")) and not n.endswith("artifact")]


@pytest.mark.parametrize(("typed", "names"), [("glob(x*)", ["a", "b"]), ("glob(*)", [])])
def test_a_glob_without_a_match_is_refused(typed, names):
    with pytest.raises(ConfigError, match=r"^policy: "):
        expand([parse(f"policy={typed}")], lambda key: names)


@given(st.lists(st.lists(st.integers(0, 50), min_size=1, max_size=4, unique=True), min_size=1, max_size=4))
def test_a_grid_is_the_product_of_its_axes(axes):
    points = expand([given_as(f"k{at}", values) for at, values in enumerate(axes)], lambda key: [])
    assert [tuple(override.value for override in point) for point in points] == list(product(*axes))
    assert all(override.key == f"k{at}" and not override.sweep for p in points for at, override in enumerate(p))


def test_equal_values_of_a_key_count_once():
    assert [p[0].value for p in expand([parse("a=1,2,1,1.0,x,x")], lambda key: [])] == [1, 2, 1.0, "x"]


@pytest.mark.parametrize("typed", [("a=1,2", "a=3,4"), ("a=1,2", "a=3"), ("a=3", "a=range(2)")])
def test_a_key_swept_twice_is_refused(typed):
    with pytest.raises(ConfigError, match="given twice"):
        expand([parse(text) for text in typed], lambda key: [])


def test_a_grid_too_large_is_refused_before_it_is_made():
    with pytest.raises(ConfigError, match="more than 1,000,000 points"):
        expand([parse(f"{key}=range(1000)") for key in "abcd"], lambda key: [])


def test_values_at_hand_are_taken_as_they_are():
    assert given_as("policy/beta", np.linspace(0, 1, 3)).value == [0.0, 0.5, 1.0]
    assert given_as("seed", np.arange(2)).value == [0, 1]
    assert all(type(value) is int for value in given_as("seed", np.arange(2)).value)
    assert given_as("policy", "distream").value == ["distream"]
    assert given_as("network.uplink_bps", None).value == [None]
    assert given_as("cluster.cameras", [["a", "b"], ["a"]]).value == [["a", "b"], ["a"]]


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("a b", [1]),
        (3, [1]),
        ("a", []),
        ("a", [object()]),
        ("a", ["${oc.env:HOME}"]),
        ("a", [{"_target_": "os.system"}]),
    ],
)
def test_what_no_configuration_could_hold_is_refused(key, values):
    with pytest.raises(ConfigError):
        given_as(key, values)
