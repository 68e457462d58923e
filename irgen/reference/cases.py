"""The inputs of a validation: the traced sizes, another length, another batch, a padded row; seeded."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from irgen.source import Built

BATCH = "batch"
"""The axis of the examples; every other axis that varies is a length."""

TRACED, LENGTH, OTHER_BATCH, PADDED = "traced", "other length", "other batch", "padded row"

Inputs = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Case:
    """One set of inputs. `changed` are the axes that have another size than in the traced case."""

    name: str
    inputs: Inputs
    changed: tuple[str, ...] = ()

    @property
    def shapes(self) -> dict[str, list[int]]:
        """The shape of each input."""
        return {name: list(value.shape) for name, value in self.inputs.items()}


def _positions(like: torch.Tensor) -> torch.Tensor:
    return torch.arange(like.shape[1]).expand(like.shape).contiguous()


OPTIONAL: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "attention_mask": lambda ids: torch.ones(ids.shape, dtype=torch.int64),
    "token_type_ids": lambda ids: torch.zeros(ids.shape, dtype=torch.int64),
    "position_ids": _positions,
    "decoder_attention_mask": lambda ids: torch.ones(ids.shape, dtype=torch.int64),
}
"""Inputs that a library fills in where they are left out, by name, as they are made from the token ids."""

OWNER = {"decoder_attention_mask": "decoder_input_ids"}
"""The token ids that an optional input belongs to, where it is not `input_ids`."""


def with_optional(built: Built, names: Sequence[str]) -> Built:
    """The same system with the named optional inputs given in full, where its forward takes them and runs with them.

    A mask must be an input for a padded row to be shown to it.
    """
    takes = inspect.signature(built.module.forward).parameters
    added: dict[str, str] = {}
    for name in names:
        owner = OWNER.get(name, "input_ids")
        ids = built.kwargs.get(owner)
        if name in OPTIONAL and name in takes and name not in built.kwargs and ids is not None and ids.dim() == 2:
            added[name] = owner
    if not added:
        return built

    def full(inputs: Inputs) -> Inputs:
        return {**inputs, **{name: OPTIONAL[name](inputs[owner]) for name, owner in added.items()}}

    draw = built.draw

    def drawn_in_full(sizes: Mapping[str, int], seed: int) -> Inputs:
        return full(draw(sizes, seed)) if draw is not None else full(built.kwargs)

    more = replace(
        built,
        kwargs=full(built.kwargs),
        resized=[full(inputs) for inputs in built.resized],
        axes={**built.axes, **{name: built.axes.get(owner, ()) for name, owner in added.items()}},
        draw=None if draw is None else drawn_in_full,
    )
    return more if all(runs(built.module, inputs) for inputs in (more.kwargs, *more.resized)) else built


REFUSALS = (RuntimeError, ValueError, IndexError, TypeError, KeyError, AttributeError, AssertionError)
"""What a module raises on inputs that it does not take."""


def runs(module: torch.nn.Module, inputs: Mapping[str, torch.Tensor]) -> bool:
    """Whether the module takes these inputs."""
    try:
        with torch.no_grad():
            module(**inputs)
    except REFUSALS:
        return False
    return True


def cases(built: Built, seed: int = 0) -> list[Case]:
    """The cases that a system can be shown. With seed 0 the traced case has the very inputs that it was built with."""
    axes = sorted({axis for names in built.axes.values() for axis in names if axis}) if built.resized else []
    lengths = tuple(axis for axis in axes if axis != BATCH)
    found = [Case(TRACED, built.kwargs if seed == 0 else drawn(built, (), seed))]
    if lengths:
        found.append(Case(LENGTH, drawn(built, lengths, seed + 1), lengths))
    if BATCH in axes:
        found.append(Case(OTHER_BATCH, drawn(built, (BATCH,), seed + 2), (BATCH,)))
    padded = _padded(found[0].inputs)
    if padded is not None:
        found.append(Case(PADDED, padded))
    return found


def _padded(inputs: Inputs) -> Inputs | None:
    """The inputs with the last third of the last row masked out, where there is a mask and a row to spare."""
    mask = inputs.get("attention_mask")
    if mask is None or mask.dim() != 2 or mask.shape[0] < 2 or mask.shape[1] < 3 or mask.is_complex():
        return None
    mask = mask.clone()
    mask[-1, mask.shape[1] - mask.shape[1] // 3 :] = 0
    return {**inputs, "attention_mask": mask}


def drawn(built: Built, changed: Sequence[str], seed: int) -> Inputs:
    """Inputs with some axes at their second size: drawn as the source draws, else shuffled from what it gave."""
    if built.draw is not None:
        return built.draw(dict.fromkeys(changed, 1), seed)
    generator = torch.Generator().manual_seed(seed)
    larger = built.resized[0] if built.resized else built.kwargs
    out: Inputs = {}
    for name, value in built.kwargs.items():
        axes = built.axes.get(name) or (None,) * value.dim()
        other = larger[name]
        sizes = [b if axis in changed else a for axis, a, b in zip(axes, value.shape, other.shape, strict=True)]
        out[name] = _shuffled(_fitted(value, other, sizes), generator) if seed else _fitted(value, other, sizes)
    return out


def _fitted(a: torch.Tensor, b: torch.Tensor, sizes: Sequence[int]) -> torch.Tensor:
    """A part of `a` or of `b` that has these sizes, or `a` repeated into them."""
    for whole in (a, b):
        if all(n <= m for n, m in zip(sizes, whole.shape, strict=True)):
            return whole[tuple(slice(n) for n in sizes)].clone()
    count = int(torch.Size(sizes).numel())
    return a.flatten()[torch.arange(count) % max(1, a.numel())].reshape(*sizes)


MANY = 10_000
"""Entries that are looked at to tell a mask from numbers."""


def _shuffled(value: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """The same numbers in another order; what holds two values at most (a mask, segments) is left alone."""
    if value.numel() < 3 or value.dtype == torch.bool or len(np.unique(value.flatten()[:MANY].numpy())) < 3:
        return value
    return value.flatten()[torch.randperm(value.numel(), generator=generator)].reshape(value.shape)
