"""A cone made narrow: the same operators on a few of the channels that it treats alike, for questions that cost less.

Every size that is a multiple of the channels is divided by one factor, slices with it. Where that does not give a graph
that can be evaluated (channels split into heads, indices into them), the cone stays as it is.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from irgen.ir.attrs import integer
from irgen.ir.graph import Attr, Graph, Node, Types
from irgen.ir.ops import BINARY, REDUCTIONS, UNARY
from irgen.ir.tensor import TensorType
from irgen.match.analysis import Analysis
from irgen.match.memory import Mixing

CHANNELS = 8
"""So many channels are left."""
_PLAIN = UNARY | BINARY | REDUCTIONS | {
    "reshape", "transpose", "expand", "concat", "slice", "full", "pad", "matmul", "einsum", "write", "where", "param",
    "const", "input", "rms_norm", "layer_norm", "l2_norm", "clip", "tril", "triu", "softplus",
}  # fmt: skip


def slimmed(mixing: Mixing, channels: int) -> Mixing | None:
    """The same cone with fewer channels, its leaves turned into inputs, or None where it cannot be made narrow."""
    factor = channels // CHANNELS
    if channels % CHANNELS or factor < CHANNELS or {mixing.tokens, mixing.batch} & {channels * i for i in range(1, 9)}:
        return None
    if any(_split(mixing, leaf, channels) for leaf in mixing.leaves):
        return None
    graph = Graph()
    leaves = set(mixing.leaves)
    for name in _needed(mixing):
        node = mixing.analysis[name]
        made = _input(node, channels, factor) if name in leaves else _narrow(mixing.analysis, node, channels, factor)
        if made is None:
            return None
        graph.nodes[name] = made
        if made.op == "input":
            graph.inputs.append(name)
    graph.outputs.append(mixing.out)
    analysis = Analysis(graph)
    return Mixing(
        analysis,
        mixing.out,
        sorted(mixing.nodes, key=analysis.place.__getitem__),
        mixing.leaves,
        mixing.tokens,
        mixing.batch,
        dict(mixing.axes),
        mixing.steps,
        {leaf: mixing.token_of(leaf) for leaf in mixing.leaves},
    )


def _split(mixing: Mixing, leaf: str, channels: int) -> bool:
    """Whether an axis of a leaf other than that of its features would become narrow."""
    return any(n and n % channels == 0 for i, n in enumerate(mixing.analysis[leaf].shape) if i != mixing.axes[leaf])


def _needed(mixing: Mixing) -> list[str]:
    """The cone, its leaves and everything else that it reads, in order."""
    analysis = mixing.analysis
    found = {*mixing.nodes, *mixing.leaves}
    stack = [s for name in mixing.nodes for s in analysis.inputs(name)]
    while stack:
        name = stack.pop()
        if name not in found:
            found.add(name)
            stack.extend(analysis.inputs(name))
    return sorted(found, key=analysis.place.__getitem__)


def _size(n: int, channels: int, factor: int) -> int:
    return n // factor if n and n % channels == 0 else n


def _type(kind: TensorType, channels: int, factor: int) -> TensorType:
    return TensorType(kind.dtype, tuple(_size(n, channels, factor) for n in kind.shape or ()))


def _input(node: Node, channels: int, factor: int) -> Node | None:
    return Node(node.id, "input", (), _type(node.tensor, channels, factor))


def _narrow(analysis: Analysis, node: Node, channels: int, factor: int) -> Node | None:
    """A node on fewer channels, or None if its meaning depends on how many there are."""
    if node.op not in _PLAIN or node.body is not None or isinstance(node.type, tuple):
        return None
    kind: Types = _type(node.tensor, channels, factor)
    attrs: dict[str, Attr] = dict(node.attrs)
    value = node.value
    if value is not None:
        for axis, n in enumerate(value.shape):
            value = np.take(value, range(_size(n, channels, factor)), axis=axis)
    if node.op == "slice":
        axis = integer(node, "axis")
        whole = analysis[node.inputs[0]].shape[axis]
        if whole % channels == 0:
            start, stop = integer(node, "start"), integer(node, "stop")
            if integer(node, "step") != 1 or start % factor or stop % factor:
                return None
            attrs |= {"start": start // factor, "stop": stop // factor}
    if node.op == "write" and any(n % channels == 0 for n in node.shape):
        stops = node.attrs.get("stops")
        if isinstance(stops, tuple):
            attrs["stops"] = tuple(_size(n, channels, factor) if isinstance(n, int) else n for n in stops)
    return replace(node, type=kind, attrs=attrs, value=value)
