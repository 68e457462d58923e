"""Lowering of recurrent layers and cells."""

# The rows of TABLE take what torch's functions take, used or not, and lambdas have no room for types:
# ruff: noqa: ARG001
# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from irgen.frontends.torch_build import Builder, Unlowered, Val


def _layer(variant: str) -> Callable[..., tuple[Val, ...]]:
    """`torch.lstm(input, states, weights, …)` and its relatives; packed sequences are not told."""

    def rule(
        c: Builder, x: Val, hx: Any, params: Any, has_biases: Any, num_layers: Any, dropout: Any = 0.0,
        train: Any = False, bidirectional: Any = False, batch_first: Any = False,
    ) -> tuple[Val, ...]:  # fmt: skip
        if isinstance(hx, Val) and isinstance(params, (tuple, list)) is False:
            raise Unlowered
        states: list[Val] = list(hx) if isinstance(hx, (tuple, list)) else [hx]
        weights: Sequence[Val] = params
        hidden = c.out[-1].shape[-1]
        return c.emit_many(
            "rnn", [x, *weights, *states], [(o.shape, o.dtype) for o in c.out],
            variant=variant, hidden=hidden, layers=int(num_layers), bidirectional=bool(bidirectional),
            batch_first=bool(batch_first), states=len(states),
        )  # fmt: skip

    return rule


def _gates(c: Builder, x: Val, w: Val, b: Val | None) -> Val:
    return c.emit("linear", [x, w, b], (*x.shape[:-1], w.shape[0]), x.dtype, layout="oi")


def _parts(c: Builder, x: Val, count: int) -> list[Val]:
    width = x.shape[-1] // count
    return [c.slice(x, -1, i * width, (i + 1) * width) for i in range(count)]


def _lstm_cell(
    c: Builder, x: Val, hx: Sequence[Val], w_ih: Val, w_hh: Val, b_ih: Val | None = None, b_hh: Val | None = None
) -> tuple[Val, Val]:
    """S. Hochreiter & J. Schmidhuber (1997), with forget gates: c' = f c + i g, h' = o tanh c'."""
    h, cell = hx
    i, f, g, o = _parts(c, c.binary("add", _gates(c, x, w_ih, b_ih), _gates(c, h, w_hh, b_hh)), 4)
    i, f, o = (c.unary("sigmoid", v) for v in (i, f, o))
    new = c.binary("add", c.binary("mul", f, cell), c.binary("mul", i, c.unary("tanh", g)))
    return c.binary("mul", o, c.unary("tanh", new)), new


def _gru_cell(
    c: Builder, x: Val, hx: Val, w_ih: Val, w_hh: Val, b_ih: Val | None = None, b_hh: Val | None = None
) -> Val:
    """K. Cho et al. (2014), with the reset gate behind the product: h' = n + z (h − n)."""
    xr, xz, xn = _parts(c, _gates(c, x, w_ih, b_ih), 3)
    hr, hz, hn = _parts(c, _gates(c, hx, w_hh, b_hh), 3)
    r, z = (c.unary("sigmoid", c.binary("add", a, b)) for a, b in ((xr, hr), (xz, hz)))
    n = c.unary("tanh", c.binary("add", xn, c.binary("mul", r, hn)))
    return c.binary("add", n, c.binary("mul", z, c.binary("sub", hx, n)))


def _plain_cell(op: str) -> Callable[..., Val]:
    def rule(
        c: Builder, x: Val, hx: Val, w_ih: Val, w_hh: Val, b_ih: Val | None = None, b_hh: Val | None = None
    ) -> Val:
        return c.unary(op, c.binary("add", _gates(c, x, w_ih, b_ih), _gates(c, hx, w_hh, b_hh)))

    return rule


TABLE: dict[str, Callable[..., Any]] = {
    "lstm": _layer("lstm"), "gru": _layer("gru"), "rnn_tanh": _layer("tanh"), "rnn_relu": _layer("relu"),
    "lstm_cell": _lstm_cell, "gru_cell": _gru_cell, "rnn_tanh_cell": _plain_cell("tanh"),
    "rnn_relu_cell": _plain_cell("relu"),
}  # fmt: skip
