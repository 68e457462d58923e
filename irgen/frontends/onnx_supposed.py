"""Sizes that depend on the values of an input (how many images are no padding), as one random input gives them."""

from __future__ import annotations

import numpy as np

from irgen.ir.evaluate import Unevaluable, apply
from irgen.ir.graph import Array, Graph
from irgen.ir.ops import BINARY, MOVES, REDUCTIONS, UNARY

FINDING = "a size depends on the values of an input; it is what floating inputs without padding give"

_CONE = 60
_SIZE = 1 << 22
_PLAIN = UNARY | BINARY | MOVES | REDUCTIONS


def supposed(graph: Graph, name: str) -> Array | None:
    """The value of a node that is plain arithmetic on floating inputs, for one random input; None for any other.

    Masks of ones stand for masks. What learned tensors, look-ups or ids decide (routing) is not supposed.
    """
    order: list[str] = []
    seen, stack = {name}, [name]
    while stack:
        at = stack.pop()
        node = graph.nodes[at]
        order.append(at)
        if len(seen) > _CONE or isinstance(node.type, tuple) or not 0 <= node.tensor.size <= _SIZE:
            return None
        if node.op == "input" and not (node.tensor.is_float or node.dtype == "bool"):
            return None
        if node.op not in _PLAIN and node.op not in {"input", "const", "full", "arange"}:
            return None
        new = [s for s in node.inputs if s and s not in seen]
        seen.update(new)
        stack.extend(new)
    return _evaluated(graph, order)


def _evaluated(graph: Graph, order: list[str]) -> Array | None:
    """The value of the first node; nodes of a growing graph stand behind what they read."""
    place = {name: i for i, name in enumerate(graph.nodes)}
    values: dict[str, Array] = {}
    chance = np.random.default_rng(0)
    try:
        for at in sorted(order, key=place.__getitem__):
            node = graph.nodes[at]
            if node.op == "input":
                floating = node.tensor.is_float
                values[at] = chance.standard_normal(node.shape) if floating else np.ones(node.shape, dtype=bool)
                continue
            if node.op == "const" and node.value is None:
                return None
            found = apply(node, [values[s] if s else None for s in node.inputs])
            if isinstance(found, tuple):
                return None
            values[at] = found
    except Unevaluable:
        return None
    return values[order[0]]
