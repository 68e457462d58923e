"""Stacks: runs of layers on one stream, what feeds them, their roles, and the links between them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from irgen.ir.architecture import Block, Link, Part, Stack
from irgen.match.analysis import Analysis
from irgen.patterns.branching import joins_channels, skipped
from irgen.patterns.entry import Entry, entry
from irgen.patterns.head import fold_feed_forwards
from irgen.patterns.layers import Sublayer, into_blocks, into_layers
from irgen.patterns.parameters import weights_of

_CONVOLUTIONAL = frozenset({"convolution", "unknown", "pooling"})


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


def assign_roles(analysis: Analysis, runs: list[Run]) -> None:
    """Give each run its role from dataflow, and a name that is unique."""
    feeds: set[int] = {id(m) for run in runs for m in run.memories}
    for run in runs:
        run.role = _role(analysis, run, runs, feeds)


def assign_names(runs: list[Run]) -> None:
    """Give each run a name that is unique: its role, numbered where several have it."""
    counts: dict[str, int] = {}
    total = {run.role: sum(r.role == run.role for r in runs) for run in runs}
    for run in runs:
        counts[run.role] = counts.get(run.role, 0) + 1
        run.name = run.role if total[run.role] == 1 else f"{run.role}{counts[run.role]}"
    known = [f.facts for run in runs for s in run.sublayers for f, _ in s.found]
    known += [part.facts for run in runs for parts in run.parts.values() for part in parts]
    for facts in known:
        memory = facts.get("memory")
        if isinstance(memory, Run):
            facts["memory"] = memory.name


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


def _role(analysis: Analysis, run: Run, runs: list[Run], feeds: set[int]) -> str:
    kinds = {f.label for s in run.sublayers for f, _ in s.found}
    causal = _is_causal(run)
    crosses = "cross-attention" in kinds
    if crosses and not analysis.live(run.first.sum.root) and not causal:
        reads_query = "self-attention" in kinds or len(run.memory_sums) > 1
        return "decoder" if reads_query else "resampler"
    if id(run) in feeds and not crosses:
        return "encoder"
    if any(run in m.memories for m in run.memories):
        return "tower"
    if causal or crosses or kinds & {"selective-scan", "linear-recurrence"}:
        return "decoder"
    attending = [r for r in runs if "self-attention" in _kinds(r)]
    behind = _behind(run)
    if kinds <= _CONVOLUTIONAL and any(r in behind for r in attending):
        return "stage" if any(_kinds(r) <= _CONVOLUTIONAL for r in behind) else "head"
    if kinds <= {"convolution", "rnn", "unknown"} and attending and not any(run in _behind(r) for r in attending):
        return "codec"
    neighbours = [r for r in runs if r is not run and (_follows(r, run) or _follows(run, r))]
    if any(_resized(run, other) for other in neighbours) or kinds <= {"convolution", "unknown", "pooling"}:
        return "stage"
    return "encoder"


def _is_causal(run: Run) -> bool:
    """Whether some self-attention of a run lets no token see a later one."""
    return any(f.causal for s in run.sublayers for f, _ in s.found if f.label == "self-attention")


def _kinds(run: Run) -> set[str]:
    return {f.label for s in run.sublayers for f, _ in s.found}


def _behind(run: Run) -> list[Run]:
    """All runs that a run reads, directly or through others."""
    found: list[Run] = []
    stack = list(run.reads)
    while stack:
        other = stack.pop()
        if other not in found and other is not run:
            found.append(other)
            stack.extend(other.reads)
    return found


def _follows(later: Run, run: Run) -> bool:
    """Whether a run continues another one and nothing else, without being causal."""
    given = {e.kind for e in later.entry.embeddings.values()} - {"learned-position", "sinusoidal-position"}
    fewer = later.first.sum.tokens < run.first.sum.tokens or _kinds(later) == {"convolution"}
    return later.reads == [run] and not given and not later.entry.inputs and fewer and not _is_causal(later)


def _resized(run: Run, other: Run) -> bool:
    a, b = run.first.sum, other.first.sum
    return (a.width != b.width or a.tokens != b.tokens) and {f.label for s in run.sublayers for f, _ in s.found} >= (
        {f.label for s in other.sublayers for f, _ in s.found} & {"self-attention", "convolution"}
    )


def to_stack(analysis: Analysis, run: Run) -> Stack:
    """The stack of the record, from a run whose parts, role and name are known."""
    blocks: list[Block] = into_blocks(run.layers, run.parts)
    for block in blocks:
        layer = run.layers[block.at[0]]
        held = {n for s in layer for n in (*s.sum.region, *s.norms, *(m for f, _ in s.found for m in f.nodes))}
        block.parameters = sum(weights_of(analysis, held).values())
    weights = weights_of(analysis, run.region)
    return Stack(
        name=run.name,
        role=run.role,
        width=run.width,
        blocks=blocks,
        before=[p for _, p in fold_feed_forwards(analysis, run.entry.nodes, run.entry.parts)],
        shared=_shares(analysis, run),
        parameters=sum(weights.values()),
        positions=_positions(analysis, run),
        latents=_latents(analysis, run),
    )


def _positions(analysis: Analysis, run: Run) -> tuple[int | str, ...]:
    """Sizes of the stream between batch and features."""
    s = run.first.sum
    dims = analysis[s.node].tensor.dims if s.residual else s.shape
    return tuple(d for i, d in enumerate(dims) if 0 < i != s.axis % len(dims))


def _latents(analysis: Analysis, run: Run) -> int | None:
    """Learned states at the start of a stream that no input feeds."""
    root = run.first.sum.root
    if run.entry.sums or run.entry.embeddings or run.entry.inputs or analysis.live(root):
        return None
    learned = [
        n for n in analysis.back(root, 0) if analysis.op(n) == "param" and analysis[n].shape[-1:] == (run.width,)
    ]
    rows = max((analysis[n].size // run.width for n in learned), default=0)
    return rows if rows > 1 else None


def _shares(analysis: Analysis, run: Run) -> bool:
    """Whether the layers read the same weights."""
    if len(run.layers) < 2:
        return False
    first, second = (weights_of(analysis, {n for s in layer for n in s.sum.region}) for layer in run.layers[:2])
    matrices = {n for n in first if len(analysis[n].shape) >= 2}
    return bool(matrices) and matrices <= set(second)


def find_skips(analysis: Analysis, runs: list[Run]) -> list[Link]:
    """Links over the lower levels of a U: a stage put beside a far later one. They are no succession."""
    links: list[Link] = []
    for joint in (n for n in analysis.order if joins_channels(analysis, n)):
        place = analysis.place[joint]
        for operand in sorted(skipped(analysis, joint), key=analysis.place.__getitem__):
            sources = [r for r in runs if any(analysis.reaches(n, operand) for n in r.nodes) or operand in r.region]
            targets = [
                r for r in runs if any(analysis.place[n] > place and analysis.reaches(joint, n) for n in r.nodes)
            ]
            if not sources or not targets:
                continue
            source = max(sources, key=lambda r: min(analysis.place[n] for n in r.nodes))
            target = min(targets, key=lambda r: min(analysis.place[n] for n in r.nodes if analysis.place[n] > place))
            link = Link(source.name, target.name, "skip")
            if source is not target and link not in links:
                links.append(link)
                target.reads = [r for r in target.reads if r is not source] or target.reads
    return links


def links_of(analysis: Analysis, runs: list[Run]) -> list[Link]:
    """Cross-attention and fusion links between runs, and the states that recurrent layers hand on."""
    links: list[Link] = []
    for run in runs:
        for memory in run.memories:
            links.append(Link(memory.name, run.name, "cross-attention"))
        links += [Link(source.name, run.name, "state") for source in _states(analysis, run, runs)]
        if len(run.reads) > 1 or (run.reads and run.entry.joins and (run.entry.embeddings or run.entry.inputs)):
            for source in run.reads:
                links.append(Link(source.name, run.name, _fusion(analysis, run)))
    return links


def _states(analysis: Analysis, run: Run, runs: list[Run]) -> list[Run]:
    """The runs in whose last state a recurrent layer of a run starts (Sutskever et al. 2014, section 2)."""
    found: dict[int, Run] = {}
    for s in run.sublayers:
        node = analysis[s.sum.node]
        states = node.attrs.get("states", 0) if node.op == "rnn" else 0
        given = [n for n in node.inputs[len(node.inputs) - int(str(states)) :] if n] if states else []
        behind = [
            (analysis.place[n], other)
            for other in runs if other is not run
            for n in other.nodes if any(analysis.reaches(n, state) for state in given)
        ]  # fmt: skip
        if behind:
            last = max(behind, key=lambda pair: pair[0])[1]
            found[id(last)] = last
    return list(found.values())


def _fusion(analysis: Analysis, run: Run) -> str:
    """How several streams become one: scattered among its tokens, put beside them, or added."""
    joins = {analysis.op(n) for n in run.entry.joins}
    if joins & {"masked_scatter", "scatter_nd", "where"}:
        return "interleave"
    return "fusion-concat" if joins else "fusion-add"


def hand_back(analysis: Analysis, runs: list[Run], stacks: list[Stack]) -> None:
    """Parts that stand between the only stack that a run reads and the join of its streams belong to that stack."""
    for run, stack in zip(runs, stacks, strict=True):
        if len(run.reads) != 1 or not run.entry.joins or not (run.entry.embeddings or run.entry.inputs):
            continue
        first = min(run.entry.joins, key=analysis.place.__getitem__)
        fed = analysis.back(first, analysis.place[run.entry.sums[-1]]) if run.entry.sums else set[str]()
        ahead = {n for n, _ in run.entry.parts if n in fed and analysis.reaches(run.entry.sums[-1], n)}
        if not ahead:
            continue
        source = stacks[runs.index(run.reads[0])]
        parts = [(n, p) for n, p in run.entry.parts if n in ahead]
        source.after = [*source.after, *(p for _, p in fold_feed_forwards(analysis, ahead | fed, parts))]
        left = [(n, p) for n, p in run.entry.parts if n not in ahead]
        stack.before = [p for _, p in fold_feed_forwards(analysis, run.entry.nodes - ahead, left)]


def give_codes(runs: list[Run], stacks: list[Stack]) -> None:
    """The quantiser of codes that a run reads from another one belongs to that one, where it is a codec."""
    for run, stack in zip(runs, stacks, strict=True):
        if not run.codes:
            continue
        quantisers = [replace(part, facts={"width": None}) for part in stack.before if part.kind == "quantizer"]
        stack.before = [part for part in stack.before if part.kind != "quantizer"]
        source = run.codes[0]
        if source.role == "codec" and source in runs:
            stacks[runs.index(source)].after.extend(quantisers)


def pyramid_links(analysis: Analysis, runs: list[Run], outputs: list[str]) -> list[Link]:
    """Links from the stages of a pyramid to a head that reads more than one of them.

    Outputs that are no maps (classes told on the side, states) are no pyramid together, only where one reads several.
    """
    maps = [n for n in outputs if len(analysis[n].shape) > 3]
    found: list[Link] = []
    for read in (maps, *([n] for n in outputs if n not in maps)):
        found.extend(link for link in _pyramid(analysis, runs, read) if link not in found)
    return found


def _pyramid(analysis: Analysis, runs: list[Run], outputs: list[str]) -> list[Link]:
    """Links from the stages that outputs read, where these are stages of one succession and more than one."""
    marked = {n: run for run in runs for n in run.nodes}
    seen: set[str] = set()
    reads: set[str] = set()
    stack = list(outputs)
    while stack:
        name = stack.pop()
        if name in marked:
            reads.add(name)
        elif name not in seen and analysis.is_data(name):
            seen.add(name)
            stack.extend(analysis.data(name))
    stages = {id(marked[n]): marked[n] for n in reads if marked[n].role == "stage"}
    last = max(stages.values(), key=lambda run: analysis.place[run.nodes[-1]], default=None)
    stages = {key: run for key, run in stages.items() if run is last or (last and run in _behind(last))}
    if len(stages) < 2:
        return []
    return [Link(run.name, "head", "feature-pyramid") for run in runs if id(run) in stages]
