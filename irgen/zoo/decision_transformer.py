"""Decision Transformer for Hopper: returns, states and actions as one causal sequence."""

from irgen.source import numbers, ones, tokens
from irgen.zoo.model import Model, from_transformers

MODEL = Model(
    name="decision-transformer",
    part="A",
    title="Decision Transformer",
    line="returns, states and actions interleaved into a causal GPT-2 of 3 layers; predicts actions",
    family=("decoder-only", "causal", "control"),
    source="Chen et al. 2021, arXiv:2106.01345",
    checkpoint="edbeeching/decision-transformer-gym-hopper-medium",
    parameters=1_255_055,
    build=from_transformers(
        "DecisionTransformerModel",
        config={
            "state_dim": 11,
            "act_dim": 3,
            "hidden_size": 128,
            "max_ep_len": 4096,
            "action_tanh": True,
            "vocab_size": 1,
            "n_positions": 1024,
            "n_layer": 3,
            "n_head": 1,
            "activation_function": "relu",
            "use_cache": False,
        },
        twin={"hidden_size": 48, "max_ep_len": 70, "n_positions": 170, "n_layer": 2, "state_dim": 10, "act_dim": 4},
        inputs=lambda c: (
            numbers("states", "batch", "seq", c.state_dim),
            numbers("actions", "batch", "seq", c.act_dim),
            numbers("returns_to_go", "batch", "seq", 1),
            tokens("timesteps", c.max_ep_len, low=0),
            ones("attention_mask", "batch", "seq"),
        ),
        title="Decision Transformer",
    ),
)
