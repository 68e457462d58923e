"""Local response normalisation from whatever spelling, and what only looks like it."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from irgen.frontends.torch_live import capture
from irgen.ir.graph import Graph
from irgen.passes import normalise


class Of(torch.nn.Module):
    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x.sin())


def canonical(function: Callable[[Tensor], Tensor], *shape: int) -> Graph:
    return normalise(capture(Of(function), (torch.randn(*(shape or (2, 11, 4, 4))),)))


def by_shifts(x: Tensor) -> Tensor:
    padded = functional.pad(x.square(), (0, 0, 0, 0, 1, 1))
    total = sum(padded[:, i : i + x.shape[1]] for i in range(3))
    return x / (1.5 + 0.2 * total).sqrt()


def by_library(x: Tensor) -> Tensor:
    return functional.local_response_norm(x, 5, alpha=5e-4, beta=0.75, k=2.0)


@pytest.mark.parametrize(
    ("spelling", "numbers"),
    [(by_library, (5, 5e-4, 0.75, 2.0)), (by_shifts, (3, 0.6, 0.5, 1.5))],
)
def test_every_spelling_is_one_operator_with_its_numbers(spelling, numbers):
    (norm,) = [node for node in canonical(spelling) if node.op == "response_norm"]
    assert tuple(norm.attrs[name] for name in ("size", "alpha", "beta", "eps")) == pytest.approx(numbers, rel=1e-5)


def over_space(x: Tensor) -> Tensor:
    return x / (2 + 1e-1 * functional.avg_pool2d(x.square(), 3, 1, 1)) ** 0.75


def lopsided(x: Tensor) -> Tensor:
    padded = functional.pad(x.square(), (0, 0, 0, 0, 2, 0))
    return x / (1 + sum(padded[:, i : i + x.shape[1]] for i in range(3))) ** 0.75


def over_everything(x: Tensor) -> Tensor:
    return x / (1 + x.square().sum(1, keepdim=True)).expand_as(x) ** 0.75


@pytest.mark.parametrize("other", [over_space, over_everything])
def test_sums_over_space_or_over_all_channels_are_none(other):
    assert all(node.op != "response_norm" for node in canonical(other))


def test_a_window_that_looks_to_one_side_is_none():
    assert all(node.op != "response_norm" for node in canonical(lopsided))
