"""T5 base (1.0): an encoder-decoder with relative position bias and RMS norms."""

from irgen.source import tokens
from irgen.zoo.model import Model, from_transformers

MODEL = Model(
    name="t5",
    part="A",
    title="T5 base",
    line="encoder-decoder, 12 + 12 pre-norm layers, relative position bias shared by the layers of a stack, tied head",
    family=("encoder-decoder", "text"),
    source="Raffel et al. 2019, arXiv:1910.10683",
    checkpoint="google-t5/t5-base",
    parameters=222_903_552,
    build=from_transformers(
        "T5ForConditionalGeneration",
        config={
            "vocab_size": 32128,
            "d_model": 768,
            "d_kv": 64,
            "d_ff": 3072,
            "num_layers": 12,
            "num_decoder_layers": 12,
            "num_heads": 12,
            "relative_attention_num_buckets": 32,
            "relative_attention_max_distance": 128,
            "layer_norm_epsilon": 1e-6,
            "feed_forward_proj": "relu",
            "tie_word_embeddings": True,
            "decoder_start_token_id": 0,
            "use_cache": False,
        },
        twin={
            "vocab_size": 101,
            "d_model": 40,
            "d_kv": 12,
            "d_ff": 72,
            "num_layers": 3,
            "num_decoder_layers": 2,
            "num_heads": 4,
            "relative_attention_num_buckets": 8,
            "relative_attention_max_distance": 16,
        },
        inputs=lambda c: (
            tokens("input_ids", c.vocab_size),
            tokens("decoder_input_ids", c.vocab_size, "batch", "target"),
        ),
        title="T5 base",
    ),
)
