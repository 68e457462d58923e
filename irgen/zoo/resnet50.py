"""ResNet-50: bottleneck convolutions with residuals, in four stages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from irgen.source import numbers
from irgen.zoo.model import Model, from_transformers

if TYPE_CHECKING:
    from transformers import ResNetConfig


def side(config: ResNetConfig) -> int:
    """The published image at full size, a small one for the twin."""
    return 224 if config.embedding_size == 64 else 64


MODEL = Model(
    name="resnet50",
    part="C",
    title="ResNet-50",
    line="four stages 3, 4, 6, 3 of bottleneck convolutions, batch norm, 1000 classes",
    family=("convolutional", "image"),
    source="He et al. 2015, arXiv:1512.03385",
    checkpoint="microsoft/resnet-50",
    parameters=25_557_032,
    build=from_transformers(
        "ResNetForImageClassification",
        config={
            "num_channels": 3,
            "embedding_size": 64,
            "hidden_sizes": [256, 512, 1024, 2048],
            "depths": [3, 4, 6, 3],
            "layer_type": "bottleneck",
            "hidden_act": "relu",
            "downsample_in_first_stage": False,
            "num_labels": 1000,
        },
        twin={"embedding_size": 12, "hidden_sizes": [40, 56, 72, 88], "depths": [2, 2, 3, 2], "num_labels": 11},
        inputs=lambda c: (numbers("pixel_values", "batch", c.num_channels, *[side(c)] * 2),),
        title="ResNet-50",
    ),
)
