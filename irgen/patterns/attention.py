"""Facts of an attention core: heads, key and value heads, mask, positions, biases, norms, sinks and gates.

softmax(q kᵀ · scale + bias, mask) v (Vaswani et al. 2017, section 3.2.1; grouped keys: Ainslie et al. 2023;
latent keys: DeepSeek-V2, section 2.1; rotary positions: Su et al. 2021; ALiBi: Press et al. 2022).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from irgen.ir.architecture import Evidence, Fact
from irgen.ir.graph import Array
from irgen.match.analysis import INDEX, PARAM, Analysis
from irgen.match.trace import STRIDE, Trace
from irgen.match.weighted import weighted
from irgen.patterns.cores import Core
from irgen.patterns.gates import is_gated
from irgen.patterns.slots import memory_slots
from irgen.patterns.visibility import Visibility, visible

Floats = NDArray[np.float64]


@dataclass(slots=True)
class Operand:
    """How q, k or v was made: its layout by features, the contractions behind it, and what lies on the way."""

    labels: Array | None
    sources: list[str]
    passed: set[str]
    heads: int | None
    shared: bool
    """Some features are the same in all heads and some are not."""
    groups: frozenset[tuple[str, int]] = frozenset()
    """The heads by the contraction and the feature where each begins."""


@dataclass(slots=True)
class AttentionFacts:
    """The facts of one core with their evidence; `streams` are the nodes that q, k and v were projected from."""

    facts: dict[str, Fact]
    evidence: list[Evidence]
    ports: dict[str, str]
    seen: Visibility
    query_heads: frozenset[tuple[str, int]] = frozenset()
    key_heads: frozenset[tuple[str, int]] = frozenset()
    nodes: set[str] = field(default_factory=set[str])
    """The projections of q, k and v, what lies between them and the core, and what makes its learned terms."""


def describe(analysis: Analysis, core: Core, root: str | None, trunk: str | None = None) -> AttentionFacts:
    """Read the facts of a core; `root` is the residual stream of the sublayer that holds it."""
    joined = core.scores[0]
    q = _operand(analysis, core.q, joined.axes(core.q_port), joined.contracted, joined.own(core.q_port))
    k = _operand(analysis, core.k, joined.axes(core.k_port), joined.contracted, joined.own(core.k_port))
    heads, kv_heads = _heads(analysis, core, q, k)
    seen = visible(analysis, core, root, trunk)
    position, position_check = _position(analysis, core, q, k)
    facts: dict[str, Fact] = {
        "heads": heads,
        "kv_heads": kv_heads,
        "head_dim": _head_dim(analysis, core),
        "variant": "mla" if k.shared else variant_of(heads, kv_heads),
        "mask": seen.mask.kind,
        "window": seen.mask.window,
        "axis": seen.axis,
        "position": position,
        "bias": _bias(analysis, q) or _bias(analysis, k),
        "qk_norm": _qk_norm(analysis, q, k),
        "sinks": _sinks(analysis, core),
        "gated": is_gated(analysis, core),
        "memory": None,
    }
    reduction = _reduction(analysis, core, root)
    if reduction is not None:
        facts["kv_reduction"] = reduction
    slots = memory_slots(analysis, core)
    if slots:
        facts["memory_slots"] = slots
    scale = scale_of(analysis, core, q, k)
    evidence = [
        Evidence("scale", f"scores are multiplied by {scale:.6g} in all", (core.softmax,)),
        Evidence(
            "attention-core",
            "softmax over the keys of a product of two streams, times a third",
            (core.softmax, core.out),
        ),
        Evidence(
            "heads",
            f"{heads} distinct groups of query features and {kv_heads} of key features reach the product",
            (core.q, core.k),
        ),
        Evidence("mask", seen.mask.check, (core.softmax,)),
        Evidence("position", position_check, ()),
    ]
    ports = {"q": core.q, "k": core.k, "v": core.v, "out": core.out}
    v = Trace(analysis, "feature")
    v.label(core.v)
    positions = Trace(analysis, "feature")
    for extra in core.scores[1:]:
        positions.label(extra.left)
        positions.label(extra.right)
    nodes = {
        *positions.sources,
        *positions.passed,
        *q.sources,
        *k.sources,
        *v.sources,
        *q.passed,
        *k.passed,
        *v.passed,
        *core.nodes,
    }
    for term, _ in core.terms:
        made = analysis.back(term, 0) if analysis.is_data(term) else set[str]()
        if root is None or root not in made:
            nodes |= {n for n in made if analysis.is_data(n)}
    return AttentionFacts(facts, evidence, ports, seen, q.groups, k.groups, nodes)


def _operand(analysis: Analysis, name: str, axes: str, contracted: str, tokens: str) -> Operand:
    trace = Trace(analysis, "feature")
    labels = trace.label(name)
    heads, shared = None, False
    groups: frozenset[tuple[str, int]] = frozenset()
    if labels is not None and contracted and len(axes) == labels.ndim:
        rows: Floats = np.moveaxis(
            np.asarray(labels, dtype=np.float64), [axes.index(c) for c in contracted], range(-len(contracted), 0)
        )
        left = [c for c in axes if c not in contracted]
        width = int(np.prod(rows.shape[rows.ndim - len(contracted) :]))
        for some in _some_tokens(rows, [left.index(c) for c in tokens]):
            flat = some.reshape(-1, width)
            flat = flat[(flat >= 0).all(axis=1)]
            if not flat.size:
                continue
            distinct = [len(set(flat[:, c].tolist())) for c in {0, flat.shape[1] // 2, flat.shape[1] - 1}]
            heads = max(heads or 0, *distinct)
            shared = shared or (min(distinct) < max(distinct) and min(distinct) == 1)
            groups |= {(trace.source_of(n), int(n) % STRIDE) for n in set(flat[:, 0].tolist())}
    return Operand(labels, trace.sources, trace.passed, heads, shared, groups)


def _some_tokens(rows: Floats, places: list[int]) -> list[Floats]:
    """The rows of the first, a middle and the last token (one if all are alike): tokens of several streams share heads.

    Along the axis of the tokens features stay what they are, whatever their source; along that of heads they change.
    """
    for place in reversed(places):
        along = np.moveaxis(rows, place, 0)
        count = len(along)
        if count < 2:
            continue
        varies = (along != along[0]).any(axis=0)
        if not varies.any():
            return [along[0]]
        lines = along[:, varies]
        lines = lines[:, (lines >= 0).all(axis=0)]  # padding apart
        if not np.ptp(lines % STRIDE, axis=0).any():
            return [along[at] for at in dict.fromkeys((0, count // 2, count - 1))]
    return [rows]


def _heads(analysis: Analysis, core: Core, q: Operand, k: Operand) -> tuple[int | None, int | None]:
    """Query heads and key heads, from the distinct groups of features that meet in the product."""
    heads = q.heads if q.heads is not None and not _is_routed(analysis, q) else _heads_by_shape(analysis, core)
    kv_heads = k.heads if k.heads is not None else heads
    if heads is None or kv_heads is None or k.shared:
        return heads, heads
    if kv_heads > heads and kv_heads % heads:
        return heads, heads  # keys gathered from here and there
    return max(heads, kv_heads), kv_heads


_SCATTERS = frozenset({"scatter_nd", "scatter_elements", "masked_scatter"})


def _is_routed(analysis: Analysis, q: Operand) -> bool:
    """Whether queries are projected by several of many stacked matrices: a head is not known by its first feature."""
    stacks = [w.params[0] for s in q.sources if (w := weighted(analysis, s)) is not None and (w.stack or 1) > 1]
    if any(analysis.op(s) in _SCATTERS for s in q.sources):
        return True
    return len(stacks) > len(set(stacks)) or any(
        w.chosen for s in q.sources if (w := weighted(analysis, s)) is not None
    )


def variant_of(heads: int | None, kv_heads: int | None) -> str | None:
    """Multi-head, grouped-query or multi-query attention, by how many query heads share a key head."""
    if heads is None or kv_heads is None:
        return None
    if heads == kv_heads:
        return "mha"
    return "mqa" if kv_heads == 1 else "gqa"


def _heads_by_shape(analysis: Analysis, core: Core) -> int | None:
    shape = analysis[core.softmax].shape
    return shape[-3] if len(shape) >= 3 else 1


def _head_dim(analysis: Analysis, core: Core) -> int | None:
    joined = core.scores[0]
    size = 1
    for letter in joined.contracted:
        size *= analysis[joined.left].shape[joined.left_axes.index(letter)]
    return size


def _bias(analysis: Analysis, operand: Operand) -> bool:
    """Whether a projection behind the operand adds a learned vector."""
    for source in operand.sources:
        node = analysis[source]
        if node.op in {"linear", "conv"} and len(node.inputs) > 2 and node.inputs[2]:
            return True
    return False


def _reduction(analysis: Analysis, core: Core, root: str | None) -> int | None:
    """By how much keys are fewer than the stream's tokens, along each side of the grid; None where they are not.

    Wang et al. 2021 (PVT), equation 2; Xie et al. 2021 (SegFormer), equation 2.
    """
    if root is None or root not in analysis.back(core.k, analysis.place[root]):
        return None
    queries, keys = analysis[core.softmax].shape[-2:]
    pooled = any(analysis.op(n) in {"conv", "avg_pool", "max_pool"} for n in analysis.between(root, [core.k]))
    if not pooled or keys < 1 or queries <= keys or queries % keys:
        return None
    side = round((queries // keys) ** 0.5)
    return side if side * side == queries // keys else queries // keys


def scale_of(analysis: Analysis, core: Core, q: Operand, k: Operand) -> float:
    """The product of all fixed scalars between the projections and the softmax (1/√d in Vaswani et al. 2017)."""
    scale = 1.0
    for name in sorted(core.nodes | q.passed | k.passed):
        node = analysis[name]
        if node.op in {"mul", "div"}:
            for source in node.inputs:
                value = analysis[source].value
                if value is not None and value.size == 1 and not (analysis.place[core.softmax] < analysis.place[name]):
                    number = float(value.reshape(-1)[0])
                    scale = scale * number if node.op == "mul" else scale / number
    return scale


def _qk_norm(analysis: Analysis, q: Operand, k: Operand) -> bool:
    """A norm between the projections and the product, on queries and keys."""

    def normed(operand: Operand) -> bool:
        return any(analysis.op(name) in {"layer_norm", "rms_norm", "l2_norm", "group_norm"} for name in operand.passed)

    return normed(q) and normed(k)


def _sinks(analysis: Analysis, core: Core) -> bool:
    """A learned column beside the scores: it takes part in the softmax and has no value."""
    for name in core.nodes:
        if analysis.op(name) == "concat":
            others = [s for s in analysis.inputs(name) if s not in core.nodes]
            if others and all(analysis.cls[s] == PARAM for s in others):
                return True
    return False


def _position(analysis: Analysis, core: Core, q: Operand, k: Operand) -> tuple[str, str]:
    """How positions enter the scores."""
    if any(analysis.op(n) == "rotary" for n in q.passed) and any(analysis.op(n) == "rotary" for n in k.passed):
        return "rope", "queries and keys pass a rotation of pairs whose cos² + sin² is constant"
    if _rotated(analysis, core.q, q) and _rotated(analysis, core.k, k):
        return "rope", "queries and keys are multiplied by two tables with cos² + sin² constant"
    if any(not (analysis.live(s.left) and analysis.live(s.right)) for s in core.scores[1:]):
        return "relative-attention", "a second product joins queries or keys with positions that no input changes"
    if len(core.scores) == 1 and not (analysis.live(core.q) and analysis.live(core.k)) and analysis.live(core.v):
        return "none", "no term depends on positions"
    for term, how in core.terms:
        beside = how in {"add", "sub"} and analysis[term].is_float and not _from_scores(analysis, core, term)
        if beside and any(_reads_positions(analysis, term, operand.sources) for operand in (q, k)):
            return "relative-attention", "a product of queries or keys with learned positions is added to the scores"
        if beside:
            kind = _bias_kind(analysis, term)
            if kind is not None:
                return kind
    return "none", "no term depends on positions"


def _reads_positions(analysis: Analysis, term: str, projections: list[str]) -> bool:
    """Whether a term of the scores is a product of projected states with what no input changes.

    Shaw et al. 2018, equation 5; by skewing: Huang et al. 2018, section 3.4.1.
    """
    if not projections or not analysis.live(term):
        return False
    floor = min(analysis.place[s] for s in projections)
    for name in analysis.back(term, floor):
        if analysis.op(name) in {"matmul", "einsum", "linear"} and analysis.is_data(name) and name not in projections:
            sides = analysis.inputs(name)[:2]
            fixed = [s for s in sides if not analysis.live(s)]
            moving = [s for s in sides if analysis.live(s) and analysis.back(s, floor) & set(projections)]
            if len(fixed) == len(moving) == 1:
                return True
    return False


def _rotated(analysis: Analysis, name: str, operand: Operand) -> bool:
    """Whether two fixed tables a, b with a² + b² constant, neither constant itself, multiply the operand."""
    if not operand.sources:
        return False
    floor = min(analysis.place[s] for s in operand.sources)
    tables: list[Floats] = []
    for node in (analysis[n] for n in analysis.back(name, floor) if analysis.op(n) == "mul" and analysis.is_data(n)):
        for source in node.inputs:
            if not analysis.is_data(source) and analysis[source].size > 2:
                value = analysis.probes[0].value(source)
                if value is not None and np.iscomplexobj(value) and np.ptp(np.abs(value)) < 1e-5:
                    return True
                if value is not None and not np.iscomplexobj(value):
                    tables.append(np.asarray(value, dtype=np.float64))
    moving = [a for a in tables if np.ptp(a) > 1e-3]
    squares = (a * a + b * b for i, a in enumerate(moving) for b in moving[i + 1 :] if a.shape == b.shape)
    return any(float(np.ptp(s)) < 1e-5 * max(float(s.max()), 1e-9) for s in squares)


def _from_scores(analysis: Analysis, core: Core, term: str) -> bool:
    """Whether a term is made of the scores themselves (the largest of a row, in a softmax by hand)."""
    return any(analysis.reaches(s.node, term) for s in core.scores)


def _bias_kind(analysis: Analysis, term: str) -> tuple[str, str] | None:
    """Name an additive term of the scores by its values: constant, linear in the key position, or a learned table."""
    value = analysis.probes[0].value(term)
    learned = analysis.cls[term] != INDEX and _has_param(analysis, term)
    if value is None:
        return ("relative-bias", "a learned term is added to the scores") if learned else None
    finite = np.where(value > -1e4, value, np.nan)
    if value.ndim < 2 or not np.isfinite(finite).any():
        return None
    spread = np.nanmax(finite) - np.nanmin(finite)
    if not spread > 1e-6:
        return None
    if learned:
        graph = _pairwise_input(analysis, term)
        if graph:
            return "graph-bias", "a learned term is added to the scores, looked up by an input given for each pair"
        return "relative-bias", "a learned term that depends on the pair of positions is added to the scores"
    if _is_linear(finite):
        return "alibi", "a term linear in the key position is added to the scores"
    return "relative-bias", "a fixed term that depends on the pair of positions is added to the scores"


def _is_linear(bias: Floats) -> bool:
    """Whether a bias is linear in the key's position, on either side of the query where both are seen."""
    rows = bias.reshape(-1, bias.shape[-1])
    rows = rows[np.isfinite(rows).sum(axis=1) > 2]
    if not rows.size:
        return False
    bends = np.abs(np.diff(rows, n=2, axis=-1))
    limit = 1e-6 * max(1.0, float(np.nanmax(bias) - np.nanmin(bias)))
    if np.nanmax(bends, initial=0.0) < limit:
        return True
    if bias.ndim < 2 or bias.shape[-1] != bias.shape[-2]:
        return False
    square = np.abs(np.diff(bias, n=2, axis=-1)).reshape(-1, bias.shape[-2], bias.shape[-1] - 2)
    at: NDArray[np.int64] = np.arange(1, bias.shape[-1] - 1, dtype=np.int64)
    square[:, at, at - 1] = 0.0  # the bend at the query itself
    return bool(np.nanmax(square, initial=0.0) < limit) and bool(np.isfinite(square).any())


def _cone(analysis: Analysis, term: str) -> set[str]:
    return analysis.back(term, 0)


def _has_param(analysis: Analysis, term: str) -> bool:
    return any(analysis.op(n) == "param" for n in _cone(analysis, term))


def _pairwise_input(analysis: Analysis, term: str) -> bool:
    """Whether the model is given an integer for each pair of tokens (a distance, an edge)."""
    inputs = [analysis[n] for n in _cone(analysis, term) if analysis.op(n) == "input"]
    return any(not n.is_float and len(n.shape) >= 3 and n.shape[1] == n.shape[2] for n in inputs)
