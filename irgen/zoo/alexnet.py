"""AlexNet: five convolutions on two GPUs and three fully connected layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from irgen.source import numbers
from irgen.zoo.model import Model, Size, from_module

if TYPE_CHECKING:
    import torch

SIZES = {"full": ((96, 256, 384, 384, 256), 4096, 1000), "twin": ((12, 20, 28, 28, 20), 44, 11)}


def make(size: Size) -> torch.nn.Module:
    """The network of figure 2, or its twin."""
    from irgen.zoo.reference.convolutional import AlexNet  # noqa: PLC0415 - it imports torch

    return AlexNet(*SIZES[size])


MODEL = Model(
    name="alexnet",
    part="C",
    title="AlexNet",
    line="five convolutions in two groups, response normalisation, overlapping pools, 4096, 4096, 1000 classes",
    family=("convolutional", "image"),
    source="Krizhevsky et al. 2012, NeurIPS 25, figure 2",
    parameters=60_965_224,
    build=from_module(make, lambda _: (numbers("pixel_values", "batch", 3, 224, 224),), title="AlexNet"),
)
