"""What one recorded pass holds: its tensors, its calls, and where they came from."""

# Trees of any shape pass through here, and parts of torch that have no types:
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownLambdaType=false, reportPrivateUsage=false

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch

INPUT, PARAM = 1, 2
"""Bits of `Ref.depends`: what a tensor was computed from (0: constants alone)."""


@dataclass(eq=False, slots=True)
class Ref:
    """One tensor of the pass. `storage` tells which tensors share memory, so that writes reach every view."""

    index: int
    shape: tuple[int, ...]
    dtype: torch.dtype
    stride: tuple[int, ...]
    offset: int
    storage: int
    depends: int = 0


@dataclass(eq=False, slots=True)
class Leaf:
    """A tensor that no call made: `kind` is input, param or const; `tensor` holds a value unless it is on meta."""

    kind: str
    name: str
    tensor: torch.Tensor


@dataclass(eq=False, slots=True)
class Call:
    """One torch function call. Tensors in `args`, `kwargs` and `out` are `Ref`; `writes` were changed in place.

    `given` are the tensors among `args` and `kwargs`, in order.
    """

    func: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    given: list[Ref]
    out: Any
    writes: tuple[Ref, ...]
    scope: int
    file: str
    line: int


@dataclass(slots=True)
class Recording:
    """One forward pass: leaves and calls in order, the named outputs, and what could not be kept general."""

    leaves: dict[Ref, Leaf] = field(default_factory=dict[Ref, Leaf])
    calls: list[Call] = field(default_factory=list[Call])
    inputs: list[Ref] = field(default_factory=list[Ref])
    outputs: list[tuple[str, Ref]] = field(default_factory=list[tuple[str, Ref]])
    scopes: list[tuple[str, str]] = field(default_factory=lambda: [("", "")])
    asked: list[Call] = field(default_factory=list[Call])
    """Calls that read a value which inputs or parameters decide."""
    findings: list[str] = field(default_factory=list[str])
    unused: list[str] = field(default_factory=list[str])
    parameters: int = 0


ATOMS = frozenset({int, float, bool, str, type(None), torch.dtype, torch.device})
"""Types of what a call is given besides tensors: nothing is found in them and nothing is changed."""


def refs(tree: Any) -> list[Ref]:
    """Every `Ref` of nested tuples, lists, dictionaries and slices, in order."""
    found: list[Ref] = []
    _gather(tree, found)
    return found


def _gather(tree: Any, found: list[Ref]) -> None:
    if type(tree) is Ref:
        found.append(tree)
    elif isinstance(tree, (tuple, list)):
        for item in tree:
            if type(item) not in ATOMS:
                _gather(item, found)
    elif isinstance(tree, dict):
        _gather(tuple(tree.values()), found)
    elif isinstance(tree, slice):
        _gather((tree.start, tree.stop, tree.step), found)


def mapped(tree: Any, change: Callable[[Any], Any]) -> Any:
    """The same nest of tuples, lists, dictionaries and slices with every leaf changed that is no number or word."""
    if type(tree) in ATOMS:
        return tree
    if isinstance(tree, tuple):
        items = [item if type(item) in ATOMS else mapped(item, change) for item in tree]
        return type(tree)(*items) if hasattr(tree, "_fields") else tuple(items)
    if isinstance(tree, list):
        return [mapped(item, change) for item in tree]
    if isinstance(tree, dict):
        return {key: mapped(item, change) for key, item in tree.items()}
    if isinstance(tree, slice):
        return slice(mapped(tree.start, change), mapped(tree.stop, change), mapped(tree.step, change))
    return change(tree)
