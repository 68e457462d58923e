"""The Transformer of Vaswani et al. (2017, arXiv:1706.03762): post-norm, sinusoidal positions, one shared embedding."""

import math

import torch
from torch import Tensor, nn

from irgen.zoo.reference.attention import Attention, FeedForward, causal_bias


class EncoderLayer(nn.Module):
    """LayerNorm(x + sublayer(x)) for self-attention, then for the feed-forward (section 3.1)."""

    def __init__(self, width: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.attention = Attention(width, heads)
        self.feed_forward = FeedForward(width, hidden, nn.ReLU())
        self.norms = nn.ModuleList([nn.LayerNorm(width) for _ in range(2)])

    def forward(self, x: Tensor) -> Tensor:
        """From and to (batch, source, width)."""
        x = self.norms[0](x + self.attention(x))
        return self.norms[1](x + self.feed_forward(x))


class DecoderLayer(nn.Module):
    """As the encoder's, with attention to the encoder's output between, and no look at later places."""

    def __init__(self, width: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.attention = Attention(width, heads)
        self.cross_attention = Attention(width, heads)
        self.feed_forward = FeedForward(width, hidden, nn.ReLU())
        self.norms = nn.ModuleList([nn.LayerNorm(width) for _ in range(3)])

    def forward(self, x: Tensor, memory: Tensor, mask: Tensor) -> Tensor:
        """From and to (batch, target, width); `memory` is (batch, source, width)."""
        x = self.norms[0](x + self.attention(x, scores_bias=mask))
        x = self.norms[1](x + self.cross_attention(x, memory))
        return self.norms[2](x + self.feed_forward(x))


class Transformer(nn.Module):
    """Encoder and decoder over one shared embedding, which is also the head (section 3.4)."""

    def __init__(self, vocabulary: int, width: int, heads: int, hidden: int, layers: int) -> None:
        super().__init__()
        self.width = width
        self.embedding = nn.Embedding(vocabulary, width)
        self.encoder = nn.ModuleList([EncoderLayer(width, heads, hidden) for _ in range(layers)])
        self.decoder = nn.ModuleList([DecoderLayer(width, heads, hidden) for _ in range(layers)])

    def forward(self, input_ids: Tensor, decoder_input_ids: Tensor) -> Tensor:
        """Source and target ids, (batch, source) and (batch, target), to logits (batch, target, vocabulary)."""
        memory = self._embed(input_ids)
        for layer in self.encoder:
            memory = layer(memory)
        x = self._embed(decoder_input_ids)
        mask = causal_bias(decoder_input_ids.shape[1])
        for layer in self.decoder:
            x = layer(x, memory, mask)
        return nn.functional.linear(x, self.embedding.weight)

    def _embed(self, ids: Tensor) -> Tensor:
        return self.embedding(ids) * math.sqrt(self.width) + sinusoids(ids.shape[1], self.width)


def sinusoids(length: int, width: int) -> Tensor:
    """PE(p, 2i) = sin(p / 10000^(2i/width)), PE(p, 2i+1) the cosine (section 3.5): (length, width)."""
    place = torch.arange(length, dtype=torch.float32)[:, None]
    angle = place * torch.exp(torch.arange(0, width, 2, dtype=torch.float32) * (-math.log(10000.0) / width))
    return torch.stack([torch.sin(angle), torch.cos(angle)], dim=-1).flatten(1)
