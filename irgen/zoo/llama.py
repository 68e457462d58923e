"""LLaMA-7B: a causal decoder with rotary positions, RMS norms and gated feed-forwards."""

from irgen.source import tokens
from irgen.zoo.model import Model, from_transformers

MODEL = Model(
    name="llama",
    part="B",
    title="LLaMA-7B",
    line="causal decoder, 32 pre-norm layers, rotary positions, RMSNorm, gated silu feed-forward",
    family=("decoder-only", "causal", "text"),
    source="Touvron et al. 2023, arXiv:2302.13971",
    checkpoint="huggyllama/llama-7b",
    parameters=6_738_415_616,
    build=from_transformers(
        "LlamaForCausalLM",
        config={
            "vocab_size": 32000,
            "hidden_size": 4096,
            "intermediate_size": 11008,
            "num_hidden_layers": 32,
            "num_attention_heads": 32,
            "num_key_value_heads": 32,
            "hidden_act": "silu",
            "max_position_embeddings": 2048,
            "rms_norm_eps": 1e-6,
            "tie_word_embeddings": False,
            "use_cache": False,
        },
        twin={
            "vocab_size": 101,
            "hidden_size": 48,
            "intermediate_size": 88,
            "num_hidden_layers": 3,
            "num_attention_heads": 4,
            "num_key_value_heads": 4,
            "max_position_embeddings": 70,
        },
        inputs=lambda c: (tokens("input_ids", c.vocab_size),),
        title="LLaMA-7B",
    ),
)
