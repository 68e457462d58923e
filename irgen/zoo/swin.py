"""Swin base: attention in windows that shift in every second block, over four stages."""

from irgen.source import numbers
from irgen.zoo.model import Model, from_transformers

MODEL = Model(
    name="swin",
    part="A",
    title="Swin base",
    line="four stages 2, 2, 18, 2 of windowed and shifted-window attention, patch merging between, 1000 classes",
    family=("encoder-only", "hierarchical", "image"),
    source="Liu et al. 2021, arXiv:2103.14030",
    checkpoint="microsoft/swin-base-patch4-window7-224",
    parameters=87_768_224,
    build=from_transformers(
        "SwinForImageClassification",
        config={
            "image_size": 224,
            "patch_size": 4,
            "num_channels": 3,
            "embed_dim": 128,
            "depths": [2, 2, 18, 2],
            "num_heads": [4, 8, 16, 32],
            "window_size": 7,
            "mlp_ratio": 4.0,
            "qkv_bias": True,
            "hidden_act": "gelu",
            "layer_norm_eps": 1e-5,
            "num_labels": 1000,
        },
        twin={
            "image_size": 128,
            "embed_dim": 24,
            "depths": [2, 2, 4, 2],
            "num_heads": [2, 3, 6, 12],
            "window_size": 4,
            "num_labels": 11,
        },
        inputs=lambda c: (numbers("pixel_values", "batch", c.num_channels, c.image_size, c.image_size),),
        title="Swin base",
    ),
)
