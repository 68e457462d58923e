"""Einsum in plain operators: a linear map if one operand is a weight, else a matrix product, a product or a sum."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod

from irgen.ir.graph import Graph, Node
from irgen.ir.tensor import TensorType
from irgen.passes.engine import Builder, Pass, Rule, known, to_fixed_point
from irgen.passes.weights import COMPUTED, WEIGHT, Weights


@dataclass(frozen=True, slots=True)
class Lettered:
    """A value with a letter for each axis."""

    name: str
    letters: str
    shape: tuple[int, ...]
    dtype: str

    def size(self, letters: str) -> int:
        """The product of the sizes of some of its axes."""
        return prod(self.shape[self.letters.index(letter)] for letter in letters)

    def ordered(self, letters: str, b: Builder) -> Lettered:
        """The axes in another order."""
        if letters == self.letters:
            return self
        perm = tuple(self.letters.index(letter) for letter in letters)
        shape = tuple(self.shape[axis] for axis in perm)
        name = b.emit("transpose", (self.name,), TensorType(self.dtype, shape), perm=perm)
        return replace(self, name=name, letters=letters, shape=shape)

    def shaped(self, shape: tuple[int, ...], b: Builder) -> str:
        """The elements in another shape."""
        return self.name if shape == self.shape else b.emit("reshape", (self.name,), TensorType(self.dtype, shape))

    def summed(self, kept: str, b: Builder) -> Lettered:
        """The sum over the axes that are not kept."""
        gone = tuple(axis for axis, letter in enumerate(self.letters) if letter not in kept)
        if not gone:
            return self
        shape = tuple(n for axis, n in enumerate(self.shape) if axis not in gone)
        kind = TensorType(self.dtype, shape)
        name = b.emit("reduce_sum", (self.name,), kind, axes=gone, keepdims=False)
        return Lettered(name, "".join(c for c in self.letters if c in kept), shape, self.dtype)

    def spread(self, out: str, b: Builder) -> str:
        """The axes in the order of `out`, axes of one where it has no letter, ready to broadcast."""
        own = self.ordered("".join(letter for letter in out if letter in self.letters), b)
        first = out.index(own.letters[0]) if own.letters else len(out)
        sizes = dict(zip(own.letters, own.shape, strict=True))
        return own.shaped(tuple(sizes.get(letter, 1) for letter in out[first:]), b)


class _Rules:
    def __init__(self, graph: Graph) -> None:
        self.weights = Weights(graph)

    def einsum(self, node: Node, b: Builder) -> Node | str | None:
        left, out = str(node.attrs["equation"]).replace(" ", "").split("->")
        letters = left.split(",")
        operands = [b[name] for name in node.inputs]
        if any(len(set(own)) < len(own) for own in (*letters, out)) or node.dtype.startswith("complex"):
            return None
        if not known(*operands) or any(
            len(own) != len(operand.shape) for own, operand in zip(letters, operands, strict=True)
        ):
            return None
        given = [
            Lettered(operand.id, own, operand.shape, operand.dtype)
            for own, operand in zip(letters, operands, strict=True)
        ]
        if len(given) == 1:
            return self._done(node, given[0].summed(out, b), out, b)
        if len(given) > 2:
            return self._pairwise(node, given, out, b)
        return self._pair(node, given[0], given[1], out, b)

    def _done(self, node: Node, value: Lettered, out: str, b: Builder) -> Node:
        """The value itself as the result of the node."""
        perm = tuple(value.letters.index(letter) for letter in out)
        return b.instead(node, "transpose", (value.name,), perm=perm)

    def _pairwise(self, node: Node, given: list[Lettered], out: str, b: Builder) -> Node:
        """The first two operands alone, then the rest."""
        first, second, *rest = given
        needed = set(out).union(*(other.letters for other in rest))
        kept = "".join(dict.fromkeys(c for c in first.letters + second.letters if c in needed))
        shape = tuple((first if c in first.letters else second).size(c) for c in kept)
        equation = f"{first.letters},{second.letters}->{kept}"
        kind = TensorType(node.dtype, shape)
        both = b.emit("einsum", (first.name, second.name), kind, equation=equation)
        equation = f"{','.join([kept, *(other.letters for other in rest)])}->{out}"
        return b.instead(node, "einsum", (both, *(other.name for other in rest)), equation=equation)

    def _pair(self, node: Node, one: Lettered, two: Lettered, out: str, b: Builder) -> Node | None:
        one, two = one.summed(out + two.letters, b), two.summed(out + one.letters, b)
        shared = "".join(c for c in one.letters if c in two.letters)
        if any(one.size(c) != two.size(c) for c in shared):
            return None
        contracted = "".join(c for c in shared if c not in out)
        batch = "".join(c for c in out if c in shared)
        rows = "".join(c for c in out if c in one.letters and c not in shared)
        columns = "".join(c for c in out if c in two.letters and c not in shared)
        if not contracted:
            return b.instead(node, "mul", (one.spread(out, b), two.spread(out, b)))
        classes = [self.weights.of(b.nodes, operand.name) for operand in (one, two)]
        if not batch and classes[1] == WEIGHT and rows:
            return self._linear(node, one, two, (rows, contracted, columns, out), b)
        if not batch and classes[0] == WEIGHT and classes[1] >= COMPUTED and columns:
            return self._linear(node, two, one, (columns, contracted, rows, out), b)
        if rows and columns:
            return self._matmul(node, one, two, (batch, rows, contracted, columns, out), b)
        if not rows and not columns:
            return self._dot(node, one, two, (batch, contracted, out), b)
        return None

    def _linear(
        self, node: Node, x: Lettered, weight: Lettered, letters: tuple[str, str, str, str], b: Builder
    ) -> Node:
        rows, inner, columns, out = letters
        width, outputs = weight.size(inner), weight.size(columns)
        x = x.ordered(rows + inner, b)
        lead = x.shape[: len(rows)]
        if weight.letters == columns + inner:
            matrix, layout = weight.shaped((outputs, width), b), "oi"
        else:
            matrix, layout = weight.ordered(inner + columns, b).shaped((width, outputs), b), "io"
        kind = TensorType(node.dtype, (*lead, outputs))
        mapped = b.emit("linear", (x.shaped((*lead, width), b), matrix), kind, layout=layout)
        shape = (*lead, *(weight.size(c) for c in columns))
        value = Lettered(mapped, rows + columns, (*lead, outputs), node.dtype)
        name = value.shaped(shape, b)
        return self._done(node, Lettered(name, rows + columns, shape, node.dtype), out, b)

    def _matmul(self, node: Node, one: Lettered, two: Lettered, letters: tuple[str, ...], b: Builder) -> Node:
        batch, rows, inner, columns, out = letters
        one, two = one.ordered(batch + rows + inner, b), two.ordered(batch + inner + columns, b)
        lead = one.shape[: len(batch)]
        m, k, n = one.size(rows), one.size(inner), two.size(columns)
        kind = TensorType(node.dtype, (*lead, m, n))
        value = b.emit("matmul", (one.shaped((*lead, m, k), b), two.shaped((*lead, k, n), b)), kind)
        shape = (*lead, *(one.size(c) for c in rows), *(two.size(c) for c in columns))
        name = Lettered(value, "", (*lead, m, n), node.dtype).shaped(shape, b)
        return self._done(node, Lettered(name, batch + rows + columns, shape, node.dtype), out, b)

    def _dot(self, node: Node, one: Lettered, two: Lettered, letters: tuple[str, str, str], b: Builder) -> Node:
        batch, inner, out = letters
        one, two = one.ordered(batch + inner, b), two.ordered(batch + inner, b)
        squared = b.emit("mul", (one.name, two.name), TensorType(node.dtype, one.shape))
        both = Lettered(squared, batch + inner, one.shape, node.dtype)
        return self._done(node, both.summed(batch, b), out, b)


def run(graph: Graph) -> Graph:
    """Lower every einsum that plain operators can say."""
    if not any(node.op == "einsum" for node in graph):
        return graph
    rules: dict[str, tuple[Rule, ...]] = {"einsum": (_Rules(graph).einsum,)}
    return to_fixed_point(graph, rules)


PASS = Pass(run, after=("moves",))
