"""A sub-graph as a function of values at its cut: candidate regions are compared with reference functions by it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from irgen.ir.evaluate import Unevaluable, apply
from irgen.ir.evaluate_base import Values, working
from irgen.ir.evaluate_sizes import reshaped
from irgen.ir.graph import Graph, Node


@dataclass(frozen=True, slots=True)
class Cone:
    """The value at `output` as a function of values at the cut.

    `inner` are the nodes to compute, in order; `outer` the values of what they read besides the cut.
    """

    graph: Graph
    output: str
    inner: Sequence[str]
    outer: Mapping[str, Any]

    def __call__(self, feeds: Mapping[str, Any]) -> Values | None:
        """The value at the output, or None where it cannot be computed.

        Where all fed arrays have the traced shapes, everything is exact. Otherwise sizes follow the arrays: `expand`
        leaves the work to broadcasting, `full` is one element, `reshape` splits and merges the same axes.
        """
        values: dict[str, Any] = {**self.outer, **{name: working(value) for name, value in feeds.items()}}
        nodes = self.graph.nodes
        exact = all(values[name].shape == nodes[name].shape for name in feeds)
        for name in self.inner:
            node = nodes[name]
            args = [values.get(source) if source else None for source in node.inputs]
            if any(source and value is None for source, value in zip(node.inputs, args, strict=True)):
                return None
            try:
                values[name] = apply(node, args) if exact else _loose(self.graph, node, args)
            except (Unevaluable, ValueError):
                return None
        found = values.get(self.output)
        return None if isinstance(found, tuple) else found


def evaluate_cone(
    graph: Graph, output: str, feeds: Mapping[str, Any], params: Mapping[str, Any] | None = None
) -> Values | None:
    """The value at `output` from values at the nodes `feeds` and of parameters, or None where it cannot be computed."""
    given = {**(params or {}), **feeds}
    place = {name: i for i, name in enumerate(graph.nodes)}
    inner, outer = cone_nodes(graph, output, given, place, whole=True)
    return Cone(graph, output, inner, dict.fromkeys(outer))(given)


def cone_nodes(
    graph: Graph, output: str, stop: Collection[str], place: Mapping[str, int], *, whole: bool = False
) -> tuple[list[str], list[str]]:
    """The nodes between the cut and the output, in order, and those that they read from outside.

    Outside is what does not depend on the cut; with `whole`, all of it is taken in instead, down to the leaves.
    """
    cut = set(stop)
    floor = -1 if whole else min((place[name] for name in cut), default=len(place))
    seen, stack = {output}, [output]
    while stack:
        name = stack.pop()
        if name in cut:
            continue
        for source in graph.nodes[name].inputs:
            if source and source not in seen and place[source] >= floor:
                seen.add(source)
                stack.append(source)
    inside: dict[str, None] = {}
    reached = set(cut)
    for name in sorted(seen - cut, key=place.__getitem__):
        if whole or any(source in reached for source in graph.nodes[name].inputs):
            inside[name] = None
            reached.add(name)
    read = [source for name in inside for source in graph.nodes[name].inputs if source]
    outer = [name for name in dict.fromkeys([*read, output]) if name not in inside and name not in cut]
    return list(inside), outer


def _loose(graph: Graph, node: Node, args: list[Any]) -> Any:
    """One call where the sizes of the arrays may differ from the traced ones."""
    if node.op == "expand":
        return args[0].reshape((1,) * (len(node.shape) - args[0].ndim) + args[0].shape)
    if node.op == "full" and node.tensor.size:
        return np.full((1,) * len(node.shape), node.attrs["value"])
    if node.op == "reshape":
        return args[0].reshape(reshaped(args[0].shape, graph.nodes[node.inputs[0]].shape, node.shape, node.id))
    return apply(node, args)
