"""The forms in which a sum carries its stream: as it was, scaled, gated, with mixed copies, put together, projected."""

from __future__ import annotations

from dataclasses import dataclass

from irgen.ir.ops import MOVES
from irgen.match.analysis import DATA, HEAVY, NORMS, PARAM, Analysis
from irgen.patterns.copies import mixing_of
from irgen.patterns.sums import Sum, fills, inner_sums, pieces_of

_SHORTCUT = frozenset(
    {"conv", "linear", "max_pool", "avg_pool", "batch_norm", "group_norm", "layer_norm", "resize", "reduce_mean"}
)


def _is_copied(analysis: Analysis, term: str, name: str) -> bool:
    """Whether a term is broadcast to several copies of the stream (hyper-connections: Zhu et al. 2024, section 2)."""
    small, large = analysis[term].shape, analysis[name].shape
    if len(small) != len(large) or len(large) < 4:
        return False
    differ = [i for i, (a, b) in enumerate(zip(small, large, strict=True)) if a != b]
    return len(differ) == 1 and small[differ[0]] == 1 and 0 < differ[0] < len(large) - 1


def carried(analysis: Analysis, name: str, terms: list[str], by_node: dict[str, Sum]) -> Sum | None:
    """The residual sum at a node that adds these terms, or None. `by_node` holds the sums in front of it."""
    found = _from_state(analysis, name, terms) or _staggered(analysis, name, terms, by_node)
    if found is None and len(terms) == 2:
        found = _assembled(analysis, name, terms) or _projected(analysis, name, terms)
    return found


_FARTHEST = 4
"""So many sums at most lie between a state and the sum to which a branch of it is added."""
_SEVERAL = 2
"""Heavy operators of a branch that is no mere long skip."""


@dataclass(frozen=True, slots=True)
class _Way:
    """How a term goes back to an earlier state: the state, the nodes between, and the axis of mixed copies."""

    root: str
    nodes: frozenset[str]
    mixes: bool = False


def _way(analysis: Analysis, term: str) -> _Way:
    mixing = mixing_of(analysis, term)
    if mixing is not None:
        return _Way(mixing.root, mixing.nodes, True)
    root = analysis.strip(term)
    if (gated := _gated(analysis, root)) is not None:
        return gated
    if (below := _shifted(analysis, root)) is not None:
        root = analysis.strip(below)
    return _Way(root, frozenset(_chain(analysis, term, root)))


def _shifted(analysis: Analysis, name: str) -> str | None:
    """The state that is shifted by a learned vector before it is scaled and carried (the shift of a norm's is none)."""
    node = analysis[name]
    below = analysis.step(name)
    if node.op != "add" or below is None or analysis.op(below) in NORMS:
        return None
    other = next((s for s in node.inputs if s != below), "")
    vector = bool(other) and analysis.cls[other] == PARAM and sum(n > 1 for n in analysis[other].shape) == 1
    scaled = [u for u in analysis.users[name] if analysis.op(u) == "mul" and analysis.main_input(u) == name]
    return below if vector and scaled else None


def _gated(analysis: Analysis, name: str) -> _Way | None:
    """A state let through by a gate that is computed from it (highway networks: Srivastava et al. 2015, eq. 3)."""
    node = analysis[name]
    data = analysis.data(name)
    if node.op != "mul" or len(data) != 2 or len(node.shape) < 3 or len(node.inputs) != 2:
        return None
    for state, gate in (data, data[::-1]):
        root = analysis.strip(state)
        if root != gate and analysis[root].size == node.size and _is_gate(analysis, gate, root):
            return _Way(root, frozenset({name, *_chain(analysis, state, root)}))
    return None


def _is_gate(analysis: Analysis, name: str, root: str) -> bool:
    """Whether a node is a sigmoid, or its complement, of something computed from a state."""
    for at in analysis.walk(name, lambda _: False):
        if analysis.op(at) in {"sigmoid", "hard_sigmoid"}:
            return analysis.reaches(root, at)
    return False


def _from_state(analysis: Analysis, name: str, terms: list[str]) -> Sum | None:
    """A sum in which one term is an earlier hidden state: as it was, scaled, gated, or its copies mixed."""
    ways = [_way(analysis, term) for term in terms]
    for i in sorted(range(len(terms)), key=lambda i: analysis.place[ways[i].root]):
        root, others = ways[i].root, [t for j, t in enumerate(terms) if j != i]
        computed = [t for t in others if analysis.cls[t] != PARAM]
        others = computed or others  # a learned shift beside a computed branch is a detail of it
        sized = fills(analysis, root, name) or _is_copied(analysis, terms[i], name)
        if not sized or analysis.cls[root] not in {DATA, PARAM}:
            continue
        if all(w.mixes and w.root == root for j, w in enumerate(ways) if j != i):
            continue  # copies mixed and added to themselves: no layer
        parts = [analysis.between(root, [other]) for other in others]
        if not all(parts) or not any(_is_heavy(analysis, part) for part in parts):
            continue
        region = set(ways[i].nodes).union(*parts) | inner_sums(analysis, name, terms)
        found = Sum(name, root, terms[i], others, region)
        if len(others) == 1 and len(analysis[name].shape) > 3:
            _collapse(analysis, found)
        return found
    return None


def _collapse(analysis: Analysis, s: Sum) -> None:
    """Where a stream has several copies: the one state that the branch reads, and the one that it writes to them."""
    size, width = analysis[s.node].size, analysis[s.node].shape[-1]
    singles = [n for n in _spread(analysis, s.branches[0]) if analysis[n].size * 2 <= size]
    singles = [n for n in singles if size % analysis[n].size == 0 and analysis[n].shape[-1] == width]
    if not singles:
        return
    out, floor = singles[-1], analysis.place[s.root]
    states = [n for n in analysis.between(s.root, [out]) if analysis[n].size == analysis[out].size and n != out]
    for state in sorted(states, key=analysis.place.__getitem__):
        if analysis[state].shape[-1] == width and s.root not in _around(analysis, out, state, floor):
            s.entry, s.exits = _plainest(analysis, state), [out]
            return


def _plainest(analysis: Analysis, state: str) -> str:
    """The view of a state with the fewest axes, as long as every reader takes it from there."""
    while (user := analysis.single_user(state)) is not None and analysis.op(user) == "reshape":
        if len(analysis[user].shape) >= len(analysis[state].shape):
            break
        state = user
    return state


def _spread(analysis: Analysis, name: str) -> list[str]:
    """A branch and what it spreads over copies, back to the single state."""
    passed: list[str] = []
    while True:
        passed.append(name)
        node = analysis[name]
        if node.op in MOVES or node.op in {"cast", "expand"}:
            name = node.inputs[0]
        elif node.op in {"mul", "div", "add"} and len(passed) < 8:
            name = max(analysis.data(name), key=lambda s: analysis[s].size)
        else:
            return passed


def _around(analysis: Analysis, target: str, barred: str, floor: int) -> set[str]:
    """What `target` depends on at or after a place without passing a barred node."""
    seen = {target, barred}
    stack = [target]
    while stack:
        for source in analysis.inputs(stack.pop()):
            if source not in seen and analysis.place[source] >= floor:
                seen.add(source)
                stack.append(source)
    return seen


def _staggered(analysis: Analysis, name: str, terms: list[str], by_node: dict[str, Sum]) -> Sum | None:
    """A sum whose branch was computed from the state in front of the last one (ladder residuals, Zhang et al. 2025)."""
    for i, term in enumerate(terms):
        last = by_node.get(analysis.strip(term))
        others = [t for j, t in enumerate(terms) if j != i]
        if last is None or not last.residual or not fills(analysis, last.node, name):
            continue
        parts = [analysis.between(last.node, [t]) or analysis.between(last.root, [t]) for t in others]
        if all(parts) and all(_is_heavy(analysis, part) and last.node not in part for part in parts):
            region = set(_chain(analysis, term, last.node)).union(*parts) - last.region
            return Sum(name, last.node, term, others, region, entry=last.root)
        if not any(parts):
            return _shortcut(analysis, name, term, others, last, by_node)
    return None


def _shortcut(
    analysis: Analysis, name: str, term: str, others: list[str], last: Sum, by_node: dict[str, Sum]
) -> Sum | None:
    """A sum whose branch was computed from a state some sums back (shortcut-connected mixtures: Cai et al. 2024)."""
    passed = {last.node}
    state = last.root
    for _ in range(_FARTHEST):
        before = by_node.get(analysis.strip(state))
        if before is None:
            return None
        parts = [analysis.between(before.node, [t]) for t in others]
        if all(parts):
            whole = set[str]().union(*parts)
            if passed & whole or sum(analysis.op(n) in HEAVY for n in whole) < _SEVERAL:
                return None
            return Sum(name, last.node, term, others, whole - before.region, entry=before.node)
        passed.add(before.node)
        state = before.root
    return None


def _assembled(analysis: Analysis, name: str, terms: list[str]) -> Sum | None:
    """A sum whose carried term was put together from pieces of the stream (class token and patches taken apart)."""
    for trunk, branch in (terms, terms[::-1]):
        pieces, path = pieces_of(analysis, trunk)
        if not path or len(pieces) < 2:
            continue
        root = max(pieces, key=analysis.place.__getitem__)
        region = analysis.between(root, [branch])
        if region and _is_heavy(analysis, region) and not region & path:
            return Sum(name, root, trunk, [branch], region | path)
    return None


def _is_heavy(analysis: Analysis, region: set[str]) -> bool:
    return any(analysis.op(name) in HEAVY for name in region)


def _chain(analysis: Analysis, name: str, root: str) -> set[str]:
    """The nodes by which a term walks back to its root."""
    passed: set[str] = set()
    while name != root:
        passed.add(name)
        below = analysis.step(name, shifts=False)
        if below is None:
            break
        name = below
    return passed


def _projected(analysis: Analysis, name: str, terms: list[str]) -> Sum | None:
    """A sum whose carried term went through a projection (a strided convolution, a pool, a linear) on its way."""
    for trunk, branch in (terms, terms[::-1]):
        path: set[str] = set()
        at, heavy = trunk, 0
        while heavy <= 2:
            below = analysis.main_input(at)
            if below is None or analysis.op(at) not in _SHORTCUT | MOVES | {"add", "mul", "sub", "div"}:
                break
            if _takes_one(analysis, at):
                break  # one step of a sequence is not the stream
            path.add(at)
            heavy += analysis.op(at) in HEAVY
            at = below
            if heavy and len(set(analysis.users[at])) > 1:
                region = analysis.between(at, [branch])
                if region and _weight(analysis, region) > _weight(analysis, path) and not region & path:
                    return Sum(name, at, trunk, [branch], region | path, projected=True)
    return None


def _takes_one(analysis: Analysis, name: str) -> bool:
    """A slice of one place out of several along an axis."""
    node = analysis[name]
    axis = node.attrs.get("axis")
    if node.op != "slice" or not isinstance(axis, int):
        return False
    return node.shape[axis] == 1 < analysis[node.inputs[0]].shape[axis]


def _weight(analysis: Analysis, nodes: set[str]) -> int:
    """How many contractions, kernels counted by their size, a path holds."""
    total = 0
    for name in nodes:
        if analysis.op(name) in {"conv", "linear", "matmul", "softmax"}:
            total += 1
            total += analysis.op(name) == "conv" and any(n > 1 for n in analysis[analysis[name].inputs[1]].shape[2:])
    return total
