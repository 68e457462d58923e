"""Below the architecture: the canonical operators of parts that belong together, counted or aligned one by one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from functools import cached_property

from irgen.diff.changes import Change, Path
from irgen.diff.outline import Item
from irgen.ir.architecture import Region
from irgen.ir.graph import Graph, Node
from irgen.match.order import depth_first

_SOURCES = frozenset({"param", "const", "input", "output"})

ALIGNED = 2000
"""Operators of one part beyond which they are counted, not aligned."""

OUTSIDE = "outside the stacks"
"""Where an operator stands that is in no stack and in no part that has its like on the other side."""


@dataclass(frozen=True)
class Met:
    """Two items that belong together, and where they stand."""

    a: Item
    b: Item
    where: str
    at_a: Path
    at_b: Path

    def mirrored(self) -> Met:
        """The same from the other side."""
        return Met(self.b, self.a, self.where, self.at_b, self.at_a)


@dataclass
class Labelled:
    """A canonical graph with its regions."""

    graph: Graph
    regions: Sequence[Region]
    nodes: dict[str, tuple[str, ...]] = field(init=False)

    def __post_init__(self) -> None:
        self.nodes = {region.id: region.nodes for region in _every(self.regions)}

    @cached_property
    def place(self) -> Mapping[str, int]:
        """The place of each node in an order that depends on structure alone."""
        return {name: i for i, name in enumerate(depth_first(self.graph))}

    def operators(self, region: str | None, sizes: bool) -> list[str]:
        """The operators of a region as words, in structural order."""
        names = [name for name in self.nodes.get(region or "", ()) if name in self.place]
        found = (self.graph[name] for name in sorted(names, key=self.place.__getitem__))
        return [_word(node, sizes) for node in found if node.op not in _SOURCES]

    def outside(self, paired: Set[str], sizes: bool) -> list[str]:
        """The operators outside all stacks and outside the parts that are paired, as words, in structural order."""
        held = {name for region in self.regions if region.children or region.id in paired for name in region.nodes}
        for region in self.regions:
            held |= {name for inner in _every(region.children) for name in inner.nodes}
        names = (name for name in sorted(self.place, key=self.place.__getitem__) if name not in held)
        return [_word(node, sizes) for node in map(self.graph.__getitem__, names) if node.op not in _SOURCES]


def _every(regions: Sequence[Region]) -> Iterator[Region]:
    for region in regions:
        yield region
        yield from _every(region.children)


def _word(node: Node, sizes: bool) -> str:
    """An operator as a word: with the shape it gives where sizes count."""
    if not sizes or isinstance(node.type, tuple):
        return node.op
    named = node.type.symbols or (None,) * len(node.shape)
    return f"{node.op} [{', '.join('*' if symbol else str(n) for n, symbol in zip(node.shape, named, strict=True))}]"


def compare_operators(met: Sequence[Met], a: Labelled, b: Labelled, depth: str) -> list[Change]:
    """What changed inside parts that belong together: at `block` depth operators counted, at `operators` aligned."""
    found: dict[tuple[str, str], Change] = {}
    for pair in met:
        ours = a.operators(pair.a.region, depth == "operators")
        theirs = b.operators(pair.b.region, depth == "operators")
        for change in _changes(pair, ours, theirs, depth):
            found.setdefault((change.where, repr((change.old, change.new))), change)
    sizes = depth == "operators"
    ours = a.outside({pair.a.region or "" for pair in met}, sizes)
    theirs = b.outside({pair.b.region or "" for pair in met}, sizes)
    if ours and theirs and ours != theirs:
        for old, new in _differences(ours, theirs, depth):
            change = Change("operators", OUTSIDE, (), (), "operators", old or None, new or None)
            found.setdefault((OUTSIDE, repr((old, new))), change)
    return list(found.values())


def _changes(pair: Met, ours: list[str], theirs: list[str], depth: str) -> Iterator[Change]:
    if ours == theirs or not ours or not theirs:
        return
    for old, new in _differences(ours, theirs, depth):
        yield Change("operators", pair.where, pair.at_a, pair.at_b, "operators", old or None, new or None,
                     regions=(pair.a.region, pair.b.region))  # fmt: skip


def _differences(ours: list[str], theirs: list[str], depth: str) -> Iterator[tuple[object, object]]:
    aligned = depth == "operators" and max(len(ours), len(theirs)) <= ALIGNED
    return _aligned(ours, theirs) if aligned else _counted(ours, theirs)


def _counted(ours: list[str], theirs: list[str]) -> Iterator[tuple[object, object]]:
    """The operators of which one side has more."""
    a, b = Counter(ours), Counter(theirs)
    if a != b:
        names = sorted(op for op in a | b if a[op] != b[op])
        yield {op: a[op] for op in names if a[op]}, {op: b[op] for op in names if b[op]}


def _aligned(ours: list[str], theirs: list[str]) -> Iterator[tuple[object, object]]:
    """The runs of operators that differ, the same from both sides."""
    turned = ours > theirs
    x, y = (theirs, ours) if turned else (ours, theirs)
    for tag, i0, i1, j0, j1 in SequenceMatcher(None, x, y, autojunk=False).get_opcodes():
        if tag != "equal":
            old, new = x[i0:i1], y[j0:j1]
            yield (new, old) if turned else (old, new)
