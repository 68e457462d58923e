"""VGG-16: thirteen 3 × 3 convolutions in five stages and three fully connected layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from irgen.source import numbers
from irgen.zoo.model import Model, Size, from_module

if TYPE_CHECKING:
    import torch

DEPTHS = (2, 2, 3, 3, 3)
WIDTHS = {"full": (64, 128, 256, 512, 512), "twin": (6, 10, 14, 18, 18)}
ENDS = {"full": (4096, 1000), "twin": (44, 11)}


def make(size: Size) -> torch.nn.Module:
    """Configuration D, or its twin."""
    from irgen.zoo.reference.convolutional import Vgg  # noqa: PLC0415 - it imports torch

    return Vgg(list(zip(DEPTHS, WIDTHS[size], strict=True)), *ENDS[size])


MODEL = Model(
    name="vgg16",
    part="C",
    title="VGG-16",
    line="five stages of 2, 2, 3, 3, 3 convolutions of 3 × 3, a pool behind each, 4096, 4096, 1000 classes",
    family=("convolutional", "image"),
    source="Simonyan & Zisserman 2014, arXiv:1409.1556, table 1, configuration D",
    parameters=138_357_544,
    build=from_module(make, lambda _: (numbers("pixel_values", "batch", 3, 224, 224),), title="VGG-16"),
)
