"""Elementwise ONNX operators: arithmetic, comparisons, activations, casts."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from irgen.frontends.onnx_call import Call, Lowering, NotFolded
from irgen.frontends.onnx_values import element_type

SAME_NAME = {
    "Neg": "neg", "Abs": "abs", "Sign": "sign", "Exp": "exp", "Log": "log", "Sqrt": "sqrt",
    "Reciprocal": "reciprocal", "Sin": "sin", "Cos": "cos", "Tan": "tan", "Asin": "asin", "Acos": "acos",
    "Atan": "atan", "Sinh": "sinh", "Cosh": "cosh", "Tanh": "tanh", "Erf": "erf", "Sigmoid": "sigmoid",
    "Relu": "relu", "Mish": "mish", "HardSwish": "hard_swish", "Softsign": "softsign", "Floor": "floor",
    "Ceil": "ceil", "Round": "round", "Not": "not", "BitwiseNot": "bit_not", "IsNaN": "isnan",
}  # fmt: skip
PAIRS = {
    "Add": "add", "Sub": "sub", "Mul": "mul", "Pow": "pow", "Equal": "eq", "Less": "lt", "LessOrEqual": "le",
    "Greater": "gt", "GreaterOrEqual": "ge", "And": "and", "Or": "or", "Xor": "xor", "BitwiseAnd": "bit_and",
    "BitwiseOr": "bit_or", "BitwiseXor": "bit_xor", "PRelu": "prelu",
}  # fmt: skip
FOLDED = {"Max": "maximum", "Min": "minimum", "Sum": "add"}


def _unary(op: str) -> Lowering:
    return lambda c: c.b.add(op, (c.x,))


def bare(c: Call, x: str, other: str) -> str:
    """A literal of one element as a 0-d constant, where broadcasting against `other` gives the same."""
    kind = c.b.type(x)
    if kind.shape and kind.size == 1 and c.b.type(other).rank >= kind.rank:
        value = c.b.known(x)
        if value is not None and c.b.graph.nodes[x].op == "const":
            return c.b.const(value.reshape(()), kind.dtype, plain=True)
    return x


def binary(c: Call, op: str, a: str, b: str) -> str:
    """A broadcast call of two operands."""
    b = bare(c, b, a)
    return c.b.add(op, (bare(c, a, b), b))


def _binary(op: str) -> Lowering:
    return lambda c: binary(c, op, c.x, c.operand(1))


def _older(c: Call) -> str:
    """Before opset 7 an operand was aligned by `axis` and not at the end."""
    op = PAIRS.get(c.op, "div")
    a, b = c.x, c.operand(1)
    if c.version < 7 and "axis" in c.attrs and c.int("broadcast", 0):
        shape, rank = c.shape(1), len(c.shape())
        axis = c.axis(c.int("axis", 0), rank)
        b = c.b.reshape(b, (*shape, *(1,) * (rank - axis - len(shape))))
    if c.op == "Div" and not c.type().is_float:
        op = "trunc_div"
    return binary(c, op, a, b)


def _p_relu(c: Call) -> str:
    """Before opset 7 one slope stood for each channel (axis 1)."""
    slope, shape = c.operand(1), c.shape()
    if c.version < 7 and len(shape) > 2 and c.shape(1) == shape[1:2]:
        slope = c.b.reshape(slope, (shape[1], *(1,) * (len(shape) - 2)))
    return binary(c, "prelu", c.x, slope)


def _fold(op: str) -> Callable[[Call], str]:
    def lower(c: Call) -> str:
        result = c.x
        for i in range(1, len(c.inputs)):
            result = binary(c, op, result, c.operand(i))
        return result

    return lower


def _mean(c: Call) -> str:
    total = _fold("add")(c)
    return c.b.add("div", (total, c.b.scalar(len(c.inputs), total)))


def _mod(c: Call) -> str:
    return binary(c, "fmod" if c.int("fmod", 0) else "mod", c.x, c.operand(1))


def _shift(c: Call) -> str:
    return binary(c, "shift_left" if c.str("direction", "LEFT") == "LEFT" else "shift_right", c.x, c.operand(1))


def _where(c: Call) -> str:
    test, a, b = c.x, c.operand(1), c.operand(2)
    wide = max((test, a, b), key=lambda x: c.b.type(x).rank)
    return c.b.add("where", (test, *(x if x == wide else bare(c, x, wide) for x in (a, b))))


def _cast(c: Call) -> str:
    return c.b.cast(c.x, element_type(c.int("to", 1)))


def _cast_like(c: Call) -> str:
    return c.b.cast(c.x, c.type(1).dtype)


def _clip(c: Call) -> str:
    """Bounds that are known are attributes; others are operands."""
    try:
        low, high = c.number("min", 1), c.number("max", 2)
    except NotFolded:
        x = c.x
        if c.has(1):
            x = binary(c, "maximum", x, c.operand(1))
        return binary(c, "minimum", x, c.operand(2)) if c.has(2) else x
    if low is None and high is None:
        return c.x
    return c.b.add("clip", (c.x,), min=low, max=high)


def _gelu(c: Call) -> str:
    return c.b.add("gelu_tanh" if c.str("approximate", "none") == "tanh" else "gelu", (c.x,))


def _celu(c: Call) -> str:
    alpha = c.float("alpha", 1.0)
    if alpha == 1.0:
        return c.b.add("elu", (c.x,), alpha=1.0)
    factor = c.b.scalar(alpha, c.x)
    return c.b.add("mul", (c.b.add("elu", (c.b.add("div", (c.x, factor)),), alpha=1.0), factor))


def _selu(c: Call) -> str:
    alpha, gamma = c.float("alpha", 1.67326319217681884765625), c.float("gamma", 1.05070102214813232421875)
    if math.isclose(alpha, 1.67326319, rel_tol=1e-5) and math.isclose(gamma, 1.05070102, rel_tol=1e-5):
        return c.b.add("selu", (c.x,))
    return c.b.add("mul", (c.b.add("elu", (c.x,), alpha=alpha), c.b.scalar(gamma, c.x)))


def _hard_sigmoid(c: Call) -> str:
    alpha, beta = c.float("alpha", 0.2), c.float("beta", 0.5)
    if math.isclose(alpha, 1 / 6, rel_tol=1e-4) and beta == 0.5:
        return c.b.add("hard_sigmoid", (c.x,))
    scaled = c.b.add("mul", (c.x, c.b.scalar(alpha, c.x)))
    return c.b.add("clip", (c.b.add("add", (scaled, c.b.scalar(beta, c.x))),), min=0.0, max=1.0)


def _swish(c: Call) -> str:
    alpha = c.float("alpha", 1.0)
    if alpha == 1.0:
        return c.b.add("silu", (c.x,))
    inner = c.b.add("mul", (c.x, c.b.scalar(alpha, c.x)))
    return c.b.add("mul", (c.x, c.b.add("sigmoid", (inner,))))


def _thresholded(c: Call) -> str:
    above = c.b.add("gt", (c.x, c.b.scalar(c.float("alpha", 1.0), c.x)))
    return c.b.add("where", (above, c.x, c.b.scalar(0, c.x)))


def _shrink(c: Call) -> str:
    bias, lambd, zero = c.float("bias", 0.0), c.float("lambd", 0.5), c.b.scalar(0, c.x)
    high, low = c.b.scalar(lambd, c.x), c.b.scalar(-lambd, c.x)
    shift = c.b.scalar(bias, c.x)
    inside = c.b.add("where", (c.b.add("lt", (c.x, low)), c.b.add("add", (c.x, shift)), zero))
    return c.b.add("where", (c.b.add("gt", (c.x, high)), c.b.add("sub", (c.x, shift)), inside))


def _is_inf(c: Call) -> str:
    found = c.b.add("isinf", (c.x,))
    for name, op in (("detect_negative", "gt"), ("detect_positive", "lt")):
        if not c.int(name, 1):
            found = c.b.add("and", (found, c.b.add(op, (c.x, c.b.scalar(0, c.x)))))
    return found


def _area(sign: int, *, tangent: bool = False) -> Lowering:
    """The inverse hyperbolic functions by their logarithms."""

    def lower(c: Call) -> str:
        one = c.b.scalar(1, c.x)
        if tangent:
            ratio = c.b.add("div", (c.b.add("add", (one, c.x)), c.b.add("sub", (one, c.x))))
            return c.b.add("mul", (c.b.add("log", (ratio,)), c.b.scalar(0.5, c.x)))
        square = c.b.add("mul", (c.x, c.x))
        root = c.b.add("sqrt", (c.b.add("add" if sign > 0 else "sub", (square, one)),))
        return c.b.add("log", (c.b.add("add", (c.x, root)),))

    return lower


def _identity(c: Call) -> str:
    return c.x


def _dropout(c: Call) -> list[str]:
    if c.count < 2:
        return [c.x]
    mask = c.b.expand(c.b.const(np.asarray(True), "bool"), c.shape())
    return [c.x, mask]


OPS: dict[str, Lowering] = {
    **{name: _unary(op) for name, op in SAME_NAME.items()},
    **{name: _binary(op) for name, op in PAIRS.items()},
    **{name: _fold(op) for name, op in FOLDED.items()},
    **dict.fromkeys(("Add", "Sub", "Mul", "Div", "Pow", "Equal", "Less", "Greater", "And", "Or", "Xor"), _older),
    "PRelu": _p_relu,
    "Mean": _mean, "Mod": _mod, "BitShift": _shift, "Where": _where, "Cast": _cast, "CastLike": _cast_like,
    "Clip": _clip, "Gelu": _gelu, "Celu": _celu, "Selu": _selu, "HardSigmoid": _hard_sigmoid, "Swish": _swish,
    "ThresholdedRelu": _thresholded, "Shrink": _shrink, "IsInf": _is_inf, "Asinh": _area(1), "Acosh": _area(-1),
    "Atanh": _area(0, tangent=True), "Identity": _identity, "Dropout": _dropout,
    "Elu": lambda c: c.b.add("elu", (c.x,), alpha=c.float("alpha", 1.0)),
    "LeakyRelu": lambda c: c.b.add("leaky_relu", (c.x,), slope=c.float("alpha", 0.01)),
    "Softplus": lambda c: c.b.add("softplus", (c.x,), beta=1.0),
}  # fmt: skip
