"""Guards of the safe softmax: what puts zeros where a query has no key at all computes nothing else, and is dropped."""

from __future__ import annotations

import numpy as np

from irgen.ir.attrs import integer, integers
from irgen.ir.evaluate import Unevaluable, apply
from irgen.ir.graph import Node
from irgen.ir.ops import BINARY, REDUCTIONS, UNARY
from irgen.match.functions import Values
from irgen.passes.constants import number
from irgen.passes.engine import Builder, Pass, Rule

_THROUGH = frozenset({"reshape", "transpose", "expand", "cast", "mul", "matmul", "einsum", "slice"})
_TEST = UNARY | BINARY | {"reshape", "expand", "transpose"}
_FARTHEST = 12


def _softmax_behind(name: str, b: Builder) -> Node | None:
    """The softmax whose probabilities a value is, or is averaged with."""
    for _ in range(_FARTHEST):
        node = b[name]
        if node.op == "softmax":
            return node
        if node.op not in _THROUGH:
            return None
        name = node.inputs[0]
    return None


def not_a_number(node: Node, b: Builder) -> str | None:
    """Zeros where a probability is not a number."""
    test, yes, no = node.inputs
    guarded = b[test].op == "isnan" and b[test].inputs[0] == no and number(b.nodes, yes) == 0
    return no if guarded and b[no].shape == node.shape else None


def no_key(node: Node, b: Builder) -> str | None:
    """Zeros in the rows where the mask leaves no key: proved by evaluating the test on masks of a few rows."""
    test, yes, no = node.inputs
    if number(b.nodes, yes) != 0 or b[no].shape != node.shape or _softmax_behind(no, b) is None:
        return None
    reduced = _reduction_behind(test, b)
    return no if reduced is not None and _tests_for_no_key(test, reduced, b) else None


def _reduction_behind(test: str, b: Builder) -> Node | None:
    """The one reduction that a test is computed from, constants aside."""
    found: dict[str, None] = {}
    stack = [test]
    for _ in range(_FARTHEST):
        if not stack:
            break
        node = b[stack.pop()]
        if node.op in REDUCTIONS:
            found[node.id] = None
        elif number(b.nodes, node.id) is None:
            if node.op not in _TEST:
                return None
            stack += node.inputs
    return b[next(iter(found))] if len(found) == 1 and not stack else None


def _tests_for_no_key(test: str, reduction: Node, b: Builder) -> bool:
    axes = (integer(reduction, "axis"),) if "axis" in reduction.attrs else integers(reduction, "axes")
    operand = b[reduction.inputs[0]]
    if len(axes) != 1 or axes[0] != len(operand.shape) - 1:
        return False
    inner = _elementwise_source(operand, b)
    for source in dict.fromkeys((operand.id, inner)):
        for rows, answer in _rows(b[source]):
            if all(_answer(test, source, row, b) == wanted for row, wanted in zip(rows, answer, strict=True)):
                return True
    return False


def _elementwise_source(node: Node, b: Builder) -> str:
    """What the operand of the reduction is made of element by element (the scores, the mask)."""
    while node.op in (UNARY | BINARY):
        live = [name for name in node.inputs if number(b.nodes, name) is None]
        if len(live) != 1:
            break
        node = b[live[0]]
    return node.id


def _rows(mask: Node) -> list[tuple[tuple[list[float], ...], tuple[bool, ...]]]:
    """Rows of a mask with the wanted answer: no key, one key, all keys, in each convention."""
    answers = (True, False, False)
    if mask.dtype == "bool" or not mask.tensor.is_float:
        return [(([0, 0, 0], [0, 1, 0], [1, 1, 1]), answers), (([1, 1, 1], [1, 0, 1], [0, 0, 0]), answers)]
    low = -np.inf
    return [
        (([low, low, low], [low, 0.5, low], [0.5, 0.1, 0.2]), answers),
        (([0, 0, 0], [0, 1, 0], [1, 1, 1]), answers),
    ]


def _answer(test: str, source: str, row: list[float], b: Builder) -> bool | None:
    known: dict[str, Values] = {source: np.asarray([row]).astype(bool if b[source].dtype == "bool" else float)}

    def value(name: str) -> Values:
        if name not in known:
            node, constant = b[name], number(b.nodes, name)
            if constant is not None:
                known[name] = np.asarray(constant)
            elif node.op in {"reshape", "expand", "transpose"}:
                known[name] = value(node.inputs[0])
            elif node.op in REDUCTIONS:
                axis = {"axis": 1} if "axis" in node.attrs else {"axes": (1,)}
                ready = Node(node.id, node.op, node.inputs, node.type, {**node.attrs, **axis, "keepdims": True})
                known[name] = _plain(apply(ready, [value(s) for s in node.inputs]))
            else:
                known[name] = _plain(apply(node, [value(s) for s in node.inputs]))
        return known[name]

    try:
        found = value(test)
    except (Unevaluable, RecursionError):
        return None
    return bool(found.all()) if found.size == 1 else None


def _plain(result: Values | tuple[Values, ...]) -> Values:
    assert not isinstance(result, tuple)
    return result


RULES: dict[str, tuple[Rule, ...]] = {"where": (not_a_number, no_key)}

PASS = Pass(rules=RULES, after=("cones",))
