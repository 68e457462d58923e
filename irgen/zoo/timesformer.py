"""TimeSformer base: attention over time, then over space, on eight frames."""

from irgen.source import numbers
from irgen.zoo.model import Model, from_transformers

MODEL = Model(
    name="timesformer",
    part="A",
    title="TimeSformer base",
    line="12 pre-norm layers of temporal attention, spatial attention and feed-forward over 8 frames, 400 classes",
    family=("encoder-only", "bidirectional", "video"),
    source="Bertasius et al. 2021, arXiv:2102.05095",
    checkpoint="facebook/timesformer-base-finetuned-k400",
    parameters=121_566_352,
    build=from_transformers(
        "TimesformerForVideoClassification",
        config={
            "image_size": 224,
            "patch_size": 16,
            "num_channels": 3,
            "num_frames": 8,
            "hidden_size": 768,
            "num_hidden_layers": 12,
            "num_attention_heads": 12,
            "intermediate_size": 3072,
            "hidden_act": "gelu",
            "layer_norm_eps": 1e-6,
            "qkv_bias": True,
            "attention_type": "divided_space_time",
            "num_labels": 400,
        },
        twin={
            "image_size": 32,
            "patch_size": 8,
            "num_frames": 5,
            "hidden_size": 48,
            "num_hidden_layers": 3,
            "num_attention_heads": 4,
            "intermediate_size": 88,
            "num_labels": 11,
        },
        inputs=lambda c: (numbers("pixel_values", "batch", c.num_frames, c.num_channels, c.image_size, c.image_size),),
        title="TimeSformer base",
    ),
)
