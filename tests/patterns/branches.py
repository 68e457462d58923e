"""One residual branch in front of a test: captured live, normalised and labelled."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from irgen.frontends.torch_live import capture
from irgen.ir.architecture import Architecture, Part, Region
from irgen.passes import normalise
from irgen.patterns import label

WIDTH = 24
TOKENS = 11


class Residual(nn.Module):
    """x + f(norm(x)), as often as there are branches."""

    def __init__(self, *branches: nn.Module) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)
        self.norms = nn.ModuleList(nn.LayerNorm(WIDTH) for _ in branches)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for branch, norm in zip(self.branches, self.norms, strict=True):
            x = x + branch(norm(x))
        return x


def labelled(*branches: nn.Module) -> tuple[list[Region], Architecture]:
    """Regions and architecture of a residual stream of width 24 over 2 × 11 tokens with these branches."""
    torch.manual_seed(3)
    module = Residual(*branches).eval()
    for parameter in module.parameters():
        parameter.data.add_(0.05 * torch.randn_like(parameter))
    graph = capture(module, (torch.randn(2, TOKENS, WIDTH),))
    return label(normalise(graph))


def parts(*branches: nn.Module) -> list[Part]:
    """The sublayers of the branches, in order."""
    _, found = labelled(*branches)
    placed = [(i, p) for s in found.stacks for b in s.blocks for i in b.at for p in b.sublayers]
    return [p for _, p in sorted(placed, key=lambda pair: pair[0])]


def facts(branch: nn.Module) -> dict[str, Any]:
    """Kind and facts of the only sublayer of a branch."""
    (part,) = parts(branch)
    return {"kind": part.kind, **part.facts}


def refusals(branch: nn.Module) -> dict[str, str]:
    """For a branch that nothing explains, why each pattern said no."""
    regions, _ = labelled(branch)
    stack, found = list(regions), {}
    while stack:
        region = stack.pop()
        stack.extend(region.children)
        if region.label == "unknown":
            found.update(dict(region.rejected))
    return found
