"""What every pass is made of: the `Pass` record, and the sweep that rewrites a graph in one walk in execution order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from operator import attrgetter

from irgen.ir.graph import NO_ATTRS, Array, Attr, Graph, Node, Provenance, Types

Rule = Callable[[Node, "Builder"], "str | Node | None"]
"""Reads one node whose inputs are rewritten already. Gives None (keep it), an id (that value instead of this node),
or a node of the same id (this computation instead)."""

Rules = Mapping[str, tuple[Rule, ...]]


@dataclass(frozen=True, slots=True)
class Pass:
    """One file of this folder: what it does, and the passes that must have run before it.

    Either a table of `rules` by operator (neighbouring tables are applied together, in one walk), or `run`, a
    function from graph to graph. It gives back the very same graph where it found nothing to do: that is how the
    engine knows a fixed point.
    """

    run: Callable[[Graph], Graph] | None = None
    rules: Rules | None = None
    after: tuple[str, ...] = ()


_INPUTS = attrgetter("inputs")


class Builder:
    """The part of the new graph that is already built, and how often each value is read."""

    def __init__(self, graph: Graph) -> None:
        self.nodes: dict[str, Node] = {}
        self.provenance: dict[str, Provenance] = dict(graph.provenance)
        self.uses: Counter[str] = Counter(chain.from_iterable(map(_INPUTS, graph.nodes.values())))
        self.uses.update(graph.outputs)
        self._taken = graph.nodes
        self._root = ""

    def __getitem__(self, node: str) -> Node:
        return self.nodes[node]

    def only_use(self, node: str) -> bool:
        """Whether the value is read once (counts are never too low)."""
        return self.uses[node] <= 1

    def emit(self, op: str, inputs: Iterable[str], type: Types, **attrs: Attr) -> str:
        """Add a node in front of the one being rewritten and give its id."""
        return self._add(op, tuple(inputs), type, attrs or NO_ATTRS, None)

    def constant(self, value: Array, type: Types) -> str:
        """Add a constant in front of the node being rewritten and give its id."""
        return self._add("const", (), type, NO_ATTRS, value)

    def _add(
        self, op: str, inputs: tuple[str, ...], type: Types, attrs: Mapping[str, Attr], value: Array | None
    ) -> str:
        number = 1
        while (name := f"{self._root}_{number}") in self.nodes or name in self._taken:
            number += 1
        node = Node(name, op, inputs, type, attrs, value)
        self.nodes[name] = node
        self.uses[name] += 1
        self.uses.update(source for source in node.inputs if source)
        if self._root in self.provenance:
            self.provenance[name] = self.provenance[self._root]
        return name

    def instead(self, node: Node, op: str, inputs: Iterable[str], **attrs: Attr) -> Node:
        """The node with another computation of the same type; its id and provenance stay."""
        made = Node(node.id, op, tuple(inputs), node.type, attrs or NO_ATTRS)
        self.uses.update(source for source in made.inputs if source)
        return made

    def keep_symbols(self, name: str, gone: Node) -> None:
        """Let a value know the symbols of the node that it stands for from now on."""
        kept = self.nodes[name]
        if isinstance(kept.type, tuple) or isinstance(gone.type, tuple) or kept.type.symbols:
            return
        if gone.type.symbols and gone.type.shape == kept.type.shape:
            self.nodes[name] = replace(kept, type=replace(kept.type, symbols=gone.type.symbols))

    def rewrite(self, node: Node, rules: Rules) -> str | Node:
        """What the rules make of a node, applied until none of them has anything more to say."""
        self._root = node.id
        for _ in range(8):
            for rule in rules.get(node.op, ()):
                found = rule(node, self)
                if found is not None:
                    break
            else:
                return node
            if isinstance(found, str):
                return found
            node = found
        return node


def known(*nodes: Node) -> bool:
    """Whether the sizes of all these values are known."""
    for node in nodes:
        kind = node.type
        if isinstance(kind, tuple) or kind.shape is None or (kind.shape and min(kind.shape) < 0):
            return False
    return True


def sweep(graph: Graph, rules: Rules) -> Graph:
    """Apply rules (by operator) to every node in execution order; the same object if nothing changed."""
    if not any(node.op in rules for node in graph):
        return graph
    builder = Builder(graph)
    instead: dict[str, str] = {}
    changed = False
    for original in graph:
        node = original
        if instead and not instead.keys().isdisjoint(node.inputs):
            node = replace(node, inputs=tuple(instead.get(source, source) for source in node.inputs))
        found = builder.rewrite(node, rules) if node.op in rules else node
        if isinstance(found, str):
            instead[original.id] = found
            builder.uses[found] += builder.uses[original.id]
            builder.keep_symbols(found, original)
            changed = True
        else:
            changed = changed or found is not original
            builder.nodes[original.id] = found
    if not changed:
        return graph
    outputs = [instead.get(name, name) for name in graph.outputs]
    return replace(graph, nodes=builder.nodes, outputs=outputs, provenance=builder.provenance).pruned()


def to_fixed_point(graph: Graph, rules: Rules, most: int = 12) -> Graph:
    """Sweep until nothing changes; `most` bounds the number of sweeps."""
    for _ in range(most):
        swept = sweep(graph, rules)
        if swept is graph:
            break
        graph = swept
    return graph
