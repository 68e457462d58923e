"""The nonlinearity between contractions: which function, and whether it gates another projection."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from irgen.ir.graph import Node
from irgen.ir.ops import MOVES
from irgen.match.analysis import NORMS, Analysis

Floats = NDArray[np.float64]

NAMES: dict[str, str] = {
    "relu": "relu", "gelu": "gelu", "gelu_tanh": "gelu-tanh", "quick_gelu": "quick-gelu", "silu": "silu",
    "relu2": "relu2",
    "softplus": "softplus", "mish": "mish", "elu": "elu", "selu": "selu", "leaky_relu": "leaky-relu", "prelu": "prelu",
    "hard_sigmoid": "hard-sigmoid", "hard_swish": "hard-swish", "softsign": "softsign", "tanh": "tanh",
    "sigmoid": "sigmoid",
    "log_sigmoid": "log-sigmoid", "sin": "sin",
}  # fmt: skip
"""The facts record's word for each canonical activation."""


_FAR = 1e30
"""A bound beyond this bounds nothing."""
_MOST = 3
"""Factors of a gating product that is told from its regrouped form."""


def _sigmoid(x: Floats) -> Floats:
    return 1 / (1 + np.exp(-x))


REFERENCE: dict[str, Callable[[Floats], Floats]] = {
    "relu": lambda x: np.maximum(x, 0),
    "silu": lambda x: x * _sigmoid(x),
    "quick-gelu": lambda x: x * _sigmoid(1.702 * x),
    "gelu-tanh": lambda x: x / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
    "relu2": lambda x: np.maximum(x, 0) ** 2,
    "tanh": np.tanh,
    "sigmoid": _sigmoid,
    "softplus": lambda x: np.log1p(np.exp(x)),
}
"""Functions for the comparison by values, where no canonical activation stands in the graph."""


@dataclass(frozen=True, slots=True)
class Activation:
    """The function's name (None: a nonlinearity that no reference function matches), gating, and the proof."""

    name: str | None
    gated: bool
    check: str


def activation_of(analysis: Analysis, z: str, sources: list[str]) -> Activation | None:
    """The nonlinearity by which `z` comes from the contractions `sources`, or None if there is none."""
    found = _between(analysis, z, sources)
    bounds = _said_bounds(analysis, z, sources) if found is not None else ""
    return replace(found, check=found.check + bounds) if found is not None and bounds else found


def _said_bounds(analysis: Analysis, z: str, sources: list[str]) -> str:
    """The bounds of the clips on the way, in words."""
    floor = min((analysis.place[s] for s in sources), default=0)
    clips = [analysis[n] for n in analysis.back(z, floor) if _bounds(analysis[n]) and analysis.is_data(n)]
    ends = sorted({f"{side} {node.attrs[side]:g}" for node in clips for side in ("max", "min") if _is_end(node, side)})
    return f"; clipped to {', '.join(ends)} on the way" if ends else ""


def _is_end(node: Node, side: str) -> bool:
    end = node.attrs.get(side)
    return isinstance(end, (int, float)) and abs(end) < _FAR


def _between(analysis: Analysis, z: str, sources: list[str]) -> Activation | None:
    node = _bare(analysis, z)
    while (own := _unweighed(analysis, node, sources)) is not None:
        node = _bare(analysis, own)
    if node.op in NAMES:
        return Activation(NAMES[node.op], False, f"{node.op} of a projection feeds the down-projection")
    if _is_relu6(node):
        return Activation("relu6", False, "a clip to 0 … 6 of a projection feeds the down-projection")
    data = analysis.data(node.id)
    if node.op == "mul" and len(data) == 2:
        if (swish := _regrouped(analysis, node.id)) is not None:
            return swish
        acts = [_inner_activation(analysis, side) for side in data]
        named = [a for a in acts if a is not None]
        other = next((side for side, act in zip(data, acts, strict=True) if act is None), None)
        gates = other is not None and _sides(analysis, node.id, sources)
        if len(named) == 1 and other is not None and gates and not _bent(analysis, other, sources):
            return Activation(NAMES[named[0]], True, f"{named[0]} of one projection multiplies another")
    return _by_values(analysis, z, sources) or _unnamed(analysis, z, sources)


def _regrouped(analysis: Analysis, name: str) -> Activation | None:
    """A product (b · a) · σ(c a) whose factors were multiplied in another order: a · σ(c a) gates b."""
    factors: list[str] = []
    stack = [name]
    while stack:
        node = analysis[stack.pop()]
        if node.op == "mul" and len(analysis.data(node.id)) == 2 and len(factors) < _MOST:
            stack.extend(node.inputs)
        else:
            factors.append(node.id)
    if len(factors) != _MOST:
        return None
    for bent in factors:
        if analysis.op(bent) != "sigmoid":
            continue
        argument = analysis[bent].inputs[0]
        base = next((f for f in factors if f != bent and analysis.strip(f) == analysis.strip(argument)), None)
        one, other = _sample(analysis, argument), _sample(analysis, base) if base is not None else None
        for word, scale in (("silu", 1.0), ("quick-gelu", 1.702)):
            if one is not None and other is not None and one.shape == other.shape and _equal(one, scale * other):
                return Activation(word, True, f"{word} written as a product of three with the other projection")
    return None


def _bare(analysis: Analysis, name: str) -> Node:
    """Behind views, norms, depthwise convolutions and scales: the node that makes the values."""
    while True:
        node = analysis[name]
        data = analysis.data(name)
        through = node.op in MOVES or node.op in NORMS or node.op in {"cast", "pick"} or _bounds(node)
        scaled = node.op in {"mul", "div", "add", "sub"} and len(data) == 1
        spatial = node.op == "conv" and node.attrs.get("groups", 1) != 1
        if not (through or scaled or spatial) or not data:
            return node
        name = data[0]


def _unweighed(analysis: Analysis, node: Node, sources: list[str]) -> str | None:
    """Of a product the one operand that comes from the contractions, where the other (a router's weight) does not."""
    data = analysis.data(node.id)
    if node.op != "mul" or len(data) != 2:
        return None
    own = [side for side in data if any(analysis.reaches(source, side) for source in sources)]
    return own[0] if len(own) == 1 else None


def _bounds(node: Node) -> bool:
    """A clip that only bounds (both signs pass)."""
    return node.op == "clip" and not _is_relu6(node)


def _is_relu6(node: Node) -> bool:
    return node.op == "clip" and node.attrs.get("min") == 0 and node.attrs.get("max") == 6


def _inner_activation(analysis: Analysis, name: str) -> str | None:
    """The canonical activation on one side of a gating product."""
    node = _bare(analysis, name)
    return node.op if node.op in NAMES else None


def _by_values(analysis: Analysis, z: str, sources: list[str]) -> Activation | None:
    """Compare values: z = act(a) or act(a) · b for tensors a, b that come straight from the contractions."""
    target = _sample(analysis, z)
    if target is None:
        return None
    hidden = {
        n: v
        for n in _straight(analysis, z, sources)
        if (v := _sample(analysis, n)) is not None and v.shape == target.shape
    }
    for name, h in hidden.items():
        for word, function in REFERENCE.items():
            if _equal(target, function(h)):
                return Activation(word, False, f"{z} = {word}({name}) on probe values")
    for (one, a), (two, b) in permutations(hidden.items(), 2):
        for word, function in REFERENCE.items():
            if not _equal(a, b) and _equal(target, function(a) * b):
                return Activation(word, True, f"{z} = {word}({one}) · {two} on probe values")
    for (one, a), (two, b) in permutations(hidden.items(), 2):
        if not _equal(a, b) and _equal(target, a * b):
            return Activation("identity", True, f"{z} = {one} · {two} on probe values")
    return None


def _sample(analysis: Analysis, name: str) -> Floats | None:
    value = analysis.probes[0].value(name)
    return None if value is None else np.asarray(value, dtype=np.float64).reshape(-1)[:4096]


def _equal(target: Floats, other: Floats) -> bool:
    scale = float(np.abs(target).max(initial=0.0))
    return scale > 0 and bool((np.abs(target - other) <= 3e-6 * scale).all())


def _straight(analysis: Analysis, z: str, sources: list[str]) -> list[str]:
    """The sources and every view of them in the cone of z."""
    floor = min(analysis.place[s] for s in sources)
    found: list[str] = []
    for name in sorted(analysis.back(z, floor), key=analysis.place.__getitem__):
        at = name
        while at not in sources and (analysis.op(at) in MOVES or analysis.op(at) == "cast"):
            at = analysis.inputs(at)[0]
        if at in sources and analysis[name].size == analysis[z].size:
            found.append(name)
    return found


def _bent(analysis: Analysis, name: str, sources: list[str]) -> list[str]:
    """The nonlinear functions between the contractions and a node."""
    floor = min(analysis.place[s] for s in sources)
    between = (n for n in analysis.back(name, floor) if analysis.is_data(n) and n not in sources)
    return [n for n in between if analysis.op(n) in NAMES or analysis.op(n) in _BENDS]


_BENDS = frozenset({"exp", "erf", "pow", "maximum", "where", "log"})


def _unnamed(analysis: Analysis, z: str, sources: list[str]) -> Activation | None:
    """Some nonlinearity that has no name: an elementwise function, learned or not, between the contractions."""
    floor = min(analysis.place[s] for s in sources)
    between = [n for n in analysis.back(z, floor) if analysis.is_data(n) and n not in sources]
    bent = [
        n
        for n in between
        if analysis.op(n) in NAMES or analysis.op(n) in {"exp", "erf", "pow", "maximum", "clip", "where", "log"}
    ]
    products = [n for n in between if analysis.op(n) == "mul" and len(analysis.data(n)) == 2]
    if not bent and not products:
        return None
    gated = any(_sides(analysis, n, sources) for n in products)
    return Activation(None, gated, "an elementwise nonlinearity that no reference function equals")


def _sides(analysis: Analysis, product: str, sources: list[str]) -> bool:
    """Whether the operands of a product come from different features: a projection times itself is no gate."""
    one, two = (_views(analysis, side, sources) for side in analysis.data(product)[:2])
    return not (one <= two or two <= one)


def _views(analysis: Analysis, name: str, sources: list[str]) -> frozenset[str]:
    """What an elementwise function takes: the sources, or the views of them, at which the walk back ends."""
    found: set[str] = set()
    seen: set[str] = set()
    stack = [name]
    while stack:
        top = stack.pop()
        if top in seen:
            continue
        seen.add(top)
        node = analysis[top]
        if top in sources or node.op in {"slice", "gather", "pick"}:
            found.add(top)
        elif analysis.is_data(top):
            stack.extend(analysis.data(top))
    return frozenset(found)
