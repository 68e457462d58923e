"""Parameters as they were before an exporter folded their use: tables read at fixed positions, rows repeated."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from irgen.frontends.fixed import repeats
from irgen.frontends.onnx_sharing import Values
from irgen.ir.graph import Array, Attr, Graph, Node
from irgen.ir.rules import Shape
from irgen.ir.tensor import TensorType

LIMIT = 1 << 22  # elements of a tensor that is looked at


def unfolded(graph: Graph, values: Values) -> tuple[Graph, dict[str, Array]]:
    """The graph with repetitions inside parameters said as expand and gather, and the values of the new parameters."""
    nodes: dict[str, Node] = {}
    made: dict[str, Array] = {}
    read_by_product = {
        s for node in graph if node.op in ("linear", "conv", "conv_transposed", "matmul", "rnn", "embedding")
        for s in node.inputs
    }  # fmt: skip
    for name, node in graph.nodes.items():
        nodes[name] = node
        shape = node.shape
        if node.op != "param" or name in read_by_product or len(shape) < 3 or node.tensor.size > LIMIT:
            continue
        value = values(name)
        if value is None or repeats(value):
            continue
        own = value
        for axis in range(value.ndim):
            if own.shape[axis] > 1 and (own == own[(slice(None),) * axis + (slice(0, 1),)]).all():
                own = own[(slice(None),) * axis + (slice(0, 1),)]
        table = _table(own)
        if own.shape == shape and table is None:
            continue
        del nodes[name]
        source = f"{name}.table"
        if table is not None:
            rows, index = table
            _add(nodes, source, rows, node.dtype)
            made[source] = rows
            at = f"{name}.index"
            nodes[at] = Node(at, "const", (), TensorType("int64", index.shape), {}, index)
            heads, last = rows.shape[1], own.shape
            read = _call(nodes, f"{name}.read", "gather", (source, at), node.dtype, (*index.shape, heads), axis=0)
            front = (heads, *index.shape)
            turned = _call(nodes, f"{name}.turned", "transpose", (read,), node.dtype, front, perm=(2, 0, 1))
            source = _call(nodes, f"{name}.shaped", "reshape", (turned,), node.dtype, last)
        else:
            _add(nodes, source, own, node.dtype)
            made[source] = own
        if own.shape == shape:
            nodes[name] = replace(nodes.pop(source), id=name)
        else:
            nodes[name] = Node(name, "expand", (source,), node.type, {})
    if not made:
        return graph, made
    origins = dict(graph.provenance)
    for name in made:
        whole = name.rpartition(".")[0]
        if whole in origins:
            origins[name] = origins[whole]
    return replace(graph, nodes=nodes, provenance=origins), made


def _add(nodes: dict[str, Node], name: str, value: Array, dtype: str) -> None:
    nodes[name] = Node(name, "param", (), TensorType(dtype, value.shape))


def _call(
    nodes: dict[str, Node], name: str, op: str, inputs: tuple[str, ...], dtype: str, shape: Shape, **attrs: Attr
) -> str:
    nodes[name] = Node(name, op, inputs, TensorType(dtype, shape), attrs)
    return name


def _table(value: Array) -> tuple[Array, Array] | None:
    """Rows [rows, heads] and index [queries, keys] of a bias [1, heads, queries, keys] that repeats few rows."""
    if value.ndim < 3 or min(value.shape[-2:]) < 3 or any(n != 1 for n in value.shape[:-3]):
        return None
    heads, queries, keys = value.shape[-3:]
    columns = np.moveaxis(value.reshape(heads, queries, keys), 0, -1).reshape(-1, heads)
    rows, first, inverse = np.unique(columns, axis=0, return_index=True, return_inverse=True)
    if len(rows) * 2 > len(columns) or len(rows) < 2:
        return None
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return rows[order], rank[inverse.reshape(-1)].reshape(queries, keys).astype(np.int64)
