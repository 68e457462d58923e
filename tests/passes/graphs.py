"""Small helpers for pass tests: graphs as text, their canonical form, and the proof that it computes the same."""

from __future__ import annotations

import numpy as np

from irgen.ir.evaluate import run
from irgen.ir.graph import Graph, Node
from irgen.ir.text import parse
from irgen.passes import normalise
from irgen.passes.weights import COMPUTED, Weights

LEAVES = {"input", "param", "const", "arange", "full"}
VIEWS = {"reshape", "transpose", "expand"}


def leaf_values(graph: Graph, seed: int = 0) -> dict[str, np.ndarray]:
    """Random values for inputs and parameters; integers are small and not negative."""
    rng = np.random.default_rng(seed)
    found = {}
    for node in graph:
        if node.op in {"input", "param"}:
            kind = node.dtype
            if kind == "bool":
                found[node.id] = rng.random(node.shape) < 0.5
            elif node.tensor.is_float:
                found[node.id] = rng.standard_normal(node.shape)
            else:
                found[node.id] = rng.integers(0, 3, node.shape)
    return found


def canonical(text: str | Graph, *, same: bool = True) -> Graph:
    """The canonical form of a graph, checked: idempotent, in order, and (unless `same` is false) of equal values."""
    graph = parse(text) if isinstance(text, str) else text
    done = normalise(graph)
    assert normalise(done) is done
    seen: set[str] = set()
    for node in done:
        assert all(source in seen for source in node.inputs if source), f"{node.id} stands before what it reads"
        seen.add(node.id)
    if same:
        leaves = leaf_values(graph)
        for before, after in zip(graph.outputs, done.outputs, strict=True):
            wanted, found = run(graph, leaves, {}, [before])[before], run(done, leaves, {}, [after])[after]
            np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)
    return done


def operators(graph: Graph) -> list[str]:
    """The operators of a graph in alphabetical order, without leaves, views and the arithmetic of weights."""
    weights = Weights(graph)
    live = (node for node in graph if weights.of(graph.nodes, node.id) >= COMPUTED)
    return sorted(node.op for node in live if node.op not in LEAVES | VIEWS)


def result(graph: Graph) -> Node:
    """The node that gives the first output."""
    return graph[graph.outputs[0]]
