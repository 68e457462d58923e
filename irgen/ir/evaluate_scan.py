"""Operators that repeat: recurrent layers, and those that carry a body (scan, loop, cond, attention), in numpy."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from irgen.ir.attrs import flag, integer, integers, word
from irgen.ir.evaluate_base import Kernel, Unevaluable, Values, working_dtype
from irgen.ir.graph import Graph, Node

Call = Callable[[Graph, Sequence[Values | None]], list[Values]]
"""Run a body on its inputs in order and give its outputs in order."""
BodyKernel = Callable[..., Values | tuple[Values, ...]]

LIMIT_STEPS = 100_000


def _sigmoid(x: Values) -> Values:
    return 1 / (1 + np.exp(-x))


def _lstm(gates: Values, state: list[Values], weight: Values, bias: Values) -> list[Values]:
    """S. Hochreiter and J. Schmidhuber (1997); gates in the order input, forget, cell, output."""
    i, f, g, o = np.split(gates + state[0] @ weight.T + bias, 4, axis=-1)
    cell = _sigmoid(f) * state[1] + _sigmoid(i) * np.tanh(g)
    return [_sigmoid(o) * np.tanh(cell), cell]


def _gru(gates: Values, state: list[Values], weight: Values, bias: Values) -> list[Values]:
    """K. Cho et al. (2014); gates in the order reset, update, new; reset acts after the recurrent product."""
    (xr, xz, xn), (hr, hz, hn) = np.split(gates, 3, axis=-1), np.split(state[0] @ weight.T + bias, 3, axis=-1)
    update, new = _sigmoid(xz + hz), np.tanh(xn + _sigmoid(xr + hr) * hn)
    return [(1 - update) * new + update * state[0]]


def _tanh(gates: Values, state: list[Values], weight: Values, bias: Values) -> list[Values]:
    return [np.tanh(gates + state[0] @ weight.T + bias)]


def _relu(gates: Values, state: list[Values], weight: Values, bias: Values) -> list[Values]:
    return [np.maximum(gates + state[0] @ weight.T + bias, 0)]


_CELLS = {"lstm": _lstm, "gru": _gru, "tanh": _tanh, "relu": _relu}


def _one_direction(
    variant: str, x: Values, params: Sequence[Values], state: list[Values]
) -> tuple[Values, list[Values]]:
    """X [time, batch, in] through one layer in one direction: the hidden states and the last state.

    `params`: input weights, recurrent weights (, their two biases) (, the projection of the hidden state).
    """
    projection = params[-1] if len(params) in (3, 5) else None
    inner, recurrent = params[:2]
    first, second = params[2:4] if len(params) >= 4 else (np.zeros(()), np.zeros(()))
    gates = x @ inner.T + first
    steps: list[Values] = []
    for step in gates:
        state = _CELLS[variant](step, state, recurrent, second)
        if projection is not None:
            state = [state[0] @ projection.T, *state[1:]]
        steps.append(state[0])
    return np.stack(steps) if steps else np.zeros((0, *state[0].shape)), state


def _rnn(node: Node, x: Values, *rest: Values) -> tuple[Values, ...]:
    variant, layers, hidden = word(node, "variant"), integer(node, "layers"), integer(node, "hidden")
    if variant not in _CELLS:
        raise Unevaluable(f"unknown recurrent cell {variant!r}", at=node.id)
    ways = 2 if flag(node, "bidirectional") else 1
    count = integer(node, "states")
    params, initial = rest[: len(rest) - count], rest[len(rest) - count :]
    each = len(params) // (layers * ways)
    plain = x.ndim == 2
    if plain:
        x = x[:, None]
    elif flag(node, "batch_first"):
        x = np.swapaxes(x, 0, 1)
    sizes = [hidden] * (2 if variant == "lstm" else 1)
    if each in (3, 5):
        sizes[0] = params[each - 1].shape[0]
    starts = [s[:, None] if plain else s for s in initial] or [np.zeros((layers * ways, x.shape[1], n)) for n in sizes]
    last: list[list[Values]] = []
    for layer in range(layers):
        outputs: list[Values] = []
        for way in range(ways):
            k = layer * ways + way
            own = params[k * each : (k + 1) * each]
            y, state = _one_direction(variant, x[::-1] if way else x, own, [s[k] for s in starts])
            outputs.append(y[::-1] if way else y)
            last.append(state)
        x = np.concatenate(outputs, axis=-1)
    finals = [np.stack(parts) for parts in zip(*last, strict=True)]
    if plain:
        return (x[:, 0], *(final[:, 0] for final in finals))
    return (np.swapaxes(x, 0, 1) if flag(node, "batch_first") else x, *finals)


def _body(node: Node) -> Graph:
    if node.body is None:
        raise Unevaluable(f"{node.op} has no body", at=node.id)
    return node.body


def _stacked(node: Node, rows: list[list[Values]], states: int, axes: tuple[int, ...]) -> list[Values]:
    """The outputs of all steps, one stack for each; without steps, empty ones from the node's type."""
    kinds = node.type if isinstance(node.type, tuple) else (node.type,)
    if rows:
        return [
            np.stack(column, axis=axes[i] if i < len(axes) else 0) for i, column in enumerate(zip(*rows, strict=True))
        ]
    return [np.zeros(kind.shape or (0,), dtype=working_dtype(kind.dtype)) for kind in kinds[states:]]


def _scan(call: Call, node: Node, *args: Values) -> tuple[Values, ...]:
    """`axes` has the axis of each scanned input, then (if given) the axis on which each output is stacked."""
    n, m, axes = integer(node, "states"), integer(node, "scanned"), integers(node, "axes")
    state, scanned, captured = list(args[:n]), args[n : n + m], args[n + m :]
    if m == 0:
        raise Unevaluable("a scan over nothing", at=node.id)
    rows: list[list[Values]] = []
    for i in range(scanned[0].shape[axes[0]]):
        slices = [np.take(x, i, axis=axis) for x, axis in zip(scanned, axes, strict=False)]
        results = call(_body(node), [*state, *slices, *captured])
        state = results[:n]
        rows.append(results[n:])
    return (*state, *_stacked(node, rows, n, axes[m:]))


def _loop(call: Call, node: Node, count: Values | None, going: Values | None, *args: Values) -> tuple[Values, ...]:
    n = integer(node, "states")
    state, captured = list(args[:n]), args[n:]
    going = np.asarray(True) if going is None else going
    limit = LIMIT_STEPS if count is None else int(count.reshape(-1)[0])
    rows: list[list[Values]] = []
    for i in range(min(limit, LIMIT_STEPS)):
        if not going.all():
            break
        going, *results = call(_body(node), [np.asarray(i), going, *state, *captured])
        state = results[:n]
        rows.append(results[n:])
    else:
        if limit > LIMIT_STEPS or (count is None and going.all()):
            raise Unevaluable(f"the loop runs longer than {LIMIT_STEPS} steps", at=node.id)
    return (*state, *_stacked(node, rows, n, ()))


def _results(node: Node, values: list[Values]) -> Values | tuple[Values, ...]:
    return tuple(values) if isinstance(node.type, tuple) else values[0]


def _cond(call: Call, node: Node, _test: Values, *captured: Values) -> Values | tuple[Values, ...]:
    return _results(node, call(_body(node), captured))


def _attention(call: Call, node: Node, *args: Values) -> Values | tuple[Values, ...]:
    return _results(node, call(_body(node), args))


KERNELS: dict[str, Kernel] = {"rnn": _rnn}
BODY_KERNELS: dict[str, BodyKernel] = {"scan": _scan, "loop": _loop, "cond": _cond, "attention": _attention}
