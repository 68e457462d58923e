"""Quantised ONNX: activations are read as the numbers they stand for, quantised weights as parameters."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from irgen.frontends import onnx_nn
from irgen.frontends.onnx_call import Call, Lowering, NotFolded
from irgen.frontends.onnx_values import Numbers, decoded
from irgen.ir.graph import Array, Node
from irgen.ir.rules import Shape
from irgen.ir.tensor import TensorType

FINDING = "activations are quantised; they are shown as the numbers they stand for"


def _say(c: Call) -> None:
    if FINDING not in c.sweep.source.findings:
        c.sweep.source.findings.append(FINDING)


def _stored(c: Call, x: str) -> bool:
    return c.b.graph.nodes[x].op == "const" and not c.b.type(x).is_float


def _param(c: Call, kind: TensorType, value: Callable[[], Array | None]) -> str:
    name = c.b.node(Node("", "param", (), kind))
    c.b.tensors[name] = value
    return name


def _along(scale: Numbers, rank: int, axis: int) -> Numbers:
    """A scale for each entry of an axis, made to broadcast."""
    return scale.reshape([-1 if i == axis else 1 for i in range(rank)]) if scale.ndim == 1 and scale.size > 1 else scale


def _blocks(scale: Numbers, block: int, axis: int, shape: Shape) -> Numbers:
    """A scale for each block of an axis, repeated over the block."""
    return scale if scale.ndim == 0 else np.repeat(scale, block, axis)[tuple(map(slice, shape))]


def _weight(c: Call, x: str, scale: str, zero: str, axis: int, block: int = 0) -> str:
    """A quantised weight as a parameter of its real type."""
    kind = TensorType(c.b.dtype(scale) if c.b.type(scale).is_float else "float32", c.b.shape(x))
    nodes, tensors, folder = c.b.graph.nodes, c.b.tensors, c.sweep.source.folder

    def value() -> Array | None:
        parts: list[Numbers | None] = []
        for name in (x, scale, zero):
            held = tensors.get(name)
            if not name:
                parts.append(np.zeros(()))
            elif held is None or callable(held):
                parts.append(nodes[name].value)
            else:
                parts.append(decoded(held, folder))
        stored, factor, shift = parts
        if stored is None or factor is None or shift is None:
            return None
        if block and factor.ndim == stored.ndim:
            factor, shift = (_blocks(v, block, axis, stored.shape) for v in (factor, shift))
        else:
            factor, shift = _along(factor, stored.ndim, axis), _along(shift, stored.ndim, axis)
        return (stored.astype(np.float64) - shift) * factor

    return _param(c, kind, value)


def _dequantize(c: Call) -> str:
    x, scale, zero = c.x, c.operand(1), c.optional(2)
    if c.type().is_float and c.type().dtype != "float8":
        return x
    rank = len(c.shape())
    per_axis = c.b.type(scale).rank == 1 and c.b.type(scale).size > 1
    axis = c.axis(c.int("axis", 1), rank) if per_axis or c.int("block_size", 0) else 0
    if _stored(c, x) and (rank >= 2 or c.type().size > 1):
        return _weight(c, x, scale, zero, axis, c.int("block_size", 0))
    if c.int("block_size", 0):
        raise NotFolded
    x = c.b.cast(x, c.b.dtype(scale))
    along = [c.b.type(scale).size if i == axis else 1 for i in range(rank)] if per_axis else ()
    scale = c.b.reshape(scale, along) if per_axis else scale
    if zero:
        zero = c.b.reshape(zero, along) if per_axis else zero
        x = c.b.add("sub", (x, c.b.cast(zero, c.b.dtype(scale))))
    return c.b.add("mul", (x, scale))


def _quantize(c: Call) -> str:
    _say(c)
    return c.x


def _dynamic(c: Call) -> Sequence[str]:
    _say(c)
    return [c.x, c.b.scalar(1.0, c.x), c.b.scalar(0.0, c.x)]


def _real(c: Call, i: int, scale: int, zero: int, axis: int) -> str:
    """Operand i as real numbers: a weight dequantised, an activation as it stands."""
    x = c.operand(i)
    if c.b.type(x).is_float:
        return x
    factor = c.operand(scale) if scale >= 0 else c.b.const(np.asarray(1.0, np.float32))
    shift = c.optional(zero)
    if _stored(c, x):
        return _weight(c, x, factor, shift, axis)
    x = c.b.cast(x, "float32")
    if shift:
        x = c.b.add("sub", (x, c.b.cast(shift, "float32")))
    return c.b.add("mul", (x, factor))


def _integer_product(c: Call) -> str:
    _say(c)
    return c.b.add("matmul", (_real(c, 0, -1, 2, -1), _real(c, 1, -1, 3, len(c.shape(1)) - 1)))


def _linear_product(c: Call) -> str:
    _say(c)
    return c.b.add("matmul", (_real(c, 0, 1, 2, -1), _real(c, 3, 4, 5, len(c.shape(3)) - 1)))


def _convolution(c: Call) -> str:
    _say(c)
    if c.op == "ConvInteger":
        given = (_real(c, 0, -1, 2, -1), _real(c, 1, -1, 3, 0))
        return onnx_nn.conv(Call(c.b, "Conv", c.version, given, c.attrs, 1, c.sweep))
    x, weight = _real(c, 0, 1, 2, -1), _real(c, 3, 4, 5, 0)
    if c.has(8):
        raise NotFolded  # the bias is in units of both scales
    return onnx_nn.conv(Call(c.b, "Conv", c.version, (x, weight), c.attrs, 1, c.sweep))


def _n_bits(c: Call) -> str:
    """MatMulNBits: the weight [out, blocks, bytes] holds `bits` an element, one scale a block."""
    width, out = c.int("K", 0), c.int("N", 0)
    number, block = c.int("bits", 4), c.int("block_size", 32)
    packed, scales, zeros = c.b.graph.nodes[c.operand(1)], c.operand(2), c.optional(3)
    tensors, nodes, folder = c.b.tensors, c.b.graph.nodes, c.sweep.source.folder

    def value() -> Array | None:
        held = tensors.get(scales)
        factor: Numbers | None = nodes[scales].value if held is None or callable(held) else decoded(held, folder)
        if packed.value is None or factor is None or number not in (4, 8):
            return None
        levels = _unpacked(packed.value, number).reshape(out, -1, block)[:, :, :block].astype(np.float64)
        middle: Numbers = np.full((out, levels.shape[1], 1), 1 << (number - 1))
        if zeros and (stored := nodes[zeros].value) is not None:
            rows = _unpacked(stored.reshape(out, -1), number) if stored.dtype == np.uint8 else stored.reshape(out, -1)
            middle = rows[:, : levels.shape[1], None]
        return ((levels - middle) * factor.reshape(out, -1, 1)).reshape(out, -1)[:, :width]

    weight = _param(c, TensorType(c.type().dtype, (out, width)), value)
    return c.b.add("linear", (c.x, weight, *([c.operand(5)] if c.has(5) else [])), layout="oi")


def _unpacked(stored: Numbers, number: int) -> Numbers:
    """Elements of 4 bits, the low half of a byte first; of 8 bits, themselves."""
    if number == 8:
        return stored
    low_high = np.stack([stored & 0xF, stored >> 4], axis=-1)
    return low_high.reshape(*stored.shape[:-1], -1)


OPS: dict[str, Lowering] = {
    "DequantizeLinear": _dequantize, "QuantizeLinear": _quantize, "DynamicQuantizeLinear": _dynamic,
    "MatMulInteger": _integer_product, "ConvInteger": _convolution, "QLinearMatMul": _linear_product,
    "QLinearConv": _convolution,
}  # fmt: skip
CONTRIB: dict[str, Lowering] = {
    "DequantizeLinear": _dequantize, "QuantizeLinear": _quantize, "MatMulNBits": _n_bits,
}  # fmt: skip
