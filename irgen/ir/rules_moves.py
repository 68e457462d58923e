"""Type rules of operators that move elements or pick them by index."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from irgen.ir.rules_sizes import Attrs, Rule, SizesDisagree, broadcast, integer, ints, real_part, same, windows
from irgen.ir.tensor import TensorType


def _transpose(xs: Sequence[TensorType], attrs: Attrs) -> TensorType:
    shape = xs[0].shape
    return TensorType(xs[0].dtype, None if shape is None else tuple(shape[i] for i in ints(attrs["perm"])))


def _slice(xs: Sequence[TensorType], attrs: Attrs) -> TensorType:
    x = xs[0]
    if x.shape is None:
        return TensorType(x.dtype, None)
    axis, start, stop, step = (integer(attrs[key]) for key in ("axis", "start", "stop", "step"))
    size = -1 if x.shape[axis] < 0 else len(range(start, stop, step))
    return TensorType(x.dtype, (*x.shape[:axis], size, *x.shape[axis + 1 :]))


def _concat(xs: Sequence[TensorType], attrs: Attrs) -> TensorType:
    axis = integer(attrs["axis"])
    shapes = [x.shape for x in xs if x.shape is not None]
    if len(shapes) < len(xs):
        return TensorType(xs[0].dtype, None)
    out = list(shapes[0])
    for shape in shapes[1:]:
        if len(shape) != len(out):
            raise SizesDisagree(len(out), len(shape))
        for i, n in enumerate(shape):
            if i != axis:
                out[i] = same(out[i], n)
            else:
                out[i] = -1 if min(out[i], n) < 0 else out[i] + n
    return TensorType(xs[0].dtype, tuple(out))


def _pad(xs: Sequence[TensorType], attrs: Attrs) -> TensorType:
    shape = xs[0].shape
    pads = cast("tuple[tuple[int, int], ...]", attrs["pads"])
    if shape is None:
        return xs[0]
    return TensorType(xs[0].dtype, tuple(n if n < 0 else n + a + b for n, (a, b) in zip(shape, pads, strict=True)))


def _tile(xs: Sequence[TensorType], attrs: Attrs) -> TensorType:
    shape = xs[0].shape
    if shape is None:
        return xs[0]
    repeats = ints(attrs["repeats"])
    return TensorType(xs[0].dtype, tuple(n if n < 0 else n * k for n, k in zip(shape, repeats, strict=True)))


def _gather(xs: Sequence[TensorType], attrs: Attrs) -> TensorType:
    x, index = xs[0].shape, xs[1].shape
    if x is None or index is None:
        return TensorType(xs[0].dtype, None)
    axis = integer(attrs["axis"])
    return TensorType(xs[0].dtype, (*x[:axis], *index, *x[axis + 1 :]))


def _gather_elements(xs: Sequence[TensorType], _: Attrs) -> TensorType:
    return TensorType(xs[0].dtype, xs[1].shape)


def _gather_nd(xs: Sequence[TensorType], attrs: Attrs) -> TensorType:
    x, index = xs[0].shape, broadcast(*(i.shape for i in xs[1:]))
    if x is None or index is None:
        return TensorType(xs[0].dtype, None)
    axes = ints(attrs["axes"])
    rest = tuple(n for i, n in enumerate(x) if i not in axes)
    together = tuple(axes) == tuple(range(axes[0], axes[0] + len(axes)))
    at = axes[0] if together else 0
    return TensorType(xs[0].dtype, (*rest[:at], *index, *rest[at:]))


def _one_hot(xs: Sequence[TensorType], attrs: Attrs) -> TensorType:
    shape = xs[0].shape
    return TensorType("int64", None if shape is None else (*shape, integer(attrs["depth"])))


def _embedding(xs: Sequence[TensorType], _: Attrs) -> TensorType:
    return _gather(xs, {"axis": 0})


def _window(xs: Sequence[TensorType], attrs: Attrs) -> TensorType:
    x = xs[0]
    if x.shape is None:
        return x
    axis, size, step = (integer(attrs[key]) for key in ("axis", "size", "step"))
    out = list(x.shape)
    out[axis] = windows(out[axis], size, step, 1, 0, 0)
    return TensorType(x.dtype, (*out, size))


def _as_complex(xs: Sequence[TensorType], _: Attrs) -> TensorType:
    shape = xs[0].shape
    return TensorType("complex64", None if shape is None else shape[:-1])


def _as_real(xs: Sequence[TensorType], _: Attrs) -> TensorType:
    shape = xs[0].shape
    return TensorType(real_part(xs[0].dtype), None if shape is None else (*shape, 2))


def _searchsorted(xs: Sequence[TensorType], _: Attrs) -> TensorType:
    return TensorType("int64", xs[1].shape)


RULES: dict[str, Rule] = {
    "transpose": _transpose,
    "slice": _slice,
    "concat": _concat,
    "pad": _pad,
    "tile": _tile,
    "gather": _gather,
    "gather_elements": _gather_elements,
    "gather_nd": _gather_nd,
    "one_hot": _one_hot,
    "embedding": _embedding,
    "window": _window,
    "view_as_complex": _as_complex,
    "view_as_real": _as_real,
    "searchsorted": _searchsorted,
}
