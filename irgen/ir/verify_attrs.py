"""What every attribute of the vocabulary holds: a table, and the rule that attributes hold just that."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import cast

from irgen.ir.graph import Attr, Graph, Node
from irgen.ir.ops import OPS

Kind = Callable[[Attr], bool]


def _whole(value: Attr) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _number(value: Attr) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _bound(value: Attr) -> bool:
    return value is None or _number(value)


def _flag(value: Attr) -> bool:
    return isinstance(value, bool) or value in (0, 1)


def _word(value: Attr) -> bool:
    return isinstance(value, str)


def _scalar(value: Attr) -> bool:
    return not isinstance(value, tuple)


def _row(value: Attr) -> bool:
    return isinstance(value, tuple) and all(map(_whole, value))


def _rows(value: Attr) -> bool:
    return _whole(value) or _row(value)


def _pairs(value: Attr) -> bool:
    return isinstance(value, tuple) and all(_row(pair) and len(cast("tuple[Attr, ...]", pair)) == 2 for pair in value)


def _optional(kind: Kind) -> Kind:
    return lambda value: value is None or kind(value)


_KINDS: tuple[tuple[str, str, Kind], ...] = (
    ("a whole number", "k index groups hidden layers states scanned diagonal offset axis1 axis2 depth", _whole),
    ("a whole number or nothing", "axis size", _optional(_whole)),
    ("a number", "eps alpha beta slope correction start step stop", _number),
    ("a number or nothing", "min max", _bound),
    ("true or false", "keepdims largest descending right reverse exclusive upper unit interleaved bidirectional "
     "batch_first count_pad outside inside", _flag),
    ("a word", "law layout equation kind variant name", _word),
    ("a word or nothing", "mode reduce", _optional(_word)),
    ("whole numbers", "axes perm shifts repeats starts stops steps stride dilation kernel output_padding", _rows),
    ("pairs of whole numbers", "pads", _pairs),
    ("one value", "value", _scalar),
)  # fmt: skip
KINDS: dict[str, tuple[str, Kind]] = {name: (said, kind) for said, names, kind in _KINDS for name in names.split()}
"""For each attribute name what it holds, in words and as a test."""

_WORDS = {"layout": ("oi", "io")}
_ALONG = frozenset({"axis", "axes", "perm", "axis1", "axis2"})


def attributes_hold_their_kind(graph: Graph) -> Iterator[str]:
    """An attribute holds what its name says; axes stand inside the rank of the first input, from 0 up."""
    for node in graph:
        if node.op not in OPS or node.op == "opaque":
            continue
        for name, value in node.attrs.items():
            said, kind = KINDS.get(name, ("", _anything))
            if not kind(value):
                yield f"{node.id!r} ({node.op}) has {name}={value!r}, which is not {said}"
            elif name in _WORDS and value not in _WORDS[name]:
                yield f"{node.id!r} ({node.op}) has {name}={value!r}, not one of {', '.join(_WORDS[name])}"
            elif name in _ALONG and node.op != "scan":
                yield from _axes(graph, node, name, value)


def _anything(_: Attr) -> bool:
    return True


def _axes(graph: Graph, node: Node, name: str, value: Attr) -> Iterator[str]:
    source = graph.nodes.get(node.inputs[0]) if node.inputs else None
    kind = source.type if source is not None else None
    if kind is None or isinstance(kind, tuple) or kind.shape is None:
        return
    axes = value if isinstance(value, tuple) else () if value is None else (value,)
    if not all(isinstance(axis, int) and 0 <= axis < max(len(kind.shape), 1) for axis in axes):
        yield f"{node.id!r} ({node.op}) has {name}={value!r} on a tensor of rank {len(kind.shape)}"
    elif name == "perm" and sorted(cast("tuple[int, ...]", axes)) != list(range(len(kind.shape))):
        yield f"{node.id!r} ({node.op}) has perm={value!r} on a tensor of rank {len(kind.shape)}"
