"""What a configuration states and the model's code does otherwise: told from its source, never from irgen's answer."""

#: Model types, the fields that do not hold for them, and why.
ROWS: tuple[tuple[tuple[str, ...], tuple[str, ...], str], ...] = (
    (
        (
            "t5",
            "mt5",
            "umt5",
            "udop",
            "longt5",
            "switch_transformers",
            "pop2piano",
            "pix2struct_text_model",
            "pix2struct_vision_model",
        ),
        ("norm",),
        "layer_norm_epsilon belongs to an RMS norm",
    ),
    (("phimoe", "hunyuan_vl_vision"), ("norm",), "rms_norm_eps belongs to a LayerNorm"),
    (("openai-gpt",), ("activation",), "its own table calls the tanh approximation gelu"),
    (("xlnet",), ("family",), "a language model over permutations"),
    (("xlm", "flaubert", "cpmant"), ("family",), "causal only when asked to be, or in part"),
    (("imagegpt",), ("family", "norm"), "a causal decoder of pixels whose norm divides by the deviation alone"),
    (("mamba", "mamba2"), ("norm",), "layer_norm_epsilon belongs to an RMS norm"),
    (("mellum", "bailing_hybrid"), ("hidden",), "every layer is a mixture"),
    (("doge",), ("experts", "top_k"), "a mixture only where is_moe says so"),
    (
        ("gpt_oss", "minimax_m3_vl", "minimax_m3_vl_text"),
        ("activation",),
        "its own gate: x times the sigmoid of 1.702 x, clipped",
    ),
    (("recurrent_gemma", "moshi"), ("hidden",), "half of it is the gate"),
    (("nemotron_asr_streaming", "parakeet_rnnt", "parakeet_tdt"), ("family",), "a transducer"),
    (
        ("fastspeech2_conformer", "fastspeech2_conformer_with_hifigan"),
        ("family", "layers"),
        "both halves are encoders, of other fields",
    ),
    (("falcon_mamba", "mamba", "mamba2", "xlstm"), ("hidden", "activation"), "no feed-forward"),
    (("xlstm",), ("heads", "head_dim"), "heads of its memory cells"),
    (("glm4v_vision", "glm46v_vision", "glm4v_moe_vision", "glm_image_vision"), ("hidden",), "that of the merger"),
    (("lfm2", "lfm2_moe"), ("hidden",), "rounded by block_auto_adjust_ff_dim"),
    (("qwen2_vl_vision",), ("width", "hidden", "head_dim"), "embed_dim is the width, hidden_size that of the text"),
    (("falcon",), ("kv_heads",), "one, by multi_query"),
    (("modernbert", "openai_privacy_filter", "t5gemma"), ("window",), "counted to one side of both"),
    (("moshi",), ("window",), "only flash attention is told of it"),
    (("nemotron_asr_streaming",), ("window",), "counted in whole chunks of the look-ahead, itself of another field"),
    (("funnel",), ("layers",), "blocks that pool"),
)

FIELDS: dict[str, set[str]] = {}
for _types, _fields, _ in ROWS:
    for _type in _types:
        FIELDS.setdefault(_type, set()).update(_fields)
