"""Passes: Graph to Graph, one file each, towards the canonical form; `normalise` runs them all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from graphlib import TopologicalSorter
from importlib import import_module
from pkgutil import iter_modules

from irgen.ir.graph import Graph
from irgen.passes.engine import Pass

__all__ = ["normalise", "ordered"]


@cache
def ordered() -> tuple[tuple[str, Pass], ...]:
    """The passes of this folder by file name, each behind those that it names in `after`."""
    found: dict[str, Pass] = {}
    for module in sorted(iter_modules(__path__), key=lambda entry: entry.name):
        entry = getattr(import_module(f"{__name__}.{module.name}"), "PASS", None)
        if isinstance(entry, Pass):
            found[module.name] = entry
    order = TopologicalSorter({name: entry.after for name, entry in found.items()}).static_order()
    return tuple((name, found[name]) for name in order)


def normalise(graph: Graph, watch: Callable[[str, Graph], None] | None = None) -> Graph:
    """The canonical form of a graph: every spelling as the highest operator that says the same thing.

    Runs all passes until none finds anything more to do. Bodies (scan, loop, cond) are brought to the same form.
    `watch` is called with the name and result of each pass that changed something.
    """
    bodies = {node.id: body for node in graph if node.body and (body := normalise(node.body)) is not node.body}
    if bodies:
        nodes = {k: replace(node, body=bodies[k]) if k in bodies else node for k, node in graph.nodes.items()}
        graph = replace(graph, nodes=nodes)
    settled: dict[str, Graph] = {}  # the graph in which a pass has found nothing to do
    for _ in range(6):
        before = graph
        for name, entry in ordered():
            if settled.get(name) is graph:
                continue
            after = entry.run(graph)
            if after is graph:
                settled[name] = graph
            elif watch is not None:
                watch(name, after)
            graph = after
        if graph is before:
            break
    return graph
