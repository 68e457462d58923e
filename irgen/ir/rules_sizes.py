"""What the type rules share: sizes that have to agree, broadcasting, windows along an axis."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import cast

from irgen.errors import GraphError
from irgen.ir.graph import Attr
from irgen.ir.tensor import TensorType

Shape = tuple[int, ...]
Attrs = Mapping[str, Attr]
Rule = Callable[[Sequence[TensorType], Attrs], TensorType]


class SizesDisagree(GraphError):  # noqa: N818 - said of the sizes
    """Two sizes that have to be equal are not."""

    def __init__(self, a: int, b: int) -> None:
        super().__init__(f"sizes do not agree: {a} against {b}")
        self.a = a
        self.b = b


def broadcast(*shapes: Shape | None) -> Shape | None:
    """The shape that numpy's broadcasting gives; -1 is an unknown size, None an unknown rank."""
    result: Shape = ()
    for shape in shapes:
        if shape is None:
            return None
        if shape != result:
            result = _broadcast_pair(result, shape)
    return result


def _broadcast_pair(a: Shape, b: Shape) -> Shape:
    if len(a) < len(b):
        a, b = b, a
    if not b:
        return a
    head = len(a) - len(b)
    return a[:head] + tuple(same_or_one(m, n) for m, n in zip(a[head:], b, strict=True))


def same_or_one(m: int, n: int) -> int:
    """The size that two broadcast sizes give."""
    if n in (m, 1):
        return m
    if m == 1 or m < 0:
        return n
    if n < 0:
        return m
    raise SizesDisagree(m, n)


def same(m: int, n: int) -> int:
    """The size that two equal sizes have, whichever of them is known."""
    if m == n or n < 0:
        return m
    if m < 0:
        return n
    raise SizesDisagree(m, n)


def ints(value: Attr) -> Shape:
    """An attribute that holds whole numbers."""
    return cast("Shape", value)


def integer(value: Attr) -> int:
    """An attribute that is a whole number."""
    return cast("int", value)


def windows(n: int, kernel: int, stride: int, dilation: int, low: int, high: int, ceil: bool = False) -> int:
    """How many windows fit along one axis of n (-1: unknown)."""
    if n < 0:
        return -1
    free = n + low + high - dilation * (kernel - 1) - 1
    count = (-(-free // stride) if ceil else free // stride) + 1
    if ceil and (count - 1) * stride >= n + low:
        count -= 1
    return max(count, 0)


def real_part(dtype: str) -> str:
    """The element type of the parts of a complex number."""
    return {"complex64": "float32", "complex128": "float64"}.get(dtype, dtype)
