from __future__ import annotations

import math

import pytest

from simedge.policies.video.pipeline import Pipeline

COSTS = {"kind": 3.0, "colour": 6.0, "type": 12.0, "bag": 8.0}
TREE = (("kind", "colour"), ("colour", "type"), ("kind", "bag"))


def test_paths_lead_from_the_root_to_each_leaf() -> None:
    pipeline = Pipeline.from_edges(COSTS, TREE, {"car": "type", "person": "bag", "other": "kind"})
    assert pipeline.paths == {"car": ("kind", "colour", "type"), "person": ("kind", "bag"), "other": ("kind",)}
    assert pipeline.names == ("car", "person", "other")
    assert pipeline.classifiers == ("kind", "colour", "type", "bag")


def test_a_path_may_end_before_its_branch_does_and_edges_come_in_any_order() -> None:
    pipeline = Pipeline.from_edges(COSTS, TREE[::-1], {"car": "colour"})
    assert pipeline.paths == {"car": ("kind", "colour")}


def test_two_trees_are_one_pipeline() -> None:
    pipeline = Pipeline.from_edges({"a": 1, "b": 1, "x": 1, "y": 1}, (("a", "b"), ("x", "y")), {"p": "b", "q": "y"})
    assert pipeline.paths == {"p": ("a", "b"), "q": ("x", "y")}


def test_costs_and_their_accumulation_by_hand() -> None:
    pipeline = Pipeline.from_edges(COSTS, TREE, {"car": "type", "person": "bag"})
    assert (pipeline.cost("car"), pipeline.cost("person")) == (21.0, 11.0)
    assert pipeline.cumulative("car") == pytest.approx([0, 3 / 21, 9 / 21, 1], abs=1e-15)
    assert pipeline.cumulative("person")[-1] == 1.0
    assert pipeline.mean_cost({"car": 1, "person": 3}) == pytest.approx((21 + 3 * 11) / 4)


@pytest.mark.parametrize(
    ("edges", "leaves", "message"),
    [
        ((("kind", "colour"), ("colour", "kind")), {"car": "colour"}, "form a cycle"),
        ((("kind", "kind"),), {"car": "kind"}, "form a cycle"),
        (
            (("kind", "colour"), ("kind", "type"), ("colour", "bag"), ("type", "bag")),
            {"car": "bag"},
            "2 ways lead to 'bag'",
        ),
        ((("kind", "bag"), ("colour", "bag")), {"car": "bag"}, "2 ways lead to 'bag'"),
        ((("kind", "wheel"),), {"car": "kind"}, r"names unknown classifiers \['wheel'\]"),
        ((), {"car": "wheel"}, "ends in unknown classifier 'wheel'"),
        ((), {}, "at least one path"),
    ],
)
def test_what_is_no_set_of_paths_is_refused(edges: tuple, leaves: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Pipeline.from_edges(COSTS, edges, leaves)


@pytest.mark.parametrize("cost", [0.0, -1.0, math.inf, math.nan])
def test_costs_are_finite_and_positive(cost: float) -> None:
    with pytest.raises(ValueError, match="classifier 'a' costs"):
        Pipeline({"a": cost}, {"p": ("a",)})


@pytest.mark.parametrize("vertices", [(), ("a", "b")])
def test_a_path_needs_known_classifiers(vertices: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="path 'p' needs classifiers"):
        Pipeline({"a": 1.0}, {"p": vertices})
