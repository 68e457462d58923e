"""Contractions of a hidden state with learned weights in any spelling: stacked, sliced or gathered weights, biases."""

from __future__ import annotations

from dataclasses import dataclass

from irgen.ir.graph import Node
from irgen.ir.ops import MOVES
from irgen.match.analysis import DATA, INDEX, Analysis
from irgen.match.contract import product

_KEEP_WEIGHTS = MOVES | {"cast", "gather", "gather_nd", "gather_elements", "stop_gradient", "embedding"}
_ARITHMETIC = frozenset({"mul", "div", "add", "sub", "neg"})
_CONTRACTIONS = frozenset({"linear", "grouped_linear", "matmul", "einsum"})
_DEPTH = 64


@dataclass(frozen=True, slots=True)
class Weighted:
    """One contraction: `x` is read, `params` are the learned tensors behind the weight (with those of the bias).

    `out` is the node behind the bias, `fan_in` and `fan_out` the features read and made. `stack` is the leading
    size of a weight of three or more axes or of which rows are picked (None: one matrix), `chosen` the computed
    indices that picked the weight.
    """

    node: str
    x: str
    out: str
    params: tuple[str, ...]
    fan_in: int
    fan_out: int
    stack: int | None
    chosen: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Learned:
    """What a tensor made of weights alone comes from: the parameters and the computed indices that picked from them."""

    params: tuple[str, ...]
    chosen: tuple[str, ...]


def learned(analysis: Analysis, name: str) -> Learned | None:
    """The parameters of which a tensor is a view, a selection or a scaled copy; None where hidden states enter."""
    params: dict[str, None] = {}
    chosen: dict[str, None] = {}
    stack = [name]
    seen: set[str] = set()
    while stack:
        top = stack.pop()
        if top in seen:
            continue
        seen.add(top)
        if len(seen) > _DEPTH and not params:
            return None
        node = analysis[top]
        if node.op == "param":
            params[top] = None
        elif node.op in _KEEP_WEIGHTS:
            stack.extend(node.inputs if node.op in {"concat", "write"} else node.inputs[:1])
            if node.op not in MOVES:
                indices = [i for i in node.inputs[1:] if i]
                if any(analysis.cls[i] == INDEX for i in indices):
                    return None  # rows looked up by what the caller gives: a hidden state
                chosen.update(dict.fromkeys(i for i in indices if analysis.cls[i] == DATA))
        elif analysis.cls[top] == DATA:
            return None
        elif node.op in _ARITHMETIC or analysis.is_arithmetic(top):
            stack.extend(analysis.inputs(top))
    return Learned(tuple(params), tuple(chosen)) if params else None


def weighted(analysis: Analysis, name: str) -> Weighted | None:
    """The contraction of a hidden state with learned weights that a node is, or None."""
    node = analysis[name]
    if node.op not in _CONTRACTIONS or isinstance(node.type, tuple):
        return None
    if node.op in {"linear", "grouped_linear"}:
        return _linear(analysis, node)
    found = product(node, tuple(len(analysis[s].shape) for s in node.inputs))
    if found is None:
        return None
    for side in ("right", "left"):
        weight, x = (found.right, found.left) if side == "right" else (found.left, found.right)
        source = learned(analysis, weight)
        if source is None or learned(analysis, x) is not None:
            continue
        axes, shape = found.axes(side), analysis[weight].shape
        if not found.contracted or len(shape) < 2:
            return None
        own = found.right_only if side == "right" else found.left_only
        picked = axes[: _picked_axes(analysis, len(shape), source)]
        read = [shape[axes.index(c)] for c in found.contracted if c not in picked]
        made = [shape[axes.index(c)] for c in own if c not in picked]
        return _made(analysis, node, x, source, _product(read), _product(made))
    return None


def _picked_axes(analysis: Analysis, rank: int, source: Learned) -> int:
    """How many leading axes of a weight are those of the indices by which it was picked."""
    if not source.chosen:
        return 0
    return max(rank - max(len(analysis[p].shape) for p in source.params) + 1, 0)


def _linear(analysis: Analysis, node: Node) -> Weighted | None:
    source = learned(analysis, node.inputs[1])
    if source is None:
        return None
    shape = analysis[node.inputs[1]].shape
    reads_last = node.attrs.get("layout") == "oi"
    fan_in, fan_out = (shape[-1], shape[-2]) if reads_last else (shape[-2], shape[-1])
    bias = node.inputs[-1] if len(node.inputs) > (2 if node.op == "linear" else 3) else ""
    extra = learned(analysis, bias) if bias else None
    params = source.params + (extra.params if extra else ())
    return _made(analysis, node, node.inputs[0], Learned(params, source.chosen), fan_in, fan_out)


def _made(analysis: Analysis, node: Node, x: str, source: Learned, fan_in: int, fan_out: int) -> Weighted:
    out, biases = _behind_bias(analysis, node.id)
    stack = _stack(analysis, source.params)
    if stack is None and source.chosen:
        stack = analysis[source.params[0]].shape[0]
    return Weighted(node.id, x, out, source.params + biases, fan_in, fan_out, stack, source.chosen)


def _behind_bias(analysis: Analysis, name: str) -> tuple[str, tuple[str, ...]]:
    """Behind views and the sum with a learned vector, picked or not: the node and the vector's parameters."""
    at, size = name, analysis[name].size
    for _ in range(6):
        user = analysis.single_user(at)
        if user is None or isinstance(analysis[user].type, tuple) or analysis[user].size != size:
            return name, ()
        if analysis.op(user) == "add":
            other = next((s for s in analysis.inputs(user) if s != at), None)
            source = learned(analysis, other) if other is not None else None
            return (user, source.params) if source is not None else (name, ())
        if analysis.op(user) not in {"reshape", "transpose", "cast"}:
            return name, ()
        at = user
    return name, ()


def _stack(analysis: Analysis, params: tuple[str, ...]) -> int | None:
    """How many matrices lie behind a weight: the leading size of one tensor, or the number of separate ones joined."""
    deep = [p for p in params if len(analysis[p].shape) >= 3]
    if deep:
        return analysis[deep[0]].shape[0]
    flat = [p for p in params if len(analysis[p].shape) == 2]
    return len(flat) if len(flat) > 2 else None


def _product(sizes: list[int]) -> int:
    total = 1
    for n in sizes:
        total *= n
    return total
