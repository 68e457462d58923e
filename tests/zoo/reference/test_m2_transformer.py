"""Meshed-Memory Transformer against the paper: slots change keys and values only, the decoder reads every layer."""

import math

import torch

from irgen.zoo import systems
from irgen.zoo.reference.attention import SlottedAttention
from irgen.zoo.reference.m2_transformer import Mesh


def test_sizes_are_those_of_section_4():
    module = systems()["m2-transformer"].build("full").module
    layer = module.encoder[0]
    assert (len(module.encoder), len(module.decoder), layer.attention.heads) == (3, 3, 8)
    assert tuple(layer.attention.key_slots.shape) == tuple(layer.attention.value_slots.shape) == (1, 40, 512)
    assert layer.feed_forward[0].out_features == 2048
    assert len(module.decoder[0].mesh.gates) == len(module.encoder)


def test_slots_are_keys_and_values_beside_those_of_the_stream():
    """Equation 3: attention of W_q X over [W_k X, M_k] and [W_v X, M_v]."""
    torch.manual_seed(0)
    attention = SlottedAttention(12, 3, 5).double()
    x = torch.randn(2, 7, 12, dtype=torch.float64)
    k = torch.cat([attention.key(x), attention.key_slots.expand(2, -1, -1)], dim=1)
    v = torch.cat([attention.value(x), attention.value_slots.expand(2, -1, -1)], dim=1)
    q = attention.query(x)
    heads = []
    for h in range(3):
        own = slice(4 * h, 4 * h + 4)
        weights = torch.softmax(q[..., own] @ k[..., own].transpose(1, 2) / math.sqrt(4), dim=-1)
        assert weights.shape == (2, 7, 12)
        heads.append(weights @ v[..., own])
    assert torch.allclose(attention(x), attention.output(torch.cat(heads, dim=-1)), atol=1e-12)


def test_slots_leave_the_length_of_the_stream_alone():
    attention = SlottedAttention(12, 3, 5)
    q, k, v = attention.project(torch.randn(2, 7, 12), torch.randn(2, 7, 12))
    assert (q.shape[2], k.shape[2], v.shape[2]) == (7, 12, 12)


def test_the_mesh_is_a_gated_sum_over_the_layers():
    """Equations 6 to 8."""
    torch.manual_seed(0)
    mesh = Mesh(12, 3, 2).double()
    x, levels = torch.randn(2, 5, 12).double(), [torch.randn(2, 7, 12).double() for _ in range(2)]
    wanted = torch.zeros_like(x)
    for gate, level in zip(mesh.gates, levels, strict=True):
        c = mesh.attention(x, level)
        wanted = wanted + torch.sigmoid(torch.cat([x, c], dim=-1) @ gate.weight.T + gate.bias) * c
    assert torch.allclose(mesh(x, levels), wanted, atol=1e-12)


def test_every_decoder_layer_reads_every_encoder_layer():
    module = systems()["m2-transformer"].build("twin").module
    decoder = module.decoder[1]
    x, mask = torch.randn(1, 4, 48), torch.zeros(4, 4)
    levels = [torch.randn(1, 6, 48) for _ in module.encoder]
    with torch.no_grad():
        plain = decoder(x, levels, mask)
        for i in range(len(levels)):
            other = [level + (torch.randn(48) if j == i else 0) for j, level in enumerate(levels)]
            assert ((decoder(x, other, mask) - plain).abs().amax(-1) > 0).all()
