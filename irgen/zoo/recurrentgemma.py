"""RecurrentGemma-2b: two gated linear recurrences, then one local attention, over and over."""

from irgen.source import tokens
from irgen.zoo.model import Model, from_transformers

MODEL = Model(
    name="recurrentgemma",
    part="A",
    title="RecurrentGemma-2b",
    line="hybrid: 26 layers, recurrent, recurrent, attention; RG-LRU, multi-query attention in a window of 2048",
    family=("decoder-only", "recurrent", "hybrid", "text"),
    source="Botev et al. 2024, arXiv:2404.07839; De et al. 2024 (Griffin), arXiv:2402.19427",
    checkpoint="google/recurrentgemma-2b-it",
    parameters=2_682_862_080,
    build=from_transformers(
        "RecurrentGemmaForCausalLM",
        config={
            "vocab_size": 256000,
            "hidden_size": 2560,
            "intermediate_size": 15360,
            "num_hidden_layers": 26,
            "num_attention_heads": 10,
            "num_key_value_heads": 1,
            "head_dim": 256,
            "lru_width": 2560,
            "conv1d_width": 4,
            "attention_window_size": 2048,
            "block_types": ["recurrent", "recurrent", "attention"],
            "partial_rotary_factor": 0.5,
            "logits_soft_cap": 30.0,
            "hidden_activation": "gelu_pytorch_tanh",
            "rms_norm_eps": 1e-6,
            "attention_bias": False,
            "tie_word_embeddings": True,
            "use_cache": False,
        },
        twin={
            "vocab_size": 101,
            "hidden_size": 48,
            "intermediate_size": 176,
            "num_hidden_layers": 5,
            "num_attention_heads": 3,
            "head_dim": 16,
            "lru_width": 48,
            "attention_window_size": 7,
        },
        inputs=lambda c: (tokens("input_ids", c.vocab_size),),
        title="RecurrentGemma-2b",
    ),
)
