"""BART large: an encoder-decoder with post-norm layers and learned positions."""

from irgen.source import tokens
from irgen.zoo.model import Model, from_transformers

MODEL = Model(
    name="bart",
    part="A",
    title="BART large",
    line="encoder-decoder, 12 + 12 post-norm layers, learned positions, cross-attention, tied head",
    family=("encoder-decoder", "text"),
    source="Lewis et al. 2019, arXiv:1910.13461",
    checkpoint="facebook/bart-large",
    parameters=406_291_456,
    build=from_transformers(
        "BartForConditionalGeneration",
        config={
            "vocab_size": 50265,
            "d_model": 1024,
            "encoder_layers": 12,
            "decoder_layers": 12,
            "encoder_attention_heads": 16,
            "decoder_attention_heads": 16,
            "encoder_ffn_dim": 4096,
            "decoder_ffn_dim": 4096,
            "activation_function": "gelu",
            "max_position_embeddings": 1024,
            "scale_embedding": False,
            "use_cache": False,
        },
        twin={
            "vocab_size": 101,
            "d_model": 48,
            "encoder_layers": 3,
            "decoder_layers": 2,
            "encoder_attention_heads": 4,
            "decoder_attention_heads": 6,
            "encoder_ffn_dim": 88,
            "decoder_ffn_dim": 104,
            "max_position_embeddings": 70,
        },
        inputs=lambda c: (
            tokens("input_ids", c.vocab_size),
            tokens("decoder_input_ids", c.vocab_size, "batch", "target"),
        ),
        title="BART large",
    ),
)
