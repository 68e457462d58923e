"""A mask at positions that the trace did not reach, found by giving its index tensors other positions.

A window wider than the trace masks nothing in it. But what makes the mask compares positions, and positions are
index tensors of its cone (0, 1, 2 …, or triangles cut along a diagonal): with other numbers in them the same cone
answers for any set of positions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from irgen.ir.attrs import integer
from irgen.match.analysis import DATA, Analysis
from irgen.match.masks import Mask, block_mask
from irgen.match.probe import Probe
from irgen.patterns.cores import Core

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Bools = NDArray[np.bool_]

_MASKED = -1e4
"""Scores at or below this get no probability."""
_FAR = 1 << 20
"""A position beyond any window."""
_LARGEST = 1 << 20
"""Scores with more elements than this are not asked for at other positions."""
_AT_ONCE = 3
"""Positions asked for together: a trace of four tokens holds them and the one that they are seen from."""
_CONE = 4_000
"""A mask made of more nodes than this is not asked."""


def far_mask(analysis: Analysis, core: Core, keys: slice) -> Mask | None:
    """The mask on some keys of a core as positions far beyond the trace show it; None where none can be moved."""
    asked = Moved.of(analysis, core, keys)
    if asked is None:
        return None
    try:
        return _told(asked)
    except _Silent:
        return None


class _Silent(Exception):  # noqa: N818 - a verdict, not an error
    """The cone has no value at the positions asked for."""


@dataclass(slots=True)
class Moved:
    """The masks of a core as a function of the positions of its tokens."""

    analysis: Analysis
    core: Core
    columns: slice
    size: int
    """Tokens of the trace: so many positions can be asked for at once."""
    leaves: dict[str, Floats]
    """Index tensors: what they hold in the trace."""
    triangles: list[str]
    still: dict[str, Floats]
    """Look-ups by position that give one value everywhere (a mask without padding): they keep it."""
    known: dict[bytes, Floats] = field(default_factory=dict[bytes, Floats])

    @staticmethod
    def of(analysis: Analysis, core: Core, columns: slice) -> Moved | None:
        """The function, or None where queries and keys are not the same positions or nothing can be moved."""
        shape = analysis[core.softmax].shape
        terms = [t for t, how in core.terms if how in {"add", "where", "where-not"}]
        if len(shape) < 2 or not terms or analysis[core.softmax].attrs.get("axis") != len(shape) - 1:
            return None
        size = shape[-2]
        if size != columns.stop - columns.start or size < 4 or analysis[core.softmax].size > _LARGEST:
            return None
        leaves: dict[str, Floats] = {}
        triangles: list[str] = []
        still: dict[str, Floats] = {}
        seen, stack = set(terms), list(terms)
        while stack:
            name = stack.pop()
            node = analysis[name]
            if len(seen) > _CONE:
                return None
            if node.op in {"arange", "const", "cumsum"} and (line := _progression(analysis, name, size)) is not None:
                leaves[name] = line
                continue
            if node.op in {"gather", "gather_nd", "embedding"}:
                value = analysis.probes[0].value(name)
                if value is not None and value.size and not np.iscomplexobj(value) and np.ptp(value.astype(float)) == 0:
                    still[name] = np.asarray(value)
                    continue
            if node.op in {"tril", "triu"} and node.shape[-2:] == (size, size):
                triangles.append(name)
            for source in analysis.inputs(name):
                if source not in seen and analysis.cls[source] != DATA:
                    seen.add(source)
                    stack.append(source)
        triangles.sort(key=analysis.place.__getitem__)
        return Moved(analysis, core, columns, size, leaves, triangles, still) if leaves or triangles else None

    def scores(self, positions: Integers) -> Floats:
        """What the masks add to the scores of these positions (as queries and keys), the best head's; -inf: masked."""
        key = positions.tobytes()
        if key not in self.known:
            self.known[key] = self._scores(positions)
        return self.known[key]

    def _scores(self, positions: Integers) -> Floats:
        values: dict[str, object] = dict(self.still)
        for name, line in self.leaves.items():
            start, step = line.reshape(-1)[0], line.reshape(-1)[1] - line.reshape(-1)[0]
            moved = np.broadcast_to(start + step * positions, line.shape)
            values[name] = moved.astype(self._dtype(name))
        probe = self.analysis.probes[0].override(values)
        for name in self.triangles:
            node = self.analysis[name]
            whole = probe.value(node.inputs[0])
            if whole is None:
                raise _Silent
            past = positions[None, :] - positions[:, None]
            diagonal = integer(node, "diagonal")
            values[name] = np.where(past <= diagonal if node.op == "tril" else past >= diagonal, whole, 0)
            probe = self.analysis.probes[0].override(values)
        return self._total(probe)

    def _dtype(self, name: str) -> np.dtype[np.float64] | np.dtype[np.int64]:
        return np.dtype(np.float64) if self.analysis[name].is_float else np.dtype(np.int64)

    def _total(self, probe: Probe) -> Floats:
        total: Floats = np.zeros((self.size, self.size))
        for term, how in self.core.terms:
            if how not in {"add", "where", "where-not"} or self.analysis[term].shape[-1:] == (1,):
                continue
            value = probe.value(term)
            if value is None or value.ndim < 2 or np.iscomplexobj(value):
                raise _Silent
            if value.shape[-1] < self.columns.stop or value.shape[-2] not in {1, self.size}:
                raise _Silent
            if how == "add":
                part = np.nan_to_num(np.asarray(value, dtype=np.float64)[..., self.columns], nan=-np.inf)
            else:
                kept = np.asarray(value, dtype=bool)[..., self.columns] == (how == "where")
                part = np.where(kept, 0.0, -np.inf)
            total = total + part
        return total.reshape(-1, self.size, self.size).max(axis=0)

    def keys(self, query: int, keys: Integers) -> Floats:
        """What is added to the scores of one query with each of some keys (fewer than there are tokens)."""
        return self._line(query, keys, lambda total, i, js: total[i, js])

    def queries(self, key: int, queries: Integers) -> Floats:
        """What is added to the scores of one key with each of some queries."""
        return self._line(key, queries, lambda total, i, js: total[js, i])

    def _line(self, one: int, others: Integers, read: Callable[[Floats, int, Integers], Floats]) -> Floats:
        positions = np.unique(np.append(others, one))
        filled = positions[0] - np.arange(self.size - len(positions), 0, -1)  # more positions than asked, below them
        if filled.size and filled[0] < 0:
            filled = positions[-1] + 1 + np.arange(self.size - len(positions))
        every = np.sort(np.concatenate([positions, filled]))
        place = np.searchsorted(every, others)
        return read(self.scores(every), int(np.searchsorted(every, one)), place)


def _progression(analysis: Analysis, name: str, size: int) -> Floats | None:
    """The values of an index tensor that counts up by ones along a last axis of the trace's length."""
    node = analysis[name]
    if isinstance(node.type, tuple) or not node.shape or size not in node.shape or node.size > _LARGEST:
        return None
    if node.op != "cumsum" and node.size != size:
        return None
    if node.op == "cumsum" and (node.shape[-1] != size or node.is_float):
        return None
    value = analysis.probes[0].value(name)
    if value is None or np.iscomplexobj(value):
        return None
    numbers = np.asarray(value, dtype=np.float64)
    line = numbers.reshape(-1) if node.op != "cumsum" else numbers.reshape(-1, size)[0]
    steps = np.diff(line)
    if not (steps == steps[0]).all() or abs(steps[0]) != 1 or (numbers.reshape(-1, size) != line).any():
        return None
    return numbers


# -- what the function says ------------------------------------------------------------------------------------


def _told(asked: Moved) -> Mask | None:
    query = _FAR + 5
    if asked.keys(query, np.array([query]))[0] <= _MASKED:
        return None
    first, last = _edge(asked.keys, query, -query), _edge(asked.keys, query, _FAR)
    if first is None or last is None:
        return None
    left, right = query - first, last - query
    where = f"with positions near {_FAR} in the mask's index tensors"
    if _holds(asked, lambda i, j: (i - j <= left) & (j - i <= right), 3 * (left + right + 1)):
        words = f"0 ≤ i − j ≤ {left}" if not right else f"−{right} ≤ i − j ≤ {left}"
        check = f"{where}, a key is kept exactly where {words}"
        return Mask("sliding-window", left + right + 1, check, causal=not right)
    seen_last = _edge(asked.queries, first, _FAR, query)
    if seen_last is None:
        return None
    after = _edge(asked.keys, seen_last + 1, -seen_last - 1)
    size = (after or 0) - first
    if after is None or size < 2:
        return None
    return _blocks(asked, size, first, query, last == query, where)


def _blocks(asked: Moved, size: int, first: int, query: int, ahead: bool, where: str) -> Mask | None:
    """Blocks of equal size, each of which sees itself and so many before it."""
    shift = first % size
    behind = (query - shift) // size - (first - shift) // size

    def kept(i: Integers, j: Integers) -> Bools:
        gap = (i - shift) // size - (j - shift) // size
        inside = (gap >= 0) & (gap <= behind) if not ahead else (gap <= behind) & (j <= i)
        return np.asarray(inside, dtype=np.bool_)

    if not _holds(asked, kept, 3 * size * (behind + 1)):
        return None
    return block_mask(size, behind, 0, causal=ahead, where=where + ", ")


Line = Callable[[int, Integers], Floats]


def _edge(line: Line, one: int, reach: int, start: int | None = None) -> int | None:
    """The last kept position from `start` (default: `one`) towards `start + reach`; None where all are kept.

    The edge must be a jump: a bias that falls with the distance (ALiBi) masks nothing.
    """
    start = one if start is None else start
    way = 1 if reach > 0 else -1
    near, far = 0, None
    steps = np.unique(np.minimum(np.append(2 ** np.arange(21), abs(reach)), abs(reach)))
    for at in range(0, len(steps), _AT_ONCE):
        near, far = _bracket(line, one, start, way, steps[at : at + _AT_ONCE], near)
        if far is not None:
            break
    if far is None:
        return None
    while far - near > 1:
        tried = np.unique(np.linspace(near, far, _AT_ONCE + 2).astype(np.int64)[1:-1])
        near, less = _bracket(line, one, start, way, tried[(tried > near) & (tried < far)], near)
        far = less or far
    inside, outside = (float(line(one, np.array([start + way * step]))[0]) for step in (near, far))
    if np.isfinite(outside) and inside < outside / 2:
        raise _Silent
    return start + way * near


def _bracket(line: Line, one: int, start: int, way: int, steps: Integers, near: int) -> tuple[int, int | None]:
    """The last step that is kept and the first that is masked among growing steps."""
    for step, value in zip(steps, line(one, start + way * steps), strict=True):
        if value <= _MASKED:
            return near, int(step)
        near = int(step)
    return near, None


def _holds(asked: Moved, law: Callable[[Integers, Integers], NDArray[np.bool_]], span: int) -> bool:
    """Whether a law is what the masks say on random positions, near the start and far from it."""
    chance = np.random.default_rng(7)
    for start, spread in ((0, span), (_FAR // 2, span), (0, 8 * span), (_FAR // 3, span // 3)):
        room = max(spread, asked.size + 1)
        positions = start + np.sort(chance.choice(room, asked.size, replace=False)).astype(np.int64)
        if ((asked.scores(positions) > _MASKED) != law(positions[:, None], positions[None, :])).any():
            return False
    return True
