"""From residual sums to layers: the form of each sum, the layers of a chain, the distinct blocks of a stack."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from irgen.ir.architecture import Block, Part
from irgen.ir.graph import Node
from irgen.match.analysis import HEAVY, NORMS, PARAM, Analysis
from irgen.match.pattern import Finding, Pattern
from irgen.patterns.sums import Sum

_SPATIAL = frozenset({"batch_norm", "group_norm"})
"""Norms that belong to the convolutions of a block, not to its residual stream."""

NORM_WORDS: dict[str, str] = {
    "layer_norm": "layernorm",
    "rms_norm": "rmsnorm",
    "batch_norm": "batchnorm",
    "l2_norm": "rmsnorm",
}


_ATTENTION = frozenset({"self-attention", "cross-attention"})
_CARRYING = frozenset({"selective-scan", "linear-recurrence", "rnn"})
"""Mixers that carry a state along the tokens."""


@dataclass(slots=True)
class Sublayer:
    """One residual sum with what its branches are and how it is normed."""

    sum: Sum
    found: list[tuple[Finding, Pattern]]
    rejected: list[tuple[str, str]]
    form: str
    norm: str
    norms: list[str] = field(default_factory=list[str])
    ops: dict[str, int] = field(default_factory=dict[str, int])

    @property
    def mixes(self) -> bool:
        """Whether it moves information between tokens (what is unknown counts as a mixer)."""
        return not self.found or any(pattern.mixes for _, pattern in self.found)

    @property
    def transforms(self) -> bool:
        """Whether it holds a channel part."""
        return any(not pattern.mixes for _, pattern in self.found)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The labels of its findings."""
        return tuple(f.label for f, _ in self.found) or ("unknown",)


def norm_word(analysis: Analysis, name: str) -> str:
    """The facts record's word for a norm node."""
    node = analysis[name]
    if node.op == "group_norm":
        return "instancenorm" if node.attrs.get("groups") == analysis[node.inputs[0]].shape[1] else "groupnorm"
    return NORM_WORDS.get(node.op, "none")


def part_norm(analysis: Analysis, name: str) -> str:
    """The word for a norm on the trunk: `l2` where vectors are left at length one, nothing learned behind it."""
    gains = (u for u in analysis.users[name] if analysis.op(u) == "mul")
    gained = any(analysis.cls[s] == PARAM and analysis[s].size > 1 for u in gains for s in analysis.inputs(u))
    return "l2" if analysis.op(name) == "l2_norm" and not gained else norm_word(analysis, name)


def carried_norms(analysis: Analysis, sums: list[Sum]) -> frozenset[str]:
    """The norms whose output is the stream that a later sum carries."""
    return frozenset(n for s in sums if (n := _norm_at(analysis, s.root)) is not None)


def form_of(
    analysis: Analysis, s: Sum, found: list[tuple[Finding, Pattern]], carried: frozenset[str]
) -> tuple[str, str, list[str]]:
    """Where the norms of a sum stand, which norm it is, and the norm nodes: (form, norm, nodes)."""
    if not s.residual:
        inside = [n for n in sorted(s.region, key=analysis.place.__getitem__) if analysis.op(n) in NORMS]
        return "none", norm_word(analysis, inside[0]) if inside else "none", []
    spatial = all(f.label == "convolution" for f, _ in found)
    entry = [n for n in s.region if analysis.op(n) in NORMS and _reads(analysis, n, s.reads)]
    entry = [n for n in entry if not spatial or analysis.op(n) not in _SPATIAL]
    entry.sort(key=analysis.place.__getitem__)
    if not entry:
        entry = _gate_norm(analysis, s, found)
    leaving = [n for branch in s.leaves if (n := _exit_norm(analysis, branch, s)) is not None]
    behind = _post_norm(analysis, s)
    before = _norm_at(analysis, s.root)
    form, norms = "none", entry or leaving
    if entry:
        form = "sandwich" if leaving else "pre-norm"
        norms = [*entry, *leaving]
    elif leaving:
        form = "sandwich"
    elif behind is not None and (behind in carried or (before is not None and s.before)):
        form, norms = "post-norm", [behind]
    elif before is not None and s.before:
        form, norms = "post-norm", [before]
    if spatial and all(analysis.op(n) in _SPATIAL for n in norms):
        form, norms = "none", []
    if form != "none" and _side_by_side(analysis, found):
        form = "parallel"
    inside = [n for n in sorted(s.region, key=analysis.place.__getitem__) if analysis.op(n) in NORMS]
    word = norm_word(analysis, (norms or inside)[0]) if norms or inside else "none"
    return form, word, [n for n in norms if n in s.region or n == behind]


def _gate_norm(analysis: Analysis, s: Sum, found: list[tuple[Finding, Pattern]]) -> list[str]:
    """A norm of the branch on which every learned contraction of its findings depends.

    So it stands where the stream reaches the branch through a mixing of several streams.
    """
    learned = {n for f, _ in found for n in f.nodes & s.region if analysis.op(n) in {"linear", "conv"}}
    if not learned:
        return []
    norms = [n for n in s.region if analysis.op(n) in NORMS - _SPATIAL and analysis[n].shape[-1] == s.width]
    for norm in sorted(norms, key=analysis.place.__getitem__):
        if all(analysis.reaches(norm, n) for n in learned):
            return [norm]
    return []


def _side_by_side(analysis: Analysis, found: list[tuple[Finding, Pattern]]) -> bool:
    """Whether a mixer and a channel part of one sum, or an attention and a recurrence, do not feed one another."""
    mixers = [f.nodes for f, pattern in found if pattern.mixes]
    channels = [f.nodes for f, pattern in found if not pattern.mixes]
    if not channels:
        channels = [f.nodes for f, _ in found if f.label in _CARRYING]
        mixers = [f.nodes for f, _ in found if f.label in {"self-attention", "cross-attention"}]
    if not mixers or not channels:
        return False
    mixing, transforming = (
        {n for n in set[str]().union(*sets) if analysis.op(n) in HEAVY} for sets in (mixers, channels)
    )
    if not mixing or not transforming:
        return False
    floor = min(analysis.place[n] for n in mixing | transforming)
    for one, other in ((mixing, transforming), (transforming, mixing)):
        last = max(one, key=analysis.place.__getitem__)
        if analysis.back(last, floor) & other - one:
            return False
    return True


def _reads(analysis: Analysis, norm: str, root: str) -> bool:
    return analysis.strip(analysis[norm].inputs[0]) == root


def _exit_norm(analysis: Analysis, branch: str, s: Sum) -> str | None:
    """A norm through which a branch leaves, met before anything but views and scales."""
    for name in analysis.walk(branch, _nowhere):
        if analysis.op(name) in NORMS - _SPATIAL:
            return name if name in s.region else None
    return None


def _post_norm(analysis: Analysis, s: Sum) -> str | None:
    """The norm that is the only reader of a sum."""
    name = s.node
    while (user := analysis.single_user(name)) is not None:
        if analysis.op(user) in NORMS:
            return user
        if analysis.op(user) not in {"reshape", "transpose", "cast", "expand", "stop_gradient"}:
            return None
        name = user
    readers = set(analysis.users[s.node])
    norms = {u for u in readers if analysis.op(u) in NORMS}
    return next(iter(norms)) if len(readers) == 1 and norms else None


def _nowhere(_: Node) -> bool:
    return False


def _norm_at(analysis: Analysis, root: str) -> str | None:
    """The norm whose output the stream is, where it is carried behind its norm (one for each group of tokens)."""
    name = root
    for name in analysis.walk(root, lambda node: node.op == "slice"):
        if analysis.op(name) in NORMS:
            return name
    groups = analysis.data(name) if analysis.op(name) == "concat" else []
    norms = [_norm_at(analysis, group) for group in groups]
    return norms[0] if norms and None not in norms else None


def into_layers(sublayers: list[Sublayer]) -> list[list[Sublayer]]:
    """Cut a chain of sublayers into layers: mixers, then the channel part.

    Attention without a residual belongs to the layer whose states ask (Luong et al. 2015, section 3).
    """
    asking = [i for i, s in enumerate(sublayers) if i and not s.sum.residual and set(s.kinds) <= _ATTENTION]
    if asking:
        layers = into_layers([s for i, s in enumerate(sublayers) if i not in asking])
        for i in asking:
            layer = next(layer for layer in layers if sublayers[i - 1] in layer)
            layer.append(sublayers[i])
        return layers
    channel = [s.transforms for s in sublayers]
    if not any(channel) or all(s.transforms and not s.mixes for s in sublayers):
        return _by_period(sublayers)
    if sublayers[0].transforms and not sublayers[0].mixes:
        whole = _by_period(sublayers)
        if len(whole) < len(sublayers):
            return whole
        rest = into_layers(sublayers[1:])
        return [[sublayers[0]], *rest] if len({tuple(s.kinds for s in layer) for layer in rest}) == 1 else whole
    layers: list[list[Sublayer]] = []
    for s in sublayers:
        opens = not layers or (s.mixes and layers[-1][-1].transforms)
        if opens:
            layers.append([s])
        else:
            layers[-1].append(s)
    return layers


def _by_period(sublayers: list[Sublayer]) -> list[list[Sublayer]]:
    """Cut by the shortest period of the kinds; one layer a sum where nothing alternates."""
    kinds = [s.kinds for s in sublayers]
    total = len(kinds)
    for period in range(1, total // 2 + 1):
        if total % period == 0 and all(kinds[i] == kinds[i % period] for i in range(total)):
            return [sublayers[i : i + period] for i in range(0, total, period)]
    return [[s] for s in sublayers]


def into_blocks(layers: list[list[Sublayer]], parts: dict[str, list[Part]]) -> list[Block]:
    """The distinct layers with their places. `parts` holds the sublayers of each sum."""
    blocks: dict[str, Block] = {}
    for index, layer in enumerate(layers):
        sublayers = [part for s in layer for part in parts[s.sum.node]]
        form, norm = layer_form(layer)
        for part in sublayers:
            part.form = form if part.form in {None, "none"} else part.form
        key = repr((form, norm, [(p.kind, _shown(p)) for p in sublayers]))
        if key in blocks:
            blocks[key].at.append(index)
        else:
            blocks[key] = Block([index], form, norm, sublayers, sum(p.parameters for p in sublayers))
    return list(blocks.values())


def _shown(part: Part) -> list[tuple[str, object]]:
    return sorted((k, v) for k, v in part.facts.items())


def layer_form(layer: list[Sublayer]) -> tuple[str, str]:
    """The residual form and the norm of a layer: what most of its sums have, `none` yielding to anything."""
    forms = Counter(s.form for s in layer if s.form != "none")
    norms = Counter(s.norm for s in layer if s.norm != "none")
    form = "parallel" if "parallel" in forms else (forms.most_common(1)[0][0] if forms else "none")
    return form, (norms.most_common(1)[0][0] if norms else "none")
