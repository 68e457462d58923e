"""Runs: layers on one stream in the making, from chains of sums that continue one another."""

from __future__ import annotations

from dataclasses import dataclass, field

from irgen.ir.architecture import Part
from irgen.match.analysis import Analysis
from irgen.patterns.entry import Entry, entry
from irgen.patterns.layers import Sublayer, into_layers


@dataclass(slots=True)
class Run:
    """A stack in the making: its sublayers in order, its layers, and what stands in front of it."""

    sublayers: list[Sublayer]
    layers: list[list[Sublayer]]
    entry: Entry
    parts: dict[str, list[Part]] = field(default_factory=dict[str, list[Part]])
    reads: list[Run] = field(default_factory=list["Run"])
    memories: list[Run] = field(default_factory=list["Run"])
    memory_sums: set[str] = field(default_factory=set[str])
    """The sums whose results the cross-attention of its layers reads."""
    codes: list[Run] = field(default_factory=list["Run"])
    """Runs that are read as quantised codes."""
    role: str = ""
    name: str = ""

    @property
    def first(self) -> Sublayer:
        """The first sublayer."""
        return self.sublayers[0]

    @property
    def width(self) -> int:
        """Features of the stream, behind its last layer where they grow from layer to layer without a residual."""
        return (self.first if self.first.sum.residual else self.sublayers[-1]).sum.width

    @property
    def nodes(self) -> list[str]:
        """The residual sums."""
        return [s.sum.node for s in self.sublayers]

    @property
    def region(self) -> set[str]:
        """All nodes of all layers."""
        found: set[str] = set()
        for s in self.sublayers:
            found |= s.sum.region | {s.sum.node}
        return found

    @property
    def behind(self) -> list[Run]:
        """All runs that it reads, directly or through others."""
        found: list[Run] = []
        stack = list(self.reads)
        while stack:
            other = stack.pop()
            if other not in found and other is not self:
                found.append(other)
                stack.extend(other.reads)
        return found


def build_runs(analysis: Analysis, sublayers: list[Sublayer]) -> list[Run]:
    """Chains of sums that continue one another, joined over transitions that change nothing."""
    chains = [_without_stem(chain) for chain in _chains(sublayers)]
    chains = [chain for chain in chains if not _is_detail(analysis, chain, chains)]
    sublayers = [s for chain in chains for s in chain]
    sums = frozenset(s.sum.node for s in sublayers)
    owner: dict[str, list[Sublayer]] = {}
    runs: list[Run] = []
    for chain in chains:
        before = entry(analysis, chain[0].sum.root, sums, chain[0].sum.width)
        source = (
            owner.get(before.sums[-1])
            if len(before.sums) == 1 and not before.embeddings and not before.inputs
            else None
        )
        if source is not None and _continues(source, chain, before):
            source.extend(chain)
            owner.update({s.sum.node: source for s in chain})
            continue
        runs.append(Run(chain, [], before))
        owner.update({s.sum.node: chain for s in chain})
    for run in runs:
        run.layers = into_layers(run.sublayers)
    return sorted(runs, key=lambda run: analysis.place[run.nodes[-1]])


def _continues(source: list[Sublayer], chain: list[Sublayer], before: Entry) -> bool:
    """Whether a chain goes on where another ended: same width, same tokens, nothing learned between but norms."""
    last, first = source[-1].sum, chain[0].sum
    return (
        before.sums == [last.node]
        and last.width == first.width
        and last.tokens == first.tokens
        and all(part.kind == "norm" for _, part in before.parts)
        and not before.joins
    )


def _is_detail(analysis: Analysis, chain: list[Sublayer], chains: list[list[Sublayer]]) -> bool:
    """Whether a sum is no layer of its own.

    It is none where it is a convolution that gives positions to a stack of another kind behind it, a channel part
    behind a pool of all tokens, or one beside a projected skip that leads into or out of layers with mixers.
    """
    if len(chain) > 1 or len(chains) == 1:
        return False
    only = chain[0]
    others = [c for c in chains if c is not chain]
    if only.kinds == ("convolution",):
        same = [c for c in others if c[0].sum.width == only.sum.width and c[0].sum.tokens == only.sum.tokens]
        return any(len(c) > 1 and not any("convolution" in s.kinds for s in c) for c in same)
    if only.sum.projected and not only.mixes:
        return any(s.mixes for c in others for s in c)
    alone = only.sum.tokens == analysis[only.sum.node].shape[0]
    return alone and not only.mixes and any(c[0].sum.tokens > only.sum.tokens for c in others)


def _without_stem(chain: list[Sublayer]) -> list[Sublayer]:
    """A chain without what leads into its layers.

    That is a single convolution in front of layers that have none (a convolutional position embedding), or a channel
    part beside a projected skip in front of layers with mixers.
    """
    first = chain[0].kinds
    if chain[0].sum.projected and not chain[0].mixes and any(s.mixes for s in chain[1:]):
        return chain[1:]
    if first == ("convolution",) and len(chain) > 2 and not any("convolution" in s.kinds for s in chain[1:]):
        return chain[1:]
    return chain


def _chains(sublayers: list[Sublayer]) -> list[list[Sublayer]]:
    """Sums grouped by the sum that they continue."""
    chains: list[list[Sublayer]] = []
    tail: dict[str, list[Sublayer]] = {}
    for s in sublayers:
        chain: list[Sublayer] | None = tail.pop(s.sum.before, None) if s.sum.before else None
        if chain is None:
            chain = list[Sublayer]()
            chains.append(chain)
        chain.append(s)
        tail[s.sum.node] = chain
    return chains


def merge_codecs(runs: list[Run]) -> list[Run]:
    """The stages of a codec as one run: each stage is a layer, the convolution that leads to it included."""
    merged: dict[int, Run] = {}
    kept: list[Run] = []
    for run in runs:
        before = run.reads[0] if len(run.reads) == 1 else None
        before = merged.get(id(before), before)
        leading = [part for _, part in run.entry.parts if part.kind == "convolution"]
        if run.role == "codec" and before is not None and before.role == "codec":
            first = run.layers[0][0].sum.node
            run.parts[first] = [*leading, *run.parts[first]]
            before.parts.update(run.parts)
            before.sublayers.extend(run.sublayers)
            before.entry.nodes |= run.entry.nodes
            before.layers.append([s for layer in run.layers for s in layer])
            merged[id(run)] = before
        else:
            kept.append(run)
    for run in kept:
        run.reads = list({id(r): r for r in (merged.get(id(r), r) for r in run.reads)}.values())
        run.codes = list({id(r): r for r in (merged.get(id(r), r) for r in run.codes)}.values())
    return kept
