"""MuseNet (Payne 2019, openai.com/research/musenet): notes predicted by the Sparse Transformer's deep decoder."""

import torch
from torch import Tensor, nn

from irgen.zoo.reference.attention import PreNormLayer, causal_bias


class SigmoidGelu(nn.Module):
    """x · sigmoid(1.702 x) (Child et al. 2019, section 5.3)."""

    def forward(self, x: Tensor) -> Tensor:
        """Element by element."""
        return x * torch.sigmoid(1.702 * x)


class MuseNet(nn.Module):
    """Pre-activation residual blocks (Child et al. 2019, section 5.2) with full causal attention over the context.

    Every note is embedded as a token, by its place in the context, by the time that has passed, by its place in its
    chord, and by where in the piece it stands: in which of 128 parts, and how many are left.
    """

    def __init__(
        self, vocabulary: int, width: int, heads: int, layers: int, *, context: int, times: int, chord: int, parts: int
    ) -> None:
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        self.positions = nn.Embedding(context, width)
        self.times = nn.Embedding(times, width)
        self.chord = nn.Embedding(chord, width)
        self.parts = nn.Embedding(parts, width)
        self.countdown = nn.Embedding(parts, width)
        self.layers = nn.ModuleList(
            [PreNormLayer(width, heads, 4 * width, eps=1e-5, activation=SigmoidGelu()) for _ in range(layers)]
        )
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, vocabulary, bias=False)

    def forward(self, input_ids: Tensor, time: Tensor, chord_place: Tensor, part: Tensor, countdown: Tensor) -> Tensor:
        """Five tensors (batch, length) to the logits of the next token, (batch, length, vocabulary)."""
        length = input_ids.shape[1]
        x = self.tokens(input_ids) + self.positions(torch.arange(length)) + self.times(time)
        x = x + self.chord(chord_place) + self.parts(part) + self.countdown(countdown)
        mask = causal_bias(length)
        for layer in self.layers:
            x = layer(x, scores_bias=mask)
        return self.head(self.norm(x))
