"""What each residual sum adds, by the patterns, and the blocks of networks without one."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise

from irgen.ir.architecture import Part
from irgen.match.analysis import Analysis
from irgen.match.pattern import Branch, Pattern, classify
from irgen.patterns.branching import joint_of
from irgen.patterns.cores import Core
from irgen.patterns.layers import Sublayer, carried_norms, form_of
from irgen.patterns.parameters import weight_size
from irgen.patterns.sums import Sum
from irgen.patterns.units import find_attentions, find_units

SILENT = frozenset(
    {"input", "param", "const", "arange", "full", "reshape", "transpose", "expand", "slice", "cast", "concat", "pick"}
)
"""Operators that are not counted as unknown: they move or hold, they do not compute."""


_APART = frozenset({"depthwise", "inverted-residual"})
"""Variants of convolutions that filter each channel alone."""


@dataclass(frozen=True, slots=True)
class _Known:
    """What passes over the whole graph have found before its branches are looked at."""

    marks: dict[str, list[object]]
    attentions: dict[str, Core]
    carried: frozenset[str]


def find_sublayers(analysis: Analysis, sums: list[Sum], cores: list[Core], patterns: list[Pattern]) -> list[Sublayer]:
    """What each residual sum adds, and the blocks without a residual where no attention is among the sums."""
    known = _Known({}, {core.out: core for core in cores}, carried_norms(analysis, sums))
    sublayers = _own_layers(analysis, [_sublayer(analysis, s, patterns, known) for s in sums])
    if not all(_is_spatial(s) for s in sublayers) or (cores and sublayers):
        return sublayers
    blocks = find_units(analysis, sums)
    blocks += find_attentions(analysis, cores, blocks)
    return _with_units(analysis, sublayers, [_sublayer(analysis, s, patterns, known) for s in blocks])


def _own_layers(analysis: Analysis, sublayers: list[Sublayer]) -> list[Sublayer]:
    """Without the sums that nothing explains and that only what is explained reads: states that routers hand on."""
    unknown = [s for s in sublayers if not s.found]
    if not unknown:
        return sublayers
    explained = {n for s in sublayers for f, _ in s.found for n in f.nodes}
    within = explained.union(*(s.sum.region | {s.sum.node} for s in unknown))
    inner = {
        s.sum.node
        for s in unknown
        if any(u in explained for u in analysis.users[s.sum.node])
        and s.sum.node not in analysis.outputs
        and all(u in within for u in analysis.users[s.sum.node])
    }
    return [s for s in sublayers if s.sum.node not in inner]


def _sublayer(analysis: Analysis, s: Sum, patterns: list[Pattern], known: _Known) -> Sublayer:
    inside = analysis.between(s.reads, s.leaves) if s.exits else s.region
    axis = len(analysis[s.leaves[0]].shape) - 1 if s.exits else s.axis
    trunk = None if s.exits else s.trunk
    branch = Branch(analysis, s.reads, s.leaves, inside, axis, trunk, known.marks, attentions=known.attentions)
    found, rejected = classify(branch, patterns)
    form, norm, norms = form_of(analysis, s, found, known.carried)
    left = s.region - branch.claimed
    ops = Counter(analysis.op(n) for n in left if analysis.is_data(n) and analysis.op(n) not in SILENT)
    return Sublayer(s, found, rejected, form, norm, norms, dict(sorted(ops.items())))


def _is_spatial(s: Sublayer) -> bool:
    """Whether a sublayer is a convolution or a recurrent cell (or nothing known)."""
    return {f.label for f, _ in s.found} <= {"convolution", "rnn", "pooling"}


def _with_units(analysis: Analysis, sublayers: list[Sublayer], units: list[Sublayer]) -> list[Sublayer]:
    """Blocks without a skip join the residual ones where they are of the same make; they stand alone where none is."""
    makes = {_make(s) for s in sublayers}
    widths = {s.sum.width for s in sublayers}
    alike = [u for u in units if _make(u) in makes and (_is_apart(u) or u.sum.width in widths)]
    joined = [*sublayers, *(alike if sublayers else (u for u in units if u.found))]
    joined.sort(key=lambda s: analysis.place[s.sum.node])
    for one, other in pairwise(joined):
        follows = other.sum.before is None and analysis.reaches(one.sum.node, other.sum.node)
        grows = _is_joined(analysis, one) and _is_joined(analysis, other)
        if follows and one.sum.tokens == other.sum.tokens and (grows or one.sum.width == other.sum.width):
            other.sum.before = one.sum.node
    return joined


def _is_joined(analysis: Analysis, s: Sublayer) -> bool:
    """Whether a block without a skip ends in branches put side by side, so that the width grows from block to block."""
    return not s.sum.residual and joint_of(analysis, s.sum.region) is not None


def _is_apart(s: Sublayer) -> bool:
    """Whether a block filters its channels apart: such blocks stand without a skip wherever the width changes."""
    return any(f.facts.get("variant") in _APART for f, _ in s.found)


def _make(s: Sublayer) -> tuple[object, ...]:
    """What a convolutional block is made of, apart from its sizes."""
    made: list[tuple[object, ...]] = []
    for f, _ in s.found:
        variant, kernel = f.facts.get("variant"), tuple(f.facts.get("kernel") or ())
        apart = variant in _APART
        many = len(f.evidence[0].nodes) if f.evidence else 1
        made.append((f.label, "depthwise") if apart else (f.label, variant, kernel, many))
    return tuple(made)


def parts_of_sum(analysis: Analysis, s: Sublayer) -> list[Part]:
    """The sublayers of one sum, as the record shows them."""
    if not s.found:
        return [Part("unknown", {"ops": s.ops}, s.sum.node, weight_size(analysis, s.sum.region), s.form)]
    return [
        Part(
            f.label,
            {k: v for k, v in f.facts.items() if k != "idle"},
            f"{s.sum.node}.{i}",
            weight_size(analysis, f.nodes),
            s.form,
        )
        for i, (f, _) in enumerate(s.found)
    ]
