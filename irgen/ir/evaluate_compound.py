"""Compound operators in numpy: softmax, norms, pooling, interpolation, rotary embedding, recurrent layers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from irgen.ir.attrs import flag, integer, integers, number, pairs, word
from irgen.ir.evaluate_base import Kernel, Unevaluable, Values
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


def _response_norm(node: Node, x: Values) -> Values:
    size, eps = integer(node, "size"), number(node, "eps")
    pads = [(size // 2, size // 2) if axis == 1 else (0, 0) for axis in range(x.ndim)]
    near = np.lib.stride_tricks.sliding_window_view(np.pad(np.square(x), pads), size, axis=1)
    return x / (eps + number(node, "alpha") / size * near.sum(axis=-1)) ** number(node, "beta")


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


@dataclass(frozen=True, slots=True)
class _Windows:
    """The pooling windows of one axis of n elements: `count` of them, each with its elements inside the axis."""

    size: int
    kernel: int
    stride: int
    dilation: int
    low: int
    high: int
    count: int

    def inside(self) -> list[slice]:
        """What each window takes of the axis."""
        starts = (i * self.stride - self.low for i in range(self.count))
        reach = (self.kernel - 1) * self.dilation + 1
        return [slice(s if s >= 0 else s % self.dilation, max(s + reach, 0), self.dilation) for s in starts]

    def padded(self) -> list[int]:
        """How many elements each window has, the padding (but not what rounding up adds) counted in."""
        starts = (i * self.stride for i in range(self.count))
        whole = self.low + self.size + self.high
        return [min(start + self.kernel, whole) - start for start in starts]


def _windows(node: Node, x: Values, dilation: tuple[int, ...]) -> list[tuple[int, _Windows]]:
    """The windows of each spatial axis; there is one more where the traced size was rounded up."""
    pads = pairs(node, "pads")
    rank = len(pads)
    kernel, stride = _spatial(node, "kernel", rank), _spatial(node, "stride", rank)
    found: list[tuple[int, _Windows]] = []
    for i, (low, high) in enumerate(pads):
        axis = x.ndim - rank + i
        room = x.shape[axis] + low + high - (kernel[i] - 1) * dilation[i] - 1
        places, rest = divmod(room, stride[i])
        rounded_up = bool(rest) and node.shape[len(node.shape) - rank + i] == places + 2
        count = places + 1 + rounded_up
        found.append((axis, _Windows(x.shape[axis], kernel[i], stride[i], dilation[i], low, high, count)))
    return found


def _max_pool(node: Node, x: Values) -> Values:
    least = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
    for axis, windows in _windows(node, x, _spatial(node, "dilation", len(pairs(node, "pads")))):
        head = (slice(None),) * axis
        rows = [np.max(x[(*head, part)], axis=axis, keepdims=True, initial=least) for part in windows.inside()]
        x = np.concatenate(rows, axis=axis)
    return x


def _avg_pool(node: Node, x: Values) -> Values:
    for axis, windows in _windows(node, x, (1,) * len(pairs(node, "pads"))):
        head = (slice(None),) * axis
        parts = [x[(*head, part)] for part in windows.inside()]
        counts = windows.padded() if flag(node, "count_pad") else [part.shape[axis] for part in parts]
        rows = [np.sum(part, axis=axis, keepdims=True) / n for part, n in zip(parts, counts, strict=True)]
        x = np.concatenate(rows, axis=axis)
    return x


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


def _cubic(t: Values, a: float = -0.75) -> Values:
    """R. Keys, "Cubic convolution interpolation" (1981), with a = −0.75 as image libraries have it."""
    t = np.abs(t)
    near, far = ((a + 2) * t - (a + 3)) * t * t + 1, ((a * t - 5 * a) * t + 8 * a) * t - 4 * a
    return np.where(t <= 1, near, np.where(t < 2, far, 0))


def _smoothed(size: int, wanted: int, at: Values, kind: str) -> Values:
    """Resampling that shrinks takes the mean over what it skips (as Pillow does)."""
    gap = (np.arange(size) - at[:, None]) / max(1.0, size / wanted)
    weights = _cubic(gap, -0.5) if kind == "cubic" else np.maximum(1 - np.abs(gap), 0)
    return weights / weights.sum(axis=1, keepdims=True)


def _interpolation(size: int, wanted: int, mode: str) -> Values:
    """The matrix [wanted, size] that resamples one axis, pixel centres at half positions or corners at corners."""
    kind, _, how = mode.partition("_")
    if kind == "nearest":
        return np.eye(size)[np.floor((np.arange(wanted) + (0.5 if how == "exact" else 0)) * size / wanted).astype(int)]
    at = (np.arange(wanted) + 0.5) * size / wanted - 0.5
    if how == "corners":
        at = np.arange(wanted) * (size - 1) / max(1, wanted - 1)
    if how == "antialias":
        return _smoothed(size, wanted, at, kind)
    if kind == "linear":
        at = np.maximum(at, 0)
    base = np.floor(at).astype(np.int64)
    matrix = np.zeros((wanted, size))
    for step in range(-1, 3):
        place = base + step
        weight = _cubic(at - place) if kind == "cubic" else np.maximum(1 - np.abs(at - place), 0)
        np.add.at(matrix, (np.arange(wanted), np.clip(place, 0, size - 1)), weight)
    return matrix


_RESAMPLINGS = frozenset(
    (
        "nearest",
        "nearest_exact",
        "linear",
        "linear_corners",
        "linear_antialias",
        "cubic",
        "cubic_corners",
        "cubic_antialias",
    )
)


def _resize(node: Node, x: Values) -> Values:
    mode = word(node, "mode")
    if mode not in _RESAMPLINGS:
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
    "l2_norm": _l2_norm, "group_norm": _group_norm, "response_norm": _response_norm, "batch_norm": _batch_norm,
    "max_pool": _max_pool,
    "avg_pool": _avg_pool, "adaptive_pool": _adaptive_pool, "resize": _resize, "grid_sample": _grid_sample,
    "rotary": _rotary,
}  # fmt: skip
