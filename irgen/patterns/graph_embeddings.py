"""Embeddings of graphs: node degrees beside the node features, distances and edges in the attention bias.

Ying et al. 2021 (Graphormer), section 3.1: centrality encoding (equation 5), spatial encoding (equation 6), edge
encoding (equation 7).
"""

from __future__ import annotations

from irgen.ir.architecture import Embedding
from irgen.match.analysis import Analysis
from irgen.patterns.cores import Core
from irgen.patterns.runs import Run


def name_graph_embeddings(analysis: Analysis, runs: list[Run], cores: list[Core]) -> None:
    """Rename lookups in runs whose attention has a graph bias, and add the tables of that bias."""
    for run in runs:
        found = [f for s in run.sublayers for f, _ in s.found if f.facts.get("position") == "graph-bias"]
        biased = {f.ports.get("out") for f in found}
        if not biased:
            continue
        for embedding in run.entry.embeddings.values():
            if embedding.kind in {"segment", "learned-position"}:
                embedding.kind = "graph-centrality"
        for core in cores:
            if core.out in biased:
                for term, _ in core.terms:
                    _add_tables(analysis, run, term)


def _add_tables(analysis: Analysis, run: Run, term: str) -> None:
    """The tables looked up in the cone of a bias: by one number for each pair (distance) or by several (edges)."""
    for name in sorted(analysis.back(term, 0), key=analysis.place.__getitem__):
        node = analysis[name]
        if node.op not in {"embedding", "gather"} or analysis.is_data(node.inputs[0]):
            continue
        given = [analysis[n] for n in analysis.back(node.inputs[-1], 0) if analysis.op(n) == "input"]
        pairs = [n for n in given if len(n.shape) >= 3]
        if pairs:
            kind = "graph-spatial" if min(len(n.shape) for n in pairs) == 3 else "graph-edge"
            table = analysis[node.inputs[0]].shape
            run.entry.embeddings.setdefault(name, Embedding(kind, table[0], node.shape[-1]))
