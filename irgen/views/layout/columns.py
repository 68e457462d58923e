"""Columns side by side: sharing the page's width, and the arrows between neighbours in the gutters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from irgen.scene import Edge, Scene, Text
from irgen.views.layout.metrics import width
from irgen.views.layout.sheet import extent
from irgen.views.layout.tree import Chain, Frame, Leaf, Piece, limit, stretch, trunk

GUTTER = 48.0
NARROWEST = 24.0


def fit(pieces: Sequence[Piece], across: float, widest: float = 200.0) -> float:
    """Narrow the boxes of columns until they stand side by side; returns their width, 0 if none fits."""
    for most in range(int(widest), 59, -8):
        for piece in pieces:
            _reset(piece)
            limit(piece, most)
            piece.measure()
            common = max((leaf.span for leaf in trunk(piece)), default=0.0)
            stretch(piece, min(max(common, 128.0), most))
            piece.measure()
        need = sum(extent(piece) for piece in pieces)
        gutter = GUTTER if most > 144 and len(pieces) < 3 else 28.0
        if need + gutter * (len(pieces) - 1) <= across:
            return float(most)
    return 0.0


def _reset(piece: Piece) -> None:
    for leaf in piece.leaves():
        leaf.least, leaf.left, leaf.right = 0.0, 0.0, 0.0


def gutter(pieces: Sequence[Piece], across: float) -> float:
    """Width of the gaps between columns that share a row."""
    if len(pieces) < 2:
        return 0.0
    free = across - sum(extent(piece) for piece in pieces)
    return min(GUTTER + 16, free / (len(pieces) - 1))


@dataclass(slots=True)
class Channel:
    """A gutter and what runs in it."""

    left: float
    right: float


def link(scene: Scene, source: Leaf, target: Leaf, channel: Channel, kind: str, label: str) -> None:
    """An arrow from the right of a box through the gutter into the left of a box in the next column."""
    x0, y0 = source.c + source.right, -(source.m + source.high / 2)
    x1, y1 = target.c - target.left, -(target.m + target.high / 2)
    middle = round((channel.left + channel.right) / 2, 1)
    role = "cross" if kind == "cross" else ""
    points = [(x0, y0), (middle, y0), (middle, y1), (x1, y1)] if abs(y0 - y1) > 0.5 else [(x0, y0), (x1, y0)]
    edge = Edge(source.id, target.id, kind, points, role=role)
    wide = width(label, "l") * 1.1 + 8 if label else 0.0
    if label and abs(y1 - y0) > 48 and wide <= channel.right - channel.left - 4:
        y = (y0 + y1) / 2
        edge.label = Text(middle, y + 4, label, "l", "middle")
        edge.chip = (middle - wide / 2, y - 8, wide, 16)
    scene.edges.append(edge)


def even(frame: Frame, high: float) -> None:
    """Stretch the gaps of a panel's chain until the panel is as high as its neighbours, if that takes at most 34."""
    child = frame.child
    if isinstance(child, Chain) and len(child.items) > 1:
        more = (high - frame.high) / (len(child.items) - 1)
        child.gap = min(child.gap + more, 40.0)
        frame.measure()
    rest = max(0.0, high - frame.high)
    frame.entry = (frame.entry or 22.0) + rest / 2
    frame.roof += rest / 2
    frame.measure()
