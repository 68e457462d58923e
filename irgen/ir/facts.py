"""The facts record (`irgen.facts/1`): the machine-readable summary of an architecture."""

from __future__ import annotations

from typing import Any

from irgen.ir.architecture import Architecture, Block, Head, Part, Stack

SCHEMA = "irgen.facts/1"

KEYS: dict[str, tuple[str, ...]] = {
    "self-attention": (
        "heads", "kv_heads", "head_dim", "variant", "mask", "window", "axis", "position", "bias", "qk_norm", "sinks",
        "gated", "memory",
    ),
    "cross-attention": (
        "heads", "kv_heads", "head_dim", "variant", "mask", "window", "axis", "position", "bias", "qk_norm", "sinks",
        "gated", "memory",
    ),
    "feed-forward": ("hidden", "activation", "gated"),
    "moe": (
        "experts", "top_k", "scoring", "normalized", "shared_experts", "hidden", "activation", "gated",
    ),
    "selective-scan": ("state", "inner", "conv_kernel", "variant"),
    "linear-recurrence": ("inner", "conv_kernel", "variant"),
    "rnn": ("hidden", "variant", "bidirectional"),
    "convolution": ("kernel", "stride", "channels", "groups", "variant"),
    "patch-merging": ("width",),
    "pooling": ("width",),
    "quantizer": ("width",),
    "mixer": ("width",),
    "fourier": ("width",),
    "unknown": ("ops",),
}  # fmt: skip
"""The keys of each sublayer kind beside `kind`, in the order in which the record prints them."""


def sublayer(part: Part) -> dict[str, Any]:
    """One sublayer of the record: every key of its kind, `None` where the graph is silent, then what else is known."""
    known = {key: part.facts.get(key) for key in KEYS.get(part.kind, ())}
    return {"kind": part.kind, **known, **{k: v for k, v in part.facts.items() if k not in known}}


def _block(block: Block) -> dict[str, Any]:
    return {
        "count": block.count,
        "at": list(block.at),
        "residual": block.residual,
        "norm": block.norm,
        "sublayers": [sublayer(part) for part in block.sublayers],
    }


def _stack(stack: Stack) -> dict[str, Any]:
    return {
        "name": stack.name,
        "role": stack.role,
        "layers": stack.layers,
        "width": stack.width,
        "blocks": [_block(block) for block in stack.blocks],
    }


def _head(head: Head) -> dict[str, Any]:
    return {"kind": head.kind, "width": head.width, "tied": head.tied}


def record(found: Architecture, *, source: str, frontend: str) -> dict[str, Any]:
    """The facts record of an architecture, a JSON object with the keys that the schema lists."""
    return {
        "schema": SCHEMA,
        "source": source,
        "frontend": frontend,
        "family": found.family,
        "parameters": {"total": found.total, "active": found.active, "embedding": found.embedding_parameters},
        "inputs": [{"name": p.name, "dtype": p.dtype, "shape": list(p.shape)} for p in found.inputs],
        "outputs": [{"name": p.name, "dtype": p.dtype, "shape": list(p.shape)} for p in found.outputs],
        "embeddings": [{"kind": e.kind, "size": e.size, "width": e.width} for e in found.embeddings],
        "stacks": [_stack(stack) for stack in found.stacks],
        "links": [{"from": link.source, "to": link.target, "kind": link.kind} for link in found.links],
        "head": _head(found.head),
        **({"auxiliary": [{"from": h.reads, **_head(h)} for h in found.auxiliary]} if found.auxiliary else {}),
        **({"objective": {"kind": found.objective.kind, **found.objective.facts}} if found.objective else {}),
    }
