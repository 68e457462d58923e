"""What stands behind the last layer: parts of the head, the head itself, and the output."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from irgen.ir.architecture import Architecture, Head, Part, Stack
from irgen.scene import literal
from irgen.views.captions import Caption, first, stride_of
from irgen.views.layers import Drawn, box, part_box
from irgen.views.layout.tree import Leaf, Par, Piece
from irgen.views.numbers import arrow, shape, whole
from irgen.views.sources import letters, pill
from irgen.views.words import Words

HEADS = {
    "lm": ("LM head", "Logits"),
    "classification": ("Classifier", "Class logits"),
    "regression": ("Regression head", "Prediction"),
    "segmentation": ("Segmentation head", "Class map"),
    "pooling": ("Projection head", "Embedding vector"),
}


def head_caption(head: Head, width: int | None, words: Words) -> Caption | None:
    """The last contraction before an output."""
    if head.kind not in HEADS:
        return None
    at = own(head)
    into = head.parts[at].facts.get("in") if at is not None else None
    if not isinstance(into, int):
        ahead = head.parts[:at] if at is not None else head.parts
        given = [p.facts.get("out") or p.facts.get("channels") for p in ahead if p.kind in ("linear", "convolution")]
        into = given[-1] if given and isinstance(given[-1], int) else width
    path = arrow(into, head.width) if into and head.width else whole(head.width) if head.width else ""
    note = " · ".join(x for x in (path, words("tied") if head.tied else "") if x)
    return Caption("head", words(HEADS[head.kind][0]), note)


def output_pill(found: Architecture, words: Words) -> Leaf:
    """What the model gives."""
    values = next((part for part in found.head.parts if part.kind == "dequantizer"), None)
    if values is not None:
        given = found.outputs[int(values.facts["output"])]
        return pill("out", words("Prediction"), shape(given.shape, letters(found)), literal(given.name, 60))
    title = words(
        HEADS[found.head.kind][1] if found.head.kind in HEADS else "Hidden states" if found.stacks else "Output"
    )
    out = found.outputs[0] if found.outputs else None
    tip = "; ".join(f"{literal(o.name, 60)} {shape(o.shape, letters(found))}" for o in found.outputs[:6])
    return pill("out", title, shape(out.shape, letters(found)) if out and len(out.shape) <= 5 else "", tip or title)


def own(head: Head) -> int | None:
    """Which part of the head is the last contraction, the one that the head's box stands for."""
    for at in range(len(head.parts) - 1, -1, -1):
        part = head.parts[at]
        given = part.facts.get("out") or part.facts.get("channels")
        if part.kind in ("linear", "convolution") and head.kind in HEADS:
            return at if given is None or given == head.width else None
    return None


def after_stack(head: Head, last: Stack | None) -> list[Part]:
    """The parts between what stands behind the last stack and the last contraction, which is the head itself."""
    parts = list(head.parts)
    if (at := own(head)) is not None:
        parts = parts[:at]
    if last is None:
        return merged(parts)
    known = [(part.kind, part.facts) for part in last.after]
    inside = {part.kind for block in last.blocks for part in block.sublayers}
    for at in range(len(parts) - len(known) + 1):
        if known and [(part.kind, part.facts) for part in parts[at : at + len(known)]] == known:
            return merged(parts[at + len(known) :])
    if not known:
        posts = {part.form or block.residual for block in last.blocks for part in block.sublayers} & {
            "post-norm",
            "sandwich",
        }
        while parts and ((parts[0].kind == "norm" and posts) or parts[0].kind in inside):
            parts.pop(0)
    return merged(parts)


def merged(parts: list[Part]) -> list[Part]:
    """An activation behind a contraction, and a batch norm behind a convolution, are said in one box."""
    made: list[Part] = []
    for part in parts:
        before = made[-1] if made else None
        if (
            part.kind == "activation"
            and before
            and before.kind in ("linear", "convolution")
            and "activation" not in before.facts
        ):
            made[-1] = replace(before, facts={**before.facts, "activation": part.facts.get("activation")})
        elif before and beside(before, part):
            count = before.facts.get("count", 1)
            made[-1] = replace(before, facts={**before.facts, "count": count + 1 if isinstance(count, int) else 2})
        elif (
            part.kind == "norm" and part.facts.get("norm") == "batchnorm" and before and before.kind == "convolution"
            and not {"norm", "activation"} & set(before.facts)
        ):  # fmt: skip
            made[-1] = replace(before, facts={**before.facts, "norm": "batchnorm"})
        else:
            made.append(part)
    return made


def beside(before: Part, part: Part) -> bool:
    """Two equal projections that cannot follow each other, since one gives what the other does not take."""
    sizes = [(one.facts.get("in"), one.facts.get("out")) for one in (before, part)]
    return before.kind == part.kind == "linear" and sizes[0] == sizes[1] and sizes[0][0] != sizes[0][1]


def crown(found: Architecture, last: Stack | None, drawn: Drawn, twins: int = 0) -> list[Piece]:
    """Head parts, head (one of several that stand side by side) and output."""
    width = last.width if last else None
    parts = condensed(after_stack(found.head, last))
    pieces: list[Piece] = [part_box(f"h.{at}", part, None, drawn, "head") for at, part in enumerate(parts)]
    said = head_caption(found.head, width, drawn.words)
    if said:
        pieces.append(_row(found.head, said, twins + 1) if 0 < twins < 5 else _counted(box("h", said), twins + 1))
        at = own(found.head)
        behind = merged(found.head.parts[at + 1 :]) if at is not None else []
        pieces += [part_box(f"h.z{i}", part, None, drawn, "head") for i, part in enumerate(condensed(behind))]
    out = output_pill(found, drawn.words)
    out.wide = isinstance(pieces[-1], Par) if pieces else False
    pieces.append(out)
    return pieces


def _row(head: Head, said: Caption, count: int) -> Par:
    """Equal heads side by side as chips."""
    note = whole(head.width) if head.width else ""
    tip = first(said.title)
    chips: list[Piece] = [
        Leaf(f"h.{at}", "head", f"H_{{{at}}}", note, "chip", tooltip=f"{tip} {at} — {first(said.note)}", fixed=41.0)
        for at in range(1, count + 1)
    ]
    return Par(chips, gap=6, equal=False)


def _counted(leaf: Leaf, count: int) -> Leaf:
    if count > 1:
        leaf.title = f"{leaf.title}\xa0×\xa0{count}"
    return leaf


def gathered(parts: list[Part]) -> list[Part]:
    """Long runs of convolutions that only differ in their steps are told in one box."""
    made: list[Part] = []
    for part in parts:
        before = made[-1] if made else None
        if before and before.kind == part.kind == "convolution" and len(parts) > 4 and alike(before, part):
            made[-1] = together(before, part)
        else:
            made.append(part)
    return condensed(made)


LONG = 9
"""Parts in a row above which those in the middle are one box."""


def condensed(parts: list[Part]) -> list[Part]:
    """A long row of parts with its middle told in one."""
    if len(parts) <= LONG:
        return parts
    return [*parts[:3], told_as_one(parts[3:-3]), *parts[-3:]]


def told_as_one(parts: list[Part]) -> Part:
    """Parts as one that counts them by kind."""
    return Part("several", {"kinds": dict(Counter(part.kind for part in parts)), "count": len(parts)})


ONE = ("channels", "variant", "groups", "transposed", "activation", "norm")
"""Facts in which convolutions of one run agree."""


def alike(a: Part, b: Part) -> bool:
    """Whether two convolutions in a row only differ in kernel and step."""
    return all(a.facts.get(key) == b.facts.get(key) for key in ONE) and "in" not in b.facts


def together(a: Part, b: Part) -> Part:
    """Two convolutions of a run as one part that counts them."""
    facts = dict(a.facts)
    count = facts.get("count", 1)
    facts["count"] = (count if isinstance(count, int) else 1) + 1
    steps = facts.get("steps", [stride_of(a.facts)])
    facts["steps"] = [*steps, stride_of(b.facts)] if isinstance(steps, list) else []
    facts.pop("kernel", None)
    return replace(a, facts=facts, parameters=a.parameters + b.parameters)
