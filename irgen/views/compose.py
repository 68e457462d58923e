"""Putting an overview together: towers in rows, the arrows between them, panels beside or below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from irgen.ir.architecture import Architecture, Stack
from irgen.scene import Scene, Text
from irgen.views import pyramid
from irgen.views.captions import box_of_unknown
from irgen.views.layers import Drawn, Opened
from irgen.views.layout.columns import Channel, even, fit, gutter, link
from irgen.views.layout.metrics import cut
from irgen.views.layout.page import MARGIN
from irgen.views.layout.sheet import extent, put, wedge
from irgen.views.layout.tree import Chain, Frame, Par, Piece
from irgen.views.opened import opened_blocks
from irgen.views.origins import Place
from irgen.views.panels import PANELS, Detail, masks, panel
from irgen.views.pyramid import is_pyramid
from irgen.views.sources import FootView
from irgen.views.towers import Tower, TowerView, crown, memory_of, name, split
from irgen.views.words import Words

PANEL_GAP = 24.0
ROW_GAP = 44.0
SOFT = 1200.0
TALL = 960.0

COMFORT = 144
TIGHT = 112
"""Widths of boxes above which a layout is taken at once, and below which it is given up for fewer columns."""

SAME_INSIDE = ("mask", "window", "full", "axis", "memory")
"""Facts that make no difference to a panel."""

PER_ROW = {360: 1, 720: 3, 1080: 5}


@dataclass(slots=True)
class Overview:
    """The towers of a figure, in rows, as built for one page width."""

    found: Architecture
    words: Words
    width: float
    towers: list[Tower]
    rows: list[list[Tower]]
    drawn: Drawn

    def names(self) -> dict[str, str]:
        """Label of the tower of each stack."""
        return {self.found.stacks[n].name: t.label for t in self.towers for n in t.stacks}

    def home(self, stack: str) -> Tower | None:
        """The tower of a stack."""
        return next((t for t in self.towers if any(self.found.stacks[n].name == stack for n in t.stacks)), None)

    def near(self, tower: Tower) -> set[str]:
        """Stacks whose arrow can reach this tower: those of its left neighbour in the row."""
        row = next(row for row in self.rows if tower in row)
        at = row.index(tower)
        if not at:
            return set()
        last = self.found.stacks[row[at - 1].stacks[-1]]
        return {last.name}


def build(found: Architecture, words: Words, width: float, detail: int, paths: Mapping[Place, str]) -> Overview:
    """Towers in as few rows as the page allows, every one narrowed until its row fits."""
    per_row = PER_ROW.get(int(width), 3)
    while True:
        tries: list[tuple[Overview, float]] = []
        for roomy in (5, 3, 2, 1):
            tries.append(_attempt(found, words, width, per_row, roomy, detail, paths))
            if tries[-1][1] >= COMFORT:
                return tries[-1][0]
        if per_row == 1 and detail and not any(most for _, most in tries):
            return build(found, words, width, 0, paths)
        if per_row == 1 or max(most for _, most in tries) >= TIGHT:
            return max(tries, key=lambda one: one[1])[0]
        per_row -= 1


def _attempt(
    found: Architecture,
    words: Words,
    width: float,
    per_row: int,
    roomy: int,
    detail: int,
    paths: Mapping[Place, str],
) -> tuple[Overview, float]:
    towers = split(found)
    name(found, towers, words)
    rows = _rows(towers, per_row)
    longest = max(found.stacks, key=lambda stack: stack.layers).name if found.stacks else ""
    drawn = Drawn(words, detail, paths, main=found.head.reads or longest)
    made = Overview(found, words, width, towers, rows, drawn)
    crowned = made.home(found.head.reads) if found.head.reads else None
    crowned = crowned or (towers[-1] if towers else None)
    for tower in towers:
        near = made.near(tower)
        alone = len(towers) == 1
        others = {k: v for k, v in made.names().items() if made.home(k) is not tower}
        TowerView(found, tower, made.drawn, others, near, alone, len(towers) == 2, tower is crowned, roomy).build()
    across = width - 2 * MARGIN - (64 if len(towers) == 2 else 0)
    fits = [fit([tower.chain for tower in row], across, 212 if len(row) == 1 else 200) for row in rows]
    return made, min(fits)


def _rows(towers: list[Tower], per_row: int) -> list[list[Tower]]:
    count = -(-len(towers) // per_row) or 1
    each = -(-len(towers) // count) if towers else 1
    return [towers[at : at + each] for at in range(0, len(towers), each)]


def compose(
    scene: Scene,
    found: Architecture,
    words: Words,
    top: float,
    detail: int = 5,
    paths: Mapping[Place, str] | None = None,
) -> float:
    """Draw the architecture below `top`; returns the lower edge of the drawing."""
    if is_pyramid(found, scene.width):
        return pyramid.draw(scene, found, words, top)
    if not found.stacks:
        return _bare(scene, found, words, top)
    made = build(found, words, scene.width, detail, paths or {})
    if len(made.towers) == 1:
        return _single(scene, made, top)
    return _several(scene, made, top)


def _bare(scene: Scene, found: Architecture, words: Words, top: float) -> float:
    """A model without a stack: embeddings, head and output, or only what was not recognised."""
    drawn = Drawn(words)
    reads = [f"embedding:{at}" for at in range(len(found.embeddings))] or [
        f"input:{at}" for at in range(len(found.inputs))
    ]
    whole = Stack("model", "tower", 0, [], reads)
    for roomy in (3, 2, 1):
        foot = FootView(found, whole, "f", words, roomy=roomy).build()
        rest = [box_of_unknown(found.unknown, words)] if found.unknown else []
        chain = Chain([*foot.pieces, *rest, *crown(found, None, drawn)])
        if fit([chain], scene.width - 2 * MARGIN, 220):
            break
    put(scene, chain, scene.width / 2 + (chain.outer - chain.right) / 2, top + chain.high)
    return top + chain.high


def _single(scene: Scene, made: Overview, top: float) -> float:
    """One tower with its panels beside it, or below where they do not fit beside it."""
    piece: Chain = made.towers[0].chain
    across = scene.width - 2 * MARGIN
    _shorten(piece)
    if len(made.towers[0].stacks) > 2:
        put(scene, piece, MARGIN + (across - extent(piece)) / 2 + piece.outer, top + piece.high)
        frames = opened_blocks(made.found, made.words)[:3] if made.drawn.detail > 3 else []
        wide = max((extent(frame) for frame in frames if fit([frame], across, 212)), default=0.0)
        if frames and extent(piece) + 48 + wide <= across and piece.high > 900:
            return _beside(scene, piece, frames, top, wide)
        fits = [frame for frame in frames if fit([frame], across, 212)]
        return below(scene, fits, top + piece.high + ROW_GAP) or top + piece.high
    wanted = choose(made.drawn, across, max(piece.high + 60, 720))
    wide = max((extent(frame) for _, frame in wanted), default=0.0)
    for most in (212, 196, 184, 172, 160, 152):
        if not wanted or extent(piece) + 32 + wide <= across or not fit([piece], across, most):
            break
        _shorten(piece)
    if not wanted or extent(piece) + 32 + wide > across:
        fit([piece], across, 212)
        _shorten(piece)
        put(scene, piece, MARGIN + (across - extent(piece)) / 2 + piece.outer, top + piece.high)
        return (
            below(scene, [f for _, f in choose(made.drawn, across, 900)], top + piece.high + ROW_GAP)
            or top + piece.high
        )
    high = sum(frame.high for _, frame in wanted) + PANEL_GAP * (len(wanted) - 1)
    tall = max(high, piece.high)
    gap = min(72.0, across - extent(piece) - wide)
    left = MARGIN + (across - extent(piece) - gap - wide) / 2
    put(scene, piece, left + piece.outer, top + (tall + piece.high) / 2)
    y = top + (tall - high) / 2
    x = left + extent(piece) + gap
    for opened, frame in wanted:
        put(scene, frame, x + frame.outer, y + frame.high)
        if frame.id != "masks":
            wedge(scene, opened.leaf, frame)
        y += frame.high + PANEL_GAP
    return top + tall


def _beside(scene: Scene, piece: Chain, frames: list[Frame], top: float, wide: float) -> float:
    """A high tower with opened blocks in a column on its right."""
    across = scene.width - 2 * MARGIN
    left = MARGIN + (across - extent(piece) - 48 - wide) / 2
    scene.nodes, scene.edges, scene.groups = [], [], []
    scene.texts = [text for text in scene.texts if text.y < top]
    put(scene, piece, left + piece.outer, top + piece.high)
    shown = list(frames)
    while len(shown) > 1 and sum(f.high + PANEL_GAP for f in shown) > piece.high:
        shown.pop()
    y = top + max(0.0, (piece.high - sum(f.high + PANEL_GAP for f in shown)) / 2)
    for frame in shown:
        frame.least = wide
        frame.measure()
        put(scene, frame, left + extent(piece) + 48 + frame.outer, y + frame.high)
        y += frame.high + PANEL_GAP
    return max(top + piece.high, y - PANEL_GAP)


def _shorten(piece: Piece) -> None:
    """Smaller gaps in a tower that is higher than a page."""
    for gap in (20.0, 16.0, 14.0):
        _gaps(piece, gap)
        piece.measure()
        if piece.high <= TALL:
            return


def _gaps(piece: Piece, gap: float) -> None:
    if isinstance(piece, Chain):
        piece.gap = gap
        for item in piece.items:
            _gaps(item, gap)
    elif isinstance(piece, Frame):
        _gaps(piece.child, gap)
    elif isinstance(piece, Par):
        for item in piece.items:
            _gaps(item, gap)


def below(scene: Scene, frames: Sequence[Frame], top: float) -> float:
    """Panels in rows under the overview, each row as high as its highest; returns the lower edge, 0 without panels."""
    across = scene.width - 2 * MARGIN
    if not frames:
        return 0.0
    rows: list[list[Frame]] = [[]]
    for frame in frames:
        if rows[-1] and sum(extent(f) for f in rows[-1]) + extent(frame) + PANEL_GAP * len(rows[-1]) > across:
            rows.append([])
        rows[-1].append(frame)
    y = top
    for row in rows:
        free = across - sum(extent(f) for f in row) - PANEL_GAP * (len(row) - 1)
        high = max(frame.high for frame in row)
        more = min(free / len(row), 96.0)
        x = MARGIN + (free - more * len(row)) / 2
        for frame in row:
            frame.least = frame.left + frame.side + more
            even(frame, high)
            frame.measure()
            put(scene, frame, x + frame.outer, y + high)
            x += extent(frame) + PANEL_GAP
        y += high + PANEL_GAP
    return y - PANEL_GAP


def _several(scene: Scene, made: Overview, top: float) -> float:
    across = scene.width - 2 * MARGIN
    framed = len(made.towers) == 2 and len(made.rows) == 1
    y = top
    for row in made.rows:
        columns: list[Piece] = [_framed(t) if framed else t.chain for t in row]
        for column in columns:
            column.measure()
        gap = gutter(columns, across)
        total = sum(extent(c) for c in columns) + gap * (len(columns) - 1)
        high = max(c.high for c in columns)
        x = MARGIN + (across - total) / 2
        edges: list[float] = []
        for tower, column in zip(row, columns, strict=True):
            put(scene, column, x + column.outer, y + high)
            if not framed:
                label = cut(tower.label, "g", (extent(column) - 4) / 1.18)
                scene.texts.append(Text(x + column.outer, y + high + 22, label, "g", "middle"))
            edges += [x, x + extent(column)]
            x += extent(column) + gap
        _links(scene, made, row, edges)
        y += high + (0 if framed else 26) + ROW_GAP
    bottom = y - ROW_GAP
    rest = choose(made.drawn, across, SOFT - bottom - 100)
    if len(made.rows) == 1 and rest and bottom + ROW_GAP + max(f.high for _, f in rest) < SOFT:
        return below(scene, [f for _, f in rest], bottom + ROW_GAP) or bottom
    return bottom


def _framed(tower: Tower) -> Frame:
    return Frame(f"t{tower.number}", tower.chain, tower.label)


def _links(scene: Scene, made: Overview, row: list[Tower], edges: list[float]) -> None:
    """Arrows from each tower of a row to its right neighbour."""
    words = made.words
    for at in range(len(row) - 1):
        source, target = row[at], row[at + 1]
        near = made.near(target)
        channel = Channel(edges[2 * at + 1], edges[2 * at + 2])
        for opened in target.opened:
            if memory_of(made.found, opened) in near and opened.leaf.m:
                link(scene, source.top, opened.leaf, channel, "cross", words("K, V"))
        first = made.found.stacks[target.stacks[0]]
        if target.entry and any(read in near for read in first.reads):
            link(scene, source.top, target.entry, channel, "flow", "")


def choose(drawn: Drawn, across: float, tall: float) -> list[tuple[Opened, Frame]]:
    """The most telling panels that fit the room, in the order of their sources from top to bottom, equally wide."""
    if drawn.detail < 4:
        return []
    seen: list[tuple[str, object]] = []
    found: list[tuple[int, int, Opened, Frame]] = []
    for at, opened in reversed(list(enumerate(drawn.opened))):
        key = (opened.part.kind, sorted((k, str(v)) for k, v in opened.part.facts.items() if k not in SAME_INSIDE))
        if key in seen:
            continue
        seen.append(key)
        kinds = {str(o.part.facts.get("mask")) for o in drawn.opened if o.part.kind == opened.part.kind}
        kinds |= {str(o.part.facts.get("axis")) for o in drawn.opened if o.part.kind == opened.part.kind}
        narrow = across < 400
        frame = panel(Detail(opened.part, opened.width, f"p{at}", drawn.words, len(kinds) > 2, narrow))
        if frame is None:
            continue
        frame.measure()
        if extent(frame) <= across:
            found.append((PANELS[opened.part.kind][0], at, opened, frame))
    found.sort(key=lambda item: item[:2])
    chosen: list[tuple[int, int, Opened, Frame]] = []
    high = 0.0
    for item in found:
        if len(chosen) < 3 and high + item[3].high <= tall:
            chosen.append(item)
            high += item[3].high + PANEL_GAP
    chosen.sort(key=lambda item: -item[1])
    picture = masks([opened.part for opened in drawn.opened], "masks", drawn.words)
    if drawn.detail > 4 and picture and chosen and len(chosen) < 3:
        picture.measure()
        if extent(picture) <= across and high + picture.high <= tall:
            chosen.append((9, 0, chosen[0][2], picture))
    wide = max((extent(item[3]) for item in chosen), default=0.0)
    for item in chosen:
        item[3].least = wide
        item[3].measure()
    return [(item[2], item[3]) for item in chosen]
