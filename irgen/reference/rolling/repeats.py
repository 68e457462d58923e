"""Where a program repeats itself: stretches of equal steps, each wired to the one before as that is to its own."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch.fx import Node
from torch.utils import _pytree as pytree

LONGEST = 400
"""Operators in one step at most."""

FEWEST = 3
"""Steps that a stretch has at least."""

Leaf = Any
"""A node, a number, or any other value among the arguments of a node."""


@dataclass(frozen=True)
class Stretch:
    """The nodes from `start` to `stop` repeat with a period of `period`; the last step may be cut short."""

    start: int
    stop: int
    period: int
    kinds: tuple[str, ...]
    """The operators of a step, sorted: what a stretch is known by in the program of another size."""

    @property
    def steps(self) -> int:
        """Whole steps in the stretch."""
        return (self.stop - self.start) // self.period


def leaves(node: Node) -> tuple[list[Leaf], Any]:
    """The arguments of a node in a flat list, and the structure that holds them."""
    return pytree.tree_flatten((node.args, node.kwargs))


class Steps:
    """The calls of a program in order, with their places."""

    def __init__(self, calls: Sequence[Node]) -> None:
        self.calls = list(calls)
        self.place = {node: i for i, node in enumerate(self.calls)}
        self._leaves = [leaves(node)[0] for node in self.calls]
        kinds: dict[str, int] = {}
        self.kinds = np.array([kinds.setdefault(_kind(node), len(kinds)) for node in self.calls], dtype=np.int64)

    def stretches(self) -> list[Stretch]:
        """All stretches of every period, shorter periods first; multiples of a period are left out where it holds."""
        found: list[Stretch] = []
        covered: dict[int, list[tuple[int, int]]] = {}
        for period in range(1, min(LONGEST, len(self.calls) // FEWEST) + 1):
            equal = self.kinds[:-period] == self.kinds[period:]
            known = [span for p, spans in covered.items() if period % p == 0 for span in spans]
            for start, stop in _runs(equal, (FEWEST - 1) * period - period + 1):
                if any(a <= start and stop + period <= b for a, b in known):
                    continue
                for first, last in self._wired(start, stop, period):
                    lowest = max(start, first - period)
                    stretch = Stretch(lowest, last + period, period, self._names(first, period))
                    if stretch.steps >= FEWEST:
                        found.append(stretch)
                        covered.setdefault(period, []).append((stretch.start, stretch.stop))
        return found

    def _names(self, start: int, period: int) -> tuple[str, ...]:
        return tuple(sorted(_kind(node) for node in self.calls[start : start + period]))

    def _wired(self, start: int, stop: int, period: int) -> Iterable[tuple[int, int]]:
        """Runs of nodes whose arguments correspond to those one period later."""
        good = np.array([self._corresponds(i, i + period) for i in range(start, stop)], dtype=bool)
        return [(start + a, start + b) for a, b in _runs(good, period * (FEWEST - 2))]

    def _corresponds(self, i: int, j: int) -> bool:
        """Whether two nodes read the same value, or values as far apart as they are, or like parts of something."""
        for a, b in zip(self._leaves[i], self._leaves[j], strict=True):
            if not isinstance(a, Node) or a is b:
                continue
            one, other = self.place.get(a, -1), self.place.get(b, -1)
            if one < 0 or other < 0 or (other - one != j - i and self.kinds[one] != self.kinds[other]):
                return False
        return True


def _kind(node: Node) -> str:
    """The operator, and its arguments with nodes and whole numbers left open."""
    flat, spec = leaves(node)
    open_ = ["·" if isinstance(v, Node) else "#" if type(v) is int else repr(v) for v in flat]
    return f"{node.target}({', '.join(open_)}){spec if len(flat) > 3 else ''}"


def _runs(flags: np.ndarray[Any, np.dtype[np.bool_]], least: int) -> list[tuple[int, int]]:
    """Runs of true flags of at least `least`, as (start, stop)."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], flags, [False])).astype(np.int8)))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a >= max(least, 1)]


def varying(one: Iterable[Stretch], other: Iterable[Stretch]) -> list[Stretch]:
    """The stretches of one program whose number of steps is not met in the program of another size; none overlap."""
    counts: dict[tuple[str, ...], set[int]] = {}
    for stretch in other:
        counts.setdefault(stretch.kinds, set()).add(stretch.steps)
    chosen: list[Stretch] = []
    for stretch in sorted(one, key=lambda s: (s.period, s.start - s.stop)):
        known = counts.get(stretch.kinds)
        if not known or stretch.steps in known:
            continue
        if all(stretch.stop <= c.start or c.stop <= stretch.start for c in chosen):
            chosen.append(stretch)
    return sorted(chosen, key=lambda s: s.start)
