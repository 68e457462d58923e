"""Published facts of the pretrained models of the history article (part C), written by hand."""

from typing import Any

from tests.zoo.published.vocabulary import TOKENS, attention, bottleneck, conv, cross, mlp

ROWS: dict[str, dict[str, Any]] = {
    "roberta": {
        "family": "encoder-only", "millions": 124.7, "stacks": [("encoder", 12, 768)], "head": "lm",
        "embeddings": [*TOKENS, "segment"],
        "sublayers": {"0.0.0": attention(12, 12, 64, "bidirectional"), "0.0.1": mlp(3072, "gelu")},
    },
    "distilbert": {
        "family": "encoder-only", "millions": 67.0, "stacks": [("encoder", 6, 768)], "head": "lm",
        "embeddings": TOKENS,
        "sublayers": {"0.0.0": attention(12, 12, 64, "bidirectional"), "0.0.1": mlp(3072, "gelu")},
    },
    "distilgpt2": {
        "family": "decoder-only", "millions": 81.9, "stacks": [("decoder", 6, 768)], "head": "lm",
        "embeddings": TOKENS,
        "sublayers": {"0.0.0": attention(12, 12, 64, "causal"), "0.0.1": mlp(3072, "gelu-tanh")},
    },
    "xlnet": {
        "family": "decoder-only", "millions": 116.8, "stacks": [("encoder", 11, 768), ("decoder", 12, 768)],
        "head": "lm", "embeddings": ["token"],
        "sublayers": {
            "0.0.0": attention(12, 12, 64, "custom", "relative-attention"), "0.0.1": mlp(3072, "gelu"),
            "1.0.0": cross(12, 64, mask="custom", position="relative-attention"), "1.0.1": mlp(3072, "gelu"),
        },
    },
    "mobilenet": {
        "family": "convolutional", "millions": 4.2, "head": "classification", "embeddings": [],
        "stacks": [
            ("stage", 1, 32), ("stage", 1, 64), ("stage", 2, 128), ("stage", 2, 256), ("stage", 6, 512),
            ("stage", 2, 1024),
        ],
        "sublayers": {"4.1.0": {"kind": "convolution", "variant": "depthwise", "groups": 512, "kernel": [3, 3]}},
    },
    "muse-net": {
        "family": "decoder-only", "millions": 2065.6, "stacks": [("decoder", 72, 1536)], "head": "lm",
        "embeddings": TOKENS,
        "sublayers": {"0.0.0": attention(24, 24, 64, "causal"), "0.0.1": mlp(6144, "quick-gelu")},
    },
    "music-transformer": {
        "family": "decoder-only", "millions": 12.7, "stacks": [("decoder", 6, 256)], "head": "lm",
        "embeddings": ["token", "sinusoidal-position"],
        "sublayers": {
            "0.0.0": attention(8, 8, 64, "causal", "relative-attention"), "0.0.1": mlp(2048, "relu"),
        },
    },
    "resnet50": {
        "family": "convolutional", "millions": 25.6, "head": "classification", "embeddings": [],
        "stacks": [("stage", 3, 256), ("stage", 4, 512), ("stage", 6, 1024), ("stage", 3, 2048)],
        "sublayers": {"0.0.0": bottleneck(256), "3.1.0": bottleneck(2048)},
    },
    "mobilenet-v2": {
        "family": "convolutional", "millions": 3.5, "head": "classification", "embeddings": [],
        "stacks": [
            ("stage", 1, 16), ("stage", 2, 24), ("stage", 3, 32), ("stage", 4, 64), ("stage", 3, 96), ("stage", 3, 160),
            ("stage", 1, 320),
        ],
        "sublayers": {"2.1.0": {"kind": "convolution", "variant": "inverted-residual", "groups": 192}},
    },
    "alexnet": {
        "family": "convolutional", "millions": 61.0, "head": "classification", "embeddings": [],
        "stacks": [("stage", 1, 96), ("stage", 1, 256), ("stage", 2, 384), ("stage", 1, 256)],
        "sublayers": {
            "0.0.0": conv(11, 96, stride=[4, 4], groups=1), "1.0.0": conv(5, 256, groups=2),
            "2.0.0": conv(3, 384, groups=1), "2.1.0": conv(3, 384, groups=2), "3.0.0": conv(3, 256, groups=2),
        },
    },
    "vgg16": {
        "family": "convolutional", "millions": 138.4, "head": "classification", "embeddings": [],
        "stacks": [("stage", 2, 64), ("stage", 2, 128), ("stage", 3, 256), ("stage", 3, 512), ("stage", 3, 512)],
        "sublayers": {"0.0.0": conv(3, 64), "4.0.0": conv(3, 512)},
    },
    "googlenet": {
        "family": "convolutional", "millions": 13.4, "head": "classification", "embeddings": [],
        "stacks": [
            ("stage", 1, 64), ("stage", 1, 192), ("stage", 2, 480), ("stage", 5, 832), ("stage", 2, 1024),
        ],
        "sublayers": {
            "0.0.0": conv(7, 64, stride=[2, 2]), "1.0.0": conv(3, 192), "2.0.0": conv(5, 256, "inception"),
            "3.0.0": conv(5, 512, "inception"), "4.1.0": conv(5, 1024, "inception"),
        },
        "at": {"3.0": [0, 1, 2], "3.1": [3], "3.2": [4]},
        "auxiliary": [{"from": "stage4", "kind": "classification", "width": 1000, "tied": False}] * 2,
    },
    "dactyl": {
        "family": "recurrent", "millions": 3.3, "head": "classification", "embeddings": [],
        "stacks": [("encoder", 1, 512)],
        "sublayers": {"0.0.0": {"kind": "rnn", "hidden": 512, "variant": "lstm", "bidirectional": False}},
    },
    "deeploco": {
        "family": "convolutional", "millions": 2.9, "head": "classification", "embeddings": [],
        "stacks": [("stage", 1, 16), ("stage", 1, 32), ("stage", 1, 32)],
        "sublayers": {"0.0.0": conv(5, 16), "1.0.0": conv(4, 32), "2.0.0": conv(3, 32)},
    },
    "word2vec-cbow": {
        "family": "embedding", "millions": 1800.0, "head": "none", "embeddings": ["token"], "stacks": [],
        "sublayers": {}, "objective": {"kind": "negative-sampling", "negatives": 5},
    },
    "word2vec-skipgram": {
        "family": "embedding", "millions": 415.2, "head": "none", "embeddings": ["token"], "stacks": [],
        "sublayers": {}, "objective": {"kind": "negative-sampling", "negatives": 15},
    },
    "glove": {
        "family": "embedding", "millions": 240.8, "head": "none", "embeddings": ["token"], "stacks": [],
        "sublayers": {},
        "objective": {"kind": "weighted-squares", "power": 0.75, "most": 100.0, "target": "logarithm"},
    },
}  # fmt: skip
