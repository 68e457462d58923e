"""Published facts of the architectures that the articles explain (part B), written by hand."""

from typing import Any

from tests.zoo.published.vocabulary import TOKENS, attention, cross, mlp

ROWS: dict[str, dict[str, Any]] = {
    "openai-gpt": {
        "family": "decoder-only", "millions": 116.5, "stacks": [("decoder", 12, 768)], "head": "lm",
        "embeddings": TOKENS,
        "sublayers": {"0.0.0": attention(12, 12, 64, "causal"), "0.0.1": mlp(3072, "gelu-tanh")},
    },
    "llama": {
        "family": "decoder-only", "millions": 6738.4, "stacks": [("decoder", 32, 4096)], "head": "lm",
        "embeddings": ["token"],
        "sublayers": {"0.0.0": attention(32, 32, 128, "causal", "rope", bias=False), "0.0.1": mlp(11008, "silu", True)},
    },
    "gemma": {
        "family": "decoder-only", "millions": 2506.2, "stacks": [("decoder", 18, 2048)], "head": "lm",
        "embeddings": ["token"],
        "sublayers": {
            "0.0.0": attention(8, 1, 256, "causal", "rope", variant="mqa"), "0.0.1": mlp(16384, "gelu-tanh", True),
        },
    },
    "transformer": {
        "family": "encoder-decoder", "millions": 63.1, "stacks": [("encoder", 6, 512), ("decoder", 6, 512)],
        "head": "lm", "embeddings": ["token", "sinusoidal-position"],
        "sublayers": {
            "0.0.0": attention(8, 8, 64, "bidirectional"), "0.0.1": mlp(2048, "relu"), "1.0.1": cross(8, 64),
        },
    },
    "ijepa": {
        "family": "composite", "millions": 1283.1, "head": "regression", "embeddings": ["patch", "sinusoidal-position"],
        "stacks": [("encoder", 32, 1280), ("encoder", 12, 384), ("encoder", 32, 1280)],
        "sublayers": {
            "0.0.0": attention(16, 16, 80, "bidirectional"), "0.0.1": mlp(5120, "gelu"),
            "1.0.0": attention(16, 16, 24, "bidirectional"), "1.0.1": mlp(1536, "gelu"),
            "2.0.0": attention(16, 16, 80, "bidirectional"),
        },
    },
    "visualbert": {
        "family": "encoder-only", "millions": 112.1, "stacks": [("encoder", 12, 768)], "head": "lm",
        "embeddings": [*TOKENS, "segment", "linear"],
        "sublayers": {"0.0.0": attention(12, 12, 64, "bidirectional"), "0.0.1": mlp(3072, "gelu")},
    },
    "gpt3": {
        "family": "decoder-only", "millions": 174604.3, "stacks": [("decoder", 96, 12288)], "head": "lm",
        "embeddings": TOKENS,
        "sublayers": {
            "0.0.0": attention(96, 96, 128, "causal"), "0.0.1": mlp(49152, "gelu-tanh"),
            "0.1.0": attention(96, 96, 128, "sliding-window", window=128),
        },
        "at": {"0.0": list(range(0, 96, 2)), "0.1": list(range(1, 96, 2))},
    },
    "uniter": {
        "family": "encoder-only", "millions": 112.9, "stacks": [("encoder", 12, 768)], "head": "lm",
        "embeddings": [*TOKENS, "segment", "linear"],
        "sublayers": {"0.0.0": attention(12, 12, 64, "bidirectional"), "0.0.1": mlp(3072, "gelu")},
    },
    "vilbert": {
        "family": "composite", "millions": 239.0, "stacks": [("tower", 18, 768), ("tower", 12, 1024)], "head": "lm",
        "embeddings": [*TOKENS, "segment", "linear"],
        "sublayers": {
            "0.0.0": attention(12, 12, 64, "bidirectional"), "0.0.1": mlp(3072, "gelu"),
            "0.1.0": cross(8, 128, "tower2"), "0.1.1": mlp(3072, "gelu"),
            "1.0.0": cross(8, 128, "tower1"), "1.0.1": mlp(1024, "gelu"),
            "1.1.0": attention(8, 8, 128, "bidirectional"), "1.1.1": mlp(1024, "gelu"),
        },
        "at": {
            "0.0": [*range(6), 7, 9, 11, 13, 15, 17], "0.1": list(range(6, 18, 2)),
            "1.0": list(range(0, 12, 2)), "1.1": list(range(1, 12, 2)),
        },
    },
    "m2-transformer": {
        "family": "encoder-decoder", "millions": 38.4, "stacks": [("encoder", 3, 512), ("decoder", 3, 512)],
        "head": "lm", "embeddings": ["linear", "token", "sinusoidal-position"],
        "sublayers": {
            "0.0.0": attention(8, 8, 64, "bidirectional", memory_slots=40), "0.0.1": mlp(2048, "relu"),
            "1.0.0": attention(8, 8, 64, "causal"),
            "1.0.1": cross(8, 64, gated=True, memory_layers=[0, 1, 2]),
        },
    },
    "imagebind": {
        "family": "composite", "millions": 1200.8, "head": "pooling",
        "embeddings": ["tubelet", "token", "patch", "linear", "learned-position"],
        "stacks": [
            ("tower", 32, 1280), ("tower", 24, 1024), ("tower", 12, 768), ("tower", 12, 384),
            ("tower", 12, 768), ("tower", 6, 512),
        ],
        "sublayers": {
            "0.0.0": attention(16, 16, 80, "bidirectional"), "1.0.0": attention(16, 16, 64, "causal"),
            "2.0.0": attention(12, 12, 64, "bidirectional", memory_slots=1),
            "3.0.0": attention(8, 8, 48, "bidirectional", memory_slots=1),
            "4.0.0": attention(12, 12, 64, "bidirectional", memory_slots=1),
            "5.0.0": attention(8, 8, 64, "bidirectional", memory_slots=1),
            "0.0.1": mlp(5120, "gelu"), "5.0.1": mlp(2048, "gelu"),
        },
    },
}  # fmt: skip
