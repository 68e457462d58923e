"""What passes ask of fixed values: the number behind a uniform constant, and new scalar constants."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from irgen.ir.graph import Node
from irgen.ir.tensor import TensorType
from irgen.passes.engine import Builder

Nodes = Mapping[str, Node]
_SAME_VALUE = frozenset({"reshape", "expand", "transpose", "tile"})
_MAY_BE_UNIFORM = _SAME_VALUE | {"const", "full", "cast"}
_LARGEST = 1 << 22


def number(nodes: Nodes, name: str) -> float | int | bool | None:
    """The one value that a constant has everywhere, or None: `const`, `full`, or a view or cast of such a node."""
    for _ in range(8):
        node = nodes[name]
        if node.op not in _MAY_BE_UNIFORM:
            return None
        if node.op == "const":
            value = node.value
            if value is None or value.size == 0 or value.size > _LARGEST or value.dtype.kind not in "biuf":
                return None
            first = value.flat[0]
            same = value.size == 1 or bool(value.flat[-1] == first and (value == first).all())
            return first.item() if same else None
        if node.op == "full":
            value = node.attrs.get("value")
            return value if isinstance(value, int | float) else None
        if node.op in _SAME_VALUE or (node.op == "cast" and node.tensor.is_float):
            name = node.inputs[0]
        else:
            return None
    return None


def scalar(builder: Builder, value: float, dtype: str) -> str:
    """A new 0-d constant in front of the node being rewritten."""
    kind = "float64" if dtype in {"bfloat16", "float8", "float16"} else dtype
    return builder.constant(np.asarray(value, dtype=kind), TensorType(dtype, ()))
