"""Columns side by side: sharing the page's width, and the arrows between neighbours in the gutters."""

from __future__ import annotations

from collections.abc import Sequence

from irgen.views.layout.sheet import extent
from irgen.views.layout.tree import Chain, Frame, Piece, limit, stretch, trunk

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
        gutter = GUTTER if most > 144 and len(pieces) < 3 else 28.0 if len(pieces) < 4 else NARROWEST
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
