"""Rotary position embedding: products with two tables that turn pairs of channels, recognised by their values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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

    `form` says how the tables hold cosine and sine: `pair` (a table each), `signed` (the sine's table has the signs
    of the rotation in it), `complex` (one complex table), `matrix` (the columns of 2 × 2 matrices, on a last axis of
    two). `first` and `second` are the groups of the two tables (equal for a complex one); `backwards`: turned by the
    opposite angle.
    """

    start: int
    stop: int
    end: int
    form: str
    first: int
    second: int
    interleaved: bool
    backwards: bool
    squeezed: bool
    """The tables have a last axis of one behind their pairs."""


def recognise(found: Stretch) -> Turn | None:
    """How a stretch turns the pairs of the last axis of x, or None: proved by equality on random values."""
    sizes = [found.x.tensor.size, found.nodes[0].tensor.size]
    view = found.view
    if view is None or min(sizes) < 1 or max(sizes) > LARGEST:
        return None
    try:
        for form, first, second in _forms(found):
            turn = _recognise(found, view, form, first, second)
            if turn is not None:
                return turn
    except Unevaluable:
        return None
    return None


def _forms(found: Stretch) -> Iterator[tuple[str, int, int]]:
    if found.complex_table and len(found.shapes) == 1:
        yield "complex", 0, 0
    elif not found.complex_table and len(found.shapes) == 2:
        columns = all(shape[-1:] == (2,) and len(shape) > 1 for shape in found.shapes)
        for form in ("pair", "signed", "matrix") if columns else ("pair", "signed"):
            yield form, 0, 1
            yield form, 1, 0


def signs(width: int, interleaved: bool) -> Values:
    """The signs of the sine in x · cos + (pairs exchanged) · sin."""
    return np.tile([-1.0, 1.0], width // 2) if interleaved else np.repeat([-1.0, 1.0], width // 2)


def _tables(turn: Turn, cos: Values, sin: Values) -> list[Values]:
    """The tables that hold this cosine and sine."""
    if turn.form == "complex":
        return [cos + 1j * sin]
    pair = [cos, sin]
    if turn.form == "signed":
        width = sin.shape[-1]
        pair = [cos, sin * signs(width, turn.interleaved)] if width % 2 == 0 else pair
    elif turn.form == "matrix":
        pair = [np.stack([cos, sin], axis=-1), np.stack([-sin, cos], axis=-1)]
    return pair if turn.first == 0 else pair[::-1]


def _recognise(found: Stretch, view: tuple[int, ...], form: str, first: int, second: int) -> Turn | None:
    width, out = view[-1], found.nodes[0].shape[-1]
    blank = Turn(0, out, out, form, first, second, False, False, False)
    shapes = _shapes(found, blank)
    count = np.arange(1.0, 1 + found.x.tensor.size).reshape(found.x.shape)
    seen = count.reshape(view)
    one, none = (tuple(np.full(shape, value) for shape in shapes) for value in (1.0, 0.0))
    still = found.values(count, _tables(blank, one[0], none[1]))
    start = int(still.reshape(-1)[0]) - 1
    if not 0 <= start <= width - out or not np.array_equal(still, seen[..., start : start + out]):
        return None
    turned = found.values(count, _tables(blank, none[0], one[1]))
    kept = np.all(turned == still, axis=tuple(range(turned.ndim - 1)))
    passed = int(np.argmin(kept[::-1])) if not kept.all() else out
    stop = out - passed
    if kept[:stop].any() or stop < 2 or stop % 2:
        return None
    ones = all(shape[-1:] == (1,) for shape in shapes)
    for squeezed, interleaved, backwards in product((False, True) if ones else (False,), (False, True), (False, True)):
        turn = Turn(start, start + stop, start + out, form, first, second, interleaved, backwards, squeezed)
        if _agrees(found, turn, view):
            return turn
    return None


def _shapes(found: Stretch, turn: Turn) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The shapes of cosine and sine."""
    cos, sin = found.shapes[turn.first], found.shapes[turn.second]
    return (cos[:-1], sin[:-1]) if turn.form == "matrix" else (cos, sin)


def _agrees(found: Stretch, turn: Turn, view: tuple[int, ...]) -> bool:
    rng = np.random.default_rng(7)
    x: Values = rng.standard_normal(found.x.shape)
    cos, sin = (rng.standard_normal(shape) for shape in _shapes(found, turn))
    wanted = found.values(x, _tables(turn, cos, sin))
    seen = x.reshape(view)
    part: Values = seen[..., turn.start : turn.stop]
    if turn.squeezed:
        cos, sin = cos[..., 0], sin[..., 0]
    node = Node("turn", "rotary", ("x", "c", "s"), TensorType("float64", part.shape), {"interleaved": turn.interleaved})
    try:
        result = apply(node, [part, cos, -sin if turn.backwards else sin])
    except Unevaluable:
        return False
    assert not isinstance(result, tuple)
    if result.shape != part.shape:
        return False
    whole = np.concatenate([result, seen[..., turn.stop : turn.end]], axis=-1)
    return whole.shape == wanted.shape and bool(np.allclose(whole, wanted, rtol=1e-9, atol=1e-9))
