"""The GraphML form: what other tools read is the graph."""

import networkx as nx
from hypothesis import given

from irgen.ir import graphml
from irgen.ir.graph import Graph
from irgen.ir.text import parse
from tests.support.graphs import graphs


def read(graph: Graph) -> nx.MultiDiGraph:
    return nx.parse_graphml(graphml.dumps(graph), force_multigraph=True, edge_key_type=int)


def test_nodes_and_edges_carry_what_is_known_of_them() -> None:
    found = read(
        parse("""
        x = input : float32[batch=2, 4]
        w = param : float32[3, 4]
        y = linear(x, w) {layout=oi}
        z = add(y, y)
        from x {name="input\\u0000_ids", module="encoder"}
    """)
    )
    assert found.nodes["y"] == {"op": "linear", "type": "float32[2, 3]", "output": False, "attr.layout": '"oi"'}
    assert found.nodes["x"]["module"] == "encoder"
    assert found.nodes["x"]["name"] == "input�_ids"
    assert found.nodes["z"]["output"] is True
    assert found.edges["x", "y", 0]["type"] == "float32[batch=2, 4]"
    assert sorted(found["y"]["z"]) == [0, 1]


@given(graphs())
def test_every_call_is_a_node_and_every_port_an_edge(graph: Graph) -> None:
    found = read(graph)
    assert found.number_of_nodes() == len(graph)
    assert found.number_of_edges() == sum(bool(source) for node in graph for source in node.inputs)
