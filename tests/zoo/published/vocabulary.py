"""Words in which the published facts are written: a sublayer with the keys that a source gives."""

from __future__ import annotations

from typing import Any


def attention(heads: int, kv: int, dim: int, mask: str, position: str = "none", **more: Any) -> dict[str, Any]:
    return {
        "kind": "self-attention",
        "heads": heads,
        "kv_heads": kv,
        "head_dim": dim,
        "mask": mask,
        "position": position,
        **more,
    }


def cross(heads: int, dim: int, memory: str = "encoder", **more: Any) -> dict[str, Any]:
    return {"kind": "cross-attention", "heads": heads, "head_dim": dim, "memory": memory, **more}


def mlp(hidden: int, activation: str, gated: bool = False) -> dict[str, Any]:
    return {"kind": "feed-forward", "hidden": hidden, "activation": activation, "gated": gated}


def moe(experts: int, top: int, hidden: int, **more: Any) -> dict[str, Any]:
    return {"kind": "moe", "experts": experts, "top_k": top, "hidden": hidden, "gated": True, **more}


def bottleneck(channels: int) -> dict[str, Any]:
    return {"kind": "convolution", "kernel": [3, 3], "channels": channels, "variant": "bottleneck"}


def conv(kernel: int, channels: int, variant: str = "plain", **more: Any) -> dict[str, Any]:
    return {"kind": "convolution", "kernel": [kernel, kernel], "channels": channels, "variant": variant, **more}


TOKENS = ["token", "learned-position"]
