"""Fused operators of ONNX Runtime (domain com.microsoft), taken apart."""

from __future__ import annotations

from collections.abc import Sequence

from irgen.frontends import onnx_moves, onnx_nn
from irgen.frontends.onnx_call import Call, Lowering, NotFolded


def _skip_norm(c: Call, *, simplified: bool) -> Sequence[str]:
    """norm(input + skip (+ bias)); the sum is the fourth result."""
    b = c.b
    total = b.add("add", (c.x, c.operand(1)))
    at = 3 if simplified else 4
    if c.has(at):
        total = b.add("add", (total, c.operand(at)))
    given = [total, c.operand(2), *([c.operand(3)] if c.has(3) and not simplified else [])]
    eps = c.float("epsilon", 1e-5 if simplified else 1e-12)
    axes = (b.rank(total) - 1,)
    norm = b.add("rms_norm" if simplified else "layer_norm", given, axes=axes, eps=eps)
    return [norm, norm, norm, total]


def _biased(op: str) -> Lowering:
    def lower(c: Call) -> str:
        x = c.b.add("add", (c.x, c.operand(1))) if c.has(1) else c.x
        return c.b.add(op, (x,))

    return lower


def _quick_gelu(c: Call) -> str:
    alpha = c.float("alpha", 1.702)
    if abs(alpha - 1.702) < 1e-5:
        return c.b.add("quick_gelu", (c.x,))
    inner = c.b.add("mul", (c.x, c.b.scalar(alpha, c.x)))
    return c.b.add("mul", (c.x, c.b.add("sigmoid", (inner,))))


def _swapped(c: Call, x: str, name: str) -> str:
    if not c.int(name, 0):
        return x
    rank = c.b.rank(x)
    return c.b.transpose(x, (*range(rank - 2), rank - 1, rank - 2))


def _fused_matmul(c: Call) -> str:
    if c.int("transBatchA", 0) or c.int("transBatchB", 0):
        raise NotFolded
    product = c.b.add("matmul", (_swapped(c, c.x, "transA"), _swapped(c, c.operand(1), "transB")))
    alpha = c.float("alpha", 1.0)
    return product if alpha == 1.0 else c.b.add("mul", (product, c.b.scalar(alpha, product)))


_ACTIVATIONS = {"Relu": "relu", "Tanh": "tanh", "Sigmoid": "sigmoid"}


def _activated(lowering: Lowering) -> Lowering:
    """A product followed by the activation that its attribute names."""

    def lower(c: Call) -> str:
        name = c.str("activation", "")
        if name and name not in (*_ACTIVATIONS, "LeakyRelu"):
            raise NotFolded
        found = lowering(c)
        made = found if isinstance(found, str) else found[0]
        if name == "LeakyRelu":
            return c.b.add("leaky_relu", (made,), slope=c.float("activation_alpha", c.float("leaky_relu_alpha", 0.01)))
        return c.b.add(_ACTIVATIONS[name], (made,)) if name else made

    return lower


def _gemm_fast_gelu(c: Call) -> str:
    product = c.b.add("matmul", (c.x, c.operand(1)))
    if c.has(2):
        product = c.b.add("add", (product, c.operand(2)))
    return c.b.add("gelu_tanh", (product,))


def _bias_add(c: Call) -> str:
    """BiasAdd: x + bias + skip."""
    return c.b.add("add", (c.b.add("add", (c.x, c.operand(1))), c.operand(2)))


def _bias_split_gelu(c: Call) -> str:
    whole = c.b.add("add", (c.x, c.operand(1)))
    last = c.b.rank(whole) - 1
    size = c.b.shape(whole)[last]
    value, gate = (c.b.slice(whole, last, at, at + size // 2) for at in (0, size // 2))
    return c.b.add("mul", (value, c.b.add("gelu", (gate,))))


def _group_norm(c: Call) -> str:
    """GroupNorm with channels last, and the SiLU that may be inside."""
    rank = len(c.shape())
    channels_last = bool(c.int("channels_last", 1))
    x = c.b.transpose(c.x, (0, rank - 1, *range(1, rank - 1))) if channels_last else c.x
    made = c.b.add(
        "group_norm", (x, c.operand(1), c.operand(2)), groups=c.int("groups", 1), eps=c.float("epsilon", 1e-5)
    )
    if c.int("activation", 0):
        made = c.b.add("silu", (made,))
    return c.b.transpose(made, (0, *range(2, rank), 1)) if channels_last else made


def _bias_softmax(c: Call) -> str:
    total = c.b.add("add", (c.x, c.operand(1)))
    return c.b.add("softmax", (total,), axis=c.axis(c.int("axis", 1), c.b.rank(total)))


def _bias_dropout(c: Call) -> str:
    """X + bias (+ residual); the mask of a dropout that does nothing is not made."""
    if c.count > 1:
        raise NotFolded
    total = c.b.add("add", (c.x, c.operand(1)))
    return c.b.add("add", (total, c.operand(2))) if c.has(2) else total


OPS: dict[str, Lowering] = {
    "SkipLayerNormalization": lambda c: _skip_norm(c, simplified=False),
    "SkipSimplifiedLayerNormalization": lambda c: _skip_norm(c, simplified=True),
    "SimplifiedLayerNormalization": onnx_nn.rms_norm,
    "LayerNormalization": onnx_nn.layer_norm,
    "Gelu": _biased("gelu"),
    "BiasGelu": _biased("gelu"),
    "FastGelu": _biased("gelu_tanh"),
    "QuickGelu": _quick_gelu,
    "FusedMatMul": _fused_matmul,
    "TransposeMatMul": _fused_matmul,
    "FusedGemm": _activated(onnx_nn.gemm),
    "FusedConv": _activated(onnx_nn.conv),
    "GemmFastGelu": _gemm_fast_gelu,
    "BiasAdd": _bias_add,
    "BiasSplitGelu": _bias_split_gelu,
    "BiasSoftmax": _bias_softmax,
    "GroupNorm": _group_norm,
    "BiasDropout": _bias_dropout,
    "Trilu": onnx_moves.OPS["Trilu"],
    "Pad": onnx_moves.OPS["Pad"],
}
