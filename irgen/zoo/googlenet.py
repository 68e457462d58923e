"""GoogLeNet: nine inception modules, with the two auxiliary classifiers of training."""

from __future__ import annotations

from typing import TYPE_CHECKING

from irgen.source import numbers
from irgen.zoo.model import Model, Size, from_module

if TYPE_CHECKING:
    import torch

#: Table 1, rows 3a to 5b: #1×1, #3×3 reduce, #3×3, #5×5 reduce, #5×5, pool proj.
MODULES = (
    (64, 96, 128, 16, 32, 32), (128, 128, 192, 32, 96, 64),
    (192, 96, 208, 16, 48, 64), (160, 112, 224, 24, 64, 64), (128, 128, 256, 24, 64, 64), (112, 144, 288, 32, 64, 64),
    (256, 160, 320, 32, 128, 128),
    (256, 160, 320, 32, 128, 128), (384, 192, 384, 48, 128, 128),
)  # fmt: skip


def make(size: Size) -> torch.nn.Module:
    """The network of table 1, or its twin with an eighth of the channels."""
    from irgen.zoo.reference.convolutional import GoogLeNet  # noqa: PLC0415 - it imports torch

    if size == "full":
        return GoogLeNet((64, 64, 192), MODULES, (128, 1024), 1000)
    return GoogLeNet((8, 8, 24), [[n // 8 for n in row] for row in MODULES], (16, 40), 11)


MODEL = Model(
    name="googlenet",
    part="C",
    title="GoogLeNet",
    line="nine inception modules of four branches, 1000 classes, two auxiliary classifiers on the side",
    family=("convolutional", "image"),
    source="Szegedy et al. 2014, arXiv:1409.4842, table 1 and figure 3",
    parameters=13_378_280,
    build=from_module(make, lambda _: (numbers("pixel_values", "batch", 3, 224, 224),), title="GoogLeNet"),
)
