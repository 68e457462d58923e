"""The invariants: what front-ends make is sound, and every way of breaking a graph is told."""
# ruff: noqa: E501

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from irgen.errors import GraphError
from irgen.ir.architecture import Region
from irgen.ir.graph import Graph, Node, Provenance
from irgen.ir.ops import OPS
from irgen.ir.tensor import TensorType
from irgen.ir.text import parse
from irgen.ir.verify import check, verify
from irgen.ir.verify_attrs import KINDS
from tests.support.graphs import graphs

TEXT = """
    x = input : float32[2, 4]
    w = param : float32[3, 4]
    y = linear(x, w) {layout=oi}
    t = topk(y) {k=1, axis=1, largest=true}
    v = pick(t) {index=0}
    r = reshape(y) : float32[6]
    e = expand(v) : float32[2, 5]
    c = cast(y) : float16[2, 3]
    return v, r, e, c
"""


def changed(name: str, **fields: Any) -> Graph:
    graph = parse(TEXT)
    graph.nodes[name] = replace(graph[name], **fields)
    return graph


@given(graphs())
def test_random_sound_graphs_have_no_faults(graph: Graph) -> None:
    assert verify(graph) == []
    check(graph)


@pytest.mark.parametrize(("graph", "fault"), [
    (changed("y", inputs=("x", "q")), "'y' reads 'q' at port 1, which does not exist"),
    (changed("y", inputs=("x", "r")), "'y' reads 'r' at port 1 before it is made"),
    (changed("y", inputs=("y", "w")), "'y' reads 'y' at port 0 before it is made"),
    (changed("y", inputs=("x",)), "'y' (linear) has 1 inputs, not 2 to 3"),
    (changed("y", inputs=("x", "")), "'y' (linear) has no input at its port 'weight'"),
    (changed("y", op="liner"), "'y' is 'liner', which is no operator"),
    (changed("y", attrs={}), "'y' (linear) lacks the attribute 'layout'"),
    (changed("y", attrs={"layout": "oi", "colour": 1}), "'y' (linear) has the unknown attribute 'colour'"),
    (changed("y", attrs={"layout": "xx"}), "'y' (linear) has layout='xx', not one of oi, io"),
    (changed("y", attrs={"layout": 1}), "'y' (linear) has layout=1, which is not a word"),
    (changed("t", attrs={"k": 1, "axis": 2, "largest": True}), "'t' (topk) has axis=2 on a tensor of rank 2"),
    (changed("t", attrs={"k": 1, "axis": -1, "largest": True}), "'t' (topk) has axis=-1 on a tensor of rank 2"),
    (changed("t", attrs={"k": (1,), "axis": 1, "largest": True}), "'t' (topk) has k=(1,), which is not a whole number"),
    (changed("r", op="transpose", attrs={"perm": (0, 0)}), "'r' (transpose) has perm=(0, 0) on a tensor of rank 2"),
    (changed("y", id="z"), "node 'z' stands under the key 'y'"),
    (changed("y", type=TensorType("float31", (2, 3))), "'y' has the unknown element type 'float31'"),
    (changed("y", type=TensorType("float32", (2, -3))), "'y' has a size below -1: [2, -3]"),
    (changed("y", type=TensorType("float32", (2, 3), ("a",))), "'y' has 1 symbols for 2 dimensions"),
    (changed("y", type=TensorType("float32", (2, 4))), "'y' (linear) gives [2, 3], its type says [2, 4]"),
    (changed("y", type=(TensorType("float32", (2, 3)),)), "'y' (linear) has a row of types but one result"),
    (changed("y", value=np.zeros((2, 3))), "'y' (linear) has a value"),
    (changed("w", type=TensorType("float32", (3, 5))), "'y' (linear): sizes do not agree: 4 against 5"),
    (changed("w", op="const", value=np.zeros(3)), "'w' has a value of shape [3], its type says float32[3, 4]"),
    (changed("t", type=TensorType("float32", (2, 1))), "'t' (topk) has one type but several results"),
    (changed("v", attrs={"index": 2}), "'v' picks result 2 of 't', which has 2"),
    (changed("v", inputs=("y",)), "'v' picks from 'y', which has one result"),
    (changed("r", inputs=("t",)), "'r' (reshape) reads 't', which has several results: only pick may"),
    (changed("r", type=TensorType("float32", (7,))), "'r' reshapes [2, 3] to [7]"),
    (changed("e", type=TensorType("float32", (3, 5))), "'e' expands [2, 1] to [3, 5]"),
    (changed("c", type=TensorType("float16", (3, 2))), "'c' casts [2, 3] to [3, 2]"),
    (replace(parse(TEXT), inputs=[]), "'x' is an input but is not listed"),
    (replace(parse(TEXT), inputs=["x", "x"]), "an input is listed twice"),
    (replace(parse(TEXT), inputs=["x", "w"]), "'w' is listed as input but is param"),
    (replace(parse(TEXT), outputs=["q"]), "the output 'q' does not exist"),
    (replace(parse(TEXT), provenance={"q": Provenance("n")}), "there is provenance of 'q', which does not exist"),
], ids=str)  # fmt: skip
def test_tells_what_is_wrong(graph: Graph, fault: str) -> None:
    assert fault in verify(graph)
    with pytest.raises(GraphError, match="not sound"):
        check(graph)


def test_a_truth_value_where_a_number_was_computed_is_told() -> None:
    graph = changed("c", op="gt", inputs=("y", "y"))
    assert "'c' (gt) gives bool, its type says float16" in verify(graph)


def test_every_attribute_of_the_vocabulary_has_a_kind() -> None:
    assert {attr.rstrip("?") for op in OPS.values() for attr in op.attrs} <= set(KINDS)


def test_looks_into_bodies() -> None:
    graph = parse("""
        x = input : float32[3]
        c = cond(x) {} : float32[3] {
          y = const [1.0, 2.0] : float32[2]
        }
    """)
    assert verify(graph) == []
    assert graph["c"].body is not None
    graph["c"].body.nodes["y"] = Node("y", "relu", ("gone",), TensorType("float32", (2,)))
    assert verify(graph)[0] == "in the body of 'c': 'y' reads 'gone' at port 0, which does not exist"


def test_a_parameter_stands_once() -> None:
    graph, value = Graph(), np.zeros(3)
    for _ in range(2):
        graph.add("param", value=value)
    assert verify(graph) == ["'n0' and 'n1' are the same parameter twice"]


REGIONS = [Region("a", "mlp", ("y", "r"), children=[Region("b", "linear", ("y",))]), Region("c", "norm", ("c",))]


def test_regions_that_nest_or_are_disjoint_are_sound() -> None:
    assert verify(parse(TEXT), REGIONS) == []


@pytest.mark.parametrize(("regions", "fault"), [
    ([*REGIONS, Region("d", "k", ("r",))], "regions 'a' and 'd' both hold 'r'"),
    ([Region("a", "k", ("y",), children=[Region("b", "k", ("y", "r"))])], "region 'b' holds 'r', which its parent does not"),
    ([Region("a", "k", ("q",))], "region 'a' holds 'q', which does not exist"),
    ([Region("a", "k", ("y",)), Region("a", "k", ("r",))], "region 'a' stands twice"),
], ids=str)  # fmt: skip
def test_regions_that_overlap_are_told(regions: list[Region], fault: str) -> None:
    assert fault in verify(parse(TEXT), regions)
