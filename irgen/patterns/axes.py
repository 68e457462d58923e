"""Along which axis the features of a stream run: one axis for all sums of one stream.

A branch that mixes tokens by contractions (Tolstikhin et al. 2021, MLP-Mixer, equation 1) gives features that run along
the tokens; the norms of the stream, or else most of its branches, say which axis is which.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from irgen.ir.attrs import integers
from irgen.match.analysis import ACTIVATIONS, NORMS, Analysis
from irgen.patterns.sums import Sum

_CHANNELS_FIRST = frozenset({"batch_norm", "group_norm", "response_norm"})


def settle(analysis: Analysis, sums: list[Sum]) -> None:
    """Give the sums of one stream one axis where their branches disagree."""
    by_node = {s.node: s for s in sums}
    stream: dict[str, list[Sum]] = {}
    for s in sums:
        before = _continued(analysis, s, by_node)
        same = before is not None and analysis[before.node].shape == analysis[s.node].shape
        members = stream[before.node] if before is not None and same else list[Sum]()
        members.append(s)
        stream[s.node] = members
    for members in {id(m): m for m in stream.values()}.values():
        if len({s.axis for s in members}) > 1:
            axis = _voted(analysis, members)
            for s in members:
                s.axis = axis


def _continued(analysis: Analysis, s: Sum, by_node: Mapping[str, Sum]) -> Sum | None:
    """The sum that a sum carries on, through norms, activations and arithmetic."""
    name = s.root
    while name not in by_node:
        below = analysis.step(name)
        if below is None and analysis.op(name) in NORMS | ACTIVATIONS:
            below = analysis.main_input(name)
        if below is None:
            return None
        name = below
    return by_node[name]


def _voted(analysis: Analysis, members: list[Sum]) -> int:
    rank = len(analysis[members[0].node].shape)
    normed: Counter[int] = Counter()
    for s in members:
        for user in analysis.users[s.root]:
            axes = _axes(analysis, user)
            if user in s.region and len(axes) == 1 and len(analysis[user].shape) == rank:
                normed[axes[0]] += 1
    votes = normed or Counter(s.axis for s in members)
    most = max(votes.values())
    return max(axis for axis, count in votes.items() if count == most)


def _axes(analysis: Analysis, name: str) -> tuple[int, ...]:
    node = analysis[name]
    if node.op in _CHANNELS_FIRST:
        return (1,)
    return integers(node, "axes") if node.op in NORMS else ()
