"""Lowering of padding, windows, diagonals, and moves by the place in memory."""

# The rows of TABLE take what torch's functions take, used or not, and lambdas have no room for types:
# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from irgen.frontends.torch_build import Builder, Unlowered, Val
from irgen.frontends.torch_moves import sizes_of, stacked


def pad(c: Builder, x: Val, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Val:
    """Torch's padding: pairs from the last axis on; negative ones cut."""
    pairs = [(0, 0)] * x.rank
    for i in range(len(pad) // 2):
        pairs[x.rank - 1 - i] = (int(pad[2 * i]), int(pad[2 * i + 1]))
    for axis, (low, high) in enumerate(pairs):
        if low < 0 or high < 0:
            x = c.slice(x, axis, max(0, -low), x.shape[axis] + min(0, high))
    grown = tuple((max(0, low), max(0, high)) for low, high in pairs)
    if not any(map(any, grown)):
        return x
    sizes = [n + low + high for n, (low, high) in zip(x.shape, grown, strict=True)]
    filled = (value or 0.0) if mode == "constant" else None
    if isinstance(filled, float) and x.dtype.startswith(("int", "uint", "bool")):
        filled = int(filled)
    return c.emit("pad", [x], sizes, x.dtype, pads=grown, mode=mode, value=filled)


def _triangle(op: str) -> Callable[..., Val]:
    return lambda c, x, diagonal=0: c.unary(op, x, diagonal=int(diagonal))


def _unfold(c: Builder, x: Val, dimension: int, size: int, step: int) -> Val:
    axis = dimension % max(1, x.rank)
    return c.emit("window", [x], c.out.shape, x.dtype, axis=axis, size=size, step=step)


def _diagonal(c: Builder, x: Val, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Val:
    return c.emit("diagonal", [x], c.out.shape, x.dtype, offset=offset, axis1=dim1 % x.rank, axis2=dim2 % x.rank)


def _diag_embed(c: Builder, x: Val, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Val:
    if (dim1, dim2) != (-2, -1):
        raise Unlowered
    n = x.shape[-1] + abs(offset)
    widened = pad(c, x, (max(0, offset), max(0, -offset)))
    rows, columns = c.reshape(c.arange(n), (n, 1)), c.reshape(c.arange(n), (1, n))
    on = c.binary("eq", c.binary("sub", columns, rows), offset, result="bool")
    return c.where(on, c.unsqueeze(widened, -2), 0 if x.dtype.startswith("int") else 0.0)


def _diag(c: Builder, x: Val, diagonal: int = 0) -> Val:
    return _diag_embed(c, x, diagonal) if x.rank == 1 else _diagonal(c, x, diagonal)


def _pixel_shuffle(c: Builder, x: Val, upscale_factor: int) -> Val:
    r, lead, (ch, h, w) = upscale_factor, x.shape[:-3], x.shape[-3:]
    n = len(lead)
    y = c.reshape(x, (*lead, ch // r**2, r, r, h, w))
    y = c.transpose(y, (*range(n), n, n + 3, n + 1, n + 4, n + 2))
    return c.reshape(y, (*lead, ch // r**2, h * r, w * r))


def _pixel_unshuffle(c: Builder, x: Val, downscale_factor: int) -> Val:
    r, lead, (ch, h, w) = downscale_factor, x.shape[:-3], x.shape[-3:]
    n = len(lead)
    y = c.reshape(x, (*lead, ch, h // r, r, w // r, r))
    y = c.transpose(y, (*range(n), n, n + 2, n + 4, n + 1, n + 3))
    return c.reshape(y, (*lead, ch * r**2, h // r, w // r))


def _channel_shuffle(c: Builder, x: Val, groups: int) -> Val:
    n, ch, *space = x.shape
    return c.reshape(c.swap(c.reshape(x, (n, groups, ch // groups, *space)), 1, 2), x.shape)


def _rot90(c: Builder, x: Val, k: int = 1, dims: Sequence[int] = (0, 1)) -> Val:
    for _ in range(k % 4):
        x = c.flip(c.swap(x, *dims), dims[0])
    return x


def _as_strided(c: Builder, x: Val, size: Any, stride: Any, storage_offset: int | None = None) -> Val:
    """Elements by their place in memory, of a tensor whose memory is in order."""
    size, stride, start = sizes_of((size,)), sizes_of((stride,)), int(storage_offset or 0)
    overlapping = _windows(c, x, size, stride)
    if overlapping is not None and storage_offset is None:
        return overlapping
    in_order = tuple(math.prod(x.shape[i + 1 :]) for i in range(x.rank))
    if start == 0 and size == x.shape and stride == in_order:
        return x
    if c.stride != in_order:
        raise Unlowered
    places = start + sum(
        (
            np.arange(n).reshape(-1, *(1,) * (len(size) - 1 - i)) * s
            for i, (n, s) in enumerate(zip(size, stride, strict=True))
        ),
        np.zeros((1,) * len(size), dtype=np.int64),
    )
    if places.size and places.max() >= x.size:
        raise Unlowered
    flat = c.emit("gather", [c.reshape(x, (-1,)), c.const(places.reshape(-1))], (places.size,), x.dtype, axis=0)
    return c.reshape(flat, size)


def _windows(c: Builder, x: Val, size: tuple[int, ...], stride: tuple[int, ...]) -> Val | None:
    """Chunks that overlap: the strides are x's own, but for one axis that steps through the next one."""
    changed = [i for i, (new, own) in enumerate(zip(stride, c.stride, strict=False)) if new != own]
    if len(stride) != x.rank or len(changed) != 1 or changed[0] + 1 >= x.rank:
        return None
    at = changed[0]
    inner = stride[at + 1]
    if c.stride[at] != x.shape[at + 1] * inner or stride[at] % inner or size[at + 1] != x.shape[at + 1]:
        return None
    merged = c.reshape(x, (*x.shape[:at], x.shape[at] * x.shape[at + 1], *x.shape[at + 2 :]))
    step = stride[at] // inner
    if size[at] != (merged.shape[at] - size[at + 1]) // step + 1:
        return None
    shape = (*x.shape[:at], size[at], *x.shape[at + 2 :], size[at + 1])
    cut = c.emit("window", [merged], shape, x.dtype, axis=at, size=size[at + 1], step=step)
    return c.transpose(cut, (*range(at + 1), x.rank - 1, *range(at + 1, x.rank - 1)))


def _pad_sequence(
    c: Builder,
    sequences: Sequence[Val],
    batch_first: bool = False,
    padding_value: float = 0.0,
    padding_side: str = "right",
) -> Val:
    longest = max(x.shape[0] for x in sequences)
    grown: list[Val] = []
    for x in sequences:
        room = longest - x.shape[0]
        ends = (room, 0) if padding_side == "left" else (0, room)
        grown.append(pad(c, x, (*(0,) * (2 * x.rank - 2), *ends), value=padding_value))
    return stacked(c, grown, 0 if batch_first else 1)


def _block_diag(c: Builder, *tensors: Val) -> Val:
    blocks = [c.reshape(x, (*(1,) * (2 - x.rank), *x.shape)) for x in tensors]
    width, at = sum(x.shape[1] for x in blocks), 0
    rows: list[Val] = []
    for x in blocks:
        rows.append(pad(c, x, (at, width - at - x.shape[1])))
        at += x.shape[1]
    return c.concat(rows, 0)


TABLE: dict[str, Callable[..., Any]] = {
    "pad": pad,
    "constant_pad_nd": lambda c, x, pads, value=0: pad(c, x, pads, "constant", value),
    **{f"reflection_pad{n}d": lambda c, x, padding: pad(c, x, padding, "reflect") for n in (1, 2, 3)},
    **{f"replication_pad{n}d": lambda c, x, padding: pad(c, x, padding, "replicate") for n in (1, 2, 3)},
    "_pad_circular": lambda c, x, padding: pad(c, x, padding, "circular"),
    "pad_sequence": _pad_sequence, "tril": _triangle("tril"), "triu": _triangle("triu"), "unfold": _unfold,
    "as_strided": _as_strided,
    "diagonal": _diagonal, "diag": _diag, "diag_embed": _diag_embed, "block_diag": _block_diag,
    "linalg_diagonal": lambda c, x, offset=0, dim1=-2, dim2=-1: _diagonal(c, x, offset, dim1, dim2),
    "pixel_shuffle": _pixel_shuffle, "pixel_unshuffle": _pixel_unshuffle,
    "channel_shuffle": _channel_shuffle, "native_channel_shuffle": _channel_shuffle, "rot90": _rot90,
}  # fmt: skip
