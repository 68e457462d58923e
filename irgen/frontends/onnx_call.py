"""One ONNX node as its lowering sees it: operands as nodes of the growing graph, attributes decoded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from onnx import AttributeProto, GraphProto, TensorProto

from irgen.errors import SourceError
from irgen.frontends.onnx_build import Build
from irgen.frontends.onnx_values import decoded, text
from irgen.ir.graph import Array
from irgen.ir.rules import Shape
from irgen.ir.tensor import TensorType

if TYPE_CHECKING:
    from irgen.frontends.onnx_sweep import Sweep

Value = int | float | str | TensorProto | GraphProto | tuple[int, ...] | tuple[float, ...] | tuple[str, ...]
Lowering = Callable[["Call"], "str | Sequence[str]"]
"""Adds the canonical calls that one ONNX node stands for, and gives the ids of its results."""


class NotFolded(Exception):  # noqa: N818 - said of the size
    """A size, bound or count that has to be a number depends on the data."""


def attribute(proto: AttributeProto) -> Value | None:
    """The value of an attribute; `None` for kinds that no lowering reads (types, sparse tensors, lists of graphs)."""
    kind = proto.type
    if kind == AttributeProto.INT:
        return proto.i
    if kind == AttributeProto.FLOAT:
        return proto.f
    if kind == AttributeProto.STRING:
        return proto.s.decode("utf-8", "replace")
    if kind == AttributeProto.INTS:
        return tuple(proto.ints)
    if kind == AttributeProto.FLOATS:
        return tuple(proto.floats)
    if kind == AttributeProto.TENSOR:
        return proto.t
    if kind == AttributeProto.GRAPH:
        return proto.g
    if kind == AttributeProto.STRINGS:
        return tuple(text(s) for s in proto.strings)
    return None


@dataclass(slots=True)
class Call:
    """One call: `inputs` are node ids (empty: not given), `count` the number of results asked for."""

    b: Build
    op: str
    version: int
    inputs: tuple[str, ...]
    attrs: dict[str, Value]
    count: int
    sweep: Sweep

    # --- operands

    @property
    def x(self) -> str:
        """The first operand."""
        return self.operand(0)

    def has(self, i: int) -> bool:
        """Whether operand i is given."""
        return i < len(self.inputs) and bool(self.inputs[i])

    def operand(self, i: int) -> str:
        """Operand i, which has to be there."""
        if not self.has(i):
            raise SourceError(f"{self.op} has no input {i}")
        return self.inputs[i]

    def optional(self, i: int) -> str:
        """Operand i, or the empty string."""
        return self.inputs[i] if i < len(self.inputs) else ""

    def type(self, i: int = 0) -> TensorType:
        """Type of operand i."""
        return self.b.type(self.operand(i))

    def shape(self, i: int = 0) -> Shape:
        """Sizes of operand i; raises `RankUnknown`."""
        return self.b.shape(self.operand(i))

    def known(self, i: int) -> Array | None:
        """Value of operand i where it depends on no input and no parameter, or is a short stored tensor itself."""
        if not self.has(i):
            return None
        x = self.operand(i)
        held = self.b.tensors.get(x)
        if held is not None and not callable(held) and self.b.type(x).size <= 16:
            return decoded(held, self.sweep.source.folder)
        return self.b.known(x)

    # --- attributes

    def int(self, name: str, default: int) -> int:
        """An attribute that is a whole number."""
        return cast("int", self.attrs.get(name, default))

    def float(self, name: str, default: float) -> float:
        """An attribute that is a number."""
        return cast("float", self.attrs.get(name, default))

    def str(self, name: str, default: str) -> str:
        """An attribute that is a word."""
        return cast("str", self.attrs.get(name, default))

    def ints(self, name: str) -> tuple[int, ...] | None:
        """An attribute that is a row of whole numbers."""
        return cast("tuple[int, ...] | None", self.attrs.get(name))

    def need(self, name: str) -> Value:
        """An attribute that has to be there."""
        if name not in self.attrs:
            raise SourceError(f"{self.op} has no attribute {name!r}")
        return self.attrs[name]

    # --- what older versions have as attribute and newer ones as operand

    def vector(self, name: str, i: int) -> tuple[int, ...] | None:
        """Whole numbers from attribute `name` or operand i; raises `NotFolded` where they depend on data."""
        if name in self.attrs:
            value = self.attrs[name]
            return (value,) if isinstance(value, int) else self.ints(name)
        if not self.has(i):
            return None
        value = self.known(i)
        if value is None:
            raise NotFolded
        return tuple(int(n) for n in value.reshape(-1).tolist())

    def number(self, name: str, i: int) -> float | None:
        """A scalar from attribute `name` or operand i; raises `NotFolded`."""
        if name in self.attrs:
            return self.float(name, 0)
        if not self.has(i):
            return None
        value = self.known(i)
        if value is None or value.size != 1:
            raise NotFolded
        return value.reshape(-1)[0].item()

    def axis(self, axis: int, rank: int) -> int:
        """An axis counted from the front."""
        if not -rank <= axis < max(rank, 1):
            raise SourceError(f"{self.op} names axis {axis} of a tensor with {rank} dimensions")
        return axis % rank if rank else 0

    def axes(self, axes: Sequence[int] | None, rank: int) -> tuple[int, ...]:
        """Axes counted from the front, in order; all of them for `None`."""
        return tuple(range(rank)) if axes is None else tuple(sorted({self.axis(a, rank) for a in axes}))
