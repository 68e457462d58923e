"""Which sum a residual stream comes from: the way back from where it is carried."""

from __future__ import annotations

from itertools import pairwise

from irgen.match.analysis import ACTIVATIONS, NORMS, Analysis
from irgen.patterns.copies import mixing_of
from irgen.patterns.sums import Sum, pieces_of, terms_of


def previous(analysis: Analysis, s: Sum, by_node: dict[str, Sum]) -> str | None:
    """The sum whose result this one's stream continues.

    The way leads through norms, activations, views, the taking apart and putting together of tokens, the mixing of
    copies, and averages over earlier states.
    """
    name = s.root
    while name not in by_node or name == s.node:
        below = _behind(analysis, name, by_node)
        if below is None:
            return None
        name = below
    return name if by_node[name].width == s.width else None


def sum_before(analysis: Analysis, name: str, by_node: dict[str, Sum]) -> str | None:
    """The sum whose result a node is, views and scales apart."""
    at = analysis.strip(name)
    return at if at in by_node else None


def _behind(analysis: Analysis, name: str, by_node: dict[str, Sum]) -> str | None:
    """One step back along a stream."""
    below = analysis.step(name)
    if below is not None:
        return below
    node = analysis[name]
    if node.op in NORMS or node.op in ACTIVATIONS or node.op in {"pad", "slice"}:
        return analysis.main_input(name)
    if node.op in {"scatter_nd", "masked_scatter", "write"} and analysis.is_data(node.inputs[0]):
        return node.inputs[0]
    if node.op == "concat":
        pieces, _ = pieces_of(analysis, name)
        last = max(pieces, key=analysis.place.__getitem__, default=None)
        joined = last is not None and all(p == last or _is_part(analysis, p, last) for p in pieces)
        return last if joined else _joined_groups(analysis, pieces, by_node)
    averaged = _latest_state(analysis, name, by_node) if node.op == "add" else None
    if averaged is not None:
        return averaged
    mixing = mixing_of(analysis, name)
    return None if mixing is None else mixing.root


def _joined_groups(analysis: Analysis, pieces: set[str], by_node: dict[str, Sum]) -> str | None:
    """The last sum of a stream whose tokens went through sums of their own in groups, and are joined again.

    Tokens of two kinds with a feed-forward layer each (mixture of transformers, Liang et al. 2024, section 2), queries
    and text of a Q-Former. The groups' sums follow one another in the stream, those of the longest chain first.
    """
    ends = [_normed(analysis, piece, by_node) for piece in pieces]
    if len(set(ends)) < 2 or any(end not in by_node or not by_node[end].residual for end in ends):
        return None
    chains = [_chain_of(by_node[end], by_node) for end in sorted(ends, key=analysis.place.__getitem__)]
    common = set(chains[0]).intersection(*chains[1:])
    forks = {next((n for n in chain if n in common), None) for chain in chains}
    if len(forks) != 1 or forks == {None} or any(end in common for end in ends):
        return None
    [fork] = forks
    groups = [chain[: chain.index(fork)] for chain in chains if fork is not None]
    if not all(_takes_some(analysis, by_node[group[-1]].root) for group in groups):
        return None
    groups.sort(key=len, reverse=True)
    for before, after in pairwise(groups):
        by_node[after[-1]].before = before[0]
    return groups[-1][0]


def join_groups(analysis: Analysis, by_node: dict[str, Sum]) -> None:
    """Link the sums of groups of tokens that are joined behind the last layer, where no sum continues them."""
    for name in analysis.order:
        if analysis.op(name) == "concat" and analysis.is_data(name):
            pieces, _ = pieces_of(analysis, name)
            if len(pieces) > 1:
                _joined_groups(analysis, pieces, by_node)


def _takes_some(analysis: Analysis, name: str) -> bool:
    """Whether a state is some of the tokens of another one."""
    for at in analysis.walk(name, lambda node: node.op in NORMS):
        if analysis.op(at) in {"slice", "gather", "gather_nd", "gather_elements"}:
            return True
    return False


def _normed(analysis: Analysis, name: str, by_node: dict[str, Sum]) -> str:
    """What stands behind views, scales and norms, at most the first sum."""
    while name not in by_node:
        below = analysis.step(name) or (analysis.main_input(name) if analysis.op(name) in NORMS else None)
        if below is None:
            break
        name = below
    return name


def _chain_of(s: Sum, by_node: dict[str, Sum]) -> list[str]:
    """A sum and those that it continues, newest first."""
    chain = [s.node]
    while (before := by_node[chain[-1]].before) is not None and before not in chain:
        chain.append(before)
    return chain


def _is_part(analysis: Analysis, piece: str, later: str) -> bool:
    """Whether a piece is a learned token, or lies on the stream behind a later piece."""
    return not analysis.live(piece) or analysis.reaches(piece, later)


def _latest_state(analysis: Analysis, name: str, by_node: dict[str, Sum]) -> str | None:
    """The state of a stream that goes on in a scaled sum, or None if what is added makes it another stream.

    It goes on where the embeddings are let in again, where layers read an average over depth (DenseFormer, Pagliardini
    et al. 2024, equation 2), and where a condition is added that no layers made (a time step, positions once more).
    """
    states = [analysis.strip(term) for term in terms_of(analysis, name, by_node)]
    held = [state for state in states if state in by_node]
    if len(states) < 2 or not held:
        return None
    last = max(held, key=analysis.place.__getitem__)
    width = by_node[last].width
    others = [state for state in states if state != last]
    known = {r for s in by_node.values() if s.width == width for r in (s.node, s.root)}
    if all(other in known and analysis.reaches(other, last) for other in others):
        return last
    return last if all(_is_condition(analysis, other, last, by_node) for other in others) else None


def _is_condition(analysis: Analysis, name: str, last: str, by_node: dict[str, Sum]) -> bool:
    """Whether a term neither comes from a stream's newest state nor from layers of its own."""
    behind = analysis.back(name, 0)
    return last not in behind and not any(n in by_node and by_node[n].residual for n in behind)
