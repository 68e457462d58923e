"""Labels carried through shape operators: which features and which tokens of a source stand where in an operand.

Instead of reading layouts off shapes (heads before or after tokens, windows folded into the batch, fused
projections), every element of a source gets a number and the shape operators are run on the numbers. What comes out
says, element by element, where each value came from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from irgen.ir.evaluate import Unevaluable, apply
from irgen.ir.graph import Array, Node
from irgen.ir.ops import MOVES
from irgen.match.analysis import CONST, DATA, INDEX, NORMS, PARAM, Analysis
from irgen.match.contract import product

LIMIT = 8_000_000
"""No operand larger than this is labelled."""

_FEATURE_MIXERS = frozenset({"linear", "grouped_linear"})
_IDENTITIES = NORMS | {"rotary", "softmax"}
STRIDE = 1 << 24
"""Labels of one source lie within one stride, so that sources never share a label."""


@dataclass
class Trace:
    """The labels of one kind (`feature` or `token`) behind operands, back to their sources.

    A *feature* trace ends at the contractions that made the features. A *token* trace passes through everything
    that works on each token alone and ends at `roots`, or at whatever moves information between tokens.
    """

    analysis: Analysis
    kind: str
    roots: frozenset[str] = frozenset()
    fixed: Mapping[str, Array] = field(default_factory=dict[str, Array])
    sources: list[str] = field(default_factory=list[str])
    passed: set[str] = field(default_factory=set[str])
    known: dict[str, Array | None] = field(default_factory=dict[str, "Array | None"])

    def label(self, name: str) -> Array | None:
        """The labels of a node's elements, or None where they cannot be told; -1 marks padding."""
        stack = [name]
        while stack:
            top = stack[-1]
            if top in self.known:
                stack.pop()
                continue
            below = self._reads(top)
            waiting = [source for source in below if source not in self.known]
            if waiting:
                stack.extend(waiting)
                continue
            self.known[top] = self._compute(top, below)
            stack.pop()
        return self.known[name]

    def source_of(self, label: float) -> str:
        """The source to which a label belongs."""
        return self.sources[int(label) // STRIDE]

    def _reads(self, name: str) -> list[str]:
        """The inputs whose labels a node hands on; none at a source."""
        analysis = self.analysis
        node = analysis[name]
        if name in self.fixed or name in self.roots or not self._carries(name) or node.op == "pick":
            return []
        if node.op in MOVES:
            return [source for source in node.inputs if source]
        if node.op in _IDENTITIES:
            return [node.inputs[0]]
        if node.op in {"gather", "gather_nd", "gather_elements"}:
            return [node.inputs[0]]
        if node.op in {"matmul", "einsum"}:
            return self._chosen_by_mask(node)
        if self.kind == "token" and (node.op in _FEATURE_MIXERS or _pointwise_conv(node, analysis)):
            return [node.inputs[0]]
        if analysis.is_arithmetic(name):
            carried = [s for s in analysis.inputs(name) if self._carries(s)]
            same = [s for s in carried if analysis[s].shape == node.shape]
            return same[:1] or [s for s in carried if _for_all_entries(analysis[s].shape, node.shape)][:1]
        return []

    def _carries(self, name: str) -> bool:
        """Whether a node carries hidden states; learned ones do where a root is learned (queries of a resampler)."""
        cls = self.analysis.cls
        return cls[name] == DATA or (cls[name] == PARAM and any(cls[root] == PARAM for root in self.roots))

    def _chosen_by_mask(self, node: Node) -> list[str]:
        """The hidden state of a product that only selects or averages tokens: its other side is a mask or an input."""
        if len(node.inputs) != 2:
            return []
        masks = [self._is_mask(source) for source in node.inputs]
        return [node.inputs[masks.index(False)]] if sum(masks) == 1 else []

    def _is_mask(self, name: str) -> bool:
        analysis = self.analysis
        while analysis.op(name) in MOVES:
            name = analysis.inputs(name)[0]
        return analysis.cls[name] in {CONST, INDEX} or analysis.op(name) == "input"

    def _mapped(self, node: Node, data: str, labels: Array) -> Array | None:
        """Labels behind a product with a mask: features keep their places, what is summed over takes the first."""
        joined = product(node, (len(self.analysis[node.inputs[0]].shape), len(self.analysis[node.inputs[1]].shape)))
        if joined is None or self.kind == "token":
            return self._fresh(node)
        axes = joined.left_axes if joined.left == data else joined.right_axes
        for letter in [c for c in axes if c not in joined.out_axes]:
            labels, axes = np.take(labels, 0, axis=axes.index(letter)), axes.replace(letter, "")
        order = [axes.index(c) for c in joined.out_axes if c in axes]
        kept = [node.shape[i] if c in axes else 1 for i, c in enumerate(joined.out_axes)]
        return np.broadcast_to(np.transpose(labels, order).reshape(kept), node.shape)

    def _compute(self, name: str, below: list[str]) -> Array | None:
        node = self.analysis[name]
        if name in self.fixed:
            return self.fixed[name]
        size = node.size if not isinstance(node.type, tuple) else -1
        if not 0 < size <= LIMIT:
            return None
        if not below:
            return self._fresh(node)
        self.passed.add(name)
        args = [self.known[source] for source in below]
        if any(arg is None for arg in args):
            return None
        labels = [arg for arg in args if arg is not None]
        if node.op in MOVES:
            return self._moved(node, labels)
        if node.op in {"gather", "gather_nd", "gather_elements"}:
            indices = [self.analysis.probes[0].value(i) for i in node.inputs[1:]]
            if any(i is None for i in indices):
                return None
            return _applied(node, [labels[0], *indices])
        if node.op in {"matmul", "einsum"}:
            return self._mapped(node, below[0], labels[0])
        if node.op in _FEATURE_MIXERS:
            return np.broadcast_to(labels[0][..., :1], node.shape)
        if node.op == "conv":
            return np.broadcast_to(labels[0][:, :1], node.shape)
        return np.broadcast_to(labels[0], node.shape) if labels[0].shape != node.shape else labels[0]

    def _moved(self, node: Node, labels: list[Array]) -> Array | None:
        if node.op == "pad" and node.attrs.get("mode", "constant") == "constant":
            node = replace(node, attrs={**node.attrs, "value": -1.0})
        return _applied(node, labels)

    def _fresh(self, node: Node) -> Array:
        """Number the elements of a source: by feature (last axis; axis 1 behind convolutions) or by token."""
        if not self._carries(node.id):
            return np.broadcast_to(np.float64(-1.0), node.shape)
        base = float(len(self.sources) * STRIDE)
        self.sources.append(node.id)
        shape = node.shape
        axis = feature_axis(node)
        if self.kind == "feature":
            numbers = np.arange(shape[axis], dtype=np.float64).reshape(
                [-1 if i == axis else 1 for i in range(len(shape))]
            )
            return np.broadcast_to(numbers + base, shape)
        rest = [n for i, n in enumerate(shape) if i != axis]
        numbers = np.arange(int(np.prod(rest)), dtype=np.float64).reshape(rest)
        return np.broadcast_to(np.expand_dims(numbers, axis) + base, shape)


def feature_axis(node: Node) -> int:
    """The axis of the features: 1 where channels come first (convolutions, batch norms, pools), else the last."""
    channels_first = node.op in {
        "conv",
        "conv_transposed",
        "batch_norm",
        "group_norm",
        "max_pool",
        "avg_pool",
        "adaptive_pool",
    }
    return 1 if channels_first and len(node.shape) > 1 else max(len(node.shape) - 1, 0)


def _for_all_entries(shape: tuple[int, ...], whole: tuple[int, ...]) -> bool:
    """Whether a state is one for all entries of the batch (learned queries)."""
    return len(whole) > 1 and shape in {whole[1:], (1, *whole[1:])} and whole[0] > 1


def _pointwise_conv(node: Node, analysis: Analysis) -> bool:
    """A convolution that looks at one position at a time."""
    return node.op == "conv" and all(n == 1 for n in analysis[node.inputs[1]].shape[2:])


def _applied(node: Node, args: Sequence[Array | None]) -> Array | None:
    try:
        result = apply(node, args)
    except Unevaluable:
        return None
    return None if isinstance(result, tuple) else np.asarray(result)
