"""A topological order that depends on structure alone: neither on ids, nor on the old order, nor on dead nodes."""

from __future__ import annotations

from irgen.ir.graph import Graph


def depth_first(graph: Graph) -> list[str]:
    """Ids by depth-first search from the outputs, ports in order; what no output reads comes last."""
    done: dict[str, None] = {}
    for root in (*graph.outputs, *graph.inputs, *graph.nodes):
        if root in done:
            continue
        stack: list[tuple[str, int]] = [(root, 0)]
        while stack:
            name, port = stack.pop()
            if name in done:
                continue
            inputs = graph.nodes[name].inputs
            while port < len(inputs) and (not inputs[port] or inputs[port] in done):
                port += 1
            if port < len(inputs):
                stack.append((name, port + 1))
                stack.append((inputs[port], 0))
            else:
                done[name] = None
    return list(done)
