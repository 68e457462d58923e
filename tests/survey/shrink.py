"""Any configuration made small: fewer layers, narrower, small windows and vocabularies, everything else as it was."""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import gcd
from typing import Any

#: Widths above this are divided; smaller models keep theirs.
NARROW = 512
VOCABULARY = 151
FIRST_SPECIAL = 140

LAYERS = re.compile(
    r"^(num_)?(hidden_|encoder_|decoder_|vision_|text_)?(hidden_)?layers$|^n_layers?$|^depth$|^layers$"
    r"|^(encoder|decoder|conf|vision|text|audio|perceiver|global|local|coarse|fine|semantic|predictor|pred|predict|reversal"
    r"|speech_encoder|speech_decoder|t2u_encoder|t2u_decoder|text_encoder|backbone|resampler|qformer|cross_modal)"
    r"_(num_)?(hidden_)?(layers|depth)$|^num_(encoder|decoder|hidden|global|local|transformer|attn_decoder|l|x|r|self_attends)"
    r"_(layers|hidden_layers|per_block)$|^num_blocks$|^[lxr]_layers$"
)
HEADS = re.compile(
    r"^(num_|n_)?(attention_|key_value_|encoder_attention_|decoder_attention_|kv_|attn_|query_|ssm_|cross_attention_)?heads(_kv|_kvs)?$|^n_head$"
    r"|^(encoder|decoder|cross|swa|speech_encoder|conf|text_encoder|t2u_encoder|t2u_decoder|speech_decoder|linear|mamba|lightning|vision|resampler|index|depth)"
    r"_(num_|n_)?(attention_|key_value_|key_|value_|query_)?heads$|^linear_num_(key|value)_heads$|^index_n_heads$|^mamba_n_heads$"
)
HEAD_WIDTH = re.compile(
    r"^(cross_|swa_|global_|linear_key_|linear_value_|qk_nope_|qk_rope_|qk_|v_|index_|mamba_|resampler_|local_)?head_dim$|^d_kv$|^d_head$|^dim_head$"
    r"|^attention_head_dim$|^kv_channels$|^mamba_d_head$|^attention_key_size$|^attention_head_size$|^resampler_dim_head$|^rotary_dim$"
)
EXPERTS = re.compile(r"^(n_routed|num|num_local|moe_num|n|num_routed)_experts$")
VOCAB = re.compile(r".*vocab(ulary)?_size.*|^n_vocab$|.*_vocab_size$|^vocab_offset$|^num_embeddings$")
SPECIAL = re.compile(
    r".*_(token_id|token_index|token_ids|index)$|^(bos|eos|pad|sep|unk|mask|cls)_(token_id|index)$|^image_token$"
)
POSITIONS = re.compile(
    r"^(max_position_embeddings|n_positions|n_ctx|max_seq_len|max_sequence_length|context_length|block_size)$"
)
WINDOWS = re.compile(
    r"^(sliding_window|local_attention|attention_window_size|attention_chunk_size|window_size|sliding_window_size)$"
)
WIDTH = re.compile(
    r".*(hidden_size|intermediate_size|hidden_dim|ffn_dim|projection_dim|embed_dim|lora_rank|output_dim|_width|d_model|linear_units|"
    r"ffn_hidden_size|embedding_size|_proj_size|mlp_dim|inner_dim|_units|projection_size|proj_dim|intermediate_size_mlp|hidden_size_mlp"
    r"|inner_size|embedding_dim|laurel_rank|lru_width|projector_.*_dim|pooler_output_size|cross_dim|hidden_channels|hidden_size_per_layer_input)$"
    r"|^(condition_dim|d_ff|n_embd|dim|d_inner|n_inner|emb_dim|width|d_latents|d_rel|query_pre_attn_scalar|adapter_(in|input)_(dim|size)"
    r"|text_hidden_size|vision_output_dim|input_dim_text|classifier_proj_size|conv_dim|time_mix_extra_dim|embed_size|hidden|embedding_width"
    r"|mamba_dt_rank|time_step_rank|moe_shared_expert_intermediate_size|out_hidden_size|qk_pos_dim|linear_.*_dim|channels|hidden_width)$"
)
#: Settings of models whose widths feed group norms or convolutions of fixed sizes: they keep them.
CONVOLUTIONAL = (
    "num_queries", "feature_size", "upsample_groups", "encoder_hidden_dim", "mask_feature_size", "num_feature_levels", "neck_hidden_sizes",
    "patch_embeds_hidden_size", "upsampling_ratios", "downsampling_ratios", "decoder_ffn_dim_detr", "embed_dim_per_stage", "mask_input_channels",
)  # fmt: skip
TAPS = ("out_indices", "out_features", "stage_names")
LABELS = ("id2label", "label2id")
PERIOD = re.compile(r".*(period|interval|every|pattern|freq|frequency|_step|offset|per_attn|first_k_dense|num_dense).*")


def shrink(values: Mapping[str, Any]) -> dict[str, Any]:
    """The dictionary of a configuration, made small throughout; nested configurations shrink alike, so that equal sizes stay equal."""
    biggest = max(
        (v for v in _find(values, re.compile(r"^(hidden_size|d_model|n_embd|dim|embed_dim|emb_dim)$"))), default=0
    )
    if "num_queries" in values:
        biggest = 0
    divide = 16 if biggest >= NARROW else 4 if biggest >= 128 else 1
    out = _shrink(values, divide, _Ids())
    if "mm_tokens_per_image" in out:
        out["mm_tokens_per_image"] = 4
    return out


class _Ids:
    """Special ids taken downwards from a common start, so that they stay distinct and inside the small vocabulary."""

    def __init__(self) -> None:
        self.given: dict[int, int] = {}

    def __call__(self, old: int) -> int:
        if old < 4:
            return old
        return self.given.setdefault(old, FIRST_SPECIAL - len(self.given))


def _shrink(values: Mapping[str, Any], divide: int, ids: _Ids) -> dict[str, Any]:
    if not all(isinstance(key, str) for key in values):
        return dict(values)
    divide = 1 if any(key in values for key in CONVOLUTIONAL) else divide
    heads = [v for k, v in values.items() if HEADS.match(k) and _number(v)]
    common = 0
    for v in heads:
        common = gcd(common, v)
    fewer = (
        next((f for f in (4, 3, 2) if common % f == 0 and all(v // f >= 2 or v == 1 for v in heads)), 1)
        if common
        else 1
    )
    if divide == 1:
        fewer = 1
    depth, lists = _depth(values)
    out: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, dict) and value and depth and key not in LABELS and all(str(k).isdigit() for k in value):
            out[key] = {k: v for k, v in value.items() if int(k) < depth}
        elif isinstance(value, dict):
            rope = "rope_type" in value or "rope_theta" in value
            out[key] = (
                _rope(value, divide, fewer) if rope else _shrink(value, divide, ids) if key not in LABELS else value
            )
        elif key in lists:
            out[key] = list(value)[:depth]
        elif isinstance(value, list) and SPECIAL.match(key):
            out[key] = [ids(v) if _number(v) else v for v in value]
        elif key in TAPS:
            out |= _taps(key, value, depth)
        elif re.match(r".*(ind(ex|ic)es|idxs|_layers|_blocks|index)$", key) and _indices(value, depth):
            out[key] = sorted({min(depth - 1, v * depth // max(1, max(value) + 1)) for v in value})
        elif not _number(value):
            out[key] = value
        else:
            out[key] = _int(key, value, depth, divide, fewer, ids)
    _fewer_patches(out)
    _whole_heads(out)
    if (
        _number(values.get("window_size"))
        and _number(values.get("spatial_merge_size"))
        and _number(values.get("patch_size"))
    ):
        out["window_size"] = values["spatial_merge_size"] * values["patch_size"]
    return out


def _whole_heads(values: dict[str, Any]) -> None:
    """Widths of heads that a rotation over two axes can split, and those left to the code written out."""
    width, heads = values.get("hidden_size"), values.get("num_heads", values.get("num_attention_heads"))
    if not (_number(width) and _number(heads)) or heads < 1:
        return
    if "head_dim" in values and values["head_dim"] is None and width % heads == 0:
        values["head_dim"] = width // heads
    if "num_key_value_heads" in values and values["num_key_value_heads"] is None:
        values["num_key_value_heads"] = heads
    if not {"head_dim", "num_key_value_heads"} & set(values) and "patch_size" in values:
        key = "num_heads" if "num_heads" in values else "num_attention_heads"
        values[key] = next((h for h in range(heads, 1, -1) if width % h == 0 and width // h % 4 == 0), heads)


def _taps(key: str, value: Any, depth: int) -> dict[str, Any]:
    """Which layers are read out: as many as before, the last ones of fewer layers; untouched where no layer is dropped."""
    if not depth or not isinstance(value, list):
        return {} if depth else {key: value}
    last = range(depth - len(value) + 1, depth + 1)
    if key == "stage_names" or last.start < 0:
        return {}
    return {key: list(last) if key == "out_indices" else [f"stage{i}" if i else "stem" for i in last]}


def _fewer_patches(values: dict[str, Any]) -> None:
    """A grid of 4 × 4 patches, where one stage of patches is all that the image size is for."""
    image, patch = values.get("image_size"), values.get("patch_size")
    if (
        _number(image)
        and _number(patch)
        and image % patch == 0
        and image // patch > 4
        and not {"depths", "window_size"} & set(values)
    ):
        values["image_size"] = 4 * patch
        if "mm_tokens_per_image" in values:
            values["mm_tokens_per_image"] = 4


def _int(key: str, value: int, depth: int, divide: int, fewer: int, ids: _Ids) -> int:  # noqa: C901
    if LAYERS.match(key):
        return min(value, 2 if "decoder" in key and "hidden" not in key else depth if depth else 3)
    if HEADS.match(key):
        return value // fewer if value % fewer == 0 else value
    if HEAD_WIDTH.match(key):
        factor = max(1, divide // fewer)
        return value // factor if value % factor == 0 and value // factor >= 2 else value
    if EXPERTS.match(key):
        return min(value, 8)
    if re.match(
        r"^(num_experts_per_tok|num_experts_per_token|moe_top_?k|top_?k_experts|moe_topk|moe_k|top_k|n_activated_experts)$",
        key,
    ):
        return min(value, 3)
    if key in ("n_group", "topk_group", "num_expert_group"):
        return min(value, 4 if key != "topk_group" else 2)
    if SPECIAL.match(key):
        return ids(value) if value >= 0 else value
    if VOCAB.match(key):
        return VOCABULARY if value > VOCABULARY else value
    if key == "num_queries":
        return min(value, 12)
    if POSITIONS.match(key):
        return min(value, 160)
    if WINDOWS.match(key) and not (key == "window_size" and value <= 128):
        return min(value, 8) if value > 16 else value
    if WIDTH.match(key):
        return value // divide if value % divide == 0 and value // divide >= 4 else value
    return value


def _rope(value: dict[str, Any], divide: int, fewer: int) -> dict[str, Any]:
    """Rotary settings, nested or not, with the sections of a rotation over several axes as much smaller as the heads."""
    out = {k: _rope(v, divide, fewer) if isinstance(v, dict) else v for k, v in value.items()}
    sections = out.get("mrope_section")
    if isinstance(sections, list):
        total = sum(sections) * fewer // divide
        small = [max(1, n * fewer // divide) for n in sections]
        small[0] += total - sum(small)
        out["mrope_section"] = small
    return out


def _depth(values: Mapping[str, Any]) -> tuple[int, set[str]]:
    """How many layers show every kind of layer, and the keys of the lists with one entry for each layer."""
    layers = next((v for k, v in values.items() if LAYERS.match(k) and "decoder" not in k and _number(v) and v > 0), 0)
    if not layers:
        return 0, set()
    lists = {k for k, v in values.items() if isinstance(v, list) and len(v) == layers and layers > 3}
    need = 3
    for key in lists:
        kinds = [repr(v) for v in values[key]]
        if len(set(kinds)) < 6:
            need = max(need, max(kinds.index(kind) for kind in set(kinds)) + 1)
    for key in ("out_indices", "out_features"):
        if isinstance(taps := values.get(key), list):
            need = max(need, len(taps))
    for key, value in values.items():
        if PERIOD.match(key) and _number(value) and 1 < value <= 8:
            need = max(need, value)
    return min(layers, need, 9 if layers > 9 else layers), lists


def _find(values: Mapping[str, Any], name: re.Pattern[str]) -> list[int]:
    out = [v for k, v in values.items() if isinstance(k, str) and name.match(k) and _number(v)]
    return out + [n for v in values.values() if isinstance(v, Mapping) for n in _find(v, name)]


def _number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _indices(value: object, depth: int) -> bool:
    return isinstance(value, list) and bool(value) and bool(depth) and all(_number(v) and v >= 0 for v in value)


def merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with `changes` laid over it, nested mappings merged in turn."""
    out = dict(base)
    for key, value in changes.items():
        old = out.get(key)
        out[key] = merged(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return out
