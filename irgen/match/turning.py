"""Rotary position embedding: products with two tables that turn pairs of channels, recognised by their values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod

import numpy as np

from irgen.ir.evaluate import Unevaluable, apply
from irgen.ir.graph import Node
from irgen.ir.tensor import TensorType
from irgen.match.functions import Values

LARGEST = 1 << 22
"""Elements of an operand beyond which nothing is evaluated."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Nodes (root first) that read one live value `x` and tables that do not depend on it.

    Tables stand in groups of equal value: `tables[i]` is the group of the node `i`.
    """

    x: Node
    nodes: tuple[Node, ...]
    tables: Mapping[str, int]
    shapes: tuple[tuple[int, ...], ...]
    """Of the tables, by group."""
    complex_table: bool

    @property
    def view(self) -> tuple[int, ...] | None:
        """The shape of x with the axes of the root in front and its channels last, or None if it has no such view."""
        lead = self.nodes[0].shape[:-1]
        if self.x.shape[:-1] == lead:
            return self.x.shape
        width, rest = divmod(self.x.tensor.size, max(prod(lead), 1))
        return None if rest or not lead else (*lead, width)

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for stretches that compute the same from values of equal shape."""
        place: dict[str, object] = {node.id: i for i, node in enumerate(self.nodes)}
        place[self.x.id] = -1
        place |= {name: ("table", group) for name, group in self.tables.items()}
        rows = tuple(
            (node.op, node.shape, tuple(sorted(node.attrs.items())), tuple(place.get(s, s) for s in node.inputs))
            for node in self.nodes
        )
        return rows, self.x.shape, self.shapes, self.complex_table

    def values(self, x: Values, tables: Sequence[Values]) -> Values:
        """The root's value."""
        known: dict[str, Values] = {name: tables[group] for name, group in self.tables.items()}
        known[self.x.id] = x
        for node in reversed(self.nodes):
            result = apply(node, [known[source] for source in node.inputs])
            assert not isinstance(result, tuple)
            known[node.id] = result
        return known[self.nodes[0].id]


@dataclass(frozen=True, slots=True)
class Turn:
    """What a stretch computes: channels `start` to `stop` of x turned, those from `stop` up to `end` passed on.

    `cos` and `sin` are groups of tables (equal for a complex table); `backwards`: turned by the opposite angle.
    """

    start: int
    stop: int
    end: int
    cos: int
    sin: int
    interleaved: bool
    backwards: bool


def recognise(found: Stretch) -> Turn | None:
    """How a stretch turns the pairs of the last axis of x, or None: proved by equality on random values."""
    root = found.nodes[0]
    sizes = [found.x.tensor.size, root.tensor.size]
    if len(found.shapes) != (1 if found.complex_table else 2) or min(sizes) < 1 or max(sizes) > LARGEST:
        return None
    view = found.view
    if view is None:
        return None
    try:
        return _recognise(found, view)
    except Unevaluable:
        return None


def _recognise(found: Stretch, view: tuple[int, ...]) -> Turn | None:
    width, out = view[-1], found.nodes[0].shape[-1]
    count = np.arange(1.0, 1 + found.x.tensor.size).reshape(found.x.shape)
    seen = count.reshape(view)
    for cos in range(len(found.shapes)):
        still = found.values(count, _filled(found, 1.0, [float(group == cos) for group in range(2)]))
        start = int(still.reshape(-1)[0]) - 1
        if not 0 <= start <= width - out or not np.array_equal(still, seen[..., start : start + out]):
            continue
        turned = found.values(count, _filled(found, 1j, [float(group != cos) for group in range(2)]))
        kept = np.all(turned == still, axis=tuple(range(turned.ndim - 1)))
        passed = int(np.argmin(kept[::-1])) if not kept.all() else out
        stop = out - passed
        if kept[:stop].any() or stop < 2 or stop % 2:
            continue
        for interleaved, backwards in product((False, True), (False, True)):
            turn = Turn(start, start + stop, start + out, cos, len(found.shapes) - 1 - cos, interleaved, backwards)
            if _agrees(found, turn, view):
                return turn
    return None


def _filled(found: Stretch, number: complex, numbers: Sequence[float]) -> list[Values]:
    """Tables that are one number everywhere: `number` if there is a complex one, else a number for each group."""
    wanted: Sequence[complex] = [number] if found.complex_table else numbers
    return [np.full(shape, value) for shape, value in zip(found.shapes, wanted, strict=True)]


def _agrees(found: Stretch, turn: Turn, view: tuple[int, ...]) -> bool:
    rng = np.random.default_rng(7)
    x: Values = rng.standard_normal(found.x.shape)
    parts: list[tuple[Values, Values]] = [
        (rng.standard_normal(shape), rng.standard_normal(shape)) for shape in found.shapes
    ]
    if found.complex_table:
        wanted = found.values(x, [real + 1j * imaginary for real, imaginary in parts])
        cos, sin = parts[turn.cos]
    else:
        wanted = found.values(x, [real for real, _ in parts])
        cos, sin = parts[turn.cos][0], parts[turn.sin][0]
    seen = x.reshape(view)
    part: Values = seen[..., turn.start : turn.stop]
    cos, sin = cos.reshape(fitted(cos.shape, part.shape)), sin.reshape(fitted(sin.shape, part.shape))
    node = Node("turn", "rotary", ("x", "c", "s"), TensorType("float64", part.shape), {"interleaved": turn.interleaved})
    try:
        result = apply(node, [part, cos, -sin if turn.backwards else sin])
    except Unevaluable:
        return False
    assert not isinstance(result, tuple)
    whole = np.concatenate([result, seen[..., turn.stop : turn.end]], axis=-1)
    return whole.shape == wanted.shape and bool(np.allclose(whole, wanted, rtol=1e-9, atol=1e-9))


def fitted(table: tuple[int, ...], x: tuple[int, ...]) -> tuple[int, ...]:
    """The shape in which a table meets x: a last axis of one is dropped where the axis before it holds the pairs."""
    if len(table) >= 2 and table[-1] == 1 and table[-2] in (x[-1], x[-1] // 2) and len(table) > len(x) - 1:
        return table[:-1]
    return table
