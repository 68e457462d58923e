"""Rotary embeddings as people write them in torch, each from positions and heads [batch, heads, length, width]."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

HEADS, WIDTH, LENGTH = 3, 8, 5


def angles(length: int, width: int) -> Tensor:
    frequencies = 1.0 / (10000 ** (torch.arange(0, width, 2).float() / width))
    return torch.outer(torch.arange(length).float(), frequencies)


def rotate_half(x: Tensor) -> Tensor:
    x1, x2 = x.chunk(2, dim=-1)
    return torch.cat((-x2, x1), dim=-1)


def llama(x: Tensor) -> Tensor:
    emb = torch.cat((angles(x.shape[-2], x.shape[-1]),) * 2, dim=-1)
    return x * emb.cos()[None, None] + rotate_half(x) * emb.sin()[None, None]


def original_llama(x: Tensor) -> Tensor:
    table = torch.polar(torch.ones(x.shape[-2], x.shape[-1] // 2), angles(x.shape[-2], x.shape[-1]))
    pairs = torch.view_as_complex(x.float().reshape(*x.shape[:-1], -1, 2))
    return torch.view_as_real(pairs * table).flatten(3)


def gpt_neox(x: Tensor) -> Tensor:
    turned, passed = x[..., :4], x[..., 4:]
    emb = torch.cat((angles(x.shape[-2], 4),) * 2, dim=-1)
    return torch.cat((turned * emb.cos() + rotate_half(turned) * emb.sin(), passed), dim=-1)


def gpt_j(x: Tensor) -> Tensor:
    sin, cos = (
        torch.repeat_interleave(t, 2, dim=-1) for t in (angles(*x.shape[-2:]).sin(), angles(*x.shape[-2:]).cos())
    )
    every_two = torch.stack((-x[..., 1::2], x[..., ::2]), dim=-1).flatten(-2)
    return x * cos + every_two * sin


def roformer(x: Tensor) -> Tensor:
    a = angles(*x.shape[-2:])
    sin = torch.stack([a.sin(), a.sin()], dim=-1).reshape(a.shape[0], -1)
    cos = torch.stack([a.cos(), a.cos()], dim=-1).reshape(a.shape[0], -1)
    return x * cos + torch.stack([-x[..., 1::2], x[..., ::2]], dim=-1).reshape_as(x) * sin


def two_halves(x: Tensor) -> Tensor:
    a = angles(*x.shape[-2:])
    x1, x2 = x[..., : x.shape[-1] // 2], x[..., x.shape[-1] // 2 :]
    return torch.cat([x1 * a.cos() - x2 * a.sin(), x1 * a.sin() + x2 * a.cos()], dim=-1)


def falling_sine(x: Tensor) -> Tensor:
    a = angles(*x.shape[-2:])
    x1, x2 = x.chunk(2, dim=-1)
    return torch.cat([x1 * a.cos() + x2 * a.sin(), -x1 * a.sin() + x2 * a.cos()], dim=-1)


def real_pairs(x: Tensor) -> Tensor:
    a = angles(*x.shape[-2:])
    p = x.reshape(*x.shape[:-1], -1, 2)
    even, odd = p.unbind(-1)
    return torch.stack((even * a.cos() - odd * a.sin(), even * a.sin() + odd * a.cos()), dim=-1).flatten(-2)


def stacked_table(x: Tensor) -> Tensor:
    a = angles(*x.shape[-2:])
    table = torch.stack([a.cos(), a.sin()], dim=-1)
    p = x.reshape(*x.shape[:-1], -1, 2)
    return torch.stack(
        [p[..., 0] * table[..., 0] - p[..., 1] * table[..., 1], p[..., 1] * table[..., 0] + p[..., 0] * table[..., 1]],
        -1,
    ).flatten(3)


def written_in_place(x: Tensor) -> Tensor:
    a = angles(*x.shape[-2:])
    out = torch.empty_like(x)
    out[..., 0::2] = x[..., 0::2] * a.cos() - x[..., 1::2] * a.sin()
    out[..., 1::2] = x[..., 1::2] * a.cos() + x[..., 0::2] * a.sin()
    return out


def scaled(x: Tensor) -> Tensor:
    emb = torch.cat((angles(*x.shape[-2:]),) * 2, dim=-1)
    cos, sin = emb.cos() * 1.2, emb.sin() * 1.2
    return (x * cos) + (rotate_half(x) * sin)


def heads_behind(x: Tensor) -> Tensor:
    y = x.transpose(1, 2)
    emb = torch.cat((angles(y.shape[1], y.shape[-1]),) * 2, dim=-1)[None, :, None]
    return (y * emb.cos() + rotate_half(y) * emb.sin()).transpose(1, 2)


def rolled(x: Tensor) -> Tensor:
    emb = torch.cat((angles(*x.shape[-2:]),) * 2, dim=-1)
    half = x.shape[-1] // 2
    sign = torch.cat([-torch.ones(half), torch.ones(half)])
    return x * emb.cos() + torch.roll(x, half, dims=-1) * (emb.sin() * sign)


def matrices(x: Tensor) -> Tensor:
    a = angles(*x.shape[-2:])
    table = torch.stack([a.cos(), -a.sin(), a.sin(), a.cos()], dim=-1).reshape(*a.shape, 2, 2)
    p = x.reshape(*x.shape[:-1], -1, 1, 2)
    return (table[..., 0] * p[..., 0] + table[..., 1] * p[..., 1]).reshape(x.shape)


@dataclass(frozen=True)
class Written:
    """A rotary embedding and how it pairs channels."""

    function: Callable[[Tensor], Tensor]
    interleaved: bool = False
    turned: int = WIDTH


ROTARIES = [
    Written(llama), Written(original_llama, True), Written(gpt_neox, turned=4), Written(gpt_j, True),
    Written(roformer, True), Written(two_halves), Written(falling_sine), Written(real_pairs, True),
    Written(stacked_table, True), Written(written_in_place, True), Written(scaled), Written(heads_behind),
    Written(rolled), Written(matrices, True),
]  # fmt: skip


class Query(nn.Module):
    """A projection to heads, turned."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function
        self.q = nn.Linear(6, HEADS * WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        q = self.q(x).view(x.shape[0], x.shape[1], HEADS, WIDTH).transpose(1, 2)
        return self.function(q)
