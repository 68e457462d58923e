"""Attention masks, told by which keys each query may see."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
Integers = NDArray[np.int64]


def _count(size: int) -> Integers:
    return np.arange(size, dtype=np.int64)


Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Mask:
    """The kind of a mask (a word of the facts record), its window in tokens, and how it was told."""

    kind: str
    window: int | None
    check: str
    causal: bool = False
    """No query sees a later key."""


def classify(keep: Bools, queries: Places | None = None, keys: Places | None = None) -> Mask:
    """Name a mask from `keep[i, j]`: query i sees key j. `queries`, `keys`: their positions (default 0, 1, 2 …).

    With fewer queries than keys the queries are the last ones, as in decoding with a cache.
    """
    rows, columns = keep.shape
    j: Places = np.arange(columns, dtype=np.int64) if keys is None else keys
    i: Places = np.arange(rows, dtype=np.int64) + max(columns - rows, 0) if queries is None else queries
    seen = keep.any(axis=0)
    if not seen.any() or columns == 1:
        return Mask("bidirectional", None, "one key, or none that any query sees")
    if not seen.all() and keep[:, seen].all():
        return Mask("bidirectional", None, f"every query sees the same {int(seen.sum())} keys; the others are padding")
    if keep.all():
        return Mask("bidirectional", None, f"all {rows} × {columns} scores are kept")
    distance: Integers = i[:, None] - j[None, :]
    if rows > 1 and (keep == (distance == 0)).all():
        return Mask("custom", None, "every query sees itself alone")
    past: Bools = distance >= 0
    if rows > 1 and (keep == past).all():
        return Mask("causal", None, f"key j is kept exactly where j ≤ i, on {rows} × {columns} positions", causal=True)
    if (keep <= past).all() and keep[distance == 0].all():
        width = int(distance[keep].max()) + 1
        if (keep == (past & (distance < width))).all():
            return Mask("sliding-window", width, f"key j is kept exactly where 0 ≤ i − j < {width}", causal=True)
    ahead, behind = int(distance[keep].min()), int(distance[keep].max())
    ends = ahead > int(distance.min()) and behind < int(distance.max())  # what reaches the trace's end shows no width
    if ends and ahead <= 0 <= behind and (keep == ((distance >= ahead) & (distance <= behind))).all():
        # A window is counted in the tokens that a query sees, to whichever side they lie: the record's unit is tokens.
        check = f"key j is kept exactly where {ahead} ≤ i − j ≤ {behind}"
        return Mask("sliding-window", behind - ahead + 1, check)
    told = _blocks(keep, past) or _prefix(keep, past) or _beside_globals(keep)
    return told or Mask("custom", None, "no reference mask agrees")


def _beside_globals(keep: Bools) -> Mask | None:
    """A window beside a few tokens that see all and are seen by all (Beltagy et al. 2020, section 3.1)."""
    rows, columns = keep.shape
    if rows != columns:
        return None
    everywhere = keep.all(axis=0) & keep.all(axis=1)
    count = int(everywhere.sum())
    if not 0 < count <= rows // 4:
        return None
    place = np.flatnonzero(~everywhere)
    rest = keep[np.ix_(place, place)]
    if rest.all():
        return None
    mask = classify(rest, place, place)
    if mask.kind not in {"sliding-window", "local-window"}:
        return None
    return Mask(mask.kind, mask.window, f"{mask.check}; {count} tokens see all and are seen by all")


def _blocks(keep: Bools, past: Bools) -> Mask | None:
    """Equal blocks on the diagonal, alone or with neighbours, whole or causal inside."""
    rows, columns = keep.shape
    if rows != columns or not keep.diagonal().all():
        return None
    place = np.arange(rows, dtype=np.int64)
    for size in range(2, rows // 2 + 1):
        gap: Integers = (place // size)[:, None] - (place // size)[None, :]
        ahead, behind = int(gap[keep].min()), int(gap[keep].max())
        if rows % size == 0 and (keep == _around(gap, rows // size, keep)).all():
            seen = len(np.unique(gap[keep] % (rows // size)))
            return block_mask(size, seen - 1, 0, causal=False, where="with the ends joined, ")
        if behind - ahead + 1 >= -(-rows // size) and ahead:
            continue  # no more is known of such blocks than that the ends do not meet
        band: Bools = (gap >= ahead) & (gap <= behind)
        if (keep == band).all():
            return block_mask(size, behind, -ahead, causal=False)
        if (keep == (band & past)).all():
            return block_mask(size, behind, 0, causal=True)
    return None


def _around(gap: Integers, blocks: int, keep: Bools) -> Bools:
    """Blocks that see the same neighbours everywhere, the first one's being the last (chunks that are rolled)."""
    gaps = np.unique(gap[keep] % blocks)
    if not 1 < len(gaps) < blocks - 1 or not {0} <= set(gaps.tolist()) <= {*range(3), blocks - 1, blocks - 2}:
        return np.zeros_like(keep)
    return np.asarray(np.isin(gap % blocks, gaps), dtype=np.bool_)


def block_mask(size: int, behind: int, ahead: int, *, causal: bool, where: str = "") -> Mask:
    """Equal blocks that see themselves (local windows), or neighbours too (a window that slides by blocks)."""
    if not behind and not ahead:
        return Mask("local-window", size, f"{where}query i sees key j only inside blocks of {size}", causal=causal)
    check = f"{where}blocks of {size} see themselves, {behind} before them and {ahead} behind them"
    return Mask("sliding-window", size * (behind + ahead + 1), check, causal=causal)


def _prefix(keep: Bools, past: Bools) -> Mask | None:
    """Everyone sees a prefix; behind it causal."""
    rows, columns = keep.shape
    if rows != columns:
        return None
    prefix = int(keep[0].sum())
    if 1 < prefix < columns and (keep == (past | (_count(columns) < prefix)[None, :])).all():
        return Mask("prefix", None, causal=True, check=f"the first {prefix} keys are seen by all, the others causally")
    return None
