"""Meshed-Memory Transformer: an encoder with memory slots, and a decoder that reads every layer of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from irgen.source import numbers, tokens
from irgen.zoo.model import Model, Size, from_module

if TYPE_CHECKING:
    import torch

#: Words that stand more than five times in the training captions, and four marks.
VOCABULARY = {"full": 10201, "twin": 101}
FEATURES = {"full": 2048, "twin": 30}


def make(size: Size) -> torch.nn.Module:
    """The model of section 4.2, or its twin."""
    from irgen.zoo.reference.m2_transformer import MeshedMemoryTransformer  # noqa: PLC0415 - it imports torch

    if size == "full":
        return MeshedMemoryTransformer(VOCABULARY[size], 512, 8, 3, hidden=2048, slots=40, features=FEATURES[size])
    return MeshedMemoryTransformer(VOCABULARY[size], 48, 4, 3, hidden=88, slots=6, features=FEATURES[size])


MODEL = Model(
    name="m2-transformer",
    part="B",
    title="Meshed-Memory Transformer",
    line="3 encoder layers with 40 memory slots, 3 decoder layers that read all of them through gates",
    family=("encoder-decoder", "image", "text"),
    source="Cornia et al. 2020, arXiv:1912.08226; vocabulary of the released code",
    parameters=38_411_264,
    build=from_module(
        make,
        inputs=lambda size: (
            numbers("region_features", "batch", "regions", FEATURES[size]),
            tokens("input_ids", VOCABULARY[size]),
        ),
        title="Meshed-Memory Transformer",
        sizes={"regions": (11, 13)},
    ),
)
