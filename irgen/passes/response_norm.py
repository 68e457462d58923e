"""Local response normalisation, however its sum over near channels is written, known by what it divides by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from irgen.ir.evaluate import Unevaluable, apply
from irgen.ir.graph import Node
from irgen.ir.ops import MOVES
from irgen.passes.engine import Builder, Pass, known

Floats = NDArray[np.float64]

_INSIDE = MOVES | frozenset(
    {"mul", "add", "pow", "sqrt", "div", "avg_pool", "reduce_sum", "reduce_mean", "cast", "conv"}
)
_MOST = 64
"""No spelling of the divisor takes as many nodes."""
_LARGEST = 50_000_000
"""No map with more elements is evaluated."""
_FAR = 1e9
_EQUAL = 1e-6


@dataclass(frozen=True, slots=True)
class _Response:
    """x / (ε + α/n Σ x²)^β over n neighbouring channels."""

    size: int
    alpha: float
    beta: float
    eps: float

    def divisor(self, x: Floats) -> Floats:
        half = self.size // 2
        padded = np.pad(x * x, [(half, half) if axis == 1 else (0, 0) for axis in range(x.ndim)])
        total = sum(padded[:, i : i + x.shape[1]] for i in range(self.size))
        return np.asarray((self.eps + self.alpha / self.size * total) ** self.beta, dtype=np.float64)


def response_norm(node: Node, b: Builder) -> Node | None:
    """A state divided by a power of the squares summed over an odd number of channels around each channel.

    Krizhevsky et al. 2012, section 3.3.
    """
    x, power = node.inputs
    if not known(b[x]) or len(b[x].shape) < 3 or b[x].shape != node.shape or b[power].shape != node.shape:
        return None
    cone = _cone(b, power, x)
    if cone is None or not any(b[n].op in {"pow", "sqrt"} for n in cone) or b[x].tensor.size > _LARGEST:
        return None
    found = _read(b.nodes, cone, power, x)
    if found is None:
        return None
    return b.instead(node, "response_norm", (x,), size=found.size, alpha=found.alpha, beta=found.beta, eps=found.eps)


def _cone(b: Builder, top: str, x: str) -> list[str] | None:
    """The nodes between x and a divisor in order, if nothing but x and constants feeds them."""
    found: dict[str, None] = {}

    def visit(name: str) -> bool:
        if name == x or name in found or not name or b[name].op in {"const", "full"}:
            return True
        if len(found) > _MOST or b[name].op not in _INSIDE or not known(b[name]):
            return False
        if not all(visit(source) for source in b[name].inputs):
            return False
        found[name] = None
        return True

    return list(found) if visit(top) and found else None


def _read(nodes: Mapping[str, Node], cone: list[str], top: str, x: str) -> _Response | None:
    """The numbers of the norm from what single channels do to the divisor; they must then hold on random maps."""
    shape = nodes[x].shape
    middle = (0, shape[1] // 2, *(n // 2 for n in shape[2:]))

    def divisor(value: float) -> Floats | None:
        one = np.zeros(shape)
        one[middle] = value
        return _evaluate(nodes, cone, top, {x: one})

    with np.errstate(all="ignore"):
        rest, unit, far, farther = (divisor(value) for value in (0.0, 1.0, _FAR, 10 * _FAR))
        if rest is None or unit is None or far is None or farther is None or rest.shape != shape:
            return None
        beta = float(np.log10(farther[middle] / far[middle]) / 2)
        if not np.isfinite(beta) or beta <= 0:
            return None
        k = float(rest[middle] ** (1 / beta))
        near = np.flatnonzero(far[0, :, *middle[2:]] != rest[0, :, *middle[2:]])
        size = len(near)
        if size % 2 == 0 or size < 3 or near[0] == 0 or near[-1] == shape[1] - 1:
            return None
        alpha = float((unit[middle] ** (1 / beta) - k) * size)
    found = _Response(size, *(float(f"{n:.6g}") for n in (alpha, beta, k)))
    random = 3 * np.random.default_rng(0).standard_normal(shape)
    told = _evaluate(nodes, cone, top, {x: random})
    return found if told is not None and np.allclose(told, found.divisor(random), rtol=_EQUAL) else None


def _evaluate(nodes: Mapping[str, Node], cone: list[str], top: str, known_values: dict[str, Floats]) -> Floats | None:
    values: dict[str, Any] = dict(known_values)
    try:
        for name in cone:
            for source in nodes[name].inputs:
                if source and source not in values:
                    fixed = nodes[source]
                    values[source] = fixed.value if fixed.op == "const" else apply(fixed, [])
            values[name] = apply(nodes[name], [values.get(source) for source in nodes[name].inputs])
    except Unevaluable:
        return None
    return np.asarray(values[top], dtype=np.float64)


PASS = Pass(rules={"div": (response_norm,)}, after=("scalars",))
