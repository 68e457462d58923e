"""The evaluator on whole graphs and on operators that carry a body; and what it refuses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from irgen.errors import IrgenError
from irgen.ir.evaluate import Unevaluable, apply, evaluable, run
from irgen.ir.graph import Graph, Node
from irgen.ir.tensor import TensorType
from irgen.ir.text import parse
from tests.support.graphs import graphs, shuffled

R = np.random.default_rng(3)


def test_runs_a_graph_from_inputs_and_parameters() -> None:
    graph = parse("""
        x = input : float32[2, 4]
        w = param : float32[3, 4]
        y = linear(x, w) {layout=oi}
        z = softmax(y) {axis=1}
    """)
    x, w = R.standard_normal((2, 4)), R.standard_normal((3, 4))
    found = run(graph, {"x": x}, {"w": w})
    scores = np.exp(x @ w.T)
    np.testing.assert_allclose(found["z"], scores / scores.sum(1, keepdims=True))
    np.testing.assert_allclose(run(graph, {"x": x}, {"w": w}, ["y"])["y"], x @ w.T)


def test_a_node_in_the_middle_can_be_given() -> None:
    graph = parse("x = input : float32[2]\ny = exp(x)\nz = neg(y)")
    assert run(graph, {"y": np.array([1.0, 2.0])}, {})["z"].tolist() == [-1, -2]


def test_floats_are_computed_in_float64_and_casts_between_them_change_nothing() -> None:
    graph = parse("x = input : float16[1]\ny = cast(x) : bfloat16[1]\nz = div(y, 3.0) : bfloat16[1]")
    found = run(graph, {"x": np.array([1.0], np.float16)}, {})["z"]
    assert found.dtype == np.float64
    assert found[0] == 1 / 3


def test_wide_values_become_whole_without_a_warning() -> None:
    node = Node("y", "cast", ("x",), TensorType("int64", (3,)))
    found = apply(node, [np.array([np.inf, np.nan, -2.7])])
    assert isinstance(found, np.ndarray)
    assert found.tolist()[1:] == [0, -2]


SCAN = """
    a = input : float32[5, 2]
    x = input : float32[2, 5]
    s = input : float32[2]
    f = scan(s, a, x) {states=1, scanned=2, axes=(0, 1, 1)} : (float32[2], float32[2, 5]) {
      state = input : float32[2]
      decay = input : float32[2]
      item = input : float32[2]
      kept = mul(state, decay)
      new = add(kept, item)
      return new, new
    }
    last = pick(f) {index=0}
    all = pick(f) {index=1}
    return last, all
"""


def test_a_scan_carries_its_state() -> None:
    a, x, s = R.standard_normal((5, 2)), R.standard_normal((2, 5)), R.standard_normal(2)
    found = run(parse(SCAN), {"a": a, "x": x, "s": s}, {})
    expected = []
    for i in range(5):
        s = s * a[i] + x[:, i]
        expected.append(s)
    np.testing.assert_allclose(found["last"], s)
    np.testing.assert_allclose(found["all"], np.stack(expected, 1))


LOOP = """
    x = input : float32[]
    n = const 10
    t = const true
    l = loop(n, t, x) {states=1} : (float32[], int64[3]) {
      i = input : int64[]
      going = input : bool[]
      state = input : float32[]
      next = mul(state, 2.0)
      more = lt(next, 100.0)
      return more, next, i
    }
    y = pick(l) {index=0}
    steps = pick(l) {index=1}
    return y, steps
"""


def test_a_loop_stops_at_its_condition() -> None:
    found = run(parse(LOOP), {"x": np.array(16.0)}, {})
    assert found["y"] == 128
    assert found["steps"].tolist() == [0, 1, 2]


def test_an_endless_loop_is_refused() -> None:
    graph = parse("""
        t = const true
        x = const 1.0
        l = loop(_, t, x) {states=1} : (float32[],) {
          i = input : int64[]
          going = input : bool[]
          state = input : float32[]
          return going, state
        }
        y = pick(l) {index=0}
    """)
    with pytest.raises(Unevaluable, match="longer than"):
        run(graph, {}, {})


ATTENTION = """
    q = input : float32[3, 4]
    k = input : float32[5, 4]
    v = input : float32[5, 4]
    a = attention(q, k, v) : (float32[3, 4], float32[3, 5]) {
      q = input : float32[3, 4]
      k = input : float32[5, 4]
      v = input : float32[5, 4]
      kt = transpose(k) {perm=(1, 0)}
      s = matmul(q, kt)
      p = softmax(s) {axis=1}
      o = matmul(p, v)
      return o, p
    }
    out = pick(a) {index=0}
"""


def test_attention_runs_its_body() -> None:
    q, k, v = R.standard_normal((3, 4)), R.standard_normal((5, 4)), R.standard_normal((5, 4))
    scores = np.exp(q @ k.T)
    found = run(parse(ATTENTION), {"q": q, "k": k, "v": v}, {})["out"]
    np.testing.assert_allclose(found, scores / scores.sum(1, keepdims=True) @ v)


def test_a_branch_with_one_result_gives_an_array() -> None:
    graph = parse("x = input : float32[2]\ny = cond(x, x) : float32[2] {\n a = input : float32[2]\n b = neg(a)\n}")
    assert run(graph, {"x": np.ones(2)}, {})["y"].tolist() == [-1, -1]


@pytest.mark.parametrize(("node", "why"), [
    (Node("n", "opaque", (), TensorType("float32", ()), {"name": "a::b"}), "no numpy meaning for opaque a::b"),
    (Node("n", "input", (), TensorType("float32", ())), "no value of its own"),
    (Node("n", "param", (), TensorType("float32", ())), "a parameter has no value"),
    (Node("n", "random", (), TensorType("float32", ()), {"law": "normal"}), "drawn anew"),
    (Node("n", "const", (), TensorType("float32", ())), "is absent"),
    (Node("n", "softmax", ("x",), TensorType("float32", (2, 2)), {}), "no attribute 'axis'"),
    (Node("n", "reshape", ("x",), TensorType("float32", (3,))), "reshape"),
    (Node("n", "scan", ("x",), TensorType("float32", (3,)), {"states": 0, "scanned": 1, "axes": (0,)}), "no body"),
], ids=str)  # fmt: skip
def test_says_why_a_node_has_no_value(node: Node, why: str) -> None:
    with pytest.raises(Unevaluable, match=why) as caught:
        apply(node, [np.zeros((2, 2))] * len(node.inputs))
    assert isinstance(caught.value, IrgenError)


def test_every_operator_but_the_leaves_and_the_unknown_has_a_meaning() -> None:
    from irgen.ir.ops import OPS

    assert {op for op in OPS if not evaluable(op)} == {"input", "param", "random", "opaque"}


@given(graphs(), st.randoms(use_true_random=False))
def test_order_of_nodes_and_of_commutative_operands_means_nothing(graph: Graph, chance: object) -> None:
    given_values = {
        node.id: np.random.default_rng(i).uniform(0.1, 0.9, [max(n, 1) for n in node.shape])
        for i, node in enumerate(graph)
        if node.op in {"input", "param", "opaque"} or (node.op == "const" and node.value is None)
    }
    try:
        one = run(graph, given_values, {})
    except Unevaluable as refused:
        with pytest.raises(Unevaluable, match=refused.what[:5]):
            run(shuffled(graph, chance), given_values, {})
        return
    other = run(shuffled(graph, chance), given_values, {})
    for name, value in one.items():
        if value.dtype.kind != "O":
            np.testing.assert_allclose(other[name], value, rtol=1e-9)
