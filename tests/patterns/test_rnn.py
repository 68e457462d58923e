"""Recurrent layers as operators and as Python loops."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from irgen.frontends.torch_live import capture
from irgen.passes import normalise
from irgen.patterns import label
from tests.patterns import recurrences
from tests.patterns.branches import WIDTH, facts, parts
from tests.patterns.recurrences import INNER


@pytest.mark.parametrize("variant", ["lstm", "gru", "elman"])
@pytest.mark.parametrize("both", [False, True])
def test_a_cell_in_a_loop_is_named_by_what_a_step_does(variant: str, both: bool):
    found = facts(recurrences.Cell(variant, backwards=both))
    assert found == {"kind": "rnn", "hidden": INNER, "variant": variant, "bidirectional": both}


@pytest.mark.parametrize(("kind", "variant"), [(nn.LSTM, "lstm"), (nn.GRU, "gru"), (nn.RNN, "elman")])
@pytest.mark.parametrize("both", [False, True])
def test_the_operator_has_the_same_facts(kind: type[nn.RNNBase], variant: str, both: bool):
    found = facts(recurrences.Operator(kind, both=both))
    assert found == {"kind": "rnn", "hidden": INNER, "variant": variant, "bidirectional": both}


def test_steps_with_weights_of_their_own_are_no_cell():
    assert all(p.kind != "rnn" for p in parts(recurrences.Layers()))


class Plain(nn.Module):
    """Two loops one after another, no skip."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(97, WIDTH)
        self.first, self.second = recurrences.Cell("lstm"), recurrences.Cell("gru")
        self.head = nn.Linear(WIDTH, 97)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.head(self.second(self.first(self.table(ids))))


def test_loops_without_a_residual_stream_are_layers_of_a_recurrent_network():
    graph = capture(Plain().eval(), (torch.arange(22).reshape(2, 11),))
    _, found = label(normalise(graph))
    assert found.family == "recurrent"
    variants = [p.facts["variant"] for b in found.stacks[0].blocks for p in b.sublayers]
    assert variants == ["lstm", "gru"]
