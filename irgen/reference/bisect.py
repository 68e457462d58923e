"""The first value that is wrong: found among ordered boundaries in a number of runs that grows with their logarithm."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from irgen.ir.graph import Graph


@dataclass(frozen=True)
class Found:
    """The first wrong value (the goal where no boundary before it is wrong), and the runs that it took."""

    node: str
    runs: int


class Ancestry:
    """Which of some nodes each node of a graph depends on."""

    def __init__(self, graph: Graph, chosen: Sequence[str]) -> None:
        self._bit = {name: 1 << place for place, name in enumerate(chosen)}
        self._before: dict[str, int] = {}
        for node in graph:
            above = 0
            for source in node.inputs:
                if source:
                    above |= self._before[source] | self._bit.get(source, 0)
            self._before[node.id] = above

    def among(self, node: str, names: Sequence[str]) -> list[str]:
        """Those of `names` that the node depends on."""
        above = self._before[node]
        return [name for name in names if self._bit[name] & above]


def first_wrong(goal: str, boundaries: Sequence[str], graph: Graph, wrong: Callable[[str], bool]) -> Found:
    """The first boundary that `wrong` says is wrong, on the way to `goal`, which is.

    Where a boundary is right, all that it rests on is taken to be right; each run halves what is left.
    """
    ancestry = Ancestry(graph, boundaries)
    left = ancestry.among(goal, boundaries)
    runs = 0
    while left:
        sizes = {name: len(ancestry.among(name, left)) + 1 for name in left}
        middle = min(left, key=lambda name: abs(2 * sizes[name] - len(left)))
        runs += 1
        above = set(ancestry.among(middle, left))
        if wrong(middle):
            goal, left = middle, [name for name in left if name in above]
        else:
            left = [name for name in left if name not in above and name != middle]
    return Found(goal, runs)


def behind(graph: Graph, node: str, stops: Mapping[str, object]) -> list[str]:
    """The node and what it rests on, as far as the `stops` (left out), in the graph's order."""
    found: set[str] = {node}
    stack = [node]
    while stack:
        for source in graph[stack.pop()].inputs:
            if source and source not in found and source not in stops:
                found.add(source)
                stack.append(source)
    return [one for one in graph.nodes if one in found]
