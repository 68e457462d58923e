"""One stage of a pyramid as a chain of boxes, its blocks folded."""

from __future__ import annotations

from dataclasses import replace
from math import prod

from irgen.ir.architecture import Architecture, Part, Stack
from irgen.views.captions import BRIEF
from irgen.views.heads import merged
from irgen.views.layers import Drawn, part_box
from irgen.views.layout.tree import Chain, Leaf, Piece
from irgen.views.sources import KINDS, SECOND, UNKNOWN, index_of, note
from irgen.views.stacks import folded
from irgen.views.words import Words


def stage_chain(found: Architecture, number: int, drawn: Drawn, *, foot: bool) -> Chain:
    """One stage from its first operation to its last, blocks folded."""
    stack, words = found.stacks[number], drawn.words
    items: list[Piece] = []
    numbers = [i for read in stack.reads if (i := index_of(read, "embedding")) is not None]
    added: list[str] = []
    for index in numbers if foot else []:
        embedding = found.embeddings[index] if index < len(found.embeddings) else None
        if embedding and embedding.kind in SECOND:
            added.append(words(SECOND[embedding.kind]))
        elif embedding and not items:
            kind = KINDS.get(embedding.kind, UNKNOWN)
            title = f"{words(kind.title)}\n{words(kind.short)}"
            items.append(Leaf(f"g{number}.e", kind.role, title, note(embedding, words)))
    before = merged(stack.before)
    if number and before and before[0].kind == "activation":
        before = before[1:]
    before = _normed(before)
    last = items[-1] if items else None
    if isinstance(last, Leaf) and before and before[0].kind == "norm" and number == 0:
        last.caption = f"{last.caption} · {brief_norm(before.pop(0), words)}"
    boxes = [part_box(f"g{number}.b{at}", part, None, drawn, stack.name) for at, part in enumerate(before)]
    for box, part in zip(boxes, before, strict=True):
        if number and _merges(part, found.stacks[number - 1], stack):
            box.title, box.role = words("Patch merging"), "conv"
    items += boxes
    if added:
        items.append(Leaf(f"g{number}.p", "embed", f"+ {added[0]}\n+ {words('positions')}"))
    items += folded(stack, f"g{number}", drawn)
    behind = list(stack.after) if number < len(found.stacks) - 1 else []
    ahead = found.stacks[number + 1].before[:1] if number < len(found.stacks) - 1 else []
    behind += [part for part in ahead if part.kind == "activation"]
    items += [part_box(f"g{number}.a{at}", p, None, drawn, stack.name) for at, p in enumerate(behind)]
    return Chain(items)


def _normed(parts: list[Part]) -> list[Part]:
    """A norm behind a convolution is said in its box."""
    made: list[Part] = []
    for part in parts:
        if part.kind == "norm" and made and made[-1].kind == "convolution" and "norm" not in made[-1].facts:
            made[-1] = replace(made[-1], facts={**made[-1].facts, "norm": part.facts.get("norm")})
        else:
            made.append(part)
    return made


def brief_norm(part: Part, words: Words) -> str:
    """A norm as two letters."""
    return BRIEF.get(str(part.facts.get("norm")), words("Norm"))


def _merges(part: Part, before: Stack, stack: Stack) -> bool:
    """Whether a projection takes as many neighbours at once as the stage has fewer positions."""
    counts = [prod(p for p in s.positions if isinstance(p, int)) for s in (before, stack)]
    fewer = counts[0] // counts[1] if counts[1] else 0
    return part.kind == "linear" and fewer > 1 and part.facts.get("in") == fewer * before.width
