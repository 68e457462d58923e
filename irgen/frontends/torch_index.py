"""Lowering of indexing, gathering, scattering, sorting and counting."""

# The rows of TABLE take what torch's functions take, used or not, and lambdas have no room for types:
# ruff: noqa: ARG001
# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from irgen.frontends.torch_build import Builder, Operand, Unlowered, Val
from irgen.frontends.torch_views import written

Box = list[tuple[int, int, int]]


class Index:
    """A Python index taken apart: the box it cuts, the shape that leaves, and index tensors by axis of that shape."""

    def __init__(self, c: Builder, x: Val, index: Any) -> None:
        self.box: Box = []
        self.shape: list[int] = []
        self.tensors: dict[int, Val] = {}
        self.masks: dict[int, Val] = {}
        items = list(index) if isinstance(index, tuple) else [index]
        items = [c.const(np.asarray(i)) if isinstance(i, (list, range)) else i for i in items]
        used = sum(_consumes(i) for i in items)
        spread = next((at for at, i in enumerate(items) if i is Ellipsis), None)
        whole = [slice(None)] * (x.rank - used)
        items = [*items, *whole] if spread is None else [*items[:spread], *whole, *items[spread + 1 :]]
        for item in items:
            self._take(x, item)

    def _take(self, x: Val, item: Any) -> None:
        axis = len(self.box)
        if item is None or item is True:
            self.shape.append(1)
        elif isinstance(item, slice):
            start, stop, step = item.indices(x.shape[axis])
            count = len(range(start, stop, step))
            self.box.append((start, max(start, stop), step))
            self.shape.append(count)
        elif isinstance(item, Val) and item.dtype in ("bool", "uint8"):
            self.masks[len(self.shape)] = item
            for n in item.shape:
                self.box.append((0, n, 1))
                self.shape.append(n)
        elif isinstance(item, Val):
            self.tensors[len(self.shape)] = item
            self.box.append((0, x.shape[axis], 1))
            self.shape.append(x.shape[axis])
        elif isinstance(item, int):
            at = item % x.shape[axis]
            self.box.append((at, at + 1, 1))
        else:
            raise Unlowered

    def cut(self, c: Builder, x: Val) -> Val:
        """The basic part of the index."""
        for axis, (start, stop, step) in enumerate(self.box):
            x = c.slice(x, axis, start, stop, step)
        return c.reshape(x, self.shape)

    def advanced(self, c: Builder, found: int | None) -> dict[int, Val]:
        """Index tensors by axis, with masks turned into positions (`found` of them)."""
        tensors = dict(self.tensors)
        for axis, mask in self.masks.items():
            if found is None:
                raise Unlowered
            places = c.emit("nonzero", [mask], (found, mask.rank), "int64")
            for i in range(mask.rank):
                tensors[axis + i] = c.select(places, 1, i)
        return dict(sorted(tensors.items()))


def _consumes(item: Any) -> int:
    if item is None or item is Ellipsis or isinstance(item, bool):
        return 0
    return item.rank if isinstance(item, Val) and item.dtype in ("bool", "uint8") else 1


def _getitem(c: Builder, x: Val, index: Any) -> Val:
    taken = Index(c, x, index)
    base = taken.cut(c, x)
    if not taken.tensors and not taken.masks:
        return base
    if len(taken.masks) == 1 and not taken.tensors and next(iter(taken.masks.values())).rank == base.rank:
        return c.emit("masked_select", [base, *taken.masks.values()], c.out.shape, x.dtype)
    found = math.prod(c.out.shape) // max(1, _rest(base, taken)) if taken.masks else None
    if taken.masks and found is not None and len(taken.masks) + len(taken.tensors) > 1:
        found = max((n for n in c.out.shape), default=1)
    return gathered(c, base, taken.advanced(c, found))


def _rest(base: Val, taken: Index) -> int:
    covered = {axis + i for axis, mask in taken.masks.items() for i in range(mask.rank)}
    return math.prod(n for i, n in enumerate(base.shape) if i not in covered)


def gathered(c: Builder, x: Val, tensors: dict[int, Val]) -> Val:
    """Advanced indexing of x by integer tensors, one for each of some axes."""
    axes = tuple(tensors)
    if len(axes) == 1:
        axis, index = axes[0], tensors[axes[0]]
        return c.emit("gather", [x, index], (*x.shape[:axis], *index.shape, *x.shape[axis + 1 :]), x.dtype, axis=axis)
    spread = np.broadcast_shapes(*(t.shape for t in tensors.values()))
    adjacent = axes == tuple(range(axes[0], axes[-1] + 1))
    rest = [n for i, n in enumerate(x.shape) if i not in axes]
    at = axes[0] if adjacent else 0
    sizes = (*rest[:at], *spread, *rest[at:])
    return c.emit("gather_nd", [x, *tensors.values()], sizes, x.dtype, axes=axes)


def _setitem(c: Builder, x: Val, index: Any, value: Operand) -> Val:
    taken = Index(c, x, index)
    value = c.as_val(value, x.dtype)
    if not taken.tensors and not taken.masks:
        return written(c, x, c.reshape(_onto(c, value, taken.shape), [_length(b) for b in taken.box]), taken.box)
    if (
        all((b, e, s) == (0, n, 1) for (b, e, s), n in zip(taken.box, x.shape, strict=True))
        and len(taken.shape) == x.rank
    ):
        return _put(c, x, taken, value, "none")
    base = taken.cut(c, x)
    inner = _put(c, base, taken, value, "none")
    return written(c, x, c.reshape(inner, [_length(b) for b in taken.box]), taken.box)


def _length(box: tuple[int, int, int]) -> int:
    return len(range(*box))


def _onto(c: Builder, value: Val, shape: Sequence[int]) -> Val:
    """Broadcast, with leading axes of size 1 that the target lacks taken off."""
    while value.rank > len(shape):
        value = c.squeeze(value, 0)
    return c.expand(value, shape)


def _put(c: Builder, x: Val, taken: Index, value: Val, reduce: str) -> Val:
    if len(taken.masks) == 1 and not taken.tensors:
        axis, mask = next(iter(taken.masks.items()))
        held = c.reshape(mask, (*mask.shape, *(1,) * (x.rank - axis - mask.rank)))
        if value.size == 1 and reduce == "none":
            return c.where(held, c.reshape(value, ()), x)
        if axis == 0 and reduce == "none" and value.rank == x.rank - mask.rank + 1:
            if value.shape[0] == 1:
                return c.where(held, c.squeeze(value, 0), x)
            return c.emit("masked_scatter", [x, c.expand(held, x.shape), value], x.shape, x.dtype)
        if axis == 0 and reduce == "none" and value.rank <= x.rank - mask.rank:
            return c.where(held, value, x)
        raise Unlowered
    if taken.masks:
        raise Unlowered
    return scattered(c, x, taken.advanced(c, None), value, reduce)


def scattered(c: Builder, x: Val, tensors: dict[int, Val], value: Val, reduce: str) -> Val:
    """X with `value` put, or added, at integer positions of some axes."""
    axes = tuple(tensors)
    spread = np.broadcast_shapes(*(t.shape for t in tensors.values()))
    adjacent = axes == tuple(range(axes[0], axes[-1] + 1))
    rest = [n for i, n in enumerate(x.shape) if i not in axes]
    at = axes[0] if adjacent else 0
    value = _onto(c, c.cast(value, x.dtype), (*rest[:at], *spread, *rest[at:]))
    return c.emit("scatter_nd", [x, value, *tensors.values()], x.shape, x.dtype, axes=axes, reduce=reduce)


def _as_index(indices: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(slice(None) if i is None else i for i in indices)


def _index(c: Builder, x: Val, indices: Sequence[Any]) -> Val:
    return _getitem(c, x, _as_index(indices))


def _index_put(c: Builder, x: Val, indices: Sequence[Any], values: Val, accumulate: bool = False, *_: Any) -> Val:
    taken = Index(c, x, _as_index(indices))
    return _put(c, x, taken, c.cast(values, x.dtype), "add" if accumulate else "none")


def _index_select(c: Builder, x: Val, dim: int, index: Val) -> Val:
    return gathered(c, x, {dim % x.rank: c.reshape(index, (index.size,))})


def _along(reduce: str) -> Callable[..., Val]:
    """index_add, index_copy: whole slices along one axis."""

    def rule(c: Builder, x: Val, dim: int, index: Val, source: Val, *, alpha: Any = 1) -> Val:
        value = source if alpha == 1 else c.binary("mul", source, alpha)
        return scattered(c, x, {dim % max(1, x.rank): c.reshape(index, (index.size,))}, value, reduce)

    return rule


def _index_fill(c: Builder, x: Val, dim: int, index: Val, value: Operand) -> Val:
    return scattered(c, x, {dim % x.rank: c.reshape(index, (index.size,))}, c.as_val(value, x.dtype), "none")


def _gather(c: Builder, x: Val, dim: int, index: Val, **_: Any) -> Val:
    if x.rank == 0:
        return x
    return c.emit("gather_elements", [x, index], index.shape, x.dtype, axis=dim % x.rank)


_REDUCTIONS = {"add": "add", "sum": "add", "multiply": "mul", "prod": "mul", "amax": "max", "amin": "min"}


def _scatter(reduction: str) -> Callable[..., Val]:
    def rule(
        c: Builder,
        x: Val,
        dim: int,
        index: Val,
        src: Any = None,
        reduce: Any = None,
        *,
        value: Any = None,
        include_self: bool = True,
    ) -> Val:
        update = src if value is None else value
        kind = _REDUCTIONS.get(reduce or "") if reduce else reduction
        if kind is None or not include_self:
            raise Unlowered
        update = c.as_val(update, x.dtype)
        if update.rank:
            for axis, n in enumerate(index.shape):
                update = c.slice(update, axis, 0, n)
        else:
            update = c.expand(update, index.shape)
        return c.emit("scatter_elements", [x, index, update], x.shape, x.dtype, axis=dim % max(1, x.rank), reduce=kind)

    return rule


def _masked_scatter(c: Builder, x: Val, mask: Val, source: Val) -> Val:
    return c.emit("masked_scatter", [x, c.expand(mask, x.shape), source], x.shape, x.dtype)


def _masked_select(c: Builder, x: Val, mask: Val) -> Val:
    return c.emit("masked_select", [x, mask], c.out.shape, x.dtype)


def _nonzero(c: Builder, x: Val, *, as_tuple: bool = False) -> Any:
    if not as_tuple:
        return c.emit("nonzero", [x], c.out.shape, "int64")
    places = c.emit("nonzero", [x], (c.out[0].shape[0], x.rank), "int64")
    return tuple(c.select(places, 1, i) for i in range(x.rank))


def _one_hot(c: Builder, x: Val, num_classes: int = -1) -> Val:
    return c.emit("one_hot", [x], c.out.shape, "int64", depth=c.out.shape[-1])


def _topk(c: Builder, x: Val, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> tuple[Val, ...]:
    axis = dim % max(1, x.rank)
    sizes = (*x.shape[:axis], k, *x.shape[axis + 1 :])
    return c.emit_many("topk", [x], [(sizes, x.dtype), (sizes, "int64")], k=k, axis=axis, largest=largest)


def _sort(
    c: Builder, x: Val, *args: Any, dim: int | None = None, descending: bool = False, stable: Any = None
) -> tuple[Val, ...]:
    given = [a for a in args if not isinstance(a, bool)]
    flags = [a for a in args if isinstance(a, bool)]
    axis = (given[0] if given else -1 if dim is None else dim) % max(1, x.rank)
    down = flags[-1] if flags else descending
    return c.emit_many("sort", [x], [(x.shape, x.dtype), (x.shape, "int64")], axis=axis, descending=down)


def _bincount(c: Builder, x: Val, weights: Val | None = None, minlength: int = 0) -> Val:
    if weights is not None:
        empty = c.full(c.out.shape, 0, weights.dtype)
        return scattered(c, empty, {0: x}, weights, "add")
    return c.emit("bincount", [x], c.out.shape, "int64", size=c.out.shape[0])


def _histc(c: Builder, x: Val, bins: int = 100, min: float = 0, max: float = 0) -> Val:
    """A histogram of whole numbers with one bin each is a count."""
    if bins != max - min + 1:
        raise Unlowered
    whole = c.cast(x, "int64")
    counted = whole if min == 0 else c.binary("sub", whole, int(min))
    return c.emit("bincount", [c.reshape(counted, (-1,))], (bins,), "int64", size=bins)


def _searchsorted(c: Builder, edges: Val, x: Operand, right: bool = False, side: str | None = None, **_: Any) -> Val:
    after = right or side == "right"
    wanted = c.as_val(x, edges.dtype)
    return c.emit("searchsorted", [edges, wanted], c.out.shape, "int64", right=after)


def _bucketize(c: Builder, x: Operand, boundaries: Val, *, right: bool = False, **_: Any) -> Val:
    return _searchsorted(c, boundaries, x, right)


def _isin(c: Builder, elements: Operand, test_elements: Operand, *, invert: bool = False, **_: Any) -> Val:
    a = elements if isinstance(elements, Val) else c.scalar(elements, "int64")
    if not isinstance(test_elements, Val):
        found = c.binary("eq", a, test_elements, result="bool")
    else:
        flat = c.reshape(test_elements, (-1,))
        found = c.reduce("reduce_any", c.binary("eq", c.unsqueeze(a, -1), flat, result="bool"), [-1], False)
    return c.unary("not", found) if invert else found


def _embedding(c: Builder, weight: Val, indices: Val, *_: Any, **__: Any) -> Val:
    return c.emit("embedding", [weight, indices], (*indices.shape, *weight.shape[1:]), weight.dtype)


def _embedding_bag(
    c: Builder, weight: Val, indices: Val, offsets: Val, scale_grad: bool = False, mode: int = 0,
    sparse: bool = False, per_sample_weights: Val | None = None, last: bool = False, *_: Any,
) -> Any:  # fmt: skip
    """Rows of a table, summed (mode 0), averaged (1) or their largest taken (2) in bags that `offsets` begins."""
    bags = c.out[0].shape[0]
    rows = _embedding(c, weight, indices)
    if per_sample_weights is not None:
        rows = c.binary("mul", rows, c.unsqueeze(per_sample_weights, 1))
    begins = c.graph[offsets.id]
    even = begins.op == "arange" and begins.attrs["start"] == 0
    if not even or last or begins.attrs["step"] != indices.size // bags:
        raise Unlowered
    laid = c.reshape(rows, (bags, indices.size // bags, weight.shape[1]))
    pooled = c.reduce(("reduce_sum", "reduce_mean", "reduce_max")[mode], laid, [1], False)
    return (pooled, *(c.emit("opaque", [rows], o.shape, o.dtype, name="bag statistics") for o in c.out[1:]))


def _take(c: Builder, x: Val, index: Val) -> Val:
    return gathered(c, c.reshape(x, (-1,)), {0: index})


def _take_along(c: Builder, x: Val, indices: Val, dim: int | None = None) -> Val:
    if dim is None:
        x, dim, indices = c.reshape(x, (-1,)), 0, c.reshape(indices, (-1,))
    axis = dim % x.rank
    lead = [
        n if i != axis else 1
        for i, n in enumerate(
            np.broadcast_shapes(*([s if i != axis else 1 for i, s in enumerate(v.shape)] for v in (x, indices)))
        )
    ]
    wide = [*lead]
    wide[axis] = x.shape[axis]
    tall = [*lead]
    tall[axis] = indices.shape[axis]
    return _gather(c, c.expand(x, wide), axis, c.expand(indices, tall))


def _unique(
    c: Builder, x: Val, *_: Any, return_inverse: bool = False, return_counts: bool = False, dim: Any = None, **__: Any
) -> Any:
    if return_inverse or return_counts or dim is not None or not isinstance(c.out, Val):
        raise Unlowered
    return c.emit("unique", [x], c.out.shape, x.dtype)


TABLE: dict[str, Callable[..., Any]] = {
    "__getitem__": _getitem, "getitem": _getitem, "__setitem__": _setitem, "setitem": _setitem,
    "index": _index, "_unsafe_index": _index, "index_put": _index_put, "_index_put_impl": _index_put,
    "_unsafe_index_put": _index_put, "index_select": _index_select, "index_add": _along("add"),
    "index_copy": _along("none"), "index_fill": _index_fill, "gather": _gather, "take": _take,
    "take_along_dim": _take_along, "scatter": _scatter("none"), "scatter_add": _scatter("add"),
    "scatter_reduce": _scatter("none"), "masked_scatter": _masked_scatter, "masked_select": _masked_select,
    "nonzero": _nonzero, "nonzero_numpy": lambda c, x: _nonzero(c, x, as_tuple=True), "argwhere": _nonzero,
    "one_hot": _one_hot, "topk": _topk, "sort": _sort, "msort": lambda c, x: _sort(c, x, 0)[0],
    "argsort": lambda c, x, *args, **named: _sort(c, x, *args, **named)[1],
    "bincount": _bincount, "histc": _histc, "searchsorted": _searchsorted, "bucketize": _bucketize, "isin": _isin,
    "embedding": _embedding, "embedding_bag": _embedding_bag, "_embedding_bag": _embedding_bag,
    "unique": _unique, "_unique2": _unique, "select_scatter": lambda c, x, src, dim, index: written(
        c, x, c.unsqueeze(src, dim), _one_axis(x, dim, index, index + 1)),
    "slice_scatter": lambda c, x, src, dim=0, start=None, end=None, step=1: written(
        c, x, src, _one_axis(x, dim, start, end, step)),
}  # fmt: skip


def _one_axis(x: Val, dim: int, start: Any, end: Any, step: int = 1) -> Box:
    box: Box = [(0, n, 1) for n in x.shape]
    if start == -1 and end == 0:
        end = None
    box[dim % x.rank] = slice(start, end, step).indices(x.shape[dim])
    return box
