"""Detail panels: the inside of an attention, a feed-forward, a mixture, a scan, drawn from the facts of the part."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from irgen.ir.architecture import Part
from irgen.views.captions import GATED, VARIANTS, activation, caption, first, stride_of
from irgen.views.detail import Detail
from irgen.views.glyphs import heads_glyph, mask_cells
from irgen.views.layers import joint
from irgen.views.layout.tree import Chain, Frame, Lane, Leaf, Par, Piece, stretch, trunk
from irgen.views.numbers import arrow, size, times, whole
from irgen.views.recurrences import recurrence, scan
from irgen.views.words import Words


def feed_forward(d: Detail) -> Piece:
    """Linear, activation, linear; gated: the product of two branches."""
    hidden, words = d.fact("hidden"), d.words
    kernel = d.fact("conv_kernel")
    inner: list[Piece] = []
    if kernel:
        inner.append(d.leaf("k", "conv", f"{words('Depthwise conv')} {size(kernel)}", whole(hidden) if hidden else ""))
    if not d.part.facts.get("gated"):
        return Chain([
            d.port("x"),
            d.leaf("a", "ffn", words("Linear"), d.path(d.width, hidden)),
            *inner,
            d.leaf("b", "norm", d.act),
            d.leaf("c", "ffn", words("Linear"), d.path(hidden, d.width)),
            d.port("y"),
        ], labels=_labels({2: d.shape(hidden)}))  # fmt: skip
    up = d.leaf("u", "ffn", words("Linear up"), d.path(d.width, hidden))
    gate = d.leaf("g", "ffn", words("Linear gate"), d.path(d.width, hidden))
    return Chain([
        d.port("x"),
        Par([up, Chain([gate, d.leaf("b", "norm", d.act)])]),
        joint(f"{d.id}.m", words, "×", "Elementwise product"),
        d.leaf("c", "ffn", words("Linear down"), d.path(hidden, d.width)),
        d.port("y"),
    ], labels=_labels({3: d.shape(hidden)}))  # fmt: skip


def _labels(texts: dict[int, str]) -> dict[int, str]:
    return {at: text for at, text in texts.items() if text}


def attention(d: Detail) -> Piece:
    """Projections, positions, the core with its heads, the output projection."""
    facts, words = d.part.facts, d.words
    heads, dim = d.fact("heads"), d.fact("head_dim")
    kv = d.fact("kv_heads") or heads
    role = "cross" if d.part.kind == "cross-attention" else "attn"
    latent = facts.get("variant") == "mla"

    def branch(name: str, count: int | None) -> Piece:
        known = count and dim and not (latent and name == "V")
        box = d.leaf(name.lower(), role, name, times(count, dim) if known else "")
        items: list[Piece] = [box]
        if name != "V" and facts.get("qk_norm"):
            items.append(d.leaf(f"{name.lower()}n", "norm", words("Norm")))
        if name != "V" and facts.get("position") == "rope":
            items.append(d.leaf(f"{name.lower()}r", "embed", words("RoPE")))
        return Chain(items) if len(items) > 1 else box

    title = words("Softmax over keys and sink" if facts.get("sinks") else "Scaled dot-product attention")
    core = d.leaf("s", role, title, _core_note(d, heads, kv))
    core.wide, core.drawing = True, heads_glyph(heads, kv, role, (200 if d.inline else 232) if d.narrow else 272)
    out = heads * dim if heads and dim and not latent else None
    rows = [branch("Q", heads), branch("K", kv), branch("V", kv)]
    tail: list[Piece] = [core, d.leaf("o", role, words("Output projection"), d.path(out, d.width)), d.port("y")]
    if role == "cross":
        query = d.port("x", words("latents") if facts.get("queries") == "learned" else "x")
        left = rows[0] if d.inline else Chain([query, rows[0]])
        right = Chain([d.port("m", words("memory")), Par(rows[1:], 8 if d.narrow else 16)])
        query.detached = True
        if isinstance(right.items[0], Leaf):
            right.items[0].detached = True
        return Chain([Par([left, right], 8 if d.narrow else 16, equal=False), *tail])
    if facts.get("sinks"):
        sinks = d.leaf("z", "embed", words("Sinks"), times(heads, 1) if heads else "")
        sinks.detached = True
        rows.append(sinks)
    if latent:
        rank = d.fact("kv_rank") or d.fact("latent")
        small = d.leaf("l", role, words("Latent"), d.path(d.width, rank))
        rows = [rows[0], Chain([small, Par(rows[1:])])]
        return Chain([d.port("x"), Par(rows, equal=False), *tail])
    slots = d.fact("memory_slots")
    if slots:
        more = d.leaf("z", "embed", words("Slots"), f"{slots} K, V")
        more.detached = True
        rows.append(more)
    reduction = d.fact("kv_reduction") or 1
    if reduction > 1:
        fewer = d.leaf("l", "conv", words("Spatial reduction"), words("keys 1/{n}", n=f"{reduction}²"))
        return Chain([d.port("x"), Par([rows[0], Chain([fewer, Par(rows[1:])])], equal=False, centred=True), *tail])
    made = Chain([d.port("x"), Par(rows, 8 if d.narrow else 16), *tail])
    made.labels = _labels({3: d.shape(out)})
    return made


def _core_note(d: Detail, heads: int | None, kv: int | None) -> str:
    facts, words = d.part.facts, d.words
    if heads and kv and kv != heads and heads % kv == 0:
        return words("{n} query heads share each KV head", n=heads // kv)
    mask = " + mask" if facts.get("mask") in ("causal", "sliding-window", "prefix", "custom") else ""
    bias = " + bias" if facts.get("position") in ("relative-bias", "alibi", "graph-bias") else ""
    scores = "(QK^{T} + QR^{T})" if facts.get("position") == "relative-attention" else "QK^{T}"
    return f"softmax({scores} / √d{bias}{mask}) V"


def mixture(d: Detail) -> Piece:
    """Router, a row of experts of which k are active, their weighted sum."""
    words = d.words
    experts, top, shared = d.fact("experts") or 0, d.fact("top_k") or 0, d.fact("shared_experts") or 0
    scoring = str(d.part.facts.get("scoring") or "")
    note = " · ".join(x for x in (
        f"Linear {arrow(d.width, experts)}" if d.width and experts else "",
        words("top-{n}", n=top) if top else "",
        words(scoring) if scoring in ("softmax", "sigmoid") else "",
    ) if x)  # fmt: skip
    router = d.leaf("r", "moe", words("Router"), note)
    over = f"y = Σ g_{{i}} E_{{i}}(x) {words('over the top {n}', n=top)}" if top else "y = Σ g_{i} E_{i}(x)"
    summed = d.leaf("w", "moe", words("Weighted sum"), over)
    router.wide = summed.wide = True
    chips = _experts(d, experts, min(top, experts), 6 if shared or d.narrow else 8)
    inside: list[Piece] = [router, Par(chips, gap=6, equal=False), summed]
    if not shared:
        return Chain([d.port("x"), *inside, d.port("y")])
    both = d.leaf("h", "ffn", words("Shared"), f"× {shared}" if shared > 1 else "")
    both.shape, both.tooltip = "chip", words("Shared expert")
    return Chain([
        d.port("x"), Par([Chain(inside), both], align="center", equal=False), joint(f"{d.id}.a", words, tooltip="Sum"),
        d.port("y"),
    ])  # fmt: skip


def _experts(d: Detail, experts: int, top: int, most: int) -> list[Piece]:
    """Up to eight (six) chips; with more experts an ellipsis stands between the first ones and the last."""
    if experts <= most:
        shown: list[int | None] = list(range(1, experts + 1))
        active = {3, 6} if (experts, top) == (8, 2) else set(range(1, top + 1))
    else:
        shown = (
            [1, 2, 3, 4, None, experts - 2, experts - 1, experts] if most > 6 else [1, 2, 3, None, experts - 1, experts]
        )
        order = [2, experts - 2, 3, experts, 1, 4, experts - 1] if most > 6 else [2, experts, 3, experts - 1, 1]
        active = set(order[: min(top, len(order))])
    chips: list[Piece] = []
    for number in shown:
        title = "…" if number is None else f"E_{{{number}}}"
        chip = d.leaf(f"e{number or 'x'}", "ffn" if number in active else "off", title)
        chip.shape, chip.fixed, chip.dashed = "chip", 36.0, number not in active
        chip.tooltip = "…" if number is None else d.words("{n} expert", n=number)
        chips.append(chip)
    return chips


def bottleneck(d: Detail) -> Piece:
    """1 × 1, k × k, 1 × 1 with the sum."""
    words, facts = d.words, d.part.facts
    kernel = size(facts.get("kernel") or 3)
    act = activation(facts.get("activation"))
    norm = "BN" if facts.get("norm") == "batchnorm" else ""
    inverted = facts.get("variant") == "inverted-residual"
    note = " · ".join(x for x in (norm, act) if x)
    step = stride_of(facts)
    said = words("stride {n}", n=step) if step > 1 else words("depthwise") if inverted else ""
    middle = f"{words('Depthwise conv') if inverted else 'Conv'} {kernel}"
    items: list[Piece] = [
        d.port("x"),
        d.leaf("a", "conv", "Conv 1 × 1", note),
        d.leaf("b", "conv", middle, " · ".join(x for x in (said, note) if x)),
        d.leaf("c", "conv", "Conv 1 × 1", norm),
    ]
    lanes: list[Lane] = []
    summed = d.part.form not in (None, "none", "") or not inverted
    if summed and step == 1 and not d.inline:
        items.append(joint(f"{d.id}.p", words))
        lanes.append(Lane(1, 4))
    return Chain([*items, d.port("y")], lanes)


PANELS: dict[str, tuple[int, Callable[[Detail], Piece]]] = {
    "moe": (0, mixture),
    "selective-scan": (1, scan),
    "linear-recurrence": (1, recurrence),
    "cross-attention": (3, attention),
    "self-attention": (2, attention),
    "feed-forward": (4, feed_forward),
    "convolution": (5, bottleneck),
}
"""Rank (a smaller one is more telling) and drawing of each kind that has a panel."""


def drawable(part: Part) -> bool:
    """Whether the facts suffice for a panel."""
    facts: Mapping[str, object] = part.facts
    if part.kind == "convolution":
        return facts.get("variant") in ("bottleneck", "inverted-residual")
    needs = {"self-attention": "heads", "cross-attention": "heads", "moe": "experts"}
    return part.kind in PANELS and (part.kind not in needs or isinstance(facts.get(needs[part.kind]), int))


def title(d: Detail) -> str:
    """The label of the panel."""
    facts, words = d.part.facts, d.words
    said = first(caption(d.part, d.width, words).title)
    if d.part.kind == "self-attention":
        if d.several:
            said = words(VARIANTS.get(str(facts.get("variant")), "Self-attention"))
        return f"{said} · {words('sinks')}" if facts.get("sinks") else said
    if d.part.kind == "convolution" and stride_of(facts) > 1:
        return f"{said} · {words('stride {n}', n=stride_of(facts))}"
    if d.part.kind == "feed-forward" and facts.get("gated"):
        name = GATED.get(str(facts.get("activation")))
        return f"{said} · {name}" if name else said
    if d.part.kind == "moe" and d.fact("experts") and d.fact("hidden") and not d.narrow:
        name = GATED.get(str(facts.get("activation")), "") if facts.get("gated") else ""
        count = f"{whole(d.fact('experts'))} {name}".strip()
        return f"{said} · {words('{n} experts, {h} wide', n=count, h=whole(d.fact('hidden')))}"
    return said


def masks(parts: Sequence[Part], name: str, words: Words) -> Frame | None:
    """Which keys a query sees, for attentions of one stack that differ in this."""
    kept: dict[str, Part] = {}
    for part in parts:
        if part.kind == "self-attention" and part.facts.get("mask") in ("causal", "sliding-window", "bidirectional"):
            kept.setdefault(str(part.facts["mask"]), part)
    if len(kept) < 2 or "sliding-window" not in kept:
        return None
    boxes: list[Piece] = []
    for mask, part in kept.items():
        sinks = bool(part.facts.get("sinks"))
        window = part.facts.get("window")
        sliding = mask == "sliding-window"
        said = words("last {n} keys", n=whole(window)) if sliding and window else words("all past keys")
        said = words("all keys") if mask == "bidirectional" else said
        title = words("Sliding layer" if sliding else "Full layer")
        box = Leaf(f"{name}.{mask}", "card", title, f"{said} + {words('sink')}" if sinks else said)
        box.drawing = mask_cells(3 if sliding else None, sinks, full=mask == "bidirectional")
        boxes.append(box)
    return Frame(name, Par(boxes), words("Attention scores of one head"), entry=16, closed=True)


def panel(d: Detail) -> Frame | None:
    """The panel of a part, if its kind has one and its facts suffice."""
    if not drawable(d.part):
        return None
    child = PANELS[d.part.kind][1](d)
    child.measure()
    _even_branches(child)
    inner = [leaf for leaf in trunk(child) if leaf.shape == "box"]
    stretch(child, max([176.0, *(leaf.span for leaf in inner)]))
    return Frame(d.id, child, title(d), entry=22, closed=True, pad=12 if d.narrow else 16)


def _even_branches(piece: Piece) -> None:
    """One width for the boxes of each branch."""
    for item in piece.items if isinstance(piece, Chain) else []:
        for branch in item.items if isinstance(item, Par) else []:
            if isinstance(branch, Chain):
                stretch(branch, max((leaf.span for leaf in trunk(branch)), default=0.0))


def inside(d: Detail) -> Piece | None:
    """The drawing of a part without its ports, to stand in the part's place; None where the part stays one box."""
    if not drawable(d.part):
        return None
    child = PANELS[d.part.kind][1](d)
    if not isinstance(child, Chain):
        return None
    child.measure()
    _even_branches(child)
    items = [
        item for item in child.items if not (isinstance(item, Leaf) and item.shape == "port" and item.role == "io")
    ]
    ahead = 1 if isinstance(child.items[0], Leaf) and child.items[0].shape == "port" else 0
    lanes = [Lane(lane.start - ahead, lane.end - ahead, lane.kind) for lane in child.lanes]
    labels = {at - ahead: text for at, text in child.labels.items()}
    return Chain(items, lanes, labels)


__all__ = ["Detail", "drawable", "inside", "panel", "title"]
