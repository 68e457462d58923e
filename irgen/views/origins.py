"""Where in the source the boxes of a figure come from: module paths, for tooltips only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from irgen.ir.architecture import Region
from irgen.ir.graph import Graph
from irgen.scene import literal

Place = tuple[str, int, str, int]
"""Stack, layer, kind of the sublayer, and which of its kind it is in the layer."""


def origins(regions: Sequence[Region], graph: Graph | None) -> dict[Place, str]:
    """The module that holds all operators of each sublayer, where the source had modules."""
    if graph is None:
        return {}
    found: dict[Place, str] = {}
    for stack in regions:
        for at, layer in enumerate(child for child in stack.children if child.label == "layer"):
            seen: Counter[str] = Counter()
            for part in layer.children:
                path = shared(graph, part.nodes)
                if path:
                    found[stack.id, at, part.label, seen[part.label]] = literal(path, 80)
                seen[part.label] += 1
    return found


def shared(graph: Graph, nodes: Iterable[str]) -> str:
    """The longest module path that all nodes with a module stand under."""
    paths = [graph.provenance[node].module for node in nodes if node in graph.provenance]
    parts = [path.split(".") for path in paths if path]
    if not parts:
        return ""
    first = min(parts, key=len)
    length = 0
    while length < len(first) and all(path[length] == first[length] for path in parts):
        length += 1
    return ".".join(first[:length])
