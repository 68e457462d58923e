"""UNITER (Chen et al. 2019, arXiv:1909.11740): one BERT over words and image regions, with four heads."""

import torch
from torch import Tensor, nn

from irgen.zoo.reference.attention import PostNormLayer

WORDS, REGIONS = 0, 1  # the two modalities
CORNERS = 7  # of a region: x₁, y₁, x₂, y₂, width, height, area


class TextEmbedder(nn.Module):
    """Token, position and modality, summed and normed (section 3.1)."""

    def __init__(self, vocabulary: int, positions: int, width: int) -> None:
        super().__init__()
        self.words = nn.Embedding(vocabulary, width, padding_idx=0)
        self.positions = nn.Embedding(positions, width)
        self.norm = nn.LayerNorm(width, eps=1e-12)

    def forward(self, ids: Tensor, modality: Tensor) -> Tensor:
        """Ids (batch, words) to (batch, words, width)."""
        return self.norm(self.words(ids) + self.positions(torch.arange(ids.shape[1])) + modality)


class ImageEmbedder(nn.Module):
    """Features and place, each projected and normed, and the modality, all summed and normed (section 3.1)."""

    def __init__(self, features: int, width: int) -> None:
        super().__init__()
        self.features = nn.Linear(features, width)
        self.places = nn.Linear(CORNERS, width)
        self.norms = nn.ModuleList([nn.LayerNorm(width, eps=1e-12) for _ in range(3)])

    def forward(self, features: Tensor, places: Tensor, modality: Tensor) -> Tensor:
        """(batch, regions, features) and (batch, regions, 7) to (batch, regions, width)."""
        seen, placed = self.norms[0](self.features(features)), self.norms[1](self.places(places))
        return self.norms[2](seen + placed + modality)


class Transform(nn.Sequential):
    """What stands between a state and a prediction in BERT's heads."""

    def __init__(self, width: int) -> None:
        super().__init__(nn.Linear(width, width), nn.GELU(), nn.LayerNorm(width, eps=1e-12))


class Uniter(nn.Module):
    """One stack over words and regions; what is masked is predicted, and whether the two belong together (3.2)."""

    def __init__(
        self,
        vocabulary: int,
        width: int,
        heads: int,
        layers: int,
        *,
        hidden: int,
        positions: int,
        features: int,
        classes: int,
    ) -> None:
        super().__init__()
        self.modalities = nn.Embedding(2, width)
        self.text, self.image = TextEmbedder(vocabulary, positions, width), ImageEmbedder(features, width)
        self.layers = nn.ModuleList([PostNormLayer(width, heads, hidden) for _ in range(layers)])
        self.pooler = nn.Linear(width, width)
        self.word_head, self.word_bias = Transform(width), nn.Parameter(torch.zeros(vocabulary))
        self.feature_head, self.feature_bias = Transform(width), nn.Parameter(torch.zeros(features))
        self.class_head = nn.Sequential(Transform(width), nn.Linear(width, classes))
        self.match_head = nn.Linear(width, 2)

    def forward(self, input_ids: Tensor, region_features: Tensor, region_places: Tensor) -> dict[str, Tensor]:
        """Words (batch, words) and regions (batch, regions, …) to the predictions of the four tasks."""
        words = input_ids.shape[1]
        text = self.text(input_ids, self.modalities(torch.full_like(input_ids, WORDS)))
        region = torch.full(region_features.shape[:2], REGIONS)
        image = self.image(region_features, region_places, self.modalities(region))
        x = torch.cat([text, image], dim=1)
        for layer in self.layers:
            x = layer(x)
        regions, pooled = x[:, words:], torch.tanh(self.pooler(x[:, 0]))
        linear = nn.functional.linear
        return {
            "words": linear(self.word_head(x[:, :words]), self.text.words.weight, self.word_bias),
            "features": linear(self.feature_head(regions), self.image.features.weight.t(), self.feature_bias),
            "classes": self.class_head(regions),
            "match": self.match_head(pooled),
        }
