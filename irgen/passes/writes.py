"""A tensor filled piece by piece (in-place slices) as the concatenation or the interleaving of its pieces."""

from __future__ import annotations

from itertools import pairwise

from irgen.ir.attrs import integers
from irgen.ir.graph import Node
from irgen.ir.tensor import TensorType
from irgen.passes.engine import Builder, Pass, Rule, known

Box = tuple[int, int, int, int]
"""Axis, start, stop and step of what is written."""


def _box(node: Node, b: Builder) -> Box | None:
    """The one axis that a write does not fill, or None; a write of everything has axis −1."""
    shape, found = node.shape, (-1, 0, 0, 1)
    if not known(node):
        return None
    boxes = zip(integers(node, "starts"), integers(node, "stops"), integers(node, "steps"), strict=True)
    taken = list(shape)
    for axis, (start, stop, step) in enumerate(boxes):
        if (start, stop, step) == (0, shape[axis], 1):
            continue
        if found[0] >= 0 or step < 1 or not 0 <= start < stop <= shape[axis]:
            return None
        found = (axis, start, stop, step)
        taken[axis] = len(range(start, stop, step))
    return found if b[node.inputs[1]].shape == tuple(taken) else None


def everything(node: Node, b: Builder) -> str | None:
    """A write over the whole tensor is what is written."""
    box, update = _box(node, b), b[node.inputs[1]]
    return update.id if box is not None and box[0] == -1 and update.dtype == node.dtype else None


def pieces(node: Node, b: Builder) -> Node | None:
    """Writes along one axis that together fill it."""
    found: list[tuple[Box, str]] = []
    step, filled = node, 0
    while step.op == "write" and (step is node or b.only_use(step.id)):
        box = _box(step, b)
        if box is None or (found and box[0] != found[0][0][0]) or b[step.inputs[1]].dtype != node.dtype:
            return None
        found.append((box, step.inputs[1]))
        filled += len(range(*box[1:]))
        if filled >= node.shape[box[0]]:
            break
        step = b[step.inputs[0]]
    if not found or filled != node.shape[found[0][0][0]] or len(found) < 2:
        return None
    found.sort(key=lambda piece: piece[0][1])
    boxes, names = [box for box, _ in found], [name for _, name in found]
    axis = boxes[0][0]
    if all(box[3] == 1 for box in boxes) and all(a[2] == c[1] for a, c in pairwise(boxes)):
        return b.instead(node, "concat", names, axis=axis)
    if all(box[3] == len(boxes) and box[1] == place for place, box in enumerate(boxes)):
        return _interleaved(node, names, axis, b)
    return None


def _interleaved(node: Node, names: list[str], axis: int, b: Builder) -> Node | None:
    lead, rest = node.shape[:axis], node.shape[axis + 1 :]
    count, left = divmod(node.shape[axis], len(names))
    if left:
        return None
    one = TensorType(node.dtype, (*lead, count, 1, *rest))
    parts = [b.emit("reshape", (name,), one) for name in names]
    kind = TensorType(node.dtype, (*lead, count, len(names), *rest))
    return b.instead(node, "reshape", (b.emit("concat", parts, kind, axis=axis + 1),))


RULES: dict[str, tuple[Rule, ...]] = {"write": (everything, pieces)}

PASS = Pass(rules=RULES, after=("moves",))
