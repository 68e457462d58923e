"""Whether the sizes that a user chose overrun a table: the look-up that a pass without weights does not do."""

from __future__ import annotations

from irgen.errors import InputError
from irgen.ir.graph import Graph
from irgen.match.probe import Probe


def check(graph: Graph, where: str) -> None:
    """Raise `InputError` where positions, which depend on sizes alone, point past the end of a table."""
    probe = Probe(graph)
    fed: set[str] = set(graph.inputs)
    for node in graph:
        if not fed.isdisjoint(node.inputs):
            fed.add(node.id)
        if node.op != "embedding" or node.inputs[1] in fed:
            continue
        rows = graph[node.inputs[0]].shape[0]
        places = probe.value(node.inputs[1])
        if places is not None and places.size and int(places.max()) >= rows:
            raise InputError(
                f"the inputs do not fit the model: position {int(places.max())} of a table of {rows}",
                at=where,
                fix="give smaller sizes with --input",
            )
