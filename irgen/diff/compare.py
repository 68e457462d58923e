"""Two outlines compared: what is paired is compared fact by fact, what is not was added or removed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import cast

from irgen.diff.align import GROUPS, Likeness
from irgen.diff.changes import TOTALS, Change, Diff, Path, neutral
from irgen.diff.consequences import gathered
from irgen.diff.layers import Sequences, compare_layers
from irgen.diff.operators import Labelled, Met, compare_operators
from irgen.diff.order import importance
from irgen.diff.outline import REFERENCES, Item, counted, named, outline
from irgen.ir.architecture import Architecture


def diff(a: Architecture, b: Architecture) -> Diff:
    """The changes that lead from one architecture to another; empty where they are the same but for names."""
    return between(outline(a), outline(b))


def deep_diff(a: Architecture, b: Architecture, insides: tuple[Labelled, Labelled], depth: str) -> Diff:
    """The changes of the architecture, and of the operators inside the parts that belong together."""
    met: list[Met] = []
    found = between(outline(a), outline(b), met)
    inside = compare_operators(met, *insides, depth)
    return Diff((*found.changes, *inside), found.names)


def between(a: Item, b: Item, met: list[Met] | None = None) -> Diff:
    """The changes that lead from one outline to another; the mirror image of those that lead back.

    `met` is given the parts that belong together.
    """
    if a.key > b.key:
        back: list[Met] = []
        found = between(b, a, back).mirrored()
        if met is not None:
            met += [pair.mirrored() for pair in back]
        return found
    likeness = Likeness()
    paired = likeness.align(a.slots["stack"], b.slots["stack"], likeness.stacks)
    names = tuple(
        (a.slots["stack"][i].kind, b.slots["stack"][j].kind) for i, j in paired if i is not None and j is not None
    )
    ours = named(a, {x: neutral(x, y) for x, y in names})
    theirs = named(b, {y: neutral(x, y) for x, y in names})
    comparison = Comparison(met=met if met is not None else [])
    found = comparison.model(ours, theirs, [(i, j) for i, j in paired])
    return Diff(tuple(sorted(found, key=importance)), names)


@dataclass
class Comparison:
    """One comparison; verdicts on the same two items are reached once."""

    likeness: Likeness = field(default_factory=Likeness)
    met: list[Met] = field(default_factory=list[Met])
    """The parts that belong together."""

    def model(self, a: Item, b: Item, stacks: list[tuple[int | None, int | None]]) -> list[Change]:
        """Everything."""
        found = list(facts(a, b, "model", (), ()))
        for slot in ("input", "embedding", "link", "output"):
            found += self.row(a, b, slot, (), (), "link: " if slot == "link" else "")
        for i, j in stacks:
            found += self._stack(a, b, i, j)
        x, y = a.slots["head"][0], b.slots["head"][0]
        here: Path = (("head", 0),)
        if x.kind != y.kind:
            found.append(Change("replaced", "head", here, here, "", x, y, regions=(x.region, y.region)))
        else:
            found += facts(x, y, "head", here, here)
            found += self.row(x, y, "part", here, here, "head.")
        return gathered(found, {s.kind for s in a.slots["stack"]} ^ {s.kind for s in b.slots["stack"]})

    def _stack(self, a: Item, b: Item, i: int | None, j: int | None) -> list[Change]:
        path_a: Path | None = None if i is None else (("stack", i),)
        path_b: Path | None = None if j is None else (("stack", j),)
        if i is None or path_a is None:
            new = b.slots["stack"][cast("int", j)]
            return [Change("added", new.kind, None, path_b, "", None, new, regions=(None, new.region))]
        if j is None or path_b is None:
            old = a.slots["stack"][i]
            return [Change("removed", old.kind, path_a, None, "", old, None, regions=(old.region, None))]
        x, y = a.slots["stack"][i], b.slots["stack"][j]
        name = x.kind
        found = list(facts(x, y, name, path_a, path_b))
        for slot in ("before", "after"):
            found += self.row(x, y, slot, path_a, path_b, f"{name}.{slot}.")
        return found + compare_layers(Sequences(x, y, name, path_a, path_b), self.likeness, self.layer)

    def layer(self, x: Item, y: Item, where: str, a: Path, b: Path) -> list[Change]:
        """Two layers: their form, then their sublayers."""
        return [*facts(x, y, where, a, b), *self.row(x, y, "sublayer", a, b, f"{where}.")]

    def row(self, x: Item, y: Item, slot: str, a: Path, b: Path, prefix: str) -> list[Change]:
        """What two items hold in a slot, one after the other."""
        ours, theirs = x.slots.get(slot, ()), y.slots.get(slot, ())
        if ours == theirs:
            for number, (same, twin) in enumerate(zip(ours, theirs, strict=True)):
                here = (*a, (slot, number)), (*b, (slot, number))
                self.met.append(Met(same, twin, prefix + counted(ours)[number], *here))
            return []
        old_names, new_names = counted(ours), counted(theirs)
        found: list[Change] = []
        for i, j in self.likeness.align(ours, theirs):
            at_a = None if i is None else (*a, (slot, i))
            at_b = None if j is None else (*b, (slot, j))
            if i is None or at_a is None:
                new = theirs[cast("int", j)]
                found.append(Change("added", prefix + new_names[cast("int", j)], None, at_b, "", None, new,
                                    regions=(None, new.region)))  # fmt: skip
            elif j is None or at_b is None:
                found.append(Change("removed", prefix + old_names[i], at_a, None, "", ours[i], None,
                                    regions=(ours[i].region, None)))  # fmt: skip
            elif ours[i].kind != theirs[j].kind:
                self.met.append(Met(ours[i], theirs[j], prefix + _job(ours[i]), at_a, at_b))
                where = prefix + (old_names[i] if old_names[i] == new_names[j] else _job(ours[i]))
                found.append(Change("replaced", where, at_a, at_b, "", ours[i], theirs[j],
                                    regions=(ours[i].region, theirs[j].region)))  # fmt: skip
            else:
                self.met.append(Met(ours[i], theirs[j], prefix + new_names[j], at_a, at_b))
                found += facts(ours[i], theirs[j], prefix + new_names[j], at_a, at_b)
        return reordered(found)


def _job(item: Item) -> str:
    return GROUPS.get(item.kind, item.kind)


def facts(x: Item, y: Item, where: str, a: Path, b: Path) -> Iterable[Change]:
    """The facts of two items of one kind that differ."""
    for key in [*x.facts, *(key for key in y.facts if key not in x.facts)]:
        old, new = x.facts.get(key), y.facts.get(key)
        if old != new:
            kind = _kind(key, where)
            yield Change(kind, where, a, b, key, old, new, regions=(x.region, y.region))


def _kind(key: str, where: str) -> str:
    if where == "model" and key in TOTALS:
        return "total"
    if key in REFERENCES:
        return "rewired"
    return {"residual": "moved", "form": "moved", "norm": "replaced"}.get(key, "fact")


def reordered(found: list[Change]) -> list[Change]:
    """What was taken out in one place and put back unchanged in another has changed its place."""
    kept = list(found)
    for gone in [change for change in found if change.kind == "removed"]:
        back = next((c for c in kept if c.kind == "added" and c.new == gone.old), None)
        if back is not None:
            kept.remove(back)
            kept.remove(gone)
            parts = (gone, back)
            kept.append(
                Change("reordered", gone.where, gone.a, back.b, "", gone.a[-1][1] if gone.a else None,
                       back.b[-1][1] if back.b else None, parts=parts, regions=(gone.regions[0], back.regions[1]))
            )  # fmt: skip
    return kept
