"""One operator call on arrays, with the type of its result taken from what the reference gave."""

from __future__ import annotations

from typing import Any

import numpy as np

from irgen.ir.evaluate import apply
from irgen.ir.graph import Attr, Graph, Node, dtype_name
from irgen.ir.tensor import TensorType


def type_of(value: np.ndarray) -> TensorType:
    """The IR type of an array."""
    return TensorType(dtype_name(value), tuple(value.shape))


def called(
    op: str,
    attrs: dict[str, Attr],
    args: list[Any],
    expected: np.ndarray | tuple[np.ndarray, ...],
    body: Graph | None = None,
) -> Any:
    """The evaluator's result of one call whose type is that of `expected`."""
    kind = tuple(map(type_of, expected)) if isinstance(expected, tuple) else type_of(expected)
    ports = tuple(f"p{i}" if arg is not None else "" for i, arg in enumerate(args))
    return apply(Node("y", op, ports, kind, attrs, None, body), args)


def agree(found: Any, expected: Any, tolerance: float = 1e-9) -> None:
    """Assert that two results (or rows of results) are the same."""
    if isinstance(expected, tuple):
        assert isinstance(found, tuple)
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            agree(one, other, tolerance)
        return
    if expected.dtype == np.float32:  # torch divides whole numbers in single precision
        tolerance = max(tolerance, 1e-6)
    assert found.shape == expected.shape
    assert found.dtype.kind == expected.dtype.kind
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)
