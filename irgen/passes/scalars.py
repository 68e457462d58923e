"""Arithmetic with scalars in one spelling: powers as products and roots, quotients as products, scalar pairs merged."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from irgen.ir.evaluate import apply
from irgen.ir.graph import Node
from irgen.ir.ops import BINARY, UNARY
from irgen.passes.constants import number, scalar
from irgen.passes.engine import Builder, Pass, Rule

POWERS: dict[float, str] = {0.5: "sqrt", -0.5: "rsqrt", -1: "reciprocal"}


def _is_real(node: Node) -> bool:
    return node.dtype.startswith(("float", "bfloat"))


def power(node: Node, b: Builder) -> Node | None:
    """x² as x · x, x^½ as √x, x^−½ and x^−1 by their names."""
    base, exponent = node.inputs
    value = number(b.nodes, exponent)
    if value is None or b[base].shape != node.shape:
        return None
    if value == 2 and b[base].dtype == node.dtype:
        return b.instead(node, "mul", (base, base))
    return b.instead(node, POWERS[value], (base,)) if value in POWERS and _is_real(b[base]) else None


def quotient(node: Node, b: Builder) -> Node | None:
    """Quotients: x / c as x · 1/c, 1 / x as a reciprocal."""
    above, below = node.inputs
    if not _is_real(node):
        return None
    divisor = number(b.nodes, below)
    if divisor is not None and divisor != 0 and math.isfinite(divisor) and b[above].shape == node.shape:
        return b.instead(node, "mul", (above, scalar(b, 1 / divisor, node.dtype)))
    if number(b.nodes, above) == 1 and b[below].shape == node.shape and _is_real(b[below]):
        return b.instead(node, "reciprocal", (below,))
    return None


def reciprocal(node: Node, b: Builder) -> Node | None:
    """1 / √x as one operator."""
    source = b[node.inputs[0]]
    return b.instead(node, "rsqrt", source.inputs) if source.op == "sqrt" else None


def difference(node: Node, b: Builder) -> Node | None:
    """Differences: x − c as x + (−c), 0 − x as −x."""
    left, right = node.inputs
    if not _is_real(node):
        return None
    taken = number(b.nodes, right)
    if taken is not None and b[left].shape == node.shape:
        return b.instead(node, "add", (left, scalar(b, -taken, node.dtype)))
    if number(b.nodes, left) == 0 and b[right].shape == node.shape and _is_real(b[right]):
        return b.instead(node, "neg", (right,))
    return None


def opposite(node: Node, b: Builder) -> Node | None:
    """A negated term is subtracted: x + (−y) is x − y."""
    for port in (0, 1):
        term = b[node.inputs[port]]
        if term.op == "neg" and number(b.nodes, term.inputs[0]) is None:
            return b.instead(node, "sub", (node.inputs[1 - port], term.inputs[0]))
    return None


def product_with_reciprocal(node: Node, b: Builder) -> Node | None:
    """A reciprocal factor divides: x · (1 / y) is x / y."""
    for port in (1, 0):
        factor = b[node.inputs[port]]
        if factor.op == "reciprocal":
            return b.instead(node, "div", (node.inputs[1 - port], factor.inputs[0]))
    return None


def minus_one(node: Node, b: Builder) -> Node | None:
    """A factor of −1 is a sign."""
    for port in (0, 1):
        other = b[node.inputs[1 - port]]
        if number(b.nodes, node.inputs[port]) == -1 and other.shape == node.shape and other.dtype == node.dtype:
            return b.instead(node, "neg", (other.id,))
    return None


def scalars_last(node: Node, b: Builder) -> Node | None:
    """A constant factor or term stands at the second port."""
    first, second = node.inputs
    if number(b.nodes, first) is not None and number(b.nodes, second) is None:
        return b.instead(node, node.op, (second, first))
    return None


def merged(node: Node, b: Builder) -> Node | None:
    """(x · c) · d as x · cd, and (x + c) + d as x + (c + d)."""
    if not _is_real(node):
        return None
    inner = b[node.inputs[0]]
    if inner.op != node.op or not b.only_use(inner.id) or b[inner.inputs[0]].shape != node.shape:
        return None
    one, two = number(b.nodes, inner.inputs[1]), number(b.nodes, node.inputs[1])
    if one is None or two is None or not _is_real(b[inner.inputs[0]]):
        return None
    value = one * two if node.op == "mul" else one + two
    return b.instead(node, node.op, (inner.inputs[0], scalar(b, value, node.dtype)))


def folded(node: Node, b: Builder) -> str | Node | None:
    """Arithmetic on constants that have one value everywhere."""
    values: list[float | int | bool] = []
    for name in node.inputs:
        value = number(b.nodes, name)
        if value is None:
            return None
        values.append(value)
    if not values or node.tensor.shape is None or node.tensor.size < 1 or node.dtype.startswith("complex"):
        return None
    alone = replace(node, type=replace(node.tensor, shape=(), symbols=()))
    value = apply(alone, [np.asarray(each) for each in values])
    if isinstance(value, tuple):
        return None
    if node.shape == ():
        return b.constant(value, node.type)
    one: int | float | bool = value.item()
    return b.instead(node, "full", (), value=one)


_COMMUTED: tuple[Rule, ...] = (scalars_last, merged)

_OWN: dict[str, tuple[Rule, ...]] = {
    "pow": (power,),
    "div": (quotient,),
    "reciprocal": (reciprocal,),
    "sub": (difference,),
    "add": (opposite, *_COMMUTED),
    "mul": (product_with_reciprocal, minus_one, *_COMMUTED),
}
RULES: dict[str, tuple[Rule, ...]] = {op: (folded, *_OWN.get(op, ())) for op in sorted(UNARY | BINARY)}

PASS = Pass(rules=RULES, after=("identities",))
