"""ViT base, patches of 16: an image as a sequence of patches and a class token."""

from irgen.source import numbers
from irgen.zoo.model import Model, from_transformers

MODEL = Model(
    name="vit",
    part="A",
    title="ViT base, patch 16",
    line="bidirectional encoder over 196 patches and a class token, 12 pre-norm layers, 1000 classes",
    family=("encoder-only", "bidirectional", "image"),
    source="Dosovitskiy et al. 2020, arXiv:2010.11929",
    checkpoint="google/vit-base-patch16-224",
    parameters=86_567_656,
    build=from_transformers(
        "ViTForImageClassification",
        config={
            "hidden_size": 768,
            "num_hidden_layers": 12,
            "num_attention_heads": 12,
            "intermediate_size": 3072,
            "hidden_act": "gelu",
            "layer_norm_eps": 1e-12,
            "image_size": 224,
            "patch_size": 16,
            "num_channels": 3,
            "qkv_bias": True,
            "num_labels": 1000,
        },
        twin={
            "hidden_size": 48,
            "num_hidden_layers": 3,
            "num_attention_heads": 4,
            "intermediate_size": 88,
            "image_size": 40,
            "patch_size": 8,
            "num_labels": 11,
        },
        inputs=lambda c: (numbers("pixel_values", "batch", c.num_channels, c.image_size, c.image_size),),
        title="ViT base, patch 16",
    ),
)
