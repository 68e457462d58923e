"""DeepLoco: a high-level controller that plans footsteps over a low-level one that moves a biped's joints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from irgen.source import Input, numbers
from irgen.zoo.model import Model, Size, from_module

if TYPE_CHECKING:
    import torch

#: Edge of the height map, maps, terrain features; hidden units of both controllers.
SIZES = {"full": (32, (16, 32, 32), 128, (512, 256), (512, 512)), "twin": (16, (4, 6, 8), 24, (40, 28), (36, 44))}
CHARACTER, GOAL, BODY, JOINTS = 105, 2, 106, 22


def make(size: Size) -> torch.nn.Module:
    """Both controllers of the biped, or their twin."""
    from irgen.zoo.reference.deeploco import DeepLoco, HighLevel, LowLevel  # noqa: PLC0415 - it imports torch

    side, maps, features, high, low = SIZES[size]
    return DeepLoco(HighLevel(side, CHARACTER + GOAL, maps, features, high), LowLevel(BODY, low, JOINTS))


def inputs(size: Size) -> tuple[Input, ...]:
    """What each controller sees; the phase of the step runs from 0 to 1."""

    def phase(shape: tuple[int, ...], generator: torch.Generator) -> torch.Tensor:
        import torch  # noqa: PLC0415

        return torch.rand(shape, generator=generator)

    side = SIZES[size][0]
    return (
        numbers("terrain", "batch", 1, side, side),
        numbers("character", "batch", CHARACTER),
        numbers("goal", "batch", GOAL),
        numbers("body", "batch", BODY),
        Input("phase", ("batch",), phase),
    )


MODEL = Model(
    name="deeploco",
    part="C",
    title="DeepLoco biped",
    line="convolutions over terrain plan two steps and a heading; a phase-indexed network moves 22 joint parameters",
    family=("convolutional", "policy"),
    source="Peng et al. 2017, doi:10.1145/3072959.3073602, sections 6 and 7; layers of the released networks",
    parameters=2_940_027,
    build=from_module(make, inputs, title="DeepLoco biped"),
)
