"""The pieces of a series-parallel figure, and how much room each takes.

A piece knows its extents `left` and `right` of its axis and its height `high`, along a main direction that grows from
inputs (bottom) to outputs (top). `measure` computes them from the inside out, `place` fixes positions from the
outside in: `c` is the axis, `m` the lower edge. Chain: one behind the other on one straight axis. Par: side by side.
Frame: a labelled border around a piece, with a badge where it repeats.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from irgen.views.layout.leaf import JOINT, LINE, Drawing, Leaf
from irgen.views.layout.metrics import width

GAP = 20.0
BUS = 14.0
LANE = 16.0
TRACK = 12.0
HEADER = 32.0


@dataclass(slots=True)
class Lane:
    """A bypass on the right: from before item `start` of a chain to the box that is item `end`."""

    start: int
    end: int
    kind: str = "residual"
    label: str = ""
    level: int = 0
    c: float = 0.0


@dataclass(slots=True)
class Chain:
    """Pieces one behind the other on one axis; `labels` are written beside the arrow into an item."""

    items: list[Piece]
    lanes: list[Lane] = field(default_factory=list[Lane])
    labels: dict[int, str] = field(default_factory=dict[int, str])
    gap: float = GAP
    left: float = 0.0
    right: float = 0.0
    high: float = 0.0
    c: float = 0.0
    m: float = 0.0
    gaps: list[float] = field(default_factory=list[float])

    @property
    def outer(self) -> float:
        """Extent left of the axis."""
        return self.left

    def measure(self) -> None:
        """Measure the items, widen what spans its neighbours, and add lanes and gaps."""
        for item in self.items:
            item.measure()
        self._span_neighbours()
        self._same_frames()
        self.left = max((item.outer for item in self.items), default=0.0)
        self.right = max((item.right for item in self.items), default=0.0)
        self._lanes()
        self.right = max([self.right, *(8 + 1.1 * width(label, "l") for label in self.labels.values())])
        self.gaps = [self._gap(at) for at in range(1, len(self.items))]
        self.high = sum(item.high for item in self.items) + sum(self.gaps)

    def _span_neighbours(self) -> None:
        for at, item in enumerate(self.items):
            if isinstance(item, Leaf) and item.wide:
                near = [self.items[i] for i in (at - 1, at + 1) if 0 <= i < len(self.items)]
                edges = [piece.edges() for piece in near if isinstance(piece, Par)]
                item.left = max([item.left, *(left for left, _ in edges)])
                item.right = max([item.right, *(right for _, right in edges)])

    def _same_frames(self) -> None:
        frames = [item for item in self.items if isinstance(item, Frame)]
        for frame in frames:
            frame.left = max(other.left for other in frames)
            frame.side = max(other.side for other in frames)

    def _lanes(self) -> None:
        """Short spans inside: a lane is one track further out than every lane it encloses."""
        base = self.right + LANE
        order = sorted(self.lanes, key=lambda lane: (lane.end - lane.start, lane.start))
        for at, lane in enumerate(order):
            inner = [o.level for o in order[:at] if o.start < lane.end and lane.start < o.end]
            lane.level = max(inner, default=-1) + 1
            lane.c = base + TRACK * lane.level
            self.right = max(self.right, lane.c)

    def _gap(self, at: int) -> float:
        below, above = self.items[at - 1], self.items[at]
        gap = self.gap
        if isinstance(below, Frame) and below.cards:
            gap = max(gap, GAP)
        if isinstance(below, Leaf):
            gap += 3.0 * below.cards
        if any(lane.start == at for lane in self.lanes) or (isinstance(above, Chain) and above.tapped):
            gap += 10.0
        if self.bus(at):
            gap += TRACK
        return max(gap, 36.0) if at in self.labels else gap

    def bus(self, at: int) -> bool:
        """Whether the connection into item `at` needs a horizontal piece of its own."""
        outs, ins = self.items[at - 1].outs(), self.items[at].ins()
        if len(outs) == 1 and len(ins) == 1:
            return False
        if any(leaf.wide for leaf in (*outs[:1], *ins[:1]) if len(outs) == 1 or len(ins) == 1):
            wide_out = len(outs) == 1 and outs[0].wide
            wide_in = len(ins) == 1 and ins[0].wide
            return not (wide_out or wide_in)
        return not self.sides(at)

    def sides(self, at: int) -> bool:
        """Whether two or three branches enter the joint that is item `at` at its left, bottom and right."""
        item = self.items[at]
        taken = any(lane.end == at for lane in self.lanes)
        return isinstance(item, Leaf) and item.joint and not taken and len(self.items[at - 1].outs()) in (2, 3)

    def place(self, c: float, m: float) -> None:
        """Fix the position of every item."""
        self.c, self.m = c, m
        for at, item in enumerate(self.items):
            item.place(c, m)
            m += item.high + (self.gaps[at] if at < len(self.gaps) else 0.0)

    def ins(self) -> list[Leaf]:
        """Boxes that take what comes from below."""
        return self.items[0].ins() if self.items else []

    def outs(self) -> list[Leaf]:
        """Boxes that give what goes on above."""
        return self.items[-1].outs() if self.items else []

    def leaves(self) -> Iterator[Leaf]:
        """All boxes, in flow order."""
        for item in self.items:
            yield from item.leaves()

    @property
    def tapped(self) -> bool:
        """Whether a lane starts ahead of the first item."""
        return any(lane.start == 0 for lane in self.lanes)


@dataclass(slots=True)
class Par:
    """Pieces side by side; `align` says where shorter ones stand: `start`, `end` or `center`."""

    items: list[Piece]
    gap: float = 16.0
    align: str = "start"
    equal: bool = True
    centred: bool = False
    """The axis is the middle of all branches together, however long each is."""
    left: float = 0.0
    right: float = 0.0
    high: float = 0.0
    c: float = 0.0
    m: float = 0.0
    offsets: list[float] = field(default_factory=list[float])

    @property
    def outer(self) -> float:
        """Extent left of the axis."""
        return self.left

    def measure(self) -> None:
        """Measure the items, make siblings equally wide where they nearly are, and choose the axis."""
        for item in self.items:
            item.measure()
        spans = [max((leaf.span for leaf in trunk(item)), default=0.0) for item in self.items]
        if self.equal and spans and max(spans) - min(spans) <= 56:
            for item in self.items:
                stretch(item, max(spans))
                item.measure()
        edge = 0.0
        axes: list[float] = []
        for item in self.items:
            axes.append(edge + item.outer)
            edge += item.outer + item.right + self.gap
        axis = self._axis(axes)
        self.offsets = [at - axis for at in axes]
        self.left = axis
        self.right = edge - self.gap - axis
        self.high = max(item.high for item in self.items)

    def _axis(self, axes: list[float]) -> float:
        count = len(axes)
        if self.centred:
            return (axes[0] - self.items[0].outer + axes[-1] + self.items[-1].right) / 2
        if count % 2:
            return axes[count // 2]
        if count == 2:
            first, second = self.items
            if first.high < 0.45 * second.high:
                return axes[1]
            if second.high < 0.45 * first.high:
                return axes[0]
        return (axes[count // 2 - 1] + axes[count // 2]) / 2

    def edges(self) -> tuple[float, float]:
        """How far the boxes of the branches reach left and right of the axis."""
        self.place(0.0, 0.0)
        reach = [(leaf.left - leaf.c, leaf.c + leaf.right) for leaf in (*self.ins(), *self.outs()) if not leaf.joint]
        return (max(left for left, _ in reach), max(right for _, right in reach)) if reach else (0.0, 0.0)

    def place(self, c: float, m: float) -> None:
        """Fix the position of every branch."""
        self.c, self.m = c, m
        rest = {"start": 0.0, "end": 1.0, "center": 0.5}[self.align]
        for item, offset in zip(self.items, self.offsets, strict=True):
            item.place(c + offset, m + rest * (self.high - item.high))

    def ins(self) -> list[Leaf]:
        """Boxes that take what comes from below."""
        return [leaf for item in self.items for leaf in item.ins()]

    def outs(self) -> list[Leaf]:
        """Boxes that give what goes on above."""
        return [leaf for item in self.items for leaf in item.outs()]

    def leaves(self) -> Iterator[Leaf]:
        """All boxes, branch by branch."""
        for item in self.items:
            yield from item.leaves()


@dataclass(slots=True)
class Frame:
    """A border with a label around a piece; `badge` (`× 12`) makes it a stack with cards behind it."""

    id: str
    child: Piece
    label: str = ""
    badge: str = ""
    pad: float = 16.0
    entry: float | None = None
    roof: float = 0.0
    """Extra room between header and child."""
    closed: bool = False
    """No trunk leaves through the header, so that the label may be as wide as the frame."""
    least: float = 0.0
    left: float = 0.0
    side: float = 0.0
    high: float = 0.0
    c: float = 0.0
    m: float = 0.0

    @property
    def cards(self) -> int:
        """Cards behind the frame."""
        return 2 if self.badge else 0

    @property
    def right(self) -> float:
        """Extent right of the axis with the cards."""
        return self.side + 4.0 * self.cards

    @property
    def outer(self) -> float:
        """Extent left of the axis."""
        return self.left

    @property
    def pill(self) -> float:
        """Width of the badge."""
        return round(width(self.badge, "b") + 18, 1) if self.badge else 0.0

    @property
    def band(self) -> float:
        """Height of the band below the child."""
        if self.entry is not None:
            return self.entry
        return 36.0 if isinstance(self.child, Chain) and self.child.tapped else 22.0

    def measure(self) -> None:
        """Measure the child; the label and the badge must miss the trunk."""
        self.child.measure()
        self.left = self.child.outer + self.pad
        self.side = self.child.right + self.pad
        if self.label and not self.closed:
            self.left = max(self.left, 1.1 * width(self.label, "g") + 22)
        short = 1.1 * width(self.label, "g") + 24 - self.left - self.side
        if short > 0:
            self.left += short / 2
            self.side += short / 2
        if self.badge:
            self.side = max(self.side, self.pill + 16)
        short = self.least - self.left - self.side
        if short > 0:
            self.left += short / 2
            self.side += short / 2
        self.high = self.band + self.child.high + self.roof + (HEADER if self.label or self.badge else self.pad)

    def place(self, c: float, m: float) -> None:
        """Fix the position of the frame and the child."""
        self.c, self.m = c, m
        self.child.place(c, m + self.band)

    def ins(self) -> list[Leaf]:
        """Boxes that take what comes from below."""
        return self.child.ins()

    def outs(self) -> list[Leaf]:
        """Boxes that give what goes on above."""
        return self.child.outs()

    def leaves(self) -> Iterator[Leaf]:
        """All boxes inside."""
        yield from self.child.leaves()


Piece = Leaf | Chain | Par | Frame


def trunk(piece: Piece) -> Iterator[Leaf]:
    """The boxes on the axis of a piece that share one width: not joints, not parallel branches."""
    if isinstance(piece, Leaf):
        if not piece.joint and piece.fixed is None and not piece.wide:
            yield piece
    elif isinstance(piece, Chain):
        for item in piece.items:
            yield from trunk(item)
    elif isinstance(piece, Frame):
        yield from trunk(piece.child)


def stretch(piece: Piece, least: float) -> None:
    """Give the boxes on the axis of a piece at least this width."""
    for leaf in trunk(piece):
        leaf.least = max(leaf.least, least)


def limit(piece: Piece, most: float) -> None:
    """Let no box be wider than this: longer texts wrap or are cut."""
    for leaf in piece.leaves():
        leaf.most = most


__all__ = ["JOINT", "LINE", "Chain", "Drawing", "Frame", "Lane", "Leaf", "Par", "Piece", "limit", "stretch", "trunk"]
