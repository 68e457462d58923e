"""IDEFICS-9b: gated cross-attention to resampled images before every fourth layer of a LLaMA."""

from __future__ import annotations

from typing import TYPE_CHECKING

from irgen.source import Input, numbers, tokens
from irgen.zoo.model import Model, from_transformers

if TYPE_CHECKING:
    import torch


def sees(shape: tuple[int, ...], _generator: torch.Generator) -> torch.Tensor:
    """Every word sees every image."""
    import torch  # noqa: PLC0415

    return torch.ones(shape, dtype=torch.int64)


MODEL = Model(
    name="idefics",
    part="A",
    title="IDEFICS-9b",
    line="CLIP encoder, perceiver resampler, LLaMA decoder with gated cross-attention before every fourth layer",
    family=("composite", "decoder-only", "image", "text"),
    source="Laurençon et al. 2023, arXiv:2306.16527; Alayrac et al. 2022 (Flamingo), arXiv:2204.14198",
    checkpoint="HuggingFaceM4/idefics-9b",
    parameters=8_929_679_632,
    build=from_transformers(
        "IdeficsForVisionText2Text",
        config={
            "vocab_size": 32000,
            "additional_vocab_size": 2,
            "hidden_size": 4096,
            "intermediate_size": 11008,
            "num_hidden_layers": 32,
            "num_attention_heads": 32,
            "hidden_act": "silu",
            "rms_norm_eps": 1e-6,
            "max_position_embeddings": 2048,
            "alpha_initializer": "zeros",
            "alpha_type": "float",
            "cross_layer_interval": 4,
            "qk_layer_norms": True,
            "use_resampler": True,
            "tie_word_embeddings": False,
            "use_cache": False,
            "vision_config": {
                "embed_dim": 1280,
                "image_size": 224,
                "intermediate_size": 5120,
                "num_hidden_layers": 32,
                "num_attention_heads": 16,
                "patch_size": 14,
                "hidden_act": "gelu",
                "layer_norm_eps": 1e-5,
            },
            "perceiver_config": {
                "resampler_depth": 6,
                "resampler_head_dim": 96,
                "resampler_n_heads": 16,
                "resampler_n_latents": 64,
                "qk_layer_norms_perceiver": True,
            },
        },
        twin={
            "vocab_size": 101,
            "hidden_size": 48,
            "intermediate_size": 88,
            "num_hidden_layers": 4,
            "num_attention_heads": 4,
            "max_position_embeddings": 70,
            "cross_layer_interval": 2,
            "alpha_initializer": "ones",
            "vision_config": {
                "embed_dim": 40,
                "image_size": 56,
                "intermediate_size": 72,
                "num_hidden_layers": 3,
                "num_attention_heads": 5,
            },
            "perceiver_config": {
                "resampler_depth": 2,
                "resampler_head_dim": 16,
                "resampler_n_heads": 6,
                "resampler_n_latents": 12,
            },
        },
        inputs=lambda c: (
            tokens("input_ids", c.vocab_size),
            numbers("pixel_values", "batch", 1, 3, *[c.vision_config.image_size] * 2),
            Input("attention_mask", ("batch", "seq"), sees),
            Input("image_attention_mask", ("batch", "seq", 1), sees),
        ),
        title="IDEFICS-9b",
    ),
)
