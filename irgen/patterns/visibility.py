"""Which tokens of the stream a core lets each query see: the mask, the groups by batching, and the axis."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from irgen.ir.graph import Array
from irgen.ir.ops import MOVES
from irgen.match.analysis import Analysis
from irgen.match.masks import Bools, Mask, classify
from irgen.match.trace import STRIDE, Trace
from irgen.patterns.cores import Core

Groups = tuple[NDArray[np.float64], NDArray[np.float64]]
"""For each group the tokens behind its queries and its keys; -1 where there is none."""


@dataclass(frozen=True, slots=True)
class Visibility:
    """The mask of a core, the axis it runs along, and whether its groups are shifted by a roll."""

    mask: Mask
    axis: str | None


def visible(analysis: Analysis, core: Core, root: str | None, trunk: str | None = None) -> Visibility:
    """Evaluate the probabilities and say which tokens of the stream `root` each query sees.

    `trunk` is the stream in the layout of its sum, a view of `root`.
    """
    keep = _keep(analysis, core)
    tokens = _tokens(analysis, core, root)
    if tokens is not None and root is not None:
        numbered, stream = _as_in_sum(analysis, tokens, root, trunk)
        grouped = _grouped(analysis, core, numbered, keep, root, stream)
        if grouped is not None:
            return grouped
    if keep is None:
        return Visibility(Mask("custom", None, "the mask could not be evaluated"), None)
    mask = _without_batch(analysis, classify(keep), keep)
    if mask.kind == "causal":
        mask = _far(analysis, core, mask)
    return Visibility(mask, "sequence" if root is not None else None)


def _keep(analysis: Analysis, core: Core, probe_values: Array | None = None) -> Bools | None:
    """`keep[i, j]`: some head of some batch gives key j a probability for query i. Only exact zeros count."""
    if not core.terms and not core.tanh:
        return _nothing_masked(analysis, core)
    value = analysis.probes[0].value(core.softmax) if probe_values is None else probe_values
    if value is None:
        return _by_terms(analysis, core)
    if value.ndim < 2:
        return None
    axis = int(analysis[core.softmax].attrs["axis"])  # type: ignore[arg-type]
    rows = np.moveaxis(np.asarray(value, dtype=np.float64), axis, -1)
    rows = rows[..., : _keys(analysis, core)]
    return (np.nan_to_num(rows) > 0).reshape(-1, *rows.shape[-2:]).any(axis=0)


def _without_batch(analysis: Analysis, mask: Mask, keep: Bools) -> Mask:
    """Blocks that are the entries of the batch laid end to end are no windows."""
    batches = {analysis[n].shape[0] for n in analysis.graph.inputs if analysis[n].shape}
    if mask.kind == "local-window" and mask.window and len(keep) // mask.window in batches and not mask.causal:
        return Mask(
            "bidirectional", None, f"{mask.check}: the {len(keep) // mask.window} entries of the batch end to end"
        )
    return mask


def _by_terms(analysis: Analysis, core: Core) -> Bools | None:
    """Where the scores are too large to evaluate: what the masks alone keep."""
    size = analysis[core.softmax].shape[-2:]
    kept: Bools | None = None
    for term, how in core.terms:
        if analysis[term].size < size[0] * size[1]:
            continue
        value = analysis.probes[0].value(term)
        if value is None or value.shape[-2:] != size or how not in {"add", "where", "where-not"}:
            return None
        if how == "add":
            keep = np.asarray(value, dtype=np.float64) > -1e4
        else:
            keep = np.asarray(value, dtype=bool) == (how == "where")
        keep = keep.reshape(-1, *size).any(axis=0)
        kept = keep if kept is None else kept & keep
    return kept


def _nothing_masked(analysis: Analysis, core: Core) -> Bools | None:
    """Scores that nothing is added to are all kept: their exponentials are positive."""
    shape = analysis[core.softmax].shape
    axis = int(analysis[core.softmax].attrs["axis"])  # type: ignore[arg-type]
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


def _far(analysis: Analysis, core: Core, near: Mask) -> Mask:
    """A causal mask may be a window wider than the trace: see whether it is one that a constant of its cone sets.

    The mask is evaluated again with the constant at two small values; where it becomes a band that follows them, its
    width at the constant's own value is known. A stored table larger than the trace is judged whole.
    """
    cone: set[str] = set()
    for term, _ in core.terms:
        cone |= analysis.back(term, 0)
    keys = _keys(analysis, core)
    for name in sorted(cone, key=analysis.place.__getitem__):
        number = _number(analysis, name)
        if number is not None and keys <= number + 1 and keys > max(_SMALL) + 1:
            widths = [_width_at(analysis, core, name, small) for small in _SMALL]
            if None not in widths and widths[1] - widths[0] == _SMALL[1] - _SMALL[0]:  # type: ignore[operator]
                window = number + int(str(widths[0])) - _SMALL[0]
                check = f"with the constant {number} set to {_SMALL[0]} and {_SMALL[1]} the mask is a band of {widths[0]} and {widths[1]}"
                return Mask("sliding-window", window, check, causal=True)
        table = _stored(analysis, name, keys)
        if table is not None:
            whole = classify(table)
            if whole.kind == "sliding-window":
                return whole
    return near


_SMALL = (4, 6)


def _width_at(analysis: Analysis, core: Core, name: str, number: int) -> int | None:
    """The width of the band that the mask becomes when a constant has another value."""
    old = analysis[name].value
    if old is None:
        return None
    value = np.full_like(old, number if float(old.reshape(-1)[0]) > 0 else -number)
    probed = analysis.probes[0].override({name: value}).value(core.softmax)
    keep = _keep(analysis, core, probed) if probed is not None else None
    mask = classify(keep) if keep is not None else None
    return mask.window if mask is not None and mask.kind == "sliding-window" else None


def _stored(analysis: Analysis, name: str, keys: int) -> Bools | None:
    """A stored square mask larger than the trace."""
    node = analysis[name]
    if node.op != "const" or node.value is None or node.is_float or len(node.shape) < 2:
        return None
    rows, columns = node.shape[-2:]
    if rows != columns or rows <= keys or node.size != rows * columns or rows > 8192:
        return None
    table = np.asarray(node.value).reshape(rows, columns).astype(bool)
    return table if table.any() and not table.all() else None


def _number(analysis: Analysis, name: str) -> int | None:
    """The whole number that a scalar constant holds."""
    node = analysis[name]
    if node.op == "const" and node.value is not None and node.size == 1 and node.value.dtype.kind in "if":
        number = abs(float(node.value.reshape(-1)[0]))
        return int(number) if number < 1 << 24 and number == int(number) else None
    return None


# -- groups by batching ----------------------------------------------------------------------------------------


def _tokens(analysis: Analysis, core: Core, root: str | None) -> Groups | None:
    """For each group (batch row of the core) the token of the stream behind each query and each key, or None."""
    if root is None:
        return None
    trace = Trace(analysis, "token", roots=frozenset({root}))
    q, k = trace.label(core.q), trace.label(core.k)
    if q is None or k is None or trace.sources.count(root) == 0:
        return None
    joined = core.scores[0]
    rows = _rows(
        q, joined.axes(core.q_port), joined.left_only if core.q_port == "left" else joined.right_only, joined.contracted
    )
    keys = _rows(
        k, joined.axes(core.k_port), joined.left_only if core.k_port == "left" else joined.right_only, joined.contracted
    )
    return None if rows is None or keys is None else (rows, keys)


def _rows(labels: Array, axes: str, own: str, contracted: str) -> NDArray[np.float64] | None:
    """Labels as [groups, tokens]: one label a token (features share it), one row for each place in the batch."""
    if len(axes) != labels.ndim or not own:
        return None
    at = labels
    for letter in sorted(contracted, key=axes.index, reverse=True):
        at = np.take(at, 0, axis=axes.index(letter))
    left = [c for c in axes if c not in contracted]
    at = np.moveaxis(at, [left.index(c) for c in own], range(-len(own), 0))
    return np.asarray(at, dtype=np.float64).reshape(-1, int(np.prod(at.shape[at.ndim - len(own) :])))


def _as_in_sum(analysis: Analysis, tokens: Groups, root: str, trunk: str | None) -> tuple[Groups, str]:
    """Tokens numbered as they stand in the sum where the stream reaches it through views, and the node so numbered."""
    if trunk is None or trunk == root:
        return tokens, root
    labels = Trace(analysis, "token", roots=frozenset({root})).label(trunk)
    size = int(np.prod(analysis[root].shape[:-1]))
    if labels is None or labels.shape[-1] != analysis[root].shape[-1]:
        return tokens, root
    flat = np.asarray(labels[..., 0], dtype=np.int64).reshape(-1)
    if flat.size != size or flat.min() < 0 or flat.max() >= size or np.unique(flat).size != size:
        return tokens, root
    place = np.empty(size)
    place[flat] = np.arange(size)
    queries, keys = (
        np.where((t >= 0) & (t < size), place[np.clip(t, 0, size - 1).astype(np.int64)], -1.0) for t in tokens
    )
    return (queries, keys), trunk


def _grouped(
    analysis: Analysis, core: Core, tokens: Groups, keep: Bools | None, root: str | None, stream: str
) -> Visibility | None:
    """Tell windows and factorised axes from the tokens that meet in one group; None where a group is the whole stream."""
    queries, keys = tokens
    if root is None or queries.shape[1] < 2 or (queries < 0).all() or (keys < 0).all():
        return None
    shape = analysis[stream].shape
    total = int(np.prod(shape[1:-1]))
    row = queries[0][queries[0] >= 0]
    first = np.unique(row[row < total * shape[0]]) % max(total, 1)
    size = len(first)
    if size < 2 or size >= total - 2 or not np.isin(keys[0][keys[0] >= 0], queries[0]).any():
        return None
    found = _over_video(analysis, stream, first) or _shape_of_group(first, _grid(shape, total), size)
    axis, mask = found
    if keep is not None and mask.kind == "bidirectional":
        inner = classify(keep)
        if inner.kind != "bidirectional":
            mask = inner
    if mask.kind == "local-window" and _rolled(analysis, core, root):
        mask = Mask("shifted-window", mask.window, f"{mask.check}; the grid is rolled before it is cut into windows")
    return Visibility(mask, axis)


def _over_video(analysis: Analysis, stream: str, tokens: NDArray[np.float64]) -> tuple[str | None, Mask] | None:
    """For a video, follow a group's tokens to the patches they were: one place at all times, or one time at all places."""
    places = _patches(analysis, stream)
    if places is None:
        return None
    met = places[tokens.astype(np.int64)]
    met = met[met[:, 0] >= 0]
    if len(met) < 2:
        return None
    times, spots = len(np.unique(met[:, 0])), len(np.unique(met[:, 1]))
    if spots == 1 and times > 1:
        return "time", Mask("bidirectional", None, f"a query meets the {times} tokens of its place at all times")
    if times == 1 and spots == len(np.unique(places[places[:, 0] >= 0][:, 1])):
        return "space", Mask("bidirectional", None, f"a query meets the {spots} tokens of its own time")
    return None


def _patches(analysis: Analysis, stream: str) -> NDArray[np.int64] | None:
    """For each token of the first batch entry the time and the place of its patch in a video input, -1 where it has none."""
    shape = analysis[stream].shape
    for name in analysis.order:
        node = analysis[name]
        if node.op != "conv" or not _reads_video(analysis, node.inputs[0]):
            continue
        trace = Trace(analysis, "token", roots=frozenset({name}))
        for other in analysis.order[analysis.place[name] : analysis.place[name] + 80]:
            if analysis[other].shape != shape or not analysis.is_data(other):
                continue
            labels = trace.label(other)
            if labels is None or name not in trace.sources:
                continue
            flat = np.asarray(labels[0, ..., 0], dtype=np.int64).reshape(-1)
            base = trace.sources.index(name) * STRIDE
            rest = [n for i, n in enumerate(node.shape) if i != 1]
            known = (flat >= base) & (flat < base + int(np.prod(rest)))
            if not known.any():
                continue
            at = np.unravel_index(np.where(known, flat - base, 0), rest)
            split = 1 if len(rest) == 3 else 2
            time = np.ravel_multi_index(at[:split], rest[:split])
            place = np.ravel_multi_index(at[split:], rest[split:])
            return np.where(known[:, None], np.stack([time, place], axis=1), -1)
    return None


def _reads_video(analysis: Analysis, name: str) -> bool:
    while analysis.op(name) in MOVES or analysis.op(name) == "cast":
        name = analysis.inputs(name)[0]
    return analysis.op(name) == "input" and len(analysis[name].shape) == 5


def _grid(shape: tuple[int, ...], total: int) -> tuple[int, ...]:
    """Positions of the stream: the axes between batch and features, a square where they are folded into one."""
    if len(shape) >= 4:
        return shape[1:-1]
    side = round(total**0.5)
    return (side, side) if side * side == total else (total,)


def _shape_of_group(tokens: NDArray[np.float64], grid: tuple[int, ...], size: int) -> tuple[str | None, Mask]:
    """Name a group of tokens: a rectangle of the grid (window), or equally spaced ones (another axis)."""
    steps = np.diff(np.sort(tokens))
    if (steps == steps[0]).all():
        if steps[0] == 1:
            return "sequence", Mask("local-window", size, f"a query meets only its block of {size} neighbouring tokens")
        return "strided", Mask(
            "bidirectional", None, f"a query meets the {size} tokens that stand {int(steps[0])} apart"
        )
    if len(grid) >= 2:
        places = np.stack(np.unravel_index(tokens.astype(np.int64), grid), axis=1)
        spans = [int(p.max() - p.min()) + 1 for p in places.T]
        if int(np.prod(spans)) == size:
            side = max(spans)
            return "space", Mask(
                "local-window", side, f"a query meets only its window of {' × '.join(map(str, spans))} tokens"
            )
    return None, Mask("local-window", None, f"a query meets only {size} tokens of its group")


def _rolled(analysis: Analysis, core: Core, root: str) -> bool:
    """Whether the grid is cyclically shifted between the stream and the core."""
    return any(analysis.op(n) == "roll" for n in analysis.between(root, [core.softmax]))
