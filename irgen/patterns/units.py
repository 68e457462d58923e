"""Blocks without a skip: runs of convolutions or recurrent cells where no residual sum holds the stream.

Where a network has no residual stream its dominators are the spine: nodes through which everything passes. A block is
the smallest interval between them that ends a convolution unit (a depthwise convolution belongs to the pointwise one
behind it, a widening pointwise one to the depthwise one behind it) or that holds parallel branches.
"""

from __future__ import annotations

from irgen.ir.ops import ELEMENTWISE
from irgen.match.analysis import NORMS, Analysis
from irgen.match.trace import feature_axis
from irgen.patterns.loops import find_loops
from irgen.patterns.residual import Sum
from irgen.patterns.shapes import is_depthwise, is_pointwise

_FOLLOWS = ELEMENTWISE | NORMS | frozenset({"max_pool", "avg_pool", "pad", "pick", "concat", "transpose"})
"""What may stand behind a unit inside its block."""

_UNITS = frozenset({"conv", "conv_transposed", "rnn"})


def find_units(analysis: Analysis, sums: list[Sum]) -> list[Sum]:
    """Blocks outside the residual sums, in order, as sums without a residual."""
    held = set[str]().union(*(s.region for s in sums)) | {s.node for s in sums}
    loose = [n for n in analysis.order if n not in held and analysis.is_data(n) and analysis.op(n) != "input"]
    units: list[Sum] = []
    for component in _components(analysis, loose):
        if any(_is_unit(analysis, n) for n in component):
            units.extend(_cut(analysis, component))
        else:
            units.extend(find_loops(analysis, component))
    return units


def _components(analysis: Analysis, nodes: list[str]) -> list[list[str]]:
    """Weakly connected sets of nodes, each in order."""
    parent = {n: n for n in nodes}

    def find(n: str) -> str:
        while parent[n] != n:
            parent[n] = parent[parent[n]]
            n = parent[n]
        return n

    for n in nodes:
        for source in analysis.inputs(n):
            if source in parent:
                parent[find(n)] = find(source)
    groups: dict[str, list[str]] = {}
    for n in nodes:
        groups.setdefault(find(n), []).append(n)
    return list(groups.values())


def _cut(analysis: Analysis, component: list[str]) -> list[Sum]:
    """Cut a component at its dominators into blocks that hold at least one unit operator.

    A block ends at the last dominator before the next unit, so that norms, activations and pools stay with the
    convolution that they follow.
    """
    inside = set(component)
    last = {n: max((analysis.place[u] for u in analysis.users[n] if u in inside), default=-1) for n in component}
    blocks: list[Sum] = []
    start, end, reach = 0, 0, -1
    for i, n in enumerate(component):
        if end > start and _is_unit(analysis, n):
            blocks.append(_block(analysis, component[start:end]))
            start = end
        if reach <= analysis.place[n] and _complete(analysis, component[start : i + 1], component[i + 1 :]):
            end = i + 1
        reach = max(reach, last[n])
    if end > start:
        blocks.append(_block(analysis, component[start:end]))
    return blocks


def _is_unit(analysis: Analysis, name: str) -> bool:
    """A convolution or recurrent cell; not one on a map of a single position (squeeze-and-excitation)."""
    return analysis.op(name) in _UNITS and not (
        analysis.op(name) != "rnn" and max(analysis[name].shape[2:], default=2) == 1
    )


def _complete(analysis: Analysis, pending: list[str], rest: list[str]) -> bool:
    """Whether a block may end here: it has units, and none that belongs to the next one."""
    units = [n for n in pending if _is_unit(analysis, n)]
    if not units:
        return False
    final = units[-1]
    if any(analysis.op(n) not in _FOLLOWS for n in pending[pending.index(final) + 1 :]):
        return False
    if analysis.op(final) != "conv":
        return True
    following = next((n for n in rest if _is_unit(analysis, n)), None)
    if following is None or analysis.op(following) != "conv":
        return True
    if is_depthwise(analysis, final):
        return not is_pointwise(analysis, following)
    return not (is_pointwise(analysis, final) and len(units) == 1 and is_depthwise(analysis, following))


def _block(analysis: Analysis, nodes: list[str]) -> Sum:
    out = nodes[-1]
    sources = [s for n in nodes for s in analysis.data(n) if s not in nodes]
    units = [n for n in nodes if _is_unit(analysis, n)]
    block = Sum(out, sources[0] if sources else nodes[0], out, [out], set(nodes), residual=False)
    block.shape = analysis[units[-1]].shape
    block.axis = feature_axis(analysis[units[-1]]) if analysis.op(units[-1]) != "rnn" else len(block.shape) - 1
    return block
