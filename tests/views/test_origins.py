"""Module paths in tooltips: they name the source, and change nothing else."""

import re

from irgen.ir.architecture import Region
from irgen.ir.graph import Graph, Provenance
from irgen.ir.tensor import TensorType
from irgen.renderers.svg import render
from irgen.views.origins import origins
from irgen.views.overview import VIEW
from tests.figures.architectures import ALL

T = TensorType("float32", (2, 7, 16))


def traced(module="blocks.0.attn") -> tuple[Graph, list[Region]]:
    graph = Graph()
    x = graph.add("input", (), T)
    a = graph.add("relu", (x,), T, provenance=Provenance(module=f"{module}.q"))
    b = graph.add("relu", (a,), T, provenance=Provenance(module=f"{module}.out.proj"))
    c = graph.add("relu", (b,), T)
    inner = Region("any", "self-attention", (a, b, c))
    layer = Region("l", "layer", (a, b, c), children=[inner])
    return graph, [Region("decoder", "decoder", (a, b, c), children=[layer])]


def test_the_shared_module_is_found():
    graph, regions = traced()
    assert origins(regions, graph) == {("decoder", 0, "self-attention", 0): "blocks.0.attn"}
    assert origins(regions, None) == {}


def test_the_tooltip_names_the_module():
    graph, regions = traced("a<b>\u202e")
    text = render(VIEW(ALL["gpt2"](), regions, graph, title="x")).decode()
    assert "· a&lt;b&gt;</title>" in text


def test_names_change_nothing_but_tooltips():
    graph, regions = traced()
    bare = render(VIEW(ALL["gpt2"](), title="x")).decode()
    named = render(VIEW(ALL["gpt2"](), regions, graph, title="x")).decode()
    assert bare != named
    assert re.sub(r"<title>[^<]*", "", bare) == re.sub(r"<title>[^<]*", "", named)
