"""Mixture of experts: Σ of weight_e · expert_e(x) over the k best-scored experts e, shared experts beside.

Shazeer et al. 2017, equations 1–5; group-limited choice: DeepSeek-V3, section 2.1.2; experts that choose tokens: Zhou
et al. 2022; soft mixtures: Puigcerver et al. 2023. Without a choice in the graph a router is told by what it does.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from irgen.ir.architecture import Evidence
from irgen.match.analysis import Analysis
from irgen.match.experts import Expert, contractions, find_experts, is_routed, only_weights, weight_of
from irgen.match.mixture import NEAREST, Mixture, evidence_of, facts_of, not_several
from irgen.match.pattern import Branch, Finding, Pattern, Refusal
from irgen.match.routing import SELECTIONS, Routing, find_routings, reached_from
from irgen.match.weighing import Shares, empty_columns, shares_of, weighing_of
from irgen.match.weighted import Weighted


def prove(branch: Branch) -> list[Finding] | Refusal:
    """One mixture for each router of the branch that chooses among experts."""
    _rest_in_attention(branch)
    found = contractions(branch.analysis, branch.region - branch.claimed)
    chosen = _by_choice(branch, found)
    if not isinstance(chosen, str):
        return chosen
    weighed = _by_shares(branch, found)
    if isinstance(weighed, Finding):
        return [weighed]
    return Refusal(weighed or chosen)


# -- a selection stands in the graph ---------------------------------------------------------------------------------


def _by_choice(branch: Branch, found: dict[str, Weighted]) -> list[Finding] | str:
    routings = find_routings(branch.analysis, branch.region, branch.free(*SELECTIONS))
    if isinstance(routings, str):
        return routings
    mixtures: dict[tuple[str, ...], Mixture] = {}
    reason = ""
    for routing in routings:
        mixture = _mixture(branch, routing, found)
        if isinstance(mixture, str):
            reason = mixture
            continue
        # A router of groups before one of experts weighs the same experts: the finer one is their router.
        key = tuple(w.node for w in mixture.parts)
        if key not in mixtures or mixtures[key].routing.experts <= routing.experts:
            mixtures[key] = mixture
    findings: list[Finding] = []
    for mixture in mixtures.values():
        verified = _verified(branch, mixture)
        if isinstance(verified, str):
            reason = verified
        else:
            findings.append(_finding(branch, *verified))
    return findings or reason


def _mixture(branch: Branch, routing: Routing, found: dict[str, Weighted]) -> Mixture | str:
    analysis = branch.analysis
    router = routing.router.node if routing.router is not None else ""
    behind = {name: w for name, w in found.items() if name != router}
    weights = only_weights(analysis, behind, routing, branch.region)
    experts = find_experts(analysis, behind, branch.region, weights)
    routed = [e for e in experts if is_routed(analysis, e, routing)]
    others = [e for e in experts if e not in routed]
    parts = [w for e in routed for w in e.contractions] or _lone(analysis, behind, routing)
    if not parts:
        return f"the {routing.top_k} chosen of {routing.experts} select no learned weights: no choice among experts"
    if (why := not_several(parts, [e.down for e in routed] or parts, routing)) is not None:
        return why
    shared = [e for e in others if _beside(analysis, e, parts)]
    mixture = Mixture(routing, routed, parts, shared)
    if mixture.picked and mixture.experts > routing.experts:
        # Product keys: each token looks up so many rows, whatever the scores of halves were chosen among.
        rows = max(analysis[i].tensor.size for w in mixture.ends for i in w.chosen)
        tokens = analysis[branch.outs[0]].size // branch.width
        return replace(mixture, routing=replace(routing, top_k=max(rows // tokens, 1)))
    return mixture


def _lone(analysis: Analysis, found: dict[str, Weighted], routing: Routing) -> list[Weighted]:
    """Experts that are one contraction each: those whose weights the router picks, or whose results it weighs."""
    return [
        w
        for w in found.values()
        if any(i in routing.reached for i in w.chosen)
        or (w.stack == routing.experts and w.x in routing.reached)
        or (w.stack in {None, routing.experts} and weight_of(analysis, w, routing) is not None)
    ]


def _verified(branch: Branch, mixture: Mixture) -> tuple[Mixture, Shares | None] | str:
    """A mixture held against the shares of its experts, where these can be told."""
    routing = mixture.routing
    shares = _shares(branch, mixture.routed) if mixture.routed else "each expert is one contraction"
    if isinstance(shares, str) or routing.top_k is None:
        return mixture, None
    if shares.most == 0 and any(w.x in routing.reached for w in mixture.parts):
        return mixture, None  # the tokens are weighed in front of the experts
    if shares.most == 0:
        return "what the experts count does not depend on the router's choice"
    top_k: int | None = routing.top_k
    whole = shares.experts >= mixture.experts
    if shares.most > routing.top_k or (whole and shares.top_k is not None):
        top_k = shares.top_k
    normalized = routing.normalized
    if normalized is None or (whole and not shares.flat and top_k is not None and shares.most == top_k):
        normalized = shares.normalized
    experts = routing.experts
    if not whole and routing.router is not None:
        experts -= empty_columns(branch.analysis, shares, routing.router)
    routing = replace(routing, experts=experts, top_k=top_k, normalized=normalized)
    return replace(mixture, routing=routing), shares


def _shares(branch: Branch, experts: list[Expert]) -> Shares | str:
    return shares_of(
        branch.analysis, experts[::-1], branch.region, branch.outs[0], branch.marks.setdefault("shares", [])
    )


# -- no selection: the shares tell -----------------------------------------------------------------------------------


def _by_shares(branch: Branch, found: dict[str, Weighted]) -> Finding | str:
    """A mixture told by what its experts count, or why there is none (nothing said where no two are alike)."""
    analysis = branch.analysis
    experts = find_experts(analysis, found, branch.region)
    makes = Counter(_make(e) for e in experts)
    alike = [e for e in experts if makes[_make(e)] >= NEAREST or (e.down.stack or 1) >= NEAREST]
    if not alike:
        return ""
    make = _make(max(alike, key=lambda e: (makes[_make(e)], e.down.stack or 1)))
    alike = [e for e in alike if _make(e) == make]
    shares = _shares(branch, alike)
    if isinstance(shares, str):
        return shares
    own = {w.node for e in experts for w in e.contractions}
    weighing = weighing_of(analysis, shares, [w for w in found.values() if w.node not in own])
    if isinstance(weighing, str):
        return weighing
    numbers = {r.node: r.number for r in shares.results}
    routed = [e for e in alike if _is_routed(numbers[e.down.node], shares.routed)]
    parts = [w for e in routed for w in e.contractions]
    shared = [e for e in experts if e not in routed and _beside(analysis, e, parts)]
    router = weighing.router
    reached = reached_from(analysis, router.node, branch.region) if router is not None else frozenset[str]()
    top_k = shares.top_k
    routing = Routing(
        router, (), len(shares.routed), top_k, weighing.scoring, shares.normalized, reached, weighing.check
    )
    return _finding(branch, Mixture(routing, routed, parts, shared), shares)


def _make(expert: Expert) -> tuple[int, int, int]:
    return expert.hidden, expert.down.fan_out, len(expert.ups)


def _is_routed(number: NDArray[np.int64] | None, routed: tuple[int, ...]) -> bool:
    return number is None or number.size != 1 or int(number.reshape(-1)[0]) in routed


# -- experts inside attention -----------------------------------------------------------------------------------------


def _rest_in_attention(branch: Branch) -> None:
    """Tell attention whose projections are experts (Zhang et al. 2022) how many learned numbers a token leaves out."""
    analysis = branch.analysis
    attention = next((f for f in branch.found if f.label in {"self-attention", "cross-attention"}), None)
    if attention is None or "idle" in attention.facts:
        return
    place = analysis.place.__getitem__
    selections = sorted((n for n in branch.region if analysis.op(n) in SELECTIONS), key=place)
    routings = find_routings(analysis, branch.region, selections) if selections else ""
    if isinstance(routings, str):
        return
    idle: dict[str, int] = {}
    found = contractions(analysis, branch.region)
    pairs = {w.node for e in find_experts(analysis, found, branch.region) for w in e.contractions}
    for routing in routings:
        for w in (w for w in found.values() if w.node not in pairs):
            picked = any(i in routing.reached for i in w.chosen)
            if routing.top_k is None or w.stack != routing.experts or not (picked or w.x in routing.reached):
                continue
            idle |= {p: analysis[p].size // routing.experts * (routing.experts - routing.top_k) for p in w.params}
    if idle:
        attention.facts["idle"] = sum(idle.values())
        check = f"{len(idle)} stacks of projections are experts of which a router chooses: a token passes some of them"
        attention.evidence.append(Evidence("experts", check, tuple(idle)))


# -- both ------------------------------------------------------------------------------------------------------------


def _beside(analysis: Analysis, expert: Expert, parts: list[Weighted]) -> bool:
    """Whether an unrouted feed-forward stands beside the routed ones, not in front of or behind them."""
    own = {w.node for w in expert.contractions}
    routed = {w.node for w in parts}
    first = min(own | routed, key=analysis.place.__getitem__)
    floor = analysis.place[first]
    behind_expert = any(own & analysis.back(w.x, floor) for w in parts[:2])
    behind_routed = any(routed & analysis.back(w.x, floor) for w in expert.contractions)
    return not behind_expert and not behind_routed


def _finding(branch: Branch, mixture: Mixture, shares: Shares | None) -> Finding:
    analysis, routing = branch.analysis, mixture.routing
    evidence = evidence_of(analysis, mixture)
    if shares is not None and routing.selections:
        said = f"marks put on the results of {shares.experts} experts come out at {shares.most} a token at most"
        evidence.append(Evidence("shares", f"{said} (two draws)", (shares.join,)))
    ports = {"down": mixture.parts[-1].node}
    if routing.router is not None:
        ports["router"] = routing.router.node
    if routing.selections:
        ports["selection"] = routing.selections[-1]
    return Finding("moe", facts_of(analysis, mixture), _nodes(branch, mixture), ports, evidence)


def _nodes(branch: Branch, mixture: Mixture) -> set[str]:
    """Everything of the branch in front of or behind the router and the experts."""
    analysis = branch.analysis
    core = {w.node for w in mixture.parts}
    if mixture.routing.router is not None:
        core.add(mixture.routing.router.node)
    for e in mixture.shared:
        core |= e.nodes
    left = branch.region - branch.claimed
    ahead: set[str] = set()
    stack = list(core)
    while stack:
        name = stack.pop()
        if name in ahead or name not in left:
            continue
        ahead.add(name)
        stack.extend(analysis.inputs(name))
    behind = set(core)
    for name in sorted(left, key=analysis.place.__getitem__):
        if any(s in behind for s in analysis[name].inputs):
            behind.add(name)
    gates = {n for n in left if any(u in behind for u in analysis.users[n])}
    return (ahead | behind | gates) & left


PATTERN = Pattern(label="moe", prove=prove, mixes=False, after=("self-attention", "cross-attention"))
