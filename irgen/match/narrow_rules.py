"""Which elements of its inputs an operator needs for some elements of its result, axis by axis, as masks."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import numpy as np
from numpy.typing import NDArray

from irgen.ir.attrs import integer, integers, pairs
from irgen.ir.graph import Node
from irgen.ir.ops import BINARY, REDUCTIONS, UNARY

Mask = NDArray[np.bool_]
Masks = list[Mask]
Shape = tuple[int, ...]
Needs = tuple[Masks, list[Masks]]
"""The masks of the result, perhaps widened, and those of each input."""
Rule = Callable[[Node, Masks, list[Shape]], Needs]


def everything(shape: Shape) -> Masks:
    """Masks that take all."""
    return [np.ones(n, dtype=bool) for n in shape]


def _aligned(masks: Masks, shape: Shape) -> Masks:
    """Masks of a result for an operand that is broadcast to it from the right."""
    tail = masks[len(masks) - len(shape) :] if shape else []
    return [np.ones(1, dtype=bool) if n == 1 else mask for n, mask in zip(shape, tail, strict=True)]


def _elementwise(_node: Node, masks: Masks, shapes: list[Shape]) -> Needs:
    return masks, [_aligned(masks, shape) for shape in shapes]


def _transpose(node: Node, masks: Masks, shapes: list[Shape]) -> Needs:
    perm = integers(node, "perm")
    found = everything(shapes[0])
    for axis, source in enumerate(perm):
        found[source] = masks[axis]
    return masks, [found]


def _reshape(node: Node, masks: Masks, shapes: list[Shape]) -> Needs:
    """Axes are taken in groups of equal product; what is no box on both sides of a group is taken whole."""
    below = everything(shapes[0])
    above = list(masks)
    for ins, outs in _groups(shapes[0], node.shape):
        flat = _outer([above[i] for i in outs]).reshape([shapes[0][i] for i in ins])
        boxes = [_shadow(flat, axis) for axis in range(len(ins))]
        if (_outer(boxes).reshape(flat.shape) == flat).all():
            for i, box in zip(ins, boxes, strict=True):
                below[i] = box
        else:
            for i in outs:
                above[i] = np.ones_like(above[i])
    return above, [below]


def _shadow(mask: Mask, axis: int) -> Mask:
    """Where along one axis a mask takes anything."""
    return np.asarray(mask.any(axis=tuple(i for i in range(mask.ndim) if i != axis)), dtype=np.bool_)


def _outer(masks: Masks) -> Mask:
    found = np.ones((), dtype=bool)
    for mask in masks:
        found = found[..., None] & mask
    return found


def _groups(one: Shape, two: Shape) -> list[tuple[list[int], list[int]]]:
    """The shortest runs of axes of two shapes that hold the same number of elements."""
    found: list[tuple[list[int], list[int]]] = []
    i = j = 0
    while i < len(one) or j < len(two):
        ins: list[int] = []
        outs: list[int] = []
        left = right = 1
        while True:
            if left <= right and i < len(one):
                left *= one[i]
                ins.append(i)
                i += 1
            elif j < len(two):
                right *= two[j]
                outs.append(j)
                j += 1
            else:
                break
            if left == right and ins and outs:
                break
        found.append((ins, outs))
    return found


def _slice(node: Node, masks: Masks, shapes: list[Shape]) -> Needs:
    axis = integer(node, "axis")
    found = list(masks)
    whole = np.zeros(shapes[0][axis], dtype=bool)
    start, step = integer(node, "start"), integer(node, "step")
    whole[start + step * np.flatnonzero(masks[axis])] = True
    found[axis] = whole
    return masks, [found]


def _pad(node: Node, masks: Masks, shapes: list[Shape]) -> Needs:
    sides = pairs(node, "pads")
    found = [mask[low : low + n] for mask, (low, _), n in zip(masks, sides, shapes[0], strict=True)]
    return masks, [found]


def _concat(node: Node, masks: Masks, shapes: list[Shape]) -> Needs:
    axis = integer(node, "axis") % len(masks)
    found: list[Masks] = []
    at = 0
    for shape in shapes:
        part = list(masks)
        part[axis] = masks[axis][at : at + shape[axis]]
        at += shape[axis]
        found.append(part)
    return masks, found


def _reduce(node: Node, masks: Masks, shapes: list[Shape]) -> Needs:
    shape = shapes[0]
    axes = {axis % len(shape) for axis in integers(node, "axes")}
    kept = iter(masks)
    found: Masks = []
    for axis, n in enumerate(shape):
        if axis in axes:
            found.append(np.ones(n, dtype=bool))
            if node.attrs.get("keepdims"):
                next(kept)
        else:
            found.append(next(kept))
    return masks, [found]


def _along(node: Node, masks: Masks, shapes: list[Shape]) -> Needs:
    """Operators that work along axes and keep the shape: those axes are taken whole."""
    rank = len(masks)
    axes = (integer(node, "axis"),) if "axis" in node.attrs else integers(node, "axes")
    above = list(masks)
    for axis in axes:
        above[axis % rank] = np.ones_like(above[axis % rank])
    return above, [_aligned(above, shape) for shape in shapes]


def _last_two(_node: Node, masks: Masks, _shapes: list[Shape]) -> Needs:
    above = [*masks[:-2], *(np.ones_like(mask) for mask in masks[-2:])]
    return above, [above]


def _matmul(_node: Node, masks: Masks, shapes: list[Shape]) -> Needs:
    one, two = shapes
    if min(len(one), len(two)) < 2:
        return everything(tuple(len(mask) for mask in masks)), [everything(shape) for shape in shapes]
    batch, inner = masks[:-2], np.ones(one[-1], dtype=bool)
    left = [*_aligned(batch, one[:-2]), masks[-2], inner]
    right = [*_aligned(batch, two[:-2]), inner, masks[-1]]
    return masks, [left, right]


def _solve(_node: Node, masks: Masks, shapes: list[Shape]) -> Needs:
    rows = np.ones(shapes[0][-1], dtype=bool)
    above = [*masks[:-2], rows, masks[-1]]
    return above, [[*_aligned(masks[:-2], shapes[0][:-2]), rows, rows], above]


def _write(node: Node, masks: Masks, shapes: list[Shape]) -> Needs:
    """A box put into a tensor: what is wanted of the update is what is wanted of the box."""
    starts, stops, steps = (integers(node, key) for key in ("starts", "stops", "steps"))
    above, update = list(masks), list(masks)
    for axis in range(len(masks)):
        if steps[axis] == 1:
            update[axis] = masks[axis][starts[axis] : stops[axis]]
        else:
            above[axis] = np.ones_like(masks[axis])
            update[axis] = np.ones(shapes[1][axis], dtype=bool)
    return above, [above, update]


RULES: dict[str, Rule] = {
    **dict.fromkeys(UNARY | BINARY | {"expand"}, _elementwise),
    **dict.fromkeys(REDUCTIONS - {"argmax", "argmin", "cumsum", "cumprod", "cummax", "logcumsumexp"}, _reduce),
    **dict.fromkeys(("cumsum", "cumprod", "cummax", "logcumsumexp", "softmax", "log_softmax"), _along),
    **dict.fromkeys(("rms_norm", "layer_norm", "l2_norm"), _along),
    **dict.fromkeys(("tril", "triu"), _last_two),
    "transpose": _transpose, "reshape": _reshape, "slice": _slice, "pad": _pad, "concat": _concat, "matmul": _matmul,
    "solve_triangular": _solve, "write": _write,
}  # fmt: skip
"""Operators that are narrowed; of any other everything is taken."""


def needs(node: Node, masks: Masks, shapes: list[Shape]) -> Needs:
    """The masks of a node's result and of its inputs, given what is wanted of the result."""
    rule = RULES.get(node.op)
    if rule is None or prod(node.shape) == 0 or any(0 in shape for shape in shapes):
        return everything(node.shape), [everything(shape) for shape in shapes]
    return rule(node, masks, shapes)
