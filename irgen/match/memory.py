"""The part of a branch that may carry a state along the tokens: its cone and the streams that feed it.

The cone runs back from the input of a contraction to the contractions that made the streams. It is a function that can
be asked: which later outputs change when a stream changes at one token, is the change linear in it, how fast does it
fade. Loops, scans, cumulative sums and chunked matrix forms all answer alike.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from irgen.ir.ops import MOVES
from irgen.match.analysis import NORMS, Analysis
from irgen.match.trace import Trace, feature_axis

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

MIXERS = frozenset({
    "matmul", "einsum", "cumsum", "cumprod", "logcumsumexp", "cummax", "scan", "loop", "write", "concat", "scatter_nd",
    "scatter_elements", "masked_scatter", "pad", "roll", "reduce_sum", "opaque", "solve_triangular",
})  # fmt: skip
"""Operators of which at least one stands in every cone that mixes tokens."""
SMALLEST = 2
"""Nodes of the smallest cone that is probed."""
SHORTEST = 5
"""Tokens that a trace must have for memory to be told from a short window."""
_STRIDE = 1 << 24


@dataclass(frozen=True, slots=True)
class Stream:
    """Some features of the results of one contraction (at all steps of a loop): `features` index its feature axis."""

    leaves: tuple[str, ...]
    features: tuple[int, ...]


@dataclass(slots=True)
class Mixing:
    """A cone from `out` back to its leaves, with the number of tokens."""

    analysis: Analysis
    out: str
    nodes: list[str]
    leaves: list[str]
    tokens: int
    batch: int
    axes: dict[str, int] = field(default_factory=dict[str, int])
    """The axis of the features of each leaf."""
    steps: list[tuple[str, ...]] = field(default_factory=list[tuple[str, ...]])
    """The leaves, those of one weight (the steps of a loop) together."""
    places: dict[str, Whole | None] = field(default_factory=dict[str, "Whole | None"])
    _streams: list[Stream] | None = None

    def __post_init__(self) -> None:
        if not self.axes:
            self.axes = {leaf: feature_axis(self.analysis[leaf]) for leaf in self.leaves}
            self.steps = _by_weight(self.analysis, self.leaves)

    @property
    def streams(self) -> list[Stream]:
        """The leaves cut into the sets of features that the cone treats alike."""
        if self._streams is None:
            self._streams = _cut(self)
        return self._streams

    def token_of(self, leaf: str) -> Whole | None:
        """For each row (all axes but that of the features) of a leaf the token it belongs to."""
        if leaf not in self.places:
            self.places[leaf] = _tokens(self, leaf)
        return self.places[leaf]


def cone_of(analysis: Analysis, out: str, region: set[str], root: str | None) -> tuple[list[str], list[str]]:
    """The nodes between the leaves and `out` (included), and the leaves (contractions, and what comes from outside)."""
    inside: set[str] = set()
    leaves: set[str] = set()
    stack = [out]
    probe = analysis.probes[0]
    while stack:
        name = stack.pop()
        if name in inside or name in leaves or not analysis.is_data(name):
            continue
        node = analysis[name]
        drawn = probe.is_stub(name) or (node.op == "pick" and probe.is_stub(node.inputs[0]))
        if name == root or name not in region or drawn:
            if analysis[name].tensor.is_float and not _is_fixed(analysis, name):
                leaves.add(name)
            continue
        inside.add(name)
        stack.extend(analysis.inputs(name))
    place = analysis.place
    return sorted(inside, key=place.__getitem__), sorted(leaves, key=place.__getitem__)


def _is_fixed(analysis: Analysis, name: str) -> bool:
    return not analysis.live(name) and analysis.op(name) not in {"linear", "matmul", "conv", "einsum"}


# -- tokens and features of leaves -----------------------------------------------------------------------------------


def _tokens(mixing: Mixing, leaf: str) -> Whole | None:
    node = mixing.analysis[leaf]
    axis = mixing.axes[leaf]
    rest = [n for i, n in enumerate(node.shape) if i != axis]
    tokens, batch = mixing.tokens, mixing.batch
    count = int(np.prod(rest)) if rest else 1
    if node.op == "conv" and rest[-1] >= tokens:
        return np.arange(count) % rest[-1]
    if len(rest) >= 2 and rest[0] == tokens and rest[1] == batch and tokens != batch:
        return np.arange(count) // (count // tokens)
    if count % tokens == 0:
        return np.arange(count) % tokens
    return _traced(mixing, leaf, axis)


def _traced(mixing: Mixing, leaf: str, axis: int) -> Whole | None:
    """Tokens of one step of a loop, read off the labels that the root's tokens carry there."""
    analysis = mixing.analysis
    node = analysis[leaf]
    trace = Trace(analysis, "token")
    labels = trace.label(node.inputs[0])
    if labels is None or labels.shape[:-1] != node.shape[:-1] or axis != len(node.shape) - 1:
        return None
    row = np.asarray(labels, dtype=np.int64).reshape(-1, labels.shape[-1])[:, 0]
    return row % _STRIDE % mixing.tokens


def _by_weight(analysis: Analysis, leaves: list[str]) -> list[tuple[str, ...]]:
    groups: dict[object, list[str]] = {}
    for leaf in leaves:
        node = analysis[leaf]
        weight = node.inputs[1] if node.op in {"linear", "conv"} else leaf
        groups.setdefault((weight, node.shape), []).append(leaf)
    return [tuple(group) for group in groups.values()]


def _cut(mixing: Mixing) -> list[Stream]:
    """Cut the features of every leaf into the sets that views select together; steps of one weight are one stream."""
    analysis = mixing.analysis
    inside = set(mixing.nodes)
    streams: list[Stream] = []
    for leaves in mixing.steps:
        shape = analysis[leaves[0]].shape
        width = shape[mixing.axes[leaves[0]]] if shape else 1
        sets = _selected(mixing, leaves[0], inside, width)
        signatures: dict[tuple[bool, ...], list[int]] = {}
        for i in range(width):
            signatures.setdefault(tuple(bool(s[i]) for s in sets), []).append(i)
        streams.extend(Stream(leaves, tuple(found)) for key, found in signatures.items() if any(key) or not sets)
    return streams


def _selected(mixing: Mixing, leaf: str, inside: set[str], width: int) -> list[NDArray[np.bool_]]:
    """The sets of a leaf's features that stand in its last views, one for each different set."""
    analysis = mixing.analysis
    trace = Trace(analysis, "feature", fixed={leaf: _numbered(mixing, leaf)})
    found: dict[bytes, NDArray[np.bool_]] = {}
    stack, seen = [leaf], {leaf}
    while stack:
        name = stack.pop()
        ends = False
        for user in analysis.users[name]:
            if user not in inside:
                continue
            if _keeps_features(analysis, user, name):
                if user not in seen:
                    seen.add(user)
                    stack.append(user)
            else:
                ends = True
        if ends or (name == leaf and len(seen) == 1):
            labels = trace.label(name)
            if labels is None:
                continue
            mask = np.zeros(width, dtype=bool)
            numbers = np.unique(np.asarray(labels, dtype=np.int64))
            mask[numbers[(numbers >= 0) & (numbers < width)]] = True
            found.setdefault(mask.tobytes(), mask)
        if len(seen) > 4000:
            break
    return list(found.values())


def _numbered(mixing: Mixing, leaf: str) -> Floats:
    node = mixing.analysis[leaf]
    axis = mixing.axes[leaf]
    numbers = np.arange(node.shape[axis], dtype=np.float64)
    return np.broadcast_to(numbers.reshape([-1 if i == axis else 1 for i in range(len(node.shape))]), node.shape)


def _keeps_features(analysis: Analysis, name: str, source: str) -> bool:
    node = analysis[name]
    if node.op in MOVES:
        return node.op not in {"concat", "write"}
    if node.op == "gather":
        return source == node.inputs[0] and not analysis.is_data(node.inputs[1])
    if node.op in NORMS:
        return True
    if not analysis.is_arithmetic(name) or len(set(analysis.data(name))) != 1:
        return False
    return node.shape == analysis[source].shape
