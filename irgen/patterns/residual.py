"""The residual stream: sums `x + f(x)` where one operand is carried and the others were computed from it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from irgen.ir.ops import MOVES
from irgen.match.analysis import ACTIVATIONS, DATA, HEAVY, NORMS, PARAM, Analysis
from irgen.match.trace import Trace
from irgen.patterns.copies import mixing_of

_LONG_CHAIN = 4
"""So many residual sums in a row inside a branch are a network of their own, not a detail of one branch."""

_SHORTCUT = frozenset(
    {"conv", "linear", "max_pool", "avg_pool", "batch_norm", "group_norm", "layer_norm", "resize", "reduce_mean"}
)


@dataclass(slots=True)
class Sum:
    """One residual sum.

    `root` is the hidden state that is carried, `trunk` the operand through which it arrives, `branches` the other
    operands, `region` the nodes strictly between root and sum (the shortcut's included).
    """

    node: str
    root: str
    trunk: str
    branches: list[str]
    region: set[str]
    projected: bool = False
    residual: bool = True
    """False for a block that stands in a chain without a skip (`irgen.patterns.units`)."""
    axis: int = -1
    shape: tuple[int, ...] = ()
    before: str | None = None
    """The sum that this one continues."""
    inner: list[Sum] = field(default_factory=list["Sum"])

    @property
    def width(self) -> int:
        """Number of features of the stream."""
        return self.shape[self.axis]

    @property
    def tokens(self) -> int:
        """Number of positions of the stream at the traced sizes (batch included)."""
        return int(np.prod([n for i, n in enumerate(self.shape) if i != self.axis % len(self.shape)]))


def find_sums(analysis: Analysis, inside: frozenset[str] = frozenset()) -> list[Sum]:
    """All residual sums in order, nesting resolved, each linked to the one before it on its stream.

    `inside` are the nodes of attention cores: what is added to scores is no residual.
    """
    found = [s for name in analysis.order if name not in inside and (s := _sum(analysis, name)) is not None]
    by_node = {s.node: s for s in found}
    for s in found:
        s.axis = _feature_axis(analysis, s)
        s.shape = analysis[s.node].shape
        s.before = _previous(analysis, s, by_node)
    return _without_nesting(found)


def _terms(analysis: Analysis, name: str) -> list[str]:
    """The hidden states that a sum adds, nested sums of one reader flattened."""
    terms: list[str] = []
    for source in analysis.inputs(name):
        learned = analysis.cls[source] == PARAM and _fills(analysis, source, name)
        if not analysis.is_data(source) and not learned:
            continue
        below = source
        while analysis.op(below) in {"reshape", "cast"} and analysis.single_user(below):
            below = analysis.inputs(below)[0]
        if analysis.op(below) == "add" and analysis.single_user(below) and analysis[below].size == analysis[name].size:
            terms.extend(_terms(analysis, below))
        else:
            terms.append(source)
    return terms


def _fills(analysis: Analysis, term: str, name: str) -> bool:
    """Whether a term is as large as a sum, or a learned state that is one for all entries or all tokens."""
    if analysis[term].size == analysis[name].size:
        return True
    small, large = analysis[term].shape, analysis[name].shape
    return analysis.cls[term] == PARAM and len(small) > 1 and len(large) > 2 and small[-1:] == large[-1:]


def _is_copied(analysis: Analysis, term: str, name: str) -> bool:
    """Whether a term is broadcast to several copies of the stream (hyper-connections: Zhu et al. 2024, section 2)."""
    small, large = analysis[term].shape, analysis[name].shape
    if len(small) != len(large) or len(large) < 4:
        return False
    differ = [i for i, (a, b) in enumerate(zip(small, large, strict=True)) if a != b]
    return len(differ) == 1 and small[differ[0]] == 1 and 0 < differ[0] < len(large) - 1


def _inner_sums(analysis: Analysis, name: str, terms: list[str]) -> set[str]:
    """The nodes between a sum and its terms: nested sums and their views."""
    found: set[str] = set()
    stack = [name]
    while stack:
        for source in analysis.data(stack.pop()):
            if source not in terms and source not in found:
                found.add(source)
                stack.append(source)
    return found


def _is_inner(analysis: Analysis, name: str) -> bool:
    """Whether a sum is only a term of a larger sum of hidden states."""
    user = analysis.single_user(name)
    while user is not None and analysis.op(user) in {"reshape", "cast"}:
        name, user = user, analysis.single_user(user)
    return (
        user is not None
        and analysis.op(user) == "add"
        and len(analysis.data(user)) == 2
        and (analysis[user].size == analysis[name].size)
    )


def _sum(analysis: Analysis, name: str) -> Sum | None:
    node = analysis[name]
    if node.op != "add" or not analysis.is_data(name) or not node.is_float or len(node.shape) < 2:
        return None
    if _is_inner(analysis, name):
        return None
    terms = _terms(analysis, name)
    if len(terms) < 2:
        return None
    found = _carried(analysis, name, terms)
    if found is None and len(terms) == 2:
        found = _assembled(analysis, name, terms) or _projected(analysis, name, terms)
    return found


def _carried(analysis: Analysis, name: str, terms: list[str]) -> Sum | None:
    """A sum in which one term is an earlier hidden state: as it was, scaled, or its copies mixed."""
    mixings = [mixing_of(analysis, term) for term in terms]
    roots = [analysis.strip(t) if m is None else m.root for t, m in zip(terms, mixings, strict=True)]
    for i in sorted(range(len(terms)), key=lambda i: analysis.place[roots[i]]):
        root, others = roots[i], [t for j, t in enumerate(terms) if j != i]
        computed = [t for t in others if analysis.cls[t] != PARAM]
        others = computed or others  # a learned shift beside a computed branch is a detail of it
        sized = _fills(analysis, root, name) or _is_copied(analysis, terms[i], name)
        if not sized or analysis.cls[root] not in {DATA, PARAM}:
            continue
        if all(m is not None and m.root == root for j, m in enumerate(mixings) if j != i):
            continue  # copies mixed and added to themselves: no layer
        parts = [analysis.between(root, [other]) for other in others]
        if not all(parts) or not any(_is_heavy(analysis, part) for part in parts):
            continue
        mixing = mixings[i]
        way = _chain(analysis, terms[i], root) if mixing is None else mixing.nodes
        return Sum(name, root, terms[i], others, set(way).union(*parts) | _inner_sums(analysis, name, terms))
    return None


def _assembled(analysis: Analysis, name: str, terms: list[str]) -> Sum | None:
    """A sum whose carried term was put together from pieces of the stream (class token and patches taken apart)."""
    for trunk, branch in (terms, terms[::-1]):
        pieces, path = _pieces(analysis, trunk)
        if not path or len(pieces) < 2:
            continue
        root = max(pieces, key=analysis.place.__getitem__)
        region = analysis.between(root, [branch])
        if region and _is_heavy(analysis, region) and not region & path:
            return Sum(name, root, trunk, [branch], region | path)
    return None


def stream_pieces(analysis: Analysis, name: str) -> set[str]:
    """The hidden states that a hidden state is put together from by moves alone."""
    return _pieces(analysis, name)[0]


def _pieces(analysis: Analysis, name: str) -> tuple[set[str], set[str]]:
    """What a hidden state is put together from by moves alone, and the moves (at least one concatenation)."""
    pieces: set[str] = set()
    path: set[str] = set()
    stack = [name]
    while stack:
        at = stack.pop()
        if at in path:
            continue
        if analysis.op(at) in MOVES or analysis.op(at) == "cast":
            path.add(at)
            stack.extend(analysis.data(at))
        else:
            pieces.add(at)
    return pieces, path if any(analysis.op(n) == "concat" for n in path) else set()


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


def _feature_axis(analysis: Analysis, s: Sum) -> int:
    """The axis along which the branch's features run, found by tracing them; the last one where it cannot be told."""
    labels = Trace(analysis, "feature").label(s.branches[0])
    if labels is not None and labels.ndim == len(analysis[s.node].shape):
        for axis in range(labels.ndim - 1, -1, -1):
            if labels.shape[axis] > 1 and (np.take(labels, 0, axis) != np.take(labels, 1, axis)).any():
                return axis
    return len(analysis[s.node].shape) - 1


def _previous(analysis: Analysis, s: Sum, by_node: dict[str, Sum]) -> str | None:
    """The sum whose result this one's stream continues.

    The way leads through norms, activations, views, and the taking apart and putting together of tokens.
    """
    name = s.root
    while name not in by_node or name == s.node:
        below = analysis.step(name)
        node = analysis[name]
        if below is None and (node.op in NORMS or node.op in ACTIVATIONS or node.op in {"pad", "slice"}):
            below = analysis.main_input(name)
        if below is None and node.op in {"scatter_nd", "masked_scatter", "write"} and analysis.is_data(node.inputs[0]):
            below = node.inputs[0]
        if below is None and node.op == "concat":
            pieces, _ = _pieces(analysis, name)
            last = max(pieces, key=analysis.place.__getitem__, default=None)
            below = last if last is not None and all(p == last or _is_part(analysis, p, last) for p in pieces) else None
        if below is None:
            return None
        name = below
    return name if by_node[name].width == s.width else None


def _is_part(analysis: Analysis, piece: str, later: str) -> bool:
    """Whether a piece is a learned token, or lies on the stream behind a later piece."""
    return not analysis.live(piece) or analysis.reaches(piece, later)


def _without_nesting(sums: list[Sum]) -> list[Sum]:
    """Keep of nested sums the outer (the inner are details of its branch) or the inner (it is a long skip)."""
    by_node = {s.node: s for s in sums}
    continued = {s.before for s in sums if s.before}
    dropped: set[str] = set()
    for outer in sorted(sums, key=lambda s: len(s.region)):
        inner = [by_node[n] for n in outer.region if n in by_node and n not in dropped and n != outer.node]
        inner = [s for s in inner if s.region <= outer.region | {outer.root}]
        if not inner:
            continue
        alone = outer.before is None and outer.node not in continued
        chained = _longest_chain(inner)
        if not alone and all(s.tokens == outer.tokens and s.width <= outer.width for s in inner):
            chained = 0
        static = not any(s.root != outer.root for s in inner)
        if static or chained >= _LONG_CHAIN or (alone and chained >= 2) or any(s.root == outer.root for s in inner):
            dropped.add(outer.node)
        else:
            outer.inner = inner
            dropped.update(s.node for s in inner)
    kept = [s for s in sums if s.node not in dropped]
    return _relinked(kept, by_node)


def _longest_chain(sums: list[Sum]) -> int:
    length: dict[str, int] = {}
    for s in sums:
        length[s.node] = 1 + length.get(s.before or "", 0)
    return max(length.values(), default=0)


def _relinked(kept: list[Sum], by_node: dict[str, Sum]) -> list[Sum]:
    """Links that pointed to a dropped sum point to what that one continued."""
    names = {s.node for s in kept}
    for s in kept:
        while s.before is not None and s.before not in names:
            s.before = by_node[s.before].before
    return kept
