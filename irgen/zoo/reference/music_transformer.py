"""Music Transformer (Huang et al. 2018, arXiv:1809.04281): relative attention whose memory is linear, by skewing."""

import math

import torch
from torch import Tensor, nn

from irgen.zoo.reference.attention import Attention, FeedForward, causal_bias
from irgen.zoo.reference.transformer import sinusoids


class RelativeAttention(Attention):
    """softmax((Q Kᵀ + S) / √d) V, where S is the product of queries and distances (section 3.4, equation 3).

    Every head has a learned vector for each distance from −`distances` + 1 to 0; farther keys share the farthest one.
    """

    def __init__(self, width: int, heads: int, inner: int, distances: int) -> None:
        super().__init__(width, heads, inner=inner)
        self.distances = distances
        self.relative = nn.Parameter(torch.empty(heads, distances, self.head_width).normal_(std=self.head_width**-0.5))

    def forward(self, stream: Tensor, memory: Tensor | None = None, scores_bias: Tensor | None = None) -> Tensor:
        """From and to (batch, length, width); `scores_bias` hides the keys ahead, whose S means nothing."""
        q, k, v = self.project(stream, stream if memory is None else memory)
        relative = skewed(q @ self.nearest(q.shape[2]).transpose(-2, -1))
        return self.mix((q @ k.transpose(-2, -1) + relative) / math.sqrt(self.head_width), v, scores_bias)

    def nearest(self, length: int) -> Tensor:
        """The vectors of the distances −`length` + 1 to 0: (heads, length, head width)."""
        places = torch.arange(length) + (self.distances - length)
        return self.relative[:, places.clamp(min=0)]


def skewed(products: Tensor) -> Tensor:
    """From columns by distance to columns by key: S[i, j] = products[i, L − 1 − (i − j)] where j ≤ i.

    A column is put in front, the rows are read again as L + 1 of L, and the first one is dropped (section 3.4.1).
    """
    batch, heads, rows, columns = products.shape
    padded = nn.functional.pad(products, (1, 0))
    return padded.reshape(batch, heads, columns + 1, rows)[:, :, 1:]


class DecoderLayer(nn.Module):
    """Relative self-attention and a feed-forward, each normed behind its residual sum (section 3.2)."""

    def __init__(self, width: int, heads: int, inner: int, hidden: int, distances: int) -> None:
        super().__init__()
        self.attention = RelativeAttention(width, heads, inner, distances)
        self.feed_forward = FeedForward(width, hidden, nn.ReLU())
        self.norms = nn.ModuleList([nn.LayerNorm(width) for _ in range(2)])

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """From and to (batch, length, width)."""
        x = self.norms[0](x + self.attention(x, scores_bias=mask))
        return self.norms[1](x + self.feed_forward(x))


class MusicTransformer(nn.Module):
    """A decoder over events of a performance: notes on and off, steps of time, loudness."""

    def __init__(
        self, events: int, width: int, heads: int, layers: int, *, inner: int, hidden: int, distances: int
    ) -> None:
        super().__init__()
        self.width = width
        self.events = nn.Embedding(events, width)
        self.layers = nn.ModuleList([DecoderLayer(width, heads, inner, hidden, distances) for _ in range(layers)])

    def forward(self, input_ids: Tensor) -> Tensor:
        """Events (batch, length) to the logits of the next one, (batch, length, events)."""
        length = input_ids.shape[1]
        x = self.events(input_ids) * math.sqrt(self.width) + sinusoids(length, self.width)
        mask = causal_bias(length)
        for layer in self.layers:
            x = layer(x, mask)
        return nn.functional.linear(x, self.events.weight)
