"""Moves in one spelling: views, permutations, slices and broadcasts that do nothing dropped, neighbours merged."""

from __future__ import annotations

import numpy as np

from irgen.ir.attrs import integer, integers, pairs
from irgen.ir.graph import Node
from irgen.ir.ops import BINARY, ELEMENTWISE
from irgen.ir.tensor import TensorType
from irgen.passes.constants import number
from irgen.passes.engine import Builder, Pass, Rule, known

_LONGEST = 6


def no_change(node: Node, b: Builder) -> str | None:
    """A move whose result has the shape of its operand and cannot reorder it."""
    source = b[node.inputs[0]]
    return source.id if known(node, source) and (node.shape, node.dtype) == (source.shape, source.dtype) else None


def reshape_of_reshape(node: Node, b: Builder) -> Node | None:
    """Only the last shape counts."""
    source = b[node.inputs[0]]
    return b.instead(node, "reshape", source.inputs) if source.op == "reshape" else None


def expand_of_expand(node: Node, b: Builder) -> Node | None:
    """Only the last shape counts."""
    source = b[node.inputs[0]]
    return b.instead(node, "expand", source.inputs) if source.op == "expand" else None


def expand_by_reshape(node: Node, b: Builder) -> Node | None:
    """A broadcast that only adds axes of one is a view."""
    source = b[node.inputs[0]]
    if known(node, source) and node.tensor.size == source.tensor.size and node.shape != source.shape:
        return b.instead(node, "reshape", (source.id,))
    return None


def kept_axes(node: Node, b: Builder) -> Node | None:
    """A view that puts back the axes that a reduction dropped, also behind scalar arithmetic: it keeps them."""
    chain: list[Node] = []
    source = b[node.inputs[0]]
    while source.op in ELEMENTWISE and b.only_use(source.id) and len(chain) < _LONGEST:
        live = [name for name in source.inputs if number(b.nodes, name) is None]
        if len(live) != 1 or b[live[0]].shape != source.shape:
            return None
        chain.append(source)
        source = b[live[0]]
    if not source.op.startswith(("reduce_", "logsumexp")) or source.attrs.get("keepdims") or not known(node, source):
        return None
    operand, axes = b[source.inputs[0]], integers(source, "axes")
    if node.shape != tuple(1 if axis in axes else n for axis, n in enumerate(operand.shape)):
        return None
    attrs = {**source.attrs, "keepdims": True}
    if not chain:
        return b.instead(node, source.op, source.inputs, **attrs)
    value, below = b.emit(source.op, source.inputs, TensorType(source.dtype, node.shape), **attrs), source.id
    for step in reversed(chain):
        inputs = tuple(value if name == below else name for name in step.inputs)
        if step is chain[0]:
            return b.instead(node, step.op, inputs, **step.attrs)
        value, below = b.emit(step.op, inputs, TensorType(step.dtype, node.shape), **step.attrs), step.id
    return None


def identity_permutation(node: Node, _b: Builder) -> str | None:
    """A permutation that leaves every axis in its place."""
    perm = integers(node, "perm")
    return node.inputs[0] if perm == tuple(range(len(perm))) else None


def transpose_of_transpose(node: Node, b: Builder) -> Node | None:
    """Two permutations as one."""
    source = b[node.inputs[0]]
    if source.op != "transpose":
        return None
    inner = integers(source, "perm")
    return b.instead(node, "transpose", source.inputs, perm=tuple(inner[axis] for axis in integers(node, "perm")))


def whole_slice(node: Node, b: Builder) -> str | None:
    """A slice of everything, forwards."""
    source = b[node.inputs[0]]
    whole = known(node, source) and source.shape == node.shape and integer(node, "step") == 1
    return source.id if whole else None


def _cut(node: Node) -> tuple[int, int, int, int]:
    return integer(node, "axis"), integer(node, "start"), integer(node, "stop"), integer(node, "step")


def slice_of_slice(node: Node, b: Builder) -> Node | None:
    """Two slices of one axis as one."""
    source = b[node.inputs[0]]
    if source.op != "slice":
        return None
    axis, start, stop, step = _cut(node)
    under, first, _, stride = _cut(source)
    if axis != under or step < 1 or stride < 1 or not known(node):
        return None
    begin = first + start * stride
    count = node.shape[axis]
    ends = begin + (count - 1) * step * stride + 1 if step * stride > 1 else first + stop
    return b.instead(node, "slice", source.inputs, axis=axis, start=begin, stop=ends, step=step * stride)


def slice_of_concat(node: Node, b: Builder) -> str | Node | None:
    """A slice that lies inside one part of a concatenation is a slice of that part."""
    source = b[node.inputs[0]]
    axis, start, stop, step = _cut(node)
    if (
        source.op != "concat"
        or integer(source, "axis") != axis
        or step < 1
        or not known(*map(b.__getitem__, source.inputs))
    ):
        return None
    offset = 0
    for name in source.inputs:
        size = b[name].shape[axis]
        if offset <= start and stop <= offset + size:
            if step == 1 and start == offset and stop == offset + size:
                return name
            attrs = {"axis": axis, "start": start - offset, "stop": stop - offset, "step": step}
            return b.instead(node, "slice", (name,), **attrs)
        offset += size
    return None


def single_part(node: Node, b: Builder) -> str | None:
    """A concatenation of one tensor with nothing."""
    axis = integer(node, "axis")
    parts = [name for name in node.inputs if b[name].shape[axis : axis + 1] != (0,)]
    return parts[0] if len(parts) == 1 and b[parts[0]].shape == node.shape else None


def joined_slices(node: Node, b: Builder) -> Node | None:
    """Neighbouring slices of one tensor, put together again."""
    axis = integer(node, "axis")
    parts: list[tuple[str, int, int] | str] = []
    for name in node.inputs:
        piece = b[name]
        last = parts[-1] if parts else None
        if piece.op == "slice" and _cut(piece)[0] == axis and _cut(piece)[3] == 1:
            source, start, stop = piece.inputs[0], _cut(piece)[1], _cut(piece)[2]
            if isinstance(last, tuple) and last[0] == source and last[2] == start:
                parts[-1] = (source, last[1], stop)
            else:
                parts.append((source, start, stop))
        else:
            parts.append(name)
    whole = parts[0]
    if len(parts) == 1 and len(node.inputs) > 1 and isinstance(whole, tuple):
        return b.instead(node, "slice", (whole[0],), axis=axis, start=whole[1], stop=whole[2], step=1)
    return None


def turned_slices(node: Node, b: Builder) -> Node | None:
    """The end of a tensor in front of its beginning: a cyclic shift."""
    pieces = [b[name] for name in node.inputs]
    axis = integer(node, "axis")
    if len(pieces) != 2 or any(piece.op != "slice" or _cut(piece)[0] != axis for piece in pieces):
        return None
    (_, middle, end, one), (_, start, cut, step) = (_cut(piece) for piece in pieces)
    source = b[pieces[0].inputs[0]]
    if pieces[1].inputs[0] != source.id or (start, cut, one, step) != (0, middle, 1, 1):
        return None
    if not known(source) or end != source.shape[axis]:
        return None
    return b.instead(node, "roll", (source.id,), shifts=(-middle,), axes=(axis,))


def roll_of_roll(node: Node, b: Builder) -> Node | None:
    """Two cyclic shifts as one, axes in order, each shift to the shorter side."""
    if not known(node):
        return None
    source = b[node.inputs[0]]
    shifts: dict[int, int] = {}
    for step in (node, source) if source.op == "roll" else (node,):
        for axis, shift in zip(integers(step, "axes"), integers(step, "shifts"), strict=True):
            shifts[axis] = shifts.get(axis, 0) + shift
    axes = tuple(sorted(shifts))
    short = tuple((shifts[axis] + n // 2) % n - n // 2 for axis in axes if (n := node.shape[axis]))
    if source.op != "roll" and axes == integers(node, "axes") and short == integers(node, "shifts"):
        return None
    return b.instead(node, "roll", source.inputs if source.op == "roll" else node.inputs, shifts=short, axes=axes)


def nothing_added(node: Node, _b: Builder) -> str | None:
    """A pad of no width."""
    return node.inputs[0] if not any(low or high for low, high in pairs(node, "pads")) else None


def tile_as_expand(node: Node, b: Builder) -> str | Node | None:
    """A tile of axes of one is a broadcast."""
    source, repeats = b[node.inputs[0]], integers(node, "repeats")
    if not known(source) or len(repeats) != len(source.shape):
        return None
    if all(r == 1 for r in repeats):
        return source.id
    if all(r == 1 or n == 1 for r, n in zip(repeats, source.shape, strict=True)):
        return b.instead(node, "expand", (source.id,))
    return None


def no_shift(node: Node, _b: Builder) -> str | None:
    """A cyclic shift by nothing."""
    return node.inputs[0] if not any(integers(node, "shifts")) else None


def broadcast_operand(node: Node, b: Builder) -> Node | None:
    """Elementwise operators broadcast by themselves: an expanded operand is read before its expansion."""
    for port, name in enumerate(node.inputs):
        source = b[name]
        if source.op != "expand":
            continue
        inputs = (*node.inputs[:port], source.inputs[0], *node.inputs[port + 1 :])
        if not known(*(b[i] for i in inputs)):
            continue
        if np.broadcast_shapes(*(b[i].shape for i in inputs)) == node.shape:
            return b.instead(node, node.op, inputs, **node.attrs)
    return None


def complex_parts(node: Node, b: Builder) -> str | None:
    """A complex view of a real view, or the reverse."""
    source = b[node.inputs[0]]
    return source.inputs[0] if {node.op, source.op} == {"view_as_complex", "view_as_real"} else None


RULES: dict[str, tuple[Rule, ...]] = {
    "reshape": (no_change, reshape_of_reshape, kept_axes),
    "expand": (no_change, expand_of_expand, expand_by_reshape),
    "transpose": (identity_permutation, transpose_of_transpose),
    "slice": (whole_slice, slice_of_slice, slice_of_concat),
    "concat": (single_part, joined_slices, turned_slices),
    "pad": (nothing_added,),
    "tile": (tile_as_expand,),
    "roll": (no_shift, roll_of_roll),
    "view_as_complex": (complex_parts,),
    "view_as_real": (complex_parts,),
    **dict.fromkeys(sorted(BINARY - {"polar", "complex"}), (broadcast_operand,)),
}

PASS = Pass(rules=RULES, after=("identities", "scalars"))
