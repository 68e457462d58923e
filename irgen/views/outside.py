"""What stands outside the stacks, drawn as the graph has it: feet whose streams join late, heads that branch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from irgen.ir.architecture import Architecture, Part, Stack
from irgen.views.heads import alike, head_caption, merged, own, together
from irgen.views.layers import Drawn, box, joint, part_box
from irgen.views.layout.tree import Chain, Leaf, Par, Piece
from irgen.views.numbers import times
from irgen.views.series import arrange
from irgen.views.sources import SECOND, index_of
from irgen.views.wiring import Wiring, outer_parts, part_name

JOINED = {"concat": "Concat", "matmul": "Dot product", "scatter": "Token scatter"}
"""Titles of joins that are boxes."""

SIGNS = {"add": ("+", "Sum"), "mul": ("×", "Elementwise product")}
"""Joins that are circles."""

MOST = 24
"""Things that a foot or head may have to be drawn one by one."""

Show = Callable[[int], Piece]
"""The pill and box of an embedding or of an input, by its number."""

Group = Callable[[list[int], str], Piece]
"""One box for several embeddings, given their numbers and the sum of them."""


@dataclass(frozen=True, slots=True)
class Fusion:
    """Streams of several stacks that meet behind their last layers."""

    end: str
    """The output that they lead to."""
    stacks: set[str]
    names: list[str]
    """What all of them feed, in flow order; the first brings them together."""


@dataclass(slots=True)
class Outside:
    """The dataflow around the stacks, ready to be drawn."""

    found: Architecture
    wires: Wiring
    drawn: Drawn
    parts: dict[str, Part] = field(default_factory=dict[str, Part])
    entries: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    """For each thing drawn, the stacks of other towers that it reads."""
    leaves: dict[str, Leaf] = field(default_factory=dict[str, Leaf])
    given: dict[str, str] = field(default_factory=dict[str, str])
    """Parts that stand behind another stack and are drawn there, by that stack, while a foot is drawn."""
    grouped: dict[str, Piece] = field(default_factory=dict[str, Piece])
    """Sums of embeddings that are shown together."""
    brief: dict[str, str] = field(default_factory=dict[str, str])
    """Sums that are said in a box, by the kind of embedding that they add."""

    def __post_init__(self) -> None:
        if self.parts:
            return
        self.wires = Wiring(dict(self.wires.reads), dict(self.wires.joins))
        self.parts = {part_name(p): p for p in outer_parts(self.found) if p.region}
        for name in [n for n in self.wires.reads if n in self.parts]:
            self._told_together(name)
        for name in [n for n, kind in self.wires.joins.items() if kind == "concat"]:
            self._added_behind(name)

    def _told_together(self, name: str) -> None:
        """An activation or batch norm is said in the box before it; runs of convolutions are one box."""
        sources = self.wires.sources(name)
        before = sources[0] if len(sources) == 1 and sources[0] in self.parts else ""
        if not before or self._readers(before) != [name]:
            return
        one, other = self.parts[before], self.parts[name]
        convolutions = one.kind == other.kind == "convolution"
        if convolutions and alike(one, other):
            self.parts[before] = together(one, other)
        elif len(told := merged([one, other])) == 1 and not convolutions:
            self.parts[before] = told[0]
        else:
            return
        self._replaced(name, before)

    def _replaced(self, name: str, by: str) -> None:
        """What read one thing reads another instead."""
        del self.wires.reads[name]
        for reader, sources in self.wires.reads.items():
            self.wires.reads[reader] = [by if s == name else s for s in sources]

    def _added_behind(self, name: str) -> None:
        """What is added to every stream of a concatenation is added once behind it."""
        wires = self.wires
        sources = wires.sources(name)
        if len(sources) < 2 or not all(wires.joins.get(s) == "add" and self._readers(s) == [name] for s in sources):
            return
        common = [s for s in wires.sources(sources[0]) if all(s in wires.sources(other) for other in sources)]
        left = [[s for s in wires.sources(one) if s not in common] for one in sources]
        if not common or any(len(one) != 1 for one in left):
            return
        behind = f"{name}.sum"
        for reader, read in wires.reads.items():
            wires.reads[reader] = [behind if s == name else s for s in read]
        for one in sources:
            del wires.reads[one], wires.joins[one]
        wires.reads[name] = [one[0] for one in left]
        wires.reads[behind] = [name, *common]
        wires.joins[behind] = "add"

    def reads(self, name: str) -> list[str]:
        """What a thing reads; sums of sums are one sum, a table added to all that are put side by side comes after."""
        found: list[str] = []
        for source in (self.given.get(s, s) for s in self.wires.sources(name)):
            kind = self.wires.joins.get(source)
            if kind == "add" and self.wires.joins.get(name) == "add" and len(self._readers(source)) == 1:
                found += [s for s in self.reads(source) if s not in found]
            elif source not in found:
                found.append(source)
        return found

    def _readers(self, name: str) -> list[str]:
        return [n for n, sources in self.wires.reads.items() if name in sources]

    # ---- feet ------------------------------------------------------------------------------------------------------

    def foot(
        self, stack: Stack, embedding: Show, direct: Show, prefix: str, *, brief: int = 0, group: Group | None = None
    ) -> Piece | None:
        """What a stack reads, where its streams do not all join before its first part; None where they do.

        `brief` is the number of branches it may have: that positions are added is then said in one box, and so are
        three or more embeddings that `group` shows together.
        """
        others = [other for other in self.found.stacks if other is not stack]
        self.given = {part_name(p): f"stack:{other.name}" for other in others for p in other.after if p.region}
        start = f"stack:{stack.name}"
        wanted = [s for s in self.reads(start) if self._wanted(s, stack)]
        if len(wanted) != 1:
            return None
        names = self._behind(wanted[0], stack)
        if not 1 < len(names) <= MOST or not self._late(names) or not self._complete(names, stack):
            return None
        self.brief, self.grouped = {}, {}
        if brief and group:
            for name in [n for n in names if self.wires.joins.get(n) == "add"]:
                sources = self.reads(name)
                if len(sources) > 2 and all(s.startswith("embedding:") for s in sources):
                    self.grouped[name] = group([int(s.partition(":")[2]) for s in sources], name)
                    names = [n for n in names if n not in sources]
        if brief:
            small = {n for n in names if n.startswith("embedding:") and self._kind(n) in SECOND}
            for name in names:
                added = [r for r in self.reads(name) if r in small]
                if self.wires.joins.get(name) == "add" and added and len(added) < len(self.reads(name)):
                    self.brief[name] = self._kind(added[0])
                    small -= set(added)
                    names = [n for n in names if n not in added]
            if sum(n.startswith(("embedding:", "input:")) for n in names) + len(self.grouped) > brief:
                return None
        piece = arrange(names, {n: self.reads(n) for n in names}, self._leaf(prefix, embedding, direct, stack.name))
        return aligned(piece) if piece else None

    def _kind(self, name: str) -> str:
        return self.found.embeddings[int(name.partition(":")[2])].kind

    def _wanted(self, source: str, stack: Stack) -> bool:
        kind, _, rest = source.partition(":")
        if kind == "stack":
            return rest in stack.reads
        if kind not in ("part", "join"):
            return source in stack.reads
        roots = {r.removeprefix("stack:") for r in self.wires.roots(source) if r.startswith("stack:")}
        codes = any(n.startswith("embedding:") for n in self.wires.behind(source))
        return codes or roots <= set(stack.reads)

    def _behind(self, name: str, stack: Stack) -> list[str]:
        """The things behind a name in flow order; embeddings bring their inputs, other stacks are left out."""
        found: list[str] = []

        def visit(at: str) -> None:
            if at in found or at.startswith("stack:"):
                return
            if not at.startswith(("embedding:", "input:")):
                for source in self.reads(at):
                    visit(source)
            found.append(at)

        visit(name)
        return [n for n in found if not n.startswith("input:") or n in stack.reads]

    def _late(self, names: Sequence[str]) -> bool:
        """Whether something joins a stream behind a part of it, or streams join otherwise than by one sum."""
        joins = [n for n in names if n.startswith("join:")]
        parted = any(self._holds_part(source) for n in joins for source in self.reads(n))
        nested = any(s in joins for n in joins for s in self.reads(n))
        return parted or nested or any(self.wires.joins[n] != "add" for n in joins)

    def _holds_part(self, name: str) -> bool:
        bare = name.startswith(("embedding:", "input:", "stack:"))
        return not bare and any(n.startswith("part:") for n in self.wires.behind(name))

    def _complete(self, names: Sequence[str], stack: Stack) -> bool:
        """Whether nothing that the stack is known to read is missing, or is read twice."""
        known = {r for r in stack.reads if index_of(r, "embedding") is not None}
        twice = [n for n in names if sum(n in self.reads(m) for m in names) > 1]
        held = {name for p in stack.before if p.region and (name := part_name(p)) in self.wires.reads}
        return known <= set(names) and not twice and held <= set(names)

    # ---- heads -----------------------------------------------------------------------------------------------------

    def crown(self, stack: Stack, ends: Sequence[str], prefix: str, direct: Show | None = None) -> Piece | None:
        """What follows a stack up to `ends`, if it branches; None where it is a plain chain or cannot be drawn.

        The box of the stack itself, whose id ends in its name, stands for the tower below.
        """
        self.given = {}
        start = f"stack:{stack.name}"
        names = self.following(stack.name, ends)
        inputs = [r for n in names for r in self.reads(n) if r.startswith("input:")]
        names = [*dict.fromkeys(inputs), *names]
        if not 1 < len(names) <= MOST or (inputs and direct is None) or len(set(inputs)) < len(inputs):
            return None
        reads = {n: self.reads(n) for n in names}
        chain = all(reads[b] == [a] for a, b in zip([start, *names], names, strict=False))
        if chain:
            return None
        made = arrange([start, *names], {**reads, start: []}, self._leaf(prefix, None, direct, "head"))
        if not isinstance(made, Chain):
            return None
        first = made.items[0]
        if isinstance(first, Par):
            first.align = "end"
        return made if isinstance(first, Leaf) or (isinstance(first, Par) and not made.lanes) else None

    def main_output(self) -> str | None:
        """The output that the head gives: the first of numbers that a stack leads to."""
        for at, port in enumerate(self.found.outputs):
            name = f"output:{at}"
            if "float" in port.dtype and any(r.startswith("stack:") for r in self.wires.roots(name)):
                return name
        return None

    def only_output(self, stack: str) -> int | None:
        """The first output that this stack alone leads to."""
        for at in range(len(self.found.outputs)):
            if {r for r in self.wires.roots(f"output:{at}") if r.startswith("stack:")} == {f"stack:{stack}"}:
                return at
        return None

    def parts_after(self, stack: str, end: str) -> list[Part]:
        """The parts between a stack and `end` that no other stack feeds, in flow order."""
        self.given = {}
        return merged([self.parts[n] for n in self.following(stack, [end]) if n in self.parts])

    def fusion(self) -> Fusion | None:
        """Where the streams of several stacks meet ahead of the output, if one join brings them together."""
        self.given = {}
        end = self.main_output()
        if end is None:
            return None
        stacks = {r.removeprefix("stack:") for r in self.wires.roots(end) if r.startswith("stack:")}
        order = list(self.wires.reads)
        shared = [
            n for n in self.wires.behind(end)
            if n != end and len([r for r in self.wires.roots(n) if r.startswith("stack:")]) > 1
        ]  # fmt: skip
        shared.sort(key=order.index)
        inside = {s for n in shared for s in self.wires.sources(n) if s in self.wires.joins and s not in self.reads(n)}
        shared = [n for n in shared if n not in inside]
        if len(stacks) < 2 or not shared or len(shared) > MOST:
            return None
        fed = [n for n in shared if not set(self.reads(n)) <= set(shared)]
        if fed != shared[:1] or shared[0] not in self.wires.joins:
            return None
        return Fusion(end, stacks, shared)

    def following(self, stack: str, ends: Sequence[str]) -> list[str]:
        """The parts and joins between a stack and `ends` that no other stack feeds, in flow order."""
        start = f"stack:{stack}"
        order = list(self.wires.reads)
        found = {n for end in ends for n in self.wires.behind(end)}
        kept = [n for n in found if n.startswith(("part:", "join:")) and self._stacks(n) == {start}]
        merged = {s for n in kept for s in self.wires.sources(n) if s in self.wires.joins and s not in self.reads(n)}
        return sorted((n for n in kept if n not in merged), key=order.index)

    def _stacks(self, name: str) -> set[str]:
        return {root for root in self.wires.roots(name) if root.startswith("stack:")}

    def _leaf(self, prefix: str, embedding: Show | None, direct: Show | None, stack: str) -> Callable[[str], Piece]:
        def made(name: str) -> Piece:
            if name in self.grouped:
                return self.grouped[name]
            kind, _, rest = name.partition(":")
            if kind == "embedding" and embedding:
                return embedding(int(rest))
            if kind == "input" and direct:
                return direct(int(rest))
            leaf = self.box(name, f"{prefix}.{rest}", stack)
            self.leaves[name] = leaf
            return leaf

        return made

    def box(self, name: str, number: str, stack: str) -> Leaf:
        """The box or circle of a part or join."""
        words = self.drawn.words
        head = self.found.head
        at = own(head)
        if at is not None and name == part_name(head.parts[at]) and (said := head_caption(head, None, words)):
            return box("h", said)
        if name in self.brief:
            said = words(SECOND[self.brief[name]])
            return Leaf(number, "embed", f"+ {said}\n+ {words('positions')}")
        if name in self.parts:
            return part_box(number, self.parts[name], None, self.drawn, stack)
        kind = self.wires.joins.get(name, "")
        if kind in SIGNS:
            sign, tip = SIGNS[kind]
            return joint(number, words, sign, tip)
        count = len(self.wires.sources(name))
        title = words(JOINED.get(kind, "Join"))
        return Leaf(number, "norm", title, tooltip=f"{title} · {times(count)}" if count > 2 else title)


def aligned(piece: Piece) -> Piece:
    """Branches that begin at inputs and join late stand beside what they join."""
    if isinstance(piece, Chain):
        for item in piece.items:
            aligned(item)
    elif isinstance(piece, Par):
        piece.align = "end"
        for item in piece.items:
            aligned(item)
    return piece
