"""Typed reading of a node's attributes: each word gives the value or says which node lacks it."""

from __future__ import annotations

from typing import cast

from irgen.errors import GraphError
from irgen.ir.graph import Attr, Node, TensorType


def _attr(node: Node, name: str) -> Attr:
    try:
        return node.attrs[name]
    except KeyError:
        raise GraphError(f"{node.op} has no attribute {name!r}", at=node.id) from None


def integer(node: Node, name: str) -> int:
    """An attribute that is one integer."""
    value = _attr(node, name)
    if isinstance(value, int):
        return int(value)
    raise GraphError(f"attribute {name!r} of {node.op} is {value!r}, not an integer", at=node.id)


def number(node: Node, name: str) -> float:
    """An attribute that is one number."""
    value = _attr(node, name)
    if isinstance(value, int | float):
        return float(value)
    raise GraphError(f"attribute {name!r} of {node.op} is {value!r}, not a number", at=node.id)


def bound(node: Node, name: str) -> float | int | None:
    """An attribute that is a number, or None where there is no bound."""
    value = _attr(node, name)
    if value is None or isinstance(value, int | float):
        return value
    raise GraphError(f"attribute {name!r} of {node.op} is {value!r}, not a number", at=node.id)


def flag(node: Node, name: str) -> bool:
    """An attribute that is true or false."""
    return bool(_attr(node, name))


def word(node: Node, name: str) -> str:
    """An attribute that is a word."""
    value = _attr(node, name)
    if isinstance(value, str):
        return value
    raise GraphError(f"attribute {name!r} of {node.op} is {value!r}, not a word", at=node.id)


def integers(node: Node, name: str) -> tuple[int, ...]:
    """An attribute that is a row of integers; a lone integer is a row of one."""
    value = _attr(node, name)
    if isinstance(value, int):
        return (int(value),)
    if isinstance(value, tuple) and all(isinstance(entry, int) for entry in value):
        return cast("tuple[int, ...]", value)
    raise GraphError(f"attribute {name!r} of {node.op} is {value!r}, not integers", at=node.id)


def pairs(node: Node, name: str) -> tuple[tuple[int, int], ...]:
    """An attribute that is a row of (low, high) pairs."""
    value = _attr(node, name)
    if isinstance(value, tuple) and all(isinstance(entry, tuple) and len(entry) == 2 for entry in value):
        return cast("tuple[tuple[int, int], ...]", value)
    raise GraphError(f"attribute {name!r} of {node.op} is {value!r}, not (low, high) pairs", at=node.id)


def types(node: Node) -> tuple[TensorType, ...]:
    """The types of all results of a node."""
    return node.type if isinstance(node.type, tuple) else (node.type,)
