"""Dimensions that vary with the input get the name of what they vary with."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from irgen.frontends.torch_live import capture
from irgen.ir.graph import Graph
from tests.frontends.torch_support import Calls

AXES = {"inputs_0": ("batch", "seq", None)}


def at_two_sizes(
    function: Any, axes: Any = AXES, first: tuple[int, ...] = (2, 17), second: tuple[int, ...] = (3, 23)
) -> Graph:
    small, large = (torch.randn(*sizes, 8) for sizes in (first, second))
    return capture(Calls(function), (small,), resized=[((large,), {})], axes=axes)


FORMS: dict[str, tuple[Any, str]] = {
    "itself": (lambda x: x + 1, "float32[batch, seq, 8]"),
    "multiple": (lambda x: torch.cat([x, x], 1), "float32[batch, 2·seq, 8]"),
    "product": (lambda x: x.flatten(0, 1), "float32[batch·seq, 8]"),
    "scaled product": (lambda x: x.reshape(-1, 4), "float32[2·batch·seq, 4]"),
    "one more": (lambda x: torch.cat([x, x[:, :1]], 1), "float32[batch, seq+1, 8]"),
    "one less": (lambda x: x[:, 1:], "float32[batch, seq−1, 8]"),
    "part": (lambda x: x[:, : x.shape[1] // 4], "float32[batch, seq/4, 8]"),
    "square": (lambda x: x @ x.mT, "float32[batch, seq, seq]"),
    "affine": (lambda x: torch.cat([x, x, x[:, :3]], 1), "float32[batch, 2·seq+3, 8]"),
    "none": (lambda x: x.mean((0, 1)), "float32[8]"),
}


@pytest.mark.parametrize("form", FORMS)
def test_dimension_is_told_as_an_expression(form: str) -> None:
    function, expected = FORMS[form]
    graph = at_two_sizes(function)
    assert str(graph[graph.inputs[0]].type) == "float32[batch, seq, 8]"
    assert str(graph[graph.outputs[0]].type) == expected
    assert graph.findings == []


def test_a_quotient_is_by_the_strides_that_the_graph_has() -> None:
    class Framed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two = nn.Conv1d(1, 4, 8, 4, 2), nn.Conv1d(4, 4, 10, 5, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            frames = self.two(self.one(x))
            return torch.cat([frames, frames[:, :, :3]], 2)

    small, large = torch.randn(2, 1, 20 * 7), torch.randn(3, 1, 20 * 11)
    graph = capture(Framed(), (small,), resized=[((large,), {})], axes={"x": ("batch", None, "samples")})
    assert str(graph[graph.outputs[0]].type) == "float32[batch, 4, samples/20+3]"


def test_sizes_stay_those_of_the_first_capture() -> None:
    graph = at_two_sizes(lambda x: x + 1)
    assert graph[graph.outputs[0]].shape == (2, 17, 8)


def test_loop_over_the_sequence_is_a_finding_but_inputs_and_outputs_are_named() -> None:
    def unrolled(x: torch.Tensor) -> torch.Tensor:
        h = torch.zeros_like(x[:, 0])
        return torch.stack([h := torch.tanh(row + h) for row in x.unbind(1)], 1)

    graph = at_two_sizes(unrolled)
    assert graph.findings == [
        "at other sizes the pass calls other operators: this graph holds for the traced sizes only"
    ]
    assert str(graph[graph.outputs[0]].type) == "float32[batch, seq, 8]"


def test_axis_that_no_capture_changed_is_a_finding() -> None:
    graph = at_two_sizes(lambda x: x + 1, second=(3, 17))
    assert graph.findings == ["seq was 17 in every capture: whether it can vary was not seen"]
    assert str(graph[graph.outputs[0]].type) == "float32[batch, 17, 8]"


def test_baked_size_shows_as_a_fixed_dimension() -> None:
    graph = at_two_sizes(lambda x: torch.zeros(17) + x.sum())
    assert str(graph[graph.outputs[0]].type) == "float32[17]"


def test_without_a_second_capture_only_inputs_are_named() -> None:
    graph = capture(Calls(lambda x: x + 1), (torch.randn(2, 17, 8),), axes=AXES)
    assert str(graph[graph.inputs[0]].type) == "float32[batch, seq, 8]"
    assert str(graph[graph.outputs[0]].type) == "float32[2, 17, 8]"


def test_recurrent_layer_results_are_named() -> None:
    class Reads(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cell = nn.GRU(8, 6, batch_first=True)

        def forward(self, inputs_0: torch.Tensor) -> torch.Tensor:
            return self.cell(inputs_0)[0]

    small, large = torch.randn(2, 17, 8), torch.randn(3, 23, 8)
    graph = capture(Reads(), (small,), resized=[((large,), {})], axes=AXES)
    assert str(graph[graph.outputs[0]].type) == "float32[batch, seq, 6]"
