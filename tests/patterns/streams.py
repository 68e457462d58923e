"""Residual streams in schemes beyond x + f(x): copies, gates, halves, averages over depth, long skips."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tests.patterns.attentions import HIDDEN, VOCABULARY, WIDTH, Einsum

LAYERS, COPIES = 3, 4


def mixer() -> nn.Module:
    """Norm and causal self-attention."""
    return nn.Sequential(nn.LayerNorm(WIDTH), Einsum())


def channel() -> nn.Module:
    """Norm and a feed-forward layer."""
    return nn.Sequential(nn.LayerNorm(WIDTH), nn.Linear(WIDTH, HIDDEN), nn.GELU(), nn.Linear(HIDDEN, WIDTH))


class Stream(nn.Module):
    """Token embedding, `LAYERS` layers of a mixer and a channel part, norm and head; subclasses say how they join."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(VOCABULARY, WIDTH)
        self.parts = nn.ModuleList(part for _ in range(LAYERS) for part in (mixer(), channel()))
        self.norm = nn.LayerNorm(WIDTH)
        self.head = nn.Linear(WIDTH, VOCABULARY, bias=False)

    def forward(self, ids: Tensor) -> Tensor:
        return self.head(self.norm(self.stream(self.embed(ids))))

    def stream(self, x: Tensor) -> Tensor:
        """All layers: [batch, tokens, width] to the same."""
        raise NotImplementedError


class StaticHyper(Stream):
    """Hyper-connections with learned weights (Zhu et al. 2024, equations 1 to 5), in einsum."""

    def __init__(self) -> None:
        super().__init__()
        self.into = nn.ParameterList(nn.Parameter(torch.rand(COPIES)) for _ in self.parts)
        self.across = nn.ParameterList(nn.Parameter(torch.eye(COPIES) + 0.1) for _ in self.parts)
        self.out = nn.ParameterList(nn.Parameter(torch.ones(COPIES)) for _ in self.parts)

    def stream(self, x: Tensor) -> Tensor:
        h = torch.stack([x] * COPIES, -2)
        for part, a, m, b in zip(self.parts, self.into, self.across, self.out, strict=True):
            y = part(torch.einsum("n,bsnd->bsd", a, h))
            h = torch.einsum("mn,bsnd->bsmd", m, h) + torch.einsum("n,bsd->bsnd", b, y)
        return h.sum(-2)


class WideHyper(Stream):
    """The same with one product for the layer's input and the copies (the width connection), copies first."""

    def __init__(self) -> None:
        super().__init__()
        self.width = nn.ParameterList(nn.Parameter(torch.rand(COPIES, COPIES + 1)) for _ in self.parts)
        self.depth = nn.ParameterList(nn.Parameter(torch.ones(COPIES)) for _ in self.parts)

    def stream(self, x: Tensor) -> Tensor:
        h = x.unsqueeze(0).repeat(COPIES, 1, 1, 1)
        for part, w, b in zip(self.parts, self.width, self.depth, strict=True):
            mixed = torch.einsum("nm,nbsd->mbsd", w, h)
            y = part(mixed[0])
            h = mixed[1:] + b[:, None, None, None] * y
        return h.mean(0)


class DynamicHyper(Stream):
    """Hyper-connections whose weights each token computes, kept doubly stochastic (mHC, Xie et al. 2026, section 2)."""

    def __init__(self) -> None:
        super().__init__()
        size = (2 + COPIES) * COPIES
        self.weigh = nn.ModuleList(nn.Linear(COPIES * WIDTH, size) for _ in self.parts)

    def stream(self, x: Tensor) -> Tensor:
        h = x.unsqueeze(2).expand(-1, -1, COPIES, -1)
        for part, weigh in zip(self.parts, self.weigh, strict=True):
            into, out, across = weigh(h.flatten(2)).split([COPIES, COPIES, COPIES**2], -1)
            across = across.unflatten(-1, (COPIES, COPIES)).softmax(-1)
            across = across / across.sum(-2, keepdim=True)
            y = part((into.sigmoid().unsqueeze(-1) * h).sum(2))
            h = out.sigmoid().unsqueeze(-1) * y.unsqueeze(2) + across @ h
        return h.mean(2)


class Alternating(Stream):
    """Alternating updates (Baykal et al. 2023, algorithm 1): predict all copies, compute one, correct all."""

    def __init__(self) -> None:
        super().__init__()
        self.predict = nn.ParameterList(nn.Parameter(torch.eye(COPIES)) for _ in range(LAYERS))
        self.correct = nn.ParameterList(nn.Parameter(torch.ones(COPIES)) for _ in range(LAYERS))

    def stream(self, x: Tensor) -> Tensor:
        h = torch.stack([x, *(x * 0.5**i for i in range(1, COPIES))])
        for i in range(LAYERS):
            predicted = torch.einsum("mn,nbsd->mbsd", self.predict[i], h)
            y = predicted[0]
            y = y + self.parts[2 * i](y)
            y = y + self.parts[2 * i + 1](y)
            h = predicted + self.correct[i][:, None, None, None] * (y - predicted[0])
        return h[0]


class Highway(Stream):
    """A gate decides how much of a part is let in (Srivastava et al. 2015, equation 3)."""

    def __init__(self) -> None:
        super().__init__()
        self.gates = nn.ModuleList(nn.Linear(WIDTH, WIDTH) for _ in self.parts)

    def stream(self, x: Tensor) -> Tensor:
        for part, gate in zip(self.parts, self.gates, strict=True):
            t = gate(x).sigmoid()
            x = t * part(x) + (1 - t) * x
        return x


class ReZero(Stream):
    """A scalar before each part (Bachlechner et al. 2020, equation 3)."""

    def __init__(self) -> None:
        super().__init__()
        self.scales = nn.ParameterList(nn.Parameter(torch.rand(())) for _ in self.parts)

    def stream(self, x: Tensor) -> Tensor:
        for part, scale in zip(self.parts, self.scales, strict=True):
            x = x + scale * part(x)
        return x


class Deep(Stream):
    """Post-norm with a scaled skip (DeepNet, Wang et al. 2022, section 4)."""

    def __init__(self) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(WIDTH) for _ in self.parts)

    def stream(self, x: Tensor) -> Tensor:
        for part, norm in zip(self.parts, self.norms, strict=True):
            x = norm(1.7 * x + part[1:](x))
        return x


class Reversible(Stream):
    """Two halves that update one another (Gomez et al. 2017, equation 6)."""

    def stream(self, x: Tensor) -> Tensor:
        a, b = x, x
        for i in range(LAYERS):
            a = a + self.parts[2 * i](b)
            b = b + self.parts[2 * i + 1](a)
        return (a + b) / 2


class Averaged(Stream):
    """Behind each layer a learned average over all earlier states (DenseFormer, Pagliardini et al. 2024, eq. 2)."""

    def __init__(self) -> None:
        super().__init__()
        self.weights = nn.ParameterList(nn.Parameter(torch.rand(i + 2)) for i in range(LAYERS))

    def stream(self, x: Tensor) -> Tensor:
        states = [x]
        for i in range(LAYERS):
            x = x + self.parts[2 * i](x)
            x = x + self.parts[2 * i + 1](x)
            states.append(x)
            x = sum(w * s for w, s in zip(self.weights[i], states, strict=True))
        return x


class LongSkips(Stream):
    """The second half reads the first one's states beside its own, through a projection (U-ViT, Bao et al. 2022)."""

    def __init__(self) -> None:
        super().__init__()
        self.joins = nn.ModuleList(nn.Linear(2 * WIDTH, WIDTH) for _ in range(LAYERS // 2))

    def stream(self, x: Tensor) -> Tensor:
        kept: list[Tensor] = []
        for i in range(LAYERS):
            if i > LAYERS // 2:
                x = self.joins[i - LAYERS // 2 - 1](torch.cat([x, kept.pop()], -1))
            x = x + self.parts[2 * i](x)
            x = x + self.parts[2 * i + 1](x)
            if i < LAYERS // 2:
                kept.append(x)
        return x


class Injected(Stream):
    """The embeddings are let in again between layers, scaled (as in modded GPTs and in looped transformers)."""

    def __init__(self) -> None:
        super().__init__()
        self.scales = nn.ParameterList(nn.Parameter(torch.rand(2)) for _ in range(LAYERS))

    def stream(self, x: Tensor) -> Tensor:
        first = x
        for i in range(LAYERS):
            x = self.scales[i][0] * x + self.scales[i][1] * first
            x = x + self.parts[2 * i](x)
            x = x + self.parts[2 * i + 1](x)
        return x


class Bottleneck(Stream):
    """Each layer narrows the stream, works on the narrow one, and widens back (MobileBERT, Sun et al. 2020, fig. 1)."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.ModuleList(nn.Linear(2 * WIDTH, WIDTH) for _ in range(LAYERS))
        self.up = nn.ModuleList(nn.Linear(WIDTH, 2 * WIDTH) for _ in range(LAYERS))
        self.embed = nn.Embedding(VOCABULARY, 2 * WIDTH)
        self.norm = nn.LayerNorm(2 * WIDTH)
        self.head = nn.Linear(2 * WIDTH, VOCABULARY, bias=False)

    def stream(self, x: Tensor) -> Tensor:
        for i in range(LAYERS):
            y = self.down[i](x)
            y = y + self.parts[2 * i](y)
            y = y + self.parts[2 * i + 1](y)
            x = x + self.up[i](y)
        return x


class Delayed(Stream):
    """A part reads the state before the last part (a skip over one: staggered, as in LAuReL and ladder residuals)."""

    def stream(self, x: Tensor) -> Tensor:
        before = x
        for part in self.parts:
            before, x = x, x + part(before)
        return x


class Conditioned(Stream):
    """A condition computed from the ids is added to the stream in front of each layer (time steps, positions)."""

    def __init__(self) -> None:
        super().__init__()
        self.condition = nn.Sequential(nn.Embedding(VOCABULARY, 2 * WIDTH), nn.SiLU(), nn.Linear(2 * WIDTH, WIDTH))

    def forward(self, ids: Tensor) -> Tensor:
        x, c = self.embed(ids), self.condition(ids[:, :1])
        for i in range(LAYERS):
            x = x + c
            x = x + self.parts[2 * i](x)
            x = x + self.parts[2 * i + 1](x)
        return self.head(self.norm(x))
