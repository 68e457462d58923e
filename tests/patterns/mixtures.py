"""Mixtures of experts in codings that no library shares: what they compute is the same, how they say it is not."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.patterns.branches import WIDTH

EXPERTS, CHOSEN, HIDDEN = 6, 2, 40


class Expert(nn.Module):
    """down(silu(gate(x)) · up(x))."""

    def __init__(self, hidden: int = HIDDEN) -> None:
        super().__init__()
        self.gate, self.up = nn.Linear(WIDTH, hidden, bias=False), nn.Linear(WIDTH, hidden, bias=False)
        self.down = nn.Linear(hidden, WIDTH, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.down(functional.silu(self.gate(x)) * self.up(x))


class Mixture(nn.Module):
    """The router; subclasses say how the experts are called."""

    def __init__(self) -> None:
        super().__init__()
        self.router = nn.Linear(WIDTH, EXPERTS, bias=False)
        self.experts = nn.ModuleList(Expert() for _ in range(EXPERTS))

    def route(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Weights [batch, token, k] that sum to one, and the experts they are for."""
        best, which = self.router(x).softmax(-1).topk(CHOSEN, dim=-1)
        return best / best.sum(-1, keepdim=True), which


class ByWhere(Mixture):
    """Every expert runs on every token; `torch.where` keeps what was chosen."""

    def forward(self, x: Tensor) -> Tensor:
        weights, which = self.route(x)
        out = torch.zeros_like(x)
        for slot in range(CHOSEN):
            for number, expert in enumerate(self.experts):
                hit = (which[..., slot] == number).unsqueeze(-1)
                out = out + torch.where(hit, weights[..., slot, None] * expert(x), torch.zeros(()))
        return out


class Dense(Mixture):
    """Every expert runs on every token; a table of weights with zeros sums them up."""

    def forward(self, x: Tensor) -> Tensor:
        weights, which = self.route(x)
        table = torch.zeros(*x.shape[:-1], EXPERTS).scatter(-1, which, weights)
        return torch.einsum("bte,ebtd->btd", table, torch.stack([expert(x) for expert in self.experts]))


class Loop(Mixture):
    """Only the tokens that chose an expert pass it; results are added in place."""

    def forward(self, x: Tensor) -> Tensor:
        weights, which = self.route(x)
        rows, weights, which = x.reshape(-1, WIDTH), weights.reshape(-1, CHOSEN), which.reshape(-1, CHOSEN)
        out = torch.zeros_like(rows)
        for number, expert in enumerate(self.experts):
            token, slot = torch.where(which == number)
            if len(token):
                out.index_add_(0, token, expert(rows[token]) * weights[token, slot, None])
        return out.view_as(x)


class Masked(Mixture):
    """The scores below the k-th largest are set to −∞ before the softmax: no index is ever used."""

    def forward(self, x: Tensor) -> Tensor:
        scores = self.router(x)
        edge = scores.sort(dim=-1, descending=True).values[..., CHOSEN - 1 : CHOSEN]
        weights = scores.masked_fill(scores < edge, -torch.inf).softmax(-1)
        return sum(weights[..., i : i + 1] * expert(x) for i, expert in enumerate(self.experts))


class Repeated(Mixture):
    """The largest score, then the largest of the rest."""

    def forward(self, x: Tensor) -> Tensor:
        scores = self.router(x).softmax(-1)
        first = scores.argmax(-1, keepdim=True)
        second = scores.scatter(-1, first, 0.0).argmax(-1, keepdim=True)
        which = torch.cat([first, second], -1)
        weights = scores.gather(-1, which)
        weights = weights / weights.sum(-1, keepdim=True)
        outputs = torch.stack([expert(x) for expert in self.experts], dim=-2)
        picked = outputs.gather(-2, which.unsqueeze(-1).expand(*which.shape, WIDTH))
        return (picked * weights.unsqueeze(-1)).sum(-2)


class Stacked(nn.Module):
    """Weights in two tensors, gathered for each token; gate and up interleaved."""

    def __init__(self) -> None:
        super().__init__()
        self.router = nn.Linear(WIDTH, EXPERTS)
        self.wide = nn.Parameter(torch.randn(EXPERTS, WIDTH, 2 * HIDDEN) / 5)
        self.narrow = nn.Parameter(torch.randn(EXPERTS, HIDDEN, WIDTH) / 6)
        self.wide_bias = nn.Parameter(torch.randn(EXPERTS, 2 * HIDDEN))

    def forward(self, x: Tensor) -> Tensor:
        best, which = self.router(x).topk(CHOSEN, dim=-1)
        both = torch.einsum("btd,btkdh->btkh", x, self.wide[which]) + self.wide_bias[which]
        gate, up = both[..., ::2].clamp(max=7.0), both[..., 1::2].clamp(-7.0, 7.0)
        inner = (up + 1) * gate * torch.sigmoid(1.702 * gate)
        out = torch.einsum("btkh,btkhd->btkd", inner, self.narrow[which])
        return torch.einsum("btkd,btk->btd", out, best.softmax(-1))


class Sorted(Stacked):
    """Token–expert pairs sorted by expert, one product of consecutive groups."""

    def forward(self, x: Tensor) -> Tensor:
        best, which = self.router(x).softmax(-1).topk(CHOSEN, dim=-1)
        rows = x.reshape(-1, WIDTH)
        order = which.reshape(-1).argsort()
        counts = torch.bincount(which.reshape(-1), minlength=EXPERTS)
        ends = counts.cumsum(0).to(torch.int32)
        inner = functional.grouped_mm(rows[order // CHOSEN], self.wide, offs=ends)
        gate, up = inner.chunk(2, dim=-1)
        out = functional.grouped_mm(functional.gelu(gate) * up, self.narrow, offs=ends)
        out = out * best.reshape(-1)[order, None]
        return torch.zeros_like(rows).index_add(0, order // CHOSEN, out).view_as(x)


class GroupLimited(Mixture):
    """Sigmoid scores, a bias that only chooses, two of three groups kept, scaled weights, a wide shared expert."""

    def __init__(self) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.randn(EXPERTS))
        self.shared = Expert(2 * HIDDEN)

    def forward(self, x: Tensor) -> Tensor:
        scores = self.router(x).sigmoid()
        choice = scores + self.bias
        groups = choice.view(*x.shape[:-1], 3, EXPERTS // 3)
        kept = groups.topk(2, dim=-1).values.sum(-1).topk(2, dim=-1).indices
        allowed = torch.zeros(*x.shape[:-1], 3).scatter(-1, kept, 1.0)
        choice = choice.masked_fill(~allowed.repeat_interleave(EXPERTS // 3, -1).bool(), 0.0)
        which = choice.topk(CHOSEN, dim=-1).indices
        weights = scores.gather(-1, which)
        weights = 2.5 * weights / (weights.sum(-1, keepdim=True) + 1e-20)
        table = torch.zeros_like(scores).scatter(-1, which, weights)
        routed = sum(table[..., i, None] * expert(x) for i, expert in enumerate(self.experts))
        return routed + self.shared(x)


class Switch(Mixture):
    """One expert, weighed by its own probability."""

    def forward(self, x: Tensor) -> Tensor:
        weight, which = self.router(x).softmax(-1).max(-1)
        chosen = functional.one_hot(which, EXPERTS).to(x.dtype)
        return sum((chosen[..., i] * weight)[..., None] * expert(x) for i, expert in enumerate(self.experts))


class Soft(Mixture):
    """Gating without a choice: every expert counts for every token."""

    def forward(self, x: Tensor) -> Tensor:
        weights = self.router(x).softmax(-1)
        return sum(weights[..., i, None] * expert(x) for i, expert in enumerate(self.experts))


class Sparse(nn.Module):
    """A feed-forward that keeps the k largest of its hidden features: entries are chosen, not experts."""

    def __init__(self) -> None:
        super().__init__()
        self.up, self.down = nn.Linear(WIDTH, HIDDEN), nn.Linear(HIDDEN, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.up(x)
        edge = hidden.topk(5, dim=-1).values[..., -1:]
        return self.down(torch.where(hidden >= edge, hidden, 0.0))


class ChosenKeys(nn.Module):
    """Attention in which each query keeps its four highest scores: the top-k feeds attention."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(x).chunk(3, -1)
        scores = q @ k.transpose(1, 2) / WIDTH**0.5
        edge = scores.topk(4, dim=-1).values[..., -1:]
        return self.out(scores.masked_fill(scores < edge, -torch.inf).softmax(-1) @ v)
