"""What stands under a pyramid: a block of its longest stage opened, windows, and a table of the stages."""

from __future__ import annotations

from irgen.ir.architecture import Architecture
from irgen.scene import Scene
from irgen.views.insides import Insides
from irgen.views.layout.columns import even, fit
from irgen.views.layout.page import MARGIN
from irgen.views.layout.sheet import extent, put
from irgen.views.layout.tree import Frame
from irgen.views.opened import longest, opened_blocks
from irgen.views.stage_pictures import show_windows, table, windows_of
from irgen.views.words import Words

ROW_GAP = 44.0

TABLE = 220.0
"""Width of the table of stages."""


def stage_panels(scene: Scene, found: Architecture, words: Words, insides: Insides | None, top: float) -> float:
    """One block of the longest stage opened, or two where windows alternate; with its attention beside it."""
    frames = opened_blocks(found, words, insides)
    across = scene.width - 2 * MARGIN
    while len(frames) > 1 and fit(frames, across, 196) < 136:
        frames.pop()
    if not frames:
        return top - ROW_GAP
    return _panels(scene, found, words, frames, top)


def _panels(scene: Scene, found: Architecture, words: Words, frames: list[Frame], top: float) -> float:
    stack = longest(found)
    across = scene.width - 2 * MARGIN
    glyph = windows_of(stack)
    fit(frames, across, 168 if glyph else 196)
    for frame in frames:
        widest = (across - 24 * (len(frames) - 1)) / len(frames)
        frame.least = min(extent(frame) + 24, widest) if len(frames) < 3 and not glyph else 0.0
        frame.measure()
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
        table(scene, found, words, scene.width - MARGIN - TABLE, top, TABLE)
    if beside and glyph:
        show_windows(scene, words, glyph, (x + 8, scene.width - MARGIN), top, high)
    return top + high


def _remeasure(frame: Frame) -> None:
    frame.left = frame.side = 0.0
    frame.measure()
