"""Arrows between columns: legal orthogonal paths through the gutters, over the towers and between the rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, product

from irgen.scene import Edge, Point, Scene, Text, plain
from irgen.views.layout.metrics import FONTS, width
from irgen.views.layout.tree import Leaf

Box = tuple[float, float, float, float]
Piece = tuple[Point, Point]
"""A straight piece of an arrow."""

STEP = 8.0
"""Distance of tracks in one gutter."""

MOST_CROSSINGS = 2
"""Crossings in one figure."""

PORT = 10.0
"""Distance of arrows that enter one box."""


@dataclass(frozen=True, slots=True)
class Wish:
    """An arrow that is wanted: from the right of a box into the left of another."""

    source: Leaf
    target: Leaf
    kind: str = "flow"
    label: str = ""


@dataclass(slots=True)
class Harness:
    """Lays arrows over a drawn scene; `columns` are the rows of towers as (left, top, right, bottom)."""

    scene: Scene
    rows: Sequence[Sequence[Box]]
    margin: float = 14.0
    laid: list[Edge] = field(default_factory=list[Edge])
    crossed: int = 0
    _known: tuple[Wish | None, list[Box]] = (None, [])
    """The walls of the last arrow."""
    _seen: tuple[Wish | None, int, list[tuple[bool, bool, Piece]], dict[Piece, int | None]] = (None, 0, [], {})
    """What the last arrow may meet, among how many arrows, and what is known of its pieces."""

    def lay(self, wish: Wish) -> bool:
        """Add the arrow along the shortest legal path; False where there is none."""
        found = self._cheapest(wish, self._candidates(wish))
        if found is None:
            return False
        points, crossings = found
        self.crossed += crossings
        edge = Edge(wish.source.id, wish.target.id, wish.kind, points, role="cross" if wish.kind == "cross" else "")
        self._label(edge, wish.label)
        self.laid.append(edge)
        self.scene.edges.append(edge)
        return True

    def _cheapest(self, wish: Wish, candidates: Iterable[list[Point]]) -> tuple[list[Point], int] | None:
        """The shortest legal path with few bends and crossings, and its number of crossings."""
        costs = sorted(((self._length(p) + 30 * len(p), p) for p in candidates), key=lambda one: one[0])
        best: tuple[float, list[Point], int] | None = None
        for cost, points in costs:
            if best is not None and cost >= best[0]:
                break
            crossings = self._illegal(wish, points)
            if crossings is not None and (best is None or cost + 400 * crossings < best[0]):
                best = (cost + 400 * crossings, points, crossings)
        return best[1:] if best else None

    def rise(self, source: Leaf, bar: Leaf, place: tuple[int, int], floor: float) -> bool:
        """Add an arrow from a box in a lower row through the gutters up into the bar over the first row."""
        wish = Wish(source, bar)
        row, column = place
        y0 = -(source.m + source.high / 2)
        ways: list[list[Point]] = []
        for x0, at in ((source.c + source.right, column + 1), (source.c - source.left, column)):
            for a in self._gutter(row, at):
                ways.append([(x0, y0), (a, y0), (a, floor)])
                for other in range(len(self.rows[0]) + 1):
                    for y, b in product(self._below(row - 1), self._gutter(0, other)):
                        ways.append([(x0, y0), (a, y0), (a, y), (b, y), (b, floor)])
        low, high = bar.c - bar.left + 8, bar.c + bar.right - 8
        found = self._cheapest(wish, (way for way in ways if low < way[-1][0] < high))
        if found is None:
            return False
        edge = Edge(source.id, bar.id, "flow", found[0])
        self.laid.append(edge)
        self.scene.edges.append(edge)
        return True

    def _length(self, points: Sequence[Point]) -> float:
        return sum(abs(a[0] - b[0]) + abs(a[1] - b[1]) for a, b in pairwise(points))

    # ---- paths ---------------------------------------------------------------------------------------------------

    def _place(self, leaf: Leaf) -> tuple[int, int]:
        """Row and column of a box."""
        x, y = leaf.c, -(leaf.m + leaf.high / 2)
        for r, row in enumerate(self.rows):
            for c, (x0, y0, x1, y1) in enumerate(row):
                if x0 - 1 <= x <= x1 + 1 and y0 - 1 <= y <= y1 + 1:
                    return r, c
        return 0, 0

    def _gutter(self, row: int, at: int) -> list[float]:
        """Tracks in the gutter on the left of column `at` of a row, from its middle outwards."""
        boxes = self.rows[row]
        left = boxes[at - 1][2] if at else self.margin - 8
        right = boxes[at][0] if at < len(boxes) else self.scene.width - self.margin + 8
        middle = round((left + right) / 2, 1)
        if at == 0:
            middle = max(right - 16, (left + right) / 2)
        if at == len(boxes):
            middle = min(left + 16, (left + right) / 2)
        found = [middle + k * STEP for k in (0, -1, 1, -2, 2, -3, 3)]
        if 20 <= right - left < 2 * STEP + 12:
            found = [left + 7, middle, right - 7]
        return [round(x, 1) for x in found if left + 6 <= x <= right - 6]

    def _above(self, row: int, first: int, last: int) -> list[float]:
        """Tracks over the columns `first` to `last` of a row."""
        boxes = self.rows[row][first : last + 1]
        if not boxes:
            return []
        top = min(box[1] for box in boxes)
        roof = max((box[3] for box in self.rows[row - 1]), default=0.0) + 30 if row else 0.0
        found = [top - 14 - k * STEP for k in range(4)]
        return [y for y in found if y > roof]

    def _below(self, row: int) -> list[float]:
        """Tracks under the captions of a row."""
        bottom = max(box[3] for box in self.rows[row])
        return [bottom + 38 + k * STEP for k in range(4)]

    def _candidates(self, wish: Wish) -> Iterator[list[Point]]:
        source, target = wish.source, wish.target
        (r0, c0), (r1, c1) = self._place(source), self._place(target)
        y0 = -(source.m + source.high / 2)
        right = (source.c + source.right, c0 + 1)
        left = (source.c - source.left, c0)
        ways = (right,) if r0 == r1 and c1 == c0 + 1 else (right, left)
        for y1 in self._ports(target):
            x1 = target.c - target.left
            for x0, gutter in ways:
                if r0 == r1 and gutter == c1:
                    yield from ([(x0, y0), (x, y0), (x, y1), (x1, y1)] for x in self._gutter(r0, gutter))
                    continue
                if r0 == r1:
                    over = self._above(r0, min(gutter, c1), max(gutter, c1) - 1)
                else:
                    over = self._below(r0) if r1 > r0 else self._below(r1)
                for a, y, b in product(self._gutter(r0, gutter), over, self._gutter(r1, c1)):
                    yield [(x0, y0), (a, y0), (a, y), (b, y), (b, y1), (x1, y1)]
        if r0 == r1 and c1 < c0:
            x1 = target.c + target.right
            for y1 in self._ports(target):
                yield from ([(left[0], y0), (x, y0), (x, y1), (x1, y1)] for x in self._gutter(r0, c0) if c1 == c0 - 1)

    def _ports(self, target: Leaf) -> list[float]:
        """Heights at which an arrow may enter the left of a box: its middle, or beside those that do."""
        middle = -(target.m + target.high / 2)
        room = max(0.0, target.high / 2 - 8)
        return [middle] if target.joint else [middle + k * PORT for k in (0, -1, 1) if abs(k) * PORT <= room]

    # ---- what is legal --------------------------------------------------------------------------------------------

    def _illegal(self, wish: Wish, points: Sequence[Point]) -> int | None:
        """Number of crossings with other arrows, None where the path may not be."""
        if self._seen[0] is not wish or self._seen[1] != len(self.scene.edges):
            self._seen = (wish, len(self.scene.edges), self._others(wish), {})
        known = self._seen[3]
        count = 0
        for piece in pairwise(points):
            if piece[0] == piece[1]:
                continue
            if piece not in known:
                known[piece] = self._met(wish, piece)
            met = known[piece]
            if met is None:
                return None
            count += met
        return count if self.crossed + count <= MOST_CROSSINGS else None

    def _met(self, wish: Wish, piece: Piece) -> int | None:
        """Crossings of one straight piece, None where it may not be."""
        (x0, y0), (x1, y1) = piece
        left, right, top, low = min(x0, x1), max(x0, x1), min(y0, y1), max(y0, y1)
        if left < self.margin or right > self.scene.width - self.margin:
            return None
        if any(left < x and right > a and top < y and low > b for a, b, x, y in self._walls(wish)):
            return None
        count = 0
        for near, plain_one, other in self._seen[2]:
            if _along(piece, other, 1.0 if near else 5.0):
                return None
            if not near and _across(piece, other):
                if wish.kind != "cross" and plain_one:
                    return None
                count += 1
        return count

    def _walls(self, wish: Wish) -> list[Box]:
        """What an arrow may not touch: boxes, texts and badges with a little room around them."""
        if self._known[0] is wish:
            return self._known[1]
        walls: list[Box] = []
        for node in self.scene.nodes:
            pad = -1.0 if node.id in (wish.source.id, wish.target.id) else 5.0
            walls.append((node.x - pad, node.y - pad, node.x + node.w + pad, node.y + node.h + pad))
        walls += [_ground(text) for text in self.scene.texts]
        for badge in (group.badge for group in self.scene.groups if group.badge):
            walls.append((badge.x - badge.w / 2 - 3, badge.y - 14, badge.x + badge.w / 2 + 3, badge.y + 14))
        self._known = (wish, walls)
        return walls

    def _others(self, wish: Wish) -> list[tuple[bool, bool, Piece]]:
        """The pieces of the other arrows: whether they lead to the same box, whether they are plain dataflow."""
        return [
            (edge.target == wish.target.id, not edge.role, piece)
            for edge in self.scene.edges
            if not (edge.source == wish.source.id and edge.kind == wish.kind)
            for piece in pairwise(edge.points)
        ]

    def _label(self, edge: Edge, label: str) -> None:
        """Write the label on the longest upright piece, where it has room."""
        if not label:
            return
        wide = width(label, "l") * 1.1 + 8
        upright = [(a, b) for a, b in pairwise(edge.points) if abs(a[0] - b[0]) < 0.1 and abs(a[1] - b[1]) > 48]
        upright.sort(key=lambda piece: -abs(piece[0][1] - piece[1][1]))
        for (x, y0), (_, y1) in upright:
            for part in (0.5, 0.35, 0.65, 0.2, 0.8):
                y = y0 + part * (y1 - y0)
                chip = (x - wide / 2, y - 8, wide, 16.0)
                if self._free(edge, chip):
                    edge.label, edge.chip = Text(x, y + 4, label, "l", "middle"), chip
                    return

    def _free(self, own: Edge, chip: tuple[float, float, float, float]) -> bool:
        x, y, w, h = chip
        box = (x - 2, y - 2, x + w + 2, y + h + 2)
        if box[0] < 12 or box[2] > self.scene.width - 12:
            return False
        if any(_meets(piece, box) for e in self.scene.edges if e is not own for piece in pairwise(e.points)):
            return False
        if any(_overlap(box, (n.x, n.y, n.x + n.w, n.y + n.h)) for n in self.scene.nodes):
            return False
        if any(_overlap(box, (g.x + g.w - 1, g.y - 8, g.x + g.w + 9, g.y + g.h)) for g in self.scene.groups if g.cards):
            return False
        chips = [e.chip for e in self.scene.edges if e.chip]
        if any(_overlap(box, (c[0], c[1], c[0] + c[2], c[1] + c[3])) for c in chips):
            return False
        return not any(_overlap(box, _ground(text)) for text in self.scene.texts)


def _ground(text: Text) -> Box:
    """The box of a text with a little room around it."""
    size = FONTS[text.style.split()[0]][0]
    wide = width(text.text, text.style.split()[0]) * 1.1 if plain(text.text) else 0.0
    left = text.x - {"start": 0.0, "middle": 0.5, "end": 1.0}[text.anchor] * wide
    return (left - 4, text.y - size, left + wide + 4, text.y + 0.3 * size + 2)


def _overlap(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _meets(piece: tuple[Point, Point], box: Box) -> bool:
    (x0, y0), (x1, y1) = piece
    return min(x0, x1) < box[2] and max(x0, x1) > box[0] and min(y0, y1) < box[3] and max(y0, y1) > box[1]


def _along(one: tuple[Point, Point], other: tuple[Point, Point], near: float) -> bool:
    """Whether two pieces run side by side closer than `near`."""
    for k in (0, 1):
        o = 1 - k
        if (
            abs(one[0][k] - one[1][k]) < 0.1
            and abs(other[0][k] - other[1][k]) < 0.1
            and abs(one[0][k] - other[0][k]) < near
        ):
            low = max(min(one[0][o], one[1][o]), min(other[0][o], other[1][o]))
            high = min(max(one[0][o], one[1][o]), max(other[0][o], other[1][o]))
            if high - low > 0.5:
                return True
    return False


def _across(one: tuple[Point, Point], other: tuple[Point, Point]) -> bool:
    """Whether an upright and a level piece cross."""
    flat, tall = (one, other) if abs(one[0][1] - one[1][1]) < 0.1 else (other, one)
    if abs(flat[0][1] - flat[1][1]) > 0.1 or abs(tall[0][0] - tall[1][0]) > 0.1:
        return False
    x0, x1 = sorted((flat[0][0], flat[1][0]))
    y0, y1 = sorted((tall[0][1], tall[1][1]))
    return x0 + 0.5 < tall[0][0] < x1 - 0.5 and y0 + 0.5 < flat[0][1] < y1 - 0.5
