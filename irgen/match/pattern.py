"""What a pattern is: a label, the proof that a branch of the residual stream is that, and what it must come after."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from irgen.ir.architecture import Evidence, Fact
from irgen.match.analysis import Analysis


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a pattern does not hold, in words that let a reader add the missing one."""

    reason: str


@dataclass(slots=True)
class Finding:
    """One labelled part of a branch: its facts, its own nodes, its ports by role and the evidence."""

    label: str
    facts: dict[str, Fact]
    nodes: set[str]
    ports: dict[str, str] = field(default_factory=dict[str, str])
    evidence: list[Evidence] = field(default_factory=list[Evidence])
    causal: bool = False
    """For attention: no token sees a later one."""
    memory: str | None = None
    """For cross-attention: the node from which the keys are projected."""
    heads: tuple[frozenset[tuple[str, int]], frozenset[tuple[str, int]]] | None = None
    """For attention: query and key heads by the contraction and the feature where each begins."""


@dataclass(slots=True)
class Branch:
    """What hangs between a hidden state `root` and the nodes `outs`: the candidates of one sublayer.

    `region` are the nodes between; `claimed` those that an earlier pattern has already explained. `marks` holds what
    passes over the whole graph have found (attention cores, routings …), by kind.
    """

    analysis: Analysis
    root: str | None
    outs: list[str]
    region: set[str]
    axis: int
    trunk: str | None = None
    """The operand of the sum by which the stream itself arrives."""
    marks: dict[str, list[object]] = field(default_factory=dict[str, list[object]])
    claimed: set[str] = field(default_factory=set[str])
    attentions: Mapping[str, object] = field(default_factory=dict[str, object])
    """The attention cores of the whole graph by their output."""
    found: list[Finding] = field(default_factory=list[Finding])
    """What earlier patterns have found."""

    @property
    def width(self) -> int:
        """Features of the stream."""
        return self.analysis[self.outs[0]].shape[self.axis]

    def free(self, *ops: str) -> list[str]:
        """The unclaimed nodes of the region with one of these operators, in order."""
        place = self.analysis.place
        found = [n for n in self.region if n not in self.claimed and self.analysis.op(n) in ops]
        return sorted(found, key=place.__getitem__)


Proof = Callable[[Branch], "list[Finding] | Refusal"]


@dataclass(frozen=True, slots=True)
class Pattern:
    """A rule that labels parts of a branch. `mixes` tells a mixer of tokens from a channel part."""

    label: str
    prove: Proof
    mixes: bool
    after: tuple[str, ...] = ()


def ordered(patterns: list[Pattern]) -> list[Pattern]:
    """Patterns in an order that respects `after`, otherwise by label."""
    done: list[Pattern] = []
    waiting = sorted(patterns, key=lambda p: p.label)
    names = {p.label for p in patterns}
    while waiting:
        placed = {p.label for p in done}
        ready = next(p for p in waiting if all(a in placed or a not in names for a in p.after))
        waiting.remove(ready)
        done.append(ready)
    return done


def classify(branch: Branch, patterns: list[Pattern]) -> tuple[list[tuple[Finding, Pattern]], list[tuple[str, str]]]:
    """All findings of a branch, each with its pattern, and the reasons of the patterns that said no."""
    found: list[tuple[Finding, Pattern]] = []
    rejected: list[tuple[str, str]] = []
    for pattern in patterns:
        answer = pattern.prove(branch)
        if isinstance(answer, Refusal):
            rejected.append((pattern.label, answer.reason))
            continue
        for finding in answer:
            branch.claimed |= finding.nodes
            branch.found.append(finding)
            found.append((finding, pattern))
    return found, rejected
