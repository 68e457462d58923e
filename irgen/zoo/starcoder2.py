"""StarCoder2-15B: a causal decoder with grouped heads, a sliding window and layer norms."""

from irgen.source import tokens
from irgen.zoo.model import Model, from_transformers

MODEL = Model(
    name="starcoder2",
    part="A",
    title="StarCoder2-15B",
    line="causal decoder, 40 pre-norm layers, grouped-query attention in a sliding window of 4096, rotary positions",
    family=("decoder-only", "causal", "text"),
    source="Lozhkov et al. 2024, arXiv:2402.19173",
    checkpoint="bigcode/starcoder2-15b",
    parameters=15_957_889_024,
    build=from_transformers(
        "Starcoder2ForCausalLM",
        config={
            "vocab_size": 49152,
            "hidden_size": 6144,
            "intermediate_size": 24576,
            "num_hidden_layers": 40,
            "num_attention_heads": 48,
            "num_key_value_heads": 4,
            "hidden_act": "gelu_pytorch_tanh",
            "max_position_embeddings": 16384,
            "sliding_window": 4096,
            "rope_theta": 100000,
            "norm_epsilon": 1e-5,
            "use_bias": True,
            "tie_word_embeddings": False,
            "use_cache": False,
        },
        twin={
            "vocab_size": 101,
            "hidden_size": 48,
            "intermediate_size": 88,
            "num_hidden_layers": 3,
            "num_attention_heads": 6,
            "num_key_value_heads": 2,
            "max_position_embeddings": 70,
            "sliding_window": 7,
        },
        inputs=lambda c: (tokens("input_ids", c.vocab_size),),
        title="StarCoder2-15B",
    ),
)
