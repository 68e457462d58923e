"""Attention with one thing changed changes the fact or loses the label; what only looks like it is refused, and why."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from irgen.frontends.torch_live import capture
from irgen.ir.architecture import Architecture, Region
from irgen.passes import normalise
from irgen.patterns import label
from tests.patterns import attentions
from tests.patterns.attentions import HEADS, LENGTH, MLP, VOCABULARY, WIDTH, Layer, Model
from tests.patterns.test_attention import attention, told, walk


class Grouped(attentions.Einsum):
    """Four query heads for two key heads: exchanging q and k changes what is counted."""

    def __init__(self, mask: attentions.Mask = attentions.causal):
        super().__init__(mask, kv_heads=2)


class Swapped(Grouped):
    """q and k exchanged in the product: the softmax runs over what were the queries."""

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.split(self.q(x), 4), self.split(self.k(x), 2), self.split(self.v(x), 2)
        k, v = (t.repeat_interleave(2, dim=2) for t in (k, v))
        scores = torch.einsum("bihd,bjhd->bhij", k, q) * self.scale
        scores = torch.where(self.mask(x.shape[1]), scores, float("-inf"))
        return self.o(torch.einsum("bhij,bjhd->bihd", scores.softmax(-1), v).flatten(-2))


class Inverted(attentions.Einsum):
    """The mask the other way round: what was hidden is seen."""

    def __init__(self):
        super().__init__(lambda n: ~attentions.causal(n) | torch.eye(n, dtype=torch.bool))


class Added(attentions.Einsum):
    """Queries plus keys, no product (additive attention)."""

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (self.split(p(x), HEADS).transpose(1, 2) for p in (self.q, self.k, self.v))
        scores = (q[:, :, :, None] + k[:, :, None]).tanh().sum(-1)
        return self.o((scores.softmax(-1) @ v).transpose(1, 2).flatten(-2))


class Sigmoid(attentions.Einsum):
    """Each score squashed alone: the rows do not sum to one."""

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (self.split(p(x), HEADS).transpose(1, 2) for p in (self.q, self.k, self.v))
        return self.o(((q @ k.mT * self.scale).sigmoid() @ v).transpose(1, 2).flatten(-2))


class Channels(attentions.Einsum):
    """Softmax over the features of q kᵀ's operands: features meet features (cross-covariance, XCiT)."""

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (self.split(p(x), HEADS).permute(0, 2, 3, 1) for p in (self.q, self.k, self.v))
        return self.o(((q @ k.mT * self.scale).softmax(-1) @ v).permute(0, 3, 1, 2).flatten(-2))


def kinds(found: Architecture) -> set[str]:
    return {part.kind for stack in found.stacks for block in stack.blocks for part in block.sublayers}


def reasons(regions: list[Region]) -> list[str]:
    return [why for region in walk(regions) for rule, why in region.rejected if rule == "self-attention"]


def test_queries_and_keys_exchanged_change_the_heads():
    before, after = attention(Layer(Grouped())), attention(Layer(Swapped()))
    assert (before["heads"], before["kv_heads"], before["variant"]) == (4, 2, "gqa")
    assert (after["heads"], after["kv_heads"]) != (before["heads"], before["kv_heads"])


def test_an_inverted_mask_is_not_causal():
    found = told(Layer(Inverted()))[1]
    facts = found.stacks[0].blocks[0].sublayers[0].facts
    assert (facts["mask"], facts["window"]) == ("custom", None)
    assert found.family != "decoder-only"


def test_a_dropped_scale_changes_the_evidence_and_nothing_else():
    def told_scale(module: nn.Module) -> tuple[dict[str, Any], set[str]]:
        regions, found = told(Layer(module))
        checks = {e.check for r in walk(regions) for e in r.evidence if e.rule == "scale"}
        return found.stacks[0].blocks[0].sublayers[0].facts, checks

    (facts, scale), (same, none) = told_scale(attentions.Einsum()), told_scale(attentions.Einsum(scale=1.0))
    assert facts == same
    assert scale != none == {"scores are multiplied by 1 in all"}


def test_a_residual_that_is_cut_leaves_no_residual():
    _, found = told(Layer(attentions.Einsum(), "cut"), Layer(attentions.Einsum(), "cut"))
    assert {block.residual for stack in found.stacks for block in stack.blocks} <= {"none"}


@pytest.mark.parametrize("form", [Added, Sigmoid])
def test_scores_that_are_no_product_under_a_softmax_are_no_attention(form: type[nn.Module]):
    regions, found = told(Layer(form()), Layer(form()))
    assert not kinds(found) & {"self-attention", "cross-attention"}
    assert any("no softmax over a product of two streams" in why for why in reasons(regions))


class Rotated(attentions.Einsum):
    """Rotary positions on a part of each head, neighbours or halves turned together."""

    def __init__(self, turned: int = WIDTH // HEADS, pairs: bool = False, turn: float = 1.0):
        super().__init__()
        self.turned, self.pairs, self.turn = turned, pairs, turn

    def rotate(self, x: Tensor) -> Tensor:
        half = self.turned // 2
        angle = torch.arange(x.shape[2])[:, None] * 100.0 ** (-torch.arange(half) / half)
        cos, sin = angle.cos(), angle.sin() * self.turn
        part, rest = x[..., : self.turned], x[..., self.turned :]
        if self.pairs:
            a, b = part[..., ::2], part[..., 1::2]
            part = torch.stack([a * cos - b * sin, b * cos + a * sin], -1).flatten(-2)
        else:
            a, b = part[..., :half], part[..., half:]
            part = torch.cat([a * cos - b * sin, b * cos + a * sin], -1)
        return torch.cat([part, rest], -1)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (self.split(p(x), HEADS).transpose(1, 2) for p in (self.q, self.k, self.v))
        scores = self.rotate(q) @ self.rotate(k).mT * self.scale
        scores = scores.masked_fill(~self.mask(x.shape[1]), -torch.inf)
        return self.o((scores.softmax(-1) @ v).transpose(1, 2).flatten(-2))


@pytest.mark.parametrize("pairs", [False, True])
@pytest.mark.parametrize("turned", [4, WIDTH // HEADS])
def test_rotary_positions_whole_and_partial_by_halves_and_by_pairs(turned: int, pairs: bool):
    assert attention(Layer(Rotated(turned, pairs)))["position"] == "rope"


def test_a_turn_that_changes_lengths_is_no_rotation():
    assert attention(Layer(Rotated(turn=0.5)))["position"] == "none"


def test_layers_without_positions_are_told_from_those_with():
    layers = [Layer(Rotated() if i % 2 else attentions.Einsum()) for i in range(4)]
    [stack] = told(*layers)[1].stacks
    assert [(b.at, b.sublayers[0].facts["position"]) for b in stack.blocks] == [([0, 2], "none"), ([1, 3], "rope")]


class Padded(attentions.Einsum):
    """An additive mask made of numbers that never reach the softmax as a bias: it is all kept, and no position."""

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (self.split(p(x), HEADS).transpose(1, 2) for p in (self.q, self.k, self.v))
        keep = torch.ones(x.shape[0], 1, 1, x.shape[1])
        scores = q @ k.mT * self.scale + (1 - keep) * torch.finfo(torch.float32).min
        return self.o((scores.softmax(-1) @ v).transpose(1, 2).flatten(-2))


def test_a_mask_that_is_added_is_no_relative_bias():
    facts = attention(Layer(Padded()))
    assert (facts["mask"], facts["position"]) == ("bidirectional", "none")
    assert attention(Layer(attentions.Fused()))["position"] == "none"


class Reader(nn.Module):
    """Attention whose keys stand for other tokens: a memory, the stream's own earlier state, or both side by side."""

    def __init__(self, form: str):
        super().__init__()
        self.core, self.form, self.norm = attentions.Einsum(), form, nn.LayerNorm(WIDTH)

    def forward(self, x: Tensor, memory: Tensor) -> Tensor:
        keys = {"memory": memory, "both": torch.cat([memory, x], 1), "own": x}[self.form]
        core = self.core
        q, k, v = core.split(core.q(x), HEADS), core.split(core.k(keys), HEADS), core.split(core.v(keys), HEADS)
        scores = torch.einsum("bihd,bjhd->bhij", q, k) / math.sqrt(WIDTH // HEADS)
        return core.o(torch.einsum("bhij,bjhd->bihd", scores.softmax(-1), v).flatten(-2))


class Reading(Model):
    """An encoder of one layer, and a decoder that reads it."""

    def __init__(self, form: str):
        super().__init__(*(Layer(Reader(form)) for _ in range(2)))
        self.encoder = nn.ModuleList([Layer(attentions.Einsum(attentions.everything)) for _ in range(2)])

    def forward(self, ids: Tensor, source: Tensor) -> Tensor:  # type: ignore[override]
        y = self.tokens(source)
        for layer in self.encoder:
            y = layer(y)
        x = self.tokens(ids)
        for layer in self.layers:
            a, b = layer.norms[0], layer.norms[1]
            x = x + layer.attention(a(x), y)
            x = x + layer.mlp(b(x))
        return self.norm(x) @ self.tokens.weight.T


@pytest.mark.parametrize(
    ("form", "kind"), [("memory", "cross-attention"), ("both", "cross-attention"), ("own", "self-attention")]
)
def test_cross_attention_has_keys_that_stand_for_tokens_of_another_stream(form: str, kind: str):
    torch.manual_seed(0)
    inputs = torch.randint(3, VOCABULARY, (2, LENGTH)), torch.randint(3, VOCABULARY, (2, 11))
    found = label(normalise(capture(Reading(form), inputs)))[1]
    stack = max(found.stacks, key=lambda s: any(p.kind == kind for b in s.blocks for p in b.sublayers))
    assert kind in {p.kind for b in stack.blocks for p in b.sublayers}
    assert ("cross-attention" in kinds(found)) == (kind == "cross-attention")


class Mixing(Model):
    """Keys read a mix of this layer's state and the first one's, place by place: still the same tokens."""

    def forward(self, ids: Tensor) -> Tensor:
        x = first = self.tokens(ids) + self.places(torch.arange(ids.shape[1]))
        for layer in self.layers:
            a, b = layer.norms[0], layer.norms[1]
            depth = torch.stack([a(first), a(x)], 2)
            share = (depth * layer.weight).sum(-1).softmax(-1)
            keys = (depth * share[..., None]).sum(2)
            x = x + layer.attention(a(x), keys)
            x = x + layer.mlp(b(x))
        return self.norm(x) @ self.tokens.weight.T


def test_keys_mixed_over_depth_are_no_other_stream():
    layers = [Layer(Reader("memory")) for _ in range(3)]
    for layer in layers:
        layer.weight = nn.Parameter(torch.randn(WIDTH))
    torch.manual_seed(0)
    found = label(normalise(capture(Mixing(*layers), (torch.randint(3, VOCABULARY, (2, LENGTH)),))))[1]
    assert "cross-attention" not in kinds(found)
    assert "self-attention" in kinds(found)
    assert isinstance(layers[0].mlp, MLP)
