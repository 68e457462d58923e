"""RoBERTa base: BERT without segments, with positions counted from the padding id."""

from irgen.source import tokens
from irgen.zoo.model import Model, from_transformers

MODEL = Model(
    name="roberta",
    part="C",
    title="RoBERTa base",
    line="bidirectional encoder, 12 post-norm layers, masked-language-model head tied to the token embedding",
    family=("encoder-only", "bidirectional", "text"),
    source="Liu et al. 2019, arXiv:1907.11692",
    checkpoint="FacebookAI/roberta-base",
    parameters=124_697_433,
    build=from_transformers(
        "RobertaForMaskedLM",
        config={
            "vocab_size": 50265,
            "hidden_size": 768,
            "num_hidden_layers": 12,
            "num_attention_heads": 12,
            "intermediate_size": 3072,
            "hidden_act": "gelu",
            "max_position_embeddings": 514,
            "type_vocab_size": 1,
            "layer_norm_eps": 1e-5,
            "pad_token_id": 1,
            "bos_token_id": 0,
            "eos_token_id": 2,
        },
        twin={
            "vocab_size": 101,
            "hidden_size": 48,
            "num_hidden_layers": 3,
            "num_attention_heads": 4,
            "intermediate_size": 88,
            "max_position_embeddings": 70,
        },
        inputs=lambda c: (tokens("input_ids", c.vocab_size),),
        title="RoBERTa base",
    ),
)
