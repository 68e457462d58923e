"""Lowering of functions that make tensors from nothing: constants, ranges, tables, random draws."""

# The rows of TABLE take what torch's functions take, used or not, and lambdas have no room for types:
# ruff: noqa: ARG001, ARG005
# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from irgen.frontends.torch_build import Builder, Operand, Unlowered, Val


def _filled(value: Any) -> Callable[..., Val]:
    """A tensor of one value with the sizes and type that the pass gave."""
    return lambda c, *_, **__: c.full(c.out.shape, value, c.out.dtype)


def _full(c: Builder, size: Any, fill_value: Operand, **_: Any) -> Val:
    if isinstance(fill_value, Val):
        return c.expand(c.cast(fill_value, c.out.dtype), c.out.shape)
    return c.full(c.out.shape, fill_value, c.out.dtype)


def _full_like(c: Builder, x: Val, fill_value: Operand, **_: Any) -> Val:
    return _full(c, (), fill_value)


def _new_full(c: Builder, x: Val, size: Any, fill_value: Operand, **_: Any) -> Val:
    return _full(c, size, fill_value)


def _fill(c: Builder, x: Val, value: Operand) -> Val:
    return _full(c, (), value)


def _zero(c: Builder, x: Val) -> Val:
    return c.full(x.shape, 0, x.dtype)


def _arange(c: Builder, *bounds: Any, start: Any = 0, end: Any = None, step: Any = 1, **_: Any) -> Val:
    if len(bounds) > 1:
        start = bounds[0]
        step = bounds[2] if len(bounds) == 3 else step
    size, dtype = c.out.shape[0], c.out.dtype
    if isinstance(start, Val) or isinstance(step, Val):
        spaced = c.binary("mul", c.arange(size, dtype), step)
        return c.cast(c.binary("add", spaced, start), dtype)
    return c.arange(size, dtype, start, step)


def _linspace(c: Builder, start: Any, end: Any, steps: Any = None, **_: Any) -> Val:
    size, dtype = c.out.shape[0], c.out.dtype
    if isinstance(start, Val) or isinstance(end, Val):
        step = c.binary("mul", c.binary("sub", end, start), 1 / max(1, size - 1))
        return c.binary("add", c.binary("mul", c.arange(size, dtype), step), start)
    return c.arange(size, dtype, float(start), (end - start) / max(1, size - 1))


def _eye(c: Builder, n: int, m: int | None = None, **_: Any) -> Val:
    rows, columns = c.out.shape
    on = c.binary("eq", c.reshape(c.arange(rows), (rows, 1)), c.reshape(c.arange(columns), (1, columns)), result="bool")
    return c.cast(on, c.out.dtype)


def _table(function: Callable[..., torch.Tensor]) -> Callable[..., Val]:
    """A fixed table, by running torch's own function."""

    def rule(c: Builder, *args: Any, **named: Any) -> Val:
        if any(isinstance(x, Val) for x in args):
            raise Unlowered
        named.pop("device", None)
        return c.const(function(*args, **named))

    return rule


def _drawn(law: str) -> Callable[..., Val]:
    return lambda c, *_, **__: c.emit("random", (), c.out.shape, c.out.dtype, law=law)


def _bernoulli(c: Builder, x: Val, p: Any = None, **_: Any) -> Val:
    uniform = c.emit("random", (), x.shape, "float32", law="uniform")
    return c.cast(c.binary("lt", uniform, x if p is None else p, result="bool"), x.dtype)


def _normal(c: Builder, mean: Any, std: Any = 1.0, *_: Any, **__: Any) -> Val:
    drawn = c.emit("random", (), c.out.shape, c.out.dtype, law="normal")
    if not isinstance(mean, Val) and not isinstance(std, Val):
        return drawn
    return c.binary("add", c.binary("mul", drawn, std), mean)


def _tensor(c: Builder, data: Any, **_: Any) -> Val:
    """`torch.tensor([a, b])` of tensors: their values side by side."""

    def nested(item: Any) -> Val:
        if isinstance(item, (list, tuple)):
            return c.concat([c.unsqueeze(nested(x), 0) for x in item], 0)  # pyright: ignore
        return c.as_val(item, c.out.dtype)

    return nested(data)


TABLE: dict[str, Callable[..., Any]] = {
    **dict.fromkeys(("zeros", "zeros_like", "new_zeros", "empty", "empty_like", "new_empty", "empty_strided",
                     "new_empty_strided", "empty_permuted"), _filled(0)),
    **dict.fromkeys(("ones", "ones_like", "new_ones"), _filled(1)),
    "full": _full, "full_like": _full_like, "new_full": _new_full, "fill": _fill, "zero": _zero,
    "arange": _arange, "linspace": _linspace, "eye": _eye,
    "tril_indices": _table(torch.tril_indices), "triu_indices": _table(torch.triu_indices),
    "hann_window": _table(torch.hann_window), "hamming_window": _table(torch.hamming_window),
    "blackman_window": _table(torch.blackman_window), "bartlett_window": _table(torch.bartlett_window),
    "kaiser_window": _table(torch.kaiser_window), "logspace": _table(torch.logspace),
    "fft_fftfreq": _table(torch.fft.fftfreq), "fft_rfftfreq": _table(torch.fft.rfftfreq),
    "tensor": _tensor, "as_tensor": _tensor, "new_tensor": lambda c, x, data, **k: _tensor(c, data),
    "asarray": _tensor, "scalar_tensor": _tensor,
    "rand": _drawn("uniform"), "rand_like": _drawn("uniform"), "uniform": _drawn("uniform"),
    "randn": _drawn("normal"), "randn_like": _drawn("normal"), "log_normal": _drawn("log_normal"),
    "randint": _drawn("integer"), "randint_like": _drawn("integer"), "randperm": _drawn("permutation"),
    "exponential": _drawn("exponential"), "normal": _normal, "bernoulli": _bernoulli,
}  # fmt: skip
