"""A stack as pieces of the overview: repeated blocks opened once, patterns as nested groups, the rest folded."""

from __future__ import annotations

from dataclasses import dataclass, replace

from irgen.ir.architecture import Block, Stack
from irgen.views.captions import caption, first, heads
from irgen.views.layers import Drawn, Opened, layer, part_box
from irgen.views.layout.tree import Chain, Frame, Leaf, Piece
from irgen.views.numbers import ranges
from irgen.views.repeats import Plan, Run, plan

OPEN = 7
"""Sublayers that one tower opens before it folds whole layers into single boxes."""

KINDS = (
    ("moe", "Mixture layer"),
    ("cross-attention", "Cross-attention layer"),
    ("selective-scan", "Recurrent layer"),
    ("linear-recurrence", "Recurrent layer"),
    ("rnn", "Recurrent layer"),
    ("self-attention", "Attention layer"),
    ("convolution", "Convolution layer"),
    ("feed-forward", "Feed-forward layer"),
)

MASKS = {
    "sliding-window": "Sliding layer", "causal": "Full layer", "bidirectional": "Full layer",
    "local-window": "Window layer", "shifted-window": "Shifted layer",
}  # fmt: skip

SHORT = {
    "Convolution layer": "Conv layer", "Feed-forward layer": "FFN layer", "Cross-attention layer": "Cross layer",
    "Attention layer": "Attention", "Recurrent layer": "Recurrent",
}  # fmt: skip
"""Names of layers where there is little room."""


def layer_name(block: Block, others: list[Block]) -> str:
    """What sets this block apart from the others of its stack."""
    kinds = {part.kind for part in block.sublayers}
    rest = [{part.kind for part in other.sublayers} for other in others if other is not block]
    if all(kinds == other for other in rest):
        for part in block.sublayers:
            mask = part.facts.get("mask")
            masks = [p.facts.get("mask") for o in others for p in o.sublayers if p.kind == part.kind]
            if part.kind == "self-attention" and len(set(map(str, masks))) == len(others) and str(mask) in MASKS:
                return MASKS[str(mask)]
        return "Layer"
    if "moe" not in kinds and "feed-forward" in kinds and any("moe" in other for other in rest):
        return "Dense layer"
    for kind, name in KINDS:
        if kind in kinds and not all(kind in other for other in rest):
            return name
    return next((name for kind, name in KINDS if kind in kinds), "Layer")


def single(block: Block) -> bool:
    """A layer that is one box: one sublayer that nothing is added to."""
    form = block.sublayers[0].form or block.residual if block.sublayers else "none"
    return (len(block.sublayers) <= 1 and form in ("none", "")) or not block.sublayers


@dataclass(slots=True)
class StackView:
    """Draws one stack; `label` is what its block is called."""

    stack: Stack
    prefix: str
    drawn: Drawn
    label: str = "Block"

    def pieces(self) -> list[Piece]:
        """The stack from its first layer to its last."""
        kinds = "; ".join(sorted(str([(p.kind, p.form) for p in block.sublayers]) for block in self.stack.blocks))
        again = kinds in self.drawn.seen
        self.drawn.seen.add(kinds)
        closed = self.drawn.detail == 0 or (self.drawn.detail == 1 and self.stack.name != self.drawn.main)
        if closed or (self.drawn.detail == 2 and again):
            return folded(self.stack, self.prefix, self.drawn)
        found = plan(self.stack)
        if found.times:
            if self._sublayers(found.pattern) > self.drawn.open:
                inner: list[Piece] = [self.fold(run, f"{self.prefix}.f{at}") for at, run in enumerate(found.pattern)]
            else:
                inner = [self._run(run, True, at) for at, run in enumerate(found.pattern)]
            name = "Layer pair" if [run.count for run in found.pattern] == [1, 1] else "Pattern"
            outer = Frame(self.prefix, Chain(inner), self.drawn.words(name), f"× {found.times}", pad=12, entry=20)
            rest = [self.fold(run, f"{self.prefix}.r{at}") for at, run in enumerate(found.rest)]
            ahead = [self.fold(run, f"{self.prefix}.h{at}") for at, run in enumerate(found.ahead)]
            return [*ahead, outer, *rest]
        return self._plain(found)

    def _plain(self, found: Plan) -> list[Piece]:
        found = replace(found, rest=self._joined(found.rest))
        fold = self._sublayers(found.rest) > self.drawn.open and len(found.rest) > (2 if self.drawn.open >= OPEN else 1)
        made: list[Piece] = []
        seen: set[int] = set()
        for at, run in enumerate(found.rest):
            block = self.stack.blocks[run.block]
            if not single(block) and (fold or run.block in seen):
                made.append(self.fold(run, f"{self.prefix}.f{at}", always=found.mixed))
            else:
                made.append(self._run(run, len(found.rest) > 1, at))
            seen.add(run.block)
        return made

    def _joined(self, found: tuple[Run, ...]) -> tuple[Run, ...]:
        """Neighbouring layers of one box each that would say the same are one run."""
        made: list[Run] = []
        for run in found:
            block = self.stack.blocks[run.block]
            before = self.stack.blocks[made[-1].block] if made else None
            if before and single(before) and single(block) and self._said(before) == self._said(block) != []:
                made[-1] = Run(made[-1].block, made[-1].count + run.count, (*made[-1].at, *run.at))
            else:
                made.append(run)
        return tuple(made)

    def _said(self, block: Block) -> list[tuple[str, str]]:
        return [(c.title, c.note) for c in (caption(p, self.stack.width, self.drawn.words) for p in block.sublayers)]

    def _sublayers(self, found: tuple[Run, ...]) -> int:
        numbers = {run.block for run in found}
        return sum(len(self.stack.blocks[number].sublayers) for number in numbers)

    def _run(self, run: Run, named: bool, at: int) -> Piece:
        block = self.stack.blocks[run.block]
        words = self.drawn.words
        name = f"{self.prefix}.{at}"
        if single(block):
            return self._one(block, run, name)
        block = self._told_apart(block)
        if run.count == 1 and len(block.sublayers) == 1 and block.norm in ("none", ""):
            return layer(name, block, self.stack.width, self.drawn, self.stack.name)
        label = words(layer_name(self.stack.blocks[run.block], self.stack.blocks)) if named else words(self.label)
        if self.stack.shared:
            label = f"{label} · {words('same weights')}"
        badge = f"× {run.count}" if run.count > 1 else ""
        return Frame(name, layer(name, block, self.stack.width, self.drawn, self.stack.name), label, badge)

    def _told_apart(self, block: Block) -> Block:
        """The block; where others have a window, its attention over everything is said to be full."""
        masks = {p.facts.get("mask") for b in self.stack.blocks for p in b.sublayers if p.kind == "self-attention"}
        if not masks & {"sliding-window", "local-window"}:
            return block
        parts = [
            replace(p, facts={**p.facts, "full": True})
            if p.kind == "self-attention" and p.facts.get("mask") in ("causal", "bidirectional") else p
            for p in block.sublayers
        ]  # fmt: skip
        return replace(block, sublayers=parts)

    def _one(self, block: Block, run: Run, name: str) -> Leaf:
        if not block.sublayers:
            return self.fold(run, name)
        leaf = part_box(name, block.sublayers[0], self.stack.width, self.drawn, self.stack.name)
        return _counted(leaf, run.count)

    def fold(self, run: Run, name: str, always: bool = False) -> Leaf:
        """Layers in a row as one box."""
        block = self.stack.blocks[run.block]
        words = self.drawn.words
        if len(block.sublayers) == 1:
            leaf = part_box(name, block.sublayers[0], self.stack.width, self.drawn, self.stack.name)
            return _counted(leaf, run.count)
        said = [caption(part, self.stack.width, words) for part in block.sublayers]
        role = next((c.role for c in said if c.role in ("moe", "ssm", "cross", "attn", "conv", "ffn")), "norm")
        names = list(dict.fromkeys(first(c.title) for c in said))
        note = " + ".join(names) if len(names) > 1 or not said else said[0].note
        lifted = (c.note for c, p in zip(said, block.sublayers, strict=True) if p.facts.get("transposed"))
        note = next(lifted, note)
        if always and len(run.at) < self.stack.layers:
            note = words("layers {n}", n=ranges(run.at))
        title = words(layer_name(block, self.stack.blocks))
        name_of = SHORT.get(layer_name(block, self.stack.blocks))
        tip = f"{title}: " + ", ".join(
            f"{first(c.title)} ({first(c.note)})" if c.note else first(c.title) for c in said
        )
        leaf = Leaf(name, role, f"{title}\n{words(name_of)}" if name_of else title, note, tooltip=tip)
        for part in block.sublayers:
            if part.kind == "cross-attention":
                self.drawn.opened.append(Opened(leaf, part, self.stack.width, self.stack.name, folded=True))
        return _counted(leaf, run.count)


def folded(stack: Stack, prefix: str, drawn: Drawn) -> list[Piece]:
    """The layers of a stage as few single boxes: one where all layers have the same kinds of sublayers."""
    words = drawn.words
    alike = {tuple((part.kind, part.form) for part in block.sublayers) for block in stack.blocks}
    strides = {str([part.facts.get("stride") for part in block.sublayers]) for block in stack.blocks}
    if len(alike) == 1 and len(strides) == 1 and stack.blocks and len(stack.blocks[0].sublayers) > 1:
        said = [caption(part, stack.width, words) for part in stack.blocks[0].sublayers]
        main = next((at for at, p in enumerate(stack.blocks[0].sublayers) if p.kind == "self-attention"), 0)
        tip = ", ".join(f"{first(c.title)} ({first(c.note)})" if c.note else first(c.title) for c in said)
        note = first(said[main].note) or heads(stack.blocks[0].sublayers[main].facts, words)
        box = Leaf(f"{prefix}.s", said[main].role, words("Block"), note.strip(), tooltip=f"{words('Block')}: {tip}")
        return [_counted(box, stack.layers)]
    view = StackView(stack, f"{prefix}.s", drawn)
    runs = plan(stack)
    every = _every(runs)
    return [view.fold(run, f"{prefix}.s{at}", runs.mixed) for at, run in enumerate(every)]


def _every(found: Plan) -> list[Run]:
    """All layers as runs of one box each; the layers of a pattern that recurs are gathered by block."""
    if not found.times:
        return list(found.rest)
    total: dict[int, Run] = {}
    for run in (*found.ahead, *found.pattern * found.times, *found.rest):
        known = total.get(run.block)
        total[run.block] = Run(run.block, run.count + (known.count if known else 0), run.at)
    return list(total.values())


def _counted(leaf: Leaf, count: int) -> Leaf:
    if count > 1:
        leaf.title = "\n".join(f"{o.replace(' × ', '×')}\xa0×\xa0{count}" for o in leaf.title.split("\n"))
        leaf.cards = 2
    return leaf
