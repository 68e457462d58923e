"""Which keys a core keeps for each query: read off the probabilities, or off the masks where these are too large."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from irgen.ir.attrs import integer
from irgen.match.analysis import Analysis
from irgen.match.masks import Bools, Mask, classify
from irgen.match.probe import Probe
from irgen.patterns.cores import Core
from irgen.patterns.far import far_mask

_EVALUATED = 2_000_000
"""Probabilities with more elements than this are not computed where the masks alone can tell."""

_MASKED = -1e4
"""What is added to scores that get no probability is at most this."""

_MAY_BE_WIDER = {"causal", "bidirectional", "custom"}
"""Masks that a trace shows where a window is wider than it."""

_SMALL = (4, 6)
"""Values that a constant is given to see whether it sets a window."""


def mask_of(analysis: Analysis, core: Core, own: slice | None = None) -> tuple[Mask, Bools | None]:
    """The mask of a core and `keep[i, j]` (query i sees key j); cores that share their masks share the verdict.

    `own` are the keys that are judged, where others stand beside them.
    """
    span = (own.start, own.stop) if own else ()
    key = (*core.terms, analysis[core.softmax].shape, core.tanh, core.k_port, span)
    known = analysis.masks.get(key)
    if known is not None:
        return known
    keep = _keep(analysis, core, analysis.probes[0])
    if keep is None:
        found = Mask("custom", None, "the mask could not be evaluated")
    else:
        keep = keep[:, own] if own else keep
        found = _without_batch(analysis, classify(keep), keep)
        if found.kind in _MAY_BE_WIDER:
            found = _wider(analysis, core, found, keep, own or slice(0, _keys(analysis, core)))
    analysis.masks[key] = (found, keep)
    return found, keep


def _keep(analysis: Analysis, core: Core, probe: Probe) -> Bools | None:
    """What some head of some entry of the batch gives a probability. Only exact zeros count as masked."""
    if not core.terms and not core.tanh:
        return _nothing_masked(analysis, core)
    if analysis[core.softmax].size > _EVALUATED:
        by_terms = _by_terms(analysis, core, probe)
        if by_terms is not None:
            return by_terms
    value = probe.value(core.softmax)
    if value is None or value.ndim < 2:
        return None
    axis = int(str(analysis[core.softmax].attrs["axis"]))
    rows = np.moveaxis(np.asarray(value, dtype=np.float64), axis, -1)[..., : _keys(analysis, core)]
    kept: Bools = (np.nan_to_num(rows) > 0).reshape(-1, *rows.shape[-2:])
    return np.asarray(kept.any(axis=0), dtype=np.bool_)


def _without_batch(analysis: Analysis, mask: Mask, keep: Bools) -> Mask:
    """Blocks that are the entries of the batch laid end to end are no windows."""
    batches = {analysis[n].shape[0] for n in analysis.graph.inputs if analysis[n].shape}
    if mask.kind == "local-window" and mask.window and len(keep) // mask.window in batches and not mask.causal:
        return Mask(
            "bidirectional", None, f"{mask.check}: the {len(keep) // mask.window} entries of the batch end to end"
        )
    return mask


def _by_terms(analysis: Analysis, core: Core, probe: Probe) -> Bools | None:
    """What the masks alone keep; None where a term is no mask that stands on queries and keys as the scores do."""
    node = analysis[core.softmax]
    if node.attrs.get("axis") != len(node.shape) - 1:
        return None
    size = (node.shape[-2], _keys(analysis, core))
    kept = np.ones(size, dtype=bool)
    for term, how in core.terms:
        if analysis[term].shape[-1:] == (1,) or how == "concat":
            continue
        value = probe.value(term)
        if value is None or value.ndim < 2 or how not in {"add", "where", "where-not"}:
            return None
        if value.shape[-1] != size[1] or value.shape[-2] not in {1, size[0]}:
            return None
        if how == "add":
            keep = np.asarray(value, dtype=np.float64) > -1e4
        else:
            keep = np.asarray(value, dtype=bool) == (how == "where")
        kept &= keep.reshape(-1, *keep.shape[-2:]).any(axis=0)
    return kept


def _nothing_masked(analysis: Analysis, core: Core) -> Bools | None:
    """Scores that nothing is added to are all kept: their exponentials are positive."""
    shape = analysis[core.softmax].shape
    axis = integer(analysis[core.softmax], "axis")
    rows = [n for i, n in enumerate(shape) if i != axis % len(shape)]
    return np.ones((rows[-1], shape[axis]), dtype=bool) if rows and min(rows[-1], shape[axis]) > 0 else None


def _keys(analysis: Analysis, core: Core) -> int:
    """Number of real keys: a sink is one more column."""
    joined = core.scores[0]
    own = joined.right_only if core.k_port == "right" else joined.left_only
    axes = joined.axes(core.k_port)
    size = 1
    for letter in own:
        size *= analysis[core.k].shape[axes.index(letter)]
    return size


def _wider(analysis: Analysis, core: Core, near: Mask, keep: Bools, keys: slice) -> Mask:
    """The mask as it is beyond the trace: at other positions, or by what stored tables and constants say."""
    far = far_mask(analysis, core, keys)
    if far is None:
        far = _by_table(analysis, core, keep) or (_by_constants(analysis, core) if near.kind == "causal" else None)
    return far if far is not None and far.kind in {"sliding-window", "local-window"} else near


def _by_table(analysis: Analysis, core: Core, keep: Bools) -> Mask | None:
    """A stored square table larger than the trace, whose first corner is the mask of the trace, judged whole."""
    rows, columns = keep.shape
    if rows != columns:
        return None
    for name in _cone(analysis, core):
        table = _stored(analysis, name, columns)
        if table is None:
            continue
        for kept in (table, ~table):
            if (kept[:rows, :columns] == keep).all():
                return classify(kept)
    return None


def _by_constants(analysis: Analysis, core: Core) -> Mask | None:
    """A causal mask may be a window wider than the trace: see whether it is one that a constant of its cone sets.

    The mask is evaluated again with the constant at two small values; where it becomes a band that follows them, its
    width at the constant's own value is known.
    """
    keys = _keys(analysis, core)
    for name in _cone(analysis, core):
        number = _number(analysis, name)
        if number is not None and keys <= number + 1 and keys > max(_SMALL) + 1:
            widths = [width for small in _SMALL if (width := _width_at(analysis, core, name, small)) is not None]
            if len(widths) == len(_SMALL) and widths[1] - widths[0] == _SMALL[1] - _SMALL[0]:
                window = number + widths[0] - _SMALL[0]
                check = (
                    f"with the constant {number} set to {_SMALL[0]} and {_SMALL[1]} "
                    f"the mask is a band of {widths[0]} and {widths[1]}"
                )
                return Mask("sliding-window", window, check, causal=True)
    return None


def _cone(analysis: Analysis, core: Core) -> list[str]:
    """What the masks of a core are made of, in order."""
    cone: set[str] = set()
    for term, _ in core.terms:
        cone |= analysis.back(term, 0)
    return sorted(cone, key=analysis.place.__getitem__)


def _width_at(analysis: Analysis, core: Core, name: str, number: int) -> int | None:
    """The width of the band that the mask becomes when a constant has another value."""
    old = analysis[name].value
    if old is None:
        return None
    value = np.full_like(old, number if float(old.reshape(-1)[0]) > 0 else -number)
    keep = _keep(analysis, core, analysis.probes[0].override({name: value}))
    mask = classify(keep) if keep is not None else None
    return mask.window if mask is not None and mask.kind == "sliding-window" else None


def _number(analysis: Analysis, name: str) -> int | None:
    """The whole number that a scalar constant holds."""
    node = analysis[name]
    if node.op == "const" and node.value is not None and node.size == 1 and node.value.dtype.kind in "if":
        number = abs(float(node.value.reshape(-1)[0]))
        return int(number) if number < 1 << 24 and number == int(number) else None
    return None


def _stored(analysis: Analysis, name: str, keys: int) -> Bools | None:
    """A stored square mask larger than the trace: true or false, or numbers that are added to the scores."""
    node = analysis[name]
    if node.op != "const" or node.value is None or len(node.shape) < 2:
        return None
    rows, columns = node.shape[-2:]
    if rows != columns or rows <= keys or node.size != rows * columns or rows > 8192:
        return None
    numbers: NDArray[np.float64] = np.asarray(node.value, dtype=np.float64).reshape(rows, columns)
    added = node.is_float and not bool(np.isin(numbers, (0, 1)).all())
    table: Bools = np.asarray(numbers > _MASKED if added else numbers != 0, dtype=np.bool_)
    return table if table.any() and not table.all() else None
