"""Routers: scores of each token for E choices, of which the k largest are taken, and the weights of the chosen ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from irgen.ir.ops import CONTRACTIONS
from irgen.match.analysis import Analysis
from irgen.match.probe import Probe
from irgen.match.weighted import Weighted, weighted

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

SELECTIONS = frozenset({"topk", "sort", "argmax", "reduce_max"})
_ENDS = CONTRACTIONS | {"conv", "rnn", "scan", "loop", "attention", "embedding"}
_TOLERANCE = 1e-6
_MOST_PLACES = 4
_DEAREST = 100_000
"""So many comparisons a row at most where the places of the chosen are not known."""


@dataclass(frozen=True, slots=True)
class Routing:
    """A router: its score contraction, the choice, and what the weights of the chosen are.

    `reached` are the nodes of the branch that depend on the scores. `scoring` is null where the weights are neither
    softmax nor sigmoid of the scores; `normalized` where no weights of the chosen were found.
    """

    router: Weighted
    selections: tuple[str, ...]
    experts: int
    top_k: int
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
        if analysis.op(top) in _ENDS and analysis.is_data(top):
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
    scoring, normalized, check = _weights(analysis, score, top_k, experts, reached)
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


# -- weights of the chosen -------------------------------------------------------------------------------------------


def _weights(
    analysis: Analysis, score: Weighted, top_k: int, experts: int, reached: frozenset[str]
) -> tuple[str | None, bool | None, str]:
    """Which function of the scores the weights of the chosen are, and whether they sum to one constant."""
    verdicts = [_verdict(analysis, probe, score, top_k, experts, reached) for probe in analysis.probes]
    seen = [v for v in verdicts if v is not None]
    named = {scoring for scoring, _ in seen}
    scoring = named.pop() if len(named) == 1 else None
    if scoring is None:
        scoring = _by_operator(analysis, reached, experts, top_k)
    if not seen:
        return scoring, None, "no weights of the chosen were found on probe values"
    # One draw in which the sums differ disproves; that they are equal must hold in every draw.
    normalized = all(summed for _, summed in seen)
    words = "sum to one constant" if normalized else "do not sum to a constant"
    return scoring, normalized, f"the weights of the {top_k} chosen of {experts} are {scoring} of the score and {words}"


def _verdict(
    analysis: Analysis, probe: Probe, score: Weighted, top_k: int, experts: int, reached: frozenset[str]
) -> tuple[str | None, bool] | None:
    """Of the last tensor behind the score that holds the weights of the chosen: its function, and equal sums."""
    logits = probe.value(score.out if analysis[score.out].shape == analysis[score.node].shape else score.node)
    if logits is None or logits.shape[-1] != experts or logits.size == 0:
        return None
    rows = np.asarray(logits, dtype=np.float64).reshape(-1, experts)
    soft = np.exp(rows - rows.max(axis=-1, keepdims=True))
    references = [("softmax", soft / soft.sum(axis=-1, keepdims=True)), ("sigmoid", 1 / (1 + np.exp(-rows)))]
    references += _own_scores(analysis, probe, reached, len(rows), experts)
    chosen = _places(analysis, probe, reached, len(rows), top_k, experts)
    scored: tuple[str | None, bool] | None = None
    unscored: list[bool] = []
    for name in sorted(reached, key=analysis.place.__getitem__):
        weights = _chosen_weights(analysis, probe, name, len(rows), top_k, experts)
        if weights is None:
            continue
        scoring = next((word for word, ref in references if _proportional(weights, ref, top_k, chosen)), None)
        sums = weights.sum(axis=-1)
        summed = bool(np.ptp(sums) <= _TOLERANCE * np.abs(sums).max())
        if scoring is not None:
            scored = (scoring, summed)
        else:
            unscored.append(summed)
    return scored or ((None, any(unscored)) if unscored else None)


def _own_scores(
    analysis: Analysis, probe: Probe, reached: frozenset[str], tokens: int, experts: int
) -> list[tuple[str, Floats]]:
    """What the graph's own softmax and sigmoid over the choices give (of scores that were scaled or shifted)."""
    found: list[tuple[str, Floats]] = []
    for name in sorted(reached, key=analysis.place.__getitem__):
        node = analysis[name]
        if node.op in {"softmax", "sigmoid"} and node.shape[-1:] == (experts,) and node.tensor.size == tokens * experts:
            value = probe.value(name)
            if value is not None:
                found.append((node.op, np.asarray(value, dtype=np.float64).reshape(tokens, experts)))
    return found


def _chosen_weights(
    analysis: Analysis, probe: Probe, name: str, tokens: int, top_k: int, experts: int
) -> Floats | None:
    """A tensor as one row of weights for each token, if it holds k of them (or E with all but k of them zero)."""
    node = analysis[name]
    if isinstance(node.type, tuple) or not node.is_float or node.op in _ENDS:
        return None
    if node.size not in {tokens * top_k, tokens * experts}:
        return None
    width = node.size // tokens
    shape = tuple(n for n in node.shape if n != 1)
    across = len(shape) > 1 and shape[0] == width and shape[-1] != width
    value = probe.value(name)
    if value is None or value.size != tokens * width or np.iscomplexobj(value):
        return None
    rows = np.asarray(value, dtype=np.float64)
    rows = rows.reshape(width, tokens).T if across else rows.reshape(tokens, width)
    if not np.isfinite(rows).all() or (rows < 0).any() or not (rows > 0).any(axis=-1).all():
        return None
    if width == experts and experts != top_k and not ((rows > 0).sum(axis=-1) == top_k).all():
        return None
    flat = np.unique(rows[rows > 0])
    return None if len(flat) == 1 and top_k > 1 else rows


def _places(
    analysis: Analysis, probe: Probe, reached: frozenset[str], tokens: int, top_k: int, experts: int
) -> list[Whole]:
    """The indices of the chosen, one row for each token, wherever they stand behind the score."""
    found: list[Whole] = []
    for name in sorted(reached, key=analysis.place.__getitem__):
        node = analysis[name]
        if isinstance(node.type, tuple) or node.dtype not in {"int64", "int32"} or node.tensor.size != tokens * top_k:
            continue
        value = probe.value(name)
        if value is None or value.size != tokens * top_k or len(found) >= _MOST_PLACES:
            continue
        rows = np.asarray(value, dtype=np.int64).reshape(tokens, top_k)
        inside = bool(((rows >= 0) & (rows < experts)).all())
        if inside and bool((np.diff(np.sort(rows, axis=-1), axis=-1) > 0).all()):
            found.append(rows)
    return found


def _proportional(weights: Floats, reference: Floats, top_k: int, chosen: list[Whole]) -> bool:
    """Whether each row of weights is a multiple of the reference's entries at k places of the same row.

    With one place, the multiple must be the same for all rows.
    """
    if weights.shape[-1] == top_k != reference.shape[-1]:
        for places in chosen:
            if _constant_ratio(weights / np.take_along_axis(reference, places, axis=-1), top_k):
                return True
        if weights.shape[-1] * reference.shape[-1] ** 2 > _DEAREST:
            return False
    if weights.shape == reference.shape:
        places = np.argsort(-weights, axis=-1, kind="stable")[:, :top_k]
        picked, at = np.take_along_axis(weights, places, axis=-1), np.take_along_axis(reference, places, axis=-1)
        return _constant_ratio(picked / at, top_k)
    if top_k == 1:
        return any(_constant_ratio(weights / at, 1) for at in (reference.max(axis=-1, keepdims=True),))
    return _fits_somewhere(weights, reference, top_k)


def _constant_ratio(ratio: Floats, top_k: int) -> bool:
    spread = np.ptp(ratio, axis=-1) if top_k > 1 else np.ptp(ratio)
    return bool(np.all(spread <= _TOLERANCE * np.abs(ratio).max()))


def _fits_somewhere(weights: Floats, reference: Floats, top_k: int) -> bool:
    """Whether each row's weights are, up to one factor a row, entries of the reference row.

    The factor is fixed by the largest weight and each candidate for it; the other weights must then be found.
    """
    order = -np.sort(-weights, axis=-1)
    for row, ref in zip(order[:16], reference[:16], strict=True):
        factors = row[0] / ref
        wanted = ref[None, :, None] * factors[:, None, None]
        gaps = np.abs(wanted - row[None, None, :]).min(axis=1)
        if not (gaps <= _TOLERANCE * row[0]).all(axis=-1).any():
            return False
    return len(np.unique(order[:16] / order[:16, :1])) > 1 or top_k == 1


def _by_operator(analysis: Analysis, reached: frozenset[str], experts: int, top_k: int) -> str | None:
    """The first softmax or sigmoid over the choices behind the score."""
    for name in sorted(reached, key=analysis.place.__getitem__):
        node = analysis[name]
        if node.op in {"softmax", "sigmoid"} and node.shape and {experts, top_k} & set(node.shape[-2:]):
            return node.op
    return None
