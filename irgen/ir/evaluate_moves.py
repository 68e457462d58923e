"""Reductions, running sums, and operators that move elements without computing, in numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from irgen.ir.attrs import flag, integer, integers, number, pairs, word
from irgen.ir.evaluate_base import Called, Kernel, Unevaluable, Values
from irgen.ir.graph import Node

_PAD_MODES: dict[str, Any] = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def _reduce(function: Any) -> Kernel:
    def kernel(node: Node, x: Values) -> Values:
        return function(x, axis=integers(node, "axes"), keepdims=flag(node, "keepdims"))

    return kernel


def _spread(function: Any) -> Kernel:
    def kernel(node: Node, x: Values) -> Values:
        correction = number(node, "correction")
        return function(x, axis=integers(node, "axes"), keepdims=flag(node, "keepdims"), ddof=correction)

    return kernel


def _log_sum_exp(x: Values, axis: tuple[int, ...], keepdims: bool) -> Values:
    top = np.max(x, axis=axis, keepdims=True)
    top = np.where(np.isfinite(top), top, 0)
    total = np.log(np.sum(np.exp(x - top), axis=axis, keepdims=True)) + top
    return total if keepdims else np.squeeze(total, axis=axis)


def _sum_of_sizes(x: Values, axis: tuple[int, ...], keepdims: bool) -> Values:
    return np.sum(np.abs(x), axis=axis, keepdims=keepdims)


def _length(x: Values, axis: tuple[int, ...], keepdims: bool) -> Values:
    return np.sqrt(np.sum(np.square(np.abs(x)), axis=axis, keepdims=keepdims))


def _where_extreme(function: Any) -> Kernel:
    def kernel(node: Node, x: Values) -> Values:
        axis = None if node.attrs["axis"] is None else integer(node, "axis")
        return function(x, axis=axis, keepdims=flag(node, "keepdims"))

    return kernel


def _running(function: Any) -> Kernel:
    def kernel(node: Node, x: Values) -> Values:
        return function(x, axis=integer(node, "axis"))

    return kernel


def _cumsum(node: Node, x: Values) -> Values:
    axis = integer(node, "axis")
    turned = np.flip(x, axis) if flag(node, "reverse") else x
    total = np.cumsum(turned, axis=axis)
    if flag(node, "exclusive"):
        total = total - turned
    return np.flip(total, axis) if flag(node, "reverse") else total


def axis_slice(rank: int, axis: int, start: int, stop: int | None, step: int) -> tuple[slice, ...]:
    """An index that cuts one axis; a stop of −1 with a negative step means past the first element."""
    end = None if stop is not None and step < 0 and stop < 0 else stop
    return (slice(None),) * (axis % rank) + (slice(start, end, step),)


def _slice(node: Node, x: Values) -> Values:
    start, stop, step = (integer(node, name) for name in ("start", "stop", "step"))
    return x[axis_slice(x.ndim, integer(node, "axis"), start, stop, step)]


def _pad(node: Node, x: Values) -> Values:
    mode, widths = word(node, "mode"), pairs(node, "pads")
    if mode not in _PAD_MODES:
        raise Unevaluable(f"unknown pad mode {mode!r}", at=node.id)
    if mode != "constant":
        return np.pad(x, widths, mode=_PAD_MODES[mode])
    value: Any = node.attrs.get("value")
    return np.pad(x, widths, constant_values=0 if value is None else value)


def _window(node: Node, x: Values) -> Values:
    axis = integer(node, "axis") % x.ndim
    view: Values = sliding_window_view(x, integer(node, "size"), axis=axis)
    return view[(slice(None),) * axis + (slice(None, None, integer(node, "step")),)]


def _roll(node: Node, x: Values) -> Values:
    return np.roll(x, integers(node, "shifts"), axis=integers(node, "axes"))


def _diagonal(node: Node, x: Values) -> Values:
    return np.diagonal(x, integer(node, "offset"), integer(node, "axis1"), integer(node, "axis2"))


def _write(node: Node, old: Values, update: Values) -> Values:
    box = tuple(
        slice(start, None if step < 0 and stop < 0 else stop, step)
        for start, stop, step in zip(
            integers(node, "starts"), integers(node, "stops"), integers(node, "steps"), strict=True
        )
    )
    out = np.array(old, dtype=np.result_type(old, update) if old.dtype.kind == "f" else old.dtype)
    out[box] = update
    return out


def _triangle(function: Any) -> Kernel:
    def kernel(node: Node, x: Values) -> Values:
        return function(x, integer(node, "diagonal"))

    return kernel


def _pick(node: Node, results: tuple[Values, ...]) -> Values:
    if not isinstance(results, tuple):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise Unevaluable("what is picked from has one result", at=node.id)
    return results[integer(node, "index")]


def _reshape(node: Node, x: Values) -> Values:
    shape, kept = node.shape, 0
    while kept < min(x.ndim, len(shape)) and not x.strides[-1 - kept] and x.shape[-1 - kept] == shape[-1 - kept] > 0:
        kept += 1  # what is broadcast along the last axes stays so
    if not kept:
        return x.reshape(shape)
    once = x[(..., *[slice(0, 1)] * kept)]
    return np.broadcast_to(once.reshape(*shape[: len(shape) - kept], *[1] * kept), shape)


def _concat(node: Node, *xs: Values) -> Values:
    axis = integer(node, "axis") % xs[0].ndim
    repeated = [i for i in range(xs[0].ndim) if i != axis and all(x.shape[i] > 1 and not x.strides[i] for x in xs)]
    if not repeated:
        return np.concatenate(xs, axis=axis)
    once = tuple(slice(0, 1) if i in repeated else slice(None) for i in range(xs[0].ndim))
    joined = np.concatenate([x[once] for x in xs], axis=axis)  # what is broadcast stays so
    return np.broadcast_to(joined, [xs[0].shape[i] if i in repeated else n for i, n in enumerate(joined.shape)])


_CALLED: dict[str, Called] = {
    "reshape": _reshape,
    "transpose": lambda node, x: np.transpose(x, integers(node, "perm")),
    "expand": lambda node, x: np.broadcast_to(x, node.shape),
    "tile": lambda node, x: np.tile(x, integers(node, "repeats")),
    "view_as_complex": lambda _node, x: x[..., 0] + 1j * x[..., 1],
    "view_as_real": lambda _node, x: np.stack([np.real(x), np.imag(x)], axis=-1),
    "slice": _slice, "pad": _pad, "window": _window, "roll": _roll, "diagonal": _diagonal, "cumsum": _cumsum,
}  # fmt: skip

KERNELS: dict[str, Kernel] = {
    "reduce_sum": _reduce(np.sum), "reduce_mean": _reduce(np.mean), "reduce_max": _reduce(np.max),
    "reduce_min": _reduce(np.min), "reduce_prod": _reduce(np.prod), "reduce_any": _reduce(np.any),
    "reduce_all": _reduce(np.all), "reduce_var": _spread(np.var), "reduce_std": _spread(np.std),
    "reduce_l1": _reduce(_sum_of_sizes), "reduce_l2": _reduce(_length),
    "logsumexp": _reduce(_log_sum_exp), "argmax": _where_extreme(np.argmax), "argmin": _where_extreme(np.argmin),
    "cumprod": _running(np.cumprod), "cummax": _running(np.maximum.accumulate),
    "logcumsumexp": _running(np.logaddexp.accumulate), "tril": _triangle(np.tril), "triu": _triangle(np.triu),
    **_CALLED, "concat": _concat, "write": _write, "pick": _pick,
}  # fmt: skip
