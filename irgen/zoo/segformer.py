"""SegFormer-B5: four stages with reduced keys and an all-MLP head that fuses them."""

from irgen.source import numbers
from irgen.zoo.model import Model, from_transformers

#: The trace is of a smaller image than the published 1024 × 1024: no part of the model knows the size of its image.
SIDE = 256

MODEL = Model(
    name="segformer",
    part="A",
    title="SegFormer-B5",
    line="four stages 3, 6, 40, 3 with reduced keys, convolution in the feed-forward, all-MLP head, 19 classes",
    family=("encoder-only", "hierarchical", "image", "segmentation"),
    source="Xie et al. 2021, arXiv:2105.15203",
    checkpoint="nvidia/segformer-b5-finetuned-cityscapes-1024-1024",
    parameters=84_607_955,
    build=from_transformers(
        "SegformerForSemanticSegmentation",
        config={
            "num_channels": 3,
            "num_encoder_blocks": 4,
            "depths": [3, 6, 40, 3],
            "hidden_sizes": [64, 128, 320, 512],
            "num_attention_heads": [1, 2, 5, 8],
            "sr_ratios": [8, 4, 2, 1],
            "patch_sizes": [7, 3, 3, 3],
            "strides": [4, 2, 2, 2],
            "mlp_ratios": [4, 4, 4, 4],
            "hidden_act": "gelu",
            "layer_norm_eps": 1e-6,
            "decoder_hidden_size": 768,
            "num_labels": 19,
        },
        twin={
            "depths": [2, 2, 3, 2],
            "hidden_sizes": [16, 24, 40, 56],
            "num_attention_heads": [1, 2, 5, 7],
            "decoder_hidden_size": 48,
            "num_labels": 7,
        },
        inputs=lambda c: (numbers("pixel_values", "batch", c.num_channels, SIDE, SIDE),),
        title="SegFormer-B5",
        note="traced on an image of 256 × 256; the published size is 1024 × 1024",
    ),
)
