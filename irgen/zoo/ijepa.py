"""I-JEPA with ViT-H/14: a context encoder, a narrow predictor and a target encoder without gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING

from irgen.source import Input, numbers
from irgen.zoo.model import Model, Size, from_module

if TYPE_CHECKING:
    import torch

SIDE = {"full": 224, "twin": 48}
PATCH = {"full": 14, "twin": 8}


def make(size: Size) -> torch.nn.Module:
    """The model of the paper's table 1, or its twin."""
    from irgen.zoo.reference.ijepa import IJepa  # noqa: PLC0415 - it imports torch

    if size == "full":
        return IJepa(SIDE[size], PATCH[size], 1280, heads=16, layers=32, predictor_width=384, predictor_layers=12)
    return IJepa(SIDE[size], PATCH[size], 48, heads=4, layers=3, predictor_width=24, predictor_layers=2)


def inputs(size: Size) -> tuple[Input, ...]:
    """An image, and which of its patches are seen and which are to be predicted."""
    grid = SIDE[size] // PATCH[size]

    def places(shape: tuple[int, ...], generator: torch.Generator) -> torch.Tensor:
        import torch  # noqa: PLC0415

        return torch.rand((shape[0], grid * grid), generator=generator).argsort(-1)[:, : shape[1]]

    return (
        numbers("pixel_values", "batch", 3, SIDE[size], SIDE[size]),
        Input("context_places", ("batch", "seen"), places),
        Input("target_places", ("batch", "hidden"), places),
    )


MODEL = Model(
    name="ijepa",
    part="B",
    title="I-JEPA ViT-H/14",
    line="context encoder of 32 layers, predictor of 12 × 384, target encoder with stop-gradient",
    family=("composite", "encoder-only", "image", "self-supervised"),
    source="Assran et al. 2023, arXiv:2301.08243",
    checkpoint="facebook/ijepa_vith14_1k",
    parameters=1_283_148_544,
    build=from_module(make, inputs, title="I-JEPA ViT-H/14", sizes={"seen": (19, 21), "hidden": (11, 13)}),
)
