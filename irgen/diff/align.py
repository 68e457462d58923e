"""Which item of one side is which item of the other: sequence alignment with gaps, by likeness."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from irgen.diff.outline import Item

Pairs = list[tuple[int | None, int | None]]

GAP = 1.0
"""What leaving an item without a partner costs; two that are unlike by twice this are better left alone."""

NEVER = 100.0

GROUPS: dict[str, str] = {
    "self-attention": "mixer", "linear-recurrence": "mixer", "selective-scan": "mixer", "rnn": "mixer",
    "mixer": "mixer", "fourier": "mixer", "convolution": "mixer", "pooling": "mixer",
    "feed-forward": "channels", "moe": "channels",
    "linear": "projection", "patch-merging": "projection",
    "token": "token", "codebook": "token", "linear-embedding": "token", "frame": "token",
    "learned-position": "position", "sinusoidal-position": "position",
    "patch": "patch", "tubelet": "patch",
}  # fmt: skip
"""Kinds that do the same job: one may replace the other."""


def pairs(cost: Sequence[Sequence[float]], rows: int, columns: int) -> Pairs:
    """The cheapest pairing that keeps both orders; what has no partner is paired with None."""
    best = [[0.0] * (columns + 1) for _ in range(rows + 1)]
    for i in range(rows, -1, -1):
        for j in range(columns, -1, -1):
            if i == rows or j == columns:
                best[i][j] = GAP * (rows - i + columns - j)
            else:
                best[i][j] = min(cost[i][j] + best[i + 1][j + 1], GAP + best[i + 1][j], GAP + best[i][j + 1])
    found: Pairs = []
    i = j = 0
    while i < rows or j < columns:
        if i < rows and j < columns and best[i][j] == cost[i][j] + best[i + 1][j + 1]:
            found.append((i, j))
            i, j = i + 1, j + 1
        elif i < rows and best[i][j] == GAP + best[i + 1][j]:
            found.append((i, None))
            i += 1
        else:
            found.append((None, j))
            j += 1
    return found


@dataclass
class Likeness:
    """How unlike items are; verdicts on the same two items are reached once."""

    known: dict[tuple[int, int], float] = field(default_factory=dict[tuple[int, int], float])

    def align(self, a: Sequence[Item], b: Sequence[Item], cost: Callable[[Item, Item], float] | None = None) -> Pairs:
        """Pair two sequences of items."""
        measure = cost or self.parts
        table = [[self._once(measure, x, y) for y in b] for x in a]
        return pairs(table, len(a), len(b))

    def _once(self, measure: Callable[[Item, Item], float], x: Item, y: Item) -> float:
        key = (id(x), id(y))
        if key not in self.known:
            self.known[key] = measure(x, y)
        return self.known[key]

    def parts(self, x: Item, y: Item) -> float:
        """Of sublayers, embeddings and the like: 0 for equal ones, more for other facts, for another kind."""
        if x == y:
            return 0.0
        if x.kind == y.kind:
            return 0.1 + 0.6 * unequal(x, y)
        same_job = GROUPS.get(x.kind, x.kind) == GROUPS.get(y.kind, y.kind)
        return 1.2 if same_job else NEVER

    def layers(self, x: Item, y: Item) -> float:
        """Of layers: by the sublayers that they hold first, by their form next."""
        if x is y or x == y:
            return 0.0
        return 0.05 + 0.9 * self._held(x, y, "sublayer") + 0.1 * unequal(x, y)

    def stacks(self, x: Item, y: Item) -> float:
        """Of stacks: by their role, by the layers that they hold (in any number), by what they read."""
        if x == y:
            return 0.0
        ours, theirs = distinct(x.slots["layer"]), distinct(y.slots["layer"])
        nearest = [min((self._once(self.layers, p, q) for q in theirs), default=1.0) for p in ours]
        nearest += [min((self._once(self.layers, p, q) for p in ours), default=1.0) for q in theirs]
        held = min(1.0, sum(nearest) / max(1, len(nearest)))
        role = 0.0 if x.facts.get("role") == y.facts.get("role") else 0.5
        few, many = sorted((len(x.slots["layer"]), len(y.slots["layer"])))
        size = 0.1 * (1 - few / max(1, many))
        return 0.01 + role + held + size + 0.05 * unequal(x, y)

    def _held(self, x: Item, y: Item, slot: str) -> float:
        """Share of what two items hold that has no like on the other side."""
        a, b = x.slots.get(slot, ()), y.slots.get(slot, ())
        cost = 0.0
        for i, j in self.align(a, b):
            cost += GAP if i is None or j is None else self._once(self.parts, a[i], b[j])
        return min(1.9, cost / max(1, len(a), len(b)))


def unequal(x: Item, y: Item) -> float:
    """Share of the facts that differ."""
    keys = x.facts.keys() | y.facts.keys()
    return sum(x.facts.get(key) != y.facts.get(key) for key in keys) / max(1, len(keys))


def distinct(items: Sequence[Item]) -> list[Item]:
    """The items that are not the same object as one before."""
    return list({id(item): item for item in items}.values())
