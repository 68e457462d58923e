"""ViLBERT base: two streams that read one another by co-attention."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from irgen.source import numbers, tokens
from irgen.zoo.model import Model, Size, from_module

if TYPE_CHECKING:
    import torch

VOCABULARY = {"full": 30522, "twin": 101}
FEATURES = {"full": 2048, "twin": 30}
PUBLISHED: dict[str, Any] = {
    "text": (768, 12, 3072), "image": (1024, 8, 1024), "inner": 1024, "ahead": 6, "rounds": 6, "positions": 512,
    "features": 2048, "classes": 1601,
}  # fmt: skip
TWIN: dict[str, Any] = {
    "text": (48, 4, 88), "image": (60, 5, 70), "inner": 40, "ahead": 2, "rounds": 2, "positions": 64, "features": 30,
    "classes": 17,
}  # fmt: skip


def make(size: Size) -> torch.nn.Module:
    """The model of section 3.2 (bert_base_6layer_6conect), or its twin."""
    from irgen.zoo.reference.vilbert import Vilbert  # noqa: PLC0415 - it imports torch

    return Vilbert(VOCABULARY[size], **(PUBLISHED if size == "full" else TWIN))


MODEL = Model(
    name="vilbert",
    part="B",
    title="ViLBERT base",
    line="12 layers over words and 6 over regions, joined by 6 co-attention layers; three pre-training heads",
    family=("composite", "encoder-only", "image", "text"),
    source="Lu et al. 2019, arXiv:1908.02265; sizes of the released bert_base_6layer_6conect",
    parameters=239_023_229,
    build=from_module(
        make,
        inputs=lambda size: (
            tokens("input_ids", VOCABULARY[size]),
            tokens("token_type_ids", 2, low=0),
            numbers("region_features", "batch", "regions", FEATURES[size]),
            numbers("region_places", "batch", "regions", 5),
        ),
        title="ViLBERT base",
        sizes={"regions": (11, 13)},
    ),
)
