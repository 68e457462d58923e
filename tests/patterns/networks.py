"""Small convolutional and recurrent networks written for tests: one of each idea, after the papers named."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional


def unit(into: int, out: int, kernel: int, stride: int = 1, groups: int = 1, act: bool = True) -> nn.Sequential:
    """Convolution, batch norm and, unless told otherwise, ReLU."""
    conv = nn.Conv2d(into, out, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(out), *([nn.ReLU()] if act else []))


class Classifier(nn.Module):
    """A body, the mean over its map, and ten classes."""

    def __init__(self, width: int, *body: nn.Module) -> None:
        super().__init__()
        self.body, self.head = nn.Sequential(*body), nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x).mean((2, 3)))


class Residual(nn.Module):
    """relu(x + f(x)), the stream projected where its size changes (He et al. 2015, figure 2)."""

    def __init__(self, into: int, out: int, stride: int, *branch: nn.Module) -> None:
        super().__init__()
        self.branch = nn.Sequential(*branch)
        self.short = unit(into, out, 1, stride, act=False) if into != out or stride > 1 else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.branch(x) + self.short(x))


def basic(into: int, out: int, stride: int = 1) -> Residual:
    return Residual(into, out, stride, unit(into, out, 3, stride), unit(out, out, 3, act=False))


class Squeeze(nn.Module):
    """Channels weighted by what all of the map holds (Hu et al. 2017, equation 3)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.down, self.up = nn.Conv2d(width, width // 4, 1), nn.Conv2d(width // 4, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(self.up(functional.relu(self.down(x.mean((2, 3), keepdim=True)))))


class Inverted(nn.Module):
    """Widened, filtered channel by channel, weighted, narrowed (Howard et al. 2019, figure 4)."""

    def __init__(self, into: int, out: int, times: int, kernel: int, stride: int) -> None:
        super().__init__()
        wide = into * times
        ahead = [unit(into, wide, 1)] if times > 1 else []
        self.branch = nn.Sequential(
            *ahead, unit(wide, wide, kernel, stride, wide), Squeeze(wide), unit(wide, out, 1, act=False)
        )
        self.carries = stride == 1 and into == out

    def forward(self, x: Tensor) -> Tensor:
        return x + self.branch(x) if self.carries else self.branch(x)


class Dense(nn.Module):
    """What a layer gives stands beside what it was given (Huang et al. 2016, equation 2)."""

    def __init__(self, into: int, growth: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            nn.BatchNorm2d(into), nn.ReLU(), nn.Conv2d(into, 4 * growth, 1, bias=False),
            nn.BatchNorm2d(4 * growth), nn.ReLU(), nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, self.branch(x)], 1)


class Branches(nn.Module):
    """Branches side by side behind a squeezing convolution, where there is one (Iandola et al. 2016, figure 1)."""

    def __init__(self, into: int, squeezed: int, *branches: nn.Module) -> None:
        super().__init__()
        self.squeeze = nn.Sequential(nn.Conv2d(into, squeezed, 1), nn.ReLU()) if squeezed else nn.Identity()
        self.branches = nn.ModuleList(branches)

    def forward(self, x: Tensor) -> Tensor:
        x = self.squeeze(x)
        return torch.cat([branch(x) for branch in self.branches], 1)


def fire(into: int, squeezed: int, out: int) -> Branches:
    return Branches(
        into, squeezed, nn.Sequential(nn.Conv2d(squeezed, out, 1), nn.ReLU()),
        nn.Sequential(nn.Conv2d(squeezed, out, 3, padding=1), nn.ReLU()),
    )  # fmt: skip


def inception(into: int, out: int) -> Branches:
    return Branches(
        into, 0, unit(into, out, 1), nn.Sequential(unit(into, 4, 1), unit(4, out, 3)),
        nn.Sequential(unit(into, 4, 1), unit(4, out, 5)), nn.Sequential(nn.MaxPool2d(3, 1, 1), unit(into, out, 1)),
    )  # fmt: skip


class UNet(nn.Module):
    """Down and up again, every level handed over the lower ones (Ronneberger et al. 2015, figure 1)."""

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        pairs = list(pairwise(widths))
        self.down = nn.ModuleList([self._level(3, widths[0]), *(self._level(a, b) for a, b in pairs)])
        self.up = nn.ModuleList([nn.ConvTranspose2d(b, a, 2, 2) for a, b in pairs])
        self.join = nn.ModuleList([self._level(2 * a, a) for a, _ in pairs])
        self.out = nn.Conv2d(widths[0], 5, 1)

    @staticmethod
    def _level(into: int, out: int) -> nn.Sequential:
        return nn.Sequential(unit(into, out, 3), unit(out, out, 3))

    def forward(self, x: Tensor) -> Tensor:
        kept: list[Tensor] = []
        for level in self.down[:-1]:
            x = level(x)
            kept.append(x)
            x = functional.max_pool2d(x, 2)
        x = self.down[-1](x)
        for up, join in zip(reversed(self.up), reversed(self.join), strict=True):
            x = join(torch.cat([kept.pop(), up(x)], 1))
        return self.out(x)


class Pyramid(nn.Module):
    """Maps of three stages merged from the top down (Lin et al. 2017, figure 3)."""

    def __init__(self, widths: Sequence[int], width: int) -> None:
        super().__init__()
        self.stem = unit(3, widths[0], 3, 2)
        pairs = list(pairwise(widths))
        self.stages = nn.ModuleList([nn.Sequential(basic(a, b, 2), basic(b, b)) for a, b in pairs])
        self.side = nn.ModuleList([nn.Conv2d(b, width, 1) for _, b in pairs])
        self.out = nn.ModuleList([nn.Conv2d(width, width, 3, padding=1) for _ in pairs])

    def forward(self, x: Tensor) -> list[Tensor]:
        maps: list[Tensor] = []
        x = self.stem(x)
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        merged = [side(m) for side, m in zip(self.side, maps, strict=True)]
        for i in range(len(merged) - 2, -1, -1):
            merged[i] = merged[i] + functional.interpolate(merged[i + 1], scale_factor=2.0)
        return [out(m) for out, m in zip(self.out, merged, strict=True)]


class Mixer(nn.Module):
    """Perceptrons along the tokens and along the features in turn (Tolstikhin et al. 2021, equation 1)."""

    def __init__(self, tokens: int, width: int, layers: int) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, width, 8, 8)
        self.norms = nn.ModuleList([nn.LayerNorm(width) for _ in range(2 * layers)])
        self.along = nn.ModuleList([perceptron(tokens, 40) for _ in range(layers)])
        self.across = nn.ModuleList([perceptron(width, 96) for _ in range(layers)])
        self.head = nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patches(x).flatten(2).transpose(1, 2)
        for i, (along, across) in enumerate(zip(self.along, self.across, strict=True)):
            x = x + along(self.norms[2 * i](x).transpose(1, 2)).transpose(1, 2)
            x = x + across(self.norms[2 * i + 1](x))
        return self.head(x.mean(1))


def perceptron(width: int, hidden: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width))


class Translator(nn.Module):
    """An LSTM over the source, one over the target that starts in its state, and attention (Luong et al. 2015)."""

    def __init__(self, *, attends: bool) -> None:
        super().__init__()
        self.source, self.target = nn.Embedding(401, 48), nn.Embedding(503, 48)
        self.encoder = nn.LSTM(48, 64, 2, batch_first=True)
        self.decoder = nn.LSTM(48, 64, 2, batch_first=True)
        self.score = nn.Linear(64, 64, bias=False)
        self.combine = nn.Linear(128, 64, bias=False)
        self.head = nn.Linear(64, 503)
        self.attends = attends

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        memory, state = self.encoder(self.source(source))
        x, _ = self.decoder(self.target(target), state)
        if self.attends:
            weights = torch.softmax(x @ self.score(memory).transpose(1, 2), -1)
            x = torch.tanh(self.combine(torch.cat([weights @ memory, x], -1)))
        return self.head(x)
