"""Feed-forwards and token mixers: the nonlinearity by values, gates by where they come from, tokens by their axis."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from irgen.frontends.torch_live import capture
from irgen.passes import normalise
from irgen.patterns import label
from tests.patterns import feed_forwards
from tests.patterns.branches import TOKENS, WIDTH, facts, labelled, parts, refusals
from tests.patterns.feed_forwards import HIDDEN

BETWEEN: dict[type[nn.Module], tuple[str | None, bool]] = {
    feed_forwards.Clipped: ("quick-gelu", True),
    feed_forwards.ClippedSilu: ("silu", True),
    feed_forwards.ByItself: (None, False),
    feed_forwards.Steeper: (None, False),
    feed_forwards.Rectified: ("relu2", False),
    feed_forwards.Periodic: (None, False),
    feed_forwards.Bilinear: ("identity", True),
    feed_forwards.Chunks: ("gelu", False),
    feed_forwards.Corrected: ("gelu", False),
}


@pytest.mark.parametrize("module", BETWEEN, ids=lambda module: module.__name__)
def test_the_nonlinearity_and_the_gate_are_told_by_what_they_take(module: type[nn.Module]):
    activation, gated = BETWEEN[module]
    assert facts(module()) == {"kind": "feed-forward", "hidden": HIDDEN, "activation": activation, "gated": gated}


def test_a_clip_is_named_in_the_evidence():
    regions, _ = labelled(feed_forwards.Clipped())
    checks = [e.check for s in regions for layer in s.children for r in layer.children for e in r.evidence]
    assert any("clipped" in check and "7" in check for check in checks)


def test_features_may_come_before_tokens_where_the_norm_runs_over_them():
    stream = nn.Sequential(nn.LayerNorm(WIDTH), *(feed_forwards.ChannelsFirst() for _ in range(2)))
    _, found = label(normalise(capture(stream.eval(), (torch.randn(2, TOKENS, WIDTH),))))
    parts = [p for s in found.stacks for b in s.blocks for p in b.sublayers]
    assert {(p.kind, p.facts.get("hidden"), p.facts.get("activation")) for p in parts} == {
        ("feed-forward", HIDDEN, "gelu")
    }


MIXERS = {
    feed_forwards.Perceptron: {"hidden": 17, "activation": "gelu"},
    feed_forwards.Convolved: {"hidden": 17, "activation": "gelu"},
    feed_forwards.Summed: {},
    feed_forwards.Spatial: {},
}


@pytest.mark.parametrize("module", MIXERS, ids=lambda module: module.__name__)
def test_contractions_over_the_tokens_are_a_mixer(module: type[nn.Module]):
    assert facts(module()) == {"kind": "mixer", "width": WIDTH, **MIXERS[module]}


NEAR = {feed_forwards.Squeezed: "a summary of all tokens", feed_forwards.Shifted: "tokens are shifted"}


@pytest.mark.parametrize("module", NEAR, ids=lambda module: module.__name__)
def test_what_is_not_the_same_for_each_token_is_no_feed_forward(module: type[nn.Module]):
    assert all(part.kind == "unknown" for part in parts(module()))
    assert NEAR[module] in refusals(module())["feed-forward"]
