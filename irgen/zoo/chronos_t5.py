"""Chronos-T5 large: a time series scaled, cut into bins, and continued by a T5."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from irgen.source import numbers, tokens
from irgen.zoo.model import Model, Size, from_module

if TYPE_CHECKING:
    import torch

VOCABULARY = {"full": 4096, "twin": 101}


def make(size: Size) -> torch.nn.Module:
    """The large model, or its twin."""
    from transformers import T5Config  # noqa: PLC0415 - heavy

    from irgen.zoo.reference.chronos import Chronos  # noqa: PLC0415 - it imports torch

    widths: dict[str, Any] = (
        {"d_model": 1024, "d_kv": 64, "d_ff": 4096, "num_layers": 24, "num_heads": 16}
        if size == "full"
        else {"d_model": 40, "d_kv": 12, "d_ff": 72, "num_layers": 2, "num_heads": 4}
    )
    published: dict[str, Any] = {
        "vocab_size": VOCABULARY[size],
        "relative_attention_num_buckets": 32 if size == "full" else 8,
        "relative_attention_max_distance": 128 if size == "full" else 16,
        "feed_forward_proj": "relu",
        "layer_norm_epsilon": 1e-6,
        "decoder_start_token_id": 0,
        "tie_word_embeddings": True,
        "use_cache": False,
    }
    return Chronos(T5Config(**published, **widths))


MODEL = Model(
    name="chronos-t5",
    part="A",
    title="Chronos-T5 large",
    line="a series scaled by its mean and cut into 4096 tokens, T5 of 24 + 24 layers, values from the bins' centres",
    family=("encoder-decoder", "time series"),
    source="Ansari et al. 2024, arXiv:2403.07815",
    checkpoint="amazon/chronos-t5-large",
    parameters=708_963_328,
    build=from_module(
        make,
        inputs=lambda size: (
            numbers("context", "batch", "time"),
            tokens("decoder_input_ids", VOCABULARY[size], "batch", "target"),
        ),
        title="Chronos-T5 large",
    ),
)
