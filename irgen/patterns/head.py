"""The head: the last contraction between the last layer and an output, what it gives, and whether it is tied."""

from __future__ import annotations

import math
from collections.abc import Sequence

from irgen.ir.architecture import Head, Part
from irgen.ir.attrs import integer
from irgen.ir.ops import MOVES
from irgen.match.activations import NAMES
from irgen.match.analysis import NORMS, Analysis
from irgen.match.pattern import Branch
from irgen.patterns.entry import convolution_facts
from irgen.patterns.feed_forward import find_pairs
from irgen.patterns.layers import part_norm
from irgen.patterns.parameters import weight_size

_CONTRACTIONS = frozenset({"linear", "conv", "conv_transposed", "matmul", "einsum"})


def find_head(
    analysis: Analysis, marks: list[str], tables: set[str], outputs: Sequence[str] | None = None
) -> tuple[Head, str | None, set[str], list[Part]]:
    """The head of a model: (head, the sum it reads, its nodes, the parts between that sum and the head).

    `marks` are the residual sums (or the last nodes of what has none); `tables` the token tables; `outputs` where the
    head may end, all outputs of the model if it is not given.
    """
    sums = set(marks)
    outputs = analysis.graph.outputs if outputs is None else outputs
    floats = [output for output in outputs if analysis[output].is_float]
    for output in sorted(floats, key=lambda output: not analysis[output].shape):
        nodes, reads = _behind(analysis, output, sums)
        if not reads and marks:
            continue
        last = [n for n in nodes if analysis.op(n) in _CONTRACTIONS and analysis.is_data(n)]
        parts = _parts(analysis, nodes)
        stem = max(reads, key=analysis.place.__getitem__) if reads else None
        if not last:
            return Head(_pooled(analysis, nodes), None, None, parts=[]), stem, nodes, [p for _, p in parts]
        final = max(last, key=analysis.place.__getitem__)
        before = [p for n, p in parts if analysis.place[n] < analysis.place[final]]
        tied = _tied(analysis, final, tables)
        shape = analysis[final].shape
        if not shape:
            continue
        width = shape[min(1, len(shape) - 1) if analysis.op(final).startswith("conv") else -1]
        if _compares(analysis, final):
            space = analysis[analysis[final].inputs[0]].shape[-1]
            return Head("pooling", space, None, parts=[]), stem, nodes, [p for _, p in parts]
        if len(analysis[output].shape) == 1 and analysis[output].size < analysis[final].size:
            return Head("regression", 1, None, parts=[p for _, p in parts]), stem, nodes, before
        kind = _kind(
            analysis, output, final, width, tied, tables, {analysis[s].shape[-1] for s in sums if analysis[s].shape}
        )
        if _is_concatenated(analysis, final, output):
            width = analysis[output].shape[-1]
        if kind == "pooling":
            return Head("pooling", width, None, parts=[p for _, p in parts]), stem, nodes, before
        return Head(kind, width, tied, parts=[p for _, p in parts]), stem, nodes, before
    return Head("none", None, None), None, set(), []


def behind_last_sum(analysis: Analysis, reader: str, sums: set[str]) -> tuple[set[str], set[str]]:
    """What stands between a node and the residual sums behind it: (nodes, sums)."""
    return _behind(analysis, reader, sums)


def parts_of(analysis: Analysis, nodes: set[str], *, folded: bool = True) -> list[tuple[str, Part]]:
    """The nodes that do something to the stream, in order, as parts; `folded` makes up–act–down one feed-forward."""
    found = _parts(analysis, nodes)
    return fold_feed_forwards(analysis, nodes, found) if folded else found


def fold_feed_forwards(analysis: Analysis, nodes: set[str], parts: list[tuple[str, Part]]) -> list[tuple[str, Part]]:
    """Replace the parts of each gated or widening pair of projections by one feed-forward."""
    pairs = find_pairs(Branch(analysis, None, sorted(nodes)[:1], nodes, -1))
    for pair in [] if isinstance(pairs, str) else pairs:
        act = pair.activation
        facts = {"hidden": pair.hidden, "activation": act.name, "gated": act.gated}
        facts |= {"in": analysis[analysis[pair.ups[0]].inputs[0]].shape[-1], "out": analysis[pair.down].shape[-1]}
        whole = Part("feed-forward", facts, pair.down, weight_size(analysis, pair.nodes))
        at = next((i for i, (n, _) in enumerate(parts) if n in pair.nodes), len(parts))
        parts = [(n, p) for n, p in parts if n not in pair.nodes]
        parts.insert(at, (pair.down, whole))
    return parts


def _behind(analysis: Analysis, output: str, sums: set[str]) -> tuple[set[str], set[str]]:
    """The hidden states between an output and the sums behind it, and those sums.

    What comes from elsewhere (a time step, a class that modulates the output) is no step between them.
    """
    nodes: set[str] = set()
    reads: set[str] = set()
    stack = [output]
    while stack:
        name = stack.pop()
        if name in nodes or name in reads:
            continue
        if name in sums:
            reads.add(name)
            continue
        if analysis.is_data(name) and analysis.op(name) not in {"input", "embedding"}:
            nodes.add(name)
            stack.extend(analysis.data(name))
    if reads:
        fed = set(reads)
        for name in sorted(nodes, key=analysis.place.__getitem__):
            if not analysis.live(name) or any(source in fed for source in analysis.inputs(name)):
                fed.add(name)
        nodes &= fed
    return nodes, reads


def _parts(analysis: Analysis, nodes: set[str]) -> list[tuple[str, Part]]:
    parts: list[tuple[str, Part]] = []
    for name in sorted(nodes, key=analysis.place.__getitem__):
        node = analysis[name]
        part: Part | None = None
        if node.op in NORMS:
            part = Part("norm", {"norm": part_norm(analysis, name)})
        elif node.op == "linear":
            part = Part(
                "linear",
                {"in": analysis[node.inputs[0]].shape[-1], "out": node.shape[-1], "bias": len(node.inputs) > 2},
            )
        elif node.op == "conv":
            part = Part("convolution", convolution_facts(analysis, name))
        elif node.op == "stop_gradient":
            part = Part("stop-gradient")
        elif node.op in NAMES:
            part = Part("activation", {"activation": NAMES[node.op]})
        elif node.op in {"reduce_mean", "reduce_max", "adaptive_pool", "avg_pool"} or (
            node.op == "slice" and _picks_one(analysis, name)
        ):
            part = Part("pooling", {"width": max(node.shape[1:], default=None)})
        if part is not None:
            part.parameters, part.region = weight_size(analysis, [name]), name
            parts.append((name, part))
    return parts


def _picks_one(analysis: Analysis, name: str) -> bool:
    """Whether a slice takes one token of many."""
    node = analysis[name]
    axis = integer(node, "axis")
    return node.shape[axis] == 1 and analysis[node.inputs[0]].shape[axis] > 1 and axis < len(node.shape) - 1


def _pooled(analysis: Analysis, nodes: set[str]) -> str:
    """Without a contraction behind the last layer: pooled or nothing."""
    return "pooling" if any(p.kind == "pooling" for _, p in _parts(analysis, nodes)) else "none"


def _compares(analysis: Analysis, final: str) -> bool:
    """Whether a contraction compares pooled states with pooled states, of another tower or of other samples."""
    node = analysis[final]
    sides = node.inputs[:2]
    if node.op not in {"matmul", "einsum"} or len(node.shape) != 2:
        return False
    return all(analysis.live(side) and _is_learned(analysis, side) for side in sides)


def _is_learned(analysis: Analysis, name: str) -> bool:
    """Whether learned weights made a state: a graph's adjacency, as it is given or normalised, is none of the kind."""
    return any(analysis.op(n) == "param" for n in analysis.back(name, 0))


def _rebuilds(shape: tuple[int, ...], given: tuple[int, ...]) -> bool:
    """Whether an output has the elements of an input, or some values for each of its places (a denoiser)."""
    if len(given) < 3 or shape[:1] != given[:1]:
        return False
    same = len(shape) == len(given) == 4 and shape[2:] == given[2:]
    return math.prod(shape) == math.prod(given) or (same and given[1] > 3 and shape[1] % given[1] == 0)


def _is_concatenated(analysis: Analysis, final: str, output: str) -> bool:
    """Whether the output puts the results of several contractions beside one another (a vocabulary in two parts)."""
    last = len(analysis[output].shape) - 1
    path = analysis.between(final, [output])
    return any(analysis.op(n) == "concat" and analysis[n].attrs.get("axis") == last for n in path)


def _tied(analysis: Analysis, final: str, tables: set[str]) -> bool:
    """Whether the last contraction uses the token table."""
    if analysis.op(final) not in {"linear", "matmul"}:
        return False
    for port in analysis[final].inputs[:2]:
        name = port
        while analysis.op(name) in MOVES or analysis.op(name) == "cast":
            name = analysis.inputs(name)[0]
        if name in tables:
            return True
    return False


def _kind(
    analysis: Analysis, output: str, final: str, width: int, tied: bool, tables: set[str], streams: set[int]
) -> str:
    """What a head gives: tokens of a vocabulary, classes, a map, numbers, or a pooled state."""
    shape = analysis[output].shape
    given = [analysis[n] for n in analysis.graph.inputs if analysis[n].is_float]
    if any(_rebuilds(shape, node.shape) for node in given):
        return "regression"
    sizes = {analysis[t].shape[0] for t in tables if analysis[t].shape}
    if len(shape) >= 4 and analysis.op(final).startswith("conv"):
        return "segmentation"
    if len(shape) >= 3 and (tied or width in sizes):
        return "lm"
    values = {analysis[n].shape[-1] for n in analysis.graph.inputs if analysis[n].is_float and analysis[n].shape}
    if width == 1 or (width in values | streams and len(shape) >= 3):
        return "regression"
    after = [n for n in analysis.between(final, [output]) if analysis.op(n) in {"tanh", "l2_norm"}]
    if len(shape) == 2 and after:
        return "pooling"
    return "classification"
