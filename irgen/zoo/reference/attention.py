"""Attention and feed-forward as the papers write them, shared by the reference modules."""

import math

import torch
from torch import Tensor, nn


class Attention(nn.Module):
    """Multi-head scaled dot-product attention (Vaswani et al. 2017, section 3.2).

    `inner` is the width of all heads together, `memory_width` that of another stream which keys and values read.
    """

    def __init__(
        self, width: int, heads: int, *, inner: int | None = None, memory_width: int | None = None, bias: bool = True
    ) -> None:
        super().__init__()
        inner, memory_width = inner or width, memory_width or width
        self.heads, self.head_width = heads, inner // heads
        self.query = nn.Linear(width, inner, bias=bias)
        self.key = nn.Linear(memory_width, inner, bias=bias)
        self.value = nn.Linear(memory_width, inner, bias=bias)
        self.output = nn.Linear(inner, width, bias=bias)

    def forward(self, stream: Tensor, memory: Tensor | None = None, scores_bias: Tensor | None = None) -> Tensor:
        """Streams are (batch, length, width); `scores_bias` broadcasts to (batch, heads, queries, keys)."""
        q, k, v = self.project(stream, stream if memory is None else memory)
        scores = q @ k.transpose(-2, -1)
        return self.mix(scores / math.sqrt(self.head_width), v, scores_bias)

    def project(self, stream: Tensor, memory: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries of the stream, keys and values of the memory, each (batch, heads, length, head width)."""
        return self.split(self.query(stream)), self.split(self.key(memory)), self.split(self.value(memory))

    def mix(self, scores: Tensor, v: Tensor, scores_bias: Tensor | None = None) -> Tensor:
        """softmax(scores + bias) v, the heads put side by side and projected."""
        if scores_bias is not None:
            scores = scores + scores_bias
        mixed = torch.softmax(scores, dim=-1) @ v
        return self.output(mixed.transpose(1, 2).flatten(2))

    def split(self, x: Tensor) -> Tensor:
        """(batch, length, inner) to (batch, heads, length, head width)."""
        split: Tensor = x.reshape(*x.shape[:-1], self.heads, self.head_width)
        return split.transpose(1, 2)


class SlottedAttention(Attention):
    """Attention whose keys and values have learned rows behind those of the stream, of which queries know nothing.

    K = [W_k X, M_k], V = [W_v X, M_v] (Cornia et al. 2020, section 3.1, equation 3); with one slot it is the
    `add_bias_kv` of `torch.nn.MultiheadAttention`.
    """

    def __init__(self, width: int, heads: int, slots: int) -> None:
        super().__init__(width, heads)
        self.key_slots = nn.Parameter(torch.empty(1, slots, width).normal_(std=width**-0.5))
        self.value_slots = nn.Parameter(torch.empty(1, slots, width).normal_(std=width**-0.5))

    def project(self, stream: Tensor, memory: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries (batch, heads, length, head width); keys and values have `slots` more rows."""
        slots = (self.key_slots, self.value_slots)
        keys, values = (
            torch.cat([made, slot.expand(memory.shape[0], -1, -1)], dim=1)
            for made, slot in zip((self.key(memory), self.value(memory)), slots, strict=True)
        )
        return self.split(self.query(stream)), self.split(keys), self.split(values)


class FeedForward(nn.Sequential):
    """Two linear maps with an activation between, on every position alike."""

    def __init__(self, width: int, hidden: int, activation: nn.Module) -> None:
        super().__init__(nn.Linear(width, hidden), activation, nn.Linear(hidden, width))


class PreNormLayer(nn.Module):
    """x + attention(norm x), then x + feed-forward(norm x)."""

    def __init__(
        self,
        width: int,
        heads: int,
        hidden: int,
        *,
        eps: float = 1e-6,
        attention: Attention | None = None,
        activation: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.attention = attention or Attention(width, heads)
        self.feed_forward = FeedForward(width, hidden, activation or nn.GELU())
        self.attention_norm = nn.LayerNorm(width, eps=eps)
        self.feed_forward_norm = nn.LayerNorm(width, eps=eps)

    def forward(self, x: Tensor, scores_bias: Tensor | None = None) -> Tensor:
        """From and to (batch, length, width)."""
        x = x + self.attention(self.attention_norm(x), scores_bias=scores_bias)
        return x + self.feed_forward(self.feed_forward_norm(x))


class PostNormLayer(nn.Module):
    """norm(x + attention(x)), then norm(x + feed-forward(x)) (Devlin et al. 2019: the layer of BERT)."""

    def __init__(self, width: int, heads: int, hidden: int, *, eps: float = 1e-12) -> None:
        super().__init__()
        self.attention = Attention(width, heads)
        self.feed_forward = FeedForward(width, hidden, nn.GELU())
        self.attention_norm = nn.LayerNorm(width, eps=eps)
        self.feed_forward_norm = nn.LayerNorm(width, eps=eps)

    def forward(self, x: Tensor) -> Tensor:
        """From and to (batch, length, width)."""
        x = self.attention_norm(x + self.attention(x))
        return self.feed_forward_norm(x + self.feed_forward(x))


def causal_bias(length: int) -> Tensor:
    """Zero where a query may look, minus infinity at the keys after it: (length, length)."""
    place = torch.arange(length)
    return torch.zeros(length, length).masked_fill(place[None, :] > place[:, None], float("-inf"))
