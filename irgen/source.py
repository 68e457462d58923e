"""What a source of a model hands to capture: a module, example inputs at several sizes, and the names of their axes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

#: Sizes of the axes that vary, as captured and as captured again: pairwise distinct, at least 2, unlike usual widths.
SIZES: dict[str, tuple[int, int]] = {
    "batch": (2, 3),
    "seq": (19, 26),
    "target": (23, 29),
    "image": (5, 7),
    "frames": (53, 61),
    "samples": (1700, 1900),
    "time": (21, 27),
    "nodes": (17, 22),
}


@dataclass(frozen=True)
class Input:
    """One keyword input: its shape (axes by number or by a name of `SIZES`) and how its values are drawn.

    `draw(shape, generator)` returns the tensor; names in `shape` are the axes that vary.
    """

    name: str
    shape: tuple[int | str, ...]
    draw: Callable[[tuple[int, ...], torch.Generator], torch.Tensor]

    def at(self, sizes: Mapping[str, int], generator: torch.Generator) -> torch.Tensor:
        """The input with every named axis at its size."""
        return self.draw(tuple(sizes[n] if isinstance(n, str) else n for n in self.shape), generator)

    @property
    def axes(self) -> tuple[str | None, ...]:
        """The name of each axis that varies, None for a fixed one."""
        return tuple(n if isinstance(n, str) else None for n in self.shape)


@dataclass(frozen=True)
class Built:
    """A module in eval mode with example inputs by keyword (small real tensors, also where the module has no weights).

    `resized` are the same inputs with every varying axis at another size; `axes` names the varying axes of each input.
    `note` says in a sentence what a reader should know (a smaller image, parameters that the inputs cannot reach).
    `draw(sizes, seed)` makes other inputs: `sizes` says for each axis whether it has its first (0) or second size (1).
    """

    module: torch.nn.Module
    kwargs: dict[str, torch.Tensor]
    resized: list[dict[str, torch.Tensor]] = field(default_factory=list[dict[str, "torch.Tensor"]])
    axes: dict[str, tuple[str | None, ...]] = field(default_factory=dict[str, tuple[str | None, ...]])
    title: str = ""
    note: str = ""
    draw: Callable[[Mapping[str, int], int], dict[str, torch.Tensor]] | None = None


def built(
    module: torch.nn.Module,
    inputs: Iterable[Input],
    *,
    title: str = "",
    note: str = "",
    sizes: Mapping[str, tuple[int, int]] | None = None,
) -> Built:
    """A module with inputs drawn at the two sizes of every axis (`sizes` overrides those of `SIZES`)."""
    import torch  # noqa: PLC0415 - the command line starts without it

    inputs = tuple(inputs)
    both = SIZES | dict(sizes or {})
    axes = {spec.name: spec.axes for spec in inputs}
    varies = {axis for names in axes.values() for axis in names if axis is not None}

    def draw(which: Mapping[str, int], seed: int) -> dict[str, torch.Tensor]:
        generator = torch.Generator().manual_seed(seed)
        sizes = {name: pair[which.get(name, 0)] for name, pair in both.items()}
        return {spec.name: spec.at(sizes, generator) for spec in inputs}

    resized = [draw(dict.fromkeys(varies, 1), 1)] if varies else []
    return Built(module.eval(), draw({}, 0), resized, axes, title, note, draw)


def tokens(name: str, size: int, *shape: int | str, low: int = 5) -> Input:
    """Token ids below `size`, at or above `low` so that they keep away from padding, start and end."""
    import torch  # noqa: PLC0415

    low = min(low, size - 1)
    return Input(name, shape or ("batch", "seq"), lambda s, g: torch.randint(low, size, s, generator=g))


def numbers(name: str, *shape: int | str) -> Input:
    """Standard normal numbers: pixels, features, wave forms, states."""
    import torch  # noqa: PLC0415

    return Input(name, shape, lambda s, g: torch.randn(s, generator=g))


def ones(name: str, *shape: int | str, integer: bool = True) -> Input:
    """Ones: masks that hide nothing."""
    import torch  # noqa: PLC0415

    return Input(name, shape, lambda s, _g: torch.ones(s, dtype=torch.int64 if integer else torch.float32))
