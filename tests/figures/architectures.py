"""Architectures written by hand from published figures, as recognition would give them."""

from __future__ import annotations

from irgen.ir.architecture import Architecture, Block, Embedding, Head, Link, Part, Port, Stack


def attention(heads, dim, *, kv=None, mask="causal", form=None, **facts):
    kv = kv or heads
    variant = "mha" if kv == heads else "mqa" if kv == 1 else "gqa"
    base = {
        "heads": heads, "kv_heads": kv, "head_dim": dim, "variant": variant, "mask": mask, "window": None,
        "axis": "sequence", "position": "none", "bias": True, "qk_norm": False, "sinks": False, "gated": False,
        "memory": None,
    }  # fmt: skip
    return Part("self-attention", {**base, **facts}, form=form, parameters=4 * heads * dim * heads * dim)


def cross(heads, dim, memory, *, form=None, **facts):
    part = attention(heads, dim, mask="bidirectional", form=form, memory=memory, **facts)
    part.kind = "cross-attention"
    return part


def ffn(hidden, activation="gelu", *, gated=False, form=None):
    return Part("feed-forward", {"hidden": hidden, "activation": activation, "gated": gated}, form=form)


def norm(kind="layernorm"):
    return Part("norm", {"norm": kind})


def ids(name="input_ids"):
    return Port(name, "int64", ("batch", "seq"))


def gpt2() -> Architecture:
    block = Block(list(range(12)), "pre-norm", "layernorm", [attention(12, 64), ffn(3072, "gelu-tanh")], 7_087_872)
    return Architecture(
        "decoder-only", 124_439_808, 124_439_808, 39_383_808,
        [ids()], [Port("logits", "float32", ("batch", "seq", 50257))],
        [Embedding("token", 50257, 768, 0), Embedding("learned-position", 1024, 768)],
        [Stack("decoder", "decoder", 768, [block], ["embedding:0", "embedding:1"], after=[norm()])],
        [], Head("lm", 50257, True, "decoder"),
    )  # fmt: skip
