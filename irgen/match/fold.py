"""Unrolled loops folded: chains of equal operators of which each reads the one before it, and the state they carry."""

from __future__ import annotations

from collections.abc import Sequence

from irgen.match.analysis import Analysis

HOPS = 7
"""So many operators at most lie between two steps of a chain on the path of its state."""
_CARRIES = frozenset({"add", "sub", "mul", "maximum", "where", "matmul", "linear", "tanh", "relu"})


def chain_lengths(analysis: Analysis, nodes: Sequence[str]) -> dict[str, int]:
    """For each node (given in order) how many equal nodes stand behind one another up to it, itself counted.

    Equal are nodes with the same operator, shape and wiring of shapes; the next one lies at most seven hops back.
    """
    inside = set(nodes)
    keys = {name: _key(analysis, name) for name in nodes}
    length: dict[str, int] = {}
    for name in nodes:
        length[name] = 1
        if analysis.op(name) not in _CARRIES:
            continue
        front, seen = [name], {name}
        for _ in range(HOPS):
            front = [s for n in front for s in analysis.inputs(n) if s in inside and s not in seen]
            seen.update(front)
            equal = [s for s in front if keys[s] == keys[name]]
            if equal:
                length[name] = 1 + max(length[s] for s in equal)
                break
            if not front:
                break
    return length


def _key(analysis: Analysis, name: str) -> object:
    node = analysis[name]
    return node.op, node.shape, tuple(analysis[s].shape for s in node.inputs if s)


def carried_shape(analysis: Analysis, nodes: Sequence[str], tokens: int) -> tuple[int, ...] | None:
    """The shape of the state that an unrolled chain or a scan operator carries, or None in matrix forms."""
    for name in nodes:
        node = analysis[name]
        if node.op == "scan" and isinstance(node.type, tuple):
            return node.type[0].shape
    length = chain_lengths(analysis, nodes)
    longest = [n for n in nodes if length[n] >= max(tokens - 2, 3)]
    if not longest:
        return None
    last = max(longest, key=lambda n: (analysis.op(n) == "add", analysis[n].tensor.size, length[n]))
    return analysis[last].shape
