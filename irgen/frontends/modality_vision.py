"""How images, video, patches and what tells their grids look."""

from __future__ import annotations

import torch

from irgen.frontends.modality_text import Rule
from irgen.frontends.settings import Settings, side_of
from irgen.source import SIZES, Input, numbers, ones

GRID = 4  # patches on a side, where the caller cuts the image into patches


def image(s: Settings, name: str) -> list[Input]:
    """An image (batch, channels, height, width), frames, crops or pairs of images, or patches cut out beforehand."""
    channels = s.vision_number("num_channels", "in_channels", "in_chans", "input_channels", default=3)
    channels = channels if 1 <= channels <= 4 else 3
    height, width = side_of(
        s.vision("image_size", "img_size", "input_size", "crop_size", "max_img_size", "base_image_size", default=96)
    )
    if s.names & {"image_grid_thw", "image_grid_hw", "grid_thw"}:
        patch = s.vision_number("patch_size", default=14)
        one_by_one = numbers(name, "patches", channels, patch, patch)
        return [flat_patches(s, name), one_by_one, numbers(name, "batch", channels, height, width)]
    if s.names & {"spatial_shapes", "pixel_position_ids", "image_position_ids"}:
        patch = s.vision_number("patch_size", default=16)
        return [numbers(name, "batch", GRID * GRID, patch * patch * channels)]
    if "image_sizes" in s.names and (pinpoints := s.get("image_grid_pinpoints")):
        return [numbers(name, "batch", _crops(pinpoints, height), channels, height, width)]
    frames = s.vision_number("num_frames", "frames_per_clip", default=0)
    still = numbers(name, "batch", channels, height, width)
    several = [numbers(name, "batch", n, channels, height, width) for n in (frames or 2, 1)]
    out = [several[0], still] if frames > 1 else [still, *several]
    tiled = s.vision("max_num_tiles")
    if isinstance(tiled, int):
        out.insert(0, numbers(name, "batch", 1, tiled, channels, height, width))
    return [*out, numbers(name, "batch", channels, 64, 96), numbers(name, 1, channels, height, width)]


def flat_patches(s: Settings, name: str) -> Input:
    """The patches of all images in one list, each a flattened cube of pixels."""
    channels = s.vision_number("in_channels", "in_chans", "num_channels", default=3)
    patch = s.vision_number("patch_size", "spatial_patch_size", default=14)
    temporal = s.vision_number("temporal_patch_size", "patch_temporal", default=1)
    side = _grid_side(s)
    s.sizes["patches"] = (SIZES["batch"][0] * side * side, SIZES["batch"][1] * side * side)
    return numbers(name, "patches", channels * temporal * patch * patch)


def _grid_side(s: Settings) -> int:
    return 2 * s.vision_number("spatial_merge_size", "merge_size", default=2)


def hidden_states(s: Settings, name: str) -> list[Input]:
    """Patches in front of a vision tower that is told its grids; hidden states of any other part."""
    if "grid_thw" in s.names:
        return [flat_patches(s, name)]
    return [numbers(name, "batch", "seq", s.number("hidden_size", "d_model", "embed_dim", default=64))]


def grid(width: int) -> Rule:
    """For each image the number of its patches along time, height and width; without time where `width` is 2."""

    def rule(s: Settings, name: str) -> list[Input]:
        side = _grid_side(s)
        return [repeated(name, [1, side, side][-width:])]

    return rule


def repeated(name: str, row: list[int]) -> Input:
    """The same whole numbers for every sample: (batch, len(row))."""
    return Input(name, ("batch", len(row)), lambda shape, _: torch.tensor([row]).repeat(shape[0], 1))


def constant(value: int, *shape: int | str) -> Rule:
    """One whole number throughout."""
    return lambda _, name: [Input(name, shape, lambda sizes, _: torch.full(sizes, value))]


def image_sizes(s: Settings, name: str) -> list[Input]:
    """The height and width of each image."""
    return [repeated(name, list(side_of(s.vision("image_size", default=96))))]


def places(_s: Settings, name: str) -> list[Input]:
    """Row and column of every patch."""

    def draw(shape: tuple[int, ...], _g: torch.Generator) -> torch.Tensor:
        return torch.cartesian_prod(torch.arange(GRID), torch.arange(GRID)).repeat(shape[0], 1, 1)

    return [Input(name, ("batch", GRID * GRID, 2), draw)]


def patches_mask(s: Settings, name: str) -> list[Input]:
    """Every patch is there, where patches come cut out and padded."""
    return [ones(name, "batch", GRID * GRID)] if "spatial_shapes" in s.names else []


def _crops(pinpoints: list[list[int]], side: int) -> int:
    """How many crops an image as large as one crop is cut into: those of the best of the allowed sizes, and the whole.

    The best size wastes least of itself, as in LLaVA-NeXT (Liu et al. 2024).
    """
    fitting = [(height, width) for height, width in pinpoints if min(height, width) >= side]
    height, width = min(fitting or [(side, side)], key=lambda size: size[0] * size[1])
    return (height // side) * (width // side) + 1


def tiles_mask(s: Settings, name: str) -> list[Input]:
    """Every tile of the one image is there."""
    return [ones(name, "batch", 1, s.vision_number("max_num_tiles", default=4))]


def video(s: Settings, name: str) -> list[Input]:
    """Frames before or after channels; left out where an image already lights the same tower."""
    if s.get("text_config") is not None and "pixel_values" in s.names:
        return []
    frames = s.vision_number("num_frames", "frames_per_clip", "num_image_frames", default=4)
    height, width = side_of(s.vision("image_size", "crop_size", default=96))
    return [numbers(name, "batch", frames, 3, height, width), numbers(name, "batch", 3, frames, height, width)]


def flattened(s: Settings, name: str) -> list[Input]:
    """Patches led by their row and column, counted from one."""

    def draw(shape: tuple[int, ...], g: torch.Generator) -> torch.Tensor:
        out = torch.randn(shape, generator=g)
        out[..., 0] = torch.arange(shape[1]) // GRID + 1
        out[..., 1] = torch.arange(shape[1]) % GRID + 1
        return out

    width = s.vision_number("patch_embed_hidden_size", default=768)
    by_pixels = 2 + 3 * s.vision_number("patch_size", default=16) ** 2
    return [Input(name, ("batch", "nodes", n), draw) for n in (width + 2, by_pixels)]


def depth(s: Settings, name: str) -> list[Input]:
    """A coarse depth map beside the image."""
    return [numbers(name, "batch", 1, *side_of(s.vision("image_size", default=224)))]
