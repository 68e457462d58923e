"""Lowering of torch functions that move elements: views, permutations, joins, splits, padding, casts, copies."""

# The rows of TABLE take what torch's functions take, used or not, and lambdas have no room for types:
# ruff: noqa: ARG001
# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from irgen.frontends.torch_build import Builder, Unlowered, Val


def sizes_of(given: Sequence[Any]) -> tuple[int, ...]:
    """Sizes given one by one or as one sequence."""
    if len(given) == 1 and isinstance(given[0], (tuple, list)):
        given = given[0]
    return tuple(int(n) for n in given)


def _view(c: Builder, x: Val, *size: Any, **named: Any) -> Val:
    given = named.get("size", named.get("shape", size))
    if (len(size) == 1 and isinstance(size[0], torch.dtype)) or "dtype" in named:
        raise Unlowered
    if len(given) == 1 and isinstance(given[0], Val):  # view_as
        return c.reshape(x, given[0].shape)
    return c.reshape(x, c.out.shape)


def _as_out(c: Builder, x: Val, *_: Any, **__: Any) -> Val:
    """Any function that keeps order and elements: the sizes are known from the pass."""
    return c.reshape(x, c.out.shape)


def _permute(c: Builder, x: Val, *dims: Any, **named: Any) -> Val:
    return c.transpose(x, sizes_of((named["dims"],) if "dims" in named else dims))


def _swap(c: Builder, x: Val, dim0: int, dim1: int) -> Val:
    return c.swap(x, dim0, dim1)


def _movedim(c: Builder, x: Val, source: Any, destination: Any) -> Val:
    sources = [s % x.rank for s in ([source] if isinstance(source, int) else source)]
    targets = [d % x.rank for d in ([destination] if isinstance(destination, int) else destination)]
    rest = iter(i for i in range(x.rank) if i not in sources)
    return c.transpose(x, [sources[targets.index(i)] if i in targets else next(rest) for i in range(x.rank)])


def _expand(c: Builder, x: Val, *size: Any, **named: Any) -> Val:
    return c.expand(x, c.out.shape)


def _repeat(c: Builder, x: Val, *repeats: Any, **named: Any) -> Val:
    times = sizes_of((named["repeats"],) if "repeats" in named else repeats)
    x = c.reshape(x, (*(1,) * (len(times) - x.rank), *x.shape))
    return tile(c, x, (*(1,) * (x.rank - len(times)), *times))


def tile(c: Builder, x: Val, times: Sequence[int]) -> Val:
    """Repeated along each axis; where only axes of size 1 grow, that is broadcasting."""
    sizes = [n * t for n, t in zip(x.shape, times, strict=True)]
    if all(n == 1 or t == 1 for n, t in zip(x.shape, times, strict=True)):
        return c.expand(x, sizes)
    return c.emit("tile", [x], sizes, x.dtype, repeats=tuple(times))


def _repeat_interleave(c: Builder, x: Val, repeats: Any, dim: int | None = None, *, output_size: Any = None) -> Val:
    if dim is None:
        x, dim = c.reshape(x, (-1,)), 0
    axis = dim % x.rank
    if isinstance(repeats, Val):
        return _repeated_by(c, x, c.expand(repeats, (x.shape[axis],)), axis)
    spread = c.unsqueeze(x, axis + 1)
    spread = c.expand(spread, (*x.shape[: axis + 1], repeats, *x.shape[axis + 1 :]))
    return c.reshape(spread, (*x.shape[:axis], x.shape[axis] * repeats, *x.shape[axis + 1 :]))


def _repeated_by(c: Builder, x: Val, repeats: Val, axis: int) -> Val:
    """Each entry of an axis as often as a tensor says: entry j stands where j running sums have passed."""
    total = c.out.shape[axis]
    ends = c.unary("cumsum", repeats, axis=0, reverse=False, exclusive=False)
    place = c.emit("searchsorted", [ends, c.arange(total, repeats.dtype)], (total,), "int64", right=True)
    return c.emit("gather", [x, place], c.out.shape, x.dtype, axis=axis)


def _cat(c: Builder, tensors: Sequence[Val], dim: int = 0, *, axis: int | None = None) -> Val:
    return c.concat(list(tensors), dim if axis is None else axis)


def stacked(c: Builder, tensors: Sequence[Val], dim: int = 0) -> Val:
    """Side by side along a new axis."""
    return c.concat([c.unsqueeze(x, dim) for x in tensors], dim)


def _joined(axis: int, rank: int) -> Callable[..., Val]:
    def raised(c: Builder, x: Val) -> Val:
        if rank == 3 and x.rank == 1:
            return c.reshape(x, (1, x.size, 1))
        if rank == 3 and x.rank == 2:
            return c.unsqueeze(x, 2)
        if rank == 2 and axis == 1 and x.rank < 2:
            return c.reshape(x, (x.size, 1))
        return c.reshape(x, (*(1,) * (rank - x.rank), *x.shape))

    return lambda c, tensors: c.concat([raised(c, x) for x in tensors], axis)


def _hstack(c: Builder, tensors: Sequence[Val]) -> Val:
    return c.concat(list(tensors), 0 if tensors[0].rank == 1 else 1)


def pieces(c: Builder, x: Val, sizes: Sequence[int], dim: int) -> tuple[Val, ...]:
    """Consecutive slices of the given sizes."""
    parts: list[Val] = []
    start = 0
    for size in sizes:
        parts.append(c.slice(x, dim, start, start + size))
        start += size
    return tuple(parts)


def _split(c: Builder, x: Val, split_size_or_sections: Any = None, dim: int = 0, **named: Any) -> tuple[Val, ...]:
    """split, chunk, tensor_split and their relatives: the sizes of the pieces are known from the pass."""
    dim = named.get("dim", dim)
    return pieces(c, x, [piece.shape[dim] for piece in c.out], dim)


def _unbind(c: Builder, x: Val, dim: int = 0) -> tuple[Val, ...]:
    return tuple(c.select(x, dim, i) for i in range(x.shape[dim]))


def _slice(c: Builder, x: Val, dim: int = 0, start: Any = None, end: Any = None, step: int = 1) -> Val:
    first, stop, stride = slice(start, end, step).indices(x.shape[dim])
    return c.slice(x, dim, first, stop, stride)


def _narrow(c: Builder, x: Val, dim: int, start: int, length: int) -> Val:
    start = start + x.shape[dim] if start < 0 else start
    return c.slice(x, dim, start, start + length)


def _flip(c: Builder, x: Val, *dims: Any, **named: Any) -> Val:
    for axis in sizes_of((named["dims"],) if "dims" in named else dims):
        x = c.flip(x, axis)
    return x


def _roll(c: Builder, x: Val, shifts: Any, dims: Any = None) -> Val:
    if dims is None or dims in ((), []):
        return c.reshape(_roll(c, c.reshape(x, (-1,)), shifts, 0), x.shape)
    moved = (shifts,) if isinstance(shifts, int) else tuple(shifts)
    axes = (dims,) if isinstance(dims, int) else tuple(dims)
    return c.unary("roll", x, shifts=moved, axes=tuple(a % x.rank for a in axes))


def _meshgrid(c: Builder, *tensors: Any, indexing: str = "ij") -> tuple[Val, ...]:
    xs: list[Val] = list(tensors[0]) if isinstance(tensors[0], (tuple, list)) else list(tensors)
    order = list(range(len(xs)))
    if indexing == "xy" and len(xs) > 1:
        order[0], order[1] = 1, 0
    sizes = [0] * len(xs)
    for i, x in enumerate(xs):
        sizes[order[i]] = x.size
    laid = [c.reshape(x, [x.size if j == order[i] else 1 for j in range(len(xs))]) for i, x in enumerate(xs)]
    return tuple(c.expand(x, sizes) for x in laid)


def _broadcast_tensors(c: Builder, *tensors: Any) -> tuple[Val, ...]:
    xs = list(tensors[0]) if isinstance(tensors[0], (tuple, list)) else list(tensors)
    sizes = np.broadcast_shapes(*(x.shape for x in xs))
    return tuple(c.expand(x, sizes) for x in xs)


def _cast(c: Builder, x: Val, *_: Any, **__: Any) -> Val:
    """`to`, `float`, `type_as` …: to the type that the pass gave."""
    return c.cast(x, c.out.dtype)


def _copied(c: Builder, x: Val, src: Val | float, *_: Any, **__: Any) -> Val:
    """`copy_`: what is written over x."""
    value = c.as_val(src, x.dtype)
    return c.expand(c.reshape(value, value.shape), x.shape)


def _same(c: Builder, x: Val, *_: Any, **__: Any) -> Val:
    return x


def _detach(c: Builder, x: Val) -> Val:
    return c.unary("stop_gradient", x) if x.dtype.startswith(("float", "bfloat", "complex")) else x


def _view_as_complex(c: Builder, x: Val) -> Val:
    return c.emit("view_as_complex", [x], x.shape[:-1], "complex128" if x.dtype == "float64" else "complex64")


def _view_as_real(c: Builder, x: Val) -> Val:
    return c.emit("view_as_real", [x], (*x.shape, 2), "float64" if x.dtype == "complex128" else "float32")


KEPT = [
    "contiguous",
    "clone",
    "alias",
    "lift",
    "lift_fresh",
    "lift_fresh_copy",
    "cpu",
    "cuda",
    "requires_grad",
    "pin_memory",
    "_to_cpu",
    "dropout",
    "alpha_dropout",
    "feature_dropout",
    "feature_alpha_dropout",
    "pack_hook",
    "positive",
    "view_copy_",
    "detach_copy",
    "deepcopy",
    "_conj_copy",
    "record_stream",
    "share_memory",
    "retain_grad",
    "identity",
]

TABLE: dict[str, Callable[..., Any]] = {
    "view": _view, "reshape": _view, "view_as": _as_out, "reshape_as": _as_out, "_unsafe_view": _as_out,
    "_reshape_alias": _as_out, "view_copy": _as_out, "_reshape_copy": _as_out,
    "flatten": _as_out, "unflatten": _as_out, "squeeze": _as_out, "unsqueeze": _as_out, "ravel": _as_out,
    "atleast_1d": _as_out, "atleast_2d": _as_out, "atleast_3d": _as_out,
    "permute": _permute, "transpose": _swap, "swapaxes": _swap, "swapdims": _swap, "movedim": _movedim,
    "moveaxis": _movedim, "t": lambda c, x: c.swap(x, 0, 1) if x.rank == 2 else x,
    "get T": lambda c, x: c.transpose(x, tuple(reversed(range(x.rank)))), "get mT": lambda c, x: c.swap(x, -1, -2),
    "numpy_T": lambda c, x: c.transpose(x, tuple(reversed(range(x.rank)))), "adjoint": lambda c, x: c.swap(x, -1, -2),
    "get H": lambda c, x: c.swap(x, -1, -2), "get mH": lambda c, x: c.swap(x, -1, -2), "get data": _detach,
    "expand": _expand, "expand_as": _expand, "broadcast_to": _expand, "expand_copy": _expand,
    "repeat": _repeat, "tile": lambda c, x, *dims, **named: _repeat(c, x, *(dims or (named["dims"],))),
    "repeat_interleave": _repeat_interleave,
    "cat": _cat, "concat": _cat, "concatenate": _cat, "stack": stacked,
    "hstack": _hstack, "vstack": _joined(0, 2), "row_stack": _joined(0, 2), "dstack": _joined(2, 3),
    "column_stack": _joined(1, 2),
    **dict.fromkeys(("split", "split_with_sizes", "tensor_split", "unsafe_split", "split_copy"), _split),
    "chunk": _split, "unsafe_chunk": _split,
    "hsplit": lambda c, x, *_: pieces(c, x, [p.shape[min(1, x.rank - 1)] for p in c.out], min(1, x.rank - 1)),
    "vsplit": lambda c, x, *_: pieces(c, x, [p.shape[0] for p in c.out], 0),
    "unbind": _unbind, "select": lambda c, x, dim, index: c.select(x, dim, index), "slice": _slice,
    "narrow": _narrow, "flip": _flip, "fliplr": lambda c, x: c.flip(x, 1), "flipud": lambda c, x: c.flip(x, 0),
    "reversed": lambda c, x: c.flip(x, 0), "roll": _roll,

    "meshgrid": _meshgrid, "broadcast_tensors": _broadcast_tensors,
    **dict.fromkeys(
        ("to", "_to_copy", "type", "type_as", "float", "double", "half", "bfloat16", "int", "long", "short", "char",
         "byte", "bool", "cfloat", "cdouble", "_to_dtype", "convert_element_type"), _cast),
    "copy": _copied, **dict.fromkeys(KEPT, _same),
    "native_dropout": lambda c, x, *_: (x, c.full(x.shape, True, "bool")),
    "detach": _detach, "view_as_complex": _view_as_complex, "view_as_real": _view_as_real,
}  # fmt: skip
