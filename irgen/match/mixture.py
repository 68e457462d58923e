"""What a mixture of experts is, once its router and experts are found: facts, idle weights and evidence."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from irgen.ir.architecture import Evidence, Fact
from irgen.match.analysis import Analysis
from irgen.match.experts import Expert
from irgen.match.routing import Routing
from irgen.match.weighted import Weighted

NEAREST = 2
"""So many separate experts at least must be weighed by the router where their weights are not stacked."""
_WIDEST_SHARED = 4
"""A shared expert wider than so many routed ones is one wide feed-forward, not several side by side."""


@dataclass(frozen=True, slots=True)
class Mixture:
    """A router, the experts it weighs (empty where each is one contraction), all their contractions, those beside."""

    routing: Routing
    routed: list[Expert]
    parts: list[Weighted]
    shared: list[Expert]

    @property
    def ends(self) -> list[Weighted]:
        """The contraction in which each expert ends."""
        return [e.down for e in self.routed] or self.parts

    @property
    def experts(self) -> int:
        """How many experts there are: as many as the weights have, or as the router has columns."""
        stacks = {w.stack for w in self.ends if w.stack is not None}
        experts = next(iter(stacks)) if len(stacks) == 1 else self.routing.experts
        if self.picked:
            return experts  # product keys: the weights have more rows than any score has columns
        return experts if (self.routing.top_k or 1) <= experts <= self.routing.experts else self.routing.experts

    @property
    def picked(self) -> bool:
        """Whether the weights of the chosen are looked up, expert by expert, for each token."""
        return all(any(i in self.routing.reached for i in w.chosen) for w in self.ends)


def not_several(parts: list[Weighted], ends: list[Weighted], routing: Routing) -> str | None:
    """Why these contractions are not several experts, or None if they are. `ends` are the last ones of each."""
    if any(w.stack is not None and w.stack >= NEAREST for w in parts):
        return None
    if any(i in routing.reached for w in parts for i in w.chosen):
        return None
    distinct = {w.params[:1]: (w.fan_in, w.fan_out) for w in ends}
    if max(Counter(distinct.values()).values()) >= NEAREST:
        return None
    return f"the {routing.top_k} chosen of {routing.experts} share one set of weights: entries are chosen, not experts"


def facts_of(analysis: Analysis, mixture: Mixture) -> dict[str, Fact]:
    """The facts of a mixture; `idle` are the learned numbers that one token does not pass."""
    routing, routed = mixture.routing, mixture.routed
    act = next((a for e in routed[:3] if (a := e.activation(analysis)) is not None), None)
    hidden = routed[0].hidden if routed else _between(mixture.parts)
    return {
        "experts": mixture.experts,
        "top_k": routing.top_k,
        "scoring": routing.scoring,
        "normalized": routing.normalized,
        "shared_experts": sum(_in_experts(analysis, e, routed) for e in mixture.shared),
        "hidden": hidden,
        "activation": act.name if act else None,
        "gated": act.gated if act else (False if not routed else None),
        "idle": _idle(analysis, mixture),
    }


def _between(parts: list[Weighted]) -> int | None:
    """The width between two contractions of one expert that stand behind one another without a bend."""
    ups = {w.fan_out for w in parts}
    inner = [w.fan_in for w in parts if w.fan_in in ups and w.fan_in != w.fan_out]
    return min(inner, default=None)


def _in_experts(analysis: Analysis, shared: Expert, routed: list[Expert]) -> int:
    """How many routed experts a shared one is as wide as: several of them side by side are one wide matrix.

    A shared expert whose result has a gate of its own is one, however wide; so is one of another form, or so wide
    that nobody would call it several.
    """
    if not routed or shared.hidden % routed[0].hidden or _has_gate(analysis, shared):
        return 1
    count = shared.hidden // routed[0].hidden
    one, other = shared.activation(analysis), routed[0].activation(analysis)
    alike = one is None or other is None or (one.name, one.gated) == (other.name, other.gated)
    return count if alike and 1 <= count <= _WIDEST_SHARED else 1


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


def _idle(analysis: Analysis, mixture: Mixture) -> int:
    """Learned numbers of the routed experts that one token does not pass; none where their number varies.

    Experts that no token of the trace was sent to are counted like those that were.
    """
    if mixture.routing.top_k is None:
        return 0
    return _one(analysis, mixture) * max(mixture.experts - mixture.routing.top_k, 0)


def _one(analysis: Analysis, mixture: Mixture) -> int:
    """Learned numbers of one expert."""
    counts = {mixture.experts, mixture.routing.experts}
    params = dict.fromkeys(p for w in mixture.parts for p in w.params)
    stacked = {
        p
        for p in params
        if analysis[p].shape[:1] and analysis[p].shape[0] in counts
        if any(p in w.params and (w.stack in counts or w.chosen) for w in mixture.parts)
    }
    one = sum(analysis[p].size // analysis[p].shape[0] for p in stacked)
    single = sum(analysis[p].size for p in params if p not in stacked)
    last = {w.params for w in mixture.ends if not stacked.issuperset(w.params)}
    held = sum(max(sum(len(analysis[p].shape) == 2 for p in own), 1) for own in last)
    return one + (single // held if single and held else 0)


def evidence_of(analysis: Analysis, mixture: Mixture) -> list[Evidence]:
    """What proved the router, the weights of the chosen, the experts and their nonlinearity."""
    routing, routed, parts, shared = mixture.routing, mixture.routed, mixture.parts, mixture.shared
    said: list[Evidence] = []
    if routing.selections and routing.router is not None:
        said.append(
            Evidence(
                "router",
                f"{routing.top_k} of {routing.experts} scores of a learned contraction are chosen",
                (routing.router.node, *routing.selections),
            )
        )
    behind = routing.selections[-1] if routing.selections else parts[-1].node
    said.append(Evidence("weights", routing.check, (behind,)))
    said.append(
        Evidence(
            "experts",
            f"{len(parts)} contractions read tokens, take weights or have their result weighed by the router",
            tuple(w.node for w in parts[:8]),
        )
    )
    act = next((a for e in routed[:1] if (a := e.activation(analysis)) is not None), None)
    if act is not None:
        said.append(Evidence("activation", act.check, (routed[0].down.node,)))
    if shared:
        nodes = tuple(w.node for e in shared for w in e.contractions)
        said.append(
            Evidence("shared experts", f"{len(shared)} feed-forwards beside them do not depend on the router", nodes)
        )
    return said
