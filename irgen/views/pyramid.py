"""Pyramids: stages in a row, feature maps above or below, the head beside or over them, a block opened below."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from irgen.ir.architecture import Architecture, Part
from irgen.scene import Edge, Scene, literal
from irgen.views.captions import caption, first
from irgen.views.heads import after_stack, head_caption, output_pill
from irgen.views.insides import Insides
from irgen.views.layers import Drawn, part_box
from irgen.views.layout.page import MARGIN
from irgen.views.layout.sheet import extent, put
from irgen.views.layout.tree import Chain, Frame, Leaf, Piece, limit, stretch
from irgen.views.numbers import shape
from irgen.views.sources import SECOND, index_of, pill, port_note
from irgen.views.stage_panels import stage_panels
from irgen.views.stage_pictures import captions, map_texts, maps, maps_height
from irgen.views.stages import brief_norm, stage_chain
from irgen.views.wiring import Wiring
from irgen.views.words import Words

GAP = 20.0
MOST, PER_ROW = 12, 5
"""Stages of a pyramid, and how many stand in one row."""

NARROWEST = 84.0
"""Width of boxes below which stages are parted into rows."""
ROW_GAP = 44.0


@dataclass(slots=True)
class Pyramid:
    """The parts of a pyramid figure."""

    found: Architecture
    words: Words
    drawn: Drawn
    wires: Wiring | None = None
    insides: Insides | None = None
    cards: list[Frame] = field(default_factory=list[Frame])
    columns: list[Chain] = field(default_factory=list[Chain])
    """What stands over each card in a head that reads several stages."""

    @property
    def fused(self) -> bool:
        """Several stages feed the head."""
        if self.wires and (read := stages_read(self.wires)):
            return len(read) > 1
        ahead = {stack.name for stack in self.found.stacks}
        linked = sum(link.kind == "feature-pyramid" and link.source in ahead for link in self.found.links)
        return linked > 1 or len(self.scales()) > 1

    def linked(self) -> set[str]:
        """The stages that feed the head."""
        if self.wires and (read := stages_read(self.wires)):
            return read
        return {link.source for link in self.found.links if link.kind == "feature-pyramid"} | set(self.scales())

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


def stages_read(wires: Wiring) -> set[str]:
    """The stacks that lead to the first output."""
    return {r.removeprefix("stack:") for r in wires.roots("output:0") if r.startswith("stack:")}


def is_pyramid(found: Architecture, width: float) -> bool:
    """Whether the model is a row of stages that has room on the page."""
    stacks = found.stacks
    chain = all(_plain(found, b.reads) == [a.name] for a, b in pairwise(stacks))
    deep = any(stack.layers > 1 for stack in stacks) or len(stacks) > 3
    return (
        deep and width >= 700 and 2 <= len(stacks) <= MOST and chain and all(stack.role == "stage" for stack in stacks)
    )


def _plain(found: Architecture, reads: list[str]) -> list[str]:
    """What a stage reads, without tables that are added to it."""
    numbers = [(read, index_of(read, "embedding")) for read in reads]
    return [
        read for read, i in numbers
        if i is None or i >= len(found.embeddings) or found.embeddings[i].kind not in SECOND
    ]  # fmt: skip


def draw(
    scene: Scene,
    found: Architecture,
    words: Words,
    top: float,
    wires: Wiring | None = None,
    insides: Insides | None = None,
) -> float:
    """Draw the pyramid below `top`; returns the lower edge."""
    made = Pyramid(found, words, Drawn(words), wires, insides)
    made.cards = [
        Frame(
            f"g{n}",
            stage_chain(found, n, made.drawn, foot=True),
            words("Stage {n}", n=n + 1),
            pad=12,
            entry=14,
            closed=True,
        )
        for n in range(len(found.stacks))
    ]
    if len(made.cards) > PER_ROW or (not made.fused and _crowded(made, scene.width - 2 * MARGIN)):
        return stage_panels(scene, found, words, insides, _folded_rows(scene, made, top) + ROW_GAP)
    if made.fused:
        return stage_panels(scene, found, words, insides, _under_a_bar(scene, made, top) + ROW_GAP - 12)
    return stage_panels(scene, found, words, insides, _in_a_row(scene, made, top) + ROW_GAP)


def _crowded(made: Pyramid, across: float) -> bool:
    """Whether stages and head in one row would have boxes too narrow for their titles."""
    return (across - _head(made).span - GAP * len(made.cards)) / len(made.cards) - 26 < NARROWEST


def _fit(cards: list[Frame], room: float) -> None:
    """Cards of one width, as wide as their share of the room."""
    inner = room / len(cards) - 26
    for card in cards:
        limit(card, inner)
        card.measure()
        stretch(card, min(inner, 160))
        card.measure()


def _row(scene: Scene, cards: list[Frame], x: float, top: float, *, level: bool = False) -> float:
    """Put cards in a row from `x` on, all as high as the highest, with arrows between them; returns their height."""
    high = max(card.high for card in cards)
    for card in cards:
        rest = high - card.high
        card.entry, card.roof = 14 + (0.0 if level else rest / 2), rest / (1 if level else 2)
        card.measure()
        put(scene, card, x + card.outer, top + high)
        x += extent(card) + GAP
    middle = top + high / 2
    for a, b in pairwise(cards):
        scene.edges.append(Edge(a.id, b.id, "flow", [(a.c + a.side, middle), (b.c - b.left, middle)]))
    return high


def _input(made: Pyramid) -> Leaf | None:
    """The pill of what the first stage reads."""
    found, words = made.found, made.words
    reads = found.stacks[0].reads
    numbers = [i for read in reads if (i := index_of(read, "input")) is not None]
    for read in reads:
        index = index_of(read, "embedding")
        if index is not None and index < len(found.embeddings) and found.embeddings[index].input is not None:
            numbers.append(found.embeddings[index].input or 0)
    if not numbers or numbers[0] >= len(found.inputs):
        return None
    port = found.inputs[numbers[0]]
    picture = len(port.shape) == 4
    name = words("Image") if picture else literal(port.name, 22)
    tip = f"{literal(port.name, 60)} {shape(port.shape)}"
    return pill("in", name, port_note(port, "Image" if picture else ""), tip)


def _wide(cards: list[Frame], head: Leaf | None = None) -> float:
    return sum(extent(card) + GAP for card in cards) - GAP + (GAP + head.span if head else 0.0)


def _in_a_row(scene: Scene, made: Pyramid, top: float) -> float:
    """Stages and head in one row under their feature maps, the input under the first stage."""
    across = scene.width - 2 * MARGIN
    head = _head(made)
    _fit(made.cards, across - head.span - GAP * len(made.cards))
    x = MARGIN + (across - _wide(made.cards, head)) / 2
    top += maps_height(made.found)
    high = _row(scene, made.cards, x, top)
    _put_head(scene, made.cards[-1], head, top + high / 2)
    maps(scene, made.found, made.cards, top - 14, above=True)
    return _put_input(scene, made, top + high)


def _put_head(scene: Scene, last: Frame, head: Leaf, middle: float) -> None:
    x = last.c + last.side
    put(scene, head, x + GAP + head.left, middle + head.high / 2)
    scene.edges.append(Edge(last.id, head.id, "flow", [(x, middle), (x + GAP, middle)]))


def _put_input(scene: Scene, made: Pyramid, bottom: float) -> float:
    """The input under the first stage; returns the lower edge."""
    start, first = _input(made), made.cards[0]
    if start is None:
        return bottom
    start.most = start.least = extent(first) - 16
    start.measure()
    axis = first.c
    put(scene, start, axis, bottom + GAP + start.high)
    scene.edges.append(Edge(start.id, first.id, "flow", [(axis, bottom + GAP), (axis, bottom)]))
    return bottom + GAP + start.high


def _under_a_bar(scene: Scene, made: Pyramid, top: float) -> float:
    """Stages in a row that feed a head over them, the input on their left."""
    across = scene.width - 2 * MARGIN
    start = _input(made)
    left = 0.0
    if start:
        start.most = 84.0
        start.measure()
        left = start.span + GAP
    _fit(made.cards, across - left - GAP * (len(made.cards) - 1))
    x = MARGIN + left + (across - left - _wide(made.cards)) / 2
    bottom = _crown(scene, made, top, x, x + _wide(made.cards))
    high = _row(scene, made.cards, x, bottom, level=True)
    if start:
        middle, first = bottom + high / 2, made.cards[0]
        put(scene, start, x - GAP - start.right, middle + start.high / 2)
        scene.edges.append(Edge(start.id, first.id, "flow", [(x - GAP, middle), (x, middle)]))
    low = maps(scene, made.found, made.cards, bottom + high + 14, above=False)
    _fuse(scene, made)
    return low


def _folded_rows(scene: Scene, made: Pyramid, top: float) -> float:
    """More stages than one row holds: rows from left to right, with an arrow back to the start of the next."""
    across = scene.width - 2 * MARGIN
    rows = max(2, -(-len(made.cards) // PER_ROW))
    each = -(-len(made.cards) // rows)
    parted = [made.cards[at : at + each] for at in range(0, len(made.cards), each)]
    head = None if made.fused else _head(made)
    wide = across - 24
    if head and len(parted[-1]) == each:
        wide -= head.span + GAP
    for row in parted:
        _fit(row, (wide - GAP * (each - 1)) * len(row) / each)
    x = MARGIN + 12
    y = top
    ends: list[float] = []
    for row in parted:
        sizes = map_texts(made.found, made.found.stacks[made.cards.index(row[0])])
        y += 22 if sizes else 0
        high = _row(scene, row, x, y)
        for card in row:
            captions(scene, made.found, made.cards.index(card), card, y - 8)
        ends.append(y + high / 2)
        y += high + 56
        if row is parted[0]:
            y = _put_input(scene, made, y - 56) + 56
    for at, (row, after) in enumerate(pairwise(parted)):
        last, first = row[-1], after[0]
        right, left = last.c + last.side, first.c - first.left
        between = round(-(first.m + first.high) - 40, 1)
        points = [
            (right, ends[at]), (right + 12, ends[at]), (right + 12, between), (left - 12, between),
            (left - 12, ends[at + 1]), (left, ends[at + 1]),
        ]  # fmt: skip
        scene.edges.append(Edge(last.id, first.id, "flow", points))
    if head:
        _put_head(scene, parted[-1][-1], head, ends[-1])
    return y - 56


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


def _crown(scene: Scene, made: Pyramid, top: float, left: float, right: float) -> float:
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
    title = first(caption(bar, None, words).title) if bar else words("Fusion of {n} scales", n=len(made.linked()))
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
    wide.fixed = right - left
    chain.measure()
    put(scene, chain, (left + right) / 2, top + chain.high)
    made.columns = [
        Chain(
            list(_scale(made, at, scales.get(stack.name, []))),
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


def _scale(made: Pyramid, at: int, parts: list[Part]) -> Iterator[Leaf]:
    """What belongs to one stage of a head over all of them: one box, with its norm in words."""
    norms = [brief_norm(part, made.words) for part in parts if part.kind == "norm"]
    for i, part in enumerate(p for p in parts if p.kind != "norm"):
        leaf = part_box(f"c{at}.{i}", part, None, made.drawn, "head")
        leaf.caption = f"{' · '.join([*norms, leaf.caption])}\n{leaf.caption}" if norms else leaf.caption
        yield leaf


def _fuse(scene: Scene, made: Pyramid) -> None:
    """Straight arrows from the cards, through what belongs to one stage, to the bar above them."""
    bar = next(node for node in scene.nodes if node.id == "bar")
    linked = made.linked()
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
