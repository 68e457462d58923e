"""The text form: lossless, and good enough to write graphs by hand."""

import numpy as np
import pytest
from hypothesis import given

from irgen.errors import GraphError
from irgen.ir.graph import Graph
from irgen.ir.tensor import TensorType
from irgen.ir.text import parse, render
from tests.support.graphs import graphs, same

SMALL = """\
x = input : float32[batch=2, seq=19, 768]
w = param : float32[768, 768]
h = const 0.5 : float32[]
y = linear(x, w) {layout="oi"} : float32[2, 19, 768]
z = mul(y, h) : float32[2, 19, 768]
t = topk(z) {k=2, axis=2, largest=true} : (float32[2, 19, 2], int64[2, 19, 2])
v = pick(t) {index=0} : float32[2, 19, 2]
return v as "logits", z as "hidden"
finding "seq is not dynamic"
from x {name="input_ids", line="model.py:3"}
"""


@given(graphs())
def test_reading_what_was_written_gives_the_same_graph(graph: Graph) -> None:
    text = render(graph)
    found = parse(text)
    assert same(found, graph)
    assert render(found) == text


def test_is_written_as_people_read_it() -> None:
    assert render(parse(SMALL)) == SMALL


def test_types_may_be_left_out_where_they_follow() -> None:
    graph = parse("""
        x = input : float32[2, 8]
        w = param : float32[4, 8]
        y = linear(x, w) {layout=oi}   # a comment
        z = mul(y, 0.5)
        t = topk(z) {k=3, axis=1, largest=true}
        i = pick(t) {index=1}
    """)
    assert graph["z"].tensor == TensorType("float32", (2, 4))
    assert graph["i"].tensor == TensorType("int64", (2, 3))
    assert graph.inputs == ["x"]
    assert graph.outputs == ["i"]
    scale = graph[graph["z"].inputs[1]]
    assert scale.value is not None
    assert scale.value == np.float32(0.5)


def test_large_constants_stand_at_the_end() -> None:
    graph = Graph()
    graph.outputs = [graph.add("const", value=np.arange(100.0))]
    assert render(graph).splitlines()[-1].startswith("@")
    assert same(parse(render(graph)), graph)


def test_names_can_be_left_out() -> None:
    text = render(parse(SMALL), provenance=False)
    assert "input_ids" not in text
    assert "logits" not in text


@pytest.mark.parametrize(("text", "what", "line"), [
    ("x = input : float32[2\n", "a size must be a whole number", "line 1"),
    ("x = input : float32[2]\ny = relu(z)\n", "'z' is read before it is defined", "line 2"),
    ("x = input : float32[2]\nx = relu(x)\n", "defined twice", "line 2"),
    ("x = input\n", "input needs a type", "line 1"),
    ("x = input : float32[-3]\n", "a size must be", "line 1"),
    ("x = const @aa : float32[3]\n", "no data line @aa", "line 1"),
    ("x = const [1, 2] : float32[3]\n", "2 values do not fill", "line 1"),
    ("x = const ab : float32[3]\n", "expected a value behind 'ab'", "line 1"),
    ("x = input : float32[2]\ny = scan(x) {states=0} : float32[2] {\n", "the body is not closed", "line 2"),
    ("x = input : float32[2]\n}\n", "closing brace", "line 2"),
    ("hello world\n", "cannot start with 'hello'", "line 1"),
    ("x = input : float32[2] ~\n", "cannot read", "line 1"),
    ("return y\n", "'y' is listed", None),
    ("from x {colour=\"red\"}\n", "provenance has no 'colour'", "line 1"),
    ("@aa = float32[3] \"eJwDAAAAAAE=\"\n", "has 0 bytes, not 12", "line 1"),
    ("@aa = evil[3] \"eJwDAAAAAAE=\"\n", "unknown element type 'evil'", "line 1"),
    ("a = input : float32[2, 3]\nb = input : float32[4]\nc = add(a, b)\n", "sizes do not agree", "line 3"),
])  # fmt: skip
def test_says_where_a_text_cannot_be_read(text: str, what: str, line: str | None) -> None:
    with pytest.raises(GraphError, match=what) as caught:
        parse(text)
    assert caught.value.at == line or line is None


def test_bodies_too_deep_are_refused() -> None:
    head = "".join(f"s{i} = scan {{states=0}} : float32[2] {{\n" for i in range(500))
    with pytest.raises(GraphError, match="too deep"):
        parse(head + "}\n" * 500)
