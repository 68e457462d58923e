"""Music Transformer for piano performances: relative attention by skewing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from irgen.source import tokens
from irgen.zoo.model import Model, Size, from_module

if TYPE_CHECKING:
    import torch

#: 128 notes on, 128 notes off, 100 steps of time, 32 levels of loudness (section 4.2).
EVENTS = {"full": 128 + 128 + 100 + 32, "twin": 101}


def make(size: Size) -> torch.nn.Module:
    """The model of table 3 (6L, 256hs, 512att, 2048fs, 1024r, 8h), or its twin."""
    from irgen.zoo.reference.music_transformer import MusicTransformer  # noqa: PLC0415 - it imports torch

    if size == "full":
        return MusicTransformer(EVENTS[size], 256, heads=8, layers=6, inner=512, hidden=2048, distances=1024)
    return MusicTransformer(EVENTS[size], 48, heads=4, layers=2, inner=64, hidden=88, distances=15)


MODEL = Model(
    name="music-transformer",
    part="C",
    title="Music Transformer",
    line="decoder of 6 layers over performance events, relative attention of linear memory by skewing",
    family=("decoder-only", "music"),
    source="Huang et al. 2018, arXiv:1809.04281, table 3",
    parameters=12_712_960,
    build=from_module(make, inputs=lambda size: (tokens("input_ids", EVENTS[size]),), title="Music Transformer"),
)
