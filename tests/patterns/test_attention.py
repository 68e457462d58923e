"""Attention: one set of facts from every spelling, the right mask, and refusals of what only looks like it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from irgen.frontends.torch_live import capture
from irgen.ir.architecture import Architecture, Region
from irgen.passes import normalise
from irgen.patterns import label
from tests.patterns import attentions
from tests.patterns.attentions import HEADS, HIDDEN, LENGTH, VOCABULARY, WIDTH, Layer, Model


def told(*layers: nn.Module) -> tuple[list[Region], Architecture]:
    torch.manual_seed(0)
    ids = torch.randint(3, VOCABULARY, (2, LENGTH))
    return label(normalise(capture(Model(*layers), (ids,))))


def attention(*layers: nn.Module) -> dict[str, Any]:
    [stack] = told(*layers)[1].stacks
    part = stack.blocks[0].sublayers[0]
    assert part.kind == "self-attention"
    return part.facts


@pytest.mark.parametrize("form", ["Einsum", "Fused", "Transposed", "Split"])
def test_attention_has_the_same_facts_in_every_spelling(form: str):
    facts = attention(*(Layer(getattr(attentions, form)()) for _ in range(2)))
    assert (facts["heads"], facts["kv_heads"], facts["head_dim"], facts["variant"]) == (
        HEADS,
        HEADS,
        WIDTH // HEADS,
        "mha",
    )
    assert facts["mask"] == "causal"
    assert facts["position"] == "none"


@pytest.mark.parametrize("form", ["Einsum", "Transposed", "Split"])
@pytest.mark.parametrize(
    ("mask", "kind", "width"),
    [
        (attentions.everything, "bidirectional", None),
        (attentions.causal, "causal", None),
        (attentions.window(5), "sliding-window", 5),
        (attentions.window(300), "sliding-window", 300),
        (attentions.blocks(4), "local-window", 4),
        (attentions.prefix(3), "prefix", None),
        (lambda n: attentions.causal(n).flip(0), "custom", None),
    ],
)
def test_the_mask_is_told_by_evaluating_it(form: str, mask: attentions.Mask, kind: str, width: int | None):
    facts = attention(Layer(getattr(attentions, form)(mask)))
    assert (facts["mask"], facts["window"]) == (kind, width)


def test_key_heads_are_counted_by_their_features():
    assert attention(Layer(attentions.Einsum(heads=6, kv_heads=2)))["variant"] == "gqa"
    assert attention(Layer(attentions.Einsum(heads=6, kv_heads=2)))["kv_heads"] == 2
    assert attention(Layer(attentions.Einsum(heads=6, kv_heads=1)))["variant"] == "mqa"


def test_the_scale_is_evidence_and_changes_with_the_model():
    def scale(module: nn.Module) -> str:
        regions, _ = told(Layer(module))
        found = [e.check for r in walk(regions) for e in r.evidence if e.rule == "scale"]
        return found[0]

    assert scale(attentions.Einsum()) == scale(attentions.Split()) == scale(attentions.Fused())
    assert scale(attentions.Einsum(scale=1.0)) != scale(attentions.Einsum())


@pytest.mark.parametrize(
    ("form", "why"),
    [("Pooled", "no softmax over a product"), ("Unweighted", "no softmax over a product")],
)
def test_what_only_looks_like_attention_is_unknown_and_says_why(form: str, why: str):
    regions, found = told(Layer(getattr(attentions, form)()), Layer(getattr(attentions, form)()))
    kinds = {p.kind for s in found.stacks for b in s.blocks for p in b.sublayers}
    assert "self-attention" not in kinds
    assert "unknown" in kinds
    reasons = [reason for r in walk(regions) for rule, reason in r.rejected if rule == "self-attention"]
    assert any(why in reason for reason in reasons)


@pytest.mark.parametrize("form", ["pre-norm", "post-norm", "sandwich", "parallel"])
def test_the_place_of_the_norms_is_read_off_the_stream(form: str):
    [stack] = told(*(Layer(attentions.Einsum(), form) for _ in range(3)))[1].stacks
    [block] = stack.blocks
    assert (block.residual, block.norm, block.count) == (form, "layernorm", 3)
    assert [p.kind for p in block.sublayers] == ["self-attention", "feed-forward"]
    assert block.sublayers[1].facts == {"hidden": HIDDEN, "activation": "gelu", "gated": False}


def test_a_stack_whose_residual_is_cut_is_no_residual_stack():
    _, found = told(*(Layer(attentions.Einsum(), "cut") for _ in range(2)))
    assert not any(b.residual != "none" for s in found.stacks for b in s.blocks)


def test_positions_embeddings_head_and_family_of_a_decoder():
    _, found = told(Layer(attentions.Einsum()), Layer(attentions.Einsum()))
    assert found.family == "decoder-only"
    assert [(e.kind, e.size, e.width) for e in found.embeddings] == [
        ("token", VOCABULARY, WIDTH),
        ("learned-position", 64, WIDTH),
    ]
    assert (found.head.kind, found.head.width, found.head.tied) == ("lm", VOCABULARY, True)
    assert [p.kind for p in found.stacks[0].after] == ["norm"]
    assert not found.unknown


def test_a_mask_without_a_future_makes_a_decoder_and_nothing_else_does():
    assert told(Layer(attentions.Einsum(attentions.everything)))[1].family == "encoder-only"
    assert told(Layer(attentions.Einsum(attentions.window(4))))[1].family == "decoder-only"


def test_layers_that_differ_are_told_apart_with_their_places():
    layers = [Layer(attentions.Einsum(attentions.window(4) if i % 2 == 0 else attentions.causal)) for i in range(4)]
    [stack] = told(*layers)[1].stacks
    assert [(b.at, b.sublayers[0].facts["window"]) for b in stack.blocks] == [([0, 2], 4), ([1, 3], None)]
    assert not stack.shared


def test_layers_with_the_same_weights_are_said_to_be_shared():
    layer = Layer(attentions.Einsum())
    [stack] = told(layer, layer, layer)[1].stacks
    assert (stack.layers, stack.shared) == (3, True)


def walk(regions: list[Region]) -> list[Region]:
    return [r for region in regions for r in (region, *walk(region.children))]
