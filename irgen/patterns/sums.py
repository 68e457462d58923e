"""A residual sum, and the terms that it adds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from irgen.ir.ops import MOVES
from irgen.match.analysis import PARAM, Analysis


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
    entry: str = ""
    """What the branches read where it is not the carried state: one of its copies, the other half of the stream."""
    exits: list[str] = field(default_factory=list[str])
    """Where the branches end where their result is spread over the copies of the stream."""
    inner: list[Sum] = field(default_factory=list["Sum"])

    @property
    def width(self) -> int:
        """Number of features of the stream."""
        return self.shape[self.axis]

    @property
    def tokens(self) -> int:
        """Number of positions of the stream at the traced sizes (batch included)."""
        return int(np.prod([n for i, n in enumerate(self.shape) if i != self.axis % len(self.shape)]))

    @property
    def reads(self) -> str:
        """What the branches are computed from."""
        return self.entry or self.root

    @property
    def leaves(self) -> list[str]:
        """Where the branches end."""
        return self.exits or self.branches


def terms_of(analysis: Analysis, name: str, whole: Mapping[str, Sum]) -> list[str]:
    """The hidden states that a sum adds, nested sums of one reader flattened where they are not `whole`."""
    terms: list[str] = []
    for source in analysis.inputs(name):
        learned = analysis.cls[source] == PARAM and fills(analysis, source, name)
        if not analysis.is_data(source) and not learned:
            continue
        below = source
        while analysis.op(below) in {"reshape", "cast"} and analysis.single_user(below):
            below = analysis.inputs(below)[0]
        alone = analysis.op(below) == "add" and analysis.single_user(below) and below not in whole
        if alone and analysis[below].size == analysis[name].size:
            terms.extend(terms_of(analysis, below, whole))
        else:
            terms.append(source)
    return terms


def fills(analysis: Analysis, term: str, name: str) -> bool:
    """Whether a term is as large as a sum, or a learned state that is one for all entries or all tokens."""
    if analysis[term].size == analysis[name].size:
        return True
    small, large = analysis[term].shape, analysis[name].shape
    return analysis.cls[term] == PARAM and len(small) > 1 and len(large) > 2 and small[-1:] == large[-1:]


def inner_sums(analysis: Analysis, name: str, terms: list[str]) -> set[str]:
    """The nodes between a sum and its terms: nested sums and their views."""
    found: set[str] = set()
    stack = [name]
    while stack:
        for source in analysis.data(stack.pop()):
            if source not in terms and source not in found:
                found.add(source)
                stack.append(source)
    return found


def is_inner(analysis: Analysis, name: str, known: Mapping[str, Sum]) -> bool:
    """Whether a sum is only a term of a larger sum of hidden states.

    It is a sum of its own where what the larger one adds is a state of the stream (two streams joined, a skip) or a
    condition that nothing of the sum leads to, and where it continues a state that its other term does not know.
    """
    reader = name
    user = analysis.single_user(name)
    while user is not None and analysis.op(user) in {"reshape", "cast"}:
        reader, user = user, analysis.single_user(user)
    if user is None or analysis.op(user) != "add" or len(analysis.data(user)) != 2:
        return False
    if analysis[user].size != analysis[name].size:
        return False
    [other] = [s for s in analysis.data(user) if s != reader] or [reader]
    if analysis.strip(other) in known or _is_staggered(analysis, name, known):
        return False
    return any(analysis.reaches(analysis.strip(term), other) for term in analysis.data(name))


def _is_staggered(analysis: Analysis, name: str, known: Mapping[str, Sum]) -> bool:
    terms = analysis.data(name)
    for term, other in (terms, terms[::-1]) if len(terms) == 2 else ():
        last = known.get(analysis.strip(term))
        if last is not None and not analysis.reaches(last.node, other) and analysis.reaches(last.root, other):
            return True
    return False


def stream_pieces(analysis: Analysis, name: str) -> set[str]:
    """The hidden states that a hidden state is put together from by moves alone."""
    return pieces_of(analysis, name)[0]


def pieces_of(analysis: Analysis, name: str) -> tuple[set[str], set[str]]:
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
