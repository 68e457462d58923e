"""Group norm: a norm over groups split off by views, and the scale and shift of each channel behind it."""

from __future__ import annotations

from irgen.ir.attrs import integer, integers
from irgen.ir.graph import Graph, Node
from irgen.passes.engine import Builder, Pass, Rule, known, to_fixed_point
from irgen.passes.linear import flat
from irgen.passes.weights import WEIGHT, Weights


def between_views(node: Node, b: Builder) -> Node | None:
    """View [n, g, …], norm of each group, view back: a norm over g groups of channels.

    Files that know only instance norm write it with one scale and shift a group, which are ones and zeros.
    """
    norm = b[node.inputs[0]]
    if norm.op not in {"layer_norm", "group_norm"} or not b.only_use(norm.id) or len(node.shape) < 3 or not known(node):
        return None
    split = b[norm.inputs[0]]
    if split.op != "reshape" or b[split.inputs[0]].shape != node.shape or len(split.shape) < 3:
        return None
    groups = split.shape[1]
    if split.shape[0] != node.shape[0] or node.shape[1] % groups or norm.attrs.get("correction") or groups == 1:
        return None
    if norm.op == "layer_norm":
        whole = integers(norm, "axes") == tuple(range(2, len(split.shape))) and len(norm.inputs) == 1
    else:
        whole = integer(norm, "groups") == groups
    return b.instead(node, "group_norm", split.inputs, groups=groups, eps=norm.attrs["eps"]) if whole else None


class _Affine:
    def __init__(self, graph: Graph) -> None:
        self.weights = Weights(graph)

    def _found(self, node: Node, b: Builder) -> tuple[Node, str] | None:
        for port in (0, 1):
            norm, vector = b[node.inputs[port]], node.inputs[1 - port]
            if norm.op != "group_norm" or norm.shape != node.shape or not b.only_use(norm.id):
                continue
            if not known(node, b[vector]):
                continue
            rank, shape = len(node.shape), b[vector].shape
            padded = (1,) * (rank - len(shape)) + shape
            channel = tuple(n if axis == 1 else 1 for axis, n in enumerate(node.shape))
            if padded == channel and self.weights.of(b.nodes, vector) == WEIGHT:
                return norm, flat(vector, (node.shape[1],), b)
        return None

    def scale(self, node: Node, b: Builder) -> Node | None:
        """One factor a channel behind a norm that has none."""
        found = self._found(node, b)
        if found is None:
            return None
        norm, vector = found
        x, *rest = norm.inputs
        return None if rest else b.instead(node, "group_norm", (x, vector), **norm.attrs)

    def shift(self, node: Node, b: Builder) -> Node | None:
        """One term a channel behind a norm that has none."""
        found = self._found(node, b)
        if found is None or len(found[0].inputs) > 2:
            return None
        norm, vector = found
        ports = [*norm.inputs, ""][:2]
        return b.instead(node, "group_norm", (*ports, vector), **norm.attrs)


def run(graph: Graph) -> Graph:
    """Raise group norms and take in what scales and shifts the channels."""
    if not any(node.op in {"group_norm", "layer_norm"} for node in graph):
        return graph
    affine = _Affine(graph)
    rules: dict[str, tuple[Rule, ...]] = {
        "reshape": (between_views,),
        "mul": (affine.scale,),
        "add": (affine.shift,),
    }
    return to_fixed_point(graph, rules)


PASS = Pass(run, after=("cones",))
