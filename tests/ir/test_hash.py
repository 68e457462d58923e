"""Structural hashes: blind to names, ids and order; sharp on everything that changes the computation."""
# ruff: noqa: E501

import random
import time

from hypothesis import given
from hypothesis import strategies as st

from irgen.ir.graph import Graph
from irgen.ir.hash import Hashes, hash_graph, hash_nodes, hash_region
from irgen.ir.tensor import TensorType
from irgen.ir.text import parse
from tests.support.graphs import graphs, renamed, shuffled


@given(graphs(), st.randoms(use_true_random=False))
def test_names_ids_and_order_mean_nothing(graph: Graph, chance: random.Random) -> None:
    ids = [f"id{i}" for i in range(len(graph))]
    chance.shuffle(ids)
    other = renamed(shuffled(graph, chance), dict(zip(graph.nodes, ids, strict=True)))
    assert hash_graph(other) == hash_graph(graph)


@given(graphs())
def test_dead_nodes_mean_nothing(graph: Graph) -> None:
    before = hash_graph(graph)
    graph.add("neg", (graph.inputs[0],), graph[graph.inputs[0]].type, id="dead")
    assert hash_graph(graph) == before


def of(text: str) -> str:
    return hash_graph(parse("x = input : float32[batch=2, 4]\nz = input : float32[2, 4]\n" + text))


def test_tells_apart_what_computes_something_else() -> None:
    texts = [
        "y = add(x, z)", "y = sub(x, z)", "y = sub(z, x)", "y = add(x, x)", "y = mul(x, z)", "y = mul(x, 0.5)",
        "y = mul(x, 0.25)", "y = softmax(x) {axis=0}", "y = softmax(x) {axis=1}", "y = relu(x)", "y = relu(z)",
        "w = param : float32[4, 4]\ny = linear(x, w) {layout=oi}", "w = param : float32[4, 4]\ny = linear(x, w) {layout=io}",
        "w = param : float32[3, 4]\ny = linear(x, w) {layout=oi}", "w = param : float16[4, 4]\ny = linear(x, w) {layout=oi}",
        "w = param : float32[4]\nu = param : float32[4]\ny = mul(x, w)\nv = mul(y, u)",
        "w = param : float32[4]\ny = mul(x, w)\nv = mul(y, w)", "y = relu(x)\nreturn y, y", "y = relu(x)\nreturn y, x",
        "y = relu(x)\nreturn x, y",
        "a = relu(x)\ny = add(a, a)", "a = relu(x)\nb = relu(x)\ny = sub(a, b)", "a = relu(x)\nb = relu(x)\ny = add(a, b)",
    ]  # fmt: skip
    assert len({of(text) for text in texts}) == len(texts)


def test_commutative_operands_may_swap_and_others_may_not() -> None:
    assert of("a = relu(x)\ny = add(a, z)") == of("a = relu(x)\ny = add(z, a)")
    assert of("a = relu(x)\ny = sub(a, z)") != of("a = relu(x)\ny = sub(z, a)")


def test_symbols_stand_for_sizes() -> None:
    one, other, fixed = (
        hash_graph(parse(f"x = input : float32[{dim}, 8]\ny = relu(x) : float32[{dim}, 8]"))
        for dim in ("seq=7", "seq=19", "7")
    )
    assert one == other != fixed


def deep(layers: int) -> tuple[Graph, list[list[str]]]:
    """A chain of equal residual layers; every other one has its sum the other way round."""
    graph, groups = Graph(), []
    kind = TensorType("float32", (2, 8))
    x = graph.add("input", (), kind)
    graph.inputs = [x]
    for i in range(layers):
        start = len(graph)
        norm = graph.add("rms_norm", (x,), kind, axes=(1,), eps=1e-5)
        w = graph.add("param", (), TensorType("float32", (8, 8)))
        up = graph.add("linear", (norm, w), kind, layout="oi")
        branch = graph.add("mul", (up, graph.add("sigmoid", (norm,), kind)), kind)
        x = graph.add("add", (x, branch) if i % 2 else (branch, x), kind)
        groups.append(list(graph.nodes)[start:])
    graph.outputs = [x]
    return graph, groups


def test_equal_layers_have_equal_hashes_wherever_they_stand() -> None:
    graph, layers = deep(5)
    hashes = Hashes(graph)
    assert len({hashes.region(layer) for layer in layers}) == 1
    assert hash_region(graph, reversed(layers[2])) == hashes.region(layers[0])
    assert hashes.region(layers[0][:-1]) != hashes.region(layers[0])


def test_a_region_tells_which_of_its_inputs_is_used_twice() -> None:
    one = parse("a = input : float32[4]\nb = input : float32[4]\np = relu(a)\nq = mul(p, b)\ny = add(q, a)")
    other = parse("a = input : float32[4]\nb = input : float32[4]\np = relu(a)\nq = mul(p, b)\ny = add(q, b)")
    assert hash_region(one, ["p", "q", "y"]) != hash_region(other, ["p", "q", "y"])


def test_like_ports_are_told_apart_by_what_else_reads_them() -> None:
    one = parse("a = input : float32[4]\nb = input : float32[4]\ns = add(a, b)\ny = sub(s, a)")
    other = parse("a = input : float32[4]\nb = input : float32[4]\ns = add(b, a)\ny = sub(s, a)")
    assert hash_region(one, ["s", "y"]) == hash_region(other, ["s", "y"])


def test_nodes_with_equal_cones_have_equal_hashes() -> None:
    hashes = hash_nodes(parse("x = input : float32[4]\na = relu(x)\nb = relu(x)\nc = neg(a)\ny = add(a, b)"))
    assert hashes["a"] == hashes["b"] != hashes["c"]


def test_takes_time_linear_in_the_nodes() -> None:
    graph, layers = deep(2000)
    start = time.perf_counter()
    hashes = Hashes(graph)
    assert len({hashes.region(layer) for layer in layers}) == 1
    assert hashes.graph
    assert time.perf_counter() - start < 5
