"""Contractions and convolutions in numpy."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from irgen.ir.attrs import flag, integer, integers, pairs, word
from irgen.ir.evaluate_base import Kernel, Unevaluable, Values
from irgen.ir.graph import Node


def _matmul(_node: Node, a: Values, b: Values) -> Values:
    return a @ b


def _solve_triangular(node: Node, a: Values, b: Values) -> Values:
    matrix = np.triu(a) if flag(node, "upper") else np.tril(a)
    if flag(node, "unit"):
        rows: Values = np.arange(len(np.moveaxis(a, -1, 0)))
        matrix[..., rows, rows] = 1
    return np.linalg.solve(matrix, b)


def _linear(node: Node, x: Values, weight: Values, bias: Values | None = None) -> Values:
    matrix = np.swapaxes(weight, -1, -2) if word(node, "layout") == "oi" else weight
    out = x @ matrix
    return out if bias is None else out + bias


def _grouped_linear(node: Node, x: Values, weight: Values, offsets: Values, bias: Values | None = None) -> Values:
    """Rows up to `offsets[0]` meet matrix 0, rows from there up to `offsets[1]` matrix 1, and so on."""
    matrices = np.swapaxes(weight, -1, -2) if word(node, "layout") == "oi" else weight
    out = np.zeros((*x.shape[:-1], matrices.shape[-1]))
    start = 0
    for group, stop in enumerate(offsets.astype(np.int64)[-matrices.shape[0] :]):
        out[start:stop] = x[start:stop] @ matrices[group]
        if bias is not None:
            out[start:stop] += bias[group]
        start = int(stop)
    return out


def _einsum(node: Node, *xs: Values) -> Values:
    return np.einsum(word(node, "equation"), *xs, optimize=True)


def _per_axis(node: Node, name: str, rank: int) -> tuple[int, ...]:
    """An attribute that has one integer for each spatial axis, or one for all."""
    given = integers(node, name)
    return given * rank if len(given) == 1 else given


def spatial_windows(x: Values, size: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]) -> Values:
    """Windows of the trailing axes of x [n, c, *space]: [n, c, *places, *size]."""
    rank = len(size)
    reach = tuple((k - 1) * d + 1 for k, d in zip(size, dilation, strict=True))
    view: Values = sliding_window_view(x, reach, axis=tuple(range(x.ndim - rank, x.ndim)))
    places = tuple(slice(None, None, s) for s in stride)
    inside = tuple(slice(None, None, d) for d in dilation)
    return view[(..., *places, *inside)]


def _convolved(x: Values, weight: Values, stride: tuple[int, ...], dilation: tuple[int, ...], groups: int) -> Values:
    rank = weight.ndim - 2
    out, per, *size = weight.shape
    windows = spatial_windows(x, tuple(size), stride, dilation)
    batch, places = x.shape[0], windows.shape[2 : 2 + rank]
    windows = windows.reshape(batch, groups, per, *places, *size)
    # [groups, batch · places, per · size] @ [groups, per · size, out / groups]
    order = (1, 0, *range(3, 3 + rank), 2, *range(3 + rank, 3 + 2 * rank))
    rows = windows.transpose(order).reshape(groups, -1, per * int(np.prod(size, dtype=np.int64)))
    matrix = weight.reshape(groups, out // groups, -1).transpose(0, 2, 1)
    result = (rows @ matrix).reshape(groups, batch, *places, out // groups)
    back = (1, 0, 2 + rank, *range(2, 2 + rank))
    return result.transpose(back).reshape(batch, out, *places)


def _with_bias(y: Values, bias: Values | None, rank: int) -> Values:
    return y if bias is None else y + bias.reshape(-1, *(1,) * rank)


def _batched(x: Values, rank: int) -> Values:
    return x if x.ndim == rank + 2 else x[None]


def _conv(node: Node, x: Values, weight: Values, bias: Values | None = None) -> Values:
    rank = weight.ndim - 2
    whole = np.pad(_batched(x, rank), ((0, 0), (0, 0), *pairs(node, "pads")))
    stride, dilation = _per_axis(node, "stride", rank), _per_axis(node, "dilation", rank)
    y = _with_bias(_convolved(whole, weight, stride, dilation, integer(node, "groups")), bias, rank)
    return y if x.ndim == rank + 2 else y[0]


def _conv_transposed(node: Node, x: Values, weight: Values, bias: Values | None = None) -> Values:
    """The transposed convolution is a plain one of the input spread by `stride`, with the kernel turned round."""
    rank, groups = weight.ndim - 2, integer(node, "groups")
    stride, dilation = _per_axis(node, "stride", rank), _per_axis(node, "dilation", rank)
    extra, cut = _per_axis(node, "output_padding", rank), pairs(node, "pads")
    batch = _batched(x, rank)
    size = weight.shape[2:]
    spread = np.zeros((*batch.shape[:2], *((n - 1) * s + 1 for n, s in zip(batch.shape[2:], stride, strict=True))))
    spread[(..., *(slice(None, None, s) for s in stride))] = batch
    reach = [(k - 1) * d for k, d in zip(size, dilation, strict=True)]
    grown = [(max(r - low, 0), max(r - high + e, 0)) for r, (low, high), e in zip(reach, cut, extra, strict=True)]
    lost = [(max(low - r, 0), max(high - e - r, 0)) for r, (low, high), e in zip(reach, cut, extra, strict=True)]
    spread = np.pad(spread, ((0, 0), (0, 0), *grown))
    spread = spread[(..., *(slice(low, n - high) for (low, high), n in zip(lost, spread.shape[2:], strict=True)))]
    turned = np.flip(weight, axis=tuple(range(2, weight.ndim)))
    into, per = weight.shape[:2]
    kernel = (
        turned.reshape(groups, into // groups, per, *size).swapaxes(1, 2).reshape(groups * per, into // groups, *size)
    )
    y = _with_bias(_convolved(spread, kernel, (1,) * rank, dilation, groups), bias, rank)
    return y if x.ndim == rank + 2 else y[0]


def _fft(node: Node, x: Values) -> Values:
    """`kind` as numpy and torch name them; the lengths are those of the node's type (for rfft, those of x)."""
    kind, axes = word(node, "kind"), integers(node, "axes")
    function = getattr(np.fft, f"{kind.rstrip('2n')}n", None)
    if function is None:
        raise Unevaluable(f"unknown Fourier transform {kind!r}", at=node.id)
    sizes = [x.shape[axis] if kind.startswith("rfft") else node.shape[axis] for axis in axes]
    return function(x, s=sizes, axes=axes)


KERNELS: dict[str, Kernel] = {
    "solve_triangular": _solve_triangular,
    "matmul": _matmul, "einsum": _einsum, "linear": _linear, "grouped_linear": _grouped_linear,
    "conv": _conv, "conv_transposed": _conv_transposed, "fft": _fft,
}  # fmt: skip
