"""Gates on what an attention gives: by hidden states beside it, by itself together with them, by a learned scalar."""

from __future__ import annotations

from irgen.ir.ops import MOVES
from irgen.match.analysis import NORMS, PARAM, Analysis
from irgen.patterns.cores import Core

_THROUGH_GATE = MOVES | NORMS | frozenset({"cast", "mul", "div", "add", "where", "pick"})
_SQUASHES = frozenset({"tanh", "sigmoid", "hard_sigmoid"})


def is_gated(analysis: Analysis, core: Core) -> bool:
    """Whether the core's output is multiplied by hidden states beside it, by a gate of both, or by a squashed scalar.

    A gate of both is σ(W [x, a]) on the attention a to the stream x (Cornia et al. 2020, equation 8); the scalar is
    tanh α on the whole branch (Alayrac et al. 2022, section 2.2).
    """
    own = {core.out}
    name = core.out
    for _ in range(24):
        users = list(dict.fromkeys(analysis.users[name]))
        if len(users) != 1:
            return any(_gates_with(analysis, user, name, core.out) for user in users)
        name = users[0]
        node = analysis[name]
        if node.op == "mul":
            others = [s for s in analysis.inputs(name) if s not in own]
            for other in others:
                if (
                    analysis.is_data(other)
                    and analysis.live(other)
                    and not own & analysis.back(other, analysis.place[core.out])
                ):
                    return True
                if analysis.cls[other] == PARAM and _squash(analysis, other) is not None:
                    return True
        elif node.op not in _THROUGH_GATE and node.op != "linear":
            return False
        own.add(name)
    return False


def _gates_with(analysis: Analysis, product: str, name: str, out: str) -> bool:
    """Whether a product multiplies `name` by a squashed gate that reads it and hidden states from elsewhere."""
    if analysis.op(product) != "mul":
        return False
    for gate in (s for s in analysis.data(product) if s != name and _squash(analysis, s) is not None):
        made = analysis.between(name, [gate])
        beside = {s for n in made for s in analysis.data(n)} - made - {name}
        if any(analysis.live(s) and not analysis.reaches(out, s) for s in beside):
            return True
    return False


def _squash(analysis: Analysis, name: str) -> str | None:
    """The squashing function behind views, or None."""
    while analysis.op(name) in MOVES or analysis.op(name) == "cast":
        name = analysis.inputs(name)[0]
    return name if analysis.op(name) in _SQUASHES else None
