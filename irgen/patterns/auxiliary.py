"""Heads on the side: what reads a stack that goes on, and leads to an output of its own.

Szegedy et al. 2014, section 5: classifiers in the middle of a network help the gradient while training.
"""

from __future__ import annotations

from irgen.ir.architecture import Evidence, Head, Region
from irgen.match.analysis import Analysis
from irgen.patterns.head import behind_last_sum, find_head
from irgen.patterns.runs import Run

_MAPS = 4
"""Outputs of this rank are maps; several of them are the scales of a pyramid."""


def goes_on(run: Run, runs: list[Run], mark: str) -> bool:
    """Whether a stack has layers behind one of its sums, or other stacks that read it."""
    return mark != run.nodes[-1] or any(run in other.reads for other in runs)


def find_auxiliary(analysis: Analysis, runs: list[Run], stem: str, tables: set[str]) -> list[tuple[Head, set[str]]]:
    """The heads beside the one that reads `stem`, each with its nodes."""
    owner = {n: run for run in runs for n in run.nodes}
    fed = set[str]().union(*(run.entry.nodes for run in runs)) if runs else set[str]()
    found: list[tuple[Head, set[str]]] = []
    for output in analysis.graph.outputs:
        if not analysis[output].is_float or not 0 < len(analysis[output].shape) < _MAPS:
            continue
        _, reads = behind_last_sum(analysis, output, set(owner))
        if len(reads) != 1 or stem in reads:
            continue
        (mark,) = reads
        head, _, nodes, _ = find_head(analysis, list(owner), tables, [output])
        if head.width is not None and goes_on(owner[mark], runs, mark) and not nodes & fed:
            head.reads = owner[mark].name
            found.append((head, nodes))
    return found


def regions_of(found: list[tuple[Head, set[str]]], analysis: Analysis) -> list[Region]:
    """A region for each head on the side."""
    regions: list[Region] = []
    for number, (head, nodes) in enumerate(found, 1):
        ordered = tuple(sorted(nodes, key=analysis.place.__getitem__))
        check = f"leads from {head.reads}, which goes on, to an output of its own"
        evidence = [Evidence("auxiliary", check, ordered[-1:])]
        facts = {"kind": head.kind, "width": head.width}
        regions.append(Region(f"auxiliary{number}", "head", ordered, facts=facts, evidence=evidence))
    return regions
