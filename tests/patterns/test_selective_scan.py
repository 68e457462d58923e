"""Selective scans by a list, by doubling and by one masked matrix."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from irgen.frontends.torch_live import capture
from irgen.passes import normalise
from irgen.patterns import label
from tests.patterns import mixtures, recurrences
from tests.patterns.branches import WIDTH, facts, labelled, parts
from tests.patterns.recurrences import INNER, STATE


@pytest.mark.parametrize("coding", [recurrences.Scan, recurrences.Doubling])
def test_a_state_space_scan_with_a_decay_for_each_entry_is_s6(coding: type[nn.Module]):
    assert facts(coding()) == {
        "kind": "selective-scan", "state": STATE, "inner": INNER, "conv_kernel": 3, "variant": "s6",
    }  # fmt: skip


def test_the_masked_matrix_form_with_one_decay_a_head_is_ssd():
    assert facts(recurrences.Dual()) == {
        "kind": "selective-scan", "state": STATE, "inner": INNER, "conv_kernel": None, "variant": "ssd",
    }  # fmt: skip


def test_all_layers_share_one_examination_and_agree():
    found = parts(*(recurrences.Scan() for _ in range(3)))
    assert [p.facts for p in found] == [found[0].facts] * 3


def test_the_evidence_names_the_carried_state():
    regions, _ = labelled(recurrences.Scan())
    stack, checks = list(regions), ""
    while stack:
        region = stack.pop()
        stack.extend(region.children)
        checks += "".join(e.check for e in region.evidence if region.label == "selective-scan")
    assert f"(2, {INNER}, {STATE})" in checks


class Beside(nn.Module):
    """Attention and a scan that read one stream and are added."""

    def __init__(self) -> None:
        super().__init__()
        self.attention, self.scan = mixtures.ChosenKeys(), recurrences.Scan()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.attention(x) + self.scan(x)


def test_attention_beside_a_scan_is_a_parallel_layer_with_both():
    found = parts(Beside())
    assert [(p.kind, p.form) for p in found] == [("self-attention", "parallel"), ("selective-scan", "parallel")]


class Turned(nn.Module):
    """A branch that works on [token, batch, feature]."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.scan = nn.LayerNorm(WIDTH), recurrences.Scan()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.scan(self.norm(x).transpose(0, 1)).transpose(0, 1)


def test_tokens_may_come_before_the_batch():
    graph = capture(Turned().eval(), (torch.randn(11, 2, WIDTH),))
    _, found = label(normalise(graph))
    (part,) = found.stacks[0].blocks[0].sublayers
    assert (part.kind, part.facts["variant"]) == ("selective-scan", "s6")


class BothWays(nn.Module):
    """One scan from the left and one from the right, joined before one projection (as vision models do)."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = recurrences.Scan(), recurrences.Scan()
        self.left.out = self.right.out = nn.Identity()
        self.out = nn.Linear(INNER, WIDTH)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.out(self.left(x) + self.right(x.flip(1)).flip(1))


def test_two_directions_are_one_scan_of_two():
    found = facts(BothWays())
    assert (found["kind"], found["state"], found["variant"]) == ("selective-scan", STATE, "s6")
