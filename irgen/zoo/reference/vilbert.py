"""ViLBERT (Lu et al. 2019, arXiv:1908.02265): a stream of words and a stream of regions that attend to one another."""

import torch
from torch import Tensor, nn

from irgen.zoo.reference.attention import Attention, FeedForward, PostNormLayer
from irgen.zoo.reference.uniter import Transform

CORNERS = 5  # of a region: x₁, y₁, x₂, y₂, area


class Half(nn.Module):
    """One side of a co-attention layer: queries of its own stream, keys and values of the other (figure 2b)."""

    def __init__(self, width: int, other: int, inner: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.attention = Attention(width, heads, inner=inner, memory_width=other)
        self.feed_forward = FeedForward(width, hidden, nn.GELU())
        self.norms = nn.ModuleList([nn.LayerNorm(width, eps=1e-12) for _ in range(2)])

    def forward(self, x: Tensor, memory: Tensor) -> Tensor:
        """From and to (batch, length, width); the memory is the other stream."""
        x = self.norms[0](x + self.attention(x, memory))
        return self.norms[1](x + self.feed_forward(x))


class WordEmbedding(nn.Module):
    """Token, position and segment, as in BERT."""

    def __init__(self, vocabulary: int, positions: int, width: int) -> None:
        super().__init__()
        self.words = nn.Embedding(vocabulary, width, padding_idx=0)
        self.positions = nn.Embedding(positions, width)
        self.segments = nn.Embedding(2, width)
        self.norm = nn.LayerNorm(width, eps=1e-12)

    def forward(self, ids: Tensor, segments: Tensor) -> Tensor:
        """Twice (batch, words) to (batch, words, width)."""
        return self.norm(self.words(ids) + self.positions(torch.arange(ids.shape[1])) + self.segments(segments))


class RegionEmbedding(nn.Module):
    """A region's features and its place, projected, summed and normed (section 3.1, image representations)."""

    def __init__(self, features: int, width: int) -> None:
        super().__init__()
        self.features = nn.Linear(features, width)
        self.places = nn.Linear(CORNERS, width)
        self.norm = nn.LayerNorm(width, eps=1e-12)

    def forward(self, features: Tensor, places: Tensor) -> Tensor:
        """(batch, regions, features) and (batch, regions, 5) to (batch, regions, width)."""
        return self.norm(self.features(features) + self.places(places))


class Vilbert(nn.Module):
    """Two streams (figure 1): words go through `ahead` layers alone, then both through co-attention and own layers."""

    def __init__(
        self,
        vocabulary: int,
        *,
        text: tuple[int, int, int],
        image: tuple[int, int, int],
        inner: int,
        ahead: int,
        rounds: int,
        positions: int,
        features: int,
        classes: int,
    ) -> None:
        """`text` and `image` are width, heads and hidden width of a stream; co-attention has the heads of the image."""
        super().__init__()
        (text_width, _, text_hidden), (image_width, heads, image_hidden) = text, image
        self.words = WordEmbedding(vocabulary, positions, text_width)
        self.regions = RegionEmbedding(features, image_width)
        self.ahead = nn.ModuleList([PostNormLayer(*text) for _ in range(ahead)])
        self.text_layers = nn.ModuleList([PostNormLayer(*text) for _ in range(rounds)])
        self.image_layers = nn.ModuleList([PostNormLayer(*image) for _ in range(rounds)])
        self.text_reads = nn.ModuleList(
            [Half(text_width, image_width, inner, heads, text_hidden) for _ in range(rounds)]
        )
        self.image_reads = nn.ModuleList(
            [Half(image_width, text_width, inner, heads, image_hidden) for _ in range(rounds)]
        )
        self.text_pooler, self.image_pooler = nn.Linear(text_width, inner), nn.Linear(image_width, inner)
        self.word_head, self.word_bias = Transform(text_width), nn.Parameter(torch.zeros(vocabulary))
        self.class_head = nn.Sequential(Transform(image_width), nn.Linear(image_width, classes))
        self.match_head = nn.Linear(inner, 2)

    def forward(
        self, input_ids: Tensor, token_type_ids: Tensor, region_features: Tensor, region_places: Tensor
    ) -> dict[str, Tensor]:
        """Words (batch, words) and regions (batch, regions, …) to what is masked in both and whether they match."""
        text, image = self.words(input_ids, token_type_ids), self.regions(region_features, region_places)
        for layer in self.ahead:
            text = layer(text)
        for i, (own_text, own_image) in enumerate(zip(self.text_layers, self.image_layers, strict=True)):
            text, image = self.text_reads[i](text, image), self.image_reads[i](image, text)
            text, image = own_text(text), own_image(image)
        pooled = torch.relu(self.text_pooler(text[:, 0])) * torch.relu(self.image_pooler(image[:, 0]))
        return {
            "words": nn.functional.linear(self.word_head(text), self.words.words.weight, self.word_bias),
            "classes": self.class_head(image),
            "match": self.match_head(pooled),
        }
