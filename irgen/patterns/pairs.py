"""Which token sees which, followed element by element: for attention in chunks, blocks, bands and sorted buckets.

A core that works on pieces of the stream has a mask of its own layout. Each score gets the pair of tokens that it joins
as its label, the labels are carried to the softmax through the operators that move scores, and what is kept there is
read off as pairs of tokens.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from irgen.match.analysis import Analysis
from irgen.match.contract import Product
from irgen.match.masks import Bools
from irgen.match.trace import STRIDE, Trace
from irgen.patterns.cores import Core

Floats = NDArray[np.float64]

_LARGEST = 2_000_000
"""No more scores than this are followed."""
_TOKENS = 4_096


def seen_pairs(analysis: Analysis, core: Core, root: str) -> Bools | None:
    """`keep[i, j]`: token i of the stream sees token j in this core, for the first entry of the batch; None if unknown.

    Rows of tokens that this core does not ask for are empty. Tokens are those of `root` [batch, …, features].
    """
    key = (core.softmax, core.out, root)
    if key not in analysis.pairs:
        analysis.pairs[key] = _seen(analysis, core, root)
    return analysis.pairs[key]


def asks_for_all(analysis: Analysis, core: Core, root: str) -> bool:
    """Whether every token of the stream's first entry stands behind some query of a core (or none can be told)."""
    tokens = Trace(analysis, "token", roots=frozenset({root}))
    tokens.label(root)
    labels = tokens.label(core.q)
    count = int(np.prod(analysis[root].shape[1:-1]))
    if labels is None:
        return True
    found = np.asarray(labels, dtype=np.float64)
    return np.unique(found[(found >= 0) & (found < count)]).size in {0, count}


def _seen(analysis: Analysis, core: Core, root: str) -> Bools | None:
    count = int(np.prod(analysis[root].shape[1:-1]))
    if not 1 < count <= _TOKENS or count > STRIDE or analysis[core.softmax].size > _LARGEST:
        return None
    tokens = Trace(analysis, "token", roots=frozenset({root}))
    tokens.label(root)  # the stream's labels come first
    fixed: dict[str, Floats] = {}
    for joined in core.scores:
        labels = _joined(analysis, tokens, joined, core, count)
        if labels is None:
            return None
        fixed[joined.node] = labels
    value = analysis.probes[0].value(core.softmax)
    carried = Trace(analysis, "feature", fixed=fixed).label(analysis[core.softmax].inputs[0])
    if value is None or carried is None or carried.shape != value.shape:
        return None
    found = np.asarray(carried, dtype=np.float64)[(np.nan_to_num(np.asarray(value, dtype=np.float64)) > 0)]
    found = found[(found >= 0) & (found < count * count)].astype(np.int64)
    keep: Bools = np.zeros(count * count, dtype=np.bool_)
    keep[found] = True
    return keep.reshape(count, count) if found.size else None


def _joined(analysis: Analysis, tokens: Trace, joined: Product, core: Core, count: int) -> Floats | None:
    """For each element of a product of queries and keys the pair that it joins; -1 for pairs of other entries."""
    if analysis[joined.node].size > _LARGEST:
        return None
    first = core.scores[0]
    port = core.q_port if joined is first else _query_port(tokens, joined, core)
    sides: list[Floats] = []
    for side, name in (("left", joined.left), ("right", joined.right)):
        labels, letters = tokens.label(name), joined.axes(side)
        if labels is None or labels.ndim != len(letters):
            return None
        at = np.asarray(labels, dtype=np.float64)
        for letter in sorted(joined.contracted, key=letters.index, reverse=True):
            at = np.take(at, 0, axis=letters.index(letter))
        axes = "".join(c for c in letters if c not in joined.contracted)
        order = [axes.index(c) for c in joined.out_axes if c in axes]
        shape = [at.shape[axes.index(c)] if c in axes else 1 for c in joined.out_axes]
        at = np.transpose(at, order).reshape(shape)
        sides.append(np.where((at >= 0) & (at < count), at * (count if side == port else 1), -float(count * count)))
    pairs = np.broadcast_to(sides[0] + sides[1], analysis[joined.node].shape)
    return np.where(pairs < 0, -1.0, pairs)


def _query_port(tokens: Trace, joined: Product, core: Core) -> str:
    """The side of a further product on which the queries stand: the one made by the projection of the queries."""
    analysis = tokens.analysis
    behind = {side: Trace(analysis, "feature") for side in ("q", "left", "right")}
    for side, name in (("q", core.q), ("left", joined.left), ("right", joined.right)):
        behind[side].label(name)
    ours = set(behind["q"].sources)
    return "right" if ours & set(behind["right"].sources) and not ours & set(behind["left"].sources) else "left"
