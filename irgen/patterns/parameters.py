"""How many learned numbers a set of nodes reads."""

from __future__ import annotations

from collections.abc import Iterable

from irgen.match.analysis import Analysis


def weights_of(analysis: Analysis, nodes: Iterable[str]) -> dict[str, int]:
    """The parameters that nodes read directly or through arithmetic on weights, with their sizes."""
    found: dict[str, int] = {}
    seen: set[str] = set()
    stack = [s for n in nodes for s in analysis.inputs(n)] + [n for n in nodes if analysis.op(n) == "param"]
    while stack:
        name = stack.pop()
        if name in seen or analysis.is_data(name):
            continue
        seen.add(name)
        if analysis.op(name) == "param":
            found[name] = max(analysis[name].size, 0)
        else:
            stack.extend(analysis.inputs(name))
    return found


def weight_size(analysis: Analysis, nodes: Iterable[str]) -> int:
    """Learned numbers read by nodes, each parameter once."""
    return sum(weights_of(analysis, nodes).values())
