"""What the evaluator's tables share: the kernel's type, the refusal, and how IR types map to numpy's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from irgen.errors import IrgenError
from irgen.ir.graph import Node
from irgen.ir.tensor import TensorType

Values = NDArray[Any]
Result = Values | tuple[Values, ...]
Kernel = Callable[..., Result]
"""A kernel takes the node and then its arguments by port (None where an optional one is missing)."""


One = Callable[[Values], Values]
Two = Callable[[Values, Values], Values]
Called = Callable[[Node, Values], Values]
CalledTwo = Callable[[Node, Values, Values], Values]


class Unevaluable(IrgenError):  # noqa: N818 - a verdict, not a fault
    """The value of a node cannot be computed, and why."""


FLOAT = np.dtype(np.float64)
COMPLEX = np.dtype(np.complex128)
_NARROW = {"int4": "int8", "uint4": "uint8"}


def working_dtype(dtype: str) -> np.dtype[Any]:
    """The numpy type in which values of an IR element type are computed."""
    if dtype.startswith(("float", "bfloat")):
        return FLOAT
    if dtype.startswith("complex"):
        return COMPLEX
    if dtype == "string":
        return np.dtype(object)
    return np.dtype(_NARROW.get(dtype, dtype))


def working(value: Any) -> Values:
    """An array with every floating type widened to float64 or complex128."""
    array: Values = np.asarray(value)
    kind = array.dtype.kind
    if kind in "biuOUS" or array.dtype in (FLOAT, COMPLEX):
        return array
    return array.astype(COMPLEX if kind == "c" else FLOAT)


def settled(value: Any, type: TensorType) -> Values:
    """A kernel's result in the working type of the node's element type."""
    array: Values = np.asarray(value)
    wanted = working_dtype(type.dtype)
    if array.dtype == wanted or wanted.kind == "O" or (array.dtype.kind == "c" and wanted.kind == "f"):
        return array
    return array.astype(wanted)
