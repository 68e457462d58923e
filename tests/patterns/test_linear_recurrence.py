"""Linear recurrences by their law, and what only looks like one."""

from __future__ import annotations

import pytest
from torch import nn

from tests.patterns import recurrences
from tests.patterns.branches import facts, parts, refusals
from tests.patterns.recurrences import INNER

LAWS: dict[type[nn.Module], str] = {
    recurrences.Linear: "linear-attention",
    recurrences.Retention: "retention",
    recurrences.Delta: "gated-delta",
    recurrences.Gated: "rg-lru",
}


@pytest.mark.parametrize("module", LAWS, ids=lambda module: module.__name__)
def test_the_law_of_a_linear_recurrence_is_read_off_its_answers(module: type[nn.Module]):
    assert facts(module()) == {
        "kind": "linear-recurrence", "inner": INNER, "conv_kernel": None, "variant": LAWS[module],
    }  # fmt: skip


NEAR: dict[type[nn.Module], str] = {
    recurrences.Everyone: "not causal",
    recurrences.Bent: "this is attention",
    recurrences.Shift: "no memory",
    recurrences.Layers: "mixes tokens",
}


@pytest.mark.parametrize("module", NEAR, ids=lambda module: module.__name__)
def test_a_near_miss_is_refused_with_its_reason(module: type[nn.Module]):
    assert all(p.kind not in {"linear-recurrence", "selective-scan", "rnn"} for p in parts(module()))
    reasons = refusals(module())
    if reasons:
        assert NEAR[module] in reasons["linear-recurrence"]
