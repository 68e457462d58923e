"""BERT base, uncased: a bidirectional encoder with a masked-language-model head."""

from irgen.source import tokens
from irgen.zoo.model import Model, from_transformers

MODEL = Model(
    name="bert",
    part="A",
    title="BERT base",
    line="bidirectional encoder, 12 post-norm layers, masked-language-model head tied to the token embedding",
    family=("encoder-only", "bidirectional", "text"),
    source="Devlin et al. 2018, arXiv:1810.04805",
    checkpoint="google-bert/bert-base-uncased",
    parameters=109_514_298,
    build=from_transformers(
        "BertForMaskedLM",
        config={
            "vocab_size": 30522,
            "hidden_size": 768,
            "num_hidden_layers": 12,
            "num_attention_heads": 12,
            "intermediate_size": 3072,
            "hidden_act": "gelu",
            "max_position_embeddings": 512,
            "type_vocab_size": 2,
            "layer_norm_eps": 1e-12,
        },
        twin={
            "vocab_size": 101,
            "hidden_size": 48,
            "num_hidden_layers": 3,
            "num_attention_heads": 4,
            "intermediate_size": 88,
            "max_position_embeddings": 70,
        },
        inputs=lambda c: (
            tokens("input_ids", c.vocab_size),
            tokens("token_type_ids", c.type_vocab_size, low=0),
        ),
        title="BERT base",
    ),
)
