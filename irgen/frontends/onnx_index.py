"""ONNX operators that read or write at computed positions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from irgen.frontends.onnx_call import Call, Lowering, NotFolded
from irgen.frontends.onnx_supposed import FINDING, supposed
from irgen.frontends.onnx_values import Numbers
from irgen.ir.graph import Array
from irgen.ir.ops import MOVES
from irgen.ir.tensor import TensorType


def _stride(index: Array) -> int | None:
    """The step of an arithmetic progression of at least two entries."""
    steps = np.diff(index)
    return int(steps[0]) if steps.size and steps[0] != 0 and (steps == steps[0]).all() else None


def learned(c: Call, x: str) -> bool:
    """Whether a node is a parameter, possibly moved or cast."""
    node = c.b.graph.nodes[x]
    while node.op in MOVES | {"cast"} and len(node.inputs) == 1:
        node = c.b.graph.nodes[node.inputs[0]]
    return node.op == "param"


def weight(c: Call, i: int) -> str:
    """Operand i where a weight stands: a filled tensor there is a parameter whose values were left out of the file."""
    x = c.operand(i)
    root = c.b.graph.nodes[x]
    while root.op in MOVES and len(root.inputs) == 1:
        root = c.b.graph.nodes[root.inputs[0]]
    if root.op == "full" and root.tensor.is_float and root.tensor.rank > 0 and root.tensor.size > 1:
        c.b.learn(root.id)
    return x


def _gather(c: Call) -> str:
    shape = c.shape()
    axis = c.axis(c.int("axis", 0), len(shape))
    index: Numbers | None = c.known(1)
    size, b = shape[axis], c.b
    computed = b.graph.nodes[c.operand(1)].op != "const"
    if index is None or size < 0 or computed:
        if index is not None and index.ndim == 0 and size >= 0:
            return _one(c, axis, int(index))
        if axis == 0 and len(shape) == 2 and learned(c, c.x):
            return b.add("embedding", (c.x, c.operand(1)))
        return b.add("gather", (c.x, c.operand(1)), axis=axis)
    if index.ndim == 0:
        return _one(c, axis, int(index))
    index = np.where(index < 0, index + size, index)
    if index.ndim == 1 and index.size > 1 and not (len(shape) == 1 and b.known(c.x) is not None):
        step = _stride(index)
        if step is not None and index.min() >= 0 and index.max() < size:
            return b.slice(c.x, axis, int(index[0]), int(index[-1]) + (1 if step > 0 else -1), step)
    if index.shape == (1,) and 0 <= index[0] < size:
        return b.slice(c.x, axis, int(index[0]), int(index[0]) + 1)
    return b.add("gather", (c.x, b.const(index.astype(np.int64))), axis=axis)


def _one(c: Call, axis: int, index: int) -> str:
    """One entry of an axis: a slice, and the axis dropped."""
    size = c.shape()[axis]
    index = index + size if index < 0 else index
    if not 0 <= index < size:
        raise IndexError(f"entry {index} of an axis of {size}")
    value = c.b.known(c.x) if len(c.shape()) == 1 else None
    if value is not None and c.b.graph.nodes[c.x].op == "const":
        return c.b.const(value[index], c.type().dtype)
    return c.b.squeeze(c.b.slice(c.x, axis, index, index + 1), axis)


def _gather_elements(c: Call) -> str:
    return c.b.add("gather_elements", (c.x, c.operand(1)), axis=c.axis(c.int("axis", 0), len(c.shape())))


def _columns(c: Call, index: str) -> list[str]:
    """The index tensors of the last axis of a GatherND or ScatterND index."""
    shape, made = c.b.shape(index), c.b.graph.nodes[index]
    last = len(shape) - 1
    if shape[last] < 0:
        raise NotFolded
    if made.op == "concat" and made.attrs["axis"] == last and len(made.inputs) == shape[last]:
        return [c.b.squeeze(x, last) for x in made.inputs]
    return [c.b.squeeze(c.b.slice(index, last, i, i + 1), last) for i in range(shape[last])]


def _gather_nd(c: Call) -> str:
    batch, index = c.int("batch_dims", 0), c.operand(1)
    columns = _columns(c, index)
    shape = c.b.shape(index)
    grids: list[str] = []
    for axis in range(batch):
        grid = c.b.add("arange", (), TensorType("int64", (shape[axis],)), start=0, step=1)
        grids.append(c.b.reshape(grid, (shape[axis], *(1,) * (len(shape) - 2 - axis))))
    return c.b.add("gather_nd", (c.x, *grids, *columns), axes=tuple(range(batch + len(columns))))


def _scatter_nd(c: Call) -> str:
    columns = _columns(c, c.operand(1))
    value = c.known(1)
    box = None if value is None or c.str("reduction", "none") != "none" else _box(value)
    if box is not None:
        return _write(c, box)
    return c.b.add(
        "scatter_nd", (c.x, c.operand(2), *columns), axes=tuple(range(len(columns))),
        reduce=c.str("reduction", "none"),
    )  # fmt: skip


def _box(index: Array) -> list[tuple[int, int, int]] | None:
    """Start, stop and step along each indexed axis, where the index lists a regular box in order."""
    depth = index.shape[-1]
    if index.ndim != depth + 1 or not index.size:
        return None
    bounds: list[tuple[int, int, int]] = []
    for axis in range(depth):
        line = np.moveaxis(index[..., axis], axis, 0)
        first = line.reshape(line.shape[0], -1)
        if (first != first[:, :1]).any() or first.min() < 0:
            return None
        column = first[:, 0]
        step = 1 if column.size == 1 else _stride(column)
        if step is None or step < 1:
            return None
        bounds.append((int(column[0]), int(column[-1]) + 1, step))
    return bounds


def _write(c: Call, box: Sequence[tuple[int, int, int]]) -> str:
    bounds = [*box, *((0, n, 1) for n in c.shape()[len(box) :])]
    starts, stops, steps = zip(*bounds, strict=True)
    return c.b.add("write", (c.x, c.operand(2)), starts=starts, stops=stops, steps=steps)


def _scatter(c: Call) -> str:
    axis = c.axis(c.int("axis", 0), len(c.shape()))
    return c.b.add("scatter_elements", (c.x, c.operand(1), c.operand(2)), axis=axis, reduce=c.str("reduction", "none"))


def _one_hot(c: Call) -> str:
    """Indicator vectors, on another axis and with other values than 0 and 1 where asked."""
    depth, values = c.vector("", 1), c.known(2)
    if not depth or values is None or values.size != 2:
        raise NotFolded
    rank = len(c.shape())
    axis = c.axis(c.int("axis", -1), rank + 1)
    x, b = c.x, c.b
    if c.type().is_float:
        x = b.cast(x, "int64")
    x = b.add("mod", (x, b.scalar(depth[0], x))) if c.version >= 11 and _may_be_negative(c) else x
    hot = b.cast(b.add("one_hot", (x,), depth=depth[0]), c.type(2).dtype)
    perm = [*range(axis), rank, *range(axis, rank)]
    hot = b.transpose(hot, perm)
    off, on = values.reshape(-1).tolist()
    if on - off != 1:
        hot = b.add("mul", (hot, b.scalar(on - off, hot)))
    return b.add("add", (hot, b.scalar(off, hot))) if off else hot


def _may_be_negative(c: Call) -> bool:
    value: Numbers | None = c.known(0)
    return value is not None and bool((value < 0).any())


def _top_k(c: Call) -> list[str]:
    shape, dtype = c.shape(), c.type().dtype
    axis = c.axis(c.int("axis", -1), len(shape))
    count = c.vector("k", 1)
    if not count:
        raise NotFolded
    largest = bool(c.int("largest", 1))
    kind = (*shape[:axis], max(count[0], -1), *shape[axis + 1 :])
    types = [TensorType(dtype, kind), TensorType("int64", kind)]
    if count[0] == shape[axis]:
        return c.b.several("sort", (c.x,), types, axis=axis, descending=largest)
    if count[0] < 0:
        raise NotFolded
    return c.b.several("topk", (c.x,), types, k=count[0], axis=axis, largest=largest)


def _nonzero(c: Call) -> str:
    rank = len(c.shape())
    value = c.known(0)
    if value is None and (value := supposed(c.b.graph, c.x)) is not None and FINDING not in c.sweep.source.findings:
        c.sweep.source.findings.append(FINDING)
    count = -1 if value is None else int(np.count_nonzero(value))
    rows = c.b.add("nonzero", (c.x,), TensorType("int64", (count, rank)))
    return c.b.transpose(rows, (1, 0))


def _compress(c: Call) -> str:
    if "axis" not in c.attrs:
        shape = c.shape()
        size = -1 if min(shape, default=0) < 0 else int(np.prod(shape))
        x, axis = c.b.reshape(c.x, (size,)), 0
    else:
        x, axis = c.x, c.axis(c.int("axis", 0), len(c.shape()))
    kept = c.b.add("nonzero", (c.operand(1),), TensorType("int64", (-1, 1)))
    return c.b.add("gather", (x, c.b.reshape(kept, (-1,))), axis=axis)


def _hard_max(c: Call) -> str:
    axis = c.axis(c.int("axis", -1 if c.version >= 13 else 1), len(c.shape()))
    rank = len(c.shape())
    where = c.b.add("argmax", (c.x,), axis=axis, keepdims=False)
    hot = c.b.cast(c.b.add("one_hot", (where,), depth=c.shape()[axis]), c.type().dtype)
    return c.b.transpose(hot, [*range(axis), rank - 1, *range(axis, rank - 1)])


OPS: dict[str, Lowering] = {
    "Gather": _gather, "GatherElements": _gather_elements, "GatherND": _gather_nd, "ScatterND": _scatter_nd,
    "ScatterElements": _scatter, "Scatter": _scatter, "OneHot": _one_hot, "TopK": _top_k, "NonZero": _nonzero,
    "Compress": _compress, "Hardmax": _hard_max,
}  # fmt: skip
