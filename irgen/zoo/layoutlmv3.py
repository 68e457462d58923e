"""LayoutLMv3 base: words, their boxes and the patches of the page in one encoder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from irgen.source import Input, numbers, tokens
from irgen.zoo.model import Model, from_transformers

if TYPE_CHECKING:
    import torch


def boxes(shape: tuple[int, ...], generator: torch.Generator) -> torch.Tensor:
    """Boxes x0, y0, x1, y1 with x0 < x1 and y0 < y1, on a page of 1000 × 1000."""
    import torch  # noqa: PLC0415

    corner = torch.randint(0, 500, (*shape[:2], 2), generator=generator)
    size = torch.randint(1, 400, (*shape[:2], 2), generator=generator)
    return torch.cat([corner, corner + size], -1)


MODEL = Model(
    name="layoutlmv3",
    part="A",
    title="LayoutLMv3 base",
    line="one encoder over words with boxes and image patches, 12 post-norm layers, 1-D and 2-D relative bias",
    family=("encoder-only", "bidirectional", "text", "image", "layout"),
    source="Huang et al. 2022, arXiv:2204.08387",
    checkpoint="microsoft/layoutlmv3-base",
    parameters=125_326_976,
    build=from_transformers(
        "LayoutLMv3Model",
        config={
            "vocab_size": 50265,
            "hidden_size": 768,
            "num_hidden_layers": 12,
            "num_attention_heads": 12,
            "intermediate_size": 3072,
            "hidden_act": "gelu",
            "max_position_embeddings": 514,
            "type_vocab_size": 1,
            "layer_norm_eps": 1e-5,
            "max_2d_position_embeddings": 1024,
            "coordinate_size": 128,
            "shape_size": 128,
            "has_relative_attention_bias": True,
            "rel_pos_bins": 32,
            "max_rel_pos": 128,
            "has_spatial_attention_bias": True,
            "rel_2d_pos_bins": 64,
            "max_rel_2d_pos": 256,
            "text_embed": True,
            "visual_embed": True,
            "input_size": 224,
            "patch_size": 16,
            "num_channels": 3,
            "pad_token_id": 1,
            "bos_token_id": 0,
            "eos_token_id": 2,
        },
        twin={
            "vocab_size": 101,
            "hidden_size": 48,
            "num_hidden_layers": 3,
            "num_attention_heads": 4,
            "intermediate_size": 88,
            "max_position_embeddings": 70,
            "coordinate_size": 10,
            "shape_size": 4,
            "rel_pos_bins": 8,
            "max_rel_pos": 16,
            "rel_2d_pos_bins": 10,
            "max_rel_2d_pos": 40,
            "input_size": 32,
            "patch_size": 8,
        },
        inputs=lambda c: (
            tokens("input_ids", c.vocab_size),
            Input("bbox", ("batch", "seq", 4), boxes),
            numbers("pixel_values", "batch", c.num_channels, c.input_size, c.input_size),
        ),
        title="LayoutLMv3 base",
    ),
)
