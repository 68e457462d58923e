"""The same view of the same value taken twice is one view (never weights: parameters are equal by identity only)."""

from __future__ import annotations

from dataclasses import replace

from irgen.ir.graph import Graph
from irgen.passes.engine import Pass

_VIEWS = frozenset({"slice", "reshape", "transpose", "expand", "pick", "roll", "pad", "cast", "stop_gradient"})


def run(graph: Graph) -> Graph:
    """Let every reader of a repeated view read the first one."""
    first: dict[tuple[object, ...], str] = {}
    instead: dict[str, str] = {}
    nodes = dict(graph.nodes)
    for name, node in graph.nodes.items():
        if instead and not instead.keys().isdisjoint(node.inputs):
            node = replace(node, inputs=tuple(instead.get(source, source) for source in node.inputs))  # noqa: PLW2901
            nodes[name] = node
        if node.op in _VIEWS:
            key = (node.op, node.inputs, tuple(sorted(node.attrs.items())) if node.attrs else (), node.type)
            kept = first.setdefault(key, name)
            if kept != name:
                instead[name] = kept
                del nodes[name]
    if not instead:
        return graph
    return replace(graph, nodes=nodes, outputs=[instead.get(name, name) for name in graph.outputs]).pruned()


PASS = Pass(run=run, after=("moves",))
