"""Meshed-Memory Transformer (Cornia et al. 2020, arXiv:1912.08226): captions from regions, memory and a mesh."""

from functools import reduce

import torch
from torch import Tensor, nn

from irgen.zoo.reference.attention import Attention, FeedForward, SlottedAttention, causal_bias
from irgen.zoo.reference.transformer import sinusoids


class EncoderLayer(nn.Module):
    """Memory-augmented attention and a feed-forward, each added and normed (section 3.1, equations 3 to 5)."""

    def __init__(self, width: int, heads: int, hidden: int, slots: int) -> None:
        super().__init__()
        self.attention = SlottedAttention(width, heads, slots)
        self.feed_forward = FeedForward(width, hidden, nn.ReLU())
        self.norms = nn.ModuleList([nn.LayerNorm(width) for _ in range(2)])

    def forward(self, x: Tensor) -> Tensor:
        """From and to (batch, regions, width)."""
        x = self.norms[0](x + self.attention(x))
        return self.norms[1](x + self.feed_forward(x))


class Mesh(nn.Module):
    """Σᵢ αᵢ ⊙ C(Xᵢ, Y) over the layers Xᵢ of the encoder, with αᵢ = σ(Wᵢ [Y, C(Xᵢ, Y)] + bᵢ) (equations 6 to 8)."""

    def __init__(self, width: int, heads: int, levels: int) -> None:
        super().__init__()
        self.attention = Attention(width, heads)
        self.gates = nn.ModuleList([nn.Linear(2 * width, width) for _ in range(levels)])

    def forward(self, x: Tensor, levels: list[Tensor]) -> Tensor:
        """From and to (batch, words, width); every level is (batch, regions, width)."""
        read = [self.attention(x, level) for level in levels]
        gated = [torch.sigmoid(gate(torch.cat([x, c], dim=-1))) * c for gate, c in zip(self.gates, read, strict=True)]
        return reduce(torch.add, gated)


class DecoderLayer(nn.Module):
    """Masked self-attention, the mesh and a feed-forward, each added and normed (equation 9)."""

    def __init__(self, width: int, heads: int, hidden: int, levels: int) -> None:
        super().__init__()
        self.attention = Attention(width, heads)
        self.mesh = Mesh(width, heads, levels)
        self.feed_forward = FeedForward(width, hidden, nn.ReLU())
        self.norms = nn.ModuleList([nn.LayerNorm(width) for _ in range(3)])

    def forward(self, x: Tensor, levels: list[Tensor], mask: Tensor) -> Tensor:
        """From and to (batch, words, width)."""
        x = self.norms[0](x + self.attention(x, scores_bias=mask))
        x = self.norms[1](x + self.mesh(x, levels))
        return self.norms[2](x + self.feed_forward(x))


class MeshedMemoryTransformer(nn.Module):
    """Every layer of the decoder reads every layer of the encoder (figure 2)."""

    def __init__(
        self, vocabulary: int, width: int, heads: int, layers: int, *, hidden: int, slots: int, features: int
    ) -> None:
        super().__init__()
        self.project = nn.Sequential(nn.Linear(features, width), nn.ReLU(), nn.LayerNorm(width))
        self.encoder = nn.ModuleList([EncoderLayer(width, heads, hidden, slots) for _ in range(layers)])
        self.words = nn.Embedding(vocabulary, width)
        self.decoder = nn.ModuleList([DecoderLayer(width, heads, hidden, layers) for _ in range(layers)])
        self.head = nn.Linear(width, vocabulary, bias=False)

    def forward(self, region_features: Tensor, input_ids: Tensor) -> Tensor:
        """Regions (batch, regions, features) and words so far (batch, words) to logits (batch, words, vocabulary)."""
        levels = [self.project(region_features)]
        for layer in self.encoder:
            levels.append(layer(levels[-1]))
        length = input_ids.shape[1]
        x = self.words(input_ids) + sinusoids(length, self.words.embedding_dim)
        mask = causal_bias(length)
        for layer in self.decoder:
            x = layer(x, levels[1:], mask)
        return self.head(x)
