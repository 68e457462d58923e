"""The parts between the last layer of a stack and whatever reads it: other stacks, outputs of its own, the head."""

from __future__ import annotations

from irgen.ir.architecture import Head, Part, Stack
from irgen.match.analysis import Analysis
from irgen.patterns.auxiliary import goes_on
from irgen.patterns.decoding import find_dequantizer
from irgen.patterns.head import behind_last_sum, parts_of
from irgen.patterns.runs import Run


def decode(analysis: Analysis, head: Head, nodes: set[str]) -> set[str]:
    """Let a head that is followed by a way from tokens back to values have it as its last part; its nodes."""
    values = find_dequantizer(analysis, nodes)
    if values is None:
        return set()
    head.parts.append(values[0])
    return values[1]


def memory_exits(analysis: Analysis, runs: list[Run], stacks: list[Stack]) -> set[str]:
    """Give stacks that others read as memory the parts between their last layer and the readers' projections."""
    marked = {n for run in runs for n in run.nodes}
    held: set[str] = set()
    for run, stack in zip(runs, stacks, strict=True):
        if stack.after:
            continue
        for s in (s for other in runs if run in other.memories for s in other.sublayers):
            nodes = {
                n for f, _ in s.found if f.memory for n in _behind_memory(analysis, f.memory, f.nodes, marked, run)
            }
            if nodes:
                parts = [p for _, p in parts_of(analysis, nodes)]
                stack.after = own_parts(run, parts)
                held |= nodes
                break
    return held


def output_exits(analysis: Analysis, runs: list[Run], stacks: list[Stack], stem: str) -> set[str]:
    """Give stacks that lead to an output of their own, beside that of the head (behind `stem`), the parts up to it."""
    owner = {n: at for at, run in enumerate(runs) for n in run.nodes}
    held: set[str] = set()
    for output in analysis.graph.outputs:
        nodes, reads = behind_last_sum(analysis, output, set(owner)) if analysis[output].is_float else (held, held)
        ends = {owner[n] for n in reads}
        if len(ends) != 1 or stacks[at := ends.pop()].after or stem in runs[at].nodes:
            continue
        if any(goes_on(runs[at], runs, n) for n in reads):
            continue
        parts = [p for _, p in parts_of(analysis, nodes, folded=False)]  # the last projection stays a head
        stacks[at].after = own_parts(runs[at], parts)
        held |= nodes
    return held


def _behind_memory(analysis: Analysis, memory: str, own: set[str], marked: set[str], run: Run) -> set[str]:
    """The nodes from a stack's last sum to the projections of a cross-attention that reads it."""
    nodes, reads = behind_last_sum(analysis, memory, marked)
    return nodes - own if reads & set(run.nodes) else set()


def own_parts(run: Run, parts: list[Part]) -> list[Part]:
    """The parts behind a stack without the norm that belongs to its last layer."""
    ends_in_norm = run.sublayers[-1].form == "post-norm"
    return parts[1:] if ends_in_norm and parts and parts[0].kind == "norm" else parts
