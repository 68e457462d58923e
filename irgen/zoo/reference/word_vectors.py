"""Word vectors with the losses that train them: CBOW and skip-gram with negative sampling, and GloVe.

Mikolov et al. 2013a (arXiv:1301.3781) and 2013b (arXiv:1310.4546); Pennington et al. 2014 (EMNLP, "GloVe").
"""

from torch import Tensor, nn


class Word2Vec(nn.Module):
    """The two tables of word2vec: vectors of words that are read (v) and of words that are told (v')."""

    def __init__(self, vocabulary: int, width: int) -> None:
        super().__init__()
        self.read = nn.Embedding(vocabulary, width)
        self.told = nn.Embedding(vocabulary, width)

    def negative_sampling(self, state: Tensor, words: Tensor, negatives: Tensor) -> Tensor:
        """The loss of which 2013b, equation 4, is the negative, as a mean over all words that are told.

        `state` (…, width) tells `words` (…) apart from the draws from the noise distribution `negatives` (…, k).
        """
        score = (self.told(words) * state).sum(dim=-1)
        noise = (self.told(negatives) @ state[..., None])[..., 0]
        told = nn.functional.logsigmoid(score) + nn.functional.logsigmoid(-noise).sum(dim=-1)
        return -told.mean()


class ContinuousBagOfWords(Word2Vec):
    """The mean of the words around tells the word in the middle (2013a, section 3.1)."""

    def forward(self, context: Tensor, word: Tensor, negatives: Tensor) -> Tensor:
        """Words around (batch, 2c), the word itself (batch) and draws (batch, k) to the loss, ()."""
        return self.negative_sampling(self.read(context).mean(dim=1), word, negatives)


class SkipGram(Word2Vec):
    """A word tells each of the words around it (2013a, section 3.2; 2013b, equation 1)."""

    def forward(self, word: Tensor, context: Tensor, negatives: Tensor) -> Tensor:
        """A word (batch), those around it (batch, 2c) and draws for each (batch, 2c, k) to the loss, ()."""
        return self.negative_sampling(self.read(word)[:, None], context, negatives)


class GloVe(nn.Module):
    """Vectors whose products are logarithms of how often two words occur together (equation 8)."""

    def __init__(self, vocabulary: int, width: int, *, most: float = 100.0, power: float = 0.75) -> None:
        super().__init__()
        self.most, self.power = most, power
        self.word = nn.Embedding(vocabulary, width)
        self.context = nn.Embedding(vocabulary, width)
        self.word_bias = nn.Embedding(vocabulary, 1)
        self.context_bias = nn.Embedding(vocabulary, 1)

    def forward(self, words: Tensor, contexts: Tensor, counts: Tensor) -> Tensor:
        """Pairs of words (batch) and how often each pair occurs (batch) to the sum of equation 8, ()."""
        product = (self.word(words) * self.context(contexts)).sum(dim=-1)
        told = product + self.word_bias(words)[:, 0] + self.context_bias(contexts)[:, 0]
        return (self.weight(counts) * (told - counts.log()) ** 2).sum()

    def weight(self, counts: Tensor) -> Tensor:
        """The weight of equation 9: rare pairs count less, and no pair counts more than 1."""
        return (counts / self.most).pow(self.power).clamp(max=1.0)
