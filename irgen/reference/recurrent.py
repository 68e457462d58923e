"""Recurrent layers of torch kept whole while they are traced, at every length, instead of unrolled at one."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import torch

ARGUMENTS = "bool has_biases, int num_layers, float dropout, bool train, bool bidirectional, bool batch_first"
_VF: Any = torch._VF  # pyright: ignore[reportPrivateUsage]
PLAIN: dict[str, Any] = {name: getattr(_VF, name) for name in ("lstm", "gru", "rnn_tanh", "rnn_relu")}
"""The layers as torch has them."""


def _lstm(x: torch.Tensor, states: list[torch.Tensor], weights: list[torch.Tensor], *how: Any) -> tuple[Any, ...]:
    return PLAIN["lstm"](x, states, weights, *how)


def _gru(x: torch.Tensor, state: torch.Tensor, weights: list[torch.Tensor], *how: Any) -> tuple[Any, ...]:
    return PLAIN["gru"](x, state, weights, *how)


def _output(x: torch.Tensor, state: torch.Tensor, bidirectional: bool) -> torch.Tensor:
    """A tensor like the results of all steps."""
    return x.new_empty((*x.shape[:-1], state.shape[-1] * (2 if bidirectional else 1)))


WHOLE: dict[str, Any] = {
    "lstm": torch.library.custom_op(
        "irgen::lstm",
        _lstm,
        mutates_args=(),
        schema=f"(Tensor x, Tensor[] states, Tensor[] weights, {ARGUMENTS}) -> (Tensor, Tensor, Tensor)",
    ),
    "gru": torch.library.custom_op(
        "irgen::gru",
        _gru,
        mutates_args=(),
        schema=f"(Tensor x, Tensor state, Tensor[] weights, {ARGUMENTS}) -> (Tensor, Tensor)",
    ),
}
"""The layers as single operators, whose results have sizes that follow their input's."""


@WHOLE["lstm"].register_fake
def _like_lstm(x: torch.Tensor, states: list[torch.Tensor], weights: Any, *how: Any) -> tuple[torch.Tensor, ...]:
    del weights
    return (_output(x, states[0], how[4]), *(torch.empty_like(state) for state in states))


@WHOLE["gru"].register_fake
def _like_gru(x: torch.Tensor, state: torch.Tensor, weights: Any, *how: Any) -> tuple[torch.Tensor, ...]:
    del weights
    return _output(x, state, how[4]), torch.empty_like(state)


def _stepwise(name: str) -> Callable[..., Any]:
    """A plain recurrent layer as a loop over its steps, which is rolled up like any other."""
    activation = torch.tanh if name == "rnn_tanh" else torch.relu

    def run(x: Any, state: Any, weights: Any, has_biases: Any, layers: Any, *how: Any) -> Any:
        if not isinstance(weights, (list, tuple)):  # packed sequences have other arguments
            return PLAIN[name](x, state, weights, has_biases, layers, *how)
        _dropout, _train, both_ways, batch_first = how
        steps = x.transpose(0, 1) if batch_first else x
        each, ways = (4 if has_biases else 2), (2 if both_ways else 1)
        last: list[torch.Tensor] = []
        for layer in range(layers):
            results: list[torch.Tensor] = []
            for way in range(ways):
                at = layer * ways + way
                w, u, *biases = weights[at * each : (at + 1) * each]
                b, c = biases or (None, None)
                h, rows = state[at], []
                for t in range(steps.shape[0]) if way == 0 else range(steps.shape[0] - 1, -1, -1):
                    linear = torch.nn.functional.linear
                    h = activation(linear(steps[t], w, b) + linear(h, u, c))
                    rows.append(h)
                results.append(torch.stack(rows if way == 0 else rows[::-1]))
                last.append(h)
            steps = torch.cat(results, -1) if both_ways else results[0]
        return (steps.transpose(0, 1) if batch_first else steps), torch.stack(last)

    return run


def _whole(name: str) -> Callable[..., Any]:
    def run(x: Any, state: Any, weights: Any, *how: Any) -> Any:
        if isinstance(weights, (list, tuple)):
            return WHOLE[name](x, list(state) if name == "lstm" else state, list(weights), *how)
        return PLAIN[name](x, state, weights, *how)

    return run


@contextmanager
def kept_whole() -> Generator[None]:
    """While active, the recurrent layers of torch are traced as single operators or as loops over their steps."""
    for name in PLAIN:
        setattr(_VF, name, _whole(name) if name in WHOLE else _stepwise(name))
    try:
        yield
    finally:
        for name in PLAIN:
            delattr(_VF, name)


def translations() -> dict[Any, Callable[..., Any]]:
    """How the single operators are written in ONNX."""
    core: Any = import_module("onnxscript.function_libs.torch_lib.ops.core")
    operators: Any = torch.ops.irgen
    return {operators.lstm.default: core.aten_lstm, operators.gru.default: core.aten_gru}
