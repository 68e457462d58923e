"""A change between two architectures, and the whole of them, as plain data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from irgen.diff.outline import Item
from irgen.ir.architecture import Fact

Step = tuple[str, int | tuple[int, ...]]
Path = tuple[Step, ...]
"""Where an item stands in the outline: slots and places; several places where one change holds for several layers."""

COMPOSED = ("repeated", "period", "reordered")
"""Kinds of changes that are made of their parts alone; `old` and `new` of these are for reading."""

SIZES = frozenset((
    "width", "size", "hidden", "in", "out", "channels", "state", "inner", "head_dim", "latents", "rope", "axes",
    "kv_rank", "q_rank",
))  # fmt: skip
"""Facts that say how large something is, not what it is."""

TOTALS = ("parameters", "active", "embedding_parameters")
"""Facts of the whole model that follow from everything else."""

OPPOSITE = {"added": "removed", "removed": "added"}


@dataclass(frozen=True)
class Change:
    """One difference, as an architect would name it.

    `kind` is `added`, `removed`, `replaced` (another kind in the same place), `fact` (`key` went from `old` to `new`),
    `moved` (another residual form), `reordered`, `repeated` (another number of layers), `period` (another sequence of
    layers), `rewired` (another source), `operators` (others inside) or `total` (parameters). `a` and `b` are the places
    on both sides, `regions` the labelled regions there, of the first instance. `parts` are the changes that follow
    from this one, or that it is made of.
    """

    kind: str
    where: str
    a: Path | None = None
    b: Path | None = None
    key: str = ""
    old: Fact | Item = None
    new: Fact | Item = None
    layers: tuple[tuple[int, ...], tuple[int, ...]] | None = None
    """The layers of both sides that it holds for, where these are not all."""
    parts: tuple[Change, ...] = ()
    regions: tuple[str | None, str | None] = (None, None)

    @property
    def is_size(self) -> bool:
        """Whether it only says how large something is."""
        return self.kind == "repeated" or (self.kind == "fact" and self.key in SIZES)

    def mirrored(self) -> Change:
        """The same change seen from the other side."""
        return replace(
            self, kind=OPPOSITE.get(self.kind, self.kind), a=self.b, b=self.a, old=self.new, new=self.old,
            layers=self.layers and (self.layers[1], self.layers[0]),
            parts=tuple(part.mirrored() for part in self.parts), regions=(self.regions[1], self.regions[0]),
        )  # fmt: skip

    def steps(self) -> Iterator[Change]:
        """The changes that have to be made, one by one."""
        if self.kind not in COMPOSED:
            yield self
        for part in self.parts:
            yield from part.steps()

    def plain(self) -> dict[str, Any]:
        """The change as a JSON object."""
        record = {
            "kind": self.kind, "where": self.where, "fact": self.key or None, "from": _plain(self.old),
            "to": _plain(self.new), "layers": self.layers and [list(side) for side in self.layers],
            "a": {"path": _path(self.a), "region": self.regions[0]} if self.a is not None else None,
            "b": {"path": _path(self.b), "region": self.regions[1]} if self.b is not None else None,
            "parts": [part.plain() for part in self.parts],
        }  # fmt: skip
        return {key: value for key, value in record.items() if value is not None or key in ("from", "to")}


def _plain(value: Fact | Item) -> Any:
    return value.plain() if isinstance(value, Item) else value


def _path(path: Path) -> str:
    """A path in a line: `stack[0].layer[0–3].sublayer[1]`."""
    return ".".join(f"{slot}[{_places(at)}]" for slot, at in path) or "model"


def _places(at: int | tuple[int, ...]) -> str:
    return str(at) if isinstance(at, int) else ",".join(map(str, at))


@dataclass(frozen=True)
class Diff:
    """All changes from a to b, most important first; `names` pairs the stacks that were found to be the same."""

    changes: tuple[Change, ...]
    names: tuple[tuple[str, str], ...] = ()

    def __bool__(self) -> bool:
        """Whether anything changed."""
        return bool(self.changes)

    def mirrored(self) -> Diff:
        """The changes from b to a."""
        return Diff(tuple(c.mirrored() for c in self.changes), tuple((b, a) for a, b in self.names))

    def plain(self) -> dict[str, Any]:
        """The diff as a JSON object."""
        return {"schema": "irgen.diff/1", "changes": [change.plain() for change in self.changes]}


def neutral(a: str, b: str) -> str:
    """What a stack is called that has one name on one side and another on the other."""
    return a if a == b else "/".join(sorted((a, b)))
