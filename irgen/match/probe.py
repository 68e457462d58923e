"""The value of any node under a seeded probe run, computed when it is asked for."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, cast

import numpy as np

from irgen.ir.evaluate import Unevaluable, apply
from irgen.ir.evaluate_base import Values, working
from irgen.ir.evaluate_sizes import TARGETED, followed
from irgen.ir.graph import Graph, Node
from irgen.match.draws import Draws
from irgen.match.fed import Cone, cone_nodes, evaluate_cone

__all__ = ["Cone", "Probe", "evaluate_cone"]

LIMIT = 4_000_000
"""Elements of the largest value that is computed."""
BUDGET = 1 << 29
"""Bytes of large values that a run keeps; the oldest are forgotten, and computed anew if they are asked for again."""
_LARGE = 1 << 16
COST = 2_000_000_000
"""Multiplications of the costliest product that is computed."""


class Probe:
    """One seeded probe run of a graph in float64.

    Contractions with learned tensors (and recurrent layers and opaque operators) are *stubs*: standard normal
    values of the right shape that do not depend on their inputs. Whatever holds for the values behind them holds
    for any weights. Everything else is computed. Seeds depend on the draw and on structure, never on names.
    """

    def __init__(self, graph: Graph, *, draw: int = 0, limit: int = LIMIT) -> None:
        self.graph = graph
        self.draw = draw
        self.limit = limit
        self.draws = Draws(graph)
        self._values: dict[str, Any] = {}
        self._reasons: dict[str, str] = {}
        self._parent: Probe | None = None
        self._affected: dict[str, bool] = {}
        self._floor = 0
        self._large: dict[str, int] = {}
        self._held = 0

    def another(self, draw: int) -> Probe:
        """A probe run of the same graph with another draw; what was found out about the graph is shared."""
        return self._sibling(draw)

    def _sibling(self, draw: int) -> Probe:
        new = Probe.__new__(Probe)
        new.graph, new.draw, new.limit, new.draws = self.graph, draw, self.limit, self.draws
        new._values, new._reasons, new._parent, new._affected, new._floor = {}, {}, None, {}, 0
        new._large, new._held = {}, 0
        return new

    def override(self, values: Mapping[str, Any]) -> Probe:
        """The same run with the values of some nodes fixed; what does not depend on them is shared, not recomputed.

        Stubs stay as they are: they depend on nothing. A value of another shape than the traced one is allowed, as
        long as what reads it does not reshape it.
        """
        new = self._sibling(self.draw)
        new._parent = self
        new._values = {name: working(value) for name, value in values.items()}
        new._affected = dict.fromkeys(values, True)
        new._floor = min((self.draws.place[name] for name in values), default=len(self.draws.order))
        return new

    def value(self, name: str) -> Values | None:
        """The value of a node with one result, or None (see `why`) if it is too large or cannot be computed."""
        found = self._found(name)
        return None if isinstance(found, tuple) else found

    def results(self, name: str) -> tuple[Values, ...] | None:
        """The values of a node with several results."""
        found: tuple[Values, ...] | Values | None = self._found(name)
        return found if isinstance(found, tuple) else None

    def why(self, name: str) -> str:
        """Why a node has no value; the empty string if it has one."""
        self._found(name)
        probe: Probe | None = self
        while probe is not None:
            if name in probe._reasons:
                return probe._reasons[name]
            probe = probe._parent
        return ""

    def is_stub(self, name: str) -> bool:
        """Whether a node is drawn at random instead of being computed."""
        return name in self.draws.stubs

    def cone(self, output: str, stop: Collection[str]) -> Cone:
        """The function from values at the nodes `stop` to the value at `output`.

        Call it with `{id: array}`; it gives an array, or None where it cannot be computed. Nodes of the cone that
        do not depend on `stop` keep their values of this run. Fed shapes may differ from the traced ones.
        """
        inner, outer = cone_nodes(self.graph, output, stop, self.draws.place)
        return Cone(self.graph, output, inner, {name: self._found(name) for name in outer})

    # -- evaluation ------------------------------------------------------------------------------------------

    def _found(self, name: str) -> Any:
        """The cached value of a node, computing what it needs without recursion."""
        stack = [name]
        while stack:
            top = stack[-1]
            if top in self._values:
                stack.pop()
                continue
            if self._parent is not None and not self._is_affected(top):
                self._values[top] = self._parent._found(top)
                stack.pop()
                continue
            node = self.graph.nodes[top]
            missing = [s for s in self._needs(node) if s not in self._values]
            if missing:
                stack.extend(reversed(missing))
                continue
            self._keep(top, self._computed(node))
            stack.pop()
        found = self._values[name]
        self._forget()
        return found

    def _keep(self, name: str, value: Any) -> None:
        self._values[name] = value
        parts = cast("tuple[Values, ...]", value) if isinstance(value, tuple) else () if value is None else (value,)
        size = sum(part.nbytes for part in parts)
        if size >= _LARGE:
            self._large[name] = size
            self._held += size

    def _forget(self) -> None:
        """Drop the oldest large values until the rest fits the budget."""
        while self._held > BUDGET:
            oldest = next(iter(self._large))
            self._held -= self._large.pop(oldest)
            del self._values[oldest]

    def _needs(self, node: Node) -> list[str]:
        if node.id in self.draws.stubs or self._too_large(node):
            return []
        if self._by_rows(node):
            return [node.inputs[1]]
        return [source for source in node.inputs if source]

    def _is_affected(self, name: str) -> bool:
        """Whether a value depends on what this probe overrides."""
        known, place = self._affected, self.draws.place
        stack = [name]
        while stack:
            top = stack[-1]
            if top not in known:
                if place[top] < self._floor or top in self.draws.stubs:
                    known[top] = False
                else:
                    sources = [s for s in self.graph.nodes[top].inputs if s]
                    unknown = [s for s in sources if s not in known]
                    if unknown:
                        stack.extend(unknown)
                        continue
                    known[top] = any(known[s] for s in sources)
            stack.pop()
        return known[name]

    def _too_large(self, node: Node) -> bool:
        kinds = node.type if isinstance(node.type, tuple) else (node.type,)
        return any(kind.size > self.limit for kind in kinds)

    def _by_rows(self, node: Node) -> bool:
        """A look-up in a learned table that is too large to draw."""
        if node.op not in {"embedding", "gather"}:
            return False
        table = self.graph.nodes[node.inputs[0]]
        return table.op == "param" and self._too_large(table)

    def _computed(self, node: Node) -> Any:
        name = node.id
        if self._too_large(node):
            return self._refuse(name, f"{node.op} has more than {self.limit} elements")
        if name in self.draws.stubs or node.op in {"input", "param", "random"}:
            return self._drawn(node)
        args = [self._values[s] if s and s in self._values else None for s in node.inputs]
        for source, value in zip(node.inputs, args, strict=True):
            if source and value is None and source in self._values:
                return self._refuse(name, self.why(source))
        if self._by_rows(node):
            axis = node.attrs.get("axis", 0)
            table = self.graph.nodes[node.inputs[0]].tensor
            index: Any = args[1]
            return self.draws.rows(node.inputs[0], table, index, axis if isinstance(axis, int) else 0, self.draw)
        if _cost(node, args) > COST:
            return self._refuse(name, f"{node.op} costs more than {COST} multiplications")
        try:
            call = followed(self.graph, node, args) if node.op in TARGETED else node
            return apply(call, self._wrapped(node, args))
        except Unevaluable as verdict:
            return self._refuse(name, verdict.what)

    def _wrapped(self, node: Node, args: list[Any]) -> list[Any]:
        """Ids beyond a learned table come back in at its start: the run's ids are made up."""
        if node.op == "embedding" or (node.op == "gather" and self.graph.nodes[node.inputs[0]].op == "param"):
            axis = node.attrs.get("axis", 0)
            rows = args[0].shape[axis if isinstance(axis, int) else 0]
            return [args[0], np.mod(args[1], max(rows, 1))]
        return args

    def _drawn(self, node: Node) -> Any:
        kinds = node.type if isinstance(node.type, tuple) else (node.type,)
        if any(kind.size < 0 for kind in kinds):
            return self._refuse(node.id, f"{node.op} has an unknown size")
        if node.op == "input":
            return self.draws.input(node, self.draw)
        if node.op == "param":
            return self.draws.parameter(node, self.draw) if node.value is None else working(node.value)
        return self.draws.random(node, self.draw) if node.op == "random" else self.draws.stub(node.id, self.draw)

    def _refuse(self, name: str, reason: str) -> None:
        self._reasons[name] = reason


def _cost(node: Node, args: list[Any]) -> int:
    """Multiplications of a product or a convolution of the given arrays."""
    if node.op in {"matmul", "linear", "grouped_linear"} and args[0].ndim and args[1].ndim:
        return int(args[0].size * args[1].shape[-2 if node.attrs.get("layout") == "oi" else -1])
    if node.op == "conv":
        return int(node.tensor.size * args[1].size // max(args[1].shape[0], 1))
    return 0
