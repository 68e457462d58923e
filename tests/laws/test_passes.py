"""Normalisation: done once it is done, and the graph holds its invariants."""

from irgen import passes
from irgen.ir import json, text, verify
from irgen.ir.graph import Graph


def test_normalising_twice_is_normalising_once(twin: Graph):
    once = passes.normalise(twin)
    assert text.render(passes.normalise(once)) == text.render(once)


def test_invariants_hold_before_and_after(twin: Graph):
    verify.verify(twin)
    verify.verify(passes.normalise(twin))


def test_text_and_json_lose_nothing(twin: Graph):
    for graph in (twin, passes.normalise(twin)):
        assert text.render(text.parse(text.render(graph))) == text.render(graph)
        assert json.dumps(json.loads(json.dumps(graph))) == json.dumps(graph)
