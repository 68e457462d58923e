"""Pictures of stages: their feature maps, their windows, and a table of their sizes."""

from __future__ import annotations

from collections.abc import Sequence

from irgen.ir.architecture import Architecture, Stack
from irgen.scene import Mark, Scene, Text
from irgen.views.glyphs import feature_map, windows
from irgen.views.grids import grids
from irgen.views.layout.metrics import cut
from irgen.views.layout.sheet import extent, shift
from irgen.views.layout.tree import Frame
from irgen.views.numbers import times, whole
from irgen.views.words import Words

LARGEST = 80.0


def maps_height(found: Architecture) -> float:
    """Room that the feature maps take above the stages."""
    return LARGEST + 42 if any(grids(found)) else 0.0


def maps(scene: Scene, found: Architecture, cards: Sequence[Frame], y: float, *, above: bool) -> float:
    """Feature maps over (under) the cards, with their sizes; returns the lower edge."""
    known = grids(found)
    if not any(known):
        return y if not above else 0.0
    smallest = min(grid[0] for grid in known if grid)
    role = (
        "attn"
        if any(p.kind == "self-attention" for s in found.stacks for b in s.blocks for p in b.sublayers)
        else "conv"
    )
    for at, (card, grid, stack) in enumerate(zip(cards, known, found.stacks, strict=True)):
        if not grid:
            continue
        side = max(26.0, LARGEST * 0.73**at)
        x = card.c + (card.side - card.left) / 2
        roof = y - 24 - side if above else y + LARGEST - side
        cells = min(8, max(1, grid[0] // (window_of(stack) or smallest)))
        for style, d in feature_map(side, cells, role):
            scene.marks.append(Mark(style, shift(d, x - side / 2, roof)))
        text = cut(times(*grid, stack.width), "l", (extent(card) + 14) / 1.1)
        scene.texts.append(Text(x, roof + side + 18, text, "l", "middle"))
    return y + LARGEST + 24


def map_texts(found: Architecture, stack: Stack) -> str:
    """`14 × 14 × 512`, or nothing where the grid of a stage is not known."""
    grid = grids(found)[found.stacks.index(stack)]
    return times(*grid, stack.width) if grid else ""


def captions(scene: Scene, found: Architecture, at: int, card: Frame, baseline: float) -> None:
    """The size of a stage's feature map over its card."""
    if text := map_texts(found, found.stacks[at]):
        shown = cut(text, "l", (extent(card) + 14) / 1.1)
        scene.texts.append(Text(card.c - card.left + 4, baseline, shown, "l"))


def window_of(stack: Stack) -> int | None:
    """Width of the windows that attention in this stack is cut into."""
    for block in stack.blocks:
        for part in block.sublayers:
            window = part.facts.get("window")
            if part.kind == "self-attention" and isinstance(window, int) and part.facts.get("mask") != "bidirectional":
                return window
    return None


def windows_of(stack: Stack) -> int | None:
    """Width of the windows of a stack that shifts them."""
    masks = {str(p.facts.get("mask")) for b in stack.blocks for p in b.sublayers if p.kind == "self-attention"}
    return window_of(stack) if "shifted-window" in masks else None


def show_windows(scene: Scene, words: Words, window: int, room: tuple[float, float], top: float, high: float) -> None:
    """Regular and shifted windows as grids of 8 × 8 cells."""
    side = min(136.0, room[1] - room[0] - 8, (high - 84) / 2)
    middle = (room[0] + room[1]) / 2
    y = top + (high - 2 * side - 76) / 2
    shift_by = window // 2
    for shifted, text in (
        (False, words("Regular windows")),
        (True, words("Shifted by {n}", n=shift_by)),
    ):
        for style, d in windows(side, shifted):
            scene.marks.append(Mark(style, shift(d, middle - side / 2, y)))
        scene.texts.append(Text(middle, y + side + 18, text, "l", "middle"))
        y += side + 46


def table(scene: Scene, found: Architecture, words: Words, left: float, top: float, across: float) -> None:
    """Layers, channels and map size of every stage."""
    known = grids(found)
    heads = [words("Stage"), words("Layers"), words("Channels"), *([words("Map")] if any(known) else [])]
    right = [left + across * (at + 1) / len(heads) for at in range(len(heads))]
    y = top + 20
    scene.texts.append(Text(left, y, words("Stages"), "g"))
    y += 28
    for edge, text in zip(right[1:], heads[1:], strict=True):
        scene.texts.append(Text(edge, y, cut(text, "l", across / len(heads) - 6), "l", "end"))
    scene.texts.append(Text(left, y, heads[0], "l"))
    for number, (stack, grid) in enumerate(zip(found.stacks, known, strict=True)):
        scene.rules.append((left, left + across, y + 9.5))
        y += 28
        row = [whole(stack.layers), whole(stack.width), *([whole(grid[0])] if grid else [])]
        scene.texts.append(Text(left, y, str(number + 1), "l"))
        for edge, text in zip(right[1:], row, strict=False):
            scene.texts.append(Text(edge, y, text, "g", "end"))
