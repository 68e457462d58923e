"""The residual stream: sums `x + f(x)` where one operand is carried and the others were computed from it."""

from __future__ import annotations

import numpy as np

from irgen.match.analysis import HEAVY, NORMS, Analysis
from irgen.match.trace import Trace
from irgen.patterns.axes import settle
from irgen.patterns.carried import carried
from irgen.patterns.continuing import join_groups, previous, sum_before
from irgen.patterns.sums import Sum, is_inner, terms_of

_LONG_CHAIN = 4
"""So many residual sums in a row inside a branch are a network of their own, not a detail of one branch."""


def find_sums(analysis: Analysis, inside: frozenset[str] = frozenset()) -> list[Sum]:
    """All residual sums in order, nesting resolved, each linked to the one before it on its stream.

    `inside` are the nodes of attention cores: what is added to scores is no residual.
    """
    by_node: dict[str, Sum] = {}
    for name in analysis.order:
        if name not in inside and (s := _sum(analysis, name, by_node)) is not None:
            by_node[name] = s
    found = list(by_node.values())
    for s in found:
        s.axis = _feature_axis(analysis, s)
        s.shape = analysis[s.node].shape
    settle(analysis, found)
    _couple(analysis, found, by_node)
    for s in found:
        _part_streams(analysis, s, by_node)
        s.before = s.before or previous(analysis, s, by_node)
    join_groups(analysis, by_node)
    return _without_nesting(analysis, found)


def _sum(analysis: Analysis, name: str, by_node: dict[str, Sum]) -> Sum | None:
    node = analysis[name]
    if node.op != "add" or not analysis.is_data(name) or not node.is_float or len(node.shape) < 2:
        return None
    if is_inner(analysis, name, by_node):
        return None
    terms = terms_of(analysis, name, by_node)
    return carried(analysis, name, terms, by_node) if len(terms) >= 2 else None


def _feature_axis(analysis: Analysis, s: Sum) -> int:
    """The axis along which the branch's features run, found by tracing them; the last one where it cannot be told."""
    labels = Trace(analysis, "feature").label(s.branches[0])
    if labels is not None and labels.ndim == len(analysis[s.node].shape):
        for axis in range(labels.ndim - 1, -1, -1):
            if labels.shape[axis] > 1 and (np.take(labels, 0, axis) != np.take(labels, 1, axis)).any():
                return axis
    return len(analysis[s.node].shape) - 1


def _couple(analysis: Analysis, sums: list[Sum], by_node: dict[str, Sum]) -> None:
    """Link the sums of two streams that update one another (reversible layers: Gomez et al. 2017, equation 6).

    All that such a sum adds is computed from the newest state of the other stream, which goes on behind it.
    """
    carries: dict[str, list[Sum]] = {}
    for s in sums:
        carries.setdefault(sum_before(analysis, s.trunk, by_node) or "", []).append(s)
    for s in sums:
        for other in [by_node[n] for n in s.region if n in by_node and n != s.node]:
            goes_on = any(u is not s and u.node not in s.region for u in carries.get(other.node, ()))
            if goes_on and other.shape == s.shape and not s.entry and _passes(analysis, s, other.node):
                s.entry, s.before = other.node, other.node
                s.region = analysis.between(other.node, s.branches)


def _part_streams(analysis: Analysis, s: Sum, by_node: dict[str, Sum]) -> None:
    """Take out of a sum what lies on another stream that its branch reads (two-way attention, induced points).

    Such a stream has sums between the root and the branch, but what they carry came from elsewhere.
    """
    foreign: set[str] = set()
    for name in sorted((n for n in s.region if n in by_node and n != s.node), key=analysis.place.__getitem__):
        other = by_node[name]
        outside = other.root not in s.region and other.root != s.root
        if other.residual and (outside or previous(analysis, other, by_node) in foreign):
            foreign.add(name)
    if not foreign or foreign & set(s.branches):
        return
    kept: set[str] = set()
    stack = [*s.branches, s.trunk]
    while stack:
        name = stack.pop()
        if name in s.region and name not in kept and name not in foreign:
            kept.add(name)
            stack.extend(analysis.inputs(name))
    if any(s.reads in analysis.inputs(n) for n in kept):
        s.region = kept


def _passes(analysis: Analysis, s: Sum, node: str) -> bool:
    """Whether every way from the root of a sum to its branches leads over a node."""
    inside = analysis.between(node, s.branches)
    around = s.region - inside - {node}
    return all(t in inside or t == node for t in s.branches) and not any(
        source in around for n in inside for source in analysis.inputs(n)
    )


def _without_nesting(analysis: Analysis, sums: list[Sum]) -> list[Sum]:
    """Keep of nested sums the outer (the inner are details of its branch) or the inner (it is a long skip)."""
    by_node = {s.node: s for s in sums}
    continued = {s.before for s in sums if s.before}
    dropped: set[str] = set()
    relays: dict[str, Sum] = {}
    for outer in sorted(sums, key=lambda s: len(s.region)):
        inner = [by_node[n] for n in outer.region if n in by_node and n not in dropped and n != outer.node]
        inner = [s for s in inner if s.region <= outer.region | {outer.root}]
        if not inner:
            continue
        if all(_learns_nothing(analysis, s) for s in inner):
            outer.inner = inner  # the steps of a loop over tokens: S ← S + what a token adds
            dropped.update(s.node for s in inner)
            continue
        if _computes_one_copy(analysis, outer, inner):
            relays[outer.node] = max(inner, key=lambda s: analysis.place[s.node])
            dropped.add(outer.node)
            continue
        alone = outer.before is None and outer.node not in continued
        chained = _longest_chain(inner)
        if not alone and all(s.tokens == outer.tokens and s.width <= outer.width for s in inner):
            chained = 0
        static = not any(s.root != outer.root for s in inner)
        last = [by_node[n] for t in outer.branches if (n := sum_before(analysis, t, by_node)) is not None]
        ends = [end for end in last if end in inner and _is_skipped(analysis, outer, end, by_node)]
        whole = static or chained >= _LONG_CHAIN or (alone and chained >= 2)
        beside = any(s.root == outer.root and not (s.projected and s.width < outer.width) for s in inner)
        if whole or ends or beside:
            dropped.add(outer.node)
            relays.update([(outer.node, end) for end in ends])
        else:
            outer.inner = inner
            dropped.update(s.node for s in inner)
    kept = [s for s in sums if s.node not in dropped]
    return _relinked(kept, by_node, relays)


def _learns_nothing(analysis: Analysis, s: Sum) -> bool:
    """Whether a branch computes with no learned matrix of its own."""
    for name in s.region:
        sources = analysis.inputs(name)
        if any(analysis.op(n) == "param" and len(analysis[n].shape) > 1 for n in sources):
            return False
        if analysis.op(name) in {"linear", "grouped_linear", "conv", "conv_transposed", "rnn"}:
            return False
    return True


def _is_skipped(analysis: Analysis, outer: Sum, end: Sum, by_node: dict[str, Sum]) -> bool:
    """Whether a sum only skips over a chain of inner ones, which starts at its root and whose result is all it adds."""
    first = end
    while first.before is not None and first.before in outer.region:
        first = by_node[first.before]
    return not any(analysis.op(n) in HEAVY | NORMS for n in analysis.between(outer.root, [first.root]))


def _computes_one_copy(analysis: Analysis, outer: Sum, inner: list[Sum]) -> bool:
    """Whether the inner sums work on one copy of the outer's stream (alternating updates)."""
    first = min(inner, key=lambda s: analysis.place[s.node])
    same = all(s.width == outer.width and s.tokens < outer.tokens and outer.tokens % s.tokens == 0 for s in inner)
    if not same or len(outer.shape) < 4:
        return False
    name = first.root
    while name != outer.root:
        if analysis.op(name) not in {"slice", "reshape", "cast"}:
            return False
        name = analysis.inputs(name)[0]
    return True


def _longest_chain(sums: list[Sum]) -> int:
    length: dict[str, int] = {}
    for s in sums:
        length[s.node] = 1 + length.get(s.before or "", 0)
    return max(length.values(), default=0)


def _relinked(kept: list[Sum], by_node: dict[str, Sum], relays: dict[str, Sum]) -> list[Sum]:
    """Links that pointed to a dropped sum point to what stands for it, or to what that one continued."""
    names = {s.node for s in kept}
    for s in kept:
        while s.before is not None and s.before not in names:
            s.before = relays[s.before].node if s.before in relays else by_node[s.before].before
    return kept
