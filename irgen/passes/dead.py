"""What no output depends on."""

from __future__ import annotations

from irgen.ir.graph import Graph
from irgen.passes.engine import Pass


def run(graph: Graph) -> Graph:
    """Drop the nodes that no output depends on; inputs stay."""
    return graph.pruned()


PASS = Pass(run)
