"""Names mean nothing, dead nodes change nothing, and every node is in one innermost region or counted."""

import random
from collections import Counter
from dataclasses import replace

from irgen import passes, patterns
from irgen.ir.graph import Graph, Provenance
from irgen.ir.tensor import TensorType
from irgen.match.analysis import Analysis
from tests.laws.telling import Telling, told


def renamed(graph: Graph, seed: int) -> Graph:
    """The graph with other node ids and with the names of other nodes."""
    chance = random.Random(seed)
    names = [f"x{i}" for i in range(len(graph))]
    chance.shuffle(names)
    new = dict(zip(graph.nodes, names, strict=True))
    origins = list(graph.provenance.values())
    chance.shuffle(origins)
    nodes = {
        new[node.id]: replace(node, id=new[node.id], inputs=tuple(new[n] if n else "" for n in node.inputs))
        for node in graph
    }
    return replace(
        graph,
        nodes=nodes,
        inputs=[new[n] for n in graph.inputs],
        outputs=[new[n] for n in graph.outputs],
        provenance={new[n]: o for n, o in zip(graph.provenance, origins, strict=True)},
        output_names=[f"out{chance.randrange(99)}" for _ in graph.output_names],
    )


def with_dead_nodes(graph: Graph, seed: int) -> Graph:
    """The graph with nodes that nothing reads, hung on nodes chosen by chance."""
    chance = random.Random(seed)
    nodes = dict(graph.nodes)
    floats = [n for n in graph if not isinstance(n.type, tuple) and n.tensor.is_float and n.op != "output"]
    grown = replace(graph, nodes=nodes)
    for i, node in enumerate(chance.sample(floats, min(25, len(floats)))):
        first = grown.add("exp", [node.id], TensorType(node.dtype, node.shape), id=f"dead{i}")
        grown.add("add", [first, node.id], TensorType(node.dtype, node.shape), id=f"deader{i}")
    return grown


def test_names_shuffled_change_nothing(twin: Graph, telling: Telling):
    assert told(renamed(twin, 1)) == telling


def test_names_removed_change_nothing(twin: Graph, telling: Telling):
    assert told(replace(twin, provenance={}, output_names=["" for _ in twin.output_names])) == telling


def test_misleading_names_change_nothing(twin: Graph, telling: Telling):
    lies = {n: Provenance(name="mamba", module="encoder.moe.router", cls="Conv2d", call="softmax") for n in twin.nodes}
    assert told(replace(twin, provenance=lies)) == telling


def test_dead_nodes_change_nothing(twin: Graph, telling: Telling):
    assert told(with_dead_nodes(twin, 2)) == telling


def test_every_node_is_in_one_innermost_region_or_counted_as_unknown(twin: Graph):
    canonical = passes.normalise(twin)
    regions, found = patterns.label(canonical)
    innermost: Counter[str] = Counter()
    waiting = list(regions)
    while waiting:
        region = waiting.pop()
        below = {node for child in region.children for node in child.nodes}
        assert below <= set(region.nodes)
        innermost.update(node for node in region.nodes if node not in below)
        waiting += region.children
    assert max(innermost.values()) == 1
    carries = Analysis(canonical).is_data
    outside = Counter(n.op for n in canonical if n.id not in innermost and n.op not in SILENT and carries(n.id))
    assert dict(outside) == found.unknown


SILENT = {
    "input",
    "param",
    "const",
    "arange",
    "full",
    "reshape",
    "transpose",
    "expand",
    "slice",
    "cast",
    "concat",
    "pick",
}
"""Operators that move or hold and do not compute; and what depends on no input (masks, positions) is not counted."""
