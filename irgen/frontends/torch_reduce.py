"""Lowering of reductions, running sums, norms of vectors, and statistics."""

# The rows of TABLE take what torch's functions take, used or not, and lambdas have no room for types:
# ruff: noqa: ARG001
# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch

from irgen.frontends.torch_build import Builder, Unlowered, Val, is_float


def axes_of(x: Val, dim: Any) -> tuple[int, ...]:
    """Axes from a number, a sequence, or nothing (all of them)."""
    if dim is None or dim in ((), []):
        return tuple(range(x.rank))
    return (dim % max(1, x.rank),) if isinstance(dim, int) else tuple(d % max(1, x.rank) for d in dim)


def _summed(op: str) -> Callable[..., Val]:
    def rule(
        c: Builder, x: Val, dim: Any = None, keepdim: bool = False, *, dtype: torch.dtype | None = None,
        axis: Any = None, keepdims: bool | None = None,
    ) -> Val:  # fmt: skip
        x = c.cast(x, c.out.dtype)
        return c.reduce(op, x, axes_of(x, dim if axis is None else axis), keepdim if keepdims is None else keepdims)

    return rule


def _logical(op: str) -> Callable[..., Val]:
    def rule(c: Builder, x: Val, dim: Any = None, keepdim: bool = False) -> Val:
        return c.reduce(op, c.cast(x, "bool"), axes_of(x, dim), keepdim)

    return rule


def _extreme(op: str, where: str, pairwise: str) -> Callable[..., Any]:
    """`max` and `min`: of all, along an axis with its place, or of two tensors."""

    def rule(c: Builder, x: Val, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
        if other is not None or isinstance(dim, Val):
            return c.binary(pairwise, x, dim if other is None else other)
        if dim is None:
            return c.reduce(op, x, range(x.rank), keepdim)
        return (c.reduce(op, x, [dim], keepdim), _place(c, where, x, dim, keepdim))

    return rule


def _place(c: Builder, op: str, x: Val, dim: int | None, keepdim: bool) -> Val:
    if dim is None:
        sizes = (1,) * x.rank if keepdim else ()
        return c.reshape(c.emit(op, [c.reshape(x, (-1,))], (), "int64", axis=0, keepdims=False), sizes)
    axis = dim % max(1, x.rank)
    sizes = [1 if i == axis else n for i, n in enumerate(x.shape) if keepdim or i != axis]
    return c.emit(op, [x], sizes, "int64", axis=axis, keepdims=keepdim)


def _arg(op: str) -> Callable[..., Val]:
    return lambda c, x, dim=None, keepdim=False: _place(c, op, x, dim, keepdim)


def _amax(op: str) -> Callable[..., Val]:
    return lambda c, x, dim=None, keepdim=False: c.reduce(op, x, axes_of(x, dim), keepdim)


def _aminmax(c: Builder, x: Val, *, dim: Any = None, keepdim: bool = False) -> tuple[Val, Val]:
    axes = axes_of(x, dim)
    return c.reduce("reduce_min", x, axes, keepdim), c.reduce("reduce_max", x, axes, keepdim)


def _spread(op: str) -> Callable[..., Val]:
    def rule(
        c: Builder, x: Val, dim: Any = None, unbiased: Any = True, keepdim: bool = False, *, correction: Any = None
    ) -> Val:
        if isinstance(dim, bool):
            dim, unbiased = None, dim
        divisor = (1 if unbiased else 0) if correction is None else correction
        return c.reduce(op, x, axes_of(x, dim), keepdim, correction=divisor)

    return rule


def _with_mean(op: str) -> Callable[..., Any]:
    def rule(c: Builder, x: Val, *args: Any, **named: Any) -> tuple[Val, Val]:
        first = _spread(op)(c, x, *args, **named)
        dim = args[0] if args and not isinstance(args[0], bool) else named.get("dim")
        return first, c.reduce("reduce_mean", x, axes_of(x, dim), first.rank == x.rank and x.rank > 0)

    return rule


def vector_norm(c: Builder, x: Val, order: Any, axes: Sequence[int], keepdim: bool) -> Val:
    """The p-norm over axes."""
    x = c.floating(x)
    if order in (2, 2.0, None, "fro"):
        return c.reduce("reduce_l2", x, axes, keepdim)
    if order in (1, 1.0):
        return c.reduce("reduce_l1", x, axes, keepdim)
    size = c.unary("abs", x)
    if order in (math.inf, -math.inf):
        return c.reduce("reduce_max" if order > 0 else "reduce_min", size, axes, keepdim)
    if order == 0:
        return c.reduce("reduce_sum", c.cast(c.binary("ne", x, 0.0, result="bool"), x.dtype), axes, keepdim)
    if not isinstance(order, (int, float)):
        raise Unlowered
    return c.binary("pow", c.reduce("reduce_sum", c.binary("pow", size, order), axes, keepdim), 1 / order)


def _norm(
    c: Builder, x: Val, p: Any = "fro", dim: Any = None, keepdim: bool = False, dtype: Any = None, **_: Any
) -> Val:
    return vector_norm(c, x, p, axes_of(x, dim), keepdim)


def _vector_norm(c: Builder, x: Val, ord: Any = 2, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Val:
    return vector_norm(c, x, ord, axes_of(x, dim), keepdim)


def _linalg_norm(
    c: Builder, x: Val, ord: Any = None, dim: Any = None, keepdim: bool = False, *, dtype: Any = None
) -> Val:
    axes = axes_of(x, dim)
    if ord not in (None, "fro") and len(axes) > 1:
        raise Unlowered
    return vector_norm(c, x, ord, axes, keepdim)


def _cumulative(op: str) -> Callable[..., Val]:
    def rule(c: Builder, x: Val, dim: int, *, dtype: Any = None) -> Val:
        x = c.cast(x, c.out.dtype)
        axis = dim % max(1, x.rank)
        return (
            c.unary(op, x, axis=axis, reverse=False, exclusive=False) if op == "cumsum" else c.unary(op, x, axis=axis)
        )

    return rule


def _cummax(c: Builder, x: Val, dim: int) -> tuple[Val, Val]:
    axis = dim % max(1, x.rank)
    return c.unary("cummax", x, axis=axis), c.unary("opaque", x, "int64", name="cummax places")


def _cummin(c: Builder, x: Val, dim: int) -> tuple[Val, Val]:
    values, places = _cummax(c, c.unary("neg", x), dim)
    return c.unary("neg", values), places


def _logsumexp(c: Builder, x: Val, dim: Any, keepdim: bool = False) -> Val:
    return c.reduce("logsumexp", c.floating(x), axes_of(x, dim), keepdim)


def _kth(c: Builder, x: Val, k: int, dim: int, keepdim: bool) -> tuple[Val, Val]:
    axis = dim % max(1, x.rank)
    types = [(x.shape, x.dtype), (x.shape, "int64")]
    ordered = c.emit_many("sort", [x], types, axis=axis, descending=False)
    cut = [c.slice(v, axis, k, k + 1) for v in ordered]
    return (cut[0], cut[1]) if keepdim else (c.squeeze(cut[0], axis), c.squeeze(cut[1], axis))


def _median(c: Builder, x: Val, dim: int | None = None, keepdim: bool = False) -> Any:
    if dim is None:
        return _kth(c, c.reshape(x, (-1,)), (x.size - 1) // 2, 0, False)[0]
    return _kth(c, x, (x.shape[dim] - 1) // 2, dim, keepdim)


def _count_nonzero(c: Builder, x: Val, dim: Any = None) -> Val:
    held = c.cast(x if x.dtype == "bool" else c.binary("ne", x, 0, result="bool"), "int64")
    return c.reduce("reduce_sum", held, axes_of(x, dim), False)


def _diff(c: Builder, x: Val, n: int = 1, dim: int = -1, prepend: Val | None = None, append: Val | None = None) -> Val:
    x = c.concat([part for part in (prepend, x, append) if part is not None], dim)
    for _i in range(n):
        size = x.shape[dim]
        x = c.binary("sub", c.slice(x, dim, 1, size), c.slice(x, dim, 0, size - 1))
    return x


def _renorm_free(c: Builder, x: Val, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Val:
    """nansum: what is not a number counts as zero."""
    x = c.where(c.unary("isnan", x, "bool"), 0.0, x) if is_float(x.dtype) else x
    return c.reduce("reduce_sum", x, axes_of(x, dim), keepdim)


def _trace(c: Builder, x: Val) -> Val:
    n = min(x.shape)
    return c.reduce("reduce_sum", c.emit("diagonal", [x], (n,), x.dtype, offset=0, axis1=0, axis2=1), [0], False)


def _loss(power: str) -> Callable[..., Val]:
    """Distance of two tensors; `reduction` 0 leaves it elementwise, 1 takes the mean, 2 the sum."""

    def rule(c: Builder, x: Val, target: Val, reduction: int = 1) -> Val:
        gap = c.binary("sub", x, target)
        cost = c.unary("abs", gap) if power == "l1" else c.binary("mul", gap, gap)
        if reduction == 0:
            return cost
        return c.reduce("reduce_mean" if reduction == 1 else "reduce_sum", cost, range(cost.rank), False)

    return rule


TABLE: dict[str, Callable[..., Any]] = {
    "sum": _summed("reduce_sum"), "mean": _summed("reduce_mean"), "prod": _summed("reduce_prod"),
    "nansum": _renorm_free,
    "any": _logical("reduce_any"), "all": _logical("reduce_all"),
    "max": _extreme("reduce_max", "argmax", "maximum"), "min": _extreme("reduce_min", "argmin", "minimum"),
    "argmax": _arg("argmax"), "argmin": _arg("argmin"), "amax": _amax("reduce_max"), "amin": _amax("reduce_min"),
    "aminmax": _aminmax, "var": _spread("reduce_var"), "std": _spread("reduce_std"),
    "var_mean": _with_mean("reduce_var"), "std_mean": _with_mean("reduce_std"),
    "norm": _norm, "linalg_vector_norm": _vector_norm, "linalg_norm": _linalg_norm,
    "cumsum": _cumulative("cumsum"), "cumprod": _cumulative("cumprod"), "logcumsumexp": _cumulative("logcumsumexp"),
    "cummax": _cummax, "cummin": _cummin, "logsumexp": _logsumexp, "special_logsumexp": _logsumexp,
    "kthvalue": lambda c, x, k, dim=-1, keepdim=False: _kth(c, x, k - 1, dim, keepdim), "median": _median,
    "mse_loss": _loss("l2"), "l1_loss": _loss("l1"), "_is_all_true": _logical("reduce_all"),
    "count_nonzero": _count_nonzero, "diff": _diff, "trace": _trace,
}  # fmt: skip
