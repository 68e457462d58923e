"""Products of consecutive groups of rows, each with its own matrix: `grouped_linear`, which ONNX can only write out.

concat_i(x[offset_{i−1} : offset_i] · W_i), the rows by a Range whose bounds are entries of one vector of offsets.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from irgen.frontends.onnx_build import Build
from irgen.ir.graph import Node
from irgen.ir.tensor import TensorType


@dataclass(frozen=True, slots=True)
class _Group:
    rows: str  # what all groups are taken from
    start: str
    stop: str
    stack: str  # the matrices
    place: int  # of this group's matrix in the stack


def grouped(b: Build, parts: Sequence[str]) -> str | None:
    """The grouped product that the parts of a concatenation are, or `None`."""
    first = b.graph.nodes[parts[0]]
    if first.op != "matmul" or first.tensor.shape is None or first.tensor.shape[0] != -1:
        return None
    found: list[_Group] = []
    for part in parts:
        group = _group(b, b.graph.nodes[part])
        if group is None:
            return None
        found.append(group)
    rows, stack = found[0].rows, found[0].stack
    if any(g.rows != rows or g.stack != stack or g.place != i for i, g in enumerate(found)):
        return None
    start = b.known(found[0].start)
    if start is None or int(start.reshape(-1)[0]) != 0:
        return None
    if any(after.start != before.stop for before, after in itertools.pairwise(found)):
        return None
    ends = [_entry(b, g.stop) for g in found]
    offsets = ends[0]
    if offsets is None or any(end is None or end != (offsets[0], i) for i, end in enumerate(ends)):
        return None
    shape, matrices = b.shape(rows), b.shape(stack)
    if len(matrices) != 3 or matrices[0] != len(found) or b.shape(offsets[0]) != (len(found),):
        return None
    kind = TensorType(b.dtype(rows), (shape[0], matrices[2]))
    return b.add("grouped_linear", (rows, stack, offsets[0]), kind, layout="io")


def _group(b: Build, node: Node) -> _Group | None:
    """Rows of one group times its matrix."""
    if node.op != "matmul":
        return None
    taken, matrix = (b.graph.nodes[x] for x in node.inputs)
    if taken.op != "gather" or taken.attrs["axis"] != 0:
        return None
    place = _taken(b, matrix)
    index = b.graph.nodes[taken.inputs[1]]
    if place is None or index.op != "opaque" or index.attrs["name"] != "Range":
        return None
    return _Group(taken.inputs[0], index.inputs[0], index.inputs[1], *place)


def _taken(b: Build, node: Node) -> tuple[str, int] | None:
    """The tensor that a node is one entry of along its first axis, and which."""
    if node.op != "reshape":
        return None
    cut = b.graph.nodes[node.inputs[0]]
    if cut.op != "slice" or cut.attrs["axis"] != 0 or cut.shape[1:] != node.shape or cut.shape[0] != 1:
        return None
    start = cut.attrs["start"]
    return (cut.inputs[0], start) if isinstance(start, int) else None


def _entry(b: Build, name: str) -> tuple[str, int] | None:
    """The vector that a scalar is an entry of, and which."""
    return _taken(b, b.graph.nodes[name])
