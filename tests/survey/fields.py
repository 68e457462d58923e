"""The names under which configurations keep depths, widths, heads, ids and windows, as patterns."""

import re


def _named(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.VERBOSE)


#: How many layers a stack has.
LAYERS = _named(
    r"""
    ^(num_)?(hidden_|encoder_|decoder_|vision_|text_)?(hidden_)?layers$|^n_layers?$|^depth$|^layers$|^(encoder|
    decoder|conf|vision|text|audio|perceiver|global|local|coarse|fine|semantic|predictor|pred|predict|reversal|
    speech_encoder|speech_decoder|t2u_encoder|t2u_decoder|text_encoder|backbone|resampler|qformer|
    cross_modal)_(num_)?(hidden_)?(layers|depth)$|^num_(encoder|decoder|hidden|global|local|transformer|
    attn_decoder|l|x|r|self_attends)_(layers|hidden_layers|per_block)$|^num_blocks$|^[lxr]_layers$
    """
)

#: How many heads of any kind.
HEADS = _named(
    r"""
    ^(num_|n_)?(attention_|key_value_|encoder_attention_|decoder_attention_|kv_|attn_|query_|ssm_|
    cross_attention_)?heads(_kv|_kvs)?$|^n_head$|^(encoder|decoder|cross|swa|speech_encoder|conf|text_encoder|
    t2u_encoder|t2u_decoder|speech_decoder|linear|mamba|lightning|vision|resampler|index|depth)_(num_|
    n_)?(attention_|key_value_|key_|value_|query_)?heads$|^linear_num_(key|value)_heads$|^index_n_heads$|
    ^mamba_n_heads$
    """
)

#: How wide a head is.
HEAD_WIDTH = _named(
    r"""
    ^(cross_|swa_|global_|linear_key_|linear_value_|qk_nope_|qk_rope_|qk_|v_|index_|mamba_|resampler_|
    local_)?head_dim$|^d_kv$|^d_head$|^dim_head$|^attention_head_dim$|^kv_channels$|^mamba_d_head$|
    ^attention_key_size$|^attention_head_size$|^resampler_dim_head$|^rotary_dim$
    """
)

#: How many routed experts.
EXPERTS = _named(r"^(n_routed|num|num_local|moe_num|n|num_routed)_experts$")

#: How many ids a table holds.
VOCAB = _named(r".*vocab(ulary)?_size.*|^n_vocab$|.*_vocab_size$|^vocab_offset$|^num_embeddings$")

#: Ids with a meaning.
SPECIAL = _named(
    r"""
    .*_(token_id|token_index|token_ids|index)$|^(bos|eos|pad|sep|unk|mask|cls)_(token_id|index)$|^image_token$
    """
)

#: How long an input may be.
POSITIONS = _named(
    r"""
    ^(max_position_embeddings|n_positions|n_ctx|max_seq_len|max_sequence_length|context_length|block_size)$
    """
)

#: How far attention reaches.
WINDOWS = _named(
    r"""
    ^(sliding_window|local_attention|attention_window_size|attention_chunk_size|window_size|
    sliding_window_size)$
    """
)

#: How wide streams and branches are.
WIDTH = _named(
    r"""
    .*(hidden_size|intermediate_size|hidden_dim|ffn_dim|projection_dim|embed_dim|lora_rank|output_dim|_width|
    d_model|linear_units|ffn_hidden_size|embedding_size|_proj_size|mlp_dim|inner_dim|_units|projection_size|
    proj_dim|intermediate_size_mlp|hidden_size_mlp|inner_size|embedding_dim|laurel_rank|lru_width|
    projector_.*_dim|pooler_output_size|cross_dim|hidden_channels|hidden_size_per_layer_input)$|^(condition_dim|
    d_ff|n_embd|dim|d_inner|n_inner|emb_dim|width|d_latents|d_rel|query_pre_attn_scalar|adapter_(in|input)_(dim|
    size)|text_hidden_size|vision_output_dim|input_dim_text|classifier_proj_size|conv_dim|time_mix_extra_dim|
    embed_size|hidden|embedding_width|mamba_dt_rank|time_step_rank|moe_shared_expert_intermediate_size|
    out_hidden_size|qk_pos_dim|linear_.*_dim|channels|hidden_width)$
    """
)

#: After how many layers a pattern repeats.
PERIOD = _named(
    r"""
    .*(period|interval|every|pattern|freq|frequency|_step|offset|per_attn|first_k_dense|num_dense).*
    """
)

#: Settings of models whose widths feed group norms or convolutions of fixed sizes: they keep them.
CONVOLUTIONAL = (
    "num_queries",
    "feature_size",
    "upsample_groups",
    "encoder_hidden_dim",
    "mask_feature_size",
    "num_feature_levels",
    "neck_hidden_sizes",
    "patch_embeds_hidden_size",
    "upsampling_ratios",
    "downsampling_ratios",
    "embed_dim_per_stage",
    "mask_input_channels",
)

#: Which layers are read out.
TAPS = (
    "out_indices",
    "out_features",
    "stage_names",
)

#: Names of classes.
LABELS = (
    "id2label",
    "label2id",
)
