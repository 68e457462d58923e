"""Models without layers: tables under what reads them, the loss that compares what they give."""

from __future__ import annotations

from irgen.ir.architecture import Architecture, Embedding, Fact, Objective
from irgen.scene import literal
from irgen.views.layout.tree import Chain, Leaf, Par, Piece
from irgen.views.numbers import shape, times
from irgen.views.sources import KINDS, UNKNOWN, letters, pill
from irgen.views.words import Words

POOLED = {"mean": "Mean", "sum": "Sum", "max": "Maximum"}

ROOM = 150.0
"""Least width of a box in a branch."""

MOST = 4
"""Branches that stand side by side."""


def objective_chain(found: Architecture, aim: Objective, words: Words) -> Chain:
    """Inputs, the tables and weights that they go through, the loss that compares the results."""
    branches = [*_tables(found, words), *_weights(found, aim, words)]
    box = Leaf("aim", "head", words(TITLES.get(aim.kind, "Loss")), note(aim, words), wide=len(branches) > 1, rows=3)
    out = pill("out", words("Loss"), shape(found.outputs[aim.output].shape))
    below: list[Piece] = [Par(branches)] if len(branches) > 1 else branches
    return Chain([*below, box, out])


def fits(found: Architecture) -> bool:
    """Whether the branches of a loss have room side by side."""
    return 0 < len(_groups(found)) <= MOST


TITLES = {
    "negative-sampling": "Negative sampling",
    "weighted-squares": "Weighted least squares",
    "squares": "Squared error",
    "cross-entropy": "Cross-entropy",
}


def note(aim: Objective, words: Words) -> str:
    """What a loss adds up, as a formula."""
    facts = aim.facts
    if aim.kind == "negative-sampling":
        return f"−log σ(s) − Σ_{{{facts.get('negatives')}}} log σ(−s)"
    if aim.kind == "cross-entropy":
        return f"−log p({words('target')})"
    target = "log x" if facts.get("target") == "logarithm" else words("target")
    said = "w · w̃" if facts.get("biases") is not None else "p"
    said += " + b + b̃" if facts.get("biases") == 2 else ""
    return f"Σ f(x) ({said} − {target})²" if aim.kind == "weighted-squares" else f"Σ ({said} − {target})²"


def _groups(found: Architecture) -> dict[tuple[int, ...], list[tuple[int, Embedding]]]:
    """The tables by the inputs that look them up, the widest first."""
    groups: dict[tuple[int, ...], list[tuple[int, Embedding]]] = {}
    for number, embedding in enumerate(found.embeddings):
        inputs = embedding.facts.get("inputs") or ([embedding.input] if embedding.input is not None else [])
        groups.setdefault(tuple(inputs), []).append((number, embedding))
    return {inputs: sorted(one, key=lambda pair: -(pair[1].width or 0)) for inputs, one in groups.items()}


def _tables(found: Architecture, words: Words) -> list[Piece]:
    branches: list[Piece] = []
    for inputs, tables in _groups(found).items():
        number, main = tables[0]
        kind = KINDS.get(main.kind, UNKNOWN)
        said = times(main.size, main.width) if main.size and main.width else ""
        said += " + " + words("bias") if any(other.width == 1 for _, other in tables[1:]) else ""
        tip = "; ".join(f"{words(kind.title)} {times(e.size, e.width)}" for _, e in tables if e.size and e.width)
        box = Leaf(f"e{number}", kind.role, words(kind.title), said, tooltip=tip, wide=len(inputs) > 1)
        pills: list[Piece] = [_pill(found, i, words) for i in inputs]
        items: list[Piece] = [Par(pills)] if len(pills) > 1 else pills
        items.append(box)
        if main.facts.get("pooled"):
            title = words(POOLED.get(str(main.facts["pooled"]), "Pooling"))
            over = found.inputs[inputs[0]].shape[-1] if len(inputs) == 1 else None
            items.append(Leaf(f"e{number}.pool", "norm", title, words("of {n}", n=over) if over else ""))
        for item in items:
            if isinstance(item, Leaf):
                item.least = ROOM
        branches.append(Chain(items))
    return branches


def _weights(found: Architecture, aim: Objective, words: Words) -> list[Piece]:
    """The input whose value decides how much an error weighs."""
    index = aim.facts.get("input")
    if aim.kind != "weighted-squares" or not isinstance(index, int):
        return []
    said = f"min((x / {_plain(aim.facts.get('most'))})^{{{aim.facts.get('power')}}}, 1)"
    return [Chain([_pill(found, index, words), Leaf("weight", "norm", words("Weight f(x)"), said)])]


def _plain(value: Fact) -> str:
    """A number without a point where it is whole."""
    return f"{value:g}" if isinstance(value, int | float) else ""


def _pill(found: Architecture, index: int, words: Words) -> Leaf:
    port = found.inputs[index]
    tip = f"{literal(port.name, 60)} {shape(port.shape, letters(found))}"
    return pill(f"i{index}", literal(port.name, 22) or words("Input"), shape(port.shape, letters(found)), tip)
