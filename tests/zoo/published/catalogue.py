"""Published facts of the catalogue's systems (part A), written by hand."""

from typing import Any

from tests.zoo.published.vocabulary import TOKENS, attention, cross, mlp, moe

ROWS: dict[str, dict[str, Any]] = {
    "bert": {
        "family": "encoder-only", "millions": 109.5, "stacks": [("encoder", 12, 768)], "head": "lm",
        "embeddings": [*TOKENS, "segment"],
        "sublayers": {"0.0.0": attention(12, 12, 64, "bidirectional", bias=True), "0.0.1": mlp(3072, "gelu")},
    },
    "gpt2": {
        "family": "decoder-only", "millions": 124.4, "stacks": [("decoder", 12, 768)], "head": "lm",
        "embeddings": TOKENS,
        "sublayers": {"0.0.0": attention(12, 12, 64, "causal"), "0.0.1": mlp(3072, "gelu-tanh")},
    },
    "mixtral": {
        "family": "decoder-only", "millions": 46702.8, "stacks": [("decoder", 32, 4096)], "head": "lm",
        "embeddings": ["token"],
        "sublayers": {
            "0.0.0": attention(32, 8, 128, "causal", "rope", variant="gqa"),
            "0.0.1": moe(8, 2, 14336, activation="silu", scoring="softmax", normalized=True, shared_experts=0),
        },
    },
    "gpt-oss-20b": {
        "family": "decoder-only", "millions": 20914.8, "stacks": [("decoder", 24, 2880)], "head": "lm",
        "embeddings": ["token"],
        "sublayers": {
            "0.0.0": attention(64, 8, 64, "sliding-window", "rope", window=128, sinks=True),
            "0.1.0": attention(64, 8, 64, "causal", "rope", window=None, sinks=True),
            "0.0.1": moe(32, 4, 2880), "0.1.1": moe(32, 4, 2880),
        },
        "at": {"0.0": list(range(0, 24, 2)), "0.1": list(range(1, 24, 2))},
    },
    "starcoder2": {
        "family": "decoder-only", "millions": 15957.9, "stacks": [("decoder", 40, 6144)], "head": "lm",
        "embeddings": ["token"],
        "sublayers": {
            "0.0.0": attention(48, 4, 128, "sliding-window", "rope", window=4096), "0.0.1": mlp(24576, "gelu-tanh"),
        },
    },
    "mamba": {
        "family": "decoder-only", "millions": 2768.3, "stacks": [("decoder", 64, 2560)], "head": "lm",
        "embeddings": ["token"],
        "sublayers": {
            "0.0.0": {"kind": "selective-scan", "state": 16, "inner": 5120, "conv_kernel": 4, "variant": "s6"},
        },
    },
    "recurrentgemma": {
        "family": "decoder-only", "millions": 2682.9, "stacks": [("decoder", 26, 2560)], "head": "lm",
        "embeddings": ["token"],
        "sublayers": {
            "0.0.0": {"kind": "linear-recurrence", "inner": 2560, "conv_kernel": 4, "variant": "rg-lru"},
            "0.0.1": mlp(7680, "gelu-tanh", True),
            "0.1.0": attention(10, 1, 256, "sliding-window", "rope", window=2048),
        },
        "at": {"0.1": list(range(2, 26, 3))},
    },
    "t5": {
        "family": "encoder-decoder", "millions": 222.9, "stacks": [("encoder", 12, 768), ("decoder", 12, 768)],
        "head": "lm", "embeddings": ["token"],
        "sublayers": {
            "0.0.0": attention(12, 12, 64, "bidirectional", "relative-bias"), "0.0.1": mlp(3072, "relu"),
            "1.0.0": attention(12, 12, 64, "causal", "relative-bias"), "1.0.1": cross(12, 64),
        },
    },
    "chronos-t5": {
        "family": "encoder-decoder", "millions": 709.0, "stacks": [("encoder", 24, 1024), ("decoder", 24, 1024)],
        "head": "lm", "embeddings": ["token"],
        "sublayers": {
            "0.0.0": attention(16, 16, 64, "bidirectional", "relative-bias"), "1.0.1": cross(16, 64),
            "0.0.1": mlp(4096, "relu"),
        },
    },
    "bart": {
        "family": "encoder-decoder", "millions": 406.3, "stacks": [("encoder", 12, 1024), ("decoder", 12, 1024)],
        "head": "lm", "embeddings": TOKENS,
        "sublayers": {
            "0.0.0": attention(16, 16, 64, "bidirectional"), "0.0.1": mlp(4096, "gelu"),
            "1.0.0": attention(16, 16, 64, "causal"), "1.0.1": cross(16, 64),
        },
    },
    "vit": {
        "family": "encoder-only", "millions": 86.6, "stacks": [("encoder", 12, 768)], "head": "classification",
        "embeddings": ["patch", "learned-position"],
        "sublayers": {"0.0.0": attention(12, 12, 64, "bidirectional"), "0.0.1": mlp(3072, "gelu")},
    },
    "layoutlmv3": {
        "family": "encoder-only", "millions": 125.3, "stacks": [("encoder", 12, 768)], "head": "none",
        "embeddings": [*TOKENS, "segment", "bbox", "patch"],
        "sublayers": {"0.0.0": attention(12, 12, 64, "bidirectional", "relative-bias")},
    },
    "swin": {
        "family": "encoder-only", "millions": 87.8, "head": "classification", "embeddings": ["patch"],
        "stacks": [("stage", 2, 128), ("stage", 2, 256), ("stage", 18, 512), ("stage", 2, 1024)],
        "sublayers": {
            "0.0.0": attention(4, 4, 32, "local-window", "relative-bias", window=7),
            "0.1.0": attention(4, 4, 32, "shifted-window", "relative-bias", window=7),
            "2.1.0": attention(16, 16, 32, "shifted-window", "relative-bias", window=7),
            "3.0.0": attention(32, 32, 32, "bidirectional", "relative-bias"),
        },
    },
    "segformer": {
        "family": "encoder-only", "millions": 84.6, "head": "segmentation", "embeddings": ["patch"],
        "stacks": [("stage", 3, 64), ("stage", 6, 128), ("stage", 40, 320), ("stage", 3, 512)],
        "sublayers": {
            "0.0.0": attention(1, 1, 64, "bidirectional"), "2.0.0": attention(5, 5, 64, "bidirectional"),
            "0.0.1": mlp(256, "gelu"), "3.0.1": mlp(2048, "gelu"),
        },
    },
    "timesformer": {
        "family": "encoder-only", "millions": 121.6, "stacks": [("encoder", 12, 768)], "head": "classification",
        "embeddings": ["patch", "learned-position"],
        "sublayers": {
            "0.0.0": attention(12, 12, 64, "bidirectional", axis="time"),
            "0.0.1": attention(12, 12, 64, "bidirectional", axis="space"), "0.0.2": mlp(3072, "gelu"),
        },
    },
    "graphormer": {
        "family": "encoder-only", "millions": 47.6, "stacks": [("encoder", 12, 768)], "head": "regression",
        "embeddings": ["token", "graph-centrality", "graph-spatial", "graph-edge"],
        "sublayers": {"0.0.0": attention(32, 32, 24, "bidirectional", "graph-bias")},
    },
    "idefics2": {
        "family": "composite", "millions": 8402.8, "head": "lm", "embeddings": ["patch", *TOKENS],
        "stacks": [("encoder", 27, 1152), ("resampler", 3, 4096), ("decoder", 32, 4096)],
        "sublayers": {
            "0.0.0": attention(16, 16, 72, "bidirectional"), "1.0.0": cross(16, 96, kv_heads=4, gated=False),
            "2.0.0": attention(32, 8, 128, "sliding-window", "rope", window=4096), "2.0.1": mlp(14336, "silu", True),
        },
    },
    "decision-transformer": {
        "family": "decoder-only", "millions": 1.3, "stacks": [("decoder", 3, 128)], "head": "regression",
        "embeddings": ["linear", "learned-position"],
        "sublayers": {"0.0.0": attention(1, 1, 128, "causal"), "0.0.1": mlp(512, "relu")},
    },
    "idefics": {
        "family": "composite", "millions": 8929.7, "head": "lm", "embeddings": ["patch", *TOKENS],
        "stacks": [("encoder", 32, 1280), ("resampler", 6, 1280), ("decoder", 40, 4096)],
        "sublayers": {
            "0.0.0": attention(16, 16, 80, "bidirectional"), "0.0.1": mlp(5120, "gelu"),
            "1.0.0": cross(16, 96, qk_norm=True), "1.0.1": mlp(5120, "relu"),
            "2.0.0": cross(32, 128, "resampler", gated=True, qk_norm=True), "2.0.1": mlp(11008, "silu", True),
            "2.1.0": attention(32, 32, 128, "causal", "rope"), "2.1.1": mlp(11008, "silu", True),
        },
        "at": {"2.0": list(range(0, 40, 5))},
    },
    "musicgen": {
        "family": "composite", "millions": 586.9, "head": "lm",
        "embeddings": ["token", "codebook", "sinusoidal-position"],
        "stacks": [("codec", 5, 64), ("encoder", 12, 768), ("decoder", 24, 1024), ("codec", 5, 1024)],
        "sublayers": {
            "1.0.0": attention(12, 12, 64, "bidirectional", "relative-bias"), "1.0.1": mlp(3072, "relu"),
            "2.0.0": attention(16, 16, 64, "causal"), "2.0.1": cross(16, 64), "2.0.2": mlp(4096, "gelu"),
            "3.0.0": {"kind": "rnn", "variant": "lstm", "hidden": 1024},
        },
    },
}  # fmt: skip
