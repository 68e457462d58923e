"""Normalisation: done once it is done, and the graph holds its invariants."""

from irgen import passes
from irgen.ir import json, text, verify
from irgen.ir.graph import Graph


def test_each_pass_leaves_a_sound_graph(twin: Graph):
    faults: dict[str, list[str]] = {}
    found = passes.normalise(twin, lambda name, after: faults.setdefault(name, []).extend(verify.verify(after)))
    assert not {name: wrong for name, wrong in faults.items() if wrong}
    assert faults or text.render(found) == text.render(twin)  # some models are captured in canonical form


def test_normalising_twice_is_normalising_once(twin: Graph):
    once = passes.normalise(twin)
    assert text.render(passes.normalise(once)) == text.render(once)


def test_invariants_hold_before_and_after(twin: Graph):
    assert verify.verify(twin) == []
    assert verify.verify(passes.normalise(twin)) == []


def test_text_and_json_lose_nothing(twin: Graph):
    for graph in (twin, passes.normalise(twin)):
        assert text.render(text.parse(text.render(graph))) == text.render(graph)
        assert json.dumps(json.loads(json.dumps(graph))) == json.dumps(graph)
