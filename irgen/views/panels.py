"""Detail panels: the inside of an attention, a feed-forward, a mixture, a scan, drawn from the facts of the part."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from irgen.ir.architecture import Part
from irgen.views.captions import GATED, activation, caption
from irgen.views.glyphs import heads_glyph
from irgen.views.layers import joint
from irgen.views.layout.tree import Chain, Frame, Leaf, Par, Piece, stretch, trunk
from irgen.views.numbers import arrow, times, whole
from irgen.views.words import Words


@dataclass(frozen=True, slots=True)
class Detail:
    """What a panel opens: the part, the width of its stream, the prefix of its ids and the vocabulary."""

    part: Part
    width: int | None
    id: str
    words: Words

    def fact(self, key: str) -> int | None:
        """A fact that is a number."""
        value = self.part.facts.get(key)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def leaf(self, name: str, role: str, title: str, note: str = "", **more: object) -> Leaf:
        """A box of the panel."""
        made = Leaf(f"{self.id}.{name}", role, title, note)
        for key, value in more.items():
            setattr(made, key, value)
        return made

    def port(self, name: str, title: str = "") -> Leaf:
        """Where something enters or leaves the panel."""
        return Leaf(f"{self.id}.{name}", "io", title or name, shape="port", least=96)

    def path(self, *widths: int | None) -> str:
        """`768 → 3,072`, or nothing where a width is not known."""
        return arrow(*widths) if all(widths) else ""


def feed_forward(d: Detail) -> Piece:
    """Linear, activation, linear; gated: the product of two branches."""
    hidden, words = d.fact("hidden"), d.words
    act = activation(d.part.facts.get("activation")) or words("Activation")
    if not d.part.facts.get("gated"):
        return Chain([
            d.port("x"),
            d.leaf("a", "ffn", words("Linear"), d.path(d.width, hidden)),
            d.leaf("b", "norm", act),
            d.leaf("c", "ffn", words("Linear"), d.path(hidden, d.width)),
            d.port("y"),
        ])  # fmt: skip
    up = d.leaf("u", "ffn", words("Linear up"), d.path(d.width, hidden))
    gate = d.leaf("g", "ffn", words("Linear gate"), d.path(d.width, hidden))
    return Chain([
        d.port("x"),
        Par([up, Chain([gate, d.leaf("b", "norm", act)])]),
        joint(f"{d.id}.m", words, "×", "Elementwise product"),
        d.leaf("c", "ffn", words("Linear down"), d.path(hidden, d.width)),
        d.port("y"),
    ])  # fmt: skip


def attention(d: Detail) -> Piece:
    """Projections, positions, the core with its heads, the output projection."""
    facts, words = d.part.facts, d.words
    heads, shared, dim = d.fact("heads"), d.fact("kv_heads"), d.fact("head_dim")
    role = "cross" if d.part.kind == "cross-attention" else "attn"
    kv = shared or heads

    def branch(name: str, count: int | None) -> Piece:
        box = d.leaf(name.lower(), role, name, times(count, dim) if count and dim else "")
        items: list[Piece] = [box]
        if name != "V" and facts.get("qk_norm"):
            items.append(d.leaf(f"{name.lower()}n", "norm", words("Norm")))
        if name != "V" and facts.get("position") == "rope":
            items.append(d.leaf(f"{name.lower()}r", "embed", words("RoPE")))
        return Chain(items) if len(items) > 1 else box

    core_note = _core_note(d, heads, kv)
    title = words("Softmax over keys and sink" if facts.get("sinks") else "Scaled dot-product attention")
    core = d.leaf("s", role, title, core_note, wide=True, drawing=heads_glyph(heads, kv, role))
    out = heads * dim if heads and dim else None
    rows = [branch("Q", heads), branch("K", kv), branch("V", kv)]
    tail: list[Piece] = [core, d.leaf("o", role, words("Output projection"), d.path(out, d.width)), d.port("y")]
    if role == "cross":
        left = Chain([d.port("x"), rows[0]])
        right = Chain([d.port("m", words("memory")), Par(rows[1:])])
        return Chain([Par([left, right], equal=False), *tail])
    if facts.get("sinks"):
        rows.append(d.leaf("z", "embed", words("Sinks"), times(heads, 1) if heads else "", detached=True))
    return Chain([d.port("x"), Par(rows), *tail])


def _core_note(d: Detail, heads: int | None, kv: int | None) -> str:
    facts, words = d.part.facts, d.words
    if heads and kv and kv != heads and heads % kv == 0:
        return words("{n} query heads share each KV head", n=heads // kv)
    mask = {"causal": " + mask", "sliding-window": " + mask", "prefix": " + mask", "custom": " + mask"}
    bias = " + bias" if facts.get("position") in ("relative-bias", "alibi", "graph-bias") else ""
    return f"softmax(QK^{{T}} / √d{bias}{mask.get(str(facts.get('mask')), '')}) V"


PANELS: dict[str, tuple[int, Callable[[Detail], Piece]]] = {
    "cross-attention": (2, attention),
    "self-attention": (3, attention),
    "feed-forward": (4, feed_forward),
}
"""Rank (a smaller one is more telling) and drawing of each kind that has a panel."""


def title(d: Detail) -> str:
    """The label of the panel."""
    said = caption(d.part, d.width, d.words).title
    if d.part.kind == "feed-forward" and d.part.facts.get("gated"):
        name = GATED.get(str(d.part.facts.get("activation")))
        return f"{said} · {name}" if name else said
    return said


def panel(d: Detail) -> Frame | None:
    """The panel of a part, if its kind has one."""
    if d.part.kind not in PANELS:
        return None
    child = PANELS[d.part.kind][1](d)
    child.measure()
    inner = [leaf for leaf in trunk(child) if leaf.shape == "box"]
    stretch(child, max([176.0, *(leaf.span for leaf in inner)]))
    return Frame(d.id, child, title(d), entry=22, closed=True)


__all__ = ["Detail", "panel", "title", "whole"]
