"""Pooling, resizing, sampling and Fourier transforms of ONNX."""

from __future__ import annotations

import math

from irgen.errors import SourceError
from irgen.frontends.onnx_call import Call, Lowering, NotFolded
from irgen.frontends.onnx_nn import padding
from irgen.ir.rules import windows
from irgen.ir.tensor import TensorType


def _pool(c: Call) -> str:
    shape, kernel = c.shape(), c.ints("kernel_shape") or ()
    if c.count > 1:
        raise NotFolded  # the positions of the largest: no word for them
    if len(kernel) != len(shape) - 2:
        raise SourceError(f"{c.op} has a kernel of {len(kernel)} sizes for {len(shape) - 2} spatial axes")
    stride = c.ints("strides") or (1,) * len(kernel)
    dilation = c.ints("dilations") or (1,) * len(kernel)
    pads = padding(c, kernel, stride, dilation)
    ceil = bool(c.int("ceil_mode", 0))
    space = tuple(
        windows(n, k, s, d, *p, ceil) for n, k, s, d, p in zip(shape[2:], kernel, stride, dilation, pads, strict=True)
    )
    kind = TensorType(c.type().dtype, (*shape[:2], *space))
    if c.op == "MaxPool":
        return c.b.add("max_pool", (c.x,), kind, kernel=kernel, stride=stride, pads=pads, dilation=dilation)
    if set(dilation) != {1}:
        raise NotFolded
    return c.b.add(
        "avg_pool", (c.x,), kind, kernel=kernel, stride=stride, pads=pads,
        count_pad=bool(c.int("count_include_pad", 0)),
    )  # fmt: skip


def _global(mode: str) -> Lowering:
    def lower(c: Call) -> str:
        shape = c.shape()
        kind = TensorType(c.type().dtype, (*shape[:2], *(1,) * (len(shape) - 2)))
        return c.b.add("adaptive_pool", (c.x,), kind, mode=mode)

    return lower


def _resize(c: Call) -> str:
    """Sizes come as sizes or as factors; only the named axes where there is a list of axes."""
    shape = c.shape()
    axes = [c.axis(a, len(shape)) for a in (c.ints("axes") or range(len(shape)))]
    sizes, factors = (None, None)
    if c.op == "Upsample" or c.version < 11:
        factors = c.attrs.get("scales") or _floats(c, 1)
    else:
        sizes = c.vector("", 3) if c.has(3) else None
        factors = _floats(c, 2) if not sizes and c.has(2) else None
    out = list(shape)
    for i, axis in enumerate(axes):
        if sizes:
            out[axis] = max(sizes[i], -1)
        elif isinstance(factors, tuple) and shape[axis] >= 0:
            out[axis] = math.floor(shape[axis] * float(factors[i]) + 1e-6)
    if sizes and c.str("keep_aspect_ratio_policy", "stretch") != "stretch":
        ratios = [out[a] / shape[a] for a in axes]
        ratio = min(ratios) if c.str("keep_aspect_ratio_policy", "") == "not_larger" else max(ratios)
        for axis in axes:
            out[axis] = round(shape[axis] * ratio)
    if tuple(out) == shape:
        return c.x
    return c.b.add("resize", (c.x,), TensorType(c.type().dtype, tuple(out)), mode=c.str("mode", "nearest"))


def _floats(c: Call, i: int) -> tuple[float, ...]:
    value = c.known(i)
    if value is None:
        raise NotFolded
    return tuple(float(n) for n in value.reshape(-1).tolist())


def _grid_sample(c: Call) -> str:
    if c.int("align_corners", 0) or c.str("padding_mode", "zeros") != "zeros":
        raise NotFolded
    x, grid = c.shape(), c.shape(1)
    mode = {"bilinear": "linear", "bicubic": "cubic"}.get(c.str("mode", "linear"), c.str("mode", "linear"))
    return c.b.add("grid_sample", (c.x, c.operand(1)), TensorType(c.type().dtype, (*x[:2], *grid[1:-1])), mode=mode)


def _fourier(c: Call) -> str:
    """DFT: complex numbers are a last axis of two, a real signal has a last axis of one."""
    shape, b = c.shape(), c.b
    rank = len(shape)
    given = c.vector("axis", 2)
    axis = c.axis(given[0] if given else (-2 if c.version >= 20 else 1), rank)
    length = c.vector("", 1) if c.has(1) else None
    inverse, onesided = bool(c.int("inverse", 0)), bool(c.int("onesided", 0))
    if axis == rank - 1 or (onesided and inverse) or (length and length[0] != shape[axis]):
        raise NotFolded
    real = shape[-1] == 1
    kind = ("irfft" if inverse else "rfft") if onesided else ("ifft" if inverse else "fft")
    size = shape[axis] // 2 + 1 if onesided else shape[axis]
    out = (*shape[:axis], size, *shape[axis + 1 : -1])
    signal = b.squeeze(c.x, rank - 1) if real else b.add(
        "view_as_complex", (c.x,), TensorType("complex64", shape[:-1])
    )  # fmt: skip
    spectrum = b.add("fft", (signal,), TensorType("complex64", out), kind=kind, axes=(axis,))
    return b.add("view_as_real", (spectrum,), TensorType(c.type().dtype, (*out, 2)))


OPS: dict[str, Lowering] = {
    "MaxPool": _pool, "AveragePool": _pool, "GlobalAveragePool": _global("avg"), "GlobalMaxPool": _global("max"),
    "Resize": _resize, "Upsample": _resize, "GridSample": _grid_sample, "DFT": _fourier,
}  # fmt: skip
