"""Elementwise operators in numpy: one-input functions, arithmetic, comparison, logic, and leaves with a value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from irgen.ir.attrs import bound, number
from irgen.ir.evaluate_base import Called, Kernel, One, Two, Unevaluable, Values, working, working_dtype
from irgen.ir.graph import Node

# W. J. Cody, "Rational Chebyshev approximations for the error function", Math. Comp. 23 (1969), 631-637: one
# quotient of polynomials (numerator, denominator; highest power first) on each of three ranges of |x|.
_ERF_SMALL = (
    (
        1.85777706184603153e-1,
        3.16112374387056560e0,
        1.13864154151050156e2,
        3.77485237685302021e2,
        3.20937758913846947e3,
    ),
    (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3),
)
_ERFC_MIDDLE = (
    (2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594e0, 6.61191906371416295e1,
     2.98635138197400131e2, 8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3, 1.23033935479799725e3),
    (1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3,
     3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3, 1.23033935480374942e3),
)  # fmt: skip
_ERFC_LARGE = (
    (1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1, 1.25781726111229246e-1,
     1.60837851487422766e-2, 6.58749161529837803e-4),
    (1.0, 2.56852019228982242e0, 1.87295284992346725e0, 5.27905102951428412e-1, 6.05183413124413191e-2,
     2.33520497626869185e-3),
)  # fmt: skip


_BLOCK = 1 << 14


def erf(x: Values) -> Values:
    """Error function of real values, elementwise, to about 1e-16 (Cody 1969)."""
    x = np.asarray(x, dtype=np.float64)
    if x.size <= _BLOCK:
        return _erf(x)
    flat, out = x.reshape(-1), np.empty(x.size)
    for start in range(0, x.size, _BLOCK):  # blocks that stay in the cache: four times as fast
        out[start : start + _BLOCK] = _erf(flat[start : start + _BLOCK])
    return out.reshape(x.shape)


def _erf(x: Values) -> Values:
    size = np.abs(x)
    out = np.array(np.sign(x))
    small = size <= 0.46875
    middle = (size > 0.46875) & (size <= 4)
    large = (size > 4) & (size < 6)
    t: Values = np.square(x[small])
    out[small] = x[small] * np.polyval(_ERF_SMALL[0], t) / np.polyval(_ERF_SMALL[1], t)
    t = size[middle]
    tail = np.exp(-t * t) * np.polyval(_ERFC_MIDDLE[0], t) / np.polyval(_ERFC_MIDDLE[1], t)
    out[middle] *= 1 - tail
    t = size[large]
    inverse = 1 / (t * t)
    bracket = 1 / np.sqrt(np.pi) - inverse * np.polyval(_ERFC_LARGE[0], inverse) / np.polyval(_ERFC_LARGE[1], inverse)
    out[large] *= 1 - np.exp(-t * t) / t * bracket
    out[np.isnan(x)] = np.nan
    return out


def _sigmoid(x: Values) -> Values:
    return 1 / (1 + np.exp(-x))


def _gelu_tanh(x: Values) -> Values:
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def _log_sigmoid(x: Values) -> Values:
    return -np.logaddexp(0, -x)


def _softplus(node: Node, x: Values) -> Values:
    beta = number(node, "beta")
    return np.logaddexp(0, beta * x) / beta


def _elu(node: Node, x: Values) -> Values:
    return np.where(x > 0, x, number(node, "alpha") * np.expm1(np.minimum(x, 0)))


def _selu(x: Values) -> Values:
    # G. Klambauer et al., "Self-normalizing neural networks" (2017), §2
    scale, alpha = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717
    return scale * np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def _clip(node: Node, x: Values) -> Values:
    low, high = bound(node, "min"), bound(node, "max")
    x = x if low is None else np.maximum(x, low)
    return x if high is None else np.minimum(x, high)


def _cast(node: Node, x: Values) -> Values:
    wanted = working_dtype(node.tensor.dtype)
    if wanted.kind in "iu" and x.dtype.kind == "f":
        x = np.trunc(np.nan_to_num(x, posinf=2.0**62, neginf=-(2.0**62)))
    if wanted.kind == "f" and x.dtype.kind == "c":
        x = np.real(x)
    return x.astype(wanted, copy=False)


def _trunc_div(a: Values, b: Values) -> Values:
    if a.dtype.kind == "f" or b.dtype.kind == "f":
        return np.trunc(np.true_divide(a, b))
    return np.sign(a) * np.sign(b) * (np.abs(a) // np.abs(b))


def _pow(node: Node, a: Values, b: Values) -> Values:
    whole = working_dtype(node.tensor.dtype).kind in "iub"
    return np.power(a, b) if whole else np.power(a + 0.0, b)


def _whole(x: Values, function: Any) -> Values:
    return x if x.dtype.kind in "iub" else function(x)


def _const(node: Node) -> Values:
    if node.value is None:
        raise Unevaluable("the value of this constant is absent", at=node.id)
    return working(node.value)


def _arange(node: Node) -> Values:
    start, step = number(node, "start"), number(node, "step")
    count = np.arange(node.shape[0])
    if working_dtype(node.tensor.dtype).kind in "iu":
        return int(start) + int(step) * count
    return start + step * count


def _full(node: Node) -> Values:
    value: Any = node.attrs["value"]
    return np.full(node.shape, value, dtype=working_dtype(node.tensor.dtype))


def _where(_node: Node, condition: Values, a: Values, b: Values) -> Values:
    return np.where(_truth(condition), a, b)


def _plain(function: Callable[..., Values]) -> Kernel:
    def kernel(_node: Node, *args: Values) -> Values:
        return function(*args)

    return kernel


def _truth(x: Values) -> Values:
    return np.asarray(x, dtype=bool)


_ONE: dict[str, One] = {
    "neg": np.negative, "abs": np.abs, "sign": np.sign, "exp": np.exp, "expm1": np.expm1, "log": np.log,
    "log1p": np.log1p, "sqrt": np.sqrt, "rsqrt": lambda x: 1 / np.sqrt(x), "reciprocal": lambda x: 1 / x,
    "sin": np.sin, "cos": np.cos, "tan": np.tan, "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan,
    "sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh, "erf": erf, "sigmoid": _sigmoid,
    "relu": lambda x: np.maximum(x, 0), "gelu": lambda x: 0.5 * x * (1 + erf(x / np.sqrt(2))),
    "gelu_tanh": _gelu_tanh, "quick_gelu": lambda x: x * _sigmoid(1.702 * x), "silu": lambda x: x * _sigmoid(x),
    "relu2": lambda x: np.square(np.maximum(x, 0)), "mish": lambda x: x * np.tanh(np.logaddexp(0, x)),
    "selu": _selu, "hard_sigmoid": lambda x: np.clip(x / 6 + 0.5, 0, 1),
    "hard_swish": lambda x: x * np.clip(x / 6 + 0.5, 0, 1), "softsign": lambda x: x / (1 + np.abs(x)),
    "log_sigmoid": _log_sigmoid, "floor": lambda x: _whole(x, np.floor), "ceil": lambda x: _whole(x, np.ceil),
    "round": lambda x: _whole(x, np.round), "trunc": lambda x: _whole(x, np.trunc),
    "not": lambda x: ~_truth(x), "bit_not": np.invert, "isnan": np.isnan, "isinf": np.isinf,
    "real": np.real, "imag": np.imag, "conj": np.conj, "stop_gradient": lambda x: x,
}  # fmt: skip

_TWO: dict[str, Two] = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.true_divide, "floor_div": np.floor_divide,
    "trunc_div": _trunc_div, "mod": np.mod, "fmod": np.fmod, "atan2": np.arctan2,
    "maximum": np.maximum, "minimum": np.minimum, "eq": np.equal, "ne": np.not_equal, "lt": np.less,
    "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal, "and": lambda a, b: _truth(a) & _truth(b),
    "or": lambda a, b: _truth(a) | _truth(b), "xor": lambda a, b: _truth(a) ^ _truth(b),
    "bit_and": np.bitwise_and, "bit_or": np.bitwise_or, "bit_xor": np.bitwise_xor,
    "shift_left": np.left_shift, "shift_right": np.right_shift,
    "prelu": lambda x, slope: np.where(x > 0, x, slope * x),
    "polar": lambda r, angle: r * np.exp(1j * angle), "complex": lambda re, im: re + 1j * im,
}  # fmt: skip

_CALLED: dict[str, Called] = {
    "leaky_relu": lambda node, x: np.where(x > 0, x, number(node, "slope") * x),
    "softplus": _softplus, "elu": _elu, "clip": _clip, "cast": _cast,
}  # fmt: skip

KERNELS: dict[str, Kernel] = {
    **{name: _plain(function) for name, function in {**_ONE, **_TWO}.items()},
    **_CALLED, "where": _where, "pow": _pow, "const": _const, "arange": _arange, "full": _full,
}  # fmt: skip
