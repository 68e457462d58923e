"""ImageBind (Girdhar et al. 2023, arXiv:2305.05665): six encoders whose outputs are vectors of one space."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from irgen.zoo.reference.attention import Attention, PreNormLayer, SlottedAttention, causal_bias


@dataclass(frozen=True)
class Tower:
    """Sizes of one encoder: width, heads, layers; `slots` learned keys and values in each of its attentions."""

    width: int
    heads: int
    layers: int
    slots: int = 0


class Patches(nn.Module):
    """Patches of pixels, of a spectrogram or of a short clip as tokens behind a class token (section 3.3)."""

    def __init__(self, convolution: nn.Module, count: int, width: int, *, normed: bool) -> None:
        super().__init__()
        self.convolution = convolution
        self.norm = nn.LayerNorm(width) if normed else nn.Identity()
        self.class_token = nn.Parameter(torch.zeros(1, 1, width))
        self.positions = nn.Parameter(torch.empty(1, 1 + count, width).normal_(std=0.02))

    def forward(self, x: Tensor) -> Tensor:
        """A batch of maps to (batch, 1 + patches, width)."""
        tokens = self.norm(self.convolution(x).flatten(2).transpose(1, 2))
        return torch.cat([self.class_token.expand(x.shape[0], -1, -1), tokens], dim=1) + self.positions


class Motion(nn.Module):
    """Windows of `step` readings of all sensors, flattened and projected, behind a class token (section 3.3, IMU)."""

    def __init__(self, sensors: int, readings: int, step: int, width: int) -> None:
        super().__init__()
        self.step = step
        self.project = nn.Linear(sensors * step, width, bias=False)
        self.norm = nn.LayerNorm(width)
        self.class_token = nn.Parameter(torch.zeros(1, 1, width))
        self.positions = nn.Parameter(torch.empty(1, 1 + readings // step, width).normal_(std=0.02))

    def forward(self, x: Tensor) -> Tensor:
        """Readings (batch, sensors, time) to (batch, 1 + windows, width)."""
        windows = x.reshape(*x.shape[:-1], -1, self.step).transpose(1, 2).flatten(2)
        tokens = self.norm(self.project(windows))
        return torch.cat([self.class_token.expand(x.shape[0], -1, -1), tokens], dim=1) + self.positions


class Words(nn.Module):
    """Token and position, as in CLIP's text encoder."""

    def __init__(self, vocabulary: int, length: int, width: int) -> None:
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        self.positions = nn.Parameter(torch.empty(1, length, width).normal_(std=0.01))

    def forward(self, ids: Tensor) -> Tensor:
        """Ids (batch, length) to (batch, length, width)."""
        return self.tokens(ids) + self.positions


class Encoder(nn.Module):
    """A pre-norm Transformer of one modality, and the projection of one of its tokens into the common space."""

    def __init__(self, tower: Tower, space: int, *, normed: bool = False) -> None:
        super().__init__()
        self.before = nn.LayerNorm(tower.width, eps=1e-6) if normed else nn.Identity()
        self.layers = nn.ModuleList(
            [
                PreNormLayer(
                    tower.width,
                    tower.heads,
                    4 * tower.width,
                    attention=SlottedAttention(tower.width, tower.heads, tower.slots)
                    if tower.slots
                    else Attention(tower.width, tower.heads),
                )
                for _ in range(tower.layers)
            ]
        )
        self.norm = nn.LayerNorm(tower.width, eps=1e-6)
        self.project = nn.Linear(tower.width, space, bias=False)

    def forward(self, x: Tensor, place: Tensor | int = 0, scores_bias: Tensor | None = None) -> Tensor:
        """(batch, length, width) to unit vectors (batch, space), read at `place` of each entry."""
        x = self.before(x)
        for layer in self.layers:
            x = layer(x, scores_bias=scores_bias)
        x = self.norm(x)
        read = x[:, place] if isinstance(place, int) else x[torch.arange(x.shape[0]), place]
        return nn.functional.normalize(self.project(read), dim=-1)


class ImageBind(nn.Module):
    """Images, text, sound, depth, heat and motion, each by its own encoder into one space (figure 2).

    Training pulls every other modality to the image beside it: it compares these vectors, divided by a temperature
    (equation 1), which is no part of the encoders and is left out.
    """

    def __init__(
        self,
        towers: dict[str, Tower],
        *,
        space: int,
        side: int,
        image_patch: int,
        patch: int,
        spectrogram: tuple[int, int],
        stride: int,
        vocabulary: int,
        length: int,
        sensors: int,
        readings: int,
        step: int,
    ) -> None:
        super().__init__()
        width = {name: tower.width for name, tower in towers.items()}
        clip = nn.Conv3d(3, width["image"], (2, image_patch, image_patch), (2, image_patch, image_patch), bias=False)
        heard = [(edge - patch) // stride + 1 for edge in spectrogram]

        def squares(name: str) -> Patches:
            convolution = nn.Conv2d(1, width[name], patch, patch, bias=False)
            return Patches(convolution, (side // patch) ** 2, width[name], normed=True)

        self.image = Patches(clip, (side // image_patch) ** 2, width["image"], normed=False)
        self.words = Words(vocabulary, length, width["text"])
        self.sound = Patches(
            nn.Conv2d(1, width["sound"], patch, stride, bias=False), heard[0] * heard[1], width["sound"], normed=True
        )
        self.depth, self.heat = squares("depth"), squares("heat")
        self.motion = Motion(sensors, readings, step, width["motion"])
        self.encoders = nn.ModuleDict({n: Encoder(t, space, normed=n == "image") for n, t in towers.items()})

    def forward(
        self, pixels: Tensor, input_ids: Tensor, spectrogram: Tensor, depth: Tensor, heat: Tensor, motion: Tensor
    ) -> dict[str, Tensor]:
        """Pixels and maps (batch, channels, rows, columns), ids (batch, length), motion (batch, sensors, time).

        The result has a vector (batch, space) for each; a still image is a clip of two equal frames (section 3.3).
        """
        clip = pixels[:, :, None].expand(-1, -1, 2, -1, -1)
        return {
            "image": self.encoders["image"](self.image(clip)),
            "text": self.encoders["text"](
                self.words(input_ids), input_ids.argmax(dim=-1), causal_bias(input_ids.shape[1])
            ),
            "sound": self.encoders["sound"](self.sound(spectrogram)),
            "depth": self.encoders["depth"](self.depth(depth)),
            "heat": self.encoders["heat"](self.heat(heat)),
            "motion": self.encoders["motion"](self.motion(motion)),
        }
