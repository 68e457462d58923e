"""Dataflow between stacks other than plain succession, and the parts that stand on it."""

from __future__ import annotations

from dataclasses import replace

from irgen.ir.architecture import Link, Stack
from irgen.match.analysis import Analysis
from irgen.patterns.branching import joins_channels, skipped
from irgen.patterns.head import fold_feed_forwards
from irgen.patterns.runs import Run


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
    stages = {key: run for key, run in stages.items() if run is last or (last and run in last.behind)}
    if len(stages) < 2:
        return []
    return [Link(run.name, "head", "feature-pyramid") for run in runs if id(run) in stages]
