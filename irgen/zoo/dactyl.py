"""Dactyl: the LSTM policy of OpenAI's robot hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from irgen.source import numbers
from irgen.zoo.model import Model, Size, from_module

if TYPE_CHECKING:
    import torch

SEEN = (15, 3, 4)
SIZES = {"full": (1024, 512, 20, 11), "twin": (44, 24, 20, 11)}


def make(size: Size) -> torch.nn.Module:
    """The policy of appendix C, or its twin."""
    from irgen.zoo.reference.dactyl import Policy  # noqa: PLC0415 - it imports torch

    return Policy(sum(SEEN), *SIZES[size])


MODEL = Model(
    name="dactyl",
    part="C",
    title="Dactyl policy",
    line="22 normalised observations, 1024 hidden units, an LSTM of 512, 11 bins for each of 20 joints",
    family=("recurrent", "policy"),
    source="OpenAI 2018, arXiv:1808.00177, table 1, section 5.2 and the hyperparameters of appendix C",
    parameters=3_286_236,
    build=from_module(
        make,
        lambda _: tuple(
            numbers(name, "batch", "time", n) for name, n in zip(("fingertips", "position", "turn"), SEEN, strict=True)
        ),
        title="Dactyl policy",
    ),
)
