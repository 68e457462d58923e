"""Type rules of contractions, convolutions and pooling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from irgen.errors import GraphError
from irgen.ir.rules_sizes import Attrs, Rule, SizesDisagree, broadcast, integer, ints, same, same_or_one, windows
from irgen.ir.tensor import TensorType


def _matmul(xs: Sequence[TensorType], _: Attrs) -> TensorType:
    a, b = xs[0].shape, xs[1].shape
    if a is None or b is None:
        return TensorType(xs[0].dtype, None)
    if not a or not b:
        raise SizesDisagree(len(a), len(b))
    left, right = (1, *a) if len(a) == 1 else a, (*b, 1) if len(b) == 1 else b
    same(left[-1], right[-2])
    head = broadcast(left[:-2], right[:-2]) or ()
    tail = (() if len(a) == 1 else (left[-2],)) + (() if len(b) == 1 else (right[-1],))
    return TensorType(xs[0].dtype, head + tail)


def _einsum(xs: Sequence[TensorType], attrs: Attrs) -> TensorType:
    left, right = cast("str", attrs["equation"]).split("->")
    sizes: dict[str, int] = {}
    for x, letters in zip(xs, left.split(","), strict=True):
        if x.shape is None:
            return TensorType(x.dtype, None)
        for letter, n in zip(letters, x.shape, strict=True):
            sizes[letter] = same_or_one(sizes.get(letter, n), n)
    return TensorType(xs[0].dtype, tuple(sizes[letter] for letter in right))


def _linear(xs: Sequence[TensorType], attrs: Attrs) -> TensorType:
    x, w = xs[0].shape, xs[1].shape
    if x is None or w is None:
        return TensorType(xs[0].dtype, None)
    if not x or len(w) != 2:
        raise GraphError(f"linear of rank {len(x)} with a weight of rank {len(w)}")
    out, width = w if attrs["layout"] == "oi" else w[::-1]
    same(x[-1], width)
    return TensorType(xs[0].dtype, (*x[:-1], out))


def _grouped_linear(xs: Sequence[TensorType], attrs: Attrs) -> TensorType:
    x, w = xs[0].shape, xs[1].shape
    if x is None or w is None:
        return TensorType(xs[0].dtype, None)
    return _linear((xs[0], TensorType(xs[1].dtype, w[1:])), attrs)


def _conv(xs: Sequence[TensorType], attrs: Attrs) -> TensorType:
    x, w = xs[0].shape, xs[1].shape
    if x is None or w is None:
        return TensorType(xs[0].dtype, None)
    if len(x) == len(w) - 1:  # without a batch
        return TensorType(xs[0].dtype, (_conv((TensorType("", (1, *x)), *xs[1:]), attrs).shape or ())[1:])
    if len(x) != len(w):
        raise SizesDisagree(len(x), len(w))
    same(x[1], w[1] * integer(attrs["groups"]))
    pads = cast("tuple[tuple[int, int], ...]", attrs["pads"])
    spatial = tuple(
        windows(n, k, s, d, *p)
        for n, k, s, d, p in zip(x[2:], w[2:], ints(attrs["stride"]), ints(attrs["dilation"]), pads, strict=True)
    )
    return TensorType(xs[0].dtype, (x[0], w[0], *spatial))


def _conv_transposed(xs: Sequence[TensorType], attrs: Attrs) -> TensorType:
    x, w = xs[0].shape, xs[1].shape
    if x is None or w is None:
        return TensorType(xs[0].dtype, None)
    pads = cast("tuple[tuple[int, int], ...]", attrs["pads"])
    steps = zip(
        x[2:], w[2:], ints(attrs["stride"]), ints(attrs["dilation"]), pads, ints(attrs["output_padding"]), strict=True
    )
    spatial = tuple(-1 if n < 0 else (n - 1) * s - a - b + d * (k - 1) + o + 1 for n, k, s, d, (a, b), o in steps)
    return TensorType(xs[0].dtype, (x[0], w[1] * integer(attrs["groups"]), *spatial))


def _pool(xs: Sequence[TensorType], attrs: Attrs) -> TensorType:
    x = xs[0]
    if x.shape is None:
        return x
    kernel = ints(attrs["kernel"])
    dilation = ints(attrs.get("dilation", (1,) * len(kernel)))
    pads = cast("tuple[tuple[int, int], ...]", attrs["pads"])
    steps = zip(x.shape[2:], kernel, ints(attrs["stride"]), dilation, pads, strict=True)
    return TensorType(x.dtype, (*x.shape[:2], *(windows(n, k, s, d, *p) for n, k, s, d, p in steps)))


RULES: dict[str, Rule] = {
    "max_pool": _pool,
    "avg_pool": _pool,
    "matmul": _matmul,
    "einsum": _einsum,
    "linear": _linear,
    "conv": _conv,
    "conv_transposed": _conv_transposed,
    "grouped_linear": _grouped_linear,
    "solve_triangular": lambda xs, _: xs[1],
}
