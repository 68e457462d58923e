"""Whether two tables are a cosine and a sine, by their values."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from irgen.ir.evaluate import Unevaluable, run
from irgen.ir.graph import Graph
from irgen.ir.ops import MOVES

_MOVED = MOVES | {"embedding", "gather", "gather_nd", "cast", "neg"}


class Circles:
    """The verdict for pairs of tables of a graph: squares that sum to a constant, neither being one itself.

    Where a file gives the tables themselves as learned tensors there are no values to judge, and the pair passes.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.known: dict[tuple[str, str, bool], bool] = {}

    def holds(self, cos: str, sin: str) -> bool:
        """Whether cos² + sin² is constant (any constant: attention may be scaled here) and cos and sin are not."""
        return self._cached(cos, sin, matrices=False)

    def hold_matrices(self, first: str, second: str) -> bool:
        """Whether the two tables are the columns (last axis) of 2 × 2 rotations."""
        return self._cached(first, second, matrices=True)

    def _cached(self, cos: str, sin: str, *, matrices: bool) -> bool:
        key = (cos, sin, matrices)
        if key not in self.known:
            self.known[key] = self._judge(cos, sin, matrices)
        return self.known[key]

    def _judge(self, cos: str, sin: str, matrices: bool) -> bool:
        leaves, learned = self._leaves(cos, sin)
        try:
            values = run(self.graph, leaves, {}, (cos, sin))
        except Unevaluable:
            return not matrices
        x: NDArray[Any] = values[cos]
        y: NDArray[Any] = values[sin]
        if matrices:
            if not (np.allclose(x[..., 0], y[..., 1]) and np.allclose(x[..., 1], -y[..., 0])):
                return False
            x, y = x[..., 0], x[..., 1]
        if x.dtype.kind == "c":
            x, y = np.real(x), np.imag(y)
        return learned or _on_a_circle(x, y)

    def _leaves(self, cos: str, sin: str) -> tuple[dict[str, NDArray[Any]], bool]:
        """Inputs counting up, learned tensors at random; and whether a table is a learned tensor that is only moved."""
        rng = np.random.default_rng(3)
        leaves: dict[str, NDArray[Any]] = {}
        learned = False
        seen: set[tuple[str, bool]] = set()
        stack = [(cos, True), (sin, True)]
        while stack:
            entry = stack.pop()
            if entry in seen:
                continue
            seen.add(entry)
            name, moved = entry
            node = self.graph[name]
            if node.op == "input":
                leaves[name] = np.arange(1, 1 + max(node.tensor.size, 0)).reshape(node.shape)
            elif node.op == "param" or (node.op == "const" and node.value is None):
                leaves.setdefault(name, rng.uniform(0.1, 1.0, node.shape))
                learned = learned or moved
            stack += [(source, moved and node.op in _MOVED) for source in node.inputs if source]
        return leaves, learned


def _on_a_circle(x: NDArray[Any], y: NDArray[Any]) -> bool:
    try:
        square: NDArray[Any] = x * x + y * y
    except ValueError:
        return False
    if not np.isfinite(square).all():
        return False
    spread, largest = float(square.max() - square.min()), float(square.max())
    return spread <= 1e-4 * largest and float(x.max() - x.min()) > 0 and float(y.max() - y.min()) > 0
