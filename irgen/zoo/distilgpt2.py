"""DistilGPT2: GPT-2 with every second layer, distilled."""

from irgen.source import tokens
from irgen.zoo.model import Model, from_transformers

MODEL = Model(
    name="distilgpt2",
    part="C",
    title="DistilGPT2",
    line="causal decoder, 6 pre-norm layers, learned positions, tied head",
    family=("decoder-only", "causal", "text"),
    source="Sanh et al. 2019, arXiv:1910.01108; model card distilbert/distilgpt2",
    checkpoint="distilbert/distilgpt2",
    parameters=81_912_576,
    build=from_transformers(
        "GPT2LMHeadModel",
        config={
            "vocab_size": 50257,
            "n_positions": 1024,
            "n_embd": 768,
            "n_layer": 6,
            "n_head": 12,
            "activation_function": "gelu_new",
            "layer_norm_epsilon": 1e-5,
            "use_cache": False,
        },
        twin={"vocab_size": 103, "n_positions": 71, "n_embd": 40, "n_layer": 2, "n_head": 5},
        inputs=lambda c: (tokens("input_ids", c.vocab_size),),
        title="DistilGPT2",
    ),
)
