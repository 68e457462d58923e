"""Mixtures told by what their experts count, whatever chooses; and near misses that share only their looks."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tests.patterns import mixtures_beyond as beyond
from tests.patterns.branches import facts, labelled, parts
from tests.patterns.mixtures import CHOSEN, EXPERTS, HIDDEN
from tests.patterns.test_moe import PLAIN

RELU = {"activation": "relu", "gated": False}

RECORDS: dict[type[nn.Module], dict[str, object]] = {
    beyond.ZeroExperts: {**PLAIN, "top_k": 3, "normalized": False},
    beyond.ExpertsChoose: {**PLAIN, **RELU, "top_k": None, "normalized": False},
    beyond.SoftSlots: {**PLAIN, "top_k": EXPERTS, "activation": "gelu", "gated": False},
    beyond.Capacity: {**PLAIN, **RELU, "top_k": 1, "normalized": False},
    beyond.Noisy: PLAIN,
    beyond.Ranked: PLAIN,
    beyond.Bent: {**PLAIN, "top_k": None, "scoring": None, "normalized": False},
    beyond.Nucleus: {**PLAIN, "top_k": None},
    beyond.Levels: {**PLAIN, "normalized": False},
    beyond.InFront: {**PLAIN, "top_k": 1, "scoring": "sigmoid", "normalized": False, "shared_experts": 1,
                     "gated": False},
    beyond.Looked: {**PLAIN, "experts": 25, "top_k": 6, "normalized": None, "hidden": 1, "activation": "gelu",
                    "gated": False},
    beyond.LowRank: {**PLAIN, "hidden": 4, "activation": None, "gated": False},
    beyond.Adapters: {**PLAIN, "hidden": 6, "normalized": False, "shared_experts": 1},
    beyond.ByPlace: {**PLAIN, "top_k": 1, "scoring": None},
    beyond.Blurred: {**PLAIN, "normalized": False},
}  # fmt: skip


@pytest.mark.parametrize("module", RECORDS, ids=lambda module: module.__name__)
def test_a_mixture_is_told_by_what_its_experts_count(module: type[nn.Module]):
    torch.manual_seed(0)
    assert facts(module()) == RECORDS[module]


@pytest.mark.parametrize("module", [beyond.Unused, beyond.OneForAll, beyond.Signed, beyond.Depth])
def test_what_is_no_choice_among_experts_is_no_mixture(module: type[nn.Module]):
    torch.manual_seed(0)
    assert all(part.kind != "moe" for part in parts(module()))


IDLE = {beyond.Ranked: EXPERTS - CHOSEN, beyond.Capacity: EXPERTS - 1, beyond.ZeroExperts: EXPERTS - 3,
        beyond.Bent: 0, beyond.SoftSlots: 0}  # fmt: skip


@pytest.mark.parametrize("module", IDLE, ids=lambda module: module.__name__)
def test_active_parameters_leave_out_the_experts_that_a_token_never_has(module: type[nn.Module]):
    torch.manual_seed(0)
    built = module()
    _, found = labelled(built)
    expert = built.experts[0] if hasattr(built, "experts") else None
    one = 2 * 24 * HIDDEN if expert is None else sum(p.numel() for p in expert.parameters())
    assert found.total - found.active == IDLE[module] * one


def test_the_evidence_says_how_the_shares_were_read():
    torch.manual_seed(0)
    regions, _ = labelled(beyond.Ranked())
    checks = [e.check for s in regions for layer in s.children for r in layer.children for e in r.evidence]
    assert any("raising one score" in check and "one of 6 experts" in check for check in checks)


def test_experts_of_projections_are_left_out_of_what_attention_has_active():
    torch.manual_seed(0)
    _, found = labelled(beyond.Attending())
    (part,) = (p for s in found.stacks for b in s.blocks for p in b.sublayers)
    assert (part.kind, part.facts["heads"], part.facts["kv_heads"]) == ("self-attention", CHOSEN, 1)
    assert found.total - found.active == (EXPERTS - CHOSEN) * 2 * 24 * 12
