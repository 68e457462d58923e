"""Music Transformer against the paper: skewing is the naive relative attention, in less memory."""

import math

import pytest
import torch

from irgen.zoo import systems
from irgen.zoo.reference.attention import causal_bias
from irgen.zoo.reference.music_transformer import RelativeAttention, skewed


@pytest.mark.parametrize("length", [1, 2, 7, 20])
def test_skewing_moves_a_distance_to_its_key(length: int):
    products = torch.randn(2, 3, length, length)
    moved = skewed(products)
    for i in range(length):
        for j in range(i + 1):
            assert torch.equal(moved[..., i, j], products[..., i, length - 1 - (i - j)])


@pytest.mark.parametrize(("length", "distances"), [(6, 6), (6, 9), (9, 4)])
def test_relative_attention_equals_the_naive_one(length: int, distances: int):
    torch.manual_seed(0)
    attention = RelativeAttention(24, 3, 48, distances).double().eval()
    x = torch.randn(2, length, 24, dtype=torch.float64)
    mask = causal_bias(length).double()
    assert torch.allclose(attention(x, scores_bias=mask), naive(attention, x), atol=1e-12)


def naive(attention: RelativeAttention, x: torch.Tensor) -> torch.Tensor:
    """A vector for every pair of places (Shaw et al. 2018), as section 3.4 writes it before the improvement."""
    q, k, v = attention.project(x, x)
    length, far = x.shape[1], attention.distances - 1
    pairs = torch.stack(
        [
            torch.stack([attention.relative[:, far - min(max(i - j, 0), far)] for j in range(length)], dim=1)
            for i in range(length)
        ],
        dim=1,
    )
    scores = q @ k.transpose(-2, -1) + torch.einsum("bhid,hijd->bhij", q, pairs)
    scores = scores / math.sqrt(attention.head_width) + causal_bias(length).double()
    return attention.output((scores.softmax(-1) @ v).transpose(1, 2).flatten(2))


def test_sizes_are_those_of_table_3():
    module = systems()["music-transformer"].build("full").module
    layer = module.layers[0]
    assert (len(module.layers), module.width, layer.attention.heads) == (6, 256, 8)
    assert layer.attention.query.out_features == 512
    assert layer.feed_forward[0].out_features == 2048
    assert tuple(layer.attention.relative.shape) == (8, 1024, 64)
    assert module.events.num_embeddings == 388


def test_no_event_sees_a_later_one():
    built = systems()["music-transformer"].build("twin")
    ids = built.kwargs["input_ids"]
    changed = ids.clone()
    changed[:, -1] = (changed[:, -1] + 1) % 101
    with torch.no_grad():
        gap = (built.module(ids) - built.module(changed)).abs().amax((0, 2))
    assert (gap[:-1] == 0).all()
    assert gap[-1] > 0
