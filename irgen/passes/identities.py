"""What computes nothing: casts between floats, x + 0, x · 1, double negation, tests with equal outcomes."""

from __future__ import annotations

from collections.abc import Callable

from irgen.ir.graph import Node
from irgen.passes.constants import number
from irgen.passes.engine import Builder, Pass, Rule, known

NARROW = frozenset({"float8"})
"""Floats so narrow that a cast to them is a quantisation, not a change of precision."""


def _same_type(node: Node, other: Node) -> bool:
    return known(node, other) and node.shape == other.shape and (node.dtype == other.dtype or _both_float(node, other))


def _both_float(node: Node, other: Node) -> bool:
    kinds = {node.dtype, other.dtype}
    complexes = {kind for kind in kinds if kind.startswith("complex")}
    return node.tensor.is_float and other.tensor.is_float and (not complexes or complexes == kinds)


def cast(node: Node, b: Builder) -> str | None:
    """A cast to the type that the value has, or from one precision to another."""
    source = b[node.inputs[0]]
    if source.dtype == node.dtype:
        return source.id
    if _both_float(node, source) and node.dtype not in NARROW:
        return source.id
    return None


def neutral(value: float, ports: tuple[int, ...]) -> Rule:
    """An operand at one of `ports` that is `value` everywhere leaves the other operand as it is."""

    def rule(node: Node, b: Builder) -> str | None:
        for port in ports:
            if number(b.nodes, node.inputs[port]) == value and _same_type(node, b[node.inputs[1 - port]]):
                return node.inputs[1 - port]
        return None

    return rule


def double(op: str) -> Rule:
    """An operator that undoes itself, applied twice."""

    def rule(node: Node, b: Builder) -> str | None:
        source = b[node.inputs[0]]
        return source.inputs[0] if source.op == op else None

    return rule


def idempotent(node: Node, b: Builder) -> str | None:
    """An operator applied to its own result."""
    source = b[node.inputs[0]]
    return source.id if source.op == node.op and source.attrs == node.attrs else None


def equal_outcomes(node: Node, b: Builder) -> str | None:
    """A choice between one value and itself, or decided by a constant."""
    test, yes, no = node.inputs
    decided = number(b.nodes, test)
    for outcome, chosen in ((yes, decided is not None and bool(decided)), (no, decided is not None and not decided)):
        if (chosen or yes == no) and _same_type(node, b[outcome]):
            return outcome
    return None


def inverted_test(node: Node, b: Builder) -> Node | None:
    """`where(not c, a, b)` is `where(c, b, a)`."""
    test = b[node.inputs[0]]
    if test.op != "not":
        return None
    return b.instead(node, "where", (test.inputs[0], node.inputs[2], node.inputs[1]))


def repeated_test(node: Node, b: Builder) -> Node | None:
    """`where(c, where(c, x, _), where(c, _, y))` is `where(c, x, y)`."""
    test, yes, no = node.inputs
    first = b[yes].inputs[1] if b[yes].op == "where" and b[yes].inputs[0] == test else yes
    second = b[no].inputs[2] if b[no].op == "where" and b[no].inputs[0] == test else no
    return b.instead(node, "where", (test, first, second)) if (first, second) != (yes, no) else None


def unbounded(node: Node, _b: Builder) -> str | None:
    """A clip without bounds."""
    free = node.attrs.get("min") is None and node.attrs.get("max") is None
    return node.inputs[0] if free else None


def truth_of_truth(on: bool) -> Callable[[Node, Builder], str | None]:
    """`c = true` and `c ≠ false` are c."""

    def rule(node: Node, b: Builder) -> str | None:
        for port in (0, 1):
            other = b[node.inputs[1 - port]]
            if other.dtype == "bool" and other.shape == node.shape and number(b.nodes, node.inputs[port]) is on:
                return other.id
        return None

    return rule


RULES: dict[str, tuple[Rule, ...]] = {
    "cast": (cast,),
    "add": (neutral(0, (0, 1)),),
    "sub": (neutral(0, (1,)),),
    "mul": (neutral(1, (0, 1)),),
    "div": (neutral(1, (1,)),),
    "pow": (neutral(1, (1,)),),
    "and": (neutral(True, (0, 1)),),
    "or": (neutral(False, (0, 1)),),
    "eq": (truth_of_truth(True),),
    "ne": (truth_of_truth(False),),
    "where": (equal_outcomes, inverted_test, repeated_test),
    "clip": (unbounded, idempotent),
    "neg": (double("neg"),),
    "not": (double("not"),),
    "bit_not": (double("bit_not"),),
    "conj": (double("conj"),),
    "abs": (idempotent,),
    "relu": (idempotent,),
    "real": (lambda node, b: None if b[node.inputs[0]].dtype.startswith("complex") else node.inputs[0],),
}

PASS = Pass(rules=RULES, after=("dead",))
