"""Laws of recurrences told apart where their codings look alike, and near misses that share only their looks."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from tests.patterns import recurrences_beyond as beyond
from tests.patterns.branches import facts, parts, refusals
from tests.patterns.recurrences import INNER

LAWS: dict[type[nn.Module], str | None] = {
    beyond.Gated: None,
    beyond.Skipping: None,
    beyond.Complement: None,
    beyond.Bonus: "rwkv",
    beyond.Corrected: "delta",
    beyond.Added: "delta",
    beyond.CorrectedAndFaded: "gated-delta",
    beyond.Diagonal: None,
    beyond.Logarithms: None,
    beyond.Unfaded: None,
}


@pytest.mark.parametrize("module", LAWS, ids=lambda module: module.__name__)
def test_a_law_is_named_only_where_its_answers_prove_it(module: type[nn.Module]):
    torch.manual_seed(0)
    assert facts(module()) == {
        "kind": "linear-recurrence", "inner": INNER, "conv_kernel": None, "variant": LAWS[module],
    }  # fmt: skip


def test_gates_that_read_token_and_state_joined_are_an_lstm():
    assert facts(beyond.Joined()) == {"kind": "rnn", "hidden": INNER, "variant": "lstm", "bidirectional": False}


def test_a_cell_that_leaves_without_its_tanh_has_no_name():
    assert facts(beyond.Leaky()) == {"kind": "rnn", "hidden": INNER, "variant": None, "bidirectional": False}


NEAR: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "window": (beyond.Window, "ends after 6 tokens: a window"),
    "gated window": (lambda: beyond.Window(gated=True), "ends after 6 tokens: a window"),
    "filter": (beyond.Filter, "as long as the sequence"),
}


@pytest.mark.parametrize("name", NEAR)
def test_what_carries_no_state_is_no_recurrence(name: str):
    build, reason = NEAR[name]
    torch.manual_seed(0)
    assert all(part.kind == "unknown" for part in parts(build()))
    assert reason in refusals(build())["linear-recurrence"]
