"""Routers: scores of each token for E choices, of which the k largest are taken, and the weights of the chosen ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from irgen.ir.ops import CONTRACTIONS
from irgen.match.analysis import Analysis
from irgen.match.chosen import weights_of_the_chosen
from irgen.match.weighted import Weighted, weighted

SELECTIONS = frozenset({"topk", "sort", "argmax", "reduce_max"})
ENDS = CONTRACTIONS | {"conv", "rnn", "scan", "loop", "attention", "embedding"}
"""Operators behind which a score is no longer one."""


@dataclass(frozen=True, slots=True)
class Routing:
    """A router: its score contraction, the choice, and what the weights of the chosen are.

    `router` is null where the place or id of a token decides, `top_k` where each token has another number of experts.
    `reached` are the nodes of the branch that depend on the scores. `scoring` is null where the weights are neither
    softmax nor sigmoid of the scores; `normalized` where no weights of the chosen were found.
    """

    router: Weighted | None
    selections: tuple[str, ...]
    experts: int
    top_k: int | None
    scoring: str | None
    normalized: bool | None
    reached: frozenset[str]
    check: str


def selection_size(analysis: Analysis, name: str) -> tuple[int, int] | None:
    """How many are taken out of how many along the axis of a selection, or None where nothing is selected."""
    node = analysis[name]
    operand = analysis[node.inputs[0]]
    if not operand.is_float:
        return None
    axis = node.attrs.get("axis")
    if node.op == "reduce_max":
        axes = node.attrs.get("axes")
        axis = axes[0] if isinstance(axes, tuple) and len(axes) == 1 else None
    if not isinstance(axis, int) or not operand.shape:
        return None
    size = operand.shape[axis]
    if node.op in {"argmax", "reduce_max"}:
        return 1, size
    taken = node.attrs.get("k") if node.op == "topk" else size
    if not isinstance(taken, int) or taken >= size:
        taken = _kept(analysis, name, axis, size)
    return (taken, size) if isinstance(taken, int) and 0 < taken < size else None


def _kept(analysis: Analysis, name: str, axis: int, size: int) -> int | None:
    """How far into a sorted axis the readers look, counted from the largest."""
    node = analysis[name]
    falling = bool(node.attrs.get("descending", node.attrs.get("largest")))
    depths: set[int] = set()
    for pick in analysis.users[name]:
        for user in analysis.users[pick]:
            reader = analysis[user]
            if reader.attrs.get("axis") != axis:
                continue
            if reader.op == "slice":
                start, stop = reader.attrs.get("start"), reader.attrs.get("stop")
                if isinstance(start, int) and isinstance(stop, int):
                    depths.add(stop if falling else size - start)
            elif reader.op == "gather" and (index := analysis.probes[0].value(reader.inputs[1])) is not None:
                depths.add(int(index.max()) + 1 if falling else size - int(index.min()))
    depths = {n for n in depths if 0 < n < size}
    return max(depths, default=None)


def routers_of(analysis: Analysis, name: str, region: set[str]) -> list[str]:
    """The contractions of the branch from which a score comes, met first on the way back."""
    found: dict[str, None] = {}
    stack, seen = [name], {name}
    while stack:
        top = stack.pop()
        if analysis.op(top) in ENDS and analysis.is_data(top):
            if top in region:
                found[top] = None
            continue
        for source in analysis.inputs(top):
            if source not in seen and source in region:
                seen.add(source)
                stack.append(source)
    return sorted(found, key=analysis.place.__getitem__)


def reached_from(analysis: Analysis, source: str, region: set[str]) -> frozenset[str]:
    """The nodes of a region that depend on one of its nodes, itself left out."""
    found = {source}
    for name in sorted(region, key=analysis.place.__getitem__):
        if any(s in found for s in analysis[name].inputs):
            found.add(name)
    return frozenset(found - {source})


def find_routings(analysis: Analysis, region: set[str], free: list[str]) -> list[Routing] | str:
    """Every router of a branch, or why there is none. `free` are the candidates for its selections, in order."""
    by_router: dict[str, list[str]] = {}
    reason = "no top-k, sort or arg max of a learned score in the branch"
    for name in free:
        if (size := selection_size(analysis, name)) is None:
            continue
        sources = [w for r in routers_of(analysis, analysis[name].inputs[0], region) if (w := weighted(analysis, r))]
        if not sources:
            reason = "a selection is made among values that no learned score gives"
            continue
        widest = [w for w in sources if w.fan_out >= size[1]]
        if not widest:
            reason = f"a selection among {size[1]} has no score of {size[1]} columns"
            continue
        by_router.setdefault(widest[-1].node, []).append(name)
    found: list[Routing] = []
    for router, selections in by_router.items():
        routing = _routing(analysis, router, selections, region)
        if isinstance(routing, str):
            reason = routing
        else:
            found.append(routing)
    return found or reason


def _routing(analysis: Analysis, router: str, selections: list[str], region: set[str]) -> Routing | str:
    score = weighted(analysis, router)
    assert score is not None
    reached = reached_from(analysis, router, region)
    top_k, experts = _final(analysis, selections)
    if experts < 2:
        return "a selection among fewer than two"
    if experts > score.fan_out:
        return f"{experts} are chosen among, the score has {score.fan_out} columns"
    experts = score.fan_out
    scoring, normalized, check = weights_of_the_chosen(analysis, score, top_k, experts, reached)
    return Routing(score, tuple(selections), experts, top_k, scoring, normalized, reached, check)


def _final(analysis: Analysis, selections: list[str]) -> tuple[int, int]:
    """How many the selections that no other one is made from take together, and among how many.

    A selection of groups comes before that of experts; selections repeated with the earlier choice masked out are
    one selection of as many.
    """
    ordered = sorted(selections, key=analysis.place.__getitem__)
    sized = {name: size for name in ordered if (size := selection_size(analysis, name))}
    chosen = ordered[-1]
    taken, among = sized[chosen]
    if analysis.op(chosen) in {"topk", "sort"}:
        return taken, among
    same = [n for n in ordered if sized[n] == sized[chosen] and analysis.op(n) == "argmax"]
    if same:
        return len(_distinct(analysis, same)), among
    return 1, among


def _distinct(analysis: Analysis, names: list[str]) -> list[str]:
    """Of several arg max, those that choose differently on the probe."""
    kept: dict[bytes, str] = {}
    for name in names:
        value = analysis.probes[0].value(name)
        kept.setdefault(name.encode() if value is None else np.asarray(value).reshape(-1).tobytes(), name)
    return list(kept.values())
