"""IDEFICS2-8b: image tokens, resampled to 64 latents, interleaved with the words of a Mistral decoder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from irgen.source import Input, numbers
from irgen.zoo.claims import Claim, sublayers
from irgen.zoo.model import Model, from_transformers

if TYPE_CHECKING:
    import torch

#: The trace is of a smaller image than the published 980 × 980: positions are fractions of the grid.
SIDE = {980: 196, 56: 56}
IMAGES = 1
SEQ = (83, 90)


def ids(config: Any) -> Input:
    """Words around the places of one image, as many as the resampler has latents."""
    import torch  # noqa: PLC0415

    latents = config.perceiver_config.resampler_n_latents * IMAGES

    def draw(shape: tuple[int, ...], generator: torch.Generator) -> torch.Tensor:
        out = torch.randint(5, config.image_token_id - 5, shape, generator=generator)
        out[:, 4 : 4 + latents] = config.image_token_id
        return out

    return Input("input_ids", ("batch", "seq"), draw)


MODEL = Model(
    name="idefics2",
    part="A",
    title="IDEFICS2-8b",
    line="SigLIP encoder, perceiver resampler of 64 latents, Mistral decoder with image tokens interleaved",
    family=("composite", "decoder-only", "image", "text"),
    source="Laurençon et al. 2024, arXiv:2405.02246",
    checkpoint="HuggingFaceM4/idefics2-8b",
    parameters=8_402_768_112,
    claims=(
        Claim(
            says="gated cross-attention layers let the language model look at the image, as in Flamingo",
            shows="no attention of the decoder reads another stack: 64 latents of an image stand among the words",
            holds=lambda facts: (
                {part["memory"] for part in sublayers(facts, "cross-attention")} == {"encoder"}
                and not any(part["gated"] for part in sublayers(facts, "cross-attention"))
                and {"from": "resampler", "to": "decoder", "kind": "interleave"} in facts["links"]
            ),
        ),
    ),
    build=from_transformers(
        "Idefics2ForConditionalGeneration",
        config={
            "image_token_id": 32001,
            "tie_word_embeddings": False,
            "use_cache": False,
            "vision_config": {
                "hidden_size": 1152,
                "image_size": 980,
                "intermediate_size": 4304,
                "num_hidden_layers": 27,
                "num_attention_heads": 16,
                "patch_size": 14,
                "hidden_act": "gelu_pytorch_tanh",
                "layer_norm_eps": 1e-6,
            },
            "perceiver_config": {
                "hidden_act": "silu",
                "hidden_size": 4096,
                "resampler_n_latents": 64,
                "resampler_depth": 3,
                "resampler_n_heads": 16,
                "resampler_head_dim": 96,
                "num_key_value_heads": 4,
            },
            "text_config": {
                "model_type": "mistral",
                "vocab_size": 32003,
                "hidden_size": 4096,
                "intermediate_size": 14336,
                "num_hidden_layers": 32,
                "num_attention_heads": 32,
                "num_key_value_heads": 8,
                "max_position_embeddings": 32768,
                "sliding_window": 4096,
                "rms_norm_eps": 1e-5,
                "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0},
                "pad_token_id": 0,
                "use_cache": False,
            },
        },
        twin={
            "image_token_id": 105,
            "vision_config": {
                "hidden_size": 40,
                "image_size": 56,
                "intermediate_size": 72,
                "num_hidden_layers": 3,
                "num_attention_heads": 5,
            },
            "perceiver_config": {
                "hidden_size": 48,
                "resampler_n_latents": 12,
                "resampler_depth": 2,
                "resampler_n_heads": 6,
                "resampler_head_dim": 16,
                "num_key_value_heads": 2,
            },
            "text_config": {
                "vocab_size": 107,
                "hidden_size": 48,
                "intermediate_size": 104,
                "num_hidden_layers": 3,
                "num_attention_heads": 4,
                "num_key_value_heads": 2,
                "sliding_window": 9,
                "max_position_embeddings": 170,
            },
        },
        inputs=lambda c: (
            ids(c),
            numbers("pixel_values", "batch", IMAGES, 3, *[SIDE[c.vision_config.image_size]] * 2),
        ),
        sizes={"seq": SEQ},
        title="IDEFICS2-8b",
        note="traced with one image of 196 × 196 a text; the published size is up to 980 × 980",
    ),
)
