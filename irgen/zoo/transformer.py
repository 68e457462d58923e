"""The Transformer, base: the encoder-decoder of Vaswani et al. (2017)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from irgen.source import tokens
from irgen.zoo.model import Model, Size, from_module

if TYPE_CHECKING:
    import torch

VOCABULARY = {"full": 37000, "twin": 101}


def make(size: Size) -> torch.nn.Module:
    """The base model of table 3, or its twin."""
    from irgen.zoo.reference.transformer import Transformer  # noqa: PLC0415 - it imports torch

    if size == "full":
        return Transformer(VOCABULARY[size], width=512, heads=8, hidden=2048, layers=6)
    return Transformer(VOCABULARY[size], width=48, heads=4, hidden=88, layers=2)


MODEL = Model(
    name="transformer",
    part="B",
    title="Transformer base",
    line="encoder-decoder, 6 + 6 post-norm layers, sinusoidal positions, one embedding for source, target and head",
    family=("encoder-decoder", "text"),
    source="Vaswani et al. 2017, arXiv:1706.03762; some 37000 byte pairs shared by English and German",
    parameters=63_082_496,
    build=from_module(
        make,
        inputs=lambda size: (
            tokens("input_ids", VOCABULARY[size]),
            tokens("decoder_input_ids", VOCABULARY[size], "batch", "target"),
        ),
        title="Transformer base",
    ),
)
