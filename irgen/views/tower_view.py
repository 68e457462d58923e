"""One tower built: its foot, its stacks, and what follows them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from irgen.ir.architecture import Architecture, Part, Stack
from irgen.scene import literal
from irgen.views.heads import beside, crown, gathered, merged, output_pill, own, told_as_one
from irgen.views.layers import Drawn, joint, part_box
from irgen.views.layout.tree import Chain, Frame, Lane, Leaf, Par, Piece
from irgen.views.numbers import shape, times
from irgen.views.outside import Fusion, Outside
from irgen.views.sources import FootView, index_of, letters, pill, quantised
from irgen.views.stacks import StackView, folded
from irgen.views.towers import Tower, Want, memory_of, readers

FUSIONS = {"fusion-concat": "Concat", "interleave": "Token scatter"}


def _reads_tokens(found: Architecture, role: str) -> bool:
    """Whether a stack of this role has token ids of its own."""
    numbers = [
        i for s in found.stacks if s.role == role for r in s.reads if (i := index_of(r, "embedding")) is not None
    ]
    return any(found.embeddings[i].kind == "token" for i in numbers if i < len(found.embeddings))


@dataclass(slots=True)
class TowerView:
    """Builds the chain of one tower.

    `labels` names the towers of other stacks, `near` the stacks among them whose arrows are drawn: what the others
    give is said in words.
    """

    found: Architecture
    tower: Tower
    drawn: Drawn
    labels: dict[str, str]
    near: set[str]
    alone: bool
    paired: bool
    crowned: bool
    roomy: int = 3
    outside: Outside | None = None
    fusion: Fusion | None = None
    pieces: list[Piece] = field(default_factory=list[Piece])
    lanes: list[Lane] = field(default_factory=list[Lane])
    bare: int = 0
    """Pieces up to the last layer of many stages."""
    footed: bool = False
    """The foot holds the parts before the first stack."""

    def build(self) -> None:
        """Foot, stacks, crown."""
        start = len(self.drawn.opened)
        first = self.found.stacks[self.tower.stacks[0]]
        labels = self._foot(first)
        for number in self.tower.stacks:
            self._stack(number, self.found.stacks[number])
        self._crown(self.found.stacks[self.tower.stacks[-1]])
        labels = {at: text for at, text in labels.items() if 0 < at < len(self.pieces)}
        self.tower.chain = Chain(self.pieces, self.lanes, labels)
        shown = {id(leaf) for leaf in self.tower.chain.leaves()}
        self.drawn.opened[start:] = [one for one in self.drawn.opened[start:] if id(one.leaf) in shown]
        self.tower.opened = self.drawn.opened[start:]
        self._memories()
        if self.tower.entry:
            self._want([read for read in first.reads if read in self.near], self.tower.entry)

    def _want(self, stacks: Iterable[str], leaf: Leaf, kind: str = "flow", label: str = "") -> None:
        for stack in dict.fromkeys(stacks):
            self.tower.wants.append(Want(stack, leaf, kind, label))

    # ---- foot ------------------------------------------------------------------------------------------------------

    def _foot(self, first: Stack) -> dict[int, str]:
        words = self.drawn.words
        shared = Counter(r for stack in self.found.stacks for r in set(stack.reads))
        both = frozenset(i for r, n in shared.items() if n > 1 and (i := index_of(r, "embedding")) is not None)
        both_read = _reads_tokens(self.found, "encoder") and _reads_tokens(self.found, "decoder")
        target = {"decoder": "Target tokens", "encoder": "Input tokens"}.get(first.role, "") if both_read else ""
        fused = (
            first.before[0].kind if first.before and first.before[0].kind in ("concat", "scatter", "interleave") else ""
        )
        prefix = f"t{self.tower.number}"
        quantiser = part_box(f"{prefix}.q", first.before[0], None, self.drawn, first.name) if quantised(first) else None
        view = FootView(self.found, first, prefix, words, target, both, self.roomy, bool(fused), quantiser)
        foreign = [read for read in first.reads if read in self.labels]
        if self._wired(first, view, foreign):
            return {}
        foot = view.build()
        self.pieces += foot.pieces
        self._codes(first, foot.pieces)
        if foreign and (not self.pieces or not fused):
            self._joining(first, foreign)
        if not self.pieces and not foreign:
            self._source(first)
        if foot.label:
            return {len(self.pieces): foot.label}
        worded = any("seq" in port.shape for port in self.found.inputs)
        if len(foot.pieces) > 1 and self.alone and worded:
            return {len(self.pieces): shape(("batch", "seq", first.width), letters(self.found))}
        return {}

    def _wired(self, first: Stack, view: FootView, foreign: list[str]) -> bool:
        """Draw the foot as the graph has it, where streams join one after the other; False where one sum says it."""
        if self.outside is None or view.quantiser or not set(foreign) <= self.near:
            return False
        outside = self.outside
        outside.leaves = {}
        prefix = f"t{self.tower.number}.w"

        def box(number: int) -> Piece:
            return view.branch(number, 3)

        def group(numbers: list[int], name: str) -> Piece:
            return Chain(view.gathered(numbers, [], name.partition(":")[2]))

        brief = 0 if self.roomy > 1 else 2 if self.alone else 1
        piece = outside.foot(first, box, view.direct, prefix, brief=brief, group=group)
        if piece is None:
            self.tower.flat = brief > 0 and outside.foot(first, box, view.direct, prefix) is not None
            return False
        self.pieces += piece.items if isinstance(piece, Chain) and not piece.lanes else [piece]
        self.footed = True
        for name, leaf in outside.leaves.items():
            stacks = [s.removeprefix("stack:") for s in outside.reads(name) if s.startswith("stack:")]
            self._want((s for s in stacks if s in self.near), leaf)
        return True

    def _codes(self, first: Stack, pieces: list[Piece]) -> None:
        """Lookups of codes that another tower gives get their arrow into the pill of the codes."""
        if self.outside is None or not pieces:
            return
        numbers = [i for read in first.reads if (i := index_of(read, "embedding")) is not None]
        roots = [self.outside.wires.roots(f"embedding:{i}") for i in numbers]
        given = {r.removeprefix("stack:") for one in roots for r in one if r.startswith("stack:")} & self.near
        pills = [leaf for leaf in pieces[0].leaves() if leaf.shape == "pill"]
        if given and len(pills) == 1:
            pills[0].caption = ""
            self._want(sorted(given), pills[0])

    def _source(self, first: Stack) -> None:
        """The foot of a stream that reads nothing known: its learned latents, or only that it has an input."""
        words = self.drawn.words
        prefix = f"t{self.tower.number}.in"
        if first.latents:
            self.pieces.append(Leaf(prefix, "embed", words("Latents"), times(first.latents, first.width)))
        else:
            self.pieces.append(pill(prefix, words("Input")))

    def _joining(self, first: Stack, foreign: list[str]) -> None:
        """Where the streams of other towers join this one's foot, or are its foot."""
        words = self.drawn.words
        known = ", ".join(dict.fromkeys(self.labels[read] for read in foreign))
        prefix = f"t{self.tower.number}.in"
        drawn = set(foreign) <= self.near
        if not self.pieces:
            if not (first.before and drawn):
                title = words("Hidden states") if drawn else words("from {n}", n=known)
                self.pieces.append(pill(prefix, title, tooltip=words("from {n}", n=known)))
                self.tower.entry = self.pieces[-1] if isinstance(self.pieces[-1], Leaf) else None
            return
        kinds = {link.kind for link in self.found.links if link.target == first.name and link.source in foreign}
        title = next((FUSIONS[kind] for kind in sorted(kinds) if kind in FUSIONS), "Add")
        if title == "Add" and drawn and len(foreign) == 1:
            self.tower.entry = joint(prefix, words, tooltip="Sum")
        else:
            self.tower.entry = Leaf(prefix, "norm", words(title), "" if drawn else words("with {n}", n=known))
        self.pieces.append(self.tower.entry)

    # ---- stacks ----------------------------------------------------------------------------------------------------

    def _stage(self, number: int, stack: Stack) -> None:
        """One of many stacks of a tower: folded, in a frame of its own."""
        words = self.drawn.words
        before = [self._outer("b", number, at, p) for at, p in enumerate(gathered(merged(stack.before)))]
        after = [self._outer("a", number, at, p) for at, p in enumerate(gathered(merged(stack.after)))]
        inner = folded(stack, f"s{number}", self.drawn)
        label = words("Stage {n}", n=self.tower.stacks.index(number) + 1)
        last = number == self.tower.stacks[-1]
        own: list[Piece] = [*before, *inner, *(() if last else after)]
        self.pieces += own if len(own) == 1 else [Frame(f"s{number}", Chain(own), label)]
        self.bare = len(self.pieces)
        self.pieces += after if last else []

    def _outer(self, side: str, number: int, at: int, part: Part) -> Leaf:
        """A part before or after the layers of a stack."""
        return part_box(f"{side}{number}.{at}", part, None, self.drawn, self.found.stacks[number].name)

    def _stack(self, number: int, stack: Stack) -> None:
        if len(self.tower.stacks) > 2:
            self._stage(number, stack)
            if number == self.tower.stacks[-1] and self._branched(stack):
                del self.pieces[self.bare :]
            return
        self._before(number, stack)
        label = {"encoder": "Encoder block", "decoder": "Decoder block"}.get(stack.role, "Block")
        self.pieces += StackView(stack, f"s{number}", self.drawn, label if self.paired else "Block").pieces()
        if number == self.tower.stacks[-1] and (self._fused(stack) or self._branched(stack)):
            return
        rest = gathered(merged(stack.after[: len(stack.after) - self._twins(stack)]))
        self.pieces += [self._outer("a", number, at, part) for at, part in enumerate(rest)]

    def _before(self, number: int, stack: Stack) -> None:
        """The parts ahead of the first layer."""
        if self.footed and number == self.tower.stacks[0]:
            return
        scattered = any(link.target == stack.name and link.kind == "interleave" for link in self.found.links)
        before = gathered(merged(stack.before[1:] if quantised(stack) else stack.before))
        if self.tower.flat and number == self.tower.stacks[0] and len(before) > 1:
            before = [told_as_one(before)]
        if scattered and before and before[0].kind in ("concat", "interleave"):
            before[0] = replace(before[0], kind="scatter")
        for at, part in enumerate(before):
            leaf = part_box(f"b{number}.{at}", part, None, self.drawn, stack.name)
            foreign = [read for read in stack.reads if read in self.labels]
            if not at and number == self.tower.stacks[0] and foreign and self.tower.entry is None:
                self.tower.entry = leaf
                if not set(foreign) <= self.near:
                    known = ", ".join(dict.fromkeys(self.labels[read] for read in foreign))
                    leaf.caption = self.drawn.words("with {n}", n=known)
            self.pieces.append(leaf)

    # ---- crown -----------------------------------------------------------------------------------------------------

    def _fused(self, last: Stack) -> bool:
        return self.fusion is not None and last.name in self.fusion.stacks

    def _branched(self, last: Stack) -> bool:
        """Whether what follows the last layer up to the output is no plain chain, and can be drawn as it is."""
        return self.crowned and self.outside is not None and self._own_crown(last) is not None

    def _own_crown(self, last: Stack) -> Chain | None:
        if self.outside is None or self._twins(last):
            return None
        main = self.fusion.end if self.fusion else self.outside.main_output()
        prefix = f"t{self.tower.number}.c"
        view = FootView(self.found, last, prefix, self.drawn.words)
        made = self.outside.crown(last, [main], prefix, view.direct if self.alone else None) if main else None
        return made if isinstance(made, Chain) else None

    def _crown(self, last: Stack) -> None:
        """What follows the last layer: the way to the other towers, or the head and the output."""
        words = self.drawn.words
        if self._fused(last) and self.fusion and self.outside:
            branched = self._own_crown(last)
            if branched:
                self._append(branched)
            else:
                parts = self.outside.parts_after(last.name, self.fusion.end)
                self.pieces += [self._outer("a", self.tower.stacks[-1], i, p) for i, p in enumerate(gathered(parts))]
        if not self.crowned or self._fused(last):
            self._top(last)
            return
        branched = self._own_crown(last)
        if branched is not None:
            self._append(branched)
            self.pieces.append(output_pill(self.found, words))
            return
        made = crown(self.found, last, self.drawn, self._twins(last))
        if self.pieces and isinstance(self.pieces[-1], Leaf) and made and isinstance(made[0], Par):
            self.pieces[-1].wide = not self.pieces[-1].joint and not self.pieces[-1].cards
        self.pieces += made

    def _append(self, branched: Chain) -> None:
        """Continue the chain with what branches; its first item stands for the last layer, which is drawn."""
        first = branched.items[0]
        if isinstance(first, Par):
            own = f".c.{self.found.stacks[self.tower.stacks[-1]].name}"
            first.items = [self._on_top(item, own) for item in first.items]
            self.pieces, self.lanes = list(branched.items), []
            return
        at = len(self.pieces) - 1
        self.pieces += branched.items[1:]
        self.lanes += [replace(lane, start=lane.start + at, end=lane.end + at) for lane in branched.lanes]

    def _on_top(self, item: Piece, own: str) -> Piece:
        """What branches, with the tower in the place of the box that stands for it."""
        if isinstance(item, Leaf) and item.id.endswith(own):
            return Chain(list(self.pieces), self.lanes)
        if isinstance(item, (Chain, Par)):
            item.items = [self._on_top(one, own) for one in item.items]
        return item

    def _top(self, last: Stack) -> None:
        """A box that arrows to other towers can leave from, and the output of a tower that none reads."""
        words = self.drawn.words
        prefix = f"t{self.tower.number}.out"
        number = self.outside.only_output(last.name) if self.outside and not self._fused(last) else None
        if number is not None and not self._read(last):
            port = self.found.outputs[number]
            said = shape(port.shape, letters(self.found)) if len(port.shape) <= 4 else ""
            self.pieces.append(pill(prefix, literal(port.name, 22) or words("Output"), said))
            return
        top = self.pieces[-1] if self.pieces else None
        if not isinstance(top, Leaf) or top.joint or top.cards:
            self.pieces.append(pill(prefix, words("Hidden states")))

    def _read(self, last: Stack) -> bool:
        """Whether other stacks read this one."""
        linked = any(link.source == last.name for link in self.found.links)
        return linked or readers(self.found, last.name) > 0

    def _twins(self, last: Stack) -> int:
        """How many projections like the head's own stand behind the last stack, beside the head and not before it."""
        at = own(self.found.head)
        if at is None or not self.crowned:
            return 0
        head = self.found.head.parts[at]
        count = 0
        for part in reversed(last.after):
            if not beside(head, part):
                break
            count += 1
        return count

    def _memories(self) -> None:
        """What cross-attention reads: an arrow, or words where none can come."""
        words = self.drawn.words
        for opened in self.tower.opened:
            memory = memory_of(self.found, opened)
            if not memory or memory not in self.labels:
                continue
            if memory in self.near:
                self._want([memory], opened.leaf, "cross", words("K, V"))
                continue
            said = words("K, V from {n}", n=self.labels[memory])
            more = opened.leaf.caption.partition("\n")[0]
            opened.leaf.caption = f"{said} · {more}\n{said}" if more else said
