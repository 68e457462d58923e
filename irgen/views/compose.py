"""Putting an overview together: towers in rows, the arrows between them, panels beside or below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from irgen.ir.architecture import Architecture, Stack
from irgen.scene import Scene
from irgen.views import bare, pyramid
from irgen.views.captions import box_of_unknown
from irgen.views.heads import crown
from irgen.views.insides import Insides
from irgen.views.layers import Drawn, Opened
from irgen.views.layout.columns import even, fit
from irgen.views.layout.page import MARGIN
from irgen.views.layout.sheet import extent, put, wedge
from irgen.views.layout.tree import Chain, Frame, Leaf, Par, Piece
from irgen.views.opened import opened_blocks
from irgen.views.origins import Place
from irgen.views.outside import Outside
from irgen.views.panels import PANELS, Detail, masks, panel
from irgen.views.pyramid import is_pyramid
from irgen.views.skyline import COMFORT, Skyline, skyline
from irgen.views.sources import FootView
from irgen.views.tower_view import TowerView
from irgen.views.towers import Tower, name, split
from irgen.views.wiring import Wiring
from irgen.views.words import Words

PANEL_GAP = 24.0
ROW_GAP = 44.0
SOFT = 1200.0
TALL = 960.0

SAME_INSIDE = ("mask", "window", "full", "axis", "memory")
"""Facts that make no difference to a panel."""


def compose(
    scene: Scene,
    found: Architecture,
    words: Words,
    top: float,
    detail: int = 7,
    paths: Mapping[Place, str] | None = None,
    wires: Wiring | None = None,
    insides: Insides | None = None,
) -> float:
    """Draw the architecture below `top`; returns the lower edge of the drawing."""
    if is_pyramid(found, scene.width):
        return pyramid.draw(scene, found, words, top, wires, insides)
    if not found.stacks:
        return _bare(scene, found, words, top)
    longest = max(found.stacks, key=lambda stack: stack.layers).name
    drawn = Drawn(words, detail, paths or {}, main=found.head.reads or longest)
    outside = Outside(found, wires, drawn) if wires else None
    if len(split(found)) > 1:
        made = skyline(scene, found, drawn, outside, top)
        if made.most or not detail:
            return _several(scene, made)
        return compose(scene, found, words, top, 0, paths, wires, insides)
    return _single(scene, _alone(found, drawn, outside, scene.width), top, insides)


@dataclass(slots=True)
class Single:
    """The one tower of a figure, as built for its page."""

    found: Architecture
    words: Words
    tower: Tower
    drawn: Drawn


def _alone(found: Architecture, drawn: Drawn, outside: Outside | None, width: float) -> Single:
    """The tower with as much of its foot side by side as the page holds."""
    tries: list[tuple[float, Single]] = []
    for roomy in (5, 3, 2, 1):
        tower = split(found)[0]
        name(found, [tower], drawn.words)
        fresh = replace(drawn, opened=[], seen=set())
        own = replace(outside, drawn=fresh, leaves={}) if outside else None
        TowerView(found, tower, fresh, {}, set(), True, False, True, roomy, own).build()
        most = fit([tower.chain], width - 2 * MARGIN, 212)
        tries.append((most, Single(found, drawn.words, tower, fresh)))
        if most >= COMFORT:
            break
    return max(tries, key=lambda one: one[0])[1]


def _bare(scene: Scene, found: Architecture, words: Words, top: float) -> float:
    """A model without a stack: embeddings, head and output, or only what was not recognised."""
    drawn = Drawn(words)
    reads = [f"embedding:{at}" for at in range(len(found.embeddings))] or [
        f"input:{at}" for at in range(len(found.inputs))
    ]
    whole = Stack("model", "tower", 0, [], reads)
    if found.objective and bare.fits(found):
        chain = bare.objective_chain(found, found.objective, words)
        if fit([chain], scene.width - 2 * MARGIN, 220):
            put(scene, chain, scene.width / 2 + (chain.outer - chain.right) / 2, top + chain.high)
            return top + chain.high
    for roomy in (3, 2, 1):
        foot = FootView(found, whole, "f", words, roomy=roomy).build()
        rest = [box_of_unknown(found.unknown, words)] if found.unknown else []
        chain = Chain([*foot.pieces, *rest, *crown(found, None, drawn)])
        if fit([chain], scene.width - 2 * MARGIN, 220):
            break
    put(scene, chain, scene.width / 2 + (chain.outer - chain.right) / 2, top + chain.high)
    return top + chain.high


def _single(scene: Scene, made: Single, top: float, insides: Insides | None) -> float:
    """One tower with its panels beside it, or below where they do not fit beside it."""
    piece: Chain = made.tower.chain
    across = scene.width - 2 * MARGIN
    _shorten(piece)
    if len(made.tower.stacks) > 2:
        put(scene, piece, MARGIN + (across - extent(piece)) / 2 + piece.outer, top + piece.high)
        frames = opened_blocks(made.found, made.words, insides)[:3] if made.drawn.detail > 3 else []
        frames = [frame for frame in frames if fit([frame], across, 212)]
        wide = max((extent(frame) for frame in frames), default=0.0)
        if frames and extent(piece) + 48 + wide <= across and piece.high > 900:
            return _beside(scene, piece, frames, top, wide)
        return below(scene, frames, top + piece.high + ROW_GAP) or top + piece.high
    wanted: list[tuple[Opened, Frame]] = []
    wide = 0.0
    for narrow in (False, True):
        fit([piece], across, 212)
        _shorten(piece)
        wanted = choose(made.drawn, across, max(piece.high + 60, 720), narrow=narrow)
        wide = max((extent(frame) for _, frame in wanted), default=0.0)
        for most in (212, 196, 184, 172, 160, 152, 144, 136):
            if not wanted or extent(piece) + 32 + wide <= across or not fit([piece], across, most):
                break
            _shorten(piece)
        if not wanted or extent(piece) + 32 + wide <= across:
            break
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
        if frame.id != "masks" and _clear(scene, opened.leaf, frame):
            wedge(scene, opened.leaf, frame)
        y += frame.high + PANEL_GAP
    return top + tall


def _clear(scene: Scene, leaf: Leaf, frame: Frame) -> bool:
    """Whether nothing stands on the right of a box at its height."""
    x, top, low = leaf.c + leaf.right, -leaf.top, -leaf.m
    edge = frame.c - frame.left
    return not any(x < n.x < edge and n.y < low and n.y + n.h > top for n in scene.nodes if n.shape != "joint")


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


def _several(scene: Scene, made: Skyline) -> float:
    """Towers in rows as the skyline has them, with panels below where there is room."""
    scene.nodes, scene.groups, scene.edges = made.scene.nodes, made.scene.groups, made.scene.edges
    scene.texts, scene.marks, scene.wedges = made.scene.texts, made.scene.marks, made.scene.wedges
    across = scene.width - 2 * MARGIN
    bottom = made.bottom
    rest = choose(made.drawn, across, SOFT - bottom - 100)
    if len(made.rows) == 1 and rest and bottom + ROW_GAP + max(f.high for _, f in rest) < SOFT:
        return below(scene, [f for _, f in rest], bottom + ROW_GAP) or bottom
    return bottom


def choose(drawn: Drawn, across: float, tall: float, *, narrow: bool = False) -> list[tuple[Opened, Frame]]:
    """The most telling panels that fit the room, in the order of their sources from top to bottom, equally wide.

    `narrow` draws them as on a phone.
    """
    most = min(3, drawn.detail - 3)
    if most < 1:
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
        detail = Detail(opened.part, opened.width, f"p{at}", drawn.words, len(kinds) > 2, narrow or across < 400)
        frame = panel(detail)
        if frame is None:
            continue
        frame.measure()
        if extent(frame) <= across:
            found.append((PANELS[opened.part.kind][0], at, opened, frame))
    found.sort(key=lambda item: item[:2])
    chosen: list[tuple[int, int, Opened, Frame]] = []
    high = 0.0
    for item in found:
        if len(chosen) < most and high + item[3].high <= tall:
            chosen.append(item)
            high += item[3].high + PANEL_GAP
    chosen.sort(key=lambda item: -item[1])
    picture = masks([opened.part for opened in drawn.opened], "masks", drawn.words)
    if drawn.detail > 6 and picture and chosen and len(chosen) < 3:
        picture.measure()
        if extent(picture) <= across and high + picture.high <= tall:
            chosen.append((9, 0, chosen[0][2], picture))
    wide = max((extent(item[3]) for item in chosen), default=0.0)
    for item in chosen:
        item[3].least = wide
        item[3].measure()
    return [(item[2], item[3]) for item in chosen]
