"""Functions that reduce along axes, known by their values: softmax, its logarithm, norms with their affine part."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from irgen.ir.graph import Attr
from irgen.match.functions import Values, close, reference

SCALES = (1.0, 1e-3)
"""Two sizes of the input, so that the value of epsilon shows."""
_FARTHEST = 100.0

Draw = tuple[Values, list[Values], Values]
"""An input, the parameters (broadcast against it), and what the function makes of them."""


@dataclass(frozen=True, slots=True)
class Normed:
    """An operator with its attributes, and which parameters (by position) scale and shift its result."""

    op: str
    attrs: dict[str, Attr]
    scale: int | None = None
    shift: int | None = None
    one_plus: bool = False
    """The scale is 1 + the parameter."""


def draws(
    function: Callable[[Values, list[Values]], Values],
    shape: tuple[int, ...],
    params: Sequence[tuple[int, ...]],
    constants: Sequence[float] = (),
) -> list[Draw]:
    """The function on normal inputs (mean 0.4) of two sizes with random parameters.

    A third size, past the largest of the constants that the formula holds, shows bounds and tests.
    """
    found: list[Draw] = []
    bounds = [abs(c) for c in constants if 1 < abs(c) <= _FARTHEST]
    sizes = [*SCALES, 2 * max(bounds)] if bounds else [*SCALES]
    for number, size in enumerate(sizes):
        rng = np.random.default_rng(20 + number)
        x = size * (rng.standard_normal(shape) + 0.4)
        learned = [rng.uniform(0.5, 1.5, each) * rng.choice([-1.0, 1.0], each) for each in params]
        with np.errstate(all="ignore"):
            found.append((x, learned, np.asarray(function(x, learned), dtype=np.float64)))
    return found


def named(found: Sequence[Draw], axes: tuple[int, ...], epsilons: Sequence[float]) -> Normed | None:
    """The operator that has the values of these draws, or None."""
    if any(y.shape != x.shape or not np.isfinite(y).all() for x, _, y in found):
        return None
    count = len(found[0][1])
    if count == 0 and len(axes) == 1:
        for op in ("softmax", "log_softmax"):
            if _all_close(found, [reference(op, {"axis": axes[0]}, x) for x, _, _ in found]):
                return Normed(op, {"axis": axes[0]})
    for eps in (*epsilons, 0.0):
        for op, extra in _KINDS:
            if op == "l2_norm" and count:
                continue
            attrs: dict[str, Attr] = {"axes": axes, "eps": eps, **extra}
            plain = [reference(op, attrs, x) for x, _, _ in found]
            for scale, shift, one_plus in _AFFINE[count] if count < len(_AFFINE) else ():
                if shift is not None and op == "rms_norm":
                    continue
                if _all_close(
                    found, [_affine(n, p, scale, shift, one_plus) for n, (_, p, _) in zip(plain, found, strict=True)]
                ):
                    return Normed(op, attrs, scale, shift, one_plus)
    return None


_KINDS: tuple[tuple[str, dict[str, Attr]], ...] = (
    ("layer_norm", {}),
    ("rms_norm", {}),
    ("l2_norm", {}),
    ("l2_norm", {"inside": True}),
    ("layer_norm", {"correction": 1}),
    ("layer_norm", {"correction": 1, "outside": True}),
    ("layer_norm", {"outside": True}),
    ("rms_norm", {"outside": True}),
)
"""`correction` 1: unbiased variance. `outside`: ε added to the root, not under it. `inside`: ε under the root."""

_AFFINE: tuple[tuple[tuple[int | None, int | None, bool], ...], ...] = (
    ((None, None, False),),
    ((0, None, False), (0, None, True), (None, 0, False)),
    ((0, 1, False), (1, 0, False), (0, 1, True), (1, 0, True)),
)
"""By number of parameters: which one scales, which one shifts, whether one is added to the scale."""


def _affine(n: Values, params: list[Values], scale: int | None, shift: int | None, one_plus: bool) -> Values:
    if scale is not None:
        n = n * (params[scale] + (1.0 if one_plus else 0.0))
    return n if shift is None else n + params[shift]


def _all_close(found: Sequence[Draw], wanted: Sequence[Values]) -> bool:
    return all(close(y, w, _TOLERANCE) for (_, _, y), w in zip(found, wanted, strict=True))


_TOLERANCE = 1e-5
"""Reductions add the rounding of constants up."""
