"""The operator view: what it folds, and that Graphviz places the rest."""

from dataclasses import replace

import pytest

from irgen.errors import OutputError
from irgen.ir.architecture import Region
from irgen.ir.graph import Graph
from irgen.ir.tensor import TensorType
from irgen.renderers.svg import render
from irgen.views import draw
from irgen.views.layout import graphviz
from irgen.views.unfolding import unfold
from tests.figures.architectures import ALL
from tests.figures.checker import check

T = TensorType("float32", (2, 7, 16))


def layered(layers: int) -> tuple[Graph, list[Region]]:
    """A graph of equal layers, each a linear, a reshape and a sum."""
    graph = Graph()
    x = graph.add("input", (), T)
    graph.inputs.append(x)
    children = []
    for at in range(layers):
        w = graph.add("param", (), TensorType("float32", (16, 16)))
        a = graph.add("linear", (x, w), T, layout="oi")
        b = graph.add("reshape", (a,), T)
        c = graph.add("relu", (b,), T)
        y = graph.add("add", (x, c), T)
        children.append(Region(f"s.{at}", "layer", (a, b, c, y)))
        x = y
    graph.outputs.append(x)
    nodes = tuple(node for child in children for node in child.nodes)
    return graph, [Region("s", "decoder", nodes, children=children)]


def test_equal_layers_are_shown_once_and_counted():
    graph, regions = layered(9)
    shown = unfold(graph, regions, 400)
    assert [graph[name].op for name in shown.nodes] == ["input", "linear", "relu", "add"]
    assert shown.clusters[0].children[0].count == 9
    assert len(shown.edges) == 4


def test_layers_that_alternate_are_shown_once_each():
    graph, regions = layered(6)
    for at, child in enumerate(regions[0].children):
        if at % 2:
            graph.nodes[child.nodes[2]] = replace(graph[child.nodes[2]], op="gelu")
    shown = unfold(graph, regions, 400)
    assert [cluster.count for cluster in shown.clusters[0].children] == [3, 3]
    assert [graph[name].op for name in shown.nodes] == ["input", "linear", "relu", "add", "linear", "gelu", "add"]


def test_what_no_input_and_no_weight_reaches_is_not_drawn():
    graph, regions = layered(1)
    mask = graph.add("relu", (graph.add("arange", (), T, start=0, step=1),), T)
    graph.outputs.append(graph.add("add", (graph.outputs[0], mask), T))
    assert [graph[name].op for name in unfold(graph, regions, 400).nodes] == ["input", "linear", "relu", "add", "add"]


def test_too_many_boxes_fold_their_regions():
    graph, regions = layered(3)
    shown = unfold(graph, regions, 2)
    assert len(shown.nodes) == 2
    assert list(shown.merged.values()) == [("layer", 4)]


def test_the_view_is_placed_by_graphviz_and_legal_but_for_routing():
    graph, regions = layered(5)
    scene = draw("ops", ALL["gpt2"](), regions, graph, title="Layers")
    assert scene.exempt
    assert {node.title for node in scene.nodes} == {"0", "linear", "relu", "add", "input"} - {"0"}
    routing = (
        "edges_orthogonal",
        "edges_keep_off_nodes",
        "edges_attached",
        "edges_outside_ends",
        "own_tracks",
        "straight_trunk",
        "edges_do_not_cross",
        "text_clear",
        "clear_nodes",
        "groups_hold_nodes",
        "labels_in_frames",
    )
    assert check(render(scene), skip=routing) == []


def test_without_graphviz_the_plain_placement_serves(monkeypatch):
    monkeypatch.setattr("irgen.views.ops.place", lambda dot: None)
    graph, regions = layered(5)
    scene = draw("ops", ALL["gpt2"](), regions, graph, title="Layers")
    assert len(scene.nodes) == 4
    assert len(scene.edges) == 4


def test_graphviz_is_given_up_after_its_time():
    assert graphviz.place("digraph { a -> b }", seconds=0.001) is None
    assert graphviz.place("digraph { a -> ") is None


def test_the_view_needs_a_graph():
    with pytest.raises(OutputError, match="needs the graph"):
        draw("ops", ALL["gpt2"](), title="x")


def test_an_unknown_view_is_refused():
    with pytest.raises(OutputError, match="unknown view"):
        draw("side", ALL["gpt2"](), title="x")


def test_an_unknown_block_is_refused():
    with pytest.raises(OutputError, match="no block"):
        draw("block", ALL["gpt2"](), title="x", block="encoder.7")


def test_a_block_is_chosen_by_name():
    scene = draw("block", ALL["t5"](), title="x", block="decoder.0")
    assert any("Cross-attention" in group.label for group in scene.groups)
