"""Graphs whose sizes are partly unknown come through every pass, and unknown sizes are equal to nothing."""

from dataclasses import replace
from random import Random

import pytest
import torch

from irgen.frontends.torch_live import capture
from irgen.ir.graph import Graph, Node
from irgen.ir.tensor import TensorType
from irgen.ir.text import parse
from irgen.passes import normalise
from tests.passes.rotaries import LENGTH, ROTARIES, Query
from tests.passes.spellings import SPELLINGS, Spelt

KEPT = {"param", "const", "full", "arange"}


def forgotten(node: Node, rng: Random) -> Node:
    """The node with its sizes, or even its rank, unknown."""
    if isinstance(node.type, tuple) or node.op in KEPT:
        return node
    sizes = node.type.shape or ()
    shape = None if rng.random() < 0.5 else tuple(-1 if rng.random() < 0.5 else n for n in sizes)
    return replace(node, type=TensorType(node.dtype, shape))


def graphs() -> list[Graph]:
    spelt = [capture(Spelt(each).eval(), (torch.randn(each.shape),)) for each in SPELLINGS[::3]]
    return spelt + [capture(Query(each.function).eval(), (torch.randn(2, LENGTH, 6),)) for each in ROTARIES[::3]]


def test_any_sizes_may_be_unknown():
    rng = Random(0)
    for graph in graphs():
        for share in (0.1, 0.5, 1.0):
            nodes = {k: forgotten(v, rng) if rng.random() < share else v for k, v in graph.nodes.items()}
            done = normalise(replace(graph, nodes=nodes))
            assert normalise(done) is done


@pytest.mark.parametrize(
    "line",
    [
        "y = slice(x) {axis=0, start=1, stop=3, step=1} : float32[*]",
        "y = reshape(x) : float32[*]",
        "y = expand(x) : float32[*]",
        "y = adaptive_pool(x) {mode=avg} : float32[*]",
    ],
)
def test_unknown_is_not_equal(line: str):
    graph = parse(f"x = input : float32[*]\n{line}\n")
    assert normalise(graph) is graph
