"""Recurrences written out by hand: scans over lists, cumulative sums, masked matrices, cells step by step."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.patterns.branches import WIDTH

INNER, STATE, HEADS = 32, 5, 4


class Scan(nn.Module):
    """A selective scan over a Python list, with the short causal convolution in front."""

    def __init__(self) -> None:
        super().__init__()
        self.wide, self.out = nn.Linear(WIDTH, 2 * INNER), nn.Linear(INNER, WIDTH)
        self.conv = nn.Conv1d(INNER, INNER, 3, groups=INNER, padding=2)
        self.read = nn.Linear(INNER, 4 + 2 * STATE)
        self.step = nn.Linear(4, INNER)
        self.rate = nn.Parameter(torch.rand(INNER, STATE))

    def streams(self, x: Tensor) -> tuple[Tensor, ...]:
        inner, gate = self.wide(x).chunk(2, -1)
        inner = functional.silu(self.conv(inner.mT)[..., : x.shape[1]].mT)
        low, b, c = self.read(inner).split([4, STATE, STATE], -1)
        return inner, gate, functional.softplus(self.step(low)), b, c

    def forward(self, x: Tensor) -> Tensor:
        inner, gate, step, b, c = self.streams(x)
        state = torch.zeros(len(x), INNER, STATE)
        outputs = []
        for u, d, into, out in zip(inner.unbind(1), step.unbind(1), b.unbind(1), c.unbind(1), strict=True):
            fade = torch.exp(-torch.exp(self.rate) * d[..., None])
            state = fade * state + (d * u)[..., None] * into[:, None]
            outputs.append(torch.einsum("bds,bs->bd", state, out))
        return self.out(torch.stack(outputs, 1) * functional.silu(gate))


class Doubling(Scan):
    """The same scan in log₂ T rounds: each round joins neighbours twice as far apart (an associative scan)."""

    def forward(self, x: Tensor) -> Tensor:
        inner, gate, step, b, c = self.streams(x)
        fade = torch.exp(-torch.exp(self.rate) * step[..., None])
        state = (step * inner)[..., None] * b[:, :, None]
        far = 1
        while far < x.shape[1]:
            shifted = functional.pad(state, (0, 0, 0, 0, far, 0))[:, : x.shape[1]]
            before = functional.pad(fade, (0, 0, 0, 0, far, 0), value=1.0)[:, : x.shape[1]]
            state, fade = state + fade * shifted, fade * before
            far *= 2
        return self.out((state * c[:, :, None]).sum(-1) * functional.silu(gate))


class Dual(nn.Module):
    """State-space duality as one masked matrix: C Bᵀ ⊙ exp(differences of a running sum), times Δ x."""

    def __init__(self) -> None:
        super().__init__()
        self.wide = nn.Linear(WIDTH, INNER + 2 * STATE + HEADS)
        self.rate = nn.Parameter(torch.rand(HEADS))
        self.out = nn.Linear(INNER, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        tokens = x.shape[1]
        u, b, c, step = self.wide(x).split([INNER, STATE, STATE, HEADS], -1)
        step = functional.softplus(step)
        total = (-torch.exp(self.rate) * step).cumsum(1)
        gaps = total[:, :, None] - total[:, None]
        fade = torch.exp(gaps.masked_fill(~torch.ones(tokens, tokens).tril().bool()[None, :, :, None], -torch.inf))
        weights = (c @ b.mT)[..., None] * fade
        u = u.unflatten(-1, (HEADS, -1)) * step[..., None]
        return self.out(torch.einsum("btsh,bshp->bthp", weights, u).flatten(2))


class Attention(nn.Module):
    """Queries, keys and values of linear attentions; subclasses say how they meet."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv, self.out = nn.Linear(WIDTH, 3 * INNER), nn.Linear(INNER, WIDTH)
        self.more = nn.Linear(WIDTH, 2 * HEADS)

    def heads(self, x: Tensor) -> list[Tensor]:
        return [t.unflatten(-1, (HEADS, -1)).transpose(1, 2) for t in self.qkv(x).chunk(3, -1)]

    def close(self, y: Tensor) -> Tensor:
        return self.out(y.transpose(1, 2).flatten(2))


class Linear(Attention):
    """φ(q) Σ φ(k) vᵀ / φ(q) Σ φ(k), by cumulative sums."""

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.heads(x)
        q, k = functional.elu(q) + 1, functional.elu(k) + 1
        total = torch.einsum("bhti,bhtj->bhtij", k, v).cumsum(2)
        y = torch.einsum("bhti,bhtij->bhtj", q, total) / torch.einsum("bhti,bhti->bht", q, k.cumsum(2))[..., None]
        return self.close(y)


class Retention(Attention):
    """q kᵀ ⊙ γ^(t−s), a decay of its own for each head."""

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.heads(x)
        place = torch.arange(x.shape[1])
        gaps = (place[:, None] - place).clamp(min=0)
        fade = (1 - 2.0 ** (-2 - torch.arange(HEADS)))[:, None, None] ** gaps * (place[:, None] >= place)
        return self.close((q @ k.mT * fade) @ v)


class Delta(Attention):
    """S ← α S (1 − β k kᵀ) + β v kᵀ, one token after another."""

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.heads(x)
        k = functional.normalize(k, dim=-1)
        beta, alpha = self.more(x).sigmoid().transpose(1, 2).chunk(2, 1)
        state = torch.zeros(len(x), HEADS, v.shape[-1], k.shape[-1])
        outputs = []
        for t in range(x.shape[1]):
            key, gate, keep = k[:, :, t, None], beta[:, :, t, None, None], alpha[:, :, t, None, None]
            state = keep * (state - gate * (state @ key.mT) @ key) + gate * v[:, :, t, :, None] @ key
            outputs.append((state @ q[:, :, t, :, None])[..., 0])
        return self.close(torch.stack(outputs, 2))


class Gated(nn.Module):
    """The real-gated linear recurrent unit."""

    def __init__(self) -> None:
        super().__init__()
        self.value, self.keep, self.take = (nn.Linear(WIDTH, INNER) for _ in range(3))
        self.rate = nn.Parameter(torch.rand(INNER))
        self.out = nn.Linear(INNER, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        fade = torch.exp(-3 * functional.softplus(self.rate) * self.keep(x).sigmoid())
        enter = torch.sqrt(1 - fade**2) * self.take(x).sigmoid() * self.value(x)
        state, outputs = torch.zeros(len(x), INNER), []
        for t in range(x.shape[1]):
            state = fade[:, t] * state + enter[:, t]
            outputs.append(state)
        return self.out(torch.stack(outputs, 1))


class Layers(nn.Module):
    """Seven small steps with weights of their own: depth, not time."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.out = nn.Linear(WIDTH, INNER), nn.Linear(INNER, WIDTH)
        self.steps = nn.ParameterList(torch.rand(INNER) for _ in range(7))

    def forward(self, x: Tensor) -> Tensor:
        start = self.first(x)
        state = torch.tanh(start)
        for weight in self.steps:
            state = weight * state + start
        return self.out(state)


class Everyone(Attention):
    """φ(q) Σ φ(k) vᵀ over all tokens: a product of streams that is not causal."""

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.heads(x)
        return self.close(torch.einsum("bhti,bhij->bhtj", q, torch.einsum("bhsi,bhsj->bhij", k, v)))


class Bent(Attention):
    """relu(q kᵀ)² v: causal, but the product of two tokens is bent before it weighs a third."""

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.heads(x)
        return self.close(torch.relu(q @ k.mT).tril() ** 2 @ v)


class Shift(nn.Module):
    """Each token sees itself and the one before it: a window, not a memory."""

    def __init__(self) -> None:
        super().__init__()
        self.wide, self.out = nn.Linear(WIDTH, 2 * INNER), nn.Linear(INNER, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        one, two = self.wide(x).chunk(2, -1)
        before = torch.cat([torch.zeros_like(two[:, :1]), two[:, :-1]], 1)
        return self.out(one * before)


class Cell(nn.Module):
    """A recurrent cell over a Python loop: `lstm`, `gru` or `elman`, fused or gate by gate."""

    def __init__(self, variant: str, *, backwards: bool = False) -> None:
        super().__init__()
        gates = {"lstm": 4, "gru": 3, "elman": 1}[variant]
        self.variant, self.backwards = variant, backwards
        self.into, self.again = nn.Linear(WIDTH, gates * INNER), nn.Linear(INNER, gates * INNER)
        self.out = nn.Linear(2 * INNER if backwards else INNER, WIDTH)
        if backwards:
            self.into_back, self.again_back = nn.Linear(WIDTH, gates * INNER), nn.Linear(INNER, gates * INNER)

    def step(self, x: Tensor, h: Tensor, c: Tensor, again: nn.Linear) -> tuple[Tensor, Tensor]:
        if self.variant == "elman":
            return torch.tanh(x + again(h)), c
        if self.variant == "gru":
            (r, z, n), (hr, hz, hn) = x.chunk(3, -1), again(h).chunk(3, -1)
            z = torch.sigmoid(z + hz)
            n = torch.tanh(n + torch.sigmoid(r + hr) * hn)
            return n - z * n + z * h, c
        i, f, g, o = (x + again(h)).chunk(4, -1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        return o.sigmoid() * c.tanh(), c

    def run(self, x: Tensor, again: nn.Linear, steps: list[int]) -> Tensor:
        h = c = torch.zeros(len(x), INNER)
        outputs = {}
        for t in steps:
            h, c = self.step(x[:, t], h, c, again)
            outputs[t] = h
        return torch.stack([outputs[t] for t in sorted(outputs)], 1)

    def forward(self, x: Tensor) -> Tensor:
        steps = list(range(x.shape[1]))
        y = self.run(self.into(x), self.again, steps)
        if self.backwards:
            y = torch.cat([y, self.run(self.into_back(x), self.again_back, steps[::-1])], -1)
        return self.out(y)


class Operator(nn.Module):
    """torch's own recurrent layers."""

    def __init__(self, kind: type[nn.RNNBase], *, both: bool = False) -> None:
        super().__init__()
        self.rnn = kind(WIDTH, INNER, batch_first=True, bidirectional=both)
        self.out = nn.Linear((2 if both else 1) * INNER, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.rnn(x)[0])
