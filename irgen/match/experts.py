"""Experts of a branch: up–act–down pairs of learned contractions, and which of them a router sends tokens to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from irgen.ir.ops import ELEMENTWISE, MOVES
from irgen.match.activations import Activation, activation_of
from irgen.match.analysis import NORMS, Analysis
from irgen.match.routing import Routing
from irgen.match.weighted import Weighted, learned, weighted

_SCATTERS = frozenset({"scatter_nd", "scatter_elements", "masked_scatter", "write"})
_BETWEEN = ELEMENTWISE | MOVES | NORMS | _SCATTERS | {"gather", "gather_nd", "gather_elements", "softmax"}
_REDUCES = frozenset({"reduce_sum", "reduce_mean", "concat"})
_STEPS = 150
"""More nodes than this do not stand between the two contractions of one expert."""


@dataclass(slots=True)
class Expert:
    """One coding of one or of all experts: up-projections, a nonlinearity, a down-projection, and the nodes of all."""

    down: Weighted
    ups: list[Weighted]
    nodes: set[str]
    _activation: Activation | None = None

    @property
    def hidden(self) -> int:
        """Width between up and down."""
        return self.down.fan_in

    @property
    def contractions(self) -> list[Weighted]:
        """Ups, then down."""
        return [*self.ups, self.down]

    def activation(self, analysis: Analysis) -> Activation | None:
        """The nonlinearity between up and down, proved by its operator or by values."""
        if self._activation is None:
            self._activation = activation_of(analysis, self.down.x, [up.out for up in self.ups])
        return self._activation


def contractions(analysis: Analysis, nodes: Iterable[str]) -> dict[str, Weighted]:
    """All contractions with learned weights among the nodes, in order."""
    ordered = sorted(nodes, key=analysis.place.__getitem__)
    return {w.node: w for name in ordered if (w := weighted(analysis, name)) is not None}


def find_experts(
    analysis: Analysis, found: dict[str, Weighted], region: set[str], weights: frozenset[str] = frozenset()
) -> list[Expert]:
    """Every up–act–down among the contractions of a region, last ones first; `weights` may scale what is between."""
    pairs: list[Expert] = []
    used: set[str] = set()
    for down in reversed(found.values()):
        if down.node in used:
            continue
        sources = _sources(analysis, down.x, found, region, weights)
        if sources is None:
            continue
        ups, nodes = sources
        if not ups or not _bends(analysis, nodes):
            continue
        pairs.append(Expert(down, ups, nodes | {down.node, *(up.node for up in ups)}))
        used |= {down.node, *(up.node for up in ups)}
    return pairs


def _bends(analysis: Analysis, nodes: set[str]) -> bool:
    """Whether something that is not linear stands between the contractions."""
    return any(
        analysis.op(n) not in MOVES | _SCATTERS | NORMS | {"add", "sub", "neg", "cast", "gather", "gather_nd", "div"}
        and (analysis.op(n) != "mul" or len(analysis.data(n)) == 2)
        for n in nodes
    )


def _sources(
    analysis: Analysis, z: str, found: dict[str, Weighted], region: set[str], weights: frozenset[str]
) -> tuple[list[Weighted], set[str]] | None:
    """The contractions from which a hidden activation comes, and the nodes between; None if it leaves the region."""
    ups: dict[str, Weighted] = {}
    nodes: set[str] = set()
    stack = [z]
    while stack:
        name = stack.pop()
        if name in nodes or name in ups or name in weights or not analysis.is_data(name):
            continue
        if name in found:
            ups[name] = found[name]
            continue
        if learned(analysis, name) is not None:
            continue  # a bias that was picked for each token
        if name not in region or analysis.op(name) not in _BETWEEN or len(nodes) > _STEPS:
            return None
        nodes.add(name)
        node = analysis[name]
        if node.op in {"gather", "gather_nd", "gather_elements"}:
            stack.append(node.inputs[0])
        elif node.op in {"scatter_nd", "scatter_elements", "write"}:
            stack.extend(node.inputs[:2])
        else:
            stack.extend(analysis.data(name))
    return list(ups.values()), nodes


def is_routed(analysis: Analysis, expert: Expert, routing: Routing) -> bool:
    """Whether what an expert reads, which weights it takes or how much its result counts depends on the router."""
    for part in expert.contractions:
        if part.x in routing.reached or any(i in routing.reached for i in part.chosen):
            return True
    return weight_of(analysis, expert.down, routing) is not None


def only_weights(analysis: Analysis, found: dict[str, Weighted], routing: Routing, region: set[str]) -> frozenset[str]:
    """What is made of a router's scores alone: its other operands come through no contraction of the branch."""
    if routing.router is None:
        return frozenset()
    ahead = analysis.back(routing.router.node, min(map(analysis.place.__getitem__, region)))
    mixed = {w.node for w in found.values() if w.node not in ahead}
    for name in sorted(region, key=analysis.place.__getitem__):
        if any(s in mixed for s in analysis[name].inputs):
            mixed.add(name)
    return (routing.reached | {routing.router.node}) - mixed


def weight_of(analysis: Analysis, down: Weighted, routing: Routing) -> str | None:
    """The product behind a contraction in which the other factor comes from the router, or None."""
    front, seen = [down.out], {down.out, down.node}
    for _ in range(40):
        after: list[str] = []
        for name in front:
            for user in analysis.users[name]:
                if user in seen or isinstance(analysis[user].type, tuple):
                    continue
                seen.add(user)
                node = analysis[user]
                others = [s for s in node.inputs if s and s not in seen and s != name]
                if node.op in {"mul", "matmul", "einsum", "where", "div"} and any(s in routing.reached for s in others):
                    return user
                if node.op in MOVES | NORMS | _REDUCES | {"cast", "gather", "mul", "where", "gather_elements"} or (
                    node.op in ELEMENTWISE and len(analysis.data(user)) == 1
                ):
                    after.append(user)
        if not after:
            return None
        front = after
    return None
