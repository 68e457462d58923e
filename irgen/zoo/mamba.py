"""Mamba-2.8b: selective scans instead of attention."""

from irgen.source import tokens
from irgen.zoo.claims import Claim, sublayers
from irgen.zoo.model import Model, from_transformers

MODEL = Model(
    name="mamba",
    part="A",
    title="Mamba-2.8b",
    line="causal, no attention: 64 pre-norm layers of a short convolution and a selective scan, tied head",
    family=("decoder-only", "recurrent", "state space", "text"),
    source="Gu and Dao 2023, arXiv:2312.00752",
    checkpoint="state-spaces/mamba-2.8b-hf",
    parameters=2_768_345_600,
    claims=(
        Claim(
            says="Mamba is a hybrid of the transformer and JEPA",
            shows="one stack of selective scans: no attention, no second encoder, no predictor",
            holds=lambda facts: (
                len(facts["stacks"]) == 1 and {part["kind"] for part in sublayers(facts)} == {"selective-scan"}
            ),
        ),
    ),
    build=from_transformers(
        "MambaForCausalLM",
        config={
            "vocab_size": 50280,
            "hidden_size": 2560,
            "num_hidden_layers": 64,
            "state_size": 16,
            "expand": 2,
            "conv_kernel": 4,
            "time_step_rank": 160,
            "use_bias": False,
            "use_conv_bias": True,
            "hidden_act": "silu",
            "layer_norm_epsilon": 1e-5,
            "rms_norm": True,
            "residual_in_fp32": True,
            "tie_word_embeddings": True,
            "use_cache": False,
        },
        twin={
            "vocab_size": 101,
            "hidden_size": 40,
            "num_hidden_layers": 3,
            "state_size": 6,
            "time_step_rank": 5,
        },
        inputs=lambda c: (tokens("input_ids", c.vocab_size),),
        title="Mamba-2.8b",
    ),
)
