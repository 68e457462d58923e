"""Operators that read or write elements at computed positions, in numpy."""

from __future__ import annotations

from typing import Any

import numpy as np

from irgen.ir.attrs import flag, integer, integers
from irgen.ir.evaluate_base import Called, CalledTwo, Kernel, Unevaluable, Values
from irgen.ir.graph import Node

_REDUCERS: dict[str, Any] = {
    "add": np.add, "sum": np.add, "mul": np.multiply, "prod": np.multiply, "max": np.maximum, "amax": np.maximum,
    "min": np.minimum, "amin": np.minimum,
}  # fmt: skip


def _whole(index: Values) -> Values:
    return index if index.dtype.kind in "iub" else index.astype(np.int64)


def _open_index(rank: int, axes: tuple[int, ...], indices: tuple[Values, ...]) -> tuple[Any, ...]:
    """A numpy index that has an index array at each of `axes` and takes the other axes whole."""
    index: list[Any] = [slice(None)] * rank
    for axis, entry in zip(axes, indices, strict=True):
        index[axis] = _whole(entry)
    return tuple(index)


def _put(node: Node, x: Values, index: tuple[Any, ...], update: Values) -> Values:
    reduce = node.attrs.get("reduce")
    out = np.array(x, dtype=x.dtype)
    if reduce in (None, "none"):
        out[index] = update
    elif reduce in _REDUCERS:
        _REDUCERS[str(reduce)].at(out, index, update)
    else:
        raise Unevaluable(f"unknown reduction {reduce!r}", at=node.id)
    return out


def _gather_nd(node: Node, x: Values, *indices: Values) -> Values:
    return x[_open_index(x.ndim, integers(node, "axes"), indices)]


def _scatter_nd(node: Node, x: Values, update: Values, *indices: Values) -> Values:
    return _put(node, x, _open_index(x.ndim, integers(node, "axes"), indices), update)


def _along(index: Values, axis: int) -> tuple[Any, ...]:
    """Positions of every element of `index`, with those along `axis` replaced by its values."""
    places: list[Any] = list(np.ogrid[tuple(slice(n) for n in index.shape)])
    places[axis] = _whole(index)
    return tuple(places)


def _gather_elements(node: Node, x: Values, index: Values) -> Values:
    return x[_along(index, integer(node, "axis") % x.ndim)]


def _scatter_elements(node: Node, x: Values, index: Values, update: Values) -> Values:
    part = update if update.ndim == 0 else update[tuple(slice(n) for n in index.shape)]
    return _put(node, x, _along(index, integer(node, "axis") % x.ndim), part)


def _masked_scatter(_node: Node, x: Values, mask: Values, source: Values) -> Values:
    held = np.broadcast_to(mask.astype(bool), np.broadcast_shapes(x.shape, mask.shape))
    out = np.array(np.broadcast_to(x, held.shape))
    out[held] = source.reshape(-1)[: int(held.sum())]
    return out


def _masked_select(_node: Node, x: Values, mask: Values) -> Values:
    whole, held = np.broadcast_arrays(x, mask.astype(bool))
    return whole[held]


def _one_hot(node: Node, x: Values) -> Values:
    return _whole(x)[..., None] == np.arange(integer(node, "depth"))


def _order(x: Values, axis: int, descending: bool) -> Values:
    if not descending:
        return np.argsort(x, axis=axis, kind="stable")
    # a stable descending order: the order of the flipped array, read backwards
    back = np.flip(np.argsort(np.flip(x, axis), axis=axis, kind="stable"), axis)
    return x.shape[axis] - 1 - back


def _sort(node: Node, x: Values) -> tuple[Values, ...]:
    axis = integer(node, "axis") % x.ndim
    order = _order(x, axis, flag(node, "descending"))
    return np.take_along_axis(x, order, axis), order


def _topk(node: Node, x: Values) -> tuple[Values, ...]:
    axis = integer(node, "axis") % x.ndim if x.ndim else 0
    order = _order(x, axis, flag(node, "largest"))
    order = order[(slice(None),) * axis + (slice(integer(node, "k")),)]
    return np.take_along_axis(x, order, axis), order


def _bincount(node: Node, x: Values) -> Values:
    size = node.attrs["size"]
    return np.bincount(_whole(x).reshape(-1), minlength=size if isinstance(size, int) else 0)


def _searchsorted(node: Node, edges: Values, x: Values) -> Values:
    side = "right" if flag(node, "right") else "left"
    if edges.ndim == 1:
        return np.searchsorted(edges, x, side=side)
    rows, wanted = edges.reshape(-1, edges.shape[-1]), x.reshape(-1, x.shape[-1])
    found = [np.searchsorted(row, want, side=side) for row, want in zip(rows, wanted, strict=True)]
    return np.stack(found).reshape(x.shape)


def _embedding(_node: Node, table: Values, index: Values) -> Values:
    return table[_whole(index)]


_CALLED: dict[str, Called] = {
    "nonzero": lambda _node, x: np.argwhere(x),
    "unique": lambda _node, x: np.unique(x),
    "one_hot": _one_hot, "bincount": _bincount,
}  # fmt: skip
_CALLED_TWO: dict[str, CalledTwo] = {
    "gather": lambda node, x, index: np.take(x, _whole(index), axis=integer(node, "axis")),
    "gather_elements": _gather_elements, "masked_select": _masked_select, "searchsorted": _searchsorted,
    "embedding": _embedding,
}  # fmt: skip
KERNELS: dict[str, Kernel] = {
    **_CALLED, **_CALLED_TWO, "gather_nd": _gather_nd, "scatter_nd": _scatter_nd, "scatter_elements": _scatter_elements,
    "masked_scatter": _masked_scatter, "topk": _topk, "sort": _sort,
}  # fmt: skip
