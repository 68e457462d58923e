"""Names for the tensors of nested inputs and outputs: `logits`, `past_key_values.0`."""

# Trees of any shape pass through here, and parts of torch that have no types:
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownLambdaType=false, reportPrivateUsage=false

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, cast

import torch


def tensors_by_name(tree: Any, unnamed: str = "input") -> Iterator[tuple[str, torch.Tensor]]:
    """Every tensor of a nest with its dotted name.

    A bare tensor or sequence gets `unnamed_0`, `unnamed_1`, …; below that, keys, fields and positions are joined
    by dots. Objects that are none of these (caches) are searched through their attributes.
    """
    if isinstance(tree, torch.Tensor):
        yield f"{unnamed}_0", tree
    elif isinstance(tree, (tuple, list)) and not hasattr(tree, "_fields"):
        for i, item in enumerate(cast("list[Any]", tree)):
            yield from _below(f"{unnamed}_{i}", item, set())
    else:
        for key, item in _children(tree):
            yield from _below(key, item, set())


def _below(name: str, tree: Any, above: set[int]) -> Iterator[tuple[str, torch.Tensor]]:
    if isinstance(tree, torch.Tensor):
        yield name, tree
    elif id(tree) not in above:
        for key, item in _children(tree):
            yield from _below(f"{name}.{key}", item, above | {id(tree)})


def _children(tree: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(tree, Mapping):
        for key, item in cast("Mapping[Any, Any]", tree).items():
            yield str(key), item
    elif hasattr(tree, "_fields"):
        for key in tree._fields:
            yield key, getattr(tree, key)
    elif isinstance(tree, (tuple, list)):
        for i, item in enumerate(cast("list[Any]", tree)):
            yield str(i), item
    elif dataclasses.is_dataclass(tree) and not isinstance(tree, type):
        for part in dataclasses.fields(tree):
            yield part.name, getattr(tree, part.name)
    elif hasattr(tree, "__dict__") and not isinstance(tree, (type, torch.nn.Module)) and not callable(tree):
        for key, item in vars(tree).items():
            yield key, item


def swapped(tree: Any, others: Mapping[int, torch.Tensor]) -> Any:
    """The nest with each tensor that has a stand-in (by id) replaced by it; objects are copied before."""
    if isinstance(tree, torch.Tensor):
        return others.get(id(tree), tree)
    if isinstance(tree, tuple):
        items = [swapped(item, others) for item in cast("tuple[Any, ...]", tree)]
        return type(tree)(*items) if hasattr(tree, "_fields") else tuple(items)
    if isinstance(tree, list):
        return [swapped(item, others) for item in cast("list[Any]", tree)]
    if type(tree) is dict:
        return {key: swapped(item, others) for key, item in cast("dict[Any, Any]", tree).items()}
    if any(id(tensor) in others for _, tensor in _below("", tree, set())):
        new = tree.__class__.__new__(tree.__class__)
        if isinstance(tree, dict):
            for key, item in cast("dict[Any, Any]", tree).items():
                dict.__setitem__(cast("dict[Any, Any]", new), key, swapped(item, others))
        vars(new).update({key: swapped(item, others) for key, item in vars(tree).items()})
        return new
    return tree


def apart(tree: Any, seen: set[int] | None = None) -> Any:
    """The nest with a tensor that stands in it twice (token ids given to encoder and decoder) as two tensors."""
    known: set[int] = set() if seen is None else seen
    if isinstance(tree, torch.Tensor):
        twice = id(tree) in known
        known.add(id(tree))
        return tree.detach().clone() if twice else tree
    if isinstance(tree, tuple):
        items = [apart(item, known) for item in cast("tuple[Any, ...]", tree)]
        return type(tree)(*items) if hasattr(tree, "_fields") else tuple(items)
    if isinstance(tree, list):
        return [apart(item, known) for item in cast("list[Any]", tree)]
    if type(tree) is dict:
        return {key: apart(item, known) for key, item in cast("dict[Any, Any]", tree).items()}
    return tree
