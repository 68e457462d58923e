"""Residual streams in schemes beyond x + f(x): each is one stack of whole layers, or says that it is not."""

from __future__ import annotations

import pytest
import torch

from irgen.frontends.torch_live import capture
from irgen.ir.architecture import Architecture
from irgen.passes import normalise
from irgen.patterns import label
from tests.patterns import streams
from tests.patterns.attentions import VOCABULARY, WIDTH
from tests.patterns.streams import LAYERS


def told(name: str) -> Architecture:
    torch.manual_seed(0)
    ids = torch.randint(3, VOCABULARY, (2, 19))
    return label(normalise(capture(getattr(streams, name)(), (ids,))))[1]


@pytest.mark.parametrize(
    "scheme",
    [
        "StaticHyper",
        "WideHyper",
        "DynamicHyper",
        "Alternating",
        "Highway",
        "ReZero",
        "Deep",
        "Reversible",
        "Averaged",
        "Injected",
        "Delayed",
        "Conditioned",
    ],
)
def test_a_scheme_of_residual_streams_is_one_stack_of_whole_layers(scheme: str):
    found = told(scheme)
    [stack] = found.stacks
    [block] = stack.blocks
    assert (found.family, stack.width, block.at) == ("decoder-only", WIDTH, list(range(LAYERS)))
    mixer, channel = block.sublayers
    assert (mixer.kind, mixer.facts["mask"], mixer.facts["axis"]) == ("self-attention", "causal", "sequence")
    assert (channel.kind, channel.facts["hidden"]) == ("feed-forward", 104)


def test_layers_that_narrow_the_stream_keep_its_width():
    [stack] = told("Bottleneck").stacks
    assert (stack.width, stack.blocks[0].at) == (2 * WIDTH, list(range(LAYERS)))


def test_mixing_tokens_is_no_mixing_of_copies():
    """The same sums with a token for each copy: the mixed axis holds what the model was given; nothing is carried."""

    class Tokens(streams.StaticHyper):
        def stream(self, x: torch.Tensor) -> torch.Tensor:
            h = x[:, : streams.COPIES].unsqueeze(1)
            for part, m, b in zip(self.parts, self.across, self.out, strict=True):
                y = part(h.mean(2))
                h = torch.einsum("mn,bsnd->bsmd", m, h) + torch.einsum("n,bsd->bsnd", b, y)
            return h.squeeze(1)

    torch.manual_seed(0)
    found = label(normalise(capture(Tokens(), (torch.randint(3, VOCABULARY, (2, 19)),))))[1]
    assert all(part.kind != "self-attention" for s in found.stacks for b in s.blocks for part in b.sublayers)
