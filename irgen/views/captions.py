"""What is written in the box of a part: title, caption, role and tooltip, from its facts alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

from irgen.ir.architecture import Fact, Part
from irgen.scene import literal
from irgen.views.layout.tree import Leaf
from irgen.views.numbers import arrow, integers, parameters, size, times, whole
from irgen.views.words import Words

NORMS = {
    "layernorm": "LayerNorm", "rmsnorm": "RMSNorm", "batchnorm": "BatchNorm", "groupnorm": "GroupNorm",
    "instancenorm": "InstanceNorm", "l2": "L2 norm",
}  # fmt: skip

BRIEF = {"layernorm": "LN", "rmsnorm": "RMS", "batchnorm": "BN", "groupnorm": "GN", "instancenorm": "IN"}
"""Normalisations where there is little room."""

ACTIVATIONS = {
    "relu": "ReLU", "gelu": "GELU", "gelu-tanh": "GELU (tanh)", "gelu_tanh": "GELU (tanh)", "silu": "SiLU",
    "quick-gelu": "Quick GELU", "quick_gelu": "Quick GELU", "relu2": "ReLU²", "tanh": "tanh", "sigmoid": "Sigmoid",
    "mish": "Mish", "softplus": "Softplus", "hard_swish": "Hard swish", "hard-swish": "Hard swish", "elu": "ELU",
    "leaky_relu": "Leaky ReLU", "leaky-relu": "Leaky ReLU", "relu6": "ReLU6",
}  # fmt: skip

GATED = {"silu": "SwiGLU", "gelu": "GeGLU", "gelu-tanh": "GeGLU", "relu": "ReGLU", "sigmoid": "GLU"}

MASKED = {
    "causal": "Masked self-attention",
    "bidirectional": "Self-attention",
    "sliding-window": "Sliding-window attention",
    "local-window": "Window attention",
    "shifted-window": "Shifted-window attention",
    "prefix": "Prefix attention",
    "custom": "Custom-mask attention",
}

VARIANTS = {"gqa": "Grouped-query attention", "mqa": "Multi-query attention", "mla": "Latent attention"}

POSITIONS = {
    "rope": "RoPE", "relative-bias": "relative bias", "alibi": "ALiBi", "graph-bias": "graph bias",
    "relative-attention": "relative",
}  # fmt: skip

CONVOLUTIONS = {
    "depthwise": "Depthwise conv", "bottleneck": "Bottleneck", "inverted-residual": "Inverted residual",
    "inception": "Inception",
}  # fmt: skip

SHORT = {
    "Masked self-attention": "Masked attention", "Sliding-window attention": "Sliding attention",
    "Shifted-window attention": "Shifted windows", "Grouped-query attention": "GQA", "Multi-query attention": "MQA",
    "Custom-mask attention": "Masked attention",
}  # fmt: skip

RECURRENCES = {"rg-lru": "RG-LRU", "rwkv": "RWKV", "retention": "retention", "s6": "S6", "ssd": "SSD"}


@dataclass(frozen=True, slots=True)
class Caption:
    """What a box says: its role gives the colour."""

    role: str
    title: str
    note: str = ""
    tooltip: str = ""


def first(text: str) -> str:
    """The fullest of the alternatives of a text."""
    return text.partition("\n")[0]


def activation(name: Fact) -> str:
    """An activation as it is written in papers."""
    return ACTIVATIONS.get(str(name), literal(str(name), 20)) if name else ""


def brief(name: Fact) -> str:
    """An activation without the way it is approximated, where there is little room."""
    return activation(name).replace(" (tanh)", "").replace("Quick ", "")


def norm(name: Fact, words: Words) -> str:
    """A normalisation as it is written in papers."""
    return words(NORMS.get(str(name), "Norm"))


def _join(*facts: str) -> str:
    return " · ".join(fact for fact in facts if fact)


def _count(value: Fact) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def heads(facts: Mapping[str, Fact], words: Words) -> str:
    """`32 heads · 8 KV`."""
    count, shared = _count(facts.get("heads")), _count(facts.get("kv_heads"))
    if count is None:
        return ""
    said = words("{n} head" if count == 1 else "{n} heads", n=whole(count))
    return _join(said, words("{n} KV", n=whole(shared)) if shared is not None and shared != count else "")


def _attention(part: Part, width: int | None, words: Words) -> Caption:
    del width
    facts = part.facts
    mask, axis = str(facts.get("mask")), facts.get("axis")
    title = VARIANTS.get(str(facts.get("variant")), "")
    if facts.get("full"):
        title = "Full attention"
    elif mask in ("local-window", "shifted-window"):
        title = MASKED[mask]
    elif axis in ("time", "space"):
        title = "Temporal attention" if axis == "time" else "Spatial attention"
    elif mask in ("sliding-window", "local-window", "shifted-window", "prefix", "custom") or not title:
        title = MASKED.get(mask, "Self-attention")
    reduction = _count(facts.get("kv_reduction"))
    window, dim = facts.get("window"), _count(facts.get("head_dim"))
    position = POSITIONS.get(str(facts.get("position")), "")
    more = words("window {n}", n=times(*integers(window))) if window else ""
    if reduction and reduction > 1:
        more = f"K, V ÷ {reduction}²"
    slots = _count(facts.get("memory_slots"))
    if slots:
        more = words("{n} memory slot" if slots == 1 else "{n} memory slots", n=whole(slots))
    if not more:
        more = words(position) if position and position != "RoPE" else f"d={dim}" if dim else ""
    short = f"\n{words(SHORT[title])}" if title in SHORT else ""
    said = heads(facts, words)
    count = said.partition(" · ")[0]
    told = window or reduction or slots
    options = [_join(said, more), _join(count, more) if told else said, more if window else said]
    if slots:
        options[1:] = [_join(count, words("{n} slots", n=whole(slots))), more]
    return Caption("attn", words(title) + short, "\n".join(dict.fromkeys(o for o in options if o)))


def _cross(part: Part, width: int | None, words: Words) -> Caption:
    del width
    title = "Gated cross-attention" if part.facts.get("gated") else "Cross-attention"
    dim = _count(part.facts.get("head_dim"))
    said = heads(part.facts, words)
    levels = integers(part.facts.get("memory_layers"))
    read = words("reads {n} layers", n=len(levels)) if levels else ""
    options = [_join(said, read), read or _join(said, f"d={dim}" if dim else "")]
    return Caption("cross", words(title), "\n".join(dict.fromkeys(options if read else options[1:])))


def _feed_forward(part: Part, width: int | None, words: Words) -> Caption:
    facts = part.facts
    hidden = _count(facts.get("hidden"))
    gated = bool(facts.get("gated"))
    path = arrow(width, hidden, width) if width and hidden and not gated else ""
    if gated and hidden:
        path = arrow(width, hidden) if width else whole(hidden)
    elif hidden and not width:
        path = words("{n} wide", n=whole(hidden))
    name = str(facts.get("activation"))
    said = GATED.get(name, activation(facts.get("activation"))) if gated else brief(facts.get("activation"))
    name = f"{words('Gated feed-forward')}\n{words('Gated MLP')}" if gated else words("Feed-forward")
    note = _join(path, said)
    if hidden and width and not gated:
        note = f"{note}\n{_join(arrow(width, hidden), said)}"
    return Caption("ffn", name, f"{note}\n{_join(whole(hidden) if hidden else '', said)}" if note else "")


def _moe(part: Part, width: int | None, words: Words) -> Caption:
    del width
    facts = part.facts
    experts, top, shared = (_count(facts.get(k)) for k in ("experts", "top_k", "shared_experts"))
    return Caption(
        "moe",
        words("Mixture of experts"),
        _join(
            words("{n} experts", n=whole(experts)) if experts else "",
            words("top-{n}", n=whole(top)) if top else "",
            words("{n} shared", n=whole(shared)) if shared else "",
        ),
    )


def _scan(part: Part, width: int | None, words: Words) -> Caption:
    facts = part.facts
    inner, state = _count(facts.get("inner")), _count(facts.get("state"))
    path = arrow(width, inner, width) if width and inner else whole(inner) if inner else ""
    kind = RECURRENCES.get(str(facts.get("variant")), "")
    return Caption("ssm", words("Selective scan"), _join(kind, path) or words("state {n}", n=state) if state else "")


def _recurrence(part: Part, width: int | None, words: Words) -> Caption:
    del width
    facts = part.facts
    kind = str(facts.get("variant"))
    conv, inner = _count(facts.get("conv_kernel")), _count(facts.get("inner"))
    title = "Gated recurrence" if kind == "rg-lru" else "Linear recurrence"
    note = _join(
        RECURRENCES.get(kind, ""),
        words("conv {n}", n=whole(conv)) if conv else "",
        words("{n} wide", n=whole(inner)) if inner else "",
    )
    return Caption("ssm", words(title), note)


def _rnn(part: Part, width: int | None, words: Words) -> Caption:
    del width
    facts = part.facts
    title = {"lstm": "LSTM", "gru": "GRU", "elman": "RNN"}.get(str(facts.get("variant")), "RNN")
    hidden = _count(facts.get("hidden"))
    both = words("bidirectional") if facts.get("bidirectional") else ""
    return Caption("ssm", title, _join(words("{n} wide", n=whole(hidden)) if hidden else "", both))


def _convolution(part: Part, width: int | None, words: Words) -> Caption:
    del width
    facts = part.facts
    kernel, channels = facts.get("kernel"), facts.get("channels")
    title = words(CONVOLUTIONS.get(str(facts.get("variant")), "Convolution"))
    if facts.get("variant") in (None, "plain") and kernel:
        title = f"Conv {size(kernel)}" if axes(kernel) != 1 else "Conv1d"
        if facts.get("transposed"):
            title = f"{words('Transposed conv')} {size(kernel) if axes(kernel) != 1 else ''}".strip()
    elif kernel and facts.get("variant") == "depthwise":
        title = f"{title} {size(kernel)}"
    if " × " in title and "\n" not in title:
        title = f"{title}\n{title.replace(' × ', '×')}"
    step = stride_of(facts)
    said = words("upsample × {n}" if facts.get("transposed") else "stride {n}", n=whole(step)) if step > 1 else ""
    into = _count(facts.get("in"))
    wide = words("{n} channel" if channels == 1 else "{n} channels", n=whole(channels)) if channels else ""
    if into and channels:
        wide = arrow(into, channels)
    taps = f"k={integers(kernel)[0]}" if axes(kernel) == 1 and integers(kernel) else ""
    act = _join(BRIEF.get(str(facts.get("norm")), ""), activation(facts.get("activation")))
    short = whole(channels) if channels else ""
    count, steps = _count(facts.get("count")), integers(facts.get("steps"))
    if count and steps:
        title = f"{words('Convolution')}\xa0×\xa0{count}\nConv\xa0×\xa0{count}"
        said = words("stride {n}", n=" · ".join(map(str, steps))) if max(steps) > 1 else ""
    options = [_join(wide, taps, said, act if not taps else ""), _join(wide, taps, said), _join(short, said), short]
    return Caption("conv", title, "\n".join(dict.fromkeys(o for o in options if o)))


def stride_of(facts: Mapping[str, Fact]) -> int:
    """The step of a convolution, 1 where none is known."""
    return max(integers(facts.get("stride")), default=1)


def axes(kernel: Fact) -> int:
    """How many axes a kernel has; a plain number stands for two."""
    return 2 if isinstance(kernel, int) else len(integers(kernel))


def _linear(part: Part, width: int | None, words: Words) -> Caption:
    del width
    into, out = part.facts.get("in"), part.facts.get("out")
    path = arrow(into, out) if into and out else ""
    count = _count(part.facts.get("count"))
    title = f"{words('Linear')}\xa0×\xa0{count}" if count else words("Linear")
    beside = words("in parallel") if count else ""
    return Caption("norm", title, _join(path, activation(part.facts.get("activation")), beside))


def _unknown(part: Part, width: int | None, words: Words) -> Caption:
    del width
    held = cast("dict[object, object]", part.facts.get("ops") or {})
    counts = [(str(key), n) for key, n in held.items() if isinstance(n, int)]
    counts.sort(key=lambda item: (-item[1], item[0]))
    note = _join(*(f"{literal(name, 16)} {n}" for name, n in counts[:3]), "…" if len(counts) > 3 else "")
    every = ", ".join(f"{literal(name, 24)} {n}" for name, n in counts[:24])
    return Caption("off", words("Unrecognised"), note, f"{words('Unrecognised')}: {every}")


def _several(part: Part, width: int | None, words: Words) -> Caption:
    """Parts in a row that are told together."""
    del width
    kinds = cast("dict[str, int]", part.facts.get("kinds") or {})
    named = [(first(caption(Part(kind), None, words).title), count) for kind, count in kinds.items()]
    said = _join(*(f"{name} × {count}" for name, count in named[:3]), "…" if len(named) > 3 else "")
    return Caption("norm", words("{n} operators", n=part.facts.get("count")), said)


def box_of_unknown(ops: Mapping[str, int], words: Words) -> Leaf:
    """The operators of the model that no region holds, as one box."""
    said = _unknown(Part("unknown", {"ops": dict(ops)}), None, words)
    return Leaf("unknown", said.role, said.title, said.note, tooltip=said.tooltip, dashed=True)


def _titled(role: str, title: str) -> Callable[[Part, int | None, Words], Caption]:
    def made(part: Part, width: int | None, words: Words) -> Caption:
        del width
        wide = _count(part.facts.get("width"))
        return Caption(role, words(title), whole(wide) if wide else "")

    return made


def _quantiser(part: Part, width: int | None, words: Words) -> Caption:
    """Bins or nearest codes, and by what a series is divided in front of them."""
    del width
    bins = _count(part.facts.get("width"))
    scaled = words(SCALINGS.get(str(part.facts.get("scaled")), "")) if part.facts.get("scaled") else ""
    return Caption("embed", words("Quantiser"), _join(scaled, whole(bins) if bins else ""))


def _dequantiser(part: Part, width: int | None, words: Words) -> Caption:
    del width
    bins = _count(part.facts.get("width"))
    said = words("× scale") if part.facts.get("scaled") else ""
    return Caption("embed", words("Dequantiser"), _join(whole(bins) if bins else "", said))


SCALINGS = {"mean": "x / mean |x|", "max": "x / max |x|", "deviation": "x / σ"}


TABLE: dict[str, Callable[[Part, int | None, Words], Caption]] = {
    "self-attention": _attention,
    "cross-attention": _cross,
    "feed-forward": _feed_forward,
    "moe": _moe,
    "selective-scan": _scan,
    "linear-recurrence": _recurrence,
    "rnn": _rnn,
    "convolution": _convolution,
    "patch-merging": _titled("conv", "Patch merging"),
    "pooling": _titled("norm", "Pooling"),
    "quantizer": _quantiser,
    "dequantizer": _dequantiser,
    "stop-gradient": lambda _part, _, words: Caption("norm", words("Stop-gradient")),
    "mixer": _titled("ffn", "Token mixing"),
    "fourier": _titled("attn", "Fourier mixing"),
    "norm": lambda part, _, words: Caption("norm", norm(part.facts.get("norm"), words)),
    "activation": lambda part, _, words: Caption(
        "norm", activation(part.facts.get("activation")) or words("Activation")
    ),
    "linear": _linear,
    "concat": _titled("norm", "Concat"),
    "add": _titled("norm", "Add"),
    "scatter": _titled("norm", "Token scatter"),
    "interleave": _titled("norm", "Interleave"),
    "unknown": _unknown,
    "several": _several,
}
"""Caption of each kind of part."""


def caption(part: Part, width: int | None, words: Words) -> Caption:
    """What to write for a part that stands on a stream of this width."""
    made = TABLE[part.kind](part, width, words) if part.kind in TABLE else Caption("norm", literal(part.kind, 26))
    if part.parameters and not made.tooltip:
        said = f"{first(made.title)} — {first(made.note)}" if made.note else first(made.title)
        tip = f"{said} · {parameters(part.parameters, words.lang)} {words('Parameters').lower()}"
        return Caption(made.role, made.title, made.note, tip)
    return made
