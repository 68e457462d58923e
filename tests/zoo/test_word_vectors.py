"""What the papers of word2vec and GloVe state of their losses, held against the reference modules."""

import math

import pytest
import torch
from torch.nn.functional import logsigmoid

from irgen.zoo.reference.word_vectors import ContinuousBagOfWords, GloVe, SkipGram

WORDS, WIDTH = 23, 7


def equation_4(told: torch.Tensor, word: torch.Tensor, drawn: list[torch.Tensor]) -> float:
    """log σ(v'_O · v_I) + Σ log σ(−v'_i · v_I), term by term (arXiv:1310.4546)."""
    value = math.log(1 / (1 + math.exp(-float(told @ word))))
    return value + sum(math.log(1 / (1 + math.exp(float(noise @ word)))) for noise in drawn)


@torch.no_grad()
def test_the_skip_gram_loss_is_equation_4_over_every_word_around():
    torch.manual_seed(0)
    model = SkipGram(WORDS, WIDTH).eval()
    word, context = torch.tensor([3, 5]), torch.tensor([[1, 2, 4], [6, 7, 8]])
    negatives = torch.randint(WORDS, (2, 3, 4))
    terms = [
        equation_4(
            model.told.weight[context[i, j]],
            model.read.weight[word[i]],
            [model.told.weight[n] for n in negatives[i, j]],
        )
        for i in range(2)
        for j in range(3)
    ]
    assert float(model(word, context, negatives)) == pytest.approx(-sum(terms) / 6, rel=1e-5)


@torch.no_grad()
def test_the_bag_of_words_tells_the_middle_by_the_mean_of_the_words_around_in_any_order():
    torch.manual_seed(1)
    model = ContinuousBagOfWords(WORDS, WIDTH).eval()
    context, word, negatives = torch.tensor([[1, 2, 4, 9]]), torch.tensor([3]), torch.tensor([[5, 6]])
    state = model.read.weight[context[0]].mean(0)
    told = equation_4(model.told.weight[3], state, [model.told.weight[5], model.told.weight[6]])
    assert float(model(context, word, negatives)) == pytest.approx(-told, rel=1e-5)
    assert torch.equal(model(context.flip(1), word, negatives), model(context, word, negatives))


def test_words_that_are_read_and_words_that_are_told_have_tables_of_their_own():
    model = SkipGram(WORDS, WIDTH)
    assert [tuple(p.shape) for p in model.parameters()] == [(WORDS, WIDTH)] * 2


@torch.no_grad()
@pytest.mark.parametrize(("count", "weight"), [(100.0, 1.0), (250.0, 1.0), (50.0, 0.5**0.75), (1.0, 0.01**0.75)])
def test_the_weight_of_a_pair_is_equation_9(count: float, weight: float):
    assert float(GloVe(WORDS, WIDTH).weight(torch.tensor(count))) == pytest.approx(weight, rel=1e-6)


@torch.no_grad()
def test_the_loss_of_glove_is_equation_8():
    torch.manual_seed(2)
    model = GloVe(WORDS, WIDTH).eval()
    words, contexts, counts = torch.tensor([1, 2]), torch.tensor([3, 4]), torch.tensor([7.0, 400.0])
    total = 0.0
    for i, j, count in zip(words, contexts, counts, strict=True):
        told = model.word.weight[i] @ model.context.weight[j] + model.word_bias.weight[i] + model.context_bias.weight[j]
        total += min((float(count) / 100) ** 0.75, 1) * (float(told) - math.log(float(count))) ** 2
    assert float(model(words, contexts, counts)) == pytest.approx(total, rel=1e-5)


@torch.no_grad()
def test_a_vector_that_fits_its_count_costs_nothing():
    model = GloVe(WORDS, WIDTH).eval()
    with torch.no_grad():
        for table in (model.word, model.context, model.context_bias):
            table.weight.zero_()
        model.word_bias.weight.fill_(math.log(9.0))
    assert float(model(torch.tensor([1]), torch.tensor([2]), torch.tensor([9.0]))) == pytest.approx(0.0, abs=1e-10)


def test_noise_words_are_pushed_away_and_the_word_itself_is_pulled():
    torch.manual_seed(3)
    model = SkipGram(WORDS, WIDTH)
    model(torch.tensor([0]), torch.tensor([[1]]), torch.tensor([[[2]]])).backward()
    read, gradient = model.read.weight.detach(), model.told.weight.grad
    assert gradient is not None
    assert float(gradient[1] @ read[0]) < 0 < float(gradient[2] @ read[0])
    assert not gradient[3:].any()
    assert float(logsigmoid(torch.tensor(0.0))) == pytest.approx(-math.log(2))
