"""Several streams that read one another: each is its own stack, and nothing of one is a sublayer of the other."""

from __future__ import annotations

import torch

from irgen.frontends.torch_live import capture
from irgen.ir.architecture import Architecture, Stack
from irgen.passes import normalise
from irgen.patterns import label
from tests.patterns import groups


def told(name: str) -> Architecture:
    torch.manual_seed(0)
    module = getattr(groups, name)()
    return label(normalise(capture(module, module.example())))[1]


def kinds(stack: Stack) -> list[list[str]]:
    return [[part.kind for part in block.sublayers] for block in stack.blocks]


def test_two_streams_that_attend_to_one_another_are_two_stacks():
    found = told("TwoWay")
    tokens, image = found.stacks
    assert kinds(tokens) == [["self-attention", "cross-attention", "feed-forward"]]
    assert kinds(image) == [["cross-attention"]]
    assert {(link.source, link.target) for link in found.links} == {
        (tokens.name, image.name),
        (image.name, tokens.name),
    }


def test_induced_points_are_stacks_of_their_own_from_which_the_set_reads():
    found = told("Induced")
    [points] = {tuple(map(tuple, kinds(s))) for s in found.stacks if s.role == "resampler"}
    assert points == (("cross-attention", "feed-forward"),)
    [one] = [s for s in found.stacks if s.role != "resampler"]
    assert [k for block in kinds(one) for k in block] == ["cross-attention", "feed-forward"] * groups.LAYERS


def test_tokens_of_two_kinds_with_a_feed_forward_each_are_one_stack():
    [stack] = told("Grouped").stacks
    assert kinds(stack) == [["self-attention", "feed-forward", "feed-forward"]]
    assert stack.blocks[0].at == list(range(groups.LAYERS))
