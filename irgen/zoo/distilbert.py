"""DistilBERT: BERT with every second layer and no segments, distilled."""

from irgen.source import tokens
from irgen.zoo.model import Model, from_transformers

MODEL = Model(
    name="distilbert",
    part="C",
    title="DistilBERT",
    line="bidirectional encoder, 6 post-norm layers, masked-language-model head tied to the token embedding",
    family=("encoder-only", "bidirectional", "text"),
    source="Sanh et al. 2019, arXiv:1910.01108",
    checkpoint="distilbert/distilbert-base-uncased",
    parameters=66_985_530,
    build=from_transformers(
        "DistilBertForMaskedLM",
        config={
            "vocab_size": 30522,
            "max_position_embeddings": 512,
            "sinusoidal_pos_embds": False,
            "n_layers": 6,
            "n_heads": 12,
            "dim": 768,
            "hidden_dim": 3072,
            "activation": "gelu",
        },
        twin={
            "vocab_size": 103,
            "max_position_embeddings": 70,
            "n_layers": 2,
            "n_heads": 5,
            "dim": 40,
            "hidden_dim": 72,
        },
        inputs=lambda c: (tokens("input_ids", c.vocab_size),),
        title="DistilBERT",
    ),
)
