"""The tree of labelled regions: model, stack, layer, sublayer, and what stands before and behind them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from irgen.ir.architecture import Evidence, Region
from irgen.match.analysis import ACTIVATIONS, Analysis
from irgen.patterns.layers import Sublayer
from irgen.patterns.runs import Run


def build_regions(analysis: Analysis, runs: list[Run], head: set[str]) -> list[Region]:
    """Regions that nest or are disjoint; a node belongs to the first region that claims it."""
    taken: set[str] = set()

    def own(nodes: Iterable[str]) -> tuple[str, ...]:
        mine = sorted({n for n in nodes if n not in taken}, key=analysis.place.__getitem__)
        taken.update(mine)
        return tuple(mine)

    stacks: list[Region] = []
    for run in runs:
        layers: list[Region] = []
        for index, layer in enumerate(run.layers):
            children = [region for s in layer for region in _sublayer(analysis, run, index, s, own)]
            nodes = tuple(n for child in children for n in child.nodes)
            layers.append(Region(f"{run.name}.{index}", "layer", nodes, children=children))
        nodes = tuple(n for layer in layers for n in layer.nodes)
        evidence = [Evidence("stack", f"{len(layers)} layers on one residual stream of width {run.width}")]
        stacks.append(
            Region(
                run.name,
                run.role,
                nodes,
                facts={"width": run.width, "layers": len(layers)},
                evidence=evidence,
                children=layers,
            )
        )
    entries: list[Region] = []
    for run in runs:
        for name, embedding in run.entry.embeddings.items():
            nodes = own([name])
            if nodes:
                facts = {"kind": embedding.kind, "size": embedding.size, "width": embedding.width}
                check = (
                    f"a table or projection of {embedding.size} × {embedding.width}, named by the values of its index"
                )
                entries.append(
                    Region(
                        f"{run.name}.embedding{len(entries)}",
                        "embedding",
                        nodes,
                        facts=facts,
                        evidence=[Evidence("embedding", check, nodes)],
                    )
                )
                embedding.region = entries[-1].id
        nodes = own(n for n in run.entry.nodes if analysis.is_data(n))
        if nodes:
            entries.append(Region(f"{run.name}.entry", "entry", nodes))
    regions = [*entries, *stacks]
    nodes = own(n for n in head)
    if nodes:
        regions.append(Region("head", "head", nodes))
    return regions


def _sublayer(
    analysis: Analysis, run: Run, index: int, s: Sublayer, own: Callable[[Iterable[str]], tuple[str, ...]]
) -> list[Region]:
    """The regions of one residual sum: one for each finding, the norms, and the unknown rest with the sum."""
    regions: list[Region] = []
    base = f"{run.name}.{index}"
    for finding, _ in s.found:
        nodes = own(n for n in finding.nodes if n not in s.norms)
        if nodes:
            regions.append(
                Region(
                    _unique(base, finding.label, regions, s),
                    finding.label,
                    nodes,
                    dict(finding.ports),
                    dict(finding.facts),
                    list(finding.evidence),
                )
            )
    for name in s.norms:
        nodes = own([name])
        if nodes:
            regions.append(
                Region(
                    f"{base}.{s.sum.node}.norm{len(regions)}",
                    "norm",
                    nodes,
                    facts={"norm": s.norm},
                    evidence=[Evidence("norm", f"compared with {s.norm} on probe vectors", nodes)],
                )
            )
    behind = {u for u in analysis.users[s.sum.node] if analysis.op(u) in ACTIVATIONS}
    left = own({n for n in s.sum.region if analysis.is_data(n)} | {s.sum.node} | behind)
    if s.found:
        regions.append(
            Region(
                f"{base}.{s.sum.node}.residual",
                "residual",
                left,
                {"x": s.sum.root, "out": s.sum.node},
                evidence=[
                    Evidence(
                        "residual",
                        "one operand of the sum is an earlier state from which the others were computed",
                        (s.sum.node,),
                    )
                ],
            )
        )
    else:
        regions.append(
            Region(
                f"{base}.{s.sum.node}.unknown",
                "unknown",
                left,
                {"x": s.sum.root, "out": s.sum.node},
                {"ops": s.ops},
                rejected=list(s.rejected),
            )
        )
    return regions


def _unique(base: str, label: str, regions: list[Region], s: Sublayer) -> str:
    taken = {r.id for r in regions}
    name = f"{base}.{label}"
    return name if name not in taken else f"{base}.{s.sum.node}.{label}"
