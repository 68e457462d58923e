"""MusicGen small: text and a sound to continue, through T5, a decoder over four codebooks, and EnCodec."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from irgen.source import numbers, tokens
from irgen.zoo.model import Model, Size, from_module, merged, quiet

if TYPE_CHECKING:
    import torch

PUBLISHED: dict[str, Any] = {
    "text_encoder": {
        "model_type": "t5",
        "vocab_size": 32128,
        "d_model": 768,
        "d_kv": 64,
        "d_ff": 3072,
        "num_layers": 12,
        "num_heads": 12,
        "feed_forward_proj": "relu",
        "use_cache": False,
    },
    "audio_encoder": {
        "model_type": "encodec",
        "sampling_rate": 32000,
        "target_bandwidths": [2.2],
        "audio_channels": 1,
        "normalize": False,
        "codebook_dim": 128,
        "codebook_size": 2048,
        "hidden_size": 128,
        "num_filters": 64,
        "num_residual_layers": 1,
        "upsampling_ratios": [8, 5, 4, 4],
        "norm_type": "weight_norm",
        "kernel_size": 7,
        "last_kernel_size": 7,
        "residual_kernel_size": 3,
        "dilation_growth_rate": 2,
        "use_causal_conv": False,
        "use_conv_shortcut": False,
        "pad_mode": "reflect",
        "compress": 2,
        "num_lstm_layers": 2,
        "trim_right_ratio": 1.0,
    },
    "decoder": {
        "vocab_size": 2048,
        "max_position_embeddings": 2048,
        "num_hidden_layers": 24,
        "ffn_dim": 4096,
        "num_attention_heads": 16,
        "hidden_size": 1024,
        "activation_function": "gelu",
        "scale_embedding": False,
        "num_codebooks": 4,
        "audio_channels": 1,
        "use_cache": False,
    },
}
TWIN = {
    "text_encoder": {"vocab_size": 101, "d_model": 40, "d_kv": 8, "d_ff": 72, "num_layers": 2, "num_heads": 5},
    "audio_encoder": {
        "sampling_rate": 2400,
        "target_bandwidths": [1.0],
        "codebook_dim": 20,
        "codebook_size": 32,
        "hidden_size": 20,
        "num_filters": 6,
        "upsampling_ratios": [4, 3, 2, 2],
    },
    "decoder": {
        "vocab_size": 32,
        "max_position_embeddings": 170,
        "num_hidden_layers": 3,
        "ffn_dim": 88,
        "num_attention_heads": 4,
        "hidden_size": 48,
        "pad_token_id": 32,
        "bos_token_id": 32,
    },
}
#: Samples of one frame: the product of the codec's ratios.
HOP = {"full": 640, "twin": 48}
FRAMES = (23, 29)


def make(size: Size) -> torch.nn.Module:
    """The small model, or its twin."""
    from transformers import MusicgenConfig  # noqa: PLC0415 - heavy

    from irgen.zoo.reference.musicgen import WholeMusicgen  # noqa: PLC0415 - it imports torch

    with quiet():
        return WholeMusicgen(MusicgenConfig(**(PUBLISHED if size == "full" else merged(PUBLISHED, TWIN))))


def build(size: Size) -> Any:
    """The model with a text and as many whole frames of sound as `FRAMES` says."""
    return from_module(
        make,
        inputs=lambda size: (
            tokens("input_ids", 32128 if size == "full" else 101),
            numbers("input_values", "batch", 1, "samples"),
        ),
        title="MusicGen small",
        sizes={"samples": (FRAMES[0] * HOP[size], FRAMES[1] * HOP[size])},
    )(size)


MODEL = Model(
    name="musicgen",
    part="A",
    title="MusicGen small",
    line="T5 text encoder, decoder of 24 layers over 4 delayed codebooks, EnCodec before and after",
    family=("composite", "encoder-decoder", "audio", "text"),
    source="Copet et al. 2023, arXiv:2306.05284; Défossez et al. 2022 (EnCodec), arXiv:2210.13438",
    checkpoint="facebook/musicgen-small",
    parameters=586_884_674,
    build=build,
)
