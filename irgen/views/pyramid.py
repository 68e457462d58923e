"""Pyramids: stages in a row, feature maps above or below, the head beside or over them, a block opened below."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

from irgen.ir.architecture import Architecture, Part, Stack
from irgen.scene import Edge, Scene
from irgen.views.captions import caption, first
from irgen.views.heads import after_stack, head_caption, merged, output_pill
from irgen.views.layers import Drawn, part_box
from irgen.views.layout.columns import even, fit
from irgen.views.layout.page import MARGIN
from irgen.views.layout.sheet import extent, put
from irgen.views.layout.tree import Chain, Frame, Leaf, Piece, limit, stretch
from irgen.views.opened import longest, opened_blocks
from irgen.views.sources import KINDS, UNKNOWN, index_of, note
from irgen.views.stacks import folded
from irgen.views.stage_pictures import maps, maps_height, show_windows, table, windows_of
from irgen.views.words import Words

GAP = 20.0
MOST = 5
ROW_GAP = 44.0

TABLE = 220.0
"""Width of the table of stages."""


@dataclass(slots=True)
class Pyramid:
    """The parts of a pyramid figure."""

    found: Architecture
    words: Words
    drawn: Drawn
    cards: list[Frame] = field(default_factory=list[Frame])
    columns: list[Chain] = field(default_factory=list[Chain])
    """What stands over each card in a head that reads several stages."""

    @property
    def fused(self) -> bool:
        """Several stages feed the head."""
        ahead = {stack.name for stack in self.found.stacks}
        linked = sum(link.kind == "feature-pyramid" and link.source in ahead for link in self.found.links)
        return linked > 1 or len(self.scales()) > 1

    def scales(self) -> dict[str, list[Part]]:
        """Parts of the head that take one stage each: projections of that stage's width, and norms before them."""
        widths = [stack.width for stack in self.found.stacks]
        parts = self.found.head.parts
        taken = {p.facts["in"]: p for p in parts if p.kind == "linear" and widths.count(p.facts.get("in") or 0) == 1}
        if len(taken) < len(widths) or len(widths) < 2:
            return {}
        norms = [part for part in parts if part.kind == "norm" and part.facts.get("norm") == "layernorm"]
        each = norms[:1] if len(norms) == len(widths) else []
        return {stack.name: [*each, taken[stack.width]] for stack in self.found.stacks}


def is_pyramid(found: Architecture, width: float) -> bool:
    """Whether the model is a row of stages that has room on the page."""
    stacks = found.stacks
    chain = all(b.reads == [a.name] for a, b in pairwise(stacks))
    return width >= 700 and 2 <= len(stacks) <= MOST and chain and all(stack.role == "stage" for stack in stacks)


def stage_chain(found: Architecture, number: int, drawn: Drawn, *, foot: bool) -> Chain:
    """One stage from its first operation to its last, blocks folded."""
    stack, words = found.stacks[number], drawn.words
    items: list[Piece] = []
    for read in stack.reads if foot else []:
        index = index_of(read, "embedding")
        if index is not None and index < len(found.embeddings) and not items:
            embedding = found.embeddings[index]
            kind = KINDS.get(embedding.kind, UNKNOWN)
            title = f"{words(kind.title)}\n{words(kind.short)}"
            items.append(Leaf(f"g{number}.e", kind.role, title, note(embedding, words)))
    items += [
        part_box(f"g{number}.b{at}", part, None, drawn, stack.name) for at, part in enumerate(merged(stack.before))
    ]
    items += folded(stack, f"g{number}", drawn)
    if number < len(found.stacks) - 1:
        items += [part_box(f"g{number}.a{at}", p, None, drawn, stack.name) for at, p in enumerate(stack.after)]
    return Chain(items)


def draw(scene: Scene, found: Architecture, words: Words, top: float) -> float:
    """Draw the pyramid below `top`; returns the lower edge."""
    made = Pyramid(found, words, Drawn(words))
    across = scene.width - 2 * MARGIN
    made.cards = [
        Frame(
            f"g{n}",
            stage_chain(found, n, made.drawn, foot=True),
            words("Stage {n}", n=n + 1),
            pad=8,
            entry=14,
            closed=True,
        )
        for n in range(len(found.stacks))
    ]
    head = None if made.fused else _head(made)
    room = across - (_head_width(head) + GAP if head else 0.0) - GAP * (len(made.cards) - 1)
    for card in made.cards:
        limit(card, room / len(made.cards) - 18)
        card.measure()
        stretch(card, min(room / len(made.cards) - 18, 160))
        card.measure()
    bottom = _crown(scene, made, top) if made.fused else top + maps_height(made.found)
    high = max(card.high for card in made.cards)
    total = (
        sum(extent(card) for card in made.cards)
        + GAP * (len(made.cards) - 1)
        + (GAP + _head_width(head) if head else 0.0)
    )
    x = MARGIN + (across - total) / 2
    for card in made.cards:
        rest = high - card.high
        card.entry, card.roof = 14 + rest / 2, rest / 2
        card.measure()
        put(scene, card, x + card.outer, bottom + high)
        x += extent(card) + GAP
    middle = bottom + high / 2
    for a, b in pairwise(made.cards):
        scene.edges.append(Edge(a.id, b.id, "flow", [(a.c + a.side, middle), (b.c - b.left, middle)]))
    if head:
        last = made.cards[-1]
        put(scene, head, x + head.outer, middle + head.high / 2)
        scene.edges.append(Edge(last.id, head.id, "flow", [(last.c + last.side, middle), (head.c - head.left, middle)]))
        maps(scene, made.found, made.cards, bottom - 14, above=True)
        return _blocks(scene, made, bottom + high + ROW_GAP)
    low = maps(scene, made.found, made.cards, bottom + high + 14, above=False)
    _fuse(scene, made)
    return _blocks(scene, made, low + ROW_GAP - 12)


def _head_width(head: Leaf | None) -> float:
    return head.span if head else 0.0


def _head(made: Pyramid) -> Leaf:
    """Everything behind the last stage in one box."""
    found, words = made.found, made.words
    last = found.stacks[-1]
    parts = [*last.after, *after_stack(found.head, last)]
    said = head_caption(found.head, last.width, words)
    names = [first(caption(part, last.width, words).title) for part in parts]
    runs = [f"{name} × {names.count(name)}" if names.count(name) > 1 else name for name in dict.fromkeys(names)]
    note_of = " · ".join([*runs, *([said.note] if said else [])])
    title = f"{said.title}\n{words('Head')}" if said else words("Output")
    leaf = Leaf("head", said.role if said else "io", title, note_of, most=112, tooltip=f"{first(title)} — {note_of}")
    leaf.shape, leaf.rows = "box" if said else "pill", 4
    leaf.most = 112 if len(made.cards) > 2 else 160
    leaf.measure()
    return leaf


def _crown(scene: Scene, made: Pyramid, top: float) -> float:
    """The head over the stages: parts on a bar as wide as the row; returns where the cards begin."""
    found, words = made.found, made.words
    scales = made.scales()
    spent = [id(part) for parts in scales.values() for part in parts]
    many = len(scales) == len(found.stacks)
    parts = [
        part for part in after_stack(found.head, None)
        if id(part) not in spent and not (many and part.kind == "norm" and part.facts.get("norm") == "layernorm")
    ]  # fmt: skip
    bar = parts.pop(0) if parts and parts[0].kind in ("concat", "add") else None
    title = first(caption(bar, None, words).title) if bar else words("Fusion of {n} scales", n=len(found.stacks))
    said = caption(bar, None, words).note if bar else ""
    wide = Leaf("bar", "norm", f"{title} · {said}" if said else title)
    items: list[Piece] = [wide]
    items += [part_box(f"h.{at}", part, None, made.drawn, "head") for at, part in enumerate(parts)]
    final = head_caption(found.head, None, words)
    if final:
        items.append(Leaf("head", final.role, final.title, final.note))
    items.append(output_pill(found, words))
    chain = Chain(items, gap=GAP)
    limit(chain, 240)
    chain.measure()
    stretch(Chain(items[1:]), 184)
    across = scene.width - 2 * MARGIN
    wide.fixed = across
    chain.measure()
    put(scene, chain, scene.width / 2, top + chain.high)
    made.columns = [
        Chain(
            [part_box(f"c{at}.{i}", p, None, made.drawn, "head") for i, p in enumerate(scales.get(stack.name, []))],
            gap=GAP,
        )
        for at, stack in enumerate(found.stacks)
    ]
    for column, card in zip(made.columns, made.cards, strict=True):
        limit(column, extent(card))
        column.measure()
        stretch(column, extent(card) - 16)
        column.measure()
    high = max((column.high + GAP for column in made.columns if column.items), default=0.0)
    return top + chain.high + high + (GAP if high else 36)


def _fuse(scene: Scene, made: Pyramid) -> None:
    """Straight arrows from the cards, through what belongs to one stage, to the bar above them."""
    bar = next(node for node in scene.nodes if node.id == "bar")
    linked = {link.source for link in made.found.links if link.kind == "feature-pyramid"} | set(made.scales())
    for card, stack, column in zip(made.cards, made.found.stacks, made.columns, strict=True):
        if stack.name not in linked:
            continue
        x, roof = card.c, -(card.m + card.high)
        if not column.items:
            scene.edges.append(Edge(card.id, "bar", "flow", [(x, roof), (x, bar.y + bar.h)]))
            continue
        put(scene, column, x, roof - GAP)
        low, top = column.ins()[0], column.outs()[0]
        scene.edges.append(Edge(card.id, low.id, "flow", [(x, roof), (x, -low.m)]))
        scene.edges.append(Edge(top.id, "bar", "flow", [(x, -top.top), (x, bar.y + bar.h)]))


def _blocks(scene: Scene, made: Pyramid, top: float) -> float:
    """One block of the longest stage opened, or two where windows alternate; with its attention beside it."""
    frames = opened_blocks(made.found, made.words)
    across = scene.width - 2 * MARGIN
    while len(frames) > 1 and fit(frames, across, 196) < 136:
        frames.pop()
    if not frames:
        return top - ROW_GAP
    return _row(scene, made, longest(made.found), frames, top)


def _row(scene: Scene, made: Pyramid, stack: Stack, frames: list[Frame], top: float) -> float:
    across = scene.width - 2 * MARGIN
    fit(frames, across, 196)
    for frame in frames:
        frame.least = (
            min(extent(frame) + 24, (across - 24 * (len(frames) - 1)) / len(frames)) if len(frames) < 3 else 0.0
        )
        frame.measure()
    glyph = windows_of(stack)
    tabled = not glyph and len(frames) < 3
    room = across - 24 * (len(frames) - 1)
    if sum(extent(f) for f in frames) > room - (TABLE + 16 if tabled else 0):
        for frame in frames:
            frame.least = 0.0
            _remeasure(frame)
    high = max(frame.high for frame in frames)
    gap = 24.0
    spare = room - sum(extent(f) for f in frames)
    tabled = tabled and spare >= TABLE + 16
    gap += min(spare / max(len(frames), 1), 24.0) if len(frames) > 1 and not tabled else 0.0
    beside = glyph and spare >= 150
    x = (
        MARGIN
        if tabled
        else MARGIN
        if beside
        else MARGIN + (across - sum(extent(f) for f in frames) - gap * (len(frames) - 1)) / 2
    )
    for frame in frames:
        even(frame, high)
        put(scene, frame, x + frame.outer, top + high)
        x += extent(frame) + gap
    if tabled:
        table(scene, made.found, made.words, scene.width - MARGIN - TABLE, top, TABLE)
    if beside and glyph:
        show_windows(scene, made.words, glyph, (x + 8, scene.width - MARGIN), top, high)
    return top + high


def _remeasure(frame: Frame) -> None:
    frame.left = frame.side = 0.0
    frame.measure()
