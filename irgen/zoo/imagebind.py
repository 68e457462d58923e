"""ImageBind huge: six encoders into one space."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from irgen.source import Input, numbers
from irgen.zoo.model import Model, Size, from_module

if TYPE_CHECKING:
    import torch

#: Width, heads, layers and learned keys of each encoder.
TOWERS = {
    "full": {
        "image": (1280, 16, 32), "text": (1024, 16, 24), "sound": (768, 12, 12, 1), "depth": (384, 8, 12, 1),
        "heat": (768, 12, 12, 1), "motion": (512, 8, 6, 1),
    },
    "twin": {
        "image": (48, 4, 3), "text": (40, 5, 2), "sound": (36, 3, 2, 1), "depth": (24, 2, 2, 1),
        "heat": (36, 3, 2, 1), "motion": (32, 4, 2, 1),
    },
}  # fmt: skip
SIZES: dict[str, dict[str, Any]] = {
    "full": {
        "space": 1024, "side": 224, "image_patch": 14, "patch": 16, "spectrogram": (128, 204), "stride": 10,
        "vocabulary": 49408, "length": 77, "sensors": 6, "readings": 2000, "step": 8,
    },
    "twin": {
        "space": 28, "side": 48, "image_patch": 8, "patch": 12, "spectrogram": (32, 52), "stride": 10,
        "vocabulary": 101, "length": 17, "sensors": 6, "readings": 88, "step": 8,
    },
}  # fmt: skip


def make(size: Size) -> torch.nn.Module:
    """The released imagebind_huge, or its twin."""
    from irgen.zoo.reference.imagebind import ImageBind, Tower  # noqa: PLC0415 - it imports torch

    return ImageBind({name: Tower(*sizes) for name, sizes in TOWERS[size].items()}, **SIZES[size])


def inputs(size: Size) -> tuple[Input, ...]:
    """A batch of one thing of each kind; a text ends with the largest id, as in CLIP."""
    sizes = SIZES[size]

    def text(shape: tuple[int, ...], generator: torch.Generator) -> torch.Tensor:
        import torch  # noqa: PLC0415

        ids = torch.randint(5, sizes["vocabulary"] - 1, shape, generator=generator)
        ids[:, -3] = sizes["vocabulary"] - 1
        return ids

    side = sizes["side"]
    return (
        numbers("pixels", "batch", 3, side, side),
        Input("input_ids", ("batch", sizes["length"]), text),
        numbers("spectrogram", "batch", 1, *sizes["spectrogram"]),
        numbers("depth", "batch", 1, side, side),
        numbers("heat", "batch", 1, side, side),
        numbers("motion", "batch", sizes["sensors"], sizes["readings"]),
    )


MODEL = Model(
    name="imagebind",
    part="B",
    title="ImageBind huge",
    line="six encoders, for images, text, sound, depth, heat and motion, into one space of 1024",
    family=("composite", "encoder-only", "image", "text", "audio"),
    source="Girdhar et al. 2023, arXiv:2305.05665; sizes of the released imagebind_huge",
    parameters=1_200_781_056,
    build=from_module(make, inputs, title="ImageBind huge"),
)
