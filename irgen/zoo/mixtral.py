"""Mixtral 8x7B: a causal decoder whose feed-forwards are mixtures of eight experts."""

from irgen.source import tokens
from irgen.zoo.claims import Claim
from irgen.zoo.model import Model, from_transformers

MODEL = Model(
    name="mixtral",
    part="A",
    title="Mixtral 8x7B",
    line="causal decoder, 32 pre-norm layers, grouped-query attention, 8 experts of which 2",
    family=("decoder-only", "causal", "mixture", "text"),
    source="Jiang et al. 2024, arXiv:2401.04088",
    checkpoint="mistralai/Mixtral-8x7B-Instruct-v0.1",
    parameters=46_702_792_704,
    claims=(
        Claim(
            says="8x7B: eight models of 7 billion parameters, 56 billion in all",
            shows="eight experts in each feed-forward, everything else once: 46.7 billion, of which a token meets 12.9",
            holds=lambda facts: 46e9 < facts["parameters"]["total"] < 47e9 and facts["parameters"]["active"] < 13e9,
        ),
    ),
    build=from_transformers(
        "MixtralForCausalLM",
        config={
            "vocab_size": 32000,
            "hidden_size": 4096,
            "intermediate_size": 14336,
            "num_hidden_layers": 32,
            "num_attention_heads": 32,
            "num_key_value_heads": 8,
            "num_local_experts": 8,
            "num_experts_per_tok": 2,
            "sliding_window": None,
            "max_position_embeddings": 32768,
            "rope_parameters": {"rope_type": "default", "rope_theta": 1e6},
            "rms_norm_eps": 1e-5,
            "hidden_act": "silu",
            "tie_word_embeddings": False,
            "use_cache": False,
        },
        twin={
            "vocab_size": 101,
            "hidden_size": 48,
            "intermediate_size": 56,
            "num_hidden_layers": 3,
            "num_attention_heads": 6,
            "num_key_value_heads": 2,
            "num_local_experts": 5,
            "num_experts_per_tok": 2,
        },
        inputs=lambda c: (tokens("input_ids", c.vocab_size),),
        title="Mixtral 8x7B",
    ),
)
