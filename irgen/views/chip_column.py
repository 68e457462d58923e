"""The chips between two towers: what was and what is, each level with its boxes, none on another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from irgen.scene import Edge, Node, Point, Scene, Text
from irgen.views.layout.metrics import SLACK, width, wrap
from irgen.views.layout.tree import Leaf

GUTTER = 136.0
CHIP = 112.0
BEND = 64.0
GAP = 6.0
LINE = 15.0

REACH = 48.0
"""How far from its box a chip may stand and still have a line to it."""

Row = tuple[str, str]


@dataclass
class Chip:
    """What changed, in two texts, at the height of the boxes `a` and `b` of both sides."""

    height: float
    old: list[str]
    new: list[str]
    a: Leaf | None = None
    b: Leaf | None = None
    rows: list[Row] = field(default_factory=list[Row])
    y: float = 0.0

    @property
    def high(self) -> float:
        """Height of the chip."""
        return LINE * len(self.rows) + 8

    @property
    def words(self) -> str:
        """All that it says."""
        return " → ".join(part for part in (" · ".join(self.old), " · ".join(self.new)) if part)


def level(leaf: Leaf) -> float:
    """The height of the middle of a placed box."""
    return -(leaf.m + leaf.high / 2)


def column(scene: Scene, chips: Sequence[Chip], top: float, bottom: float) -> None:
    """Place chips between two heights; where there is no room for all, those of one side only are left out first."""
    room = CHIP / SLACK - 10
    shown = sorted((chip for chip in chips if chip.old or chip.new), key=lambda chip: chip.height)
    for chip in shown:
        chip.rows = [(line, "s") for line in wrap(" · ".join(chip.old), "s", room, 7)] if chip.old else []
        chip.rows += [(line, "s new") for line in wrap(" · ".join(chip.new), "s", room, 7)] if chip.new else []
    while sum(chip.high + GAP for chip in shown) > bottom - top:
        single = [chip for chip in shown if chip.a is None or chip.b is None]
        shown.remove((single or shown)[-1])
    _spread(shown, top, bottom)
    boxes = list(scene.nodes)
    for chip in shown:
        _draw(scene, chip, boxes)


def _spread(chips: Sequence[Chip], top: float, bottom: float) -> None:
    floor = top
    for chip in chips:
        chip.y = max(chip.height - chip.high / 2, floor)
        floor = chip.y + chip.high + GAP
    ceiling = bottom
    for chip in reversed(chips):
        chip.y = min(chip.y, ceiling - chip.high)
        ceiling = chip.y - GAP


def _draw(scene: Scene, chip: Chip, boxes: Sequence[Node]) -> None:
    wide = max(56.0, *(SLACK * 1.06 * width(line, "s") + 14 for line, _ in chip.rows))
    x = scene.width / 2
    number = sum(node.role == "chg" for node in scene.nodes)
    node = Node(f"c{number}", "chg", "box", x - wide / 2, chip.y, wide, chip.high, chip.words, tooltip=chip.words)
    for at, (line, style) in enumerate(chip.rows):
        node.texts.append(Text(x, chip.y + LINE * (at + 1), line, style, "middle"))
    scene.nodes.append(node)
    for end, leaf in enumerate((chip.a, chip.b)):
        if leaf is not None and not _hidden(leaf, boxes, x):
            _leader(scene, node, leaf, end)


def _hidden(leaf: Leaf, boxes: Sequence[Node], middle: float) -> bool:
    """Whether another box stands between a box and the chips."""
    near, far = sorted((leaf.c, middle))
    return any(
        box.id != leaf.id and box.role != "chg" and box.y < level(leaf) < box.y + box.h
        and near < box.x + box.w / 2 < far
        for box in boxes
    )  # fmt: skip


def _leader(scene: Scene, chip: Node, leaf: Leaf, end: int) -> None:
    """A dashed line from a box to the chip that speaks of it."""
    edge = leaf.c - leaf.left if end else leaf.c + leaf.right
    near = chip.x + chip.w if end else chip.x
    at, middle = level(leaf), chip.y + chip.h / 2
    points: list[Point] = [(edge, at), (near, at)]
    if not chip.y + 4 <= at <= chip.y + chip.h - 4:
        if abs(at - middle) > REACH:
            return
        bend = scene.width / 2 + (BEND if end else -BEND)
        points = [(edge, at), (bend, at), (bend, middle), (near, middle)]
    scene.edges.append(Edge(leaf.id, chip.id, "ld", points, head=False))
