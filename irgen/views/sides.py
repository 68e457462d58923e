"""One side of the figure of a diff: its towers, and which part of the architecture each box and frame stands for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from irgen.diff.changes import Change, Path
from irgen.diff.outline import Item, outline
from irgen.ir.architecture import Architecture, Block, Part, Stack
from irgen.views.captions import box_of_unknown
from irgen.views.heads import crown
from irgen.views.layers import Drawn
from irgen.views.layout.rows import frames
from irgen.views.layout.tree import Chain, Frame, Piece
from irgen.views.repeats import plan
from irgen.views.sources import FootView
from irgen.views.tower_view import TowerView
from irgen.views.towers import Tower, name, split
from irgen.views.words import Words


@dataclass
class Side:
    """One of the two models, drawn; `origins` leads from boxes and frames to what they show."""

    found: Architecture
    towers: list[Tower]
    drawn: Drawn
    origins: dict[int, object] = field(default_factory=dict[int, object])

    def origin(self, piece: Piece) -> object:
        """The part, block, stack, embedding or head that a box or frame shows."""
        return self.origins.get(id(piece))


def side(found: Architecture, words: Words) -> Side:
    """Build the towers of one model, each on its own, and note what their boxes show."""
    towers = split(found)
    name(found, towers, words)
    made = Side(found, towers, Drawn(words, 2 if len(towers) < 3 else 1))
    names = {found.stacks[n].name: tower.label for tower in towers for n in tower.stacks}
    last = next((t for t in towers for n in t.stacks if found.stacks[n].name == found.head.reads), None)
    if not towers:
        towers.append(_bare(found, made.drawn))
        _note(made, towers[0])
        return made
    for tower in towers:
        own = {found.stacks[n].name for n in tower.stacks}
        others = {stack: label for stack, label in names.items() if stack not in own}
        crowned = tower is (last or towers[-1])
        TowerView(found, tower, made.drawn, others, set(), len(towers) == 1, False, crowned, 2).build()
        _note(made, tower)
    return made


def _bare(found: Architecture, drawn: Drawn) -> Tower:
    """The one column of a model without a stack: embeddings or inputs, what was not recognised, the head."""
    reads = [f"embedding:{at}" for at in range(len(found.embeddings))]
    whole = Stack("model", "tower", 0, [], reads or [f"input:{at}" for at in range(len(found.inputs))])
    foot = FootView(found, whole, "t0", drawn.words, roomy=2).build()
    rest: list[Piece] = [box_of_unknown(found.unknown, drawn.words)] if found.unknown else []
    chain = Chain([*foot.pieces, *rest, *crown(found, None, drawn)])
    return Tower(0, [], chain=chain, opened=drawn.opened)


def _note(made: Side, tower: Tower) -> None:
    for opened in tower.opened:
        made.origins[id(opened.leaf)] = _part(made.found, opened.part, opened.stack)
    for leaf in tower.chain.leaves():
        if id(leaf) not in made.origins:
            made.origins[id(leaf)] = _by_id(made.found, leaf.id)
    for frame in frames(tower.chain):
        made.origins[id(frame)] = _stack(made.found, frame.id)


def _part(found: Architecture, part: Part, stack: str) -> object:
    """The part itself: what is drawn may be a copy that says more."""
    known = list(_parts(found, stack))
    by_region = [p for p in known if part.region is not None and p.region == part.region]
    alike = [p for p in known if p.kind == part.kind and p.facts.items() <= part.facts.items()]
    return next((p for p in known if p is part), None) or next(iter([*by_region, *alike]), part)


def _parts(found: Architecture, name: str) -> Iterable[Part]:
    for stack in found.stacks:
        if stack.name == name:
            yield from (*stack.before, *stack.after)
            for block in stack.blocks:
                yield from block.sublayers
    if name == "head":
        yield from found.head.parts


def _by_id(found: Architecture, name: str) -> object:
    """Embeddings, norms of layers and the head are drawn without a part: their ids say what they are."""
    if embedding := re.search(r"\.e(\d+)$", name):
        return found.embeddings[int(embedding[1])]
    if norm := re.fullmatch(r"s(\d+)\.(\d+)\.n\d+", name):
        stack = found.stacks[int(norm[1])]
        folded = plan(stack)
        runs = folded.pattern if folded.times else folded.rest
        return stack.blocks[runs[int(norm[2])].block] if int(norm[2]) < len(runs) else None
    return found.head if name == "h" else None


def _stack(found: Architecture, name: str) -> Stack | None:
    place = re.match(r"s(\d+)", name)
    return found.stacks[int(place[1])] if place else None


@dataclass
class Changed:
    """The changes by what they happen to on one side, and all that is touched by one, be it as a part of another."""

    told: dict[int, list[Change]] = field(default_factory=dict[int, "list[Change]"])
    touched: dict[int, list[Change]] = field(default_factory=dict[int, "list[Change]"])

    def of(self, origin: object) -> list[Change]:
        """The changes that happen to something."""
        return [] if origin is None else self.told.get(id(origin), [])

    def at(self, origin: object) -> list[Change]:
        """The single steps that happen to something."""
        return [] if origin is None else self.touched.get(id(origin), [])


def changed(found: Architecture, changes: Iterable[Change], ours: bool) -> Changed:
    """The changes of one side."""
    tree = outline(found)
    by = Changed()
    for change in changes:
        _note_change(by.told, tree, change, ours)
        for step in change.steps():
            _note_change(by.touched, tree, step, ours)
    return by


def _note_change(by: dict[int, list[Change]], tree: Item, change: Change, ours: bool) -> None:
    path = change.a if ours else change.b
    for item in () if path is None else _at(tree, path):
        whole = change.kind in ("added", "removed", "replaced") and not change.key
        if isinstance(item.origin, Block) and whole and path and len(item.origin.at) > len(places(path)):
            continue
        origins = list(_within(item)) if whole else [item.origin, _said_with(tree, path or (), item)]
        for origin in origins:
            if origin is None:
                continue
            known = by.setdefault(id(origin), [])
            if change not in known:
                known.append(change)


def _said_with(tree: Item, path: Path, item: Item) -> object:
    """The contraction whose box also says the activation or norm right behind it."""
    if not path or item.kind not in ("activation", "norm") or path[-1][0] not in ("part", "before", "after"):
        return None
    before = [at - 1 for at in places(path) if at]
    near = _at(tree, (*path[:-1], (path[-1][0], before[0]))) if before else []
    return near[0].origin if near and near[0].kind in ("linear", "convolution") else None


def places(path: Path) -> tuple[int, ...]:
    """The places that the last step of a path names."""
    at = path[-1][1]
    return (at,) if isinstance(at, int) else at


def _at(tree: Item, path: Path) -> list[Item]:
    """What stands at a path, each thing once."""
    items: list[Item] = [tree]
    for slot, at in path:
        places = (at,) if isinstance(at, int) else at
        items = [item.slots[slot][place] for item in items for place in places]
        items = list({id(item): item for item in items}.values())
    return items


def _within(item: Item) -> Iterable[object]:
    """The origins of an item and of all that it holds."""
    yield item.origin
    for held in item.slots.values():
        for child in {id(child): child for child in held}.values():
            yield from _within(child)


def outermost(pieces: Iterable[Frame], origin: object, made: Side) -> Frame | None:
    """The frame of a stack that carries its count."""
    return next((frame for frame in pieces if made.origin(frame) is origin and frame.badge), None)
