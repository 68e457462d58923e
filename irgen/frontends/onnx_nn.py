"""Products, convolutions, norms and softmax of ONNX."""

from __future__ import annotations

import math
import re

from irgen.errors import SourceError
from irgen.frontends.onnx_call import Call, Lowering
from irgen.frontends.onnx_index import learned, weight
from irgen.ir.rules import SizesDisagree


def _matmul(c: Call) -> str:
    return c.b.add("matmul", (c.x, weight(c, 1)))


def _scaled(c: Call, x: str, factor: float) -> str:
    return x if factor == 1.0 else c.b.add("mul", (x, c.b.scalar(factor, x)))


def gemm(c: Call) -> str:
    """A weight as second operand makes it `linear`; factors and transposes stay beside it."""
    a, b = c.x, weight(c, 1)
    if len(c.shape()) != 2 or len(c.shape(1)) != 2:
        raise SizesDisagree(len(c.shape()), len(c.shape(1)))
    if c.int("transA", 0):
        a = c.b.transpose(a, (1, 0))
    turned, alpha, beta = bool(c.int("transB", 0)), c.float("alpha", 1.0), c.float("beta", 1.0)
    shift = weight(c, 2) if beta != 0 and c.has(2) else ""
    if learned(c, b):
        width = c.shape(1)[0 if turned else 1]
        inside = bool(shift) and alpha == 1.0 and beta == 1.0 and c.b.shape(shift) == (width,) and learned(c, shift)
        product = c.b.add("linear", (a, b, shift) if inside else (a, b), layout="oi" if turned else "io")
        if inside or not shift:
            return _scaled(c, product, alpha)
    else:
        product = c.b.add("matmul", (a, c.b.transpose(b, (1, 0)) if turned else b))
    product = _scaled(c, product, alpha)
    return c.b.add("add", (product, _scaled(c, shift, beta))) if shift else product


def _einsum(c: Call) -> str:
    """The equation with the output written out and letters in place of an ellipsis."""
    equation = c.str("equation", "").replace(" ", "")
    left, arrow, right = equation.partition("->")
    terms = left.split(",")
    if len(terms) != len(c.inputs):
        raise SourceError(f"Einsum {equation!r} has {len(c.inputs)} operands")
    spare = [letter for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" if letter not in equation]
    widest = 0
    for i, term in enumerate(terms):
        if "..." in term:
            widest = max(widest, len(c.shape(i)) - len(term) + 3)
    for i, term in enumerate(terms):
        own = len(c.shape(i)) - len(term) + 3
        terms[i] = term.replace("...", "".join(spare[widest - own : widest]) if own > 0 else "")
    if not arrow:
        letters = re.sub(r"[^a-zA-Z]", "", left)
        right = ("..." if "..." in left else "") + "".join(sorted(x for x in set(letters) if letters.count(x) == 1))
    right = right.replace("...", "".join(spare[:widest]))
    return c.b.add("einsum", c.inputs, equation=f"{','.join(terms)}->{right}")


def _pairs(amounts: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    half = len(amounts) // 2
    return tuple(zip(amounts[:half], amounts[half:], strict=True))


def padding(
    c: Call, kernel: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]
) -> tuple[tuple[int, int], ...]:
    """The padding of a convolution or pool, `auto_pad` worked out."""
    auto = c.str("auto_pad", "NOTSET")
    if auto in ("NOTSET", ""):
        return _pairs(c.ints("pads") or (0,) * (2 * len(kernel)))
    if auto == "VALID":
        return ((0, 0),) * len(kernel)
    pads: list[tuple[int, int]] = []
    for n, k, s, d in zip(c.shape()[2:], kernel, stride, dilation, strict=True):
        out = -(-n // s)
        total = max((out - 1) * s + d * (k - 1) + 1 - n, 0)
        small = total // 2
        pads.append((small, total - small) if auto == "SAME_UPPER" else (total - small, small))
    return tuple(pads)


def conv(c: Call) -> str:
    """Conv, its padding worked out."""
    shape = c.shape(1)
    kernel, space = shape[2:], len(shape) - 2
    stride, dilation = c.ints("strides") or (1,) * space, c.ints("dilations") or (1,) * space
    given = [c.x, weight(c, 1)] + ([weight(c, 2)] if c.has(2) else [])
    return c.b.add(
        "conv", given, stride=stride, dilation=dilation, pads=padding(c, kernel, stride, dilation),
        groups=c.int("group", 1),
    )  # fmt: skip


def _conv_transposed(c: Call) -> str:
    shape = c.shape(1)
    kernel, space = shape[2:], len(shape) - 2
    stride, dilation = c.ints("strides") or (1,) * space, c.ints("dilations") or (1,) * space
    extra = c.ints("output_padding") or (0,) * space
    pads = _pairs(c.ints("pads") or (0,) * (2 * space))
    target, auto = c.ints("output_shape"), c.str("auto_pad", "NOTSET")
    if target is not None or auto.startswith("SAME"):
        scaled = tuple(n * s for n, s in zip(c.shape()[2:], stride, strict=True))
        sizes = scaled if target is None else target[-space:]
        found: list[tuple[int, int]] = []
        grown: list[int] = []
        for n, k, s, d, o, out in zip(c.shape()[2:], kernel, stride, dilation, extra, sizes, strict=True):
            total = s * (n - 1) + o + d * (k - 1) + 1 - out
            grown.append(o - min(total, 0))
            total = max(total, 0)
            small = total // 2
            found.append((total - small, small) if auto != "SAME_UPPER" else (small, total - small))
        pads, extra = tuple(found), tuple(grown)
    given = [c.x, weight(c, 1)] + ([weight(c, 2)] if c.has(2) else [])
    return c.b.add(
        "conv_transposed", given, stride=stride, dilation=dilation, pads=pads, groups=c.int("group", 1),
        output_padding=extra,
    )  # fmt: skip


def _softmax(c: Call) -> str:
    """Before opset 13 everything from the axis on was one row."""
    op = "log_softmax" if c.op == "LogSoftmax" else "softmax"
    shape = c.shape()
    rank = len(shape)
    axis = c.axis(c.int("axis", -1 if c.version >= 13 else 1), rank)
    if c.version >= 13 or axis == rank - 1:
        return c.b.add(op, (c.x,), axis=axis)
    rows = [-1 if min(part, default=0) < 0 else math.prod(part) for part in (shape[:axis], shape[axis:])]
    return c.b.reshape(c.b.add(op, (c.b.reshape(c.x, rows),), axis=1), shape)


def layer_norm(c: Call) -> list[str]:
    """LayerNormalization, with mean and inverse deviation where they are asked for."""
    rank = len(c.shape())
    axes = tuple(range(c.axis(c.int("axis", -1), rank), rank))
    eps = c.float("epsilon", 1e-5)
    given = [c.x, *(c.operand(i) for i in (1, 2) if c.has(i))]
    results = [c.b.add("layer_norm", given, axes=axes, eps=eps)]
    if c.count > 1:
        mean = c.b.reduce("reduce_mean", c.x, axes)
        spread = c.b.add("reduce_var", (c.x,), axes=axes, keepdims=True, correction=0)
        results += [mean, c.b.add("rsqrt", (c.b.add("add", (spread, c.b.scalar(eps, spread))),))]
    return results


def rms_norm(c: Call) -> list[str]:
    """RMSNormalization and the runtimes' SimplifiedLayerNormalization."""
    rank = len(c.shape())
    axes = tuple(range(c.axis(c.int("axis", -1), rank), rank))
    eps = c.float("epsilon", 1e-5)
    results = [c.b.add("rms_norm", [c.x, *([c.operand(1)] if c.has(1) else [])], axes=axes, eps=eps)]
    if c.count > 1:
        square = c.b.reduce("reduce_mean", c.b.add("mul", (c.x, c.x)), axes)
        results.append(c.b.add("rsqrt", (c.b.add("add", (square, c.b.scalar(eps, square))),)))
    return results


def _batch_norm(c: Call) -> list[str]:
    if c.int("training_mode", 0):
        raise SourceError("BatchNormalization is in training mode", fix="export the model after `model.eval()`")
    given = [c.x, *(weight(c, i) for i in range(1, 5))]
    return [c.b.add("batch_norm", given, eps=c.float("epsilon", 1e-5))]


def _instance_norm(c: Call) -> str:
    given = [c.x, c.operand(1), c.operand(2)]
    return c.b.add("group_norm", given, groups=c.shape()[1], eps=c.float("epsilon", 1e-5))


def _group_norm(c: Call) -> str:
    """From opset 21 on one scale a channel, before one a group."""
    groups, channels = c.int("num_groups", 1), c.shape()[1]
    scale, shift = c.operand(1), c.operand(2)
    if c.b.shape(scale) == (groups,) != (channels,):
        scale, shift = (
            c.b.reshape(c.b.expand(c.b.reshape(v, (groups, 1)), (groups, channels // groups)), (channels,))
            for v in (scale, shift)
        )
    return c.b.add("group_norm", (c.x, scale, shift), groups=groups, eps=c.float("epsilon", 1e-5))


def _mean_variance_norm(c: Call) -> str:
    axes = c.axes(c.ints("axes") or (0, 2, 3), len(c.shape()))
    return c.b.add("layer_norm", (c.x,), axes=axes, eps=1e-9)


def _local_response(c: Call) -> str:
    """A. Krizhevsky et al. (2012), section 3.3: divided by a power of the squares summed over near channels."""
    size, shape = c.int("size", 1), c.shape()
    squares = c.b.add("mul", (c.x, c.x))
    pads = [(0, 0)] * len(shape)
    pads[1] = ((size - 1) // 2, size // 2)
    padded = c.b.add("pad", (squares,), pads=tuple(pads), mode="constant", value=0)
    total = c.b.slice(padded, 1, 0, shape[1])
    for i in range(1, size):
        total = c.b.add("add", (total, c.b.slice(padded, 1, i, i + shape[1])))
    factor = c.b.add("mul", (total, c.b.scalar(c.float("alpha", 1e-4) / size, total)))
    base = c.b.add("add", (factor, c.b.scalar(c.float("bias", 1.0), total)))
    return c.b.add("div", (c.x, c.b.add("pow", (base, c.b.scalar(c.float("beta", 0.75), total)))))


OPS: dict[str, Lowering] = {
    "MatMul": _matmul, "Gemm": gemm, "Einsum": _einsum, "Conv": conv, "ConvTranspose": _conv_transposed,
    "Softmax": _softmax, "LogSoftmax": _softmax, "LayerNormalization": layer_norm,
    "RMSNormalization": rms_norm, "SimplifiedLayerNormalization": rms_norm, "BatchNormalization": _batch_norm,
    "InstanceNormalization": _instance_norm, "GroupNormalization": _group_norm,
    "MeanVarianceNormalization": _mean_variance_norm, "LRN": _local_response,
}  # fmt: skip
