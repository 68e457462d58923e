"""Operators that carry bodies (If, Loop, Scan), and sequences of tensors, which are resolved while reading."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import cast

import numpy as np
from onnx import GraphProto

from irgen.errors import SourceError
from irgen.frontends.onnx_call import Call, Lowering, NotFolded
from irgen.ir.graph import Node
from irgen.ir.rules import Shape
from irgen.ir.tensor import TensorType

UNROLLED = 4096
"""Steps of the longest loop that is written out."""


def _graph(c: Call, name: str) -> GraphProto:
    return cast("GraphProto", c.need(name))


def _if(c: Call) -> Sequence[str]:
    """A branch whose test is known is lowered in place; of two that run, the larger is kept and the other reported."""
    test = c.known(0)
    if test is not None and test.size == 1:
        return c.sweep.inline(_graph(c, "then_branch" if bool(test.reshape(-1)[0]) else "else_branch"))
    branches = [c.sweep.body(_graph(c, name), ()) for name in ("then_branch", "else_branch")]
    kept = max(branches, key=lambda branch: len(branch.build.graph))
    c.sweep.source.findings.append("the model branches on a value of its input; the larger branch is shown")
    kinds = [kept.build.type(x) for x in kept.build.graph.outputs]
    return c.b.several("cond", (c.x, *kept.captured), kinds, kept.build.graph)


def _scan(c: Call) -> Sequence[str]:
    if c.version < 9:
        raise NotFolded
    body, scanned = _graph(c, "body"), c.int("num_scan_inputs", 0)
    states = [c.operand(i) for i in range(len(c.inputs) - scanned)]
    xs = [c.operand(i) for i in range(len(states), len(c.inputs))]
    outputs = len(body.output) - len(states)
    if not xs or outputs < 0:
        raise SourceError(f"Scan over {len(xs)} inputs with {len(states)} states and {len(body.output)} results")
    axes = [c.axis(a, len(c.b.shape(x))) for a, x in zip(c.ints("scan_input_axes") or (0,) * scanned, xs, strict=True)]
    back = c.ints("scan_input_directions") or (0,) * scanned
    xs = [_flipped(c, x, a) if turn else x for x, a, turn in zip(xs, axes, back, strict=True)]
    steps = c.b.shape(xs[0])[axes[0]]
    kinds = [c.b.type(x) for x in states]
    for x, axis in zip(xs, axes, strict=True):
        shape = c.b.shape(x)
        kinds.append(TensorType(c.b.dtype(x), shape[:axis] + shape[axis + 1 :]))
    inner = c.sweep.body(body, kinds)
    stacked: list[int] = []
    results = kinds[: len(states)]
    for i, out in enumerate(inner.build.graph.outputs[len(states) :]):
        kind = inner.build.type(out)
        axis = c.axis((c.ints("scan_output_axes") or (0,) * outputs)[i], kind.rank + 1)
        stacked.append(axis)
        results.append(TensorType(kind.dtype, _stack(kind.shape, axis, steps)))
    made = c.b.several(
        "scan", (*states, *xs, *inner.captured), results, inner.build.graph,
        states=len(states), scanned=scanned, axes=(*axes, *stacked),
    )  # fmt: skip
    turns = c.ints("scan_output_directions") or (0,) * outputs
    tail = zip(made[len(states) :], stacked, turns, strict=True)
    return [*made[: len(states)], *(_flipped(c, x, axis) if turn else x for x, axis, turn in tail)]


def _flipped(c: Call, x: str, axis: int) -> str:
    size = c.b.shape(x)[axis]
    if size < 0:
        raise NotFolded
    return c.b.slice(x, axis, size - 1, -1, -1)


def _stack(shape: Shape | None, axis: int, steps: int) -> Shape | None:
    return None if shape is None else (*shape[:axis], steps, *shape[axis:])


def _merged(a: TensorType, b: TensorType) -> TensorType:
    """The type that a carried state has in every step: sizes that change are unknown."""
    if a.shape is None or b.shape is None or len(a.shape) != len(b.shape):
        return TensorType(a.dtype, None)
    return TensorType(a.dtype, tuple(m if m == n else -1 for m, n in zip(a.shape, b.shape, strict=True)))


def _loop(c: Call) -> Sequence[str]:
    body = _graph(c, "body")
    count = c.known(0)
    steps = int(count.reshape(-1)[0]) if count is not None and count.size == 1 else -1
    states = [c.operand(i) for i in range(2, len(c.inputs))]
    if len(body.output) < 1 + len(states):
        raise NotFolded
    if any(x in c.b.sequences for x in states):
        return _unrolled(c, body, steps, states)
    kinds = [c.b.type(x) for x in states]
    outer = [TensorType("int64", ()), TensorType("bool", ())]
    inner = c.sweep.body(body, [*outer, *kinds])
    after = [inner.build.type(x) for x in inner.build.graph.outputs[1 : 1 + len(kinds)]]
    merged = [_merged(a, b) for a, b in zip(kinds, after, strict=True)]
    if merged != kinds:
        kinds = merged
        inner = c.sweep.body(body, [*outer, *kinds])
    steps = steps if 0 <= steps < 2**31 and _keeps_going(inner.build.graph.outputs, inner.build.known) else -1
    results = list(kinds)
    for out in inner.build.graph.outputs[1 + len(kinds) :]:
        kind = inner.build.type(out)
        results.append(TensorType(kind.dtype, _stack(kind.shape, 0, steps)))
    inputs = (c.optional(0), c.optional(1), *states, *inner.captured)
    return c.b.several("loop", inputs, results, inner.build.graph, states=len(states)) if results else []


def _unrolled(c: Call, body: GraphProto, steps: int, states: list[str]) -> Sequence[str]:
    """A loop that collects tensors in a sequence, step by step in place: its count has to be a number."""
    if not 0 <= steps <= UNROLLED:
        raise NotFolded
    going = c.optional(1) or c.b.const(np.asarray(True))
    stacks: list[list[str]] = [[] for _ in body.output[1 + len(states) :]]
    for step in range(steps):
        results = c.sweep.inline(body, (c.b.const(np.asarray(step)), going, *states))
        states = results[1 : 1 + len(states)]
        for stack, out in zip(stacks, results[1 + len(states) :], strict=True):
            stack.append(c.b.unsqueeze(out, 0))
        value = c.b.known(results[0])
        if value is None:
            raise NotFolded
        if not value.all():
            break
    return [*states, *(c.b.concat(stack, 0) for stack in stacks)]


def _keeps_going(outputs: Sequence[str], known: object) -> bool:
    """Whether the body's own condition is the constant true (or the condition it was given)."""
    value = known(outputs[0]) if callable(known) else None
    return outputs[0] == "n1" or (isinstance(value, np.ndarray) and bool(value.all()))


# --- sequences: lists of nodes, known while reading, with one opaque node to stand for each


def _sequence(c: Call, items: Sequence[str]) -> str:
    first = c.b.type(items[0]) if items else TensorType("float32", None)
    name = c.b.node(Node("", "opaque", tuple(items), TensorType(first.dtype, None), {"name": "sequence"}))
    c.b.sequences[name] = list(items)
    return name


def _items(c: Call) -> list[str]:
    if c.x not in c.b.sequences:
        raise NotFolded
    return c.b.sequences[c.x]


def _position(c: Call, i: int, default: int) -> int:
    given = c.vector("position", i)
    return given[0] if given else default


def _split_to_sequence(c: Call) -> str:
    shape = c.shape()
    axis = c.axis(c.int("axis", 0), len(shape))
    size, given, keep = shape[axis], c.vector("", 1), bool(c.int("keepdims", 1))
    if size < 0:
        raise NotFolded
    if given is None:
        parts = [1] * size
    elif c.b.rank(c.operand(1)) == 0:
        parts = [min(given[0], size - i) for i in range(0, size, max(given[0], 1))]
    else:
        parts = list(given)
    if len(parts) > 4096:
        raise NotFolded
    starts = np.cumsum([0, *parts]).tolist()
    items = [c.b.slice(c.x, axis, a, b) for a, b in itertools.pairwise(starts)]
    if given is None and not keep:
        items = [c.b.squeeze(x, axis) for x in items]
    return _sequence(c, items)


def _insert(c: Call) -> str:
    items = list(_items(c))
    at = _position(c, 2, len(items))
    items.insert(at if at >= 0 else at + len(items), c.operand(1))
    return _sequence(c, items)


def _erase(c: Call) -> str:
    items = list(_items(c))
    items.pop(_position(c, 1, -1))
    return _sequence(c, items)


def _concat_sequence(c: Call) -> str:
    items, new = _items(c), bool(c.int("new_axis", 0))
    if not items:
        raise NotFolded
    axis = c.axis(c.int("axis", 0), c.b.rank(items[0]) + new)
    return c.b.concat([c.b.unsqueeze(x, axis) for x in items] if new else items, axis)


OPS: dict[str, Lowering] = {
    "If": _if,
    "Scan": _scan,
    "Loop": _loop,
    "SequenceConstruct": lambda c: _sequence(c, c.inputs),
    "SequenceEmpty": lambda c: _sequence(c, ()),
    "SequenceAt": lambda c: _items(c)[_position(c, 1, 0)],
    "SequenceInsert": _insert,
    "SequenceErase": _erase,
    "SequenceLength": lambda c: c.b.reshape(c.b.sizes([len(_items(c))]), ()),
    "SplitToSequence": _split_to_sequence,
    "ConcatFromSequence": _concat_sequence,
}
