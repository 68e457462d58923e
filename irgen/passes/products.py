"""Scalar factors of an operand of a matrix product, moved behind the product: all scaled scores are spelt alike."""

from __future__ import annotations

from collections.abc import Sequence

from irgen.ir.graph import Node
from irgen.passes.constants import number, scalar
from irgen.passes.engine import Builder, Pass, Rule

_LINEAR_MOVES = frozenset({"reshape", "transpose", "expand", "rotary"})
_LONGEST = 8


def _scaled(name: str, b: Builder) -> tuple[float, str, list[Node]] | None:
    """The factor of an operand, what it multiplies, and the moves between that and the product (last first)."""
    moves: list[Node] = []
    while len(moves) < _LONGEST and b.only_use(name):
        node = b[name]
        if node.op == "mul":
            factor, below = number(b.nodes, node.inputs[1]), b[node.inputs[0]]
            same = factor is not None and below.shape == node.shape and below.tensor.is_float
            return (float(factor), below.id, moves) if same and factor is not None else None
        if node.op not in _LINEAR_MOVES:
            return None
        moves.append(node)
        name = node.inputs[0]
    return None


def _moved(value: str, moves: Sequence[Node], b: Builder) -> str:
    for move in reversed(moves):
        value = b.emit(move.op, (value, *move.inputs[1:]), move.type, **move.attrs)
    return value


def factors_behind(node: Node, b: Builder) -> Node | None:
    """The product of c · a and b is c times the product of a and b."""
    if not node.tensor.is_float:
        return None
    total, operands = 1.0, list(node.inputs)
    for port, name in enumerate(node.inputs):
        found = _scaled(name, b)
        if found is not None:
            total *= found[0]
            operands[port] = _moved(found[1], found[2], b)
    if operands == list(node.inputs):
        return None
    value = b.emit("matmul", operands, node.type)
    return b.instead(node, "mul", (value, scalar(b, total, node.dtype)))


RULES: dict[str, tuple[Rule, ...]] = {"matmul": (factors_behind,)}

PASS = Pass(rules=RULES, after=("rotary",))
