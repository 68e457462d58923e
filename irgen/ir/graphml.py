"""The GraphML form of the IR, for other graph tools: one way, through networkx; bodies are left out."""
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import re

import networkx as nx

from irgen.ir.graph import Graph, Node
from irgen.ir.text import render_attr, render_type

_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def dumps(graph: Graph) -> str:
    """The GraphML text: nodes with operator, type, attributes and provenance; edges with port and type."""
    made: nx.MultiDiGraph[str] = nx.MultiDiGraph(frontend=_clean(graph.frontend))
    for node in graph:
        made.add_node(_clean(node.id), **_told(graph, node))
    for node in graph:
        for port, source in enumerate(node.inputs):
            if source:
                kind = _clean(render_type(graph[source].type))
                made.add_edge(_clean(source), _clean(node.id), key=port, port=port, type=kind)
    return "\n".join(nx.generate_graphml(made)) + "\n"


def _told(graph: Graph, node: Node) -> dict[str, str | bool]:
    told: dict[str, str | bool] = {"op": node.op, "type": render_type(node.type), "output": node.id in graph.outputs}
    told.update({f"attr.{name}": render_attr(value) for name, value in node.attrs.items()})
    origin = graph.provenance.get(node.id)
    if origin is not None:
        for word in ("name", "module", "cls", "line", "call"):
            told[word] = getattr(origin, word)
    return {key: _clean(value) if isinstance(value, str) else value for key, value in told.items() if value != ""}


def _clean(word: str) -> str:
    """A word without the characters that XML cannot hold."""
    return _NOT_XML.sub("�", word)
