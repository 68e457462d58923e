"""GPT (2018): a causal decoder with post-norm layers."""

from irgen.source import tokens
from irgen.zoo.model import Model, from_transformers

MODEL = Model(
    name="openai-gpt",
    part="B",
    title="GPT",
    line="causal decoder, 12 post-norm layers, learned positions, tied head",
    family=("decoder-only", "causal", "text"),
    source="Radford et al. 2018, Improving Language Understanding by Generative Pre-Training",
    checkpoint="openai-community/openai-gpt",
    parameters=116_534_784,
    build=from_transformers(
        "OpenAIGPTLMHeadModel",
        config={
            "vocab_size": 40478,
            "n_positions": 512,
            "n_embd": 768,
            "n_layer": 12,
            "n_head": 12,
            "afn": "gelu",
            "layer_norm_epsilon": 1e-5,
        },
        twin={"vocab_size": 101, "n_positions": 70, "n_embd": 48, "n_layer": 3, "n_head": 4},
        inputs=lambda c: (tokens("input_ids", c.vocab_size),),
        title="GPT",
    ),
)
