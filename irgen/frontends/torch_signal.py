"""Lowering of Fourier transforms."""

# The rows of TABLE take what torch's functions take, used or not, and lambdas have no room for types:
# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from irgen.frontends.torch_build import Builder, Unlowered, Val
from irgen.frontends.torch_layout import pad as padded

_COMPLEX = {"float64": "complex128"}


def _fitted(c: Builder, x: Val, axis: int, n: int | None) -> Val:
    """An axis cut, or padded with zeros, to n."""
    if n is None or n == x.shape[axis]:
        return x
    if n < x.shape[axis]:
        return c.slice(x, axis, 0, n)
    pads = [0, 0] * (x.rank - axis % x.rank)
    pads[-1] = n - x.shape[axis]
    return padded(c, x, pads)


def _transform(kind: str) -> Callable[..., Val]:
    """One transform over one axis or several, scaled as `norm` says."""

    def rule(c: Builder, x: Val, n: Any = None, dim: Any = None, norm: str | None = None, *, s: Any = None) -> Val:
        n = s if n is None else n
        many = kind.endswith("n")
        if dim is None:
            dim = tuple(range(x.rank)) if many else -1
        axes = tuple(d % x.rank for d in ([dim] if isinstance(dim, int) else dim))
        lengths: Sequence[Any] = [n] * len(axes) if not isinstance(n, (tuple, list)) else list(n)  # pyright: ignore
        name = kind.removesuffix("n")
        real_out, half = name in ("irfft", "hfft"), name == "rfft"
        if name in ("hfft", "ihfft"):
            raise Unlowered
        if not real_out:
            for axis, length in zip(axes, lengths, strict=True):
                x = _fitted(c, x, axis, length)
        sizes = [x.shape[a] for a in axes]
        shape = list(x.shape)
        if half:
            shape[axes[-1]] = x.shape[axes[-1]] // 2 + 1
        dtype = _COMPLEX.get(x.dtype, "complex64") if not x.dtype.startswith("complex") else x.dtype
        if real_out:
            shape = list(c.out.shape)
            sizes = [shape[a] for a in axes]
            dtype = "float64" if x.dtype == "complex128" else "float32"
        y = c.emit("fft", [x], shape, dtype, kind=name, axes=axes)
        forward, count = not name.startswith("i"), math.prod(sizes)
        if norm == "ortho":
            return c.binary("mul", y, count**-0.5 if forward else count**0.5)
        if norm == "forward":
            return c.binary("mul", y, 1 / count if forward else float(count))
        return y

    return rule


def _two(kind: str) -> Callable[..., Val]:
    return lambda c, x, s=None, dim=(-2, -1), norm=None: _transform(kind)(c, x, s, dim, norm)


def _shifted(sign: int) -> Callable[..., Val]:
    def rule(c: Builder, x: Val, dim: Any = None) -> Val:
        axes = tuple(range(x.rank)) if dim is None else (dim,) if isinstance(dim, int) else tuple(dim)
        shifts = tuple((x.shape[a] // 2 if sign > 0 else (x.shape[a] + 1) // 2) for a in axes)
        return c.unary("roll", x, shifts=shifts, axes=tuple(a % x.rank for a in axes))

    return rule


def _stft(
    c: Builder, x: Val, n_fft: int, hop_length: int | None = None, win_length: int | None = None,
    window: Val | None = None, center: bool = True, pad_mode: str = "reflect", normalized: bool = False,
    onesided: bool | None = None, return_complex: bool | None = None, **_: Any,
) -> Val:  # fmt: skip
    """Short-time transform: windows of the padded signal, weighted, transformed; [batch, frequency, frame]."""
    if not return_complex or onesided is False:
        raise Unlowered
    hop, width = hop_length or n_fft // 4, win_length or n_fft
    batched = x.rank == 2
    y = x if batched else c.unsqueeze(x, 0)
    if center:
        y = padded(c, y, (n_fft // 2, n_fft // 2), pad_mode)
    frames = (y.shape[-1] - n_fft) // hop + 1
    y = c.emit("window", [y], (y.shape[0], frames, n_fft), y.dtype, axis=1, size=n_fft, step=hop)
    if window is not None:
        if width < n_fft:
            left = (n_fft - width) // 2
            window = padded(c, window, (left, n_fft - width - left))
        y = c.binary("mul", y, window)
    elif width < n_fft:
        raise Unlowered
    y = _transform("rfft")(c, y, None, -1, "ortho" if normalized else None)
    y = c.swap(y, 1, 2)
    return y if batched else c.squeeze(y, 0)


TABLE: dict[str, Callable[..., Any]] = {
    **{f"fft_{kind}": _transform(kind) for kind in ("fft", "ifft", "rfft", "irfft")},
    **{f"fft_{kind}n": _transform(f"{kind}n") for kind in ("fft", "ifft", "rfft", "irfft")},
    **{f"fft_{kind}2": _two(f"{kind}n") for kind in ("fft", "ifft", "rfft", "irfft")},
    "fft_fftshift": _shifted(1), "fft_ifftshift": _shifted(-1), "stft": _stft,
}  # fmt: skip
