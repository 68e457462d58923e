"""ONNX operators that move elements: every spelling of reshape, one slice an axis, splits as slices."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np

from irgen.errors import SourceError
from irgen.frontends.onnx_build import UNKNOWN
from irgen.frontends.onnx_call import Call, Lowering, NotFolded
from irgen.frontends.onnx_groups import grouped
from irgen.ir.rules import Shape, SizesDisagree, broadcast


def wanted(target: Sequence[int], shape: Shape | None, *, zero_copies: bool) -> Shape:
    """The sizes that a Reshape target means for an operand; -1 where they depend on data."""
    sizes = [int(n) for n in target]
    if zero_copies:
        for i, n in enumerate(sizes):
            if n == 0:
                if shape is None or i >= len(shape):
                    raise SourceError("Reshape copies a size that its operand does not have")
                sizes[i] = shape[i] if shape[i] >= 0 else UNKNOWN
    total = -1 if shape is None or min(shape, default=0) < 0 else math.prod(shape)
    holes = [i for i, n in enumerate(sizes) if n == -1]
    if len(holes) > 1:
        raise SourceError("Reshape leaves more than one size open")
    if any(n < -1 for n in sizes):
        return tuple(max(n, -1) for n in sizes)
    if holes:
        rest = math.prod(n for n in sizes if n != -1)
        if total >= 0 and rest == 0:
            raise SourceError("Reshape leaves a size open beside a size of 0")
        if total >= 0 and total % rest:
            raise _clash(shape, sizes)
        sizes[holes[0]] = -1 if total < 0 else total // rest
    elif total >= 0 and math.prod(sizes) != total:
        raise _clash(shape, sizes)
    return tuple(sizes)


def _clash(shape: Shape | None, target: Sequence[int]) -> SizesDisagree:
    """The first sizes that differ where axes are split or kept; the numbers of elements where axes are merged."""
    if shape is not None and len(target) >= len(shape):
        for m, n in zip(shape, target, strict=False):
            if m != n and n > 0:
                return SizesDisagree(m, n)
    return ElementsDisagree(math.prod(shape or ()), abs(math.prod(target)))


class ElementsDisagree(SizesDisagree):
    """Numbers of elements differ: no single size is to blame."""


def _reshape(c: Call) -> str:
    known = c.type().shape
    if "shape" not in c.attrs and c.known(1) is None:
        rank = c.shape(1)[0]
        if rank < 0:
            raise NotFolded
        return c.b.reshape(c.x, (-1,) * rank)
    target = c.vector("shape", 1) or ()
    return c.b.reshape(c.x, wanted(target, known, zero_copies=not c.int("allowzero", 0)))


def _squeeze(c: Call) -> str:
    shape = c.shape()
    axes = c.vector("axes", 1)
    dropped = {i for i, n in enumerate(shape) if n == 1} if axes is None else set(c.axes(axes, len(shape)))
    for i in dropped:
        if shape[i] not in (1, -1):
            raise SizesDisagree(shape[i], 1)
    return c.b.reshape(c.x, [n for i, n in enumerate(shape) if i not in dropped])


def _unsqueeze(c: Call) -> str:
    shape = c.shape()
    axes = c.vector("axes", 1) or ()
    rank = len(shape) + len(axes)
    new = set(c.axes(axes, rank))
    rest = iter(shape)
    return c.b.reshape(c.x, [1 if i in new else next(rest) for i in range(rank)])


def _product(sizes: Shape) -> int:
    return -1 if min(sizes, default=0) < 0 else math.prod(sizes)


def _flatten(c: Call) -> str:
    shape = c.shape()
    axis = c.int("axis", 1)
    axis = axis + len(shape) if axis < 0 else axis
    return c.b.reshape(c.x, (_product(shape[:axis]), _product(shape[axis:])))


def _transpose(c: Call) -> str:
    rank = len(c.shape())
    perm = c.ints("perm") or tuple(reversed(range(rank)))
    if sorted(perm) != list(range(rank)):
        raise SourceError(f"Transpose by {list(perm)} of a tensor with {rank} dimensions")
    return c.b.transpose(c.x, perm)


def _expand(c: Call) -> str:
    target = c.known(1)
    if target is None:
        return c.b.expand(c.x, (-1,) * max(c.shape(1)[0], len(c.shape())))
    sizes = tuple(max(int(n), -1) for n in target.reshape(-1).tolist())
    return c.b.expand(c.x, broadcast(c.shape(), sizes) or ())


def unknown(n: int) -> bool:
    """Whether arithmetic on a size that depends on data gave this number (the smallest of all says: the start)."""
    return -(2**62) < n <= UNKNOWN // 2


def cut(c: Call, x: str, axis: int, start: int, stop: int, step: int) -> str:
    """One axis cut by bounds as ONNX and Python write them (from the end, or beyond it)."""
    size = c.b.shape(x)[axis]
    if step == 0:
        raise SourceError(f"{c.op} has the step 0")
    if size < 0 or unknown(start) or unknown(stop):
        if step == 1 and start == 0 and stop > 2**30:
            return x
        raise NotFolded
    begin, end, step = slice(start, None if stop < -size and step < 0 else stop, step).indices(size)
    return c.b.slice(x, axis, begin, end, step)


def _slice(c: Call) -> str:
    starts, stops = c.vector("starts", 1) or (), c.vector("ends", 2) or ()
    axes = c.vector("axes", 3) or tuple(range(len(starts)))
    steps = c.vector("steps", 4) or (1,) * len(starts)
    x, rank = c.x, len(c.shape())
    for axis, start, stop, step in zip(axes, starts, stops, steps, strict=True):
        x = cut(c, x, c.axis(axis, rank), start, stop, step)
    return x


def _split(c: Call) -> list[str]:
    shape = c.shape()
    axis = c.axis(c.int("axis", 0), len(shape))
    size, parts = shape[axis], c.vector("split", 1)
    if parts is None:
        if size < 0:
            raise NotFolded
        count = c.int("num_outputs", c.count)
        each = -(-size // count)
        parts = tuple(min(each, size - i * each) for i in range(count))
    if size >= 0 and sum(parts) != size:
        raise SizesDisagree(sum(parts), size)
    starts = np.cumsum((0, *parts)).tolist()
    return [c.b.slice(c.x, axis, a, b) for a, b in itertools.pairwise(starts)]


def _concat(c: Call) -> str:
    xs = [x for x in c.inputs if x]
    if not xs:
        raise SourceError("Concat of nothing")
    axis = c.axis(c.int("axis", 1), len(c.b.shape(xs[0])))
    full = [x for x in xs if c.b.shape(x) != (0,)]  # exporters leave empty pieces behind
    groups = grouped(c.b, full) if axis == 0 and len(full) > 1 else None
    if groups is not None:
        return groups
    return c.b.concat(full or xs[:1], axis)


_MODES = {"constant": "constant", "reflect": "reflect", "edge": "replicate", "wrap": "circular"}


def _pad(c: Call) -> str:
    x = c.x
    rank = len(c.shape())
    amounts = c.ints("paddings") or c.vector("pads", 1) or ()
    axes = [c.axis(a, rank) for a in (c.vector("", 3) or range(rank))]
    if len(amounts) != 2 * len(axes):
        raise SourceError(f"Pad has {len(amounts)} amounts for {len(axes)} axes")
    if any(map(unknown, amounts)):
        raise NotFolded
    pads = [(0, 0)] * rank
    for i, axis in enumerate(axes):
        low, high = amounts[i], amounts[len(axes) + i]
        if low < 0 or high < 0:  # cropping
            size = c.shape()[axis]
            x = cut(c, x, axis, max(-low, 0), size - max(-high, 0), 1)
        pads[axis] = (max(low, 0), max(high, 0))
    if not any(map(any, pads)):
        return x
    value = c.number("value", 2) if c.version < 11 or c.has(2) else 0
    mode = _MODES.get(c.str("mode", "constant"), "constant")
    return c.b.add("pad", (x,), pads=tuple(pads), mode=mode, value=value or 0)


def _tile(c: Call) -> str:
    repeats = c.vector("repeats", 1) or ()
    if len(repeats) != len(c.shape()):
        raise SourceError(f"Tile has {len(repeats)} repeats for {len(c.shape())} dimensions")
    return c.x if all(n == 1 for n in repeats) else c.b.add("tile", (c.x,), repeats=repeats)


def _trilu(c: Call) -> str:
    diagonal = c.vector("", 1) or (0,)
    return c.b.add("triu" if c.int("upper", 1) else "tril", (c.x,), diagonal=diagonal[0])


def _depth_to_space(c: Call) -> str:
    n, channels, height, width = c.shape()
    k = c.int("blocksize", 1)
    if c.str("mode", "DCR") == "DCR":
        x = c.b.transpose(c.b.reshape(c.x, (n, k, k, channels // (k * k), height, width)), (0, 3, 4, 1, 5, 2))
    else:
        x = c.b.transpose(c.b.reshape(c.x, (n, channels // (k * k), k, k, height, width)), (0, 1, 4, 2, 5, 3))
    return c.b.reshape(x, (n, channels // (k * k), height * k, width * k))


def _space_to_depth(c: Call) -> str:
    n, channels, height, width = c.shape()
    k = c.int("blocksize", 1)
    x = c.b.reshape(c.x, (n, channels, height // k, k, width // k, k))
    perm = (0, 3, 5, 1, 2, 4) if c.str("mode", "DCR") == "DCR" else (0, 1, 3, 5, 2, 4)
    return c.b.reshape(c.b.transpose(x, perm), (n, channels * k * k, height // k, width // k))


OPS: dict[str, Lowering] = {
    "Reshape": _reshape, "Squeeze": _squeeze, "Unsqueeze": _unsqueeze, "Flatten": _flatten, "Transpose": _transpose,
    "Expand": _expand, "Slice": _slice, "Split": _split, "Concat": _concat, "Pad": _pad, "Tile": _tile,
    "Trilu": _trilu, "DepthToSpace": _depth_to_space, "SpaceToDepth": _space_to_depth,
}  # fmt: skip
