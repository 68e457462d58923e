"""GPT-3 of 175 B parameters: dense and locally banded layers in turn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from irgen.source import tokens
from irgen.zoo.model import Model, Size, from_module

if TYPE_CHECKING:
    import torch

VOCABULARY = {"full": 50257, "twin": 101}
#: The paper names the pattern but not the width of the band: 128 is the stride of its reference for text.
BAND = {"full": 128, "twin": 7}
NOTE = "the paper does not give the width of the band: 128 here, as in the Sparse Transformer's text models"


def make(size: Size) -> torch.nn.Module:
    """The largest model of table 2.1, or its twin."""
    from irgen.zoo.reference.gpt3 import Gpt3  # noqa: PLC0415 - it imports torch

    width, heads, layers, context = (12288, 96, 96, 2048) if size == "full" else (48, 4, 4, 64)
    return Gpt3(VOCABULARY[size], width, heads, layers, context=context, band=BAND[size])


MODEL = Model(
    name="gpt3",
    part="B",
    title="GPT-3 175B",
    line="96 pre-norm layers of width 12288, dense and locally banded attention in turn, tied head",
    family=("decoder-only", "text"),
    source="Brown et al. 2020, arXiv:2005.14165, section 2.1 and table 2.1; Child et al. 2019, arXiv:1904.10509",
    parameters=174_604_259_328,
    build=from_module(
        make, inputs=lambda size: (tokens("input_ids", VOCABULARY[size]),), title="GPT-3 175B", note=NOTE
    ),
)
