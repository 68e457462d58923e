"""I-JEPA (Assran et al. 2023, arXiv:2301.08243): hidden parts of an image predicted in representation space."""

import torch
from torch import Tensor, nn

from irgen.zoo.reference.attention import PreNormLayer


class VisionEncoder(nn.Module):
    """A ViT without class token whose positions are fixed sinusoids over the grid."""

    positions: Tensor

    def __init__(self, side: int, patch: int, width: int, heads: int, layers: int) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, width, patch, stride=patch)
        self.register_buffer("positions", grid_sinusoids(side // patch, width))
        self.layers = nn.ModuleList([PreNormLayer(width, heads, 4 * width) for _ in range(layers)])
        self.norm = nn.LayerNorm(width, eps=1e-6)

    def forward(self, pixels: Tensor, visible: Tensor | None = None) -> Tensor:
        """Pixels (batch, 3, side, side) to (batch, patches, width), of the `visible` patches (batch, places) only."""
        x = self.patches(pixels).flatten(2).transpose(1, 2) + self.positions
        if visible is not None:
            x = pick(x, visible)
        for layer in self.layers:
            x = layer(x)
        return self.norm(x)


class Predictor(nn.Module):
    """A narrow ViT over the context and one mask token for each place to predict (section 3)."""

    positions: Tensor

    def __init__(self, grid: int, outer: int, width: int, heads: int, layers: int) -> None:
        super().__init__()
        self.narrow = nn.Linear(outer, width)
        self.mask_token = nn.Parameter(torch.zeros(1, 1, width))
        self.register_buffer("positions", grid_sinusoids(grid, width)[None])
        self.layers = nn.ModuleList([PreNormLayer(width, heads, 4 * width) for _ in range(layers)])
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.widen = nn.Linear(width, outer)

    def forward(self, context: Tensor, context_places: Tensor, target_places: Tensor) -> Tensor:
        """(batch, seen, outer) and the places seen and hidden to (batch, hidden, outer)."""
        positions = self.positions.expand(context.shape[0], -1, -1)
        seen = self.narrow(context) + pick(positions, context_places)
        x = torch.cat([seen, self.mask_token + pick(positions, target_places)], dim=1)
        for layer in self.layers:
            x = layer(x)
        return self.widen(self.norm(x)[:, context_places.shape[1] :])


class IJepa(nn.Module):
    """Context encoder and predictor against a target encoder that no gradient reaches (figure 3)."""

    def __init__(
        self, side: int, patch: int, width: int, heads: int, layers: int, *, predictor_width: int, predictor_layers: int
    ) -> None:
        super().__init__()
        self.context_encoder = VisionEncoder(side, patch, width, heads, layers)
        self.target_encoder = VisionEncoder(side, patch, width, heads, layers)
        self.predictor = Predictor(side // patch, width, predictor_width, heads, predictor_layers)

    def forward(self, pixel_values: Tensor, context_places: Tensor, target_places: Tensor) -> dict[str, Tensor]:
        """An image and the places seen and hidden, (batch, places), to what is predicted and what is there."""
        context = self.context_encoder(pixel_values, context_places)
        whole = self.target_encoder(pixel_values).detach()
        target = pick(nn.functional.layer_norm(whole, whole.shape[-1:]), target_places)
        return {"prediction": self.predictor(context, context_places, target_places), "target": target}


def pick(x: Tensor, places: Tensor) -> Tensor:
    """Rows of x (batch, all, width) at the places (batch, some)."""
    return x.gather(1, places[..., None].expand(-1, -1, x.shape[-1]))


def grid_sinusoids(grid: int, width: int) -> Tensor:
    """Half of the width for the row and half for the column of every patch, sines then cosines: (grid², width)."""
    place = torch.arange(grid, dtype=torch.float32)
    rows, columns = torch.meshgrid(place, place, indexing="ij")
    frequency = 10000.0 ** (-torch.arange(width // 4, dtype=torch.float32) / (width / 4))
    angles = [axis.reshape(-1, 1) * frequency for axis in (rows, columns)]
    return torch.cat([wave(angle) for angle in angles for wave in (torch.sin, torch.cos)], dim=1)
