"""Graphormer's encodings change the attention exactly as the paper says (arXiv:2106.05234, section 3.1)."""

import math

import pytest
import torch
from torch import Tensor

from irgen.zoo import systems
from irgen.zoo.reference.graphormer import Graphormer

NODES = 6


@pytest.fixture(scope="module")
def model() -> Graphormer:
    torch.manual_seed(0)
    module = systems()["graphormer"].build("twin").module
    assert isinstance(module, Graphormer)
    return module


def graph() -> dict[str, Tensor]:
    """One graph without edges: padding at every hop."""
    draw = torch.Generator().manual_seed(1)

    def ids(size: int, *shape: int) -> Tensor:
        return torch.randint(1, size, shape, generator=draw)

    return {
        "atoms": ids(31, 1, NODES, 9),
        "in_degree": ids(13, 1, NODES),
        "out_degree": ids(13, 1, NODES),
        "distance": ids(11, 1, NODES, NODES),
        "path": torch.zeros(1, NODES, NODES, 3, 3, dtype=torch.int64),
    }


def scores(model: Graphormer, given: dict[str, Tensor]) -> list[Tensor]:
    """What each layer's softmax is given: (heads, 1 + nodes, 1 + nodes)."""
    seen: list[Tensor] = []
    softmax = torch.softmax

    def watched(x: Tensor, dim: int) -> Tensor:
        seen.append(x[0])
        return softmax(x, dim)

    with pytest.MonkeyPatch.context() as patch, torch.no_grad():
        patch.setattr(torch, "softmax", watched)
        model(**given)
    return seen


def test_another_distance_adds_the_difference_of_two_learned_scalars_to_that_pair_in_every_head(model: Graphormer):
    """Equation 6: A_ij = (h_i W_Q)(h_j W_K)ᵀ / √d + b_φ(i, j)."""
    one, two = graph(), graph()
    one["distance"][0, 2, 4], two["distance"][0, 2, 4] = 3, 7
    (before, *_), (after, *_) = scores(model, one), scores(model, two)
    table = model.bias.distance.weight
    expected = torch.zeros_like(before)
    expected[:, 1 + 2, 1 + 4] = table[7] - table[3]
    assert torch.allclose(after - before, expected, atol=1e-5)


def test_the_scores_of_the_first_layer_are_equation_6_and_the_bias_is_that_of_all_layers(model: Graphormer):
    given = graph()
    layer = model.layers[0]
    with torch.no_grad():
        h = layer.attention_norm(model.centrality(given["atoms"], given["in_degree"], given["out_degree"]))
        q, k = layer.attention.query(h)[0], layer.attention.key(h)[0]
        bias = model.bias(given["distance"], given["path"])[0]
    heads, width = layer.attention.heads, layer.attention.head_width
    told = scores(model, given)
    for head in range(heads):
        part = slice(head * width, (head + 1) * width)
        expected = q[:, part] @ k[:, part].T / math.sqrt(width) + bias[head]
        assert torch.allclose(told[0][head], expected, atol=1e-5)
    assert len(told) == len(model.layers)
    assert not any("distance" in name for layer in model.layers for name, _ in layer.named_parameters())


def test_a_degree_adds_its_embedding_to_its_own_node_and_to_no_other(model: Graphormer):
    """Equation 5: h_i = x_i + z⁻ of the in-degree + z⁺ of the out-degree."""
    one, two = graph(), graph()
    one["in_degree"][0, 3], two["in_degree"][0, 3] = 2, 9
    with torch.no_grad():
        before, after = (
            model.centrality(g["atoms"], g["in_degree"], g["out_degree"])[0] for g in (one, two)
        )  # fmt: skip
    table = model.centrality.in_degree.weight
    expected = torch.zeros_like(before)
    expected[1 + 3] = table[9] - table[2]
    assert torch.allclose(after - before, expected, atol=1e-6)
    first, second = scores(model, one)[0], scores(model, two)[0]
    touched = (first != second).any(0)
    assert touched[4].all()
    assert touched[:, 4].all()
    kept = [i for i in range(1 + NODES) if i != 4]
    assert torch.equal(first[:, kept][:, :, kept], second[:, kept][:, :, kept])


def test_the_virtual_node_has_a_distance_of_its_own_to_every_node(model: Graphormer):
    """Section 3.2: b of the virtual node is a distinct learnable scalar."""
    given = graph()
    with torch.no_grad():
        bias = model.bias(given["distance"], given["path"])[0]
    virtual = model.bias.graph_token.weight[0]
    assert torch.equal(bias[:, 0], virtual[:, None].expand(-1, 1 + NODES))
    assert torch.equal(bias[:, :, 0], virtual[:, None].expand(-1, 1 + NODES))


def test_edges_add_the_mean_over_the_shortest_path_of_feature_times_weight(model: Graphormer):
    """Equation 7: c_ij = 1/N Σ x_e (w_n)ᵀ, here with features in the space of the heads."""
    given = graph()
    given["distance"][0, 1, 2] = 2
    with torch.no_grad():
        without = model.bias(given["distance"], given["path"])[0]
        given["path"][0, 1, 2, 0] = torch.tensor([4, 5, 6])
        given["path"][0, 1, 2, 1] = torch.tensor([7, 8, 9])
        added = (model.bias(given["distance"], given["path"])[0] - without)[:, 1 + 1, 1 + 2]
        edge = model.bias.edge.weight
        hops = [edge[[4, 5, 6]].mean(0) @ model.bias.hop[0], edge[[7, 8, 9]].mean(0) @ model.bias.hop[1]]
    assert torch.allclose(added, sum(hops) / 2, atol=1e-6)
