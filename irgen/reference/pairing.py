"""Which value of one graph is which of another: both canonical, aligned in order and anchored by their weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import SequenceMatcher

import numpy as np

from irgen.ir.graph import Array, Graph
from irgen.ir.ops import MOVES
from irgen.match.order import depth_first

Print = tuple[int, str]
"""Elements of a weight and the size of its values: equal for a weight and its transpose."""


def fingerprint(value: Array) -> Print:
    """What tells a weight from others, whichever way it is turned; to four digits."""
    flat = np.asarray(value, np.float64).ravel()
    return flat.size, f"{float(np.sqrt(flat @ flat)):.4g}/{float(np.abs(flat).sum()):.4g}"


@dataclass
class Side:
    """One canonical graph and the prints of its parameters."""

    graph: Graph
    prints: Mapping[str, Print]
    order: list[str] = field(init=False)
    learned: dict[str, tuple[Print, ...]] = field(init=False)
    data: set[str] = field(init=False)
    trained: set[str] = field(init=False)

    def __post_init__(self) -> None:
        graph = self.graph
        self.order = depth_first(graph)
        self.learned, self.data, self.trained = {}, set(graph.inputs), set()
        fixed: dict[str, tuple[Print, ...]] = {}
        for name in self.order:
            node = graph[name]
            if node.op == "param":
                fixed[name] = (self.prints[name],) if name in self.prints else ()
                self.trained.add(name)
            if any(source in self.data for source in node.inputs):
                self.data.add(name)
            if any(source in self.trained for source in node.inputs):
                self.trained.add(name)
            if name not in self.data and node.inputs:
                fixed[name] = tuple(p for source in node.inputs for p in fixed.get(source, ()))
            own = (p for source in node.inputs if source not in self.data for p in fixed.get(source, ()))
            self.learned[name] = tuple(sorted(own))

    @property
    def computing(self) -> list[str]:
        """The nodes that compute from the inputs, in order; what only moves elements is left out."""
        graph = self.graph
        return [name for name in self.order if name in self.data and graph[name].inputs and graph[name].op not in MOVES]

    @property
    def reordered(self) -> set[str]:
        """Nodes whose rows stand in the order of a sort of whole numbers, in which ties may fall either way.

        Experts are served so: rows are gathered by expert, and put back later.
        """
        sorts: set[str] = set()
        turned: set[str] = set()
        for name in self.order:
            node = self.graph[name]
            sources = [source for source in node.inputs if source]
            whole = node.op in ("sort", "topk") and not self.graph[sources[0]].is_float
            if whole or (any(source in sorts for source in sources) and not node.is_float):
                sorts.add(name)
                continue
            by_sort = any(source in sorts for source in sources[1:])
            if any(source in turned for source in sources) != by_sort:
                turned.add(name)
        return turned

    def token(self, name: str, *, weights: bool) -> tuple[object, ...]:
        """What two nodes have in common that may be the same."""
        node = self.graph[name]
        sizes = tuple(sorted(size for size, _ in self.learned[name]))
        return (node.op, node.shape, self.learned[name] if weights else sizes)


def paired(ours: Side, theirs: Side) -> dict[str, str]:
    """The node of `theirs` for nodes of `ours`: by what they compute and from which weights, in the same order."""
    a, b = ours.computing, theirs.computing
    pairs: dict[str, str] = {}
    start = (0, 0)
    anchors = [*_anchors(ours, theirs, a, b), (len(a), len(b))]
    for i, j in anchors:
        _gap(ours, theirs, a[start[0] : i], b[start[1] : j], pairs)
        if i < len(a):
            pairs[a[i]] = b[j]
        start = (i + 1, j + 1)
    return _consistent(ours, theirs, pairs)


def _anchors(ours: Side, theirs: Side, a: list[str], b: list[str]) -> list[tuple[int, int]]:
    """Places of nodes with weights that each graph has once, in an order that both share (the longest such)."""
    first = _once(ours, a)
    second = _once(theirs, b)
    both = sorted((i, second[key]) for key, i in first.items() if key in second)
    best: list[int] = []
    back: list[int] = []
    for n, (_, j) in enumerate(both):
        before = [m for m in range(n) if both[m][1] < j]
        m = max(before, key=lambda m: best[m], default=-1)
        best.append(1 + (best[m] if m >= 0 else 0))
        back.append(m)
    found: list[tuple[int, int]] = []
    n = max(range(len(both)), key=lambda n: best[n], default=-1)
    while n >= 0:
        found.append(both[n])
        n = back[n]
    return found[::-1]


def _once(side: Side, names: list[str]) -> dict[tuple[object, ...], int]:
    """The place of each node whose operator and weights no other has."""
    places: dict[tuple[object, ...], list[int]] = {}
    for place, name in enumerate(names):
        if side.learned[name]:
            places.setdefault((side.graph[name].op, side.learned[name]), []).append(place)
    return {key: found[0] for key, found in places.items() if len(found) == 1}


def _gap(ours: Side, theirs: Side, a: list[str], b: list[str], pairs: dict[str, str]) -> None:
    """Pair what stands between two anchors, the longest equal runs first."""
    rows = [ours.token(name, weights=False) for name in a]
    columns = [theirs.token(name, weights=False) for name in b]
    for block in SequenceMatcher(None, rows, columns, autojunk=False).get_matching_blocks():
        pairs.update(zip(a[block.a : block.a + block.size], b[block.b : block.b + block.size], strict=True))


def _consistent(ours: Side, theirs: Side, pairs: dict[str, str]) -> dict[str, str]:
    """The pairs without those whose operands are paired with other nodes than each other."""
    back = {b: a for a, b in pairs.items()}
    kept: dict[str, str] = {}
    for a, b in pairs.items():
        sources = (
            [_source(ours.graph, s) for s in ours.graph[a].inputs],
            [_source(theirs.graph, s) for s in theirs.graph[b].inputs],
        )
        data = [(x, y) for x, y in zip(*sources, strict=False) if x in pairs and y in back and x in ours.data]
        if ours.learned[a] or all(pairs[x] == y for x, y in data):
            kept[a] = b
    return kept


def _source(graph: Graph, name: str) -> str:
    """The node that computes what only moves stand in front of."""
    while name in graph and graph[name].op in MOVES and graph[name].inputs:
        name = graph[name].inputs[0]
    return name
