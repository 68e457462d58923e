"""Mixture of experts: Σ of weight_e · expert_e(x) over the k best-scored experts e, shared experts beside.

Shazeer et al. 2017, equations 1–5; group-limited choice: DeepSeek-V3, section 2.1.2.
"""

from __future__ import annotations

from collections import Counter

from irgen.ir.architecture import Evidence, Fact
from irgen.match.analysis import Analysis
from irgen.match.experts import Expert, contractions, find_experts, is_routed, weight_of
from irgen.match.pattern import Branch, Finding, Pattern, Refusal
from irgen.match.routing import SELECTIONS, Routing, find_routings
from irgen.match.weighted import Weighted

NEAREST = 2
"""So many separate experts at least must be weighed by the router where their weights are not stacked."""


def prove(branch: Branch) -> list[Finding] | Refusal:
    """One mixture for each router of the branch that chooses among experts."""
    analysis = branch.analysis
    free = branch.free(*SELECTIONS)
    routings = find_routings(analysis, branch.region, free)
    if isinstance(routings, str):
        return Refusal(routings)
    found = contractions(analysis, branch.region - branch.claimed)
    findings: list[Finding] = []
    reason = ""
    for routing in routings:
        answer = _mixture(branch, routing, found)
        if isinstance(answer, Finding):
            findings.append(answer)
        else:
            reason = answer
    return findings or Refusal(reason)


def _mixture(branch: Branch, routing: Routing, found: dict[str, Weighted]) -> Finding | str:
    analysis = branch.analysis
    behind = {name: w for name, w in found.items() if name != routing.router.node}
    experts = find_experts(analysis, behind, branch.region)
    routed = [e for e in experts if is_routed(analysis, e, routing)]
    others = [e for e in experts if e not in routed]
    parts = [w for e in routed for w in e.contractions] or _lone(analysis, behind, routing)
    if not parts:
        return f"the {routing.top_k} chosen of {routing.experts} select no learned weights: no choice among experts"
    if (why := _not_several(parts, routing)) is not None:
        return why
    shared = [e for e in others if _beside(analysis, e, parts)]
    facts = _facts(analysis, routing, routed, shared, parts)
    nodes = _nodes(branch, routing, parts, shared)
    evidence = _evidence(analysis, routing, routed, shared, parts)
    ports = {"router": routing.router.node, "selection": routing.selections[-1], "down": parts[-1].node}
    return Finding("moe", facts, nodes, ports, evidence)


def _lone(analysis: Analysis, found: dict[str, Weighted], routing: Routing) -> list[Weighted]:
    """Experts that are one contraction each: those whose weights the router picks, or whose results it weighs."""
    return [
        w
        for w in found.values()
        if any(i in routing.reached for i in w.chosen)
        or (w.stack == routing.experts and w.x in routing.reached)
        or (w.stack in {None, routing.experts} and weight_of(analysis, w, routing) is not None)
    ]


def _not_several(parts: list[Weighted], routing: Routing) -> str | None:
    """Why these contractions are not several experts, or None if they are."""
    if any(w.stack is not None and w.stack >= 2 for w in parts):
        return None
    if any(i in routing.reached for w in parts for i in w.chosen):
        return None
    distinct = {w.params for w in parts}
    like = Counter((w.fan_in, w.fan_out) for w in parts if w.params in distinct)
    if max(like.values()) >= NEAREST:
        return None
    return f"the {routing.top_k} chosen of {routing.experts} share one set of weights: entries are chosen, not experts"


def _beside(analysis: Analysis, expert: Expert, parts: list[Weighted]) -> bool:
    """Whether an unrouted feed-forward stands beside the routed ones, not in front of or behind them."""
    own = {w.node for w in expert.contractions}
    routed = {w.node for w in parts}
    first = min(own | routed, key=analysis.place.__getitem__)
    floor = analysis.place[first]
    behind_expert = any(own & analysis.back(w.x, floor) for w in parts[:2])
    behind_routed = any(routed & analysis.back(w.x, floor) for w in expert.contractions)
    return not behind_expert and not behind_routed


def _facts(
    analysis: Analysis, routing: Routing, routed: list[Expert], shared: list[Expert], parts: list[Weighted]
) -> dict[str, Fact]:
    act = next((a for e in routed[:3] if (a := e.activation(analysis)) is not None), None)
    hidden = routed[0].hidden if routed else None
    stacks = {w.stack for w in parts if w.stack is not None}
    experts = next(iter(stacks)) if len(stacks) == 1 else routing.experts
    if not routing.top_k <= experts <= routing.experts:
        experts = routing.experts
    return {
        "experts": experts,
        "top_k": routing.top_k,
        "scoring": routing.scoring,
        "normalized": routing.normalized,
        "shared_experts": sum(_in_experts(analysis, e, hidden) for e in shared),
        "hidden": hidden,
        "activation": act.name if act else None,
        "gated": act.gated if act else (False if not routed else None),
        "idle": _idle(analysis, routed, parts, experts, routing.top_k),
    }


def _in_experts(analysis: Analysis, shared: Expert, hidden: int | None) -> int:
    """How many routed experts a shared one is as wide as: several of them side by side are one wide matrix.

    A shared expert whose result has a gate of its own is one, however wide.
    """
    if hidden is None or shared.hidden % hidden or _has_gate(analysis, shared):
        return 1
    return max(shared.hidden // hidden, 1)


def _has_gate(analysis: Analysis, shared: Expert) -> bool:
    for user in analysis.users[shared.down.out]:
        node = analysis[user]
        at = user
        while analysis[at].op in {"reshape", "cast", "transpose"} and (after := analysis.single_user(at)):
            at = after
            node = analysis[at]
        if node.op == "mul" and len(analysis.data(at)) == 2:
            return True
    return False


def _idle(analysis: Analysis, routed: list[Expert], parts: list[Weighted], experts: int, top_k: int) -> int:
    """Learned numbers of the routed experts that one token does not pass.

    Experts that no token of the trace was sent to are counted like those that were.
    """
    params = dict.fromkeys(p for w in parts for p in w.params)
    stacked = {
        p
        for p in params
        if analysis[p].shape[:1] == (experts,) and any(p in w.params and _is_stack(w, experts) for w in parts)
    }
    one = sum(analysis[p].size for p in stacked) // experts
    single = sum(analysis[p].size for p in params if p not in stacked)
    ends = {w.params for w in ([e.down for e in routed] or parts) if not stacked.issuperset(w.params)}
    held = sum(max(sum(len(analysis[p].shape) == 2 for p in own), 1) for own in ends)
    if single and held:
        one += single // held
    return one * (experts - top_k)


def _is_stack(w: Weighted, experts: int) -> bool:
    return w.stack == experts or bool(w.chosen)


def _nodes(branch: Branch, routing: Routing, parts: list[Weighted], shared: list[Expert]) -> set[str]:
    """Everything of the branch in front of or behind the router and the experts."""
    analysis = branch.analysis
    core = {routing.router.node, *(w.node for w in parts)}
    for e in shared:
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


def _evidence(
    analysis: Analysis, routing: Routing, routed: list[Expert], shared: list[Expert], parts: list[Weighted]
) -> list[Evidence]:
    said = [
        Evidence(
            "router",
            f"{routing.top_k} of {routing.experts} scores of a learned contraction are chosen",
            (routing.router.node, *routing.selections),
        ),
        Evidence("weights", routing.check, (routing.selections[-1],)),
        Evidence(
            "experts",
            f"{len(parts)} contractions read tokens, take weights or have their result weighed by the router",
            tuple(w.node for w in parts[:8]),
        ),
    ]
    act = next((a for e in routed[:1] if (a := e.activation(analysis)) is not None), None)
    if act is not None:
        said.append(Evidence("activation", act.check, (routed[0].down.node,)))
    if shared:
        nodes = tuple(w.node for e in shared for w in e.contractions)
        said.append(
            Evidence("shared experts", f"{len(shared)} feed-forwards beside them do not depend on the router", nodes)
        )
    return said


PATTERN = Pattern(label="moe", prove=prove, mixes=False, after=("self-attention", "cross-attention"))
