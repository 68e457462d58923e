"""Indexing in one spelling: a gather by fixed indices in even steps is a slice, an index along one axis a gather."""

from __future__ import annotations

import numpy as np

from irgen.ir.attrs import integer, integers
from irgen.ir.graph import Node
from irgen.ir.tensor import TensorType
from irgen.passes.engine import Builder, Pass, Rule, known


def progression(index: Node) -> tuple[int, int, int] | None:
    """Start, step and count of a fixed index whose entries are in even steps."""
    if index.op != "const" or index.value is None or index.value.size == 0 or index.value.dtype.kind not in "iu":
        return None
    entries = index.value.reshape(-1).astype(np.int64)
    step = int(entries[1] - entries[0]) if len(entries) > 1 else 1
    even = step != 0 and bool((np.diff(entries) == step).all())
    return (int(entries[0]), step, len(entries)) if even else None


def gather_as_slice(node: Node, b: Builder) -> Node | None:
    """Entries at fixed places in even steps; the index may have any rank."""
    source, index = (b[name] for name in node.inputs)
    found = progression(index)
    axis = integer(node, "axis")
    if found is None or source.tensor.shape is None:
        return None
    start, step, count = found
    size = source.shape[axis]
    start += size if start < 0 else 0
    if step < 1 or not 0 <= start < size or start + (count - 1) * step >= size:
        return None
    cut = {"axis": axis, "start": start, "stop": start + (count - 1) * step + 1, "step": step}
    if len(index.shape) == 1:
        return b.instead(node, "slice", (source.id,), **cut)
    kept = (*source.shape[:axis], count, *source.shape[axis + 1 :])
    return b.instead(node, "reshape", (b.emit("slice", (source.id,), TensorType(node.dtype, kept), **cut),))


def index_along_one_axis(node: Node, b: Builder) -> Node | None:
    """Advanced indexing by one integer tensor is a gather."""
    axes = integers(node, "axes")
    if len(axes) != 1 or len(node.inputs) != 2 or b[node.inputs[1]].dtype == "bool":
        return None
    return b.instead(node, "gather", node.inputs, axis=axes[0])


def whole_selection(node: Node, b: Builder) -> Node | None:
    """The k largest of k are a sort."""
    axis = integer(node, "axis")
    source = b[node.inputs[0]]
    if not known(source) or integer(node, "k") != source.shape[axis]:
        return None
    return b.instead(node, "sort", node.inputs, axis=axis, descending=bool(node.attrs["largest"]))


def one_row_product(node: Node, b: Builder) -> Node | None:
    """Indicator vectors times a table are its rows."""
    indicator = b[node.inputs[0]]
    while indicator.op in {"cast", "stop_gradient"}:
        indicator = b[indicator.inputs[0]]
    if indicator.op != "one_hot" or len(node.inputs) != 2:
        return None
    table = node.inputs[1]
    if node.attrs["layout"] == "oi":
        shape = b[table].shape
        table = b.emit("transpose", (table,), TensorType(b[table].dtype, shape[::-1]), perm=(1, 0))
    return b.instead(node, "embedding", (table, indicator.inputs[0]))


def rows_of_a_table(node: Node, b: Builder) -> Node | None:
    """Rows of a learned or fixed matrix at integers that are computed, or that count up (positions)."""
    table, index = (b[name] for name in node.inputs)
    if integer(node, "axis") != 0 or len(table.shape) != 2 or not table.tensor.is_float:
        return None
    if table.op not in {"param", "const"} or index.tensor.is_float or index.dtype == "bool":
        return None
    if index.op == "const" and not _counts_up(index):
        return None
    return b.instead(node, "embedding", node.inputs)


def _counts_up(index: Node) -> bool:
    if index.value is None or index.value.size < 2:
        return False
    return bool((np.diff(index.value.reshape(-1, index.value.shape[-1]).astype(np.int64), axis=-1) == 1).all())


RULES: dict[str, tuple[Rule, ...]] = {
    "gather_nd": (index_along_one_axis,),
    "gather": (rows_of_a_table, gather_as_slice),
    "topk": (whole_selection,),
    "linear": (one_row_product,),
}

PASS = Pass(rules=RULES, after=("linear",))
