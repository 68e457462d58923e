"""MuseNet: 72 layers of the Sparse Transformer's decoder over tokens of notes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from irgen.source import tokens
from irgen.zoo.claims import Claim, sublayers
from irgen.zoo.model import Model, Size, from_module

if TYPE_CHECKING:
    import torch

#: Published: the layers, the heads, the context and the 128 parts. A piece has at most as many times as tokens, a
#: chord at most as many notes as there are pitches; the width and the vocabulary are stand-ins.
PUBLISHED = {"vocabulary": 4097, "context": 4096, "times": 4096, "chord": 128, "parts": 128}
TWIN = {"vocabulary": 101, "context": 64, "times": 61, "chord": 23, "parts": 29}
NOTE = (
    "full attention in every layer, as OpenAI states; what it takes from the Sparse Transformer is the residual block, "
    "the activation and the depth; the width (24 heads of 64) and the vocabulary are not published and stand in"
)


def make(size: Size) -> torch.nn.Module:
    """The published depth, or the twin."""
    from irgen.zoo.reference.muse_net import MuseNet  # noqa: PLC0415 - it imports torch

    width, heads, layers = (1536, 24, 72) if size == "full" else (48, 4, 3)
    return MuseNet(width=width, heads=heads, layers=layers, **(PUBLISHED if size == "full" else TWIN))


MODEL = Model(
    name="muse-net",
    part="C",
    title="MuseNet",
    line="decoder of 72 layers and 24 heads over notes, told time, chord and place in the piece by embeddings",
    family=("decoder-only", "music"),
    source="Payne 2019, openai.com/research/musenet; Child et al. 2019, arXiv:1904.10509",
    parameters=2_065_631_232,
    claims=(
        Claim(
            says="a Sparse Transformer, so its attention is sparse",
            shows="all 72 layers see all that lies before, as OpenAI's own text says",
            holds=lambda facts: {part["mask"] for part in sublayers(facts, "self-attention")} == {"causal"},
        ),
    ),
    build=from_module(
        make,
        inputs=lambda size: tuple(
            tokens(name, (PUBLISHED if size == "full" else TWIN)[table])
            for name, table in {
                "input_ids": "vocabulary", "time": "times", "chord_place": "chord", "part": "parts",
                "countdown": "parts",
            }.items()
        ),
        title="MuseNet",
        note=NOTE,
    ),
)  # fmt: skip
