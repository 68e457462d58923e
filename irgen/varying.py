"""Which dimensions of a module's example inputs may vary, found by tracing it again at other sizes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from irgen.errors import IrgenError
from irgen.inputs import redrawn
from irgen.source import Built

if TYPE_CHECKING:
    import torch

MOST = 6
"""Groups of dimensions that are tried at most: each costs a capture."""

Place = tuple[str, int]
"""An input and one of its dimensions."""


def with_axes(built: Built, fits: Callable[[Mapping[str, torch.Tensor]], Any]) -> Built:
    """The same module with every dimension named that it lets vary, and with its inputs at other sizes.

    `fits` runs the module on inputs and raises `IrgenError` where they do not fit. Dimensions of one size in one
    position (the first of all inputs, say) vary together. A dimension that no trial could change stays a number.
    """
    groups = dict(list(_groups(built).items())[:MOST])
    if not groups:
        return built
    allowed: dict[str, int] = {}
    for name, places in groups.items():
        for step in STEPS:
            if _fits({**built.kwargs, **_grown(built, {name: places}, {name: step})}, fits):
                allowed[name] = step
                break
    kept = {name: groups[name] for name in allowed}
    larger = {**built.kwargs, **_grown(built, kept, allowed)}
    if not kept or not _fits(larger, fits):
        return built
    axes = {name: [None] * value.dim() for name, value in built.kwargs.items() if hasattr(value, "dim")}
    named: dict[str, list[str | None]] = {name: list(row) for name, row in axes.items()}
    for symbol, places in kept.items():
        for name, axis in places:
            named[name][axis] = symbol
    return replace(built, resized=[larger], axes={name: tuple(row) for name, row in named.items()})


STEPS = (3, -1)
"""By how much a dimension is changed; smaller is tried where larger does not fit (a table of positions is full)."""


def _fits(kwargs: Mapping[str, torch.Tensor], fits: Callable[[Mapping[str, torch.Tensor]], Any]) -> bool:
    try:
        fits(kwargs)
    except IrgenError:
        return False
    return True


def _groups(built: Built) -> dict[str, list[Place]]:
    """Dimensions that are likely to vary together, by the name that they would get."""
    groups: dict[str, list[Place]] = {}
    sizes: dict[tuple[int, int], str] = {}
    for name, value in built.kwargs.items():
        if not hasattr(value, "dim"):
            continue
        for axis, size in enumerate(value.shape):
            features = value.is_floating_point() and value.dim() <= 3 and axis == value.dim() - 1
            if size < 2 or (axis > 0 and features):
                continue
            symbol = sizes.setdefault((axis, size), _symbol(name, axis, value, set(groups)))
            groups.setdefault(symbol, []).append((name, axis))
    return groups


def _symbol(name: str, axis: int, value: torch.Tensor, taken: set[str]) -> str:
    """A word for a dimension where there is a usual one, else its input and number."""
    usual = "batch" if axis == 0 else WORDS.get((value.dim(), axis), "")
    return usual if usual and usual not in taken else f"{name}_{axis}"


WORDS = {(2, 1): "seq", (3, 1): "seq", (4, 2): "height", (4, 3): "width"}
"""Usual words by the number of dimensions and the place: tokens, features, images."""


def _grown(built: Built, groups: Mapping[str, list[Place]], steps: Mapping[str, int]) -> dict[str, torch.Tensor]:
    """The inputs that have a dimension in the groups, those dimensions changed."""
    sizes: dict[str, list[int]] = {}
    for symbol, places in groups.items():
        for name, axis in places:
            row = sizes.setdefault(name, list(built.kwargs[name].shape))
            row[axis] += steps[symbol]
    return {name: redrawn(built.kwargs[name], tuple(row)) for name, row in sizes.items()}
