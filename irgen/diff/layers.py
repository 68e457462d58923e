"""The layers of two stacks: aligned one by one, told as one change where they repeat."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from irgen.diff.align import Likeness
from irgen.diff.changes import Change, Path
from irgen.diff.consequences import gathered
from irgen.diff.outline import Item
from irgen.diff.period import period, runs, shown

Compare = Callable[[Item, Item, str, Path, Path], list[Change]]


@dataclass(frozen=True)
class Sequences:
    """Two stacks whose layers are compared, with what the pair is called and where both stand."""

    x: Item
    y: Item
    name: str
    a: Path
    b: Path


@dataclass(frozen=True)
class Pair:
    """Two layers that were found to be the same layer, and all the places where they meet."""

    x: Item
    y: Item
    at_a: tuple[int, ...]
    at_b: tuple[int, ...]


@dataclass(frozen=True)
class Alignment:
    """Which layers meet, which are only on one side."""

    pairs: list[Pair]
    removed: list[int]
    added: list[int]

    def follows(self, a: Sequence[Item], b: Sequence[Item]) -> bool:
        """Whether each layer of one side has become one of the other, and nothing but these came or went."""
        forth = {id(pair.x) for pair in self.pairs}
        back = {id(pair.y) for pair in self.pairs}
        one_to_one = len(forth) == len(back) == len(self.pairs)
        return one_to_one and all(id(a[i]) in forth for i in self.removed) and all(id(b[j]) in back for j in self.added)


def compare_layers(of: Sequences, likeness: Likeness, compare: Compare) -> list[Change]:
    """All changes of the layers of a stack."""
    a, b = _shared(of.x.slots["layer"]), _shared(of.y.slots["layer"])
    found = _align(a, b, likeness)
    everywhere, some = _inside(of, found, compare)
    steps = [*_gone(of, found, a), *_come(of, found, b), *some]
    if not steps:
        return everywhere
    return [*everywhere, *_told(of, found, a, b, steps, some)]


def _shared(layers: Sequence[Item]) -> list[Item]:
    """The layers with one object for all that are equal."""
    known: dict[str, Item] = {}
    seen: dict[int, Item] = {}
    for layer in layers:
        if id(layer) not in seen:
            seen[id(layer)] = known.setdefault(layer.key, layer)
    return [seen[id(layer)] for layer in layers]


def _align(a: Sequence[Item], b: Sequence[Item], likeness: Likeness) -> Alignment:
    meet: dict[tuple[int, int], list[tuple[int, int]]] = {}
    removed: list[int] = []
    added: list[int] = []
    for i, j in likeness.align(a, b, likeness.layers):
        if i is not None and j is not None:
            meet.setdefault((id(a[i]), id(b[j])), []).append((i, j))
        elif i is not None:
            removed.append(i)
        elif j is not None:
            added.append(j)
    pairs = [
        Pair(a[places[0][0]], b[places[0][1]], tuple(i for i, _ in places), tuple(j for _, j in places))
        for places in meet.values()
    ]
    return Alignment(pairs, removed, added)


def _inside(of: Sequences, found: Alignment, compare: Compare) -> tuple[list[Change], list[Change]]:
    """What changed in all layers that meet, and what only in some, equal changes told once."""
    merged: dict[str, list[tuple[Pair, Change]]] = {}
    for pair in found.pairs:
        a: Path = (*of.a, ("layer", pair.at_a))
        b: Path = (*of.b, ("layer", pair.at_b))
        for change in gathered(compare(pair.x, pair.y, f"{of.name}.block", a, b)):
            merged.setdefault(_signature(change), []).append((pair, change))
    total = sum(len(pair.at_a) for pair in found.pairs)
    everywhere: list[Change] = []
    some: list[Change] = []
    for same in merged.values():
        at_a = tuple(sorted(i for pair, _ in same for i in pair.at_a))
        at_b = tuple(sorted(j for pair, _ in same for j in pair.at_b))
        change = _at(same[0][1], len(of.a), at_a, at_b)
        if len(at_a) == total:
            everywhere.append(change)
        else:
            some.append(_within(change, of.name, at_a, at_b))
    return everywhere, some


def _signature(change: Change) -> str:
    """Equal for changes that differ only in the layer in which they are."""
    inside = [path[len(path) - 1 :] if path and path[-1][0] != "layer" else () for path in (change.a, change.b)]
    old = change.old.key if isinstance(change.old, Item) else repr(change.old)
    new = change.new.key if isinstance(change.new, Item) else repr(change.new)
    return "|".join((change.kind, change.key, repr(inside), old, new, *map(_signature, change.parts)))


def _at(change: Change, deep: int, at_a: tuple[int, ...], at_b: tuple[int, ...]) -> Change:
    def moved(path: Path | None, at: tuple[int, ...]) -> Path | None:
        return None if path is None else (*path[:deep], ("layer", at), *path[deep + 1 :])

    parts = tuple(_at(part, deep, at_a, at_b) for part in change.parts)
    return replace(change, a=moved(change.a, at_a), b=moved(change.b, at_b), parts=parts)


def _within(change: Change, name: str, at_a: tuple[int, ...], at_b: tuple[int, ...]) -> Change:
    return replace(change, layers=(at_a, at_b), where=change.where.replace(f"{name}.block", f"{name}.layer", 1))


def _groups(layers: Sequence[Item], places: Sequence[int]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for at in places:
        found.setdefault(id(layers[at]), []).append(at)
    return found


def _gone(of: Sequences, found: Alignment, a: Sequence[Item]) -> list[Change]:
    return [
        Change(
            "removed",
            f"{of.name}.layer",
            (*of.a, ("layer", tuple(at))),
            None,
            "",
            a[at[0]],
            None,
            (tuple(at), ()),
            regions=(f"{of.x.region}.{at[0]}", None),
        )
        for at in _groups(a, found.removed).values()
    ]


def _come(of: Sequences, found: Alignment, b: Sequence[Item]) -> list[Change]:
    return [
        Change(
            "added",
            f"{of.name}.layer",
            None,
            (*of.b, ("layer", tuple(at))),
            "",
            None,
            b[at[0]],
            ((), tuple(at)),
            regions=(None, f"{of.y.region}.{at[0]}"),
        )
        for at in _groups(b, found.added).values()
    ]


def _told(
    of: Sequences, found: Alignment, a: Sequence[Item], b: Sequence[Item], steps: list[Change], some: list[Change]
) -> list[Change]:
    """The changes of single layers as what they amount to."""
    names = {id(pair.y): id(pair.x) for pair in found.pairs}
    ours, theirs = [id(layer) for layer in a], [names.get(id(layer), id(layer)) for layer in b]
    old, new = shown(a, [*a, *b]), shown(b, [*a, *b])
    regions = (of.x.region, of.y.region)
    whole = Change("period", of.name, of.a, of.b, "layers", old, new, parts=tuple(steps), regions=regions)
    if found.follows(a, b) and (period(ours) == period(theirs) or runs(ours) == runs(theirs)):
        gone = [step for step in steps if step not in some]
        return [*some, *([replace(whole, kind="repeated", old=len(a), new=len(b), parts=tuple(gone))] if gone else [])]
    if not some and found.follows(a, b) and sorted(ours) == sorted(theirs):
        return [replace(whole, kind="reordered")]
    if sorted(map(_sortable, a)) == sorted(map(_sortable, b)):
        return [replace(whole, kind="reordered")]
    touched = [{at for c in steps if c.layers for at in c.layers[side]} for side in (0, 1)]
    if all(_one_run(places) for places in touched) and len(max(touched, key=len)) < max(2, len(found.pairs)):
        return steps
    if not some and not (found.removed and found.added) and _one_run({*found.removed, *found.added}):
        return steps
    if max(map(len, touched)) <= 1:
        return steps
    return [whole]


def _sortable(layer: Item) -> str:
    return layer.key


def _one_run(places: set[int]) -> bool:
    return not places or max(places) - min(places) + 1 == len(places)
