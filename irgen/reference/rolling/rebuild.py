"""A program written anew with its loops as `Scan` modules."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportPrivateUsage=false

from __future__ import annotations

import copy
import operator
from collections.abc import Sequence
from typing import Any

from torch.fx import Graph, GraphModule, Node

from irgen.reference.rolling.body import Body
from irgen.reference.rolling.loop import (
    ATEN,
    Carried,
    Earlier,
    Index,
    Inside,
    Loop,
    NotALoopError,
    Part,
)
from irgen.reference.rolling.repeats import Steps
from irgen.reference.rolling.scan import Scan

PLACES = ("aten.stack.default", "aten.cat.default")
"""Operators that take a list of values of all steps."""


class Rebuilt:
    """The new program while it is written: nodes of the old one are copied, each loop becomes one call."""

    def __init__(self, module: GraphModule, steps: Steps, loops: Sequence[Loop]) -> None:
        self.module = module
        self.steps = steps
        self.loops = loops
        self.graph = Graph()
        self.values: dict[Node, Node] = {}
        self.modules: dict[str, Scan] = {}
        self._results: dict[tuple[int, int], Node] = {}
        self._last: dict[tuple[int, int], Node] = {}
        self._wanted = self._find_wanted()

    def run(self) -> GraphModule:
        """The rebuilt program. Raises `NotALoopError` where a loop is used in a way that has no form."""
        inside = {node for loop in self.loops for node in self.steps.calls[loop.start : loop.stop]}
        ends = {self.steps.calls[loop.stop - 1]: loop for loop in self.loops}
        for node in self.module.graph.nodes:
            if node in ends:
                self._loop(ends[node])
            if node in inside:
                continue
            self.values[node] = self._copy(node)
        self.graph.eliminate_dead_code(lambda node: node.op in ("placeholder", "output"))
        root: Any = {**_attributes(self.module, self.graph), **self.modules}
        self.graph.set_codegen(copy.copy(self.module.graph._codegen))
        made = GraphModule(root, self.graph, type(self.module).__name__)
        for name in ("_in_spec", "_out_spec"):
            if hasattr(self.module, name):
                setattr(made, name, getattr(self.module, name))
        return made

    def _find_wanted(self) -> dict[int, set[int]]:
        """The body nodes of each loop whose value of every step something outside reads."""
        wanted: dict[int, set[int]] = {loop.number: set() for loop in self.loops}
        for loop in self.loops:
            for place in range(loop.start, loop.stop):
                node = self.steps.calls[place]
                t, at = divmod(place - loop.start, loop.period)
                if at in loop.gathered:
                    continue
                for user in node.users:
                    outside = loop.where(self.steps.place.get(user, -1)) is None
                    if outside and not self._is_state(loop, t, at):
                        wanted[loop.number].add(at)
        for loop in self.loops:
            for grown in loop.gathered.values():
                if isinstance(grown.value, Inside):
                    wanted[loop.number].add(grown.value.at)
        return wanted

    def _is_state(self, loop: Loop, t: int, at: int) -> bool:
        carried = any(isinstance(s, Carried) and s.at == at for slots in loop.slots for s in slots)
        return carried and t == loop.steps - 1

    def _copy(self, node: Node) -> Node:
        """A node outside of all loops."""
        if str(node.target) in PLACES and node.op == "call_function":
            joined = self._joined(node)
            if joined is not None:
                return joined
        if node.op == "call_function" and node.target in (ATEN.select.int, ATEN.slice.Tensor) and not node.users:
            return node
        return self.graph.node_copy(node, self.value)

    def value(self, node: Node) -> Node:
        """The new form of an old node's value."""
        if node in self.values:
            return self.values[node]
        place = self.steps.place[node]
        for loop in self.loops:
            where = loop.where(place)
            if where is not None:
                self.values[node] = self._of_step(loop, *where, node)
                return self.values[node]
        raise NotALoopError(f"{node} is read before it is made")

    def _of_step(self, loop: Loop, t: int, at: int, node: Node) -> Node:
        """The value of one step of a loop that has been written."""
        if at in loop.gathered:
            if t != loop.steps - 1:
                raise NotALoopError("a result that grows is read before it is complete")
            return self._grown(loop, at)
        if self._is_state(loop, t, at) and (loop.number, at) in self._last:
            return self._last[(loop.number, at)]
        if at in loop.parts:
            return self.graph.node_copy(node, self.value)
        from_end = t - loop.steps if t > loop.steps // 2 else t
        return self._call(ATEN.select.int, (self._results[(loop.number, at)], 0, from_end), node)

    def _call(self, target: Any, args: tuple[Any, ...], like: Node | None = None) -> Node:
        made = self.graph.call_function(target, args)
        if like is not None:
            made.meta = {k: v for k, v in like.meta.items() if k != "val"}
        return made

    def _joined(self, node: Node) -> Node | None:
        """A stack or concatenation of the values of all steps, which the loop gives as one; None for any other."""
        values: Any = node.args[0]
        axis: Any = node.args[1] if len(node.args) > 1 else 0
        stacked = str(node.target) == PLACES[0]
        runs = self._runs(values)
        if not any(isinstance(run, tuple) for run in runs):
            return None
        rank = values[0].meta["val"].dim() + stacked
        axis %= rank
        pieces: list[Node] = []
        for run in runs:
            if isinstance(run, Node):
                one = self.value(run)
                pieces.append(self._call(ATEN.unsqueeze.default, (one, axis), node) if stacked else one)
                continue
            loop, at, start, stop, forward = run
            rows = self._slice(self._results[(loop.number, at)], 0, start, stop, loop.steps, node)
            rows = rows if forward else self._call(ATEN.flip.default, (rows, [0]), node)
            moved = self._call(ATEN.movedim.int, (rows, 0, axis), node) if axis else rows
            pieces.append(moved if stacked else self._call(ATEN.flatten.using_ints, (moved, axis, axis + 1), node))
        return pieces[0] if len(pieces) == 1 else self._call(ATEN.cat.default, (pieces, axis), node)

    def _slice(self, value: Node, axis: int, start: int, stop: int, size: int, like: Node | None) -> Node:
        if (start, stop) == (0, size):
            return value
        end = stop if stop < size else (1 << 63) - 1
        return self._call(ATEN.slice.Tensor, (value, axis, start, end), like)

    def _runs(self, values: Sequence[Any]) -> list[Node | tuple[Loop, int, int, int, bool]]:
        """A list of values as single ones and as runs (loop, body node, first step, end, ascending)."""
        out: list[Node | tuple[Loop, int, int, int, bool]] = []
        i = 0
        while i < len(values):
            found = self._run_from(values, i)
            if found is None:
                out.append(values[i])
                i += 1
            else:
                loop, at, first, count, step = found
                low, high = (first, first + count) if step > 0 else (first - count + 1, first + 1)
                out.append((loop, at, low, high, step > 0))
                i += count
        return out

    def _run_from(self, values: Sequence[Any], i: int) -> tuple[Loop, int, int, int, int] | None:
        for loop in self.loops:
            places = [loop.where(self.steps.place.get(v, -1)) for v in values[i:]]
            first = places[0]
            if first is None or first[1] in loop.parts or (loop.number, first[1]) not in self._results:
                continue
            for step in (1, -1):
                count = 0
                while count < len(places) and places[count] == (first[0] + step * count, first[1]):
                    count += 1
                if count > 1:
                    return loop, first[1], first[0], count, step
        return None

    def _loop(self, loop: Loop) -> None:
        """Write a loop: its states, the parts that it reads step by step, and what it reads from outside."""
        body = Body(self, loop)
        module, states, scanned, outer = body.run(sorted(self._wanted[loop.number]))
        name = f"loop_{loop.number}"
        self.modules[name] = module
        call = self.graph.call_module(name, (states, scanned, outer))
        for i, key in enumerate([*body.states, *sorted(self._wanted[loop.number])]):
            part = self._call(operator.getitem, (call, i))
            if i < len(body.states):
                self._last[(loop.number, key)] = part
            else:
                self._results[(loop.number, key)] = part

    def scanned(self, loop: Loop, part: Part | Index | Earlier) -> Node:
        """All parts that a loop reads step by step, along a new first axis."""
        steps = loop.steps
        if isinstance(part, Index):
            stop = part.offset + part.scale * steps
            return self._call(ATEN.arange.start_step, (part.offset, stop, part.scale))
        if isinstance(part, Earlier):
            other = self.loops[part.loop]
            rows = self._results.get((part.loop, part.at))
            if rows is None:
                raise NotALoopError("an earlier loop keeps no results")
            return self._taken(rows, 0, part.scale, part.offset, steps, other.steps)
        source = self.value(part.source)
        size: Any = part.source.meta["val"].shape[part.axis]
        whole = size if isinstance(size, int) else -1
        if part.width is None:
            rows = self._taken(source, part.axis, part.scale, part.offset, steps, whole)
            return self._call(ATEN.movedim.int, (rows, part.axis, 0)) if part.axis else rows
        if part.scale != part.width:
            raise NotALoopError("the steps read windows that overlap")
        stop = part.offset + steps * part.width
        rows = self._slice(source, part.axis, part.offset, stop, whole, None)
        rows = self._call(ATEN.unflatten.int, (rows, part.axis, [steps, part.width]))
        return self._call(ATEN.movedim.int, (rows, part.axis, 0)) if part.axis else rows

    def _taken(self, rows: Node, axis: int, scale: int, offset: int, steps: int, size: int) -> Node:
        """`steps` places of an axis from `offset` on, one after another or backwards."""
        if scale == 1:
            return self._slice(rows, axis, offset, offset + steps, size, None)
        if scale == -1:
            low = offset - steps + 1
            if low < 0 <= offset:
                raise NotALoopError("the steps read places before the first")
            part = self._slice(rows, axis, low, offset + 1, size, None)
            return self._call(ATEN.flip.default, (part, [axis]))
        stop = offset + scale * steps
        at = self._call(ATEN.arange.start_step, (offset, stop, scale))
        return self._call(ATEN.index_select.default, (rows, axis, at))

    def _grown(self, loop: Loop, at: int) -> Node:
        """The result of a loop that wrote it step by step."""
        grown = loop.gathered[at]
        like = loop.nodes[at]
        if not isinstance(grown.value, Inside):
            raise NotALoopError("what is written is not made in the loop")
        rows = self._results[(loop.number, grown.value.at)]
        rank = like.meta["val"].dim()
        axis = grown.axis % rank
        if grown.appended:
            moved = self._call(ATEN.movedim.int, (rows, 0, axis), like) if axis else rows
            joined = self._call(ATEN.flatten.using_ints, (moved, axis, axis + 1), like)
            return self._call(ATEN.cat.default, ([self.value(grown.first), joined], axis), like)
        if grown.scale not in (1, -1):
            raise NotALoopError("a result is written in strides")
        low = grown.offset if grown.scale == 1 else grown.offset - loop.steps + 1
        if grown.scale == -1:
            rows = self._call(ATEN.flip.default, (rows, [0]), like)
        moved = self._call(ATEN.movedim.int, (rows, 0, axis), like) if axis else rows
        size = grown.first.meta["val"].shape[axis]
        pieces = [moved]
        first = self.value(grown.first)
        if low > 0:
            pieces.insert(0, self._call(ATEN.slice.Tensor, (first, axis, 0, low), like))
        if low + loop.steps != size:
            pieces.append(self._call(ATEN.slice.Tensor, (first, axis, low + loop.steps, (1 << 63) - 1), like))
        return moved if len(pieces) == 1 else self._call(ATEN.cat.default, (pieces, axis), like)


def _attributes(module: GraphModule, graph: Graph) -> dict[str, Any]:
    """What the nodes of a graph read from the module that it belongs to."""
    names = {str(node.target) for node in graph.nodes if node.op == "get_attr"}
    found: dict[str, Any] = {}
    for name in names:
        value: Any = module
        for part in name.split("."):
            value = getattr(value, part)
        found[name] = value
    return found
