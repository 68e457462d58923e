"""Operators that carry functions, run step by step in Python while the recorder watches."""

# ruff: noqa: ARG005 - rows take what the operators take
# Trees of any shape pass through here, and parts of torch that have no types:
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownLambdaType=false, reportPrivateUsage=false

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch._higher_order_ops.flex_attention import math_attention


def _scan(combine: Callable[..., Any], init: Sequence[Any], xs: Sequence[Any], more: Sequence[Any] = ()) -> list[Any]:
    """Carried states, then the stacked outputs of every step along axis 0."""
    carried, rows = list(init), list[list[Any]]()
    for t in range(xs[0].shape[0]):
        out = list(combine(*carried, *(x[t] for x in xs), *more))
        carried = out[: len(init)]
        rows.append(out[len(init) :])
    return [*carried, *(torch.stack(column) for column in zip(*rows, strict=True))]


def _cond(test: Any, then: Callable[..., Any], otherwise: Callable[..., Any], operands: Sequence[Any] = ()) -> Any:
    """The branch that is taken; reading the test is a finding."""
    return then(*operands) if bool(test) else otherwise(*operands)


def _while(test: Callable[..., Any], body: Callable[..., Any], carried: Sequence[Any], more: Sequence[Any] = ()) -> Any:
    """As many steps as the values ask for; reading the test is a finding."""
    while bool(test(*carried, *more)):
        carried = body(*carried, *more)
    return tuple(carried)


def _flex(
    query: Any, key: Any, value: Any, score_mod: Any, block_mask: Any, scale: Any, kernel_options: Any,
    score_buffers: Any = (), mask_buffers: Any = (),
) -> Any:  # fmt: skip
    """Attention whose scores a function of the positions changes, spelt out."""
    return math_attention(
        query, key, value, score_mod, block_mask, scale, kernel_options, score_buffers, mask_buffers
    )  # fmt: skip


UNROLLED: dict[str, Callable[..., Any]] = {
    "scan": _scan,
    "cond": _cond,
    "while_loop": _while,
    "flex_attention": _flex,
    "map_impl": lambda f, xs, more=(): tuple(
        torch.stack(column)
        for column in zip(*(f(*(x[t] for x in xs), *more) for t in range(xs[0].shape[0])), strict=True)
    ),
    "invoke_subgraph": lambda body, name, *operands: body(*operands),
    "wrap": lambda body, *operands, **options: body(*operands, **options),
    "wrap_with_set_grad_enabled": lambda enabled, body, *operands: body(*operands),
    "tag_activation_checkpoint": lambda body, *operands, **options: body(*operands),
}
"""What each operator computes, by its name."""
