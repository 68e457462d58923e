"""Gemma-2b: the open decoder that stands for the closed Gemini family."""

from irgen.source import tokens
from irgen.zoo.model import Model, from_transformers

MODEL = Model(
    name="gemma",
    part="B",
    title="Gemma-2b",
    line="causal decoder, 18 pre-norm layers, multi-query attention, gated gelu; stands for the closed Gemini family",
    family=("decoder-only", "causal", "text"),
    source="Gemma Team 2024, arXiv:2403.08295",
    checkpoint="google/gemma-2b",
    parameters=2_506_172_416,
    build=from_transformers(
        "GemmaForCausalLM",
        config={
            "vocab_size": 256000,
            "hidden_size": 2048,
            "intermediate_size": 16384,
            "num_hidden_layers": 18,
            "num_attention_heads": 8,
            "num_key_value_heads": 1,
            "head_dim": 256,
            "hidden_act": "gelu_pytorch_tanh",
            "max_position_embeddings": 8192,
            "rms_norm_eps": 1e-6,
            "tie_word_embeddings": True,
            "use_cache": False,
        },
        twin={
            "vocab_size": 101,
            "hidden_size": 40,
            "intermediate_size": 88,
            "num_hidden_layers": 3,
            "num_attention_heads": 3,
            "head_dim": 16,
            "max_position_embeddings": 70,
        },
        inputs=lambda c: (tokens("input_ids", c.vocab_size),),
        title="Gemma-2b",
        note="Gemini is closed; Gemma is the open family built from the same research, and stands for it here",
    ),
)
