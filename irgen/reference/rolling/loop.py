"""A stretch of equal steps read as a loop: what each argument of its body is at every step."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import torch
from torch.fx import Node

from irgen.reference.rolling.repeats import Leaf, Steps, Stretch, leaves

ATEN: Any = torch.ops.aten


class NotALoopError(Exception):
    """Why a stretch of steps is no loop."""


@dataclass(frozen=True)
class Same:
    """The same value at every step: a number, a word, or a node outside."""

    value: Leaf


@dataclass(frozen=True)
class Inside:
    """The value of another node of the same step."""

    at: int


@dataclass(frozen=True)
class Carried:
    """The value that a node had one step before; `first` at the first step."""

    at: int
    first: Node


@dataclass(frozen=True)
class Index:
    """The whole number `scale · t + offset` at step t."""

    scale: int
    offset: int


@dataclass(frozen=True)
class Part:
    """The part of `source` along `axis` at `scale · t + offset`: one place, or `width` places."""

    source: Node
    axis: int
    scale: int
    offset: int
    width: int | None = None


@dataclass(frozen=True)
class Earlier:
    """What an earlier loop gave at its step `scale · t + offset`."""

    loop: int
    at: int
    scale: int
    offset: int


Slot = Same | Inside | Carried | Index | Part | Earlier


@dataclass
class Loop:
    """`steps` steps of the body `nodes`, from the place `start` on.

    `slots[i]` are the leaves of body node i; `parts[i]` is set where that node only takes a part of something outside,
    `gathered` where it only adds its value to a result that grows step by step.
    """

    number: int
    start: int
    steps: int
    nodes: list[Node]
    slots: list[list[Slot]]
    specs: list[Any]
    parts: dict[int, Part | Index] = field(default_factory=dict[int, "Part | Index"])
    gathered: dict[int, Gathered] = field(default_factory=dict[int, "Gathered"])

    @property
    def period(self) -> int:
        """Nodes of one step."""
        return len(self.nodes)

    @property
    def stop(self) -> int:
        """The place after the last node."""
        return self.start + self.steps * self.period

    def where(self, place: int) -> tuple[int, int] | None:
        """The step and the body node at a place of the program, None outside."""
        return divmod(place - self.start, self.period) if self.start <= place < self.stop else None


@dataclass(frozen=True)
class Gathered:
    """A result that grows by `value` each step: written at `scale · t + offset` of an axis, or appended to it."""

    first: Node
    value: Slot
    axis: int
    scale: int
    offset: int
    appended: bool = False


def as_loop(steps: Steps, stretch: Stretch, earlier: list[Loop], skip: int) -> Loop:
    """The stretch without its first `skip` nodes as a loop. Raises `NotALoopError` with the reason."""
    start = stretch.start + skip
    period = stretch.period
    count = (stretch.stop - start) // period
    loop = Loop(len(earlier), start, count, steps.calls[start : start + period], [], [])
    for at in range(period):
        rows = [leaves(steps.calls[start + t * period + at])[0] for t in range(count)]
        if len({len(row) for row in rows}) != 1:
            raise NotALoopError("the steps have arguments of several lengths")
        loop.slots.append([_slot(steps, loop, earlier, list(column)) for column in zip(*rows, strict=True)])
        loop.specs.append(leaves(loop.nodes[at])[1])
    _read_parts(loop)
    _gather(steps, loop)
    _no_other_numbers(loop)
    return loop


def _slot(steps: Steps, loop: Loop, earlier: list[Loop], column: list[Leaf]) -> Slot:
    """What one argument is at every step."""
    first = column[0]
    if not any(isinstance(v, Node) for v in column):
        if all(type(v) is type(first) and v == first for v in column):
            return Same(first)
        if all(type(v) is int for v in column):
            return _affine(column)
        raise NotALoopError("a number changes in another way than step by step")
    if not all(isinstance(v, Node) for v in column):
        raise NotALoopError("an argument is a value at one step and a number at another")
    if all(v is first for v in column):
        if loop.where(steps.place.get(first, -1)) is not None:
            raise NotALoopError("all steps read a value of the first")
        return Same(first)
    places = [loop.where(steps.place.get(v, -1)) for v in column]
    inner = places[1]
    if inner is not None:
        at = inner[1]
        if all(p == (t, at) for t, p in enumerate(places)):
            return Inside(at)
        if places[0] is None and all(p == (t, at) for t, p in enumerate(places[1:])):
            return Carried(at, first)
        raise NotALoopError("a value comes from more than one step before")
    return _outside(steps, earlier, column)


def _affine(column: list[int]) -> Index:
    scale = column[1] - column[0]
    if any(b - a != scale for a, b in pairwise(column)):
        raise NotALoopError("a number does not grow evenly")
    return Index(scale, column[0])


def _outside(steps: Steps, earlier: list[Loop], column: list[Node]) -> Slot:
    """Values made outside, another at each step: parts of one tensor, or what an earlier loop gave step by step."""
    for loop in earlier:
        places = [loop.where(steps.place.get(v, -1)) for v in column]
        if all(p is not None for p in places):
            known = [p for p in places if p is not None]
            if len({at for _t, at in known}) != 1:
                break
            index = _affine([t for t, _at in known])
            return Earlier(loop.number, known[0][1], index.scale, index.offset)
    rows = [leaves(v)[0] for v in column]
    same_kind = len({(str(v.target), len(row)) for v, row in zip(column, rows, strict=True)}) == 1
    if not same_kind or column[0].target not in (ATEN.select.int, ATEN.slice.Tensor):
        raise NotALoopError("the steps read values that have nothing in common")
    source = rows[0][0]
    if any(row[0] is not source for row in rows):
        raise NotALoopError("the steps read parts of different values")
    slots: list[Slot] = [Same(source)]
    for numbers in list(zip(*rows, strict=True))[1:]:
        changes = any(n != numbers[0] for n in numbers)
        slots.append(_affine(list(numbers)) if changes else Same(numbers[0]))
    part = _part(column[0], slots)
    if part is None:
        raise NotALoopError("the steps read parts of different sizes")
    return part


def _part(node: Node, slots: list[Slot]) -> Part | None:
    """The part of an outer value that a select or a slice takes at each step; None where it is none."""
    source = slots[0]
    if not (isinstance(source, Same) and isinstance(source.value, Node)):
        return None
    axis = slots[1].value if len(slots) > 1 and isinstance(slots[1], Same) else None
    if not isinstance(axis, int):
        return None
    axis %= source.value.meta["val"].dim()
    if node.target is ATEN.select.int and len(slots) == 3 and isinstance(slots[2], Index):
        return Part(source.value, axis, slots[2].scale, slots[2].offset)
    if node.target is ATEN.slice.Tensor and len(slots) == 4:
        low, high = slots[2], slots[3]
        if isinstance(low, Index) and isinstance(high, Index) and low.scale == high.scale:
            return Part(source.value, axis, low.scale, low.offset, high.offset - low.offset)
    return None


def _read_parts(loop: Loop) -> None:
    """Note the body nodes that only take a part of an outer value, and those that only make the number of the step."""
    for at, (node, slots) in enumerate(zip(loop.nodes, loop.slots, strict=True)):
        part = _part(node, slots)
        if part is not None:
            loop.parts[at] = part
        elif node.target is ATEN.scalar_tensor.default and isinstance(slots[0], Index):
            loop.parts[at] = slots[0]


def _gather(steps: Steps, loop: Loop) -> None:
    """Note the body nodes that only add to a result that nothing in the loop reads."""
    read = [s.at for slots in loop.slots for s in slots if isinstance(s, (Inside, Carried))]
    for at, (node, slots) in enumerate(zip(loop.nodes, loop.slots, strict=True)):
        carried = slots[0] if slots else None
        if not isinstance(carried, Carried) or carried.at != at or read.count(at) != 1:
            continue
        if node.target is ATEN.select_scatter.default and len(slots) == 4:
            where, index = slots[2], slots[3]
            if isinstance(where, Same) and isinstance(index, Index):
                found = Gathered(carried.first, slots[1], where.value, index.scale, index.offset)
                loop.gathered[at] = found
        elif node.target is ATEN.cat.default and _two(node):
            axis: Any = node.args[1] if len(node.args) > 1 else 0
            loop.gathered[at] = Gathered(carried.first, slots[1], int(axis), 1, 0, appended=True)
    for at in loop.gathered:
        for t in range(loop.steps - 1):
            node = steps.calls[loop.start + t * loop.period + at]
            if any(user is not steps.calls[loop.start + (t + 1) * loop.period + at] for user in node.users):
                raise NotALoopError("a result that grows is read before it is complete")


def _two(node: Node) -> bool:
    values: Any = node.args[0]
    return len(values) == 2


NUMBERS = {
    "aten.add.Tensor": ATEN.add.Tensor,
    "aten.sub.Tensor": ATEN.sub.Tensor,
    "aten.mul.Tensor": ATEN.mul.Tensor,
    "aten.eq.Scalar": ATEN.eq.Tensor,
    "aten.ne.Scalar": ATEN.ne.Tensor,
    "aten.lt.Scalar": ATEN.lt.Tensor,
    "aten.le.Scalar": ATEN.le.Tensor,
    "aten.gt.Scalar": ATEN.gt.Tensor,
    "aten.ge.Scalar": ATEN.ge.Tensor,
}
"""Operators that take the number of the step as a tensor too, and the form that does."""


def _no_other_numbers(loop: Loop) -> None:
    """Numbers that change from step to step may stand in parts, in writes, and where a tensor may stand."""
    for at, (node, slots) in enumerate(zip(loop.nodes, loop.slots, strict=True)):
        if at in loop.parts or at in loop.gathered:
            continue
        places = [i for i, slot in enumerate(slots) if isinstance(slot, Index)]
        if places and (places != [1] or str(node.target) not in NUMBERS):
            raise NotALoopError(f"a number that changes from step to step stands in {node.target}")
