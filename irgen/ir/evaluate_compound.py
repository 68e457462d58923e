"""Compound operators in numpy: softmax, norms, pooling, interpolation, rotary embedding, recurrent layers."""

from __future__ import annotations

import numpy as np

from irgen.ir.attrs import flag, integer, integers, number, pairs, word
from irgen.ir.evaluate_base import Kernel, Unevaluable, Values
from irgen.ir.evaluate_contract import spatial_windows
from irgen.ir.graph import Node


def _log_softmax(node: Node, x: Values) -> Values:
    axis = integer(node, "axis")
    shifted = x - np.max(x, axis=axis, keepdims=True)
    return shifted - np.log(np.sum(np.exp(shifted), axis=axis, keepdims=True))


def _softmax(node: Node, x: Values) -> Values:
    axis = integer(node, "axis")
    weights = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return weights / np.sum(weights, axis=axis, keepdims=True)


def _affine(x: Values, scale: Values | None, shift: Values | None) -> Values:
    x = x if scale is None else x * scale
    return x if shift is None else x + shift


def _centred(x: Values, axes: tuple[int, ...], eps: float) -> Values:
    mean, variance = np.mean(x, axis=axes, keepdims=True), np.var(x, axis=axes, keepdims=True)
    return (x - mean) / np.sqrt(variance + eps)


def _root(power: Values, node: Node) -> Values:
    """The root of a mean square with epsilon under it, or behind it where the node says `outside`."""
    eps = number(node, "eps")
    return np.sqrt(power) + eps if node.attrs.get("outside") else np.sqrt(power + eps)


def _layer_norm(node: Node, x: Values, scale: Values | None = None, shift: Values | None = None) -> Values:
    axes, correction = integers(node, "axes"), 1 if node.attrs.get("correction") else 0
    mean, variance = np.mean(x, axis=axes, keepdims=True), np.var(x, axis=axes, keepdims=True, ddof=correction)
    return _affine((x - mean) / _root(variance, node), scale, shift)


def _rms_norm(node: Node, x: Values, scale: Values | None = None) -> Values:
    power = np.mean(np.square(x), axis=integers(node, "axes"), keepdims=True)
    return _affine(x / _root(power, node), scale, None)


def _l2_norm(node: Node, x: Values) -> Values:
    square, eps = np.sum(np.square(x), axis=integers(node, "axes"), keepdims=True), number(node, "eps")
    return x / (np.sqrt(square + eps) if node.attrs.get("inside") else np.maximum(np.sqrt(square), eps))


def _channelwise(x: Values, rank: int) -> Values:
    """A value for each channel (axis 1), shaped to meet a tensor of that rank."""
    return x if x.ndim > 1 else x.reshape(-1, *(1,) * (rank - 2))


def _group_norm(node: Node, x: Values, scale: Values | None = None, shift: Values | None = None) -> Values:
    groups = x.reshape(x.shape[0], integer(node, "groups"), -1)
    y = _centred(groups, (2,), number(node, "eps")).reshape(x.shape)
    return _affine(y, *(None if p is None else _channelwise(p, x.ndim) for p in (scale, shift)))


def _batch_norm(node: Node, x: Values, scale: Values | None, shift: Values | None, mean: Values, var: Values) -> Values:
    rank = x.ndim
    y = (x - _channelwise(mean, rank)) / np.sqrt(_channelwise(var, rank) + number(node, "eps"))
    return _affine(y, *(None if p is None else _channelwise(p, rank) for p in (scale, shift)))


def _spatial(node: Node, name: str, rank: int) -> tuple[int, ...]:
    given = integers(node, name)
    return given * rank if len(given) == 1 else given


def _pool_geometry(
    node: Node, x: Values, dilation: tuple[int, ...]
) -> tuple[tuple[int, ...], tuple[int, ...], list[tuple[int, int]]]:
    """Kernel, stride and the padding of each spatial axis, grown where the traced size was rounded up."""
    rank = len(pairs(node, "pads"))
    kernel, stride = _spatial(node, "kernel", rank), _spatial(node, "stride", rank)
    grown: list[tuple[int, int]] = []
    for axis, (low, high) in enumerate(pairs(node, "pads")):
        room = x.shape[x.ndim - rank + axis] + low + high - (kernel[axis] - 1) * dilation[axis] - 1
        places, rest = divmod(room, stride[axis])
        wanted = node.shape[len(node.shape) - rank + axis]
        rounded_up = rest and wanted == places + 2
        grown.append((low, high + (stride[axis] - rest if rounded_up else 0)))
    return kernel, stride, grown


def _outer(x: Values, grown: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    return (*((0, 0),) * (x.ndim - len(grown)), *grown)


def _max_pool(node: Node, x: Values) -> Values:
    rank = len(pairs(node, "pads"))
    dilation = _spatial(node, "dilation", rank)
    kernel, stride, grown = _pool_geometry(node, x, dilation)
    least = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
    whole = np.pad(x, _outer(x, grown), constant_values=least)
    return spatial_windows(whole, kernel, stride, dilation).max(axis=tuple(range(-rank, 0)))


def _avg_pool(node: Node, x: Values) -> Values:
    pads = pairs(node, "pads")
    rank = len(pads)
    inner, over = (1,) * rank, tuple(range(-rank, 0))
    kernel, stride, grown = _pool_geometry(node, x, inner)
    sums = spatial_windows(np.pad(x, _outer(x, grown)), kernel, stride, inner).sum(axis=over)
    counted = np.ones(x.shape[-rank:])
    if flag(node, "count_pad"):
        counted = np.pad(counted, pads, constant_values=1)
        grown = [(0, high - own) for (_, high), (_, own) in zip(grown, pads, strict=True)]
    counts = spatial_windows(np.pad(counted, grown)[None, None], kernel, stride, inner).sum(axis=over)[0, 0]
    return sums / counts


def _adaptive_pool(node: Node, x: Values) -> Values:
    function = np.max if word(node, "mode") == "max" else np.mean
    y = x
    for axis, wanted in enumerate(node.shape):
        size = y.shape[axis]
        if wanted == size or axis < x.ndim - 3:
            continue
        edges = [(i * size // wanted, -(-(i + 1) * size // wanted)) for i in range(wanted)]
        rows = [function(np.take(y, range(*edge), axis=axis), axis=axis, keepdims=True) for edge in edges]
        y = np.concatenate(rows, axis=axis)
    return y


def _cubic(t: Values) -> Values:
    """R. Keys, "Cubic convolution interpolation" (1981), with a = −0.75 as image libraries have it."""
    a, t = -0.75, np.abs(t)
    near, far = ((a + 2) * t - (a + 3)) * t * t + 1, ((a * t - 5 * a) * t + 8 * a) * t - 4 * a
    return np.where(t <= 1, near, np.where(t < 2, far, 0))


def _interpolation(size: int, wanted: int, mode: str) -> Values:
    """The matrix [wanted, size] that resamples one axis, pixel centres at half positions."""
    if mode == "nearest":
        return np.eye(size)[np.arange(wanted) * size // wanted]
    at = (np.arange(wanted) + 0.5) * size / wanted - 0.5
    if mode == "linear":
        at = np.maximum(at, 0)
    base = np.floor(at).astype(np.int64)
    matrix = np.zeros((wanted, size))
    for step in range(-1, 3):
        place = base + step
        weight = _cubic(at - place) if mode == "cubic" else np.maximum(1 - np.abs(at - place), 0)
        np.add.at(matrix, (np.arange(wanted), np.clip(place, 0, size - 1)), weight)
    return matrix


def _resize(node: Node, x: Values) -> Values:
    mode = word(node, "mode")
    if mode not in ("nearest", "linear", "cubic"):
        raise Unevaluable(f"unknown interpolation {mode!r}", at=node.id)
    for axis, wanted in enumerate(node.shape):
        if wanted != x.shape[axis]:
            matrix = _interpolation(x.shape[axis], wanted, mode)
            x = np.moveaxis(np.moveaxis(x, axis, -1) @ matrix.T, -1, axis)
    return x


def _grid_sample(node: Node, x: Values, grid: Values) -> Values:
    """Values of x [n, c, h, w] at grid [n, *places, 2] of (x, y) in [−1, 1] edge to edge; zero outside."""
    height, width = x.shape[2:]
    column: Values = ((grid[..., 0] + 1) * width - 1) / 2
    row: Values = ((grid[..., 1] + 1) * height - 1) / 2
    images: Values = np.arange(len(x))
    batch: Values = images.reshape((-1,) + (1,) * (grid.ndim - 2))

    def at(i: Values, j: Values) -> Values:
        inside = (i >= 0) & (i < height) & (j >= 0) & (j < width)
        i, j = (np.clip(v, 0, n - 1).astype(np.int64) for v, n in ((i, height), (j, width)))
        return x[batch, :, i, j] * inside[..., None]  # [n, *places, c]

    if word(node, "mode") == "nearest":
        nearest: Values = at(row.round(), column.round())
        return np.moveaxis(nearest, -1, 1)
    top, left = np.floor(row), np.floor(column)
    down, right = (row - top)[..., None], (column - left)[..., None]
    upper = at(top, left) * (1 - right) + at(top, left + 1) * right
    lower = at(top + 1, left) * (1 - right) + at(top + 1, left + 1) * right
    return np.moveaxis(upper * (1 - down) + lower * down, -1, 1)


def _doubled(table: Values, width: int, interleaved: bool) -> Values:
    """A table of half the width, made to meet both members of every pair."""
    if table.shape[-1] == width or table.shape[-1] == 1:
        return table
    return np.repeat(table, 2, axis=-1) if interleaved else np.concatenate([table, table], axis=-1)


def _rotary(node: Node, x: Values, cos: Values, sin: Values) -> Values:
    """J. Su et al., "RoFormer" (2021), eq. 34; pairs are neighbours, or else the two halves of the last axis."""
    interleaved, width = flag(node, "interleaved"), x.shape[-1]
    if interleaved:
        turned = np.stack([-x[..., 1::2], x[..., 0::2]], axis=-1).reshape(x.shape)
    else:
        turned = np.concatenate([-x[..., width // 2 :], x[..., : width // 2]], axis=-1)
    return x * _doubled(cos, width, interleaved) + turned * _doubled(sin, width, interleaved)


KERNELS: dict[str, Kernel] = {
    "softmax": _softmax, "log_softmax": _log_softmax, "layer_norm": _layer_norm, "rms_norm": _rms_norm,
    "l2_norm": _l2_norm, "group_norm": _group_norm, "batch_norm": _batch_norm, "max_pool": _max_pool,
    "avg_pool": _avg_pool, "adaptive_pool": _adaptive_pool, "resize": _resize, "grid_sample": _grid_sample,
    "rotary": _rotary,
}  # fmt: skip
