"""The convolutional networks before residuals: AlexNet, VGG and GoogLeNet, with 224 × 224 images."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class AlexNet(nn.Module):
    """Krizhevsky et al. 2012, section 3.5 and figure 2.

    The second, fourth and fifth convolutions see only the maps on their own GPU: two groups (section 3.2). Response
    normalisation (section 3.3) and overlapping pooling (section 3.4) follow the first two.
    """

    def __init__(self, maps: Sequence[int], hidden: int, classes: int) -> None:
        super().__init__()
        one, two, three, four, five = maps
        self.features = nn.Sequential(
            nn.Conv2d(3, one, 11, stride=4, padding=2), nn.ReLU(), response_norm(), nn.MaxPool2d(3, 2),
            nn.Conv2d(one, two, 5, padding=2, groups=2), nn.ReLU(), response_norm(), nn.MaxPool2d(3, 2),
            nn.Conv2d(two, three, 3, padding=1), nn.ReLU(),
            nn.Conv2d(three, four, 3, padding=1, groups=2), nn.ReLU(),
            nn.Conv2d(four, five, 3, padding=1, groups=2), nn.ReLU(), nn.MaxPool2d(3, 2),
        )  # fmt: skip
        self.classifier = classifier(five * 6 * 6, hidden, classes)

    def forward(self, pixel_values: Tensor) -> Tensor:
        """Images (batch, 3, 224, 224) to scores (batch, classes)."""
        return self.classifier(self.features(pixel_values).flatten(1))


class Vgg(nn.Module):
    """Simonyan & Zisserman 2014, table 1: stages of 3 × 3 convolutions, each halved by a pool at its end.

    `stages` gives the number of convolutions and of channels of each stage; configuration D has 2, 2, 3, 3, 3.
    """

    def __init__(self, stages: Sequence[tuple[int, int]], hidden: int, classes: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for depth, width in stages:
            for _ in range(depth):
                layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
                channels = width
            layers.append(nn.MaxPool2d(2, 2))
        self.features = nn.Sequential(*layers)
        self.classifier = classifier(channels * 7 * 7, hidden, classes)

    def forward(self, pixel_values: Tensor) -> Tensor:
        """Images (batch, 3, 224, 224) to scores (batch, classes)."""
        return self.classifier(self.features(pixel_values).flatten(1))


class Inception(nn.Module):
    """Four branches side by side, their channels put together (Szegedy et al. 2014, figure 2b).

    `sizes` is a row of table 1: #1×1, #3×3 reduce, #3×3, #5×5 reduce, #5×5, pool proj.
    """

    def __init__(self, channels: int, sizes: Sequence[int]) -> None:
        super().__init__()
        one, reduce_three, three, reduce_five, five, pool = sizes
        self.branches = nn.ModuleList(
            [
                unit(channels, one, 1),
                nn.Sequential(unit(channels, reduce_three, 1), unit(reduce_three, three, 3)),
                nn.Sequential(unit(channels, reduce_five, 1), unit(reduce_five, five, 5)),
                nn.Sequential(nn.MaxPool2d(3, 1, padding=1), unit(channels, pool, 1)),
            ]
        )
        self.channels = one + three + five + pool

    def forward(self, x: Tensor) -> Tensor:
        """Maps (batch, channels, side, side) to as large ones."""
        return torch.cat([branch(x) for branch in self.branches], dim=1)


class Auxiliary(nn.Module):
    """A classifier on the side that helps the gradient while training (section 5)."""

    def __init__(self, channels: int, maps: int, hidden: int, classes: int) -> None:
        super().__init__()
        self.pool = nn.AvgPool2d(5, 3)
        self.reduce = unit(channels, maps, 1)
        self.hidden = nn.Linear(maps * 4 * 4, hidden)
        self.drop = nn.Dropout(0.7)
        self.scores = nn.Linear(hidden, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (batch, channels, 14, 14) to scores (batch, classes)."""
        x = self.reduce(self.pool(x)).flatten(1)
        return self.scores(self.drop(self.hidden(x).relu()))


class GoogLeNet(nn.Module):
    """Szegedy et al. 2014, table 1 and figure 3: a stem, nine inception modules, one classifier and two on the side.

    `modules` are the rows 3a to 5b of table 1; `stem` the channels of the first three convolutions; `side` the maps
    and hidden units of the auxiliary classifiers, which read the modules 4a and 4d.
    """

    def __init__(
        self, stem: Sequence[int], modules: Sequence[Sequence[int]], side: tuple[int, int], classes: int
    ) -> None:
        super().__init__()
        first, reduce, second = stem
        self.stem = nn.Sequential(
            unit(3, first, 7, stride=2), pool(), response_norm(),
            unit(first, reduce, 1), unit(reduce, second, 3), response_norm(), pool(),
        )  # fmt: skip
        channels = [second]
        self.modules_in_order = nn.ModuleList()
        for sizes in modules:
            self.modules_in_order.append(module := Inception(channels[-1], sizes))
            channels.append(module.channels)
        self.pool = pool()
        self.auxiliaries = nn.ModuleList([Auxiliary(channels[i], *side, classes) for i in (3, 6)])
        self.scores = nn.Sequential(nn.AvgPool2d(7, 1), nn.Flatten(), nn.Dropout(0.4), nn.Linear(channels[-1], classes))

    def forward(self, pixel_values: Tensor) -> dict[str, Tensor]:
        """Images (batch, 3, 224, 224) to scores (batch, classes), the auxiliary ones behind the main ones."""
        x = self.stem(pixel_values)
        side: list[Tensor] = []
        for index, module in enumerate(self.modules_in_order):
            x = module(x)
            if index in {2, 5}:
                side.append(self.auxiliaries[len(side)](x))
            if index in {1, 6}:
                x = self.pool(x)
        return {"logits": self.scores(x), "auxiliary_1": side[0], "auxiliary_2": side[1]}


def classifier(features: int, hidden: int, classes: int) -> nn.Sequential:
    """Two hidden layers with dropout in front of the scores."""
    return nn.Sequential(
        nn.Dropout(), nn.Linear(features, hidden), nn.ReLU(),
        nn.Dropout(), nn.Linear(hidden, hidden), nn.ReLU(),
        nn.Linear(hidden, classes),
    )  # fmt: skip


def response_norm() -> nn.LocalResponseNorm:
    """Krizhevsky et al. 2012, section 3.3: k = 2, n = 5, α = 10⁻⁴, β = 3/4; torch divides α by n."""
    return nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0)


def unit(channels: int, width: int, kernel: int, stride: int = 1) -> nn.Sequential:
    """A convolution that keeps the size (at stride 1) and its ReLU."""
    return nn.Sequential(nn.Conv2d(channels, width, kernel, stride=stride, padding=kernel // 2), nn.ReLU())


def pool() -> nn.MaxPool2d:
    """3 × 3 at stride 2, odd edges kept."""
    return nn.MaxPool2d(3, 2, ceil_mode=True)
