"""A functional program without what only in-place writes, views and guards left behind."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import operator
from typing import Any

import torch
from torch.fx import Graph, Node

ATEN: Any = torch.ops.aten
FOREVER = 1 << 62
"""Ends of slices at or beyond this mean the end of the axis."""

GUARDS = frozenset(
    {
        "aten._assert_tensor_metadata.default",
        "aten._assert_async.msg",
        "aten._assert_scalar.default",
        "aten.sym_constrain_range.default",
        "aten.sym_constrain_range_for_size.default",
    }
)

MANY = 4
"""Parts from which on a split is read as slices of its source: fewer are gates and heads."""


def tidy(graph: Graph) -> None:
    """Take guards, whole slices, copies into equal places and reads of what was just written out of `graph`."""
    for node in list(graph.nodes):
        if node.op == "call_module" or str(node.target) in GUARDS:
            graph.erase_node(node)
    for node in graph.nodes:
        if node.op != "call_function":
            continue
        _spell_out(node)
        instead = _same_as(node)
        if instead is not None:
            node.replace_all_uses_with(instead)
    _read_parts(graph)
    graph.eliminate_dead_code(lambda node: node.op in ("placeholder", "output"))


def _same_as(node: Node) -> Node | None:
    """The earlier value that a node gives again, None where it computes one."""
    args: Any = node.args
    if node.target is ATEN.slice.Tensor and _whole(args[1:]):
        return args[0]
    if node.target is ATEN.slice_scatter.default and _whole(args[2:]):
        return args[1]
    if node.target is ATEN.copy.default and _alike(args[0], args[1]):
        return args[1]
    if node.target is ATEN.select.int:
        return _written(node)
    return None


def _spell_out(node: Node) -> None:
    """Write the ends of a slice as numbers: tracing leaves them out where a size has a symbol."""
    first = {ATEN.slice.Tensor: 1, ATEN.slice_scatter.default: 2}.get(node.target)
    if first is not None and len(node.args) > first + 1:
        axis, start, end, *step = (*node.args[first:], *(0, None, None)[len(node.args) - first :])
        ends = (0 if start is None else start, (1 << 63) - 1 if end is None else end)
        node.args = (*node.args[:first], axis, *ends, *step)


def _written(node: Node) -> Node | None:
    """What a select reads that a write just before put there; a write elsewhere is looked through."""
    source, axis, index = node.args
    first = source
    while isinstance(source, Node) and source.target is ATEN.select_scatter.default:
        into, value, where, at = source.args
        if where != axis or not isinstance(at, int) or not isinstance(index, int) or (at < 0) != (index < 0):
            break
        if at == index:
            return value if isinstance(value, Node) else None
        source = into
    if source is not first:
        node.update_arg(0, source)
    return None


def _whole(rest: tuple[Any, ...]) -> bool:
    """Whether (axis, start, end, step) take a whole axis."""
    _axis, start, end, step = (*rest, *(0, None, None, 1)[len(rest) :])
    return start in (None, 0) and (end is None or (isinstance(end, int) and end >= FOREVER)) and step == 1


def _alike(a: Any, b: Any) -> bool:
    one, other = a.meta.get("val"), b.meta.get("val")
    return one is not None and other is not None and one.dtype == other.dtype and tuple(one.shape) == tuple(other.shape)


def _read_parts(graph: Graph) -> None:
    """Parts of an axis that is taken apart wholly are read from it: `unbind` and long `split`s."""
    for node in list(graph.nodes):
        if node.op != "call_function" or node.target is not operator.getitem:
            continue
        whole, index = node.args
        args: Any = whole.args
        if whole.target is ATEN.unbind.int:
            axis = args[1] if len(args) > 1 else 0
            target, rest = ATEN.select.int, (axis, index)
        elif whole.target is ATEN.split.Tensor and len(whole.users) >= MANY and isinstance(args[1], int):
            axis, size = (args[2] if len(args) > 2 else 0), args[1]
            target, rest = ATEN.slice.Tensor, (axis, index * size, (index + 1) * size)
        else:
            continue
        with graph.inserting_before(node):
            part = graph.call_function(target, (args[0], *rest))
        part.meta = dict(node.meta)
        node.replace_all_uses_with(part)
