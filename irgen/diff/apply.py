"""Changes made: what they lead from becomes what they lead to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from irgen.diff.changes import Change, Diff, Path, neutral
from irgen.diff.outline import Item, named
from irgen.ir.architecture import Fact

Place = tuple[tuple[str, int], ...]


def apply(found: Diff, a: Item) -> Item:
    """The outline that the changes of `diff(a, b)` make of a: that of b."""
    script = Script()
    for change in found.changes:
        for step in change.steps():
            script.take(step)
    made = script.build(named(a, {x: neutral(x, y) for x, y in found.names}), (), ())
    return named(made, {neutral(x, y): y for x, y in found.names})


def _places(path: Path) -> list[Place]:
    found: list[Place] = [()]
    for slot, at in path:
        found = [(*place, (slot, number)) for place in found for number in ((at,) if isinstance(at, int) else at)]
    return found


@dataclass
class Script:
    """Single changes by the place where they are made."""

    facts: dict[Place, dict[str, Fact]] = field(default_factory=dict[Place, dict[str, Fact]])
    gone: set[Place] = field(default_factory=set[Place])
    other: dict[Place, Item] = field(default_factory=dict[Place, Item])
    new: dict[tuple[Place, str], dict[int, Item]] = field(default_factory=dict[tuple[Place, str], dict[int, Item]])

    def take(self, change: Change) -> None:
        """Note one change; operators are no part of an outline."""
        if change.kind == "operators":
            return
        if change.key and change.a is not None:
            for place in _places(change.a):
                self.facts.setdefault(place, {})[change.key] = change.new
        elif change.kind == "removed" and change.a is not None:
            self.gone.update(_places(change.a))
        elif change.kind == "added" and change.b is not None and isinstance(change.new, Item):
            for place in _places(change.b):
                slot, at = place[-1]
                self.new.setdefault((place[:-1], slot), {})[at] = change.new
        elif change.a is not None and isinstance(change.new, Item):
            for place in _places(change.a):
                self.other[place] = change.new

    def build(self, item: Item, a: Place, b: Place) -> Item:
        """The item at place `a` as it stands at place `b`."""
        if a in self.other:
            return self.other[a]
        slots: dict[str, tuple[Item, ...]] = {}
        for slot in {**item.slots, **{slot: () for place, slot in self.new if place == b}}:
            kept = [(i, c) for i, c in enumerate(item.slots.get(slot, ())) if (*a, (slot, i)) not in self.gone]
            new = self.new.get((b, slot), {})
            made: list[Item] = []
            while kept or len(made) in new:
                at = len(made)
                if at in new:
                    made.append(new[at])
                else:
                    i, child = kept.pop(0)
                    made.append(self.build(child, (*a, (slot, i)), (*b, (slot, at))))
            slots[slot] = tuple(made)
        return Item(item.kind, _changed(item.facts, self.facts.get(a, {})), slots, item.region)


def _changed(facts: Mapping[str, Fact], by: Mapping[str, Fact]) -> dict[str, Fact]:
    return {key: value for key, value in {**facts, **by}.items() if value is not None}
