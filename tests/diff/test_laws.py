"""What holds for every diff: nothing from itself, the mirror image back, and applied it leads there."""

from dataclasses import replace
from itertools import product

import pytest

from irgen import passes, patterns
from irgen.api import Model
from irgen.api import diff as diff_models
from irgen.diff.apply import apply
from irgen.diff.compare import diff
from irgen.diff.outline import outline
from irgen.ir.architecture import Architecture
from tests.diff.golden import SYSTEMS, system
from tests.laws.conftest import name, twin, twin_graph

__all__ = ["name", "twin"]

ALL_PAIRS = [(a, b) for a, b in product(SYSTEMS, SYSTEMS) if a != b]


def recognised(name: str) -> Architecture:
    return patterns.label(passes.normalise(twin_graph(name)))[1]


def test_a_twin_does_not_differ_from_itself(name: str):
    model = Model(name, name, twin_graph(name))
    assert not diff_models(model, model)
    assert not diff(model.architecture, outlined_again(model.architecture))


def outlined_again(found: Architecture) -> Architecture:
    """The same architecture with other names of inputs, outputs and regions."""
    ports = {
        key: [replace(p, name=f"x{i}") for i, p in enumerate(getattr(found, key))] for key in ("inputs", "outputs")
    }
    return replace(found, **ports, findings=["something"])


@pytest.mark.parametrize(("a", "b"), ALL_PAIRS)
def test_the_way_back_is_the_mirror_image(a: str, b: str):
    assert diff(system(b), system(a)) == diff(system(a), system(b)).mirrored()


@pytest.mark.parametrize(("a", "b"), ALL_PAIRS)
def test_applied_to_a_it_gives_b(a: str, b: str):
    found = diff(system(a), system(b))
    assert found
    assert apply(found, outline(system(a))) == outline(system(b))


@pytest.mark.parametrize("name", ["gpt2", "t5", "mixtral"])
def test_names_removed_make_no_difference(name: str):
    graph = twin_graph(name)
    bare = replace(graph, provenance={}, output_names=["" for _ in graph.output_names])
    assert not diff_models(Model(name, name, graph), Model("", "", bare), depth="operators")


@pytest.mark.parametrize("deep", ["block", "operators"])
def test_the_mirror_holds_below_the_architecture(deep: str):
    one, other = (Model(name, name, twin_graph(name)) for name in ("bert", "roberta"))
    forth, back = diff_models(one, other, depth=deep), diff_models(other, one, depth=deep)
    assert forth.diff == back.diff.mirrored()
