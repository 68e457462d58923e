"""Published facts of the systems, written by hand from papers, model cards and released configurations.

`sublayers` is keyed by stack.block.sublayer. Parameters are in millions; sources stand in the zoo files.
"""

from __future__ import annotations

from typing import Any


def attention(heads: int, kv: int, dim: int, mask: str, position: str = "none", **more: Any) -> dict[str, Any]:
    return {
        "kind": "self-attention",
        "heads": heads,
        "kv_heads": kv,
        "head_dim": dim,
        "mask": mask,
        "position": position,
        **more,
    }


def cross(heads: int, dim: int, memory: str = "encoder", **more: Any) -> dict[str, Any]:
    return {"kind": "cross-attention", "heads": heads, "head_dim": dim, "memory": memory, **more}


def mlp(hidden: int, activation: str, gated: bool = False) -> dict[str, Any]:
    return {"kind": "feed-forward", "hidden": hidden, "activation": activation, "gated": gated}


def moe(experts: int, top: int, hidden: int, **more: Any) -> dict[str, Any]:
    return {"kind": "moe", "experts": experts, "top_k": top, "hidden": hidden, "gated": True, **more}


def bottleneck(channels: int) -> dict[str, Any]:
    return {"kind": "convolution", "kernel": [3, 3], "channels": channels, "variant": "bottleneck"}


def conv(kernel: int, channels: int, variant: str = "plain", **more: Any) -> dict[str, Any]:
    return {"kind": "convolution", "kernel": [kernel, kernel], "channels": channels, "variant": variant, **more}


TOKENS = ["token", "learned-position"]

PARAMETERS = {
    "bert": 109_514_298,
    "bart": 406_291_456,
    "gpt2": 124_439_808,
    "gpt-oss-20b": 20_914_757_184,
    "t5": 222_903_552,
    "mixtral": 46_702_792_704,
    "mamba": 2_768_345_600,
    "recurrentgemma": 2_682_862_080,
    "starcoder2": 15_957_889_024,
    "layoutlmv3": 125_326_976,
    "vit": 86_567_656,
    "swin": 87_768_224,
    "segformer": 84_607_955,
    "timesformer": 121_566_352,
    "chronos-t5": 708_963_328,
    "graphormer": 47_551_553,
    "idefics2": 8_402_768_112,
    "idefics": 8_929_679_632,
    "musicgen": 586_884_674,
    "decision-transformer": 1_255_055,
    "transformer": 63_082_496,
    "ijepa": 1_283_148_544,
    "visualbert": 112_074_812,
    "llama": 6_738_415_616,
    "gemma": 2_506_172_416,
    "openai-gpt": 116_534_784,
    "roberta": 124_697_433,
    "distilbert": 66_985_530,
    "distilgpt2": 81_912_576,
    "xlnet": 116_750_336,
    "gpt3": 174_604_259_328,
    "muse-net": 2_065_631_232,
    "music-transformer": 12_712_960,
    "uniter": 112_934_791,
    "vilbert": 239_023_229,
    "m2-transformer": 38_411_264,
    "imagebind": 1_200_781_056,
    "resnet50": 25_557_032,
    "mobilenet": 4_233_001,
    "mobilenet-v2": 3_506_153,
    "alexnet": 60_965_224,
    "vgg16": 138_357_544,
    "googlenet": 13_378_280,
    "dactyl": 3_286_236,
    "deeploco": 2_940_027,
    "word2vec-cbow": 1_800_000_000,
    "word2vec-skipgram": 415_200_000,
    "glove": 240_800_000,
}
"""Published totals, tied weights once, from the model cards, the papers, or the sum of the published shapes."""


PUBLISHED: dict[str, dict[str, Any]] = {
    "bert": {
        "family": "encoder-only", "millions": 109.5, "stacks": [("encoder", 12, 768)], "head": "lm",
        "embeddings": [*TOKENS, "segment"],
        "sublayers": {"0.0.0": attention(12, 12, 64, "bidirectional", bias=True), "0.0.1": mlp(3072, "gelu")},
    },
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
    "gpt2": {
        "family": "decoder-only", "millions": 124.4, "stacks": [("decoder", 12, 768)], "head": "lm",
        "embeddings": TOKENS,
        "sublayers": {"0.0.0": attention(12, 12, 64, "causal"), "0.0.1": mlp(3072, "gelu-tanh")},
    },
    "distilgpt2": {
        "family": "decoder-only", "millions": 81.9, "stacks": [("decoder", 6, 768)], "head": "lm",
        "embeddings": TOKENS,
        "sublayers": {"0.0.0": attention(12, 12, 64, "causal"), "0.0.1": mlp(3072, "gelu-tanh")},
    },
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
    "transformer": {
        "family": "encoder-decoder", "millions": 63.1, "stacks": [("encoder", 6, 512), ("decoder", 6, 512)],
        "head": "lm", "embeddings": ["token", "sinusoidal-position"],
        "sublayers": {
            "0.0.0": attention(8, 8, 64, "bidirectional"), "0.0.1": mlp(2048, "relu"), "1.0.1": cross(8, 64),
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
    "ijepa": {
        "family": "composite", "millions": 1283.1, "head": "regression", "embeddings": ["patch", "sinusoidal-position"],
        "stacks": [("encoder", 32, 1280), ("encoder", 12, 384), ("encoder", 32, 1280)],
        "sublayers": {
            "0.0.0": attention(16, 16, 80, "bidirectional"), "0.0.1": mlp(5120, "gelu"),
            "1.0.0": attention(16, 16, 24, "bidirectional"), "1.0.1": mlp(1536, "gelu"),
            "2.0.0": attention(16, 16, 80, "bidirectional"),
        },
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
    "visualbert": {
        "family": "encoder-only", "millions": 112.1, "stacks": [("encoder", 12, 768)], "head": "lm",
        "embeddings": [*TOKENS, "segment", "linear"],
        "sublayers": {"0.0.0": attention(12, 12, 64, "bidirectional"), "0.0.1": mlp(3072, "gelu")},
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
    "gpt3": {
        "family": "decoder-only", "millions": 174604.3, "stacks": [("decoder", 96, 12288)], "head": "lm",
        "embeddings": TOKENS,
        "sublayers": {
            "0.0.0": attention(96, 96, 128, "causal"), "0.0.1": mlp(49152, "gelu-tanh"),
            "0.1.0": attention(96, 96, 128, "sliding-window", window=128),
        },
        "at": {"0.0": list(range(0, 96, 2)), "0.1": list(range(1, 96, 2))},
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
