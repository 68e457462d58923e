"""What a configuration implies about the architecture, read field by field; only what its names state plainly."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from tests.survey.overruled import FIELDS

Facts = dict[str, Any]

#: For each field of a stack, the settings that state it, and their names in the two halves of an encoder-decoder.
SETTINGS: dict[str, tuple[str, ...]] = {
    "layers": ("num_hidden_layers", "n_layer", "n_layers", "num_layers", "depth"),
    "width": ("hidden_size", "d_model", "n_embd", "dim", "embed_dim", "emb_dim"),
    "heads": ("num_attention_heads", "n_head", "n_heads", "num_heads", "attention_heads"),
    "kv_heads": ("num_key_value_heads", "num_kv_heads", "n_head_kv"),
    "head_dim": ("head_dim", "d_kv", "d_head"),
    "hidden": (
        "intermediate_size",
        "d_ff",
        "ffn_dim",
        "n_inner",
        "d_inner",
        "hidden_dim",
        "mlp_dim",
        "ffn_hidden_size",
    ),
    "activation": ("hidden_act", "hidden_activation", "activation_function", "afn", "activation", "dense_act_fn"),
    "experts": ("n_routed_experts", "num_local_experts", "num_experts", "moe_num_experts"),
    "top_k": ("num_experts_per_tok", "num_experts_per_token", "moe_topk", "moe_k", "num_selected_experts"),
    "expert_hidden": ("moe_intermediate_size", "expert_ffn_hidden_size"),
    "window": ("sliding_window", "sliding_window_size", "attention_window_size"),
}
HALVES: dict[str, dict[str, tuple[str, ...]]] = {
    "encoder": {
        "layers": (
            "encoder_layers",
            "num_encoder_layers",
            "encoder_num_hidden_layers",
            "num_layers",
            "num_hidden_layers",
        ),
        "heads": ("encoder_attention_heads", "encoder_num_attention_heads"),
        "hidden": ("encoder_ffn_dim", "encoder_intermediate_size"),
        "activation": ("encoder_hidden_act",),
    },
    "decoder": {
        "layers": (
            "decoder_layers",
            "num_decoder_layers",
            "decoder_num_hidden_layers",
            "num_layers",
            "num_hidden_layers",
        ),
        "heads": ("decoder_attention_heads", "decoder_num_attention_heads"),
        "hidden": ("decoder_ffn_dim", "decoder_intermediate_size"),
        "activation": ("decoder_hidden_act",),
    },
}
ACTIVATIONS = {
    "gelu": "gelu",
    "gelu_python": "gelu",
    "gelu_new": "gelu-tanh",
    "gelu_pytorch_tanh": "gelu-tanh",
    "gelu_fast": "gelu-tanh",
    "gelu_python_tanh": "gelu-tanh",
    "quick_gelu": "quick-gelu",
    "relu": "relu",
    "relu2": "relu2",
    "relu_squared": "relu2",
    "silu": "silu",
    "swish": "silu",
    "mish": "mish",
    "tanh": "tanh",
    "gated-gelu": "gelu-tanh",
    "gated-silu": "silu",
}
#: Parts that hold no stack of their own kind, or whose fields restate those of another part.
SKIPPED = re.compile(r"^(text_encoder_config|generation|quantization|rope).*")


@dataclass
class Part:
    """One stack that a configuration implies: its place in the configuration and its fields."""

    name: str
    facts: Facts = field(default_factory=dict)


@dataclass
class Truth:
    """All that a configuration implies: the stacks, and the family where the class says it."""

    parts: list[Part]
    family: str | None = None


def truth_of(config: Any, class_name: str) -> Truth:
    """The truth that a configuration and the task of its class state."""
    parts = _parts(config, "")
    return Truth(parts, _family(config, class_name, parts))


def _parts(config: Any, path: str) -> list[Part]:
    inner = [
        part
        for name, value in vars(config).items()
        if hasattr(value, "to_dict") and not SKIPPED.match(name)
        for part in _parts(value, f"{path}{name}.")
    ]
    own: list[Part] = []
    if getattr(config, "is_encoder_decoder", False) and not inner and not path:
        own = [Part(f"{path}{half}", _fields(config, half)) for half in HALVES]
    elif not inner or _value(config, SETTINGS["layers"]) is not None:
        own = [Part(path.rstrip(".") or "model", _fields(config, None))]
    return inner + [part for part in own if {"layers", "width"} <= part.facts.keys() or "stages" in part.facts]


def _fields(config: Any, half: str | None) -> Facts:
    facts: Facts = {}
    kind = str(getattr(config, "model_type", ""))
    for name, settings in SETTINGS.items():
        first = HALVES[half].get(name, ()) if half else ()
        if (value := _value(config, first + settings)) is not None:
            facts[name] = value
    depths = getattr(config, "depths", None)
    if isinstance(depths, list) and depths:
        return {"stages": depths}
    for name in (
        "layers",
        "width",
        "heads",
        "kv_heads",
        "head_dim",
        "hidden",
        "experts",
        "top_k",
        "expert_hidden",
        "window",
    ):
        value = facts.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value <= 0):
            del facts[name]
    found = _consistent(config, facts)
    return {name: value for name, value in found.items() if name not in FIELDS.get(kind, ())}


def _consistent(config: Any, facts: Facts) -> Facts:
    """Drop what is stated but not in force, fill in what follows."""
    layer_types = getattr(config, "layer_types", None) or []
    if "layers" in facts and isinstance(layer_types, list) and len(layer_types) == facts["layers"]:
        if not any("sliding" in str(t) or "chunked" in str(t) for t in layer_types):
            facts.pop("window", None)
        if not any("attention" in str(t) and "linear" not in str(t) for t in layer_types):
            for name in ("heads", "kv_heads", "head_dim"):
                facts.pop(name, None)
    if getattr(config, "use_sliding_window", True) is False:
        facts.pop("window", None)
    if "heads" in facts and "width" in facts and "head_dim" not in facts and facts["width"] % facts["heads"] == 0:
        facts["head_dim"] = facts["width"] // facts["heads"]
    if getattr(config, "kv_lora_rank", None):  # latent attention: key width differs from the head width that is stated
        facts.pop("head_dim", None)
        facts.pop("kv_heads", None)
    if "activation" in facts:
        known = ACTIVATIONS.get(str(facts.pop("activation")))
        facts |= {"activation": known} if known else {}
    if facts.get("experts", 2) < 2:
        for name in ("experts", "top_k", "expert_hidden"):
            facts.pop(name, None)
    dense = getattr(config, "first_k_dense_replace", 0) or "dense" in (getattr(config, "mlp_layer_types", None) or [])
    if "expert_hidden" in facts and not dense:  # every layer is a mixture: the dense width is not in force
        facts.pop("hidden", None)
    if "experts" not in facts:
        facts.pop("top_k", None)
        facts.pop("expert_hidden", None)
    if (
        "hidden" not in facts
        and isinstance(ratio := getattr(config, "mlp_ratio", None), (int, float))
        and "width" in facts
    ):
        facts["hidden"] = int(facts["width"] * ratio)
    eps = {n for n in vars(config) if n.endswith(("_eps", "_epsilon"))}
    rms, layer = any("rms" in n for n in eps), any("layer_norm" in n or "layernorm" in n for n in eps)
    if rms != layer:
        facts["norm"] = "rmsnorm" if rms else "layernorm"
    return facts


def _family(config: Any, class_name: str, parts: list[Part]) -> str | None:
    if "family" in FIELDS.get(str(getattr(config, "model_type", "")), ()):
        return None
    if getattr(config, "is_encoder_decoder", False):
        return None if _read(config, "backbone_config") is not None else "encoder-decoder"
    if len(parts) > 1:
        return None
    if class_name.endswith(("ForCausalLM", "LMHeadModel")) and parts and "heads" in parts[0].facts:
        return "decoder-only"
    if class_name.endswith(("ForMaskedLM", "ForImageClassification", "ForCTC")) and parts and "heads" in parts[0].facts:
        return "encoder-only"
    return None


def _value(config: Any, names: tuple[str, ...]) -> Any:
    return next((v for n in names if (v := _read(config, n)) is not None), None)


def _read(config: Any, name: str) -> Any:
    """A field, or None: also where the configuration refuses to give one value for layers that differ."""
    try:
        return getattr(config, name, None)
    except Exception:
        return None
