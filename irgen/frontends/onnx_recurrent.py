"""LSTM, GRU and RNN of ONNX as the canonical `rnn`, their gates put in torch's order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from irgen.frontends.onnx_call import Call, Lowering, NotFolded
from irgen.ir.tensor import TensorType

_ORDER = {"LSTM": (0, 2, 3, 1), "GRU": (1, 0, 2), "RNN": (0,)}  # ONNX writes i o f c, and z r h
_USUAL = {
    "LSTM": ("sigmoid", "tanh", "tanh"),
    "GRU": ("sigmoid", "tanh"),
}


def _reordered(c: Call, x: str, hidden: int) -> str:
    """The gates of a stacked weight [gates·hidden, …] in torch's order."""
    order = _ORDER[c.op]
    if order == (0,):
        return x
    return c.b.concat([c.b.slice(x, 0, i * hidden, (i + 1) * hidden) for i in order], 0)


def _variant(c: Call, ways: int) -> str:
    if "clip" in c.attrs or c.int("input_forget", 0):
        raise NotFolded
    named = tuple(name.lower() for name in cast("Sequence[str]", c.attrs.get("activations", ())))
    if c.op == "RNN":
        kinds = set(named) or {"tanh"}
        if len(kinds) != 1 or not kinds <= {"tanh", "relu"}:
            raise NotFolded
        return kinds.pop()
    if named and named != _USUAL[c.op] * ways:
        raise NotFolded
    if c.op == "GRU" and not c.int("linear_before_reset", 0):
        raise NotFolded  # the reset gate acts before the recurrent product: another cell than torch's
    return c.op.lower()


def _rnn(c: Call) -> Sequence[str]:
    b, shape = c.b, c.shape()
    direction = c.str("direction", "forward")
    ways = 2 if direction == "bidirectional" else 1
    variant, batch_first = _variant(c, ways), bool(c.int("layout", 0))
    hidden = c.int("hidden_size", c.shape(2)[-1])
    if c.has(7) or batch_first:
        raise NotFolded  # peepholes; the layout with the batch in front
    steps, batch = shape[0], shape[1]
    lengths = c.known(4)
    if c.has(4) and (lengths is None or (lengths != steps).any()):
        raise NotFolded
    x = c.x
    if direction == "reverse":
        x = b.slice(x, 0, steps - 1, -1, -1)
    params: list[str] = []
    for way in range(ways):
        inner, recurrent = (b.squeeze(b.slice(c.operand(i), 0, way, way + 1), 0) for i in (1, 2))
        params += [_reordered(c, inner, hidden), _reordered(c, recurrent, hidden)]
        if c.has(3):
            both = b.squeeze(b.slice(c.operand(3), 0, way, way + 1), 0)
            half = b.shape(both)[0] // 2
            params += [_reordered(c, b.slice(both, 0, at, at + half), hidden) for at in (0, half)]
    initial = [c.operand(i) for i in (5, 6)[: 2 if c.op == "LSTM" else 1] if c.has(i)]
    if c.op == "LSTM" and len(initial) == 1:
        raise NotFolded
    dtype = c.type().dtype
    kinds = [TensorType(dtype, (steps, batch, ways * hidden))]
    kinds += [TensorType(dtype, (ways, batch, hidden))] * (2 if c.op == "LSTM" else 1)
    made = b.several(
        "rnn", (x, *params, *initial), kinds, variant=variant, hidden=hidden, layers=1, bidirectional=ways == 2,
        batch_first=False, states=len(initial),
    )  # fmt: skip
    sequence = b.transpose(b.reshape(made[0], (steps, batch, ways, hidden)), (0, 2, 1, 3))
    if direction == "reverse":
        sequence = b.slice(sequence, 0, steps - 1, -1, -1)
    return [sequence, *made[1:]]


OPS: dict[str, Lowering] = {"LSTM": _rnn, "GRU": _rnn, "RNN": _rnn}
