"""One layer of a stack as a chain of boxes: sublayers with their norms, residual lanes and sums in place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby

from irgen.ir.architecture import Block, Part
from irgen.views.captions import Caption, caption, norm
from irgen.views.layout.tree import Chain, Lane, Leaf, Par, Piece
from irgen.views.origins import Place
from irgen.views.words import Words


@dataclass(slots=True)
class Opened:
    """A box of the overview and the part behind it, for the panels and the arrows that reach it."""

    leaf: Leaf
    part: Part
    width: int | None
    stack: str = ""
    folded: bool = False
    """The box stands for a whole layer."""


@dataclass(slots=True)
class Drawn:
    """What has been drawn so far: the boxes by part, in flow order."""

    words: Words
    detail: int = 7
    """7: all; 6: without pictures of masks; 5, 4: two panels, one panel; 3: without panels; 2: a block opened in one
    tower is folded in the next; 1: only the blocks that the head reads are open; 0: none."""
    origins: Mapping[Place, str] = field(default_factory=dict[Place, str])
    opened: list[Opened] = field(default_factory=list[Opened])
    seen: set[str] = field(default_factory=set[str])
    """Structures of the stacks that have been opened."""
    open: int = 7
    """Sublayers that one tower opens before it folds whole layers into single boxes."""
    main: str = ""
    """The stack that the head reads, or else the longest."""


def box(name: str, said: Caption, *, unknown: bool = False, cards: int = 0) -> Leaf:
    """The box that a caption describes."""
    return Leaf(name, said.role, said.title, said.note, tooltip=said.tooltip, dashed=unknown, cards=cards)


def part_box(name: str, part: Part, width: int | None, drawn: Drawn, stack: str = "") -> Leaf:
    """The box of a part, remembered for its panel."""
    leaf = box(name, caption(part, width, drawn.words), unknown=part.kind == "unknown")
    drawn.opened.append(Opened(leaf, part, width, stack))
    return leaf


def joint(name: str, words: Words, sign: str = "+", tooltip: str = "Residual add") -> Leaf:
    """A sum or product of what its arrows bring."""
    return Leaf(name, "op", shape="joint", sign=sign, tooltip=words(tooltip))


def forms(block: Block) -> Iterator[tuple[str, list[Part]]]:
    """The sublayers with their residual form; neighbours that stand in parallel come together."""
    with_form = [(part.form or block.residual or "none", part) for part in block.sublayers]
    for form, parts in groupby(with_form, key=lambda item: item[0]):
        together = [part for _, part in parts]
        if form == "parallel":
            yield form, together
        else:
            for part in together:
                yield form, [part]


Show = Callable[[str, Part], Piece | None]
"""What to draw for a sublayer in place of its box, given the id to use."""


@dataclass(slots=True)
class _Layer:
    """The chain under construction."""

    prefix: str
    block: Block
    width: int
    drawn: Drawn
    stack: str
    items: list[Piece] = field(default_factory=list[Piece])
    lanes: list[Lane] = field(default_factory=list[Lane])
    show: Show | None = None
    count: int = 0
    kinds: Counter[str] = field(default_factory=Counter[str])

    def name(self, what: str) -> str:
        """A fresh id."""
        self.count += 1
        return f"{self.prefix}.{what}{self.count}"

    def norm(self) -> None:
        """The norm of this block, if it has one."""
        if self.block.norm not in ("none", "", None):
            self.items.append(Leaf(self.name("n"), "norm", norm(self.block.norm, self.drawn.words)))

    def part(self, part: Part) -> Piece:
        """The box of a sublayer, or what is shown in its place."""
        name = self.name("p")
        shown = self.show(name, part) if self.show else None
        if shown:
            return shown
        leaf = part_box(name, part, self.width, self.drawn, self.stack)
        path = self.drawn.origins.get((self.stack, min(self.block.at, default=0), part.kind, self.kinds[part.kind]))
        self.kinds[part.kind] += 1
        if path:
            leaf.tooltip = f"{leaf.tooltip or leaf.title.partition(chr(10))[0]} · {path}"
        return leaf

    def close(self, start: int) -> None:
        """The sum that takes the residual stream tapped before item `start`."""
        self.items.append(joint(self.name("a"), self.drawn.words))
        self.lanes.append(Lane(start, len(self.items) - 1))

    def add(self, form: str, parts: list[Part]) -> None:
        """One sublayer, or parallel ones, in a residual form."""
        start = len(self.items)
        if form in ("pre-norm", "sandwich", "parallel") and parts[0].facts.get("pre_norm") is not False:
            self.norm()
        if len(parts) > 1:
            self.items.append(Par([self.part(part) for part in parts]))
        else:
            self.items.append(self.part(parts[0]))
        if form == "sandwich":
            self.norm()
        if form in ("pre-norm", "post-norm", "sandwich", "parallel", "residual"):
            self.close(start)
        if form == "post-norm":
            self.norm()


def layer(prefix: str, block: Block, width: int, drawn: Drawn, stack: str = "", show: Show | None = None) -> Chain:
    """The layer as a chain, from its input at the bottom to its output at the top; `show` opens sublayers."""
    made = _Layer(prefix, block, width, drawn, stack, show=show)
    for form, parts in forms(block):
        made.add(form, parts)
    return Chain(made.items, made.lanes)
