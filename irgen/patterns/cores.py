"""Attention cores: softmax of a product of two streams, times a third, however the three are spelt."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from irgen.ir.attrs import integer
from irgen.ir.ops import MOVES
from irgen.match.analysis import DATA, Analysis
from irgen.match.contract import Product, product
from irgen.match.trace import Trace

_ON_SCORES = MOVES | frozenset({
    "add", "sub", "mul", "div", "where", "clip", "maximum", "minimum", "tanh", "cast", "masked_scatter",
    "gather_elements",
    "scatter_elements", "scatter_nd", "neg", "gather", "gather_nd", "abs", "sigmoid", "log",
})  # fmt: skip
_ON_PROBABILITIES = MOVES | frozenset(
    {"cast", "mul", "where", "div", "add", "sub", "scatter_nd", "relu", "gather", "gather_nd"}
)
_STEPS = 14


@dataclass(slots=True)
class Core:
    """One attention core.

    `scores` are the products under the softmax: the first one joins queries and keys; others (relative positions,
    disentangled terms) stand behind it. `terms` are what else enters the score path: (node, how).
    """

    softmax: str
    out: str
    scores: list[Product]
    q: str
    k: str
    v: str
    q_port: str
    k_port: str
    v_port: str
    value_product: Product
    terms: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    nodes: set[str] = field(default_factory=set[str])
    tanh: bool = False


def find_cores(analysis: Analysis) -> tuple[list[Core], dict[str, str]]:
    """All cores in order, and for every softmax that is none the reason."""
    cores: list[Core] = []
    refused: dict[str, str] = {}
    for name in analysis.order:
        if analysis.op(name) in {"softmax"} and analysis.is_data(name):
            found = _core(analysis, name)
            if isinstance(found, str):
                refused[name] = found
            else:
                cores.extend(found)
    return cores, refused


def _core(analysis: Analysis, softmax: str) -> list[Core] | str:
    outs, path = _forward(analysis, softmax)
    if not outs:
        return "its rows reach no product with a stream of values"
    scores, terms, below, tanh = _backward(analysis, analysis[softmax].inputs[0])
    scores = _ordered(analysis, scores)
    if not scores:
        return "no product of two streams (queries and keys) lies under it"
    cores: list[Core] = []
    for value_product, p_port in outs:
        v_port = "right" if p_port == "left" else "left"
        v = value_product.right if v_port == "right" else value_product.left
        sides = _sides(analysis, scores[0], softmax)
        if sides is None:
            return "the softmax does not run over the keys of the product under it"
        q_port, k_port = sides
        first = scores[0]
        q, k = (first.left, first.right) if q_port == "left" else (first.right, first.left)
        nodes = below | path | {softmax, value_product.node} | {s.node for s in scores}
        cores.append(
            Core(
                softmax, value_product.node, scores, q, k, v, q_port, k_port, v_port, value_product, terms, nodes, tanh
            )
        )
    return cores


def _product(analysis: Analysis, name: str) -> Product | None:
    node = analysis[name]
    if node.op not in {"matmul", "einsum"} or len(node.inputs) != 2:
        return None
    return product(node, tuple(len(analysis[source].shape) for source in node.inputs))


def _forward(analysis: Analysis, softmax: str) -> tuple[list[tuple[Product, str]], set[str]]:
    """The products of the probabilities with values, each with the port of the probabilities, and the way there."""
    found: list[tuple[Product, str]] = []
    parent: dict[str, str] = {softmax: ""}
    front = [softmax]
    for _ in range(_STEPS):
        after: list[str] = []
        for name in front:
            for user in dict.fromkeys(analysis.users[name]):
                if user in parent:
                    continue
                joined = _product(analysis, user)
                if joined is not None:
                    other = joined.right if joined.left == name else joined.left
                    if analysis.is_data(other) and other not in parent:
                        parent[user] = name
                        found.append((joined, "left" if joined.left == name else "right"))
                elif analysis.op(user) in _ON_PROBABILITIES:
                    parent[user] = name
                    after.append(user)
        if found or not after:
            break
        front = after
    path: set[str] = set()
    for joined, _ in found:
        name = joined.node
        while name:
            path.add(name)
            name = parent[name]
    return found, path


def _backward(analysis: Analysis, name: str) -> tuple[list[Product], list[tuple[str, str]], set[str], bool]:
    """The products of two streams under a softmax, the other terms of its scores, and the nodes between."""
    scores: list[Product] = []
    terms: list[tuple[str, str]] = []
    nodes: set[str] = set()
    tanh = False
    stack = [(name, 0)]
    while stack:
        name, depth = stack.pop()
        if name in nodes or depth > 3 * _STEPS:
            continue
        joined = _product(analysis, name)
        if joined is not None:
            if _streams(analysis, joined):
                scores.append(joined)
                nodes.add(name)
            continue
        node = analysis[name]
        if node.op not in _ON_SCORES:
            continue
        nodes.add(name)
        tanh = tanh or node.op == "tanh"
        for source in dict.fromkeys(s for s in node.inputs if s):
            if _leads_to_product(analysis, source):
                stack.append((source, depth + 1))
            elif not (analysis[source].op == "const" and analysis[source].size == 1):
                kept = node.op == "where" and _leads_to_product(analysis, node.inputs[2])
                terms.append((source, "where-not" if kept else node.op))
    return scores, terms, nodes, tanh


def _streams(analysis: Analysis, joined: Product) -> bool:
    """Whether both operands of a product are hidden states."""
    return analysis.cls[joined.left] == DATA and analysis.cls[joined.right] == DATA


def _leads_to_product(analysis: Analysis, name: str) -> bool:
    """Whether a product of two streams lies behind a node through operators that a score path may hold."""
    seen: set[str] = set()
    stack = [name]
    while stack and len(seen) < 80:
        name = stack.pop()
        if name in seen or analysis.cls[name] != DATA:
            continue
        seen.add(name)
        joined = _product(analysis, name)
        if joined is not None and _streams(analysis, joined):
            return True
        if analysis.op(name) in _ON_SCORES:
            stack.extend(analysis.inputs(name))
    return False


def _ordered(analysis: Analysis, scores: list[Product]) -> list[Product]:
    """The content product first: the one whose both sides read hidden states that depend on the inputs."""
    live = analysis.live

    def rank(joined: Product) -> tuple[bool, int]:
        return (not (live(joined.left) and live(joined.right)), analysis.place[joined.node])

    return sorted(scores, key=rank)


def _sides(analysis: Analysis, joined: Product, softmax: str) -> tuple[str, str] | None:
    """Which operand holds the queries and which the keys: the softmax runs over the keys."""
    node = analysis[joined.node]
    under = analysis[softmax].inputs[0]
    axis = integer(analysis[softmax], "axis")
    for port, own in (("right", joined.right_only), ("left", joined.left_only)):
        letter = own[-1:]
        if not letter:
            continue
        place = joined.out_axes.index(letter)
        if node.shape[place] == 1 or min(node.shape) < 0:
            continue
        numbers = np.arange(node.shape[place], dtype=np.float64).reshape(
            [-1 if i == place else 1 for i in range(len(node.shape))]
        )
        trace = Trace(analysis, "feature", fixed={joined.node: np.broadcast_to(numbers, node.shape)})
        labels = trace.label(under)
        if labels is None:
            return ("left", "right")
        if labels.shape[axis] > 1 and bool((np.diff(labels, axis=axis) != 0).any()):
            return ("left", "right") if port == "right" else ("right", "left")
    if joined.right_only and joined.left_only:
        return ("left", "right")
    return ("left", "right") if analysis[softmax].op == "softmax" else None
