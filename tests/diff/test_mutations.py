"""One thing changed in a model is one change in the diff, at that place."""

import pytest

from irgen.api import Model, diff
from irgen.diff.changes import Change
from irgen.diff.text import lines
from tests.diff.decoders import Decoder, Spec, decoder, layers

KNOWN: dict[tuple[Spec, ...], Model] = {}


def traced(specs: list[Spec]) -> Model:
    return KNOWN.setdefault(tuple(specs), decoder(*specs)) if tuple(specs) not in KNOWN else KNOWN[tuple(specs)]


def changes(a: list[Spec], b: list[Spec]) -> list[Change]:
    return [change for change in diff(traced(a), traced(b)).changes if change.kind != "total"]


CASES = {
    "a layer more": (layers(4), layers(5), "repeated", "~ decoder: layers 4 → 5"),
    "a layer less": (layers(4), layers(3), "repeated", "~ decoder: layers 4 → 3"),
    "another layer inserted": (
        layers(4), layers(5, at2=Spec(window=5)), "added", "+ decoder.layer 2: self-attention + feed-forward",
    ),
    "another layer removed": (
        layers(4, at1=Spec(window=5)), layers(3), "removed", "- decoder.layer 1: self-attention + feed-forward",
    ),
    "two layers swapped": (
        layers(4, at1=Spec(window=5)), layers(4, at2=Spec(window=5)), "reordered",
        "~ decoder: order of layers causal, sliding-window 5, causal × 2 → causal × 2, sliding-window 5, causal",
    ),
    "heads": (
        layers(4), layers(4, Spec(heads=8, kv_heads=8)), "fact",
        "~ decoder.block.self-attention: heads 4 → 8 (kv_heads 4 → 8, head_dim 8 → 4)",
    ),
    "key/value heads": (
        layers(4), layers(4, Spec(kv_heads=2)), "fact", "~ decoder.block.self-attention: kv_heads 4 → 2",
    ),
    "key/value heads of one layer": (
        layers(4), layers(4, at2=Spec(kv_heads=2)), "fact", "~ decoder.layer 2.self-attention: kv_heads 4 → 2",
    ),
    "activation": (
        layers(4), layers(4, Spec(activation="relu")), "fact", "~ decoder.block.feed-forward: activation gelu → relu",
    ),
    "activation of one layer": (
        layers(4), layers(4, at1=Spec(activation="relu")), "fact",
        "~ decoder.layer 1.feed-forward: activation gelu → relu",
    ),
    "norm": (layers(4), layers(4, Spec(norm="rms")), "replaced", "~ decoder.block: norm layernorm → rmsnorm"),
    "residual form": (
        layers(4), layers(4, Spec(post_norm=True)), "moved", "~ decoder.block: residual pre-norm → post-norm",
    ),
    "window": (
        layers(4, Spec(window=5)), layers(4, Spec(window=6)), "fact", "~ decoder.block.self-attention: window 5 → 6",
    ),
    "a window in every layer": (
        layers(4), layers(4, Spec(window=6)), "fact",
        "~ decoder.block.self-attention: mask causal → sliding-window (window none → 6)",
    ),
    "period": (
        layers(4), [Spec(window=6), Spec()] * 2, "period",
        "~ decoder: causal × 4 → (sliding-window 6, causal) × 2",
    ),
    "experts": (
        layers(2, Spec(experts=4)), layers(2, Spec(experts=6)), "fact", "~ decoder.block.moe: experts 4 → 6",
    ),
    "hidden": (
        layers(4), layers(4, Spec(hidden=104)), "fact", "~ decoder.block.feed-forward: hidden 88 → 104",
    ),
    "a residual cut": (
        layers(4), layers(4, at1=Spec(cut=True)), "moved",
        "~ decoder.layer 1.feed-forward: form as the block → none",
    ),
    "the last residual cut": (
        layers(4), layers(4, at3=Spec(cut=True)), "moved",
        "~ decoder.layer 3.feed-forward: form as the block → none",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_is_exactly_that_one_change(case: str):
    a, b, kind, line = CASES[case]
    found = changes(a, b)
    assert lines(found) == [line]
    assert [change.kind for change in found] == [kind]


def test_a_mixture_in_place_of_the_feed_forward_is_one_replacement():
    (change,) = changes(layers(2), layers(2, Spec(experts=4)))
    assert (change.kind, change.where) == ("replaced", "decoder.block.channels")


def test_the_same_model_built_again_does_not_differ():
    assert not diff(decoder(*layers(2)), decoder(*layers(2)), depth="operators")


def test_regions_of_both_sides_are_named():
    one, other = traced(layers(4)), traced(layers(4, Spec(kv_heads=2)))
    (change,) = changes(layers(4), layers(4, Spec(kv_heads=2)))
    for model, region in zip((one, other), change.regions, strict=True):
        (stack,) = [r for r in model.regions if r.id == "decoder"]
        assert region in [child.id for child in stack.children[0].children]


__all__ = ["Decoder"]
