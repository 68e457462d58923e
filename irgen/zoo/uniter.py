"""UNITER base: words and image regions in one encoder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from irgen.source import numbers, tokens
from irgen.zoo.model import Model, Size, from_module

if TYPE_CHECKING:
    import torch

VOCABULARY = {"full": 28996, "twin": 101}
FEATURES = {"full": 2048, "twin": 30}


def make(size: Size) -> torch.nn.Module:
    """The base model (section 3.1), or its twin."""
    from irgen.zoo.reference.uniter import Uniter  # noqa: PLC0415 - it imports torch

    if size == "full":
        return Uniter(VOCABULARY[size], 768, 12, 12, hidden=3072, positions=512, features=FEATURES[size], classes=1601)
    return Uniter(VOCABULARY[size], 48, 4, 3, hidden=88, positions=64, features=FEATURES[size], classes=17)


MODEL = Model(
    name="uniter",
    part="B",
    title="UNITER base",
    line="words and image regions side by side in 12 post-norm layers; four pre-training heads",
    family=("encoder-only", "image", "text"),
    source="Chen et al. 2019, arXiv:1909.11740; sizes of the released uniter-base (bert-base-cased)",
    parameters=112_934_791,
    build=from_module(
        make,
        inputs=lambda size: (
            tokens("input_ids", VOCABULARY[size]),
            numbers("region_features", "batch", "regions", FEATURES[size]),
            numbers("region_places", "batch", "regions", 7),
        ),
        title="UNITER base",
        sizes={"regions": (11, 13)},
    ),
)
