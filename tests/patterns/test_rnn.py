"""Recurrent layers as operators and as Python loops."""

from __future__ import annotations

import pytest
from torch import nn

from tests.patterns import recurrences
from tests.patterns.branches import facts, parts
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
