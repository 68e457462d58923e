"""The recurrences of a branch, each examined once for all layers that have the same cone."""

from __future__ import annotations

from dataclasses import dataclass

from irgen.ir.ops import MOVES
from irgen.match.analysis import ACTIVATIONS, NORMS, Analysis
from irgen.match.fold import carried_shape, chain_lengths
from irgen.match.memory import MIXERS, SHORTEST, SMALLEST, Mixing, cone_of
from irgen.match.pattern import Branch
from irgen.match.recurrence import NOT_ADDITIVE, NOT_CAUSAL, Recurrence, examine
from irgen.match.weighted import weighted

_DIRECTIONS = 3
"""So many joins at most lie between an output and one direction of it."""
_MOST_OPERANDS = 4
_LINEAR = frozenset({"linear", "grouped_linear", "matmul", "einsum", "conv"})


@dataclass(slots=True)
class Memory:
    """A recurrence where it stands: its cone, the contraction behind it, the short convolution in front, its nodes."""

    recurrence: Recurrence
    mixing: Mixing
    behind: str | None
    conv_kernel: int | None
    nodes: set[str]
    state: tuple[int, ...] | None

    @property
    def form(self) -> str:
        """How the state is carried, in words."""
        if self.state is None:
            return "matrix form: no state is carried from token to token in the graph"
        return f"a chain of equal steps, one a token, carries a state of shape {self.state}"


_RECENT = 4
"""A branch is asked about by one pattern right after another, so that its answer stands at the end."""


def memories(branch: Branch) -> list[Memory] | str:
    """Every recurrence in the unclaimed part of a branch, or why there is none."""
    known = branch.marks.setdefault("memories", [])
    for entry in known[-_RECENT:]:
        if isinstance(entry, _Asked) and entry.out == tuple(branch.outs) and entry.claimed == len(branch.claimed):
            return entry.answer
    answer = _search(branch)
    known.append(_Asked(tuple(branch.outs), len(branch.claimed), answer))
    return answer


@dataclass(slots=True)
class _Asked:
    out: tuple[str, ...]
    claimed: int
    answer: list[Memory] | str


def _accumulates(analysis: Analysis, name: str) -> bool:
    """Whether a node can carry a state: a running sum, a scan, or a product of two hidden states."""
    if analysis.op(name) in {"cumsum", "cumprod", "logcumsumexp", "scan", "loop", "rnn", "fft"}:
        return True
    return analysis.op(name) in {"mul", "matmul", "einsum", "linear"} and len(set(analysis.data(name))) > 1


def _adds_up(analysis: Analysis, nodes: list[str]) -> bool:
    """Whether results are summed one after another, as many at least as make a loop: fixed decays show no product."""
    lengths = chain_lengths(analysis, nodes)
    return max((n for name, n in lengths.items() if analysis.op(name) == "add"), default=0) >= SHORTEST - 1


def _search(branch: Branch) -> list[Memory] | str:
    analysis, root = branch.analysis, branch.root
    if root is None or (sizes := _batch_and_tokens(analysis[root].shape, branch.axis)) is None:
        return "the stream is no sequence of tokens"
    batch, tokens = sizes
    found: list[Memory] = []
    spent: set[str] = set()
    reason = "nothing between two contractions mixes tokens"
    waiting = [(out, behind, 0) for out, behind in _candidates(branch)]
    while waiting:
        out, behind, depth = waiting.pop(0)
        if out in spent and not depth:
            continue
        nodes, leaves = cone_of(analysis, out, branch.region, root)
        if not leaves or (spent & set(nodes) and not depth):
            continue
        why = _unfit(branch, nodes, leaves)
        if why == "":
            continue
        mixing = Mixing(analysis, out, nodes, leaves, tokens, batch)
        verdict, state = (why, None) if why is not None else _once(branch, mixing)
        if isinstance(verdict, str):
            reason = verdict
            if why is None and NOT_CAUSAL in verdict and depth < _DIRECTIONS:
                # Two directions that are added or joined: each operand is asked alone.
                waiting[:0] = [(each, behind, depth + 1) for each in _operands(analysis, out, set(nodes))]
            elif why is None and NOT_ADDITIVE in verdict and (bare := _unbent(analysis, out)) is not None:
                waiting.insert(0, (bare, behind, depth + 1))
            continue
        own = _nodes(branch, out, behind)
        spent |= own
        found.append(Memory(verdict, mixing, behind, _conv_kernel(analysis, own), own, state))
    return found or reason


def _unfit(branch: Branch, nodes: list[str], leaves: list[str]) -> str | None:
    """Why a cone need not be asked (the empty string: nothing worth saying), or None if it is to be asked."""
    analysis = branch.analysis
    if len(nodes) < SMALLEST or branch.claimed & set(nodes) or not any(analysis.op(n) in MIXERS for n in nodes):
        return ""
    if not any(_accumulates(analysis, n) for n in nodes) and not _adds_up(analysis, nodes):
        return "tokens are only moved: no product or running sum accumulates them"
    if _steps_through_weights(analysis, leaves):
        return "a contraction with one weight stands inside the loop: the steps are not linear"
    return _product_bent(analysis, nodes)


def _operands(analysis: Analysis, out: str, inside: set[str]) -> list[str]:
    """The operands of the last sum, product or concatenation of a cone."""
    name = out
    while name in inside:
        data = list(dict.fromkeys(s for s in analysis.data(name) if s in inside))
        if len(data) != 1:
            return data if analysis.op(name) in {"add", "mul", "concat"} and len(data) <= _MOST_OPERANDS else []
        name = data[0]
    return []


def _unbent(analysis: Analysis, name: str) -> str | None:
    """What stands in front of the nonlinearity (and the gates behind it) in which a cone ends."""
    node = analysis[name]
    while node.op in MOVES | {"cast"}:
        node = analysis[node.inputs[0]]
    return analysis.main_input(node.id) if node.op in ACTIVATIONS else None


def _batch_and_tokens(shape: tuple[int, ...], axis: int) -> tuple[int, int] | None:
    """Sizes of a stream [batch, token, feature], [token, batch, feature] (few sequences) or [token, feature]."""
    if len(shape) not in {2, 3} or axis % len(shape) != len(shape) - 1:
        return None
    if len(shape) == 2:
        return 1, shape[0]
    first, second = shape[:2]
    return (second, first) if second < SHORTEST <= first else (first, second)


def _candidates(branch: Branch) -> list[tuple[str, str | None]]:
    """What contractions and norms of the branch read, and what leaves it: where a recurrence may end."""
    analysis = branch.analysis
    found: dict[str, str | None] = {}
    last: dict[str, str] = {}  # of the steps of a loop with one weight, the last one
    free = sorted(branch.region - branch.claimed, key=analysis.place.__getitem__)
    for name in free:
        node = analysis[name]
        if node.op in NORMS:
            found.setdefault(node.inputs[0], None)
        elif node.op in _LINEAR and analysis.probes[0].is_stub(name):
            last[node.inputs[1]] = name
    for name in last.values():
        w = weighted(analysis, name)
        x = w.x if w is not None else analysis[name].inputs[0]
        if found.get(x) is None:
            found[x] = name
    for out in branch.outs:
        found.setdefault(out, None)
    place = analysis.place
    return sorted(((n, b) for n, b in found.items() if n in branch.region), key=lambda pair: place[pair[0]])


def _product_bent(analysis: Analysis, nodes: list[str]) -> str | None:
    """Weights that a nonlinear function makes of the product of two tokens are attention, not a recurrence."""
    inside = set(nodes)
    state: dict[str, int] = {}  # 1: behind a product of two streams, 2: bent behind it
    for name in nodes:
        node = analysis[name]
        below = [state.get(s, 0) for s in node.inputs if s in inside]
        level = max(below, default=0)
        if node.op in {"matmul", "einsum"} and len(analysis.data(name)) == 2:
            if level == 2:
                return "a nonlinear function of the product of two streams weighs a third: this is attention"
            level = max(level, 1)
        elif level == 1 and node.op in {"exp", "softmax", "sigmoid", "relu", "silu", "tanh", "relu2", "softplus"}:
            level = 2
        state[name] = level
    return None


def _steps_through_weights(analysis: Analysis, leaves: list[str]) -> bool:
    """Whether one leaf depends on another that is a contraction with the same weight."""
    last: dict[str, str] = {}
    for leaf in leaves:
        node = analysis[leaf]
        if node.op in {"linear", "matmul"} and len(node.inputs) > 1:
            weight = node.inputs[1]
            if weight in last and analysis.reaches(last[weight], leaf):
                return True
            last[weight] = leaf
    return False


@dataclass(slots=True)
class _Judged:
    key: int
    verdict: Recurrence | str
    state: tuple[int, ...] | None


def _once(branch: Branch, mixing: Mixing) -> tuple[Recurrence | str, tuple[int, ...] | None]:
    """The verdict on a cone and the shape of its state, taken over from an equal cone where there was one."""
    key = _key(mixing)
    judged = branch.marks.setdefault("recurrences", [])
    known = next((j for j in judged if isinstance(j, _Judged) and j.key == key), None)
    if known is None:
        known = _Judged(key, examine(mixing), carried_shape(mixing.analysis, mixing.nodes, mixing.tokens))
        judged.append(known)
    return known.verdict, known.state


def _key(mixing: Mixing) -> int:
    """A number that is equal for cones with the same operators, wiring, shapes and constants."""
    analysis = mixing.analysis
    place: dict[str, int] = {name: i for i, name in enumerate([*mixing.leaves, *mixing.nodes])}
    rows: list[object] = [mixing.tokens, mixing.batch]
    for leaf in mixing.leaves:
        rows.append((analysis.op(leaf), analysis[leaf].shape))
    for name in mixing.nodes:
        node = analysis[name]
        sources = tuple(place.get(s, -1) if s in place else _outside(analysis, s) for s in node.inputs)
        rows.append((node.op, tuple(sorted(node.attrs.items(), key=lambda item: item[0])), node.shape, sources))
    return hash(tuple(map(repr, rows)))


def _outside(analysis: Analysis, name: str) -> object:
    if not name:
        return None
    node = analysis[name]
    value = node.value
    if value is not None:
        return (node.op, node.shape, hash(value.tobytes()) if value.size < 100_000 else None)
    return (node.op, node.shape, node.attrs.get("value"))


def _nodes(branch: Branch, out: str, behind: str | None) -> set[str]:
    """The recurrence's nodes in the branch: everything in front of the contraction behind it, and that contraction."""
    analysis = branch.analysis
    end = behind or _next_contraction(branch, out)
    assert branch.root is not None
    ends = [end] if end else [out, *branch.outs]
    nodes: set[str] = set()
    for name in ends:
        nodes |= analysis.back(name, analysis.place[branch.root])
    return (nodes & branch.region) - branch.claimed


def _next_contraction(branch: Branch, out: str) -> str | None:
    analysis = branch.analysis
    behind = {out}
    for name in sorted(branch.region, key=analysis.place.__getitem__):
        if any(s in behind for s in analysis[name].inputs):
            behind.add(name)
            if analysis.op(name) in _LINEAR and analysis.probes[0].is_stub(name):
                return name
    return None


def _conv_kernel(analysis: Analysis, nodes: set[str]) -> int | None:
    """The kernel of the depthwise convolution along the tokens."""
    sizes: list[int] = []
    for name in nodes:
        node = analysis[name]
        if node.op == "conv" and len(node.shape) == 3 and node.attrs.get("groups", 1) == node.shape[1]:
            sizes.append(analysis[node.inputs[1]].shape[-1])
    return max(sizes, default=None)
