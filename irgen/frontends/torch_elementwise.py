"""Lowering of elementwise torch functions: arithmetic, comparisons, logic, activations, complex numbers."""

# The rows of TABLE take what torch's functions take, used or not, and lambdas have no room for types:
# ruff: noqa: ARG001, ARG005
# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from irgen.frontends.torch_build import Builder, Number, Operand, Unlowered, Val, is_float

FLOATING = frozenset(
    [
        "exp",
        "expm1",
        "log",
        "log1p",
        "sqrt",
        "rsqrt",
        "reciprocal",
        "sin",
        "cos",
        "tan",
        "asin",
        "acos",
        "atan",
        "sinh",
        "cosh",
        "tanh",
        "erf",
        "sigmoid",
    ]
)
SAME = frozenset(["neg", "abs", "sign", "floor", "ceil", "trunc", "relu"])
RENAMED = {
    "negative": "neg", "absolute": "abs", "sgn": "sign", "special_erf": "erf", "special_expm1": "expm1",
    "special_log1p": "log1p", "special_expit": "sigmoid", "arcsin": "asin", "arccos": "acos", "arctan": "atan",
    "fix": "trunc", "positive": "", "invert": "not",
}  # fmt: skip


def _floating(op: str) -> Callable[..., Val]:
    return lambda c, x: c.unary(op, c.floating(x))


def _same(op: str) -> Callable[..., Val]:
    def rule(c: Builder, x: Val) -> Val:
        if op == "abs" and x.dtype.startswith("complex"):
            return c.unary("abs", x, "float64" if x.dtype == "complex128" else "float32")
        return c.unary(op, x)

    return rule


def _scaled(op: str) -> Callable[..., Val]:
    """`add` and `sub`, whose second operand torch can multiply by `alpha`."""

    def rule(c: Builder, a: Operand, other: Operand, alpha: Number = 1) -> Val:
        b = other
        if alpha != 1:
            b = c.binary("mul", b, alpha) if isinstance(b, Val) else b * alpha
        if op == "add" and all(isinstance(x, Val) and x.dtype == "bool" for x in (a, b)):
            return c.binary("or", a, b)
        return c.binary(op, a, b)

    return rule


def _swapped(rule: Callable[..., Val]) -> Callable[..., Val]:
    return lambda c, a, other, **named: rule(c, other, a, **named)


def _mul(c: Builder, a: Operand, other: Operand) -> Val:
    both = isinstance(a, Val) and isinstance(other, Val) and a.dtype == other.dtype == "bool"
    return c.binary("and" if both else "mul", a, other)


def _div(c: Builder, a: Operand, other: Operand, rounding_mode: str | None = None) -> Val:
    if rounding_mode == "floor":
        return c.binary("floor_div", a, other)
    dtype = c.common(a, other)
    if rounding_mode == "trunc":
        return c.unary("trunc", c.binary("div", a, other)) if is_float(dtype) else c.binary("trunc_div", a, other)
    return c.binary("div", a, other, dtype=dtype if is_float(dtype) else "float32")


def _pow(c: Builder, a: Operand, exponent: Operand) -> Val:
    if isinstance(a, Val) and exponent == 1:
        return a
    if isinstance(a, Val) and isinstance(exponent, (int, float)) and is_float(a.dtype):
        if exponent == 0.5:
            return c.unary("sqrt", a)
        if exponent == -0.5:
            return c.unary("rsqrt", a)
    return c.binary("pow", a, exponent)


def _compare(op: str) -> Callable[..., Val]:
    return lambda c, a, other: c.binary(op, a, other, result="bool")


def _logical(op: str) -> Callable[..., Val]:
    return lambda c, a, other: c.binary(op, a, other, dtype="bool")


def _bits(op: str) -> Callable[..., Val]:
    def rule(c: Builder, a: Operand, other: Operand) -> Val:
        dtype = c.common(a, other)
        return c.binary(op if dtype == "bool" else f"bit_{op}", a, other, dtype=dtype)

    return rule


def _not(c: Builder, x: Val) -> Val:
    return c.unary("not", x) if x.dtype == "bool" else c.unary("bit_not", x)


def _logical_not(c: Builder, x: Val) -> Val:
    return c.unary("not", c.cast(x, "bool"))


def _clamp(c: Builder, x: Val, min: Operand | None = None, max: Operand | None = None) -> Val:
    if isinstance(min, Val) or isinstance(max, Val):
        y = x if min is None else c.binary("maximum", x, min)
        return y if max is None else c.binary("minimum", y, max)
    if any(isinstance(b, float) for b in (min, max)) and not is_float(x.dtype):
        x = c.floating(x)
    bounds: tuple[Any, Any] = (min, max)
    return c.unary("clip", x, min=bounds[0], max=bounds[1])


def _round(c: Builder, x: Val, decimals: int = 0) -> Val:
    if decimals == 0:
        return c.unary("round", x)
    return c.binary("div", c.unary("round", c.binary("mul", x, 10.0**decimals)), 10.0**decimals)


def _gelu(c: Builder, x: Val, approximate: str = "none") -> Val:
    return c.unary("gelu_tanh" if approximate == "tanh" else "gelu", x)


def _softplus(c: Builder, x: Val, beta: Number = 1, threshold: Number = 20) -> Val:
    return c.unary("softplus", x, beta=float(beta.real))


def _elu(c: Builder, x: Val, alpha: Number = 1, scale: Number = 1, input_scale: Number = 1) -> Val:
    if (scale, input_scale) != (1, 1):
        return c.binary("mul", c.unary("elu", c.binary("mul", x, input_scale), alpha=float(alpha.real)), scale)
    return c.unary("elu", x, alpha=float(alpha.real))


def _celu(c: Builder, x: Val, alpha: float = 1.0) -> Val:
    below = c.binary("mul", c.unary("expm1", c.binary("div", x, alpha)), alpha)
    return c.where(c.binary("gt", x, 0.0, result="bool"), x, below)


def _leaky(c: Builder, x: Val, negative_slope: float = 0.01) -> Val:
    return c.unary("leaky_relu", x, slope=float(negative_slope))


def _rrelu(c: Builder, x: Val, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False, *_: Any) -> Val:
    if training:
        raise Unlowered
    return _leaky(c, x, (lower + upper) / 2)


def _prelu(c: Builder, x: Val, weight: Val) -> Val:
    if weight.size > 1 and x.rank > 1:
        weight = c.reshape(weight, (weight.size, *(1,) * (x.rank - 2)))
    return c.emit("prelu", [x, weight], x.shape, x.dtype)


def _hardtanh(c: Builder, x: Val, min_val: Number = -1.0, max_val: Number = 1.0) -> Val:
    return c.unary("clip", x, min=float(min_val.real), max=float(max_val.real))


def _threshold(c: Builder, x: Val, threshold: Number, value: Number) -> Val:
    return c.where(c.binary("gt", x, threshold, result="bool"), x, value)


def _shrink(hard: bool) -> Callable[..., Val]:
    def rule(c: Builder, x: Val, lambd: float = 0.5) -> Val:
        size = c.unary("abs", x)
        kept = x if hard else c.binary("mul", c.unary("sign", x), c.binary("sub", size, lambd))
        return c.where(c.binary("gt", size, lambd, result="bool"), kept, 0.0)

    return rule


def _glu(c: Builder, x: Val, dim: int = -1) -> Val:
    half = x.shape[dim] // 2
    return c.binary("mul", c.slice(x, dim, 0, half), c.unary("sigmoid", c.slice(x, dim, half, 2 * half)))


def _where(c: Builder, condition: Val, *branches: Operand, other: Operand | None = None) -> Any:
    if other is not None:
        branches = (*branches, other)
    if not branches:
        places = c.emit("nonzero", [condition], (c.out[0].shape[0], condition.rank), "int64")
        return tuple(c.select(places, 1, i) for i in range(condition.rank))
    return c.where(condition, *branches)


def _masked_fill(c: Builder, x: Val, mask: Val, value: Operand) -> Val:
    return c.where(mask, c.as_val(value, x.dtype), x)


def _isfinite(c: Builder, x: Val) -> Val:
    bad = c.binary("or", c.unary("isnan", x, "bool"), c.unary("isinf", x, "bool"))
    return c.unary("not", bad)


def _nan_to_num(c: Builder, x: Val, nan: float | None = 0.0, posinf: Any = None, neginf: Any = None) -> Val:
    if not is_float(x.dtype):
        return x
    largest = 3.4028234663852886e38 if x.dtype == "float32" else 1.7976931348623157e308
    x = c.where(c.unary("isnan", x, "bool"), nan or 0.0, x)
    return c.unary("clip", x, min=neginf if neginf is not None else -largest, max=posinf or largest)


def _isclose(c: Builder, a: Val, other: Val, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Val:
    room = c.binary("add", c.binary("mul", c.unary("abs", other), rtol), atol)
    return c.binary("le", c.unary("abs", c.binary("sub", a, other)), room, result="bool")


def _addc(op: str) -> Callable[..., Val]:
    def rule(c: Builder, x: Val, a: Val, b: Val, value: Number = 1) -> Val:
        y = c.binary(op, a, b)
        return c.binary("add", x, y if value == 1 else c.binary("mul", y, value))

    return rule


def _lerp(c: Builder, x: Val, end: Val, weight: Operand) -> Val:
    return c.binary("add", x, c.binary("mul", c.binary("sub", end, x), weight))


def _complex(op: str) -> Callable[..., Val]:
    return lambda c, a, b: c.binary(op, a, b, result="complex128" if a.dtype == "float64" else "complex64")


def _part(op: str) -> Callable[..., Val]:
    def rule(c: Builder, x: Val) -> Val:
        if not x.dtype.startswith("complex"):
            return x
        return c.unary(op, x, "float64" if x.dtype == "complex128" else "float32")

    return rule


def _conj(c: Builder, x: Val) -> Val:
    return c.unary("conj", x) if x.dtype.startswith("complex") else x


def _angle(c: Builder, x: Val) -> Val:
    return c.binary("atan2", _part("imag")(c, x), _part("real")(c, x))


def _xlogy(c: Builder, x: Operand, other: Val) -> Val:
    return c.binary("mul", x, c.unary("log", c.floating(other)))


def _logaddexp(c: Builder, a: Val, other: Val) -> Val:
    top = c.binary("maximum", a, other)
    rest = c.unary("neg", c.unary("abs", c.binary("sub", a, other)))
    return c.binary("add", top, c.unary("log1p", c.unary("exp", rest)))


def _logit(c: Builder, x: Val, eps: float | None = None) -> Val:
    x = x if eps is None else c.unary("clip", x, min=eps, max=1 - eps)
    return c.unary("log", c.binary("div", x, c.binary("sub", 1.0, x)))


def _base(base: float) -> Callable[..., Val]:
    return lambda c, x: c.binary("mul", c.unary("log", c.floating(x)), 1 / math.log(base))


def _float_pow(c: Builder, a: Operand, exponent: Operand) -> Val:
    return c.binary("pow", *(c.cast(x, "float64") if isinstance(x, Val) else x for x in (a, exponent)))


_sub = _scaled("sub")
TABLE: dict[str, Callable[..., Any]] = {
    **{name: _floating(name) for name in FLOATING},
    **{name: _same(name) for name in SAME},
    **{old: _floating(new) if new in FLOATING else _same(new) for old, new in RENAMED.items() if new and new != "not"},
    "positive": lambda c, x: x,
    "add": _scaled("add"), "radd": _scaled("add"), "sub": _sub, "subtract": _sub, "rsub": _swapped(_sub),
    "mul": _mul, "multiply": _mul, "rmul": _mul,
    "div": _div, "divide": _div, "true_divide": _div, "truediv": _div, "rtruediv": _swapped(_div),
    "rdiv": _swapped(_div), "floor_divide": lambda c, a, other: _div(c, a, other, "floor"),
    "floordiv": lambda c, a, other: _div(c, a, other, "floor"),
    "rfloordiv": lambda c, a, other: _div(c, other, a, "floor"),
    "remainder": lambda c, a, other: c.binary("mod", a, other), "mod": lambda c, a, other: c.binary("mod", a, other),
    "rmod": lambda c, a, other: c.binary("mod", other, a), "fmod": lambda c, a, other: c.binary("fmod", a, other),
    "pow": _pow, "rpow": lambda c, a, other: c.binary("pow", other, a), "float_power": _float_pow,
    "square": lambda c, x: c.binary("pow", x, 2), "exp2": lambda c, x: c.binary("pow", 2.0, c.floating(x)),
    "special_exp2": lambda c, x: c.binary("pow", 2.0, c.floating(x)), "log2": _base(2), "log10": _base(10),
    "maximum": lambda c, a, other: c.binary("maximum", a, other),
    "minimum": lambda c, a, other: c.binary("minimum", a, other),
    "fmax": lambda c, a, other: c.binary("maximum", a, other),
    "fmin": lambda c, a, other: c.binary("minimum", a, other),
    "atan2": lambda c, a, other: c.binary("atan2", a, other),
    "arctan2": lambda c, a, other: c.binary("atan2", a, other),
    **{name: _compare(name) for name in ("eq", "ne", "lt", "le", "gt", "ge")},
    "not_equal": _compare("ne"), "less": _compare("lt"), "less_equal": _compare("le"), "greater": _compare("gt"),
    "greater_equal": _compare("ge"),
    "logical_and": _logical("and"), "logical_or": _logical("or"), "logical_xor": _logical("xor"),
    **{name: _bits(op) for op in ("and", "or", "xor") for name in (op, f"r{op}", f"bitwise_{op}")},
    "invert": _not, "bitwise_not": _not, "logical_not": _logical_not,
    "lshift": lambda c, a, other: c.binary("shift_left", a, other),
    "rshift": lambda c, a, other: c.binary("shift_right", a, other),
    "bitwise_left_shift": lambda c, a, other: c.binary("shift_left", a, other),
    "bitwise_right_shift": lambda c, a, other: c.binary("shift_right", a, other),
    "clamp": _clamp, "clip": _clamp,
    "clamp_min": _clamp, "clamp_max": lambda c, x, max: _clamp(c, x, None, max),
    "round": _round, "frac": lambda c, x: c.binary("sub", x, c.unary("trunc", x)),
    "gelu": _gelu, "silu": lambda c, x: c.unary("silu", x), "mish": lambda c, x: c.unary("mish", x),
    "selu": lambda c, x: c.unary("selu", x), "softplus": _softplus, "elu": _elu, "celu": _celu,
    "leaky_relu": _leaky, "rrelu": _rrelu, "rrelu_with_noise": lambda c, x, _n, *a: _rrelu(c, x, *a),
    "prelu": _prelu, "relu6": lambda c, x: _hardtanh(c, x, 0.0, 6.0), "hardtanh": _hardtanh,
    "hardsigmoid": lambda c, x: c.unary("hard_sigmoid", x), "hardswish": lambda c, x: c.unary("hard_swish", x),
    "log_sigmoid": lambda c, x: c.unary("log_sigmoid", x), "logsigmoid": lambda c, x: c.unary("log_sigmoid", x),
    "log_sigmoid_forward": lambda c, x: (c.unary("log_sigmoid", x), c.full((0,), 0.0, x.dtype)),
    "threshold": _threshold, "hardshrink": _shrink(True), "softshrink": _shrink(False), "glu": _glu,
    "erfc": lambda c, x: c.binary("sub", 1.0, c.unary("erf", c.floating(x))),
    "special_erfc": lambda c, x: c.binary("sub", 1.0, c.unary("erf", c.floating(x))),
    "special_ndtr": lambda c, x: c.binary(
        "mul", c.binary("add", c.unary("erf", c.binary("mul", c.floating(x), 0.5**0.5)), 1.0), 0.5
    ),
    "where": _where, "where method": lambda c, x, condition, other: _where(c, condition, x, other),
    "masked_fill": _masked_fill,
    "isnan": lambda c, x: c.unary("isnan", x, "bool"), "isinf": lambda c, x: c.unary("isinf", x, "bool"),
    "isfinite": _isfinite, "nan_to_num": _nan_to_num, "isclose": _isclose,
    "isneginf": lambda c, x: c.binary("eq", x, -math.inf, result="bool"),
    "isposinf": lambda c, x: c.binary("eq", x, math.inf, result="bool"),
    "addcmul": _addc("mul"), "addcdiv": _addc("div"), "lerp": _lerp,
    "complex": _complex("complex"), "polar": _complex("polar"), "real": _part("real"), "imag": _part("imag"),
    "get real": _part("real"), "get imag": _part("imag"), "conj": _conj, "conj_physical": _conj, "_conj": _conj,
    "resolve_conj": lambda c, x: x, "resolve_neg": lambda c, x: x, "angle": _angle,
    "xlogy": _xlogy, "logaddexp": _logaddexp, "logit": _logit, "special_logit": _logit,
    "sinc": lambda c, x: c.where(
        c.binary("eq", x, 0.0, result="bool"), 1.0,
        c.binary("div", c.unary("sin", c.binary("mul", x, math.pi)), c.binary("mul", x, math.pi)),
    ),
    "deg2rad": lambda c, x: c.binary("mul", x, math.pi / 180),
    "rad2deg": lambda c, x: c.binary("mul", x, 180 / math.pi),
    "asinh": lambda c, x: c.unary(
        "log", c.binary("add", x, c.unary("sqrt", c.binary("add", c.binary("mul", x, x), 1.0)))
    ),
    "heaviside": lambda c, x, values: c.where(
        c.binary("eq", x, 0.0, result="bool"), values, c.cast(c.binary("gt", x, 0.0, result="bool"), x.dtype)
    ),
    "hypot": lambda c, a, b: c.unary("sqrt", c.binary("add", c.binary("mul", a, a), c.binary("mul", b, b))),
    "copysign": lambda c, a, b: c.binary(
        "mul", c.unary("abs", a), c.where(c.binary("lt", b, 0.0, result="bool"), -1.0, 1.0)
    ),
}  # fmt: skip
