"""word2vec by a continuous bag of words: the Google News vectors, trained by negative sampling."""

from __future__ import annotations

from typing import TYPE_CHECKING

from irgen.source import Input, tokens
from irgen.zoo.model import Model, Size, from_module

if TYPE_CHECKING:
    import torch

#: Words, features, words on either side, and draws from the noise distribution.
SIZES = {"full": (3_000_000, 300, 5, 5), "twin": (101, 20, 2, 3)}


def make(size: Size) -> torch.nn.Module:
    """Both tables of the released vectors, or their twin."""
    from irgen.zoo.reference.word_vectors import ContinuousBagOfWords  # noqa: PLC0415 - it imports torch

    return ContinuousBagOfWords(*SIZES[size][:2])


def inputs(size: Size) -> tuple[Input, ...]:
    """The words around, the word in the middle, and the words drawn as noise."""
    words, _, reach, draws = SIZES[size]
    return (
        tokens("context", words, "batch", 2 * reach, low=0),
        tokens("word", words, "batch", low=0),
        tokens("negatives", words, "batch", draws, low=0),
    )


MODEL = Model(
    name="word2vec-cbow",
    part="C",
    title="word2vec CBOW",
    line="the mean of ten words' vectors tells the word between them from five drawn at random",
    family=("embedding", "text"),
    source="Mikolov et al. 2013, arXiv:1301.3781 and arXiv:1310.4546; sizes of GoogleNews-vectors-negative300",
    checkpoint="GoogleNews-vectors-negative300",
    parameters=1_800_000_000,
    build=from_module(make, inputs, title="word2vec CBOW"),
)
