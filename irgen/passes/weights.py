"""Which values are weights: learned tensors and what is made of them by moves and elementwise arithmetic alone.

A product of two learned tensors, or their sum, is not a weight but a computation on learned inputs (queries, position
networks): it is *computed*, static and yet a hidden state.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from irgen.ir.graph import Node
from irgen.ir.ops import BINARY, LEAVES, MOVES, REDUCTIONS, UNARY

FIXED, WEIGHT, COMPUTED, LIVE = range(4)
"""No learned tensor · an effective weight · a hidden state without inputs · depends on an input or on chance."""

_KEEPS = UNARY | BINARY | REDUCTIONS | MOVES | {
    "gather", "gather_nd", "softmax", "log_softmax", "l2_norm", "rms_norm", "layer_norm", "batch_norm", "group_norm",
}  # fmt: skip
_OF_LEAVES = {"param": WEIGHT, "input": LIVE, "random": LIVE}
_SUMS = frozenset({"add", "sub"})


class Weights:
    """The class of every node, found in execution order; nodes added later are classed when they are asked for."""

    def __init__(self, nodes: Iterable[Node]) -> None:
        self._classes: dict[str, int] = {}
        self._numbers: set[str] = set()
        for node in nodes:
            self._classes[node.id] = self._judge(node)

    def of(self, nodes: Mapping[str, Node], name: str) -> int:
        """FIXED, WEIGHT, COMPUTED or LIVE."""
        found = self._classes.get(name)
        if found is None:
            for source in nodes[name].inputs:
                if source:
                    self.of(nodes, source)
            found = self._classes[name] = self._judge(nodes[name])
        return found

    def _judge(self, node: Node) -> int:
        if node.op in LEAVES:
            return _OF_LEAVES.get(node.op, FIXED)
        classes = self._classes
        below = [classes[source] for source in node.inputs if source]
        most = max(below, default=FIXED)
        if most in (FIXED, LIVE):
            return most
        if most == COMPUTED or node.op not in _KEEPS:
            if not isinstance(node.type, tuple) and node.tensor.size == 1:
                self._numbers.add(node.id)
            return WEIGHT if WEIGHT in below and self._is_scaled(node) else COMPUTED
        return COMPUTED if node.op in _SUMS and below.count(WEIGHT) > 1 and len(set(node.inputs)) > 1 else WEIGHT

    def _is_scaled(self, node: Node) -> bool:
        """Whether a weight is multiplied by one computed number (as a spectral norm does)."""
        computed = (source for source in node.inputs if self._classes.get(source) == COMPUTED)
        return node.op in {"mul", "div"} and all(source in self._numbers for source in computed)
