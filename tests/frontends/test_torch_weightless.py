"""Building without memory: parameters on meta, everything else as it would be."""

from __future__ import annotations

import torch
from torch import nn

from irgen.weightless import build_without_memory


class Holds(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.big = nn.Linear(200_000, 50_000)
        self.made = nn.Parameter(torch.ones(3))
        self.table = nn.Parameter(torch.arange(4.0), requires_grad=False)
        self.register_buffer("mask", torch.tril(torch.ones(3, 3)))
        self.made.data = torch.zeros(3)


def test_parameters_are_on_meta_and_buffers_and_tables_are_real() -> None:
    with build_without_memory():
        module = Holds()
    assert module.big.weight.is_meta
    assert module.made.is_meta
    assert isinstance(module.made, nn.Parameter)
    assert module.table.tolist() == [0, 1, 2, 3]
    assert module.mask.sum() == 6


def test_parameters_are_real_again_afterwards() -> None:
    with build_without_memory():
        pass
    parameter = nn.Parameter(torch.ones(2))
    assert not parameter.is_meta
    assert torch.equal(parameter.data, torch.ones(2))
    assert torch.empty(1 << 21).device.type == "cpu"


def test_ties_survive() -> None:
    with build_without_memory():
        table, head = nn.Embedding(11, 8), nn.Linear(8, 11, bias=False)
        head.weight = table.weight
    assert head.weight is table.weight
