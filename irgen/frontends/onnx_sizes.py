"""Where sizes and literals enter: Shape, Size, Constant, ConstantOfShape, Range, EyeLike, random draws."""

from __future__ import annotations

import math
from typing import cast

import numpy as np
from onnx import TensorProto

from irgen.errors import SourceError
from irgen.frontends.onnx_call import Call, Lowering, NotFolded
from irgen.frontends.onnx_outline import Stored
from irgen.frontends.onnx_values import decoded, element_type
from irgen.ir.graph import Array
from irgen.ir.tensor import TensorType


def _shape(c: Call) -> str:
    shape = c.shape()
    rank = len(shape)
    start, end = c.int("start", 0), c.int("end", rank)
    return c.b.sizes(shape[max(start + rank, 0) if start < 0 else start : end + rank if end < 0 else end])


def _size(c: Call) -> str:
    shape = c.shape()
    total = math.prod(shape) if min(shape, default=0) >= 0 else -1
    return c.b.reshape(c.b.sizes([total]), ())


def _constant(c: Call) -> str:
    """A tensor inside a node: a literal, or a weight if it is floating and more than one number."""
    if "value" in c.attrs:
        tensor = cast("TensorProto", c.attrs["value"])
        return c.sweep.leaf(tensor.name, Stored(tensor), stored=False)
    for name, kind in (
        ("value_int", np.int64), ("value_ints", np.int64), ("value_float", np.float32), ("value_floats", np.float32),
        ("value_string", np.object_), ("value_strings", np.object_),
    ):  # fmt: skip
        if name in c.attrs:
            dtype = "string" if kind is np.object_ else np.dtype(kind).name
            return c.b.const(np.asarray(c.attrs[name], kind), dtype)
    raise NotFolded


def _filled(c: Call) -> str:
    sizes = c.known(0)
    shape: tuple[int, ...]
    if sizes is not None:
        shape = tuple(max(int(n), -1) for n in sizes.reshape(-1).tolist())
    else:
        shape = (-1,) * max(c.shape()[0], 0)
    if "value" not in c.attrs:
        return full(c, 0.0, TensorType("float32", shape))
    tensor = cast("TensorProto", c.attrs["value"])
    value = literal(tensor)
    if value.size != 1:
        raise SourceError(f"ConstantOfShape has a value of {value.size} elements")
    return full(c, value.reshape(-1)[0].item(), TensorType(element_type(tensor.data_type), shape))


def literal(tensor: TensorProto) -> Array:
    """The value of a tensor inside an attribute."""
    value = decoded(tensor, None)
    if value is None:
        raise SourceError("a literal lies in an external file")
    return value


def full(c: Call, value: float, kind: TensorType) -> str:
    """One value everywhere."""
    if kind.shape == ():
        return c.b.const(np.asarray(value, np.dtype(kind.dtype)), kind.dtype, plain=True)
    return c.b.add("full", (), kind, value=value)


def _range(c: Call) -> str:
    bounds = [c.known(i) for i in range(3)]
    kind = c.type().dtype
    start, stop, step = (None if v is None else v.reshape(-1)[0].item() for v in bounds)
    if start is None or step is None or stop is None:
        raise NotFolded
    if step == 0:
        raise SourceError("Range has the step 0")
    count = -1 if stop < -(2**30) else max(math.ceil((stop - start) / step), 0)
    return c.b.add("arange", (), TensorType(kind, (count,)), start=start, step=step)


def _eye(c: Call) -> str:
    shape = c.shape()
    dtype = element_type(c.int("dtype", 0)) if "dtype" in c.attrs else c.type().dtype
    rows = c.b.add("arange", (), TensorType("int64", (shape[0],)), start=0, step=1)
    columns = c.b.add("arange", (), TensorType("int64", (shape[1],)), start=-c.int("k", 0), step=1)
    return c.b.cast(c.b.add("eq", (c.b.reshape(rows, (shape[0], 1)), columns)), dtype)


def _random(law: str) -> Lowering:
    def lower(c: Call) -> str:
        shape = c.shape() if c.op.endswith("Like") or c.op in ("Bernoulli", "Multinomial") else c.ints("shape") or ()
        default = c.type().dtype if c.inputs else "float32"
        dtype = element_type(c.int("dtype", 0)) if "dtype" in c.attrs else default
        return c.b.add("random", (), TensorType(dtype, shape), law=law)

    return lower


OPS: dict[str, Lowering] = {
    "Shape": _shape, "Size": _size, "Constant": _constant, "ConstantOfShape": _filled, "Range": _range,
    "EyeLike": _eye, "RandomNormal": _random("normal"), "RandomNormalLike": _random("normal"),
    "RandomUniform": _random("uniform"), "RandomUniformLike": _random("uniform"),
}  # fmt: skip
