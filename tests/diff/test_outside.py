"""Operators outside the stacks count below the architecture: a scaled logit is a change."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import irgen
from irgen.diff.operators import OUTSIDE
from irgen.difference import Difference
from tests.patterns.attentions import LENGTH, VOCABULARY, Einsum, Layer, Model


class Scaled(Model):
    """The same model whose logits are halved."""

    def forward(self, ids: Tensor) -> Tensor:
        return super().forward(ids) * 0.5


def compared(one: type[Model], other: type[Model], depth: str) -> Difference:
    ids = torch.randint(3, VOCABULARY, (2, LENGTH))
    models = [irgen.trace(kind(Layer(Einsum())).eval(), (ids,)) for kind in (one, other)]
    return irgen.diff(*models, depth=depth)


@pytest.mark.parametrize("depth", ["block", "operators"])
def test_an_operator_outside_the_stacks_is_told(depth: str):
    [change] = compared(Model, Scaled, depth).changes
    assert (change.kind, change.where) == ("operators", OUTSIDE)
    assert "mul" in str(change.new)
    assert not compared(Scaled, Scaled, depth)


def test_the_architecture_is_the_same():
    assert not compared(Model, Scaled, "architecture")
