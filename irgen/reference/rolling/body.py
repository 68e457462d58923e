"""The body of a loop as a graph of its own, and what it reads from outside."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch.fx import Graph, GraphModule, Node
from torch.utils import _pytree as pytree

from irgen.reference.rolling.loop import (
    ATEN,
    NUMBERS,
    Carried,
    Earlier,
    Index,
    Inside,
    Loop,
    NotALoopError,
    Part,
    Same,
    Slot,
)
from irgen.reference.rolling.scan import Scan

if TYPE_CHECKING:
    from irgen.reference.rolling.rebuild import Rebuilt


class Body:
    """The body of one loop as a graph of its own."""

    def __init__(self, program: Rebuilt, loop: Loop) -> None:
        self.program = program
        self.loop = loop
        self.graph = Graph()
        self.states: dict[int, Node] = {}
        self._firsts: dict[int, Node] = {}
        self._scanned: dict[Part | Index | Earlier, Node] = {}
        self._outer: dict[Node, Node] = {}
        self._made: dict[int, Node] = {}

    def run(self, results: list[int]) -> tuple[Scan, list[Node], list[Node], list[Node]]:
        """The module and, as nodes of the program, its first states, scanned tensors and outer values."""
        self._inputs()
        for at, node in enumerate(self.loop.nodes):
            if at in self.loop.gathered:
                continue
            part = self.loop.parts.get(at)
            self._made[at] = self._scanned[part] if part is not None else self._node(at, node)
        given: set[Node] = set(self.states.values()) | set(self._scanned.values()) | set(self._outer.values())
        out: list[Node] = []
        for at in [*self.states, *results]:
            value = self._made[at]
            if value in given or value in out:
                value = self.graph.call_function(ATEN.clone.default, (value,))
            out.append(value)
        self.graph.output(tuple(out))
        body = GraphModule({}, self.graph)
        states = [self.program.value(first) for first in self._firsts.values()]
        scanned = [self.program.scanned(self.loop, part) for part in self._scanned]
        outer = [self.program.value(node) for node in self._outer]
        if not scanned:
            raise NotALoopError("nothing is read step by step")
        return Scan(body, len(states)), states, scanned, outer

    def _inputs(self) -> None:
        """Placeholders in order: states, scanned parts, outer values."""
        slots = [
            slot
            for at, row in enumerate(self.loop.slots)
            if at not in self.loop.gathered and at not in self.loop.parts
            for slot in row
        ]
        for slot in slots:
            if isinstance(slot, Carried):
                if self._firsts.setdefault(slot.at, slot.first) is not slot.first:
                    raise NotALoopError("a state has two first values")
                self._alike(slot)
                if slot.at not in self.states:
                    self.states[slot.at] = self.graph.placeholder(f"state_{len(self.states)}")
        for slot in [*slots, *self.loop.parts.values()]:
            if isinstance(slot, (Part, Index, Earlier)) and slot not in self._scanned:
                self._scanned[slot] = self.graph.placeholder(f"part_{len(self._scanned)}")
        for slot in slots:
            if isinstance(slot, Same) and isinstance(slot.value, Node) and slot.value not in self._outer:
                self._outer[slot.value] = self.graph.placeholder(f"outer_{len(self._outer)}")

    def _alike(self, slot: Carried) -> None:
        first, later = slot.first.meta["val"], self.loop.nodes[slot.at].meta["val"]
        if first.dtype != later.dtype or tuple(first.shape) != tuple(later.shape):
            raise NotALoopError("a state changes its shape or type after the first step")

    def _node(self, at: int, node: Node) -> Node:
        slots = self.loop.slots[at]
        flat = [self._leaf(slot) for slot in slots]
        args, kwargs = pytree.tree_unflatten(flat, self.loop.specs[at])
        target: Any = NUMBERS[str(node.target)] if any(isinstance(s, Index) for s in slots) else node.target
        made = self.graph.call_function(target, args, kwargs)
        made.meta = {k: v for k, v in node.meta.items() if k != "val"}
        return made

    def _leaf(self, slot: Slot) -> Any:
        match slot:
            case Same(value):
                return self._outer[value] if isinstance(value, Node) else value
            case Inside(at):
                return self._made[at]
            case Carried(at):
                return self.states[at]
            case _:
                return self._scanned[slot]
