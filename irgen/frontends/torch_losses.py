"""Lowering of losses: classes, labels and distances against targets; `reduction` 0 keeps them, 1 is mean, 2 is sum."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from irgen.frontends.torch_build import Builder, Unlowered, Val


def _reduced(c: Builder, cost: Val, reduction: int) -> Val:
    if reduction == 0:
        return cost
    return c.reduce("reduce_mean" if reduction == 1 else "reduce_sum", cost, range(cost.rank), False)


def _with_logits(
    c: Builder, x: Val, target: Val, weight: Val | None = None, pos_weight: Val | None = None, reduction: int = 1
) -> Val:
    """log(1 + eˣ) − x·t, that is −t log σ(x) − (1 − t) log σ(−x)."""
    if pos_weight is not None:
        raise Unlowered
    cost = c.binary("sub", c.unary("softplus", x, beta=1.0), c.binary("mul", x, target))
    return _reduced(c, cost if weight is None else c.binary("mul", cost, weight), reduction)


def _of_probabilities(c: Builder, p: Val, target: Val, weight: Val | None = None, reduction: int = 1) -> Val:
    """−t log p − (1 − t) log(1 − p), logarithms not below −100."""
    logs = [c.unary("clip", c.unary("log", q), min=-100.0, max=None) for q in (p, c.binary("sub", 1.0, p))]
    one = c.binary("mul", target, logs[0])
    cost = c.unary("neg", c.binary("add", one, c.binary("mul", c.binary("sub", 1.0, target), logs[1])))
    return _reduced(c, cost if weight is None else c.binary("mul", cost, weight), reduction)


def _of_classes(
    c: Builder, logs: Val, target: Val, weight: Val | None = None, reduction: int = 1, ignored: int = -100
) -> Val:
    """Minus the logarithm of each right class, those that are to be ignored left out of the mean."""
    if weight is not None or target.rank != logs.rank - 1:
        raise Unlowered
    axis = 1 if logs.rank > 1 else 0
    counts = c.binary("ne", target, ignored, result="bool")
    right = c.where(counts, target, c.full(target.shape, 0, target.dtype))
    index = c.unsqueeze(right, axis)
    told = c.emit("gather_elements", [logs, index], index.shape, logs.dtype, axis=axis)
    kept = c.cast(counts, logs.dtype)
    cost = c.unary("neg", c.binary("mul", c.squeeze(told, axis), kept))
    if reduction == 0:
        return cost
    total = c.reduce("reduce_sum", cost, range(cost.rank), False)
    return total if reduction == 2 else c.binary("div", total, c.reduce("reduce_sum", kept, range(kept.rank), False))


def _cross_entropy(
    c: Builder, x: Val, target: Val, weight: Val | None = None, reduction: int = 1, ignored: int = -100,
    smoothing: float = 0.0,
) -> Val:  # fmt: skip
    if smoothing or target.rank == x.rank:
        raise Unlowered
    logs = c.unary("log_softmax", x, axis=1 if x.rank > 1 else 0)
    return _of_classes(c, logs, target, weight, reduction, ignored)


def _near_and_far(*, huber: bool) -> Callable[..., Val]:
    """Squares up to `knee`, straight beyond it; without `huber` both divided by the knee."""

    def rule(c: Builder, x: Val, target: Val, reduction: int = 1, knee: float = 1.0) -> Val:
        if knee <= 0:
            raise Unlowered
        gap = c.unary("abs", c.binary("sub", x, target))
        near = c.binary("mul", c.binary("mul", gap, gap), 0.5 if huber else 0.5 / knee)
        far = c.binary("sub", gap, 0.5 * knee)
        far = c.binary("mul", far, knee) if huber else far
        return _reduced(c, c.where(c.binary("lt", gap, knee, result="bool"), near, far), reduction)

    return rule


TABLE: dict[str, Callable[..., Any]] = {
    "binary_cross_entropy_with_logits": _with_logits, "binary_cross_entropy": _of_probabilities,
    "cross_entropy_loss": _cross_entropy, "nll_loss_nd": _of_classes, "nll_loss": _of_classes,
    "smooth_l1_loss": _near_and_far(huber=False), "huber_loss": _near_and_far(huber=True),
}  # fmt: skip
