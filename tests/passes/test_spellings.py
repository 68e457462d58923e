"""One function in many spellings, one canonical operator."""

import pytest
import torch

from irgen.frontends.torch_live import capture
from tests.passes.graphs import canonical, operators
from tests.passes.spellings import NEAR_MISSES, SPELLINGS, Spelling, Spelt


def captured(spelling: Spelling):
    torch.manual_seed(0)
    return canonical(capture(Spelt(spelling).eval(), (torch.randn(spelling.shape),)))


@pytest.mark.parametrize("spelling", SPELLINGS, ids=lambda spelling: spelling.name)
def test_every_spelling_comes_to_its_operator(spelling: Spelling):
    graph = captured(spelling)
    assert operators(graph) == sorted(spelling.becomes)
    named = next(node for node in graph if node.op == spelling.becomes[0])
    for name, wanted in spelling.attrs.items():
        assert named.attrs[name] == (wanted if isinstance(wanted, tuple | str) else pytest.approx(wanted))


@pytest.mark.parametrize("spelling", NEAR_MISSES, ids=lambda spelling: spelling.name)
def test_near_misses_keep_their_plain_operators(spelling: Spelling):
    assert operators(captured(spelling)) == sorted(spelling.becomes)
