"""Passes: Graph to Graph, one file each, towards the canonical form; `normalise` runs them all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from graphlib import TopologicalSorter
from importlib import import_module
from pkgutil import iter_modules

from irgen.ir.collection import no_collection
from irgen.ir.graph import Graph
from irgen.passes.engine import Pass, Rule, Rules, to_fixed_point

__all__ = ["normalise", "ordered"]


@cache
def ordered() -> tuple[tuple[str, Pass], ...]:
    """The passes of this folder by file name, each behind those that it names in `after`, tables of rules together."""
    found: dict[str, Pass] = {}
    for module in sorted(iter_modules(__path__), key=lambda entry: entry.name):
        entry = getattr(import_module(f"{__name__}.{module.name}"), "PASS", None)
        if isinstance(entry, Pass):
            found[module.name] = entry
    order = TopologicalSorter({name: entry.after for name, entry in found.items()})
    order.prepare()
    ready: list[str] = []
    names: list[str] = []
    while order.is_active():
        ready += sorted(order.get_ready())
        in_table = bool(names) and found[names[-1]].rules is not None
        following = next((name for name in ready if (found[name].rules is not None) == in_table), ready[0])
        ready.remove(following)
        names.append(following)
        order.done(following)
    return tuple((name, found[name]) for name in names)


@cache
def _steps() -> tuple[tuple[str, Callable[[Graph], Graph]], ...]:
    """What is run one after the other: a pass, or neighbouring tables of rules as one."""
    steps: list[tuple[str, Callable[[Graph], Graph]]] = []
    tables: list[tuple[str, Rules]] = []

    def close() -> None:
        if tables:
            steps.append(("+".join(name for name, _ in tables), partial(to_fixed_point, rules=_joined(tables))))
            tables.clear()

    for name, entry in ordered():
        if entry.rules is not None:
            tables.append((name, entry.rules))
        elif entry.run is not None:
            close()
            steps.append((name, entry.run))
    close()
    return tuple(steps)


def _joined(tables: list[tuple[str, Rules]]) -> dict[str, tuple[Rule, ...]]:
    joined: dict[str, tuple[Rule, ...]] = {}
    for _, rules in tables:
        for op, own in rules.items():
            joined[op] = (*joined.get(op, ()), *own)
    return joined


@no_collection()
def normalise(graph: Graph, watch: Callable[[str, Graph], None] | None = None) -> Graph:
    """The canonical form of a graph: every spelling as the highest operator that says the same thing.

    Runs all passes until none finds anything more to do. Bodies (scan, loop, cond) are brought to the same form.
    `watch` is called with the name and result of each step (a pass, or tables of rules joined by +) that changed
    something.
    """
    bodies = {node.id: body for node in graph if node.body and (body := normalise(node.body)) is not node.body}
    if bodies:
        nodes = {k: replace(node, body=bodies[k]) if k in bodies else node for k, node in graph.nodes.items()}
        graph = replace(graph, nodes=nodes)
    settled: dict[str, Graph] = {}  # the graph in which a step has found nothing to do
    for _ in range(6):
        before = graph
        for name, run in _steps():
            if settled.get(name) is graph:
                continue
            after = run(graph)
            if after is graph:
                settled[name] = graph
            elif watch is not None:
                watch(name, after)
            graph = after
        if graph is before:
            break
    return graph
