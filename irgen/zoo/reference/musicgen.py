"""MusicGen from end to end (Copet et al. 2023, arXiv:2306.05284): EnCodec, delay, decoder, delay undone, EnCodec."""

from typing import Any

import torch
from torch import Tensor, nn
from transformers import MusicgenForConditionalGeneration


class WholeMusicgen(nn.Module):
    """One step of continuing a sound under a text, with everything that a user's call runs through.

    transformers' own forward stops at the logits of delayed codes; the delay pattern (section 2.2) and the codec are
    in its `generate`, and are written out here.
    """

    def __init__(self, config: Any) -> None:
        super().__init__()
        self.config = config
        self.model: Any = MusicgenForConditionalGeneration(config)
        self.books: int = config.decoder.num_codebooks
        self.start: int = config.decoder.vocab_size  # one past the codes: the place of "nothing yet"

    def forward(self, input_ids: Tensor, input_values: Tensor) -> dict[str, Tensor]:
        """A text (batch, seq) and a wave form (batch, 1, samples) to logits and a wave form (batch, 1, samples)."""
        codes = self.model.audio_encoder.encode(input_values).audio_codes[0]
        delayed = self.delay(codes)
        logits = self.model(input_ids=input_ids, decoder_input_ids=delayed.flatten(0, 1)).logits
        following = self.undelay(logits.argmax(-1).unflatten(0, (-1, self.books)))
        sound = self.model.audio_encoder.decode(following[None], [None]).audio_values
        return {"logits": logits, "audio_values": sound}

    def delay(self, codes: Tensor) -> Tensor:
        """Codebook k moved k + 1 places later: (batch, books, frames) to (batch, books, frames + books)."""
        rows = [
            nn.functional.pad(codes[:, book], (1 + book, self.books - 1 - book), value=self.start)
            for book in range(self.books)
        ]
        return torch.stack(rows, dim=1)

    def undelay(self, codes: Tensor) -> Tensor:
        """Every codebook back in step: (batch, books, frames + books) to (batch, books, frames)."""
        frames = codes.shape[-1] - self.books
        return torch.stack([codes[:, book, book : book + frames] for book in range(self.books)], dim=1)
