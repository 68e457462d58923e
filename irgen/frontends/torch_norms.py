"""Lowering of softmax and of normalisation layers."""

# The rows of TABLE take what torch's functions take, used or not, and lambdas have no room for types:
# ruff: noqa: ARG001
# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from irgen.frontends.torch_build import DTYPES, TORCH_TYPES, Builder, Unlowered, Val


def _softmax(op: str, sign: int = 1) -> Callable[..., Val]:
    def rule(c: Builder, x: Val, dim: int | None = None, dtype: Any = None, *_: Any, **__: Any) -> Val:
        if dim is None:
            raise Unlowered
        kind = DTYPES[dtype] if isinstance(dtype, torch.dtype) else c.out.dtype
        x = c.cast(x, kind)
        return c.unary(op, x if sign > 0 else c.unary("neg", x), axis=dim % max(1, x.rank))

    return rule


def _layer_norm(
    c: Builder, x: Val, normalized_shape: Sequence[int], weight: Val | None = None, bias: Val | None = None,
    eps: float = 1e-5, *_: Any,
) -> Val:  # fmt: skip
    axes = tuple(range(x.rank - len(tuple(normalized_shape)), x.rank))
    return c.emit("layer_norm", [x, weight, bias], x.shape, x.dtype, axes=axes, eps=float(eps))


def _rms_norm(
    c: Builder, x: Val, normalized_shape: Sequence[int], weight: Val | None = None, eps: float | None = None
) -> Val:
    axes = tuple(range(x.rank - len(tuple(normalized_shape)), x.rank))
    small = torch.finfo(TORCH_TYPES[x.dtype]).eps if eps is None else eps
    return c.emit("rms_norm", [x, weight], x.shape, x.dtype, axes=axes, eps=float(small))


def _group_norm(
    c: Builder, x: Val, num_groups: int, weight: Val | None = None, bias: Val | None = None, eps: float = 1e-5, *_: Any
) -> Val:
    return c.emit("group_norm", [x, weight, bias], x.shape, x.dtype, groups=num_groups, eps=float(eps))


def _native_group_norm(
    c: Builder, x: Val, weight: Val | None, bias: Val | None, n: int, channels: int, space: int, group: int, eps: float
) -> tuple[Any, ...]:
    return (_group_norm(c, x, group, weight, bias, eps), *_unused(c, x))


def _native_layer_norm(
    c: Builder, x: Val, shape: Sequence[int], weight: Val | None, bias: Val | None, eps: float
) -> tuple[Any, ...]:
    return (_layer_norm(c, x, shape, weight, bias, eps), *_unused(c, x))


def _unused(c: Builder, x: Val) -> list[Val]:
    """Statistics that only training reads."""
    return [c.emit("opaque", [x], o.shape, o.dtype, name="norm statistics") for o in c.out[1:]]


def _batch_norm(
    c: Builder, x: Val, weight: Val | None, bias: Val | None, mean: Val | None, var: Val | None,
    training: bool = False, momentum: float = 0.1, eps: float = 1e-5, *_: Any,
) -> Val:  # fmt: skip
    if training or mean is None or var is None:
        return _batch_statistics(c, x, weight, bias, eps)
    channels = (x.shape[1],)
    scale = weight or c.full(channels, 1, x.dtype)
    shift = bias or c.full(channels, 0, x.dtype)
    return c.emit("batch_norm", [x, scale, shift, mean, var], x.shape, x.dtype, eps=float(eps))


def _batch_statistics(c: Builder, x: Val, weight: Val | None, bias: Val | None, eps: float) -> Val:
    """Normalised over the batch itself."""
    over = [i for i in range(x.rank) if i != 1]
    centred = c.binary("sub", x, c.reduce("reduce_mean", x, over, True))
    spread = c.reduce("reduce_var", x, over, True, correction=0)
    y = c.binary("mul", centred, c.unary("rsqrt", c.binary("add", spread, eps)))
    laid = (x.shape[1], *(1,) * (x.rank - 2))
    y = y if weight is None else c.binary("mul", y, c.reshape(weight, laid))
    return y if bias is None else c.binary("add", y, c.reshape(bias, laid))


def _batch_norm_inference(
    c: Builder, x: Val, weight: Val | None, bias: Val | None, mean: Val, var: Val, momentum: float, eps: float, *_: Any
) -> tuple[Any, ...]:
    return (_batch_norm(c, x, weight, bias, mean, var, False, momentum, eps), *_unused(c, x))


def _native_batch_norm(c: Builder, x: Val, weight: Any, bias: Any, mean: Any, var: Any, *rest: Any) -> tuple[Any, ...]:
    return (_batch_norm(c, x, weight, bias, mean, var, *rest), *_unused(c, x))


def _instance_norm(
    c: Builder, x: Val, weight: Val | None, bias: Val | None, mean: Val | None, var: Val | None,
    use_input_stats: bool = True, momentum: float = 0.1, eps: float = 1e-5, *_: Any,
) -> Val:  # fmt: skip
    if not use_input_stats:
        return _batch_norm(c, x, weight, bias, mean, var, False, momentum, eps)
    return _group_norm(c, x, x.shape[1], weight, bias, eps)


def _weight_norm(c: Builder, v: Val, g: Val, dim: int = 0) -> Val:
    """`_weight_norm`: direction times length (Salimans & Kingma, 2016)."""
    over = [i for i in range(v.rank) if i != dim % v.rank]
    return c.binary("mul", v, c.binary("div", g, c.reduce("reduce_l2", v, over, True)))


TABLE: dict[str, Callable[..., Any]] = {
    "softmax": _softmax("softmax"), "_softmax": _softmax("softmax"), "special_softmax": _softmax("softmax"),
    "log_softmax": _softmax("log_softmax"), "_log_softmax": _softmax("log_softmax"),
    "special_log_softmax": _softmax("log_softmax"), "_safe_softmax": _softmax("softmax"),
    "layer_norm": _layer_norm, "native_layer_norm": _native_layer_norm, "rms_norm": _rms_norm,
    "_fused_rms_norm": lambda c, x, s, w, eps: (_rms_norm(c, x, s, w, eps), *_unused(c, x)),
    "group_norm": _group_norm, "native_group_norm": _native_group_norm, "instance_norm": _instance_norm,
    "batch_norm": _batch_norm, "_native_batch_norm_legit_no_training": _batch_norm_inference,
    "_batch_norm_with_update": _native_batch_norm, "_batch_norm_no_update": _batch_norm_inference,
    "native_batch_norm": _native_batch_norm, "_native_batch_norm_legit": _native_batch_norm,
    "cudnn_batch_norm": _native_batch_norm, "_weight_norm": _weight_norm,
    "_weight_norm_interface": lambda c, v, g, dim=0: (_weight_norm(c, v, g, dim), *_unused(c, v)),
}  # fmt: skip
