"""Feed-forwards, token mixers and what looks like them, in codings of their own."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.patterns.branches import TOKENS, WIDTH

HIDDEN = 40


class Pair(nn.Module):
    """Two projections up and one down; subclasses say what lies between."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Linear(WIDTH, HIDDEN), nn.Linear(WIDTH, HIDDEN)
        self.down = nn.Linear(HIDDEN, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        return self.down(self.between(self.one(x), self.two(x)))


class Clipped(Pair):
    """gpt-oss: (u + 1) · g σ(1.702 g), both clipped at seven."""

    def between(self, a: Tensor, b: Tensor) -> Tensor:
        g, u = a.clamp(max=7.0), b.clamp(-7.0, 7.0)
        return (u + 1) * g * torch.sigmoid(1.702 * g)


class ClippedSilu(Pair):
    """The same with a silu."""

    def between(self, a: Tensor, b: Tensor) -> Tensor:
        return functional.silu(a.clamp(max=7.0)) * b.clamp(-7.0, 7.0)


class ByItself(Pair):
    """a · silu(a): a projection that multiplies itself is no gate."""

    def between(self, a: Tensor, b: Tensor) -> Tensor:
        return a * functional.silu(a)


class Steeper(Pair):
    """a σ(2 a): neither a silu nor a gate."""

    def between(self, a: Tensor, b: Tensor) -> Tensor:
        return a * torch.sigmoid(2 * a)


class Rectified(Pair):
    """a relu(a): the square of the rectified."""

    def between(self, a: Tensor, b: Tensor) -> Tensor:
        return a * torch.relu(a)


class Periodic(Pair):
    """a + sin²(a): a product of one projection with itself."""

    def between(self, a: Tensor, b: Tensor) -> Tensor:
        return a + torch.sin(a) ** 2


class Bilinear(Pair):
    """a · b without a nonlinearity."""

    def between(self, a: Tensor, b: Tensor) -> Tensor:
        return a * b


class Chunks(Pair):
    """Four tokens at a time with the same weights."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.down(functional.gelu(self.one(part))) for part in x.split(4, 1)], 1)


class Corrected(Pair):
    """Low-rank corrections beside both matrices."""

    def __init__(self) -> None:
        super().__init__()
        self.into, self.out = nn.Linear(WIDTH, 4, bias=False), nn.Linear(4, HIDDEN, bias=False)
        self.back, self.last = nn.Linear(HIDDEN, 4, bias=False), nn.Linear(4, WIDTH, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        hidden = functional.gelu(self.one(x) + 2 * self.out(self.into(x)))
        return self.down(hidden) + 2 * self.last(self.back(hidden))


class ChannelsFirst(nn.Module):
    """Grouped convolutions of one position on [batch, feature, token] behind a norm on [batch, token, feature]."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.down = nn.Conv1d(WIDTH, HIDDEN, 1, groups=2), nn.Conv1d(HIDDEN, WIDTH, 1, groups=2)
        self.norm = nn.LayerNorm(WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        x = x.mT
        return self.norm((x + self.down(functional.gelu(self.one(x)))).mT)


class Perceptron(nn.Module):
    """Two projections over the tokens: b(gelu(a(xᵀ)))ᵀ."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Linear(TOKENS, 17), nn.Linear(17, TOKENS)

    def forward(self, x: Tensor) -> Tensor:
        return self.two(functional.gelu(self.one(x.mT))).mT


class Convolved(nn.Module):
    """The same as convolutions of one position whose channels are the tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Conv1d(TOKENS, 17, 1), nn.Conv1d(17, TOKENS, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.two(functional.gelu(self.one(x)))


class Summed(nn.Module):
    """One matrix over the tokens, by einsum."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(TOKENS, TOKENS))

    def forward(self, x: Tensor) -> Tensor:
        return torch.einsum("ts,bsd->btd", self.weight, x)


class Spatial(nn.Module):
    """Spatial gating: one half of a projection, mixed over the tokens, gates the other (gMLP)."""

    def __init__(self) -> None:
        super().__init__()
        self.up, self.mix, self.down = nn.Linear(WIDTH, 64), nn.Linear(TOKENS, TOKENS), nn.Linear(32, WIDTH)
        self.norm = nn.LayerNorm(32)

    def forward(self, x: Tensor) -> Tensor:
        u, v = functional.gelu(self.up(x)).chunk(2, -1)
        return self.down(u * self.mix(self.norm(v).mT).mT)


class Squeezed(nn.Module):
    """Squeeze and excitation: a gate for each channel from the mean of all tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Linear(WIDTH, 6), nn.Linear(6, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.two(torch.relu(self.one(x.mean(1, keepdim=True)))).sigmoid()


class Shifted(Pair):
    """The gate comes from the token before."""

    def between(self, a: Tensor, b: Tensor) -> Tensor:
        return functional.pad(a, (0, 0, 1, 0))[:, :-1] * functional.silu(b)
