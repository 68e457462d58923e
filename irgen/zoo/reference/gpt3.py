"""GPT-3 (Brown et al. 2020, arXiv:2005.14165): GPT-2 whose layers look alternately everywhere and at a band."""

import torch
from torch import Tensor, nn

from irgen.zoo.reference.attention import PreNormLayer, causal_bias


class Gpt3(nn.Module):
    """GPT-2's pre-norm decoder, dense and locally banded layers in turn (section 2.1), the head tied to the tokens."""

    def __init__(self, vocabulary: int, width: int, heads: int, layers: int, *, context: int, band: int) -> None:
        super().__init__()
        self.band = band
        self.tokens = nn.Embedding(vocabulary, width)
        self.positions = nn.Embedding(context, width)
        gelu = nn.GELU(approximate="tanh")
        self.layers = nn.ModuleList(
            [PreNormLayer(width, heads, 4 * width, eps=1e-5, activation=gelu) for _ in range(layers)]
        )
        self.norm = nn.LayerNorm(width)

    def forward(self, input_ids: Tensor) -> Tensor:
        """Ids (batch, length) to logits (batch, length, vocabulary)."""
        length = input_ids.shape[1]
        x = self.tokens(input_ids) + self.positions(torch.arange(length))
        masks = causal_bias(length), banded_bias(length, self.band)
        for depth, layer in enumerate(self.layers):
            x = layer(x, scores_bias=masks[depth % 2])
        return nn.functional.linear(self.norm(x), self.tokens.weight)


def banded_bias(length: int, band: int) -> Tensor:
    """Zero at the `band` places up to a query's own, minus infinity elsewhere (Child et al. 2019, section 4.2)."""
    place = torch.arange(length)
    behind = place[:, None] - place[None, :]
    return torch.zeros(length, length).masked_fill((behind < 0) | (behind >= band), float("-inf"))
