"""Attention and feed-forward as the papers write them, shared by the reference modules."""

import math

import torch
from torch import Tensor, nn


class Attention(nn.Module):
    """Multi-head scaled dot-product attention (Vaswani et al. 2017, section 3.2)."""

    def __init__(self, width: int, heads: int, *, bias: bool = True) -> None:
        super().__init__()
        self.heads, self.head_width = heads, width // heads
        self.query = nn.Linear(width, width, bias=bias)
        self.key = nn.Linear(width, width, bias=bias)
        self.value = nn.Linear(width, width, bias=bias)
        self.output = nn.Linear(width, width, bias=bias)

    def forward(self, stream: Tensor, memory: Tensor | None = None, scores_bias: Tensor | None = None) -> Tensor:
        """Streams are (batch, length, width); `scores_bias` broadcasts to (batch, heads, queries, keys)."""
        memory = stream if memory is None else memory
        q, k, v = self._split(self.query(stream)), self._split(self.key(memory)), self._split(self.value(memory))
        scores = q @ k.transpose(-2, -1) / math.sqrt(self.head_width)
        if scores_bias is not None:
            scores = scores + scores_bias
        mixed = torch.softmax(scores, dim=-1) @ v
        return self.output(mixed.transpose(1, 2).flatten(2))

    def _split(self, x: Tensor) -> Tensor:
        split: Tensor = x.reshape(*x.shape[:-1], self.heads, self.head_width)
        return split.transpose(1, 2)


class FeedForward(nn.Sequential):
    """Two linear maps with an activation between, on every position alike."""

    def __init__(self, width: int, hidden: int, activation: nn.Module) -> None:
        super().__init__(nn.Linear(width, hidden), activation, nn.Linear(hidden, width))


class PreNormLayer(nn.Module):
    """x + attention(norm x), then x + feed-forward(norm x)."""

    def __init__(self, width: int, heads: int, hidden: int, *, eps: float = 1e-6) -> None:
        super().__init__()
        self.attention = Attention(width, heads)
        self.feed_forward = FeedForward(width, hidden, nn.GELU())
        self.attention_norm = nn.LayerNorm(width, eps=eps)
        self.feed_forward_norm = nn.LayerNorm(width, eps=eps)

    def forward(self, x: Tensor, scores_bias: Tensor | None = None) -> Tensor:
        """From and to (batch, length, width)."""
        x = x + self.attention(self.attention_norm(x), scores_bias=scores_bias)
        return x + self.feed_forward(self.feed_forward_norm(x))


def causal_bias(length: int) -> Tensor:
    """Zero where a query may look, minus infinity at the keys after it: (length, length)."""
    place = torch.arange(length)
    return torch.zeros(length, length).masked_fill(place[None, :] > place[:, None], float("-inf"))
