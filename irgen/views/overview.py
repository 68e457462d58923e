"""The overview: towers of repeated blocks from inputs to outputs, with panels that open the telling parts."""

from __future__ import annotations

import re
from collections.abc import Sequence

from irgen.ir.architecture import Architecture, Region
from irgen.ir.graph import Graph
from irgen.scene import Scene, literal
from irgen.views.layers import Drawn, Opened
from irgen.views.layout.page import MARGIN, legend, title_block
from irgen.views.layout.sheet import extent, put, wedge
from irgen.views.layout.tree import Frame, Piece, limit, stretch, trunk
from irgen.views.panels import PANELS, Detail, panel
from irgen.views.summary import describe, facts_strip, subtitle_of
from irgen.views.towers import tower
from irgen.views.words import Words

PANEL_GAP = 24.0


def slug(text: str) -> str:
    """A name that may stand in an id."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40] or "figure"


def draw(
    architecture: Architecture,
    regions: Sequence[Region] = (),
    graph: Graph | None = None,
    *,
    title: str,
    subtitle: str | None = None,
    lang: str = "en",
    width: int = 720,
    note: str | None = None,
) -> Scene:
    """The overview figure, `width` pixels wide (360, 720 or 1080)."""
    del regions, graph
    words = Words(lang)
    scene = Scene(
        slug(title), literal(title, 120), describe(architecture, title, words), float(width), 0.0, lang=lang,
        subtitle=literal(subtitle, 300) if subtitle is not None else subtitle_of(architecture, words),
    )  # fmt: skip
    if note:
        scene.subtitle = f"{scene.subtitle} · {literal(note, 300)}" if scene.subtitle else literal(note, 300)
    top = title_block(scene, facts_strip(architecture, words))
    drawn = Drawn(words)
    piece = tower(architecture, drawn)
    bottom = _compose(scene, piece, drawn, top)
    legend(scene, bottom, words)
    return scene


def _unify(piece: Piece) -> None:
    piece.measure()
    widest = max((leaf.span for leaf in trunk(piece)), default=0.0)
    stretch(piece, max(152.0, widest))
    piece.measure()


def _compose(scene: Scene, piece: Piece, drawn: Drawn, top: float) -> float:
    limit(piece, 196)
    _unify(piece)
    across = scene.width - 2 * MARGIN
    panels = _panels(drawn, across - extent(piece) - 32, piece.high)
    high = sum(frame.high for _, frame in panels) + PANEL_GAP * max(len(panels) - 1, 0)
    tall = max(high, piece.high)
    wide = max((extent(frame) for _, frame in panels), default=0.0)
    gutter = min(72.0, across - extent(piece) - wide) if panels else 0.0
    left = MARGIN + (across - extent(piece) - gutter - wide) / 2 if not panels else MARGIN
    put(scene, piece, left + piece.outer, top + (tall + piece.high) / 2)
    y = top + (tall - high) / 2
    for opened, frame in panels:
        put(scene, frame, scene.width - MARGIN - wide + frame.outer, y + frame.high)
        wedge(scene, opened.leaf, frame)
        y += frame.high + PANEL_GAP
    return top + tall


def _panels(drawn: Drawn, across: float, tall: float) -> list[tuple[Opened, Frame]]:
    """The most telling panels that fit beside the tower, in the order of their sources from top to bottom."""
    seen: list[tuple[str, object]] = []
    found: list[tuple[int, int, Opened, Frame]] = []
    for at, opened in enumerate(drawn.opened):
        key = (opened.part.kind, sorted((k, str(v)) for k, v in opened.part.facts.items()))
        if key in seen:
            continue
        seen.append(key)
        frame = panel(Detail(opened.part, opened.width, f"{opened.leaf.id}.d", drawn.words))
        if frame is None:
            continue
        frame.measure()
        if extent(frame) <= across:
            found.append((PANELS[opened.part.kind][0], at, opened, frame))
    found.sort(key=lambda item: item[:2])
    chosen: list[tuple[int, int, Opened, Frame]] = []
    high = 0.0
    for item in found:
        if len(chosen) < 3 and high + item[3].high <= max(tall + 60, 700):
            chosen.append(item)
            high += item[3].high + PANEL_GAP
    chosen.sort(key=lambda item: -item[1])
    wide = max((extent(item[3]) for item in chosen), default=0.0)
    for item in chosen:
        item[3].least = wide
        item[3].measure()
    return [(item[2], item[3]) for item in chosen]


VIEW = draw
