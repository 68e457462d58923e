"""Losses told by how they answer to what they compare, however they are written; and what is none of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from irgen.frontends.torch_live import capture
from irgen.ir.architecture import Objective
from irgen.passes import normalise
from irgen.patterns import label

WORDS, WIDTH, DRAWS = 67, 12, 4
Compare = Callable[[Tensor, Tensor], Tensor]


class Vectors(nn.Module):
    """A word, one that it tells, and some drawn at random: scores (batch) and (batch, draws)."""

    def __init__(self, compare: Compare) -> None:
        super().__init__()
        self.read, self.told = nn.Embedding(WORDS, WIDTH), nn.Embedding(WORDS, WIDTH)
        self.compare = compare

    def forward(self, word: Tensor, other: Tensor, drawn: Tensor) -> Tensor:
        state = self.read(word)
        score = (state * self.told(other)).sum(-1)
        return self.compare(score, torch.einsum("bd,bkd->bk", state, self.told(drawn)))


def objective(compare: Compare) -> Objective | None:
    ids = torch.randint(WORDS, (3, 2 + DRAWS))
    graph = capture(Vectors(compare).eval(), (ids[:, 0], ids[:, 1], ids[:, 2:]))
    return label(normalise(graph))[1].objective


def by_softplus(score: Tensor, noise: Tensor) -> Tensor:
    return (functional.softplus(-score) + functional.softplus(noise).sum(-1)).mean()


def by_logarithms(score: Tensor, noise: Tensor) -> Tensor:
    return -(torch.log(torch.sigmoid(score)).sum() + torch.log(torch.sigmoid(-noise)).sum())


def by_cross_entropy(score: Tensor, noise: Tensor) -> Tensor:
    right = functional.binary_cross_entropy_with_logits(score, torch.ones_like(score), reduction="sum")
    wrong = functional.binary_cross_entropy_with_logits(noise, torch.zeros_like(noise), reduction="sum")
    return (right + wrong) / len(score)


@pytest.mark.parametrize("compare", [by_softplus, by_logarithms, by_cross_entropy])
def test_negative_sampling_is_known_in_every_spelling(compare: Compare):
    found = objective(compare)
    assert found is not None
    assert (found.kind, found.facts) == ("negative-sampling", {"negatives": DRAWS})


def only_pulled(score: Tensor, noise: Tensor) -> Tensor:
    return -(functional.logsigmoid(score) + functional.logsigmoid(noise).sum(-1)).mean()


def by_margin(score: Tensor, noise: Tensor) -> Tensor:
    return (1 - score[:, None] + noise).relu().mean()


def unequal(score: Tensor, noise: Tensor) -> Tensor:
    return -(2 * functional.logsigmoid(score) + functional.logsigmoid(-noise).sum(-1)).mean()


@pytest.mark.parametrize("compare", [only_pulled, by_margin, unequal])
def test_what_pushes_nothing_away_or_weighs_otherwise_is_no_negative_sampling(compare: Compare):
    found = objective(compare)
    assert found is None or found.kind != "negative-sampling"


class Counts(nn.Module):
    """Products of two vectors against a function of a count, weighted by another one."""

    def __init__(self, weight: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.one, self.two = nn.Embedding(WORDS, WIDTH), nn.Embedding(WORDS, WIDTH)
        self.weight = weight

    def forward(self, words: Tensor, others: Tensor, counts: Tensor) -> Tensor:
        error = (self.one(words) * self.two(others)).sum(-1) - counts.log()
        return (self.weight(counts) * error.square()).sum()


def counted(weight: Callable[[Tensor], Any]) -> Objective | None:
    ids = torch.randint(WORDS, (2, 3))
    graph = capture(Counts(weight).eval(), (ids[0], ids[1], torch.tensor([3.0, 9.0, 250.0])))
    return label(normalise(graph))[1].objective


@pytest.mark.parametrize(("most", "power"), [(100.0, 0.75), (40.0, 0.5)])
def test_weighted_squares_are_read_with_their_weighting_function(most: float, power: float):
    found = counted(lambda x: torch.minimum((x / most) ** power, torch.ones_like(x)))
    assert found is not None
    assert found.kind == "weighted-squares"
    assert found.facts["power"] == pytest.approx(power, rel=1e-3)
    assert found.facts["most"] == pytest.approx(most, rel=1e-3)
    assert (found.facts["input"], found.facts["target"], found.facts["biases"]) == (2, "logarithm", 0)


def test_squares_that_all_weigh_alike_are_plain_squares():
    found = counted(lambda _: 0.5)
    assert found is not None
    assert found.kind == "squares"


def test_a_weighting_function_of_another_form_is_not_named():
    assert counted(lambda x: 1 / (1 + x)) is None


def test_a_model_without_a_loss_has_no_objective():
    graph = capture(nn.Sequential(nn.Embedding(WORDS, WIDTH), nn.Linear(WIDTH, 5)).eval(), (torch.ones(2, 3).long(),))
    assert label(normalise(graph))[1].objective is None


class Tagger(nn.Module):
    """A table and a head; the loss as given."""

    def __init__(self, loss: Compare) -> None:
        super().__init__()
        self.table, self.head, self.loss = nn.Embedding(WORDS, WIDTH), nn.Linear(WIDTH, 9), loss

    def forward(self, ids: Tensor, tags: Tensor) -> Tensor:
        return self.loss(self.head(self.table(ids)), tags)


def by_library(x: Tensor, tags: Tensor) -> Tensor:
    return functional.cross_entropy(x.transpose(1, 2), tags)


def by_flat_rows(x: Tensor, tags: Tensor) -> Tensor:
    return functional.cross_entropy(x.flatten(0, 1), tags.flatten())


def by_hand(x: Tensor, tags: Tensor) -> Tensor:
    right = (torch.nn.functional.one_hot(tags, 9) * x).sum(-1)
    return (x.exp().sum(-1).log() - right).sum()


@pytest.mark.parametrize("loss", [by_library, by_flat_rows, by_hand])
def test_cross_entropy_is_known_in_every_spelling(loss: Compare):
    graph = capture(Tagger(loss).eval(), (torch.randint(WORDS, (2, 5)), torch.randint(9, (2, 5))))
    found = label(normalise(graph))[1].objective
    assert found is not None
    assert (found.kind, found.facts) == ("cross-entropy", {"classes": 9})


def test_a_likelihood_without_its_normaliser_is_no_cross_entropy():
    module = Tagger(lambda x, tags: -x.gather(-1, tags[..., None]).mean())
    graph = capture(module.eval(), (torch.randint(WORDS, (2, 5)), torch.randint(9, (2, 5))))
    assert label(normalise(graph))[1].objective is None
