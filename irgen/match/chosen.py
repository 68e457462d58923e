"""The weights of a router's chosen: which function of the scores they are, and whether they sum to one constant."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from irgen.ir.ops import CONTRACTIONS
from irgen.match.analysis import Analysis
from irgen.match.probe import Probe
from irgen.match.weighted import Weighted

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

_NO_WEIGHTS = CONTRACTIONS | {"conv", "rnn", "scan", "loop", "attention", "embedding"}
_TOLERANCE = 1e-6
_MOST_PLACES = 4
_DEAREST = 100_000
"""So many comparisons a row at most where the places of the chosen are not known."""


def weights_of_the_chosen(
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
    if isinstance(node.type, tuple) or not node.is_float or node.op in _NO_WEIGHTS:
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
            at = np.take_along_axis(reference, places, axis=-1)
            if (at > 0).all() and _constant_ratio(weights / at, top_k):
                return True
        if weights.shape[-1] * reference.shape[-1] ** 2 > _DEAREST:
            return False
    if weights.shape == reference.shape:
        places = np.argsort(-weights, axis=-1, kind="stable")[:, :top_k]
        picked, at = np.take_along_axis(weights, places, axis=-1), np.take_along_axis(reference, places, axis=-1)
        return bool((at > 0).all()) and _constant_ratio(picked / at, top_k)
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
        entries = ref[ref > 0]
        if not entries.size:
            return False
        factors = row[0] / entries
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
