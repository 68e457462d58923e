"""Recurrent cells written out step by step: contractions with one weight, each reading what the one before it gave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from irgen.ir.ops import MOVES
from irgen.match.analysis import Analysis
from irgen.match.weighted import Weighted, weighted

Floats = NDArray[np.float64]

STEPS = 3
"""A chain of fewer equal steps is not taken for a loop."""
_FAR = 1e6
_EQUAL = 1e-7


@dataclass(frozen=True, slots=True)
class Cell:
    """A chain of equal steps: the recurrent contractions of each step, the state's width, what kind of cell it is."""

    steps: tuple[tuple[str, ...], ...]
    hidden: int
    variant: str | None
    check: str


def find_cells(analysis: Analysis, region: set[str], claimed: set[str]) -> list[Cell]:
    """Every chain of recurrent contractions in a region, those of one step put together."""
    groups: dict[tuple[str, ...], list[Weighted]] = {}
    for name in sorted(region - claimed, key=analysis.place.__getitem__):
        w = weighted(analysis, name)
        if w is not None and not w.chosen:
            groups.setdefault(_matrices(analysis, w), []).append(w)
    chains = [ws for ws in groups.values() if len(ws) >= STEPS and _is_chain(analysis, ws)]
    families: list[list[list[Weighted]]] = []
    for chain in chains:
        family = next((f for f in families if _together(analysis, f[0], chain)), None)
        if family is None:
            families.append([chain])
        else:
            family.append(chain)
    return [cell for family in families if (cell := _cell(analysis, family)) is not None]


def _matrices(analysis: Analysis, w: Weighted) -> tuple[str, ...]:
    return tuple(p for p in w.params if len(analysis[p].shape) >= 2)


def _is_chain(analysis: Analysis, ws: list[Weighted]) -> bool:
    """Whether each contraction reads something that depends on the one before it."""
    return all(analysis.reaches(one.node, two.x) for one, two in pairwise(ws))


def _together(analysis: Analysis, one: list[Weighted], two: list[Weighted]) -> bool:
    """Whether two chains step together: each depends on the other's last step."""
    if len(one) < STEPS or len(two) < STEPS:
        return False
    return analysis.reaches(one[0].node, two[2].node) and analysis.reaches(two[0].node, one[2].node)


def _cell(analysis: Analysis, family: list[list[Weighted]]) -> Cell | None:
    """The cell of a family of chains, named by what one step in the middle does."""
    count = min(len(chain) for chain in family)
    middle = max(1, min(count // 2, count - 2))
    now = [chain[middle] for chain in family]
    first = min(now, key=lambda w: analysis.place[w.node])
    following = min((chain[middle + 1] for chain in family), key=lambda w: analysis.place[w.node])
    earlier = [chain[middle - 1].node for chain in family]
    state = _state(analysis, following.x, [w.node for w in now])
    if state is None:
        return None
    hidden = analysis[state].shape[-1]
    before = _state(analysis, first.x, earlier)
    body = {w.node for w in now}.union(*(analysis.between(w.node, [state]) for w in now))
    carried = _carried(analysis, body, earlier, {w.node for w in now})
    gates = sum(w.fan_out for w in now) / hidden
    variant, check = _named(analysis, state, before, carried, gates)
    steps = tuple(tuple(chain[i].node for chain in family) for i in range(count))
    shape = analysis[state].shape
    words = f"{count} equal steps with the same weights; the carried state {shape} of one is read by the next; {check}"
    return Cell(steps, hidden, variant, words)


def _state(analysis: Analysis, x: str, recurrent: list[str]) -> str | None:
    """What a contraction reads of the step before: all of it, or the part of a concatenation that depends on it."""
    name = x
    while True:
        node = analysis[name]
        if node.op == "concat":
            parts = [s for s in node.inputs if any(analysis.reaches(r, s) for r in recurrent)]
            if len(parts) != 1:
                return None
            name = parts[0]
        elif node.op in MOVES | {"cast"}:
            name = node.inputs[0]
        else:
            return name if any(analysis.reaches(r, name) for r in recurrent) else None


def _carried(analysis: Analysis, body: set[str], earlier: list[str], now: set[str]) -> list[str]:
    """What a step reads of the step before other than through its recurrent contractions."""
    found: dict[str, None] = {}
    for name in sorted(body - now, key=analysis.place.__getitem__):
        for source in analysis.data(name):
            if source not in body and any(analysis.reaches(r, source) for r in earlier):
                found[source] = None
    return list(found)


def _named(
    analysis: Analysis, state: str, before: str | None, carried: list[str], gates: float
) -> tuple[str | None, str]:
    """The kind of a cell by how its state answers to what is carried past the contractions."""
    if not carried:
        return _elman(analysis, state) if gates == 1 else (None, "nothing is carried past the contractions")
    cell = carried[0]
    own = before is not None and analysis.strip(cell) == analysis.strip(before)
    if len(carried) == 1 and own and gates == 3:
        return _gru(analysis, state, cell)
    if len(carried) == 1 and not own and gates == 4:
        return _lstm(analysis, state, cell)
    return None, f"{len(carried)} states are carried past {gates:g} gates"


def _under(analysis: Analysis, state: str, fixed: Mapping[str, float], draw: int) -> Floats | None:
    values = {name: np.full(analysis[name].shape, value) for name, value in fixed.items()}
    probe = analysis.probes[draw]
    found = (probe.override(values) if values else probe).value(state)
    return None if found is None else np.asarray(found, dtype=np.float64)


def _elman(analysis: Analysis, state: str) -> tuple[str | None, str]:
    op = analysis.op(analysis.strip(state))
    if op in {"tanh", "relu"}:
        return "elman", f"the state is {op} of one sum of contractions"
    return None, "one contraction a step, but the state is no tanh or relu of it"


def _gru(analysis: Analysis, state: str, cell: str) -> tuple[str | None, str]:
    """Whether h = (1 − z) n + z h′: between 0 and 1 of the state is kept and the rest filled from within −1 … 1."""
    for draw in (0, 1):
        zero, one, two = (_under(analysis, state, {cell: value}, draw) for value in (0.0, 1.0, 2.0))
        if zero is None or one is None or two is None:
            return None, "a step has no probe value"
        kept = one - zero
        if np.abs(two - one - kept).max() > _EQUAL or not ((kept > 0) & (kept < 1)).all():
            return None, "the state carried past the contractions is not blended in by a gate"
        if not (np.abs(zero / (1 - kept)) <= 1 + _EQUAL).all():
            return None, "what is kept and what is added are not z and 1 − z"
    return "gru", "the state is z · the last one + (1 − z) · a candidate (two draws)"


def _lstm(analysis: Analysis, state: str, cell: str) -> tuple[str | None, str]:
    """Whether c = f c′ + i g and h = o tanh c: a far cell gives ± the output gate, and near cells fade by a gate."""
    for draw in (0, 1):
        high, low = (_under(analysis, state, {cell: value}, draw) for value in (_FAR, -_FAR))
        if high is None or low is None:
            return None, "a step has no probe value"
        if np.abs(high + low).max() > _EQUAL or not ((high > 0) & (high < 1)).all():
            return None, "the cell does not leave through tanh and a gate"
        near = [_under(analysis, state, {cell: value}, draw) for value in (0.0, 0.25)]
        if near[0] is None or near[1] is None:
            return None, "a step has no probe value"
        inner = [np.arctanh(np.clip(y / high, -1 + 1e-12, 1 - 1e-12)) for y in near if y is not None]
        kept = (inner[1] - inner[0]) / 0.25
        if not ((kept > 0) & (kept < 1)).all():
            return None, "the cell is not kept by a gate"
    return "lstm", "a second carried state is kept by a gate and leaves through tanh and another gate (two draws)"
