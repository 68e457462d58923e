"""VisualBERT: words and detected image regions in one BERT."""

from irgen.source import numbers, ones, tokens
from irgen.zoo.model import Model, from_transformers

REGIONS = 11

MODEL = Model(
    name="visualbert",
    part="B",
    title="VisualBERT",
    line="bidirectional encoder over words and image regions, 12 post-norm layers, masked-language-model head",
    family=("encoder-only", "bidirectional", "text", "image"),
    source="Li et al. 2019, arXiv:1908.03557",
    checkpoint="uclanlp/visualbert-vqa-coco-pre",
    parameters=112_074_812,
    build=from_transformers(
        "VisualBertForPreTraining",
        config={
            "vocab_size": 30522,
            "hidden_size": 768,
            "visual_embedding_dim": 2048,
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
            "visual_embedding_dim": 60,
            "num_hidden_layers": 3,
            "num_attention_heads": 4,
            "intermediate_size": 88,
            "max_position_embeddings": 70,
        },
        inputs=lambda c: (
            tokens("input_ids", c.vocab_size),
            tokens("token_type_ids", c.type_vocab_size, low=0),
            ones("attention_mask", "batch", "seq"),
            numbers("visual_embeds", "batch", REGIONS, c.visual_embedding_dim),
            tokens("visual_token_type_ids", c.type_vocab_size, "batch", REGIONS, low=0),
            ones("visual_attention_mask", "batch", REGIONS),
        ),
        title="VisualBERT",
    ),
)
