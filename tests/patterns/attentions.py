"""Attention in spellings that nobody's library uses, and decoders made of it."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

WIDTH, HEADS, HIDDEN, VOCABULARY, LENGTH = 48, 4, 104, 101, 19

Mask = Callable[[int], Tensor]


def causal(length: int) -> Tensor:
    """True where a key is kept: j ≤ i."""
    at = torch.arange(length)
    return at[None, :] <= at[:, None]


def window(width: int) -> Mask:
    """A causal band."""
    return lambda length: causal(length) & (torch.arange(length)[None, :] > torch.arange(length)[:, None] - width)


def blocks(size: int) -> Mask:
    """Blocks on the diagonal."""
    return lambda length: torch.arange(length)[None, :] // size == torch.arange(length)[:, None] // size


def prefix(size: int) -> Mask:
    """The first keys are seen by all, the others causally."""
    return lambda length: causal(length) | (torch.arange(length) < size)[None, :]


def everything(length: int) -> Tensor:
    """No mask at all."""
    return torch.ones(length, length, dtype=torch.bool)


class Einsum(nn.Module):
    """Separate projections, einsum over named axes, softmax by hand, mask by where."""

    def __init__(
        self, mask: Mask = causal, heads: int = HEADS, kv_heads: int | None = None, scale: float | None = None
    ):
        super().__init__()
        self.mask, self.heads, self.kv_heads = mask, heads, kv_heads or heads
        self.dim = WIDTH // heads
        self.scale = 1 / math.sqrt(self.dim) if scale is None else scale
        self.q = nn.Linear(WIDTH, self.dim * heads, bias=False)
        self.k = nn.Linear(WIDTH, self.dim * self.kv_heads, bias=False)
        self.v = nn.Linear(WIDTH, self.dim * self.kv_heads, bias=False)
        self.o = nn.Linear(self.dim * heads, WIDTH, bias=False)

    def split(self, x: Tensor, heads: int) -> Tensor:
        """[batch, tokens, heads, dim]"""
        return x.unflatten(-1, (heads, self.dim))

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (
            self.split(self.q(x), self.heads),
            self.split(self.k(x), self.kv_heads),
            self.split(self.v(x), self.kv_heads),
        )
        k, v = (t.repeat_interleave(self.heads // self.kv_heads, dim=2) for t in (k, v))
        scores = torch.einsum("bihd,bjhd->bhij", q, k) * self.scale
        scores = torch.where(self.mask(x.shape[1]), scores, float("-inf"))
        grown = (scores - scores.amax(-1, keepdim=True)).exp()
        return self.o(torch.einsum("bhij,bjhd->bihd", grown / grown.sum(-1, keepdim=True), v).flatten(-2))


class Fused(Einsum):
    """One projection for q, k and v, 3-D baddbmm with an additive mask, division instead of a factor."""

    def __init__(self, mask: Mask = causal):
        super().__init__(mask)
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        batch, length, _ = x.shape
        q, k, v = self.qkv(x).view(batch, length, 3, self.heads, self.dim).permute(2, 0, 3, 1, 4).flatten(1, 2)
        bias = torch.zeros(length, length).masked_fill(~self.mask(length), -1e9)
        scores = torch.baddbmm(bias.expand(batch * self.heads, -1, -1), q / math.sqrt(self.dim), k.mT)
        out = torch.bmm(scores.softmax(-1), v).view(batch, self.heads, length, self.dim)
        return self.o(out.transpose(1, 2).reshape(batch, length, WIDTH))


class Transposed(Einsum):
    """Scores as k qᵀ, softmax over the first of the two axes, values from the left."""

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (self.split(p(x), self.heads).permute(0, 2, 3, 1) for p in (self.q, self.k, self.v))
        scores = (k.mT @ q) * self.scale
        scores = scores.masked_fill(~self.mask(x.shape[1]).T, torch.finfo(torch.float32).min)
        return self.o((v @ scores.softmax(-2)).permute(0, 3, 1, 2).flatten(-2))


class Split(Einsum):
    """The scale as two square roots, on q and on k; heads one after another."""

    def forward(self, x: Tensor) -> Tensor:
        root = math.sqrt(self.scale)
        outs = []
        for q, k, v in zip(*(p(x).split(self.dim, -1) for p in (self.q, self.k, self.v)), strict=True):
            scores = (q * root) @ (k * root).mT + torch.where(self.mask(x.shape[1]), 0.0, -torch.inf)
            outs.append(scores.softmax(-1) @ v)
        return self.o(torch.cat(outs, -1))


class Pooled(Einsum):
    """Near miss: softmax over tokens of a learned score, no product of two streams."""

    def __init__(self):
        super().__init__()
        self.score = nn.Linear(WIDTH, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.o((self.score(x).softmax(1) * self.v(x)).sum(1, keepdim=True).expand_as(x))


class Unweighted(Einsum):
    """Near miss: probabilities that never meet values."""

    def forward(self, x: Tensor) -> Tensor:
        q, k = self.split(self.q(x), self.heads), self.split(self.k(x), self.heads)
        scores = torch.einsum("bihd,bjhd->bhij", q, k).softmax(-1)
        return self.o(self.v(x) * scores.amax(-1).transpose(1, 2).repeat_interleave(self.dim, -1))


class MLP(nn.Module):
    """up, gelu, down."""

    def __init__(self):
        super().__init__()
        self.up, self.down = nn.Linear(WIDTH, HIDDEN), nn.Linear(HIDDEN, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        return self.down(nn.functional.gelu(self.up(x)))


class Layer(nn.Module):
    """A layer in one of the residual forms."""

    def __init__(self, attention: nn.Module, form: str = "pre-norm"):
        super().__init__()
        self.attention, self.mlp, self.form = attention, MLP(), form
        self.norms = nn.ModuleList(nn.LayerNorm(WIDTH) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        a, b, c, d = self.norms
        if self.form == "pre-norm":
            x = x + self.attention(a(x))
            return x + self.mlp(b(x))
        if self.form == "post-norm":
            x = a(x + self.attention(x))
            return b(x + self.mlp(x))
        if self.form == "sandwich":
            x = x + c(self.attention(a(x)))
            return x + d(self.mlp(b(x)))
        if self.form == "parallel":
            y = a(x)
            return x + self.attention(y) + self.mlp(y)
        x = self.attention(a(x))  # cut
        return self.mlp(b(x))


class Model(nn.Module):
    """Token and position embeddings, layers, a norm, a tied head."""

    def __init__(self, *layers: nn.Module):
        super().__init__()
        self.tokens, self.places = nn.Embedding(VOCABULARY, WIDTH), nn.Embedding(64, WIDTH)
        self.layers, self.norm = nn.ModuleList(layers), nn.LayerNorm(WIDTH)

    def forward(self, ids: Tensor) -> Tensor:
        x = self.tokens(ids) + self.places(torch.arange(ids.shape[1]))
        for layer in self.layers:
            x = layer(x)
        return self.norm(x) @ self.tokens.weight.T
