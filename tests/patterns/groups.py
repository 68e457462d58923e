"""Models of several streams: two that attend to one another, induced points, tokens of two kinds, a captioner."""

from __future__ import annotations

import torch
from torch import Tensor, nn

WIDTH, HEADS, LAYERS = 48, 4, 2


class Attend(nn.Module):
    """Attention of `x` to itself or to `memory`, both [batch, tokens, width]."""

    def __init__(self) -> None:
        super().__init__()
        self.q, self.k, self.v, self.o = (nn.Linear(WIDTH, WIDTH) for _ in range(4))

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        memory = x if memory is None else memory
        q, k, v = (t.unflatten(-1, (HEADS, -1)).transpose(1, 2) for t in (self.q(x), self.k(memory), self.v(memory)))
        return self.o(nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask).transpose(1, 2).flatten(2))


def channel() -> nn.Module:
    """A feed-forward layer."""
    return nn.Sequential(nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH))


def norms(count: int) -> nn.ModuleList:
    """So many layer norms."""
    return nn.ModuleList(nn.LayerNorm(WIDTH) for _ in range(count))


class Patches(nn.Module):
    """Square patches of an image as tokens: [batch, 3, 64, 64] to [batch, 16, width]."""

    def __init__(self) -> None:
        super().__init__()
        self.project = nn.Conv2d(3, WIDTH, 16, 16)

    def forward(self, image: Tensor) -> Tensor:
        return self.project(image).flatten(2).transpose(1, 2)


class TwoWay(nn.Module):
    """Learned tokens and an image that attend to one another (SAM's mask decoder, Kirillov et al. 2023, figure 14)."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens, self.image = nn.Parameter(torch.randn(5, WIDTH)), Patches()
        self.own, self.to_image, self.to_tokens, self.channels = (
            nn.ModuleList(make() for _ in range(LAYERS)) for make in (Attend, Attend, Attend, channel)
        )
        self.norms = nn.ModuleList(norms(4) for _ in range(LAYERS))

    def forward(self, image: Tensor) -> Tensor:
        k = self.image(image)
        q = self.tokens.expand(k.shape[0], -1, -1)
        for i, (a, b, c, d) in enumerate(self.norms):
            q = a(q + self.own[i](q))
            q = b(q + self.to_image[i](q, k))
            q = c(q + self.channels[i](q))
            k = d(k + self.to_tokens[i](k, q))
        return q @ k.transpose(1, 2)

    def example(self) -> tuple[Tensor, ...]:
        """Inputs of the forward pass."""
        return (torch.randn(2, 3, 64, 64),)


class Induced(nn.Module):
    """A set that attends to induced points, which attend to it (Set Transformer, Lee et al. 2019, eq. 8 and 9)."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(6, WIDTH)
        self.points = nn.ParameterList(nn.Parameter(torch.randn(7, WIDTH)) for _ in range(LAYERS))
        self.gather, self.spread, self.first, self.second = (
            nn.ModuleList(make() for _ in range(LAYERS)) for make in (Attend, Attend, channel, channel)
        )
        self.norms = nn.ModuleList(norms(4) for _ in range(LAYERS))
        self.head = nn.Linear(WIDTH, 10)

    def forward(self, points: Tensor) -> Tensor:
        x = self.embed(points)
        for i, (a, b, c, d) in enumerate(self.norms):
            h = self.points[i].expand(x.shape[0], -1, -1)
            h = a(h + self.gather[i](h, x))
            h = b(h + self.first[i](h))
            x = c(x + self.spread[i](x, h))
            x = d(x + self.second[i](x))
        return self.head(x.mean(1))

    def example(self) -> tuple[Tensor, ...]:
        """Inputs of the forward pass."""
        return (torch.randn(2, 30, 6),)


class Grouped(nn.Module):
    """Image and text share attention and have a feed-forward layer each (BEiT-3, Wang et al. 2022, section 2.1)."""

    def __init__(self) -> None:
        super().__init__()
        self.image, self.text = Patches(), nn.Embedding(101, WIDTH)
        self.attend, self.of_image, self.of_text = (
            nn.ModuleList(make() for _ in range(LAYERS)) for make in (Attend, channel, channel)
        )
        self.norms = nn.ModuleList(norms(3) for _ in range(LAYERS))
        self.head = nn.Linear(WIDTH, 101)

    def forward(self, image: Tensor, ids: Tensor) -> Tensor:
        a = self.image(image)
        n = a.shape[1]
        x = torch.cat([a, self.text(ids)], 1)
        for i, (before, one, two) in enumerate(self.norms):
            x = x + self.attend[i](before(x))
            a, b = x[:, :n], x[:, n:]
            x = torch.cat([a + self.of_image[i](one(a)), b + self.of_text[i](two(b))], 1)
        return self.head(x)

    def example(self) -> tuple[Tensor, ...]:
        """Inputs of the forward pass."""
        return torch.randn(2, 3, 64, 64), torch.randint(0, 101, (2, 9))
