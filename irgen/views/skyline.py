"""Several towers: their order and rows, the arrows between them, and what they flow into together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import permutations

from irgen.ir.architecture import Architecture
from irgen.scene import Edge, Scene, Text
from irgen.views.heads import output_pill
from irgen.views.layers import Drawn
from irgen.views.layout.columns import fit, gutter
from irgen.views.layout.harness import Box, Harness, Wish
from irgen.views.layout.metrics import cut
from irgen.views.layout.page import MARGIN
from irgen.views.layout.rows import frames
from irgen.views.layout.sheet import extent, put
from irgen.views.layout.tree import Chain, Frame, Leaf, Piece, limit, stretch
from irgen.views.numbers import shape
from irgen.views.outside import Fusion, Outside
from irgen.views.series import arrange
from irgen.views.sources import letters, pill
from irgen.views.stacks import OPEN
from irgen.views.tower_view import TowerView
from irgen.views.towers import Tower, name, split
from irgen.views.words import Words

ROW_GAP = 44.0
COMFORT = 144
"""Width of boxes above which a row is comfortable."""
TIGHT, NARROWEST = 112, 96
"""Widths of boxes below which a row is crowded, and not to be read any more."""

SOFT, HARD, TALL = 1000.0, 1200.0, 1350.0
"""Heights above which a figure is worse, much worse, and has its patterns folded."""

ENOUGH = 100.0
"""Cost of a layout that is taken without looking for a better one."""

PER_ROW = {360: 1, 720: 4, 1080: 6}
MANY = 4
"""Towers above which every block is one box."""
ORDERED = 6
"""Towers up to which every order is tried."""


@dataclass(slots=True)
class Skyline:
    """The towers of a figure in their rows, as drawn on a scene of their own."""

    found: Architecture
    words: Words
    scene: Scene
    towers: list[Tower]
    rows: list[list[Tower]]
    drawn: Drawn
    fusion: Fusion | None = None
    outside: Outside | None = None
    worded: set[tuple[int, str]] = field(default_factory=set[tuple[int, str]])
    """Towers and the stacks that no arrow brings to them."""
    most: float = 0.0
    bottom: float = 0.0

    @property
    def cost(self) -> float:
        """What is wrong with it: height, narrow boxes, links in words only, rows."""
        high = max(0.0, self.bottom - SOFT) * 0.5 + max(0.0, self.bottom - HARD)
        narrow = 3 * max(0.0, COMFORT - self.most) + 20 * max(0.0, TIGHT - self.most)
        narrow += 2000 if self.most < NARROWEST else 0
        high += 30 * sum(leaf.broken for tower in self.towers for leaf in tower.chain.leaves())
        high += 400 * sum(tower.flat for tower in self.towers)
        return high + narrow + 90 * len(self.worded) + 30 * len(self.rows) + (120 if self.drawn.open < OPEN else 0)

    def home(self, stack: str) -> Tower | None:
        """The tower of a stack."""
        return next((t for t in self.towers if any(self.found.stacks[n].name == stack for n in t.stacks)), None)


def skyline(scene: Scene, found: Architecture, drawn: Drawn, outside: Outside | None, top: float) -> Skyline:
    """The best of the ways to stand the towers in rows, drawn below `top` on a copy of the scene."""
    best: Skyline | None = None
    most = PER_ROW.get(int(scene.width), 4)
    fusion = outside.fusion() if outside else None
    count = len(split(found))
    if count > MANY:
        drawn = replace(drawn, detail=0)
    ways = [(per_row, roomy) for per_row in range(min(most, count), 0, -1) for roomy in _rooms(found)]
    for open_up in (OPEN, 3):
        fresh = replace(drawn, open=open_up)
        for per_row, roomy in ways:
            made = _drawn(scene, found, fresh, outside, fusion, per_row, roomy, top)
            if best is None or made.cost < best.cost:
                best = made
            if best.cost < ENOUGH:
                return best
        if best and best.bottom <= TALL:
            break
    assert best is not None
    return best


def _rooms(found: Architecture) -> list[int]:
    """How many branches a foot may have side by side: the numbers that make a difference."""
    widest = max((len(stack.reads) for stack in found.stacks), default=1)
    return [room for at, room in enumerate((5, 3, 2, 1)) if room < widest or (5, 3, 2, 1, 0)[at + 1] < widest]


def _drawn(
    scene: Scene, found: Architecture, drawn: Drawn, outside: Outside | None, fusion: Fusion | None, per_row: int,
    roomy: int, top: float,
) -> Skyline:  # fmt: skip
    worded: set[tuple[int, str]] = set()
    while True:
        fresh = replace(drawn, opened=[], seen=set())
        own = replace(outside, drawn=fresh, leaves={}) if outside else None
        copy = replace(scene, nodes=[], groups=[], edges=[], wedges=[], texts=list(scene.texts), marks=[])
        made = Skyline(found, drawn.words, copy, split(found), [], fresh, fusion, own, worded)
        _build(made, per_row, roomy)
        if not made.most:
            made.most, made.bottom = 0.0, 4 * HARD
            return made
        failed = _place(made, top)
        if not failed:
            return made
        worded |= failed


def _build(made: Skyline, per_row: int, roomy: int) -> None:
    found, words = made.found, made.words
    name(found, made.towers, words)
    count = -(-len(made.towers) // per_row) or 1
    each = -(-len(made.towers) // count)
    crowned = made.home(found.head.reads) if found.head.reads else None
    crowned = crowned or made.towers[-1]
    paired = len(made.towers) == 2
    for tower in made.towers:
        own = {found.stacks[n].name for n in tower.stacks}
        others = {found.stacks[n].name: t.label for t in made.towers for n in t.stacks}
        others = {stack: label for stack, label in others.items() if stack not in own}
        near = {found.stacks[t.stacks[-1]].name for t in made.towers if t is not tower}
        near -= {stack for number, stack in made.worded if number == tower.number}
        view = TowerView(found, tower, made.drawn, others, near, False, paired, tower is crowned, roomy)
        view.outside, view.fusion = made.outside, made.fusion
        view.build()
    made.towers = _ordered(made)
    made.rows = [made.towers[at : at + each] for at in range(0, len(made.towers), each)]
    across = made.scene.width - 2 * MARGIN - (64 if paired else 0)
    made.most = min(fit([t.chain for t in row], across, 212 if len(row) == 1 else 200) for row in made.rows)


def _ordered(made: Skyline) -> list[Tower]:
    """The order in which the fewest arrows pass over other towers; the model's own where several are as good."""
    towers = made.towers
    if not 2 < len(towers) <= ORDERED:
        return towers
    links = [(home.number, t.number) for t in towers for w in t.wants if (home := made.home(w.stack))]
    best, least = towers, sum(_far(towers, a, b) for a, b in links)
    for order in permutations(towers):
        if not least:
            break
        cost = sum(_far(order, a, b) for a, b in links)
        if cost < least:
            best, least = list(order), cost
    return best


def _far(order: Sequence[Tower], a: int, b: int) -> int:
    """How far an arrow goes beyond the next tower; going back counts most."""
    numbers = [tower.number for tower in order]
    apart = numbers.index(b) - numbers.index(a)
    return apart - 1 if apart > 0 else 3 - apart


def _place(made: Skyline, top: float) -> set[tuple[int, str]]:
    """Put the rows on the page and lay the arrows; the links for which there is no way."""
    scene = made.scene
    across = scene.width - 2 * MARGIN
    framed = len(made.towers) == 2
    y = top
    columns = [[_framed(t) if framed else t.chain for t in row] for row in made.rows]
    for row in columns:
        for column in row:
            column.measure()
    joined = _joined(made, min(across, sum(extent(c) for c in columns[0]) + 24 * len(columns[0])))
    if joined:
        y += joined.high + 36
    boxes: list[list[Box]] = []
    for row, towers in zip(columns, made.rows, strict=True):
        if boxes:
            y += 10.0 * min(4, len([w for t in towers for w in t.wants]))
        gap = gutter(row, across)
        total = sum(extent(c) for c in row) + gap * (len(row) - 1)
        high = max(c.high for c in row)
        x = MARGIN + (across - total) / 2
        boxes.append([])
        for tower, column in zip(towers, row, strict=True):
            put(scene, column, x + column.outer, y + high)
            boxes[-1].append((x, y + high - column.high, x + extent(column), y + high))
            if not framed:
                label = cut(tower.label, "g", (extent(column) + gap - 8) / 1.18)
                scene.texts.append(Text(x + column.outer, y + high + 22, label, "g", "middle"))
            x += extent(column) + gap
        y += high + (0 if framed else 26) + ROW_GAP
    made.bottom = y - ROW_GAP
    if joined and made.outside and made.fusion:
        put(scene, joined, scene.width / 2, top + joined.high)
        _feed(made, joined, boxes)
    return _link(made, boxes)


def _framed(tower: Tower) -> Frame:
    return Frame(f"t{tower.number}", tower.chain, tower.label)


def _link(made: Skyline, boxes: list[list[Box]]) -> set[tuple[int, str]]:
    harness = Harness(made.scene, boxes)
    failed: set[tuple[int, str]] = set()
    wants = [(t, want) for t in made.towers for want in t.wants]
    wants.sort(key=lambda item: item[1].kind == "cross")
    for tower, want in wants:
        home = made.home(want.stack)
        if home is None or home is tower:
            failed.add((tower.number, want.stack))
            continue
        mutual = want.kind == "cross" and any(made.home(w.stack) is tower for w in home.wants if w.kind == "cross")
        source = home.top
        if mutual or (home.top.id == "out" and want.kind == "cross"):
            source = _of_stack(made, home, want.stack) or home.top
        if not harness.lay(Wish(source, want.leaf, want.kind, want.label)):
            failed.add((tower.number, want.stack))
    return failed - made.worded


def _of_stack(made: Skyline, home: Tower, stack: str) -> Leaf | None:
    """The frame of a stack as the start of an arrow: two stacks that read each other do so layer by layer."""
    numbers = [n for n in home.stacks if made.found.stacks[n].name == stack]
    names = {f"s{n}" for n in numbers} | {f"s{n}.{at}" for n in numbers for at in range(9)}
    found = [frame for frame in frames(home.chain) if frame.id in names]
    if not found:
        return None
    frame = found[-1] if found[0].id in names and "." in found[0].id else found[0]
    return Leaf(frame.id, "io", left=frame.left, right=frame.side, high=frame.high, c=frame.c, m=frame.m)


def _joined(made: Skyline, wide: float) -> Chain | None:
    """What stands over the towers: a bar where their streams meet, and what follows it up to the output."""
    if made.fusion is None or made.outside is None:
        return None
    outside, names = made.outside, made.fusion.names
    reads = {n: [r for r in outside.reads(n) if r in names] for n in names}
    first = names[0]
    kind = outside.wires.joins[first]
    title = {"add": "Sum", "mul": "Elementwise product", "concat": "Concat", "matmul": "Dot product"}.get(kind, "Join")
    bar = Leaf("join", "norm", made.words(title), wide=True, fixed=wide)

    def leaf(name: str) -> Piece:
        return bar if name == first else outside.box(name, f"j.{name.partition(':')[2]}", "head")

    piece = arrange(names, reads, leaf)
    if piece is None:
        return None
    items: list[Piece] = list(piece.items) if isinstance(piece, Chain) else [piece]
    if len(names) == 1 and kind == "matmul":
        at = int(made.fusion.end.partition(":")[2])
        port = made.found.outputs[at]
        items.append(pill("out", made.words("Similarity"), shape(port.shape, letters(made.found)), port.name))
    else:
        items.append(output_pill(made.found, made.words))
    chain = Chain(items, piece.lanes if isinstance(piece, Chain) else [])
    limit(chain, 240)
    chain.measure()
    stretch(Chain(items[1:]), 184)
    chain.measure()
    return chain


def _feed(made: Skyline, joined: Chain, boxes: list[list[Box]]) -> None:
    """Arrows from the towers up into the bar over them."""
    bar = joined.items[0]
    if not isinstance(bar, Leaf) or made.fusion is None:
        return
    floor = -bar.m
    harness = Harness(made.scene, boxes)
    for row, towers in enumerate(made.rows):
        for column, tower in enumerate(towers):
            if made.found.stacks[tower.stacks[-1]].name not in made.fusion.stacks:
                continue
            leaf = tower.top
            if row == 0:
                points = [(leaf.c, -leaf.top), (leaf.c, floor)]
                made.scene.edges.append(Edge(leaf.id, bar.id, "flow", points))
            else:
                harness.rise(leaf, bar, (row, column), floor)
