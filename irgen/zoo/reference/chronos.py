"""Chronos (Ansari et al. 2024, arXiv:2403.07815): a T5 that reads and writes a time series as tokens."""

import torch
from torch import Tensor, nn
from transformers import T5Config, T5ForConditionalGeneration

SPECIAL = 2  # padding and end
LIMIT = 15.0  # of the scaled series, section 3.1


class Chronos(nn.Module):
    """Mean scaling and uniform bins in front of T5, the centres of the bins and the scale behind it (section 3.1)."""

    centers: Tensor
    boundaries: Tensor

    def __init__(self, config: T5Config) -> None:
        super().__init__()
        self.config = config
        self.language_model = T5ForConditionalGeneration(config)
        centers = torch.linspace(-LIMIT, LIMIT, config.vocab_size - SPECIAL - 1)
        far = torch.tensor([1e20])
        self.register_buffer("centers", centers)
        self.register_buffer("boundaries", torch.cat([-far, (centers[1:] + centers[:-1]) / 2, far]))

    def forward(self, context: Tensor, decoder_input_ids: Tensor) -> dict[str, Tensor]:
        """The series (batch, time) and the tokens so far (batch, target) to logits and the likeliest values."""
        scale = context.abs().mean(dim=-1, keepdim=True)
        logits = self.language_model(
            input_ids=self.quantise(context / scale), decoder_input_ids=decoder_input_ids
        ).logits
        return {"logits": logits, "prediction": self.dequantise(logits.argmax(-1)) * scale}

    def quantise(self, scaled: Tensor) -> Tensor:
        """The bin of every value, counted after the special tokens, and an end token: (batch, time + 1)."""
        bins = torch.bucketize(scaled, self.boundaries, right=True) + SPECIAL
        bins = bins.clamp(0, self.config.vocab_size - 1)
        return torch.cat([bins, torch.ones_like(bins[:, :1])], dim=-1)

    def dequantise(self, tokens: Tensor) -> Tensor:
        """The centre of every token's bin."""
        return self.centers[(tokens - SPECIAL - 1).clamp(0, self.centers.shape[0] - 1)]
