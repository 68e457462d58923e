"""GPT-2 small: a causal decoder with learned positions and a tied head."""

from irgen.source import tokens
from irgen.zoo.model import Model, from_transformers

MODEL = Model(
    name="gpt2",
    part="A",
    title="GPT-2",
    line="causal decoder, 12 pre-norm layers, learned positions, tied head",
    family=("decoder-only", "causal", "text"),
    source="Radford et al. 2019, Language Models are Unsupervised Multitask Learners",
    checkpoint="openai-community/gpt2",
    parameters=124_439_808,
    build=from_transformers(
        "GPT2LMHeadModel",
        config={
            "vocab_size": 50257,
            "n_positions": 1024,
            "n_embd": 768,
            "n_layer": 12,
            "n_head": 12,
            "activation_function": "gelu_new",
            "layer_norm_epsilon": 1e-5,
            "use_cache": False,
        },
        twin={"vocab_size": 101, "n_positions": 70, "n_embd": 48, "n_layer": 3, "n_head": 4},
        inputs=lambda c: (tokens("input_ids", c.vocab_size),),
        title="GPT-2",
    ),
)
