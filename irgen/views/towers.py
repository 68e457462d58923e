"""A tower: the foot, the stacks on one stream, what follows them, the head and the outputs."""

from __future__ import annotations

from irgen.ir.architecture import Architecture, Head, Stack
from irgen.views.captions import Caption
from irgen.views.layers import Drawn, box, part_box
from irgen.views.layout.tree import Chain, Frame, Piece
from irgen.views.numbers import arrow, shape, whole
from irgen.views.sources import FootView, pill
from irgen.views.stacks import StackView
from irgen.views.words import Words

HEADS = {
    "lm": ("LM head", "Logits"),
    "classification": ("Classifier", "Class logits"),
    "regression": ("Regression head", "Prediction"),
    "segmentation": ("Segmentation head", "Class map"),
    "pooling": ("Pooling", "Embedding vector"),
}


def head_box(head: Head, width: int | None, words: Words, name: str) -> Caption | None:
    """The last contraction before an output."""
    del name
    if head.kind not in HEADS:
        return None
    path = arrow(width, head.width) if width and head.width else whole(head.width) if head.width else ""
    note = " · ".join(x for x in (path, words("tied") if head.tied else "") if x)
    return Caption("head", words(HEADS[head.kind][0]), note)


def output_pill(found: Architecture, words: Words) -> Piece:
    """What the model gives."""
    title = words(HEADS[found.head.kind][1] if found.head.kind in HEADS else "Hidden states")
    note = shape(found.outputs[0].shape) if len(found.outputs) >= 1 and len(found.outputs[0].shape) <= 4 else ""
    return pill("out", title, note)


def crown(found: Architecture, stack: Stack | None, drawn: Drawn) -> list[Piece]:
    """Head parts, head and output."""
    width = stack.width if stack else None
    pieces: list[Piece] = [
        part_box(f"h.{at}", part, width, drawn, "head") for at, part in enumerate(found.head.parts)
    ]
    said = head_box(found.head, width, drawn.words, "h")
    if said:
        pieces.append(box("h", said))
    pieces.append(output_pill(found, drawn.words))
    return pieces


def tower(found: Architecture, drawn: Drawn) -> Piece:
    """The whole model as one tower."""
    pieces: list[Piece] = []
    labels: dict[int, str] = {}
    for at, stack in enumerate(found.stacks):
        if not at:
            foot = FootView(found, stack, "f", drawn.words).build()
            pieces += foot.pieces
            if len(foot.pieces) > 1:
                labels[len(pieces)] = shape(("batch", "seq", stack.width))
        pieces += [part_box(f"b{at}.{i}", part, stack.width, drawn, stack.name) for i, part in enumerate(stack.before)]
        pieces += StackView(stack, f"s{at}", drawn).pieces()
        pieces += [part_box(f"a{at}.{i}", part, stack.width, drawn, stack.name) for i, part in enumerate(stack.after)]
    last = found.stacks[-1] if found.stacks else None
    pieces += crown(found, last, drawn)
    labels = {at: text for at, text in labels.items() if at < len(pieces) and isinstance(pieces[at], Frame)}
    return Chain(pieces, labels=labels)
