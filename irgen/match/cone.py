"""Cones: stretches of elementwise arithmetic and reductions with one live input, grown back and evaluated on probes."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from irgen.ir.attrs import integer, integers
from irgen.ir.evaluate import apply
from irgen.ir.graph import Node
from irgen.ir.ops import BINARY, REDUCTIONS, UNARY
from irgen.match.functions import Values

COMPOUND = frozenset({"softmax", "log_softmax", "l2_norm", "layer_norm", "rms_norm"})
REDUCING = (REDUCTIONS - {"argmax", "argmin", "cumsum", "cumprod", "cummax", "logcumsumexp"}) | COMPOUND
POINTWISE = (UNARY | BINARY) - {"polar", "complex", "real", "imag", "conj", "bit_not", "stop_gradient"}
"""What may stand inside a cone; a function is not the same one where no gradient flows through it."""
INSIDE = POINTWISE | REDUCING | {"expand"}
LARGEST = 40


@dataclass(frozen=True, slots=True)
class Cone:
    """The nodes (root first, then by falling place) between one live input `x` and the root.

    `numbers` are the constants by leaf, `params` the vectors (weights or fixed) that the cone reads.
    """

    x: Node
    nodes: tuple[Node, ...]
    numbers: Mapping[str, float]
    params: tuple[Node, ...]

    @property
    def root(self) -> Node:
        """The node whose value the cone gives."""
        return self.nodes[0]

    @property
    def reduces(self) -> bool:
        """Whether any node works along axes."""
        return any(node.op in REDUCING for node in self.nodes)

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for cones that compute the same: operators, attributes, wiring, constants, sizes of what is reduced."""
        place = {node.id: i for i, node in enumerate(self.nodes)}
        place[self.x.id] = -1
        for i, node in enumerate(self.params):
            place[node.id] = -2 - i
        rows = tuple(
            (
                node.op,
                tuple(sorted(node.attrs.items())),
                tuple(place.get(s, ("c", self.numbers.get(s))) for s in node.inputs),
            )
            for node in self.nodes
        )
        shapes = (self.x.shape, *(p.shape for p in self.params)) if self.reduces or self.params else ()
        kinds = (self.root.tensor.is_float, self.x.tensor.is_float, self.root.shape == self.x.shape)
        return (rows, shapes, kinds)

    def values(self, x: Values, params: Sequence[Values] = ()) -> Values:
        """The root's value for a value of `x`; expansions are left to broadcasting."""
        known: dict[str, Values] = {self.x.id: x}
        known |= {name: np.asarray(value) for name, value in self.numbers.items()}
        known |= {node.id: value for node, value in zip(self.params, params, strict=True)}
        for node in reversed(self.nodes):
            if node.op == "expand":
                known[node.id] = known[node.inputs[0]]
                continue
            result = apply(node, [known[source] if source else None for source in node.inputs])
            assert not isinstance(result, tuple)
            known[node.id] = result
        return known[self.root.id]

    def axes(self) -> tuple[int, ...] | None:
        """The axes of `x` that every reduction works along, or None if they differ or are dropped."""
        found: set[tuple[int, ...]] = set()
        for node in self.nodes:
            if node.op not in REDUCING:
                continue
            if node.op in REDUCTIONS and not node.attrs.get("keepdims"):
                return None
            if not node.shape or len(node.shape) != len(self.x.shape):
                return None
            axes = (integer(node, "axis"),) if "axis" in node.attrs else integers(node, "axes")
            found.add(tuple(sorted(axis % len(node.shape) for axis in axes)))
        return next(iter(found)) if len(found) == 1 else None


class Grower:
    """Grows cones back from a root in a graph."""

    def __init__(
        self,
        nodes: Mapping[str, Node],
        outputs: Sequence[str],
        numbers: Mapping[str, float],
        vectors: frozenset[str],
    ) -> None:
        self.nodes = nodes
        self.numbers = numbers
        self.vectors = vectors
        self.place = {name: i for i, name in enumerate(nodes)}
        self.outputs = frozenset(outputs)
        self.users: dict[str, list[str]] = {name: [] for name in nodes}
        for node in nodes.values():
            for source in node.inputs:
                if source:
                    self.users[source].append(node.id)

    def _absorbable(self, name: str, inside: Mapping[str, None]) -> bool:
        node = self.nodes[name]
        return node.op in INSIDE and name not in self.outputs and all(user in inside for user in self.users[name])

    def cones(self, root: str) -> Iterator[Cone]:
        """Every cone that ends in `root`, smallest first: each has exactly one live input."""
        inside: dict[str, None] = {}
        fixed: dict[str, None] = {}
        opened: set[str] = set()
        queue: list[tuple[int, str]] = []

        def absorb(name: str) -> None:
            inside[name] = None
            for source in self.nodes[name].inputs:
                if source and source not in opened and source not in self.numbers and source not in self.vectors:
                    opened.add(source)
                    heapq.heappush(queue, (-self.place[source], source))

        absorb(root)
        while len(inside) <= LARGEST:
            if len(fixed) + len(queue) == 1:
                yield self._cone(next(iter(fixed)) if fixed else queue[0][1], inside)
            if not queue or len(fixed) > 1:
                return
            name = heapq.heappop(queue)[1]
            if self._absorbable(name, inside):
                absorb(name)
            else:
                fixed[name] = None

    def _cone(self, x: str, inside: Mapping[str, None]) -> Cone:
        nodes = sorted((self.nodes[name] for name in inside), key=lambda node: -self.place[node.id])
        leaves = dict.fromkeys(s for node in reversed(nodes) for s in node.inputs if s and s not in inside and s != x)
        numbers = {name: self.numbers[name] for name in leaves if name in self.numbers}
        params = tuple(self.nodes[name] for name in leaves if name not in numbers)
        return Cone(self.nodes[x], tuple(nodes), numbers, params)
