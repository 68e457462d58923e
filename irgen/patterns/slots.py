"""Memory slots: learned keys and values that stand behind those of the tokens (Cornia et al. 2020, section 3.1)."""

from __future__ import annotations

from irgen.ir.attrs import integer
from irgen.ir.ops import MOVES
from irgen.match.analysis import NORMS, Analysis
from irgen.patterns.cores import Core

_ON_KEYS = MOVES | NORMS | frozenset({"cast", "mul", "div", "rotary"})


def memory_slots(analysis: Analysis, core: Core) -> int:
    """How many keys of a core, and as many values, are learned and the same whatever the model is given."""
    keys = analysis[core.softmax].shape[-1]
    slots = _learned_rows(analysis, core.k, keys)
    return slots if slots and slots == _learned_rows(analysis, core.v, keys) else 0


def _learned_rows(analysis: Analysis, name: str, keys: int) -> int:
    """Rows that a concatenation along the tokens takes from learned tensors, between a projection and its core."""
    while analysis.op(name) != "concat":
        below = analysis.main_input(name)
        if analysis.op(name) not in _ON_KEYS or below is None:
            return 0
        name = below
    axis = integer(analysis[name], "axis")
    if analysis[name].shape[axis] != keys:
        return 0
    rows = [s for s in analysis.inputs(name) if not analysis.live(s) and _is_learned(analysis, s)]
    return sum(analysis[s].shape[axis] for s in rows)


def _is_learned(analysis: Analysis, name: str) -> bool:
    return any(analysis.op(n) == "param" for n in analysis.back(name, 0))
