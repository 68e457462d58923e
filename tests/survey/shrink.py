"""Any configuration made small: fewer layers, narrower, small windows and vocabularies, everything else as it was."""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import gcd
from typing import Any

from tests.survey.fields import (
    CONVOLUTIONAL,
    EXPERTS,
    HEAD_WIDTH,
    HEADS,
    LABELS,
    LAYERS,
    PERIOD,
    POSITIONS,
    SPECIAL,
    TAPS,
    VOCAB,
    WIDTH,
    WINDOWS,
)

#: Widths above this are divided; smaller models keep theirs.
NARROW = 512
VOCABULARY = 151
FIRST_SPECIAL = 140


def shrink(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a configuration made small; nested ones shrink alike, so that equal sizes stay equal."""
    biggest = max(
        (v for v in _find(values, re.compile(r"^(hidden_size|d_model|n_embd|dim|embed_dim|emb_dim)$"))), default=0
    )
    if "num_queries" in values:
        biggest = 0
    divide = 16 if biggest >= NARROW else 4 if biggest >= 128 else 1
    out = _shrink(values, divide, _Ids())
    if "mm_tokens_per_image" in out:
        out["mm_tokens_per_image"] = 4
    vision, text = out.get("vision_config"), out.get("text_config")
    if isinstance(vision, dict) and isinstance(text, dict) and "out_hidden_size" in vision and "hidden_size" in text:
        vision["out_hidden_size"] = text["hidden_size"]
    if out.get("image_grid_pinpoints") and isinstance(vision, dict):
        side = vision["image_size"]
        out["image_grid_pinpoints"] = [[side, 2 * side], [2 * side, side], [2 * side, 2 * side]]
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
    own = 1 if any(key in values for key in CONVOLUTIONAL) else divide
    outer, divide = own if "neck_hidden_sizes" in values else divide, own
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
                _rope(value, divide, fewer) if rope else _shrink(value, outer, ids) if key not in LABELS else value
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
    """Which layers are read out: as many as before, the last ones; untouched where no layer is dropped."""
    if not depth or not isinstance(value, list):
        return {} if depth else {key: value}
    last = range(depth - len(value) + 1, depth + 1)
    if key == "stage_names" or last.start < 0:
        return {}
    return {key: list(last) if key == "out_indices" else [f"stage{i}" if i else "stem" for i in last]}


def _fewer_patches(values: dict[str, Any]) -> None:
    """A grid of 4 × 4 patches, where one stage of patches is all that the image size is for."""
    image, patch = values.get("image_size"), values.get("patch_size")
    if _number(image) and _number(patch) and image // patch > 4 and not {"depths", "window_size"} & set(values):
        values["image_size"] = 4 * patch
        if "mm_tokens_per_image" in values:
            values["mm_tokens_per_image"] = 4


def _int(key: str, value: int, depth: int, divide: int, fewer: int, ids: _Ids) -> int:
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
    if key in ("first_k_dense_replace", "num_dense_layers"):
        return min(value, 1)  # mixtures must remain
    if key == "image_size":
        return min(value, 128) if value > 256 else value
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
    """Rotary settings, nested or not, with the sections of a rotation as much smaller as the heads."""
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
