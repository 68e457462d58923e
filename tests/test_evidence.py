"""What `irgen explain` says of labels, and of what has none."""

import pytest

from irgen import evidence
from irgen.errors import IrgenError
from irgen.ir.architecture import Evidence, Region
from irgen.ir.graph import Graph
from irgen.ir.tensor import TensorType

GRAPH = Graph()
GRAPH.add("input", (), TensorType("float32", (2, 3)), id="x")

UNKNOWN = Region("stack.0.unknown", "unknown", ("a",), rejected=[("feed-forward", "it has no activation")])
LAYERS = [
    Region(
        f"stack.{i}",
        "layer",
        (),
        children=[
            Region(
                f"stack.{i}.norm",
                "norm",
                ("n",),
                {"x": "x"},
                {"norm": "rmsnorm"},
                [Evidence("norm", "equal on probes")],
            )
        ],
    )
    for i in range(12)
]


def test_layers_that_are_alike_are_opened_once():
    text = evidence.overview([*LAYERS, UNKNOWN], {"matmul": 2})
    assert text.splitlines() == [
        "stack.0  layer",
        "  stack.0.norm  norm  (by norm)",
        "… stack.11  11 more like stack.0",
        "stack.0.unknown  unknown  (nearest: feed-forward)",
        "in no region: 2 matmul",
    ]


def test_a_label_is_told_once_with_its_port_fact_and_proof():
    assert evidence.of(LAYERS, "norm", GRAPH).splitlines() == [
        "stack.0.norm and 11 more like it: norm",
        "  port   x: input float32[2, 3]",
        "  fact   norm = rmsnorm",
        "  proof  norm: equal on probes",
    ]


def test_what_is_unknown_says_which_rule_came_near_and_why_it_said_no():
    assert "not    feed-forward: it has no activation" in evidence.of([UNKNOWN], "unknown", GRAPH)


def test_a_region_that_is_not_there_is_answered_with_the_nearest():
    with pytest.raises(IrgenError) as caught:
        evidence.of(LAYERS, "nrom", GRAPH)
    assert "did you mean norm" in str(caught.value)
