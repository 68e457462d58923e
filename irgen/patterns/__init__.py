"""Graph to findings: what the parts of a canonical graph are."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from irgen.ir.architecture import Architecture, Region
from irgen.ir.collection import no_collection
from irgen.ir.graph import Graph
from irgen.match.pattern import Pattern, ordered
from irgen.patterns.label import recognise  # before `label` is defined: importing the module binds its name here


def patterns() -> list[Pattern]:
    """Every pattern of this folder (a module with a constant PATTERN), in the order of their `after`."""
    found: list[Pattern] = []
    for info in iter_modules(__path__):
        pattern = getattr(import_module(f"{__name__}.{info.name}"), "PATTERN", None)
        if isinstance(pattern, Pattern):
            found.append(pattern)
    return ordered(found)


@no_collection()
def label(graph: Graph) -> tuple[list[Region], Architecture]:
    """Label a canonical graph: its regions (nested or disjoint) and its architecture."""
    return recognise(graph, patterns())
