"""Two chains side by side with what belongs together at one height."""

from __future__ import annotations

from collections.abc import Iterable

from irgen.views.layout.tree import Chain, Frame, Leaf, Piece

FAR = 480.0
"""Boxes further apart stay where they are: rows that are bought with long empty stretches do not help the eye."""


def even_rows(left: Chain, right: Chain, pairs: Iterable[tuple[Leaf, Leaf]]) -> None:
    """Widen gaps of two measured chains until both boxes of every pair, given in flow order, are at one height."""
    for x, y in pairs:
        left.place(0.0, 0.0)
        right.place(0.0, 0.0)
        apart = (x.m + x.high / 2) - (y.m + y.high / 2)
        if 0.05 < abs(apart) <= FAR:
            _lift(right if apart > 0 else left, y if apart > 0 else x, abs(apart))


def _lift(chain: Chain, leaf: Leaf, by: float) -> None:
    """Move a box and all above it up, by a wider gap in the innermost chain where it is not the first."""
    path = _path(chain, leaf)
    deepest = next((at for at in range(len(path) - 1, -1, -1) if _room(path[at])), None)
    if deepest is None:
        return
    for at, (piece, place) in enumerate(path[: deepest + 1]):
        if isinstance(piece, Chain):
            if at == deepest:
                piece.gaps[place - 1] += by
            piece.high += by
        elif isinstance(piece, Frame):
            piece.high += by


def _room(step: tuple[Piece, int]) -> bool:
    piece, place = step
    return isinstance(piece, Chain) and place > 0


def _path(piece: Piece, leaf: Leaf) -> list[tuple[Piece, int]]:
    """The containers from the outermost to the one that holds the box, each with the place of what leads on."""
    if isinstance(piece, Leaf):
        return []
    held = [piece.child] if isinstance(piece, Frame) else piece.items
    for place, item in enumerate(held):
        if item is leaf:
            return [(piece, place)]
        if deeper := _path(item, leaf):
            return [(piece, place), *deeper]
    return []


def in_line(piece: Piece) -> list[Leaf]:
    """The boxes on the trunk of a piece, in flow order; parallel branches are left out."""
    if isinstance(piece, Leaf):
        return [piece]
    if isinstance(piece, Chain):
        return [leaf for item in piece.items for leaf in in_line(item)]
    if isinstance(piece, Frame):
        return in_line(piece.child)
    return []


def units(piece: Piece) -> list[Leaf | Frame]:
    """The boxes on the trunk that stand in no frame, and the innermost frames, in flow order."""
    if isinstance(piece, Leaf):
        return [piece]
    if isinstance(piece, Frame):
        deeper = [frame for frame in units(piece.child) if isinstance(frame, Frame)]
        return [*deeper] if deeper else [piece]
    return [unit for item in piece.items for unit in units(item)] if isinstance(piece, Chain) else []


def frames(piece: Piece) -> list[Frame]:
    """All frames of a piece, outer ones first."""
    if isinstance(piece, Frame):
        return [piece, *frames(piece.child)]
    if isinstance(piece, Leaf):
        return []
    return [frame for item in piece.items for frame in frames(item)]
