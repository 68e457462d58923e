"""A builder of canonical nodes with torch's rules for broadcasting and types: what the lowering tables write with."""

# Trees of any shape pass through here, and parts of torch that have no types:
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownLambdaType=false, reportPrivateUsage=false

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch

from irgen.ir.graph import Array, Attr, Graph, Provenance
from irgen.ir.tensor import TensorType

DTYPES: dict[torch.dtype, str] = {
    torch.float64: "float64", torch.float32: "float32", torch.float16: "float16", torch.bfloat16: "bfloat16",
    torch.complex64: "complex64", torch.complex128: "complex128", torch.int64: "int64", torch.int32: "int32",
    torch.int16: "int16", torch.int8: "int8", torch.uint8: "uint8", torch.bool: "bool", torch.uint16: "uint16",
    torch.uint32: "uint32", torch.uint64: "uint64", torch.complex32: "complex64",
    **{getattr(torch, name): "float8" for name in dir(torch) if name.startswith("float8_")},
}  # fmt: skip
TORCH_TYPES = {name: dtype for dtype, name in reversed(DTYPES.items())}


@dataclass(frozen=True, slots=True)
class Val:
    """One tensor while lowering: its node, sizes and type; `data` if it depends on inputs, `learned` on parameters."""

    id: str
    shape: tuple[int, ...]
    dtype: str
    data: bool = False
    learned: bool = False

    @property
    def rank(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)


Number = bool | int | float | complex
Operand = Val | Number


class Unlowered(Exception):  # noqa: N818 - a verdict: the call becomes opaque
    """A form of a torch function that the vocabulary cannot express."""


def is_float(dtype: str) -> bool:
    """Floating point or complex."""
    return dtype.startswith(("float", "bfloat", "complex"))


@cache
def promoted(*operands: tuple[str, bool]) -> str:
    """Torch's result type of operands given as (type, has dimensions)."""
    kinds = [torch.empty((1,) if dims else (), dtype=TORCH_TYPES[dtype], device="meta") for dtype, dims in operands]
    result = kinds[0].dtype
    if len(kinds) == 1:
        return DTYPES[result]
    held = kinds[0]
    for other in kinds[1:]:
        result = torch.result_type(held, other)
        held = torch.empty((1,) if held.ndim or other.ndim else (), dtype=result, device="meta")
    return DTYPES[result]


class Builder:
    """Appends canonical nodes to a graph. Every method returns the `Val` of what it made."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.origin: Provenance | None = None
        self.out: Any = None
        """What the call being lowered gave in the pass: a nest of (shape, dtype) holders."""
        self.stride: tuple[int, ...] = ()
        """How the call's first tensor lay in memory."""
        self._scalars: dict[tuple[str, str], Val] = {}

    # -- nodes --------------------------------------------------------------------------------------------------

    def emit(self, op: str, inputs: Sequence[Val | None], shape: Sequence[int], dtype: str, **attrs: Attr) -> Val:
        """One node with one result."""
        kind = TensorType(dtype, tuple(shape))
        given = list(inputs)
        while given and given[-1] is None:
            given.pop()
        name = self._add(op, [v.id if v is not None else "" for v in given], kind, attrs)
        data = learned = False
        for v in given:
            if v is not None:
                data, learned = data or v.data, learned or v.learned
        return Val(name, kind.shape or (), dtype, data, learned)

    def _add(self, op: str, inputs: Sequence[str], kind: Any, attrs: dict[str, Any]) -> str:
        return self.graph.add(op, inputs, kind, provenance=self.origin, **attrs)

    def emit_many(
        self, op: str, inputs: Sequence[Val], types: Sequence[tuple[Sequence[int], str]], **attrs: Attr
    ) -> tuple[Val, ...]:
        """One node with several results, and a pick for each."""
        kinds = tuple(TensorType(dtype, tuple(shape)) for shape, dtype in types)
        name = self._add(op, [v.id for v in inputs], kinds, attrs)
        bits = [any(v.data for v in inputs), any(v.learned for v in inputs)]
        return tuple(
            Val(
                self.graph.add("pick", [name], kind, provenance=self.origin, index=i),
                kind.shape or (),
                kind.dtype,
                *bits,
            )
            for i, kind in enumerate(kinds)
        )

    def const(self, value: Any, dtype: str | None = None) -> Val:
        """A constant tensor (a torch tensor, an array or numbers)."""
        array, kind = as_array(value)
        dtype = dtype or kind
        name = self.graph.add("const", (), TensorType(dtype, array.shape), value=array, provenance=self.origin)
        return Val(name, array.shape, dtype)

    def scalar(self, value: Number, dtype: str) -> Val:
        """A 0-d constant, one node for all uses of the same number and type."""
        key = (repr(_number(value, dtype)), dtype)
        if key not in self._scalars:
            array = np.asarray(_number(value, dtype), dtype=_numpy_type(dtype))
            name = self.graph.add("const", (), TensorType(dtype, ()), value=array)
            self._scalars[key] = Val(name, (), dtype)
        return self._scalars[key]

    def full(self, shape: Sequence[int], value: Number, dtype: str) -> Val:
        """One value everywhere."""
        if not tuple(shape):
            return self.scalar(value, dtype)
        held = _number(value, dtype)
        return self.emit("full", (), shape, dtype, value=held if not isinstance(held, complex) else held.real)

    def arange(self, size: int, dtype: str = "int64", start: float = 0, step: float = 1) -> Val:
        """`start + step · i` for i below `size`."""
        return self.emit("arange", (), (size,), dtype, start=start, step=step)

    # -- types and sizes ----------------------------------------------------------------------------------------

    def common(self, *operands: Operand) -> str:
        """The type in which torch computes with these operands."""
        kinds: list[tuple[str, bool]] = []
        for x in operands:
            if isinstance(x, Val):
                kinds.append((x.dtype, x.rank > 0))
        tensors = promoted(*kinds)
        for x in operands:
            if isinstance(x, complex) and not tensors.startswith("complex"):
                tensors = "complex128" if tensors == "float64" else "complex64"
            elif isinstance(x, float) and not is_float(tensors):
                tensors = DTYPES[torch.get_default_dtype()]
            elif isinstance(x, int) and not isinstance(x, bool) and tensors == "bool":
                tensors = "int64"
        return tensors

    def as_val(self, x: Operand, dtype: str) -> Val:
        """A tensor cast to a type, a number as a 0-d constant of it."""
        return self.cast(x, dtype) if isinstance(x, Val) else self.scalar(x, dtype)

    def cast(self, x: Val, dtype: str) -> Val:
        """The same values in another type."""
        return x if x.dtype == dtype else self.emit("cast", [x], x.shape, dtype)

    def unary(self, op: str, x: Val, dtype: str | None = None, **attrs: Attr) -> Val:
        """An operator of one tensor that keeps its sizes."""
        return self.emit(op, [x], x.shape, dtype or x.dtype, **attrs)

    def floating(self, x: Val) -> Val:
        """Integers and booleans as torch's default floating type."""
        return x if is_float(x.dtype) else self.cast(x, DTYPES[torch.get_default_dtype()])

    def binary(self, op: str, a: Operand, b: Operand, *, dtype: str | None = None, result: str | None = None) -> Val:
        """An elementwise operator of two operands, both cast to `dtype` (default: torch's common type)."""
        dtype = dtype or self.common(a, b)
        x, y = self.as_val(a, dtype), self.as_val(b, dtype)
        return self.emit(op, [x, y], np.broadcast_shapes(x.shape, y.shape), result or dtype)

    def where(self, cond: Val, a: Operand, b: Operand) -> Val:
        """`a` where `cond` holds, else `b`, in their common type."""
        dtype = self.common(a, b) if isinstance(a, Val) or isinstance(b, Val) else _of_numbers(a, b)
        x, y = self.as_val(a, dtype), self.as_val(b, dtype)
        shape = np.broadcast_shapes(cond.shape, x.shape, y.shape)
        return self.emit("where", [self.cast(cond, "bool"), x, y], shape, dtype)

    # -- moves --------------------------------------------------------------------------------------------------

    def reshape(self, x: Val, shape: Sequence[int]) -> Val:
        """The same elements in another shape; one size may be −1."""
        sizes = tuple(shape)
        if -1 in sizes:
            rest = math.prod(n for n in sizes if n != -1)
            sizes = tuple(x.size // rest if n == -1 else n for n in sizes)
        return x if sizes == x.shape else self.emit("reshape", [x], sizes, x.dtype)

    def transpose(self, x: Val, perm: Sequence[int]) -> Val:
        """Axes permuted."""
        order = tuple(p % x.rank for p in perm)
        if order == tuple(range(x.rank)):
            return x
        return self.emit("transpose", [x], [x.shape[p] for p in order], x.dtype, perm=order)

    def swap(self, x: Val, a: int, b: int) -> Val:
        """Two axes exchanged."""
        if x.rank == 0:
            return x
        order = list(range(x.rank))
        order[a], order[b] = order[b], order[a]
        return self.transpose(x, order)

    def expand(self, x: Val, shape: Sequence[int]) -> Val:
        """Broadcast to `shape` (−1 keeps a size); new axes in front are made by broadcasting too."""
        lead = len(shape) - x.rank
        sizes = tuple(x.shape[i - lead] if n == -1 else n for i, n in enumerate(shape))
        return x if sizes == x.shape else self.emit("expand", [x], sizes, x.dtype)

    def slice(self, x: Val, axis: int, start: int, stop: int, step: int = 1) -> Val:
        """One axis cut, Python's rules for bounds."""
        axis %= x.rank
        start, stop, step = slice(start, stop, step).indices(x.shape[axis])
        stop = max(start, stop)
        count = len(range(start, stop, step))
        if count == x.shape[axis]:
            return x
        sizes = (*x.shape[:axis], count, *x.shape[axis + 1 :])
        return self.emit("slice", [x], sizes, x.dtype, axis=axis, start=start, stop=stop, step=step)

    def flip(self, x: Val, axis: int) -> Val:
        """One axis read backwards."""
        axis, size = axis % x.rank, x.shape[axis]
        if size < 2:
            return x
        return self.emit("slice", [x], x.shape, x.dtype, axis=axis, start=size - 1, stop=-1, step=-1)

    def select(self, x: Val, axis: int, index: int) -> Val:
        """One entry of an axis, which disappears."""
        axis %= x.rank
        index %= max(1, x.shape[axis])
        return self.squeeze(self.slice(x, axis, index, index + 1), axis)

    def squeeze(self, x: Val, axis: int) -> Val:
        """Without an axis of size one."""
        axis %= x.rank
        return self.reshape(x, (*x.shape[:axis], *x.shape[axis + 1 :]))

    def unsqueeze(self, x: Val, axis: int) -> Val:
        """With a new axis of size one."""
        axis %= x.rank + 1
        return self.reshape(x, (*x.shape[:axis], 1, *x.shape[axis:]))

    def concat(self, xs: Sequence[Val], axis: int) -> Val:
        """One after another along an axis, in their common type."""
        parts = [x for x in xs if x.shape != (0,)] or list(xs[:1])
        dtype = self.common(*parts)
        parts = [self.cast(x, dtype) for x in parts]
        if len(parts) == 1:
            return parts[0]
        axis %= parts[0].rank
        sizes = list(parts[0].shape)
        sizes[axis] = sum(x.shape[axis] for x in parts)
        return self.emit("concat", parts, sizes, dtype, axis=axis)

    # -- contractions, reductions -------------------------------------------------------------------------------

    def matmul(self, a: Val, b: Val) -> Val:
        """A matrix product by numpy's rules."""
        left = a.shape if a.rank > 1 else (1, *a.shape)
        right = b.shape if b.rank > 1 else (*b.shape, 1)
        batch = np.broadcast_shapes(left[:-2], right[:-2])
        rows = (left[-2],) if a.rank > 1 else ()
        columns = (right[-1],) if b.rank > 1 else ()
        return self.emit("matmul", [a, b], (*batch, *rows, *columns), a.dtype)

    def reduce(
        self, op: str, x: Val, axes: Sequence[int], keepdims: bool, dtype: str | None = None, **attrs: Attr
    ) -> Val:
        """A reduction over axes."""
        over = tuple(sorted({a % x.rank for a in axes})) if x.rank else ()
        sizes = tuple(1 if i in over else n for i, n in enumerate(x.shape) if keepdims or i not in over)
        return self.emit(op, [x], sizes, dtype or x.dtype, axes=over, keepdims=keepdims, **attrs)

    def softmax(self, x: Val, axis: int) -> Val:
        """Over one axis."""
        return self.unary("softmax", x, axis=axis % max(1, x.rank))


def as_array(value: Any) -> tuple[Array, str]:
    """A numpy array and the IR's name of its type; types that numpy lacks are held as float32."""
    if isinstance(value, torch.Tensor):
        tensor = value.detach().cpu().resolve_conj().resolve_neg()
        dtype = DTYPES[tensor.dtype]
        if tensor.layout is not torch.strided:
            tensor = tensor.to_dense()
        if dtype in ("bfloat16", "float8"):
            tensor = tensor.float()
        return np.array(tensor.numpy()), dtype
    array = np.asarray(value)
    return array, array.dtype.name


def _numpy_type(dtype: str) -> Any:
    return np.float32 if dtype in ("bfloat16", "float8") else np.dtype(dtype)


def _number(value: Number, dtype: str) -> Number:
    if dtype.startswith("complex"):
        return complex(value)
    if isinstance(value, complex):
        value = value.real
    if dtype == "bool":
        return bool(value)
    return float(value) if is_float(dtype) else int(value)


def _of_numbers(a: Any, b: Any) -> str:
    kinds = [type(x) for x in (a, b)]
    return DTYPES[torch.get_default_dtype()] if float in kinds else "int64" if int in kinds else "bool"
