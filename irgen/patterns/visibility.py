"""Which tokens of the stream a core lets each query see: the mask, the groups by batching, and the axis."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from irgen.ir.graph import Array
from irgen.ir.ops import MOVES
from irgen.match.analysis import Analysis
from irgen.match.masks import Bools, Mask, classify
from irgen.match.trace import STRIDE, Trace, feature_axis
from irgen.patterns.cores import Core
from irgen.patterns.kept import mask_of
from irgen.patterns.pairs import seen_pairs

Groups = tuple[NDArray[np.float64], NDArray[np.float64]]
"""For each group the tokens behind its queries and its keys; -1 where there is none."""


@dataclass(frozen=True, slots=True)
class Visibility:
    """The mask of a core, the axis it runs along, and whether its groups are shifted by a roll."""

    mask: Mask
    axis: str | None
    joined: bool = False
    """Some keys stand for tokens of the stream itself and some for tokens of another."""


def visible(analysis: Analysis, core: Core, root: str | None, trunk: str | None = None) -> Visibility:
    """Evaluate the probabilities and say which tokens of the stream `root` each query sees.

    `trunk` is the stream in the layout of its sum, a view of `root`. Where keys of another stream stand beside the
    stream's own, the mask is that of its own.
    """
    tokens = _tokens(analysis, core, root)
    own = _own_keys(tokens[1]) if tokens is not None else None
    mask, keep = mask_of(analysis, core, own)
    if tokens is not None and root is not None and own is None:
        numbered, stream = _as_in_sum(analysis, tokens, root, trunk)
        grouped = _grouped(analysis, core, numbered, keep, root, stream)
        if grouped is None or grouped.axis in {"sequence", None}:
            followed = _followed(analysis, core, tokens, mask if grouped is None else grouped.mask, root)
            if followed is not None:
                return Visibility(followed, "sequence")
        if grouped is not None:
            return grouped
    elif root is not None and own is None and mask.kind == "custom":
        mask = _followed(analysis, core, None, mask, root) or mask
    return Visibility(mask, "sequence" if root is not None else None, own is not None)


def _followed(analysis: Analysis, core: Core, tokens: Groups | None, looks: Mask, root: str) -> Mask | None:
    """The mask by pairs of tokens, where the core works on pieces of the stream; None where its own mask says all."""
    total = int(np.prod(analysis[root].shape[1:-1]))
    whole = tokens is None or tokens[0].shape[1] == total == tokens[1].shape[1]
    rows, columns = analysis[core.softmax].shape[-2:]
    if whole and rows == total <= columns and looks.kind != "custom":  # a sink is a column more
        return None
    if looks.window is not None and looks.window >= total:
        return None  # a window beyond the trace, which the pairs of its tokens cannot show
    keep = seen_pairs(analysis, core, root)
    if keep is None or not keep.any(axis=1).all():
        return None
    told = classify(keep)
    if len(analysis[root].shape) > 3 and told.kind == "custom":
        return None  # places on a grid: windows of two sides are told by their groups
    return told if told.kind != looks.kind or told.window != looks.window else None


def _own_keys(keys: NDArray[np.float64]) -> slice | None:
    """Where the stream's own tokens stand among the keys, if tokens of another source stand beside them in one run."""
    row = keys[0]
    own = np.flatnonzero((row >= 0) & (row < STRIDE))
    if not own.size or not (row >= STRIDE).any() or own[-1] - own[0] + 1 != own.size:
        return None
    return slice(int(own[0]), int(own[-1]) + 1)


# -- groups by batching ----------------------------------------------------------------------------------------


def _tokens(analysis: Analysis, core: Core, root: str | None) -> Groups | None:
    """For each group (batch row of the core) the token of the stream behind each query and each key, or None."""
    if root is None:
        return None
    trace = Trace(analysis, "token", roots=frozenset({root}))
    trace.label(root)  # the stream's labels come first
    q, k = trace.label(core.q), trace.label(core.k)
    if q is None or k is None or trace.sources.count(root) == 0:
        return None
    joined = core.scores[0]
    rows = _rows(q, joined.axes(core.q_port), joined.own(core.q_port), joined.contracted)
    keys = _rows(k, joined.axes(core.k_port), joined.own(core.k_port), joined.contracted)
    return None if rows is None or keys is None else (rows, keys)


def _rows(labels: Array, axes: str, own: str, contracted: str) -> NDArray[np.float64] | None:
    """Labels as [groups, tokens]: one label a token (features share it), one row for each place in the batch."""
    if len(axes) != labels.ndim or not own:
        return None
    at = labels
    for letter in sorted(contracted, key=axes.index, reverse=True):
        at = np.moveaxis(at, axes.index(letter), 0)[0]
    left = [c for c in axes if c not in contracted]
    at = np.moveaxis(at, [left.index(c) for c in own], range(-len(own), 0))
    return np.asarray(at, dtype=np.float64).reshape(-1, int(np.prod(at.shape[at.ndim - len(own) :])))


def _as_in_sum(analysis: Analysis, tokens: Groups, root: str, trunk: str | None) -> tuple[Groups, str]:
    """Tokens numbered as they stand in the sum where the stream reaches it through views, and the node so numbered."""
    if trunk is None or trunk == root:
        return tokens, root
    labels = Trace(analysis, "token", roots=frozenset({root})).label(trunk)
    features = analysis[root].shape[feature_axis(analysis[root])]
    size = analysis[root].size // features
    if labels is None or labels.shape[-1] != features:
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
    """Tell windows and factorised axes by the tokens that meet in a group; None where that is the whole stream."""
    queries, keys = tokens
    if root is None or queries.shape[1] < 2 or (queries < 0).all() or (keys < 0).all():
        return None
    shape = analysis[stream].shape
    if _is_map(analysis, root) and queries.shape[1] == int(np.prod(analysis[root].shape[2:])):
        return None  # all positions of a map whose channels come first
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


def _is_map(analysis: Analysis, root: str) -> bool:
    """Whether a stream is read as a map with its channels in front."""
    readers = {analysis.op(user) for user in analysis.users[root]}
    return len(analysis[root].shape) > 3 and bool(readers & {"group_norm", "batch_norm", "conv"})


def _over_video(analysis: Analysis, stream: str, tokens: NDArray[np.float64]) -> tuple[str | None, Mask] | None:
    """For a video, follow a group's tokens to their patches: one place at all times, or one time at all places."""
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
    """For each token of the first entry the time and place of its patch in a video input; -1 where it has none."""
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
    runs = np.split(np.sort(tokens), np.flatnonzero(np.diff(np.sort(tokens)) > 1) + 1)
    starts = np.diff([run[0] for run in runs])
    if len({len(run) for run in runs}) == 1 and (starts == starts[0]).all():
        sides = len(runs), len(runs[0])
        check = f"a query meets only its window of {sides[0]} × {sides[1]} tokens"
        return "space", Mask("local-window", max(sides), check)
    return None, Mask("custom", None, f"a query meets only {size} tokens of its group, which are no window")


def _rolled(analysis: Analysis, core: Core, root: str) -> bool:
    """Whether the grid is cyclically shifted between the stream and the core."""
    return any(analysis.op(n) == "roll" for n in analysis.between(root, [core.softmax]))
