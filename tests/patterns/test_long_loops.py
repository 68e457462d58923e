"""Labelling an unrolled loop takes time in proportion to its steps."""

from __future__ import annotations

import time

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


def seconds(graph: Graph) -> float:
    start = time.process_time()
    label(graph)
    return time.process_time() - start


@pytest.mark.parametrize("name", CODINGS)
def test_eight_times_the_steps_take_no_more_than_sixteen_times_the_time(name: str):
    short, long = unrolled(name, 24), unrolled(name, 192)
    label(short)
    assert seconds(long) < 16 * max(seconds(short), 0.05)


@pytest.mark.parametrize("name", CODINGS)
def test_the_facts_do_not_depend_on_the_number_of_steps(name: str):
    parts = []
    for steps in (11, 40):
        _, found = label(unrolled(name, steps))
        parts.append([(p.kind, p.facts) for s in found.stacks for b in s.blocks for p in b.sublayers])
    assert parts[0] == parts[1]
