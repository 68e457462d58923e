"""Mixtures of experts: one set of facts from every coding, and refusals of what only looks like one."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tests.patterns import mixtures
from tests.patterns.branches import WIDTH, facts, labelled, parts, refusals
from tests.patterns.mixtures import CHOSEN, EXPERTS, HIDDEN

PLAIN = {
    "kind": "moe", "experts": EXPERTS, "top_k": CHOSEN, "scoring": "softmax", "normalized": True, "shared_experts": 0,
    "hidden": HIDDEN, "activation": "silu", "gated": True,
}  # fmt: skip

CODINGS: dict[type[nn.Module], dict[str, object]] = {
    mixtures.ByWhere: PLAIN,
    mixtures.Dense: PLAIN,
    mixtures.Loop: PLAIN,
    mixtures.Masked: PLAIN,
    mixtures.Repeated: PLAIN,
    mixtures.Stacked: {**PLAIN, "activation": "quick-gelu"},
    mixtures.Sorted: {**PLAIN, "activation": "gelu", "normalized": False},
    mixtures.GroupLimited: {**PLAIN, "scoring": "sigmoid", "shared_experts": 2},
    mixtures.Switch: {**PLAIN, "top_k": 1, "normalized": False},
}


@pytest.mark.parametrize("coding", CODINGS, ids=lambda coding: coding.__name__)
def test_a_mixture_has_the_same_facts_in_every_coding(coding: type[nn.Module]):
    torch.manual_seed(0)
    assert facts(coding()) == CODINGS[coding]


@pytest.mark.parametrize("coding", [mixtures.ByWhere, mixtures.Loop, mixtures.Dense, mixtures.GroupLimited])
def test_active_parameters_leave_out_what_a_token_does_not_pass(coding: type[nn.Module]):
    torch.manual_seed(0)
    module = coding()
    _, found = labelled(module)
    one = 3 * WIDTH * HIDDEN
    assert found.total == sum(p.numel() for p in module.parameters()) + 2 * WIDTH
    assert found.active == found.total - (EXPERTS - CHOSEN) * one


def test_stacked_weights_and_biases_count_by_their_experts():
    module = mixtures.Stacked()
    _, found = labelled(module)
    one = WIDTH * 2 * HIDDEN + HIDDEN * WIDTH + 2 * HIDDEN
    assert found.active == found.total - (EXPERTS - CHOSEN) * one


def test_gating_without_a_choice_gives_each_token_all_experts():
    assert facts(mixtures.Soft()) == {**PLAIN, "top_k": EXPERTS}


def test_a_choice_of_hidden_features_is_no_mixture():
    assert all(p.kind != "moe" for p in parts(mixtures.Sparse()))


def test_the_refusal_says_what_was_chosen():
    assert "top-k" in refusals(nn.Sequential(nn.Linear(WIDTH, WIDTH)))["moe"]


def test_a_choice_of_keys_is_attention():
    (part,) = parts(mixtures.ChosenKeys())
    assert part.kind == "self-attention"


def test_one_more_expert_a_token_changes_the_fact(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(mixtures, "CHOSEN", 3)
    assert facts(mixtures.Loop())["top_k"] == 3
