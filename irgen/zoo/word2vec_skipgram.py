"""word2vec by skip-grams with negative sampling, at the size of the paper that introduced it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from irgen.source import Input, tokens
from irgen.zoo.model import Model, Size, from_module

if TYPE_CHECKING:
    import torch

#: Words, features, words on either side, and draws for each of them (arXiv:1310.4546, sections 2.2 and 3).
SIZES = {"full": (692_000, 300, 5, 15), "twin": (101, 20, 2, 3)}


def make(size: Size) -> torch.nn.Module:
    """Both tables of the paper, or their twin."""
    from irgen.zoo.reference.word_vectors import SkipGram  # noqa: PLC0415 - it imports torch

    return SkipGram(*SIZES[size][:2])


def inputs(size: Size) -> tuple[Input, ...]:
    """A word, the words around it, and the words drawn as noise for each of those."""
    words, _, reach, draws = SIZES[size]
    return (
        tokens("word", words, "batch", low=0),
        tokens("context", words, "batch", 2 * reach, low=0),
        tokens("negatives", words, "batch", 2 * reach, draws, low=0),
    )


MODEL = Model(
    name="word2vec-skipgram",
    part="C",
    title="word2vec skip-gram",
    line="a word's vector tells each of the ten words around it from fifteen drawn at random",
    family=("embedding", "text"),
    source="Mikolov et al. 2013, arXiv:1310.4546, equations 1 and 4; 692 thousand words (section 3)",
    parameters=415_200_000,
    build=from_module(make, inputs, title="word2vec skip-gram"),
)
