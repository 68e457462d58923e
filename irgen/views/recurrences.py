"""The inside of scans and gated recurrences: the loop with its state, what is selective, and the gate."""

from __future__ import annotations

from irgen.views.captions import RECURRENCES, activation
from irgen.views.detail import Detail
from irgen.views.layers import joint
from irgen.views.layout.tree import Chain, Frame, Lane, Leaf, Par, Piece
from irgen.views.numbers import times, whole
from irgen.views.words import Words


def scan(d: Detail) -> Piece:
    """Two branches: short convolution, input-dependent parameters and the recurrence; and a gate."""
    words, facts = d.words, d.part.facts
    inner, state, kernel = d.fact("inner"), d.fact("state"), d.fact("conv_kernel")
    into = d.leaf(
        "i", "norm", words("Input projection"), f"{whole(d.width)} → 2 × {whole(inner)}" if inner and d.width else ""
    )
    into.wide = True
    update = d.leaf("h", "ssm", "h_{t} = Ā_{t} h_{t−1} + B̄_{t} x_{t}", _state(words, inner, state))
    update.loop = "h_{t−1}"
    read = d.leaf("c", "ssm", "y_{t} = C_{t} h_{t} + D x_{t}")
    name = words("Selective scan")
    if variant := RECURRENCES.get(str(facts.get("variant"))):
        name = f"{name} · {variant}"
    core = Frame(f"{d.id}.f", Chain([
        d.leaf("l", "norm", words("Linear → Δ, B, C"), words("input-dependent")), update, read,
    ], [Lane(0, 1, "flow")]), name)  # fmt: skip
    branch: list[Piece] = []
    if kernel:
        branch.append(d.leaf("k", "conv", words("Causal conv1d"), f"k={kernel} · {words('depthwise')}"))
        branch.append(d.leaf("s", "norm", d.act))
    if d.narrow:
        steps = core.child.items if isinstance(core.child, Chain) else []
        return _gated_in_line(d, [into, *branch, *steps], d.path(inner, d.width))
    gate = d.leaf("z", "norm", activation(facts.get("activation")) or words("Gate"), "z")
    return Chain([
        d.port("x"), into, Par([Chain([*branch, core]), gate], align="center", equal=False),
        joint(f"{d.id}.m", words, "×", "Elementwise product"),
        d.leaf("o", "norm", words("Output projection"), d.path(inner, d.width)), d.port("y"),
    ])  # fmt: skip


def _gated_in_line(d: Detail, steps: list[Piece], path: str) -> Chain:
    """A recurrence on a narrow page: the gate past it is a lane from the input projection."""
    if isinstance(steps[0], Leaf):
        steps[0].wide = False
    gate = d.leaf("m", "norm", f"y ⊙ {activation(d.part.facts.get('activation')) or d.words('Gate')}(z)")
    items: list[Piece] = [
        d.port("x"), *steps, gate, d.leaf("o", "norm", d.words("Output projection"), path), d.port("y"),
    ]  # fmt: skip
    return Chain(items, [Lane(2, len(steps) + 1, "flow")])


def _state(words: Words, inner: int | None, state: int | None) -> str:
    return (
        words("state {n}", n=times(inner, state))
        if inner and state
        else words("state {n}", n=whole(state))
        if state
        else ""
    )


def recurrence(d: Detail) -> Piece:
    """RG-LRU: a convolution, the gated recurrence, and a gate beside it; any other linear recurrence: its update."""
    words, facts = d.words, d.part.facts
    inner, kernel = d.fact("inner"), d.fact("conv_kernel")
    variant = str(facts.get("variant"))
    if variant != "rg-lru":
        update = d.leaf("h", "ssm", "h_{t} = a_{t} h_{t−1} + b_{t}", words("{n} wide", n=whole(inner)) if inner else "")
        update.loop = "h_{t−1}"
        return Chain([
            d.port("x"), d.leaf("i", "norm", words("Input projection"), d.path(d.width, inner)), update,
            d.leaf("o", "norm", words("Output projection"), d.path(inner, d.width)), d.port("y"),
        ])  # fmt: skip
    update = d.leaf("h", "ssm", "h_{t} = a_{t} h_{t−1} + b_{t}", "b_{t} = √(1 − a_{t}^{2}) i_{t} x_{t}")
    update.loop = "h_{t−1}"
    gates = d.leaf("l", "ssm", words("Linear → r, i"), words("sigmoid"))
    core = Frame(f"{d.id}.f", Chain([gates, update], [Lane(0, 1, "flow")]),
                 "RG-LRU")  # fmt: skip
    branch: list[Piece] = [d.leaf("i", "norm", words("Linear"), d.path(d.width, inner))]
    if kernel:
        branch.append(d.leaf("k", "conv", words("Causal conv1d"), f"k={kernel} · {words('depthwise')}"))
    if d.narrow:
        into = d.leaf("i", "norm", words("Input projection"), d.path(d.width, inner))
        return _gated_in_line(d, [into, *branch[1:], gates, update], d.path(inner, d.width))
    gate = Chain(
        [
            d.leaf("g", "norm", words("Linear")),
            d.leaf("z", "norm", activation(facts.get("activation")) or words("Gate")),
        ]
    )
    return Chain([
        d.port("x"), Par([Chain([*branch, core]), gate], align="center", equal=False),
        joint(f"{d.id}.m", words, "×", "Elementwise product"),
        d.leaf("o", "norm", words("Output projection"), d.path(inner, d.width)), d.port("y"),
    ])  # fmt: skip
