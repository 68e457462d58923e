"""Lowering of convolutions, pooling and interpolation."""

# The rows of TABLE take what torch's functions take, used or not, and lambdas have no room for types:
# ruff: noqa: ARG001
# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch

from irgen.frontends.torch_build import Builder, Unlowered, Val
from irgen.frontends.torch_layout import pad as padded

Sizes = int | Sequence[int]


def per_axis(given: Sizes, rank: int) -> tuple[int, ...]:
    """One integer for each spatial axis."""
    sizes = (given,) if isinstance(given, int) else tuple(int(n) for n in given)
    return sizes * rank if len(sizes) == 1 else sizes


def _convolution(
    c: Builder, x: Val, weight: Val, bias: Val | None = None, stride: Sizes = 1, padding: Any = 0, dilation: Sizes = 1,
    groups: int = 1,
) -> Val:  # fmt: skip
    rank = weight.rank - 2
    steps, spread = per_axis(stride, rank), per_axis(dilation, rank)
    reach = [d * (k - 1) for d, k in zip(spread, weight.shape[2:], strict=True)]
    if padding == "same":
        pads = tuple((n // 2, n - n // 2) for n in reach)
    elif padding == "valid":
        pads = ((0, 0),) * rank
    else:
        pads = tuple((p, p) for p in per_axis(padding, rank))
    batched = x.rank == rank + 2
    x = x if batched else c.unsqueeze(x, 0)
    space = [
        (n + low + high - r - 1) // s + 1 for n, (low, high), r, s in zip(x.shape[2:], pads, reach, steps, strict=True)
    ]
    sizes = (x.shape[0], weight.shape[0], *space)
    y = c.emit("conv", [x, weight, bias], sizes, x.dtype, stride=steps, dilation=spread, pads=pads, groups=groups)
    return y if batched else c.squeeze(y, 0)


def _transposed(
    c: Builder, x: Val, weight: Val, bias: Val | None = None, stride: Sizes = 1, padding: Sizes = 0,
    output_padding: Sizes = 0, groups: int = 1, dilation: Sizes = 1,
) -> Val:  # fmt: skip
    rank = weight.rank - 2
    steps, spread, more = (per_axis(v, rank) for v in (stride, dilation, output_padding))
    pads = tuple((p, p) for p in per_axis(padding, rank))
    batched = x.rank == rank + 2
    x = x if batched else c.unsqueeze(x, 0)
    space = [
        (n - 1) * s - 2 * p[0] + d * (k - 1) + o + 1
        for n, s, p, d, k, o in zip(x.shape[2:], steps, pads, spread, weight.shape[2:], more, strict=True)
    ]
    sizes = (x.shape[0], weight.shape[1] * groups, *space)
    y = c.emit(
        "conv_transposed", [x, weight, bias], sizes, x.dtype,
        stride=steps, dilation=spread, pads=pads, groups=groups, output_padding=more,
    )  # fmt: skip
    return y if batched else c.squeeze(y, 0)


def _any_convolution(
    c: Builder, x: Val, weight: Val, bias: Val | None, stride: Sizes, padding: Sizes, dilation: Sizes,
    transposed: bool, output_padding: Sizes, groups: int, *_: Any,
) -> Val:  # fmt: skip
    if transposed:
        return _transposed(c, x, weight, bias, stride, padding, output_padding, groups, dilation)
    return _convolution(c, x, weight, bias, stride, padding, dilation, groups)


def _tbc(c: Builder, x: Val, weight: Val, bias: Val, pad: int = 0) -> Val:
    y = _convolution(c, c.transpose(x, (1, 2, 0)), c.transpose(weight, (2, 1, 0)), bias, 1, pad)
    return c.transpose(y, (2, 0, 1))


def _max_pool(rank: int) -> Callable[..., Val]:
    def rule(
        c: Builder, x: Val, kernel_size: Sizes, stride: Any = None, padding: Sizes = 0, dilation: Sizes = 1,
        ceil_mode: bool = False, *_: Any,
    ) -> Val:  # fmt: skip
        kernel = per_axis(kernel_size, rank)
        pads = tuple((p, p) for p in per_axis(padding, rank))
        out = c.out[0] if isinstance(c.out, tuple) else c.out
        return c.emit(
            "max_pool", [x], out.shape, x.dtype, kernel=kernel, stride=per_axis(stride, rank) if stride else kernel,
            pads=pads, dilation=per_axis(dilation, rank),
        )  # fmt: skip

    return rule


def _avg_pool(rank: int) -> Callable[..., Val]:
    def rule(
        c: Builder, x: Val, kernel_size: Sizes, stride: Any = None, padding: Sizes = 0, ceil_mode: bool = False,
        count_include_pad: bool = True, divisor_override: int | None = None,
    ) -> Val:  # fmt: skip
        pads = tuple((p, p) for p in per_axis(padding, rank))
        room = [n + 2 * p for n, (p, _) in zip(x.shape[-rank:], pads, strict=True)]
        kernel = tuple(min(k, n) for k, n in zip(per_axis(kernel_size, rank), room, strict=True))  # ceil_mode cuts it
        y = c.emit(
            "avg_pool", [x], c.out.shape, x.dtype, kernel=kernel, stride=per_axis(stride, rank) if stride else kernel,
            pads=pads, count_pad=count_include_pad,
        )  # fmt: skip
        return c.binary("mul", y, math.prod(kernel) / divisor_override) if divisor_override else y

    return rule


def _with_places(rule: Callable[..., Val]) -> Callable[..., tuple[Val, Val]]:
    """The value, and where it stood (which the vocabulary does not have)."""

    def both(c: Builder, x: Val, *args: Any, **named: Any) -> tuple[Val, Val]:
        y = rule(c, x, *args, **named)
        return y, c.emit("opaque", [x], y.shape, "int64", name="max_pool places")

    return both


def _adaptive(mode: str) -> Callable[..., Any]:
    def rule(c: Builder, x: Val, output_size: Any, *_: Any) -> Val:
        out = c.out[0] if isinstance(c.out, tuple) else c.out
        if out.shape == x.shape:
            return x
        return c.emit("adaptive_pool", [x], out.shape, x.dtype, mode=mode)

    return rule


def _resize(mode: str) -> Callable[..., Val]:
    """Interpolation. Corners aligned is a mode of its own; anti-aliasing too."""

    def rule(c: Builder, x: Val, output_size: Any = None, align_corners: Any = False, *_: Any, **named: Any) -> Val:
        aligned = align_corners is True or named.get("align_corners") is True
        return c.emit("resize", [x], c.out.shape, x.dtype, mode=f"{mode}_corners" if aligned else mode)

    return rule


def _im2col(c: Builder, x: Val, kernel_size: Sizes, dilation: Sizes, padding: Sizes, stride: Sizes) -> Val:
    """`unfold`: windows of an image as columns."""
    kernel, spread, pads, steps = (per_axis(v, 2) for v in (kernel_size, dilation, padding, stride))
    if spread != (1, 1):
        raise Unlowered
    y = padded(c, x, (pads[1], pads[1], pads[0], pads[0]))
    for axis in (-2, -1):
        at = x.rank + axis
        count = (y.shape[at] - kernel[axis]) // steps[axis] + 1
        sizes = (*y.shape[:at], count, *y.shape[at + 1 :], kernel[axis])
        y = c.emit("window", [y], sizes, x.dtype, axis=at, size=kernel[axis], step=steps[axis])
    n = x.rank - 2  # [..., c, rows, columns, k, l] -> [..., c, k, l, rows, columns]
    return c.reshape(c.transpose(y, (*range(n), n + 2, n + 3, n, n + 1)), c.out.shape)


def _col2im(
    c: Builder, x: Val, output_size: Sizes, kernel_size: Sizes, dilation: Sizes, padding: Sizes, stride: Sizes
) -> Val:
    """`fold`: columns added up where their windows lie in the image."""
    height, width = per_axis(output_size, 2)
    sizes: Any = (kernel_size, dilation, padding, stride)
    numbered = torch.arange(1, height * width + 1, dtype=torch.float64).reshape(1, 1, height, width)
    places = torch.nn.functional.unfold(numbered, *sizes).long().flatten() - 1
    places[places < 0] = height * width  # what falls on the padding goes to one more place, cut off below
    lead = x.shape[:-2]
    channels = x.shape[-2] // math.prod(per_axis(kernel_size, 2))
    update = c.reshape(x, (*lead, channels, -1))
    empty = c.full((*lead, channels, height * width + 1), 0, x.dtype)
    summed = c.emit(
        "scatter_nd", [empty, update, c.const(places)], empty.shape, x.dtype, axes=(len(lead) + 1,), reduce="add"
    )
    return c.reshape(c.slice(summed, -1, 0, height * width), c.out.shape)


def _affine_grid(c: Builder, theta: Val, size: Sequence[int], align_corners: bool = False) -> Val:
    """Places [n, h, w, 2] of (x, y) between −1 and 1 under a 2×3 matrix."""
    if len(size) != 4:
        raise Unlowered
    n, _, height, width = size

    def line(count: int) -> Val:
        reach = 1.0 if align_corners else (count - 1) / count
        return c.arange(count, theta.dtype, -reach, 2 * reach / max(1, count - 1))

    ones = c.full((height, width), 1, theta.dtype)
    xs, ys = c.expand(line(width), (height, width)), c.expand(c.reshape(line(height), (height, 1)), (height, width))
    base = c.reshape(c.concat([c.unsqueeze(v, -1) for v in (xs, ys, ones)], -1), (1, height * width, 3))
    return c.reshape(c.matmul(base, c.swap(theta, 1, 2)), (n, height, width, 2))


def _grid(c: Builder, x: Val, grid: Val, mode: Any = 0, padding_mode: Any = 0, align_corners: Any = False) -> Val:
    name = mode if isinstance(mode, str) else ("bilinear", "nearest", "bicubic")[mode]
    edge = padding_mode if isinstance(padding_mode, str) else ("zeros", "border", "reflection")[padding_mode]
    words = [{"bilinear": "linear", "bicubic": "cubic"}.get(name, name)]
    words += ["corners"] * bool(align_corners) + [edge] * (edge != "zeros")
    return c.emit("grid_sample", [x, grid], c.out.shape, x.dtype, mode="_".join(words))


TABLE: dict[str, Callable[..., Any]] = {
    **dict.fromkeys(("conv1d", "conv2d", "conv3d", "_convolution_mode"), _convolution),
    **dict.fromkeys(("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"), _transposed),
    "convolution": _any_convolution, "_convolution": _any_convolution, "convolution_overrideable": _any_convolution,
    "mkldnn_convolution": lambda c, x, w, b, padding, stride, dilation, groups: _convolution(
        c, x, w, b, stride, padding, dilation, groups),
    "conv_tbc": _tbc,
    **{f"max_pool{n}d": _max_pool(n) for n in (1, 2, 3)},
    **{f"max_pool{n}d_with_indices": _with_places(_max_pool(n)) for n in (1, 2, 3)},
    **{f"avg_pool{n}d": _avg_pool(n) for n in (1, 2, 3)},
    **{f"{head}adaptive_avg_pool{n}d": _adaptive("avg") for n in (1, 2, 3) for head in ("", "_")},
    **{f"adaptive_max_pool{n}d": _with_places(_adaptive("max")) for n in (1, 2, 3)},
    **{f"upsample_nearest{n}d": _resize("nearest") for n in (1, 2, 3)},
    **{f"_upsample_nearest_exact{n}d": _resize("nearest_exact") for n in (1, 2, 3)},
    "upsample_linear1d": _resize("linear"), "upsample_bilinear2d": _resize("linear"),
    "upsample_trilinear3d": _resize("linear"), "upsample_bicubic2d": _resize("cubic"),
    "_upsample_bilinear2d_aa": _resize("linear_antialias"), "_upsample_bicubic2d_aa": _resize("cubic_antialias"),
    "im2col": _im2col, "col2im": _col2im, "affine_grid_generator": _affine_grid,
    "grid_sampler": _grid, "grid_sampler_2d": _grid, "grid_sampler_3d": _grid,
}  # fmt: skip
