"""Arrows between placed pieces: straight on the axis, over a bus into and out of branches, in lanes past them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from irgen.scene import Edge
from irgen.views.layout.tree import BUS, TRACK, Chain, Frame, Lane, Leaf, Par, Piece

Bend = tuple[float, float]
Kinds = Callable[[Leaf, Leaf], tuple[str, str]]
"""Kind and role of the arrow between two boxes."""


def plain_flow(source: Leaf, target: Leaf) -> tuple[str, str]:
    """The arrow kind of ordinary dataflow; inactive chips have idle arrows, active ones those of their router."""
    for chip, other in ((source, target), (target, source)):
        if chip.shape == "chip" and other.role == "moe":
            return ("idle", "") if chip.dashed else ("route", "moe")
    return "flow", ""


@dataclass(slots=True)
class Router:
    """Collects the arrows of one placed tree; points are (axis, main) positions with y growing upwards."""

    kinds: Kinds = plain_flow
    edges: list[Edge] = field(default_factory=list[Edge])

    def arrow(self, source: Leaf, target: Leaf, points: Sequence[Bend]) -> Edge:
        """Add an arrow along the points."""
        kind, role = self.kinds(source, target)
        edge = Edge(source.id, target.id, kind, _straighten(points), role=role)
        self.edges.append(edge)
        return edge

    def walk(self, piece: Piece, feeders: list[Leaf]) -> None:
        """Route everything inside a piece; `feeders` are the boxes that its first items read."""
        if isinstance(piece, Chain):
            self._chain(piece, feeders)
        elif isinstance(piece, Par):
            for item in piece.items:
                self.walk(item, feeders)
        elif isinstance(piece, Frame):
            self.walk(piece.child, feeders)

    def _chain(self, chain: Chain, feeders: list[Leaf]) -> None:
        before = feeders
        for at, item in enumerate(chain.items):
            if at:
                self._connect(chain, at)
            self.walk(item, before)
            before = item.outs()
        for lane in chain.lanes:
            sources = chain.items[lane.start - 1].outs() if lane.start else feeders
            if sources:
                self._bypass(chain, lane, sources[0])

    def _connect(self, chain: Chain, at: int) -> None:
        below, above = chain.items[at - 1], chain.items[at]
        outs, ins = below.outs(), above.ins()
        floor, roof = below.m + below.high, above.m
        if len(outs) == 1:
            for target in ins:
                self._out(outs[0], target, roof)
        elif len(ins) == 1 and chain.sides(at):
            for source in outs:
                joint = ins[0]
                middle = joint.m + joint.high / 2
                if abs(source.c - joint.c) < 1:
                    self.arrow(source, joint, [(source.c, source.top), (joint.c, joint.m)])
                else:
                    edge = joint.c + (joint.right if source.c > joint.c else -joint.left)
                    self.arrow(source, joint, [(source.c, source.top), (source.c, middle), (edge, middle)])
        elif len(ins) == 1:
            for source in outs:
                self._in(source, ins[0], floor)
        else:
            for source, target in zip(outs, ins, strict=False):
                self._out(source, target, roof)

    def _out(self, source: Leaf, target: Leaf, roof: float) -> None:
        start = min(max(target.c, source.c - source.left), source.c + source.right) if source.wide else source.c
        end = start if target.wide else target.c
        bus = roof - BUS
        self.arrow(source, target, [(start, source.top), (start, bus), (end, bus), (end, target.m)])

    def _in(self, source: Leaf, target: Leaf, floor: float) -> None:
        end = source.c if target.wide else target.c
        bus = floor + BUS
        self.arrow(source, target, [(source.c, source.top), (source.c, bus), (end, bus), (end, target.m)])

    def _bypass(self, chain: Chain, lane: Lane, source: Leaf) -> None:
        target = chain.items[lane.end]
        if not isinstance(target, Leaf):
            return
        if lane.start:
            below = chain.items[lane.start - 1]
            start = below.m + below.high + 10
        else:
            start = chain.m - (BUS + TRACK + 2 if len(chain.ins()) > 1 else 20)
        x = chain.c + lane.c
        end = target.m + target.high / 2
        edge = Edge(
            source.id,
            target.id,
            lane.kind,
            [(chain.c, start), (x, start), (x, end), (target.c + target.right, end)],
            tap=True,
        )
        self.edges.append(edge)


def _straighten(points: Sequence[Bend]) -> list[Bend]:
    """Drop points that repeat or lie on a straight line."""
    kept: list[Bend] = []
    for point in points:
        if kept and abs(kept[-1][0] - point[0]) < 0.05 and abs(kept[-1][1] - point[1]) < 0.05:
            continue
        if len(kept) > 1:
            (x0, y0), (x1, y1) = kept[-2], kept[-1]
            if (abs(x0 - x1) < 0.05 and abs(x1 - point[0]) < 0.05) or (
                abs(y0 - y1) < 0.05 and abs(y1 - point[1]) < 0.05
            ):
                kept.pop()
        kept.append(point)
    return kept
