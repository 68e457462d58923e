"""Selective scans by a list, by doubling and by one masked matrix."""

from __future__ import annotations

import pytest
from torch import nn

from tests.patterns import recurrences
from tests.patterns.branches import facts, labelled, parts
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
