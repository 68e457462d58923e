"""MobileNet v2: inverted residuals with linear bottlenecks."""

from irgen.source import numbers
from irgen.zoo.model import Model, from_transformers

MODEL = Model(
    name="mobilenet-v2",
    part="C",
    title="MobileNet v2",
    line="17 inverted residuals with linear bottlenecks, batch norm, 1000 classes and background",
    family=("convolutional", "image"),
    source="Sandler et al. 2018, arXiv:1801.04381",
    checkpoint="google/mobilenet_v2_1.0_224",
    parameters=3_506_153,
    build=from_transformers(
        "MobileNetV2ForImageClassification",
        config={
            "num_channels": 3,
            "image_size": 224,
            "depth_multiplier": 1.0,
            "depth_divisible_by": 8,
            "min_depth": 8,
            "expand_ratio": 6.0,
            "output_stride": 32,
            "first_layer_is_expansion": True,
            "finegrained_output": True,
            "hidden_act": "relu6",
            "tf_padding": True,
            "layer_norm_eps": 0.001,
            "num_labels": 1001,
        },
        twin={"image_size": 64, "depth_multiplier": 0.35, "num_labels": 11},
        inputs=lambda c: (numbers("pixel_values", "batch", c.num_channels, c.image_size, c.image_size),),
        title="MobileNet v2",
    ),
)
