"""The search for the first wrong value: right on any graph, in few runs; pairs of nodes by weights and order."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from irgen.ir.graph import Graph
from irgen.ir.tensor import TensorType
from irgen.reference.bisect import Ancestry, behind, first_wrong
from irgen.reference.pairing import Side, fingerprint, paired

FLOATS = TensorType("float32", (2, 8))


def chain(length: int) -> Graph:
    graph = Graph()
    graph.inputs.append(graph.add("input", (), FLOATS))
    for _ in range(length):
        graph.add("relu", (list(graph.nodes)[-1],), FLOATS)
    graph.outputs.append(list(graph.nodes)[-1])
    return graph


@given(st.integers(2, 400), st.data())
def test_the_first_wrong_value_of_a_chain_is_found_in_a_logarithm_of_runs(length: int, data: st.DataObject):
    graph = chain(length)
    names = list(graph.nodes)[1:]
    fault = data.draw(st.integers(0, length - 1))
    found = first_wrong(names[-1], names[:-1], graph, lambda name: names.index(name) >= fault)
    assert found.node == names[fault]
    assert found.runs <= np.ceil(np.log2(length)) + 1


@st.composite
def nets(draw: st.DrawFn) -> Graph:
    """Sums of random earlier values."""
    graph = Graph()
    graph.inputs.append(graph.add("input", (), FLOATS))
    for _ in range(draw(st.integers(2, 60))):
        names = list(graph.nodes)
        sources = [names[draw(st.integers(max(0, len(names) - 6), len(names) - 1))] for _ in range(2)]
        graph.add("add", sources, FLOATS)
    graph.outputs.append(list(graph.nodes)[-1])
    return graph


@settings(max_examples=200)
@given(nets(), st.data())
def test_with_one_fault_in_any_graph_the_place_is_found(graph: Graph, data: st.DataObject):
    goal = graph.outputs[0]
    names = [name for name in graph.nodes if name not in graph.inputs]
    reach = set(behind(graph, goal, {}))
    fault = data.draw(st.sampled_from([name for name in names if name in reach]))
    ancestry = Ancestry(graph, names)
    wrong = {name for name in names if name == fault or fault in ancestry.among(name, names)}
    found = first_wrong(goal, [name for name in names if name != goal], graph, wrong.__contains__)
    assert found.node == fault
    assert found.runs <= len(names)


def weighted(values: list[np.ndarray], *, drop: int | None = None, turn: int | None = None) -> tuple[Graph, dict]:
    """Linears of some weights, one after the other, each followed by relu; the graph and the values by node."""
    graph, held = Graph(), {}
    x = graph.add("input", (), FLOATS)
    graph.inputs.append(x)
    for i, value in enumerate(values):
        if i == drop:
            continue
        kept = value.T if i == turn else value
        weight = graph.add("param", (), TensorType("float32", kept.shape))
        held[weight] = fingerprint(kept)
        x = graph.add("linear", (x, weight), FLOATS, layout="oi")
        x = graph.add("relu", (x,), FLOATS)
    graph.outputs.append(x)
    return graph, held


def test_nodes_are_paired_by_their_weights_although_one_is_missing_or_turned():
    values = [np.random.default_rng(i).standard_normal((8, 8)) for i in range(6)]
    ours, theirs = Side(*weighted(values)), Side(*weighted(values, drop=2, turn=4))
    pairs = paired(ours, theirs)
    for a, b in pairs.items():
        assert ours.graph[a].op == theirs.graph[b].op
        assert ours.learned[a] == theirs.learned[b]
    linears = [name for name in ours.computing if ours.graph[name].op == "linear"]
    assert [name in pairs for name in linears] == [True, True, False, True, True, True]


def test_a_weight_and_its_transpose_have_one_print_and_others_another():
    value = np.random.default_rng(0).standard_normal((6, 9))
    assert fingerprint(value) == fingerprint(np.ascontiguousarray(value.T))
    assert fingerprint(value) != fingerprint(value * 1.01)
