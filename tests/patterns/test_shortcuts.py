"""Mixtures beside the next sublayers, on shifted and scaled states, with routers that hand their state on."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from irgen.frontends.torch_live import capture
from irgen.ir.architecture import Architecture
from irgen.passes import normalise
from irgen.patterns import label
from tests.patterns import mixtures
from tests.patterns.branches import TOKENS, WIDTH
from tests.patterns.mixtures import CHOSEN, EXPERTS, Expert


def found_in(module: nn.Module) -> Architecture:
    torch.manual_seed(3)
    for parameter in module.parameters():
        parameter.data.add_(0.05 * torch.randn_like(parameter))
    return label(normalise(capture(module.eval(), (torch.randn(2, TOKENS, WIDTH),))))[1]


def kinds(found: Architecture) -> list[list[str]]:
    """The kinds of each layer's sublayers, by stack."""
    return [
        [part.kind for _, part in sorted(((i, p) for b in s.blocks for i in b.at for p in b.sublayers), key=_place)]
        for s in found.stacks
    ]


def _place(pair: tuple[int, object]) -> int:
    return pair[0]


class Beside(nn.Module):
    """The mixture reads the state in front of two sublayers and is added behind them (LongCat)."""

    def __init__(self) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(WIDTH) for _ in range(4))
        self.heads = nn.ModuleList(mixtures.ChosenKeys() for _ in range(2))
        self.plain, self.last, self.mixture = Expert(), Expert(), mixtures.Dense()

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.heads[0](self.norms[0](x))
        y = self.norms[1](x)
        mixed = self.mixture(y)
        x = x + self.plain(y)
        x = x + self.heads[1](self.norms[2](x))
        return x + self.last(self.norms[3](x)) + mixed


class Deep(nn.Module):
    """Layers one after another."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x)
        return x


def test_a_mixture_beside_the_next_sublayers_is_of_their_stream():
    found = found_in(Deep(Beside(), Beside()))
    half = ["self-attention", "feed-forward"]
    assert kinds(found) == [[*half, *half, "moe"] * 2]


class Shifted(nn.Module):
    """(x + b) s + (f(norm x) + b′) s′, and the router adds the state of the router in the layer before (Zaya)."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.heads = nn.LayerNorm(WIDTH), mixtures.ChosenKeys()
        self.second, self.experts = nn.LayerNorm(WIDTH), nn.ModuleList(Expert() for _ in range(EXPERTS))
        self.down, self.keep = nn.Linear(WIDTH, 10), nn.Parameter(torch.rand(10))
        self.router = nn.Sequential(nn.LayerNorm(10), nn.Linear(10, 10), nn.GELU(), nn.Linear(10, EXPERTS))
        self.scales = nn.ParameterList(torch.rand(WIDTH) for _ in range(8))

    def carried(self, x: Tensor, y: Tensor, first: int) -> Tensor:
        b, s, c, t = (self.scales[first + i] for i in range(4))
        return (x + b) * s + (y + c) * t

    def forward(self, x: Tensor, before: Tensor | None) -> tuple[Tensor, Tensor]:
        x = self.carried(x, self.heads(self.norm(x)), 0)
        y = self.second(x)
        state = self.down(y) if before is None else self.down(y) + before * self.keep
        best, which = self.router(state).softmax(-1).topk(CHOSEN, -1)
        shares = torch.zeros(*y.shape[:-1], EXPERTS).scatter(-1, which, best)
        mixed = sum(shares[..., i : i + 1] * expert(y) for i, expert in enumerate(self.experts))
        return self.carried(x, mixed, 4), state


class HandedOn(nn.Module):
    """Three such layers."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Shifted() for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        state = None
        for layer in self.layers:
            x, state = layer(x, state)
        return x


def test_states_that_routers_hand_on_are_no_stack_and_shifts_are_no_end_of_the_stream():
    assert kinds(found_in(HandedOn())) == [["self-attention", "moe"] * 3]
