"""What each stack reads: the streams that it continues, and the layers that its cross-attention takes keys from."""

from __future__ import annotations

from irgen.match.analysis import NORMS, Analysis
from irgen.match.pattern import Finding, Pattern
from irgen.patterns.layers import Sublayer
from irgen.patterns.runs import Run


def connect(analysis: Analysis, runs: list[Run]) -> None:
    """Find for each run what it reads and what its cross-attention takes keys from."""
    marks = [n for run in runs for n in run.nodes]
    asked = any(f.memory is not None for run in runs for s in run.sublayers for f, _ in s.found)
    bits = analysis.milestones(marks) if asked else dict[str, int]()
    owner = {n: run for run in runs for n in run.nodes}
    for run in runs:
        run.reads = list({id(owner[n]): owner[n] for n in run.entry.sums}.values())
        run.codes = list({id(owner[n]): owner[n] for n in run.entry.codes}.values())
        own = set(run.nodes)
        for s in run.sublayers:
            sources: dict[int, str] = {}
            for finding, _ in s.found:
                if finding.memory is None:
                    continue
                behind = [n for i, n in enumerate(marks) if bits[finding.memory] >> i & 1 and n not in own]
                last = max(behind, key=analysis.place.__getitem__, default=None)
                memory = owner[last] if last is not None else _starting_at(analysis, finding.memory, runs)
                if last is not None:
                    run.memory_sums.add(last)
                    sources[id(finding)] = last
                finding.facts["memory"] = memory
                if memory is not None and memory is not run and memory not in run.memories:
                    run.memories.append(memory)
            _mesh(s, sources)


def _starting_at(analysis: Analysis, memory: str, runs: list[Run]) -> Run | None:
    """The run whose stream begins with a memory, before any of its layers."""
    heads = {run.first.sum.root: run for run in runs}
    behind = analysis.walk(memory, lambda node: node.op in NORMS or node.op == "linear")
    return next((heads[n] for n in behind if n in heads), None)


def _mesh(s: Sublayer, sources: dict[int, str]) -> None:
    """Make one finding of those of one sum that read several layers of one stack alike.

    `sources` gives the sum that each finding reads; `memory_layers` will tell the layers, counted in that stack
    (Cornia et al. 2020, section 3.2).
    """
    kept: dict[str, tuple[Finding, Pattern]] = {}
    levels: dict[str, list[int]] = {}
    for finding, pattern in s.found:
        memory = finding.facts.get("memory")
        read = sources.get(id(finding))
        if read is None or not isinstance(memory, Run):
            kept[str(id(finding))] = (finding, pattern)
            continue
        layer = next(i for i, layer in enumerate(memory.layers) if any(one.sum.node == read for one in layer))
        key = repr((id(memory), {k: v for k, v in finding.facts.items() if k != "memory"}))
        if key not in kept:
            kept[key] = (finding, pattern)
            levels[key] = [layer]
            continue
        kept[key][0].nodes |= finding.nodes
        levels[key].append(layer)
    for key, found in levels.items():
        if len(set(found)) > 1:
            kept[key][0].facts["memory_layers"] = sorted(set(found))
    s.found = list(kept.values())
