"""MobileNet v1: depthwise convolutions each followed by a pointwise one."""

from irgen.source import numbers
from irgen.zoo.model import Model, from_transformers

MODEL = Model(
    name="mobilenet",
    part="C",
    title="MobileNet v1",
    line="13 pairs of depthwise and pointwise convolution, batch norm, 1000 classes and background",
    family=("convolutional", "image"),
    source="Howard et al. 2017, arXiv:1704.04861",
    checkpoint="google/mobilenet_v1_1.0_224",
    parameters=4_233_001,
    build=from_transformers(
        "MobileNetV1ForImageClassification",
        config={
            "num_channels": 3,
            "image_size": 224,
            "depth_multiplier": 1.0,
            "min_depth": 8,
            "hidden_act": "relu6",
            "tf_padding": True,
            "layer_norm_eps": 0.001,
            "num_labels": 1001,
        },
        twin={"image_size": 64, "depth_multiplier": 0.25, "num_labels": 11},
        inputs=lambda c: (numbers("pixel_values", "batch", c.num_channels, c.image_size, c.image_size),),
        title="MobileNet v1",
    ),
)
