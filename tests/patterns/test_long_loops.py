"""Labelling an unrolled loop takes work in proportion to its steps."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

import pytest
import torch

from irgen.frontends.torch_live import capture
from irgen.ir.graph import Graph
from irgen.passes import normalise
from irgen.patterns import label
from tests.patterns import recurrences
from tests.patterns.branches import WIDTH, Residual

CODINGS = {"scan": recurrences.Scan, "cell": lambda: recurrences.Cell("lstm"), "delta rule": recurrences.Delta}


def unrolled(name: str, steps: int) -> Graph:
    module = Residual(CODINGS[name]()).eval()
    return normalise(capture(module, (torch.randn(2, steps, WIDTH),)))


def work(graph: Graph) -> int:
    """Python calls that labelling takes: as good as time, and the same on every machine."""
    calls = 0

    def count(_frame: FrameType, event: str, _argument: Any) -> None:
        nonlocal calls
        calls += event == "call"

    sys.setprofile(count)
    try:
        label(graph)
    finally:
        sys.setprofile(None)
    return calls


@pytest.mark.parametrize("name", CODINGS)
def test_eight_times_the_steps_take_no_more_than_twelve_times_the_calls(name: str):
    assert work(unrolled(name, 192)) < 12 * work(unrolled(name, 24))


@pytest.mark.parametrize("name", CODINGS)
def test_the_facts_do_not_depend_on_the_number_of_steps(name: str):
    parts = []
    for steps in (11, 40):
        _, found = label(unrolled(name, steps))
        parts.append([(p.kind, p.facts) for s in found.stacks for b in s.blocks for p in b.sublayers])
    assert parts[0] == parts[1]
