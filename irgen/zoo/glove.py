"""GloVe: vectors fitted to the logarithms of co-occurrence counts by weighted least squares."""

from __future__ import annotations

from typing import TYPE_CHECKING

from irgen.source import Input, tokens
from irgen.zoo.model import Model, Size, from_module

if TYPE_CHECKING:
    import torch

SIZES = {"full": (400_000, 300), "twin": (101, 20)}


def make(size: Size) -> torch.nn.Module:
    """Words and contexts of the released vectors, or their twin."""
    from irgen.zoo.reference.word_vectors import GloVe  # noqa: PLC0415 - it imports torch

    return GloVe(*SIZES[size])


def inputs(size: Size) -> tuple[Input, ...]:
    """Pairs of words, and how often each pair was seen."""

    def counts(shape: tuple[int, ...], generator: torch.Generator) -> torch.Tensor:
        import torch  # noqa: PLC0415

        return torch.randint(1, 300, shape, generator=generator).float()

    words = SIZES[size][0]
    return (
        tokens("words", words, "batch", low=0),
        tokens("contexts", words, "batch", low=0),
        Input("counts", ("batch",), counts),
    )


MODEL = Model(
    name="glove",
    part="C",
    title="GloVe",
    line="products of vectors fitted to logarithms of co-occurrence counts, frequent pairs weighing more",
    family=("embedding", "text"),
    source="Pennington et al. 2014, EMNLP, equations 8 and 9; sizes of glove.6B.300d",
    checkpoint="glove.6B.300d",
    parameters=240_800_000,
    build=from_module(make, inputs, title="GloVe"),
)
