"""Calls at other sizes than the traced ones: the targets of reshape and expand follow the arrays that come in.

Sizes that depend on data (how many tokens an expert gets) differ from run to run, and so do sizes under a probe.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from irgen.ir.evaluate_base import Unevaluable
from irgen.ir.graph import Graph, Node

TARGETED = frozenset({"reshape", "expand"})
"""Operators whose type says the sizes of the result."""


def followed(graph: Graph, node: Node, args: Sequence[Any]) -> Node:
    """The call with the target sizes that fit its argument; the call itself where that has its traced sizes."""
    before = graph.nodes[node.inputs[0]].shape
    actual: tuple[int, ...] = args[0].shape
    if actual == before or -1 in before or -1 in node.shape or len(actual) != len(before):
        return node
    target = reshaped if node.op == "reshape" else expanded
    return replace(node, type=replace(node.tensor, shape=target(actual, before, node.shape, node.id)))


def expanded(actual: tuple[int, ...], before: tuple[int, ...], after: tuple[int, ...], at: str = "") -> tuple[int, ...]:
    """The shape that an array of shape `actual` gets from the expand that takes `before` to `after`."""
    lead = len(after) - len(before)
    if lead < 0:
        raise Unevaluable("an expand to fewer axes", at=at)
    kept = (m if n == was else n for m, was, n in zip(actual, before, after[lead:], strict=True))
    return (*after[:lead], *kept)


def reshaped(actual: tuple[int, ...], before: tuple[int, ...], after: tuple[int, ...], at: str = "") -> tuple[int, ...]:
    """The shape that an array of shape `actual` gets from the reshape that takes `before` to `after`.

    Runs of axes with equal products are matched; within a run the traced sizes are kept where they fit, and the
    first axis that can takes what differs. `Unevaluable` where that is not possible.
    """
    if actual == before:
        return after
    if len(actual) != len(before):
        raise Unevaluable("a reshape of another rank than was traced", at=at)
    out: list[int] = []
    i = j = 0
    while i < len(before) or j < len(after):
        start, first = i, j
        left = right = 1
        if i < len(before):
            left, i = before[i], i + 1
        if j < len(after) and (left != 1 or i >= len(before) or after[j] == 1):
            right, j = after[j], j + 1
        while left != right:
            if left < right and i < len(before):
                left, i = left * before[i], i + 1
            elif j < len(after):
                right, j = right * after[j], j + 1
            else:
                raise Unevaluable("a reshape whose traced sizes do not agree", at=at)
        out.extend(_run(actual[start:i], before[start:i], after[first:j], at))
    return tuple(out)


def _run(actual: tuple[int, ...], before: tuple[int, ...], after: tuple[int, ...], at: str) -> tuple[int, ...]:
    if actual == before:
        return after
    count = int(np.prod(actual, dtype=np.int64))
    wide = [k for k, n in enumerate(after) if n != 1]
    if not wide:
        if count == 1:
            return after
        raise Unevaluable("an axis of one that grew is reshaped away", at=at)
    for taker in wide:
        rest = int(np.prod([after[k] for k in wide if k != taker], dtype=np.int64))
        if rest and count % rest == 0:
            return tuple(count // rest if k == taker else n for k, n in enumerate(after))
    raise Unevaluable(f"{count} elements do not split like {list(after)}", at=at)
