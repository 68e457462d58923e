"""Copies of the residual stream: a term that only mixes the copies of an earlier one (hyper-connections, AltUp).

Hyper-connections (Zhu et al. 2024, section 2) and alternating updates (Baykal et al. 2023, section 3) carry n copies
of each token's state. Between two layers the copies are mixed by an n x n matrix, learned or computed from the token
itself, and the result of a layer is written to all of them. The mixing is linear in the stream and works along the
axis of the copies alone, which is proved by evaluation: what one entry of one token holds reaches no other entry and
no other token.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from irgen.ir.evaluate import Unevaluable, apply
from irgen.ir.graph import Array, Node
from irgen.ir.ops import MOVES
from irgen.match.analysis import DATA, LARGEST, Analysis
from irgen.match.contract import product

_PRODUCTS = frozenset({"matmul", "einsum", "linear"})
_LINEAR = MOVES | {"cast", "stop_gradient", "add", "sub", "mul", "div", "reduce_sum"} | _PRODUCTS
_FEW = 32
"""No stream has more copies than this: a longer axis is one of tokens or features."""

_DEPTH = 40
"""So many steps back the mixing of one term may take."""


@dataclass(frozen=True, slots=True)
class Mixing:
    """A term that mixes the copies of `root` along `axis`, and the nodes on its way from there."""

    root: str
    axis: int
    nodes: frozenset[str]


def mixing_of(analysis: Analysis, term: str) -> Mixing | None:
    """The mixing of copies by which a term continues an earlier stream of its shape, or None."""
    shape = analysis[term].shape
    if len(shape) < 3 or not 0 < analysis[term].size <= LARGEST:
        return None
    frontier, passed, mixed = {term}, dict[str, list[str]](), False
    for _ in range(_DEPTH):
        latest = max(frontier, key=analysis.place.__getitem__)
        if mixed and len(frontier) == 1 and analysis[latest].shape == shape:
            axis = _copies_axis(analysis, term, latest, passed)
            return None if axis is None else Mixing(latest, axis, frozenset(passed))
        below = _carried_inputs(analysis, latest)
        if not below:
            return None
        mixed = mixed or analysis.op(latest) in _PRODUCTS or analysis.op(latest) == "reduce_sum"
        passed[latest] = below
        frontier = (frontier - {latest}) | set(below)
    return None


def _carried_inputs(analysis: Analysis, name: str) -> list[str]:
    """The inputs in which a node is linear and through which a stream may arrive; none where it is not linear."""
    node = analysis[name]
    if node.op not in _LINEAR or analysis.cls[name] != DATA or not _sums_few(analysis, node):
        return []
    data = list(dict.fromkeys(analysis.data(name)))
    if node.op == "div":
        return [node.inputs[0]] if analysis.is_data(node.inputs[0]) else []
    if node.op in {"mul", "matmul", "einsum"}:
        large = max((analysis[s].size for s in data), default=0)
        main = [s for s in data if analysis[s].size == large]
        return main if len(main) == 1 and node.inputs.count(main[0]) == 1 else []
    if node.op == "linear":
        return data[:1]
    return data


def _sums_few(analysis: Analysis, node: Node) -> bool:
    """Whether a product sums over no more numbers than there are copies: more are features or tokens that it mixes."""
    if node.op == "linear":
        return analysis[node.inputs[0]].shape[-1] <= _FEW
    joined = product(node, tuple(len(analysis[s].shape) for s in node.inputs)) if node.op in _PRODUCTS else None
    if joined is None:
        return True
    sizes = dict(zip(joined.left_axes, analysis[joined.left].shape, strict=True))
    return all(sizes[letter] <= _FEW for letter in joined.contracted)


def _copies_axis(analysis: Analysis, term: str, root: str, passed: dict[str, list[str]]) -> int | None:
    """The one axis along which a term mixes its root, proved at one place for each other axis."""
    shape = analysis[root].shape
    rng = np.random.default_rng(0)
    sides: dict[str, Array] = {}
    before = rng.standard_normal(shape)
    plain = _mixed(analysis, term, root, passed, before, sides)
    if plain is None:
        return None
    for axis in range(len(shape) - 1, -1, -1):
        if not 1 < shape[axis] <= _FEW:
            continue
        at = tuple(slice(None) if i == axis else n // 2 for i, n in enumerate(shape))
        changed = before.copy()
        changed[at] += 1.0 + rng.random(shape[axis])
        moved = _mixed(analysis, term, root, passed, changed, sides)
        if moved is None:
            return None
        differs = moved != plain
        inside = differs[at]
        if inside.any() and differs.sum() == inside.sum() and _mixes(analysis, term, root, passed, before, sides, axis):
            return axis
    return None


def _mixes(
    analysis: Analysis,
    term: str,
    root: str,
    passed: dict[str, list[str]],
    before: Array,
    sides: dict[str, Array],
    axis: int,
) -> bool:
    """Whether one copy reaches another one."""
    changed = before.copy()
    first = tuple(0 if i == axis else slice(None) for i in range(before.ndim))
    changed[first] = np.asarray(before[first], dtype=np.float64) + 1.0
    one = _mixed(analysis, term, root, passed, before, sides)
    other = _mixed(analysis, term, root, passed, changed, sides)
    if one is None or other is None:
        return False
    return bool((np.take(one, 1, axis) != np.take(other, 1, axis)).any())


def _mixed(
    analysis: Analysis, term: str, root: str, passed: dict[str, list[str]], value: Array, sides: dict[str, Array]
) -> Array | None:
    """The term for one value of its root; everything else that it reads is drawn once and kept in `sides`."""
    values: dict[str, Array] = {root: value}
    rng = np.random.default_rng(1)
    for name in sorted(passed, key=analysis.place.__getitem__):
        node = analysis[name]
        args = [values[s] if s in values else _side(analysis, s, sides, rng) for s in node.inputs]
        result = _applied(node, args)
        if result is None:
            return None
        values[name] = result
    return values.get(term)


def _side(analysis: Analysis, name: str, sides: dict[str, Array], rng: np.random.Generator) -> Array | None:
    if not name:
        return None
    if name not in sides:
        node = analysis[name]
        sides[name] = node.value if node.value is not None else 0.5 + rng.random(node.shape)
    return sides[name]


def _applied(node: Node, args: list[Array | None]) -> Array | None:
    try:
        result = apply(node, args)
    except (Unevaluable, ValueError):
        return None
    return None if isinstance(result, tuple) else np.asarray(result)
