"""Recurrences in codings of their own: gated, delta and fixed decays, joined cells, and what only looks like one."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.patterns.branches import TOKENS, WIDTH
from tests.patterns.recurrences import HEADS, INNER, Attention


class Stepwise(Attention):
    """A matrix state, read and written token by token; subclasses say how it changes."""

    def __init__(self) -> None:
        super().__init__()
        self.fade = nn.Linear(WIDTH, INNER)
        self.beta = nn.Linear(WIDTH, HEADS)

    def gates(self, x: Tensor) -> Tensor:
        return self.fade(x).sigmoid().unflatten(-1, (HEADS, -1)).transpose(1, 2)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.heads(x)
        fade, beta = self.gates(x), self.beta(x).sigmoid().transpose(1, 2)
        state, outputs = torch.zeros(len(x), HEADS, k.shape[-1], v.shape[-1]), []
        for t in range(x.shape[1]):
            state, y = self.step(state, q[:, :, t], k[:, :, t], v[:, :, t], fade[:, :, t], beta[:, :, t, None])
            outputs.append(y)
        return self.close(torch.stack(outputs, 2))

    @staticmethod
    def read(q: Tensor, state: Tensor) -> Tensor:
        return (q[..., None, :] @ state)[..., 0, :]


class Gated(Stepwise):
    """Gated linear attention: S ← diag(a) S + k vᵀ."""

    def step(self, state: Tensor, q: Tensor, k: Tensor, v: Tensor, a: Tensor, beta: Tensor) -> tuple[Tensor, Tensor]:
        state = a[..., None] * state + k[..., None] * v[..., None, :]
        return state, self.read(q, state)


class Skipping(Gated):
    """The same with the value itself added: a skip past the state is no bonus of its own token."""

    def __init__(self) -> None:
        super().__init__()
        self.past = nn.Parameter(torch.rand(INNER // HEADS))

    def step(self, state: Tensor, q: Tensor, k: Tensor, v: Tensor, a: Tensor, beta: Tensor) -> tuple[Tensor, Tensor]:
        state, y = super().step(state, q, k, v, a, beta)
        return state, y + self.past * v


class Complement(Stepwise):
    """HGRN2: the key is what the decay leaves, 1 − a."""

    def step(self, state: Tensor, q: Tensor, k: Tensor, v: Tensor, a: Tensor, beta: Tensor) -> tuple[Tensor, Tensor]:
        state = a[..., None] * state + (1 - a)[..., None] * v[..., None, :]
        return state, self.read(q, state)


class Bonus(Stepwise):
    """RWKV 6: a token's own weight is outside the decay."""

    def __init__(self) -> None:
        super().__init__()
        self.own = nn.Parameter(torch.rand(HEADS, INNER // HEADS))

    def step(self, state: Tensor, q: Tensor, k: Tensor, v: Tensor, a: Tensor, beta: Tensor) -> tuple[Tensor, Tensor]:
        new = k[..., None] * v[..., None, :]
        return a[..., None] * state + new, self.read(q, state + self.own[..., None] * new)


class Corrected(Stepwise):
    """The delta rule without a decay, as a step of gradient descent (test-time training of a linear map)."""

    def step(self, state: Tensor, q: Tensor, k: Tensor, v: Tensor, a: Tensor, beta: Tensor) -> tuple[Tensor, Tensor]:
        error = self.read(k, state) - v
        state = state - 0.1 * k[..., None] * error[..., None, :]
        return state, self.read(q, state)


class Added(Stepwise):
    """The delta rule as a sum, S + β k (v − k S): the steps look like residual sums of one layer."""

    def step(self, state: Tensor, q: Tensor, k: Tensor, v: Tensor, a: Tensor, beta: Tensor) -> tuple[Tensor, Tensor]:
        k = functional.normalize(k, dim=-1)
        state = state + torch.einsum("bhk,bhv->bhkv", k, beta * (v - torch.einsum("bhk,bhkv->bhv", k, state)))
        return state, torch.einsum("bhk,bhkv->bhv", q, state)


class CorrectedAndFaded(Stepwise):
    """The gated delta rule with a decay of its own for each state row (Kimi delta attention)."""

    def step(self, state: Tensor, q: Tensor, k: Tensor, v: Tensor, a: Tensor, beta: Tensor) -> tuple[Tensor, Tensor]:
        k = functional.normalize(k, dim=-1)
        state = a[..., None] * state
        state = state + k[..., None] * (beta * (v - self.read(k, state)))[..., None, :]
        return state, self.read(q, state)


class Diagonal(nn.Module):
    """A diagonal state space of fixed decays (S5), a nonlinearity behind it."""

    def __init__(self) -> None:
        super().__init__()
        self.into, self.out = nn.Linear(WIDTH, INNER, bias=False), nn.Linear(INNER, WIDTH, bias=False)
        self.rate = nn.Parameter(torch.rand(INNER))

    def forward(self, x: Tensor) -> Tensor:
        u, fade, state, outputs = self.into(x), torch.exp(-self.rate.exp()), torch.zeros(len(x), INNER), []
        for t in range(x.shape[1]):
            state = fade * state + u[:, t]
            outputs.append(state)
        return self.out(functional.gelu(torch.stack(outputs, 1)))


class Logarithms(nn.Module):
    """A minimal gated unit as one cumulative sum of logarithms."""

    def __init__(self) -> None:
        super().__init__()
        self.gate, self.value, self.out = nn.Linear(WIDTH, INNER), nn.Linear(WIDTH, INNER), nn.Linear(INNER, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        z, h = self.gate(x), self.value(x)
        h = torch.where(h >= 0, (h.relu() + 0.5).log(), -functional.softplus(-h))
        total = -functional.softplus(z).cumsum(1)
        return self.out((total + (h - functional.softplus(-z) - total).logcumsumexp(1)).exp())


class Unfaded(nn.Module):
    """σ(q) Σ exp(k) v / Σ exp(k): weights that sum to one and never fade (attention-free transformer)."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv, self.out = nn.Linear(WIDTH, 3 * INNER), nn.Linear(INNER, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(x).chunk(3, -1)
        return self.out(q.sigmoid() * (k.exp() * v).cumsum(1) / k.exp().cumsum(1))


class Joined(nn.Module):
    """A long short-term memory whose four gates read [x, h] through four matrices."""

    def __init__(self) -> None:
        super().__init__()
        self.gates = nn.ModuleList(nn.Linear(WIDTH + INNER, INNER) for _ in range(4))
        self.out = nn.Linear(INNER, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        h = c = torch.zeros(len(x), INNER)
        outputs = []
        for t in range(x.shape[1]):
            both = torch.cat([x[:, t], h], -1)
            i, f, g, o = (gate(both) for gate in self.gates)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            outputs.append(h)
        return self.out(torch.stack(outputs, 1))


class Leaky(Joined):
    """The cell leaves without its tanh: no long short-term memory."""

    def forward(self, x: Tensor) -> Tensor:
        h = c = torch.zeros(len(x), INNER)
        outputs = []
        for t in range(x.shape[1]):
            both = torch.cat([x[:, t], h], -1)
            i, f, g, o = (gate(both) for gate in self.gates)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c
            outputs.append(h)
        return self.out(torch.stack(outputs, 1))


class Window(nn.Module):
    """Six taps by shifts: a window that ends, gated or not."""

    def __init__(self, *, gated: bool = False) -> None:
        super().__init__()
        self.into, self.out, self.gate = nn.Linear(WIDTH, INNER), nn.Linear(INNER, WIDTH), nn.Linear(WIDTH, INNER)
        self.taps = nn.Parameter(torch.randn(6, INNER))
        self.gated = gated

    def forward(self, x: Tensor) -> Tensor:
        u = self.into(x)
        y = sum(functional.pad(u, (0, 0, j, 0))[:, : u.shape[1]] * self.taps[j] for j in range(6))
        return self.out(self.gate(x) * y if self.gated else y)


class Filter(nn.Module):
    """A learned filter as long as the sequence, by Fourier transforms, between two gates (Hyena)."""

    def __init__(self) -> None:
        super().__init__()
        self.into, self.out = nn.Linear(WIDTH, 3 * INNER), nn.Linear(INNER, WIDTH)
        self.taps = nn.Parameter(torch.randn(INNER, TOKENS))

    def forward(self, x: Tensor) -> Tensor:
        one, two, v = self.into(x).mT.chunk(3, 1)
        size = 2 * x.shape[1]
        y = torch.fft.irfft(torch.fft.rfft(v * two, n=size) * torch.fft.rfft(self.taps, n=size), n=size)
        return self.out((y[..., : x.shape[1]] * one).mT)
