"""How much each expert counts for each token: the table of weights by which the results of experts enter a branch.

Read off by behaviour, whatever the coding: every expert's result is replaced by the mark of one feature, and the
branch is asked where that mark comes out and how large.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from irgen.ir.ops import ELEMENTWISE, MOVES
from irgen.match.analysis import NORMS, PARAM, Analysis
from irgen.match.contract import product
from irgen.match.probe import Probe
from irgen.match.weighted import Weighted, learned

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

_SCALES = frozenset({"mul", "div"})
_STOPS = NORMS | {"linear", "grouped_linear", "conv", "softmax", "rnn", "scan", "loop"}
_LINEAR = MOVES | frozenset({
    "cast", "add", "sub", "neg", "mul", "div", "where", "gather", "gather_nd", "gather_elements", "scatter_nd",
    "scatter_elements", "masked_scatter", "reduce_sum", "reduce_mean", "matmul", "einsum", "stop_gradient", "pick",
})  # fmt: skip
_ROUNDS = 64
"""So many times at most a branch is asked, where it has fewer features than experts."""


@dataclass(frozen=True, slots=True)
class Result:
    """The result of one contraction in which experts end, and the axis of its features.

    Whose each row is: `number` where the contraction is one expert's or has an axis of experts; else read in each run
    off `index`, the expert of each row laid along the axes `along`, or off `ends`, where each expert's rows end.
    """

    node: str
    axis: int
    number: Whole | None = None
    index: str = ""
    along: tuple[int, ...] = ()
    ends: str = ""
    rows: str | None = None
    """A node whose leading sizes are those of the result in any run."""

    def owner(self, probe: Probe, shape: Sequence[int]) -> Whole | None:
        """The number of the expert whose each element is, in a shape that broadcasts to the result's."""
        if self.number is not None:
            return self.number
        value = probe.value(self.index or self.ends)
        if value is None:
            return None
        whole = np.asarray(value, dtype=np.int64)
        if self.ends:
            places = np.searchsorted(whole, np.arange(shape[0]), side="right")
            return np.asarray(places.reshape(-1, *[1] * (len(shape) - 1)), dtype=np.int64)
        laid = np.expand_dims(whole, tuple(range(whole.ndim, len(shape))))
        return np.asarray(np.moveaxis(laid, range(whole.ndim), self.along), dtype=np.int64)


def results_of(analysis: Analysis, downs: Sequence[Weighted], rows: Sequence[str]) -> tuple[list[Result], int] | None:
    """The results of experts with their owners, and how many experts there are; None where owners cannot be told."""
    found: list[Result] = []
    numbers: dict[tuple[str, ...], int] = {}
    stacks: set[int] = set()
    for down, row in zip(downs, rows, strict=True):
        result = _result(analysis, down, row, numbers)
        if result is None:
            return None
        if down.stack is not None:
            stacks.add(down.stack)
        found.append(result)
    if (stacks and numbers) or len(stacks) > 1:
        return None
    return found, (max(stacks) if stacks else len(numbers))


def _result(analysis: Analysis, down: Weighted, row: str, numbers: dict[tuple[str, ...], int]) -> Result | None:
    node = analysis[down.node]
    last = len(node.shape) - 1
    if node.op == "grouped_linear":
        return Result(down.node, last, ends=node.inputs[2])
    if node.op == "linear":
        if down.chosen:
            return None
        if down.stack is not None:
            place = _place(analysis, node.inputs[1], down.stack)
            return None if place is None else Result(down.node, last, np.full([1] * (last + 1), place), rows=row)
        return Result(down.node, last, _numbered(analysis, down, numbers), rows=row)
    parts = product(node, tuple(len(analysis[s].shape) for s in node.inputs))
    if parts is None:
        return None
    side = "left" if parts.right == down.x else "right"
    weight, letters = (parts.left, parts.left_axes) if side == "left" else (parts.right, parts.right_axes)
    made = parts.left_only if side == "left" else parts.right_only
    sizes = dict(zip(letters, analysis[weight].shape, strict=True))
    wide = [c for c in made if sizes[c] == down.fan_out]
    if len(wide) != 1:
        return None
    axis = parts.out_axes.index(wide[0])
    if down.chosen:
        return _picked(analysis, down.node, weight, letters, parts.out_axes, axis)
    if down.stack is not None:
        held = [c for c in letters if sizes[c] == down.stack and c in parts.out_axes and c != wide[0]]
        if not held:
            return None
        shape = [down.stack if c == held[0] else 1 for c in parts.out_axes]
        return Result(down.node, axis, np.arange(down.stack).reshape(shape))
    return Result(down.node, axis, _numbered(analysis, down, numbers), rows=row if axis == last else None)


def _numbered(analysis: Analysis, down: Weighted, numbers: dict[tuple[str, ...], int]) -> Whole:
    """The number of an expert with weights of its own, in the order in which experts are met."""
    matrices = tuple(p for p in down.params if len(analysis[p].shape) >= 2)
    return np.full([1] * len(analysis[down.node].shape), numbers.setdefault(matrices, len(numbers)))


def _place(analysis: Analysis, weight: str, stack: int) -> int | None:
    """Which of stacked matrices a weight is: the place where it was cut out along the first axis."""
    name = weight
    while analysis.op(name) in MOVES | {"cast"}:
        node = analysis[name]
        source = node.inputs[0]
        if node.op == "slice" and node.attrs.get("axis") == 0 and analysis[source].shape[0] == stack:
            start = node.attrs.get("start")
            return start if isinstance(start, int) and node.attrs.get("stop") == start + 1 else None
        name = source
    return None


def _picked(analysis: Analysis, node: str, weight: str, letters: str, out: str, axis: int) -> Result | None:
    """The result of weights that were gathered by a computed index, which lies along some axes of the result."""
    name = weight
    while analysis.op(name) in MOVES | {"cast"}:
        name = analysis.inputs(name)[0]
    if analysis.op(name) != "gather" or analysis[name].attrs.get("axis", 0) != 0:
        return None
    index = analysis[name].inputs[1]
    shape = analysis[index].shape
    lead = letters[: len(shape)]
    if analysis[weight].shape[: len(shape)] != shape or any(c not in out for c in lead):
        return None
    return Result(node, axis, index=index, along=tuple(out.index(c) for c in lead))


def join_of(analysis: Analysis, nodes: Iterable[str], region: set[str], size: int) -> str | None:
    """Where the results of experts have come together as one value of `size` elements, as far behind as marks pass."""
    found = set(nodes)
    reached = {name: 1 << i for i, name in enumerate(sorted(found))}
    whole = (1 << len(found)) - 1
    last: str | None = None
    for name in sorted(region, key=analysis.place.__getitem__):
        node = analysis[name]
        bits = reached.get(name, 0)
        if bits == 0 or name not in found:
            for source in node.inputs:
                bits |= reached.get(source, 0) if source else 0
            if bits and not _passes(analysis, name, reached):
                continue
        if not bits:
            continue
        reached[name] = bits
        if bits == whole and not isinstance(node.type, tuple) and node.size == size and node.is_float:
            last = name
    return last


def _passes(analysis: Analysis, name: str, reached: dict[str, int]) -> bool:
    """Whether a node is linear in the marks and treats all features alike."""
    node = analysis[name]
    if node.op in _STOPS or (node.op not in _LINEAR and node.op in ELEMENTWISE):
        return False
    if node.op not in _LINEAR:
        return False
    others = [s for s in analysis.inputs(name) if s not in reached]
    if node.op in _SCALES:
        vectors = any(analysis.cls[s] >= PARAM and not analysis.is_data(s) and analysis[s].size > 1 for s in others)
        return not vectors and len(others) > 0 and (node.op != "div" or node.inputs[0] in reached)
    if node.op in {"matmul", "einsum"}:
        return len(others) == 1 and learned(analysis, others[0]) is None
    return True


def table_of(
    analysis: Analysis, probe: Probe, results: Sequence[Result], experts: int, join: str, axis: int
) -> Floats | None:
    """The weight of each expert for each token [token, expert] in one probe run, or None where it has no value."""
    shape = analysis[join].shape
    width = shape[axis]
    tokens = analysis[join].size // width
    table = np.zeros((tokens, experts))
    silent = _under(probe, results, 0, 0, join)
    if silent is None or silent.size != tokens * width or -(-experts // width) > _ROUNDS:
        return None
    base = np.moveaxis(silent.reshape(shape), axis, -1).reshape(tokens, width)
    for first in range(0, experts, width):
        count = min(width, experts - first)
        marked = _under(probe, results, first, count, join)
        if marked is None or marked.size != silent.size:
            return None
        rows = np.moveaxis(marked.reshape(shape), axis, -1).reshape(tokens, width)
        table[:, first : first + count] = (rows - base)[:, :count]
    return table if np.isfinite(table).all() else None


def _under(probe: Probe, results: Sequence[Result], first: int, count: int, join: str) -> Floats | None:
    """The value at the join where the experts from `first` on give the mark of one feature each, all others nothing."""
    fixed: dict[str, Floats] = {}
    for result in results:
        node = probe.graph.nodes[result.node]
        shape = list(node.shape)
        if result.rows is not None:
            rows = probe.value(result.rows)
            if rows is None or rows.ndim != len(shape):
                return None
            shape[:-1] = rows.shape[:-1]
        value = np.zeros([shape[result.axis], *[n for i, n in enumerate(shape) if i != result.axis]])
        owner = result.owner(probe, shape)
        if owner is None or any(n not in {1, shape[i]} for i, n in enumerate(owner.shape)):
            return None
        if count:
            owner = np.moveaxis(np.broadcast_to(owner, shape), result.axis, 0)[0]
            for feature in range(min(count, len(value))):
                value[feature] = owner == first + feature
        fixed[result.node] = np.moveaxis(value, 0, result.axis)
    found = probe.override(fixed).value(join)
    return None if found is None or np.iscomplexobj(found) else np.asarray(found, dtype=np.float64)
